"""lax: shapes. Broadcasting, reshaping, joining, constant arrays.

These functions are strict: sizes and dimensions are explicit, nothing is promoted.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of
from ..ops import shaping
from ..ops.elementwise_rules import broadcast_shapes as _broadcast_shapes
from ..ops.joining import concatenate_p, iota_p, rev_p, split_p, squeeze_p, tile_p
from ..ops.joining import expand_dims as _expand_dims
from ..ops.shaping import (
    broadcast_in_dim_p,
    canonical_axis,
    canonical_shape,
    convert,
    reshape_p,
    transpose_p,
)
from .binding import bind


def broadcast(operand: Any, sizes: Sequence[int], *, out_sharding: Any = None) -> Any:
    """`operand` repeated along new leading dimensions of the given `sizes`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.broadcast(cnp.arange(3), (2,)).shape
    (2, 3)
    """
    x = as_array(operand, "broadcast")
    shape = (*canonical_shape("broadcast", sizes), *x.shape)
    return broadcast_in_dim(x, shape, range(len(shape) - x.ndim, len(shape)))


def broadcast_in_dim(
    operand: Any,
    shape: Sequence[int],
    broadcast_dimensions: Sequence[int],
    *,
    out_sharding: Any = None,
) -> Any:
    """`operand` laid along dimensions `broadcast_dimensions` of an array of `shape`.

    Args:
        operand: array or number.
        shape: sizes of the result.
        broadcast_dimensions: for each operand dimension, increasing, the output
            dimension it becomes; its size is that dimension's or 1.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.broadcast_in_dim(cnp.arange(2), (2, 3), (0,)).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """
    x = as_array(operand, "broadcast_in_dim")
    shape = canonical_shape("broadcast_in_dim", shape)
    dimensions = tuple(operator.index(d) for d in broadcast_dimensions)
    if shape == x.shape and dimensions == tuple(range(x.ndim)):
        return x
    if any(a >= b for a, b in pairwise(dimensions)):
        raise TypeError(
            f"broadcast_in_dim: broadcast_dimensions {dimensions} must be increasing."
        )
    return bind(broadcast_in_dim_p, x, shape=shape, broadcast_dimensions=dimensions)


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """`arr` broadcast to the shape of `like_arr` by NumPy's rule.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.broadcast_like(1.0, cnp.zeros(2)).tolist()
    [1.0, 1.0]
    """
    x, shape = as_array(arr, "broadcast_like"), np.shape(like_arr)
    return broadcast_in_dim(x, shape, range(len(shape) - x.ndim, len(shape)))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of the given `shapes` broadcast to; ValueError if none.

    >>> from chainrule import lax
    >>> lax.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    if not shapes:
        return ()
    sizes = [canonical_shape("broadcast_shapes", s) for s in shapes]
    try:
        return _broadcast_shapes("broadcast_shapes", *sizes)
    except TypeError as error:
        raise ValueError(str(error)) from None


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """`x` with ones put in front of its shape until it has `rank` dimensions.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.broadcast_to_rank(cnp.arange(3), 3).shape
    (1, 1, 3)
    """
    x = as_array(x, "broadcast_to_rank")
    return expand_dims(x, range(rank - x.ndim)) if rank > x.ndim else x


