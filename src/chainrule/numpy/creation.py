"""Making arrays: from Python values, filled with a number, counted up.

Outside of a staged program these are NumPy calls whose result is wrapped, at NumPy's
cost. While a program is staged they bind `broadcast_in_dim` and `iota`, so that it
holds the recipe of a constant instead of the constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..api.placement import device_put
from ..core import dtypes
from ..core.avals import Array, Tracer, as_array, aval_of, wrap
from ..core.avals import scalar as numpy_scalar
from ..core.config import options
from ..core.dtypes import scalar_dtype
from ..ops import shaping
from ..ops.joining import concatenate, expand_dims, iota
from ..ops.shaping import broadcast_to, canonical_shape, convert
from ..runtime._native import ConcreteArray, current_dynamic, silently
from .promotion import operand

_scalars = (bool, int, float, complex)
_numbers = frozenset(_scalars)
_nests = frozenset((list, tuple))
_narrow = frozenset(map(np.dtype, ("?", "i1", "i2", "i4", "u1", "u2", "u4")))
_narrow |= frozenset(map(np.dtype, ("f2", "f4", "c8")))
_wide = {
    np.dtype(a): np.dtype(b)
    for a, b in (("i8", "i4"), ("u8", "u4"), ("f8", "f4"), ("c16", "c8"))
}
"""Dtypes that arrays always have; those they have in 64 bits only, and what else."""


def placed(x: Any, device: Any) -> Any:
    """`x` on `device`; where it is for None."""
    return x if device is None else device_put(x, device)


# --- array, asarray ------------------------------------------------------------------


def array(
    object: Any,
    dtype: Any = None,
    *args: Any,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """An array of the given values.

    Args:
        object: a number, an array, an object with `__array__` or the buffer protocol,
            or nested sequences of these, of one shape on each level.
        dtype: dtype of the result; by default the one all values promote to, with 64
            bits narrowed to 32 unless `enable_x64` is set.
        copy: accepted; an array is never changed in place, so memory may be shared.
        order: only "K", "C" or None; arrays have no memory order.
        ndmin: least number of dimensions; ones are put in front of the shape.
        device: where to put it.

    Returns:
        Array of the values. A Python number without `dtype` gives a weakly typed one.

    Raises:
        TypeError: a value is not numeric. ValueError: the nesting is ragged.
        OverflowError: a Python integer does not fit the dtype.

    >>> import chainrule.numpy as cnp
    >>> cnp.array([[1, 2], [3, 4.5]])
    Array([[1. , 2. ],
           [3. , 4.5]], dtype=float32)
    """
    if args:
        copy = args[0]
    if order not in ("K", "C", None):
        raise NotImplementedError(
            f"array: order {order!r} is not supported; arrays have no memory order, use"
            " 'K'."
        )
    if type(object) is list and dtype is None:
        found = _from_numbers(object, None)
        if found is None:
            found = _general(object, dtype)
    else:
        found = _general(object, dtype)
        if found is object and copy and type(object) is ConcreteArray:
            found = wrap(object._data, object.weak_type)
    if ndmin > found.ndim:
        found = expand_dims(found, range(ndmin - found.ndim))
    if device is None and out_sharding is None:
        return found
    return placed(found, device if device is not None else out_sharding)


def asarray(
    a: Any,
    dtype: Any = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """`a` as an array: itself where it is one of the wanted dtype.

    Takes and raises what `array` does.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.arange(3)
    >>> cnp.asarray(x) is x
    True
    """
    if type(a) is ConcreteArray and dtype is None and device is None and not copy:
        return a
    return array(
        a, dtype, copy=bool(copy), order=order, device=device, out_sharding=out_sharding
    )


def _from_numbers(values: Any, dtype: Any) -> Any:
    """The array of nested lists of Python numbers; None for anything else."""
    types = set(map(type, values))
    flat = values
    while types and types <= _nests:
        flat = list(chain.from_iterable(flat))
        types = set(map(type, flat))
    if not types <= _numbers:
        return None
    if dtype is None:
        dtype = _default_dtype(types)
    elif complex in types and not dtypes.is_complex(dtype):
        return wrap(np.array(values).real.astype(dtype))
    if type(values) is list:
        return wrap(_numpy(values, dtype))
    return wrap(_numpy(list(values), dtype))


def _numpy(values: Any, dtype: Any) -> Any:
    try:
        return np.array(values, dtype)
    except OverflowError as error:
        raise OverflowError(
            f"array: {error}; give a wider dtype (enable_x64 allows 64 bits)."
        ) from None


def _default_dtype(types: set[type]) -> Any:
    if complex in types:
        return dtypes.default_complex()
    if float in types or not types:
        return dtypes.default_float()
    return dtypes.default_int() if int in types else dtypes.bool_


def _general(x: Any, dtype: Any) -> Any:
    wanted = None if dtype is None else dtypes.check_array_dtype("array", dtype)
    if isinstance(x, Array):
        return x if wanted is None else converted(x, wanted)
    kind = type(x)
    if kind in _numbers:
        if wanted is None:
            return as_array(x, "array")
        if kind is complex and not dtypes.is_complex(wanted):
            x = x.real
        return wrap(numpy_scalar(x, wanted, "array"))
    if kind is np.ndarray and wanted is None:
        if x.dtype in _narrow or options.enable_x64 and x.dtype in _wide:
            return wrap(x.copy())
        if x.dtype in _wide:
            return wrap(silently(x.astype, _wide[x.dtype]))
    if isinstance(x, (np.ndarray, np.generic)) or hasattr(x, "__jax_array__"):
        found = as_array(x, "array")
        return found if wanted is None else converted(found, wanted)
    if isinstance(x, (list, tuple, range)):
        found = _from_numbers(x, wanted)
        return _stacked(x, wanted) if found is None else found
    return _from_object(x, wanted)


def _from_object(x: Any, dtype: Any) -> Any:
    """The array of an object with __array__, the buffer protocol or __float__."""
    if x is None:
        raise ValueError("array: None is not a valid value; pass numbers or arrays.")
    if hasattr(x, "__array__"):
        values = np.asarray(x)
    elif isinstance(x, _scalars):
        return _general(next(t for t in _scalars if isinstance(x, t))(x), dtype)
    elif isinstance(x, (str, bytes)):
        values = np.asarray(x)
    else:
        try:
            values = np.asarray(memoryview(x))
        except TypeError:
            values = np.asarray(x)
    if values.dtype == object or values.dtype.kind in "USmMO":
        raise TypeError(
            f"array: {x!r} with dtype {values.dtype} is not a valid array value; only"
            " boolean and numeric values are supported."
        )
    found = as_array(values, "array")
    return found if dtype is None else converted(found, dtype)


def _stacked(values: Sequence[Any], dtype: Any) -> Any:
    """The array of nested sequences that hold arrays."""
    rows = [_general(v, None) for v in values]
    shape = rows[0].shape
    if any(r.shape != shape for r in rows):
        raise ValueError(
            "array: setting an array element with a sequence: the nesting is ragged,"
            f" entries have shapes {', '.join(str(r.shape) for r in rows[:8])}; they"
            " must all be the same."
        )
    if dtype is None:
        types = [_leaf_type(v, r) for v, r in zip(values, rows)]
        dtype, _ = dtypes.promote(*types)
    if any(isinstance(r, Tracer) for r in rows) or current_dynamic() is not None:
        parts = [expand_dims(converted(r, dtype), (0,)) for r in rows]
        return concatenate(parts, 0)
    return wrap(np.stack([converted(r, dtype)._data for r in rows]))


def _leaf_type(value: Any, row: Any) -> tuple[Any, bool]:
    """The dtype of an entry; nested lists of Python numbers count as weak."""
    weak = row.weak_type
    if isinstance(value, (list, tuple)):
        flat = value
        while flat and all(isinstance(v, (list, tuple)) for v in flat):
            flat = list(chain.from_iterable(flat))
        weak = all(type(v) in (int, float, complex) for v in flat)
    return row.dtype, weak


def converted(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`, not weak; complex values converted to real lose that part."""
    return convert(x, dtype, False)


