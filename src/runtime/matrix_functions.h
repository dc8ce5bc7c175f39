/// Problems as in lapack_problems.h: functions of matrices by way of their Schur forms.
#pragma once
#include "lapack_general.h"

namespace chainrule::lapack {

/// The complex y with y y = x whose eigenvalues have non-negative real parts: Bjorck
/// and Hammarling, A Schur method for the square root of a matrix, 1983.
template <class T> class Sqrtm {
  public:
    using C = std::complex<Real<T>>;

    explicit Sqrtm(Int n)
        : n_(n), schur_(n, true), x_(n * n), t_(n * n), z_(n * n), r_(n * n),
          column_(n) {}

    void many(Int count, const T* a, C* out) {
        const Int size = n_ * n_;
        for (Int i = 0; i < count; ++i) {
            std::copy_n(a + i * size, size, x_.data());
            schur_.many(1, x_.data(), t_.data(), z_.data());
            take_root();
            multiply<C>(n_, n_, n_, {z_.data()}, {r_.data()}, x_.data());
            multiply<C>(n_, n_, n_, {x_.data()}, {z_.data(), 'C'}, out + i * size);
        }
    }

  private:
    /// The upper triangular r with r r = t, column by column.
    void take_root() {
        std::fill_n(r_.data(), n_ * n_, C(0));
        for (Int j = 0; j < n_; ++j) {
            column_[j] = std::sqrt(t_[j * n_ + j]);
            for (Int i = j - 1; i >= 0; --i) {
                const C* row = r_.data() + i * n_;
                C rest = t_[i * n_ + j];
                for (Int k = i + 1; k < j; ++k) rest -= row[k] * column_[k];
                column_[i] = rest == C(0) ? C(0) : rest / (row[i] + column_[j]);
            }
            for (Int i = 0; i <= j; ++i) r_[i * n_ + j] = column_[i];
        }
    }

    Int n_;
    Schur<C> schur_;
    Workspace<C> x_, t_, z_, r_, column_;
};

/// The function of upper triangular t that has the values f at its diagonal, by
/// superdiagonals: Golub and Van Loan, Matrix Computations, algorithm 9.1.1. Equal
/// eigenvalues divide by the smallest normal number.
template <class T> class Parlett {
  public:
    explicit Parlett(Int n) : n_(n) {}

    void many(Int count, const T* t, const T* f, T* out) const {
        for (Int i = 0; i < count; ++i)
            one(t + i * n_ * n_, f + i * n_, out + i * n_ * n_);
    }

  private:
    void one(const T* t, const T* f, T* out) const {
        std::fill_n(out, n_ * n_, T(0));
        for (Int i = 0; i < n_; ++i) out[i * n_ + i] = f[i];
        for (Int k = 1; k < n_; ++k)
            for (Int i = 0; i + k < n_; ++i) {
                const Int j = i + k;
                T value = t[i * n_ + j] * (f[j] - f[i]);
                for (Int l = i + 1; l < j; ++l)
                    value += t[i * n_ + l] * out[l * n_ + j] -
                             out[i * n_ + l] * t[l * n_ + j];
                const T gap = t[j * n_ + j] - t[i * n_ + i];
                const T least(std::numeric_limits<Real<T>>::min());
                out[i * n_ + j] = value / (gap == T(0) ? least : gap);
            }
    }

    Int n_;
};

/// The complex, upper triangular Schur forms of matrices from their real ones: a
/// unitary rotation for each 2 x 2 block, from the bottom up.
template <class T> class ComplexSchur {
  public:
    using C = std::complex<Real<T>>;

    explicit ComplexSchur(Int n) : n_(n) {}

    void many(Int count, const T* t, const T* z, C* t_out, C* z_out) const {
        const Int size = n_ * n_;
        std::copy_n(t, count * size, t_out);
        std::copy_n(z, count * size, z_out);
        for (Int i = 0; i < count; ++i) {
            for (Int m = n_ - 1; m > 0; --m)
                rotate(m, t_out + i * size, z_out + i * size);
        }
    }

  private:
    /// Makes entry (m, m - 1) zero.
    void rotate(Int m, C* t, C* z) const {
        C *upper = t + (m - 1) * n_, *lower = t + m * n_;
        const C below = lower[m - 1];
        const Real<T> scale = std::abs(upper[m - 1]) + std::abs(lower[m]);
        if (std::abs(below) > std::numeric_limits<Real<T>>::epsilon() * scale) {
            const C half = (upper[m - 1] - lower[m]) / Real<T>(2);
            const C mu = half + std::sqrt(half * half + upper[m] * below);
            const Real<T> r = std::hypot(std::abs(mu), std::abs(below));
            const C c = mu / r, s = below / r;
            for (Int j = m - 1; j < n_; ++j) {
                const C x = upper[j], y = lower[j];
                upper[j] = std::conj(c) * x + std::conj(s) * y;
                lower[j] = c * y - s * x;
            }
            for (Int i = 0; i <= m; ++i) mix(t + i * n_ + m, c, s);
            for (Int i = 0; i < n_; ++i) mix(z + i * n_ + m, c, s);
        }
        lower[m - 1] = C(0);
    }
    /// The entry and the one before it.
    static void mix(C* entry, C c, C s) {
        const C x = entry[-1], y = entry[0];
        entry[-1] = x * c + y * s;
        entry[0] = y * std::conj(c) - x * std::conj(s);
    }

    Int n_;
};

}  // namespace chainrule::lapack
