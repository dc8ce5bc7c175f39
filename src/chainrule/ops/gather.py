"""gather and scatter-add: each is the other's transpose.

gather takes windows of an array at positions computed at run time; scatter-add adds
windows at such positions. What the dimension numbers and modes mean is said in
windows.py. Every indexed read stands on gather or on dynamic_slice; the writes that are
no sums are in scatter.py, on the declaration of scatters made here. Invariant: updates
apply in row-major order of their batch, so results do not depend on the backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.linear import SparseCotangent, is_linear
from ..core.primitive import Primitive
from .joining import expand_dims, with_batch_first
from .shaping import move_dim, zeros
from .window_updates import (
    clamped_index,
    scatter_lowering,
    start_elements,
    starts_inside,
)  # fmt: skip
from .windows import (
    CLIP,
    FILL_OR_DROP,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
    as_gather,
    as_scatter,
    check_distinct,
    check_index_operand,
    clamp,
    default_fill,
    in_bounds,
    interleave,
    places,
    shifted,
    window_sizes,
    window_starts,
)

# --- gather --------------------------------------------------------------------------


def _gather_abstract(
    operand: Any,
    indices: Any,
    *,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Any,
    **_: Any,
) -> Any:
    dn, rank = dimension_numbers, operand.ndim
    check_index_operand("gather", indices, len(dn.start_index_map))
    dropped = (*dn.collapsed_slice_dims, *dn.operand_batching_dims)
    check_distinct("gather", "collapsed and batching dims", dropped, rank)
    check_distinct("gather", "start_index_map", dn.start_index_map, rank)
    if len(slice_sizes) != rank or any(
        not 0 <= s <= n for s, n in zip(slice_sizes, operand.shape)
    ):
        raise TypeError(
            f"gather: slice_sizes {tuple(slice_sizes)} must have one entry per"
            f" dimension of the operand's shape {operand.shape}, none larger than the"
            " dimension."
        )
    if any(slice_sizes[d] > 1 for d in dropped):
        raise TypeError(
            f"gather: dimensions {dropped} are dropped, so their slice_sizes must be 1;"
            f" got {tuple(slice_sizes)}."
        )
    if len(dn.operand_batching_dims) != len(dn.start_indices_batching_dims):
        raise TypeError(
            "gather: operand_batching_dims and start_indices_batching_dims must pair"
            f" up; got {dn.operand_batching_dims} and {dn.start_indices_batching_dims}."
        )
    for d, e in zip(dn.operand_batching_dims, dn.start_indices_batching_dims):
        if operand.shape[d] != indices.shape[e]:
            raise TypeError(
                f"gather: batching dimensions {d} of the operand {operand.shape} and"
                f" {e} of the indices {indices.shape} must have one size."
            )
    window = [s for d, s in enumerate(slice_sizes) if d not in dropped]
    batch = list(indices.shape[:-1])
    check_distinct("gather", "offset_dims", dn.offset_dims, len(window) + len(batch))
    if len(dn.offset_dims) != len(window):
        raise TypeError(
            f"gather: offset_dims {dn.offset_dims} must name {len(window)} output"
            " dimensions, one per operand dimension that is not dropped."
        )
    return interleave(batch, window, dn.offset_dims), operand.dtype


def _windows(operand: Any, dims: list[int], slice_sizes: Any, dropped: Any) -> Any:
    """A view of all windows, of shape (positions in `dims`..., window...)."""
    kept = [d for d in range(operand.ndim) if d not in dropped]
    shape = [operand.shape[d] - slice_sizes[d] + 1 for d in dims]
    shape += [slice_sizes[d] for d in kept]
    strides = [operand.strides[d] for d in (*dims, *kept)]
    return np.lib.stride_tricks.as_strided(operand, shape, strides, writeable=False)


def _gather_evaluate(
    operand: Any,
    indices: Any,
    *,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Any,
    mode: GatherScatterMode,
    fill_value: Any,
    **_: Any,
) -> Any:
    dn = dimension_numbers
    operand, indices = np.asarray(operand), np.asarray(indices)
    starts = window_starts(
        indices, dn.start_index_map, dn.operand_batching_dims,
        dn.start_indices_batching_dims,
    )  # fmt: skip
    dropped = (*dn.collapsed_slice_dims, *dn.operand_batching_dims)
    batch = indices.shape[:-1]
    window = tuple(s for d, s in enumerate(slice_sizes) if d not in dropped)
    if 0 in batch or 0 in slice_sizes:
        shape = interleave(batch, window, dn.offset_dims)
        return np.zeros(shape, operand.dtype)
    limits = [n - s for n, s in zip(operand.shape, slice_sizes)]
    inside = in_bounds(starts, limits) if mode is FILL_OR_DROP else True
    starts = clamp(starts, limits)
    view = _windows(operand, list(starts), slice_sizes, dropped)
    taken = (
        view[tuple(starts.values())]
        if starts
        else np.broadcast_to(view, batch + window)
    )
    if inside is not True and not np.all(inside):
        fill = default_fill(operand.dtype) if fill_value is None else fill_value
        outside = ~inside.reshape(batch + (1,) * len(window))
        taken = np.where(outside, np.asarray(fill).astype(operand.dtype), taken)
    order = interleave(range(len(batch)), range(len(batch), taken.ndim), dn.offset_dims)
    return taken.transpose(order)


def _gather_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    if tangents[0] is None:
        return None
    return gather_p(tangents[0], primals[1], **{**params, "fill_value": 0})


def _gather_transpose(
    ct: Any, operand: Any, indices: Any, *, dimension_numbers: Any, mode: Any,
    indices_are_sorted: bool, unique_indices: bool, **_: Any,
) -> Any:  # fmt: skip
    def add_to(x_bar: Any) -> Any:
        return scatter_add_p(
            zeros(operand.aval) if x_bar is None else x_bar,
            indices,
            ct,
            dimension_numbers=as_scatter(dimension_numbers),
            indices_are_sorted=indices_are_sorted,
            unique_indices=unique_indices,
            mode=CLIP if mode is CLIP else FILL_OR_DROP,
        )

    return SparseCotangent(add_to), None


def _gather_batch(
    args: Any, dims: Any, size: int, *, dimension_numbers: Any, slice_sizes: Any,
    **params: Any,
) -> Any:  # fmt: skip
    (operand, indices), (d, e), dn = args, dims, dimension_numbers
    offset, collapsed = shifted(dn.offset_dims), dn.collapsed_slice_dims
    index_map, along = dn.start_index_map, dn.operand_batching_dims
    along_indices = dn.start_indices_batching_dims
    if d is not None:
        operand = move_dim(operand, d, 0)
        collapsed, index_map = shifted(collapsed), shifted(index_map)
        along = shifted(along)
    if e is not None:
        indices = move_dim(indices, e, 0)
        along_indices = shifted(along_indices)
    if d is not None and e is not None:
        along, along_indices = (0, *along), (0, *along_indices)
        slice_sizes = (min(1, size), *slice_sizes)
        params["indices_are_sorted"] = False
    elif d is not None:
        offset, slice_sizes = (0, *offset), (size, *slice_sizes)
    else:
        params["indices_are_sorted"] = params["unique_indices"] = False
    out = gather_p(
        operand,
        indices,
        dimension_numbers=GatherDimensionNumbers(
            offset, collapsed, index_map, along, along_indices
        ),
        slice_sizes=slice_sizes,
        **params,
    )
    return out, 0


def _gather_lower(
    build: Any, x: Any, indices: Any, *, dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Any, mode: GatherScatterMode, fill_value: Any, **_: Any,
) -> Any:  # fmt: skip
    m, dn = build.m, dimension_numbers
    build.check(x)
    dropped = (*dn.collapsed_slice_dims, *dn.operand_batching_dims)
    fill = default_fill(x.aval.dtype) if fill_value is None else fill_value
    fill = m.const(np.asarray(fill).astype(x.aval.dtype).item(), x.type)
    window, batch = math.prod(slice_sizes), math.prod(indices.shape[:-1])
    indices = build.settled(indices, reads=window)
    x = build.settled(x, reads=-(-window * batch // max(math.prod(x.shape), 1)))

    def element(*i: Any) -> Any:
        at = [k for d, k in enumerate(i) if d not in dn.offset_dims]
        offset = iter([i[d] for d in dn.offset_dims])
        starts = start_elements(m, indices, at, dn.start_index_map)
        along = dict(zip(dn.operand_batching_dims, dn.start_indices_batching_dims))
        place = [
            at[along[d]] if d in along
            else clamped_index(m, starts.get(d), n - s)
            + (m.Index(0) if d in dropped else next(offset))
            for d, (n, s) in enumerate(zip(x.shape, slice_sizes))
        ]  # fmt: skip
        value = x.at(*place)
        if mode is not FILL_OR_DROP:
            return value
        inside = starts_inside(m, starts, x.shape, slice_sizes)
        return m.select(inside, value, fill)

    return build.index(element, x, indices, cost=2.0)


gather_p = Primitive(
    "gather",
    "The windows of x that start at the given indices.",
    abstract=_gather_abstract,
    jvp=_gather_jvp,
    transpose=_gather_transpose,
    batch=_gather_batch,
    evaluate=_gather_evaluate,
    lower=_gather_lower,
)


def gather(
    operand: Any,
    indices: Any,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    mode: GatherScatterMode = CLIP,
    fill_value: Any = None,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
) -> Any:
    """Binds gather with all its parameters; see the module's docstring."""
    return gather_p(
        operand,
        indices,
        dimension_numbers=dimension_numbers,
        slice_sizes=tuple(slice_sizes),
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode=mode,
        fill_value=fill_value,
    )


