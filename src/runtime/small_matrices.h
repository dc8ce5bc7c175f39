/// Linear algebra of many matrices of at most 12 x 12: a matrix for each lane of a
/// vector, so that every step of an algorithm is done for a whole group at once.
///
/// Matrices lie one behind the other, row-major. A matrix has the same result whatever
/// its neighbours are, and whatever their number is. Pivots are those of LAPACK: the
/// first entry of the largest magnitude. Systems count as small while their right-hand
/// sides do as well; beyond, LAPACK's own blocking is ahead.
#pragma once
#include <cstdint>

namespace chainrule::small {

using Int = std::int64_t;

constexpr Int kLargest = 12;

/// Whether matrices of n x n are small; with `sides` columns (or rows) to solve for.
constexpr bool is_small(Int n, Int sides = 1) {
    return n >= 1 && n <= kLargest && sides >= 1 && sides <= 16;
}

/// The same for what LAPACK does to one matrix of 9 x 9 in half the time of a lane.
constexpr bool is_tiny(Int n, Int sides = 1) { return n <= 8 && is_small(n, sides); }

/// Whether m x n matrices of which QR factors or singular values are wanted are small.
constexpr bool is_small_product(Int m, Int n) {
    return m >= 1 && n >= 1 && m <= kLargest && n <= kLargest;
}

/// What a triangular system is: op(a) x = b, or x op(a) = b where `left` is not set.
struct Triangular {
    Int n, sides;
    bool left, lower, transposed, unit;
};

/// l with a = l l^T, of the lower triangle of a; NaN where there is none, zeros above.
template <class T> void cholesky(Int n, Int count, const T* a, T* l);

/// The factors in one matrix, row swaps, and the permutation p with a[p] = l u.
template <class T>
void lu(Int n, Int count, const T* a, T* factors, std::int32_t* pivots,
        std::int32_t* permutation);

/// x with a x = b; NaN where a pivot is zero.
template <class T>
void solve(Int n, Int sides, Int count, const T* a, const T* b, T* x);

template <class T>
void solve_triangular(const Triangular& system, Int count, const T* a, const T* b,
                      T* x);

/// x with a x = b (or a^T x = b) by the results of `lu`.
template <class T>
void solve_factored(Int n, Int sides, bool transposed, Int count, const T* factors,
                    const std::int32_t* permutation, const T* b, T* x);

/// Products of pivots with the sign of the permutation.
template <class T> void determinant(Int n, Int count, const T* a, T* out);

/// Exponentials; of two parts, their derivatives along `e`, and not themselves. NaN
/// where a matrix is not finite or asks for more squarings than there may be.
template <class T, int Parts>
void exponential(Int n, Int max_squarings, Int count, const T* a, const T* e, T* out);

/// Ascending eigenvalues of symmetric matrices, of which one triangle is read, and their
/// vectors, which have the signs of LAPACK's, unless `v` is null. NaN where an entry of
/// a matrix is not finite.
template <class T>
void eigh(Int n, bool lower, Int count, const T* a, T* v, T* w);

/// QR of m x n matrices by reflections: their column-major factors, as LAPACK leaves them,
/// and the first `width` rows of r.
template <class T>
void qr_reflections(Int m, Int n, Int width, Int count, const T* a, T* columns, T* scales,
                    T* r);

/// The first `width` columns of the products of those reflections.
template <class T>
void qr_basis(Int m, Int n, Int width, Int count, const T* columns, const T* scales, T* q);

/// Descending singular values of m x n matrices, and as many vectors unless `u` is null.
/// `found` is false for those that are next to singular ones, or not finite: nothing is
/// known of them.
template <class T>
void svd(Int m, Int n, Int count, const T* a, T* u, T* s, T* vh, bool* found);

}  // namespace chainrule::small
