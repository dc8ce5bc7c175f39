"""Hyperbolic functions, and the logistic function.

Near 0, where exponentials cancel, sinh is an odd polynomial. The inverses are in
inverse_hyperbolic.py.
"""

from __future__ import annotations

from ..expr import Expr, fma, select
from .exponential import exp, expm1_parts, half_exp
from .formats import absolute, copysign, for_formats, horner

# (sinh x - x) / x^3 by t = x^2, x <= 1.0: error relative 2^-31.62
SINH_F32 = (
    0.1666666716337204,
    0.00833331048488617,
    0.00019842895562760532,
    2.782212732199696e-06,
)
# (sinh x - x) / x^3 by t = x^2, x <= 1.0: error relative 2^-62.96
SINH_F64 = (
    0.16666666666666666,
    0.008333333333333573,
    0.00019841269841061143,
    2.7557319310105134e-06,
    2.505208940778446e-08,
    1.6061340004003606e-10,
    7.503196255873767e-13,
    6.477578200950657e-15,
)
_TANH_IS_ONE = {"f32": 9.125, "f64": 19.125}
"""Beyond this, tanh rounds to 1."""


@for_formats
def tanh(x: Expr) -> Expr:
    """The hyperbolic tangent: E / (E + 2) with E = expm1(2 |x|)."""
    bound = _TANH_IS_ONE[x.type]
    size = absolute(x)
    p, power = expm1_parts(select(size > bound, 2 * bound, size + size))
    less = power - 1
    e = fma(p, power, less)
    lost = None if x.type == "f32" else fma(p, power, less - e)
    return copysign(_ratio_of_sum(e, e, lost, 2.0), x)


@for_formats
def logistic(x: Expr) -> Expr:
    """1 / (1 + e**-x), accurate where it is small."""
    e = exp(-absolute(x))
    return _ratio_of_sum(select(x < 0.0, e, 1.0), e, None, 1.0)


def _ratio_of_sum(top: Expr, e: Expr, lost: Expr | None, one: float) -> Expr:
    """top / (e + lost + one) for 0 <= e, with the rounding error of the sum; top is e
    itself if `lost` is given, and then has it as well."""
    divisor = e + one
    divisor_lost = e - (divisor - one)
    inverse = 1.0 / divisor
    ratio = top * inverse
    rest = fma(-ratio, divisor, top)
    if lost is None:
        rest = fma(-ratio, divisor_lost, rest)
    else:
        rest = rest + fma(-ratio, divisor_lost + lost, lost)
    return fma(rest, inverse, ratio)


@for_formats
def sinh(x: Expr) -> Expr:
    """The hyperbolic sine."""
    size = absolute(x)
    near = odd(size, SINH_F32 if x.type == "f32" else SINH_F64)
    half = half_exp(size)
    return copysign(select(size < 1.0, near, half - 0.25 / half), x)


@for_formats
def cosh(x: Expr) -> Expr:
    """The hyperbolic cosine."""
    half = half_exp(absolute(x))
    return half + 0.25 / half


def odd(x: Expr, table: tuple[float, ...]) -> Expr:
    """x + x^3 q(x^2)."""
    t = x * x
    return fma(x * t, horner(t, table), x)
