"""Joining and splitting arrays: concatenate, stack, block, split and their kin.

Operands are promoted to one dtype; where things are cut is static.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array
from ..ops.joining import concatenate as _concatenate
from ..ops.joining import expand_dims as _expand_dims
from ..ops.joining import slice_along, split_p, squeeze_p
from ..ops.shaping import canonical_axis, convert, reshape
from .indexing import getitem
from .manipulation import atleast_1d, atleast_2d, atleast_3d, ravel
from .promotion import operand, promote


def _operands(name: str, arrays: Any, dtype: Any) -> list[Any]:
    """The arrays as Arrays of one dtype; a single array counts as its rows."""
    if isinstance(arrays, (Array, np.ndarray)):
        whole = operand(name, arrays)
        if not whole.ndim:
            raise ValueError(f"{name}: needs a sequence of arrays; got a number.")
        arrays = [getitem(whole, i) for i in range(whole.shape[0])]
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(
            f"{name}: needs a sequence of arrays; got {type(arrays).__name__}."
        )
    if not arrays:
        raise ValueError(f"{name}: needs at least one array; got none.")
    xs = [operand(name, a) for a in arrays]
    if dtype is not None:
        wanted = dtypes.check_array_dtype(name, dtype)
        return [convert(x, wanted) for x in xs]
    first = xs[0].dtype
    return xs if all(x.dtype == first for x in xs) else promote(name, *xs)


def _joined(name: str, xs: Sequence[Any], axis: int) -> Any:
    first = xs[0]
    for x in xs:
        a, b = list(x.shape), list(first.shape)
        if len(a) == len(b):
            a[axis] = b[axis] = 0
        if a != b:
            shapes = ", ".join(str(v.shape) for v in xs[:8])
            raise ValueError(
                f"{name}: arrays of shapes {shapes} cannot be joined along axis {axis};"
                " all other sizes must be equal."
            )
    return _concatenate(xs, axis)


def concatenate(arrays: Any, axis: int | None = 0, dtype: Any = None) -> Any:
    """The arrays joined along an axis they have; flattened first where it is None.

    Args:
        arrays: sequence of arrays (or one array: its rows), equal but along `axis`.
        axis: where to join.
        dtype: of the result; by default the one they promote to.

    >>> import chainrule.numpy as cnp
    >>> cnp.concatenate([cnp.arange(2), cnp.array([5.0])]).tolist()
    [0.0, 1.0, 5.0]
    """
    xs = _operands("concatenate", arrays, dtype)
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    if not xs[0].ndim:
        raise ValueError("concatenate: numbers have no axis to join along; use stack.")
    return _joined("concatenate", xs, canonical_axis("concatenate", axis, xs[0].ndim))


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    """The same as `concatenate`.

    >>> import chainrule.numpy as cnp
    >>> cnp.concat([cnp.arange(1), cnp.arange(2)]).tolist()
    [0, 0, 1]
    """
    return concatenate(arrays, axis)


def stack(arrays: Any, axis: int = 0, out: None = None, dtype: Any = None) -> Any:
    """Arrays of one shape joined along a new axis.

    >>> import chainrule.numpy as cnp
    >>> cnp.stack([cnp.arange(2), cnp.arange(2)], axis=1).tolist()
    [[0, 0], [1, 1]]
    """
    if out is not None:
        raise NotImplementedError(
            "stack: `out` is not supported; arrays are immutable."
        )
    xs = _operands("stack", arrays, dtype)
    shape = xs[0].shape
    if any(x.shape != shape for x in xs):
        raise ValueError(
            "stack: all arrays must have the same shape; got"
            f" {', '.join(str(x.shape) for x in xs[:8])}."
        )
    axis = canonical_axis("stack", operator.index(axis), len(shape) + 1)
    return _concatenate([_expand_dims(x, (axis,)) for x in xs], axis)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The sub-arrays of `x` along `axis`, that axis removed.

    >>> import chainrule.numpy as cnp
    >>> [r.tolist() for r in cnp.unstack(cnp.zeros((2, 1)))]
    [[0.0], [0.0]]
    """
    x = operand("unstack", x)
    if not x.ndim:
        raise ValueError("unstack: a number has no axis to unstack along.")
    axis = canonical_axis("unstack", axis, x.ndim)
    n = x.shape[axis]
    if not n:
        return ()
    parts = split_p(x, sizes=(1,) * n, axis=axis)
    return tuple([squeeze_p(part, dimensions=(axis,)) for part in parts])


def _many(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def vstack(tup: Any, dtype: Any = None) -> Any:
    """Arrays joined along axis 0, 1-d arrays as rows.

    >>> import chainrule.numpy as cnp
    >>> cnp.vstack([cnp.arange(2), cnp.arange(2)]).shape
    (2, 2)
    """
    return concatenate(_many(atleast_2d(*_operands("vstack", tup, dtype))), 0)


def hstack(tup: Any, dtype: Any = None) -> Any:
    """Arrays joined along axis 1, 1-d arrays along their only axis.

    >>> import chainrule.numpy as cnp
    >>> cnp.hstack([cnp.arange(2), 7]).tolist()
    [0, 1, 7]
    """
    xs = _many(atleast_1d(*_operands("hstack", tup, dtype)))
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1)


