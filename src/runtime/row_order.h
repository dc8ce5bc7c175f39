/// The order of a row of keys as integers that are sorted themselves.
///
/// Such an item holds the upper bits of the key's image and, below them, the place in the
/// row; it orders like the pair. Images of more than 32 bits lose their lower bits, and
/// runs of items that differ in the place alone are sorted again.
#pragma once
#include "kernel_order.h"
#include "kernel_rows.h"

namespace chainrule::kernels {

/// A row of keys, read in a previous order if there is one.
template <class Order> struct Keys {
    using Bits = typename Order::Bits;
    const Bits* x;
    const u32* previous;  // or nullptr
    auto image(Int i) const { return Order::image(x[previous ? Int(previous[i]) : i]); }
};

/// The images of keys.
template <class Order> using Image = decltype(Order::image(typename Order::Bits()));

/// How many lower bits of an item the place takes.
template <class Order> int place_bits(Int n) {
    if (sizeof(Image<Order>) <= 4) return 32;
    int bits = 1;
    while (Int(1) << bits < n) ++bits;
    return bits;
}

/// The 64 upper bits of an image, or all that there are.
template <class Bits> u64 upper_bits(Bits image) {
    if constexpr (sizeof(Bits) <= 4) {
        return u64(image) << 32;
    } else {
        return u64(image >> (8 * sizeof(Bits) - 64));
    }
}

/// Orders items whose upper bits agree by all bits of their keys.
template <class Order>
void sort_runs(const Keys<Order>& keys, u64* items, Int n, int bits) {
    const u64 place = (u64(1) << bits) - 1;
    const auto before = [&](u64 a, u64 b) {
        const auto x = keys.image(Int(a & place)), y = keys.image(Int(b & place));
        return x < y || (x == y && a < b);
    };
    for (Int begin = 0, end; begin < n; begin = end) {
        const u64 upper = items[begin] >> bits;
        for (end = begin + 1; end < n && items[end] >> bits == upper;) ++end;
        if (end - begin > 1 && !std::is_sorted(items + begin, items + end, before))
            std::sort(items + begin, items + end, before);
    }
}

/// Calls take(i, place) for the places of a row in the order of their keys. `items` and
/// `spare` hold n integers each; `parts` threads work on the row.
template <class Order, class Take>
void each_in_order(const Keys<Order>& keys, u64* items, u64* spare, Int n, Int parts,
                   const Take& take) {
    const Int grain = parts > 1 ? kPartLength : n;
    const int bits = place_bits<Order>(n);
    const u64 place = (u64(1) << bits) - 1;
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i)
            items[i] = (upper_bits(keys.image(i)) & ~place) | u64(i);
    });
    u64* found = sort_items(items, spare, n, parts);
    if (sizeof(Image<Order>) > 4) sort_runs(keys, found, n, bits);
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) take(i, Int(found[i] & place));
    });
}

}  // namespace chainrule::kernels