def copy(a: Any, order: str | None = None) -> Any:
    """An array with the values of `a`, which is an array or a number.

    >>> import chainrule.numpy as cnp
    >>> cnp.copy(cnp.arange(2))
    Array([0, 1], dtype=int32)
    """
    return array(operand("copy", a), copy=True, order=order)


def astype(x: Any, dtype: Any, /, *, copy: bool = False, device: Any = None) -> Any:
    """`x` converted to `dtype`, element by element.

    Args:
        x: array or number. Complex numbers lose their imaginary part in a real dtype.
        dtype: the wanted dtype; None means the default float.
        copy: accepted. device: where to put the result.

    >>> import chainrule.numpy as cnp
    >>> cnp.astype(cnp.array([1.7, -1.7]), int)
    Array([ 1, -1], dtype=int32)
    """
    found = operand("astype", x)
    wanted = float if dtype is None else dtype
    wanted = dtypes.check_array_dtype("astype", wanted)
    if dtypes.is_extended(found.dtype) or dtypes.is_extended(wanted):
        if found.dtype == wanted:
            return found
        raise TypeError(
            f"astype: cannot convert {found.dtype} to {wanted}; keys and numbers don't"
            " mix."
        )
    if dtypes.is_complex(found.dtype) and wanted == dtypes.bool_:
        found = found != 0
    return placed(converted(found, wanted), device)


