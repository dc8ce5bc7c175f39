/// exp and log without branches or calls, so that loops over them vectorise; and the
/// loops that hand such code whole rows.
#pragma once
#include "special.h"

#include <cstdint>
#include <cstring>

namespace chainrule::special {

CHAINRULE_INLINE std::uint64_t bits_of(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

CHAINRULE_INLINE double from_bits(std::uint64_t bits) {
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

/// `yes` where the condition holds, otherwise `no`, with both evaluated: a ?: would let
/// the compiler branch around what may raise a flag, and the loop would stay scalar.
CHAINRULE_INLINE double select(bool condition, double yes, double no) {
    const std::uint64_t mask = -std::uint64_t(condition);
    return from_bits((bits_of(yes) & mask) | (bits_of(no) & ~mask));
}

/// exp(x) for x <= 0 or NaN, to about one ulp; gradual underflow included.
CHAINRULE_INLINE double exp_nonpositive(double x) {
    constexpr double kRound = 0x1.8p52;  // adding it leaves an integer in the low bits
    x = x < -746 ? -746 : x;
    const double shifted = x * 0x1.71547652b82fep0 + kRound;
    const double n = shifted - kRound;
    const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
    constexpr double kTaylor[] = {1.0 / 2,        1.0 / 6,         1.0 / 24,
                                  1.0 / 120,      1.0 / 720,       1.0 / 5040,
                                  1.0 / 40320,    1.0 / 362880,    1.0 / 3628800,
                                  1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    const double power = 1 + (r + r * r * polynomial(kTaylor, r));
    // 2^n in two factors, since n reaches below the exponents of normal numbers.
    const std::uint64_t minus_n = bits_of(kRound) - bits_of(shifted);
    const std::uint64_t half = minus_n >> 1;
    return power * from_bits((1023 - half) << 52) *
           from_bits((1023 - (minus_n - half)) << 52);
}

/// log(x) for normal positive x; 0 and subnormals give -744 or so, not -inf.
CHAINRULE_INLINE double log_positive(double x) {
    // x = 2^e m, sqrt(1/2) <= m < sqrt(2); log m = 2 artanh(s), s = (m - 1) / (m + 1).
    constexpr std::uint64_t kBias = 0x3fe6a09e667f3bcd;  // sqrt(1/2)
    const std::uint64_t offset = bits_of(x) - kBias + (std::uint64_t(1024) << 52);
    const std::uint64_t e = offset >> 52;  // plus 1024
    const double m = from_bits(bits_of(x) - (e << 52) + (std::uint64_t(1024) << 52));
    const double exponent = from_bits(e | bits_of(0x1p52)) - (0x1p52 + 1024);
    const double s = (m - 1) / (m + 1), s2 = s * s;
    constexpr double kSeries[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                  2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
    const double fraction = 2 * s + s * s2 * polynomial(kSeries, s2);
    return exponent * 0x1.62e42fee00000p-1 +
           (fraction + exponent * 0x1.a39ef35793c76p-33);
}

/// A ufunc loop from a function of contiguous rows, which strided data are copied to.
template <typename T, void (*Row)(const T*, T*, npy_intp)>
void row_loop(char** args, npy_intp const* n, npy_intp const* steps, void*) {
    if (steps[0] == sizeof(T) && steps[1] == sizeof(T))
        return Row(reinterpret_cast<const T*>(args[0]), reinterpret_cast<T*>(args[1]),
                   n[0]);
    constexpr npy_intp kRow = 512;
    T row[kRow];
    for (npy_intp done = 0; done < n[0]; done += kRow) {
        const npy_intp length = n[0] - done < kRow ? n[0] - done : kRow;
        for (npy_intp i = 0; i < length; ++i)
            row[i] = element<T>(args[0], steps[0], done + i);
        Row(row, row, length);
        for (npy_intp i = 0; i < length; ++i)
            element<T>(args[1], steps[1], done + i) = row[i];
    }
}

/// The body of a row function: `out[i] = expression of x = in[i]`, in double precision.
#define CHAINRULE_ROW(name, T, kernel)                                   \
    CHAINRULE_VECTOR_CLONES void name(const T* in, T* out, npy_intp n) { \
        _Pragma("GCC ivdep") for (npy_intp i = 0; i < n; ++i) out[i] =   \
            T(kernel(double(in[i])));                                    \
    }

}  // namespace chainrule::special
