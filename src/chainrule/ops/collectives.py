"""Collectives: operations over a named axis that `vmap` or `pmap` has bound.

Each is processed by the trace that owns its axis: for a batch trace `batch_axis` turns
it into ordinary operations along the batch dimension. `axis_name` is one name (for
psum, pmax and pmin a tuple of them, reduced one after the other). `axis_index_groups`
splits
the members of the axis: within each group the operation goes on as on an axis of its
own. psum is its own transpose; all_gather and reduce_scatter are each other's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from .arithmetic import div_p, mul_p
from .elementwise_logic import eq_p
from .joining import concatenate, iota, slice_along, with_batch_first
from .reductions import reduce_max_p, reduce_min_p
from .shaping import (
    broadcast_in_dim,
    broadcast_to,
    convert,
    full,
    move_dim,
    reduce_sum_p,
    reshape,
)

Groups = tuple[tuple[int, ...], ...] | None

_outside = Missing("a collective needs its axis bound by vmap or pmap")


# --- members and groups ---------------------------------------------------------------


def _rows(x: Any, order: Sequence[int]) -> Any:
    """The rows of `x` in another order (static)."""
    if list(order) == list(range(aval_of(x).shape[0])):
        return x
    return concatenate([slice_along(x, i, i + 1, 0) for i in order], 0)


def _as_groups(x: Any, groups: Groups) -> Any:
    """Members first: (groups, members of one, ...); one group without `groups`."""
    shape = aval_of(x).shape
    if groups is None:
        return reshape(x, (1, *shape))
    flat = [i for g in groups for i in g]
    return reshape(_rows(x, flat), (len(groups), len(groups[0]), *shape[1:]))


def _from_groups(y: Any, groups: Groups) -> Any:
    """The inverse of `_as_groups`."""
    shape = aval_of(y).shape
    y = reshape(y, (shape[0] * shape[1], *shape[2:]))
    if groups is None:
        return y
    flat = [i for g in groups for i in g]
    return _rows(y, sorted(range(len(flat)), key=flat.__getitem__))


def group_size(size: int, groups: Groups) -> int:
    """How many members act together: the axis' size, or that of each group."""
    return size if groups is None else len(groups[0])


def _only(axis_name: Any, name: str) -> None:
    if isinstance(axis_name, tuple):
        raise TypeError(f"{name}: takes one axis name; got {axis_name!r}.")


def _rest(names: Any, own: Any) -> tuple[Any, ...]:
    names = names if isinstance(names, tuple) else (names,)
    return tuple(n for n in names if n != own)


# --- psum, pmax, pmin -----------------------------------------------------------------


def _all_reduce(name: str, doc: str, reduce: Primitive, **rules: Any) -> Primitive:
    """A reduction over named axes whose result every member gets."""

    def batch_axis(
        values: Any, dims: Any, size: int, own: Any, *, axis_name: Any,
        axis_index_groups: Groups,
    ) -> Any:  # fmt: skip
        x, dim = values[0], dims[0]
        if dim is None:
            y, out_dim = _alike(prim, x, size, axis_index_groups)
        elif axis_index_groups is None:
            y, out_dim = reduce(x, axes=(dim,)), None
        else:
            y, out_dim = _by_groups(reduce, move_dim(x, dim, 0), axis_index_groups), 0
        others = _rest(axis_name, own)
        if others:
            y = prim(y, axis_name=others, axis_index_groups=axis_index_groups)
        return y, out_dim

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        return prim(args[0], **params), dims[0]

    prim = Primitive(
        name, doc, abstract=lambda x, **params: (x.shape, x.dtype), evaluate=_outside,
        batch=batch, batch_axis=batch_axis, axis_rule=True, **rules,
    )  # fmt: skip
    return prim


def _alike(prim: Primitive, x: Any, size: int, groups: Groups) -> tuple[Any, Any]:
    """The reduction of a value that all members share."""
    if prim is not psum_p:
        return x, None
    dtype = aval_of(x).dtype
    if groups is None or len({len(g) for g in groups}) == 1:
        return mul_p(x, full((), group_size(size, groups), dtype)), None
    counts = np.zeros(size, np.int64)
    for g in groups:
        counts[list(g)] = len(g)
    spread = broadcast_in_dim(x, (size, *x.shape), range(1, x.ndim + 1))
    factors = reshape(convert(counts.astype(np.int32), dtype), (size, *(1,) * x.ndim))
    return mul_p(spread, factors), 0


def _by_groups(reduce: Primitive, x: Any, groups: Sequence[Sequence[int]]) -> Any:
    """Each member's row replaced by the reduction of the rows of its group."""
    found: dict[int, Any] = {}
    for g in groups:
        rows = concatenate([slice_along(x, i, i + 1, 0) for i in g], 0)
        total = reduce(rows, axes=(0,))
        found.update({i: reshape(total, (1, *total.shape)) for i in g})
    return concatenate([found[i] for i in sorted(found)], 0)


