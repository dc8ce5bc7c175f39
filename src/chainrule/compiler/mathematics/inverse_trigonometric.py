"""asin, acos, atan, atan2.

Odd polynomials on the middle of the domain; the rest by asin x = pi/2 - 2 asin
sqrt((1 - x) / 2) and atan x = pi/2 - atan(1/x) (Muller, "Elementary Functions",
section 11.6). Multiples of pi/2 are sums of two numbers.
"""

from __future__ import annotations

from ..expr import Expr, const, fma, select
from .formats import (
    Pair,
    absolute,
    bits,
    choose,
    copysign,
    for_formats,
    horner,
    square_root,
)

# (asin x - x) / x^3 by t = x^2, x <= 0.5: error relative 2^-27.62
ASIN_F32 = (
    0.16666752099990845,
    0.074953094124794,
    0.045469172298908234,
    0.024184569716453552,
    0.04215877130627632,
)
# (asin x - x) / x^3 by t = x^2, x <= 0.5: error relative 2^-55.9
ASIN_F64 = (
    0.16666666666665408,
    0.07500000000337044,
    0.044642856828334784,
    0.030381959136113423,
    0.02237175807826356,
    0.01735970427855506,
    0.013885240674807214,
    0.012169175445357986,
    0.006528138592397204,
    0.01952780247862829,
    -0.01622350402943411,
    0.03191174151379332,
)
# (atan x - x) / x^3 by t = x^2, x <= 1.0: error relative 2^-28.51
ATAN_F32 = (
    -0.33333298563957214,
    0.1999852955341339,
    -0.1426401436328888,
    0.10950861126184464,
    -0.08399208635091782,
    0.05787891149520874,
    -0.031093616038560867,
    0.010866343043744564,
    -0.0017821674700826406,
)
# (atan x - x) / x^3 by t = x^2, x <= 1.0: error relative 2^-56.06
ATAN_F64 = (
    -0.33333333333333287,
    0.19999999999990614,
    -0.1428571428504473,
    0.11111111086661563,
    -0.09090908550809752,
    0.07692299751902834,
    -0.06666584047451138,
    0.05881718104769569,
    -0.05259442714005394,
    0.047449577599928724,
    -0.042864788740656565,
    0.03821199416698868,
    -0.032788782217023166,
    0.02615627235651217,
    -0.018619166967310138,
    0.011321806399412354,
    -0.005615026477456406,
    0.002152816797030878,
    -0.0005932886009011555,
    0.00010395040944954642,
    -8.661455329402875e-06,
)

_HALF_PI = {
    "f32": (float.fromhex("0x1.921fb6p0"), float.fromhex("-0x1.777a5cp-25")),
    "f64": (
        float.fromhex("0x1.921fb54442d18p0"),
        float.fromhex("0x1.1a62633145c07p-54"),
    ),
}


def _half_pi(x: Expr) -> Pair:
    high, low = _HALF_PI[x.type]
    return const(high, x.type), const(low, x.type)


def _core(s: Expr, t: Expr, table: tuple[float, ...]) -> Expr:
    return fma(s * t, horner(t, table), s)


def _asin_parts(x: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    """(whether |x| > 1/2; s = |x|, or sqrt((1 - |x|) / 2) where that holds; s^2; q), so
    that the asin of s is s + s^3 q."""
    size = absolute(x)
    outer = size > 0.5
    z = (1.0 - size) * 0.5
    t = select(outer, z, size * size)
    s = select(outer, square_root(z), size)
    return outer, s, t, horner(t, ASIN_F32 if x.type == "f32" else ASIN_F64)


@for_formats
def asin(x: Expr) -> Expr:
    """The angle in [-pi/2, pi/2] whose sine is x."""
    outer, s, t, q = _asin_parts(x)
    high, low = _half_pi(x)
    cubic = s * t
    # The rounding error of 2 s, (t - s^2) / s, counts near s = 1/2: there 1/s = 4 - 4 s.
    lost = fma(fma(-s, s, t), fma(s, -4.0, 4.0), -low)
    far = (high - (s + s)) - fma(cubic + cubic, q, lost)
    return copysign(select(outer, far, fma(cubic, q, s)), x)


@for_formats
def acos(x: Expr) -> Expr:
    """The angle in [0, pi] whose cosine is x."""
    outer, s, t, q = _asin_parts(x)
    y = fma(s * t, q, s)
    high, low = _half_pi(x)
    # pi/2 - asin x inside; 2 y or pi - 2 y outside.
    turns = select(outer, choose(x < 0.0, 2.0, 0.0, x), 1.0)
    signed = copysign(y, x) * choose(outer, 2.0, -1.0, x)
    return high * turns + fma(low, turns, signed)


def _atan_of_ratio(small: Expr, large: Expr) -> Expr:
    """atan(small / large), 0 <= small <= large."""
    q = small / large
    return _core(q, q * q, ATAN_F32 if q.type == "f32" else ATAN_F64)


@for_formats
def atan(x: Expr) -> Expr:
    """The angle in [-pi/2, pi/2] whose tangent is x."""
    size = absolute(x)
    outer = size > 1.0
    y = _atan_of_ratio(select(outer, 1.0, size), select(outer, size, 1.0))
    high, low = _half_pi(x)
    return copysign(select(outer, high - (y - low), y), x)


@for_formats
def atan2(y: Expr, x: Expr) -> Expr:
    """The angle in [-pi, pi] of the point with ordinate y and abscissa x."""
    rise, run = absolute(y), absolute(x)
    steep = rise > run
    small, large = select(steep, run, rise), select(steep, rise, run)
    alike = small.eq(large)  # also both infinite, or both zero
    origin = large.eq(0.0)
    small = select(alike, choose(origin, 0.0, 1.0, y), small)
    angle = _atan_of_ratio(small, select(alike, 1.0, large))
    behind = bits(x) < 0
    high, low = _half_pi(x)
    turns = select(steep, 1.0, choose(behind, 2.0, 0.0, x))
    signed = angle * choose(steep ^ behind, -1.0, 1.0, x)
    return copysign(high * turns + fma(low, turns, signed), y)
