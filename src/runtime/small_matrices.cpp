// Factorisations and solves of small matrices, one for each lane of a vector.
//
// A group of matrices is read so that entry (i, j) of all of them is one vector; the
// algorithms are then those of a textbook (Golub and Van Loan, Matrix Computations,
// 3.4 and 4.2), with selections where one matrix would branch. Lanes without a matrix
// repeat the last one.
#include "small_matrices.h"

#include <cmath>
#include <limits>

#include "matrix_lanes.h"

// Vectors are passed between functions that are inlined, never by a calling convention.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace chainrule::small {
namespace {

template <class T> CHAINRULE_INLINE Numbers<T> magnitude(const Numbers<T>& x) {
    using Integer = typename Vectors<T>::Integer;
    return (Numbers<T>)((Integers<T>)x & std::numeric_limits<Integer>::max());
}

template <class T> CHAINRULE_INLINE Numbers<T> root(const Numbers<T>& x) {
    Numbers<T> y;
    for (int lane = 0; lane < kLanes<T>; ++lane) y[lane] = std::sqrt(x[lane]);
    return y;
}

template <class T> CHAINRULE_INLINE Numbers<T> nan() {
    return Numbers<T>{} + std::numeric_limits<T>::quiet_NaN();
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

/// Factors of a group, with its row swaps and what they amount to.
template <class T> struct Factors {
    Matrices<T> a;
    Integers<T> pivots[kLargest], order[kLargest];
    Integers<T> singular, odd;
};

/// Exchanges rows k and i where `here` is set.
template <class T>
CHAINRULE_INLINE void exchange(Factors<T>& f, Int n, Int k, Int i, Integers<T> here) {
    for (Int j = 0; j < n; ++j) {
        const Numbers<T> x = f.a(k, j), y = f.a(i, j);
        f.a(k, j) = here ? y : x;
        f.a(i, j) = here ? x : y;
    }
    const Integers<T> p = f.order[k], q = f.order[i];
    f.order[k] = here ? q : p;
    f.order[i] = here ? p : q;
}

template <class T> CHAINRULE_INLINE void choose_pivot(Factors<T>& f, Int n, Int k) {
    using Integer = typename Vectors<T>::Integer;
    Numbers<T> best = magnitude<T>(f.a(k, k));
    Integers<T> at = Integers<T>{} + Integer(k);
    for (Int i = k + 1; i < n; ++i) {
        const Numbers<T> size = magnitude<T>(f.a(i, k));
        const Integers<T> larger = size > best;
        best = larger ? size : best;
        at = larger ? Integers<T>{} + Integer(i) : at;
    }
    for (Int i = k + 1; i < n; ++i) exchange<T>(f, n, k, i, at == Integer(i));
    f.pivots[k] = at;
    f.odd ^= at != Integer(k);
}

/// Where a column has no pivot its entries stay, as LAPACK leaves them.
template <class T> CHAINRULE_INLINE void factorise(Factors<T>& f, Int n) {
    for (Int i = 0; i < n; ++i)
        f.order[i] = Integers<T>{} + typename Vectors<T>::Integer(i);
    f.singular = f.odd = Integers<T>{};
    for (Int k = 0; k < n; ++k) {
        choose_pivot(f, n, k);
        const Numbers<T> pivot = f.a(k, k);
        const Integers<T> none = pivot == 0;
        f.singular |= none;
        for (Int i = k + 1; i < n; ++i) {
            const Numbers<T> entry = f.a(i, k);
            const Numbers<T> factor = none ? entry : entry / pivot;
            f.a(i, k) = factor;
            for (Int j = k + 1; j < n; ++j) f.a(i, j) -= factor * f.a(k, j);
        }
    }
}

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

/// Right-hand sides and solutions of a group, side by side; unknown i of side j lies at
/// i * unknown + j * side of a problem of `size` numbers.
template <class T> struct Sides {
    Numbers<T> x[kLargest];
    Int n, size, unknown, side;
};

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

/// Substitution with the triangle of a (of its transpose) that is used from above
/// (`forward`) or from below.
template <class T>
CHAINRULE_INLINE void substitute(const Matrices<T>& a, Sides<T>& s, bool forward,
                                 bool transposed, bool unit) {
    const Int n = s.n;
    for (Int step = 0; step < n; ++step) {
        const Int i = forward ? step : n - 1 - step;
        Numbers<T> rest = s.x[i];
        for (Int before = 0; before < step; ++before) {
            const Int k = forward ? before : n - 1 - before;
            rest -= (transposed ? a(k, i) : a(i, k)) * s.x[k];
        }
        s.x[i] = unit ? rest : rest / a(i, i);
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
