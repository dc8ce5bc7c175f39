// The regularised incomplete beta function I_x(a, b).
//
// For x below about a / (a + b) by the even part of the continued fraction DLMF 8.17.22
// (DiDonato and Morris, ACM TOMS 18, 1992, eq. 9); above, 1 - I_{1-x}(b, a), or where
// that would cancel, b < 1, the series of I - 1 about b = 0. The weight x^a (1-x)^b /
// B(a, b) is taken relative to its maximum at x = a / (a + b), so that no logarithms of
// Gamma cancel. Errors are a few ulp up to a, b of 1000; beyond, the rounding of x
// itself moves I by about sqrt(a + b) ulp near the mean, and the error is of that size.
#include "special.h"
#include "special_tables.h"

namespace chainrule::special {
namespace {

constexpr int kMaxLevels = 100000;

/// A number in [0, 1] with its complement, the rounding error of 1 - x not lost.
struct Split {
    double x, rest;  // the number is x + rest
};

Split complement(Split x) {
    const double y = 1 - x.x;
    return {y, ((1 - y) - x.x) - x.rest};
}

/// Gamma(a) / (sqrt(2 pi / a) (a / e)^a).
double scaled_gamma(double a) {
    if (a >= 8) return std::exp(stirling_remainder(a));
    constexpr double kE = 2.71828182845904523536;
    return std::tgamma(a) * std::sqrt(a / (2 * kPi)) * std::pow(kE / a, a);
}

/// x / (a / (a + b)), and how far the quotient is from the exact one, relatively.
struct Ratio {
    double value, correction;
};

Ratio relative_to_mean(Split x, double a, double b) {
    const double s = a + b, s_rest = (a - (s - (s - a))) + (b - (s - a));
    const double t = x.x * s;
    const double t_rest = std::fma(x.x, s, -t) + x.x * s_rest + x.rest * s;
    if (t < 1e-290) return {x.x / a * s, 0};  // no bits below to correct with
    const double ratio = t / a;
    return {ratio, (std::fma(-ratio, a, t) + t_rest) / t};
}

/// b x - a y, whose terms cancel near the mean, by their exact products.
Split difference(Split x, Split y, double a, double b) {
    const double bx = b * x.x, ay = a * y.x, high = bx - ay;
    const double shadow = high - bx;
    const double lost = (bx - (high - shadow)) - (ay + shadow);
    return {high, lost + (std::fma(b, x.x, -bx) - std::fma(a, y.x, -ay)) +
                      (b * x.rest - a * y.rest)};
}

/// (x s / a)^a (y s / b)^b for large a and b.
double large_weight(Split x, Split y, double a, double b) {
    const Split d = difference(x, y, a, b);
    const Exponent left = saddle_exponent(a, d.x, d.rest);
    const Exponent right = saddle_exponent(b, -d.x, -d.rest);
    return exp_of(left) * exp_of(right);
}

/// (x s / a)^a (y s / b)^b, by powers that are exact to an ulp, cut in pieces so that
/// neither overflows; by a logarithm where that takes more than 64 pieces.
double relative_weight(Split x, Split y, double a, double b) {
    const Ratio p = relative_to_mean(x, a, b), q = relative_to_mean(y, b, a);
    const double log_p = std::fabs(a * std::log(p.value));
    const double log_q = std::fabs(b * std::log(q.value));
    int pieces = 1;
    while (pieces < 64 && std::fmax(log_p, log_q) > 600 * pieces) pieces *= 2;
    const double rest = a * p.correction + b * q.correction;
    if (!(std::fmax(log_p, log_q) <= 600 * pieces && std::fabs(rest) < 100))
        return large_weight(x, y, a, b);
    double piece = std::pow(p.value, a / pieces) * std::pow(q.value, b / pieces);
    for (; pieces > 1; pieces /= 2) piece *= piece;
    return piece * std::exp(rest);
}

/// x^a y^b / B(a, b).
double weight(Split x, Split y, double a, double b) {
    const double gammas = scaled_gamma(a + b) / scaled_gamma(a) / scaled_gamma(b);
    return relative_weight(x, y, a, b) * gammas *
           std::sqrt(a / (2 * kPi) * (b / (a + b)));
}

/// I / weight, for x <= (a + 1) / (a + b + 2): the continued fraction, by Lentz's
/// method (Thompson and Barnett, J. Comput. Phys. 64, 1986).
double fraction(double a, double b, Split x, Split y) {
    const Split excess = difference(x, y, a, b);
    const double lambda = -(excess.x + excess.rest);
    double c = kInf, d = (a + 1) / (a * (lambda + 1)), h = d;
    for (int n = 1; n < kMaxLevels; ++n) {
        const double odd = a + (2 * n - 1);
        const double common = n * (b - n) * x.x / odd;
        const double numerator =
            common * x.x * (a + (n - 1)) * ((a + b + (n - 1)) / odd);
        const double denominator =
            n + common + (a + n) / (odd + 2) * (lambda + 1 + n * (1 + y.x));
        d = 1 / (numerator * d + denominator);
        c = denominator + numerator / c;
        const double before = h;
        h *= c * d;
        if (!(std::fabs(h - before) >= 0x1p-54 * h)) break;
    }
    return h;
}

/// log(Gamma(a + b) / Gamma(a)) for 0 < b <= 1, relative to its size: Stirling's series
/// at a + 10 or more, where each part of the difference is taken apart.
double log_gamma_step(double a, double b) {
    double below = 0;
    for (; a < 10; a += 1) below += std::log1p(b / a);
    const double growth = std::log1p(b / a);
    double change = 0;  // of Stirling's remainder, term by term
    double power = 1 / a;
    for (int k = 1; k <= 10; ++k) {
        change += stirling[k - 1] * power * std::expm1((1 - 2 * k) * growth);
        power /= a * a;
    }
    return (a - 0.5) * growth - b + b * std::log(a + b) + change - below;
}

/// 1 - I_y(b, a) for b < 1 and a y < 0.8: beyond, its terms cancel.
double upper_near_zero(double a, double b, Split y) {
    double sum = 0, power = 1;
    for (int n = 1; n < 500; ++n) {
        power *= (n - a) / n * y.x;
        const double term = power / (b + n);
        sum += term;
        if (std::fabs(term) < 0x1p-56 * std::fabs(sum) || term == 0) break;
    }
    const double gamma = b <= 0.5 ? log_gamma_1p(b) : log_gamma(1 + b);
    const double l = b * std::log(y.x) - gamma + log_gamma_step(a, b);
    return -std::expm1(l) - std::exp(l) * b * sum;
}

double below_mean(double a, double b, Split x, Split y) {
    const double scale = weight(x, y, a, b);
    return scale == 0 ? 0 : std::fmin(1, scale * fraction(a, b, x, y));
}

}  // namespace

double betainc(double a, double b, double x) {
    if (!(a >= 0 && b >= 0 && x >= 0 && x <= 1)) return kNan;
    if ((a == 0 && b == 0) || (a == kInf && b == kInf)) return kNan;
    if (x == 0 || x == 1) return x;
    if (a == 0 || b == kInf) return 1;
    if (b == 0 || a == kInf) return 0;
    if (std::fmax(a, b) < 1e-20) return b / (a + b);
    if (a < 1e-290) return 1;
    if (b < 1e-280) return b / 1e-280 * betainc(a, 1e-280, x);  // linear in b
    const Split here = {x, 0}, there = complement(here);
    if (x <= (a + 1) / (a + b + 2) || (b < 1 && a * there.x > 0.8))
        return below_mean(a, b, here, there);
    if (b < 1) return upper_near_zero(a, b, there);
    return 1 - below_mean(b, a, there, here);
}

void register_beta(nb::module_& m) {
    add_ternary<betainc>(
        m, "special_betainc",
        "betainc(a, b, x): the integral of t**(a - 1) (1 - t)**(b - 1) "
        "over [0, x], divided by B(a, b).");
}

}  // namespace chainrule::special
