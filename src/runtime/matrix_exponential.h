/// Problems as in lapack_problems.h: exponentials of matrices, and their derivatives.
#pragma once
#include "exponential_degrees.h"
#include "matrix_products.h"

namespace chainrule::lapack {

/// The largest sum of magnitudes in a column of an n x n matrix; NaN where it holds
/// NaN.
template <class T> Real<T> column_norm(Int n, const T* a) {
    Workspace<Real<T>> sums(n);
    std::fill_n(sums.data(), n, Real<T>(0));
    for (Int i = 0; i < n; ++i)
        for (Int j = 0; j < n; ++j) sums[j] += std::abs(a[i * n + j]);
    Real<T> largest = 0;
    for (Int j = 0; j < n; ++j)
        if (!(sums[j] <= largest) && largest == largest) largest = sums[j];
    return largest;
}

/// Exponentials of n x n matrices by scaling and squaring; with two parts their
/// derivatives in a direction, by the same steps differentiated. NaN where a matrix is
/// not finite or asks for more squarings than there may be.
///
/// A jet is a matrix, followed by its derivative where there are two parts.
template <class T, int Parts> class Exponential {
  public:
    Exponential(Int n, Int max_squarings)
        : n_(n), size_(n * n), max_squarings_(max_squarings), solve_(n, n),
          work_(is_lane() ? 0 : 9 * Parts * size_) {}

    Int entries() const { return solve_.entries(); }

    /// exp(a); of two parts, the derivative of exp at a along e.
    void many(Int count, const T* a, const T* e, T* out) {
        if constexpr (has_small<T>) {
            if (is_lane())
                return small::exponential<T, Parts>(n_, max_squarings_, count, a, e,
                                                    out);
        }
        for (Int i = 0; size_ > 0 && i < count; ++i) {
            const T* directions[] = {a + i * size_, e + (Parts - 1) * i * size_};
            one(directions, out + i * size_);
        }
    }

  private:
    bool is_lane() const { return has_small<T> && small::is_tiny(n_); }
    T* jet(int k) { return work_.data() + k * Parts * size_; }

    void one(const T* const* given, T* out) {
        const auto plan = exponential::plan<Real<T>>(column_norm(n_, given[0]),
                                                     Parts == 2, max_squarings_);
        if (!plan.approximant) return void(std::fill_n(out, size_, nan_of<T>()));
        T *x = jet(0), *result = jet(1), *other = jet(2);
        const T scale(std::ldexp(Real<T>(1), -plan.squarings));
        for (int p = 0; p < Parts; ++p)
            for (Int i = 0; i < size_; ++i) x[p * size_ + i] = scale * given[p][i];
        approximate(*plan.approximant, result);
        for (int k = 0; k < plan.squarings; ++k) {
            product(result, result, other);
            std::swap(result, other);
        }
        std::copy_n(result + (Parts - 1) * size_, size_, out);
    }

    /// z = x y
    void product(const T* x, const T* y, T* z) {
        multiply_square(n_, x, y, z);
        if constexpr (Parts == 2) {
            multiply_square(n_, x + size_, y, z + size_);
            multiply_square(n_, x, y + size_, z + size_, T(1), T(1));
        }
    }

    /// What numerator and denominator share is even, what they differ in odd in x,
    /// which is the first jet.
    void approximate(const exponential::Approximant& by, T* result) {
        T *x = jet(0), *odd = jet(2), *even = jet(3), *times = jet(8);
        polynomials(by, odd, even);
        product(x, odd, times);
        for (Int i = 0; i < Parts * size_; ++i) {
            const T sum = even[i] + times[i], difference = even[i] - times[i];
            odd[i] = sum;
            even[i] = difference;
        }
        solve_.many(1, even, odd, result);
        if constexpr (Parts == 2) {
            multiply_square(n_, even + size_, result, odd + size_, T(-1), T(1));
            solve_.many(1, even, odd + size_, result + size_);
        }
    }

    /// The even part, and the odd one divided by x.
    void polynomials(const exponential::Approximant& by, T* odd, T* even) {
        T *x = jet(0), *square = jet(4);
        const bool split = by.degree == 13;
        const int powers = split ? 3 : (by.degree - 1) / 2;
        product(x, x, square);
        for (int k = 1; k < powers; ++k) product(jet(3 + k), square, jet(4 + k));
        combine(by.b + 1, 1, powers, odd);
        combine(by.b, 1, powers, even);
        if (!split) return;
        T *high = jet(7), *times = jet(8);
        for (int k = 0; k < 2; ++k) {
            combine(by.b + 7 - k, 0, 3, high);
            product(jet(6), high, times);
            T* sum = k == 0 ? odd : even;
            for (Int i = 0; i < Parts * size_; ++i) sum[i] += times[i];
        }
    }

    /// The sum of b_2k times the k-th power of the square, for k to `powers`; the unit
    /// matrix is among these where there is a `unit`.
    void combine(const double* b, Int unit, int powers, T* out) {
        const Int numbers = Parts * size_ * (is_complex<T> ? 2 : 1);
        const auto real = [](T* x) { return reinterpret_cast<Real<T>*>(x); };
        const Real<T>* terms[4];
        Real<T> weights[4];
        for (int k = 0; k < powers; ++k) {
            terms[k] = real(jet(4 + k));
            weights[k] = Real<T>(b[2 * (k + 1)]);
        }
        exponential::weighted_sum(numbers, powers, weights, terms, real(out));
        for (Int i = 0; unit && i < n_; ++i) out[i * n_ + i] += Real<T>(b[0]);
    }

    Int n_, size_, max_squarings_;
    Solve<T> solve_;
    Workspace<T> work_;
};

/// Directions of a derivative: each doubles the matrix.
constexpr Int kMostDirections = 16;

template <class T> using Expm = Exponential<T, 1>;

/// The derivative of the exponential in one direction or in several: in several, it is
/// a block of the derivative in all but the last, at a matrix twice the size.
template <class T> class ExpmFrechet {
  public:
    ExpmFrechet(Int n, Int directions, Int max_squarings)
        : n_(n), directions_(directions), whole_(n << (directions - 1)),
          derivative_(whole_, max_squarings),
          work_(directions > 1 ? 3 * whole_ * whole_ : 0) {}

    Int entries() const { return derivative_.entries(); }

    /// `operands`: the matrices and directions.
    void many(Int count, const T* const* operands, T* out) {
        if (directions_ == 1)
            return derivative_.many(count, operands[0], operands[1], out);
        for (Int i = 0; i < count; ++i) one(operands, i, out + i * n_ * n_);
    }

  private:
    T* matrix(Int k) { return work_.data() + k * whole_ * whole_; }

    /// A copy of `block` at row `row` and column `column` of a large matrix.
    void place(const T* block, Int size, Int row, Int column, T* target) {
        for (Int i = 0; i < size; ++i)
            for (Int j = 0; j < size; ++j)
                target[(row + i) * whole_ + column + j] = block[i * n_ + j];
    }

    /// Block (r, c) of 2^(directions - 1) x 2^(directions - 1) of the matrix is that
    /// direction whose bit alone r lacks and c has; directions are put in from the last
    /// on, each over twice the blocks. The first direction stands on the diagonal.
    void one(const T* const* operands, Int i, T* out) {
        const Int blocks = whole_ / n_, from = i * n_ * n_;
        T *a = matrix(0), *e = matrix(1), *found = matrix(2);
        std::fill_n(a, 2 * whole_ * whole_, T(0));
        for (Int r = 0; r < blocks; ++r) {
            place(operands[0] + from, n_, r * n_, r * n_, a);
            place(operands[1] + from, n_, r * n_, r * n_, e);
            for (Int k = 0; k + 1 < directions_; ++k)
                if (!(r >> k & 1))
                    place(operands[directions_ - k] + from, n_, r * n_,
                          (r | Int(1) << k) * n_, a);
        }
        derivative_.many(1, a, e, found);
        for (Int r = 0; r < n_; ++r)
            std::copy_n(found + (r + 1) * whole_ - n_, n_, out + r * n_);
    }

    Int n_, directions_, whole_;
    Exponential<T, 2> derivative_;
    Workspace<T> work_;
};

}  // namespace chainrule::lapack
