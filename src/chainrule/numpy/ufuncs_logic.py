"""Comparisons, logic, bits, and questions about floating-point values.

Comparisons order complex numbers by their real part, then their imaginary part. What
answers yes or no returns booleans; bitwise functions take integers and booleans.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array
from ..ops import elementwise_logic as ops
from ..ops.elementwise_complex import abs_p, imag_p, real_p
from ..ops.elementwise_conversion import bitcast_convert_type_p
from ..ops.elementwise_rounding import is_finite_p
from ..ops.elementwise_rules import constant
from ..ops.elementwise_selection import select
from ..ops.random_bits import random_unwrap_p
from ..ops.reductions import reduce_and_p, reduce_or_p
from ..ops.shaping import convert, full
from .promotion import (
    inexact_operands,
    is_inexact,
    numeric_operand,
    numeric_operands,
    operand,
    promote_operands,
)
from .ufuncs_declare import binary, public, ufunc

# --- comparisons ---------------------------------------------------------------------


def _comparison(name: str, prim: Any, symbol: Any, word: str, example: str) -> Any:
    return binary(
        name, prim, f"Whether x {word} y, elementwise.", f"bool(cnp.{name}{example}",
        symbol,
    )  # fmt: skip


class Ordered:
    """An ordering of real numbers, extended to complex ones lexicographically."""

    __slots__ = ("prim",)

    def __init__(self, prim: Any):
        self.prim = prim

    def __call__(self, x: Any, y: Any) -> Any:
        if x.dtype.kind != "c":
            return self.prim(x, y)
        left, right = real_p(x), real_p(y)
        by_imag = self.prim(imag_p(x), imag_p(y))
        return select(ops.eq_p(left, right), by_imag, self.prim(left, right))


class Alike:
    """Equality of numbers, extended to typed keys: that of their words."""

    __slots__ = ("combine", "prim")

    def __init__(self, prim: Any, combine: Any):
        self.prim, self.combine = prim, combine

    def __call__(self, x: Any, y: Any) -> Any:
        if not dtypes.is_extended(x.dtype):
            return self.prim(x, y)
        words = self.prim(random_unwrap_p(x), random_unwrap_p(y))
        return self.combine(words, axes=(words.ndim - 1,))


equal_of = Alike(ops.eq_p, reduce_and_p)
not_equal_of = Alike(ops.ne_p, reduce_or_p)
less_of, less_equal_of = Ordered(ops.lt_p), Ordered(ops.le_p)
greater_of, greater_equal_of = Ordered(ops.gt_p), Ordered(ops.ge_p)

equal = _comparison("equal", equal_of, operator.eq, "==", "(2, 2))\n        True")
not_equal = _comparison(
    "not_equal", not_equal_of, operator.ne, "!=", "(2, 2))\n        False"
)
less = _comparison("less", less_of, operator.lt, "<", "(1, 2))\n        True")
less_equal = _comparison(
    "less_equal", less_equal_of, operator.le, "<=", "(2, 2))\n        True"
)
greater = _comparison("greater", greater_of, operator.gt, ">", "(1, 2))\n        False")
greater_equal = _comparison(
    "greater_equal", greater_equal_of, operator.ge, ">=", "(2, 2))\n        True"
)


# --- logic and bits ------------------------------------------------------------------


def truth(name: str, x: Any) -> Any:
    """`x` as a boolean array: whether elements are nonzero."""
    x = operand(name, x)
    if x.dtype == np.bool_:
        return x
    return ops.ne_p(x, constant(0, x))


def _truths(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    return truth(name, x), truth(name, y)


def _logical(name: str, prim: Any, word: str, example: str) -> Any:
    return ufunc(
        name, prim, f"Whether x {word} y hold (are nonzero), elementwise.",
        f"bool(cnp.{name}{example}", promoted=_truths,
    )  # fmt: skip


logical_and = _logical("logical_and", ops.and_p, "and", "(1.0, 0))\n        False")
logical_or = _logical("logical_or", ops.or_p, "or", "(1.0, 0))\n        True")
logical_xor = _logical("logical_xor", ops.xor_p, "or only", "(1.0, 1))\n        False")


def _of_one(name: str, fun: Any, summary: str, returns: str, example: str) -> Any:
    return public(
        fun, name, summary, "x: array or scalar of any shape.", returns, example
    )


_bools = "A boolean array of the shape of x."

logical_not = _of_one(
    "logical_not", lambda x, /: ops.not_p(truth("logical_not", x)),
    "Whether x is zero, elementwise.", _bools, "bool(cnp.logical_not(0))\n        True",
)  # fmt: skip


def _bitwise(name: str, prim: Any, symbol: Any, example: str) -> Any:
    return ufunc(
        name, prim, f"x {example[0]} y: bit by bit, or logic of booleans.",
        f"int(cnp.{name}{example[1:]}", symbol,
    )  # fmt: skip


bitwise_and = _bitwise("bitwise_and", ops.and_p, operator.and_, "&(6, 3))\n        2")
bitwise_or = _bitwise("bitwise_or", ops.or_p, operator.or_, "|(6, 3))\n        7")
bitwise_xor = _bitwise("bitwise_xor", ops.xor_p, operator.xor, "^(6, 3))\n        5")
invert = _of_one(
    "invert", lambda x, /: ops.not_p(operand("invert", x)),
    "Each bit inverted; `not` of booleans.", "An array of the shape and dtype of x.",
    "int(cnp.invert(0))\n        -1",
)  # fmt: skip


def shift_left(x: Any, y: Any) -> Any:
    """x << y, promoting; what Python's operator calls."""
    return ops.shift_left_p(*numeric_operands("left_shift", x, y))


