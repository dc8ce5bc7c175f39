/// Problems as in lapack_problems.h: QR factors and eigenvalues of Hermitian matrices.
#pragma once
#include "lapack_problems.h"
#include "qr_panels.h"

namespace chainrule::lapack {

/// r, of `width` rows, from the column-major factors of an m x n matrix.
template <class T> void write_r(Int m, Int n, Int width, const T* columns, T* r) {
    for (Int row = 0; row < width; ++row) {
        const Int zeros = std::min(row, n);
        std::fill_n(r + row * n, zeros, T(0));
        for (Int j = zeros; j < n; ++j) r[row * n + j] = columns[j * m + row];
    }
}

/// QR of m x n matrices by reflections: their column-major factors as LAPACK leaves
/// them, and r of `width` rows.
template <class T> class QrReflections {
  public:
    QrReflections(Int m, Int n, Int width)
        : m_(m), n_(n), k_(std::min(m, n)), width_(width), size_(query()),
          work_(size_) {
        if (QrPanels<T>::serve(m, n)) panels_.emplace(m, n, k_);
    }

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return panels_ ? 0 : m_ * n_; }

    void many(Int count, const T* a, T* columns, T* taus, T* r) {
        if constexpr (has_small<T>) {
            if (small::is_small_product(m_, n_))
                return small::qr_reflections(m_, n_, width_, count, a, columns, taus, r);
        }
        for (Int i = 0; i < count; ++i) {
            T* mine = columns + i * m_ * n_;
            transpose_into(a + i * m_ * n_, m_, n_, mine);
            factorise(mine, taus + i * k_);
            write_r(m_, n_, width_, mine, r + i * width_ * n_);
        }
    }

    /// Row-major factors.
    void packed(Int count, const T* a, T* factors, T* taus) {
        Workspace<T> columns(m_ * n_);
        for (Int i = 0; i < count; ++i) {
            transpose_into(a + i * m_ * n_, m_, n_, columns.data());
            factorise(columns.data(), taus + i * k_);
            transpose_into(columns.data(), n_, m_, factors + i * m_ * n_);
        }
    }

  private:
    /// One column-major matrix in place.
    void factorise(T* columns, T* taus) {
        if (k_ == 0) return;
        if (panels_) return panels_->factorise(columns, taus);
        Int info = 0;
        fortran::geqrf<T>()(m_, n_, columns, m_, taus, work_.data(), size_, &info);
    }
    Int query() const {
        T answer(0), unused(0);
        Int info = 0;
        fortran::geqrf<T>()(m_, n_, &unused, leading(m_), &unused, &answer, Int(-1), &info);
        return queried_size(answer);
    }

    Int m_, n_, k_, width_, size_;
    Workspace<T> work_;
    std::optional<QrPanels<T>> panels_;
};

/// The first `width` columns of the product of k reflections of length m.
template <class T> class ReflectionProduct {
  public:
    ReflectionProduct(Int m, Int width, Int k)
        : m_(m), width_(width), k_(k), size_(query()), work_(size_) {
        if (QrPanels<T>::serve(m, k)) panels_.emplace(m, width, k);
    }

    /// The entries of a matrix for which the library may use threads of its own.
    Int entries() const { return panels_ ? 0 : m_ * width_; }

    /// Of the column-major `factors` that hold the reflections.
    void multiply(const T* factors, const T* taus, T* columns) {
        if (k_ == 0) return set_identity_columns(columns);
        if (panels_) return panels_->multiply(factors, taus, columns);
        std::copy_n(factors, m_ * k_, columns);
        Int info = 0;
        fortran::orgqr<T>()(m_, width_, k_, columns, m_, taus, work_.data(), size_, &info);
    }

  private:
    void set_identity_columns(T* columns) const {
        std::fill_n(columns, m_ * width_, T(0));
        for (Int j = 0; j < width_; ++j) columns[j * m_ + j] = T(1);
    }
    Int query() const {
        T answer(0), unused(0);
        Int info = 0;
        fortran::orgqr<T>()(m_, width_, k_, &unused, leading(m_), &unused, &answer, Int(-1),
                   &info);
        return queried_size(answer);
    }

    Int m_, width_, k_, size_;
    Workspace<T> work_;
    std::optional<QrPanels<T>> panels_;
};

