/// Special functions: scalar kernels in double precision, and their registration as
/// NumPy ufuncs. float32 loops compute in double and round once, so their error is the
/// rounding. Accuracies stated here are relative and for float64.
#pragma once
#include "ufunc.h"

#include <cmath>
#include <limits>

namespace chainrule::special {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kPi = 3.14159265358979323846;
constexpr double kSqrtPi = 1.77245385090551602730;

/// The polynomial with these coefficients, lowest power first, by Horner's rule.
template <typename T, int N>
CHAINRULE_INLINE T polynomial(const double (&coefficients)[N], T t) {
    T sum = coefficients[N - 1];
    for (int i = N - 2; i >= 0; --i) sum = sum * t + coefficients[i];
    return sum;
}

/// Gamma(a, x) exp(x) / x^a by its continued fraction DLMF 8.9.2,
/// 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...)), cut after `levels` and
/// evaluated from the inside out, which accumulates no rounding errors.
template <typename T>
T gamma_fraction(T a, double x, int levels) {
    T tail = T(x + 2 * levels + 1) - a;
    for (int n = levels; n >= 1; --n)
        tail = T(x + 2 * n - 1) - a - T(n) * (T(n) - a) / tail;
    return T(1) / tail;
}

// --- gamma and zeta (special_gamma.cpp)

/// log|Gamma(x)|; +inf at the poles.
double log_gamma(double x);
/// log Gamma(1 + a) for |a| <= 1/2, relative to its own size.
double log_gamma_1p(double a);
/// log(Gamma(a) / (sqrt(2 pi / a) (a / e)^a)) for a >= 8: Stirling's remainder.
double stirling_remainder(double a);
/// Gamma'(x) / Gamma(x). Near its negative roots the error is absolute.
double digamma(double x);
/// The Hurwitz zeta function, s > 1. For q < 0, s must be an integer.
double hurwitz_zeta(double s, double q);
/// The n-th derivative of digamma; n is a non-negative integer.
double polygamma(double n, double x);

// --- the error function (special_error.cpp)

double erf_inv(double x);
/// The y with erfc(y) = q, to full accuracy for small q.
double erfc_inv(double q);
/// exp(x^2) erfc(x).
double erfcx(double x);
/// The p-quantile of the normal distribution.
double ndtri(double p);
/// log of the normal distribution function.
double log_ndtr(double x);

// --- the incomplete gamma and beta functions (special_incomplete.cpp,
// special_beta.cpp)

/// P(a, x), Q(a, x) = 1 - P, dP/da and -(dP/da) / (dP/dx); a, x >= 0.
double igamma(double a, double x);
double igammac(double a, double x);
double igamma_grad_a(double a, double x);
double random_gamma_grad(double a, double x);

/// mu - log(1 + mu) for mu > -1, relative to its own size.
double log1p_excess(double mu);
/// The sum of an exponent and of what its rounding lost.
struct Exponent {
    double value, rest;
};
/// -a log1p_excess((d + d_rest) / a), in two parts where that is not far from 0.
Exponent saddle_exponent(double a, double d, double d_rest);
/// exp of both parts.
double exp_of(Exponent e);
/// I_x(a, b) for a, b >= 0 and x in [0, 1].
double betainc(double a, double b, double x);

// --- registration, a function per file

void register_gamma(nb::module_& m);
void register_error(nb::module_& m);
void register_elementary(nb::module_& m);
void register_incomplete(nb::module_& m);
void register_beta(nb::module_& m);
void register_bessel(nb::module_& m);
void register_integrals(nb::module_& m);

// --- loops

template <typename T>
CHAINRULE_INLINE T& element(char* base, npy_intp stride, npy_intp i) {
    return *reinterpret_cast<T*>(base + i * stride);
}

template <typename T, double (*F)(double)>
void unary_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    for (npy_intp i = 0; i < n[0]; ++i)
        element<T>(args[1], steps[1], i) = T(F(element<T>(args[0], steps[0], i)));
}

template <typename T, double (*F)(double, double)>
void binary_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    for (npy_intp i = 0; i < n[0]; ++i)
        element<T>(args[2], steps[2], i) =
            T(F(element<T>(args[0], steps[0], i), element<T>(args[1], steps[1], i)));
}

template <typename T, double (*F)(double, double, double)>
void ternary_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    for (npy_intp i = 0; i < n[0]; ++i)
        element<T>(args[3], steps[3], i) =
            T(F(element<T>(args[0], steps[0], i), element<T>(args[1], steps[1], i),
                element<T>(args[2], steps[2], i)));
}

/// Types of ufuncs with a float32 and a float64 loop, up to four operands.
inline constexpr char kFloatTypes1[] = {NPY_FLOAT, NPY_FLOAT, NPY_DOUBLE, NPY_DOUBLE};
inline constexpr char kFloatTypes2[] = {NPY_FLOAT,  NPY_FLOAT,  NPY_FLOAT,
                                        NPY_DOUBLE, NPY_DOUBLE, NPY_DOUBLE};
inline constexpr char kFloatTypes3[] = {NPY_FLOAT,  NPY_FLOAT,  NPY_FLOAT,  NPY_FLOAT,
                                        NPY_DOUBLE, NPY_DOUBLE, NPY_DOUBLE, NPY_DOUBLE};

template <double (*F)(double)>
void add_unary(nb::module_& m, const char* name, const char* doc) {
    static const Loop loops[] = {unary_loop<float, F>, unary_loop<double, F>};
    add_ufunc(m, {name, doc, loops, kFloatTypes1, 2, 1, 1});
}

template <double (*F)(double, double)>
void add_binary(nb::module_& m, const char* name, const char* doc) {
    static const Loop loops[] = {binary_loop<float, F>, binary_loop<double, F>};
    add_ufunc(m, {name, doc, loops, kFloatTypes2, 2, 2, 1});
}

template <double (*F)(double, double, double)>
void add_ternary(nb::module_& m, const char* name, const char* doc) {
    static const Loop loops[] = {ternary_loop<float, F>, ternary_loop<double, F>};
    add_ufunc(m, {name, doc, loops, kFloatTypes3, 2, 3, 1});
}

}  // namespace chainrule::special
