/// What the machine's caches keep.
#pragma once
#include <cstdint>

namespace chainrule {

/// From how many bytes on what is written goes past the caches: those that leave them
/// before they are read again. That is what all cores have for themselves on Intel's
/// servers, where a core writes to the last cache, which they share, no faster than to
/// memory; elsewhere what the last cache holds.
std::int64_t streamed_bytes();

}  // namespace chainrule
