// Kernels that sort rows by themselves.
//
// sort_<type>: buffers are x, out, scratch; the integers rows, n and width. Scratch
// holds width * n elements.
//
// Elements are mapped to unsigned integers of the same order, sorted, and mapped back.
// That loses the sign of zeros and which NaN is which; rows that have -0 or NaN are
// read a second time, and what is equal in order is written in its order of appearance.
#include "kernel_order.h"
#include "kernel_rows.h"

#include <atomic>

namespace chainrule::kernels {
namespace {

/// Writes the images of x; whether one of the elements is special.
template <class Order, class Bits>
bool write_images(const Bits* x, Bits* out, Int n, Int grain) {
    std::atomic<bool> special{false};
    parallel(n, grain, [&](Int begin, Int end) {
        const Bits* __restrict from = x;
        Bits* __restrict to = out;
        Bits found = 0;
        for (Int i = begin; i < end; ++i) {
            to[i] = Order::image(from[i]);
            found |= Bits(Order::is_special(from[i]));
        }
        if (found) special.store(true, std::memory_order_relaxed);
    });
    return special.load();
}

/// Writes zeros and NaNs of x, in their order, where the sorted row has them.
template <class Order, class Bits>
void write_special(const Bits* x, Bits* out, Int n, Int first_zero, Int first_nan) {
    if constexpr (Order::has_special) {
        for (Int i = 0; i < n; ++i) {
            if (Order::is_zero(x[i])) out[first_zero++] = x[i];
            if (Order::is_nan(x[i])) out[first_nan++] = x[i];
        }
    }
}

template <class Order, class Bits>
void sort_row(const Bits* x, Bits* out, Bits* spare, Int n, Int parts) {
    const Int grain = parts > 1 ? kPartLength : n;
    const bool special = write_images<Order>(x, out, n, grain);
    Bits* found = sort_items(out, spare, n, parts);
    Int first_zero = 0, first_nan = 0;
    if constexpr (Order::has_special) {
        if (special) {
            first_zero = std::lower_bound(found, found + n, Order::zero) - found;
            first_nan = std::lower_bound(found, found + n, Order::nan) - found;
        }
    }
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) out[i] = Order::restore(found[i]);
    });
    if (special) write_special<Order>(x, out, n, first_zero, first_nan);
}

template <class Order> void sort_rows(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    Bits* out = static_cast<Bits*>(buffers[1]);
    Bits* scratch = static_cast<Bits*>(buffers[2]);
    rows.each([&](Int row, Int slot, Int parts) {
        sort_row<Order>(x + row * n, out + row * n, scratch + slot * n, n, parts);
    });
}

}  // namespace

void add_sort_kernels(Names& names) {
    find_sort_functions();
    for_each_order([&](const char* type, auto order) {
        names[std::string("sort_") + type] = sort_rows<decltype(order)>;
    });
}

}  // namespace chainrule::kernels