left_shift = binary(
    "left_shift", ops.shift_left_p, "x moved y bits to the left: x * 2**y.",
    "int(cnp.left_shift(3, 2))\n        12", operator.lshift, numeric_operands,
)  # fmt: skip


def _right_shift(x1: Any, x2: Any, /) -> Any:
    x1, x2 = numeric_operands("right_shift", x1, x2)
    logical = dtypes.kind(x1.dtype) == "u"
    prim = ops.shift_right_logical_p if logical else ops.shift_right_arithmetic_p
    return prim(x1, x2)


right_shift = public(
    _right_shift, "right_shift", "x1 moved x2 bits to the right: floor(x1 / 2**x2).",
    "x1, x2: integer array or scalar; shapes broadcast.",
    "An integer array of the common shape.", "int(cnp.right_shift(12, 2))\n        3",
)  # fmt: skip


def _bitwise_count(x: Any, /) -> Any:
    x = numeric_operand("bitwise_count", x)
    if not dtypes.is_integer(x.dtype):
        raise TypeError(f"bitwise_count: takes integer arrays; got {x.dtype}.")
    if dtypes.kind(x.dtype) == "i":
        x = abs_p(x)
    return convert(ops.population_count_p(x), np.dtype(np.uint8))


bitwise_count = _of_one(
    "bitwise_count", _bitwise_count, "The number of set bits of |x|.",
    "A uint8 array of the shape of x.", "int(cnp.bitwise_count(7))\n        3",
)  # fmt: skip


# --- questions -----------------------------------------------------------------------


def _everywhere(x: Any, answer: bool) -> Any:
    return full(x.shape, answer, dtypes.bool_)


def _per_part(question: Any, join: Any, trivial: bool, x: Any) -> Any:
    """A question about floats, of both parts of complex numbers, settled for others."""
    if not is_inexact(x.dtype):
        return _everywhere(x, trivial)
    if not dtypes.is_complex(x.dtype):
        return question(x)
    return join(question(real_p(x)), question(imag_p(x)))


def _is_infinite(x: Any) -> Any:
    return abs_p(x) == np.inf


def _infinity(name: str, value: float) -> Any:
    def fun(x: Any, /, out: Any = None) -> Any:
        x = operand(name, x)
        if out is not None:
            raise NotImplementedError(f"{name}: out is not supported; use the result.")
        if dtypes.is_complex(x.dtype):
            raise ValueError(f"{name}: is not well defined for complex arrays.")
        return x == value if is_inexact(x.dtype) else _everywhere(x, False)

    return _of_one(
        name, fun, f"Whether x is {value}, elementwise.", _bools,
        f"bool(cnp.{name}(float('{value}')))\n        True",
    )  # fmt: skip


isfinite = _of_one(
    "isfinite",
    lambda x, /: _per_part(is_finite_p, ops.and_p, True, operand("isfinite", x)),
    "Whether x is neither infinite nor NaN, elementwise.", _bools,
    "bool(cnp.isfinite(1.0))\n        True",
)  # fmt: skip
isinf = _of_one(
    "isinf", lambda x, /: _per_part(_is_infinite, ops.or_p, False, operand("isinf", x)),
    "Whether x is infinite, elementwise.", _bools,
    "bool(cnp.isinf(1.0))\n        False",
)  # fmt: skip


