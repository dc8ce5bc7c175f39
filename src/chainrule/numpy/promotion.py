"""Promotion of operands: what NumPy-style functions do before they bind a primitive.

Operands become Arrays of one dtype by the lattice of core/dtypes.py. Arrays of one
dtype pass as they are; a Python scalar becomes an array of the dtype of the array it
meets, where that dtype can hold its kind, and otherwise takes part in the lattice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of, wrap
from ..core.config import options
from ..ops.shaping import convert
from ..runtime import _native

_numbers = frozenset({int, float, complex, bool})
_adopted_by_kind = {
    "b": frozenset({bool}),
    "i": frozenset({int, bool}),
    "u": frozenset({int, bool}),
    "f": frozenset({int, float, bool}),
    "c": _numbers,
}


class _Adopted(dict[Any, frozenset[type]]):
    """For each dtype, the types of Python scalars that follow it; filled on demand."""

    def __missing__(self, dtype: Any) -> frozenset[type]:
        found = _adopted_by_kind.get(dtypes.kind(dtype), frozenset())
        self[dtype] = found
        return found


adopted = _Adopted()


def is_inexact(dtype: Any) -> bool:
    """Whether values of `dtype` are floating-point or complex (by one table lookup)."""
    return float in adopted[dtype]


def is_number(x: Any) -> bool:
    """Whether `x` is a Python number (not of a subclass)."""
    return type(x) in _numbers


def operand(name: str, x: Any) -> Any:
    """`x` as an Array; TypeError naming function `name` for lists and the like."""
    if isinstance(x, Array):
        return x
    if isinstance(x, (int, float, complex, np.ndarray, np.generic)) or hasattr(
        x, "__jax_array__"
    ):
        return as_array(x, name)
    raise TypeError(
        f"{name}: requires ndarray or scalar arguments, got {x!r} of type"
        f" {type(x).__name__}; make it an array with chainrule.numpy.asarray."
    )


def constant(x: Any, dtype: Any, weak: bool) -> Any:
    """The Python scalar `x` as a 0-d array of `dtype`; narrow integers wrap around."""
    found = _native.constant(x, dtype, weak)
    if found is not None:
        return found
    try:
        return wrap(np.array(x, dtype), weak)
    except OverflowError:
        return wrap(as_array(x)._data.astype(dtype), weak)


def to_dtype(x: Any, dtype: Any, weak: bool) -> Any:
    """`x` converted to `dtype`; Python scalars directly, without a primitive."""
    if type(x) in _numbers:
        return constant(x, dtype, weak)
    return x if x.dtype == dtype else convert(x, dtype, weak)


def promote_operands(name: str, x: Any, y: Any) -> Any:
    """Two operands as Arrays of their common dtype."""
    if isinstance(x, Array):
        if isinstance(y, Array):
            if x.dtype == y.dtype:
                return x, y
        elif type(y) in adopted[x.dtype]:
            return x, constant(y, x.dtype, x.weak_type)
    elif isinstance(y, Array) and type(x) in adopted[y.dtype]:
        return constant(x, y.dtype, y.weak_type), y
    return promote(name, x, y)


def common_type(name: str, *operands: Any) -> tuple[list[Any], Any, bool]:
    """Operands as Arrays or Python scalars, with their common dtype and weak type."""
    xs = [x if type(x) in _numbers else operand(name, x) for x in operands]
    dtype, weak = dtypes.promote(*[_type(x) for x in xs])
    return xs, dtype, weak


def promote(name: str, *operands: Any) -> list[Any]:
    """Any number of operands as Arrays of their common dtype."""
    xs, dtype, weak = common_type(name, *operands)
    return [to_dtype(x, dtype, weak) for x in xs]


def promote_inexact(name: str, *operands: Any) -> list[Any]:
    """Like `promote`, with integers and booleans made floating-point."""
    xs, dtype, weak = common_type(name, *operands)
    if not dtypes.is_inexact(dtype):
        if dtypes.is_extended(dtype):
            raise TypeError(
                f"{name}: does not accept dtype {dtype}; it takes numeric arrays."
            )
        dtype = dtypes.default_float()
    return [to_dtype(x, dtype, weak) for x in xs]


def inexact_operands(name: str, x: Any, y: Any) -> Any:
    """Two operands as Arrays of their common floating-point or complex dtype."""
    if isinstance(x, Array) and float in adopted[x.dtype]:
        alike = x.dtype == y.dtype if isinstance(y, Array) else type(y) in _numbers
        if alike:
            return promote_operands(name, x, y)
    return promote_inexact(name, x, y)


def inexact_operand(name: str, x: Any) -> Any:
    """`x` as an Array of floating-point or complex dtype."""
    if isinstance(x, Array) and float in adopted[x.dtype]:
        return x
    if type(x) is float:
        return constant(x, dtypes.default_float(), True)
    return promote_inexact(name, x)[0]


def numeric_operands(name: str, x: Any, y: Any) -> Any:
    """Two operands as Arrays of their common dtype; booleans become integers."""
    x, y = promote_operands(name, x, y)
    if x.dtype != np.bool_:
        return x, y
    integer = dtypes.default_int()
    return convert(x, integer), convert(y, integer)


def numeric_operand(name: str, x: Any) -> Any:
    """`x` as an Array; booleans become integers."""
    x = operand(name, x)
    return convert(x, dtypes.default_int()) if x.dtype == np.bool_ else x


def is_complex(x: Any) -> bool:
    """Whether the operand `x`, an array or a scalar, is complex."""
    if type(x) in _numbers:
        return type(x) is complex
    return dtypes.is_complex(x.dtype if isinstance(x, Array) else aval_of(x).dtype)


_scalar_types = {
    wide: {
        bool: (np.dtype(np.bool_), False),
        int: (np.dtype(np.int64 if wide else np.int32), True),
        float: (np.dtype(np.float64 if wide else np.float32), True),
        complex: (np.dtype(np.complex128 if wide else np.complex64), True),
    }
    for wide in (False, True)
}


def _type(x: Any) -> tuple[Any, bool]:
    if isinstance(x, Array):
        return x.dtype, x.weak_type
    return _scalar_types[options.enable_x64][type(x)]
