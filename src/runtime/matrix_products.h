/// Products of row-major matrices by the library; threads share the rows of large ones.
#pragma once
#include "lapack_problems.h"

namespace chainrule::lapack {

/// A matrix as it is (N), transposed (T) or conjugate and transposed (C).
template <class T> struct Factor {
    const T* data;
    char operation = 'N';
};

/// c = scale op(a) op(b) + add c, of m x n with a sum over k.
template <class T> void multiply(Int m, Int n, Int k, Factor<T> a, Factor<T> b, T* c,
                                 T scale = T(1), T add = T(0)) {
    if (m == 0 || n == 0) return;
    const Int a_width = a.operation == 'N' ? k : m,
              b_width = b.operation == 'N' ? n : k;
    const Int part = m * n * k < Int(1) << 20
                         ? m
                         : std::clamp((m / 2 + 15) / 16 * 16, Int(64), Int(512));
    share((m + part - 1) / part, [&](Int i) {
        const Int first = i * part, rows = std::min(part, m - first);
        // Column-major, all matrices are their transposes: the factors change places.
        fortran::gemm<T>()(b.operation, a.operation, n, rows, k, scale, b.data,
                           leading(b_width),
                           a.data + first * (a.operation == 'N' ? a_width : 1),
                           leading(a_width), add, c + first * n, n);
    });
}

/// c = a b of n x n matrices; or c + a b, or c - a b, by `add` and `scale`.
template <class T> void multiply_square(Int n, const T* a, const T* b, T* c,
                                        T scale = T(1), T add = T(0)) {
    multiply<T>(n, n, n, {a}, {b}, c, scale, add);
}

}  // namespace chainrule::lapack
