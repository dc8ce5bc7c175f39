/// What transforms of one length share: factors, roots of unity, and how a length is
/// taken apart. Roots are computed in more digits than they have here.
///
/// Transforms are of lanes: the lanes of a vector belong to as many transforms, whose
/// steps are done at once (fft_lanes.h). A long one is a matrix, whose columns and then
/// rows are transformed in lanes (D. Bailey, "FFTs in external or hierarchical memory",
/// J. Supercomputing 4, 1990). Lengths with large prime factors are convolutions of
/// smooth lengths (L. Bluestein, "A linear filtering approach to the computation of
/// discrete Fourier transform", IEEE Trans. Audio 18, 1970).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace chainrule::fft {

using Int = std::int64_t;

/// Whether all prime factors have butterflies: 2, 3, 5, 7, 11 and 13.
bool is_smooth(Int n);
/// The least smooth number that is not below `n`, rich in factors of 2.
Int smooth_above(Int n);

/// One step: `radix` points each, `parts` blocks of `stride` elements; see fft_lanes.h.
template <class T> struct Pass {
    int radix;
    Int parts, stride;
    const T* roots;  // for each block radix - 1 complex numbers
};

/// The steps for a smooth length.
template <class T> struct Steps {
    explicit Steps(Int n);
    Int n;
    std::vector<Pass<T>> passes;

  private:
    std::vector<T> roots_;
};

/// A convolution in place of a transform of `n` points.
template <class T> struct Chirp {
    explicit Chirp(Int n);
    Int n, padded;
    std::vector<T> chirp;     // n complex numbers
    std::vector<T> spectrum;  // `padded` ones, divided by `padded`
};

/// Transforms of `n` points in lanes: a convolution where `chirp` is set.
template <class T> struct Lanes {
    explicit Lanes(Int n);
    Int n;
    std::unique_ptr<Chirp<T>> chirp;
    Steps<T> steps;
    /// The elements that a buffer has to hold.
    Int room() const { return steps.n + 1; }
};

/// One long transform: `columns` of `rows` points and back, or a convolution.
template <class T> struct Long {
    explicit Long(Int n);
    Int n;
    std::unique_ptr<Chirp<T>> chirp;
    Int rows, columns;  // of what is transformed: n, or the padded length
    std::unique_ptr<Lanes<T>> of_columns, of_rows;
    std::vector<T> twist[2];  // real and imaginary parts, rows x columns
};

/// exp(-2 pi i k / n), k = 0 ... n / 2: what makes real transforms of complex ones.
template <class T> struct Halves {
    explicit Halves(Int n);
    Int n;
    std::vector<T> roots;
};

/// The tables for `n`, which are kept for the next call; std::bad_alloc where there is
/// no memory.
template <class Tables> std::shared_ptr<const Tables> tables(Int n);

}  // namespace chainrule::fft
