/// What the machine's caches keep.
#pragma once
#include <cstdint>

namespace chainrule {

/// From how many bytes on what is written goes past the caches: those that leave them
/// before they are read again. That is what all cores have for themselves on Intel's
/// servers, where a core writes to the last cache, which they share, no faster than to
/// memory; elsewhere what the last cache holds.
std::int64_t streamed_bytes();

/// Whether large results are better fetched before they are written than written past the
/// caches. So it is on Intel's servers with second caches of 1 MB: what a core may have
/// under way to memory at once bounds it there, and such stores stay under way longer.
bool fetches_to_write();

}  // namespace chainrule
