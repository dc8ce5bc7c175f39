"""Choosing between arrays element by element, and the parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

from ..core import dtypes
from ..core.avals import Array
from ..ops.elementwise_complex import complex_p, conj_p, imag_p, real_p
from ..ops.elementwise_selection import max_p, min_p, select_n_p
from ..ops.shaping import convert, zeros
from .nonzero_search import nonzero
from .promotion import (
    common_type,
    is_complex,
    is_inexact,
    operand,
    promote_operands,
    to_dtype,
)
from .ufuncs_declare import public
from .ufuncs_logic import isnan, truth


def by_parts(fun: Any, x: Any) -> Any:
    """A function of reals, of the real and the imaginary part of complex numbers."""
    if not dtypes.is_complex(x.dtype):
        return fun(x)
    return complex_p(fun(real_p(x)), fun(imag_p(x)))


# --- complex numbers -----------------------------------------------------------------


def _real(val: Any, /) -> Any:
    val = operand("real", val)
    return real_p(val) if dtypes.is_complex(val.dtype) else val


def _imag(val: Any, /) -> Any:
    val = operand("imag", val)
    return imag_p(val) if dtypes.is_complex(val.dtype) else zeros(val.aval)


def _conjugate(x: Any, /) -> Any:
    x = operand("conjugate", x)
    return conj_p(x, input_dtype=x.dtype) if dtypes.is_complex(x.dtype) else x


_any_shape = "val: array or scalar of any shape."
real = public(
    _real, "real", "The real part, elementwise.", _any_shape,
    "A real array of the shape of val.", "float(cnp.real(3 + 4j))\n        3.0",
)  # fmt: skip
imag = public(
    _imag, "imag", "The imaginary part, elementwise; 0 for real arrays.", _any_shape,
    "A real array of the shape of val.", "float(cnp.imag(3 + 4j))\n        4.0",
)  # fmt: skip
conjugate = public(
    _conjugate, "conjugate", "The complex conjugate; real arrays stay as they are.",
    "x: array or scalar of any shape.",
    "An array of the shape and dtype of x.", "complex(cnp.conjugate(1j))\n        -1j",
)  # fmt: skip


# --- choosing ------------------------------------------------------------------------


def where(
    condition: Any, x: Any = None, y: Any = None, /, *, size: Any = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """x where `condition` holds, y elsewhere; or where it holds, if x and y are absent.

    Args:
        condition: boolean array or scalar; numbers hold where nonzero.
        x, y: array or scalar; the three shapes broadcast, the dtypes promote.
        size: with condition alone, the fixed number of indices to return.
        fill_value: with size, the index that fills up (default 0).

    Returns:
        An array of the common shape; with condition alone, the indices at which it
        holds, an int32 array per dimension.

    Raises:
        TypeError: if an argument is a list, or if shapes do not broadcast.
        ValueError: if only one of x and y is given.

    Example:
        >>> import chainrule.numpy as cnp
        >>> int(cnp.where(True, 1, 2))
        1
    """
    if x is None and y is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        raise ValueError("where: give both x and y, or neither of them.")
    if size is not None or fill_value is not None:
        raise ValueError("where: size and fill_value go with the condition alone.")
    mask = truth("where", condition)
    if isinstance(x, Array) and isinstance(y, Array) and x.dtype == y.dtype:
        return select_n_p(mask, y, x)
    (x, y), dtype, weak = common_type("where", x, y)
    return select_n_p(mask, to_dtype(y, dtype, weak), to_dtype(x, dtype, weak))


def clip(arr: Any, /, min: Any = None, max: Any = None) -> Any:
    """arr with elements below min or above max replaced by that bound.

    Args:
        arr: real array or scalar.
        min, max: bounds, arrays or scalars; None for no bound. Shapes broadcast.

    Returns:
        An array of the common shape and dtype; max wins where min > max.

    Raises:
        ValueError: if an argument is complex.
        TypeError: if an argument is a list, or if shapes do not broadcast.

    Example:
        >>> import chainrule.numpy as cnp
        >>> float(cnp.clip(3.0, 0.0, 1.0))
        1.0
    """
    arr = operand("clip", arr)
    for bound in (arr, min, max):
        if bound is not None and is_complex(bound):
            raise ValueError("clip: complex numbers have no order; clip their parts.")
    if min is not None:
        low, arr = promote_operands("clip", min, arr)
        arr = max_p(low, arr)
    if max is not None:
        high, arr = promote_operands("clip", max, arr)
        arr = min_p(high, arr)
    return arr


def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """x with NaN and infinities replaced by numbers.

    Args:
        x: array or scalar of any shape.
        copy: accepted for NumPy's sake; arrays are immutable.
        nan: replaces NaN.
        posinf, neginf: replace the infinities (default: the largest finite numbers).

    Returns:
        An array of the shape and dtype of x.

    Raises:
        TypeError: if x is a list.

    Example:
        >>> import chainrule.numpy as cnp
        >>> float(cnp.nan_to_num(float("nan")))
        0.0
    """
    x = operand("nan_to_num", x)
    if not is_inexact(x.dtype):
        return x
    top = float(dtypes.finfo(dtypes.real_part(x.dtype)).max)

    def replaced(part: Any) -> Any:
        def put(mask: Any, value: Any) -> Any:
            value = convert(operand("nan_to_num", value), part.dtype, part.weak_type)
            return select_n_p(mask, part, value)

        part = put(isnan(part), nan)
        part = put(part == math.inf, top if posinf is None else posinf)
        return put(part == -math.inf, -top if neginf is None else neginf)

    return by_parts(replaced, x)


__all__ = [
    "by_parts", "clip", "conjugate", "imag", "nan_to_num", "real", "where",
]  # fmt: skip
