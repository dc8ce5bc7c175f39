"""Shapes: reshape, transpose and the like; axes moved, added, removed, broadcast.

Nothing here computes: each function is one or two linear primitives, and returns its
operand where there is nothing to do.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.elementwise_rules import broadcast_shapes as _broadcast_shapes
from ..ops.joining import expand_dims as _expand_dims
from ..ops.joining import rev_p, squeeze_p
from ..ops.shaping import (
    broadcast_in_dim,
    canonical_axis,
    canonical_shape,
    move_dim,
    reshape_p,
    transpose_p,
)
from .promotion import operand


def axes_of(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis`, an int or a sequence of them, as distinct non-negative axes, in order."""
    given = (axis,) if not isinstance(axis, (tuple, list)) else axis
    found = tuple([canonical_axis(name, operator.index(a), ndim) for a in given])
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: axis {axis} names an axis twice.")
    return found


# --- reshape -------------------------------------------------------------------------


def resolved_shape(name: str, x: Any, shape: Any) -> tuple[int, ...]:
    """`shape` for the elements of `x`, with one -1 replaced by what remains."""
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    if all(type(n) is int and n >= 0 for n in given):
        sizes = tuple(given)
    else:
        ints = [operator.index(n) for n in given]
        free = [i for i, n in enumerate(ints) if n == -1]
        if len(free) > 1 or any(n < -1 for n in ints):
            raise TypeError(
                f"{name}: shape {tuple(ints)} must have non-negative sizes and at most"
                " one -1, which stands for the size that remains."
            )
        if free:
            rest = math.prod(n for n in ints if n != -1)
            ints[free[0]] = x.size // rest if rest and x.size % rest == 0 else -1
        sizes = tuple(ints)
    if math.prod(sizes) != x.size or -1 in sizes:
        raise TypeError(
            f"{name}: cannot reshape array of shape {x.shape} (size {x.size}) into"
            f" shape {tuple(given)}; the sizes must agree."
        )
    return sizes


def reshape(
    a: Any, shape: Any, order: str = "C", *, copy: bool | None = None,
    out_sharding: Any = None,
) -> Any:  # fmt: skip
    """The elements of `a` as an array of another shape.

    Args:
        a: array or number.
        shape: int or ints; one of them may be -1, the size that remains.
        order: "C" reads and writes the last axis fastest, "F" the first.
        copy: accepted.

    Raises:
        TypeError: the sizes do not agree.

    >>> import chainrule.numpy as cnp
    >>> cnp.reshape(cnp.arange(6), (2, -1)).shape
    (2, 3)
    """
    x = operand("reshape", a)
    sizes = resolved_shape("reshape", x, shape)
    if order == "C":
        return x if sizes == x.shape else reshape_p(x, new_sizes=sizes)
    if order != "F":
        raise NotImplementedError(
            f"reshape: order {order!r} is not supported; use 'C' or 'F'."
        )
    flat = reshape_p(transpose(x), new_sizes=sizes[::-1])
    return transpose(flat)


def ravel(a: Any, order: str = "C", *, out_sharding: Any = None) -> Any:
    """The elements of `a` as a 1-d array, in order "C" (last axis fastest) or "F".

    >>> import chainrule.numpy as cnp
    >>> cnp.ravel(cnp.zeros((2, 3))).shape
    (6,)
    """
    if order == "K":
        raise NotImplementedError("ravel: order 'K' is not supported; use 'C' or 'F'.")
    x = operand("ravel", a)
    return reshape(x, (x.size,), order)


