/// Matrix products of the library, whose routines are called by address.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace chainrule {

template <class T>
using Gemm = void (*)(const char*, const char*, const std::int64_t*, const std::int64_t*,
                      const std::int64_t*, const T*, const T*, const std::int64_t*,
                      const T*, const std::int64_t*, const T*, T*, const std::int64_t*,
                      std::size_t, std::size_t);

/// The library's routine for T; set with the GIL held before a kernel is handed out that
/// calls it.
template <class T> inline Gemm<T> gemm_routine = nullptr;

/// A matrix in memory, row-major, its rows `stride` elements apart; turned 0: as it is, 1:
/// transposed, 2: conjugate transpose.
template <class T> struct Matrix {
    const T* data;
    std::int64_t stride, turned;
};

/// c = op(a) op(b) of shape (m, n), k being the length of the sums. BLAS is column-major:
/// it sees all matrices transposed, so the operands change places.
template <class T>
void multiply(Matrix<T> a, Matrix<T> b, T* c, std::int64_t ldc, std::int64_t m,
              std::int64_t n, std::int64_t k) {
    static constexpr char letters[] = {'N', 'T', 'C'};
    if (m <= 0 || n <= 0) return;
    if (k == 0) {
        for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, T(0));
        return;
    }
    const T one(1), zero(0);
    gemm_routine<T>(&letters[b.turned], &letters[a.turned], &n, &m, &k, &one, b.data,
                    &b.stride, a.data, &a.stride, &zero, c, &ldc, 1, 1);
}

}  // namespace chainrule