def dstack(tup: Any, dtype: Any = None) -> Any:
    """Arrays joined along axis 2, made 3-d first.

    >>> import chainrule.numpy as cnp
    >>> cnp.dstack([cnp.arange(2), cnp.arange(2)]).shape
    (1, 2, 2)
    """
    return concatenate(_many(atleast_3d(*_operands("dstack", tup, dtype))), 2)


def column_stack(tup: Any) -> Any:
    """1-d arrays as columns, and 2-d arrays as they are, joined along axis 1.

    >>> import chainrule.numpy as cnp
    >>> cnp.column_stack([cnp.arange(2), cnp.arange(2)]).tolist()
    [[0, 0], [1, 1]]
    """
    xs = _operands("column_stack", tup, None)
    columns = [x if x.ndim > 1 else reshape(x, (x.size, 1)) for x in xs]
    return concatenate(columns, 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """`arr` with `values` behind it along `axis`; both flattened where it is None.

    >>> import chainrule.numpy as cnp
    >>> cnp.append(cnp.arange(2), 5).tolist()
    [0, 1, 5]
    """
    return concatenate([operand("append", arr), operand("append", values)], axis)


def block(arrays: Any) -> Any:
    """An array put together from nested lists of blocks.

    The innermost lists are joined along the last axis, the next along the one before.

    >>> import chainrule.numpy as cnp
    >>> cnp.block([[cnp.ones((1, 1)), cnp.zeros((1, 2))], [cnp.zeros((1, 3))]]).shape
    (2, 3)
    """

    def depth(x: Any) -> int:
        if isinstance(x, tuple):
            raise TypeError("block: blocks are given in lists; got a tuple.")
        if not isinstance(x, list):
            return 0
        if not x:
            raise ValueError("block: lists of blocks must not be empty.")
        depths = {depth(v) for v in x}
        if len(depths) > 1:
            raise ValueError("block: all blocks must be nested equally deep.")
        return depths.pop() + 1

    levels = depth(arrays)

    def rank(x: Any) -> int:
        if isinstance(x, list):
            return max(rank(v) for v in x)
        return max(np.ndim(x), levels)

    ndim = rank(arrays)

    def join(x: Any, axis: int) -> Any:
        if isinstance(x, list):
            return concatenate([join(v, axis + 1) for v in x], axis)
        found = operand("block", x)
        return (
            _expand_dims(found, range(ndim - found.ndim))
            if found.ndim < ndim
            else found
        )

    return join(arrays, ndim - levels)


# --- splitting -----------------------------------------------------------------------


def _split(name: str, ary: Any, where: Any, axis: int, even: bool) -> list[Any]:
    x = operand(name, ary)
    axis = canonical_axis(name, operator.index(axis), x.ndim)
    n = x.shape[axis]
    if isinstance(where, (list, tuple, np.ndarray, Array)) and np.ndim(where):
        points = [operator.index(i) for i in where]
        bounds = [0, *[min(max(i + n if i < 0 else i, 0), n) for i in points], n]
    else:
        parts = operator.index(where)
        if parts < 1:
            raise ValueError(
                f"{name}: the number of parts must be positive; got {parts}."
            )
        if even and n % parts:
            raise ValueError(
                f"{name}: axis {axis} of size {n} cannot be split into {parts} equal"
                " parts; use array_split for unequal ones."
            )
        small, larger = divmod(n, parts)
        bounds = np.cumsum([0] + [small + 1] * larger + [small] * (parts - larger))
    sizes = [int(b) - int(a) for a, b in zip(bounds[:-1], bounds[1:])]
    if all(s >= 0 for s in sizes):
        return split_p(x, sizes=tuple(sizes), axis=axis)
    return [
        slice_along(x, int(a), max(int(a), int(b)), axis)
        for a, b in zip(bounds[:-1], bounds[1:])
    ]


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """`ary` cut along `axis` into equal parts, or before the given indices.

    >>> import chainrule.numpy as cnp
    >>> [p.tolist() for p in cnp.split(cnp.arange(4), [1, 3])]
    [[0], [1, 2], [3]]
    """
    return _split("split", ary, indices_or_sections, axis, True)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Like `split`, but the parts may differ in size by one.

    >>> import chainrule.numpy as cnp
    >>> [p.size for p in cnp.array_split(cnp.arange(5), 2)]
    [3, 2]
    """
    return _split("array_split", ary, indices_or_sections, axis, False)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 1; along axis 0 for 1-d arrays.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.hsplit(cnp.zeros((2, 4)), 2))
    2
    """
    x = operand("hsplit", ary)
    return _split("hsplit", x, indices_or_sections, 0 if x.ndim == 1 else 1, True)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 0.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.vsplit(cnp.zeros((2, 4)), 2))
    2
    """
    return _split("vsplit", ary, indices_or_sections, 0, True)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along axis 2.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.dsplit(cnp.zeros((1, 1, 4)), 2))
    2
    """
    return _split("dsplit", ary, indices_or_sections, 2, True)


__all__ = [
    "append", "array_split", "block", "column_stack", "concat", "concatenate", "dsplit",
    "dstack", "hsplit", "hstack", "split", "stack", "unstack", "vsplit", "vstack",
]  # fmt: skip