def take_along(
    x: Any, indices: Any, axis: int, mode: Any = CLIP, fill: Any = None
) -> Any:
    """`x` at `indices` along `axis`; both have the same other sizes."""
    rank = aval_of(x).ndim
    others = tuple(d for d in range(rank) if d != axis)
    numbers = GatherDimensionNumbers((), (axis,), (axis,), others, others)
    return gather(
        x, expand_dims(indices, (rank,)), numbers,
        tuple(min(1, n) for n in aval_of(x).shape), mode, fill,
    )  # fmt: skip


# --- scatter-add ---------------------------------------------------------------------


def _shape_rule(name: str) -> Callable[..., Any]:
    """The shape rule of the scatter called `name`."""

    def abstract(
        operand: Any, indices: Any, updates: Any, *, dimension_numbers: Any, **_: Any
    ) -> Any:
        dn = dimension_numbers
        check_index_operand(name, indices, len(dn.scatter_dims_to_operand_dims))
        if updates.dtype != operand.dtype:
            raise TypeError(
                f"{name}: operand and updates must have one dtype; got {operand.dtype}"
                f" and {updates.dtype}. Convert one with astype."
            )
        dropped = {*dn.inserted_window_dims, *dn.operand_batching_dims}
        batch = tuple(
            n for i, n in enumerate(updates.shape) if i not in dn.update_window_dims
        )
        if (
            len(dn.update_window_dims) != operand.ndim - len(dropped)
            or any(not 0 <= d < updates.ndim for d in dn.update_window_dims)
            or batch != indices.shape[:-1]
        ):
            raise TypeError(
                f"{name}: updates of shape {updates.shape} do not fit; besides the"
                f" {operand.ndim - len(dropped)} update_window_dims"
                f" {dn.update_window_dims} they must have the shape"
                f" {indices.shape[:-1]} of the indices."
            )
        sizes = window_sizes(operand.shape, updates.shape, dn)
        if any(s > n for s, n in zip(sizes, operand.shape)):
            raise TypeError(
                f"{name}: windows of shape {sizes} are larger than the operand's shape"
                f" {operand.shape}."
            )
        return operand.shape, operand.dtype

    return abstract


