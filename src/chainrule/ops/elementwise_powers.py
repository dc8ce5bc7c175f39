"""Powers and roots.

`pow` differentiates in both operands; at a zero base or exponent its partials are the
limits where they exist: d/dx x**0 is 0, d/dy 0**y is 0 for y > 0. `integer_pow` is by
repeated squaring, exact where the products are.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import Primitive
from .arithmetic import mul_p
from .elementwise_exponential import log_p
from .elementwise_logic import and_p, eq_p
from .elementwise_rules import (
    batch_elementwise,
    broadcast_shapes,
    constant,
    elementwise,
    native,
    pointwise,
)
from .elementwise_selection import select
from .power_series import power_terms, product_terms, repeated
from .shaping import convert, zeros

square_p = elementwise(
    "square", "x * x", np.square, partials=(lambda y, x: 2 * x,),
    taylor=lambda y, x: product_terms(y, x, x), scalar=lambda m, x: x * x,
)  # fmt: skip


# --- integer_pow ---------------------------------------------------------------------


def _integer_pow_abstract(x: Any, *, y: int) -> Any:
    if dtypes.kind(x.dtype) not in "iufc":
        raise TypeError(
            f"integer_pow: does not accept dtype {x.dtype}; it takes numeric arrays."
        )
    if y < 0 and dtypes.is_integer(x.dtype):
        raise TypeError(
            "integer_pow: Integers cannot be raised to negative powers, got"
            f" integer_pow({x.str_short()}, {y}); convert the base to float."
        )
    return x.shape, x.dtype


def _integer_pow_evaluate(x: Any, *, y: int) -> Any:
    """16-bit floats are multiplied in float32 and rounded once."""
    if y == 2:
        return np.square(x)
    if x.dtype.itemsize < 4 and dtypes.is_float(x.dtype):
        return _integer_pow_evaluate(x.astype(np.float32), y=y).astype(x.dtype)
    if y > 0:
        return repeated(operator.mul, x, y)
    if y == 0:
        return np.ones(x.shape, x.dtype)
    return np.reciprocal(repeated(operator.mul, x, -y))


def _integer_pow_slope(out: Any, x: Any, /, *, y: int) -> Any:
    if y == 2:
        return 2 * x
    return y * integer_pow_p(x, y=y - 1) if y else zeros(x.aval)


integer_pow_p = Primitive(
    "integer_pow",
    "x**y for a Python integer y",
    abstract=_integer_pow_abstract,
    partials=(_integer_pow_slope,),
    taylor=power_terms,
    batch=lambda args, dims, size, *, y: (integer_pow_p(args[0], y=y), dims[0]),
    evaluate=_integer_pow_evaluate,
    lower=pointwise(lambda m, x, *, y: m.integer_pow(x, y), cost=3.0),
    simplify=lambda known, x, *, y: x if y == 1 else None,
    work=3.0,
)


# --- pow -----------------------------------------------------------------------------


def _pow_abstract(x: Any, y: Any) -> Any:
    if dtypes.kind(x.dtype) not in "iufc":
        raise TypeError(
            f"pow: does not accept dtype {x.dtype}; it takes numeric arrays."
        )
    if y.dtype != x.dtype and not (
        dtypes.is_inexact(x.dtype) and dtypes.is_integer(y.dtype)
    ):
        raise TypeError(
            f"pow: the exponent must have the base's dtype {x.dtype}, or be an integer"
            f" under a floating-point base; got {y.str_short()}."
        )
    return broadcast_shapes("pow", x.shape, y.shape), x.dtype


def _pow_evaluate(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        return _integer_power(x, y)
    if x.dtype == y.dtype:
        return np.power(x, y)
    return np.power(x, y, dtype=x.dtype, casting="unsafe")


def _integer_power(x: Any, y: Any) -> Any:
    """Integers wrap around; x**-n is 1 / x**n rounded towards zero (0 for x = 0)."""
    if y.dtype.kind == "u":
        return np.power(x, y)
    sign = np.where(y & 1, x, np.ones_like(x))
    inverse = np.where(np.abs(x) == 1, sign, np.zeros_like(x))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0)))


def _pow_scalar(m: Any, x: Any, y: Any) -> Any:
    if x.type in m.FLOATS:
        return m.pow(x, m.convert(y, x.type))
    power, square = m.const(1, x.type), x
    for k in range(m.BITS[y.type] - (y.type in m.SIGNED)):
        power = m.select(((y >> k) & 1).ne(0), power * square, power)
        square = square * square
    if y.type in m.UNSIGNED:
        return power
    sign = m.select((y & 1).ne(0), x, 1)
    inverse = m.select(x.eq(1) | x.eq(-1), sign, 0)
    return m.select(y < 0, inverse, power)


def _pow_by_base(z: Any, x: Any, y: Any) -> Any:
    """y * x**(y-1), with 0 at x = y = 0."""
    both_zero = and_p(x == 0, y == 0)
    base = select(both_zero, constant(1, z), x)
    factor = y if y.dtype == x.dtype else convert(y, x.dtype)
    return factor * pow_p(base, y - 1)


def _pow_by_exponent(z: Any, x: Any, y: Any) -> Any:
    """x**y * log(x), with 0 at x = 0 where y > 0."""
    base = select(eq_p(x, constant(0, x)), constant(1, x), x)
    return z * log_p(base)


def _pow_jvp(primals: Any, tangents: Any, z: Any) -> Any:
    x, y = primals
    x_dot, y_dot = tangents
    terms: list[Any] = []
    if x_dot is not None:
        terms.append(mul_p(x_dot, _pow_by_base(z, x, y)))
    if y_dot is not None and dtypes.is_inexact(y.dtype):
        terms.append(mul_p(y_dot, _pow_by_exponent(z, x, y)))
    return None if not terms else terms[0] if len(terms) == 1 else terms[0] + terms[1]


pow_p = Primitive(
    "pow",
    "x**y; y is of the dtype of x, or an integer",
    abstract=_pow_abstract,
    jvp=_pow_jvp,
    batch=lambda args, dims, size: batch_elementwise(pow_p, args, dims, size, {}),
    evaluate=_pow_evaluate,
    lower=pointwise(_pow_scalar, cost=20.0),
    work=20.0,
)


# --- roots ---------------------------------------------------------------------------

sqrt_p = elementwise(
    "sqrt", "the principal square root", np.sqrt, kinds="fc",
    partials=(lambda y, x: 0.5 / y,), scalar=lambda m, x: m.unary("sqrt", x), cost=4.0,
)  # fmt: skip

_rsqrt_real = native("rsqrt")


def _rsqrt_evaluate(x: Any) -> Any:
    return np.reciprocal(np.sqrt(x)) if x.dtype.kind == "c" else _rsqrt_real(x)


rsqrt_p = elementwise(
    "rsqrt", "1 / sqrt(x)", _rsqrt_evaluate, kinds="fc",
    partials=(lambda y, x: -0.5 * y / x,), scalar=lambda m, x: m.rsqrt(x), cost=8.0,
)  # fmt: skip
cbrt_p = elementwise(
    "cbrt", "the real cube root", np.cbrt, kinds="f",
    partials=(lambda y, x: integer_pow_p(y, y=-2) / 3,),
    scalar=lambda m, x: m.cbrt(x), cost=15.0,
)  # fmt: skip

__all__ = [
    "cbrt_p", "integer_pow_p", "pow_p", "rsqrt_p", "sqrt_p", "square_p",
]  # fmt: skip
