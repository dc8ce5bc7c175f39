/// Vectors of panels: code for AVX-512 alone. Everything here is inlined into functions
/// that are compiled for it.
#pragma once
#include <algorithm>
#include <cstring>
#include <limits>

#include "matrix_lanes.h"
#include "panel_products.h"

// Vectors are passed between functions that are inlined, never by a calling convention.
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__) && defined(__GNUC__)
#define CHAINRULE_WIDE_VECTORS __attribute__((target("avx512f,avx512dq,fma")))
#else
#define CHAINRULE_WIDE_VECTORS
#endif

namespace chainrule::panel {
namespace {

using small::Integers;
using small::Numbers;

template <class T> CHAINRULE_INLINE Numbers<T> load(const T* from) {
    Numbers<T> x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

template <class T> CHAINRULE_INLINE void store(const Numbers<T>& x, T* to) {
    std::memcpy(to, &x, sizeof x);
}

/// A square of rows becomes columns; `rows` and `columns` of it are there, or more.
template <class T>
CHAINRULE_INLINE void turn_square(Int rows, Int columns, const T* from, Int from_stride,
                                  T* to, Int to_stride) {
    constexpr int kLanes = int(kVector<T>);
    Numbers<T> square[kLanes];
    if (rows >= kLanes && columns >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) square[i] = load<T>(from + i * from_stride);
        small::transpose<T>(square);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store<T>(square[i], to + i * to_stride);
        return;
    }
    const Int across = std::min<Int>(kLanes, columns), down = std::min<Int>(kLanes, rows);
    for (int i = 0; i < kLanes; ++i) {
        square[i] = Numbers<T>{};
        if (i < down)
            std::memcpy(&square[i], from + i * from_stride,
                        std::size_t(across) * sizeof(T));
    }
    small::transpose<T>(square);
    for (Int i = 0; i < across; ++i)
        std::memcpy(to + i * to_stride, &square[i], std::size_t(down) * sizeof(T));
}

}  // namespace
}  // namespace chainrule::panel
