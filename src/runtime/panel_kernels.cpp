// Panels of QR and of Cholesky factors. Reflections are of a vector's number of columns,
// which lie by themselves, one behind the other: vectors are of rows.
#include "panel_kernels.h"

#include <cmath>

#include "panel_vectors.h"

namespace chainrule::panel {
namespace {

/// Rows of an upper triangle, a vector each, become those of u with u^T u = a.
template <class T> CHAINRULE_INLINE bool root_of_square(Int n, T* a, Int stride) {
    constexpr int kLanes = int(kVector<T>);
    const Integers<T> lanes = count_lanes<T>();
    Numbers<T> rows[kLanes];
    read_square<T>(n, n, a, stride, rows);
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; ++k) {
        if (k >= n) break;
        const T pivot = rows[k][k], root = std::sqrt(pivot);
        if (!(pivot > 0)) return false;
        const Numbers<T> scaled = rows[k] * (1 / root);
        rows[k] = lanes == Integer<T>(k) ? every<T>(root) : scaled;
#pragma GCC unroll 16
        for (int i = k + 1; i < kLanes; ++i) rows[i] -= lane<T>(scaled, i) * scaled;
    }
    const auto size = std::size_t(n) * sizeof(T);
    for (Int i = 0; i < n; ++i) std::memcpy(a + i * stride, &rows[i], size);
    return true;
}

/// The same for more rows: a vector's number of them at once, from which products are then
/// subtracted.
template <class T> CHAINRULE_INLINE bool root_of(Int n, T* a, Int stride) {
    T room[kVector<T> * kStrip<T>];
    for (Int rest = n; rest > 0; a += kVector<T> * (stride + 1)) {
        const Int w = std::min(kVector<T>, rest);
        if (!root_of_square<T>(w, a, stride)) return false;
        rest -= w;
        if (rest == 0) break;
        eliminate<T>(w, 0, rest, {a, 1, stride}, false, a + w, stride, room);
        multiply<T>(rest, rest, w, {room, 1, strip_of<T>(rest)}, room,
                    a + w * (stride + 1), stride, Into::kSubtract);
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
