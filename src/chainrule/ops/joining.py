"""Joining and splitting: concatenate, split, squeeze, rev, tile, iota.

All but iota are linear and rearrange elements; each one's transpose is the opposite
rearrangement, with a sum where tile has copied. Sizes are static, as in all shapes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, aval_of
from ..core.linear import is_linear
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from . import arranging
from .shaping import broadcast_in_dim, full, move_dim, reduce_sum_p, reshape
from .slicing import slice_p


def slice_along(x: Any, start: int, stop: int, axis: int, stride: int = 1) -> Any:
    """`x[start:stop:stride]` along `axis` (static, in bounds, non-negative)."""
    shape = aval_of(x).shape
    if start == 0 and stop == shape[axis] and stride == 1 and isinstance(x, Array):
        return x
    before, after = shape[:axis], shape[axis + 1 :]
    strides = (*(1,) * len(before), stride, *(1,) * len(after)) if stride != 1 else None
    return slice_p(
        x,
        start_indices=(*(0,) * len(before), start, *(0,) * len(after)),
        limit_indices=(*before, stop, *after),
        strides=strides,
    )


def with_batch_first(args: Sequence[Any], dims: Sequence[Any], size: int) -> list[Any]:
    """The `args` with batch dims moved to the front; broadcast where there is none."""
    found: list[Any] = []
    for x, d in zip(args, dims):
        if d is None:
            shape = aval_of(x).shape
            x = broadcast_in_dim(x, (size, *shape), range(1, len(shape) + 1))
        else:
            x = move_dim(x, d, 0)
        found.append(x)
    return found


# --- concatenate ---------------------------------------------------------------------


def _concatenate_abstract(*xs: Any, dimension: int) -> Any:
    if not xs:
        raise ValueError("concatenate: no operands; give at least one array.")
    first = xs[0]
    if not 0 <= dimension < first.ndim:
        raise TypeError(
            f"concatenate: dimension {dimension} is out of bounds for operands of shape"
            f" {first.shape}; use 0 <= dimension < {first.ndim}."
        )
    for x in xs:
        same = x.ndim == first.ndim and all(
            i == dimension or a == b
            for i, (a, b) in enumerate(zip(x.shape, first.shape))
        )
        if not same:
            shapes = ", ".join(str(v.shape) for v in xs)
            raise TypeError(
                f"concatenate: operands of shapes {shapes} differ outside of dimension"
                f" {dimension}; all other sizes must be equal."
            )
        if x.dtype != first.dtype:
            raise TypeError(
                f"concatenate: operands must have one dtype; got {first.dtype} and"
                f" {x.dtype}. Convert one with astype."
            )
    total = sum(x.shape[dimension] for x in xs)
    return (*first.shape[:dimension], total, *first.shape[dimension + 1 :]), first.dtype


def _concatenate_transpose(ct: Any, *xs: Any, dimension: int) -> Any:
    found: list[Any] = []
    start = 0
    for x in xs:
        stop = start + aval_of(x).shape[dimension]
        found.append(slice_along(ct, start, stop, dimension) if is_linear(x) else None)
        start = stop
    return tuple(found)


_few_parts = 4
"""So many operands are told apart at every element; more are written one by one."""


def _concatenate_lower(build: Any, *xs: Any, dimension: int) -> Any:
    m = build.m
    build.check(*xs)
    if len(xs) > (_few_parts if any(x.shape[dimension] > 1 for x in xs) else 8):
        return _concatenate_parts(build, xs, dimension)

    def element(*i: Any) -> Any:
        out = m.const(0, xs[0].type)
        start = build.out.shape[dimension]
        for x in reversed(xs):
            n = x.shape[dimension]
            start -= n
            k = i[dimension] - start
            at = (*i[:dimension], k, *i[dimension + 1 :])
            out = build.guarded(k.within(n), lambda x=x, at=at: x.at(*at), out)
        return out

    return build.stacked(dimension, *xs, element=element)


def _concatenate_parts(build: Any, xs: Sequence[Any], dimension: int) -> Any:
    """Each operand written into its part of the result."""
    out, start = build.target(), 0
    for x in xs:

        def place(*i: Any, start: int = start) -> Any:
            return (*i[:dimension], i[dimension] + start, *i[dimension + 1 :])

        build.write(out, x.shape, x.at, place, x)
        start += x.shape[dimension]
    return out


concatenate_p = Primitive(
    "concatenate",
    "The operands one behind the other along `dimension`.",
    abstract=_concatenate_abstract,
    linear=(),
    transpose=_concatenate_transpose,
    batch=lambda args, dims, size, *, dimension: (
        concatenate_p(*with_batch_first(args, dims, size), dimension=dimension + 1),
        0,
    ),
    evaluate=lambda *xs, dimension: np.concatenate(xs, dimension),
    lower=_concatenate_lower,
    work=1.0,
)


def concatenate(xs: Sequence[Any], dimension: int) -> Any:
    """The arrays `xs`, of one dtype, joined along `dimension`; a single one itself."""
    if len(xs) == 1 and isinstance(xs[0], Array):
        return xs[0]
    return concatenate_p(*xs, dimension=dimension)


# --- split ---------------------------------------------------------------------------


def _split_abstract(x: Any, *, sizes: Any, axis: int) -> Any:
    if not 0 <= axis < x.ndim:
        raise ValueError(
            f"split: axis {axis} is out of bounds for shape {x.shape}; use"
            f" 0 <= axis < {x.ndim}."
        )
    if sum(sizes) != x.shape[axis] or any(n < 0 for n in sizes):
        raise ValueError(
            f"split: sizes {tuple(sizes)} must be non-negative and add up to"
            f" {x.shape[axis]}, the size of axis {axis} of shape {x.shape}."
        )
    return [((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype) for n in sizes]


def _split_transpose(cts: Any, x: Any, *, sizes: Any, axis: int) -> Any:
    parts = [
        full((*x.shape[:axis], n, *x.shape[axis + 1 :]), 0, x.dtype)
        if ct is None
        else ct
        for ct, n in zip(cts, sizes)
    ]
    return (concatenate(parts, axis),)


def _split_batch(args: Any, dims: Any, size: int, *, sizes: Any, axis: int) -> Any:
    d = dims[0]
    outs = split_p(args[0], sizes=sizes, axis=axis if axis < d else axis + 1)
    return outs, [d] * len(outs)


def _split_evaluate(x: Any, *, sizes: Any, axis: int) -> Any:
    bounds = pairwise(accumulate(sizes, initial=0))
    before = (slice(None),) * axis
    return [x[(*before, slice(a, b))] for a, b in bounds]


def _split_lower(build: Any, x: Any, *, sizes: Any, axis: int) -> Any:
    def part(aval: Any, start: int) -> Any:
        def element(*i: Any) -> Any:
            return x.at(*i[:axis], i[axis] + start, *i[axis + 1 :])

        return build.of(aval).index(element, x, cost=0.0)

    return [part(a, k) for a, k in zip(build.out, accumulate(sizes, initial=0))]


split_p = Primitive(
    "split",
    "x cut along `axis` into parts of the given sizes.",
    abstract=_split_abstract,
    linear=(0,),
    transpose=_split_transpose,
    batch=_split_batch,
    evaluate=_split_evaluate,
    lower=_split_lower,
    multiple_results=True,
    work=0.0,
)


# --- squeeze, rev --------------------------------------------------------------------


def _squeeze_abstract(x: Any, *, dimensions: Any) -> Any:
    if len(set(dimensions)) != len(dimensions) or any(
        not 0 <= d < x.ndim or x.shape[d] != 1 for d in dimensions
    ):
        raise ValueError(
            f"squeeze: dimensions {tuple(dimensions)} of shape {x.shape} must be"
            " distinct and have size 1."
        )
    return tuple(n for i, n in enumerate(x.shape) if i not in dimensions), x.dtype


def _squeeze_batch(args: Any, dims: Any, size: int, *, dimensions: Any) -> Any:
    d = dims[0]
    moved = tuple(i if i < d else i + 1 for i in dimensions)
    return squeeze_p(args[0], dimensions=moved), d - sum(i < d for i in moved)


def _squeeze_lower(build: Any, x: Any, *, dimensions: Any) -> Any:
    kept = [k for k in range(len(x.shape)) if k not in dimensions]
    zero = build.m.Index(0)

    def element(*i: Any) -> Any:
        place = dict(zip(kept, i))
        return x.at(*(place.get(k, zero) for k in range(len(x.shape))))

    return build.index(element, x, cost=0.0, linear=x.linear)


squeeze_p = Primitive(
    "squeeze",
    "x without the given dimensions of size 1.",
    abstract=_squeeze_abstract,
    linear=(0,),
    transpose=lambda ct, x, *, dimensions: (reshape(ct, x.shape),),
    batch=_squeeze_batch,
    evaluate=lambda x, *, dimensions: np.squeeze(x, dimensions),
    lower=_squeeze_lower,
    work=0.0,
    view=arranging.squeeze_view,
)


def squeeze(x: Any, dimensions: Sequence[int]) -> Any:
    """`x` without `dimensions` (non-negative, of size 1); `x` itself without any."""
    if not len(dimensions) and isinstance(x, Array):
        return x
    return squeeze_p(x, dimensions=tuple(dimensions))


def expand_dims(x: Any, dimensions: Sequence[int]) -> Any:
    """`x` with new dimensions of size 1 at the given positions of the result."""
    shape = aval_of(x).shape
    rank = len(shape) + len(dimensions)
    kept = [i for i in range(rank) if i not in dimensions]
    sizes = [1] * rank
    for i, n in zip(kept, shape):
        sizes[i] = n
    return broadcast_in_dim(x, sizes, kept)


def _rev_abstract(x: Any, *, dimensions: Any) -> Any:
    if len(set(dimensions)) != len(dimensions) or any(
        not 0 <= d < x.ndim for d in dimensions
    ):
        raise TypeError(
            f"rev: dimensions {tuple(dimensions)} must be distinct dimensions of shape"
            f" {x.shape}."
        )
    return x.shape, x.dtype


def _rev_lower(build: Any, x: Any, *, dimensions: Any) -> Any:
    return build.index(
        lambda *indices: x.at(
            *(n - 1 - i if d in dimensions else i
              for d, (i, n) in enumerate(zip(indices, x.shape)))
        ),
        x,
        cost=0.0,
    )  # fmt: skip


rev_p = Primitive(
    "rev",
    "x with the order of elements reversed along the given dimensions.",
    abstract=_rev_abstract,
    linear=(0,),
    transpose=lambda ct, x, *, dimensions: (rev_p(ct, dimensions=dimensions),),
    batch=lambda args, dims, size, *, dimensions: (
        rev_p(args[0], dimensions=tuple(d + (d >= dims[0]) for d in dimensions)),
        dims[0],
    ),
    evaluate=lambda x, *, dimensions: np.flip(x, dimensions),
    lower=_rev_lower,
    work=0.0,
)


# --- tile ----------------------------------------------------------------------------


def _tile_abstract(x: Any, *, reps: Any) -> Any:
    if len(reps) != x.ndim or any(r < 0 for r in reps):
        raise TypeError(
            f"tile: reps {tuple(reps)} needs one non-negative number per dimension of"
            f" shape {x.shape}."
        )
    return tuple(n * r for n, r in zip(x.shape, reps)), x.dtype


def _tile_transpose(ct: Any, x: Any, *, reps: Any) -> Any:
    apart = tuple(k for pair in zip(reps, x.shape) for k in pair)
    axes = tuple(range(0, 2 * len(reps), 2))
    return (reduce_sum_p(reshape(ct, apart), axes=axes),)


def _tile_batch(args: Any, dims: Any, size: int, *, reps: Any) -> Any:
    d = dims[0]
    return tile_p(args[0], reps=(*reps[:d], 1, *reps[d:])), d


def _tile_evaluate(x: Any, *, reps: Any) -> Any:
    apart = [k for pair in zip(reps, x.shape) for k in pair]
    out = np.empty(apart, x.dtype)
    out[...] = x.reshape([k for n in x.shape for k in (1, n)])
    return out.reshape([n * r for n, r in zip(x.shape, reps)])


def _tile_lower(build: Any, x: Any, *, reps: Any) -> Any:
    x = build.settled(x, reads=math.prod(reps))
    return build.index(
        lambda *indices: x.at(*(i.divmod(n)[1] for i, n in zip(indices, x.shape))), x
    )


tile_p = Primitive(
    "tile",
    "reps[d] copies of x, one behind the other, along each dimension d.",
    abstract=_tile_abstract,
    linear=(0,),
    transpose=_tile_transpose,
    batch=_tile_batch,
    evaluate=_tile_evaluate,
    lower=_tile_lower,
    work=1.0,
)


# --- iota ----------------------------------------------------------------------------


def _iota_abstract(*, dtype: Any, shape: Any, dimension: int) -> Any:
    if not 0 <= dimension < len(shape):
        raise ValueError(
            f"iota: dimension {dimension} is out of bounds for shape {tuple(shape)};"
            f" use 0 <= dimension < {len(shape)}."
        )
    if dtypes.kind(dtype) not in "iufc":
        raise TypeError(f"iota: dtype {dtype} does not count; use a numeric dtype.")
    return tuple(shape), dtype


def _iota_evaluate(*, dtype: Any, shape: Any, dimension: int) -> Any:
    n = shape[dimension]
    counted = (
        np.arange(n, dtype=dtype) if dtype.num < 24 else np.arange(n).astype(dtype)
    )
    if len(shape) == 1:
        return counted
    sizes = [1] * len(shape)
    sizes[dimension] = n
    return np.broadcast_to(counted.reshape(sizes), shape)


def _iota_lower(build: Any, *, dtype: Any, shape: Any, dimension: int) -> Any:
    type = build.type_of(dtype)
    return build.index(lambda *i: build.m.convert(i[dimension].expr(), type), cost=0.0)


iota_p = Primitive(
    "iota",
    "0, 1, 2, ... along `dimension` of an array of the given shape.",
    abstract=_iota_abstract,
    jvp=Missing("iota has no operands"),
    batch=Missing("iota has no operands"),
    evaluate=_iota_evaluate,
    lower=_iota_lower,
    weak=WEAK_NEVER,
    work=1.0,
)


def iota(dtype: Any, shape: Sequence[int], dimension: int = 0) -> Any:
    """0, 1, 2, ... along `dimension` of an array of `shape`."""
    return iota_p(dtype=dtype, shape=tuple(shape), dimension=dimension)


__all__ = [
    "concatenate", "concatenate_p", "expand_dims", "iota", "iota_p", "rev_p",
    "slice_along", "split_p", "squeeze", "squeeze_p", "tile_p",
    "with_batch_first",
]  # fmt: skip
