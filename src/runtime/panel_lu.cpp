// LU of a panel. Its columns lie by themselves, one behind the other, so that a vector is
// of rows. A group of columns is brought up to date in squares on the way there, a vector
// of each column; half a group is eliminated column by column, so that it stays in the
// first cache.
#include <cmath>

#include "panel_kernels.h"
#include "panel_vectors.h"

namespace chainrule::panel {
namespace {

/// Columns that are eliminated one by one, each by those before it.
template <class T> constexpr Int kHalf = kVector<T> / 2;
/// How many vectors of a column are brought up to date at once with a whole group's, so
/// that enough sums are on the way.
template <class T> constexpr int kSquares = 16 / int(kVector<T>);

/// Columns that lie by themselves, `step` numbers apart.
template <class T> struct Columns {
    T* data;
    Int step;
    CHAINRULE_INLINE T* operator[](Int j) const { return data + j * step; }
    CHAINRULE_INLINE Columns from(Int k) const { return {data + k * step + k, step}; }
};

/// Lane i becomes lane i ^ D.
template <int D, class T, class V, std::size_t... I>
CHAINRULE_INLINE V crossed(const V& x, std::index_sequence<I...>) {
#ifdef __clang__
    return __builtin_shufflevector(x, x, (I ^ D)...);
#else
    return __builtin_shuffle(x, Integers<T>{(I ^ D)...});
#endif
}

/// The first of the largest numbers of a column, and its row.
template <class T> struct Largest {
    Numbers<T> size = every<T>(-1);
    Integers<T> row{};

    CHAINRULE_INLINE void see(const Numbers<T>& x, Int first) {
        const Numbers<T> here =
            (Numbers<T>)((Integers<T>)x & std::numeric_limits<Integer<T>>::max());
        keep(here > size, here, Integers<T>{} + Integer<T>(first));
    }
    CHAINRULE_INLINE void keep(const Integers<T>& better, const Numbers<T>& other_size,
                               const Integers<T>& other_row) {
        size = better ? other_size : size;
        row = better ? other_row : row;
    }
    /// The larger of two, in each lane; the first of equal ones.
    CHAINRULE_INLINE void join(const Largest& other) {
        const Integers<T> lower = other.row < row ? other.row : row;
        row = other.size == size ? lower : row;
        keep(other.size > size, other.size, other.row);
    }
    template <int D> CHAINRULE_INLINE void join_lanes() {
        const std::make_index_sequence<std::size_t(kVector<T>)> lanes{};
        join({crossed<D, T>(size, lanes), crossed<D, T>(row, lanes)});
        if constexpr (D > 1) join_lanes<D / 2>();
    }
    /// `otherwise` where all are NaN.
    CHAINRULE_INLINE Int find(Int rows, Int otherwise) const {
        Largest best{size, row + count_lanes<T>()};
        best.template join_lanes<int(kVector<T>) / 2>();
        return best.size[0] < 0 || best.row[0] >= rows ? otherwise : Int(best.row[0]);
    }
};

/// The first vector of a column less products with columns k of [begin, end): lane k is
/// of the upper factor, those behind it are rows of the lower one.
template <class T>
CHAINRULE_INLINE Numbers<T> eliminate_top(Numbers<T> x, Int begin, Int end,
                                          const Columns<T>& columns) {
    for (Int k = begin; k < end; ++k) {
        const Numbers<T> less = x - lane<T>(x, k) * load<T>(columns[k]);
        x = count_lanes<T>() > Integer<T>(k) ? less : x;
    }
    return x;
}

/// V vectors of a column less products with columns k of [begin, end).
template <class T, int V>
CHAINRULE_INLINE void subtract(const Columns<T>& columns, Int j, Int begin, Int i,
                               Largest<T>* largest) {
    T* column = columns[j];
    Numbers<T> x[V];
    for (int v = 0; v < V; ++v) x[v] = load<T>(column + i + v * kVector<T>);
    for (Int k = begin; k < j; ++k)
        for (int v = 0; v < V; ++v)
            x[v] -= column[k] * load<T>(columns[k] + i + v * kVector<T>);
    for (int v = 0; v < V; ++v) {
        store<T>(x[v], column + i + v * kVector<T>);
        largest[v % 2].see(x[v], i + v * kVector<T>);
    }
}

/// Column j less products of those from `begin` on before it; the pivot is the first of the
/// largest that are left.
template <class T>
CHAINRULE_INLINE Int find_pivot(Int rows, const Columns<T>& columns, Int begin, Int j) {
    const Numbers<T> top = eliminate_top<T>(load<T>(columns[j]), begin, j, columns);
    store<T>(top, columns[j]);
    Largest<T> largest[2];
    const T nan = std::numeric_limits<T>::quiet_NaN();
    largest[0].see(count_lanes<T>() < Integer<T>(j) ? every<T>(nan) : top, 0);
    Int i = kVector<T>;
    for (; i + 4 * kVector<T> <= rows; i += 4 * kVector<T>)
        subtract<T, 4>(columns, j, begin, i, largest);
    for (; i < rows; i += kVector<T>) subtract<T, 1>(columns, j, begin, i, largest);
    largest[0].join(largest[1]);
    return largest[0].find(rows, j);
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

/// The second half of a group less products with the first.
template <class T>
CHAINRULE_INLINE void subtract_half(Int rows, const Columns<T>& columns) {
    constexpr int kColumns = int(kHalf<T>), kVectors = 16 / kColumns;
    for (Int c = kHalf<T>; c < kVector<T>; ++c)
        store<T>(eliminate_top<T>(load<T>(columns[c]), 0, kHalf<T>, columns), columns[c]);
    for (Int i = kVector<T>; i < rows; i += kVectors * kVector<T>) {
        Numbers<T> x[kColumns][kVectors];
#pragma GCC unroll 8
        for (int c = 0; c < kColumns; ++c)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
                x[c][v] = load<T>(columns[kHalf<T> + c] + i + v * kVector<T>);
        for (Int k = 0; k < kHalf<T>; ++k)
#pragma GCC unroll 8
            for (int c = 0; c < kColumns; ++c)
#pragma GCC unroll 4
                for (int v = 0; v < kVectors; ++v)
                    x[c][v] -= columns[kHalf<T> + c][k] *
                               load<T>(columns[k] + i + v * kVector<T>);
#pragma GCC unroll 8
        for (int c = 0; c < kColumns; ++c)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
                store<T>(x[c][v], columns[kHalf<T> + c] + i + v * kVector<T>);
    }
}

/// Factors of a group of columns.
template <class T>
CHAINRULE_INLINE void factorise(Int rows, Int count, const Columns<T>& columns,
                                Int* pivots) {
    for (Int j = 0; j < count; ++j) {
        if (j == kHalf<T>) subtract_half<T>(rows, columns);
        const Int pivot = find_pivot<T>(rows, columns, j / kHalf<T> * kHalf<T>, j);
        pivots[j] = pivot;
        for (Int k = 0; k < count; ++k) std::swap(columns[k][j], columns[k][pivot]);
        divide<T>(rows, j, columns[j]);
    }
}

/// Rows of a group, as columns, less products of the columns before, of which there are
/// `depth`, with `upper`: as many rows as there are, and zeros below.
template <class T>
CHAINRULE_INLINE void bring(Int rows, Int count, const T* from, Int stride, Int depth,
                            const Columns<T>& before, const T* upper,
                            const Columns<T>& to) {
    constexpr int kLanes = int(kVector<T>), S = kSquares<T>;
    Numbers<T> x[S][kLanes];
#pragma GCC unroll 2
    for (int s = 0; s < S; ++s) {
        read_square<T>(rows - s * kLanes, count, from + s * kLanes * stride, stride, x[s]);
        small::of_64_bytes::transpose<T>(x[s]);
    }
    for (Int k = 0; k < depth; ++k, upper += kLanes)
#pragma GCC unroll 2
        for (int s = 0; s < S; ++s) {
            const Numbers<T> l = load<T>(before[k] + s * kLanes);
#pragma GCC unroll 16
            for (int c = 0; c < kLanes; ++c) x[s][c] -= upper[c] * l;
        }
#pragma GCC unroll 2
    for (int s = 0; s < S; ++s)
#pragma GCC unroll 16
        for (int c = 0; c < kLanes; ++c) store<T>(x[s][c], to[c] + s * kLanes);
}

template <class T>
CHAINRULE_INLINE void lu_of(Int rows, Int columns, T* a, Int stride, Int* pivots,
                            T* room) {
    constexpr Int kLanes = kVector<T>, kHigh = kSquares<T> * kLanes;
    const Columns<T> all{room, apart<T>(rows)};
    T* upper = room + kStrip<T> * all.step;
    for (Int first = 0; first < columns; first += kLanes) {
        const Int count = std::min(kLanes, columns - first), end = first + count;
        pack<T>(first, count, a + first, stride, upper);
        solve_lower<T>(first, count, {room, 1, all.step}, true, upper);
        for (Int i = 0; i < first; ++i)
            std::copy_n(upper + i * kLanes, count, a + i * stride + first);
        for (Int i = first; i < rows; i += kHigh)
            bring<T>(rows - i, count, a + i * stride + first, stride, first,
                     {room + i, all.step}, upper, {all[first] + i, all.step});
        factorise<T>(rows - first, count, all.from(first), pivots + first);
        for (Int k = first; k < end; ++k) {
            const Int pivot = pivots[k] += first;
            for (Int j = 0; j < first; ++j) std::swap(all[j][k], all[j][pivot]);
            if (pivot != k)
                std::swap_ranges(a + k * stride + end, a + k * stride + columns,
                                 a + pivot * stride + end);
        }
    }
    for (Int i = 0; i < rows; i += kLanes)
        for (Int j = 0; j < columns && j <= i; j += kLanes)
            turn_square<T>(columns - j, rows - i, all[j] + i, all.step, a + i * stride + j,
                           stride);
}

}  // namespace

#define CHAINRULE_LU(T)                                                                   \
    template <> CHAINRULE_WIDE_VECTORS void lu<T>(Int rows, Int columns, T* a,            \
                                                  Int stride, Int* pivots, T* room) {     \
        lu_of<T>(rows, columns, a, stride, pivots, room);                                 \
    }
CHAINRULE_LU(float)
CHAINRULE_LU(double)
#undef CHAINRULE_LU

}  // namespace chainrule::panel