def _evaluation(combine: Any) -> Callable[..., Any]:
    """The evaluation of a scatter: `combine` is a ufunc, or None to replace."""

    def evaluate(
        operand: Any,
        indices: Any,
        updates: Any,
        *,
        dimension_numbers: ScatterDimensionNumbers,
        mode: GatherScatterMode,
        **_: Any,
    ) -> Any:
        out = np.array(operand, order="C")
        updates, indices = np.asarray(updates), np.asarray(indices)
        if updates.size:
            where, values = places(out, indices, updates, dimension_numbers, mode)
            if combine is None:
                out.reshape(-1)[where] = values
            else:
                combine.at(out.reshape(-1), where, values)
        return out

    return evaluate


def _batching(prim: Primitive) -> Any:
    def batch(
        args: Any, dims: Any, size: int, *, dimension_numbers: Any, **params: Any
    ) -> Any:
        dn = dimension_numbers
        indices, e = args[1], dims[1]
        window = shifted(dn.update_window_dims)
        inserted, into = (
            shifted(dn.inserted_window_dims),
            dn.scatter_dims_to_operand_dims,
        )
        along = shifted(dn.operand_batching_dims)
        along_indices = dn.scatter_indices_batching_dims
        operand, updates = with_batch_first(
            (args[0], args[2]), (dims[0], dims[2]), size
        )
        if e is None:
            window = (0, *window)
        else:
            indices = move_dim(indices, e, 0)
            along, along_indices = (0, *along), (0, *shifted(along_indices))
            params["indices_are_sorted"] = False
        numbers = ScatterDimensionNumbers(
            window, inserted, shifted(into), along, along_indices
        )
        return prim(operand, indices, updates, dimension_numbers=numbers, **params), 0

    return batch


