/// Floats of 16 bits as floats of 32, and back, rounded to nearest even.
#pragma once
#include "kernels.h"

#include <cstring>

namespace chainrule::kernels {

inline float float_of(u32 bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline u32 bits_of(float x) {
    u32 bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

inline float from_half(u16 half) {
    const u32 sign = u32(half & 0x8000) << 16, rest = u32(half & 0x7fff) << 13;
    // Multiplication by 2^112 moves the exponent, of subnormal numbers as well.
    const u32 bits = bits_of(float_of(rest) * 0x1p112f);
    return float_of(sign | (rest >= 0x7c00u << 13 ? rest | 0x7f800000u : bits));
}

inline u16 to_half(float x) {
    const u32 bits = bits_of(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000u) return u16(sign | 0x7e00 | (rest >> 13 & 0x1ff));
    if (rest >= 0x477ff000u) return u16(sign | 0x7c00);  // 65520 and more
    if (rest < 0x38800000u)  // subnormal: the sum rounds at 2^-24
        return u16(sign | (bits_of(float_of(rest) + 0.5f) - 0x3f000000u));
    return u16(sign | ((rest - 0x38000000u + 0xfff + (rest >> 13 & 1)) >> 13));
}

inline float from_bfloat(u16 x) { return float_of(u32(x) << 16); }

inline u16 to_bfloat(float x) {
    const u32 bits = bits_of(x);
    if (x != x) return u16(bits >> 16 | 0x40);
    return u16((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace chainrule::kernels
