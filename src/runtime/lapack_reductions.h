/// Problems as in lapack_problems.h: pivoted QR, products of reflections, and the
/// reductions to Hessenberg and to tridiagonal form.
#pragma once
#include "lapack_decompositions.h"

namespace chainrule::lapack {

/// QR of m x n matrices with column pivoting. Pivots count from zero.
template <class T> class PivotedQr {
  public:
    PivotedQr(Int m, Int n)
        : m_(m), n_(n), k_(std::min(m, n)), columns_(m * n), taus_(k_),
          real_work_(2 * n), order_(n), size_(query()), work_(size_) {}

    /// Row-major factors, with q as reflections and their scales.
    void packed(Int count, const T* a, T* factors, std::int32_t* pivots, T* taus) {
        for (Int i = 0; i < count; ++i) {
            factorise(a + i * m_ * n_, taus + i * k_, pivots + i * n_);
            transpose_into(columns_.data(), n_, m_, factors + i * m_ * n_);
        }
    }

    /// q of m x width and r of width x n.
    void many(Int count, const T* a, Int width, T* q, T* r, std::int32_t* pivots) {
        QrBasis<T> basis(m_, n_, width);
        for (Int i = 0; i < count; ++i) {
            factorise(a + i * m_ * n_, taus_.data(), pivots + i * n_);
            write_r(m_, n_, width, columns_.data(), r + i * width * n_);
            basis.many(1, columns_.data(), taus_.data(), q + i * m_ * width);
        }
    }

  private:
    void factorise(const T* a, T* taus, std::int32_t* pivots) {
        transpose_into(a, m_, n_, columns_.data());
        for (Int j = 0; j < n_; ++j) pivots[j] = std::int32_t(j);
        if (k_ == 0) return;
        std::fill_n(order_.data(), n_, Int(0));
        run(taus, work_.data(), size_);
        for (Int j = 0; j < n_; ++j) pivots[j] = std::int32_t(order_[j] - 1);
    }
    void run(T* taus, T* work, Int size) {
        Int info = 0;
        if constexpr (is_complex<T>) {
            fortran::geqp3<T>()(m_, n_, columns_.data(), leading(m_), order_.data(),
                                taus, work, size, real_work_.data(), &info);
        } else {
            fortran::geqp3<T>()(m_, n_, columns_.data(), leading(m_), order_.data(),
                                taus, work, size, &info);
        }
    }
    Int query() {
        T answer(0);
        run(&answer, &answer, -1);
        return queried_size(answer);
    }

    Int m_, n_, k_;
    Workspace<T> columns_, taus_;
    Workspace<Real<T>> real_work_;
    Workspace<Int> order_;
    Int size_;
    Workspace<T> work_;
};

/// The first n columns of products of k reflections, row-major in m x n matrices.
template <class T> class HouseholderProduct {
  public:
    HouseholderProduct(Int m, Int n, Int k)
        : m_(m), n_(n), k_(k), product_(m, n, k), factors_(m * n),
          columns_(m * n) {}

    Int entries() const { return product_.entries(); }

    void many(Int count, const T* a, const T* taus, T* q) {
        for (Int i = 0; i < count; ++i) {
            transpose_into(a + i * m_ * n_, m_, n_, factors_.data());
            product_.multiply(factors_.data(), taus + i * k_, columns_.data());
            transpose_into(columns_.data(), n_, m_, q + i * m_ * n_);
        }
    }

  private:
    Int m_, n_, k_;
    ReflectionProduct<T> product_;
    Workspace<T> factors_, columns_;
};

/// The sizes of a product q c, or c q where `left` is not set, of an m x n matrix c, or
/// with q^H where `adjoint` is: q is made of k reflections in rows x columns matrices.
struct Reflecting {
    Int rows, columns, k, m, n;
    bool left, adjoint;
};

template <class T> class Reflect {
  public:
    explicit Reflect(const Reflecting& sizes)
        : s_(sizes), reflections_(s_.rows * s_.columns), product_(s_.m * s_.n),
          size_(query()), work_(size_) {}

    void many(Int count, const T* a, const T* taus, const T* c, T* out) {
        const Int given = s_.rows * s_.columns, size = s_.m * s_.n;
        for (Int i = 0; i < count; ++i) {
            transpose_into(a + i * given, s_.rows, s_.columns, reflections_.data());
            transpose_into(c + i * size, s_.m, s_.n, product_.data());
            if (s_.k > 0 && size > 0) run(taus + i * s_.k, work_.data(), size_);
            transpose_into(product_.data(), s_.n, s_.m, out + i * size);
        }
    }

  private:
    void run(const T* taus, T* work, Int size) {
        Int info = 0;
        const char side = s_.left ? 'L' : 'R', adjoint = is_complex<T> ? 'C' : 'T';
        fortran::ormqr<T>()(side, s_.adjoint ? adjoint : 'N', s_.m, s_.n, s_.k,
                            reflections_.data(), leading(s_.rows), taus,
                            product_.data(), leading(s_.m), work, size, &info);
    }
    Int query() {
        T answer(0);
        run(&answer, &answer, -1);
        return queried_size(answer);
    }

    Reflecting s_;
    Workspace<T> reflections_, product_;
    Int size_;
    Workspace<T> work_;
};

/// Hessenberg forms of n x n matrices, with reflections below; n - 1 scales of these.
template <class T> class Hessenberg {
  public:
    explicit Hessenberg(Int n) : n_(n), columns_(n * n), size_(query()), work_(size_) {}

    void many(Int count, const T* a, T* factors, T* taus) {
        for (Int i = 0; i < count; ++i) {
            transpose_into(a + i * n_ * n_, n_, n_, columns_.data());
            if (n_ > 1) run(taus + i * (n_ - 1), work_.data(), size_);
            transpose_into(columns_.data(), n_, n_, factors + i * n_ * n_);
        }
    }

  private:
    void run(T* taus, T* work, Int size) {
        Int info = 0;
        fortran::gehrd<T>()(n_, Int(1), n_, columns_.data(), leading(n_), taus, work,
                            size, &info);
    }
    Int query() {
        T answer(0);
        run(&answer, &answer, -1);
        return queried_size(answer);
    }

    Int n_;
    Workspace<T> columns_;
    Int size_;
    Workspace<T> work_;
};

/// Real tridiagonal forms d, e of Hermitian matrices, and reflections with their
/// scales.
template <class T> class Tridiagonal {
  public:
    Tridiagonal(Int n, bool lower)
        : n_(n), triangle_(lower ? 'L' : 'U'), columns_(n * n), size_(query()),
          work_(size_) {}

    void many(Int count, const T* a, T* factors, Real<T>* d, Real<T>* e, T* taus) {
        for (Int i = 0; n_ > 0 && i < count; ++i) {
            transpose_into(a + i * n_ * n_, n_, n_, columns_.data());
            run(d + i * n_, e + i * (n_ - 1), taus + i * (n_ - 1), work_.data(), size_);
            transpose_into(columns_.data(), n_, n_, factors + i * n_ * n_);
        }
    }

  private:
    void run(Real<T>* d, Real<T>* e, T* taus, T* work, Int size) {
        Int info = 0;
        fortran::sytrd<T>()(triangle_, n_, columns_.data(), leading(n_), d, e, taus,
                            work, size, &info);
    }
    Int query() {
        T answer(0);
        Real<T> unused = 0;
        run(&unused, &unused, &answer, &answer, -1);
        return queried_size(answer);
    }

    Int n_;
    char triangle_;
    Workspace<T> columns_;
    Int size_;
    Workspace<T> work_;
};

}  // namespace chainrule::lapack
