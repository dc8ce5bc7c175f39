"""Slices whose start is computed at run time: dynamic_slice, dynamic_update_slice.

Sizes are static; each start is a scalar integer operand, moved so that the slice lies
within the array. The two are each other's transposes, and become gather and scatter
where the starts differ from one batch element to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.linear import SparseCotangent, is_linear
from ..core.primitive import Primitive
from .arithmetic import add_p
from .gather import gather
from .joining import concatenate, with_batch_first
from .scatter import scatter, scatter_p
from .shaping import broadcast_in_dim, convert, full, move_dim, zeros
from .window_updates import clamped_index
from .windows import CLIP, GatherDimensionNumbers, as_scatter


def _check_starts(name: str, starts: Sequence[Any], rank: int) -> None:
    if len(starts) != rank:
        raise TypeError(
            f"{name}: needs one start index per dimension of the operand, {rank}; got"
            f" {len(starts)}."
        )
    for s in starts:
        if s.shape != () or not dtypes.is_integer(s.dtype):
            raise TypeError(
                f"{name}: start indices must be integer scalars; got {s.str_short()}."
            )


def _clamped(starts: Sequence[Any], shape: Any, sizes: Any) -> tuple[slice, ...]:
    found: list[slice] = []
    for start, n, s in zip(starts, shape, sizes):
        first = min(max(int(start), 0), n - s)
        found.append(slice(first, first + s))
    return tuple(found)


# --- dynamic_slice -------------------------------------------------------------------


def _slice_abstract(x: Any, *starts: Any, slice_sizes: Any) -> Any:
    _check_starts("dynamic_slice", starts, x.ndim)
    if len(slice_sizes) != x.ndim or any(
        not 0 <= s <= n for s, n in zip(slice_sizes, x.shape)
    ):
        raise TypeError(
            f"dynamic_slice: slice_sizes {tuple(slice_sizes)} must have one entry per"
            f" dimension of shape {x.shape}, none larger than the dimension."
        )
    return tuple(slice_sizes), x.dtype


def _slice_jvp(primals: Any, tangents: Any, y: Any, *, slice_sizes: Any) -> Any:
    if tangents[0] is None:
        return None
    return dynamic_slice_p(tangents[0], *primals[1:], slice_sizes=slice_sizes)


def _slice_transpose(ct: Any, x: Any, *starts: Any, slice_sizes: Any) -> Any:
    def add_to(x_bar: Any) -> Any:
        if x_bar is None:
            return dynamic_update_slice_p(zeros(x.aval), ct, *starts)
        part = dynamic_slice_p(x_bar, *starts, slice_sizes=slice_sizes)
        return dynamic_update_slice_p(x_bar, add_p(part, ct), *starts)

    return (SparseCotangent(add_to), *(None for _ in starts))


def _batched_starts(starts: Any, dims: Any, size: int) -> Any:
    """The starts as one array (size, number of starts) of their widest dtype."""
    dtype = max((aval_of(s).dtype for s in starts), key=lambda d: d.itemsize)
    rows = with_batch_first(starts, dims, size)
    columns = [broadcast_in_dim(convert(s, dtype), (size, 1), (0,)) for s in rows]
    return concatenate(columns, 1)


def _slice_batch(args: Any, dims: Any, size: int, *, slice_sizes: Any) -> Any:
    (x, *starts), (d, *start_dims) = args, dims
    if all(e is None for e in start_dims):
        zero = np.zeros((), aval_of(starts[0]).dtype if starts else np.int32)
        moved = (*starts[:d], zero, *starts[d:])
        sizes = (*slice_sizes[:d], size, *slice_sizes[d:])
        return dynamic_slice_p(x, *moved, slice_sizes=sizes), d
    rank, n = len(starts), int(d is not None)
    sizes = (*(min(1, size),) * n, *slice_sizes)
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(range(1, rank + 1)),
        collapsed_slice_dims=(),
        start_index_map=tuple(range(n, rank + n)),
        operand_batching_dims=(0,) * n,
        start_indices_batching_dims=(0,) * n,
    )
    x = x if d is None else move_dim(x, d, 0)
    return gather(x, _batched_starts(starts, start_dims, size), numbers, sizes, CLIP), 0


def _slice_evaluate(x: Any, *starts: Any, slice_sizes: Any) -> Any:
    return x[_clamped(starts, x.shape, slice_sizes)]


def _slice_lower(build: Any, x: Any, *starts: Any, slice_sizes: Any) -> Any:
    m = build.m
    build.check(*starts)

    def element(*indices: Any) -> Any:
        limits = [n - s for n, s in zip(x.shape, slice_sizes)]
        return x.at(
            *(i + clamped_index(m, s.at(), limit)
              for i, s, limit in zip(indices, starts, limits))
        )  # fmt: skip

    return build.index(element, x, *starts)


dynamic_slice_p = Primitive(
    "dynamic_slice",
    "The slice of x of the given sizes that begins at the starts, moved inside.",
    abstract=_slice_abstract,
    jvp=_slice_jvp,
    transpose=_slice_transpose,
    batch=_slice_batch,
    flat=True,
    evaluate=_slice_evaluate,
    lower=_slice_lower,
)


# --- dynamic_update_slice ------------------------------------------------------------


def _update_abstract(x: Any, update: Any, *starts: Any) -> Any:
    _check_starts("dynamic_update_slice", starts, x.ndim)
    if update.dtype != x.dtype:
        raise TypeError(
            "dynamic_update_slice: operand and update must have one dtype; got"
            f" {x.dtype} and {update.dtype}. Convert one with astype."
        )
    if update.ndim != x.ndim or any(m > n for m, n in zip(update.shape, x.shape)):
        raise TypeError(
            f"dynamic_update_slice: an update of shape {update.shape} does not fit into"
            f" shape {x.shape}; it needs as many dimensions, none larger."
        )
    return x.shape, x.dtype


def _update_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    x, update, *starts = primals
    if tangents[0] is None and tangents[1] is None:
        return None
    x_dot = zeros(aval_of(x)) if tangents[0] is None else tangents[0]
    update_dot = zeros(aval_of(update)) if tangents[1] is None else tangents[1]
    return dynamic_update_slice_p(x_dot, update_dot, *starts)


def _update_transpose(ct: Any, x: Any, update: Any, *starts: Any) -> Any:
    x_bar = update_bar = None
    if is_linear(x):
        nothing = full(aval_of(update).shape, 0, ct.dtype)
        x_bar = dynamic_update_slice_p(ct, nothing, *starts)
    if is_linear(update):
        update_bar = dynamic_slice_p(ct, *starts, slice_sizes=update.shape)
    return x_bar, update_bar, *(None for _ in starts)


def _update_batch(args: Any, dims: Any, size: int) -> Any:
    (x, update, *starts), (_, _, *start_dims) = args, dims
    x, update = with_batch_first((x, update), dims[:2], size)
    if all(e is None for e in start_dims):
        zero = np.zeros((), aval_of(starts[0]).dtype if starts else np.int32)
        return dynamic_update_slice_p(x, update, zero, *starts), 0
    rank = len(starts)
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(range(1, rank + 1)),
        collapsed_slice_dims=(),
        start_index_map=tuple(range(1, rank + 1)),
        operand_batching_dims=(0,),
        start_indices_batching_dims=(0,),
    )
    indices = _batched_starts(starts, start_dims, size)
    out = scatter(scatter_p, x, indices, update, as_scatter(numbers), CLIP, True)
    return out, 0


def _update_evaluate(x: Any, update: Any, *starts: Any) -> Any:
    out = np.array(x)
    out[_clamped(starts, out.shape, update.shape)] = update
    return out


def _update_lower(build: Any, x: Any, update: Any, *starts: Any) -> Any:
    m = build.m
    build.check(update, *starts)
    if build.depends(update, x):
        update = build.stored(update)
    starts = tuple([build.stored(s) if build.depends(s, x) else s for s in starts])
    limits = [n - s for n, s in zip(x.shape, update.shape)]

    def place(*indices: Any) -> list[Any]:
        return [
            i + clamped_index(m, s.at(), limit)
            for i, s, limit in zip(indices, starts, limits)
        ]

    out = build.copied(x)
    build.write(out, update.shape, update.at, place, update, *starts)
    return out


dynamic_update_slice_p = Primitive(
    "dynamic_update_slice",
    "x with the slice that begins at the starts, moved inside, replaced by update.",
    abstract=_update_abstract,
    jvp=_update_jvp,
    transpose=_update_transpose,
    batch=_update_batch,
    flat=True,
    evaluate=_update_evaluate,
    lower=_update_lower,
)

__all__ = ["dynamic_slice_p", "dynamic_update_slice_p"]
