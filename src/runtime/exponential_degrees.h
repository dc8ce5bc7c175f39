/// The matrix exponential by scaling and squaring: which Pade approximant, after how
/// many halvings.
///
/// Bounds on the 1-norm are those of Higham, The scaling and squaring method for the
/// matrix exponential revisited, 2005 (table 2.3 for f64, and those for f32); for the
/// derivative those of Al-Mohy and Higham, Computing the Frechet derivative of the
/// matrix exponential, 2009 (table 6.1).
#pragma once
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace chainrule::exponential {

using Int = std::int64_t;

/// A Pade approximant: its degree, the largest 1-norm at which it is exact to rounding,
/// there with a derivative, and the numerator's coefficients b_0 to b_13 up to a common
/// factor, zero beyond the degree.
struct Approximant {
    int degree;
    double bound, derivative_bound;
    double b[14];
};

inline constexpr Approximant kSingle[] = {
    {3, 4.258730016922831e-1, 3.08e-1, {120, 60, 12, 1}},
    {5, 1.880152677804762, 1.48, {30240, 15120, 3360, 420, 30, 1}},
    {7,
     3.925724783138660,
     3.23,
     {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1}},
};
inline constexpr Approximant kDouble[] = {
    {3, 1.495585217958292e-2, 1.08e-2, {120, 60, 12, 1}},
    {5, 2.539398330063230e-1, 2.00e-1, {30240, 15120, 3360, 420, 30, 1}},
    {7,
     9.504178996162932e-1,
     7.83e-1,
     {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1}},
    {9,
     2.097847961257068,
     1.78,
     {17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960,
      90, 1}},
    {13,
     5.371920351148152,
     4.74,
     {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800,
      129060195264000, 10559470521600, 670442572800, 33522128640, 1323241920, 40840800,
      960960, 16380, 182, 1}},
};

/// What is done with a matrix; without an approximant its result is NaN.
struct Plan {
    const Approximant* approximant;
    int squarings;
};

/// The plan for a matrix with this 1-norm, of real numbers R or of complex ones made of
/// them. No approximant where the norm is not finite, or asks for too many squarings:
/// more than `max_squarings`, and one more where there is a derivative.
template <class R> Plan plan(double norm, bool derivative, Int max_squarings) {
    const Approximant *first, *last;
    if constexpr (std::is_same_v<R, float>) {
        first = kSingle, last = kSingle + 2;
    } else {
        first = kDouble, last = kDouble + 4;
    }
    if (!std::isfinite(norm)) return {nullptr, 0};
    const auto bound = [&](const Approximant* x) {
        return derivative ? x->derivative_bound : x->bound;
    };
    for (const Approximant* x = first; x <= last; ++x)
        if (norm <= bound(x)) return {x, 0};
    int squarings = 0;
    if (std::frexp(norm / bound(last), &squarings) == 0.5) --squarings;
    if (squarings > max_squarings + derivative) return {nullptr, 0};
    return {last, squarings};
}

/// out = the sum of `count` terms of `size` numbers, each times its weight.
template <class R>
void weighted_sum(Int size, int count, const R* weights, const R* const* terms, R* out);

}  // namespace chainrule::exponential