def reshape(
    operand: Any,
    new_sizes: Sequence[int],
    dimensions: Sequence[int] | None = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """The elements of `operand` in row-major order as an array of shape `new_sizes`.

    Args:
        operand: array. new_sizes: sizes, none of them -1.
        dimensions: an order in which to read the operand's dimensions first.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.reshape(cnp.arange(4), (2, 2)).tolist()
    [[0, 1], [2, 3]]
    """
    x = as_array(operand, "reshape")
    shape = canonical_shape("reshape", new_sizes)
    if dimensions is not None:
        x = transpose(x, dimensions)
    return x if shape == x.shape else bind(reshape_p, x, new_sizes=shape)


def collapse(
    operand: Any, start_dimension: int, stop_dimension: int | None = None
) -> Any:
    """Dimensions `start_dimension` to before `stop_dimension` merged into one.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.collapse(cnp.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    x = as_array(operand, "collapse")
    lo, hi, _ = builtins.slice(start_dimension, stop_dimension).indices(x.ndim)
    if hi < lo:
        raise ValueError(
            f"collapse: start_dimension {start_dimension} lies behind stop_dimension"
            f" {stop_dimension} for shape {x.shape}."
        )
    return reshape(x, (*x.shape[:lo], math.prod(x.shape[lo:hi]), *x.shape[hi:]))


def transpose(operand: Any, permutation: Sequence[int]) -> Any:
    """`operand` with dimension `permutation[k]` at position k.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.transpose(cnp.zeros((2, 3)), (1, 0)).shape
    (3, 2)
    """
    x = as_array(operand, "transpose")
    permutation = tuple(operator.index(d) for d in permutation)
    if permutation == tuple(range(x.ndim)):
        return x
    return bind(transpose_p, x, permutation=permutation)


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """`array` without the given dimensions, each of size 1.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.squeeze(cnp.zeros((1, 3)), (0,)).shape
    (3,)
    """
    x = as_array(array, "squeeze")
    dims = tuple(sorted(canonical_axis("squeeze", d, x.ndim) for d in dimensions))
    return bind(squeeze_p, x, dimensions=dims) if dims else x


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """`array` with new dimensions of size 1 at positions `dimensions` of the result.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.expand_dims(cnp.zeros(3), (0, -1)).shape
    (1, 3, 1)
    """
    x = as_array(array, "expand_dims")
    dimensions = tuple(dimensions)
    rank = x.ndim + len(dimensions)
    found = [canonical_axis("expand_dims", d, rank) for d in dimensions]
    if len(set(found)) != len(found):
        raise ValueError(f"expand_dims: dimensions {dimensions} name one axis twice.")
    return _expand_dims(x, found) if found else x


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """`operand` with the order of elements reversed along `dimensions`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.rev(cnp.arange(3), (0,)).tolist()
    [2, 1, 0]
    """
    return bind(rev_p, operand, dimensions=tuple(operator.index(d) for d in dimensions))


def concatenate(operands: Sequence[Any], dimension: int) -> Any:
    """Arrays of one dtype joined along `dimension`; other sizes agree.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.concatenate([cnp.arange(2), cnp.arange(1)], 0).tolist()
    [0, 1, 0]
    """
    xs = [as_array(x, "concatenate") for x in operands]
    if not xs:
        raise ValueError("concatenate: no operands; give at least one array.")
    if len(xs) == 1 and 0 <= dimension < xs[0].ndim:
        return xs[0]
    return bind(concatenate_p, *xs, dimension=operator.index(dimension))


def stack(operands: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape and dtype joined along a new dimension `axis`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.stack([cnp.arange(2), cnp.arange(2)], 1).tolist()
    [[0, 0], [1, 1]]
    """
    xs = [as_array(x, "stack") for x in operands]
    if not xs:
        raise ValueError("stack: no operands; give at least one array.")
    axis = canonical_axis("stack", axis, xs[0].ndim + 1)
    return concatenate([_expand_dims(x, (axis,)) for x in xs], axis)


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The sub-arrays of `x` along `axis`, that dimension removed.

    >>> from chainrule import lax, numpy as cnp
    >>> len(lax.unstack(cnp.zeros((2, 3))))
    2
    """
    x = as_array(x, "unstack")
    axis = canonical_axis("unstack", axis, x.ndim)
    if not x.shape[axis]:
        return ()
    return tuple(
        squeeze(part, (axis,)) for part in split(x, (1,) * x.shape[axis], axis)
    )


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """`operand` cut along `axis` into parts of the given `sizes`, which add up.

    >>> from chainrule import lax, numpy as cnp
    >>> [p.tolist() for p in lax.split(cnp.arange(3), (1, 2))]
    [[0], [1, 2]]
    """
    x = as_array(operand, "split")
    sizes = tuple(operator.index(n) for n in sizes)
    return bind(split_p, x, sizes=sizes, axis=canonical_axis("split", axis, x.ndim))


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """`reps[d]` copies of `operand` one behind the other along each dimension d.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.tile(cnp.arange(2), (2,)).tolist()
    [0, 1, 0, 1]
    """
    return bind(tile_p, operand, reps=tuple(operator.index(r) for r in reps))


def iota(dtype: Any, size: int) -> Any:
    """0, 1, ..., size - 1 in `dtype`.

    >>> from chainrule import lax
    >>> lax.iota("float32", 3).tolist()
    [0.0, 1.0, 2.0]
    """
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(
    dtype: Any, shape: Sequence[int], dimension: int, *, out_sharding: Any = None
) -> Any:
    """0, 1, 2, ... along `dimension` of an array of `shape`, constant along the others.

    >>> from chainrule import lax
    >>> lax.broadcasted_iota("int32", (2, 2), 1).tolist()
    [[0, 1], [0, 1]]
    """
    shape = canonical_shape("broadcasted_iota", shape)
    dtype = dtypes.check_array_dtype("broadcasted_iota", dtype)
    return bind(iota_p, dtype=dtype, shape=shape, dimension=operator.index(dimension))


def full(
    shape: Sequence[int], fill_value: Any, dtype: Any = None, *, sharding: Any = None
) -> Any:
    """An array of `shape` filled with the scalar `fill_value`.

    The dtype is that of the fill value (weak for Python numbers) unless given.

    >>> from chainrule import lax
    >>> lax.full((2,), 7, "float32").tolist()
    [7.0, 7.0]
    """
    sizes = canonical_shape("full", shape)
    value = as_array(fill_value, "full")
    if value.ndim:
        raise TypeError(
            f"full: fill_value must be a scalar; got shape {value.shape}. Use"
            " broadcast_in_dim for arrays."
        )
    if dtype is not None:
        value = convert(value, dtypes.check_array_dtype("full", dtype))
    return shaping.broadcast_in_dim(value, sizes, ())


def full_like(
    x: Any, fill_value: Any, dtype: Any = None, shape: Any = None, sharding: Any = None
) -> Any:
    """`fill_value` in the shape and dtype of `x` (array, number, has shape and dtype).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.full_like(cnp.zeros(2), 3).tolist()
    [3.0, 3.0]
    """
    like = (
        x if hasattr(x, "shape") and hasattr(x, "dtype") else as_array(x, "full_like")
    )
    weak = dtype is None and bool(getattr(like, "weak_type", False))
    sizes = canonical_shape("full_like", like.shape if shape is None else shape)
    found = dtypes.check_array_dtype(
        "full_like", like.dtype if dtype is None else dtype
    )
    value = convert(as_array(fill_value, "full_like"), found, weak)
    return shaping.broadcast_in_dim(value, sizes, ())


def empty(shape: Sequence[int], dtype: Any, *, out_sharding: Any = None) -> Any:
    """An array of zeros: no array here has unspecified contents.

    >>> from chainrule import lax
    >>> lax.empty((2,), "int32").tolist()
    [0, 0]
    """
    return full(shape, 0, dtype)


def shape_as_value(shape: Sequence[int]) -> Any:
    """The sizes of `shape` as an integer array.

    >>> from chainrule import lax
    >>> lax.shape_as_value((2, 3)).tolist()
    [2, 3]
    """
    return np.asarray(canonical_shape("shape_as_value", shape), dtypes.default_int())


def dtype(x: Any) -> Any:
    """The dtype of an array or number, with 64 bits narrowed unless enabled.

    >>> from chainrule import lax
    >>> lax.dtype(1.0)
    dtype('float32')
    """
    return x.dtype if isinstance(x, Array) else aval_of(x).dtype


__all__ = [
    "broadcast", "broadcast_in_dim", "broadcast_like", "broadcast_shapes",
    "broadcast_to_rank", "broadcasted_iota", "collapse", "concatenate", "dtype",
    "empty", "expand_dims", "full", "full_like", "iota", "reshape", "rev",
    "shape_as_value", "split", "squeeze", "stack", "tile", "transpose", "unstack",
]  # fmt: skip
