// Kernels that find the order of rows.
//
// order_<type>: the stable sorting permutation of the rows of keys. Buffers are keys,
// out (positions of 32 bits), scratch; the integers rows, n, width. reorder_<type> has
// the buffers keys, previous, out, scratch: it sorts positions that are in the order
// `previous` stably by their keys, so that several keys are sorted by from the last to
// the first. Scratch holds width * n integers of 64 bits.
#include "row_order.h"

namespace chainrule::kernels {
namespace {

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
        u64* items = scratch + slot * n;
        u32* places = out + row * n;
        each_in_order(keys, items, n, parts, [&](Int i, Int place) {
            places[i] = keys.previous ? keys.previous[place] : u32(place);
        });
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
