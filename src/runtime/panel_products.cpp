// A tile of the result, 24 vectors of a few rows, stays in registers while it is summed.
#include "panel_products.h"

#include "panel_vectors.h"

namespace chainrule::panel {
namespace {

/// Rows of a tile that is V vectors wide.
template <int V> constexpr int kRows = 24 / V;
/// Rows of a strip of four vectors that stay in the first cache: 16 KB.
constexpr Int kDepth = 64;

/// A strip's terms, and where their product with a goes.
template <class T> struct Part {
    Int depth;
    const T* strip;
    Int stride, width;
    Into into;
};

/// R rows of c, as many columns as a strip has.
template <class T, int V, int R>
CHAINRULE_INLINE void tile(const Part<T>& part, const Entries<T>& a, T* c, Int stride) {
    Numbers<T> sums[R][V] = {};
    const T sign = part.into == Into::kSubtract ? T(-1) : T(1);
    if (part.into != Into::kSet) {
#pragma GCC unroll 24
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v)
                sums[r][v] = sign * load<T>(c + r * stride + v * kVector<T>);
    }
    for (Int k = 0; k < part.depth; ++k) {
        Numbers<T> b[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            b[v] = load<T>(part.strip + k * V * kVector<T> + v * kVector<T>);
#pragma GCC unroll 24
        for (int r = 0; r < R; ++r) {
            const T x = a.data[r * a.row + k * a.column];
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) sums[r][v] += x * b[v];
        }
    }
#pragma GCC unroll 24
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            store<T>(sign * sums[r][v], c + r * stride + v * kVector<T>);
}

/// The rows of a strip's product: by tiles of R, then by smaller ones.
template <class T, int V, int R>
CHAINRULE_INLINE void rows(Int m, const Part<T>& part, Entries<T> a, T* c) {
    constexpr Int kWhole = V * kVector<T>;
    for (; m >= R; m -= R, a.data += R * a.row, c += R * part.stride) {
        T whole[R * kWhole];
        const bool partial = part.width < kWhole;
        for (int r = 0; partial && r < R; ++r) {
            std::copy_n(c + r * part.stride, part.width, whole + r * kWhole);
            std::fill_n(whole + r * kWhole + part.width, kWhole - part.width, T(0));
        }
        tile<T, V, R>(part, a, partial ? whole : c, partial ? kWhole : part.stride);
        for (int r = 0; partial && r < R; ++r)
            std::copy_n(whole + r * kWhole, part.width, c + r * part.stride);
    }
    if constexpr (R > 1) {
        if (m > 0) rows<T, V, (R > 8 ? 6 : R > 2 ? 2 : 1)>(m, part, a, c);
    }
}

template <class T, int V>
CHAINRULE_INLINE void product(Int m, Int n, Int depth, const Entries<T>& a,
                              const T* packed, T* c, Int stride, Into into) {
    constexpr Int kWhole = V * kVector<T>;
    for (Int column = 0; column < n; column += kWhole, packed += depth * kWhole)
        for (Int k = 0; k < depth; k += kDepth) {
            const Part<T> part{std::min(kDepth, depth - k), packed + k * kWhole, stride,
                               std::min(kWhole, n - column),
                               k > 0 && into == Into::kSet ? Into::kAdd : into};
            rows<T, V, kRows<V>>(m, part, {a.data + k * a.column, a.row, a.column},
                                 c + column);
        }
}

/// Row i of x is that of b less products of those before: of all before a group of rows at
/// once, then of those in it.
template <class T, int V>
CHAINRULE_INLINE void substitute(Int n, const Entries<T>& l, bool unit, T* strip) {
    constexpr Int kGroup = 6, kWhole = V * kVector<T>;
    for (Int first = 0; first < n; first += kGroup) {
        const Int count = std::min(kGroup, n - first);
        T* group = strip + first * kWhole;
        product<T, V>(count, kWhole, first, {l.data + first * l.row, l.row, l.column},
                      strip, group, kWhole, Into::kSubtract);
        for (Int i = 0; i < count; ++i) {
            const T* entries = l.data + (first + i) * l.row + first * l.column;
            for (int v = 0; v < V; ++v) {
                T* at = group + v * kVector<T>;
                Numbers<T> x = load<T>(at + i * kWhole);
                for (Int k = 0; k < i; ++k)
                    x -= entries[k * l.column] * load<T>(at + k * kWhole);
                store<T>(unit ? x : x / entries[i * l.column], at + i * kWhole);
            }
        }
    }
}

}  // namespace

