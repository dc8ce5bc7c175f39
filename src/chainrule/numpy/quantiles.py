"""Quantiles, percentiles and medians, by all of NumPy's methods.

The elements are sorted; a method says which (fractional) position the quantile q has
among n of them. Methods "linear" to "normal_unbiased" interpolate between neighbours
at n q + a + q (1 - a - b) - 1, others choose an element (Hyndman and Fan, "Sample
quantiles in statistical packages", The American Statistician 50, 1996).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..ops.elementwise_logic import and_p, eq_p, lt_p, ne_p
from ..ops.elementwise_rounding import ceil_p, floor_p
from ..ops.elementwise_selection import clamp_p, select
from ..ops.gather import take_along
from ..ops.joining import slice_along
from ..ops.reductions import reduce_or_p, reduce_sum_p
from ..ops.shaping import broadcast_to, convert, full, move_dim, reshape, transpose
from ..ops.sorting import sort_p
from .cumulative import cumsum
from .nan_reductions import is_nan
from .promotion import operand, promote_inexact
from .reductions import Axis, reduced_axes, strong

_continuous = {
    "linear": (1.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
    "interpolated_inverted_cdf": (0.0, 1.0),
}  # fmt: skip


def _number(x: Any, value: float) -> Any:
    return full((), value, x.dtype)


def _continuous_position(method: str) -> Callable[[Any, Any], Any]:
    a, b = _continuous[method]
    if (a, b) == (1.0, 1.0):
        return lambda n, q: (n - 1) * q
    return lambda n, q: n * q + (a + q * (1 - a - b)) - 1


def _nearest(n: Any, q: Any) -> Any:
    """The closest position; halfway between two, the lower one."""
    h = (n - 1) * q
    low = floor_p(h)
    return select(lt_p(_number(h, 0.5), h - low), low + 1, low)


def _closest_observation(n: Any, q: Any) -> Any:
    h = n * q - 1.5
    low = floor_p(h)
    odd = ne_p(low - floor_p(low / 2) * 2, _number(h, 0))
    stay = and_p(eq_p(h, low), odd)
    return select(stay, low, low + 1)


def _midpoint(n: Any, q: Any) -> Any:
    h = (n - 1) * q
    return (floor_p(h) + ceil_p(h)) / 2


def _averaged_inverted_cdf(n: Any, q: Any) -> Any:
    h = n * q
    return select(eq_p(h, floor_p(h)), h - 0.5, ceil_p(h) - 1)


_positions: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _continuous_position(name) for name in _continuous},
    "lower": lambda n, q: floor_p((n - 1) * q),
    "higher": lambda n, q: ceil_p((n - 1) * q),
    "nearest": _nearest,
    "midpoint": _midpoint,
    "inverted_cdf": lambda n, q: ceil_p(n * q) - 1,
    "averaged_inverted_cdf": _averaged_inverted_cdf,
    "closest_observation": _closest_observation,
}


def _rows(name: str, x: Any, axis: Axis) -> tuple[Any, tuple[int, ...]]:
    """`x` as (kept dimensions..., n), and the reduced axes."""
    axes = reduced_axes(name, axis, x.ndim)
    kept = [i for i in range(x.ndim) if i not in axes]
    n = math.prod(x.shape[i] for i in axes)
    moved = transpose(x, (*kept, *axes))
    return reshape(moved, (*(x.shape[i] for i in kept), n)), axes


def _quantile(
    name: str, a: Any, q: Any, axis: Axis, out: Any, overwrite_input: bool, method: str,
    keepdims: bool, weights: Any, skip_nan: bool,
) -> Any:  # fmt: skip
    if overwrite_input or out is not None:
        raise ValueError(
            f"{name}: overwrite_input and out are not supported, because arrays are"
            " immutable; leave them out."
        )
    if method not in _positions:
        raise ValueError(
            f"{name}: method {method!r} is unknown; use one of"
            f" {', '.join(map(repr, _positions))}."
        )
    if weights is not None and method != "inverted_cdf":
        raise NotImplementedError(
            f"{name}: method {method!r} takes no weights; only 'inverted_cdf' does."
        )
    fixed = float(q) if isinstance(q, (int, float)) else None
    x, level = promote_inexact(name, a, fixed if fixed is not None else q)
    x = strong(x)
    if dtypes.is_complex(x.dtype):
        raise ValueError(f"{name}: complex numbers have no order; got {x.dtype}.")
    if level.ndim > 1:
        raise ValueError(f"{name}: q must be a scalar or 1-D; got shape {level.shape}.")
    rows, axes = _rows(name, x, axis)
    if rows.shape[-1] == 0:
        raise ValueError(
            f"{name}: an array of shape {x.shape} has no {name} over {axes}."
        )
    if weights is not None:
        y = _weighted(name, rows, level, x, axes, weights, skip_nan)
    elif fixed is not None and method == "linear" and not skip_nan:
        y = _at_fixed(rows, fixed)
    else:
        y = _interpolated(rows, level, _positions[method], skip_nan)
    if not skip_nan:
        lost = reduce_or_p(is_nan(rows), axes=(rows.ndim - 1,))
        lost = reshape(lost, (*lost.shape, 1))
        y = select(lost, _number(y, math.nan), y)
    shape = x.shape
    kept = [
        n if i not in axes else 1
        for i, n in enumerate(shape)
        if keepdims or i not in axes
    ]
    if not level.ndim:
        return reshape(y, kept)
    return reshape(move_dim(y, y.ndim - 1, 0), (level.shape[0], *kept))


def _at_fixed(rows: Any, q: float) -> Any:
    """The linear method at a known q: two slices of the sorted rows."""
    last, n = rows.ndim - 1, rows.shape[-1]
    (rows,) = sort_p(rows, dimension=last, is_stable=True, num_keys=1)
    h = min(max((n - 1) * q, 0.0), n - 1.0)
    low, high = math.floor(h), math.ceil(h)
    below = slice_along(rows, low, low + 1, last)
    if low == high:
        return below
    above = slice_along(rows, high, high + 1, last)
    return below * (1 - (h - low)) + above * (h - low)


def _interpolated(
    rows: Any, q: Any, position: Callable[..., Any], skip_nan: bool
) -> Any:
    """Shape (kept dimensions..., quantiles): the rows at their fractional positions."""
    last, n = rows.ndim - 1, rows.shape[-1]
    dtype = rows.dtype
    count: Any = full((1,), n, dtype)
    if skip_nan:
        known = convert(eq_p(rows, rows), dtype)
        count = reduce_sum_p(known, axes=(last,))
        count = reshape(count, (*count.shape, 1))
    (rows,) = sort_p(rows, dimension=last, is_stable=True, num_keys=1)
    levels = reshape(q, (q.size,))
    h = position(count, levels)
    h = clamp_p(_number(h, 0), h, broadcast_to(count - 1, h.shape))
    h = broadcast_to(h, (*rows.shape[:-1], levels.shape[0]))
    low, high = floor_p(h), ceil_p(h)
    share = h - low
    below = take_along(rows, convert(low, dtypes.int32), last)
    above = take_along(rows, convert(high, dtypes.int32), last)
    return below * (1 - share) + above * share


def _weighted(
    name: str, rows: Any, q: Any, x: Any, axes: Any, weights: Any, skip_nan: bool
) -> Any:
    """The first element at which the summed weights reach q of their total."""
    w = convert(operand(name, weights), x.dtype)
    if w.shape != x.shape:
        if len(axes) != 1 or w.shape != (x.shape[axes[0]],):
            raise ValueError(
                f"{name}: weights of shape {w.shape} must have the array's shape"
                f" {x.shape}, or be 1-D along a single axis."
            )
        sizes = [n if i == axes[0] else 1 for i, n in enumerate(x.shape)]
        w = broadcast_to(reshape(w, sizes), x.shape)
    w, _ = _rows(name, w, axes)
    if skip_nan:
        w = select(is_nan(rows), _number(w, 0), w)
    last = rows.ndim - 1
    rows, w = sort_p(rows, w, dimension=last, is_stable=True, num_keys=1)
    reached = cumsum(w, axis=last)
    total = slice_along(reached, reached.shape[-1] - 1, reached.shape[-1], last)
    levels = reshape(q, (q.size,))
    goal = reshape(total * levels, (*total.shape[:-1], 1, levels.shape[0]))
    before = lt_p(reshape(reached, (*reached.shape, 1)), goal)
    index = reduce_sum_p(convert(before, dtypes.int32), axes=(last,))
    limit = full((), rows.shape[-1] - 1, dtypes.int32)
    index = clamp_p(full((), 0, dtypes.int32), index, limit)
    return take_along(rows, index, last)


def quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """The values below which the share q of the elements lies.

    Args:
        a: array; integers are taken as floating-point.
        q: scalar or 1-D array of shares, 0 to 1.
        axis: dimension or dimensions to reduce; None for all.
        out, overwrite_input: not supported.
        method: "linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf",
            "averaged_inverted_cdf", "closest_observation",
            "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased" or
            "normal_unbiased".
        keepdims: whether the reduced dimensions stay, with size 1.
        weights: with "inverted_cdf", the weight of each element.

    Returns:
        An array of shape (*q.shape, *kept dimensions); NaN where an element is.

    Raises:
        ValueError: an unknown method, complex numbers, or no elements.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.quantile(cnp.array([1., 2., 3.]), 0.75))
    2.5
    """
    return _quantile(
        "quantile", a, q, axis, out, overwrite_input, method, keepdims, weights, False
    )


def nanquantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """`quantile` of what is not NaN; NaN where all is.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanquantile(cnp.array([1., cnp.nan, 3.]), 0.5))
    2.0
    """
    return _quantile(
        "nanquantile", a, q, axis, out, overwrite_input, method, keepdims, weights, True
    )


def _shares(name: str, q: Any) -> Any:
    if isinstance(q, (int, float)):
        return q / 100
    (q,) = promote_inexact(name, q)
    return q / 100


def percentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
    out_sharding: Any = None,
) -> Any:
    """`quantile` with q in percent.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.percentile(cnp.array([1., 2., 3.]), 75))
    2.5
    """
    q = _shares("percentile", q)
    return _quantile(
        "percentile", a, q, axis, out, overwrite_input, method, keepdims, weights, False
    )


def nanpercentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """`nanquantile` with q in percent.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanpercentile(cnp.array([1., cnp.nan, 3.]), 50))
    2.0
    """
    q = _shares("nanpercentile", q)
    return _quantile(
        "nanpercentile",
        a,
        q,
        axis,
        out,
        overwrite_input,
        method,
        keepdims,
        weights,
        True,
    )


def median(
    a: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:
    """The middle element over `axis`, or the mean of the middle two.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.median(cnp.array([3., 1., 10., 4.])))
    3.5
    """
    return _quantile(
        "median", a, 0.5, axis, out, overwrite_input, "linear", keepdims, None, False
    )


def nanmedian(
    a: Any,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:
    """The median of what is not NaN; NaN where all is.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanmedian(cnp.array([3., cnp.nan, 4.])))
    3.5
    """
    return _quantile(
        "nanmedian", a, 0.5, axis, out, overwrite_input, "linear", keepdims, None, True
    )


__all__ = [
    "median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile",
]  # fmt: skip
