/// Problems as in lapack_problems.h: cofactors, and determinants by their logarithm.
#pragma once
#include "lapack_singular.h"
#include "matrix_products.h"

namespace chainrule::lapack {

/// Matrices of cofactors: det(a) a^-T by LU; where that is not finite, from the
/// singular values: conj(u) diag(products of the other values) conj(vh) times det(u
/// vh).
template <class T> class Cofactors {
  public:
    explicit Cofactors(Int n)
        : n_(n), size_(n * n), together_(small::is_small(n) ? kTogether : 1), lu_(n, n),
          inverse_(n, n, true), factors_(together_ * size_), unit_(together_ * size_),
          swaps_(together_ * n), order_(together_ * n) {
        for (Int i = 0; i < together_; ++i)
            set_identity(unit_.data() + i * size_, n, n);
    }

    Int entries() const { return lu_.entries(); }

    void many(Int count, const T* a, T* out) {
        if (size_ == 0) return;
        for (Int i = 0; n_ <= 3 && i < count; ++i)
            expand(a + i * size_, out + i * size_);
        for (Int i = 0; n_ > 3 && i < count; i += together_)
            group(std::min(together_, count - i), a + i * size_, out + i * size_);
    }

  private:
    static constexpr Int kTogether = 64;

    /// Polynomials of the entries; rows and columns count round.
    void expand(const T* x, T* y) const {
        const auto at = [&](Int i, Int j) { return x[i % n_ * n_ + j % n_]; };
        for (Int i = 0; i < n_; ++i)
            for (Int j = 0; j < n_; ++j) {
                T& entry = y[i * n_ + j];
                if (n_ == 1) entry = T(1);
                if (n_ == 2) entry = i == j ? at(i + 1, j + 1) : -at(i + 1, j + 1);
                if (n_ == 3)
                    entry = at(i + 1, j + 1) * at(i + 2, j + 2) -
                            at(i + 1, j + 2) * at(i + 2, j + 1);
            }
    }

    void group(Int count, const T* a, T* out) {
        lu_.many(count, a, factors_.data(), swaps_.data(), order_.data());
        inverse_.many(count, factors_.data(), order_.data(), unit_.data(), out);
        for (Int i = 0; i < count; ++i) {
            T* y = out + i * size_;
            T product(1);
            for (Int k = 0; k < n_; ++k) {
                product *= factors_[i * size_ + k * (n_ + 1)];
                if (swaps_[i * n_ + k] != k) product = -product;
            }
            for (Int k = 0; k < size_; ++k) y[k] *= product;
            const T* x = a + i * size_;
            if (!all_finite(y, size_) && all_finite(x, size_)) singular(x, y);
        }
    }

    void singular(const T* x, T* y) const {
        Workspace<T> u(size_), vh(size_);
        Workspace<Real<T>> s(n_);
        Svd<T>(n_, n_, 'A', SvdMethod::kRotate).many(1, x, u.data(), s.data(), vh.data());
        T sign(0), other(0);
        Determinant<T> determinant(n_);
        determinant.many(1, u.data(), &sign);
        determinant.many(1, vh.data(), &other);
        sign *= other;
        for (Int j = 0; j < n_; ++j) {
            Real<T> others = 1;
            for (Int k = 0; k < n_; ++k) others *= k == j ? 1 : s[k];
            for (Int i = 0; i < n_; ++i) u[i * n_ + j] *= others;
        }
        conjugate(size_, u.data());
        conjugate(size_, vh.data());
        multiply_square<T>(n_, u.data(), vh.data(), y, sign);
    }

    Int n_, size_, together_;
    Lu<T> lu_;
    FactoredSolve<T> inverse_;
    Workspace<T> factors_, unit_;
    Workspace<std::int32_t> swaps_, order_;
};

/// Signs (or phases) of determinants, and logarithms of their magnitudes.
template <class T> class SignAndLogarithm {
  public:
    explicit SignAndLogarithm(Int n)
        : n_(n), lu_(n, n), factors_(n * n), swaps_(n), order_(n) {}

    Int entries() const { return lu_.entries(); }

    void many(Int count, const T* a, T* signs, Real<T>* logarithms) {
        for (Int i = 0; i < count; ++i) one(a + i * n_ * n_, signs[i], logarithms[i]);
    }

  private:
    void one(const T* a, T& sign, Real<T>& logarithm) {
        sign = T(1);
        logarithm = 0;
        if (n_ > 0) lu_.many(1, a, factors_.data(), swaps_.data(), order_.data());
        for (Int k = 0; k < n_; ++k) {
            const T pivot = factors_[k * n_ + k];
            const Real<T> size = std::abs(pivot);
            sign *= size == 0 ? T(0) : pivot / size;
            if (swaps_[k] != k) sign = -sign;
            logarithm += std::log(size);
        }
    }

    Int n_;
    Lu<T> lu_;
    Workspace<T> factors_;
    Workspace<std::int32_t> swaps_, order_;
};

}  // namespace chainrule::lapack
