"""sin, cos, tan of radians.

x = n pi / 2 + r, |r| <= pi / 4, by Cody and Waite's reduction in three parts with fused
multiply-adds (Boldo, Daumas and Li, 2009); by n modulo 4 a result is the sine or the
cosine of r, with either sign. Both polynomials are computed, so that sin and cos of one
angle cost little more than one of them. Angles too large go to `huge_angles`.
"""

from __future__ import annotations

from ..expr import BITS, Expr, apart, bitcast, const, convert, fma, rare, select
from .formats import (
    F32,
    absolute,
    bits,
    for_formats,
    format_of,
    horner,
    not_within,
    number,
)
from .huge_angles import reduce_huge, reduce_huge_f32

# (sin r - r) / r^3 by t = r^2, |r| <= pi / 4: error relative 2^-27.9
SIN_F32 = (
    -0.16666655242443085,
    0.008332188241183758,
    -0.0001951809535967186,
)
# (cos r - 1 + r^2 / 2) / r^4 by t = r^2, |r| <= pi / 4: error relative 2^-63.92
COS_F64 = (
    0.041666666666666595,
    -0.0013888888888873325,
    2.4801587288983665e-05,
    -2.755731421006865e-07,
    2.0875704270578494e-09,
    -1.1358683368971875e-11,
)
# (sin r - r) / r^3 by t = r^2, |r| <= pi / 4: error relative 2^-57.89
SIN_F64 = (
    -0.1666666666666663,
    0.008333333333321842,
    -0.00019841269829360656,
    2.7557313539453776e-06,
    -2.505073456418601e-08,
    1.5895444894822938e-10,
)
# (cos r - 1 + r^2 / 2) / r^4 by t = r^2, |r| <= pi / 4: error relative 2^-32.99
COS_F32 = (
    0.04166664555668831,
    -0.0013887309469282627,
    2.4432327336398885e-05,
)
# (tan r - r) / r^3 by t = r^2, |r| <= pi / 4: error relative 2^-29.55
TAN_F32 = (
    0.33333349227905273,
    0.13332675397396088,
    0.05405891314148903,
    0.02128620445728302,
    0.010827472433447838,
    9.817612590268254e-05,
    0.004372750874608755,
)
# (tan r - r) / r^3 by t = r^2, |r| <= pi / 4: error relative 2^-56.2
TAN_F64 = (
    0.33333333333332776,
    0.13333333333414846,
    0.05396825392655393,
    0.021869489611862712,
    0.008863219122498772,
    0.00359228946679819,
    0.0014547555468682712,
    0.0005950751704707174,
    0.00022234844718328528,
    0.0001365911826785491,
    -2.647989331391733e-05,
    8.953942343467784e-05,
    -4.492402404291887e-05,
    2.087477265198105e-05,
)

INVERSE_PI = 0.3183098861837907
# pi in three parts
PI_F32 = (
    3.1415927410125732,
    -8.742277657347586e-08,
    -3.4302490200117637e-15,
)
# pi in three parts
PI_F64 = (
    3.141592653589793,
    1.2246467991473532e-16,
    -2.9947698097183397e-33,
)
"""pi as a sum of three numbers of the format."""

_NOTHING = 2.0**-100
_BOUND = {"f32": 2.0**16, "f64": 2.0**28}
"""Up to here the reduction in three parts leaves full accuracy."""


def _reduce(x: Expr) -> tuple[Expr, Expr]:
    """(n, r) with x = n pi / 2 + r, n in the low bits of an integer."""
    form = format_of(x)
    sum = fma(x, number(2 * INVERSE_PI, x.type), form.shifter)
    r = x
    for part in PI_F32 if form is F32 else PI_F64:
        r = fma(sum - form.shifter, -0.5 * part, r)
    return bits(sum), r


def _reduce_huge(x: Expr) -> tuple[Expr, Expr]:
    """(n, r) of |x| as above, for |x| of 2**-10 and more; r is NaN for no number."""
    if x.type == "f32":
        n, r = reduce_huge_f32(x)
        return n, convert(r, "f32")
    n, r = reduce_huge(x, format_of(x).bias + 1)
    return convert(n, "i64"), r


def sin_quarter(r: Expr) -> Expr:
    """The sine for |r| <= pi / 4."""
    t = r * r
    return fma(t * r, horner(t, SIN_F32 if r.type == "f32" else SIN_F64), r)


def cos_quarter(r: Expr) -> Expr:
    """The cosine for |r| <= pi / 4."""
    t = r * r
    return fma(t, fma(t, horner(t, COS_F32 if r.type == "f32" else COS_F64), -0.5), 1.0)


def _sign(x: Expr) -> Expr:
    """The bit of the sign, in the bits of a number."""
    return bits(x) & -(1 << (BITS[x.type] - 1))


def _wave(n: Expr, r: Expr, sign: Expr | int = 0) -> Expr:
    """The sine of n pi / 2 + r, with the other sign if `sign` says so: y + y r^2 p(r^2)
    for y = r, or for y = 1 where n is odd. All but the polynomials is known early, and
    the less than nothing that is taken from r^2 keeps the sign of 0."""
    one = const(1.0, r.type)
    one = bitcast(bits(one) ^ ((n >> 1) << (BITS[r.type] - 1)) ^ sign, r.type)
    even, single = (n & 1).eq(0), r.type == "f32"
    t = fma(r, r, -_NOTHING)
    y = select(even, r * one, one)
    p = horner(t, COS_F32 if single else COS_F64)
    p = select(even, horner(t, SIN_F32 if single else SIN_F64), fma(t, p, -0.5))
    return fma(t * y, p, y)


def _odd(y: Expr, x: Expr) -> Expr:
    """y of |x| as an odd function: with the other sign if x has one, also -0."""
    return bitcast(bits(y) ^ _sign(x), x.type)


def _is_huge(x: Expr) -> Expr:
    return not_within(x, _BOUND[x.type])


@for_formats
def sin(x: Expr) -> Expr:
    """The sine."""
    fast = _wave(*_reduce(absolute(x)), _sign(x))
    return rare(_is_huge(x), apart(_sin_huge, x), fast)


def _sin_huge(x: Expr) -> Expr:
    return _wave(*_reduce_huge(x), _sign(x))


@for_formats
def cos(x: Expr) -> Expr:
    """The cosine."""
    n, r = _reduce(absolute(x))
    return rare(_is_huge(x), apart(_cos_huge, x), _wave(n + 1, r))


def _cos_huge(x: Expr) -> Expr:
    n, r = _reduce_huge(x)
    return _wave(n + 1, r)


def _tan(n: Expr, r: Expr) -> Expr:
    """tan(n pi / 2 + r); the reciprocal of odd quadrants with the rounding error."""
    t = r * r
    cubic = t * r
    q = horner(t, TAN_F32 if r.type == "f32" else TAN_F64)
    y = fma(cubic, q, r)
    lost = fma(cubic, q, r - y)
    inverse = -1.0 / y
    corrected = fma(inverse, fma(inverse, y, 1.0) + inverse * lost, inverse)
    return select((n & 1).eq(0), y, corrected)


@for_formats
def tan(x: Expr) -> Expr:
    """The tangent."""
    fast = _tan(*_reduce(absolute(x)))
    return rare(_is_huge(x), apart(_tan_huge, x), _odd(fast, x))


def _tan_huge(x: Expr) -> Expr:
    return _odd(_tan(*_reduce_huge(x)), x)
