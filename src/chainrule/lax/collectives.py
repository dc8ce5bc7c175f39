"""lax: collectives over the named axes of `vmap(..., axis_name=...)`, pmap, shard_map.

The functions take pytrees. Several names act as one axis, the first the most
significant. `axis_index_groups` is a list of lists of members that together are all of
an axis: each group acts on its own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..core import axis_env, dtypes
from ..core.avals import as_array
from ..ops.arithmetic import mul_p
from ..ops.collectives import (
    all_gather_p,
    all_to_all_p,
    axis_index_p,
    group_size,
    pmax_p,
    pmin_p,
    ppermute_p,
    psum_p,
    reduce_scatter_p,
)
from ..ops.elementwise_logic import eq_p
from ..ops.elementwise_selection import select
from ..ops.shaping import canonical_axis, convert, full, move_dim, reshape
from ..runtime._native import tree_flatten, tree_unflatten
from .binding import bind

AxisName = Hashable


def _map(fun: Callable[[Any], Any], tree: Any) -> Any:
    leaves, structure = tree_flatten(tree)
    return tree_unflatten(structure, [fun(x) for x in leaves])


def _groups(name: str, groups: Any, axis_name: Any, equal: bool = False) -> Any:
    """`axis_index_groups` as tuples, checked to cover the axis."""
    if groups is None:
        return None
    found = tuple(tuple(operator.index(i) for i in g) for g in groups)
    size = axis_env.axis_size(axis_name)
    if sorted(i for g in found for i in g) != list(range(size)):
        raise ValueError(
            f"{name}: axis_index_groups {groups} must name each of the {size} members"
            f" of axis {axis_name!r} once."
        )
    if len(axis_env.axis_names(axis_name)) > 1:
        raise ValueError(
            f"{name}: axis_index_groups are for one axis; got {axis_name!r}."
        )
    if equal and len({len(g) for g in found}) != 1:
        raise ValueError(f"{name}: groups must have one size; got {groups}.")
    return found


# --- reductions -----------------------------------------------------------------------


def _all_reduce(name: str, prim: Any, x: Any, axis_name: Any, groups: Any) -> Any:
    names = axis_env.axis_names(axis_name)
    groups = _groups(name, groups, axis_name)
    if not names:
        return x
    return prim(as_array(x, name), axis_name=names, axis_index_groups=groups)


def psum(x: Any, axis_name: Any, *, axis_index_groups: Any = None) -> Any:
    """The sum over all members of an axis.

    Args:
        x: array or pytree of arrays. A Python number is multiplied by the axis' size at
            once: `psum(1, "i")` is the size, an int.
        axis_name: a name, or several.
        axis_index_groups: members that are summed together; None: all.

    Raises:
        NameError: the name is not bound.

    >>> import chainrule as cr
    >>> share = cr.vmap(lambda x: x / cr.lax.psum(x, "i"), axis_name="i")
    >>> share(cr.numpy.ones(4)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def one(v: Any) -> Any:
        if isinstance(v, (bool, int, float, complex)):
            groups = _groups("psum", axis_index_groups, axis_name, equal=True)
            return v * group_size(axis_env.axis_size(axis_name), groups)
        v = as_array(v, "psum")
        if v.dtype == dtypes.bool_:
            v = convert(v, dtypes.default_int())
        return _all_reduce("psum", psum_p, v, axis_name, axis_index_groups)

    return _map(one, x)


def pmean(x: Any, axis_name: Any, *, axis_index_groups: Any = None) -> Any:
    """The mean over all members of an axis. Arguments are those of `psum`.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pmean(x, "i"), axis_name="i")
    >>> f(cr.numpy.arange(3.)).tolist()
    [1.0, 1.0, 1.0]
    """
    groups = _groups("pmean", axis_index_groups, axis_name, equal=True)
    count = group_size(axis_env.axis_size(axis_name), groups)

    def one(v: Any) -> Any:
        total = as_array(psum(v, axis_name, axis_index_groups=groups), "pmean")
        if not dtypes.is_inexact(total.dtype):
            total = convert(total, dtypes.default_float())
        return total / count

    return _map(one, x)


def pmax(x: Any, axis_name: Any, *, axis_index_groups: Any = None) -> Any:
    """The greatest over all members of an axis. Arguments are those of `psum`.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pmax(x, "i"), axis_name="i")
    >>> f(cr.numpy.arange(3)).tolist()
    [2, 2, 2]
    """
    return _map(
        lambda v: _all_reduce("pmax", pmax_p, v, axis_name, axis_index_groups), x
    )


def pmin(x: Any, axis_name: Any, *, axis_index_groups: Any = None) -> Any:
    """The least over all members of an axis. Arguments are those of `psum`.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pmin(x, "i"), axis_name="i")
    >>> f(cr.numpy.arange(3)).tolist()
    [0, 0, 0]
    """
    return _map(
        lambda v: _all_reduce("pmin", pmin_p, v, axis_name, axis_index_groups), x
    )


# --- exchanges ------------------------------------------------------------------------


def _each_name(name: str, axis_name: Any, groups: Any) -> list[dict[str, Any]]:
    """The parameters that an exchange over each of the named axes shares."""
    groups = _groups(name, groups, axis_name, equal=True)
    return [
        {
            "axis_name": n,
            "axis_index_groups": groups,
            "axis_size": group_size(axis_env.axis_size(n), groups),
        }
        for n in axis_env.axis_names(axis_name)
    ]


def all_gather(
    x: Any,
    axis_name: Any,
    *,
    axis_index_groups: Any = None,
    axis: int = 0,
    tiled: bool = False,
    to: str = "varying",
) -> Any:
    """The values of all members, for every member.

    Args:
        x: array or pytree of arrays.
        axis_name: a name, or several.
        axis_index_groups: members that gather together, in groups of one size.
        axis: dimension of the result along which the members are.
        tiled: whether to join along the existing dimension `axis` instead of a new one.
        to: accepted for programs that name the kind of the result.

    >>> import chainrule as cr
    >>> gather = cr.vmap(lambda x: cr.lax.all_gather(x, "i"), axis_name="i")
    >>> gather(cr.numpy.arange(2)).tolist()
    [[0, 1], [0, 1]]
    """
    axes = _each_name("all_gather", axis_name, axis_index_groups)

    def one(v: Any) -> Any:
        v = as_array(v, "all_gather")
        d = canonical_axis("all_gather", axis, v.ndim + (not tiled))
        for shared in reversed(axes):
            v = bind(all_gather_p, v, all_gather_dimension=d, tiled=tiled, **shared)
        if tiled or len(axes) == 1:
            return v
        count = math.prod(s["axis_size"] for s in axes)
        return reshape(v, (*v.shape[:d], count, *v.shape[d + len(axes) :]))

    return _map(one, x)


def psum_scatter(
    x: Any,
    axis_name: Any,
    *,
    scatter_dimension: int = 0,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """The sum over all members, of which each member gets a part.

    Args:
        x: array or pytree of arrays.
        axis_name: a name, or several.
        scatter_dimension: the dimension that is split among the members; its size is
            that of the axis (a multiple of it, if `tiled`).
        axis_index_groups: members that act together, in groups of one size.
        tiled: whether `scatter_dimension` stays, with the size of a part.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.psum_scatter(x, "i"), axis_name="i")
    >>> f(cr.numpy.array([[1, 2], [3, 4]])).tolist()
    [4, 6]
    """
    axes = _each_name("psum_scatter", axis_name, axis_index_groups)

    def one(v: Any) -> Any:
        v = as_array(v, "psum_scatter")
        d = canonical_axis("psum_scatter", scatter_dimension, v.ndim)
        if len(axes) > 1 and not tiled:
            sizes = [s["axis_size"] for s in axes]
            v = reshape(v, (*v.shape[:d], *sizes, *v.shape[d + 1 :]))
        for shared in axes:
            v = bind(reduce_scatter_p, v, scatter_dimension=d, tiled=tiled, **shared)
        return v

    return _map(one, x)


def all_to_all(
    x: Any,
    axis_name: Any,
    split_axis: int,
    concat_axis: int,
    *,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """Each member's parts along one dimension go to one member each.

    Args:
        x: array or pytree of arrays.
        axis_name: a name, or several.
        split_axis: the dimension that is split among the members; its size is that of
            the axis (a multiple of it, if `tiled`).
        concat_axis: the dimension along which what comes from the members is put.
        axis_index_groups: members that exchange with each other, in groups of one size.
        tiled: whether both dimensions exist already, and stay.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.all_to_all(x, "i", 0, 0), axis_name="i")
    >>> f(cr.numpy.array([[1, 2], [3, 4]])).tolist()
    [[1, 3], [2, 4]]
    """
    axes = _each_name("all_to_all", axis_name, axis_index_groups)
    total = math.prod(s["axis_size"] for s in axes)

    def one(v: Any) -> Any:
        v = as_array(v, "all_to_all")
        s = canonical_axis("all_to_all", split_axis, v.ndim)
        c = canonical_axis("all_to_all", concat_axis, v.ndim)
        if len(axes) == 1:
            params = {"split_axis": s, "concat_axis": c, "tiled": tiled}
            return bind(all_to_all_p, v, **params, **axes[0])
        n = v.shape[s]
        if n % total or not tiled and n != total:
            raise ValueError(
                f"all_to_all: dimension {s} of shape {v.shape} must"
                f" {'be a multiple of' if tiled else 'equal'} the size {total} of the"
                f" axes {axis_name!r}."
            )
        return _over_axes(v, s, c, axes, total, tiled)

    return _map(one, x)


def _over_axes(
    v: Any, s: int, c: int, axes: Sequence[Any], total: int, tiled: bool
) -> Any:
    """all_to_all over several axes: over each, its own part of the split dimension."""
    sizes = [shared["axis_size"] for shared in axes]
    part = v.shape[s] // total
    v = move_dim(reshape(v, (*v.shape[:s], total, part, *v.shape[s + 1 :])), s, 0)
    v = reshape(v, (*sizes, *v.shape[1:]))
    for i, shared in enumerate(axes):
        v = all_to_all_p(v, split_axis=i, concat_axis=i, tiled=False, **shared)
    v = reshape(v, (total, *v.shape[len(axes) :]))
    if not tiled:
        return move_dim(
            reshape(v, (total, *v.shape[1 : 1 + s], *v.shape[2 + s :])), 0, c
        )
    v = move_dim(v, 0, c)
    return reshape(v, (*v.shape[:c], total * v.shape[c + 1], *v.shape[c + 2 :]))


def ppermute(x: Any, axis_name: Any, perm: Sequence[tuple[int, int]]) -> Any:
    """Sends values from member to member.

    Args:
        x: array or pytree of arrays.
        axis_name: a name, or several.
        perm: pairs (source, destination); no member twice as either. Members that
            are no destination get zeros.

    Raises:
        ValueError: a member is named twice, or does not exist.

    >>> import chainrule as cr
    >>> shift = [(0, 1), (1, 2), (2, 0)]
    >>> f = cr.vmap(lambda x: cr.lax.ppermute(x, "i", shift), axis_name="i")
    >>> f(cr.numpy.arange(3)).tolist()
    [2, 0, 1]
    """
    pairs = tuple((operator.index(s), operator.index(d)) for s, d in perm)
    names, size = axis_env.axis_names(axis_name), axis_env.axis_size(axis_name)
    for which in zip(*pairs):
        if len(set(which)) != len(which) or any(not 0 <= i < size for i in which):
            raise ValueError(
                f"ppermute: perm {list(pairs)} must name each source and each"
                f" destination at most once, all of 0 <= member < {size}."
            )
    if len(names) == 1:
        return _map(
            lambda v: ppermute_p(
                as_array(v, "ppermute"), axis_name=names[0], perm=pairs
            ),
            x,
        )
    return _map(lambda v: _permute_axes(as_array(v, "ppermute"), axis_name, pairs), x)


def _permute_axes(v: Any, axis_name: Any, pairs: Any) -> Any:
    """ppermute over several axes: each destination picks its source's value."""
    index, total = axis_index(axis_name), None
    for source, destination in pairs:
        zero = full(v.shape, 0, v.dtype)
        sent = psum(select(_is(index, source), v, zero), axis_name)
        got = select(_is(index, destination), sent, zero)
        total = got if total is None else total + got
    return full(v.shape, 0, v.dtype) if total is None else total


def _is(index: Any, number: int) -> Any:
    return eq_p(index, full((), number, index.dtype))


def pshuffle(x: Any, axis_name: Any, perm: Sequence[int]) -> Any:
    """`ppermute` by a whole permutation: member i gets the value of member perm[i].

    Raises:
        ValueError: `perm` is no permutation.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pshuffle(x, "i", [2, 0, 1]), axis_name="i")
    >>> f(cr.numpy.arange(3)).tolist()
    [2, 0, 1]
    """
    if sorted(perm) != list(range(len(perm))):
        raise ValueError(f"pshuffle: perm {list(perm)} is no permutation.")
    return ppermute(x, axis_name, list(zip(perm, range(len(perm)))))


def pswapaxes(
    x: Any, axis_name: Any, axis: int, *, axis_index_groups: Any = None
) -> Any:
    """Exchanges a named axis with dimension `axis`, of the same size.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pswapaxes(x, "i", 0), axis_name="i")
    >>> f(cr.numpy.array([[1, 2], [3, 4]])).tolist()
    [[1, 3], [2, 4]]
    """
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def pbroadcast(x: Any, axis_name: Any, source: int) -> Any:
    """The value of member `source`, for every member.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.pbroadcast(x, "i", 1), axis_name="i")
    >>> f(cr.numpy.arange(3)).tolist()
    [1, 1, 1]
    """
    here = _is(axis_index(axis_name), operator.index(source))

    def one(v: Any) -> Any:
        v = as_array(v, "pbroadcast")
        return psum(select(here, v, full(v.shape, 0, v.dtype)), axis_name)

    return _map(one, x)


# --- the axis itself ------------------------------------------------------------------


def axis_index(axis_name: Any) -> Any:
    """Which member of the axis this is: an int32 scalar.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: cr.lax.axis_index("i"), axis_name="i")
    >>> f(cr.numpy.zeros(3)).tolist()
    [0, 1, 2]
    """
    names = axis_env.axis_names(axis_name)
    axis_env.axis_size(names)
    total = None
    for name in names:
        index = axis_index_p(axis_name=name)
        if total is None:
            total = index
        else:
            step = full((), axis_env.axis_size(name), dtypes.int32)
            total = mul_p(total, step) + index
    return full((), 0, dtypes.int32) if total is None else total


def axis_size(axis_name: Any) -> int:
    """The number of members of the axis, an int.

    >>> import chainrule as cr
    >>> f = cr.vmap(lambda x: x * cr.lax.axis_size("i"), axis_name="i")
    >>> f(cr.numpy.ones(3)).tolist()
    [3.0, 3.0, 3.0]
    """
    return axis_env.axis_size(axis_name)


__all__ = [
    "all_gather", "all_to_all", "axis_index", "axis_size", "pbroadcast", "pmax",
    "pmean", "pmin", "ppermute", "pshuffle", "psum", "psum_scatter", "pswapaxes",
]  # fmt: skip
