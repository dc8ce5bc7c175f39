/// Short rows, sorted several at once: a vector holds an element of each of many rows,
/// and Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3,
/// 5.2.2, algorithm M), a sorting network for any number of elements, orders them by
/// minima and maxima of vectors.
#pragma once
#include "kernel_order.h"
#include "ufunc.h"

namespace chainrule::kernels {

constexpr Int kNetworkBytes = 64;   // of a vector
constexpr Int kNetworkLength = 512;  // of the longest row

/// How many rows a network sorts at once.
template <class Key> constexpr Int network_rows = kNetworkBytes / Int(sizeof(Key));

template <class Lanes> CHAINRULE_INLINE void exchange(Lanes& a, Lanes& b) {
    const Lanes x = a, y = b;
    a = x < y ? x : y;
    b = x < y ? y : x;
}

/// Sorts v[0..n) in every lane.
template <class Lanes> CHAINRULE_INLINE void merge_exchange(Lanes* v, Int n) {
    Int top = 1;
    while (2 * top < n) top *= 2;
    for (Int p = n > 1 ? top : 0; p > 0; p /= 2) {
        Int q = top, r = 0, d = p;
        for (;;) {
            for (Int base = r; base < n - d; base += 2 * p)
                for (Int i = base; i < std::min(base + p, n - d); ++i)
                    exchange(v[i], v[i + d]);
            if (q == p) break;
            d = q - p, q /= 2, r = p;
        }
    }
}

/// Sorts the columns of a row-major n x network_rows matrix.
void sort_columns(u32* keys, Int n);
void sort_columns(u64* keys, Int n);

}  // namespace chainrule::kernels
