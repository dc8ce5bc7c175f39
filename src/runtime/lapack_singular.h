/// Problems as in lapack_problems.h: singular values.
#pragma once
#include "jacobi.h"
#include "lapack_decompositions.h"
#include "matrix_products.h"

namespace chainrule::lapack {

/// Singular values and vectors of real matrices by rotations, of their r where they are
/// long: x = q r for x = a, or a^T where a is wide, and r^T is rotated, whose columns
/// come to an end sooner (Z. Drmac and K. Veselic, "New fast and accurate Jacobi SVD
/// algorithm", SIMAX 29, 2008).
template <class T> class RotatedSvd {
  public:
    /// Whether there is anything to be gained; `job` is LAPACK's, which finds values alone
    /// of square matrices in less time, unless they are small.
    static bool serves(Int m, Int n, char job) {
        const Int k = std::min(m, n);
        if (is_complex<T> || k == 0 || (job == 'A' && m != n)) return false;
        return k <= (job == 'N' && m == n ? kMostValues : kMostRotated);
    }

    RotatedSvd(Int m, Int n, bool vectors)
        : tall_(m >= n),
          rows_(std::max(m, n)),
          k_(std::min(m, n)),
          reduced_(rows_ > 2 * k_),
          vectors_(vectors),
          rotations_(reduced_ ? k_ : rows_, k_, vectors),
          columns_(rows_ * k_),
          basis_columns_(reduced_ ? rows_ * k_ : 0),
          turned_(k_ * k_),
          taus_(k_),
          basis_(rows_, k_, reduced_ ? k_ : 0),
          size_(reduced_ ? query() : 0),
          work_(size_) {}

    /// False where rotations do not do; nothing is known then.
    bool find(const T* a, T* u, T* s, T* vh) {
        if (tall_)
            transpose_into(a, rows_, k_, columns_.data());
        else
            std::copy_n(a, rows_ * k_, columns_.data());
        if (reduced_) reduce();
        for (Int j = 0; j < k_; ++j) put(j);
        if (!rotations_.find()) return false;
        for (Int r = 0; r < k_; ++r) s[r] = rotations_.value(r);
        if (!vectors_) return true;
        for (Int r = 0; r < k_;
             ++r) {  // of r^T = q s w^T, x has the vectors (q' w) and q
            const T *left = rotations_.left(r), *right = rotations_.right(r);
            if (!reduced_) put_vector(left, rows_, r, tall_, u, vh);
            put_vector(reduced_ ? left : right, k_, r, !tall_, u, vh);
            if (reduced_) std::copy_n(right, k_, turned_.data() + r * k_);
        }
        if (reduced_) expand(tall_ ? u : vh);
        return true;
    }

  private:
    static constexpr Int kMostValues = 20;

    /// x becomes the factors of q and r.
    void reduce() {
        Int info = 0;
        fortran::geqrf<T>()(rows_, k_, columns_.data(), rows_, taus_.data(),
                            work_.data(), size_, &info);
    }
    /// Column j of what is rotated: x, or r^T.
    void put(Int j) {
        T* to = rotations_.column(j);
        if (!reduced_) return void(std::copy_n(columns_.data() + j * rows_, rows_, to));
        for (Int i = 0; i < k_; ++i) to[i] = i < j ? T(0) : columns_[i * rows_ + j];
    }
    /// The r-th left vector, a column of u, or right one, a row of vh.
    void put_vector(const T* from, Int size, Int r, bool is_left, T* u, T* vh) const {
        if (!is_left) return void(std::copy_n(from, size, vh + r * size));
        for (Int i = 0; i < size; ++i) u[i * k_ + r] = from[i];
    }
    /// q times the vectors of r, which are the rows of `turned_`: as columns, or as
    /// rows.
    void expand(T* to) {
        basis_.multiply(columns_.data(), taus_.data(), basis_columns_.data());
        const T *q = basis_columns_.data(), *turned = turned_.data();
        if (tall_)
            multiply<T>(rows_, k_, k_, {q, 'T'}, {turned, 'T'}, to);
        else
            multiply<T>(k_, rows_, k_, {turned}, {q}, to);
    }
    Int query() {
        T answer(0), unused(0);
        Int info = 0;
        fortran::geqrf<T>()(rows_, k_, &unused, rows_, &unused, &answer, Int(-1),
                            &info);
        return queried_size(answer);
    }

    bool tall_;
    Int rows_, k_;
    bool reduced_, vectors_;
    Rotations<T> rotations_;
    Workspace<T> columns_, basis_columns_, turned_, taus_;
    ReflectionProduct<T> basis_;
    Int size_;
    Workspace<T> work_;
};

/// How singular values are found: by rotations where matrices are small and real, or else
/// by division, as by the second; by LAPACK's divide and conquer, whose vectors have signs on
/// which normal variates by `method="svd"` depend; by its QR iteration.
enum class SvdMethod { kRotate, kDivide, kIterate };

/// Singular values of row-major m x n matrices, and vectors if the job is S or A.
/// Column-major, such a matrix is its transpose, whose left singular vectors are,
/// column-major, exactly vh row-major, and whose right ones are u: LAPACK writes both
/// where they belong. Matrices of more rows than columns are transposed all the same:
/// of the two, LAPACK takes half the time for the one that it sees as tall.
template <class T> class Svd {
  public:
    Svd(Int m, Int n, char job, SvdMethod method)
        : m_(m),
          n_(n),
          k_(std::min(m, n)),
          tall_(m > n),
          job_(job),
          method_(method),
          matrix_(m * n),
          left_(tall_ && job != 'N' ? m * u_columns() : 0),
          right_(tall_ && job != 'N' ? n * vh_rows() : 0),
          real_work_(real_size()),
          int_work_(8 * k_),
          size_(k_ > 0 ? query() : 0),
          work_(size_) {
        if constexpr (!is_complex<T>)
            if (method == SvdMethod::kRotate && RotatedSvd<T>::serves(m, n, job))
                rotated_ = std::make_unique<RotatedSvd<Real<T>>>(m, n, job != 'N');
    }

    void many(Int count, const T* a, T* u, Real<T>* s, T* vh) {
        const Int u_size = job_ == 'N' ? 0 : m_ * u_columns();
        const Int vh_size = job_ == 'N' ? 0 : vh_rows() * n_;
        const bool small = rotated_ && small::is_small_product(m_, n_);
        bool found[kTogether] = {};
        for (Int i = 0; i < count; ++i) {
            const Int in_group = i % kTogether;
            const Int size = std::min(kTogether, count - i);
            if constexpr (has_small<T>)
                if (small && in_group == 0)
                    small::svd(m_, n_, size, a + i * m_ * n_,
                               job_ == 'N' ? nullptr : u + i * u_size, s + i * k_,
                               vh + i * vh_size, found);
            if (!found[in_group])
                one(a + i * m_ * n_, u + i * u_size, s + i * k_, vh + i * vh_size);
        }
    }

  private:
    /// Small matrices that are done before LAPACK is asked for those that are left.
    static constexpr Int kTogether = 256;

    Int u_columns() const { return job_ == 'A' ? m_ : k_; }
    Int vh_rows() const { return job_ == 'A' ? n_ : k_; }

    void one(const T* a, T* u, Real<T>* s, T* vh) {
        const bool vectors = job_ != 'N';
        if (k_ == 0) {
            if (vectors) set_identity(u, m_, u_columns());
            if (vectors) set_identity(vh, vh_rows(), n_);
        } else if (!solve(a, u, s, vh)) {
            if (vectors) std::fill_n(u, m_ * u_columns(), nan_of<T>());
            std::fill_n(s, k_, nan_of<Real<T>>());
            if (vectors) std::fill_n(vh, vh_rows() * n_, nan_of<T>());
        }
    }
    /// True if rotations, divide and conquer or else QR iteration converged.
    bool solve(const T* a, T* u, Real<T>* s, T* vh) {
        if (!all_finite(a, m_ * n_)) return false;
        if constexpr (!is_complex<T>)
            if (rotated_ && rotated_->find(a, u, s, vh)) return true;
        T *left = tall_ ? left_.data() : vh, *right = tall_ ? right_.data() : u;
        read(a);
        bool good = method_ != SvdMethod::kIterate && divide(left, s, right, work_.data(), size_) == 0;
        if (!good) {
            read(a);
            good = iterate(left, s, right, work_.data(), size_) == 0;
        }
        if (good && tall_ && job_ != 'N') {
            transpose_into(left_.data(), u_columns(), m_, u);
            transpose_into(right_.data(), n_, vh_rows(), vh);
        }
        return good;
    }
    void read(const T* a) {
        if (tall_)
            transpose_into(a, m_, n_, matrix_.data());
        else
            std::copy_n(a, m_ * n_, matrix_.data());
    }
    /// What LAPACK sees: rows and columns of the matrix, rows of the right vectors.
    Int rows() const { return tall_ ? m_ : n_; }
    Int columns() const { return tall_ ? n_ : m_; }
    Int right_rows() const { return job_ == 'A' ? columns() : leading(k_); }
    Int divide(T* left, Real<T>* s, T* right, T* work, Int size) {
        Int info = 0;
        if constexpr (is_complex<T>) {
            fortran::gesdd<T>()(job_, rows(), columns(), matrix_.data(), rows(), s,
                                left, rows(), right, right_rows(), work, size,
                                real_work_.data(), int_work_.data(), &info);
        } else {
            fortran::gesdd<T>()(job_, rows(), columns(), matrix_.data(), rows(), s,
                                left, rows(), right, right_rows(), work, size,
                                int_work_.data(), &info);
        }
        return info;
    }
    Int iterate(T* left, Real<T>* s, T* right, T* work, Int size) {
        Int info = 0;
        if constexpr (is_complex<T>) {
            fortran::gesvd<T>()(job_, job_, rows(), columns(), matrix_.data(), rows(),
                                s, left, rows(), right, right_rows(), work, size,
                                real_work_.data(), &info);
        } else {
            fortran::gesvd<T>()(job_, job_, rows(), columns(), matrix_.data(), rows(),
                                s, left, rows(), right, right_rows(), work, size,
                                &info);
        }
        return info;
    }
    Int query() {
        T divide_size(0), iterate_size(0), unused(0);
        Real<T> value = 0;
        divide(&unused, &value, &unused, &divide_size, -1);
        iterate(&unused, &value, &unused, &iterate_size, -1);
        return std::max(queried_size(divide_size), queried_size(iterate_size));
    }
    /// What gesdd documents for complex matrices; gesvd needs less.
    Int real_size() const {
        const Int large = std::max(m_, n_);
        return k_ * std::max<Int>(5 * k_ + 7, 2 * large + 2 * k_ + 1);
    }

    Int m_, n_, k_;
    bool tall_;
    char job_;
    SvdMethod method_;
    std::unique_ptr<RotatedSvd<Real<T>>> rotated_;
    Workspace<T> matrix_, left_, right_;
    Workspace<Real<T>> real_work_;
    Workspace<Int> int_work_;
    Int size_;
    Workspace<T> work_;
};

}  // namespace chainrule::lapack
