"""Rounding, and the parts of floating-point numbers: mantissa, exponent, sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..ops import elementwise_rounding as ops
from ..ops.elementwise_complex import abs_p
from ..ops.elementwise_compound import copysign_p
from ..ops.elementwise_conversion import bitcast_convert_type_p
from ..ops.elementwise_rules import constant
from ..ops.elementwise_selection import select
from ..ops.shaping import convert, zeros
from .promotion import inexact_operand, inexact_operands, is_inexact, operand
from .ufuncs_declare import binary, public
from .ufuncs_logic import isnan
from .ufuncs_selection import by_parts, clip

_one = "x: array or scalar of any shape."


def _refuse_complex(name: str, x: Any) -> Any:
    if dtypes.is_complex(x.dtype):
        raise TypeError(f"{name}: does not support complex-valued inputs.")
    return x


# --- rounding ------------------------------------------------------------------------


def _whole(name: str, prim: Any, summary: str, example: str) -> Any:
    def fun(x: Any, /) -> Any:
        x = _refuse_complex(name, operand(name, x))
        return prim(x) if is_inexact(x.dtype) else x

    return public(
        fun, name, summary, "x: real array or scalar; integers stay as they are.",
        "An array of the shape and dtype of x.", f"float(cnp.{name}{example}",
    )  # fmt: skip


def _truncated(x: Any) -> Any:
    return select(x < 0, ops.ceil_p(x), ops.floor_p(x))


def _nearest_even(x: Any) -> Any:
    return ops.round_p(x, rounding_method=ops.TO_NEAREST_EVEN)


floor = _whole(
    "floor", ops.floor_p, "The largest integer <= x.", "(-1.5))\n        -2.0"
)
ceil = _whole("ceil", ops.ceil_p, "The smallest integer >= x.", "(-1.5))\n        -1.0")
trunc = _whole("trunc", _truncated, "x rounded towards zero.", "(-1.5))\n        -1.0")
rint = public(
    lambda x, /: by_parts(_nearest_even, inexact_operand("rint", x)),
    "rint", "The nearest integer, halves to the even one, as a float.", _one,
    "A floating-point or complex array.", "float(cnp.rint(2.5))\n        2.0",
)  # fmt: skip


def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    a = operand("round", a)
    if out is not None:
        raise NotImplementedError("round: out is not supported; use the result.")
    if not is_inexact(a.dtype):
        if decimals < 0:
            raise NotImplementedError(
                f"round: decimals {decimals} < 0 is not supported for integers; convert"
                " to float first."
            )
        return a
    if decimals == 0:
        return by_parts(_nearest_even, a)
    dtype = a.dtype
    wide = convert(a, dtypes.float32) if dtype.itemsize == 2 else a
    factor = 10.0 ** abs(decimals)
    scaled = wide * factor if decimals > 0 else wide / factor
    whole = by_parts(_nearest_even, scaled)
    back = whole / factor if decimals > 0 else whole * factor
    return convert(back, dtype, a.weak_type)


round = public(
    _round, "round", "x rounded to the given number of decimals, halves to even.",
    "a: array or scalar of any shape.\n        decimals: digits kept after the point.\n"
    "        out: not supported.",
    "An array of the shape and dtype of a.",
    "float(cnp.round(2.5))\n        2.0",
)  # fmt: skip


# --- parts of floating-point numbers -------------------------------------------------


def _layout(dtype: Any) -> tuple[np.dtype[Any], int, int]:
    """The integer dtype of the same width, the mantissa's bits, the exponent's bias."""
    info = dtypes.finfo(dtype)
    return np.dtype(f"i{dtype.itemsize}"), int(info.nmant), 1 - int(info.minexp)


def _power_of_two(n: Any, dtype: Any) -> Any:
    """2**n of `dtype`, exactly, for integers n in the normal range."""
    integer, mantissa, bias = _layout(dtype)
    bits = convert(n + bias, integer) << mantissa
    return bitcast_convert_type_p(bits, new_dtype=dtype)


def _exponent(x: Any) -> Any:
    """The n with 2**(n-1) <= |x| < 2**n as int32; anything for 0, infinities, NaN."""
    integer, mantissa, bias = _layout(x.dtype)
    tiny = abs_p(x) < float(dtypes.finfo(x.dtype).smallest_normal)
    lifted = select(tiny, x * 2.0 ** (mantissa + 1), x)
    bits = bitcast_convert_type_p(lifted, new_dtype=integer)
    field = (bits >> mantissa) & (2 * bias + 1)
    n = convert(field, dtypes.int32) - (bias - 1)
    return select(tiny, n - (mantissa + 1), n)


def frexp(x: Any, /) -> tuple[Any, Any]:
    """x as mantissa * 2**exponent, with 0.5 <= |mantissa| < 1.

    Args:
        x: real array or scalar.

    Returns:
        The mantissa, of the shape and dtype of x, and the int32 exponent. Zeros,
        infinities and NaN are their own mantissa, with exponent 0.

    Raises:
        TypeError: if x is a list or complex.

    Example:
        >>> import chainrule.numpy as cnp
        >>> [float(v) for v in cnp.frexp(6.0)]
        [0.75, 3.0]
    """
    x = _refuse_complex("frexp", inexact_operand("frexp", x))
    special = (x == 0) | ~ops.is_finite_p(x)
    n = _exponent(x)
    n = select(special, zeros(n.aval), n)
    return _scaled_by_power(x, -n), n


def _scaled_by_power(x: Any, n: Any) -> Any:
    """x * 2**n with one rounding: the smaller factors first, which do not underflow."""
    limit = -int(dtypes.finfo(x.dtype).minexp)
    first = clip(n, -limit, limit)
    second = clip(n - first, -limit, limit)
    third = clip(n - first - second, -limit, limit)
    for part in (third, second, first):
        x = x * _power_of_two(part, x.dtype)
    return x


def ldexp(x1: Any, x2: Any, /) -> Any:
    """x1 * 2**x2, elementwise.

    Args:
        x1: real array or scalar.
        x2: integer array or scalar; shapes broadcast.

    Returns:
        A floating-point array of the common shape.

    Raises:
        ValueError: if x1 is complex or x2 not an integer.
        TypeError: if an operand is a list, or if shapes do not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> float(cnp.ldexp(0.75, 3))
        6.0
    """
    x, n = inexact_operand("ldexp", x1), operand("ldexp", x2)
    if dtypes.is_complex(x.dtype) or is_inexact(n.dtype):
        raise ValueError(
            f"ldexp: not supported for input types {x.dtype}, {n.dtype}; x1 must be"
            " real and x2 an integer."
        )
    return _scaled_by_power(x, convert(n, dtypes.int32))


def modf(x: Any, /, out: Any = None) -> tuple[Any, Any]:
    """The fractional and the integral part of x, both with its sign.

    Args:
        x: real array or scalar.
        out: not supported.

    Returns:
        Two floating-point arrays of the shape of x.

    Raises:
        TypeError: if x is a list or complex.

    Example:
        >>> import chainrule.numpy as cnp
        >>> [float(v) for v in cnp.modf(-1.5)]
        [-0.5, -1.0]
    """
    if out is not None:
        raise NotImplementedError("modf: out is not supported; use the results.")
    x = _refuse_complex("modf", inexact_operand("modf", x))
    whole = _truncated(x)
    return x - whole, whole


def _spacing(x: Any, /) -> Any:
    x = inexact_operand("spacing", x)
    if dtypes.is_complex(x.dtype):
        raise ValueError("spacing: is not defined for complex arrays.")
    away = copysign_p(convert(np.inf, x.dtype, x.weak_type), x)
    return ops.nextafter_p(x, away) - x


spacing = public(
    _spacing, "spacing", "The distance from x to the next number away from zero.",
    "x: real array or scalar.", "A floating-point array of the shape of x.",
    "float(cnp.spacing(1.0)) == 2.0 ** -23\n        True",
)  # fmt: skip
nextafter = binary(
    "nextafter", ops.nextafter_p, "The next representable number after x towards y.",
    "float(cnp.nextafter(1.0, 2.0)) == 1 + 2.0 ** -23\n        True",
    promoted=inexact_operands,
)  # fmt: skip


def _copysign(x1: Any, x2: Any, /) -> Any:
    x1, x2 = inexact_operands("copysign", x1, x2)
    return copysign_p(_refuse_complex("copysign", x1), x2)


copysign = public(
    _copysign, "copysign", "|x1| with the sign of x2, elementwise; -0.0 is negative.",
    "x1, x2: real array or scalar; shapes broadcast.",
    "A floating-point array of the common shape.",
    "float(cnp.copysign(1.0, -0.0))\n        -1.0",
)  # fmt: skip


def _heaviside(x1: Any, x2: Any, /) -> Any:
    x, y = inexact_operands("heaviside", x1, x2)
    _refuse_complex("heaviside", x)
    at_jump = select(isnan(x), x, y)
    return select(x < 0, constant(0, y), select(x > 0, constant(1, y), at_jump))


heaviside = public(
    _heaviside, "heaviside", "0 where x1 < 0, x2 where x1 is 0, 1 where x1 > 0.",
    "x1, x2: real array or scalar; shapes broadcast.",
    "A floating-point array of the common shape.",
    "float(cnp.heaviside(0.0, 0.5))\n        0.5",
)  # fmt: skip


__all__ = [
    "ceil", "copysign", "floor", "frexp", "heaviside", "ldexp", "modf", "nextafter",
    "rint", "round", "spacing", "trunc",
]  # fmt: skip
