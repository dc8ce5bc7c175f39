/// Products with few terms, for factorisations by panels: what BLAS is slow at, which
/// packs both operands for each of them. One operand is packed by the caller, once for all
/// that it multiplies; the other is read where it lies.
///
/// Written for the 32 vectors of AVX-512: elsewhere LAPACK is faster, and `served` false.
#pragma once
#include <cstdint>

#include "vector_code.h"

namespace chainrule::panel {

using Int = std::int64_t;

/// Whether this processor has what the code here is compiled for.
inline bool served() { return vector_bytes() == 64; }

/// A vector, and four of them: the columns of a panel.
template <class T> constexpr Int kVector = 64 / Int(sizeof(T));
template <class T> constexpr Int kStrip = 4 * kVector<T>;

/// The columns of a strip of a packed operand of n columns: vectors, four at most.
template <class T> constexpr Int strip_of(Int n) {
    return n >= kStrip<T> ? kStrip<T> : (n + kVector<T> - 1) / kVector<T> * kVector<T>;
}

/// How many numbers a packed operand of `depth` x n takes.
template <class T> constexpr Int packed_size(Int depth, Int n) {
    return depth * ((n + strip_of<T>(n) - 1) / strip_of<T>(n) * strip_of<T>(n));
}

/// Entry (i, k) lies at data[i * row + k * column].
template <class T> struct Entries {
    const T* data;
    Int row, column;
};

enum class Into { kSet, kAdd, kSubtract };

/// to[j * to_stride + i] = from[i * from_stride + j] for i below `rows`, j below `columns`:
/// squares of whole cache lines in registers.
template <class T>
void turn(Int rows, Int columns, const T* from, Int from_stride, T* to, Int to_stride);

/// Strips of columns of a row-major matrix of `depth` x n, one behind the other, and zeros
/// behind the last column.
template <class T> void pack(Int depth, Int n, const T* b, Int stride, T* packed);

/// c = a b, c + a b or c - a b, for a of m x depth, packed b and row-major c of m x n.
template <class T>
void multiply(Int m, Int n, Int depth, const Entries<T>& a, const T* packed, T* c,
              Int stride, Into into);

/// The packed b, one strip of `columns` columns, becomes x with l x = b, for a lower
/// triangle l of n x n, which has ones on its diagonal if `unit`.
template <class T>
void solve_lower(Int n, Int columns, const Entries<T>& l, bool unit, T* strip);

/// Eliminates what is behind the columns of a triangle l of w x w and of `below` rows under
/// it: columns c beside them, as many as a strip has at most, become x with l x = c, and
/// under it what is left of them less products with x. The rows of c are `stride` numbers
/// apart, which may be negative; the room is for w rows of a strip.
template <class T>
void eliminate(Int w, Int below, Int columns, const Entries<T>& l, bool unit, T* c,
               Int stride, T* room);

}  // namespace chainrule::panel
