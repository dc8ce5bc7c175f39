// The regularised incomplete gamma functions P and Q = 1 - P, and their derivative in
// a.
//
// Four expansions; each is used where its terms have one sign or nearly so, and gives
// the function as its weight times a moderate factor:
// * P by powers of x (DLMF 8.11.4), for x < max(a, 1.1);
// * Q by its continued fraction (DLMF 8.9.2), for larger x;
// * Q for a < 1, x < max(a, 0.8) by the series of P - 1 about a = 0 (DiDonato and
//   Morris, ACM TOMS 12, 1986, eq. 15 f.);
// * both for a >= 20 and x near a by the uniform expansion of Temme (DLMF 8.12), with
//   the coefficients by the backward recurrence of Gil, Segura and Temme (SIAM J. Sci.
//   Comput. 34, 2012, section 2.5).
// The derivative in a comes from the same expansions on dual numbers.
//
// Errors are a few ulp; in the far tails exp(-t) is computed with an error of about t/4
// ulp. 1 - P is used for Q only where P < 0.7, and the other way round.
#include "special.h"
#include "special_dual.h"
#include "special_tables.h"

namespace chainrule::special {
namespace {

constexpr int kMaxTerms = 10000;

/// (x / a)^a exp(a - x), the weight exp(-saddle_exponent(a, x - a)). The direct power
/// is exact to an ulp or two and is used as far as it does not overflow when split in
/// eight.
double saddle_weight(double a, double x) {
    const double ratio = x / a, difference = a - x;
    const double largest =
        std::fmax(a * std::fabs(std::log(ratio)), std::fabs(difference));
    int pieces = 1;
    while (pieces < 8 && largest > 600 * pieces) pieces *= 2;
    if (!(largest <= 600 * pieces) || !std::isnormal(ratio))
        return exp_of(saddle_exponent(a, x - a, 0));
    const double shadow = difference - a;
    const double lost = (a - (difference - shadow)) + (-x - shadow);
    const double correction = std::fma(-ratio, a, x) / ratio + lost;
    double piece = std::pow(ratio, a / pieces) * std::exp(difference / pieces);
    for (; pieces > 1; pieces /= 2) piece *= piece;
    return piece * std::exp(correction);
}

/// x^a exp(-x) / Gamma(a + 1).
double weight(double a, double x) {
    if (a < 10 && x < 700) return std::pow(x, a) * std::exp(-x) / std::tgamma(a + 1);
    if (a < 10) return std::exp(a * std::log(x) - x - log_gamma(a + 1));
    return saddle_weight(a, x) * std::exp(-stirling_remainder(a)) /
           std::sqrt(2 * kPi * a);
}

/// P / weight: the sum of x^n / ((a + 1) ... (a + n)).
template <typename T>
T lower_series(T a, double x) {
    T sum = 1, term = 1, denominator = a;
    for (int n = 1; n < kMaxTerms; ++n) {
        denominator += 1;
        term *= x / denominator;
        sum += term;
        if (relative_size(term, sum) < 0x1p-55) break;
    }
    return sum;
}

/// Q / (a weight). The count of levels was found by search to be a fifth more than is
/// needed at x > max(a, 0.8) below a = 20 and at x > 2 a above.
template <typename T>
T upper_fraction(T a, double x) {
    return gamma_fraction(a, x, int(130 / x) + 14);
}

/// Q for a < 1 and x < 1: -expm1(l) - exp(l) v, where exp(l) = x^a / Gamma(1 + a) and
/// 1 + v = Gamma(1 + a) P / x^a.
double upper_near_zero(double a, double x) {
    double sum = 0, power = 1;
    for (int n = 1; n < 40; ++n) {
        power *= -x / n;
        sum += power / (a + n);
    }
    const double gamma = a <= 0.5 ? log_gamma_1p(a) : log_gamma(1 + a);
    const double l = a * std::log(x) - gamma;
    return -std::expm1(l) - std::exp(l) * a * sum;
}

/// What Temme's expansion is made of, at a >= 20: eta^2 / 2 = mu - log(1 + mu),
/// mu = x / a - 1, and the sum S(eta) with
/// Q = erfc(eta sqrt(a / 2)) / 2 + exp(-a eta^2 / 2) S / sqrt(2 pi a).
template <typename T>
T temme_sum(T a, T eta) {
    constexpr int kTerms = sizeof(temme_quotient) / sizeof(double);
    T beta[kTerms + 1];
    beta[kTerms] = beta[kTerms - 1] = T(0);
    for (int n = kTerms - 1; n >= 1; --n)
        beta[n - 1] = T(n + 1) * beta[n + 1] / a + T(temme_quotient[n]);
    T sum = 0;
    for (int n = kTerms - 2; n >= 0; --n) sum = sum * eta + beta[n];
    return sum / (T(1) + beta[1] / a);
}

/// Where temme_sum converges to all digits.
bool near_transition(double a, double x) { return a >= 20 && x > 0.4 * a && x < 2 * a; }

/// P if lower, else Q; of the two, the one below 1/2 or so is computed.
double temme(double a, double x, bool lower) {
    const double mu = (x - a) / a;
    const double eta = std::copysign(std::sqrt(2 * log1p_excess(mu)), mu);
    const double sign =
        mu < 0 ? 1 : -1;  // the small one is P on the left, Q on the right
    const double scaled = 0.5 * erfcx(std::fabs(eta) * std::sqrt(a / 2)) -
                          sign * temme_sum(a, eta) / std::sqrt(2 * kPi * a);
    const double small = saddle_weight(a, x) * scaled;
    return lower == (mu < 0) ? small : 1 - small;
}

/// (dQ / da) / (dP / dx), which has no factor that underflows.
double slope_ratio(double a, double x) {
    if (near_transition(a, x)) {
        const double mu = (x - a) / a;
        const double eta = std::copysign(std::sqrt(2 * log1p_excess(mu)), mu);
        const double quotient = mu == 0 ? 1 : mu / eta;
        const Dual s = temme_sum(Dual(a, 1), Dual(eta, -quotient / a));
        const double sum =
            quotient - eta / 2 + std::log1p(mu) * s.value + s.slope - s.value / (2 * a);
        return sum * std::exp(stirling_remainder(a)) * x / a;
    }
    if (x < std::fmax(a, 0.8)) {
        const Dual s = lower_series(Dual(a, 1), x);
        return -x / a * (s.value * (std::log(x) - digamma(a + 1)) + s.slope);
    }
    const Dual h = upper_fraction(Dual(a, 1), x);
    return x * (h.value * (std::log(x) - digamma(a)) + h.slope);
}

/// The value of `igamma` where a limit decides, or -1 for an ordinary pair.
double limit(double a, double x) {
    if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a == kInf && x == kInf))
        return kNan;
    if (x == 0 || a == kInf) return 0;
    if (a == 0 || x == kInf) return 1;
    return -1;
}

}  // namespace

