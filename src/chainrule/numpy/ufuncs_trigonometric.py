"""Trigonometric and hyperbolic functions, their inverses, and angles."""

from __future__ import annotations

import math
from typing import Any

from ..core import dtypes
from ..ops import elementwise_trigonometric as ops
from ..ops.elementwise_complex import abs_p, imag_p, real_p
from ..ops.elementwise_rules import constant
from ..ops.elementwise_selection import select
from ..ops.shaping import zeros
from .promotion import inexact_operand, operand
from .ufuncs_declare import inexact_binary, inexact_unary, public


def _function(name: str, prim: Any, summary: str, example: str = "") -> Any:
    text = example or f"float(cnp.{name}(0.0))\n        0.0"
    return inexact_unary(name, prim, summary, text)


sin = _function("sin", ops.sin_p, "The sine of x in radians, elementwise.")
cos = _function(
    "cos", ops.cos_p, "The cosine of x in radians, elementwise.",
    "float(cnp.cos(0.0))\n        1.0",
)  # fmt: skip
tan = _function("tan", ops.tan_p, "The tangent of x in radians, elementwise.")
arcsin = _function(
    "arcsin", ops.asin_p, "The angle in [-pi/2, pi/2] whose sine is x; NaN if |x| > 1."
)
arccos = _function(
    "arccos", ops.acos_p, "The angle in [0, pi] whose cosine is x; NaN if |x| > 1.",
    "float(cnp.arccos(1.0))\n        0.0",
)  # fmt: skip
arctan = _function(
    "arctan", ops.atan_p, "The angle in [-pi/2, pi/2] whose tangent is x."
)
sinh = _function("sinh", ops.sinh_p, "The hyperbolic sine, elementwise.")
cosh = _function(
    "cosh", ops.cosh_p, "The hyperbolic cosine, elementwise.",
    "float(cnp.cosh(0.0))\n        1.0",
)  # fmt: skip
tanh = _function("tanh", ops.tanh_p, "The hyperbolic tangent, elementwise.")
arcsinh = _function("arcsinh", ops.asinh_p, "The inverse hyperbolic sine, elementwise.")
arccosh = _function(
    "arccosh", ops.acosh_p, "The inverse hyperbolic cosine; NaN for x < 1.",
    "float(cnp.arccosh(1.0))\n        0.0",
)  # fmt: skip
arctanh = _function(
    "arctanh", ops.atanh_p, "The inverse hyperbolic tangent; NaN for |x| > 1."
)
arctan2 = inexact_binary(
    "arctan2", ops.atan2_p,
    "The angle in [-pi, pi] of the point with ordinate x1 and abscissa x2.",
    "float(cnp.arctan2(0.0, 1.0))\n        0.0",
)  # fmt: skip


def _scaled(name: str, factor: float, summary: str, example: str) -> Any:
    def fun(x: Any, /) -> Any:
        return inexact_operand(name, x) * factor

    return public(
        fun, name, summary, "x: array or scalar of any shape.",
        "A floating-point array of the shape of x.", example,
    )  # fmt: skip


deg2rad = _scaled(
    "deg2rad", math.pi / 180, "x degrees in radians.",
    "f'{cnp.deg2rad(180):.4f}'\n        '3.1416'",
)  # fmt: skip
rad2deg = _scaled(
    "rad2deg", 180 / math.pi, "x radians in degrees.",
    "float(cnp.rad2deg(0.0))\n        0.0",
)  # fmt: skip


def _angle(z: Any, deg: bool = False) -> Any:
    z = operand("angle", z)
    if dtypes.is_complex(z.dtype):
        y, x = imag_p(z), real_p(z)
    else:
        x = inexact_operand("angle", z)
        y = zeros(x.aval)
    turned = ops.atan2_p(y, x)
    return rad2deg(turned) if deg else turned


angle = public(
    _angle, "angle", "The angle in [-pi, pi] of complex numbers: 0 or pi for reals.",
    "z: array or scalar of any shape.\n        deg: whether the result is in degrees.",
    "A real array of the shape of z.",
    "float(cnp.angle(1j, deg=True))\n        90.0",
)  # fmt: skip


# --- sinc ----------------------------------------------------------------------------

_series = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(10)]


def _sinc(x: Any, /) -> Any:
    """By its series for |t| < 0.5, where the quotient's derivatives lose digits."""
    t = inexact_operand("sinc", x) * math.pi
    small = abs_p(t) < 0.5
    square = select(small, t, constant(0, t))
    square = square * square
    near = _series[-1] * square
    for c in _series[-2:0:-1]:
        near = (near + c) * square
    safe = select(small, constant(1, t), t)
    return select(small, near + 1.0, ops.sin_p(safe) / safe)


sinc = public(
    _sinc, "sinc", "sin(pi x) / (pi x), elementwise; 1 at x = 0.",
    "x: array or scalar of any shape.",
    "A floating-point or complex array of the shape of x.",
    "float(cnp.sinc(0.0))\n        1.0",
)  # fmt: skip

__all__ = [
    "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "cos", "cosh", "deg2rad", "rad2deg", "sin", "sinc", "sinh", "tan", "tanh",
]  # fmt: skip
