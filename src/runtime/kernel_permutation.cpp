// Kernels that find the order of rows, and that put rows into an order.
//
// order_<type>: the stable sorting permutation of the rows of keys. Buffers are keys,
// out (positions of 32 bits), scratch; the integers rows, n, width. reorder_<type> has
// the buffers keys, previous, out, scratch: it sorts positions that are in the order
// `previous` stably by their keys, so that several keys are sorted by from the last to
// the first. Scratch holds 2 * width * n items (8 bytes; 16 for keys of 64 bits) and,
// where n >= kLongRow, kMostChunks * kMostBuckets integers of 32 bits behind them.
//
// take_<bits>: out[row, i] = x[row, positions[row, i]]; buffers are x, positions, out;
// the integers n of x and n of out. The extent, rows * n of out, may be divided.
#include "kernel_network.h"
#include "kernel_radix.h"

namespace chainrule::kernels {
namespace {

template <class Order, bool again, class Bits>
void order_row(const Bits* x, const u32* previous, u32* out, Item<Bits>* items,
               Item<Bits>* spare, Int n, u32* counts, Int chunks) {
    const Int grain = chunks > 1 ? kChunkLength : n;
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) {
            // The place in the previous order decides among equals.
            const Bits key = again ? x[previous[i]] : x[i];
            items[i] = make_item<Bits>(Order::image(key), u32(i));
        }
    });
    constexpr int low = sizeof(Bits) > 4 ? 0 : 32;
    Item<Bits>* found = sort_items(items, spare, n, low, low + 8 * int(sizeof(Bits)),
                                   counts, chunks);
    parallel(n, grain, [&](Int begin, Int end) {
        for (Int i = begin; i < end; ++i) {
            const u32 position = position_of(found[i]);
            out[i] = again ? previous[position] : position;
        }
    });
}

/// The order of up to network_rows rows together.
template <class Order, bool again, class Bits>
void order_few(const Bits* x, const u32* previous, u32* out, Int rows, Int n) {
    constexpr Int lanes = network_rows<u64>;
    alignas(64) u64 keys[kNetworkLength * lanes];
    for (Int r = 0; r < lanes; ++r) {
        const Int row = std::min(r, rows - 1) * n;
        for (Int i = 0; i < n; ++i) {
            const Bits key = x[row + (again ? Int(previous[row + i]) : i)];
            keys[i * lanes + r] = make_item<u32>(u32(Order::image(key)), u32(i));
        }
    }
    sort_columns(keys, n);
    for (Int r = 0; r < rows; ++r) {
        for (Int i = 0; i < n; ++i) {
            const u32 position = u32(keys[i * lanes + r]);
            out[r * n + i] = again ? previous[r * n + position] : position;
        }
    }
}

template <class Order, bool again>
void order_rows(void** buffers, const Int* ints, Int, Int) {
    using Bits = typename Order::Bits;
    using T = Item<Bits>;
    const Rows rows(ints);
    const Int n = rows.n;
    const Bits* x = static_cast<const Bits*>(buffers[0]);
    const u32* previous = again ? static_cast<const u32*>(buffers[1]) : nullptr;
    u32* out = static_cast<u32*>(buffers[1 + again]);
    if constexpr (sizeof(Bits) <= 4) {
        constexpr Int lanes = network_rows<u64>;
        if (n <= kNetworkLength && 2 * rows.rows >= lanes) {
            parallel(rows.rows, lanes, [&](Int begin, Int end) {
                for (Int r = begin; r < end; r += lanes)
                    order_few<Order, again>(x + r * n, again ? previous + r * n : nullptr,
                                            out + r * n, std::min(lanes, end - r), n);
            });
            return;
        }
    }
    T* scratch = static_cast<T*>(buffers[2 + again]);
    auto* counts = reinterpret_cast<u32*>(scratch + 2 * rows.width * n);
    rows.each(counts, [&](Int row, Int slot, u32* own_counts, Int chunks) {
        T* items = scratch + 2 * slot * n;
        order_row<Order, again>(x + row * n, again ? previous + row * n : nullptr,
                                out + row * n, items, items + n, n, own_counts, chunks);
    });
}

struct Block16 {
    u64 words[2];
};

template <class T> void take(void** buffers, const Int* ints, Int begin, Int end) {
    const T* x = static_cast<const T*>(buffers[0]);
    const u32* positions = static_cast<const u32*>(buffers[1]);
    T* out = static_cast<T*>(buffers[2]);
    const Int n = ints[0], taken = ints[1];
    while (begin < end) {
        const Int row = begin / taken, stop = std::min(end, (row + 1) * taken);
        const T* from = x + row * n;
        for (; begin < stop; ++begin) out[begin] = from[positions[begin]];
    }
}

}  // namespace

void add_order_kernels(Names& names) {
    for_each_order([&](const char* type, auto order) {
        names[std::string("order_") + type] = order_rows<decltype(order), false>;
        names[std::string("reorder_") + type] = order_rows<decltype(order), true>;
    });
    names["take_8"] = take<u8>;
    names["take_16"] = take<u16>;
    names["take_32"] = take<u32>;
    names["take_64"] = take<u64>;
    names["take_128"] = take<Block16>;
}

}  // namespace chainrule::kernels
