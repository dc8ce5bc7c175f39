"""Sorting: sort (several operands by the first keys) and top_k.

The order is that of numbers with NaN behind everything and -0.0 equal to 0.0; complex
numbers order by real, then imaginary part. Equal keys keep their order. Evaluation maps
keys of up to 32 bits to integers of the same order and sorts them packed with their
positions in 64 bits, several times as fast as an indirect sort, and stable by itself.
Derivatives carry tangents along by gathering them at the positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from . import rows
from .gather import take_along
from .joining import iota, with_batch_first
from .shaping import move_dim

# --- keys ----------------------------------------------------------------------------


def ordered_bits(x: Any) -> Any:
    """Integers that order as the real `x` does; those of 32 bits are signed."""
    kind = dtypes.kind(x.dtype)
    if kind == "b":
        return x.view(np.int8)
    if x.dtype == dtypes.uint32:
        return (x ^ np.uint32(2**31)).view(np.int32)
    if kind in "iu":
        return x if x.dtype.num < 24 else x.astype(np.int8 if kind == "i" else np.uint8)
    if x.dtype.itemsize < 2 or x.dtype.num >= 24:
        x = x.astype(np.float32)
    bits = (x + np.zeros((), x.dtype)).view(f"i{x.dtype.itemsize}")  # no -0.0
    limits = np.iinfo(bits.dtype)
    bits = bits ^ ((bits >> (limits.bits - 1)) & limits.max)
    unordered = np.isnan(x)
    return np.where(unordered, limits.max, bits) if unordered.any() else bits


def _positions(key: Any, axis: int) -> Any:
    """The stable sorting permutation of integer keys along the last axis or `axis`."""
    n = key.shape[axis]
    if key.dtype.itemsize > 4 or n >= 2**31:
        return np.argsort(key, axis=axis, kind="stable")
    sizes = [1] * key.ndim
    sizes[axis] = n
    packed = key.astype(np.int64) << 32
    packed |= np.arange(n).reshape(sizes)
    packed.sort(axis=axis)
    return packed & 0xFFFFFFFF


def _is_short(x: Any, axis: int) -> bool:
    """Whether NumPy's stable sort is the fastest."""
    return x.dtype.num < 24 and x.shape[axis] < 256


def has_numpy_order(x: Any) -> bool:
    """Whether NumPy sorts `x` in the order of this module: not where parts are NaN; it
    has 1 + nan i behind 2."""
    return not dtypes.is_complex(x.dtype) or not np.isnan(x).any()


def sorting_permutation(keys: Any, axis: int) -> Any:
    """Positions that sort by one key after the other; equal keys keep their order."""
    parts: list[Any] = []
    if len(keys) == 1 and _is_short(keys[0], axis) and has_numpy_order(keys[0]):
        return np.argsort(keys[0], axis=axis, kind="stable")
    for key in keys:
        if dtypes.is_complex(key.dtype):
            parts += [ordered_bits(key.real.copy()), ordered_bits(key.imag.copy())]
        else:
            parts.append(ordered_bits(key))
    if len(parts) == 1:
        return _positions(parts[0], axis)
    return np.lexsort(parts[::-1], axis=axis)


def _sorted_alone(x: Any, axis: int) -> Any:
    """One array sorted by itself, by NumPy's own sort where the order is the same."""
    kind = dtypes.kind(x.dtype)
    if kind in "biu" and x.dtype.num < 24:
        return np.sort(x, axis)
    if kind in "fc" and _is_short(x, axis) and has_numpy_order(x):
        return np.sort(x, axis, kind="stable")
    if kind == "f" and x.dtype.num < 24:
        found = np.sort(x, axis)
        if not np.any(np.signbit(found) & (found == 0)):
            return found
    return np.take_along_axis(x, sorting_permutation([x], axis), axis)


# --- sort ----------------------------------------------------------------------------


