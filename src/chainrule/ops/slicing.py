"""Static slices and padding: each is the other's transpose.

`slice` takes every stride-th element between static bounds; `pad` puts elements of a
scalar value before, between and behind those of its operand, or cuts where negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.linear import is_linear
from ..core.primitive import Primitive
from .elementwise_selection import select_n_p
from .shaping import broadcast_in_dim, full, move_dim, reduce_sum_p, reshape


def _slice_abstract(
    x: Any, *, start_indices: Any, limit_indices: Any, strides: Any
) -> Any:
    strides = strides or (1,) * x.ndim
    if not len(start_indices) == len(limit_indices) == len(strides) == x.ndim:
        raise TypeError(
            f"slice: start_indices {start_indices}, limit_indices {limit_indices} and"
            f" strides {strides} need one entry per dimension of shape {x.shape}."
        )
    for a, b, n, s in zip(start_indices, limit_indices, x.shape, strides):
        if not 0 <= a <= b <= n or s < 1:
            raise TypeError(
                f"slice: bounds {start_indices} to {limit_indices} by {strides} do not"
                f" lie within shape {x.shape}; use 0 <= start <= limit <= size and"
                " strides of at least 1."
            )
    shape = tuple(
        -(-(b - a) // s) for a, b, s in zip(start_indices, limit_indices, strides)
    )
    return shape, x.dtype


def _slice_transpose(
    ct: Any, x: Any, *, start_indices: Any, limit_indices: Any, strides: Any
) -> Any:
    strides = strides or (1,) * x.ndim
    config = tuple(
        (a, n - a - max((m - 1) * s + 1, 0) if m else n - a, s - 1)
        for a, n, m, s in zip(start_indices, x.shape, ct.shape, strides)
    )
    return (pad_p(ct, full((), 0, ct.dtype), padding_config=config),)


def _slice_batch(
    args: Any,
    dims: Any,
    size: int,
    *,
    start_indices: Any,
    limit_indices: Any,
    strides: Any,
) -> Any:
    d = dims[0]

    def insert(values: Any, value: int) -> Any:
        return (*values[:d], value, *values[d:])

    out = slice_p(
        args[0],
        start_indices=insert(start_indices, 0),
        limit_indices=insert(limit_indices, size),
        strides=None if strides is None else insert(strides, 1),
    )
    return out, d


def _slice_evaluate(
    x: Any, *, start_indices: Any, limit_indices: Any, strides: Any
) -> Any:
    strides = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, strides))]


def _slice_lower(
    build: Any, x: Any, *, start_indices: Any, limit_indices: Any, strides: Any
) -> Any:
    steps = strides or (1,) * len(start_indices)
    uncut = all(n == m for n, m in zip(limit_indices[1:], x.shape[1:]))
    leading = uncut and all(a == 0 for a in start_indices) and strides is None
    return build.index(
        lambda *i: x.at(*(k * s + a for k, a, s in zip(i, start_indices, steps))),
        x,
        cost=0.0,
        flat=x if leading else None,
    )


slice_p = Primitive(
    "slice",
    "out[i] = x[start + i * stride], dimension by dimension.",
    abstract=_slice_abstract,
    linear=(0,),
    transpose=_slice_transpose,
    batch=_slice_batch,
    evaluate=_slice_evaluate,
    lower=_slice_lower,
    work=0.0,
)


def _pad_abstract(x: Any, value: Any, *, padding_config: Any) -> Any:
    if value.shape != () or value.dtype != x.dtype:
        raise TypeError(
            f"pad: the padding value must be a scalar of dtype {x.dtype}; got"
            f" {value.str_short()}."
        )
    if len(padding_config) != x.ndim or any(c[2] < 0 for c in padding_config):
        raise ValueError(
            f"pad: padding_config {padding_config} needs (low, high, interior) per"
            f" dimension of shape {x.shape}, with interior >= 0."
        )
    shape = tuple(
        lo + hi + n + max(n - 1, 0) * inner
        for n, (lo, hi, inner) in zip(x.shape, padding_config)
    )
    if any(n < 0 for n in shape):
        raise ValueError(
            f"pad: padding_config {padding_config} cuts more than shape {x.shape} has."
        )
    return shape, x.dtype


def _pad_transpose(ct: Any, x: Any, value: Any, *, padding_config: Any) -> Any:
    x_bar = _unpad(ct, padding_config) if is_linear(x) else None
    if not is_linear(value):
        return x_bar, None
    total = reduce_sum_p(ct, axes=tuple(range(ct.ndim)))
    inner = x_bar if x_bar is not None else _unpad(ct, padding_config)
    inside = reduce_sum_p(inner, axes=tuple(range(ct.ndim)))
    return x_bar, total - inside


def _unpad(ct: Any, config: Any) -> Any:
    """The elements of `ct` at which pad put those of its operand (zero where cut)."""
    zero = full((), 0, ct.dtype)
    cut = tuple((-lo, -hi, 0) for lo, hi, _ in config)
    ct = pad_p(ct, zero, padding_config=cut)
    strides = tuple(inner + 1 for _, _, inner in config)
    limits = ct.shape
    return slice_p(
        ct, start_indices=(0,) * ct.ndim, limit_indices=limits, strides=strides
    )


def _pad_batch(args: Any, dims: Any, size: int, *, padding_config: Any) -> Any:
    (x, value), (d, e) = args, dims
    if e is None:
        config = (*padding_config[:d], (0, 0, 0), *padding_config[d:])
        return pad_p(x, value, padding_config=config), d
    if d is None:
        shape = aval_of(x).shape
        x = broadcast_in_dim(x, (size, *shape), range(1, len(shape) + 1))
    else:
        x = move_dim(x, d, 0)
    config = ((0, 0, 0), *padding_config)
    shape, dtype = aval_of(x).shape, aval_of(x).dtype
    padded = pad_p(x, full((), 0, dtype), padding_config=config)
    here, nowhere = full(shape, True, np.dtype(bool)), full((), False, np.dtype(bool))
    inside = pad_p(here, nowhere, padding_config=config)
    spread = reshape(value, (size, *(1,) * (len(shape) - 1)))
    return select_n_p(inside, spread, padded), 0


def _pad_evaluate(x: Any, value: Any, *, padding_config: Any) -> Any:
    shape = tuple(
        lo + hi + n + max(n - 1, 0) * inner
        for n, (lo, hi, inner) in zip(x.shape, padding_config)
    )
    out = np.empty(shape, x.dtype)
    out[...] = value
    into, source = [], []
    for n, m, (lo, _, inner) in zip(x.shape, shape, padding_config):
        step = inner + 1
        first = max(0, -(lo // step)) if lo < 0 else 0
        last = min(n, max(first, -(-(m - lo) // step)))
        source.append(slice(first, last))
        start = lo + first * step
        into.append(slice(start, start + (last - first) * step, step))
    out[tuple(into)] = x[tuple(source)]
    return out


def _pad_lower(build: Any, x: Any, value: Any, *, padding_config: Any) -> Any:
    m = build.m

    def element(*indices: Any) -> Any:
        place, inside = [], []
        for i, n, (lo, _, inner) in zip(indices, x.shape, padding_config):
            k, no_hole = (i - lo).divided(inner + 1)
            inside += [no_hole, k.within(n)]
            place.append(k)
        return build.guarded(m.all_of(inside), lambda: x.at(*place), value.at())

    return build.index(element, x, value, cost=1.0)


pad_p = Primitive(
    "pad",
    "x with copies of a scalar before, between and behind its elements.",
    abstract=_pad_abstract,
    linear=(0, 1),
    transpose=_pad_transpose,
    batch=_pad_batch,
    evaluate=_pad_evaluate,
    lower=_pad_lower,
    work=1.0,
)
