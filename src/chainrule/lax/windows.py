"""lax: reductions over sliding windows (pooling) by any associative function.

Sums, maxima and minima are primitives. Any other function, also of several arrays at
once, is applied once for each position within the window, to whole arrays.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import ConcreteArray, as_array
from ..ops.arithmetic import add_p
from ..ops.convolution import dilated
from ..ops.elementwise_selection import max_p, min_p, select
from ..ops.reductions import greatest, least
from ..ops.shaping import broadcast_to, convert, full
from ..ops.slicing import pad_p, slice_p
from ..ops.window_reductions import (
    reduce_window_max_p,
    reduce_window_min_p,
    reduce_window_sum_p,
    window_shape,
)
from ..runtime._native import tree_flatten, tree_unflatten
from .binding import bind
from .convolution import padtype_to_pads
from .reductions import flat_combine, monoid_of

_windowed = {
    add_p: (reduce_window_sum_p, lambda dtype: np.zeros((), dtype)),
    max_p: (reduce_window_max_p, least),
    min_p: (reduce_window_min_p, greatest),
}


def _entries(values: Any, rank: int) -> tuple[int, ...]:
    if values is None:
        return (1,) * rank
    if not isinstance(values, (tuple, list)) and hasattr(values, "__index__"):
        return (operator.index(values),) * rank
    return tuple(operator.index(v) for v in values)


def _params(
    shape: Sequence[int], window: Any, strides: Any, padding: Any, base: Any, holes: Any
) -> dict[str, Any]:
    rank = len(shape)
    found: dict[str, Any] = {
        "window_dimensions": _entries(window, rank),
        "window_strides": _entries(strides, rank),
        "base_dilation": _entries(base, rank),
        "window_dilation": _entries(holes, rank),
    }
    for what, values in found.items():
        if len(values) != rank:
            raise TypeError(
                f"reduce_window: {what} {values} needs an entry for each dimension of"
                f" shape {tuple(shape)}."
            )
    if isinstance(padding, str):
        padding = padtype_to_pads(
            [dilated(n, b) for n, b in zip(shape, found["base_dilation"])],
            [
                dilated(k, w)
                for k, w in zip(found["window_dimensions"], found["window_dilation"])
            ],
            found["window_strides"],
            padding,
        )
    pads = tuple((operator.index(lo), operator.index(hi)) for lo, hi in padding)
    return {**found, "padding": pads}


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable[[Any, Any], Any],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Reduces each window of an array by an associative function of two values.

    Args:
        operand: array, or a pytree of arrays of one shape.
        init_value: scalars, one for each array, to start each window from.
        computation: associative function of two values (or trees of values).
        window_dimensions, window_strides: sizes and distances of the windows, one for
            each dimension.
        padding: "VALID", "SAME", "SAME_LOWER", or a (low, high) pair for each
            dimension. Padding takes no part in the reduction.
        base_dilation, window_dilation: distances between neighbours in the operand and
            in the window; None: 1.

    Returns:
        Arrays of one element for each window, in the tree of `operand`.

    Raises:
        TypeError: a parameter has not an entry for each dimension.
        ValueError: the trees of `operand` and `init_value` differ.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.reduce_window(cnp.arange(4.), 0., lax.add, (2,), (1,), "VALID").tolist()
    [1.0, 3.0, 5.0]
    """
    leaves, tree = tree_flatten(operand)
    inits, init_tree = tree_flatten(init_value)
    if tree != init_tree:
        raise ValueError(
            "reduce_window: operand and init_value must have one tree structure; got"
            f" {tree} and {init_tree}."
        )
    xs, starts = _operands(leaves, inits)
    params = _params(
        xs[0].shape, window_dimensions, window_strides, padding, base_dilation,
        window_dilation,
    )  # fmt: skip
    prim = monoid_of(computation, xs[0].dtype) if len(xs) == 1 else None
    if prim in _windowed:
        return tree_unflatten(tree, [_by_monoid(prim, xs[0], starts[0], params)])
    combine = flat_combine("reduce_window", computation, tree, starts)
    return tree_unflatten(tree, _fold(xs, starts, combine, params))


def _operands(leaves: Sequence[Any], inits: Sequence[Any]) -> tuple[Any, Any]:
    """Arrays of one shape, and scalars of their dtypes."""
    xs = [as_array(x, "reduce_window") for x in leaves]
    starts = [as_array(v, "reduce_window") for v in inits]
    if any(v.shape != () for v in starts) or any(x.shape != xs[0].shape for x in xs):
        raise ValueError(
            "reduce_window: needs arrays of one shape and scalar initial values; got"
            f" shapes {[x.shape for x in xs]} and {[v.shape for v in starts]}."
        )
    pairs = zip(starts, xs)
    return xs, [v if v.dtype == x.dtype else convert(v, x.dtype) for v, x in pairs]


def _by_monoid(prim: Any, x: Any, start: Any, params: dict[str, Any]) -> Any:
    windowed, identity = _windowed[prim]
    out = bind(windowed, x, **params)
    return out if _is_number(start, identity(x.dtype)) else prim(start, out)


def _is_number(x: Any, number: Any) -> bool:
    """Whether `x` is known to equal the number."""
    return type(x) is ConcreteArray and bool(np.asarray(x) == number)


def _fold(
    xs: list[Any], inits: list[Any], combine: Callable[..., Any], params: dict[str, Any]
) -> list[Any]:
    """Combines, for one position within the window after the other, all windows."""
    counts = window_shape("reduce_window", xs[0].shape, **params)
    config = tuple(
        (lo, hi, b - 1)
        for (lo, hi), b in zip(params["padding"], params["base_dilation"])
    )
    grown = [pad_p(x, v, padding_config=config) for x, v in zip(xs, inits)]
    inside = None
    if any(c != (0, 0, 0) for c in config):
        ones = full(xs[0].shape, True, dtypes.bool_)
        inside = pad_p(ones, full((), False, dtypes.bool_), padding_config=config)
    totals = [broadcast_to(v, counts) for v in inits]
    strides = params["window_strides"]
    for place in itertools.product(*(range(k) for k in params["window_dimensions"])):
        starts = tuple(i * w for i, w in zip(place, params["window_dilation"]))
        limits = tuple(
            a + s * (n - 1) + 1 if n else a for a, s, n in zip(starts, strides, counts)
        )

        def taken(
            x: Any, starts: tuple[int, ...] = starts, limits: tuple[int, ...] = limits
        ) -> Any:
            return slice_p(
                x, start_indices=starts, limit_indices=limits, strides=strides
            )

        if 0 in counts:
            break
        joined = combine(totals, [taken(x) for x in grown])
        if inside is not None:
            there = taken(inside)
            joined = [select(there, j, t) for j, t in zip(joined, totals)]
        totals = joined
    return totals


def reduce_window_shape_tuple(
    operand_shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """The shape of `reduce_window` of an array of `operand_shape`.

    >>> from chainrule import lax
    >>> lax.reduce_window_shape_tuple((5, 5), (2, 2), (1, 1), [(0, 0), (0, 0)])
    (4, 4)
    """
    params = _params(
        operand_shape, window_dimensions, window_strides, padding, base_dilation,
        window_dilation,
    )  # fmt: skip
    return window_shape("reduce_window_shape_tuple", operand_shape, **params)


__all__ = ["reduce_window", "reduce_window_shape_tuple"]
