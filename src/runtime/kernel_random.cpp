// Kernels of random numbers. Keys are pairs of 32-bit words.
//
// random_bits_<type>, random_split: buffers are keys, out; the integer n, how many
// elements come from each key. The extent, keys * n, may be divided.
// random_fold_in: buffers are keys, data (u32), out; the integers say how far apart the
// keys and data of neighbouring results are, 0 or 1. The extent may be divided.
// random_seed: buffers are the upper words, the lower words, out. random_words: keys,
// or words, as they are. Their extents, in keys, may be divided.
#include "kernels.h"
#include "threefry.h"

#include <algorithm>
#include <cstring>

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

void fold_in(void** buffers, const Int* ints, Int begin, Int end) {
    const Key* keys = static_cast<const Key*>(buffers[0]);
    const u32* data = static_cast<const u32*>(buffers[1]);
    Key* out = static_cast<Key*>(buffers[2]);
    for (; begin < end; ++begin) {
        const Key key = keys[begin * ints[0]];
        threefry::fill_stream(key.words[0], key.words[1], data[begin * ints[1]], 1,
                              out + begin);
    }
}

void seed(void** buffers, const Int*, Int begin, Int end) {
    const u32* high = static_cast<const u32*>(buffers[0]);
    const u32* low = static_cast<const u32*>(buffers[1]);
    for (; begin < end; ++begin)
        static_cast<Key*>(buffers[2])[begin] = {{high[begin], low[begin]}};
}

void words(void** buffers, const Int*, Int begin, Int end) {
    std::memcpy(static_cast<Key*>(buffers[1]) + begin,
                static_cast<const Key*>(buffers[0]) + begin,
                std::size_t(end - begin) * sizeof(Key));
}

}  // namespace

void add_random_kernels(Names& names) {
    names["random_bits_u8"] = streams<u8>;
    names["random_bits_u16"] = streams<u16>;
    names["random_bits_u32"] = streams<u32>;
    names["random_bits_u64"] = streams<u64>;
    names["random_split"] = streams<Key>;
    names["random_fold_in"] = fold_in;
    names["random_seed"] = seed;
    names["random_words"] = words;
}

}  // namespace chainrule::kernels
