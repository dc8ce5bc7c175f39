"""Positions as numbers and tuples: ix_, unravel_index, ravel_multi_index."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer
from ..core.errors import ConcretizationTypeError, described
from ..ops.elementwise_selection import max_p, min_p
from ..ops.shaping import convert, full, reshape
from .manipulation import broadcast_shapes
from .nonzero_search import unraveled
from .promotion import operand, promote


def ix_(*args: Any) -> tuple[Any, ...]:
    """Index arrays that select the grid of 1-d arrays of positions.

    >>> import chainrule.numpy as cnp
    >>> rows, columns = cnp.ix_(cnp.array([0, 1]), cnp.array([2]))
    >>> rows.shape, columns.shape
    ((2, 1), (1, 1))
    """
    rank = len(args)
    found: list[Any] = []
    for d, a in enumerate(args):
        x = operand("ix_", a)
        if x.ndim != 1:
            raise ValueError(f"ix_: arguments must be 1-d; got shape {x.shape}.")
        if x.dtype == dtypes.bool_:
            raise NotImplementedError(
                "ix_: boolean arguments are not supported; use nonzero(mask)[0]."
            )
        if not x.size:
            x = convert(x, dtypes.default_int())
        found.append(reshape(x, [x.size if i == d else 1 for i in range(rank)]))
    return tuple(found)


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Positions in a flattened array of `shape` as positions along each dimension.

    Negative ones count from the end; what is out of bounds is moved inside.

    >>> import chainrule.numpy as cnp
    >>> [int(i) for i in cnp.unravel_index(7, (2, 4))]
    [1, 3]
    """
    x = operand("unravel_index", indices)
    if not dtypes.is_integer(x.dtype):
        raise TypeError(
            f"unravel_index: indices must be integers; got dtype {x.dtype}."
        )
    sizes = tuple(operator.index(n) for n in np.atleast_1d(shape))
    total = math.prod(sizes)
    if not sizes:
        return ()
    low, high = (np.asarray(v, x.dtype) for v in (-total, total - 1)) if (
        dtypes.kind(x.dtype) == "i"
    ) else (np.asarray(v, x.dtype) for v in (0, max(total - 1, 0)))  # fmt: skip
    weak = x.weak_type
    x = min_p(max_p(x, low), high)
    if dtypes.kind(x.dtype) == "i":
        x = x % np.asarray(max(total, 1), x.dtype)
    return tuple(convert(p, p.dtype, weak) for p in unraveled(x, sizes))


def ravel_multi_index(
    multi_index: Sequence[Any],
    dims: Sequence[int],
    mode: Any = "raise",
    order: str = "C",
    *,
    dtype: Any = None,
) -> Any:
    """Positions along each dimension of `dims` as ones in the flattened array.

    Args:
        multi_index: an integer array per dimension. dims: sizes.
        mode: out of bounds: "raise" (concrete only), "wrap" or "clip"; or a tuple of
            one for each dimension.
        order: "C" or "F". dtype: of the result.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.ravel_multi_index((1, 3), (2, 4)))
    7
    """
    sizes = [operator.index(n) for n in dims]
    xs = [operand("ravel_multi_index", i) for i in multi_index]
    if len(xs) != len(sizes):
        raise ValueError(
            f"ravel_multi_index: needs an array for each of the {len(sizes)}"
            f" dimensions; got {len(xs)}."
        )
    if any(not dtypes.is_integer(x.dtype) for x in xs):
        raise TypeError("ravel_multi_index: positions must be integers.")
    if order not in ("C", "F"):
        raise ValueError(f"ravel_multi_index: order must be 'C' or 'F'; got {order!r}.")
    modes = [mode] * len(sizes) if isinstance(mode, str) else list(mode)
    xs = promote("ravel_multi_index", *xs)
    bounded = [_bounded(x, n, m) for x, n, m in zip(xs, sizes, modes)]
    pairs = list(zip(bounded, sizes))
    if order == "F":
        pairs.reverse()
    shape = broadcast_shapes(*(x.shape for x in xs))
    found = dtypes.check_array_dtype(
        "ravel_multi_index", int if dtype is None else dtype
    )
    out = full(shape, 0, found)
    for x, n in pairs:
        out = out * np.asarray(n, found) + convert(x, found)
    return out


def _bounded(x: Any, n: int, mode: str) -> Any:
    if mode == "wrap":
        return x % np.asarray(n, x.dtype)
    if mode == "clip":
        return min_p(max_p(x, np.asarray(0, x.dtype)), np.asarray(n - 1, x.dtype))
    if mode != "raise":
        raise ValueError(
            f"ravel_multi_index: mode must be 'raise', 'wrap' or 'clip'; got {mode!r}."
        )
    if isinstance(x, Tracer):
        raise ConcretizationTypeError(
            f"ravel_multi_index: mode='raise' needs the value of the {described(x)};"
            " use mode='clip' or mode='wrap'."
        )
    if np.any((np.asarray(x) < 0) | (np.asarray(x) >= n)):
        raise ValueError(
            f"ravel_multi_index: invalid entry in coordinates array: {np.asarray(x)} is"
            f" not within 0 <= index < {n}."
        )
    return x


__all__ = ["ix_", "ravel_multi_index", "unravel_index"]
