/// Transforms of few points, whose numbers are vectors: a lane for each transform.
/// Everything here is inlined into code for one kind of vectors.
#pragma once
#include <cstddef>
#include <utility>

#include "ufunc.h"

namespace chainrule::fft {
namespace {

/// Vectors of `Bytes` bytes.
template <class T, int Bytes> struct Vectors {
    typedef T type __attribute__((vector_size(Bytes)));
};

template <class V> struct Complex {
    V re, im;
};

template <class V> CHAINRULE_INLINE Complex<V> operator+(Complex<V> a, Complex<V> b) {
    return {a.re + b.re, a.im + b.im};
}
template <class V> CHAINRULE_INLINE Complex<V> operator-(Complex<V> a, Complex<V> b) {
    return {a.re - b.re, a.im - b.im};
}
/// Times -i.
template <class V> CHAINRULE_INLINE Complex<V> turned(Complex<V> a) {
    return {a.im, -a.re};
}
template <class V, class S>
CHAINRULE_INLINE Complex<V> times(Complex<V> a, S re, S im) {
    return {a.re * re - a.im * im, a.re * im + a.im * re};
}

template <class V> CHAINRULE_INLINE void transform_2(Complex<V>* x) {
    const Complex<V> a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
}

template <class V> CHAINRULE_INLINE void transform_4(Complex<V>* x) {
    const Complex<V> a = x[0] + x[2], b = x[0] - x[2];
    const Complex<V> c = x[1] + x[3], d = turned(x[1] - x[3]);
    x[0] = a + c;
    x[1] = b + d;
    x[2] = a - c;
    x[3] = b - d;
}

/// Two of 4 points, of the even ones and of the odd ones.
template <class T, class V> CHAINRULE_INLINE void transform_8(Complex<V>* x) {
    constexpr T half_root = T(0.70710678118654752440L);
    Complex<V> even[] = {x[0], x[2], x[4], x[6]}, odd[] = {x[1], x[3], x[5], x[7]};
    transform_4(even);
    transform_4(odd);
    odd[1] = {(odd[1].re + odd[1].im) * half_root, (odd[1].im - odd[1].re) * half_root};
    odd[2] = turned(odd[2]);
    odd[3] = {(odd[3].im - odd[3].re) * half_root,
              -(odd[3].re + odd[3].im) * half_root};
    for (int k = 0; k < 4; ++k) {
        x[k] = even[k] + odd[k];
        x[k + 4] = even[k] - odd[k];
    }
}

/// cos and sin of 2 pi k / radix, k = 1 ... (radix - 1) / 2.
template <class T> struct Turns {
    const T *cos, *sin;
};
template <class T> constexpr T cos_of_3[] = {T(-0.5L)};
template <class T> constexpr T sin_of_3[] = {T(0.866025403784438646763723L)};
template <class T>
constexpr T cos_of_5[] = {T(0.309016994374947424102293L),
                          T(-0.809016994374947424102293L)};
template <class T>
constexpr T sin_of_5[] = {T(0.951056516295153572116439L),
                          T(0.587785252292473129168706L)};
template <class T>
constexpr T cos_of_7[] = {T(0.623489801858733530525005L),
                          T(-0.222520933956314404288903L),
                          T(-0.900968867902419126236102L)};
template <class T>
constexpr T sin_of_7[] = {T(0.781831482468029808708445L),
                          T(0.974927912181823607018132L),
                          T(0.433883739117558120475768L)};
template <class T>
constexpr T cos_of_11[] = {
    T(0.841253532831181168861812L), T(0.415415013001886425529274L),
    T(-0.142314838273285140443793L), T(-0.654860733945285064056925L),
    T(-0.959492973614497389890368L)};
template <class T>
constexpr T sin_of_11[] = {
    T(0.540640817455597582107636L), T(0.909631995354518371411715L),
    T(0.989821441880932732376092L), T(0.755749574354258283774036L),
    T(0.281732556841429697711418L)};
template <class T>
constexpr T cos_of_13[] = {
    T(0.885456025653209895900376L),  T(0.568064746731155802511808L),
    T(0.120536680255323053349068L),  T(-0.354604887042535625969638L),
    T(-0.748510748171101098634631L), T(-0.970941817426052027156982L)};
template <class T>
constexpr T sin_of_13[] = {
    T(0.464723172043768545656015L), T(0.822983865893656394579617L),
    T(0.992708874098053992800752L), T(0.935016242685414823439785L),
    T(0.663122658240795202376785L), T(0.239315664287557767148754L)};

template <class T> CHAINRULE_INLINE Turns<T> turns(int radix) {
    switch (radix) {
    case 3: return {cos_of_3<T>, sin_of_3<T>};
    case 5: return {cos_of_5<T>, sin_of_5<T>};
    case 7: return {cos_of_7<T>, sin_of_7<T>};
    case 11: return {cos_of_11<T>, sin_of_11<T>};
    default: return {cos_of_13<T>, sin_of_13<T>};
    }
}

constexpr int kLargestRadix = 13;

/// An odd number of points: sums and differences of those at k and radix - k. Inlined
/// with a constant `radix`, or a loop.
template <class T, class V>
CHAINRULE_INLINE void transform_odd(int radix, Complex<V>* x) {
    const Turns<T> turn = turns<T>(radix);
    const int half = radix / 2;
    Complex<V> sums[kLargestRadix / 2], rests[kLargestRadix / 2];
    const Complex<V> first = x[0];
    for (int k = 0; k < half; ++k) {
        sums[k] = x[k + 1] + x[radix - 1 - k];
        rests[k] = turned(x[k + 1] - x[radix - 1 - k]);
        x[0] = x[0] + sums[k];
    }
    for (int j = 1; j <= half; ++j) {
        Complex<V> even = first, odd{};
        for (int k = 1, place = j; k <= half; ++k) {
            const bool far = place > half;
            const T c = turn.cos[(far ? radix - place : place) - 1];
            const T s = far ? -turn.sin[radix - place - 1] : turn.sin[place - 1];
            even.re += sums[k - 1].re * c;
            even.im += sums[k - 1].im * c;
            odd.re += rests[k - 1].re * s;
            odd.im += rests[k - 1].im * s;
            place += j;
            if (place >= radix) place -= radix;
        }
        x[j] = even + odd;
        x[radix - j] = even - odd;
    }
}

template <int Radix, class T, class V> CHAINRULE_INLINE void transform(Complex<V>* x) {
    if constexpr (Radix == 2)
        transform_2(x);
    else if constexpr (Radix == 4)
        transform_4(x);
    else if constexpr (Radix == 8)
        transform_8<T>(x);
    else
        transform_odd<T>(Radix, x);
}

/// Lane i of both results of an exchange of blocks of D, counted over two vectors of w.
template <int D> constexpr int lower(int i, int w) {
    return i & D ? i - D + w : i;
}
template <int D> constexpr int upper(int i, int w) {
    return i & D ? i + w : i + D;
}

/// Exchanges blocks of D x D beside the diagonals of blocks of 2 D x 2 D.
template <int D, class V, std::size_t... I>
CHAINRULE_INLINE void exchange(V* rows, std::index_sequence<I...>) {
    constexpr int w = sizeof...(I);
#pragma GCC unroll 16
    for (int i = 0; i < w; ++i) {
        if (i & D) continue;
        const V x = rows[i], y = rows[i + D];
        rows[i] = __builtin_shufflevector(x, y, lower<D>(I, w)...);
        rows[i + D] = __builtin_shufflevector(x, y, upper<D>(I, w)...);
    }
}

/// Transposes a square of W vectors of W lanes.
template <int W, class V> CHAINRULE_INLINE void transpose(V* rows) {
    const std::make_index_sequence<W> lanes{};
    if constexpr (W > 8) exchange<8>(rows, lanes);
    if constexpr (W > 4) exchange<4>(rows, lanes);
    if constexpr (W > 2) exchange<2>(rows, lanes);
    exchange<1>(rows, lanes);
}

/// Of two vectors of pairs the first and the second ones; and the way back.
template <class V, std::size_t... I>
CHAINRULE_INLINE Complex<V> parted(V x, V y, std::index_sequence<I...>) {
    return {__builtin_shufflevector(x, y, (2 * I)...),
            __builtin_shufflevector(x, y, (2 * I + 1)...)};
}
template <class V, std::size_t... I>
CHAINRULE_INLINE std::pair<V, V> joined(Complex<V> x, std::index_sequence<I...>) {
    constexpr int w = sizeof...(I);
    return {__builtin_shufflevector(x.re, x.im, (I / 2 + I % 2 * w)...),
            __builtin_shufflevector(x.re, x.im, ((I + w) / 2 + I % 2 * w)...)};
}

}  // namespace
}  // namespace chainrule::fft