# --- filled --------------------------------------------------------------------------


def _filled(name: str, shape: Any, value: Any, dtype: Any, weak: bool = False) -> Any:
    sizes = canonical_shape(name, shape)
    if current_dynamic() is None:
        return wrap(np.full(sizes, value, dtype), weak)
    return shaping.full(sizes, value, dtype, weak)


def zeros(
    shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Any:
    """An array of `shape` (int or ints) full of zeros; float32 unless `dtype` is given.

    >>> import chainrule.numpy as cnp
    >>> cnp.zeros((2, 2))
    Array([[0., 0.],
           [0., 0.]], dtype=float32)
    """
    dtype = _dtype_or_float("zeros", dtype)
    if current_dynamic() is None:
        found = wrap(np.zeros(canonical_shape("zeros", shape), dtype))
    else:
        found = _filled("zeros", shape, 0, dtype)
    return placed(found, device)


def ones(
    shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Any:
    """An array of `shape` (int or ints) full of ones; float32 unless `dtype` is given.

    >>> import chainrule.numpy as cnp
    >>> cnp.ones(3, int)
    Array([1, 1, 1], dtype=int32)
    """
    return placed(_filled("ones", shape, 1, _dtype_or_float("ones", dtype)), device)


def empty(
    shape: Any, dtype: Any = None, *, device: Any = None, out_sharding: Any = None
) -> Any:
    """The same as `zeros`: no array here has unspecified contents.

    >>> import chainrule.numpy as cnp
    >>> cnp.empty(2)
    Array([0., 0.], dtype=float32)
    """
    return zeros(shape, dtype, device=device)


def full(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """An array of `shape` filled with a number, or with an array broadcast to it.

    The dtype is that of the fill value (weak for Python numbers) unless given.

    >>> import chainrule.numpy as cnp
    >>> cnp.full((2,), 1.5, dtype=float)
    Array([1.5, 1.5], dtype=float32)
    """
    sizes = canonical_shape("full", shape)
    if type(fill_value) in _numbers and current_dynamic() is None and dtype is None:
        found = np.full(
            sizes, numpy_scalar(fill_value, scalar_dtype(fill_value), "full")
        )
        return placed(wrap(found, type(fill_value) is not bool), device)
    value = operand("full", fill_value)
    if dtype is not None:
        value = converted(value, dtypes.check_array_dtype("full", dtype))
    if value.ndim > len(sizes) or any(
        n not in (1, m) for n, m in zip(value.shape[::-1], sizes[::-1])
    ):
        raise ValueError(
            f"full: fill_value of shape {value.shape} does not broadcast to {sizes}."
        )
    return placed(broadcast_to(value, sizes), device)


def _dtype_or_float(name: str, dtype: Any) -> Any:
    if dtype is None:
        return dtypes.default_float()
    return dtypes.check_array_dtype(name, dtype)


def _like(name: str, a: Any, value: Any, dtype: Any, shape: Any, device: Any) -> Any:
    if not hasattr(a, "shape") or not hasattr(a, "dtype"):
        a = operand(name, a)
    weak = dtype is None and bool(getattr(a, "weak_type", False))
    dtype = dtypes.check_array_dtype(name, a.dtype if dtype is None else dtype)
    if dtypes.is_extended(dtype) and not (type(value) is int and value == 0):
        raise TypeError(f"{name}: dtype {dtype} holds no numbers; give another dtype.")
    sizes = a.shape if shape is None else shape
    return placed(_filled(name, sizes, value, dtype, weak), device)


def zeros_like(
    a: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Zeros of the shape and dtype of `a` (array, number, or has shape and dtype).

    >>> import chainrule.numpy as cnp
    >>> cnp.zeros_like(cnp.arange(3))
    Array([0, 0, 0], dtype=int32)
    """
    return _like("zeros_like", a, 0, dtype, shape, device)


def ones_like(
    a: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Ones of the shape and dtype of `a` (array, number, or has shape and dtype).

    >>> import chainrule.numpy as cnp
    >>> cnp.ones_like(cnp.arange(3))
    Array([1, 1, 1], dtype=int32)
    """
    return _like("ones_like", a, 1, dtype, shape, device)


def empty_like(
    prototype: Any, dtype: Any = None, shape: Any = None, *, device: Any = None
) -> Any:
    """The same as `zeros_like`.

    >>> import chainrule.numpy as cnp
    >>> cnp.empty_like(cnp.ones(2))
    Array([0., 0.], dtype=float32)
    """
    return _like("empty_like", prototype, 0, dtype, shape, device)


def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    shape: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """`fill_value` (number, or array that broadcasts) in the shape and dtype of `a`.

    >>> import chainrule.numpy as cnp
    >>> cnp.full_like(cnp.ones(2), 7)
    Array([7., 7.], dtype=float32)
    """
    if type(fill_value) in _numbers:
        return _like("full_like", a, fill_value, dtype, shape, device)
    if not hasattr(a, "shape") or not hasattr(a, "dtype"):
        a = operand("full_like", a)
    return full(
        a.shape if shape is None else shape,
        fill_value,
        a.dtype if dtype is None else dtype,
        device=device,
    )


# --- counted -------------------------------------------------------------------------


def arange(
    start: Any,
    stop: Any = None,
    step: Any = None,
    dtype: Any = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Evenly spaced values from `start` (0 where only one bound is given) below `stop`.

    Args:
        start, stop, step: concrete real numbers; `step` is 1 by default.
        dtype: by default the one that the bounds promote to.

    Returns:
        Array of shape (ceil((stop - start) / step),).

    Raises:
        ConcretizationTypeError: a bound is traced; its value decides the shape.

    >>> import chainrule.numpy as cnp
    >>> cnp.arange(2, 8, 3)
    Array([2, 5], dtype=int32)
    """
    if type(start) is int and stop is None and step is None:
        number = dtypes.default_int() if dtype is None else None
        if number is not None:
            return placed(_counted(max(start, 0), number), device)
    given = [x for x in (start, stop, step) if x is not None]
    if start is None:
        raise TypeError("arange: start is None; pass a number.")
    if dtype is None:
        dtype = _arange_dtype(given)
    else:
        dtype = dtypes.check_array_dtype("arange", dtype)
    first, last, stride = (_bound(x) for x in (start, stop, step))
    if last is None:
        first, last = 0, first
    stride = 1 if stride is None else stride
    if stride == 0:
        raise ZeroDivisionError("arange: step is 0; use another step.")
    if first == 0 and stride == 1:
        return placed(_counted(max(0, math.ceil(last)), dtype), device)
    return placed(_stepped(first, last, stride, dtype), device)


def _bound(x: Any) -> Any:
    """A bound of arange as a Python number; tracers without a value raise."""
    if x is None or type(x) in (int, float):
        return x
    if isinstance(x, Array) and x.ndim == 0:
        return int(x) if dtypes.kind(x.dtype) in "biu" else float(x)
    if np.ndim(x) or isinstance(x, complex) or np.iscomplexobj(x):
        raise ValueError(f"arange: bounds and step must be real numbers; got {x!r}.")
    return x.item() if isinstance(x, np.generic) else x


def _arange_dtype(given: Sequence[Any]) -> Any:
    if all(type(x) is int for x in given):
        return dtypes.default_int()
    avals = [aval_of(x) for x in given]
    dtype, _ = dtypes.promote(*[(a.dtype, a.weak_type) for a in avals])
    return dtype


def _counted(count: int, dtype: Any) -> Any:
    if current_dynamic() is None and dtype.num < 24:
        return wrap(np.arange(count, dtype=dtype))
    if dtypes.kind(dtype) not in "iufc":
        return converted(_counted(count, dtypes.default_int()), dtype)
    return iota(dtype, (count,))


def _stepped(first: Any, last: Any, stride: Any, dtype: Any) -> Any:
    if current_dynamic() is not None:
        count = max(0, math.ceil((last - first) / stride))
        number = dtypes.default_float() if isinstance(first + stride, float) else dtype
        steps = iota(number, (count,))
        return converted(steps * stride + first, dtype)
    if dtype.num < 24:
        return wrap(np.arange(first, last, stride, dtype))
    return wrap(np.arange(first, last, stride, np.float32).astype(dtype))


__all__ = [
    "arange", "array", "asarray", "astype", "converted", "copy", "empty", "empty_like",
    "full", "full_like", "ones", "ones_like", "placed", "zeros", "zeros_like",
]  # fmt: skip
