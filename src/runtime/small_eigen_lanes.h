// Eigenvalues and vectors of small symmetric matrices, one for each lane of a vector.
//
// Reflections make a matrix tridiagonal, rotations with implicit shifts make that
// diagonal (Golub and Van Loan, Matrix Computations, 8.3; B. N. Parlett, The Symmetric
// Eigenvalue Problem, 8). The choices that decide the signs of vectors are LAPACK's:
// reflections are built from the triangle that is read, an unreduced block is chased
// from the end with the larger entry of the diagonal, the last two of a block are
// rotated at once. Chasing from the other end is the same in a matrix whose rows and
// columns are counted from their end, and so are reflections built from the upper
// triangle: lanes of which that holds are mirrored in memory. Each lane has a block of
// its own; a step is done for those lanes that need it.
//
// Included by each_vectors.h, for each kind of vectors.
#include "small_reflections.h"

namespace chainrule::small::CHAINRULE_KIND {
namespace {

/// Sweeps of rotations that a matrix may take, for each of its rows.
constexpr int kSweeps = 30;

/// A group while its matrices become diagonal: what is left of them, their diagonals and
/// what is beside these, vectors (as columns) if they are wanted, and what each lane works
/// at: the block from `first` to `last`, whose rows are counted from the matrix's end
/// where it is `mirrored`. It began at `begin` and has been divided by `unit`; the next one
/// begins at `next`.
template <class T> struct Spectra {
    using Integer = typename Vectors<T>::Integer;
    Matrices<T> a, v;
    Numbers<T> d[kLanes<T> + kLargest], e[kLanes<T> + kLargest];
    Numbers<T> scales[kLargest];
    Numbers<T> unit;
    Integers<T> first, last, begin, next, mirrored, sweeps;
    Int n;
    bool vectors;

    /// Column j by (c, s): x' = c x + s y, y' = c y - s x, of the columns j and j + 1.
    CHAINRULE_INLINE void rotate(Int j, const Numbers<T>& c, const Numbers<T>& s) {
        for (Int i = 0; vectors && i < n; ++i) {
            const Numbers<T> x = v(i, j), y = v(i, j + 1);
            v(i, j) = c * x + s * y;
            v(i, j + 1) = c * y - s * x;
        }
    }
    CHAINRULE_INLINE void exchange_columns(Int j, Int k, const Integers<T>& here) {
        exchange<T>(d[j], d[k], here);
        for (Int i = 0; vectors && i < n; ++i) exchange<T>(v(i, j), v(i, k), here);
    }
    /// Counts rows from the other end.
    CHAINRULE_INLINE void mirror(const Integers<T>& here) {
        if (!any<T>(here)) return;
        for (Int j = 0; j < n / 2; ++j) exchange_columns(j, n - 1 - j, here);
        for (Int j = 0; j < (n - 1) / 2; ++j) exchange<T>(e[j], e[n - 2 - j], here);
        mirrored ^= here;
    }
    /// Where entry j beside the diagonal is too small to count: beside its neighbours, and
    /// in a block, whose largest entries are about 1, beside these.
    CHAINRULE_INLINE Integers<T> negligible(Int j, bool in_block) const {
        constexpr T half = std::numeric_limits<T>::epsilon() / 2;
        const T raised = in_block ? T(1) : sizeof(T) == 4 ? T(0x1p56) : T(0x1p480);
        const T least = in_block ? std::numeric_limits<T>::min() : T(0);
        const Numbers<T> size = e[j] * raised;
        return size * size <= (magnitude<T>(d[j]) * (half * half * raised)) *
                                      (magnitude<T>(d[j + 1]) * raised) +
                                  least;
    }
    /// The end of what cannot be divided from `from` on, at most `to`.
    CHAINRULE_INLINE Integers<T> end_from(const Integers<T>& from, const Integers<T>& to,
                                          bool in_block) const {
        Integers<T> end = to;
        for (Int j = n - 2; j >= 0; --j) {
            const Integers<T> here = (from <= Integer(j)) & (to > Integer(j)) &
                                     negligible(j, in_block);
            end = here ? Integers<T>{} + Integer(j) : end;
        }
        return end;
    }
};

/// Builds the reflection of column k from below the diagonal on: its vector, whose first
/// entry is 1, is left in the column.
template <class T> CHAINRULE_INLINE void reflect(Spectra<T>& s, Int k) {
    const Int n = s.n;
    Matrices<T>& a = s.a;
    const Reflection<T> r(a, k + 1, n, k);
    s.e[k] = r.image;
    s.scales[k] = r.scale;
    a(k + 1, k) = Numbers<T>{} + 1;
}

/// a - v w^T - w v^T of the rows and columns behind k, w = t a v - (t^2 v^T a v / 2) v, in
/// the lower triangle.
template <class T> CHAINRULE_INLINE void apply_reflection(Spectra<T>& s, Int k) {
    const Int n = s.n;
    Matrices<T>& a = s.a;
    Numbers<T> w[kLargest], along{};
    for (Int i = k + 1; i < n; ++i) {
        Numbers<T> sum{};
        for (Int j = k + 1; j < n; ++j) sum += (j <= i ? a(i, j) : a(j, i)) * a(j, k);
        w[i] = s.scales[k] * sum;
        along += w[i] * a(i, k);
    }
    along *= s.scales[k] * T(0.5);
    for (Int i = k + 1; i < n; ++i) w[i] -= along * a(i, k);
    for (Int i = k + 1; i < n; ++i)
        for (Int j = k + 1; j <= i; ++j) a(i, j) -= a(i, k) * w[j] + w[i] * a(j, k);
}

/// The product of all reflections, the last first.
template <class T> CHAINRULE_INLINE void multiply_reflections(Spectra<T>& s) {
    const Int n = s.n;
    s.v.n = n;
    for (Int i = 0; i < n; ++i)
        for (Int j = 0; j < n; ++j) s.v(i, j) = Numbers<T>{} + T(i == j);
    for (Int k = n - 3; k >= 0; --k)
        for (Int j = k + 1; j < n; ++j) {
            Numbers<T> sum{};
            for (Int i = k + 1; i < n; ++i) sum += s.a(i, k) * s.v(i, j);
            sum *= s.scales[k];
            for (Int i = k + 1; i < n; ++i) s.v(i, j) -= sum * s.a(i, k);
        }
}

template <class T> CHAINRULE_INLINE void make_tridiagonal(Spectra<T>& s) {
    const Int n = s.n;
    for (Int k = 0; k + 2 < n; ++k) {
        reflect(s, k);
        apply_reflection(s, k);
    }
    if (n > 1) s.e[n - 2] = s.a(n - 1, n - 2);
    for (Int i = 0; i < n; ++i) s.d[i] = s.a(i, i);
    if (s.vectors) multiply_reflections(s);
}

/// Multiplies the rows from `from` on before `to` by `factor`, where that is not 1.
template <class T>
CHAINRULE_INLINE void multiply_rows(Spectra<T>& s, const Integers<T>& from,
                                    const Integers<T>& to, const Numbers<T>& factor) {
    using Integer = typename Spectra<T>::Integer;
    if (!any<T>(factor != 1)) return;
    for (Int j = 0; j < s.n; ++j) {
        const Integers<T> here = (from <= Integer(j)) & (to > Integer(j));
        s.d[j] = here ? s.d[j] * factor : s.d[j];
        s.e[j] = here ? s.e[j] * factor : s.e[j];
    }
}

/// Powers of two about the largest entries of blocks from `from` to `end`; 1 for others.
template <class T>
CHAINRULE_INLINE Powers<T> sizes_of(const Spectra<T>& s, const Integers<T>& here,
                                    const Integers<T>& from, const Integers<T>& end) {
    using Integer = typename Spectra<T>::Integer;
    Numbers<T> largest{};
    for (Int j = 0; j < s.n; ++j) {
        const Integers<T> inside = (from <= Integer(j)) & (end >= Integer(j));
        const Integers<T> beside = inside & (end > Integer(j));
        largest = inside ? larger<T>(largest, magnitude<T>(s.d[j])) : largest;
        largest = beside ? larger<T>(largest, magnitude<T>(s.e[j])) : largest;
    }
    const Integers<T> known = here & (largest > 0);
    return Powers<T>(known ? largest : Numbers<T>{} + 1);
}

/// Gives a block to lanes that have none: the next part that cannot be divided, scaled so
/// that its largest entries are about 1.
template <class T> CHAINRULE_INLINE void begin_blocks(Spectra<T>& s) {
    using Integer = typename Spectra<T>::Integer;
    const Int n = s.n;
    const Integers<T> ready = s.first > s.last;
    if (!any<T>(ready)) return;
    s.mirror(ready & s.mirrored);
    multiply_rows<T>(s, s.begin, s.next, ready ? s.unit : Numbers<T>{} + 1);
    const Integers<T> here = ready & (s.next < Integer(n));
    const Integers<T> end = s.end_from(s.next, Integers<T>{} + Integer(n - 1), false);
    const Powers<T> by = sizes_of(s, here, s.next, end);
    multiply_rows<T>(s, s.next, end + 1, by.inverse);
    s.unit = ready ? by.power : s.unit;
    s.begin = ready ? s.next : s.begin;
    Numbers<T> low{}, high{};
    for (Int j = 0; j < n; ++j) {
        low = s.next == Integer(j) ? magnitude<T>(s.d[j]) : low;
        high = end == Integer(j) ? magnitude<T>(s.d[j]) : high;
    }
    const Integers<T> turned = here & (high < low);
    s.first = here ? (turned ? Integer(n - 1) - end : s.next) : s.first;
    s.last = here ? (turned ? Integer(n - 1) - s.next : end) : s.last;
    s.next = here ? end + 1 : s.next;
    s.mirror(turned);
}

/// Diagonalises the 2 x 2 matrices that begin at the rows `first` of the lanes `here`.
template <class T>
CHAINRULE_INLINE void rotate_pairs(Spectra<T>& s, const Integers<T>& here) {
    using Integer = typename Spectra<T>::Integer;
    const Numbers<T> zero{}, one = zero + 1;
    for (Int j = 0; j + 1 < s.n; ++j) {
        const Integers<T> now = here & (s.first == Integer(j));
        if (!any<T>(now)) continue;
        const Numbers<T> a = s.mirrored ? s.d[j + 1] : s.d[j];
        const Numbers<T> b = s.e[j], c = s.mirrored ? s.d[j] : s.d[j + 1];
        const Numbers<T> sum = a + c, more = a - c, twice = b + b;
        const Numbers<T> distance = length<T>(more, twice);
        const Integers<T> below = sum < 0;
        const Numbers<T> large = (sum + (below ? -distance : distance)) * T(0.5);
        const Integers<T> a_first = magnitude<T>(a) > magnitude<T>(c);
        const Numbers<T> by_product = (a_first ? a : c) / large * (a_first ? c : a) -
                                      b / large * b;
        const Numbers<T> small = sum == 0 ? -large : by_product;
        const Integers<T> falling = more < 0;
        const Numbers<T> side = more + (falling ? -distance : distance);
        const Integers<T> steep = magnitude<T>(side) > magnitude<T>(twice);
        const Integers<T> flat = (twice == 0) & ~steep;
        const Numbers<T> t = steep ? -twice / side : flat ? zero : -side / twice;
        const Numbers<T> cosine = one / root<T>(one + t * t), sine = t * cosine;
        // (x, y) is the vector of the eigenvalue whose sign is that of `side`.
        const Numbers<T> x = steep ? sine : cosine, y = steep ? cosine : sine;
        const Integers<T> swap = ~(below ^ falling);
        const Numbers<T> first = now ? (swap ? -y : x) : one;
        const Numbers<T> second = now ? (swap ? x : y) : zero;
        s.rotate(j, first, s.mirrored ? -second : second);
        s.d[j] = now ? (s.mirrored ? small : large) : s.d[j];
        s.d[j + 1] = now ? (s.mirrored ? large : small) : s.d[j + 1];
        s.e[j] = now ? zero : s.e[j];
    }
}

/// The first number of a sweep: the entry at `end` less the shift, which is the
/// eigenvalue of the first two rows of a block that is closer to the first.
template <class T>
CHAINRULE_INLINE Numbers<T> shifted(const Spectra<T>& s, const Integers<T>& end) {
    using Integer = typename Spectra<T>::Integer;
    const Numbers<T> one = Numbers<T>{} + 1;
    Numbers<T> first{}, second{}, beside = one, last{};
    for (Int j = 0; j < s.n; ++j) {
        last = end == Integer(j) ? s.d[j] : last;
        if (j + 1 == s.n) break;
        const Integers<T> here = s.first == Integer(j);
        first = here ? s.d[j] : first;
        second = here ? s.d[j + 1] : second;
        beside = here ? s.e[j] : beside;
    }
    const Numbers<T> g = (second - first) / (beside + beside);
    const Numbers<T> r = root<T>(g * g + one);
    return last - first + beside / (g + (g < 0 ? -r : r));
}

/// One sweep of rotations through the blocks from `first` to `end` of the lanes `here`.
template <class T>
CHAINRULE_INLINE void sweep(Spectra<T>& s, const Integers<T>& here,
                            const Integers<T>& end) {
    using Integer = typename Spectra<T>::Integer;
    const Numbers<T> zero{}, one = zero + 1;
    Numbers<T> g = shifted(s, end), p = zero, sine = one, cosine = one;
    for (Int j = s.n - 2; j >= 0; --j) {
        const Integers<T> now = here & (s.first <= Integer(j)) & (end > Integer(j));
        if (!any<T>(now)) continue;
        const Numbers<T> f = sine * s.e[j], b = cosine * s.e[j];
        const Integers<T> still = f == 0;
        const Powers<T> by(larger<T>(magnitude<T>(f), magnitude<T>(g)));
        const Numbers<T> x = magnitude<T>(g * by.inverse), y = f * by.inverse;
        const Numbers<T> size = root<T>(x * x + y * y), signed_size = g < 0 ? -size : size;
        const Numbers<T> c = still ? one : x / size, t = still ? zero : y / signed_size;
        const Numbers<T> r = signed_size * by.power;
        const Integers<T> inside = now & (end != Integer(j + 1));
        s.e[j + 1] = inside ? (still ? g : r) : s.e[j + 1];
        const Numbers<T> q = s.d[j + 1] - p;
        const Numbers<T> u = (s.d[j] - q) * t + 2 * c * b;
        const Numbers<T> step = t * u, rest = c * u - b;
        s.d[j + 1] = now ? q + step : s.d[j + 1];
        p = now ? step : p;
        g = now ? rest : g;
        sine = now ? t : sine;
        cosine = now ? c : cosine;
        s.rotate(j, now ? c : one, now ? -t : zero);
        const Integers<T> finished = now & (s.first == Integer(j));
        s.d[j] = finished ? s.d[j] - p : s.d[j];
        s.e[j] = finished ? g : s.e[j];
    }
}

/// Rotates until all matrices are diagonal. Returns the lanes that took too long.
template <class T> CHAINRULE_INLINE Integers<T> make_diagonal(Spectra<T>& s) {
    using Integer = typename Spectra<T>::Integer;
    s.first = s.begin = s.next = s.mirrored = s.sweeps = Integers<T>{};
    s.unit = Numbers<T>{} + 1;
    s.last = s.first - 1;
    Integers<T> failed{};
    for (;;) {
        begin_blocks(s);
        const Integers<T> busy = (s.first <= s.last) & ~failed;
        if (!any<T>(busy)) break;
        const Integers<T> end = s.end_from(s.first, s.last, true);
        const Integers<T> size = end - s.first;
        const Integers<T> pairs = busy & (size == 1), chased = busy & (size > 1);
        for (Int j = 0; j + 1 < s.n; ++j) {
            const Integers<T> divided = busy & (end == Integer(j)) & (end < s.last);
            s.e[j] = divided ? Numbers<T>{} : s.e[j];
        }
        if (any<T>(chased)) sweep(s, chased, end);
        if (any<T>(pairs)) rotate_pairs(s, pairs);
        s.sweeps -= chased;
        failed |= s.sweeps > Integer(kSweeps * s.n);
        s.first += pairs ? Integers<T>{} + 2 : busy & (size == 0) ? Integers<T>{} + 1
                                                                  : Integers<T>{};
    }
    s.mirror(s.mirrored);
    return failed;
}

/// Eigenvalues in rising order, by selection: the first of the least.
template <class T> CHAINRULE_INLINE void sort(Spectra<T>& s) {
    using Integer = typename Spectra<T>::Integer;
    for (Int i = 0; i + 1 < s.n; ++i) {
        Numbers<T> least = s.d[i];
        Integers<T> at = Integers<T>{} + Integer(i);
        for (Int j = i + 1; j < s.n; ++j) {
            const Integers<T> less = s.d[j] < least;
            least = less ? s.d[j] : least;
            at = less ? Integers<T>{} + Integer(j) : at;
        }
        for (Int j = i + 1; j < s.n; ++j) {
            const Integers<T> here = at == Integer(j);
            if (any<T>(here)) s.exchange_columns(i, j, here);
        }
    }
}

/// Rows and columns counted from their end.
template <class T> CHAINRULE_INLINE void turn(Matrices<T>& a, Int n) {
    std::reverse(a.entries, a.entries + n * n);
}

template <class T>
void eigh_all(Int n, bool lower, Int count, const T* a, T* v, T* w) {
    Spectra<T> s;
    s.n = n;
    s.vectors = v != nullptr;
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read(group, n, a, s.a);
        const Numbers<T> power = scale<T>(n * n, s.a.entries);
        Integers<T> bad = clear_infinite<T>(n * n, s.a.entries);
        if (!lower) turn(s.a, n);
        make_tridiagonal(s);
        if (!lower) {
            std::reverse(s.d, s.d + n);
            std::reverse(s.e, s.e + n - 1);
            if (s.vectors) turn(s.v, n);
        }
        bad |= make_diagonal(s);
        sort(s);
        for (Int i = 0; i < n; ++i) s.d[i] = bad ? nan<T>() : s.d[i] * power;
        write_entries<T>(group, n, s.d, w);
        if (!s.vectors) continue;
        for (Int i = 0; i < n * n; ++i)
            s.v.entries[i] = bad ? nan<T>() : s.v.entries[i];
        write(group, n, s.v, v);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
