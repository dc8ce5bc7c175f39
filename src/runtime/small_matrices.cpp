// Factorisations and solves of small matrices, one for each lane of a vector.
//
// A group of matrices is read so that entry (i, j) of all of them is one vector; the
// algorithms are then those of a textbook (Golub and Van Loan, Matrix Computations,
// 3.4 and 4.2), with selections where one matrix would branch. Lanes without a matrix
// repeat the last one.
#include "small_matrices.h"

#include <cmath>

#include "small_factors.h"

namespace chainrule::small {
namespace {

template <class T> CHAINRULE_INLINE Numbers<T> root(const Numbers<T>& x) {
    Numbers<T> y;
    for (int lane = 0; lane < kLanes<T>; ++lane) y[lane] = std::sqrt(x[lane]);
    return y;
}

// --- Cholesky

template <class T>
CHAINRULE_INLINE void cholesky_all(Int n, Int count, const T* a, T* out) {
    Matrices<T> l;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, l);
        Integers<T> good = ~Integers<T>{};
        for (Int j = 0; j < n; ++j) {
            Numbers<T> pivot = l(j, j);
            for (Int k = 0; k < j; ++k) pivot -= l(j, k) * l(j, k);
            good &= pivot > 0;
            const Numbers<T> diagonal = root<T>(pivot);
            l(j, j) = diagonal;
            for (Int i = j + 1; i < n; ++i) {
                Numbers<T> rest = l(i, j);
                for (Int k = 0; k < j; ++k) rest -= l(i, k) * l(j, k);
                l(i, j) = rest / diagonal;
            }
        }
        for (Int i = 0; i < n; ++i)
            for (Int j = 0; j < n; ++j)
                l(i, j) = j > i ? Numbers<T>{} : good ? l(i, j) : nan<T>();
        write(group, n, l, out);
    }
}

// --- LU

template <class T>
CHAINRULE_INLINE void lu_all(Int n, Int count, const T* a, T* factors,
                             std::int32_t* pivots, std::int32_t* permutation) {
    Factors<T> f;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, f.a);
        factorise(f, n);
        write(group, n, f.a, factors);
        for (int lane = 0; lane < group.lanes; ++lane)
            for (Int i = 0; i < n; ++i) {
                pivots[(first + lane) * n + i] = std::int32_t(f.pivots[i][lane]);
                permutation[(first + lane) * n + i] = std::int32_t(f.order[i][lane]);
            }
    }
}

/// f32 determinants are multiplied in f64, where no product of 8 overflows.
template <class T>
CHAINRULE_INLINE void determinant_all(Int n, Int count, const T* a, T* out) {
    Factors<T> f;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, f.a);
        factorise(f, n);
        for (int lane = 0; lane < group.lanes; ++lane) {
            double product = f.odd[lane] ? -1.0 : 1.0;
            for (Int i = 0; i < n; ++i) product *= double(f.a(i, i)[lane]);
            out[first + lane] = T(product);
        }
    }
}

// --- systems

template <class T>
CHAINRULE_INLINE void read_side(const Group<T>& group, Sides<T>& s, Int j,
                                const T* from, const Integers<T>* order) {
    for (int lane = 0; lane < kLanes<T>; ++lane) {
        const T* b = from + (group.first + group.source(lane)) * s.size + j * s.side;
        for (Int i = 0; i < s.n; ++i)
            s.x[i][lane] = b[(order ? Int(order[i][lane]) : i) * s.unknown];
    }
}

template <class T>
CHAINRULE_INLINE void write_side(const Group<T>& group, const Sides<T>& s, Int j, T* to,
                                 const Integers<T>* order) {
    for (int lane = 0; lane < group.lanes; ++lane) {
        T* b = to + (group.first + lane) * s.size + j * s.side;
        for (Int i = 0; i < s.n; ++i)
            b[(order ? Int(order[i][lane]) : i) * s.unknown] = s.x[i][lane];
    }
}

