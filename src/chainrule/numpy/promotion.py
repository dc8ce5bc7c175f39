"""Promotion of operands: what NumPy-style functions do before they bind a primitive.

Operands become Arrays of one dtype by the lattice of core/dtypes.py. Values that have
one type already pass at the cost of comparing two pointers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, aval_of, as_array, wrap
from ..ops.shaping import convert

_scalars = (int, float, complex, bool)


def operand(name: str, x: Any) -> Any:
    """`x` as an Array; TypeError naming function `name` for lists and the like."""
    if isinstance(x, Array):
        return x
    if isinstance(x, (*_scalars, np.ndarray, np.generic)) or hasattr(x, "__jax_array__"):
        return as_array(x, name)
    raise TypeError(
        f"{name}: requires array or scalar arguments; got {x!r} of type"
        f" {type(x).__name__}. Make it an array with chainrule.numpy.array."
    )


def to_dtype(x: Any, dtype: Any, weak: bool) -> Any:
    """`x` converted to `dtype`; Python scalars directly, without a primitive."""
    if type(x) in _scalars:
        return wrap(np.array(x, dtype), weak)
    return convert(x, dtype, weak) if x.dtype != dtype else x


def promote_operands(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands as Arrays of their common dtype."""
    if isinstance(x, Array) and isinstance(y, Array):
        if x.aval is y.aval or (a := x.dtype) == y.dtype and isinstance(a, np.dtype):
            return x, y
    return tuple(promote(name, x, y))


def promote(name: str, *operands: Any) -> list[Any]:
    """Any number of operands as Arrays of their common dtype."""
    xs = [x if type(x) in _scalars else operand(name, x) for x in operands]
    types = [_type(x) for x in xs]
    dtype, weak = dtypes.promote(*types)
    return [to_dtype(x, dtype, weak) for x in xs]


def promote_inexact(name: str, *operands: Any) -> list[Any]:
    """Like `promote`, with integers and booleans made floating-point."""
    if len(operands) == 1:
        x = operands[0]
        if isinstance(x, Array) and dtypes.is_inexact(x.dtype):
            return [x]
    xs = [x if type(x) in _scalars else operand(name, x) for x in operands]
    dtype, weak = dtypes.promote(*[_type(x) for x in xs])
    if not dtypes.is_inexact(dtype):
        if dtypes.is_extended(dtype):
            raise TypeError(f"{name}: does not accept dtype {dtype}.")
        dtype = dtypes.default_float()
    return [to_dtype(x, dtype, weak) for x in xs]


def _type(x: Any) -> tuple[Any, bool]:
    if isinstance(x, Array):
        return x.dtype, x.weak_type
    aval = aval_of(x)
    return aval.dtype, aval.weak_type