double log1p_excess(double mu) {
    if (mu == kInf) return mu;
    if (std::fabs(mu) > 0.5) return mu - std::log1p(mu);
    // log(1 + mu) = 2 artanh(u); mu - 2u = mu u, and the rest is a series in u^2.
    const double u = mu / (2 + mu), u2 = u * u;
    double power = u2 * u, sum = 0;
    for (int k = 3; std::fabs(power) > 1e-17 * std::fabs(mu * u) && k < 60; k += 2) {
        sum += power / k;
        power *= u2;
    }
    return mu * u - 2 * sum;
}

Exponent saddle_exponent(double a, double d, double d_rest) {
    const double mu = d / a;
    if (!(std::fabs(mu) < 0.4 && std::fabs(d) < 1e150))
        return {-a * log1p_excess(mu), 0};
    // a (mu - 2 s) = d^2 / (2 a + d), s = d / (2 a + d); and what 2 artanh(s) is more.
    const double total = 2 * a + d, lost = d - (total - 2 * a) + d_rest;
    const double square = d * d, high = square / total;
    const double rest = std::fma(d, d, -square) + 2 * d * d_rest - high * lost;
    const double s = d / total, s2 = s * s;
    double sum = 0;
    for (int k = 25; k > 1; k -= 2) sum = sum * s2 + 2.0 / k;
    const double low = (std::fma(-high, total, square) + rest) / total;
    return {-high, a * s * s2 * sum - low};
}

double exp_of(Exponent e) { return std::exp(e.value) * std::exp(e.rest); }

double igamma(double a, double x) {
    const double at_limit = limit(a, x);
    if (at_limit != -1) return at_limit;
    if (near_transition(a, x)) return temme(a, x, true);
    if (x < std::fmax(a, 1.1)) return std::fmin(1, weight(a, x) * lower_series(a, x));
    return 1 - weight(a, x) * a * upper_fraction(a, x);
}

double igammac(double a, double x) {
    const double at_limit = limit(a, x);
    if (at_limit != -1) return 1 - at_limit;
    if (near_transition(a, x)) return temme(a, x, false);
    if (a < 1 && x < std::fmax(a, 0.8)) return upper_near_zero(a, x);
    if (x < a) return 1 - weight(a, x) * lower_series(a, x);
    return weight(a, x) * a * upper_fraction(a, x);
}

double igamma_grad_a(double a, double x) {
    const double at_limit = limit(a, x);
    if (at_limit != -1) return std::isnan(at_limit) || a == 0 ? kNan : 0;
    return -slope_ratio(a, x) * weight(a, x) * (a / x);
}

double random_gamma_grad(double a, double x) {
    const double at_limit = limit(a, x);
    if (at_limit != -1) return std::isnan(at_limit) || a == 0 ? kNan : 0;
    return slope_ratio(a, x);
}

void register_incomplete(nb::module_& m) {
    add_binary<igamma>(m, "special_igamma",
                       "igamma(a, x): the integral of t**(a - 1) exp(-t) over [0, x], "
                       "divided by Gamma(a).");
    add_binary<igammac>(m, "special_igammac",
                        "1 - igamma(a, x), without cancellation.");
    add_binary<igamma_grad_a>(m, "special_igamma_grad_a",
                              "The derivative of igamma(a, x) with respect to a.");
    add_binary<random_gamma_grad>(
        m, "special_random_gamma_grad",
        "random_gamma_grad(a, sample): the derivative with respect to a of a gamma(a)\n"
        "sample at fixed probability, -(dP/da) / (dP/dx).");
}

}  // namespace chainrule::special