def resize(a: Any, new_shape: Any) -> Any:
    """The elements of `a`, repeated as often as needed, as an array of `new_shape`.

    >>> import chainrule.numpy as cnp
    >>> cnp.resize(cnp.arange(3), (2, 2)).tolist()
    [[0, 1], [2, 0]]
    """
    x = ravel(a)
    sizes = canonical_shape("resize", new_shape)
    size = math.prod(sizes)
    if not size or not x.size:
        return broadcast_in_dim(np.zeros((), x.dtype), sizes, ())
    times = -(-size // x.size)
    spread = broadcast_in_dim(x, (times, x.size), (1,))
    return reshape(reshape(spread, (-1,))[:size], sizes)


# --- order of axes -------------------------------------------------------------------


def transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    """`a` with its axes in the order `axes`; reversed where that is None.

    >>> import chainrule.numpy as cnp
    >>> cnp.transpose(cnp.zeros((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    x = operand("transpose", a)
    ndim = x.ndim
    if axes is None:
        order = tuple(range(ndim - 1, -1, -1))
    else:
        order = tuple(
            [canonical_axis("transpose", operator.index(i), ndim) for i in axes]
        )
        if sorted(order) != list(range(ndim)):
            raise TypeError(
                f"transpose: axes {tuple(axes)} must name each of the {ndim} axes of an"
                f" array of shape {x.shape}."
            )
    if order == tuple(range(ndim)):
        return x
    return transpose_p(x, permutation=order)


def permute_dims(a: Any, /, axes: tuple[int, ...]) -> Any:
    """`a` with its axes in the order `axes`.

    >>> import chainrule.numpy as cnp
    >>> cnp.permute_dims(cnp.zeros((2, 3)), (1, 0)).shape
    (3, 2)
    """
    return transpose(a, axes)


def matrix_transpose(x: Any, /) -> Any:
    """`x`, of at least two dimensions, with the last two exchanged.

    >>> import chainrule.numpy as cnp
    >>> cnp.matrix_transpose(cnp.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = operand("matrix_transpose", x)
    if x.ndim < 2:
        raise ValueError(
            f"matrix_transpose: needs at least two dimensions; got shape {x.shape}."
        )
    return swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """`a` with two axes exchanged.

    >>> import chainrule.numpy as cnp
    >>> cnp.swapaxes(cnp.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = operand("swapaxes", a)
    i = canonical_axis("swapaxes", operator.index(axis1), x.ndim)
    j = canonical_axis("swapaxes", operator.index(axis2), x.ndim)
    if i == j:
        return x
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return transpose_p(x, permutation=tuple(order))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """`a` with the axes `source` at `destination`; the others keep their order.

    >>> import chainrule.numpy as cnp
    >>> cnp.moveaxis(cnp.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = operand("moveaxis", a)
    origin = axes_of("moveaxis", source, x.ndim)
    target = axes_of("moveaxis", destination, x.ndim)
    if len(origin) != len(target):
        raise ValueError(
            f"moveaxis: source {source} and destination {destination} must name equally"
            " many axes."
        )
    if len(origin) == 1:
        return move_dim(x, origin[0], target[0])
    order = [i for i in range(x.ndim) if i not in origin]
    for to, axis in sorted(zip(target, origin)):
        order.insert(to, axis)
    return transpose(x, order)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """`a` with `axis` moved to stand before the axis that is at `start`.

    >>> import chainrule.numpy as cnp
    >>> cnp.rollaxis(cnp.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = operand("rollaxis", a)
    axis = canonical_axis("rollaxis", axis, x.ndim)
    if start < 0:
        start += x.ndim
    if not 0 <= start <= x.ndim:
        raise ValueError(
            f"rollaxis: start must be between {-x.ndim} and {x.ndim}; got {start}."
        )
    return move_dim(x, axis, start - (start > axis))


# --- axes of size one ----------------------------------------------------------------


def squeeze(a: Any, axis: Any = None) -> Any:
    """`a` without the given axes of size 1; without all of them where `axis` is None.

    >>> import chainrule.numpy as cnp
    >>> cnp.squeeze(cnp.zeros((1, 3, 1))).shape
    (3,)
    """
    x = operand("squeeze", a)
    if axis is None:
        dims = tuple([i for i, n in enumerate(x.shape) if n == 1])
    else:
        dims = tuple(sorted(axes_of("squeeze", axis, x.ndim)))
    if not dims:
        return x
    if any(x.shape[d] != 1 for d in dims):
        raise ValueError(
            f"squeeze: axis {axis} of shape {x.shape} does not have size 1."
        )
    return squeeze_p(x, dimensions=dims)


def expand_dims(a: Any, axis: Any) -> Any:
    """`a` with new axes of size 1 at positions `axis` of the result.

    >>> import chainrule.numpy as cnp
    >>> cnp.expand_dims(cnp.zeros(3), (0, 2)).shape
    (1, 3, 1)
    """
    x = operand("expand_dims", a)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    return _expand_dims(x, axes_of("expand_dims", axis, x.ndim + count))


def _at_least(rank: int, arys: Sequence[Any], places: Any) -> Any:
    """Each array with new axes up to `rank`; `places` says where, by its rank."""
    found: list[Any] = []
    for a in arys:
        x = operand(f"atleast_{rank}d", a)
        found.append(x if x.ndim >= rank else _expand_dims(x, places[x.ndim]))
    return found[0] if len(found) == 1 else found


def atleast_1d(*arys: Any) -> Any:
    """Each array, numbers as 1-d arrays; a list for several.

    >>> import chainrule.numpy as cnp
    >>> cnp.atleast_1d(1.0).shape
    (1,)
    """
    return _at_least(1, arys, [(0,)])


def atleast_2d(*arys: Any) -> Any:
    """Each array with new axes in front up to two dimensions; a list for several.

    >>> import chainrule.numpy as cnp
    >>> cnp.atleast_2d(cnp.zeros(3)).shape
    (1, 3)
    """
    return _at_least(2, arys, [(0, 1), (0,)])


def atleast_3d(*arys: Any) -> Any:
    """Each array with new axes up to three: (N,) as (1, N, 1), (M, N) as (M, N, 1).

    >>> import chainrule.numpy as cnp
    >>> cnp.atleast_3d(cnp.zeros(3)).shape
    (1, 3, 1)
    """
    return _at_least(3, arys, [(0, 1, 2), (0, 2), (2,)])


# --- broadcasting --------------------------------------------------------------------


def broadcast_to(array: Any, shape: Any, *, out_sharding: Any = None) -> Any:
    """`array` repeated along axes of size 1 and new leading axes to fill `shape`.

    Raises ValueError where the shapes do not fit.

    >>> import chainrule.numpy as cnp
    >>> cnp.broadcast_to(cnp.arange(2), (2, 2)).tolist()
    [[0, 1], [0, 1]]
    """
    x = operand("broadcast_to", array)
    sizes = canonical_shape("broadcast_to", shape)
    rank = len(sizes) - x.ndim
    if rank < 0 or any(n not in (1, m) for n, m in zip(x.shape, sizes[rank:])):
        raise ValueError(
            f"broadcast_to: an array of shape {x.shape} does not broadcast to {sizes};"
            " trailing sizes must be equal or 1."
        )
    return broadcast_in_dim(x, sizes, range(rank, len(sizes)))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of the given `shapes` broadcast to; ValueError if none.

    >>> import chainrule.numpy as cnp
    >>> cnp.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    sizes = [canonical_shape("broadcast_shapes", s) for s in shapes]
    try:
        return _broadcast_shapes("broadcast_shapes", *sizes) if sizes else ()
    except TypeError as error:
        raise ValueError(str(error)) from None


def broadcast_arrays(*args: Any) -> list[Any]:
    """The arrays, each broadcast to the shape they have in common.

    >>> import chainrule.numpy as cnp
    >>> [x.shape for x in cnp.broadcast_arrays(cnp.zeros((2, 1)), cnp.zeros(3))]
    [(2, 3), (2, 3)]
    """
    xs = [operand("broadcast_arrays", a) for a in args]
    shape = broadcast_shapes(*[x.shape for x in xs])
    return [broadcast_to(x, shape) for x in xs]


# --- reversal and rotation -----------------------------------------------------------


def flip(m: Any, axis: Any = None) -> Any:
    """`m` with the order of elements reversed along `axis`; all axes where None.

    >>> import chainrule.numpy as cnp
    >>> cnp.flip(cnp.arange(3)).tolist()
    [2, 1, 0]
    """
    x = operand("flip", m)
    dims = tuple(range(x.ndim)) if axis is None else axes_of("flip", axis, x.ndim)
    return rev_p(x, dimensions=dims) if dims else x


def fliplr(m: Any) -> Any:
    """`m`, of at least two dimensions, reversed along axis 1.

    >>> import chainrule.numpy as cnp
    >>> cnp.fliplr(cnp.array([[1, 2]])).tolist()
    [[2, 1]]
    """
    return flip(m, 1)


def flipud(m: Any) -> Any:
    """`m` reversed along axis 0.

    >>> import chainrule.numpy as cnp
    >>> cnp.flipud(cnp.arange(2)).tolist()
    [1, 0]
    """
    return flip(m, 0)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """`m` turned by 90 degrees `k` times, from the first of two axes to the second.

    >>> import chainrule.numpy as cnp
    >>> cnp.rot90(cnp.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    x = operand("rot90", m)
    found = axes_of("rot90", tuple(axes), x.ndim)
    if len(found) != 2:
        raise ValueError(f"rot90: axes must name two different axes; got {axes}.")
    i, j = found
    turns = k % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, (i, j))
    if turns == 1:
        return swapaxes(flip(x, j), i, j)
    return flip(swapaxes(x, i, j), j)


__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "axes_of", "broadcast_arrays",
    "broadcast_shapes", "broadcast_to", "expand_dims", "flip", "fliplr", "flipud",
    "matrix_transpose", "moveaxis", "permute_dims", "ravel", "reshape", "resize",
    "resolved_shape", "rollaxis", "rot90", "squeeze", "swapaxes", "transpose",
]  # fmt: skip