/// q of m x width, of the factors of m x n matrices.
template <class T> class QrBasis {
  public:
    QrBasis(Int m, Int n, Int width)
        : m_(m), n_(n), width_(width), k_(std::min(m, n)), product_(m, width, k_),
          columns_(m * width) {}

    Int entries() const { return product_.entries(); }

    void many(Int count, const T* factors, const T* taus, T* q) {
        if constexpr (has_small<T>) {
            if (small::is_small_product(m_, n_))
                return small::qr_basis(m_, n_, width_, count, factors, taus, q);
        }
        for (Int i = 0; i < count; ++i) {
            product_.multiply(factors + i * m_ * n_, taus + i * k_, columns_.data());
            transpose_into(columns_.data(), width_, m_, q + i * m_ * width_);
        }
    }

  private:
    Int m_, n_, width_, k_;
    ReflectionProduct<T> product_;
    Workspace<T> columns_;
};

/// Ascending eigenvalues of Hermitian matrices, and their vectors if `vectors`; NaN
/// where the iteration does not converge.
template <class T> class Eigh {
  public:
    Eigh(Int n, bool lower, bool vectors)
        : n_(n), triangle_(lower ? 'L' : 'U'), job_(vectors ? 'V' : 'N'),
          columns_(n * n), sizes_(query()), work_(sizes_.work),
          real_work_(sizes_.real_work), int_work_(sizes_.int_work) {}

    /// `v` is not touched without vectors.
    void many(Int count, const T* a, T* v, Real<T>* w) {
        if (n_ == 0) return;
        if constexpr (has_small<T>) {
            if (small::is_small(n_))
                return small::eigh(n_, triangle_ == 'L', count, a, job_ == 'V' ? v : nullptr,
                                   w);
        }
        for (Int i = 0; i < count; ++i)
            one(a + i * n_ * n_, job_ == 'V' ? v + i * n_ * n_ : nullptr, w + i * n_);
    }

  private:
    struct Sizes {
        Int work, real_work, int_work;
    };

    void one(const T* a, T* v, Real<T>* w) {
        transpose_into(a, n_, n_, columns_.data());
        if (!all_finite(columns_.data(), n_ * n_) ||
            run(w, work_.data(), sizes_.work, real_work_.data(), sizes_.real_work,
                int_work_.data(), sizes_.int_work) != 0) {
            std::fill_n(w, n_, nan_of<Real<T>>());
            if (v) std::fill_n(v, n_ * n_, nan_of<T>());
        } else if (v) {
            transpose_into(columns_.data(), n_, n_, v);
        }
    }
    Int run(Real<T>* w, T* work, Int size, Real<T>* real_work, Int real_size,
            Int* int_work, Int int_size) {
        Int info = 0;
        if constexpr (is_complex<T>) {
            fortran::syevd<T>()(job_, triangle_, n_, columns_.data(), leading(n_), w, work, size,
                       real_work, real_size, int_work, int_size, &info);
        } else {
            fortran::syevd<T>()(job_, triangle_, n_, columns_.data(), leading(n_), w, work, size,
                       int_work, int_size, &info);
        }
        return info;
    }
    Sizes query() {
        T answer(0);
        Real<T> real_answer = 0;
        Int int_size = 0;
        run(&real_answer, &answer, -1, &real_answer, -1, &int_size, -1);
        return {queried_size(answer), queried_size(real_answer), int_size};
    }

    Int n_;
    char triangle_, job_;
    Workspace<T> columns_;
    Sizes sizes_;
    Workspace<T> work_;
    Workspace<Real<T>> real_work_;
    Workspace<Int> int_work_;
};

}  // namespace chainrule::lapack
