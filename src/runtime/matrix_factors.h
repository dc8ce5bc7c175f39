/// Problems as in lapack_problems.h: what is made of singular values or of QR factors.
/// Pseudoinverses, least squares, polar factors and updates of Cholesky factors.
#pragma once
#include "lapack_singular.h"
#include "matrix_products.h"

namespace chainrule::lapack {

/// Singular values s of m x n matrices, u^H and vh; then vh with its rows divided by
/// these, or zero where s is at most rtol times the largest.
template <class T> class ScaledVectors {
  public:
    ScaledVectors(Int m, Int n)
        : m(m), n(n), k(std::min(m, n)), svd_(m, n, 'S', SvdMethod::kRotate), u(m * k), vh(k * n),
          s(k) {}

    void find(const T* a) { svd_.many(1, a, u.data(), s.data(), vh.data()); }

    void divide(Real<T> rtol) {
        Real<T> largest = 0;
        for (Int i = 0; i < k; ++i)
            if (!(s[i] <= largest)) largest = s[i];
        for (Int i = 0; i < k; ++i) {
            const bool kept = s[i] > rtol * largest || s[i] != s[i];
            const Real<T> inverse = kept ? 1 / (s[i] == 0 ? 1 : s[i]) : 0;
            for (Int j = 0; j < n; ++j) vh[i * n + j] *= inverse;
        }
    }

    const Int m, n, k;

  private:
    Svd<T> svd_;

  public:
    Workspace<T> u, vh;
    Workspace<Real<T>> s;
};

/// Pseudoinverses, singular values up to rtol times the largest taken as zero.
template <class T> class Pinv {
  public:
    Pinv(Int m, Int n) : of_(m, n) {}

    void many(Int count, const T* a, const Real<T>* rtol, T* out) {
        const Int size = of_.m * of_.n;
        for (Int i = 0; size > 0 && i < count; ++i) {
            of_.find(a + i * size);
            of_.divide(rtol[i]);
            multiply<T>(of_.n, of_.m, of_.k, {of_.vh.data(), 'C'}, {of_.u.data(), 'C'},
                        out + i * size);
        }
    }

  private:
    ScaledVectors<T> of_;
};

/// The x of least norm among those of least |a x - b|, and the singular values of a.
template <class T> class LeastSquares {
  public:
    LeastSquares(Int m, Int n, Int sides)
        : of_(m, n), sides_(sides), inner_(of_.k * sides) {}

    void many(Int count, const T* a, const T* b, const Real<T>* rtol, T* x,
              Real<T>* s) {
        const Int m = of_.m, n = of_.n, k = of_.k;
        for (Int i = 0; i < count; ++i) {
            of_.find(a + i * m * n);
            std::copy_n(of_.s.data(), k, s + i * k);
            of_.divide(rtol[i]);
            multiply<T>(k, sides_, m, {of_.u.data(), 'C'}, {b + i * m * sides_},
                        inner_.data());
            multiply<T>(n, sides_, k, {of_.vh.data(), 'C'}, {inner_.data()},
                        x + i * n * sides_);
        }
    }

  private:
    ScaledVectors<T> of_;
    Int sides_;
    Workspace<T> inner_;
};

/// u with orthonormal columns and positive semidefinite p with x = u p, for m >= n.
template <class T> class Polar {
  public:
    Polar(Int m, Int n) : of_(m, n), scaled_(n * n) {}

    void many(Int count, const T* a, T* u, T* p) {
        const Int m = of_.m, n = of_.n;
        for (Int i = 0; n > 0 && i < count; ++i) {
            of_.find(a + i * m * n);
            multiply<T>(m, n, n, {of_.u.data()}, {of_.vh.data()}, u + i * m * n);
            for (Int r = 0; r < n; ++r)
                for (Int j = 0; j < n; ++j)
                    scaled_[r * n + j] = of_.s[r] * of_.vh[r * n + j];
            multiply<T>(n, n, n, {of_.vh.data(), 'C'}, {scaled_.data()}, p + i * n * n);
        }
    }

  private:
    ScaledVectors<T> of_;
    Workspace<T> scaled_;
};

/// Polar factors by iteration, for m >= n: Nakatsukasa, Bai and Gygi, Optimizing
/// Halley's iteration for computing the matrix polar decomposition, 2010. The number of
/// steps, and whether they converged.
template <class T> class Qdwh {
  public:
    Qdwh(Int m, Int n, Int most, double eps)
        : m_(m), n_(n), most_(most), eps_(eps), reflections_(m + n, n, 0),
          basis_(m + n, n, n), rows_((m + n) * n), columns_((m + n) * n), taus_(n),
          before_(m * n), product_(m * n) {}

    Int entries() const { return reflections_.entries(); }

    void many(Int count, const T* a, T* u, T* p, std::int32_t* steps, bool* converged) {
        const Int size = m_ * n_;
        for (Int i = 0; i < count; ++i) {
            T *x = u + i * size, *h = p + i * n_ * n_;
            std::copy_n(a + i * size, size, x);
            iterate(x, steps[i], converged[i]);
            multiply<T>(n_, n_, m_, {x, 'C'}, {a + i * size}, h);
            for (Int r = 0; r < n_; ++r)
                for (Int j = 0; j <= r; ++j) {
                    T lower = h[r * n_ + j], upper = h[j * n_ + r];
                    conjugate(1, &upper);
                    lower = (lower + upper) / Real<T>(2);
                    h[r * n_ + j] = lower;
                    conjugate(1, &lower);
                    h[j * n_ + r] = lower;
                }
        }
    }

  private:
    using R = Real<T>;

    /// A bound of the largest singular value.
    R bound(const T* x) const {
        R rows = 0, columns = 0;
        for (bool by_rows : {true, false}) {
            R& largest = by_rows ? rows : columns;
            for (Int i = 0; i < (by_rows ? m_ : n_); ++i) {
                R sum = 0;
                for (Int j = 0; j < (by_rows ? n_ : m_); ++j)
                    sum += std::abs(by_rows ? x[i * n_ + j] : x[j * n_ + i]);
                if (!(sum <= largest) && largest == largest) largest = sum;
            }
        }
        return std::sqrt(rows * columns);
    }
    double norm(const T* x) const {
        double sum = 0;
        for (Int i = 0; i < m_ * n_; ++i) sum += double(std::norm(x[i]));
        return std::sqrt(sum);
    }

    void iterate(T* x, std::int32_t& steps, bool& converged) {
        const Int size = m_ * n_;
        const R largest = bound(x);
        steps = 0;
        converged = largest == 0;
        if (converged) return void(std::fill_n(x, size, T(0)));
        if (!std::isfinite(largest)) return void(std::fill_n(x, size, nan_of<T>()));
        for (Int i = 0; i < size; ++i) x[i] /= largest;
        double low = eps_;
        while (steps < most_ && !converged) {
            std::copy_n(x, size, before_.data());
            low = step(x, low);
            ++steps;
            for (Int i = 0; i < size; ++i) before_[i] -= x[i];
            const double moved = norm(before_.data()) / std::max(norm(x), 1e-30);
            converged = std::abs(low - 1) < 10 * eps_ && moved < std::cbrt(10 * eps_);
        }
    }

    /// x (a + b x^H x) (1 + c x^H x)^-1, by the QR factors of [sqrt(c) x; 1], with the
    /// weights of formula (3.8) for singular values from `low` on; their new bound.
    double step(T* x, double low) {
        const double least = std::min(low, 1.0), square = least * least;
        const double d = std::cbrt(4 * (1 - square) / (square * square));
        const double root = std::sqrt(1 + d);
        const double a = root + std::sqrt(2 - d + 2 * (2 - square) / (square * root));
        const double b = (a - 1) * (a - 1) / 4, c = a + b - 1;
        const Int size = m_ * n_;
        for (Int i = 0; i < size; ++i) rows_[i] = R(std::sqrt(c)) * x[i];
        set_identity(rows_.data() + size, n_, n_);
        reflections_.many(1, rows_.data(), columns_.data(), taus_.data(), nullptr);
        T* q = rows_.data();
        basis_.many(1, columns_.data(), taus_.data(), q);
        multiply<T>(m_, n_, n_, {q}, {q + size, 'C'}, product_.data());
        const R kept = R(b / c), added = R((a - b / c) / std::sqrt(c));
        for (Int i = 0; i < size; ++i) x[i] = kept * x[i] + added * product_[i];
        return low * (a + b * low * low) / (1 + c * low * low);
    }

    Int m_, n_, most_;
    double eps_;
    QrReflections<T> reflections_;
    QrBasis<T> basis_;
    Workspace<T> rows_, columns_, taus_, before_, product_;
};

/// Upper triangular y with y^H y = r^H r + w w^H, for upper triangular r: the one of
/// the QR factors of r with the row w^H below, its diagonal made positive.
template <class T> class CholeskyUpdate {
  public:
    explicit CholeskyUpdate(Int n)
        : n_(n), reflections_(n + 1, n, n), rows_((n + 1) * n), columns_((n + 1) * n),
          taus_(n) {}

    void many(Int count, const T* r, const T* w, T* out) {
        const Int size = n_ * n_;
        for (Int i = 0; i < count; ++i) {
            for (Int row = 0; row < n_; ++row)
                for (Int j = 0; j < n_; ++j)
                    rows_[row * n_ + j] = j < row ? T(0) : r[i * size + row * n_ + j];
            std::copy_n(w + i * n_, n_, rows_.data() + size);
            conjugate(n_, rows_.data() + size);
            T* y = out + i * size;
            reflections_.many(1, rows_.data(), columns_.data(), taus_.data(), y);
            for (Int row = 0; row < n_; ++row) {
                const bool turned = std::real(y[row * n_ + row]) < 0;
                for (Int j = row; turned && j < n_; ++j)
                    y[row * n_ + j] = -y[row * n_ + j];
            }
        }
    }

  private:
    Int n_;
    QrReflections<T> reflections_;
    Workspace<T> rows_, columns_, taus_;
};

}  // namespace chainrule::lapack
