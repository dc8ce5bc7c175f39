/// The order of a row of keys as integers that are sorted themselves.
///
/// Such an item holds the upper bits of the key's image and, below them, the place in the
/// row; it orders like the pair. Images of more than 32 bits lose their lower bits, and
/// runs of items that differ in the place alone are sorted again.
#pragma once
#include "kernel_order.h"
#include "parted_sort.h"
#include "vector_code.h"

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

/// The items of a row of keys.
template <class Order> class Places {
  public:
    using Item = u64;
    /// `place` has the bits of an item that its place takes.
    Places(const Keys<Order>& keys, u64 place) : keys(keys), place(place) {}

    void write(Int begin, Int end, u64* to) const {
        if (keys.previous) return write_previous(begin, end, to);
        in_vectors([&]() CHAINRULE_LOOP {
            const typename Order::Bits* __restrict from = keys.x + begin;
            u64* __restrict items = to;
            const u64 first = u64(begin), count = u64(end) - first, upper = ~place;
            for (u64 i = 0; i < count; ++i)
                items[i] = (upper_bits(Order::image(from[i])) & upper) | (first + i);
        });
    }

  private:
    void write_previous(Int begin, Int end, u64* to) const {
        for (Int i = begin; i < end; ++i)
            to[i - begin] = (upper_bits(keys.image(i)) & ~place) | u64(i);
    }

    const Keys<Order>& keys;
    u64 place;
};

/// Orders items whose upper bits agree by all bits of their keys.
template <class Order>
void sort_runs(const Keys<Order>& keys, u64* items, Int n, u64 place) {
    const auto before = [&](u64 a, u64 b) {
        const auto x = keys.image(Int(a & place)), y = keys.image(Int(b & place));
        return x < y || (x == y && a < b);
    };
    for (Int begin = 0, end; begin < n; begin = end) {
        const u64 upper = items[begin] | place;
        for (end = begin + 1; end < n && (items[end] | place) == upper;) ++end;
        if (end - begin > 1 && !std::is_sorted(items + begin, items + end, before))
            std::sort(items + begin, items + end, before);
    }
}

/// The same by `sections` threads: each begins where a run does.
template <class Order>
void sort_runs(const Keys<Order>& keys, u64* items, Int n, u64 place, Int sections) {
    std::array<Int, kMostParts + 1> starts{};
    for (Int k = 1; k < sections; ++k) {
        const u64 last = items[n * k / sections - 1] | place;
        starts[k] = std::upper_bound(items, items + n, last) - items;
    }
    starts[sections] = n;
    parallel(sections, 1, [&](Int begin, Int end) {
        sort_runs(keys, items + starts[begin], starts[end] - starts[begin], place);
    });
}

/// Calls take(i, place) for the places of a row in the order of their keys. `items` holds
/// n integers; the row is sorted in so many parts.
template <class Order, class Take>
void each_in_order(const Keys<Order>& keys, u64* items, Int n, Int parts,
                   const Take& take) {
    const u64 place = (u64(1) << place_bits<Order>(n)) - 1;
    const auto take_some = [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) take(i, Int(items[i] & place));
    };
    const Places<Order> source(keys, place);
    if constexpr (sizeof(Image<Order>) <= 4) {
        sort_from(source, items, n, parts, take_some);
    } else {
        sort_from(source, items, n, parts, [](Int, Int) {});
        sort_runs(keys, items, n, place, parts);
        parallel(n, parts > 1 ? kPartLength : n, take_some);
    }
}

}  // namespace chainrule::kernels
