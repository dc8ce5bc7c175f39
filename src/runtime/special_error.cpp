// The inverse and scaled error functions; erf and erfc are libm's.
//
// erf_inv: a polynomial good to ten digits in w = -log(1 - x^2), the variable of Giles,
// "Approximating the erfinv function" (GPU Computing Gems, 2011), with coefficients of
// our own (special_tables.py), then one step of Halley's method.
#include "special_tables.h"
#include "special_vector.h"

namespace chainrule::special {
namespace {

double erf_kernel(double x) { return std::erf(x); }
double erfc_kernel(double x) { return std::erfc(x); }

/// The solution y of erf(y) = x, |x| < 1, to about ten digits; w = -log(1 - x^2).
CHAINRULE_INLINE double erf_inv_rough(double x, double w) {
    if (w < 5) return x * polynomial(erf_inv_central, 0.4 * w - 1);
    const double y = polynomial(erf_inv_tail, (std::sqrt(w) - 4.3) / 2.1);
    return std::copysign(y, x);
}

/// erf_inv for float32: the ten digits of the first step are enough, and no step of it
/// branches. 1 - x^2 is exact enough in double.
CHAINRULE_INLINE double erf_inv_single(double x) {
    const double size = std::fabs(x);
    const double rest = (1 - size) * (1 + size);
    const double w = -log_positive(select(rest > 0x1p-60, rest, 0x1p-60));
    const double central = x * polynomial(erf_inv_central, 0.4 * w - 1);
    const double tail =
        std::copysign(polynomial(erf_inv_tail, (std::sqrt(w) - 4.3) / 2.1), x);
    const double inside = select(w < 5, central, tail);
    return select(size < 1, inside, select(size == 1, x * kInf, kNan));
}

CHAINRULE_ROW(erf_inv_f32, float, erf_inv_single)

const Loop erf_inv_loops[] = {row_loop<float, erf_inv_f32>,
                              unary_loop<double, erf_inv>};

/// Halley's step from y, given f = erf(y) - x or the like, of slope 2/sqrt(pi) e^-y^2.
double halley(double y, double f) {
    const double newton = f * (kSqrtPi / 2) * std::exp(y * y);
    return y - newton / (1 + y * newton);
}

/// erfc(y) = q for q below 1e-16, where erf is 1: Newton's method on log erfc, which
/// is nearly the parabola -y^2, from its leading asymptotic term.
double erfc_inv_far(double q) {
    const double target = std::log(q);
    double y = std::sqrt(-target - 0.5 * std::log(-kPi * target));
    for (int i = 0; i < 4; ++i) {
        const double scaled = erfcx(y);
        const double excess = std::log(scaled) - y * y - target;
        y += excess * scaled * (kSqrtPi / 2);
    }
    return y;
}

}  // namespace

double erf_inv(double x) {
    if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? std::copysign(kInf, x) : kNan;
    const double y = erf_inv_rough(x, -std::log1p(-x * x));
    if (std::fabs(x) < 0.5) return halley(y, std::erf(y) - x);
    // 1 - |x| is exact here, and erfc keeps the digits that erf rounds away.
    const double size =
        halley(-std::fabs(y), std::erfc(std::fabs(y)) - (1 - std::fabs(x)));
    return std::copysign(size, x);
}

double erfc_inv(double q) {
    if (!(q >= 0 && q <= 2)) return kNan;
    if (q == 0) return kInf;
    if (q == 2) return -kInf;
    if (q > 0.5) return erf_inv(1 - q);  // 1 - q is exact
    if (q < 1e-16) return erfc_inv_far(q);
    const double y = erf_inv_rough(1 - q, -std::log(q * (2 - q)));
    return -halley(-y, std::erfc(y) - q);
}

double erfcx(double x) {
    if (x < 25) {
        const double square = x * x;
        if (square > 710 && x < 0) return kInf;
        const double rest = std::fma(x, x, -square);  // exp(x^2) to all digits
        const double grown = std::exp(square) * std::erfc(x);
        return grown + rest * grown;
    }
    const double r = 0.5 / (x * x);  // DLMF 7.12.1: sum of (-1)^k (2k - 1)!! r^k
    double sum = 1;
    for (int odd = 15; odd > 0; odd -= 2) sum = 1 - odd * r * sum;
    return sum / kSqrtPi / x;  // the product of the two may overflow
}

double ndtri(double p) { return 0 - std::sqrt(2.0) * erfc_inv(2 * p); }

double log_ndtr(double x) {
    const double z = -x / std::sqrt(2.0);
    if (z > 1) return std::log(0.5 * erfcx(z)) - 0.5 * x * x;
    if (z > -1) return std::log(0.5 * std::erfc(z));
    if (x > 40) return -0.0;
    // erfc(-z) / 2 with the exact square: z itself is rounded, which exp(-z^2)
    // magnifies.
    const double square = x * x, rest = std::fma(x, x, -square);
    return std::log1p(-0.5 * erfcx(-z) * std::exp(-0.5 * square) * (1 - 0.5 * rest));
}

void register_error(nb::module_& m) {
    add_unary<erf_kernel>(m, "special_erf", "The error function.");
    add_unary<erfc_kernel>(m, "special_erfc", "1 - erf(x), without cancellation.");
    add_ufunc(m, {"special_erf_inv", "The inverse of erf on [-1, 1].", erf_inv_loops,
                  kFloatTypes1, 2, 1, 1});
    add_unary<erfc_inv>(m, "special_erfc_inv", "The inverse of erfc on [0, 2].");
    add_unary<erfcx>(m, "special_erfcx", "exp(x**2) * erfc(x).");
    add_unary<ndtri>(m, "special_ndtri", "The inverse normal distribution function.");
    add_unary<log_ndtr>(m, "special_log_ndtr", "The log normal distribution function.");
}

}  // namespace chainrule::special
