/// What is accumulated in a scan: `Element` in memory, `Total` in registers, `load`,
/// `store`, `combine` and the `identity`; `regroups` says whether a long row may be
/// combined in another order than from its first element on, and `vectors` whether
/// `combine` takes GCC's vectors as well.
#pragma once
#include "kernel_complex.h"
#include "kernel_half.h"

#include <cmath>
#include <limits>
#include <type_traits>

namespace chainrule::kernels {

/// Elements that are accumulated as they are.
template <class T> struct Plain {
    using Element = T;
    using Total = T;
    static Total load(Element x) { return x; }
    static Element store(Total x) { return x; }
};

struct Half {
    using Element = u16;
    using Total = float;
    static float load(u16 x) { return from_half(x); }
    static u16 store(float x) { return to_half(x); }
};

struct Bfloat {
    using Element = u16;
    using Total = float;
    static float load(u16 x) { return from_bfloat(x); }
    static u16 store(float x) { return to_bfloat(x); }
};

/// A complex number, or nothing yet: no number is neutral where parts are infinite.
template <class T> struct Begun : Complex<T> {
    bool begun;
};

template <class T> struct Pairs {
    using Element = Complex<T>;
    using Total = Begun<T>;
    static Total load(Element x) { return {x, true}; }
    static Element store(const Total& x) { return x; }
};

template <class T> Begun<T> operator+(const Begun<T>& x, const Begun<T>& y) {
    return {Complex<T>(x) + Complex<T>(y), true};
}

template <class T> Begun<T> operator*(const Begun<T>& x, const Begun<T>& y) {
    return {Complex<T>(x) * Complex<T>(y), true};
}

/// An operation of complex numbers, in their order.
template <class Op> struct InOrder {
    static constexpr bool regroups = false;
    static constexpr bool vectors = false;
    template <class T> static T identity() { return {{1, 0}, false}; }
    template <class T> static Begun<T> combine(const Begun<T>& x, const Begun<T>& y) {
        if (!x.begun) return y;
        return {Op::combine(Complex<T>(x), Complex<T>(y)), true};
    }
};

template <class T> constexpr bool is_float = std::is_floating_point_v<T>;

struct Add {
    static constexpr bool regroups = true;
    static constexpr bool vectors = true;
    template <class T> static T identity() { return is_float<T> ? T(-0.0) : T(0); }
    template <class T> static T combine(T x, T y) { return T(x + y); }
};

/// In another order 0 * inf could arise where no product overflows.
struct Multiply {
    static constexpr bool regroups = false;
    static constexpr bool vectors = false;
    template <class T> static T identity() { return T(1); }
    template <class T> static T combine(T x, T y) {
        if constexpr (sizeof(T) < sizeof(int)) {
            return T(unsigned(x) * unsigned(y));
        } else {
            return x * y;
        }
    }
};

/// `better` of x and y, which is x where y is NaN; y there.
template <class T> T or_nan(T better, T y) {
    if constexpr (std::is_arithmetic_v<T>) {
        return y != y ? y : better;
    } else {  // by bits: GCC would merge two choices, and miss the machine's instruction
        using Bits = decltype(y != y);
        const Bits nan = y != y;
        return T((Bits(y) & nan) | (Bits(better) & ~nan));
    }
}

struct Maximum {
    static constexpr bool regroups = true;
    static constexpr bool vectors = true;
    template <class T> static T identity() {
        using Limits = std::numeric_limits<T>;
        return is_float<T> ? T(-Limits::infinity()) : Limits::lowest();
    }
    template <class T> static T combine(T x, T y) {
        return or_nan<T>(y > x ? y : x, y);
    }
};

struct Minimum {
    static constexpr bool regroups = true;
    static constexpr bool vectors = true;
    template <class T> static T identity() {
        using Limits = std::numeric_limits<T>;
        return is_float<T> ? Limits::infinity() : Limits::max();
    }
    template <class T> static T combine(T x, T y) {
        return or_nan<T>(y < x ? y : x, y);
    }
};

struct LogAddExp {
    static constexpr bool regroups = false;
    static constexpr bool vectors = false;
    template <class T> static T identity() {
        return T(-std::numeric_limits<T>::infinity());
    }
    template <class T> static T combine(T x, T y) {
        if (x == y) return x + T(0.693147180559945309417232121458176568);
        const T d = x - y;
        if (d > 0) return x + std::log1p(std::exp(-d));
        if (d <= 0) return y + std::log1p(std::exp(d));
        return d;  // NaN
    }
};

}  // namespace chainrule::kernels
