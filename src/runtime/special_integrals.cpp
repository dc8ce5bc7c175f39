// Exponential, trigonometric, Fresnel and Dawson integrals, and the dilogarithm.
//
// Small arguments by power series with terms of one sign where one exists; large ones
// by asymptotic series or by the continued fraction of Gamma(a, z) at z = x (E_n) or on
// the imaginary axis (Si, Ci, S, C). Errors are a few ulp; near the roots of Ei, Ci,
// and of the oscillating parts of the others, small against the amplitude.
#include "special.h"
#include "special_tables.h"

#include <complex>

namespace chainrule::special {
namespace {

constexpr double kEuler = 0.57721566490153286061;
using Complex = std::complex<double>;

/// Gamma(a, i x) i^-a x^-a exp(i x) for x >= 2.5.
Complex fraction_on_imaginary_axis(double a, double x) {
    const int levels = int(200 / x) + 8;
    Complex tail(2 * levels + 1 - a, x);
    for (int n = levels; n >= 1; --n)
        tail = Complex(2 * n - 1 - a, x) - n * (n - a) / tail;
    return 1.0 / tail;
}

/// sum over k >= 1 of x^k / (k k!).
double exponential_series(double x) {
    double sum = 0, power = 1;
    for (int k = 1; k < 300; ++k) {
        power *= x / k;
        sum += power / k;
        if (std::fabs(power) < 0x1p-56 * std::fabs(sum)) break;
    }
    return sum;
}

/// exp(x) factor, of which exp(x) alone may overflow.
double exp_times(double x, double factor) {
    return std::exp(x / 2) * factor * std::exp(x / 2);
}

double exp1(double x) {
    if (!(x > 0)) return x == 0 ? kInf : kNan;
    if (x <= 1) return -exponential_series(-x) - kEuler - std::log(x);
    if (x > 750) return 0;
    return std::exp(-x) * gamma_fraction(0.0, x, int(130 / x) + 14);
}

double expi(double x) {
    if (std::isnan(x)) return x;
    if (x < 0) return -exp1(-x);
    if (x == 0) return -kInf;
    if (x > 0.2 && x < 0.7)
        return ((x - expi_root[0]) - expi_root[1]) *
               polynomial(expi_near_root, 4 * x - 1.8);
    if (x < 40) return exponential_series(x) + (std::log(x) + kEuler);
    if (x > 720) return kInf;
    double sum = 1;  // DLMF 6.12.2: its smallest term is exp(-x)
    for (int k = 40; k > 0; --k) sum = 1 + k / x * sum;
    return exp_times(x, sum / x);
}

/// E_n(x) for an integer n >= 1 and 0 < x <= 1: DLMF 8.19.8.
double expn_series(double n, double x) {
    double sum = 0, power = 1;
    for (int m = 0; m < 40; ++m) {
        if (m > 0) power *= -x / m;
        if (m != n - 1) sum -= power / (m + 1 - n);
    }
    if (n > 100) return sum;  // the logarithm's term is below 1e-150
    const double last = std::pow(-x, n - 1) / std::tgamma(n);
    return sum + last * (digamma(n) - std::log(x));
}

double expn(double n, double x) {
    if (!(n >= 0) || n != std::floor(n) || !(x >= 0)) return kNan;
    if (x == 0) return n > 1 ? 1 / (n - 1) : kInf;
    if (x > 750 || n == kInf) return 0;
    if (n == 0) return std::exp(-x) / x;
    if (n == 1) return exp1(x);
    if (x <= 1) return expn_series(n, x);
    return std::exp(-x) * gamma_fraction(1 - n, x, int(130 / x) + 14);
}

struct Pair {
    double first, second;
};

/// log(x) + gamma for x > 0, exact beside its zero too, which is near that of Ci.
double log_with_euler(double x) {
    // exp(gamma) in two parts
    constexpr double high = 1.781072417990198, low = -1.2758024019837578e-17;
    if (x < 1e-290) return std::log(x) + kEuler;
    const double product = x * high;
    const double rest = std::fma(x, high, -product) + x * low;
    return std::log(product) + rest / product;
}

/// Si(x), Ci(|x|).
Pair sici(double x) {
    const double size = std::fabs(x);
    if (std::isnan(x)) return {x, x};
    if (size == kInf) return {std::copysign(kPi / 2, x), x > 0 ? 0 : kNan};
    if (size <= 2.5) {
        double sine = 0, cosine = 0, power = 1;
        for (int k = 1; k < 36; k += 2) {
            power *= size / k;
            sine += power / k;
            power *= -size / (k + 1);
            cosine += power / (k + 1);
        }
        return {std::copysign(sine, x), cosine + log_with_euler(size)};
    }
    const Complex e1 = Complex(std::cos(size), -std::sin(size)) *
                       fraction_on_imaginary_axis(0, size);  // DLMF 6.5.5 f.
    return {std::copysign(kPi / 2 + e1.imag(), x), -e1.real()};
}

/// S(x), C(x): the integrals of sin and cos of pi t^2 / 2.
Pair fresnel(double x) {
    const double size = std::fabs(x), square = size * size;
    if (std::isnan(x)) return {x, x};
    if (size <= 1.5) {
        const double angle = kPi / 2 * square;
        double sine = 0, cosine = size, power = size;
        for (int k = 1; k < 36; k += 2) {
            power *= angle / k;
            sine += power / (2 * k + 1);
            power *= -angle / (k + 1);
            cosine += power / (2 * k + 3);
        }
        return {std::copysign(sine, x), std::copysign(cosine, x)};
    }
    if (size > 1e16) return {std::copysign(0.5, x), std::copysign(0.5, x)};
    // C + i S = (1 + i) / 2 erf(z), z^2 = -i angle (DLMF 7.5.8). With conjugates,
    // erfc = exp(-w) sqrt(w / pi) F(w), w = i angle, whose phase needs angle mod 2 pi.
    const double phase =
        kPi / 2 *
        (std::fmod(square, 4) + std::fmod(std::fma(size, size, -square), 4));
    const Complex wave(std::cos(phase), -std::sin(phase));
    const Complex root(size / 2, size / 2);  // sqrt(w / pi)
    const Complex erfc =
        wave * root * fraction_on_imaginary_axis(0.5, kPi / 2 * square);
    const Complex c_minus_is = Complex(0.5, -0.5) * (1.0 - erfc);
    return {std::copysign(-c_minus_is.imag(), x), std::copysign(c_minus_is.real(), x)};
}

/// exp(-x^2) times the integral of exp(t^2) over [0, x].
double dawsn(double x) {
    const double square = x * x;
    if (std::fabs(x) < 6.5) {
        double sum = 1, power = 1;
        for (int k = 1; k < 300; ++k) {
            power *= square / k;
            sum += power / (2 * k + 1);
            if (power < 0x1p-56 * sum) break;
        }
        const double rest = std::fma(x, x, -square);
        return x * (sum * std::exp(-square) * (1 - rest));
    }
    double sum = 1;  // sum of (2k - 1)!! / (2 x^2)^k; its smallest term is exp(-x^2)
    for (int odd = 61; odd > 0; odd -= 2) sum = 1 + odd / (2 * square) * sum;
    return 0.5 * sum / x;
}

/// Li_2(1 - exp(-u)), |u| <= log 2: the integral of u / (exp(u) - 1).
double dilogarithm_of_rate(double u) {
    const double u2 = u * u;
    double sum = 0;
    for (int k = 10; k >= 1; --k)
        sum = u2 * (euler_maclaurin[k - 1] / (2 * k + 1) + sum);
    return u - u2 / 4 + u * sum;
}

/// Li_2(1 - x), through the reflections of DLMF 25.12.4 and 25.12.6 into [1/2, 2].
double spence(double x) {
    if (!(x >= 0) || x == kInf) return kNan;
    if (x == 0) return kPi * kPi / 6;
    if (x < 0.5)
        return kPi * kPi / 6 - std::log(x) * std::log1p(-x) -
               dilogarithm_of_rate(-std::log1p(-x));
    if (x <= 2) return dilogarithm_of_rate(0 - std::log(x));
    const double log_rest = std::log(x - 1);
    return -kPi * kPi / 6 - 0.5 * log_rest * log_rest -
           dilogarithm_of_rate(-std::log1p(1 / (x - 1)));
}

template <typename T, Pair (*F)(double)>
void pair_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    for (npy_intp i = 0; i < n[0]; ++i) {
        const Pair pair = F(element<T>(args[0], steps[0], i));
        element<T>(args[1], steps[1], i) = T(pair.first);
        element<T>(args[2], steps[2], i) = T(pair.second);
    }
}

const Loop sici_loops[] = {pair_loop<float, sici>, pair_loop<double, sici>};
const Loop fresnel_loops[] = {pair_loop<float, fresnel>, pair_loop<double, fresnel>};

}  // namespace

void register_integrals(nb::module_& m) {
    add_unary<exp1>(m, "special_exp1", "The integral of exp(-t) / t over [x, inf).");
    add_unary<expi>(m, "special_expi", "The principal value of -exp1(-x).");
    add_binary<expn>(m, "special_expn",
                     "expn(n, x): the integral of exp(-x t) / t**n over [1, inf).");
    add_ufunc(m, {"special_sici", "sici(x) -> (Si(x), Ci(|x|)).", sici_loops,
                  kFloatTypes2, 2, 1, 2});
    add_ufunc(m, {"special_fresnel", "fresnel(x) -> (S(x), C(x)), of pi t**2 / 2.",
                  fresnel_loops, kFloatTypes2, 2, 1, 2});
    add_unary<dawsn>(m, "special_dawsn",
                     "exp(-x**2) times the integral of exp(t**2) over [0, x].");
    add_unary<spence>(m, "special_spence",
                      "The integral of log(t) / (1 - t) over [1, x], Li_2(1 - x).");
}

}  // namespace chainrule::special
