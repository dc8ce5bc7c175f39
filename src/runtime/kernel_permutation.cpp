// Kernels that find the order of rows.
//
// order_<type>: the stable sorting permutation of the rows of keys. Buffers are keys,
// out (positions of 32 bits), scratch; the integers rows, n, width. reorder_<type> has
// the buffers keys, previous, out, scratch: it sorts positions that are in the order
// `previous` stably by their keys, so that several keys are sorted by from the last to
// the first. Scratch holds 2 * width * n integers of 64 bits.
//
// What is sorted is an integer of the upper bits of the key's image and, below them,
// the place in the row; it orders like the pair. Keys of 64 bits lose their lower bits,
// and runs of items that differ in the place alone are sorted again.
#include "kernel_order.h"
#include "kernel_rows.h"

namespace chainrule::kernels {
namespace {

/// A row of keys, read in a previous order if there is one.
template <class Order> struct Keys {
    using Bits = typename Order::Bits;
    const Bits* x;
    const u32* previous;  // or nullptr
    Bits image(Int i) const { return Order::image(x[previous ? Int(previous[i]) : i]); }
};

/// How many lower bits of an item the place takes.
template <class Bits> int place_bits(Int n) {
    if (sizeof(Bits) <= 4) return 32;
    int bits = 1;
    while (Int(1) << bits < n) ++bits;
    return bits;
}

template <class Bits> u64 make_item(Bits image, Int place, int bits) {
    const u64 upper = sizeof(Bits) <= 4 ? u64(image) << 32 : u64(image) >> bits << bits;
    return upper | u64(place);
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

template <class Order>
void order_row(const Keys<Order>& keys, u32* out, u64* items, u64* spare, Int n,
               Int parts) {
    using Bits = typename Order::Bits;
    const Int grain = parts > 1 ? kPartLength : n;
    const int bits = place_bits<Bits>(n);
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) items[i] = make_item(keys.image(i), i, bits);
    });
    u64* found = sort_items(items, spare, n, parts);
    if (sizeof(Bits) > 4) sort_runs(keys, found, n, bits);
    const u64 place = (u64(1) << bits) - 1;
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) {
            const u32 position = u32(found[i] & place);
            out[i] = keys.previous ? keys.previous[position] : position;
        }
    });
}

template <class Order, bool again>
void order_rows(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    const u32* previous = static_cast<const u32*>(buffers[1]);
    u32* out = static_cast<u32*>(buffers[1 + again]);
    u64* scratch = static_cast<u64*>(buffers[2 + again]);
    rows.each([&](Int row, Int slot, Int parts) {
        const Keys<Order> keys = {x + row * n, again ? previous + row * n : nullptr};
        u64* items = scratch + 2 * slot * n;
        order_row(keys, out + row * n, items, items + n, n, parts);
    });
}

}  // namespace

void add_order_kernels(Names& names) {
    for_each_order([&](const char* type, auto order) {
        names[std::string("order_") + type] = order_rows<decltype(order), false>;
        names[std::string("reorder_") + type] = order_rows<decltype(order), true>;
    });
}

}  // namespace chainrule::kernels
