// Kernels of random numbers. Keys are pairs of 32-bit words.
//
// random_bits_<type>, random_split: buffers are keys, out; the integer n, how many
// elements come from each key. The extent, keys * n, may be divided.
#include "kernels.h"
#include "threefry.h"

#include <algorithm>

namespace chainrule::kernels {
namespace {

using threefry::Key;

template <class Out> void streams(void** buffers, const Int* ints, Int begin, Int end) {
    const Key* keys = static_cast<const Key*>(buffers[0]);
    Out* out = static_cast<Out*>(buffers[1]);
    const Int n = ints[0];
    while (begin < end) {
        const Int key = begin / n, start = begin % n;
        const Int count = std::min(n - start, end - begin);
        threefry::fill_stream(keys[key].words[0], keys[key].words[1], u64(start),
                              u64(count), out + begin);
        begin += count;
    }
}

}  // namespace

void add_random_kernels(Names& names) {
    names["random_bits_u8"] = streams<u8>;
    names["random_bits_u16"] = streams<u16>;
    names["random_bits_u32"] = streams<u32>;
    names["random_bits_u64"] = streams<u64>;
    names["random_split"] = streams<Key>;
}

}  // namespace chainrule::kernels
