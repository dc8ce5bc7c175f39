// Panels of LU and QR. A vector's number of columns lies by itself, one behind the other,
// and each is brought up to date as a whole, vectors of rows at once.
#include "panel_kernels.h"

#include <cmath>

#include "panel_vectors.h"

namespace chainrule::panel {
namespace {

template <class T> using Integer = typename small::Vectors<T>::Integer;

template <class T> CHAINRULE_INLINE Integers<T> count_lanes() {
    Integers<T> lanes{};
    for (int i = 0; i < kVector<T>; ++i) lanes[i] = Integer<T>(i);
    return lanes;
}

template <class T> CHAINRULE_INLINE Numbers<T> every(T x) { return Numbers<T>{} + x; }

/// The first of the largest numbers of a column, and its row.
template <class T> struct Largest {
    Numbers<T> size = every<T>(-1);
    Integers<T> row{};

    CHAINRULE_INLINE void see(const Numbers<T>& x, Int first) {
        const Numbers<T> here =
            (Numbers<T>)((Integers<T>)x & std::numeric_limits<Integer<T>>::max());
        const Integers<T> larger = here > size;
        size = larger ? here : size;
        row = larger ? Integers<T>{} + Integer<T>(first) : row;
    }
    /// `otherwise` where all are NaN.
    CHAINRULE_INLINE Int find(Int rows, Int otherwise) const {
        T best = -1;
        Int found = rows;
        for (int lane = 0; lane < kVector<T>; ++lane) {
            const Int here = row[lane] + lane;
            if (size[lane] > best || (size[lane] == best && here < found)) {
                best = size[lane];
                found = here;
            }
        }
        return best < 0 || found >= rows ? otherwise : found;
    }
};

/// Column j less products of those before; the rows from j on are seen.
template <class T>
CHAINRULE_INLINE Largest<T> subtract_columns(Int rows, Int j, T* columns, Int stride) {
    T *column = columns + j * stride, upper[kVector<T>];
    for (Int i = 0; i < j; ++i) {
        upper[i] = column[i];
        for (Int k = 0; k < i; ++k) upper[i] -= columns[k * stride + i] * upper[k];
    }
    Largest<T> largest;
    for (Int i = 0; i < rows; i += kStrip<T>) {
        Numbers<T> x[4];
        for (int v = 0; v < 4; ++v) x[v] = load<T>(column + i + v * kVector<T>);
        for (Int k = 0; k < j; ++k)
            for (int v = 0; v < 4; ++v)
                x[v] -= upper[k] * load<T>(columns + k * stride + i + v * kVector<T>);
        for (int v = 0; v < 4; ++v) store<T>(x[v], column + i + v * kVector<T>);
        if (i == 0)
            x[0] = count_lanes<T>() < Integer<T>(j)
                       ? every<T>(std::numeric_limits<T>::quiet_NaN())
                       : x[0];
        for (int v = 0; v < 4; ++v) largest.see(x[v], i + v * kVector<T>);
    }
    std::copy_n(upper, j, column);
    return largest;
}

/// Divides what is below entry j of a column by that, unless it is zero: by products with
/// its reciprocal, as LAPACK does, where that is a normal number.
template <class T> CHAINRULE_INLINE void divide(Int rows, Int j, T* column) {
    const T pivot = column[j], reciprocal = pivot == 0 ? T(1) : 1 / pivot;
    if (pivot != 0 && !std::isnormal(reciprocal)) {
        for (Int i = j + 1; i < rows; ++i) column[i] /= pivot;
        return;
    }
    const Numbers<T> first = load<T>(column);
    for (Int i = 0; i < rows; i += kVector<T>)
        store<T>(load<T>(column + i) * reciprocal, column + i);
    store<T>(count_lanes<T>() > Integer<T>(j) ? load<T>(column) : first, column);
}

/// Factors of columns that lie by themselves.
template <class T>
CHAINRULE_INLINE void factorise(Int rows, Int count, T* columns, Int stride, Int* pivots) {
    for (Int j = 0; j < count; ++j) {
        const Int pivot = subtract_columns<T>(rows, j, columns, stride).find(rows, j);
        pivots[j] = pivot;
        for (Int k = 0; k < count; ++k)
            std::swap(columns[k * stride + j], columns[k * stride + pivot]);
        T* column = columns + j * stride;
        divide<T>(rows, j, column);
    }
}

/// Columns of a vector's number of the rows of a panel, and zeros below; and back.
template <class T>
CHAINRULE_INLINE void read_rows(Int rows, const T* panel, T* columns, Int stride) {
    const Int end = (rows + kStrip<T> - 1) / kStrip<T> * kStrip<T>;
    for (int j = 0; j < kVector<T>; ++j)
        std::fill_n(columns + j * stride + rows, end - rows, T(0));
    for (Int i = 0; i < rows; i += kVector<T>)
        turn_square<T>(rows - i, kVector<T>, panel + i * kStrip<T>, kStrip<T>, columns + i,
                       stride);
}
template <class T>
CHAINRULE_INLINE void write_rows(Int rows, const T* columns, Int stride, T* panel) {
    for (Int i = 0; i < rows; i += kVector<T>)
        turn_square<T>(kVector<T>, rows - i, columns + i, stride, panel + i * kStrip<T>,
                       kStrip<T>);
}

/// Rows of `columns` numbers, to where they are strips and back.
template <class T>
CHAINRULE_INLINE void copy_rows(Int rows, Int columns, const T* from, Int from_stride,
                                T* to, Int to_stride) {
    for (Int i = 0; i < rows; ++i, from += from_stride, to += to_stride) {
        if (columns < kStrip<T>) {
            std::copy_n(from, columns, to);
            continue;
        }
        for (int v = 0; v < 4; ++v)
            store<T>(load<T>(from + v * kVector<T>), to + v * kVector<T>);
    }
}

template <class T>
CHAINRULE_INLINE void lu_of(Int rows, Int columns, T* a, Int stride, Int* pivots,
                            T* panel) {
    T* apart_from_it = panel + rows * kStrip<T>;
    if (columns < kStrip<T>) std::fill_n(panel, rows * kStrip<T>, T(0));
    copy_rows<T>(rows, columns, a, stride, panel, kStrip<T>);
    for (Int first = 0; first < columns; first += kVector<T>) {
        const Int count = std::min(kVector<T>, columns - first), height = rows - first;
        T* corner = panel + first * (kStrip<T> + 1);
        read_rows<T>(height, corner, apart_from_it, apart<T>(height));
        factorise<T>(height, count, apart_from_it, apart<T>(height), pivots + first);
        for (Int k = first; k < first + count; ++k) {
            pivots[k] += first;
            if (pivots[k] != k)
                std::swap_ranges(panel + k * kStrip<T>, panel + (k + 1) * kStrip<T>,
                                 panel + pivots[k] * kStrip<T>);
        }
        write_rows<T>(height, apart_from_it, apart<T>(height), corner);
        const Int rest = columns - first - count;
        if (rest > 0)
            eliminate<T>(count, height - count, rest, {corner, kStrip<T>, 1}, true,
                         corner + count, kStrip<T>, apart_from_it);
    }
    copy_rows<T>(rows, columns, panel, kStrip<T>, a, stride);
}

/// Rows of an upper triangle become those of u with u^T u = a.
template <class T> CHAINRULE_INLINE bool root_of(Int n, T* a, Int stride) {
    for (Int k = 0; k < n; ++k) {
        T* pivot_row = a + k * stride;
        if (!(pivot_row[k] > 0)) return false;
        const T root = std::sqrt(pivot_row[k]), reciprocal = 1 / root;
        pivot_row[k] = root;
        for (Int j = k + 1; j < n; ++j) pivot_row[j] *= reciprocal;
        for (Int i = k + 1; i < n; ++i) {
            T* row = a + i * stride;
            const T factor = pivot_row[i];
            for (Int j = i; j < n; ++j) row[j] -= factor * pivot_row[j];
        }
    }
    return true;
}

/// What a reflection does to the columns after it: v w^T is subtracted, v being its column
/// times `scale`.
template <class T> struct Reflection {
    T scale = 0, w[kVector<T>] = {}, dots[kVector<T>] = {};
};

/// Does the reflection of column J - 1, and finds the dot products of column J with those
/// from it on, in the rows below the diagonal.
template <class T, int J>
CHAINRULE_INLINE void sweep(Int rows, T* columns, Int stride, Reflection<T>& r) {
    constexpr int kLast = int(kVector<T>) - 1;
    const Integers<T> lanes = count_lanes<T>();
    Numbers<T> sums[kVector<T>] = {};
    for (Int i = 0; i < rows; i += kVector<T>) {
        Numbers<T> v{}, x{};
        if constexpr (J > 0) {
            T* before = columns + (J - 1) * stride + i;
            const Numbers<T> old = load<T>(before);
            v = old * r.scale;
            if (i == 0) {
                store<T>(lanes >= Integer<T>(J) ? v : old, before);
                v = lanes >= Integer<T>(J) ? v : Numbers<T>{};
                v = lanes == Integer<T>(J - 1) ? every<T>(1) : v;
            } else {
                store<T>(v, before);
            }
        }
#pragma GCC unroll 16
        for (int c = J; c <= kLast; ++c) {
            T* column = columns + c * stride + i;
            Numbers<T> y = load<T>(column);
            if constexpr (J > 0) {
                y -= v * r.w[c];
                store<T>(y, column);
            }
            if (c == J) x = i == 0 ? (lanes > Integer<T>(J) ? y : Numbers<T>{}) : y;
            sums[c] += x * y;
        }
    }
    for (int c = J; c <= kLast; ++c) {
        T sum = 0;
        for (int lane = 0; lane < kVector<T>; ++lane) sum += sums[c][lane];
        r.dots[c] = sum;
    }
}

/// The reflections of columns from J on. False where squares overflow or vanish.
template <class T, int J>
CHAINRULE_INLINE bool reflect(Int rows, Int count, T* columns, Int stride, T* taus,
                              Reflection<T>& r) {
    constexpr T kLeast =
        std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
    if constexpr (J < int(kVector<T>)) {
        if (J < count) {
            sweep<T, J>(rows, columns, stride, r);
            T &diagonal = columns[J * stride + J], alpha = diagonal, finite = 0;
            taus[J] = r.scale = 0;
            if (J + 1 < rows) {
                const T squares = r.dots[J], size = alpha * alpha + squares;
                if (!(squares > kLeast && size < 1 / kLeast)) return false;
                diagonal = -std::copysign(std::sqrt(size), alpha);
                taus[J] = (diagonal - alpha) / diagonal;
                r.scale = 1 / (alpha - diagonal);
            }
            for (int c = J + 1; c < kVector<T>; ++c) {
                r.w[c] = taus[J] * (columns[c * stride + J] + r.scale * r.dots[c]);
                finite += T(0) * r.w[c];
            }
            return finite == 0 && reflect<T, J + 1>(rows, count, columns, stride, taus, r);
        }
    }
    // Columns behind the last are zeros.
    T* last = columns + (count - 1) * stride;
    for (Int i = count; i < rows; ++i) last[i] *= r.scale;
    return true;
}

template <class T>
CHAINRULE_INLINE bool qr_of(Int rows, Int count, T* a, Int stride, T* taus, T* room) {
    const Int step = apart<T>(rows);
    for (Int j = 0; j < kVector<T>; ++j) {
        if (j < count) std::copy_n(a + j * stride, rows, room + j * step);
        const Int there = j < count ? rows : 0;
        std::fill_n(room + j * step + there, rows + kVector<T> - there, T(0));
    }
    Reflection<T> reflection;
    if (!reflect<T, 0>(rows, count, room, step, taus, reflection)) return false;
    for (Int j = 0; j < count; ++j) std::copy_n(room + j * step, rows, a + j * stride);
    return true;
}

/// Rows of columns, and what v has on its diagonal and above.
template <class T>
CHAINRULE_INLINE void read_v(Int rows, Int columns, const T* a, Int stride, T* v) {
    const Int strip = strip_of<T>(columns);
    if (columns < strip) std::fill_n(v, rows * strip, T(0));
    for (Int row = 0; row < rows; row += kVector<T>)
        for (Int column = 0; column < columns; column += kVector<T>)
            turn_square<T>(columns - column, rows - row, a + column * stride + row, stride,
                           v + row * strip + column, strip);
    for (Int j = 0; j < columns; ++j) {
        v[j * strip + j] = 1;
        std::fill_n(v + j * strip + j + 1, strip - j - 1, T(0));
    }
}

/// Row j of t^T is -tau_j times the dot products of reflection j with those before times
/// their rows.
template <class T, int V>
CHAINRULE_INLINE void join(Int columns, const T* dots, const T* taus, T* t) {
    constexpr Int kWidth = V * kVector<T>;
    std::fill_n(t, kWidth * kWidth, T(0));
    for (Int j = 0; j < columns; ++j) {
        Numbers<T> row[V] = {};
        for (Int k = 0; k < j; ++k)
            for (int v = 0; v < V; ++v)
                row[v] += dots[k * kWidth + j] * load<T>(t + k * kWidth + v * kVector<T>);
        for (int v = 0; v < V; ++v)
            store<T>(-taus[j] * row[v], t + j * kWidth + v * kVector<T>);
        t[j * kWidth + j] = taus[j];
    }
}

}  // namespace

#define CHAINRULE_PANELS(T)                                                               \
    template <> CHAINRULE_WIDE_VECTORS void lu<T>(Int rows, Int columns, T* a,            \
                                                  Int stride, Int* pivots, T* room) {     \
        lu_of<T>(rows, columns, a, stride, pivots, room);                                 \
    }                                                                                     \
    template <> CHAINRULE_WIDE_VECTORS bool cholesky<T>(Int n, T* a, Int stride) {        \
        return root_of<T>(n, a, stride);                                                  \
    }                                                                                     \
    template <> CHAINRULE_WIDE_VECTORS bool qr<T>(Int rows, Int columns, T* a,            \
                                                  Int stride, T* taus, T* room) {         \
        return qr_of<T>(rows, columns, a, stride, taus, room);                            \
    }                                                                                     \
    template <> CHAINRULE_WIDE_VECTORS void read_reflections<T>(                          \
        Int rows, Int columns, const T* a, Int stride, T* v) {                            \
        read_v<T>(rows, columns, a, stride, v);                                           \
    }                                                                                     \
    template <> CHAINRULE_WIDE_VECTORS void join_reflections<T>(                          \
        Int columns, const T* dots, const T* taus, T* t) {                                \
        if (columns <= kVector<T>) return join<T, 1>(columns, dots, taus, t);             \
        if (columns <= 2 * kVector<T>) return join<T, 2>(columns, dots, taus, t);         \
        if (columns <= 3 * kVector<T>) return join<T, 3>(columns, dots, taus, t);         \
        join<T, 4>(columns, dots, taus, t);                                               \
    }
CHAINRULE_PANELS(float)
CHAINRULE_PANELS(double)
#undef CHAINRULE_PANELS

}  // namespace chainrule::panel
