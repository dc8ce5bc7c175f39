"""Angles too large for subtraction: x modulo pi by the bits of 1 / pi.

M. Payne and R. Hanek, "Radian reduction for trigonometric functions" (SIGNUM Newsletter
18, 1983): of the product of x = M 2^E and 1 / (2 pi) only the fraction matters, so those
bits of 1 / (2 pi) that M shifts to whole turns are never multiplied. 192 bits from there
on give the fraction with 139 bits, of which at most 62 or so are leading zeros (Muller,
"Elementary Functions", section 11.3.2). Integers of 64 bits, no tables. For f32 the
same in f64, whose products with short pieces of 2 / pi are exact.
"""

from __future__ import annotations

from ..expr import Expr, bitcast, compare, const, convert, fma, node, select, unary
from .formats import F64, absolute, bits, fast_two_sum

# 1 / (2 pi)
INVERSE_TWO_PI = (
    0x28BE60DB9391054A,
    0x7F09D5F47D4D3770,
    0x36D8A5664F10E410,
    0x7F9458EAF7AEF158,
    0x6DC91B8E909374B8,
    0x1924BBA82746487,
    0x3F877AC72C4A69CF,
    0xBA208D7D4BAED121,
    0x3A671C09AD17DF90,
    0x4E64758E60D4CE7D,
    0x272117E2EF7E4A0E,
    0xC7FE25FFF7816603,
    0xFBCBC462D6829B47,
    0xDB4D9FB3C9F2C26D,
    0xD3D18FD9A797FA8B,
    0x5D49EEB1FAF97C5E,
    0xCF41CE7DE294A4BA,
    0x9AFED7EC47E35742,
    0x1580CC11BF1EDAEA,
    0xFC33EF0826BD0D87,
)
"""Words of 64 bits of 1 / (2 pi), the first after the point first."""

# 2 / pi in parts of 28 bits
TWO_OVER_PI = (
    0.6366197727620602,
    -3.94478822871025e-10,
    5.4128659768272305e-19,
    -5.811337877696887e-28,
    1.3190720921262404e-36,
    -1.8219374644460007e-45,
    -4.557199771119321e-54,
)

HALF_PI = (float.fromhex("0x1.921fb54442d18p0"), float.fromhex("0x1.1a62633145c07p-54"))

_LOW = 0xFFFFFFFF


def reduce_huge_f32(x: Expr) -> tuple[Expr, Expr]:
    """(n, r) with |x| = n pi / 2 + r, |r| <= pi / 4, for an f32 of 2**10 and more.

    In f64 the products of x with 28 bits of 2 / pi each are exact, and so are they
    modulo 4; those that are multiples of 4 vanish. n is an i32 whose low bits count; r
    is an f64, and NaN for no number.
    """
    size = convert(absolute(x), "f64")
    quarters = []
    for part in TWO_OVER_PI:
        product = size * part
        turns = unary("rint", product * 0.25)
        quarters.append(fma(turns, -4.0, product))
    total = quarters[-1]
    for q in reversed(quarters[:-1]):
        total = q + total
    nearest = unary("rint", total)
    r = quarters[0] - nearest
    for q in quarters[1:]:
        r = r + q
    return node("convert_unchecked", "i32", (nearest,)), r * HALF_PI[0]


def _word(value: int) -> Expr:
    return const(value, "u64")


def _window(start: Expr, largest_start: int) -> list[Expr]:
    """192 bits of 1 / (2 pi) from bit `start` on, where bit 64 is the first after the
    point: words shifted into place by a tree of choices."""
    words = [_word(0), *[_word(w) for w in INVERSE_TWO_PI]]
    index, offset = start >> 6, start & 63
    for level in reversed(range((largest_start >> 6).bit_length())):
        step = 1 << level
        taken = (index & step).ne(0)
        words = [
            select(taken, words[j + step], words[j])
            if j + step < len(words)
            else words[j]
            for j in range(min(3 + step, len(words)))
        ]
    rest = 63 - offset
    return [(words[j] << offset) | ((words[j + 1] >> 1) >> rest) for j in range(3)]


def _high_product(m: Expr, c: Expr) -> Expr:
    """The upper word of m * c, for m < 2**53."""
    m_low, m_high, c_low, c_high = m & _LOW, m >> 32, c & _LOW, c >> 32
    middle = m_high * c_low + ((m_low * c_low) >> 32)  # below 2**54
    other = m_low * c_high + (middle & _LOW)
    return m_high * c_high + (middle >> 32) + (other >> 32)


def _carry(total: Expr, part: Expr) -> Expr:
    return convert(compare("lt", total, part), "u64")


def reduce_huge(x: Expr, largest_exponent: int) -> tuple[Expr, Expr]:
    """(n, r) with |x| = n pi / 2 + r, |r| <= pi / 4, and n a u64 modulo 4.

    x is an f64 of magnitude 2**-10 and more, below 2**largest_exponent; r has the
    accuracy of f64, and is NaN for infinities.
    """
    raw = bitcast(x, "u64")
    exponent = (raw >> F64.fraction) & (2 * F64.bias + 1)
    m = (raw & ((1 << F64.fraction) - 1)) | (1 << F64.fraction)
    # x / (2 pi) = m c 2^(exponent - bias - fraction); its fraction starts at that bit.
    start = exponent - (F64.bias + F64.fraction - 64)
    c0, c1, c2 = _window(start, largest_exponent - F64.fraction + 64)
    low = m * c1 + _high_product(m, c2)
    top = m * c0 + _high_product(m, c1) + _carry(low, m * c1)
    n = (top + (1 << 61)) >> 62
    high = (top << 2) | (low >> 62)
    low = low << 2
    negative = bitcast(bitcast(high, "i64") >> 63, "u64")
    high, low = high ^ negative, low ^ negative
    parts = [high >> 32, high & _LOW, low >> 32, low & _LOW]
    floats = [
        convert(bitcast(p, "i64"), "f64") * 2.0 ** (-32 * (j + 1))
        for j, p in enumerate(parts)
    ]
    hi, lo = fast_two_sum(floats[0], floats[1] + (floats[2] + floats[3]))
    product = hi * HALF_PI[0]
    error = fma(hi, HALF_PI[0], -product)
    r = product + fma(lo, HALF_PI[0], fma(hi, HALF_PI[1], error))
    signed = bitcast(bits(r) ^ bitcast(negative << 63, "i64"), "f64")
    return n, signed + (x - x)