def declare_scatter(
    name: str, doc: str, combine: Any, scalar: Any, identity: float | None = None,
    of_complex: str = "", **rules: Any,
) -> Primitive:  # fmt: skip
    """A scatter whose updates meet the operand by ufunc `combine` (None: replace), of
    elements scalar(m, old, new); with an `identity`, in any order. `of_complex`: the
    runtime's name of the operation, where it is not one of both parts."""
    shown = name.replace("-", "_")
    prim = Primitive(
        name, doc, abstract=_shape_rule(shown), evaluate=_evaluation(combine),
        lower=scatter_lowering(scalar, identity, of_complex), **rules,
    )  # fmt: skip
    prim.batch = _batching(prim)
    return prim


def read_back(x: Any, indices: Any, updates: Any, fill: Any, params: Any) -> Any:
    """`x` at the places where a scatter of `updates` would write; `fill` if dropped."""
    numbers = params["dimension_numbers"]
    sizes = window_sizes(aval_of(x).shape, aval_of(updates).shape, numbers)
    mode = CLIP if params["mode"] is CLIP else FILL_OR_DROP
    return gather(
        x, indices, as_gather(numbers), sizes, mode, fill, params["unique_indices"]
    )


def _add_transpose(
    ct: Any, operand: Any, indices: Any, updates: Any, **params: Any
) -> Any:
    return (
        ct if is_linear(operand) else None,
        None,
        read_back(ct, indices, updates, 0, params) if is_linear(updates) else None,
    )


scatter_add_p = declare_scatter(
    "scatter-add",
    "x with updates added at the given indices.",
    np.add,
    lambda m, x, y: x | y if x.type == "bool" else x + y,
    identity=-0.0,
    linear=(0, 2),
    transpose=_add_transpose,
)


__all__ = [
    "declare_scatter", "gather", "gather_p", "read_back", "scatter_add_p", "take_along",
]  # fmt: skip