template <class T>
CHAINRULE_INLINE void solve_all(Int n, Int sides, Int count, const T* a, const T* b,
                                T* x) {
    Factors<T> f;
    Sides<T> s{{}, n, n * sides, sides, 1};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, f.a);
        factorise(f, n);
        for (Int j = 0; j < sides; ++j) {
            read_side(group, s, j, b, f.order);
            substitute(f.a, s, true, false, true);
            substitute(f.a, s, false, false, false);
            for (Int i = 0; i < n; ++i) s.x[i] = f.singular ? nan<T>() : s.x[i];
            write_side<T>(group, s, j, x, nullptr);
        }
    }
}

template <class T>
CHAINRULE_INLINE void triangular_all(const Triangular& system, Int count, const T* a,
                                     const T* b, T* x) {
    const Int n = system.n, sides = system.sides;
    const bool transposed = system.transposed == system.left;
    const bool forward = system.lower != transposed;
    Matrices<T> triangle;
    Sides<T> s{{}, n, n * sides, system.left ? sides : 1, system.left ? 1 : n};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, triangle);
        for (Int j = 0; j < sides; ++j) {
            read_side<T>(group, s, j, b, nullptr);
            substitute(triangle, s, forward, transposed, system.unit);
            write_side<T>(group, s, j, x, nullptr);
        }
    }
}

template <class T>
CHAINRULE_INLINE void factored_all(Int n, Int sides, bool transposed, Int count,
                                   const T* factors, const std::int32_t* permutation,
                                   const T* b, T* x) {
    Matrices<T> a;
    Integers<T> order[kLargest];
    Sides<T> s{{}, n, n * sides, sides, 1};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, factors, a);
        for (int lane = 0; lane < kLanes<T>; ++lane)
            for (Int i = 0; i < n; ++i)
                order[i][lane] = permutation[(first + group.source(lane)) * n + i];
        for (Int j = 0; j < sides; ++j) {
            read_side<T>(group, s, j, b, transposed ? nullptr : order);
            substitute(a, s, true, transposed, !transposed);
            substitute(a, s, false, transposed, transposed);
            write_side<T>(group, s, j, x, transposed ? order : nullptr);
        }
    }
}

}  // namespace

// What is compiled for each kind of vectors.
#define CHAINRULE_SMALL_MATRICES(T)                                                    \
    template <> CHAINRULE_VECTOR_CLONES void cholesky(Int n, Int count, const T* a,    \
                                                      T* l) {                          \
        cholesky_all(n, count, a, l);                                                  \
    }                                                                                  \
    template <> CHAINRULE_VECTOR_CLONES void lu(Int n, Int count, const T* a,          \
                                                T* factors, std::int32_t* pivots,      \
                                                std::int32_t* permutation) {           \
        lu_all(n, count, a, factors, pivots, permutation);                             \
    }                                                                                  \
    template <> CHAINRULE_VECTOR_CLONES void solve(Int n, Int sides, Int count,        \
                                                   const T* a, const T* b, T* x) {     \
        solve_all(n, sides, count, a, b, x);                                           \
    }                                                                                  \
    template <> CHAINRULE_VECTOR_CLONES void solve_triangular(                         \
        const Triangular& system, Int count, const T* a, const T* b, T* x) {           \
        triangular_all(system, count, a, b, x);                                        \
    }                                                                                  \
    template <> CHAINRULE_VECTOR_CLONES void solve_factored(                           \
        Int n, Int sides, bool transposed, Int count, const T* factors,                \
        const std::int32_t* permutation, const T* b, T* x) {                           \
        factored_all(n, sides, transposed, count, factors, permutation, b, x);         \
    }                                                                                  \
    template <> CHAINRULE_VECTOR_CLONES void determinant(Int n, Int count, const T* a, \
                                                         T* out) {                     \
        determinant_all(n, count, a, out);                                             \
    }

CHAINRULE_SMALL_MATRICES(float)
CHAINRULE_SMALL_MATRICES(double)

}  // namespace chainrule::small
