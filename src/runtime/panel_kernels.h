/// Factors of a few columns of a large matrix: the part of LU and of QR that no product of
/// matrices does. There are at least as many rows as columns. For AVX-512 alone, as
/// panel_products.h.
#pragma once
#include "panel_products.h"

namespace chainrule::panel {

/// Numbers between columns of `rows` rows that lie by themselves, with room for four more
/// vectors behind each. An odd number of cache lines: a load waits for stores before it to
/// the same place of another page.
template <class T> constexpr Int apart(Int rows) {
    const Int lines = (rows + kVector<T> - 1) / kVector<T> + 4;
    return ((lines + 15) / 16 * 16 + 7) * kVector<T>;
}

/// Room for factorising columns of `rows` rows.
template <class T> constexpr Int room_for(Int rows) {
    return (apart<T>(rows) + kVector<T>) * kStrip<T>;
}

/// LU factors in place of at most kStrip columns, in rows `stride` numbers apart: row k was
/// swapped with row pivots[k], which held the first of the largest numbers. A column of
/// zeros stays as it is. NaN is a pivot only where there is nothing else.
template <class T>
void lu(Int rows, Int columns, T* a, Int stride, Int* pivots, T* room);

/// The upper triangle of a, of at most kStrip rows `stride` numbers apart, becomes u with
/// u^T u = a. False where a pivot is not positive.
template <class T> bool cholesky(Int n, T* a, Int stride);

/// QR factors in place of at most kVector columns, `stride` numbers apart, by reflections
/// whose scales are `taus`, as LAPACK's geqrf has them. False, and nothing done, where
/// squares of entries overflow or vanish.
template <class T>
bool qr(Int rows, Int columns, T* a, Int stride, T* taus, T* room);

/// v of the reflections of a strip's columns, row-major, zeros behind them: of QR factors
/// whose columns lie `stride` numbers apart.
template <class T>
void read_reflections(Int rows, Int columns, const T* a, Int stride, T* v);

/// The triangle t, transposed, for which all of them are 1 - v t v^T: by the dot products
/// v^T v. The rows of both are a strip.
template <class T>
void join_reflections(Int columns, const T* dots, const T* taus, T* t);

}  // namespace chainrule::panel
