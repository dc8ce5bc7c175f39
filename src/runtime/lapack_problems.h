/// Problems of linear algebra, one class for each: made for a size, then called with
/// the addresses of row-major matrices, for one problem or for many of them that lie
/// one behind the other. Eager functions (lapack_*.cpp) and the kernels of plans
/// (kernel_linalg.cpp) are made of them, and so have the same results.
///
/// What LAPACK needs as a workspace is asked for once, when a problem is made. Small
/// matrices are not given to LAPACK at all, but solved side by side (small_matrices.h).
#pragma once
#include "fortran.h"
#include "lu_panels.h"
#include "small_matrices.h"
#include "substitution.h"
#include "tridiagonal.h"

#include <numeric>
#include <optional>

namespace chainrule::lapack {

/// Whether problems of this element type may be solved side by side.
template <class T> inline constexpr bool has_small = !is_complex<T>;

/// Complex numbers become their conjugates.
template <class T> void conjugate(Int size, T* x) {
    if constexpr (is_complex<T>)
        for (Int i = 0; i < size; ++i) x[i] = std::conj(x[i]);
}

/// x with op(a) x = b, or x op(a) = b. The operation is one of the letters N, T, C, and
/// R for the conjugate.
template <class T> class TriangularSolve {
  public:
    TriangularSolve(Int n, Int sides, bool left, bool lower, char operation, bool unit)
        : n_(n), sides_(sides), left_(left), lower_(lower),
          conjugate_(is_complex<T> && operation == 'R'),
          operation_(operation == 'R' ? 'N' : operation), unit_(unit) {}

    void many(Int count, const T* a, const T* b, T* x) const {
        if (n_ == 0 || sides_ == 0) return;
        if constexpr (has_small<T>) {
            if (small::is_tiny(n_, sides_)) {
                const bool transposed = operation_ != 'N';
                return small::solve_triangular(
                    {n_, sides_, left_, lower_, transposed, unit_}, count, a, b, x);
            }
        }
        const Int size = n_ * sides_;
        std::copy_n(b, count * size, x);
        // By conj(a) x = b the conjugate of x solves a system with a itself.
        if (conjugate_) conjugate(count * size, x);
        for (Int i = 0; i < count; ++i) one(a + i * n_ * n_, x + i * size);
        if (conjugate_) conjugate(count * size, x);
    }

  private:
    /// Column-major, both matrices are their transposes: the side and the triangle
    /// swap, and op(a)^T = op(a^T) needs the same operation.
    void one(const T* a, T* x) const {
        if (substitutes<T>(n_, sides_)) {
            const bool transposed = operation_ != 'N';
            if (left_) return substitute<T>({a, n_, lower_, transposed, unit_}, sides_, x);
            Workspace<T> columns(n_ * sides_);
            transpose_into(x, sides_, n_, columns.data());
            substitute<T>({a, n_, lower_, !transposed, unit_}, sides_, columns.data());
            return transpose_into(columns.data(), n_, sides_, x);
        }
        const char side = left_ ? 'R' : 'L', triangle = lower_ ? 'U' : 'L';
        by_sides(n_, sides_, kMost, [&](Int first, Int count) {
            const Int rows = left_ ? n_ : count, cols = left_ ? count : n_;
            fortran::trsm<T>()(side, triangle, operation_, unit_ ? 'U' : 'N', cols, rows,
                               T(1), a, n_, x + first * (left_ ? 1 : n_),
                               left_ ? sides_ : n_);
        });
    }

    /// The library reads the triangle anew for each part.
    static constexpr Int kMost = 256;

    Int n_, sides_;
    bool left_, lower_, conjugate_;
    char operation_;
    bool unit_;
};

/// The factors of m x n matrices in one matrix, row swaps, and what they amount to.
template <class T> class Lu {
  public:
    Lu(Int m, Int n)
        : m_(m), n_(n), k_(std::min(m, n)), found_(k_), columns_(0) {
        if (LuPanels<T>::serve(m, n))
            panels_.emplace(m, n);
        else
            columns_ = Workspace<T>(m * n);
    }

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return panels_ ? 0 : m_ * n_; }

    void many(Int count, const T* a, T* factors, std::int32_t* pivots,
              std::int32_t* permutation) {
        if constexpr (has_small<T>) {
            if (m_ == n_ && small::is_small(n_))
                return small::lu(n_, count, a, factors, pivots, permutation);
        }
        for (Int i = 0; i < count; ++i)
            one(a + i * m_ * n_, factors + i * m_ * n_, pivots + i * k_,
                permutation + i * m_);
    }

  private:
    void factorise(const T* a, T* factors) {
        if (panels_) return panels_->factorise(a, factors, found_.data());
        transpose_into(a, m_, n_, columns_.data());
        Int info = 0;
        if (k_ > 0) fortran::getrf<T>()(m_, n_, columns_.data(), m_, found_.data(), &info);
        transpose_into(columns_.data(), n_, m_, factors);
    }

