/// Random bits of Threefry-2x32: see threefry.cpp for the rules.
#pragma once
#include <cstdint>

namespace chainrule::threefry {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// A key among outputs: its words in order, not a number.
struct Key {
    u32 words[2];
};

/// The elements [start, start + count) of the stream of the key (k0, k1). `Out` is an
/// unsigned integer of 8 to 64 bits, for bits, or Key, for new keys.
template <typename Out>
void fill_stream(u32 k0, u32 k1, u64 start, u64 count, Out* out);

}  // namespace chainrule::threefry