psum_p = _all_reduce(
    "psum",
    "The sum over all members of the named axes.",
    reduce_sum_p,
    linear=(0,),
    transpose=lambda ct, x, **params: (psum_p(ct, **params),),
)


def _chooser_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    """The mean of the tangents of the members that have the extreme value."""
    chosen = convert(eq_p(primals[0], y), aval_of(y).dtype)
    total = psum_p(mul_p(tangents[0], chosen), **params)
    return div_p(total, psum_p(chosen, **params))


pmax_p = _all_reduce(
    "pmax",
    "The greatest of all members of the named axes.",
    reduce_max_p,
    jvp=_chooser_jvp,
)
pmin_p = _all_reduce(
    "pmin",
    "The least of all members of the named axes.",
    reduce_min_p,
    jvp=_chooser_jvp,
)


# --- exchanges along one axis ---------------------------------------------------------


def _exchange(
    name: str, doc: str, abstract: Any, rule: Callable[..., Any], shift: Sequence[str],
    **rules: Any,
) -> Primitive:  # fmt: skip
    """A collective over one axis.

    `rule(x, **params)` maps values of shape (groups, members, ...) to the outputs of
    all members in the same form; `shift` names the parameters that are dimensions.
    """

    def batch_axis(
        values: Any, dims: Any, size: int, own: Any, *, axis_name: Any,
        axis_index_groups: Groups, **params: Any,
    ) -> Any:  # fmt: skip
        (x,) = with_batch_first(values, dims, size)
        y = rule(_as_groups(x, axis_index_groups), **params)
        return _from_groups(y, axis_index_groups), 0

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        moved = {k: v + 1 if k in shift else v for k, v in params.items()}
        return prim(move_dim(args[0], dims[0], 0), **moved), 0

    def checked(x: Any, **params: Any) -> Any:
        _only(params["axis_name"], name)
        return abstract(x, **params)

    prim = Primitive(
        name, doc, abstract=checked, evaluate=_outside, linear=(0,), batch=batch,
        batch_axis=batch_axis, axis_rule=True, **rules,
    )  # fmt: skip
    return prim


def _check_dim(name: str, what: str, dim: int, ndim: int) -> None:
    if not 0 <= dim < ndim:
        raise ValueError(
            f"{name}: {what} {dim} is out of bounds for array of dimension {ndim}; use"
            f" 0 <= {what} < {ndim}."
        )


def _gather_abstract(
    x: Any, *, all_gather_dimension: int, axis_size: int, tiled: bool, **_: Any
) -> Any:
    d, shape = all_gather_dimension, list(x.shape)
    _check_dim("all_gather", "axis", d, x.ndim + (not tiled))
    if tiled:
        shape[d] *= axis_size
    else:
        shape.insert(d, axis_size)
    return tuple(shape), x.dtype


def _gather_rule(
    x: Any, *, all_gather_dimension: int, tiled: bool, axis_size: int
) -> Any:
    groups, members, *shape = aval_of(x).shape
    d = all_gather_dimension
    y = move_dim(x, 1, d + 1)
    if tiled:
        shape[d] *= members
    else:
        shape.insert(d, members)
    y = reshape(y, (groups, 1, *shape))
    return broadcast_to(y, (groups, members, *shape))


all_gather_p = _exchange(
    "all_gather",
    "The values of all members, along a new dimension or (tiled) one behind the other.",
    _gather_abstract,
    _gather_rule,
    ("all_gather_dimension",),
    transpose=lambda ct, x, *, all_gather_dimension, **params: (
        reduce_scatter_p(ct, scatter_dimension=all_gather_dimension, **params),
    ),
)


def _scatter_abstract(
    x: Any, *, scatter_dimension: int, axis_size: int, tiled: bool, **_: Any
) -> Any:
    d, shape = scatter_dimension, list(x.shape)
    _check_dim("reduce_scatter", "scatter_dimension", d, x.ndim)
    if tiled and shape[d] % axis_size or not tiled and shape[d] != axis_size:
        raise ValueError(
            f"reduce_scatter: dimension {d} of shape {x.shape} must"
            f" {'be a multiple of' if tiled else 'equal'} the size {axis_size} of the"
            " axis (or of its groups)."
        )
    if tiled:
        shape[d] //= axis_size
    else:
        del shape[d]
    return tuple(shape), x.dtype