    void one(const T* a, T* factors, std::int32_t* pivots, std::int32_t* permutation) {
        factorise(a, factors);
        std::iota(permutation, permutation + m_, 0);
        for (Int k = 0; k < k_; ++k) {
            // NaN in a column can leave its pivot undefined: then no rows swap.
            const Int pivot = found_[k] > k && found_[k] <= m_ ? found_[k] - 1 : k;
            pivots[k] = std::int32_t(pivot);
            std::swap(permutation[k], permutation[pivot]);
        }
    }

    Int m_, n_, k_;
    Workspace<Int> found_;
    Workspace<T> columns_;
    std::optional<LuPanels<T>> panels_;
};

/// Determinants: the product of the pivots of an LU factorisation and of the sign of
/// its permutation. Those of f32 are multiplied in f64, so that no product of a few
/// pivots overflows on the way.
template <class T> class Determinant {
  public:
    explicit Determinant(Int n) : n_(n), columns_(n * n), pivots_(n) {
        if (LuPanels<T>::serve(n, n)) panels_.emplace(n, n);
    }

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return panels_ ? 0 : n_ * n_; }

    void many(Int count, const T* a, T* out) {
        if constexpr (has_small<T>) {
            if (small::is_small(n_)) return small::determinant(n_, count, a, out);
        }
        for (Int i = 0; i < count; ++i) out[i] = one(a + i * n_ * n_);
    }

  private:
    using Wide = std::conditional_t<is_complex<T>, std::complex<double>, double>;

    /// A matrix and its transpose have the same.
    void factorise(const T* a) {
        if (panels_) return panels_->factorise(a, columns_.data(), pivots_.data());
        std::copy_n(a, n_ * n_, columns_.data());
        Int info = 0;
        if (n_ > 0)
            fortran::getrf<T>()(n_, n_, columns_.data(), n_, pivots_.data(), &info);
    }

    T one(const T* a) {
        factorise(a);
        Wide product(1);
        for (Int i = 0; i < n_; ++i) {
            product *= Wide(columns_[i * n_ + i]);
            if (pivots_[i] != i + 1) product = -product;
        }
        return T(product);
    }

    Int n_;
    Workspace<T> columns_;
    Workspace<Int> pivots_;
    std::optional<LuPanels<T>> panels_;
};

/// x with a x = b; NaN where a pivot is zero.
template <class T> class Solve {
  public:
    Solve(Int n, Int sides) : n_(n), k_(sides), factors_(n * n), pivots_(n) {
        if (LuPanels<T>::serve(n, n)) panels_.emplace(n, n);
    }

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return panels_ ? 0 : n_ * n_; }

    void many(Int count, const T* a, const T* b, T* x) {
        if (n_ == 0 || k_ == 0) return;
        if constexpr (has_small<T>) {
            if (small::is_small(n_, k_))
                return small::solve(n_, k_, count, a, b, x);
        }
        for (Int i = 0; i < count; ++i)
            one(a + i * n_ * n_, b + i * n_ * k_, x + i * n_ * k_);
    }

  private:
    /// Factors of a, or of its transpose where panels leave them row-major. False where
    /// a pivot is zero.
    bool factorise(const T* a) {
        if (panels_) {
            panels_->factorise(a, factors_.data(), pivots_.data());
        } else {
            transpose_into(a, n_, n_, factors_.data());
            Int info = 0;
            fortran::getrf<T>()(n_, n_, factors_.data(), n_, pivots_.data(), &info);
        }
        for (Int i = 0; i < n_; ++i)
            if (factors_[i * (n_ + 1)] == T(0)) return false;
        return true;
    }

    /// x is row-major and holds b. Read column-major it is its transpose, which the
    /// factors multiply from the right.
    void one(const T* a, const T* b, T* x) {
        if (!factorise(a)) return void(std::fill_n(x, n_ * k_, nan_of<T>()));
        std::copy_n(b, n_ * k_, x);
        for (Int row = 0; row < n_; ++row) {
            const Int pivot = pivots_[row] - 1;
            if (pivot <= row || pivot >= n_) continue;
            std::swap_ranges(x + row * k_, x + (row + 1) * k_, x + pivot * k_);
        }
        substitute(true, x);
        substitute(false, x);
    }

    /// Row-major the triangle is the other one, transposed, unless panels have left it so.
    void substitute(bool lower, T* x) {
        const bool turned = !panels_;
        const T* factors = factors_.data();
        const char unit = lower ? 'U' : 'N', stored = lower == turned ? 'L' : 'U';
        if (k_ == 1)
            return fortran::trsv<T>()(stored, turned ? 'N' : 'T', unit, n_, factors, n_, x,
                                      Int(1));
        if (substitutes<T>(n_, k_))
            return lapack::substitute<T>({factors, n_, lower != turned, turned, lower}, k_,
                                         x);
        fortran::trsm<T>()('R', stored, turned ? 'T' : 'N', unit, k_, n_, T(1), factors, n_,
                           x, k_);
    }

    Int n_, k_;
    Workspace<T> factors_;
    Workspace<Int> pivots_;
    std::optional<LuPanels<T>> panels_;
};

