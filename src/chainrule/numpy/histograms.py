"""Counting: bincount, and histograms in one or more dimensions."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer
from ..core.errors import ConcretizationTypeError
from ..ops.elementwise_logic import eq_p
from ..ops.elementwise_selection import clamp_p, max_p, select
from ..ops.gather import GatherScatterMode, scatter_add_p
from ..ops.joining import slice_along
from ..ops.shaping import convert, full, reshape
from .cumulative import diff
from .grids import linspace
from .index_update import update
from .joining import concatenate
from .promotion import operand, promote, promote_inexact
from .reductions import max, min, sum
from .sorting import searchsorted


def _tally(index: Any, weights: Any, length: int) -> Any:
    """The sum of the weights of each index; those out of bounds are dropped."""
    zeros = full((length,), 0, weights.dtype)
    return update(
        scatter_add_p, zeros, index, weights, mode=GatherScatterMode.FILL_OR_DROP
    )


def bincount(
    x: Any,
    weights: Any = None,
    minlength: int = 0,
    *,
    length: int | None = None,
    out_sharding: Any = None,
) -> Any:
    """How often each integer occurs, or the sum of its weights.

    Args:
        x: shape (n,), integers; negative ones count as 0.
        weights: shape (n,).
        minlength: least length of the result.
        length: length of the result, static; what lies beyond is dropped. By default
            the largest integer plus one, which needs concrete values.
        out_sharding: accepted for programs that name shardings.

    Returns:
        Counts (int32), or sums of the weights' dtype.

    Raises:
        TypeError: `x` is not of integers. ValueError: other shapes.
        ConcretizationTypeError: traced integers without `length`.

    >>> import chainrule.numpy as cnp
    >>> cnp.bincount(cnp.array([1, 3, 1])).tolist()
    [0, 2, 0, 1]
    """
    x = operand("bincount", x)
    if dtypes.kind(x.dtype) not in "biu":
        raise TypeError(f"bincount: x must have an integer dtype; got {x.dtype}.")
    if x.ndim != 1:
        raise ValueError(f"bincount: x must be 1-D; got shape {x.shape}.")
    if x.dtype == np.bool_:
        x = convert(x, dtypes.int32)
    minlength = operator.index(minlength)
    if length is None:
        length = minlength
        if x.size:
            length = int(np.maximum(_greatest(x) + 1, length))
    if weights is None:
        weights = full(x.shape, 1, dtypes.default_int())
    else:
        weights = operand("bincount", weights)
        if weights.shape != x.shape:
            raise ValueError(
                f"bincount: weights of shape {weights.shape} must have the shape of x,"
                f" {x.shape}."
            )
    if dtypes.kind(x.dtype) == "i":
        x = max_p(x, full((), 0, x.dtype))
    return _tally(x, weights, operator.index(length))


def _greatest(x: Any) -> int:
    if isinstance(x, Tracer):
        try:
            return int(max(x))
        except ConcretizationTypeError:
            raise ConcretizationTypeError(
                "bincount: the length of the result depends on the values of x, which"
                f" are traced ({x.aval.str_short()}); give a static `length`."
            ) from None
    return int(max(x))


# --- histograms -----------------------------------------------------------------------


def histogram_bin_edges(
    a: Any, bins: Any = 10, range: Any = None, weights: Any = None
) -> Any:
    """The edges of evenly spaced bins that cover the values, or the given edges.

    Args:
        a: values.
        bins: number of bins (static), or the array of edges, which is returned.
        range: (low, high); None: the extremes of the values (widened by 1/2 if equal).
        weights: not used.

    Raises:
        NotImplementedError: a string for `bins`.

    >>> import chainrule.numpy as cnp
    >>> cnp.histogram_bin_edges(cnp.array([0., 4.]), bins=2).tolist()
    [0.0, 2.0, 4.0]
    """
    if isinstance(bins, str):
        raise NotImplementedError(
            f"histogram_bin_edges: bins {bins!r} is not supported; give a number or"
            " edges."
        )
    (x,) = promote_inexact("histogram_bin_edges", a)
    dtype = x.dtype
    if not isinstance(bins, int) and operand("histogram_bin_edges", bins).ndim == 1:
        return convert(operand("histogram_bin_edges", bins), dtype)
    if range is None:
        low, high = min(x), max(x)
    else:
        low, high = (convert(operand("histogram_bin_edges", v), dtype) for v in range)
    same = eq_p(low, high)
    half = full((), 0.5, dtype)
    low, high = select(same, low - half, low), select(same, high + half, high)
    return linspace(low, high, operator.index(bins) + 1, dtype=dtype)


def _bin_numbers(x: Any, edges: Any) -> Any:
    """1 to bins for values within the edges (the last one closed), else out of that."""
    n = edges.shape[0]
    i = searchsorted(edges, x, side="right")
    last = reshape(edges[n - 1 :], ())
    return select(eq_p(x, last), full((), n - 1, i.dtype), i)


def histogram(
    a: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, Any]:
    """How many values lie in each bin.

    Args:
        a: values, any shape.
        bins: number of bins, or their edges, increasing.
        range: (low, high) of the bins; values outside are not counted.
        weights: what each value counts, of the shape of `a`.
        density: whether to return a density that integrates to 1.

    Returns:
        Counts (floating-point) and edges.

    Raises:
        ValueError: weights of another shape.

    >>> import chainrule.numpy as cnp
    >>> counts, edges = cnp.histogram(cnp.array([1., 1., 3.]), bins=2)
    >>> counts.tolist(), edges.tolist()
    ([2.0, 1.0], [1.0, 2.0, 3.0])
    """
    if weights is None:
        (x,) = promote_inexact("histogram", a)
        w = full(x.shape, 1, x.dtype)
    else:
        if operand("histogram", weights).shape != operand("histogram", a).shape:
            raise ValueError(
                "histogram: weights must have the shape of the values; got"
                f" {operand('histogram', weights).shape} and"
                f" {operand('histogram', a).shape}."
            )
        x, w = promote_inexact("histogram", a, weights)
    edges = histogram_bin_edges(x, bins, range, w)
    x, edges = promote("histogram", reshape(x, (x.size,)), edges)
    n = edges.shape[0]
    counts = _tally(_bin_numbers(x, edges), reshape(w, (w.size,)), n)[1:]
    if density:
        widths = convert(diff(edges), counts.dtype)
        counts = counts / widths / sum(counts)
    return counts, edges


def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, Any, Any]:
    """How many points (x, y) lie in each cell.

    Args:
        x, y: coordinates, shape (n,).
        bins: number of bins or edges, for both dimensions, or a pair of these.
        range: pairs (low, high) for both dimensions.
        weights, density: see `histogramdd`.

    Returns:
        Counts, the edges along x, the edges along y.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.array([0., 1., 1.])
    >>> cnp.histogram2d(x, x, bins=2)[0].tolist()
    [[1, 0], [0, 2]]
    """
    x, y = operand("histogram2d", x), operand("histogram2d", y)
    if x.shape != y.shape or x.ndim != 1:
        raise TypeError(
            f"histogram2d: x and y must be 1-D of one size; got shapes {x.shape} and"
            f" {y.shape}."
        )
    columns = [reshape(v, (v.size, 1)) for v in (x, y)]
    if not isinstance(bins, (int, str)) and (
        isinstance(bins, (np.ndarray,)) or hasattr(bins, "ndim")
    ):
        bins = [bins, bins]
    counts, edges = histogramdd(concatenate(columns, 1), bins, range, weights, density)
    return counts, edges[0], edges[1]


def histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Any = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[Any, list[Any]]:
    """How many points lie in each cell of a grid.

    Args:
        sample: shape (n, d), or a sequence of d arrays of shape (n,).
        bins: number of bins for all dimensions, or for each a number or edges.
        range: a pair (low, high) for each dimension.
        weights: shape (n,), what each point counts.
        density: whether to return a density that integrates to 1.

    Returns:
        Counts, and a list of the edges along each dimension.

    Raises:
        ValueError: numbers of bins or ranges that do not fit.

    >>> import chainrule.numpy as cnp
    >>> counts, _ = cnp.histogramdd(cnp.array([[0., 0.], [1., 1.]]), bins=2)
    >>> counts.tolist()
    [[1, 0], [0, 1]]
    """
    if isinstance(sample, (list, tuple)):
        columns = [operand("histogramdd", v) for v in sample]
        sample = concatenate([reshape(v, (v.size, 1)) for v in columns], 1)
    (x,) = promote_inexact("histogramdd", sample)
    if x.ndim != 2:
        raise ValueError(f"histogramdd: sample must have shape (n, d); got {x.shape}.")
    n, d = x.shape
    each = [bins] * d if isinstance(bins, int) else list(bins)
    ranges: Sequence[Any] = [None] * d if range is None else list(range)
    if len(each) != d or len(ranges) != d:
        raise ValueError(
            f"histogramdd: a sample of {d} dimensions needs {d} bins and ranges; got"
            f" {len(each)} and {len(ranges)}."
        )
    columns = [reshape(slice_along(x, i, i + 1, 1), (n,)) for i in _numbers(d)]
    edges = [histogram_bin_edges(v, b, r) for v, b, r in zip(columns, each, ranges)]
    counts = _cell_counts(columns, edges, weights)
    return (_density(counts, edges) if density else counts), edges


_numbers = builtins.range


def _cell_counts(columns: list[Any], edges: list[Any], weights: Any) -> Any:
    """The weights in each cell; a border of cells takes what lies outside."""
    n = columns[0].shape[0] if columns else 0
    if weights is None:
        w = full((n,), 1, dtypes.default_int())
    else:
        w = operand("histogramdd", weights)
        if w.shape != (n,):
            raise ValueError(
                f"histogramdd: weights must have shape ({n},); got {w.shape}."
            )
    sizes = [e.shape[0] + 1 for e in edges]
    zero = full((), 0, dtypes.int32)
    flat: Any = full((n,), 0, dtypes.int32)
    for v, e, m in zip(columns, edges, sizes):
        number = clamp_p(zero, _bin_numbers(v, e), full((), m - 1, dtypes.int32))
        flat = flat * m + number
    counts = reshape(_tally(flat, w, math.prod(sizes)), sizes)
    return counts[tuple(slice(1, -1) for _ in sizes)]


def _density(counts: Any, edges: list[Any]) -> Any:
    (counts,) = promote_inexact("histogramdd", counts)
    counts = counts / sum(counts)
    for i, e in enumerate(edges):
        widths = [e.shape[0] - 1 if k == i else 1 for k in _numbers(len(edges))]
        counts = counts / reshape(diff(e), widths)
    return counts


__all__ = ["bincount", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]
