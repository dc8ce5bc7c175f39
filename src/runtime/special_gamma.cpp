// lgamma, digamma, polygamma and the Hurwitz zeta function.
//
// digamma: a polynomial about its positive root on [1, 2], the recurrence in x below
// 10, the asymptotic series above (DLMF 5.11.2), reflection on the left (DLMF 5.5.4).
// zeta: Euler-Maclaurin summation (DLMF 25.11.28). polygamma: DLMF 25.11.12.
#include "special.h"
#include "special_tables.h"

#include <math.h>  // lgamma_r

namespace chainrule::special {
namespace {

/// sum_k coefficients[k] y^k with y = 1 / x^2: the tail of an asymptotic series.
template <int N>
double series_in_inverse_square(const double (&coefficients)[N], double x) {
    return polynomial(coefficients, 1 / (x * x));
}

double digamma_between_1_and_2(double x) {
    const double from_root = (x - digamma_root[0]) - digamma_root[1];
    return from_root * polynomial(digamma_near_root, 2 * x - 3);
}

double digamma_positive(double x) {
    if (x >= 10) {
        const double tail = series_in_inverse_square(digamma_tail, x) / (x * x);
        return std::log(x) - 0.5 / x + tail;
    }
    if (x < 1) return digamma_between_1_and_2(x + 1) - 1 / x;
    double sum = 0;  // x - 1 is exact, and every term has the sign of the result
    while (x >= 2) {
        x -= 1;
        sum += 1 / x;
    }
    return digamma_between_1_and_2(x) + sum;
}

/// q^s zeta(s, q) for q > 0: sums terms directly up to a point whose remainder the
/// Euler-Maclaurin series gives to all digits, or until they vanish.
double scaled_zeta(double s, double q) {
    const double start = 10 + s / 1.5;
    double sum = 0, scale = 1;
    int k = 0;
    for (; q + k < start; ++k) {
        // (1 + k / q)^-s; by log1p its error does not grow with s.
        scale = std::exp(-s * std::log1p(k / q));
        sum += scale;
        if (scale < 0x1p-60 * sum) return sum;
    }
    const double a = q + k;
    scale = k == 0 ? 1 : std::exp(-s * std::log1p(k / q));
    double tail = a / (s - 1) + 0.5;
    double factor = s / a;  // s (s + 1) ... (s + 2j - 2) / a^(2j - 1)
    for (int j = 1; j <= 18; ++j) {
        const double term = euler_maclaurin[j - 1] * factor;
        tail += term;
        if (std::fabs(term) < 0x1p-58 * tail) break;
        factor *= (s + 2 * j - 1) / a * ((s + 2 * j) / a);
    }
    return sum + scale * tail;
}

/// n! / x^(n + 1) by Stirling's series, (n / (e x))^n in pieces that do not overflow;
/// by its logarithm where that takes too many.
double factorial_over_power(double n, double x) {
    const double base = n / x, exponent = n * (std::log(base) - 1);
    if (exponent > 2000) return kInf;
    if (!(exponent > -2000)) return 0;
    double piece = std::exp(exponent / 16);
    if (n < 8000) piece = std::pow(base, n / 16) * std::exp(-n / 16);
    for (int k = 0; k < 3; ++k) piece *= piece;
    const double rest = std::fma(-base, x, n) + stirling_remainder(n);
    return piece * (std::sqrt(2 * kPi * n) / x * std::exp(rest)) * piece;
}

double zeta_positive(double s, double q) {
    if (q == kInf) return 0;
    return std::pow(q, -s) * scaled_zeta(s, q);
}

/// zeta(s, q) for integer s and negative q that is no integer. The terms with a
/// negative base are a piece of the same series on the other side: zeta(s, q) = zeta(s,
/// f) + (-1)^s (zeta(s, 1 - f) - zeta(s, 1 - q)), f = q - floor(q).
double zeta_negative(double s, double q) {
    const double one_minus_f = -q - std::floor(-q);  // exact
    const double sign = std::fmod(s, 2) == 0 ? 1 : -1;
    if (q > -1) return sign * std::pow(-q, -s) + zeta_positive(s, 1 + q);
    const double other = zeta_positive(s, one_minus_f) - zeta_positive(s, 1 - q);
    return zeta_positive(s, 1 - one_minus_f) + sign * other;
}

}  // namespace

double log_gamma(double x) {
    int sign;
    return ::lgamma_r(x, &sign);
}

double log_gamma_1p(double a) { return a * polynomial(log_gamma_quotient, 2 * a); }

double stirling_remainder(double a) {
    return series_in_inverse_square(stirling, a) / a;
}

double digamma(double x) {
    if (x == 0) return -std::copysign(kInf, x);
    if (x > 0) return x == kInf ? kInf : digamma_positive(x);
    if (!(x > -0x1p53) || x == std::floor(x)) return kNan;
    // pi cot(pi x) with the nearest integer removed first, which is exact.
    const double r = x - std::rint(x);
    const double cotangent = std::fabs(r) == 0.5 ? 0 : kPi / std::tan(kPi * r);
    // For x near 0, 1 - x would lose x: use digamma(-x) = digamma(1 - x) + 1 / x.
    if (x > -1) return digamma_positive(1 - x) - cotangent;
    return digamma_positive(-x) - 1 / x - cotangent;
}

double hurwitz_zeta(double s, double q) {
    if (std::isnan(s) || std::isnan(q) || s < 1) return kNan;
    if (s == 1) return kInf;
    if (q <= 0 && q == std::floor(q)) return kInf;
    if (s == kInf) return q > 1 ? 0 : q == 1 ? 1 : q > 0 ? kInf : kNan;
    if (q > 0) return zeta_positive(s, q);
    return s == std::floor(s) ? zeta_negative(s, q) : kNan;
}

double polygamma(double n, double x) {
    if (n == 0) return digamma(x);
    if (!(n > 0 && n < kInf) || n != std::floor(n) || std::isnan(x)) return kNan;
    const double s = n + 1;
    const double sign = std::fmod(n, 2) == 0 ? -1 : 1;
    const double factorial = std::tgamma(s);
    if (!(x > 0) || x == kInf) return sign * factorial * hurwitz_zeta(s, x);
    if (factorial == kInf) return sign * factorial_over_power(n, x) * scaled_zeta(s, x);
    const double root = std::pow(x, -s / 2);  // half the power does not underflow first
    return sign * (factorial * root * root) * scaled_zeta(s, x);
}

void register_gamma(nb::module_& m) {
    add_unary<log_gamma>(m, "special_lgamma", "log|Gamma(x)|.");
    add_unary<digamma>(m, "special_digamma", "The logarithmic derivative of Gamma.");
    add_binary<polygamma>(m, "special_polygamma",
                          "polygamma(n, x): the n-th derivative of digamma at x.");
    add_binary<hurwitz_zeta>(m, "special_zeta",
                             "zeta(s, q): the sum of (q + k)**-s over k >= 0.");
}

}  // namespace chainrule::special
