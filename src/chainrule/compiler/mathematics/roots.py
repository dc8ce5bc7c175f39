"""Cube root, reciprocal square root and the length of a vector.

The cube root of x = 2^(3k + s) m starts from a polynomial: in f64 of m^(-1/3), improved
by a step of Newton's method, which needs no division, and by one for the root itself
with the exact residual.
"""

from __future__ import annotations

from ..expr import Expr, convert, fma, rare, select, unary
from .formats import (
    F64,
    INF,
    absolute,
    choose,
    copysign,
    for_formats,
    horner,
    power_of_two,
    square_root,
    two_product,
)
from .logarithm import split

# (1 + f)^(1/3), 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-36.25
CBRT_F32 = (
    0.999999999999067,
    0.33333333375486546,
    -0.11111111054979163,
    0.0617283119541918,
    -0.04115226869993558,
    0.030182959755527962,
    -0.023475519699338417,
    0.018895738506689037,
    -0.015682765293711133,
    0.01449533484114723,
    -0.013826497673068623,
    0.007715622348534086,
)
# (1 + f)^(-1/3), 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-30.54
CBRT_F64 = (
    1.0000000005725007,
    -0.33333333112473235,
    0.2222219354582056,
    -0.17283964571394117,
    0.14405608987503982,
    -0.12484361580731741,
    0.1103043978713811,
    -0.09944556828056164,
    0.0992526093689303,
    -0.10093894922136533,
    0.05908956919352991,
)

_CBRT2 = 1.2599210498948732


@for_formats
def rsqrt(x: Expr) -> Expr:
    """1 / sqrt(x)."""
    return 1.0 / square_root(x)


@for_formats
def cbrt(x: Expr) -> Expr:
    """The real cube root."""
    size = convert(absolute(x), "f64")
    tiny = size < F64.smallest_normal
    m, e = split(select(tiny, size * 2.0**54, size))
    exponent = convert(e, "f64")
    k = unary("rint", exponent * (1.0 / 3))
    s = fma(k, -3.0, exponent)  # -1, 0 or 1
    k = k - choose(tiny, 18.0, 0.0, size)
    two_to_k = power_of_two(convert(k, "i64"), F64)
    if x.type == "f32":
        factor = select(s < 0.0, 1 / _CBRT2, choose(s > 0.0, _CBRT2, 1.0, s))
        y = horner(m - 1, CBRT_F32) * factor
    else:
        y = _cbrt_f64(m, s)
    y = convert(y * two_to_k, x.type)
    plain = (size > 0.0) & (size < INF)
    return copysign(select(plain, y, absolute(x)), x)


def _cbrt_f64(m: Expr, s: Expr) -> Expr:
    """The cube root of m 2**s."""
    scaled = m * select(s < 0.0, 0.5, choose(s > 0.0, 2.0, 1.0, s))
    z = horner(m - 1, CBRT_F64)
    z = z * select(s < 0.0, _CBRT2, choose(s > 0.0, 1 / _CBRT2, 1.0, s))
    z = fma(z * fma(-(scaled * (z * z)), z, 1.0), 1.0 / 3, z)
    square = z * z
    y = scaled * square
    high, low = two_product(y, y)
    residual = fma(-high, y, scaled) - low * y
    return fma(residual * square, 1.0 / 3, y)


@for_formats
def hypot(x: Expr, y: Expr) -> Expr:
    """sqrt(x**2 + y**2), without overflow on the way."""
    a, b = absolute(x), absolute(y)
    infinite = a.eq(INF) | b.eq(INF)
    large = select(a > b, a, b)
    small = select(a > b, b, a)
    if x.type == "f32":
        wide, other = convert(a, "f64"), convert(b, "f64")
        slow = convert(square_root(fma(wide, wide, other * other)), "f32")
        ordinary = (large <= 2.0**60) & (large >= 2.0**-40)
        fast = square_root(fma(large, large, small * small))
        return rare(~ordinary, select(infinite, INF, slow), fast)
    down = large > 2.0**500
    factor = choose(down, 2.0**-600, 2.0**600, a)
    back = choose(down, 2.0**600, 2.0**-600, a)
    slow = _length(large * factor, small * factor) * back
    ordinary = (large <= 2.0**500) & (large >= 2.0**-400)
    return rare(~ordinary, select(infinite, INF, slow), _length(large, small))


def _length(large: Expr, small: Expr) -> Expr:
    """sqrt(large^2 + small^2) with the rounding error of the sum of squares."""
    high, low = two_product(large, large)
    other, rest = two_product(small, small)
    sum = high + other
    rest = rest + low + (other - (sum - high))
    root = square_root(sum)
    correction = (fma(-root, root, sum) + rest) * 0.5 / root
    return root + select(sum > 0.0, correction, 0.0)