/// x with a x = b (or a^T x = b) by the results of Lu.
template <class T> class FactoredSolve {
  public:
    FactoredSolve(Int n, Int sides, bool transposed)
        : n_(n), k_(sides), transposed_(transposed),
          upper_(n, sides, true, false, transposed ? 'T' : 'N', false),
          lower_(n, sides, true, true, transposed ? 'T' : 'N', true),
          moved_(transposed ? n * sides : 0) {}

    void many(Int count, const T* factors, const std::int32_t* permutation, const T* b,
              T* x) {
        if (n_ == 0 || k_ == 0) return;
        if constexpr (has_small<T>) {
            if (small::is_small(n_, k_))
                return small::solve_factored(n_, k_, transposed_, count, factors,
                                             permutation, b, x);
        }
        for (Int i = 0; i < count; ++i)
            one(factors + i * n_ * n_, permutation + i * n_, b + i * n_ * k_,
                x + i * n_ * k_);
    }

  private:
    void one(const T* factors, const std::int32_t* permutation, const T* b, T* x) {
        if (!transposed_) {
            for (Int i = 0; i < n_; ++i)
                std::copy_n(b + permutation[i] * k_, k_, x + i * k_);
            lower_.many(1, factors, x, x);
            return upper_.many(1, factors, x, x);
        }
        T* y = moved_.data();
        upper_.many(1, factors, b, y);
        lower_.many(1, factors, y, y);
        for (Int i = 0; i < n_; ++i)
            std::copy_n(y + i * k_, k_, x + permutation[i] * k_);
    }

    Int n_, k_;
    bool transposed_;
    TriangularSolve<T> upper_, lower_;
    Workspace<T> moved_;
};

/// x with a x = b for tridiagonal a; NaN where a pivot is zero. If asked, a system whose
/// solution is not finite is solved again with a diagonal that rounding has moved.
/// Complex systems go to LAPACK.
template <class T> class TridiagonalSolve {
  public:
    using Systems = tridiagonal::Systems<T>;

    explicit TridiagonalSolve(bool perturb) : perturb_(perturb) {}

    /// The pieces [begin, end) of systems, each one of `parts` parts of the right-hand
    /// sides of one; one part only where systems are complex or may be moved.
    void some(const Systems& systems, Int parts, Int begin, Int end) const {
        const Int size = systems.n * systems.sides;
        if (size == 0) return;
        if constexpr (is_complex<T>) {
            for (Int i = begin; i < end; ++i) one(at(systems, i));
        } else {
            tridiagonal::solve(systems, parts, begin, end);
        }
        for (Int i = begin; perturb_ && i < end; ++i)
            if (!all_finite(systems.x + i * size, size)) solve_moved(at(systems, i));
    }

  private:
    static Systems at(const Systems& s, Int i) {
        const Int row = i * s.n, entry = row * s.sides;
        return {s.n, s.sides, s.dl + row, s.d + row, s.du + row, s.b + entry, s.x + entry};
    }

    /// LAPACK overwrites all it is given.
    static void one(const Systems& s) {
        const Int n = s.n, k = s.sides;
        Workspace<T> below(n), middle(n), above(n), sides(n * k);
        std::copy_n(s.dl + 1, n - 1, below.data());
        std::copy_n(s.d, n, middle.data());
        std::copy_n(s.du, n - 1, above.data());
        transpose_into(s.b, n, k, sides.data());
        Int info = 0;
        fortran::gtsv<T>()(n, k, below.data(), middle.data(), above.data(), sides.data(),
                           n, &info);
        if (info != 0) return void(std::fill_n(s.x, n * k, nan_of<T>()));
        transpose_into(sides.data(), k, n, s.x);
    }

    static void solve_moved(Systems s) {
        using Limits = std::numeric_limits<Real<T>>;
        Real<T> largest = 0;
        for (Int i = 0; i < s.n; ++i) {
            Real<T> size = std::abs(s.d[i]);
            if (i > 0) size += std::abs(s.dl[i]);
            if (i + 1 < s.n) size += std::abs(s.du[i]);
            largest = std::max(largest, size);
        }
        const Real<T> step = std::max(Limits::epsilon() * largest,
                                      Limits::min() / Limits::epsilon());
        Workspace<T> moved(s.n);
        for (Int i = 0; i < s.n; ++i) moved[i] = s.d[i] + step;
        s.d = moved.data();
        TridiagonalSolve(false).some(s, 1, 0, 1);
    }

    bool perturb_;
};

}  // namespace chainrule::lapack
