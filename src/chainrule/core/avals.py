"""Abstract values: what is known of a value before it is computed.

`ShapedArray(shape, dtype, weak_type)` is interned by the runtime, so equal avals are
one object: `is` compares them, and rules memoise on them. `aval_of` gives the aval of
any value that can enter a program; `as_array` makes it an Array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime._native import Array, ConcreteArray, ShapedArray, Tracer, wrap
from . import dtypes
from .config import options

__all__ = [
    "Array", "ConcreteArray", "ShapeDtypeStruct", "ShapedArray", "Tracer",
    "abstract_of", "as_array", "aval_of", "is_value", "tangent_aval", "update", "wrap",
]  # fmt: skip

_scalars = (bool, int, float, complex)
_array = np.array


class ShapeDtypeStruct:
    """The shape and dtype of an array, without its values.

    >>> ShapeDtypeStruct((2, 3), "float32")
    ShapeDtypeStruct(shape=(2, 3), dtype=float32)
    """

    __slots__ = ("dtype", "shape", "sharding", "weak_type")

    def __init__(
        self, shape: Any, dtype: Any, *, sharding: Any = None, weak_type: bool = False
    ):
        self.shape = tuple(shape)
        self.dtype = dtypes.as_dtype(dtype)
        self.sharding = sharding
        self.weak_type = weak_type

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def aval(self) -> Any:
        dtype = dtypes.canonicalize_dtype(self.dtype)
        return ShapedArray(self.shape, dtype, self.weak_type)

    def update(self, **changes: Any) -> ShapeDtypeStruct:
        """A copy with the given fields changed."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return ShapeDtypeStruct(**{**fields, **changes})

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        weak = ", weak_type=True" if self.weak_type else ""
        placed = f", sharding={self.sharding}" if self.sharding is not None else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype}{placed}{weak})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShapeDtypeStruct) and (
            (self.shape, self.dtype, self.weak_type, self.sharding)
            == (other.shape, other.dtype, other.weak_type, other.sharding)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak_type))


def update(
    aval: Any, shape: Any = None, dtype: Any = None, weak_type: bool | None = None
) -> Any:
    """The aval `aval` with the given fields changed."""
    return ShapedArray(
        aval.shape if shape is None else tuple(shape),
        aval.dtype if dtype is None else dtype,
        aval.weak_type if weak_type is None else weak_type,
    )


def tangent_aval(aval: Any) -> Any:
    """The aval of tangents of values of `aval`."""
    if dtypes.is_inexact(aval.dtype):
        return aval
    return ShapedArray(aval.shape, dtypes.float0, False)


def is_value(x: Any) -> bool:
    """Whether `x` can enter a program: an array, a tracer or a scalar."""
    return (
        isinstance(x, (Array, np.ndarray, np.generic, *_scalars))
        or hasattr(x, "__jax_array__")
    )  # fmt: skip


def aval_of(x: Any) -> Any:
    """The aval of a value; TypeError for what is not one."""
    try:
        return x.aval
    except AttributeError:
        pass
    if type(x) in _scalars:
        return ShapedArray((), dtypes.scalar_dtype(x), type(x) is not bool)
    if isinstance(x, (np.ndarray, np.generic)):
        return ShapedArray(x.shape, dtypes.check_array_dtype("array", x.dtype), False)
    return as_array(x, "array").aval


def abstract_of(x: Any, name: str) -> Any:
    """The aval of an array, a number, or anything with a shape and a dtype."""
    if isinstance(x, ShapeDtypeStruct):
        return x.aval
    if hasattr(x, "shape") and hasattr(x, "dtype") and not hasattr(x, "aval"):
        return ShapeDtypeStruct(x.shape, x.dtype).aval
    return as_array(x, name).aval


def as_array(x: Any, name: str = "asarray") -> Any:
    """`x` as an Array or tracer; writable NumPy memory is copied, scalars are weak.

    Raises TypeError naming function `name` where `x` is no array or scalar, and
    OverflowError where a Python integer does not fit the default integer.
    """
    if isinstance(x, Array):
        return x
    kind = type(x)
    if kind is float and not options.enable_x64 and -1e38 < x < 1e38:
        return wrap(_array(x, dtypes.float32), True)
    if kind in _scalars:
        return wrap(scalar(x, dtypes.scalar_dtype(x), name), kind is not bool)
    if hasattr(x, "__jax_array__"):
        return as_array(x.__jax_array__(), name)
    if isinstance(x, (np.ndarray, np.generic)):
        dtype = dtypes.check_array_dtype(name, x.dtype)
        fresh = not isinstance(x, np.ndarray) or x.flags.writeable
        with np.errstate(all="ignore"):
            return wrap(np.array(x, dtype, copy=True if fresh else None))
    if isinstance(x, _scalars):
        plain: Any = next(t for t in kind.__mro__ if t in _scalars)
        return as_array(plain(x), name)
    raise TypeError(
        f"{name}: {x!r} of type {type(x).__name__} is not a valid array type; pass an"
        " array or a number."
    )


def scalar(x: Any, dtype: Any, name: str = "asarray") -> Any:
    """The 0-d NumPy array of Python scalar `x` in `dtype`, checked for overflow."""
    try:
        with np.errstate(all="ignore"):
            return np.array(x, dtype)
    except OverflowError:
        raise OverflowError(
            f"{name}: Python int {x} is out of bounds for {dtype}; enable_x64 widens"
            " integers to 64 bits."
        ) from None
