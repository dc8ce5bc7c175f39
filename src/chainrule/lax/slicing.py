"""lax: slices, static and dynamic, and padding. gather and scatter are in indexing.py.

Static starts are checked; starts computed at run time are moved so that the slice lies
within the array. Negative ones count from the end unless told otherwise.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of, wrap
from ..ops.arithmetic import add_p
from ..ops.dynamic_slicing import dynamic_slice_p, dynamic_update_slice_p
from ..ops.elementwise_logic import lt_p
from ..ops.elementwise_selection import select
from ..ops.joining import slice_along, squeeze
from ..ops.shaping import canonical_axis, canonical_shape, reshape
from ..ops.slicing import pad_p, slice_p
from .binding import bind, of_dtype


def slice(
    operand: Any,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Any:
    """The elements from `start_indices` to before `limit_indices`, by `strides`.

    Args:
        operand: array.
        start_indices, limit_indices: one per dimension, 0 <= start <= limit <= size.
        strides: one per dimension, at least 1; None: all 1.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.slice(cnp.arange(6), (1,), (6,), (2,)).tolist()
    [1, 3, 5]
    """

    def static(values: Sequence[int]) -> tuple[int, ...]:
        return tuple(operator.index(v) for v in values)

    return bind(
        slice_p, operand, start_indices=static(start_indices),
        limit_indices=static(limit_indices),
        strides=None if strides is None else static(strides),
    )  # fmt: skip


def slice_in_dim(
    operand: Any,
    start_index: int | None,
    limit_index: int | None,
    stride: int = 1,
    axis: int = 0,
) -> Any:
    """`operand[start_index:limit_index:stride]` along `axis`, within bounds.

    None stands for the beginning or the end; negative indices count from the end.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.slice_in_dim(cnp.arange(6), 1, -1, 2).tolist()
    [1, 3]
    """
    x = as_array(operand, "slice_in_dim")
    axis = canonical_axis("slice_in_dim", axis, x.ndim)
    n = x.shape[axis]

    def bound(index: int | None, default: int) -> int:
        index = default if index is None else operator.index(index)
        return index + n if index < 0 else index

    start, limit = bound(start_index, 0), bound(limit_index, n)
    if not 0 <= start <= n or not 0 <= limit <= n or stride < 1:
        raise TypeError(
            f"slice_in_dim: {start_index}:{limit_index}:{stride} does not lie within"
            f" axis {axis} of shape {x.shape}; indices go from {-n} to {n}."
        )
    return slice_along(x, start, max(start, limit), axis, operator.index(stride))


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """The slice of `operand` at the static `index` of `axis`.

    Raises IndexError where the index is out of bounds.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.index_in_dim(cnp.arange(6), -1, keepdims=False).tolist()
    5
    """
    x = as_array(operand, "index_in_dim")
    axis = canonical_axis("index_in_dim", axis, x.ndim)
    n, i = x.shape[axis], operator.index(index)
    if not -n <= i < n:
        raise IndexError(
            f"index_in_dim: index {i} is out of bounds for axis {axis} with size {n};"
            f" use {-n} <= index < {n}."
        )
    i %= n
    row = slice_along(x, i, i + 1, axis)
    return row if keepdims else squeeze(row, (axis,))


# --- dynamic -------------------------------------------------------------------------


def _start(index: Any, size: int, negative: bool) -> Any:
    """A start index as an array; negative ones count from the end where allowed."""
    if isinstance(index, (int, np.integer)):
        i = int(index)
        if i < 0 and not negative:
            raise ValueError(
                f"dynamic_slice: index {i} is out of bounds for size {size} when"
                " negative indices are not allowed."
            )
        return wrap(np.asarray(i + size if i < 0 else i, dtypes.default_int()))
    x = as_array(index, "dynamic_slice")
    if x.ndim or not dtypes.is_integer(x.dtype):
        raise TypeError(
            f"dynamic_slice: start indices must be integer scalars; got"
            f" {aval_of(x).str_short()}."
        )
    if not negative or dtypes.kind(x.dtype) == "u":
        return x
    dtype = x.dtype
    behind = add_p(x, np.asarray(min(size, np.iinfo(dtype).max), dtype))
    return select(lt_p(x, np.asarray(0, dtype)), behind, x)


def starts_of(
    name: str, indices: Any, shape: Sequence[int], negative: Any
) -> list[Any]:
    """The start indices (scalars, or a 1-d array), one per size of `shape`."""
    if isinstance(indices, (Array, np.ndarray)):
        if indices.ndim != 1:
            raise ValueError(
                f"{name}: start_indices must be a sequence of scalars or a 1-d array;"
                f" got shape {indices.shape}."
            )
        whole = as_array(indices, name)
        indices = [
            reshape(slice_along(whole, i, i + 1, 0), ()) for i in range(whole.shape[0])
        ]
    if len(indices) != len(shape):
        raise ValueError(
            f"{name}: needs one start index per dimension of shape {tuple(shape)}; got"
            f" {len(indices)}."
        )
    allowed = [negative] * len(shape) if isinstance(negative, bool) else list(negative)
    return [_start(i, n, a) for i, n, a in zip(indices, shape, allowed)]


def dynamic_slice(
    operand: Any,
    start_indices: Any,
    slice_sizes: Sequence[int],
    *,
    allow_negative_indices: Any = True,
) -> Any:
    """The slice of static size `slice_sizes` that begins at computed `start_indices`.

    Args:
        operand: array.
        start_indices: one integer scalar per dimension, or a 1-d array of them; moved
            so that the slice lies within the array.
        slice_sizes: sizes of the result, none larger than the operand's.
        allow_negative_indices: whether negative starts count from the end (bool, or
            one per dimension).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_slice(cnp.arange(5), (4,), (2,)).tolist()
    [3, 4]
    """
    x = as_array(operand, "dynamic_slice")
    starts = starts_of("dynamic_slice", start_indices, x.shape, allow_negative_indices)
    sizes = canonical_shape("dynamic_slice", slice_sizes)
    return bind(dynamic_slice_p, x, *starts, slice_sizes=sizes)


def dynamic_update_slice(
    operand: Any, update: Any, start_indices: Any, *, allow_negative_indices: Any = True
) -> Any:
    """`operand` with the slice that begins at `start_indices` replaced by `update`.

    Args:
        operand: array. update: array of the same dtype and rank, no larger.
        start_indices, allow_negative_indices: as in `dynamic_slice`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_update_slice(cnp.zeros(3), cnp.ones(2), (1,)).tolist()
    [0.0, 1.0, 1.0]
    """
    x = as_array(operand, "dynamic_update_slice")
    starts = starts_of(
        "dynamic_update_slice", start_indices, x.shape, allow_negative_indices
    )
    return bind(dynamic_update_slice_p, x, of_dtype(update, x), *starts)


def _along(x: Any, index: Any, axis: int) -> list[Any]:
    return [index if d == axis else 0 for d in range(x.ndim)]


def dynamic_slice_in_dim(
    operand: Any,
    start_index: Any,
    slice_size: int,
    axis: int = 0,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`slice_size` consecutive slices along `axis` from the computed `start_index`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_slice_in_dim(cnp.arange(5), 1, 2).tolist()
    [1, 2]
    """
    x = as_array(operand, "dynamic_slice_in_dim")
    axis = canonical_axis("dynamic_slice_in_dim", axis, x.ndim)
    sizes = (*x.shape[:axis], operator.index(slice_size), *x.shape[axis + 1 :])
    starts = _along(x, start_index, axis)
    return dynamic_slice(
        x, starts, sizes, allow_negative_indices=allow_negative_indices
    )