template <class T> void pack(Int depth, Int n, const T* b, Int stride, T* packed) {
    const Int strip = strip_of<T>(n);
    for (Int column = 0; column < n; column += strip) {
        const Int width = std::min(strip, n - column);
        for (Int k = 0; k < depth; ++k, packed += strip) {
            std::copy_n(b + k * stride + column, width, packed);
            std::fill_n(packed + width, strip - width, T(0));
        }
    }
}

#define CHAINRULE_DECLARED(T)                                                             \
    template <> void multiply<T>(Int, Int, Int, const Entries<T>&, const T*, T*, Int,     \
                                 Into);                                                   \
    template <> void solve_lower<T>(Int, Int, const Entries<T>&, bool, T*);
CHAINRULE_DECLARED(float)
CHAINRULE_DECLARED(double)
#undef CHAINRULE_DECLARED

template <class T>
void eliminate(Int w, Int below, Int columns, const Entries<T>& l, bool unit, T* c,
               Int stride, T* room) {
    pack<T>(w, columns, c, stride, room);
    solve_lower<T>(w, columns, l, unit, room);
    for (Int i = 0; i < w; ++i)
        std::copy_n(room + i * strip_of<T>(columns), columns, c + i * stride);
    multiply<T>(below, columns, w, {l.data + w * l.row, l.row, l.column}, room,
                c + w * stride, stride, Into::kSubtract);
}

template <class T>
CHAINRULE_INLINE void turn_all(Int rows, Int columns, const T* from, Int from_stride, T* to,
                               Int to_stride) {
    for (Int i = 0; i < rows; i += kVector<T>)
        for (Int j = 0; j < columns; j += kVector<T>)
            turn_square<T>(rows - i, columns - j, from + i * from_stride + j, from_stride,
                           to + j * to_stride + i, to_stride);
}

#define CHAINRULE_PANEL_PRODUCTS(T)                                                       \
    template <> CHAINRULE_WIDE_VECTORS void turn<T>(Int rows, Int columns, const T* from, \
                                                    Int from_stride, T* to,               \
                                                    Int to_stride) {                      \
        turn_all<T>(rows, columns, from, from_stride, to, to_stride);                     \
    }                                                                                     \
    template void pack<T>(Int, Int, const T*, Int, T*);                                   \
    template void eliminate<T>(Int, Int, Int, const Entries<T>&, bool, T*, Int, T*);      \
    template <> CHAINRULE_WIDE_VECTORS void multiply<T>(                                  \
        Int m, Int n, Int depth, const Entries<T>& a, const T* packed, T* c, Int stride,  \
        Into into) {                                                                      \
        if (n <= kVector<T>)                                                              \
            return product<T, 1>(m, n, depth, a, packed, c, stride, into);                \
        if (n <= 2 * kVector<T>)                                                          \
            return product<T, 2>(m, n, depth, a, packed, c, stride, into);                \
        if (n <= 3 * kVector<T>)                                                          \
            return product<T, 3>(m, n, depth, a, packed, c, stride, into);                \
        product<T, 4>(m, n, depth, a, packed, c, stride, into);                           \
    }                                                                                     \
    template <> CHAINRULE_WIDE_VECTORS void solve_lower<T>(                               \
        Int n, Int columns, const Entries<T>& l, bool unit, T* strip) {                   \
        if (columns <= kVector<T>) return substitute<T, 1>(n, l, unit, strip);            \
        if (columns <= 2 * kVector<T>) return substitute<T, 2>(n, l, unit, strip);        \
        if (columns <= 3 * kVector<T>) return substitute<T, 3>(n, l, unit, strip);        \
        substitute<T, 4>(n, l, unit, strip);                                              \
    }
CHAINRULE_PANEL_PRODUCTS(float)
CHAINRULE_PANEL_PRODUCTS(double)
#undef CHAINRULE_PANEL_PRODUCTS

}  // namespace chainrule::panel
