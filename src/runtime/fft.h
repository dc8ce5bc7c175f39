/// Discrete Fourier transforms of one row, of many, and of columns.
#pragma once
#include "fft_task.h"

namespace chainrule::fft {

/// `before` blocks of `in` points in and `out` points out, each of `after` numbers: the
/// arrays have the shapes (before, in, after) and (before, out, after). `points` is
/// what is transformed. Real transforms have after = 1.
struct Shape {
    Int before, in, out, after;
    Int points;
};

/// Transforms [begin, end) of the before * after ones of a shape, on the pool's
/// threads. Results are multiplied by `factor`. Throws std::bad_alloc where there is no
/// memory.
template <class T>
void transform(Kind kind, bool inverse, const Shape& shape, const T* in, T* out,
               T factor, Int begin, Int end);

/// One transform of `tables.n` complex numbers that lie side by side.
template <class T>
void transform_long(const Long<T>& tables, const T* in, T* out, bool inverse, T factor);

}  // namespace chainrule::fft