def _scatter_rule(
    x: Any, *, scatter_dimension: int, tiled: bool, axis_size: int
) -> Any:
    groups, members, *shape = aval_of(x).shape
    d = scatter_dimension
    total = reduce_sum_p(x, axes=(1,))
    if tiled:
        apart = [*shape[:d], members, shape[d] // members, *shape[d + 1 :]]
        total = reshape(total, (groups, *apart))
    return move_dim(total, d + 1, 1)


reduce_scatter_p = _exchange(
    "reduce_scatter",
    "The sum over all members, each of which gets its part along one dimension.",
    _scatter_abstract,
    _scatter_rule,
    ("scatter_dimension",),
    transpose=lambda ct, x, *, scatter_dimension, **params: (
        all_gather_p(ct, all_gather_dimension=scatter_dimension, **params),
    ),
)


def _all_to_all_abstract(
    x: Any, *, split_axis: int, concat_axis: int, axis_size: int, tiled: bool, **_: Any
) -> Any:
    shape = list(x.shape)
    _check_dim("all_to_all", "split_axis", split_axis, x.ndim)
    _check_dim("all_to_all", "concat_axis", concat_axis, x.ndim)
    n = shape[split_axis]
    if tiled and n % axis_size or not tiled and n != axis_size:
        raise ValueError(
            f"all_to_all: dimension {split_axis} of shape {x.shape} must"
            f" {'be a multiple of' if tiled else 'equal'} the size {axis_size} of the"
            " axis (or of its groups)."
        )
    if tiled:
        shape[split_axis] //= axis_size
        shape[concat_axis] *= axis_size
    else:
        del shape[split_axis]
        shape.insert(concat_axis, axis_size)
    return tuple(shape), x.dtype


def _all_to_all_rule(
    x: Any, *, split_axis: int, concat_axis: int, tiled: bool, axis_size: int
) -> Any:
    """Source member and destination (the split dimension) exchange their places."""
    groups, members, *shape = aval_of(x).shape
    if tiled:
        part = shape[split_axis] // members
        apart = [*shape[:split_axis], members, part, *shape[split_axis + 1 :]]
        x = reshape(x, (groups, members, *apart))
        shape[split_axis] = part
    else:
        del shape[split_axis]
    # (groups, source, ..., destination, ...) to (groups, destination, source, ...).
    x = move_dim(x, split_axis + 2, 1)
    x = move_dim(x, 2, concat_axis + 2)
    if not tiled:
        return x
    shape[concat_axis] *= members
    return reshape(x, (groups, members, *shape))


all_to_all_p = _exchange(
    "all_to_all",
    "Each member's parts along split_axis go to one member each, who joins what comes.",
    _all_to_all_abstract,
    _all_to_all_rule,
    ("split_axis", "concat_axis"),
    transpose=lambda ct, x, *, split_axis, concat_axis, **params: (
        all_to_all_p(ct, split_axis=concat_axis, concat_axis=split_axis, **params),
    ),
)


# --- ppermute, axis_index -------------------------------------------------------------


def _permute_batch_axis(
    values: Any, dims: Any, size: int, own: Any, *, axis_name: Any, perm: Any
) -> Any:
    (x,) = with_batch_first(values, dims, size)
    source = {destination: s for s, destination in perm}
    shape = aval_of(x).shape
    nothing = full((1, *shape[1:]), 0, aval_of(x).dtype)
    rows = [
        slice_along(x, source[i], source[i] + 1, 0) if i in source else nothing
        for i in range(size)
    ]
    return concatenate(rows, 0), 0


ppermute_p = Primitive(
    "ppermute",
    "Member d gets the value of member s for each (s, d) in perm; others get zeros.",
    abstract=lambda x, *, axis_name, perm: (x.shape, x.dtype),
    evaluate=_outside,
    linear=(0,),
    transpose=lambda ct, x, *, axis_name, perm: (
        ppermute_p(ct, axis_name=axis_name, perm=tuple((d, s) for s, d in perm)),
    ),
    batch=lambda args, dims, size, **params: (ppermute_p(args[0], **params), dims[0]),
    batch_axis=_permute_batch_axis,
    axis_rule=True,
)

axis_index_p = Primitive(
    "axis_index",
    "Which member of the named axis this is.",
    abstract=lambda *, axis_name: ((), dtypes.int32),
    evaluate=_outside,
    jvp=Missing("an index has no operands"),
    batch=Missing("an index has no operands"),
    batch_axis=lambda values, dims, size, own, *, axis_name: (
        iota(dtypes.int32, (size,)),
        0,
    ),
    axis_rule=True,
    weak=WEAK_NEVER,
)

__all__ = [
    "Groups", "all_gather_p", "all_to_all_p", "axis_index_p", "group_size", "pmax_p",
    "pmin_p", "ppermute_p", "psum_p", "reduce_scatter_p",
]  # fmt: skip
