"""Trigonometric and hyperbolic functions and their inverses; angles in radians.

Partials near the ends of a domain are products of exact factors: (1 - x)(1 + x) keeps
the digits that 1 - x**2 loses near |x| = 1, and the two square roots of acosh' put its
complex branch cut where acosh has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise_powers import rsqrt_p, square_p
from .elementwise_rules import elementwise
from .power_series import pair_terms


def _function(
    name: str,
    doc: str,
    ufunc: Any,
    partial: Any,
    scalar: Any = None,
    taylor: Any = None,
) -> Any:
    return elementwise(
        name, doc, ufunc, kinds="fc", partials=(partial,), taylor=taylor, scalar=scalar,
        cost=15.0,
    )  # fmt: skip


sin_p = _function(
    "sin", "the sine", np.sin, lambda y, x: cos_p(x), lambda m, x: m.sin(x),
    pair_terms(lambda x: cos_p(x), 1, -1),
)  # fmt: skip
cos_p = _function(
    "cos", "the cosine", np.cos, lambda y, x: -sin_p(x), lambda m, x: m.cos(x),
    pair_terms(sin_p, -1, 1),
)  # fmt: skip
tan_p = _function(
    "tan", "the tangent", np.tan, lambda y, x: 1 + square_p(y), lambda m, x: m.tan(x)
)
asin_p = _function(
    "asin", "the angle in [-pi/2, pi/2] whose sine is x", np.arcsin,
    lambda y, x: rsqrt_p((1 - x) * (1 + x)),
    lambda m, x: m.asin(x),
)  # fmt: skip
acos_p = _function(
    "acos", "the angle in [0, pi] whose cosine is x", np.arccos,
    lambda y, x: -rsqrt_p((1 - x) * (1 + x)),
    lambda m, x: m.acos(x),
)  # fmt: skip
atan_p = _function(
    "atan", "the angle in [-pi/2, pi/2] whose tangent is x", np.arctan,
    lambda y, x: 1 / (1 + square_p(x)),
    lambda m, x: m.atan(x),
)  # fmt: skip


atan2_p = elementwise(
    "atan2",
    "the angle in [-pi, pi] of the point with ordinate x and abscissa y",
    np.arctan2,
    kinds="f",
    partials=(
        lambda z, x, y: y / (square_p(x) + square_p(y)),
        lambda z, x, y: -x / (square_p(x) + square_p(y)),
    ),
    scalar=lambda m, x, y: m.atan2(x, y),
    cost=20.0,
)

sinh_p = _function(
    "sinh", "the hyperbolic sine", np.sinh, lambda y, x: cosh_p(x),
    lambda m, x: m.sinh(x), pair_terms(lambda x: cosh_p(x), 1, 1),
)  # fmt: skip
cosh_p = _function(
    "cosh", "the hyperbolic cosine", np.cosh, lambda y, x: sinh_p(x),
    lambda m, x: m.cosh(x), pair_terms(sinh_p, 1, 1),
)  # fmt: skip
tanh_p = _function(
    "tanh", "the hyperbolic tangent", np.tanh, lambda y, x: (1 + y) * (1 - y),
    lambda m, x: m.tanh(x),
)  # fmt: skip
asinh_p = _function(
    "asinh", "the inverse hyperbolic sine", np.arcsinh,
    lambda y, x: rsqrt_p(1 + square_p(x)),
    lambda m, x: m.asinh(x),
)  # fmt: skip
acosh_p = _function(
    "acosh", "the inverse hyperbolic cosine, for x >= 1", np.arccosh,
    lambda y, x: rsqrt_p(x - 1) * rsqrt_p(x + 1),
    lambda m, x: m.acosh(x),
)  # fmt: skip
atanh_p = _function(
    "atanh", "the inverse hyperbolic tangent, for |x| <= 1", np.arctanh,
    lambda y, x: 1 / ((1 - x) * (1 + x)),
    lambda m, x: m.atanh(x),
)  # fmt: skip

__all__ = [
    "acos_p", "acosh_p", "asin_p", "asinh_p", "atan2_p", "atan_p", "atanh_p", "cos_p",
    "cosh_p", "sin_p", "sinh_p", "tan_p", "tanh_p",
]  # fmt: skip
