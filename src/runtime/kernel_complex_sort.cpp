// Kernels that sort rows of complex numbers: sort_c64, sort_c128.
//
// Buffers are x, out, scratch; the integers rows, n, width, as of the other sorts. Scratch
// holds 2 * width * n integers of 64 bits.
//
// The order is that of the real parts, then of the imaginary ones. The images of both parts
// of a complex64 are one integer of 64 bits, sorted like any other. A row with zeros or
// NaNs whose images do not tell them apart, and all of complex128, is ordered by its keys
// and gathered.
#include "row_order.h"

#include <atomic>

namespace chainrule::kernels {
namespace {

/// A complex number in memory, whose address may be that of a part.
template <class B> struct Pair {
    B re, im;
};

/// Both images one behind the other.
template <class Part> struct PairOrder {
    using PartBits = typename Part::Bits;
    using Bits = Pair<PartBits>;
    static constexpr int width = 8 * sizeof(PartBits);
    using Wide = std::conditional_t<width == 32, u64, unsigned __int128>;
    static Wide image(Bits x) {
        return Wide(Part::image(x.re)) << width | Part::image(x.im);
    }
    static Bits restore(Wide image) {
        return {Part::restore(PartBits(image >> width)), Part::restore(PartBits(image))};
    }
    static bool is_special(Bits x) {
        return Part::is_special(x.re) | Part::is_special(x.im);
    }
};

using SinglePairs = PairOrder<FloatOrder<u32, 0x7f800000>>;
using DoublePairs = PairOrder<FloatOrder<u64, 0x7ff0000000000000>>;

/// Images that lie in memory.
struct Given {
    using Item = u64;
    const u64* items;
    void write(Int begin, Int end, u64* to) const {
        std::copy(items + begin, items + end, to);
    }
};

/// Sorts the images of a row; false where they do not tell its elements apart.
bool sort_images(const Pair<u32>* x, Pair<u32>* out, u64* images, u64* spare, Int n,
                 Int parts) {
    std::atomic<bool> special{false};
    parallel(n, parts > 1 ? kPartLength : n, [&](Int begin, Int end) {
        bool found = false;
        for (Int i = begin; i < end; ++i) {
            images[i] = SinglePairs::image(x[i]);
            found |= SinglePairs::is_special(x[i]);
        }
        if (found) special.store(true, std::memory_order_relaxed);
    });
    if (special.load()) return false;
    sort_from(Given{images}, spare, n, parts, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) out[i] = SinglePairs::restore(spare[i]);
    });
    return true;
}

template <class Order> void sort_pairs(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    Bits* out = static_cast<Bits*>(buffers[1]);
    u64* scratch = static_cast<u64*>(buffers[2]);
    rows.each([&](Int row, Int slot, Int parts) {
        const Bits* from = x + row * n;
        Bits* to = out + row * n;
        u64* items = scratch + 2 * slot * n;
        if constexpr (sizeof(Bits) == 8)
            if (sort_images(from, to, items, items + n, n, parts)) return;
        each_in_order(Keys<Order>{from, nullptr}, items, n, parts,
                      [&](Int i, Int place) { to[i] = from[place]; });
    });
}

}  // namespace

void add_complex_sort_kernels(Names& names) {
    find_sort_functions();
    names["sort_c64"] = sort_pairs<SinglePairs>;
    names["sort_c128"] = sort_pairs<DoublePairs>;
}

}  // namespace chainrule::kernels
