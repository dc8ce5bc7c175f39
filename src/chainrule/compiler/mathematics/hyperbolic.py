"""Hyperbolic functions and the logistic function, on expm1 and exp."""

from __future__ import annotations

from ..expr import Expr, fma, select
from .exponential import exp, expm1_parts
from .formats import absolute, copysign, for_formats

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
    divisor = e + 2.0
    if x.type == "f32":
        return copysign(e / divisor, x)
    e_lost = fma(p, power, less - e)
    divisor_lost = (e - (divisor - 2.0)) + e_lost
    inverse = 1.0 / divisor
    ratio = e * inverse
    rest = fma(-ratio, divisor, e) + fma(-ratio, divisor_lost, e_lost)
    return copysign(fma(rest, inverse, ratio), x)


@for_formats
def logistic(x: Expr) -> Expr:
    """1 / (1 + e**-x), accurate where it is small."""
    e = exp(-absolute(x))
    return select(x < 0.0, e, 1.0) / (e + 1.0)
