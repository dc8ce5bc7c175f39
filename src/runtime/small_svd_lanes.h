// Singular values of small matrices, one for each lane of a vector: pairs of columns are
// rotated until all are orthogonal (see jacobi.h). The pairs of a round have no column in
// common, so that no rotation waits for the one before.
//
// Included by each_vectors.h, for each kind of vectors.
#include "small_reflections.h"

namespace chainrule::small::CHAINRULE_KIND {
namespace {

constexpr int kMostSweeps = 30;

/// A group of matrices of `rows` x `n`, at least as many rows as columns, whose columns are
/// rotated, and the products of rotations, column-major.
template <class T> struct Rotated {
    Int rows, n;
    bool vectors;
    Numbers<T> x[kLargest * kLargest + kLanes<T>], v[kLargest * kLargest + kLanes<T>];
    Numbers<T> squares[kLargest], values[kLargest + kLanes<T>];

    CHAINRULE_INLINE Numbers<T> product(Int p, Int q) const {
        Numbers<T> even{}, odd{};
        for (Int i = 0; i + 1 < rows; i += 2) {
            even += x[p * rows + i] * x[q * rows + i];
            odd += x[p * rows + i + 1] * x[q * rows + i + 1];
        }
        if (rows % 2) even += x[(p + 1) * rows - 1] * x[(q + 1) * rows - 1];
        return even + odd;
    }
};

/// Pairs p < q of columns: the angles by which they are rotated.
template <class T> struct Pairs {
    Int count = 0, p[kLargest / 2], q[kLargest / 2];
    Numbers<T> cosine[kLargest / 2], sine[kLargest / 2];

    CHAINRULE_INLINE void add(Int a, Int b) {
        p[count] = std::min(a, b);
        q[count++] = std::max(a, b);
    }
};

/// The rotation that makes the columns of pair k orthogonal, where their angle counts; those
/// lanes.
template <class T>
CHAINRULE_INLINE Integers<T> find_angle(Rotated<T>& r, Pairs<T>& pairs, Int k, T enough) {
    Numbers<T>&low = r.squares[pairs.p[k]], &high = r.squares[pairs.q[k]];
    const Numbers<T> product = r.product(pairs.p[k], pairs.q[k]), more = high - low;
    const Integers<T> counts =
        magnitude<T>(product) > enough * root<T>(low) * root<T>(high);
    const Numbers<T> twice = more < 0 ? -2 * product : 2 * product;
    const Numbers<T> t = twice / (magnitude<T>(more) + length<T>(more, twice));
    const Numbers<T> cosine = 1 / root<T>(1 + t * t);
    pairs.cosine[k] = counts ? cosine : Numbers<T>{} + 1;
    pairs.sine[k] = counts ? cosine * t : Numbers<T>{};
    low -= counts ? t * product : Numbers<T>{};
    high += counts ? t * product : Numbers<T>{};
    return counts;
}

/// Columns p and q of `height` entries by a rotation.
template <class T>
CHAINRULE_INLINE void rotate(Int height, Numbers<T>* p, Numbers<T>* q,
                             const Numbers<T>& cosine, const Numbers<T>& sine) {
    for (Int i = 0; i < height; ++i) {
        const Numbers<T> x = p[i], y = q[i];
        p[i] = cosine * x - sine * y;
        q[i] = sine * x + cosine * y;
    }
}

/// Every pair once, as in a tournament. Returns the lanes in which one was rotated.
template <class T> CHAINRULE_INLINE Integers<T> sweep(Rotated<T>& r, T enough) {
    const Int others = r.n - 1 + r.n % 2;  // one sits out where they are odd
    Integers<T> rotated{};
    for (Int j = 0; j < r.n; ++j) r.squares[j] = r.product(j, j);
    for (Int first = 0; first < others; ++first) {
        Pairs<T> pairs;
        if (others < r.n) pairs.add(first, others);
        for (Int k = 1, p = first, q = first; k <= others / 2; ++k) {
            p = p + 1 == others ? 0 : p + 1;
            q = q == 0 ? others - 1 : q - 1;
            pairs.add(p, q);
        }
        Integers<T> now{};
        for (Int k = 0; k < pairs.count; ++k) now |= find_angle(r, pairs, k, enough);
        rotated |= now;
        if (!any<T>(now)) continue;
        for (Int k = 0; k < pairs.count; ++k) {
            const Int p = pairs.p[k], q = pairs.q[k];
            rotate<T>(r.rows, r.x + p * r.rows, r.x + q * r.rows, pairs.cosine[k],
                      pairs.sine[k]);
            if (r.vectors)
                rotate<T>(r.n, r.v + p * r.n, r.v + q * r.n, pairs.cosine[k],
                          pairs.sine[k]);
        }
    }
    return rotated;
}

/// Largest values first, and columns with them.
template <class T> CHAINRULE_INLINE void sort(Rotated<T>& r) {
    for (Int i = 0; i + 1 < r.n; ++i)
        for (Int j = i + 1; j < r.n; ++j) {
            const Integers<T> here = r.values[j] > r.values[i];
            if (!any<T>(here)) continue;
            exchange<T>(r.values[i], r.values[j], here);
            if (!r.vectors) continue;
            for (Int k = 0; k < r.rows; ++k)
                exchange<T>(r.x[i * r.rows + k], r.x[j * r.rows + k], here);
            for (Int k = 0; k < r.n; ++k)
                exchange<T>(r.v[i * r.n + k], r.v[j * r.n + k], here);
        }
}

/// Values, and orthonormal columns. Returns the lanes that rotations do not do: next to
/// singular ones, and those that take too long.
template <class T> CHAINRULE_INLINE Integers<T> diagonalise(Rotated<T>& r) {
    const T enough = std::numeric_limits<T>::epsilon() * std::sqrt(T(r.rows));
    for (Int i = 0; r.vectors && i < r.n; ++i)
        for (Int j = 0; j < r.n; ++j) r.v[j * r.n + i] = Numbers<T>{} + T(i == j);
    Integers<T> bad = ~Integers<T>{};
    for (int step = 0; step < kMostSweeps && any<T>(bad); ++step) bad = sweep(r, enough);
    const T smallest = std::sqrt(std::numeric_limits<T>::min()) * (1 << 20);
    for (Int j = 0; j < r.n; ++j) {
        const Numbers<T> size = root<T>(r.product(j, j));
        bad |= ~(size > smallest);
        r.values[j] = size;
        for (Int i = 0; r.vectors && i < r.rows; ++i) r.x[j * r.rows + i] /= size;
    }
    sort(r);
    return bad;
}

/// The vectors in columns of length `height`, as the columns or as the rows of a matrix.
template <class T>
CHAINRULE_INLINE void write_vectors(const Group<T>& group, Int height, Int n,
                                    const Numbers<T>* columns, bool as_rows, T* to) {
    if (as_rows) return write_entries<T>(group, height * n, columns, to);
    Numbers<T> turned[kLargest * kLargest + kLanes<T>];
    turn<T>(n, height, columns, turned);
    write_entries<T>(group, height * n, turned, to);
}

template <class T>
void svd_all(Int m, Int n, Int count, const T* a, T* u, T* s, T* vh, bool* found) {
    Rotated<T> r;
    const bool tall = m >= n;
    r.rows = std::max(m, n);
    r.n = std::min(m, n);
    r.vectors = u != nullptr;
    Numbers<T> entries[kLargest * kLargest + kLanes<T>];
    for (Int first = 0; first < count; first += kLanes<T>) {
        const Group<T> group(first, count);
        read_entries<T>(group, m * n, a, entries);
        const Numbers<T> power = scale<T>(m * n, entries);
        Integers<T> bad = clear_infinite<T>(m * n, entries);
        if (tall)
            turn<T>(m, n, entries, r.x);
        else
            std::copy_n(entries, m * n, r.x);
        bad |= diagonalise(r);
        for (Int j = 0; j < r.n; ++j) r.values[j] *= power;
        write_entries<T>(group, r.n, r.values, s);
        for (int lane = 0; lane < group.lanes; ++lane) found[first + lane] = !bad[lane];
        if (!r.vectors) continue;
        write_vectors<T>(group, r.rows, r.n, r.x, !tall, tall ? u : vh);
        write_vectors<T>(group, r.n, r.n, r.v, tall, tall ? vh : u);
    }
}

}  // namespace
}  // namespace chainrule::small::CHAINRULE_KIND
