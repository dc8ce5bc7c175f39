"""Repeating, moving, deleting and inserting elements along an axis.

What is deleted or inserted is static; the repeats of `repeat`, the shift of `roll` and
distinct positions of `delete` may be computed.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, Tracer
from ..core.errors import ConcretizationTypeError, described
from ..ops.cumulative import cumsum_p
from ..ops.dynamic_slicing import dynamic_slice_p
from ..ops.gather import scatter_add_p
from ..ops.joining import concatenate as _concatenate
from ..ops.joining import expand_dims as _expand_dims
from ..ops.joining import slice_along, tile_p
from ..ops.shaping import broadcast_in_dim, canonical_axis, convert, reshape
from .creation import array, asarray, full
from .index_update import update
from .indexing import getitem
from .manipulation import broadcast_to, moveaxis, ravel
from .promotion import operand
from .runs import taken

# --- repeating -----------------------------------------------------------------------


def tile(A: Any, reps: Any) -> Any:
    """`reps` copies of `A` one behind the other, along each axis for several numbers.

    >>> import chainrule.numpy as cnp
    >>> cnp.tile(cnp.arange(2), (2, 2)).tolist()
    [[0, 1, 0, 1], [0, 1, 0, 1]]
    """
    x = operand("tile", A)
    given = reps if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    times = [operator.index(r) for r in given]
    if any(r < 0 for r in times):
        raise ValueError(f"tile: reps must not be negative; got {reps}.")
    rank = max(len(times), x.ndim)
    if x.ndim < rank:
        x = _expand_dims(x, range(rank - x.ndim))
    whole = (*(1,) * (rank - len(times)), *times)
    return x if all(r == 1 for r in whole) else tile_p(x, reps=whole)


def repeat(
    a: Any,
    repeats: Any,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: Any = None,
) -> Any:
    """Each element of `a` along `axis` repeated; of the flattened `a` where it is None.

    Args:
        a: array.
        repeats: how often, one number or one per element.
        axis: along which.
        total_repeat_length: size of the result along `axis`; needed where `repeats` is
            traced. What is beyond is cut, what is missing filled with the last element.

    >>> import chainrule.numpy as cnp
    >>> cnp.repeat(cnp.arange(3), cnp.array([1, 0, 2])).tolist()
    [0, 2, 2]
    """
    x = operand("repeat", a)
    if axis is None:
        x, axis = ravel(x), 0
    axis = canonical_axis("repeat", operator.index(axis), x.ndim)
    n = x.shape[axis]
    if isinstance(repeats, Tracer):
        if total_repeat_length is None:
            raise ConcretizationTypeError(
                f"repeat: repeats is the {described(repeats)}, and the result's shape"
                " depends on its value; give total_repeat_length."
            )
        return getitem(x, (*_before(axis), _sources(repeats, n, total_repeat_length)))
    times = np.asarray(repeats if isinstance(repeats, int) else array(repeats))
    if times.dtype.kind not in "iu" or times.ndim > 1 or np.any(times < 0):
        raise ValueError(
            "repeat: repeats must be non-negative integers in at most one dimension;"
            f" got {repeats!r}."
        )
    if times.size == 1 and total_repeat_length is None:
        k = int(times.reshape(()))
        shape = (*x.shape[: axis + 1], k, *x.shape[axis + 1 :])
        dims = [d for d in range(x.ndim + 1) if d != axis + 1]
        spread = broadcast_in_dim(x, shape, dims)
        return reshape(spread, (*x.shape[:axis], n * k, *x.shape[axis + 1 :]))
    if times.size not in (1, n):
        raise ValueError(
            f"repeat: repeats of size {times.size} must have one entry for each of the"
            f" {n} elements along axis {axis}."
        )
    sources = np.repeat(np.arange(n), np.broadcast_to(times.reshape(-1), (n,)))
    if total_repeat_length is not None:
        last = sources[-1] if sources.size else 0
        missing = max(0, total_repeat_length - sources.size)
        sources = np.concatenate([sources, np.full(missing, last)])[
            :total_repeat_length
        ]
    return getitem(x, (*_before(axis), sources.astype(np.int32)))


def _before(axis: int) -> tuple[Any, ...]:
    return (slice(None),) * axis


def _sources(repeats: Any, n: int, total: int) -> Any:
    """For each of `total` places the element that stands there: counts of the ends."""
    whole = broadcast_in_dim(reshape(repeats, (repeats.size,)), (n,), (0,))
    ends = cumsum_p(convert(whole, dtypes.int32), axis=0, reverse=False)
    marks = full((total + 1,), 0, dtypes.int32)
    passed = update(scatter_add_p, marks, slice_along(ends, 0, max(n - 1, 0), 0), 1)
    return cumsum_p(slice_along(passed, 0, total, 0), axis=0, reverse=False)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """`a` with its elements moved by `shift` along `axis`, around the end.

    Args:
        a: array. shift: int, or one per axis; may be traced.
        axis: int or ints; None rolls the flattened array.

    >>> import chainrule.numpy as cnp
    >>> cnp.roll(cnp.arange(4), 1).tolist()
    [3, 0, 1, 2]
    """
    x = operand("roll", a)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = [canonical_axis("roll", operator.index(i), x.ndim) for i in given]
    if isinstance(shift, (tuple, list)):
        shifts = list(shift)
    elif np.ndim(shift):
        shifts = [getitem(asarray(shift), i) for i in range(np.shape(shift)[0])]
    else:
        shifts = [shift] * len(axes)
    if len(axes) == 1 and len(shifts) > 1:
        axes = axes * len(shifts)
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(
            f"roll: shift {shift} and axis {axis} must have equally many entries."
        )
    for s, i in zip(shifts, axes):
        x = _rolled(x, s, i)
    return x


def _rolled(x: Any, shift: Any, axis: int) -> Any:
    n = x.shape[axis]
    if not n:
        return x
    if isinstance(shift, Tracer):
        start = (n - shift) % n
        twice = _concatenate([x, x], axis)
        zero = np.zeros((), start.dtype)
        starts = [start if d == axis else zero for d in range(x.ndim)]
        return dynamic_slice_p(twice, *starts, slice_sizes=x.shape)
    k = operator.index(shift) % n
    if not k:
        return x
    return _concatenate(
        [slice_along(x, n - k, n, axis), slice_along(x, 0, n - k, axis)], axis
    )


# --- deleting, inserting -------------------------------------------------------------


def delete(
    arr: Any, obj: Any, axis: int | None = None, *, assume_unique_indices: bool = False
) -> Any:
    """`arr` without the elements at `obj` along `axis` (of the flattened, if None).

    Args:
        arr: array. obj: int, slice, integers or a mask; traced only with
            `assume_unique_indices`, which promises distinct integers.

    >>> import chainrule.numpy as cnp
    >>> cnp.delete(cnp.arange(4), 1).tolist()
    [0, 2, 3]
    """
    x = operand("delete", arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = canonical_axis("delete", operator.index(axis), x.ndim)
    n = x.shape[axis]
    if isinstance(obj, Tracer):
        if obj.ndim and not assume_unique_indices:
            raise ConcretizationTypeError(
                f"delete: obj is the {described(obj)}, and the result's shape depends"
                " on how many different indices it has; give"
                " assume_unique_indices=True."
            )
        return _delete_traced(x, reshape(obj, (obj.size,)), axis)
    kept = np.ones(n, bool)
    if isinstance(obj, slice):
        kept[obj] = False
    else:
        where = np.asarray(array(obj) if isinstance(obj, Array) else obj)
        where = where.astype(int) if not where.size and where.dtype != bool else where
        _check_positions("delete", where, n, axis)
        kept[where] = False
    return taken(x, np.flatnonzero(kept), axis)


def _check_positions(name: str, where: Any, n: int, axis: int) -> None:
    if where.dtype == bool:
        if where.shape != (n,):
            raise ValueError(
                f"{name}: a mask must have the size {n} of axis {axis}; got shape"
                f" {where.shape}."
            )
    elif where.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers; got dtype {where.dtype}.")
    elif np.any((where < -n) | (where >= n)):
        raise IndexError(
            f"{name}: index {where.tolist()} is out of bounds for axis {axis} of size"
            f" {n}."
        )


def _delete_traced(x: Any, where: Any, axis: int) -> Any:
    """Without distinct traced positions: each later one moves what is behind it up."""
    n = x.shape[axis]
    rest = n - where.size
    marks = update(scatter_add_p, full((n,), 0, dtypes.int32), where, 1)
    order = cumsum_p(1 - marks, axis=0, reverse=False) - 1
    target = order + marks * n  # deleted ones go beyond the end, and are dropped
    nothing = full((*x.shape[:axis], rest, *x.shape[axis + 1 :]), 0, x.dtype)
    return update(scatter_add_p, nothing, (*_before(axis), target), x)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """`arr` with `values` inserted before the positions `obj` along `axis`.

    Args:
        arr: array. obj: int, slice, mask or integers, concrete. values: broadcast to
            the inserted part. axis: None inserts into the flattened array.

    >>> import chainrule.numpy as cnp
    >>> cnp.insert(cnp.arange(3), 1, 9).tolist()
    [0, 9, 1, 2]
    """
    x = operand("insert", arr)
    v = convert(operand("insert", values), x.dtype, x.weak_type)
    if axis is None:
        x, axis = ravel(x), 0
    axis = canonical_axis("insert", operator.index(axis), x.ndim)
    n = x.shape[axis]
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if where.dtype == bool:
        where = np.flatnonzero(where)
    where = where.astype(int) if not where.size else where
    if where.dtype.kind not in "iu" or np.any((where < -n) | (where > n)):
        raise IndexError(
            f"insert: index {where.tolist()} is out of bounds for axis {axis} of size"
            f" {n}; use integers from {-n} to {n}."
        )
    v = _expand_dims(v, range(x.ndim - v.ndim)) if v.ndim < x.ndim else v
    places = np.where(where < 0, where + n, where).reshape(-1)
    count = places.size
    if count == 1:
        v = moveaxis(v, 0, axis) if where.ndim == 0 else v
        count = v.shape[axis]
        places = np.repeat(places, count)
    v = broadcast_to(v, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
    order = np.argsort(places, kind="stable")
    sources = np.full(n + count, -1)
    sources[places[order] + np.arange(count)] = n + order
    sources[sources < 0] = np.arange(n)
    return taken(_concatenate([x, v], axis), sources, axis)


__all__ = ["delete", "insert", "repeat", "roll", "tile"]
