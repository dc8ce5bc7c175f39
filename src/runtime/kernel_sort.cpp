// Kernels that sort rows by themselves.
//
// sort_<type>: buffers are x, out, scratch; the integers rows, n and width. Scratch holds
// width * n elements and, where n >= kLongRow, kMostChunks * kMostBuckets integers of
// 32 bits behind them, at an address that is a multiple of 64.
//
// Elements are mapped to unsigned integers of the same order, sorted, and mapped back.
// That loses the sign of zeros and which NaN is which; rows that have -0 or NaN are read
// a second time, and what is equal in order is written in its order of appearance.
#include "kernel_network.h"
#include "kernel_radix.h"

#include <atomic>

namespace chainrule::kernels {
namespace {

/// Writes the images of x; whether one of the elements is special.
template <class Order, class Bits>
bool write_images(const Bits* x, Bits* out, Int n, Int grain) {
    std::atomic<bool> special{false};
    parallel(n, grain, [&](Int begin, Int end) {
        bool found = false;
        for (Int i = begin; i < end; ++i) {
            out[i] = Order::image(x[i]);
            found |= Order::is_special(x[i]);
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
void sort_row(const Bits* x, Bits* out, Bits* spare, Int n, u32* counts, Int chunks) {
    const Int grain = chunks > 1 ? kChunkLength : n;
    const bool special = write_images<Order>(x, out, n, grain);
    Bits* found = sort_items(out, spare, n, 0, 8 * sizeof(Bits), counts, chunks);
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

/// Sorts up to network_rows rows together.
template <class Order, class Bits>
void sort_few(const Bits* x, Bits* out, Int rows, Int n) {
    using Key = std::conditional_t<(sizeof(Bits) > 4), u64, u32>;
    constexpr Int lanes = network_rows<Key>;
    alignas(64) Key keys[kNetworkLength * lanes];
    bool special = false;
    for (Int r = 0; r < lanes; ++r) {
        const Bits* row = x + std::min(r, rows - 1) * n;
        for (Int i = 0; i < n; ++i) {
            keys[i * lanes + r] = Order::image(row[i]);
            special |= Order::is_special(row[i]);
        }
    }
    sort_columns(keys, n);
    for (Int r = 0; r < rows; ++r)
        for (Int i = 0; i < n; ++i)
            out[r * n + i] = Order::restore(Bits(keys[i * lanes + r]));
    if constexpr (Order::has_special) {
        if (!special) return;
        for (Int r = 0; r < rows; ++r) {
            Int first_zero = 0, first_nan = 0;
            for (Int i = 0; i < n; ++i) {
                first_zero += keys[i * lanes + r] < Order::zero;
                first_nan += keys[i * lanes + r] < Order::nan;
            }
            write_special<Order>(x + r * n, out + r * n, n, first_zero, first_nan);
        }
    }
}

template <class Order> void sort_rows(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    Bits* out = static_cast<Bits*>(buffers[1]);
    constexpr Int lanes = kNetworkBytes / Int(sizeof(Bits) > 4 ? 8 : 4);
    if (n <= kNetworkLength && 2 * rows.rows >= lanes) {
        parallel(rows.rows, lanes, [&](Int begin, Int end) {
            for (Int r = begin; r < end; r += lanes)
                sort_few<Order>(x + r * n, out + r * n, std::min(lanes, end - r), n);
        });
        return;
    }
    Bits* scratch = static_cast<Bits*>(buffers[2]);
    const Int bytes = rows.width * n * Int(sizeof(Bits));
    auto* counts = reinterpret_cast<u32*>(reinterpret_cast<char*>(scratch) +
                                          (bytes + 63) / 64 * 64);
    rows.each(counts, [&](Int row, Int slot, u32* own_counts, Int chunks) {
        sort_row<Order>(x + row * n, out + row * n, scratch + slot * n, n, own_counts,
                        chunks);
    });
}

}  // namespace

void add_sort_kernels(Names& names) {
    for_each_order([&](const char* type, auto order) {
        names[std::string("sort_") + type] = sort_rows<decltype(order)>;
    });
}

}  // namespace chainrule::kernels
