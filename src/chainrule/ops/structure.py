"""What transformations need of operations: the vector-space structure of values.

Adding tangents, the zero tangent made explicit, scaling a tangent by a known factor,
and moving or making a batch dimension. Transformations use these and no other op.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import ShapedArray, aval_of, wrap
from ..core.config import options
from . import shaping
from .absorbing import AbsorbingTrace, absorbing, absorbing_if_chosen
from .arithmetic import add_p, mul_p, neg_p
from .elementwise_rules import unbroadcast
from .power_series import Series, cauchy
from .shaping import broadcast_in_dim, broadcast_to, move_dim, reduce_sum_p, reshape
from .slicing import slice_p

scale_p, negate_p = mul_p, neg_p
"""tangent times known factor; minus a tangent."""


def add_tangents(a: Any, b: Any) -> Any:
    """a + b, where None is a zero tangent."""
    if a is None:
        return b
    return a if b is None else add_p(a, b)


def instantiate(tangent: Any, aval: Any) -> Any:
    """`tangent`, or zeros of the tangent type of `aval` where it is None."""
    if tangent is not None:
        return tangent
    if dtypes.is_inexact(aval.dtype):
        return shaping.zeros(aval)
    return float0_zeros(aval.shape)


def float0_zeros(shape: Any) -> Any:
    """The (empty) tangent of integer values of `shape`."""
    return np.zeros(shape, dtypes.float0)


def batch_to_front(x: Any, dim: int | None, size: int) -> Any:
    """`x` with its batch dim first; broadcast along a new one where it has none."""
    if dim is not None:
        return move_dim(x, dim, 0)
    shape = aval_of(x).shape
    return broadcast_in_dim(x, (size, *shape), range(1, len(shape) + 1))


def scaled_by(x: Any, factor: float) -> Any:
    """`x` times a Python number, in the dtype of `x`."""
    if factor == 1.0:
        return x
    dtype = aval_of(x).dtype
    return mul_p(x, wrap(np.asarray(factor, dtype), aval_of(x).weak_type))


def known_terms(prim: Any, y: Any, series: Any, params: Any) -> Iterator[Any] | None:
    """Coefficients 1, 2, ... of a primitive of power series, None where only its
    derivative gives them. With `nan_safe_gradients`, coefficients that are zero absorb."""
    if not options.nan_safe_gradients:
        return _known_terms(prim, y, series, params)
    trace = AbsorbingTrace()
    marked = lambda s: Series([s[0]], (trace.mark(s[k]) for k in count(1)))
    terms = _known_terms(prim, y, [marked(s) for s in series], params)
    return None if terms is None else map(trace.bare, terms)


def _known_terms(prim: Any, y: Any, series: Any, params: Any) -> Iterator[Any] | None:
    if prim.taylor and (terms := prim.taylor(y, *series, **params)) is not None:
        return iter(terms)
    if prim.linear is not None:
        return _linear_terms(prim, series, params)
    if not prim.bilinear:
        return None
    times = lambda a, b: prim(a, b, **params)
    return (cauchy(series[0], series[1], k, times) for k in count(1))


def _linear_terms(prim: Any, series: Any, params: Any) -> Iterator[Any]:
    where = prim.linear if prim.linear != () else range(len(series))
    args = [s[0] for s in series]
    avals = [aval_of(x) for x in args]
    for k in count(1):
        if all(series[i][k] is None for i in where):
            yield None
            continue
        for i in where:
            args[i] = instantiate(series[i][k], avals[i])
        yield prim(*args, **params)


def sum_rows(x: Any) -> Any:
    """The sum of `x` over its first dimension."""
    return reduce_sum_p(x, axes=(0,))


def take_row(x: Any, axis: int, index: int) -> Any:
    """`x[index]` along `axis`, that dimension removed."""
    shape = aval_of(x).shape
    row = slice_rows(x, index, index + 1, axis)
    return reshape(row, (*shape[:axis], *shape[axis + 1 :]))


def slice_rows(x: Any, start: int, stop: int, axis: int) -> Any:
    """`x[start:stop]` along `axis`."""
    shape = aval_of(x).shape
    starts = tuple(start if i == axis else 0 for i in range(len(shape)))
    stops = tuple(stop if i == axis else n for i, n in enumerate(shape))
    if stops == shape and not start:
        return x
    return slice_p(x, start_indices=starts, limit_indices=stops, strides=None)


__all__ = [
    "Series", "ShapedArray", "absorbing", "absorbing_if_chosen", "add_p",
    "add_tangents", "batch_to_front", "broadcast_in_dim", "broadcast_to",
    "float0_zeros", "instantiate", "known_terms", "move_dim", "negate_p", "reshape",
    "scale_p", "scaled_by", "slice_rows", "sum_rows", "take_row", "unbroadcast",
]  # fmt: skip
