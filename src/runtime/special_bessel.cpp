// The exponentially scaled modified Bessel functions I_0 and I_1.
//
// Polynomials on either side of 8: in x, and in 1 / x for the asymptotic shape
// exp(-x) I(x) sqrt(x). Their coefficients are our own (special_tables.py).
#include "special_tables.h"
#include "special_vector.h"

namespace chainrule::special {
namespace {

CHAINRULE_INLINE double i0e(double x) {
    const double size = std::fabs(x);
    const double small = polynomial(bessel_i0e_small, size / 4 - 1);
    const double large = polynomial(bessel_i0e_large, 16 / size - 1) / std::sqrt(size);
    return select(size <= 8, small, large);
}

CHAINRULE_INLINE double i1e(double x) {
    const double size = std::fabs(x);
    const double small = x * polynomial(bessel_i1e_small, size / 4 - 1);
    const double large = polynomial(bessel_i1e_large, 16 / size - 1) / std::sqrt(size);
    return select(size <= 8, small, std::copysign(large, x));
}

CHAINRULE_ROW(i0e_f32, float, i0e)
CHAINRULE_ROW(i0e_f64, double, i0e)
CHAINRULE_ROW(i1e_f32, float, i1e)
CHAINRULE_ROW(i1e_f64, double, i1e)

const Loop i0e_loops[] = {row_loop<float, i0e_f32>, row_loop<double, i0e_f64>};
const Loop i1e_loops[] = {row_loop<float, i1e_f32>, row_loop<double, i1e_f64>};

}  // namespace

void register_bessel(nb::module_& m) {
    add_ufunc(m, {"special_bessel_i0e", "exp(-|x|) I_0(x).", i0e_loops, kFloatTypes1, 2,
                  1, 1});
    add_ufunc(m, {"special_bessel_i1e", "exp(-|x|) I_1(x).", i1e_loops, kFloatTypes1, 2,
                  1, 1});
}

}  // namespace chainrule::special
