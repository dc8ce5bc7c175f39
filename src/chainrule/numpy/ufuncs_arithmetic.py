"""Arithmetic on arrays: sums, products, quotients, powers, extremes, divisors.

Integer division by zero gives no error: floor_divide gives -2 (-1 for 0 // 0),
remainder gives 0. Booleans add by `or` and multiply by `and`; they don't subtract.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, ConcreteArray
from ..ops import arithmetic as ops
from ..ops import elementwise_compound as compound
from ..ops.elementwise_complex import abs_p, sign_p
from ..ops.elementwise_logic import ne_p, or_p
from ..ops.elementwise_powers import integer_pow_p, pow_p, square_p
from ..ops.elementwise_rounding import rem_p
from ..ops.elementwise_rules import constant
from ..ops.elementwise_selection import max_p, min_p, select
from .promotion import (
    adopted,
    inexact_operand,
    inexact_operands,
    is_inexact,
    numeric_operand,
    numeric_operands,
    operand,
    promote,
    promote_operands,
)
from .ufuncs_declare import inexact_binary, public, refuse, ufunc, unary

add = ufunc(
    "add", ops.add_p, "x + y, elementwise.", "float(cnp.add(1.0, 2.0))\n        3.0",
    operator.add,
)  # fmt: skip
subtract = ufunc(
    "subtract", ops.sub_p, "x - y, elementwise.",
    "float(cnp.subtract(3.0, 1.0))\n        2.0", operator.sub,
)  # fmt: skip
multiply = ufunc(
    "multiply", ops.mul_p, "x * y, elementwise.",
    "float(cnp.multiply(3.0, 2.0))\n        6.0", operator.mul,
)  # fmt: skip
maximum = ufunc(
    "maximum", max_p, "The larger of x and y, elementwise; NaN wins.",
    "int(cnp.maximum(3, 2))\n        3",
)  # fmt: skip
minimum = ufunc(
    "minimum", min_p, "The smaller of x and y, elementwise; NaN wins.",
    "int(cnp.minimum(3, 2))\n        2",
)  # fmt: skip
true_divide = inexact_binary(
    "true_divide", ops.div_p, "x1 / x2, elementwise; integers give floats.",
    "float(cnp.true_divide(3, 2))\n        1.5", operator.truediv,
)  # fmt: skip

# --- one operand ---------------------------------------------------------------------


def negative(*args: Any, out: Any = None, where: Any = None) -> Any:
    """-x, elementwise.

    Args:
        args: one array or scalar, not boolean.

    Returns:
        An array of the shape and dtype of x.

    Raises:
        TypeError: if x is a list or boolean.

    Example:
        >>> import chainrule.numpy as cnp
        >>> int(cnp.negative(3))
        -3
    """
    if out is not None or where is not None:
        refuse("negative", out, where)
    if len(args) != 1:
        raise TypeError(f"negative: takes 1 operand; got {len(args)}.")
    return ops.neg_p(operand("negative", args[0]))


def _positive(x: Any, /) -> Any:
    return operand("positive", x)


positive = public(
    _positive, "positive", "+x: x itself, as an array.", "x: array or scalar.",
    "x as an array.", "int(cnp.positive(3))\n        3",
)  # fmt: skip


def _absolute(x: Any, /) -> Any:
    x = operand("absolute", x)
    return x if dtypes.kind(x.dtype) in "bu" else abs_p(x)


absolute = public(
    _absolute, "absolute", "|x|, elementwise: the modulus of complex numbers.",
    "x: array or scalar of any shape.",
    "A real array of the shape of x.", "float(cnp.absolute(3 + 4j))\n        5.0",
)  # fmt: skip


def _fabs(x: Any, /) -> Any:
    x = inexact_operand("fabs", x)
    if dtypes.is_complex(x.dtype):
        raise TypeError("fabs: does not accept complex arrays; use absolute.")
    return abs_p(x)


fabs = public(
    _fabs, "fabs", "|x| of real x, elementwise, as floating-point numbers.",
    "x: real array or scalar.", "A floating-point array of the shape of x.",
    "float(cnp.fabs(-3))\n        3.0",
)  # fmt: skip
sign = unary(
    "sign", sign_p, "-1, 0 or 1 by the sign of x; x / |x| for complex x.",
    "float(cnp.sign(-3.0))\n        -1.0",
)  # fmt: skip


def _square(x: Any, /) -> Any:
    if isinstance(x, Array) and int in adopted[x.dtype]:
        return square_p(x)
    return square_p(numeric_operand("square", x))


square = public(
    _square, "square", "x * x, elementwise.", "x: array or scalar of any shape.",
    "An array of the shape of x.", "int(cnp.square(3))\n        9",
)  # fmt: skip


def _reciprocal(x: Any, /) -> Any:
    return integer_pow_p(inexact_operand("reciprocal", x), y=-1)


reciprocal = public(
    _reciprocal, "reciprocal", "1 / x, elementwise; integers give floats.",
    "x: array or scalar of any shape.", "A floating-point or complex array.",
    "float(cnp.reciprocal(4))\n        0.25",
)  # fmt: skip


# --- division with remainder ---------------------------------------------------------


def _real(name: str, x: Any, y: Any) -> Any:
    """Numeric promotion that refuses complex numbers."""
    x, y = promote_operands(name, x, y)
    followers = adopted[x.dtype]
    if complex in followers:
        raise TypeError(f"{name}: does not support complex-valued inputs.")
    return (x, y) if int in followers else numeric_operands(name, x, y)


def _division(name: str, prim: Any, summary: str, example: str) -> Any:
    def fun(x1: Any, x2: Any, /) -> Any:
        return prim(*_real(name, x1, x2))

    return public(
        fun, name, summary, "x1, x2: real array or scalar; shapes broadcast.",
        "An array of the common shape and dtype.", example,
    )  # fmt: skip


floor_divide = _division(
    "floor_divide", compound.floor_divide_p, "x1 / x2 rounded down, elementwise.",
    "int(cnp.floor_divide(-7, 2))\n        -4",
)  # fmt: skip
remainder = _division(
    "remainder", compound.remainder_p,
    "x1 - x2 * floor(x1 / x2): the remainder with the sign of x2.",
    "int(cnp.remainder(-7, 2))\n        1",
)  # fmt: skip


def _divmod(x1: Any, x2: Any, /) -> Any:
    x1, x2 = _real("divmod", x1, x2)
    return compound.floor_divide_p(x1, x2), compound.remainder_p(x1, x2)


divmod = public(
    _divmod, "divmod", "The pair floor_divide(x1, x2), remainder(x1, x2).",
    "x1, x2: real array or scalar; shapes broadcast.",
    "Two arrays of the common shape and dtype.",
    "[int(v) for v in cnp.divmod(7, 2)]\n        [3, 1]",
)  # fmt: skip


def _fmod(x1: Any, x2: Any, /) -> Any:
    x1, x2 = _real("fmod", x1, x2)
    if dtypes.is_integer(x1.dtype):
        x2 = select(x2 == 0, constant(1, x2), x2)
    return rem_p(x1, x2)


fmod = public(
    _fmod, "fmod", "The remainder with the sign of x1; 0 for integer x2 = 0.",
    "x1, x2: real array or scalar; shapes broadcast.",
    "An array of the common shape and dtype.", "int(cnp.fmod(-7, 2))\n        -1",
)  # fmt: skip


# --- powers --------------------------------------------------------------------------


def _static_exponent(x: Any) -> bool:
    """Whether `x` is a scalar integer whose value is known."""
    if isinstance(x, (int, np.integer)):
        return True
    return type(x) is ConcreteArray and x.ndim == 0 and dtypes.is_integer(x.dtype)


def _power(x1: Any, x2: Any, /) -> Any:
    if type(x2) is int and isinstance(x1, Array) and float in adopted[x1.dtype]:
        if x2 == 2 and type(x1) is ConcreteArray:
            return x1 * x1
        return integer_pow_p(x1, y=x2)
    if type(x2) is float:
        return pow_p(*promote_operands("power", x1, x2))
    if _static_exponent(x2):
        return _static_power(x1, x2)
    if isinstance(x2, Array) and dtypes.is_integer(x2.dtype):
        base = promote("power", x1, x2)[0]
        if is_inexact(base.dtype):
            return pow_p(base, x2)
    return pow_p(*numeric_operands("power", x1, x2))


def _static_power(x: Any, exponent: Any) -> Any:
    if isinstance(exponent, int) or exponent.dtype == np.bool_:
        base = numeric_operand("power", x)
    else:
        base, _ = numeric_operands("power", x, exponent)
    n = int(exponent)
    if n < 0 and not is_inexact(base.dtype):
        raise TypeError(
            "power: Integers cannot be raised to negative powers, got"
            f" integer_pow({base.aval.str_short()}, {n}); use a float base."
        )
    return integer_pow_p(base, y=n)


power = public(
    _power, "power",
    "x1 ** x2, elementwise; a Python integer x2 is done by multiplication.",
    "x1, x2: array or scalar; shapes broadcast, dtypes promote.",
    "An array of the common shape.", "float(cnp.power(3.0, 2))\n        9.0",
)  # fmt: skip


def float_power(x: Any, y: Any, /) -> Any:
    """x ** y, elementwise, in floating point or complex numbers.

    Args:
        x, y: array or scalar; shapes broadcast, integers are computed as floats.

    Returns:
        An array of the common shape.

    Raises:
        TypeError: if an operand is a list, or if shapes do not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> float(cnp.float_power(2, -1))
        0.5
    """
    return pow_p(*inexact_operands("float_power", x, y))


# --- extremes that pass over NaN -----------------------------------------------------


def _ignoring_nan(name: str, better: Any, summary: str, example: str) -> Any:
    def fun(x1: Any, x2: Any, /) -> Any:
        x1, x2 = promote_operands(name, x1, x2)
        return select(or_p(better(x1, x2), ne_p(x2, x2)), x1, x2)

    return public(
        fun, name, summary, "x1, x2: array or scalar; shapes broadcast.",
        "An array of the common shape and dtype.", example,
    )  # fmt: skip


fmax = _ignoring_nan(
    "fmax", operator.gt, "The larger of x1 and x2; where one is NaN, the other.",
    "float(cnp.fmax(float('nan'), 1.0))\n        1.0",
)  # fmt: skip
fmin = _ignoring_nan(
    "fmin", operator.lt, "The smaller of x1 and x2; where one is NaN, the other.",
    "float(cnp.fmin(float('nan'), 1.0))\n        1.0",
)  # fmt: skip


# --- divisors and lengths ------------------------------------------------------------


def _of_integers(name: str, prim: Any, summary: str, example: str) -> Any:
    def fun(x1: Any, x2: Any, /) -> Any:
        x1, x2 = promote_operands(name, x1, x2)
        if not dtypes.is_integer(x1.dtype):
            raise ValueError(f"{name}: arguments must be integers; got {x1.dtype}.")
        return prim(x1, x2)

    return public(
        fun, name, summary, "x1, x2: integer array or scalar; shapes broadcast.",
        "An integer array of the common shape.", example,
    )  # fmt: skip


gcd = _of_integers(
    "gcd", compound.gcd_p, "The greatest common divisor of |x1| and |x2|.",
    "int(cnp.gcd(12, 18))\n        6",
)  # fmt: skip
lcm = _of_integers(
    "lcm", compound.lcm_p, "The least common multiple of |x1| and |x2|.",
    "int(cnp.lcm(4, 6))\n        12",
)  # fmt: skip


def _hypot(x1: Any, x2: Any, /) -> Any:
    x1, x2 = inexact_operands("hypot", x1, x2)
    if dtypes.is_complex(x1.dtype):
        raise ValueError(
            "hypot: is not defined for complex arrays; take absolute values first."
        )
    return compound.hypot_p(x1, x2)


hypot = public(
    _hypot, "hypot", "sqrt(x1**2 + x2**2), elementwise, without overflow on the way.",
    "x1, x2: real array or scalar; shapes broadcast.",
    "A floating-point array of the common shape.",
    "float(cnp.hypot(3, 4))\n        5.0",
)  # fmt: skip

__all__ = [
    "absolute", "add", "divmod", "fabs", "float_power", "floor_divide", "fmax", "fmin",
    "fmod", "gcd", "hypot", "lcm", "maximum", "minimum", "multiply", "negative",
    "positive", "power", "reciprocal", "remainder", "sign", "square", "subtract",
    "true_divide",
]  # fmt: skip
