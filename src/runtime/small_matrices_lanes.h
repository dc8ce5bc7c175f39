// Factorisations and solves of small matrices, one for each lane of a vector.
//
// A group of matrices is read so that entry (i, j) of all of them is one vector; the
// algorithms are then those of a textbook (Golub and Van Loan, Matrix Computations,
// 3.4 and 4.2), with selections where one matrix would branch. Lanes without a matrix
// repeat the last one.
//
// Included by each_vectors.h, for each kind of vectors.
#include "small_factors.h"

namespace chainrule::small::CHAINRULE_KIND {
namespace {

// --- Cholesky

template <class T>
void cholesky_all(Int n, Int count, const T* a, T* out) {
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
void lu_all(Int n, Int count, const T* a, T* factors, std::int32_t* pivots,
            std::int32_t* permutation) {
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

/// f32 determinants are multiplied in f64, where no product of 8 overflows, and few of 12.
template <class T>
void determinant_all(Int n, Int count, const T* a, T* out) {
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

/// Sides from j on. Lanes without a matrix have zeros.
template <class T, int S>
CHAINRULE_INLINE void read_sides(const Group<T>& group, Sides<T, S>& s, Int j,
                                 const T* from, const Integers<T>* order) {
    for (Int i = 0; i < s.n; ++i)
        for (int k = 0; k < S; ++k) s.x[i][k] = Numbers<T>{};
    for (int lane = 0; lane < group.lanes; ++lane) {
        const T* b = from + (group.first + lane) * s.size + j * s.side;
        for (Int i = 0; i < s.n; ++i)
            for (int k = 0; k < S; ++k)
                s.x[i][k][lane] =
                    b[(order ? Int(order[i][lane]) : i) * s.unknown + k * s.side];
    }
}

template <class T, int S>
CHAINRULE_INLINE void write_sides(const Group<T>& group, const Sides<T, S>& s, Int j, T* to,
                                  const Integers<T>* order) {
    for (int lane = 0; lane < group.lanes; ++lane) {
        T* b = to + (group.first + lane) * s.size + j * s.side;
        for (Int i = 0; i < s.n; ++i)
            for (int k = 0; k < S; ++k)
                b[(order ? Int(order[i][lane]) : i) * s.unknown + k * s.side] =
                    s.x[i][k][lane];
    }
}

/// A group's factors or triangles, the order of the rows of its right-hand sides, and of
/// those of its solutions; null: as they are. What has no solution is NaN. The second of two
/// substitutions is with the triangle that has ones if the first has none.
template <class T> struct Systems {
    const Matrices<T>& a;
    bool lower_first, transposed, unit_first, twice;
    const Integers<T> *before, *after, *singular;
};

template <class T, int S>
CHAINRULE_INLINE void solve_sides(const Group<T>& group, const Systems<T>& by, Int n,
                                  Int size, Int unknown, Int side, Int j, const T* b,
                                  T* x) {
    Sides<T, S> s{{}, n, size, unknown, side};
    read_sides(group, s, j, b, by.before);
    substitute(by.a, s, by.lower_first, by.transposed, by.unit_first);
    if (by.twice) substitute(by.a, s, !by.lower_first, by.transposed, !by.unit_first);
    for (Int i = 0; by.singular && i < n; ++i)
        for (int k = 0; k < S; ++k) s.x[i][k] = *by.singular ? nan<T>() : s.x[i][k];
    write_sides(group, s, j, x, by.after);
}

/// All sides, a few at once: each step waits for the one before.
template <class T>
CHAINRULE_INLINE void solve_group(const Group<T>& group, const Systems<T>& by, Int n,
                                  Int sides, Int unknown, Int side, const T* b, T* x) {
    const Int size = n * sides;
    Int j = 0;
    for (; j + 4 <= sides; j += 4)
        solve_sides<T, 4>(group, by, n, size, unknown, side, j, b, x);
    for (; j < sides; ++j)
        solve_sides<T, 1>(group, by, n, size, unknown, side, j, b, x);
}

template <class T>
void solve_all(Int n, Int sides, Int count, const T* a, const T* b, T* x) {
    Factors<T> f;
    const Systems<T> by{f.a, true, false, true, true, f.order, nullptr, &f.singular};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, f.a);
        factorise(f, n);
        solve_group(group, by, n, sides, sides, 1, b, x);
    }
}

template <class T>
void triangular_all(const Triangular& system, Int count, const T* a, const T* b, T* x) {
    const Int n = system.n, sides = system.sides;
    const bool transposed = system.transposed == system.left;
    Matrices<T> triangle;
    const bool forward = system.lower != transposed;
    const Systems<T> by{triangle, forward, transposed, system.unit,
                        false,    nullptr, nullptr,    nullptr};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, triangle);
        solve_group(group, by, n, sides, system.left ? sides : 1, system.left ? 1 : n, b,
                    x);
    }
}

template <class T>
void factored_all(Int n, Int sides, bool transposed, Int count, const T* factors,
                  const std::int32_t* permutation, const T* b, T* x) {
    Matrices<T> a;
    Integers<T> order[kLargest];
    const Integers<T>*before = transposed ? nullptr : order,
          *after = transposed ? order : nullptr;
    const Systems<T> by{a, true, transposed, !transposed, true, before, after, nullptr};
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, factors, a);
        for (int lane = 0; lane < kLanes<T>; ++lane)
            for (Int i = 0; i < n; ++i)
                order[i][lane] = permutation[(first + group.source(lane)) * n + i];
        solve_group(group, by, n, sides, sides, 1, b, x);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
