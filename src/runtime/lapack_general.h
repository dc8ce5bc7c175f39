/// Problems as in lapack_problems.h: eigenvalues and Schur forms of general matrices,
/// and Sylvester equations. Matrices that hold NaN or infinity never reach LAPACK's
/// iterations, which may not end on them: their results, like those of an iteration
/// that does not converge, are NaN.
#pragma once
#include "matrix_products.h"

namespace chainrule::lapack {

/// Eigenvalues, and left and right eigenvectors where they are asked for.
template <class T> class Eig {
  public:
    using C = std::complex<Real<T>>;

    Eig(Int n, bool left, bool right)
        : n_(n), left_(left), right_(right), columns_(n * n),
          left_columns_(left ? n * n : 1), right_columns_(right ? n * n : 1),
          real_work_(2 * n), size_(query()), work_(size_) {}

    /// Vectors that are not asked for are not touched.
    void many(Int count, const T* a, C* w, C* vl, C* vr) {
        const Int size = n_ * n_;
        for (Int i = 0; n_ > 0 && i < count; ++i) {
            transpose_into(a + i * size, n_, n_, columns_.data());
            C* values = w + i * n_;
            const bool found = all_finite(columns_.data(), size) && converges(values);
            const C nan(nan_of<Real<T>>(), nan_of<Real<T>>());
            if (!found) std::fill_n(values, n_, nan);
            for (bool left : {true, false}) {
                if (!(left ? left_ : right_)) continue;
                C* vectors = (left ? vl : vr) + i * size;
                if (found)
                    write(left ? left_columns_ : right_columns_, values, vectors);
                else
                    std::fill_n(vectors, size, nan);
            }
        }
    }

  private:
    bool converges(C* values) {
        if (run(values, work_.data(), size_) != 0) return false;
        if constexpr (!is_complex<T>)
            for (Int j = 0; j < n_; ++j)
                values[j] = C(real_work_[j], real_work_[n_ + j]);
        return true;
    }
    /// LAPACK's vectors are column-major; a real matrix's complex pairs are consecutive
    /// columns of real and imaginary parts.
    void write(Workspace<T>& columns, const C* values, C* target) {
        if constexpr (is_complex<T>) {
            transpose_into(columns.data(), n_, n_, target);
        } else {
            for (Int j = 0; j < n_; ++j) {
                const T* column = columns.data() + j * n_;
                const bool pair = values[j].imag() != 0 && j + 1 < n_;
                for (Int i = 0; i < n_; ++i) {
                    const C entry(column[i], pair ? column[n_ + i] : T(0));
                    target[i * n_ + j] = entry;
                    if (pair) target[i * n_ + j + 1] = std::conj(entry);
                }
                if (pair) ++j;
            }
        }
    }
    Int run(C* values, T* work, Int size) {
        Int info = 0;
        const char left = left_ ? 'V' : 'N', right = right_ ? 'V' : 'N';
        if constexpr (is_complex<T>) {
            fortran::geev<T>()(left, right, n_, columns_.data(), leading(n_), values,
                               left_columns_.data(), leading(n_), right_columns_.data(),
                               leading(n_), work, size, real_work_.data(), &info);
        } else {
            fortran::geev<T>()(left, right, n_, columns_.data(), leading(n_),
                               real_work_.data(), real_work_.data() + n_,
                               left_columns_.data(), leading(n_), right_columns_.data(),
                               leading(n_), work, size, &info);
        }
        return info;
    }
    Int query() {
        C unused;
        T answer(0);
        run(&unused, &answer, -1);
        return queried_size(answer);
    }

    Int n_;
    bool left_, right_;
    Workspace<T> columns_, left_columns_, right_columns_;
    Workspace<Real<T>> real_work_;
    Int size_;
    Workspace<T> work_;
};

/// Schur forms t, and their vectors if `vectors`.
template <class T> class Schur {
  public:
    Schur(Int n, bool vectors)
        : n_(n), vectors_(vectors), columns_(n * n), basis_(vectors ? n * n : 1),
          values_(2 * n), real_work_(n), size_(query()), work_(size_) {}

    /// `v` is not touched without vectors.
    void many(Int count, const T* a, T* t, T* v) {
        const Int size = n_ * n_;
        for (Int i = 0; n_ > 0 && i < count; ++i) {
            transpose_into(a + i * size, n_, n_, columns_.data());
            if (!all_finite(columns_.data(), size) || run(work_.data(), size_) != 0) {
                std::fill_n(t + i * size, size, nan_of<T>());
                if (vectors_) std::fill_n(v + i * size, size, nan_of<T>());
                continue;
            }
            transpose_into(columns_.data(), n_, n_, t + i * size);
            if (vectors_) transpose_into(basis_.data(), n_, n_, v + i * size);
        }
    }

  private:
    Int run(T* work, Int size) {
        Int info = 0, selected = 0;
        void* no_selection = nullptr;
        Int* no_flags = nullptr;
        const char job = vectors_ ? 'V' : 'N';
        if constexpr (is_complex<T>) {
            fortran::gees<T>()(job, 'N', no_selection, n_, columns_.data(), leading(n_),
                               &selected, values_.data(), basis_.data(), leading(n_),
                               work, size, real_work_.data(), no_flags, &info);
        } else {
            fortran::gees<T>()(job, 'N', no_selection, n_, columns_.data(), leading(n_),
                               &selected, values_.data(), values_.data() + n_,
                               basis_.data(), leading(n_), work, size, no_flags, &info);
        }
        return info;
    }
    Int query() {
        T answer(0);
        run(&answer, -1);
        return queried_size(answer);
    }

    Int n_;
    bool vectors_;
    Workspace<T> columns_, basis_, values_;
    Workspace<Real<T>> real_work_;
    Int size_;
    Workspace<T> work_;
};

/// x with op(a) x + x op(b) = c, or a difference, for a and b in Schur form.
template <class T> class TriangularSylvester {
  public:
    TriangularSylvester(Int m, Int n, char operation_a, char operation_b, bool subtract)
        : m_(m), n_(n), operation_a_(operation_a), operation_b_(operation_b),
          sign_(subtract ? -1 : 1), left_(m * m), right_(n * n), sides_(m * n) {}

    void many(Int count, const T* a, const T* b, const T* c, T* x) {
        const Int size = m_ * n_;
        for (Int i = 0; size > 0 && i < count; ++i)
            one(a + i * m_ * m_, b + i * n_ * n_, c + i * size, x + i * size);
    }

  private:
    void one(const T* a, const T* b, const T* c, T* x) {
        const Int size = m_ * n_;
        bool good =
            all_finite(a, m_ * m_) && all_finite(b, n_ * n_) && all_finite(c, size);
        Int info = 0;
        Real<T> scale = 1;
        if (good) {
            transpose_into(a, m_, m_, left_.data());
            transpose_into(b, n_, n_, right_.data());
            transpose_into(c, m_, n_, sides_.data());
            fortran::trsyl<T>()(operation_a_, operation_b_, sign_, m_, n_, left_.data(),
                                m_, right_.data(), n_, sides_.data(), m_, &scale,
                                &info);
        }
        if (!good || info < 0) return void(std::fill_n(x, size, nan_of<T>()));
        transpose_into(sides_.data(), n_, m_, x);
        for (Int k = 0; scale != 1 && k < size; ++k) x[k] /= scale;
    }

    Int m_, n_;
    char operation_a_, operation_b_;
    Int sign_;
    Workspace<T> left_, right_, sides_;
};

/// x with a x + x b = c, by the Schur forms of a and b: Bartels and Stewart, Solution
/// of the matrix equation AX + XB = C, 1972.
template <class T> class Sylvester {
  public:
    Sylvester(Int m, Int n)
        : m_(m), n_(n), schur_a_(m, true), schur_b_(n, true),
          triangular_(m, n, 'N', 'N', false), s_(m * m), u_(m * m), t_(n * n),
          v_(n * n), y_(m * n), z_(m * n) {}

    void many(Int count, const T* a, const T* b, const T* c, T* x) {
        const Int size = m_ * n_;
        for (Int i = 0; size > 0 && i < count; ++i) {
            schur_a_.many(1, a + i * m_ * m_, s_.data(), u_.data());
            schur_b_.many(1, b + i * n_ * n_, t_.data(), v_.data());
            between('C', c + i * size, 'N', y_.data());
            triangular_.many(1, s_.data(), t_.data(), y_.data(), y_.data());
            between('N', y_.data(), 'C', x + i * size);
        }
    }

  private:
    /// op(u) c op(v)
    void between(char left, const T* c, char right, T* out) {
        multiply<T>(m_, n_, m_, {u_.data(), left}, {c}, z_.data());
        multiply<T>(m_, n_, n_, {z_.data()}, {v_.data(), right}, out);
    }

    Int m_, n_;
    Schur<T> schur_a_, schur_b_;
    TriangularSylvester<T> triangular_;
    Workspace<T> s_, u_, t_, v_, y_, z_;
};

}  // namespace chainrule::lapack
