// logistic and rsqrt, vectorised; log1p and expm1, accurate for complex arguments too.
#include "special_vector.h"

#include <complex>

namespace chainrule::special {
namespace {

/// 1 / (1 + exp(-x)), with full accuracy where it is small.
CHAINRULE_INLINE double logistic(double x) {
    const double e = exp_nonpositive(-std::fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

CHAINRULE_INLINE double rsqrt(double x) { return 1 / std::sqrt(x); }

CHAINRULE_ROW(logistic_f32, float, logistic)
CHAINRULE_ROW(logistic_f64, double, logistic)
CHAINRULE_ROW(rsqrt_f32, float, rsqrt)
CHAINRULE_ROW(rsqrt_f64, double, rsqrt)

const Loop logistic_loops[] = {row_loop<float, logistic_f32>,
                               row_loop<double, logistic_f64>};
const Loop rsqrt_loops[] = {row_loop<float, rsqrt_f32>, row_loop<double, rsqrt_f64>};

using Complex = std::complex<double>;

/// a + b as a rounded sum and its rounding error (Knuth's two-sum).
CHAINRULE_INLINE double two_sum(double a, double b, double* error) {
    const double sum = a + b, shadow = sum - a;
    *error += (a - (sum - shadow)) + (b - shadow);
    return sum;
}

/// log(|1 + z|): where |1 + z| is near 1, |1 + z|^2 - 1 = 2x + x^2 + y^2 is summed with
/// the rounding errors of every step.
double log_abs_1p(double x, double y) {
    const double size = std::fmax(std::fabs(x), std::fabs(y));
    if (size > 1e300) return std::log(std::hypot(x / 4, y / 4)) + 2 * std::log(2.0);
    const double modulus = std::hypot(1 + x, y);
    if (!(modulus > 0.7 && modulus < 1.7)) return std::log(modulus);
    const double xx = x * x, yy = y * y;
    double error = std::fma(x, x, -xx) + std::fma(y, y, -yy);
    double sum = two_sum(2 * x, std::fmax(xx, yy), &error);
    sum = two_sum(sum, std::fmin(xx, yy), &error);
    return 0.5 * (std::log1p(sum) + error / (1 + sum));
}

Complex log1p_complex(Complex z) {
    const double x = z.real(), y = z.imag();
    if (y == 0 && x >= -1) return {std::log1p(x), y};
    return {log_abs_1p(x, y), std::atan2(y, 1 + x)};
}

/// exp(x) f without overflow of exp alone.
double scaled_exp(double x, double f) {
    return x > 709 ? std::exp(x - 709) * f * std::exp(709.0) : std::exp(x) * f;
}

Complex expm1_complex(Complex z) {
    const double x = z.real(), y = z.imag();
    if (y == 0) return {std::expm1(x), y};
    if (x == -kInf) return {-1, std::isfinite(y) ? std::copysign(0, std::sin(y)) : 0};
    const double half_sine = std::sin(y / 2), cosine = std::cos(y);
    const double real = x > 709 ? scaled_exp(x, cosine) - 1
                                : std::expm1(x) * cosine - 2 * half_sine * half_sine;
    return {real, scaled_exp(x, std::sin(y))};
}

template <typename T, Complex (*F)(Complex)>
void complex_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    for (npy_intp i = 0; i < n[0]; ++i)
        element<std::complex<T>>(args[1], steps[1], i) =
            std::complex<T>(F(Complex(element<std::complex<T>>(args[0], steps[0], i))));
}

double log1p_real(double x) { return std::log1p(x); }
double expm1_real(double x) { return std::expm1(x); }

const char kInexactTypes[] = {NPY_FLOAT,  NPY_FLOAT,  NPY_DOUBLE,  NPY_DOUBLE,
                              NPY_CFLOAT, NPY_CFLOAT, NPY_CDOUBLE, NPY_CDOUBLE};
const Loop log1p_loops[] = {
    unary_loop<float, log1p_real>, unary_loop<double, log1p_real>,
    complex_loop<float, log1p_complex>, complex_loop<double, log1p_complex>};
const Loop expm1_loops[] = {
    unary_loop<float, expm1_real>, unary_loop<double, expm1_real>,
    complex_loop<float, expm1_complex>, complex_loop<double, expm1_complex>};

}  // namespace

void register_elementary(nb::module_& m) {
    add_ufunc(m, {"special_logistic", "1 / (1 + exp(-x)).", logistic_loops,
                  kFloatTypes1, 2, 1, 1});
    add_ufunc(m, {"special_rsqrt", "1 / sqrt(x).", rsqrt_loops, kFloatTypes1, 2, 1, 1});
    add_ufunc(m, {"special_log1p", "log(1 + x), real or complex.", log1p_loops,
                  kInexactTypes, 4, 1, 1});
    add_ufunc(m, {"special_expm1", "exp(x) - 1, real or complex.", expm1_loops,
                  kInexactTypes, 4, 1, 1});
}

}  // namespace chainrule::special
