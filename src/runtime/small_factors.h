// LU factors of groups of small matrices, a matrix for each lane of a vector, and
// substitution with them: what small_matrices_lanes.h and small_exponential_lanes.h share.
// Everything here is inlined.
namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Factors of a group, with its row swaps and what they amount to.
template <class T> struct Factors {
    Matrices<T> a;
    Integers<T> pivots[kLargest], order[kLargest];
    Integers<T> singular, odd;
};

/// Exchanges rows k and i where `here` is set.
template <class T> CHAINRULE_INLINE void exchange(Factors<T>& f, Int n, Int k, Int i,
                                                  const Integers<T>& here) {
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

/// S right-hand sides of a group, and their solutions; unknown i of side j lies at
/// i * unknown + j * side of a problem of `size` numbers.
template <class T, int S> struct Sides {
    Numbers<T> x[kLargest][S];
    Int n, size, unknown, side;
};

/// Substitution with the triangle of a (of its transpose) that is used from above
/// (`forward`) or from below.
template <class T, int S>
CHAINRULE_INLINE void substitute(const Matrices<T>& a, Sides<T, S>& s, bool forward,
                                 bool transposed, bool unit) {
    const Int n = s.n;
    for (Int step = 0; step < n; ++step) {
        const Int i = forward ? step : n - 1 - step;
        Numbers<T> rest[S];
        for (int j = 0; j < S; ++j) rest[j] = s.x[i][j];
        for (Int before = 0; before < step; ++before) {
            const Int k = forward ? before : n - 1 - before;
            const Numbers<T> factor = transposed ? a(k, i) : a(i, k);
            for (int j = 0; j < S; ++j) rest[j] -= factor * s.x[k][j];
        }
        for (int j = 0; j < S; ++j) s.x[i][j] = unit ? rest[j] : rest[j] / a(i, i);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
