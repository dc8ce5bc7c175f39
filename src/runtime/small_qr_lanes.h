// QR factors of small matrices by reflections (Golub and Van Loan, Matrix Computations,
// 5.2), a matrix for each lane of a vector. Signs are LAPACK's. What is not finite spoils
// the columns from its own on.
//
// Included by each_vectors.h, for each kind of vectors.
#include "small_reflections.h"

namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Entries of a group of m x n matrices, column-major, and the scales of its reflections.
template <class T> struct Reflected {
    Int m, n;
    Numbers<T> entries[kLargest * kLargest + kLanes<T>], scales[kLargest + kLanes<T>];

    CHAINRULE_INLINE Numbers<T>& operator()(Int i, Int j) { return entries[j * m + i]; }
};

/// Column j of x, from row k on, becomes its image by the reflection of column k.
template <class T, class Columns>
CHAINRULE_INLINE void reflect(Reflected<T>& f, Int k, Columns& x, Int j) {
    Numbers<T> sum = x(k, j);
    for (Int i = k + 1; i < f.m; ++i) sum += f(i, k) * x(i, j);
    sum *= f.scales[k];
    x(k, j) -= sum;
    for (Int i = k + 1; i < f.m; ++i) x(i, j) -= sum * f(i, k);
}

template <class T> CHAINRULE_INLINE void factorise(Reflected<T>& f) {
    for (Int k = 0; k < std::min(f.m, f.n); ++k) {
        const Reflection<T> r(f, k, f.m, k);
        f(k, k) = r.image;
        f.scales[k] = r.scale;
        for (Int j = k + 1; j < f.n; ++j) reflect(f, k, f, j);
    }
}

template <class T>
void reflections_all(Int m, Int n, Int width, Int count, const T* a, T* columns, T* scales,
                     T* r) {
    Reflected<T> f;
    Numbers<T> rows[kLargest * kLargest + kLanes<T>];
    f.m = m;
    f.n = n;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read_entries<T>(group, m * n, a, rows);
        const Numbers<T> power = scale<T>(m * n, rows);
        turn<T>(m, n, rows, f.entries);
        factorise(f);
        for (Int j = 0; j < n; ++j)
            for (Int i = 0; i <= std::min(j, m - 1); ++i) f(i, j) *= power;
        for (Int i = 0; i < width; ++i)
            for (Int j = 0; j < n; ++j) rows[i * n + j] = i <= j ? f(i, j) : Numbers<T>{};
        write_entries<T>(group, m * n, f.entries, columns);
        write_entries<T>(group, std::min(m, n), f.scales, scales);
        write_entries<T>(group, width * n, rows, r);
    }
}

/// The entries of a group of matrices of n columns, row-major.
template <class T> struct Rows {
    Int n;
    Numbers<T> entries[kLargest * kLargest + kLanes<T>];

    CHAINRULE_INLINE Numbers<T>& operator()(Int i, Int j) { return entries[i * n + j]; }
};

template <class T>
void basis_all(Int m, Int n, Int width, Int count, const T* columns, const T* scales,
               T* q) {
    Reflected<T> f;
    Rows<T> product;
    f.m = m;
    f.n = n;
    product.n = width;
    const Int k = std::min(m, n);
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read_entries<T>(group, m * n, columns, f.entries);
        read_entries<T>(group, k, scales, f.scales);
        for (Int i = 0; i < m; ++i)
            for (Int j = 0; j < width; ++j) product(i, j) = Numbers<T>{} + T(i == j);
        for (Int step = k - 1; step >= 0; --step)
            for (Int j = step; j < width; ++j) reflect(f, step, product, j);
        write_entries<T>(group, m * width, product.entries, q);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