def dynamic_index_in_dim(
    operand: Any,
    index: Any,
    axis: int = 0,
    keepdims: bool = True,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """The slice of `operand` at the computed `index` of `axis`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_index_in_dim(cnp.arange(5), 3, keepdims=False).tolist()
    3
    """
    x = as_array(operand, "dynamic_index_in_dim")
    axis = canonical_axis("dynamic_index_in_dim", axis, x.ndim)
    row = dynamic_slice_in_dim(
        x, index, 1, axis, allow_negative_indices=allow_negative_indices
    )
    return row if keepdims else squeeze(row, (axis,))


def dynamic_update_slice_in_dim(
    operand: Any,
    update: Any,
    start_index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`operand` with slices along `axis` from `start_index` on replaced by `update`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_update_slice_in_dim(cnp.zeros(3), cnp.ones(1), 2, 0).tolist()
    [0.0, 0.0, 1.0]
    """
    x = as_array(operand, "dynamic_update_slice_in_dim")
    axis = canonical_axis("dynamic_update_slice_in_dim", axis, x.ndim)
    return dynamic_update_slice(
        x, update, _along(x, start_index, axis),
        allow_negative_indices=allow_negative_indices,
    )  # fmt: skip


def dynamic_update_index_in_dim(
    operand: Any,
    update: Any,
    index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`operand` with its slice at `index` of `axis` replaced by `update`.

    `update` has the operand's shape without `axis`, or with size 1 there.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.dynamic_update_index_in_dim(cnp.zeros(3), cnp.ones(()), 1, 0).tolist()
    [0.0, 1.0, 0.0]
    """
    x = as_array(operand, "dynamic_update_index_in_dim")
    axis = canonical_axis("dynamic_update_index_in_dim", axis, x.ndim)
    update = as_array(of_dtype(update, x), "dynamic_update_index_in_dim")
    if update.ndim != x.ndim:
        if update.ndim != x.ndim - 1:
            raise TypeError(
                f"dynamic_update_index_in_dim: an update of shape {update.shape} does"
                f" not fit into axis {axis} of shape {x.shape}."
            )
        update = reshape(update, (*update.shape[:axis], 1, *update.shape[axis:]))
    return dynamic_update_slice_in_dim(
        x, update, index, axis, allow_negative_indices=allow_negative_indices
    )


# --- pad -----------------------------------------------------------------------------


def pad(
    operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]
) -> Any:
    """`operand` with copies of a scalar before, behind and between its elements.

    Args:
        operand: array. padding_value: scalar of its dtype.
        padding_config: (low, high, interior) per dimension; negative low and high cut.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.pad(cnp.arange(2), 9, [(1, 0, 1)]).tolist()
    [9, 0, 9, 1]
    """
    x = as_array(operand, "pad")
    if any(len(entry) != 3 for entry in padding_config):
        raise ValueError(
            f"pad: padding_config {padding_config} needs (low, high, interior) for each"
            " dimension."
        )
    config = tuple(tuple(operator.index(n) for n in entry) for entry in padding_config)
    if type(padding_value) is int and dtypes.is_inexact(x.dtype):
        raise TypeError(
            f"pad: the padding value {padding_value!r} is an integer, the operand has"
            f" dtype {x.dtype}; pass a float."
        )
    return bind(pad_p, x, of_dtype(padding_value, x), padding_config=config)


__all__ = [
    "dynamic_index_in_dim", "dynamic_slice", "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim", "dynamic_update_slice",
    "dynamic_update_slice_in_dim",
    "index_in_dim", "pad", "slice", "slice_in_dim",
]  # fmt: skip
