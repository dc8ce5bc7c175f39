/// Vectors of panels: code for AVX-512 alone. Everything here is inlined into functions
/// that are compiled for it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "panel_products.h"
#include "small_matrices.h"
#include "ufunc.h"

#define CHAINRULE_KIND of_64_bytes
#define CHAINRULE_VECTOR_BYTES 64
#include "matrix_lanes.h"
#undef CHAINRULE_KIND
#undef CHAINRULE_VECTOR_BYTES

// Vectors are passed between functions that are inlined, never by a calling convention.
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__) && defined(__GNUC__)
#define CHAINRULE_WIDE_VECTORS __attribute__((target("avx512f,avx512dq,fma")))
#else
#define CHAINRULE_WIDE_VECTORS
#endif

namespace chainrule::panel {
namespace {

using small::of_64_bytes::Integers;
using small::of_64_bytes::Numbers;

template <class T> CHAINRULE_INLINE Numbers<T> load(const T* from) {
    Numbers<T> x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

template <class T> CHAINRULE_INLINE void store(const Numbers<T>& x, T* to) {
    std::memcpy(to, &x, sizeof x);
}

template <class T> using Integer = typename small::of_64_bytes::Vectors<T>::Integer;

template <class T> CHAINRULE_INLINE Integers<T> count_lanes() {
    Integers<T> lanes{};
    for (int i = 0; i < kVector<T>; ++i) lanes[i] = Integer<T>(i);
    return lanes;
}

template <class T> CHAINRULE_INLINE Numbers<T> every(T x) { return Numbers<T>{} + x; }

/// A lane, in all lanes.
template <class T> CHAINRULE_INLINE Numbers<T> lane(const Numbers<T>& x, Int k) {
#ifdef __clang__
    return every<T>(x[k]);
#else
    return __builtin_shuffle(x, Integers<T>{} + Integer<T>(k));
#endif
}

/// Copies fewer than 2 P numbers, as no call does.
template <class T, int P = int(kVector<T>)>
CHAINRULE_INLINE void copy_few(const T* from, Int count, T* to) {
    if (count & P) std::memcpy(to, from, sizeof(T[P]));
    if constexpr (P > 1) copy_few<T, P / 2>(from + (count & P), count, to + (count & P));
}

/// Vectors of a square, of which `rows` and `columns` are there, or more; zeros elsewhere.
template <class T>
CHAINRULE_INLINE void read_square(Int rows, Int columns, const T* from, Int stride,
                                  Numbers<T>* square) {
    constexpr int kLanes = int(kVector<T>);
    if (rows >= kLanes && columns >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) square[i] = load<T>(from + i * stride);
        return;
    }
    const Int across = std::min<Int>(kLanes, columns);
    for (int i = 0; i < kLanes; ++i) {
        T row[kLanes] = {};
        if (i < rows) copy_few<T>(from + i * stride, across, row);
        square[i] = load<T>(row);
    }
}

/// A square of rows becomes columns; `rows` and `columns` of it are there, or more.
template <class T>
CHAINRULE_INLINE void turn_square(Int rows, Int columns, const T* from, Int from_stride,
                                  T* to, Int to_stride) {
    constexpr int kLanes = int(kVector<T>);
    Numbers<T> square[kLanes];
    read_square<T>(rows, columns, from, from_stride, square);
    small::of_64_bytes::transpose<T>(square);
    if (rows >= kLanes && columns >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store<T>(square[i], to + i * to_stride);
        return;
    }
    const Int down = std::min<Int>(kLanes, rows);
    for (Int i = 0; i < std::min<Int>(kLanes, columns); ++i) {
        T column[kLanes];
        store<T>(square[i], column);
        copy_few<T>(column, down, to + i * to_stride);
    }
}

}  // namespace
}  // namespace chainrule::panel
