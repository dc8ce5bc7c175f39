"""vmap: a function of one example, applied along a dimension of its arguments.

`in_axes` and `out_axes` are prefixes of the argument and output trees; None leaves a
value whole. All checks (sizes agree, axes in bounds) come before the function runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..core.avals import as_array, aval_of
from ..ops.structure import batch_to_front, move_dim
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import flatten_axes
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, leaf_name, name_of


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    sum_match: bool = False,
) -> Callable[..., Any]:
    """Vectorises `fun`: maps it over one dimension of its arguments.

    Args:
        fun: function of arrays or pytrees of them.
        in_axes: int, None, or a tuple with one entry (int, None, or a pytree prefix of
            them) per positional argument: the dimension to map over; None to use the
            argument whole. Keyword arguments are mapped over dimension 0.
        out_axes: where the mapped dimension appears in the outputs; None where an
            output does not depend on the mapped arguments.
        axis_name: a name for the axis, for collectives such as `lax.psum`.
        axis_size: the size of the axis; needed only where no argument is mapped.
        spmd_axis_name: accepted; names mesh axes for sharded programs.
        sum_match: accepted for compatibility.

    Returns:
        A function of the same arguments with the mapped dimension in each.

    Raises:
        ValueError: sizes disagree, an axis is out of bounds, nothing is mapped.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.vmap(lambda x, y: x * y, in_axes=(0, None))(cnp.arange(3), 2).tolist()
    [0, 2, 4]
    """
    check_callable("vmap", fun)
    in_axes = _checked_axes(in_axes)

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = tree_flatten((args, kwargs))
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                f"vmap: in_axes has {len(in_axes)} entries but {name_of(fun)} was called"
                f" with {len(args)} positional arguments; give one entry each."
            )
        axes = flatten_axes("vmap in_axes", tree, (in_axes, 0))
        leaves = [as_array(x, "vmap") for x in leaves]
        size, dims = _axis_size(leaves, axes, axis_size, args, kwargs, fun)
        flat = FlatFun(lambda a, k: fun(*a, **k), tree)
        flat.name = name_of(fun)
        outs, out_dims = batch_flat(flat, size, leaves, dims, axis_name)
        wanted = flatten_axes("vmap out_axes", flat.out_tree, out_axes)
        placed = [
            _place(x, d, w, size, flat.name) for x, d, w in zip(outs, out_dims, wanted)
        ]
        return tree_unflatten(flat.out_tree, placed)

    return mapped


def _checked_axes(in_axes: Any) -> Any:
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (in_axes is None or isinstance(in_axes, (int, tuple))):
        raise TypeError(
            "vmap: in_axes must be an int, None, or a tuple with an entry per argument;"
            f" got {in_axes!r}."
        )
    return in_axes


def _axis_size(
    leaves: Sequence[Any],
    axes: Sequence[Any],
    given: int | None,
    args: Any,
    kwargs: Any,
    fun: Any,
) -> tuple[int, list[int | None]]:
    sizes: set[int] = set() if given is None else {given}
    dims: list[int | None] = []
    for i, (x, axis) in enumerate(zip(leaves, axes)):
        if axis is None:
            dims.append(None)
            continue
        ndim = aval_of(x).ndim
        if not isinstance(axis, int) or not -ndim <= axis < ndim:
            raise ValueError(
                f"vmap: in_axes names dimension {axis} of argument"
                f" {leaf_name(fun, i, args, kwargs)} of {name_of(fun)}, which has shape"
                f" {aval_of(x).shape}; use None to leave it whole."
            )
        dims.append(axis % ndim)
        sizes.add(aval_of(x).shape[axis])
    if len(sizes) == 1:
        return sizes.pop(), dims
    if not sizes:
        raise ValueError(
            f"vmap: no argument of {name_of(fun)} is mapped; give at least one in_axes"
            " entry that is not None, or axis_size."
        )
    shown = "; ".join(
        f"argument {leaf_name(fun, i, args, kwargs)} has shape {aval_of(x).shape},"
        f" mapped dimension {d}"
        for i, (x, d) in enumerate(zip(leaves, dims))
        if d is not None
    )
    extra = f"; axis_size is {given}" if given is not None else ""
    raise ValueError(
        f"vmap: {name_of(fun)} got inconsistent sizes for array axes to be mapped:"
        f" {shown}{extra}. They must agree."
    )


def _place(x: Any, dim: int | None, wanted: Any, size: int, name: str) -> Any:
    if wanted is None:
        if dim is None:
            return x
        raise ValueError(
            f"vmap: out_axes is None for an output of {name} that depends on the mapped"
            " arguments; give the dimension where the mapped axis shall appear."
        )
    if dim is None:
        x, dim = batch_to_front(x, None, size), 0
    ndim = aval_of(x).ndim
    if not -ndim <= wanted < ndim:
        raise ValueError(
            f"vmap: out_axes {wanted} is out of bounds for an output of {name} with"
            f" {ndim} dimensions (the mapped one included)."
        )
    return move_dim(x, dim, wanted % ndim)