def _isnan(x: Any, /) -> Any:
    x = operand("isnan", x)
    return ops.ne_p(x, x)


isnan = _of_one(
    "isnan", _isnan, "Whether x is NaN, elementwise.", _bools,
    "bool(cnp.isnan(float('nan')))\n        True",
)  # fmt: skip
isposinf = _infinity("isposinf", float("inf"))
isneginf = _infinity("isneginf", float("-inf"))


def _iscomplex(x: Any, /) -> Any:
    x = operand("iscomplex", x)
    return imag_p(x) != 0 if dtypes.is_complex(x.dtype) else _everywhere(x, False)


def _isreal(x: Any, /) -> Any:
    x = operand("isreal", x)
    return imag_p(x) == 0 if dtypes.is_complex(x.dtype) else _everywhere(x, True)


iscomplex = _of_one(
    "iscomplex", _iscomplex, "Whether x has a nonzero imaginary part, elementwise.",
    _bools, "bool(cnp.iscomplex(1j))\n        True",
)  # fmt: skip
isreal = _of_one(
    "isreal", _isreal, "Whether x has no imaginary part, elementwise.", _bools,
    "bool(cnp.isreal(1j))\n        False",
)  # fmt: skip


def iscomplexobj(x: Any) -> bool:
    """Whether `x`, an array or scalar of any shape, is of complex dtype.

    >>> import chainrule.numpy as cnp
    >>> cnp.iscomplexobj(1j)
    True
    """
    if x is None or isinstance(x, (str, bytes)):
        return False
    return dtypes.is_complex(x.dtype if isinstance(x, Array) else np.asarray(x).dtype)


def isrealobj(x: Any) -> bool:
    """Whether `x`, an array or scalar of any shape, is of no complex dtype.

    >>> import chainrule.numpy as cnp
    >>> cnp.isrealobj(1j)
    False
    """
    return not iscomplexobj(x)


def _signbit(x: Any, /) -> Any:
    x = operand("signbit", x)
    kind = dtypes.kind(x.dtype)
    if kind == "c":
        raise ValueError(f"signbit: is not well defined for {x.dtype} arrays.")
    if kind == "i":
        return x < 0
    if kind != "f":
        return _everywhere(x, False)
    width = x.dtype.itemsize
    bits = bitcast_convert_type_p(x, new_dtype=np.dtype(f"i{width}"))
    return bits < 0


signbit = _of_one(
    "signbit", _signbit, "Whether the sign bit of x is set, also of -0.0 and NaN.",
    _bools, "bool(cnp.signbit(-0.0))\n        True",
)  # fmt: skip


# --- closeness -----------------------------------------------------------------------


def isclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether |a - b| <= atol + rtol * |b|, elementwise.

    Args:
        a, b: array or scalar; shapes broadcast.
        rtol, atol: relative and absolute tolerance.
        equal_nan: whether NaNs count as equal.

    Returns:
        A boolean array of the common shape. Infinities are close if equal.

    Raises:
        TypeError: if an operand is a list, or if shapes do not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> bool(cnp.isclose(1.0, 1.0 + 1e-7))
        True
    """
    a, b = inexact_operands("isclose", a, b)
    near = ops.le_p(*promote_operands(
        "isclose", abs_p(a - b), atol + rtol * abs_p(b)
    ))  # fmt: skip
    finite = _per_part(is_finite_p, ops.and_p, True, b)
    close = ops.or_p(ops.eq_p(a, b), ops.and_p(finite, near))
    if not equal_nan:
        return close
    return ops.or_p(close, ops.and_p(ops.ne_p(a, a), ops.ne_p(b, b)))


def allclose(
    a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether isclose(a, b, rtol, atol, equal_nan) holds everywhere.

    Args:
        a, b: array or scalar; shapes broadcast.
        rtol, atol: relative and absolute tolerance.
        equal_nan: whether NaNs count as equal.

    Returns:
        A boolean scalar array.

    Raises:
        TypeError: if an operand is a list, or if shapes do not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> bool(cnp.allclose(1.0, 1.0 + 1e-7))
        True
    """
    close = isclose(a, b, rtol, atol, equal_nan)
    return reduce_and_p(close, axes=tuple(range(close.ndim)))


__all__ = [
    "allclose", "bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "equal",
    "greater", "greater_equal", "invert", "isclose", "iscomplex",
    "iscomplexobj", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal",
    "isrealobj", "left_shift", "less", "less_equal", "logical_and", "logical_not",
    "logical_or", "logical_xor", "not_equal", "right_shift", "signbit",
]  # fmt: skip