def _sort_abstract(*xs: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    if not xs or any(x.shape != xs[0].shape for x in xs):
        raise TypeError(
            "sort: operands must have one shape; got"
            f" {', '.join(str(x.shape) for x in xs) or 'none'}."
        )
    if not 0 <= dimension < xs[0].ndim:
        raise ValueError(
            f"sort: dimension {dimension} is out of bounds for shape {xs[0].shape}; use"
            f" 0 <= dimension < {xs[0].ndim}."
        )
    if not 1 <= num_keys <= len(xs):
        raise ValueError(
            f"sort: num_keys {num_keys} must be between 1 and the number of operands,"
            f" {len(xs)}."
        )
    return [(x.shape, x.dtype) for x in xs]


def _sort_evaluate(*xs: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    xs = tuple(np.asarray(x) for x in xs)
    if len(xs) == 1:
        return [_sorted_alone(xs[0], dimension)]
    order = sorting_permutation(xs[:num_keys], dimension)
    return [np.take_along_axis(x, order, dimension) for x in xs]


def _sort_jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    shape, axis = aval_of(primals[0]).shape, params["dimension"]
    number = dtypes.int32 if shape[axis] < 2**31 else dtypes.int64
    *ys, order = sort_p(*primals, iota(number, shape, axis), **params)
    return ys, [None if t is None else take_along(t, order, axis) for t in tangents]


def _sort_batch(
    args: Any, dims: Any, size: int, *, dimension: int, **params: Any
) -> Any:
    first = dims[0]
    if all(d == first for d in dims) and first is not None:
        axis = dimension + (first <= dimension)
        return sort_p(*args, dimension=axis, **params), [first] * len(args)
    args = with_batch_first(args, dims, size)
    return sort_p(*args, dimension=dimension + 1, **params), [0] * len(args)


sort_p = Primitive(
    "sort",
    "The operands along `dimension` in the order of the first `num_keys` of them.",
    abstract=_sort_abstract,
    jvp_call=_sort_jvp,
    transpose=Missing("not linear"),
    batch=_sort_batch,
    evaluate=_sort_evaluate,
    lower=rows.sort,
    multiple_results=True,
)


# --- top_k ---------------------------------------------------------------------------


def _top_k_abstract(x: Any, *, k: int, axis: int) -> Any:
    if not 0 <= axis < x.ndim:
        raise ValueError(
            f"top_k: axis {axis} is out of bounds for an operand of shape {x.shape}; it"
            " needs at least one dimension."
        )
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(
            f"top_k: k = {k} must be between 0 and {x.shape[axis]}, the size of axis"
            f" {axis} of shape {x.shape}."
        )
    if dtypes.kind(x.dtype) not in "biuf":
        raise TypeError(
            f"top_k: does not accept dtype {x.dtype}; it takes real numbers."
        )
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return [(shape, x.dtype), (shape, dtypes.int32)]


def _descending(x: Any, axis: int, k: int) -> Any:
    """Positions of the k largest, ties by position, NaN first."""
    n = x.shape[axis]
    bits = ordered_bits(x)
    if bits.dtype.itemsize > 4 or n >= 2**31:
        return np.argsort(~bits, axis=axis, kind="stable").take(range(k), axis)
    sizes = [1] * x.ndim
    sizes[axis] = n
    packed = (~bits.astype(np.int64)) << 32
    packed |= np.arange(n).reshape(sizes)
    if 0 < k < n // 4:
        packed = np.partition(packed, k - 1, axis).take(range(k), axis)
    packed = np.sort(packed, axis).take(range(k), axis)
    return packed & 0xFFFFFFFF


def _top_k_evaluate(x: Any, *, k: int, axis: int) -> Any:
    order = _descending(np.asarray(x), axis, k)
    return np.take_along_axis(x, order, axis), order.astype(np.int32)


def _top_k_jvp(primals: Any, tangents: Any, ys: Any, *, k: int, axis: int) -> Any:
    if tangents[0] is None:
        return [None, None]
    return [take_along(tangents[0], ys[1], axis), None]


def _top_k_batch(args: Any, dims: Any, size: int, *, k: int, axis: int) -> Any:
    x = move_dim(args[0], dims[0], 0)
    return top_k_p(x, k=k, axis=axis + 1), [0, 0]


top_k_p = Primitive(
    "top_k",
    "The k largest elements along `axis`, largest first, and their positions.",
    abstract=_top_k_abstract,
    jvp=_top_k_jvp,
    transpose=Missing("not linear"),
    batch=_top_k_batch,
    evaluate=_top_k_evaluate,
    lower=rows.top_k,
    multiple_results=True,
    weak=WEAK_NEVER,
)

__all__ = ["has_numpy_order", "sort_p", "sorting_permutation", "top_k_p"]
