/// Complex numbers as kernels compute with them: by the plain formulas, each operation
/// rounded, without std::complex's second look at infinite products. They order by real,
/// then imaginary parts; one with a NaN is before all.
#pragma once
#include <algorithm>
#include <cmath>
#include <complex>

namespace chainrule::kernels {

template <class T> struct Complex {
    T re, im;
    bool is_nan() const { return re != re || im != im; }
};

template <class T> Complex<T> operator+(Complex<T> x, Complex<T> y) {
    return {x.re + y.re, x.im + y.im};
}

template <class T> Complex<T> operator*(Complex<T> x, Complex<T> y) {
    return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

/// x < y, of numbers.
template <class T> bool operator<(Complex<T> x, Complex<T> y) {
    return x.re < y.re || (x.re == y.re && x.im < y.im);
}

struct Times {
    template <class T> static Complex<T> combine(Complex<T> x, Complex<T> y) {
        return x * y;
    }
};

/// The greater one; x where both are alike, or x is NaN.
struct Greater {
    template <class T> static Complex<T> combine(Complex<T> x, Complex<T> y) {
        return !x.is_nan() && (y.is_nan() || x < y) ? y : x;
    }
};

struct Lesser {
    template <class T> static Complex<T> combine(Complex<T> x, Complex<T> y) {
        return !x.is_nan() && (y.is_nan() || y < x) ? y : x;
    }
};

/// log(exp(x) + exp(y)), in the scale of the greater real part.
struct LogSum {
    template <class T> static Complex<T> combine(Complex<T> x, Complex<T> y) {
        T top = x.re < y.re ? y.re : x.re;
        if (!std::isfinite(top)) top = 0;
        using Number = std::complex<T>;
        const Number found = std::log(std::exp(Number(x.re - top, x.im)) +
                                      std::exp(Number(y.re - top, y.im)));
        return {found.real() + top, found.imag()};
    }
};

}  // namespace chainrule::kernels
