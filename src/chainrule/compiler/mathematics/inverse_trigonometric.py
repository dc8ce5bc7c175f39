"""asin, acos, atan, atan2.

Odd polynomials on the middle of the domain; the rest by asin x = pi/2 - 2 asin
sqrt((1 - x) / 2) and atan x = pi/2 - atan(1/x) (Muller, "Elementary Functions",
section 11.6). Multiples of pi/2 are sums of two numbers.
"""

from __future__ import annotations

from ..expr import Expr, Operand, const, fma, select
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

ASIN_F32 = ()
ASIN_F64 = ()
ATAN_F32 = ()
ATAN_F64 = ()

_HALF_PI = {
    "f32": (float.fromhex("0x1.921fb6p0"), float.fromhex("-0x1.777a5cp-25")),
    "f64": (float.fromhex("0x1.921fb54442d18p0"), float.fromhex("0x1.1a62633145c07p-54")),
}


def _half_pi(x: Expr) -> Pair:
    high, low = _HALF_PI[x.type]
    return const(high, x.type), const(low, x.type)


def _core(s: Expr, t: Expr, table: tuple[float, ...]) -> Expr:
    return fma(s * t, horner(t, table), s)


def _asin_core(x: Expr) -> tuple[Expr, Expr]:
    """(whether |x| > 1/2, asin of |x|, or of sqrt((1 - |x|) / 2) where that holds)."""
    size = absolute(x)
    outer = size > 0.5
    z = (1.0 - size) * 0.5
    t = select(outer, z, size * size)
    s = select(outer, square_root(z), size)
    return outer, _core(s, t, ASIN_F32 if x.type == "f32" else ASIN_F64)


@for_formats
def asin(x: Expr) -> Expr:
    """The angle in [-pi/2, pi/2] whose sine is x."""
    outer, y = _asin_core(x)
    high, low = _half_pi(x)
    return copysign(select(outer, high - (y + y - low), y), x)


@for_formats
def acos(x: Expr) -> Expr:
    """The angle in [0, pi] whose cosine is x."""
    outer, y = _asin_core(x)
    high, low = _half_pi(x)
    # pi/2 - asin x inside; 2 y or pi - 2 y outside.
    turns: Operand = select(outer, choose(x < 0.0, 2.0, 0.0, x), 1.0)
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
