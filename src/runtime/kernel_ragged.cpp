// Kernels that multiply groups of rows, whose sizes are known at run time, by matrices.
// Buffers are x, y, group sizes (64 bits), out; <type> is f32 or f64.
//
// ragged_rows_<type>: x of shape (batch, rows, each, k), out (batch, rows, each, n); the
// rows of group g meet the matrix (k, n) of y that begins at g * between_groups +
// number * between_batches, transposed if turned is 1. Rows of no group become zeros. The
// integers batch, rows, each, k, n, groups, turned, between_groups, between_batches.
//
// ragged_sums_<type>: x of shape (batch, rows, m), y (batch, rows, n), out (groups, batch,
// m, n), the sums over the rows of each group; a row is `each` of them. The integers
// batch, rows, each, m, n, groups.
//
// Blocks depend on the sizes alone, and so do all bits.
#include "gemm.h"
#include "kernels.h"

#include <vector>

namespace chainrule::kernels {
namespace {

constexpr Int kBlock = 256;     // rows of a product
constexpr Int kWork = 1 << 20;  // multiplications that are worth a thread

/// Where groups begin, and where the last ends: within the rows, and in ascending order.
std::vector<Int> bounds_of(const void* sizes, Int groups, Int rows) {
    const Int* of = static_cast<const Int*>(sizes);
    std::vector<Int> bounds(std::size_t(groups) + 1, 0);
    for (Int g = 0; g < groups; ++g)
        bounds[g + 1] = bounds[g] + std::clamp<Int>(of[g], 0, rows - bounds[g]);
    return bounds;
}

struct RowSizes {
    Int batch, rows, each, k, n, groups, turned, between_groups, between_batches;
};

template <class T> void ragged_rows(void** buffers, const Int* ints, Int, Int) {
    const RowSizes s{ints[0], ints[1], ints[2], ints[3], ints[4],
                     ints[5], ints[6], ints[7], ints[8]};
    const T* x = static_cast<const T*>(buffers[0]);
    const T* y = static_cast<const T*>(buffers[1]);
    T* out = static_cast<T*>(buffers[3]);
    const auto bounds = bounds_of(buffers[2], s.groups, s.rows);
    const Int block = std::max<Int>(kBlock / std::max<Int>(s.each, 1), 1);
    const Int blocks = (s.rows + block - 1) / block;
    const auto multiply_block = [&](Int number, Int first, Int last) {
        const Int before = number * s.rows;
        for (Int g = 0; g < s.groups; ++g) {
            const Int begin = std::max(first, bounds[g]);
            const Int end = std::min(last, bounds[g + 1]);
            if (begin >= end) continue;
            const T* matrix = y + g * s.between_groups + number * s.between_batches;
            multiply<T>({x + (before + begin) * s.each * s.k, s.k, 0},
                        {matrix, s.turned ? s.k : s.n, s.turned},
                        out + (before + begin) * s.each * s.n, s.n,
                        (end - begin) * s.each, s.n, s.k);
        }
        const Int begin = std::max(first, bounds.back()), size = s.each * s.n;
        if (begin < last)
            std::fill_n(out + (before + begin) * size, (last - begin) * size, T(0));
    };
    const Int work = std::max<Int>(block * s.each * s.k * s.n, 1);
    parallel(s.batch * blocks, std::max<Int>(kWork / work, 1), [&](Int at, Int end) {
        for (; at < end; ++at) {
            const Int first = at % blocks * block;
            multiply_block(at / blocks, first, std::min(first + block, s.rows));
        }
    });
}

struct SumSizes {
    Int batch, rows, each, m, n, groups;
};

template <class T> void ragged_sums(void** buffers, const Int* ints, Int, Int) {
    const SumSizes s{ints[0], ints[1], ints[2], ints[3], ints[4], ints[5]};
    const T* x = static_cast<const T*>(buffers[0]);
    const T* y = static_cast<const T*>(buffers[1]);
    T* out = static_cast<T*>(buffers[3]);
    const auto bounds = bounds_of(buffers[2], s.groups, s.rows);
    const Int blocks = (s.m + kBlock - 1) / kBlock;
    const auto sum = [&](Int g, Int number, Int first) {
        const Int at = (number * s.rows + bounds[g]) * s.each;
        multiply<T>({x + at * s.m + first, s.m, 1}, {y + at * s.n, s.n, 0},
                    out + ((g * s.batch + number) * s.m + first) * s.n, s.n,
                    std::min(kBlock, s.m - first), s.n,
                    (bounds[g + 1] - bounds[g]) * s.each);
    };
    parallel(s.groups * s.batch * blocks, 1, [&](Int at, Int end) {
        for (; at < end; ++at) {
            const Int product = at / blocks;
            sum(product / s.batch, product % s.batch, at % blocks * kBlock);
        }
    });
}

}  // namespace

void add_ragged_kernels(Names& names) {
    names["ragged_rows_f32"] = ragged_rows<float>;
    names["ragged_rows_f64"] = ragged_rows<double>;
    names["ragged_sums_f32"] = ragged_sums<float>;
    names["ragged_sums_f64"] = ragged_sums<double>;
}

}  // namespace chainrule::kernels
