/// Singular values of small real matrices by rotations of pairs of columns, until all
/// are orthogonal (M. Hestenes, "Inversion of matrices by biorthogonalization", J. SIAM
/// 6, 1958): quicker than LAPACK's bidiagonal forms, and not less accurate (J. Demmel
/// and K. Veselic, "Jacobi's method is more accurate than QR", SIMAX 13, 1992).
#pragma once
#include <cstdint>
#include <vector>

namespace chainrule::lapack {

/// The most columns that are rotated rather than given to LAPACK.
constexpr std::int64_t kMostRotated = 48;

/// x = q diag(s) w^T of a column-major x with at least as many rows as columns, of
/// which there are at most `kMostRotated`.
template <class T> class Rotations {
  public:
    using Int = std::int64_t;

    Rotations(Int rows, Int columns, bool vectors);

    /// Where the entries of column `j` of x are to be put, before `find`.
    T* column(Int j) { return columns_.data() + start_ + j * height_; }
    /// False where x is singular or next to it, or not finite: nothing is known then.
    bool find();

    /// The k-th largest singular value, the first being 0, and its column of q and of
    /// w.
    T value(Int k) const { return values_[order_[k]]; }
    const T* left(Int k) { return column(order_[k]); }
    const T* right(Int k) { return column(order_[k]) + padded_; }

  private:
    bool scale();

    Int rows_, count_, padded_, height_, start_;
    bool vectors_;
    T factor_ = 1;
    std::vector<T> columns_, values_;
    std::vector<double> squares_;
    std::vector<Int> order_;
};

}  // namespace chainrule::lapack
