"""pad: an array extended along its axes, in each of NumPy's modes.

Modes that repeat elements (edge, reflect, symmetric, wrap) take them at static
positions (`runs`); constant is the primitive pad; the others join computed blocks. Axes are
padded one after the other, so corners are those of the later axes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..api.vmap import vmap
from ..core import dtypes
from ..ops import elementwise_rounding as rounding
from ..ops.joining import concatenate, rev_p, slice_along
from ..ops.reductions import reduce_max_p, reduce_min_p
from ..ops.shaping import (
    broadcast_in_dim,
    convert,
    move_dim,
    reduce_sum_p,
    reshape,
)
from ..ops.slicing import pad_p
from ..ops.sorting import sort_p
from .grids import linspace
from .indexing import getitem
from .promotion import operand
from .runs import taken

_options = {
    "constant": ("constant_values",),
    "edge": (),
    "empty": (),
    "linear_ramp": ("end_values",),
    "maximum": ("stat_length",),
    "mean": ("stat_length",),
    "median": ("stat_length",),
    "minimum": ("stat_length",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
    "wrap": (),
}


def _pairs(name: str, given: Any, ndim: int) -> list[tuple[Any, Any]]:
    """One (before, after) pair per axis from a number, a pair, or pairs per axis."""
    if isinstance(given, dict):
        found: list[tuple[Any, Any]] = [(0, 0)] * ndim
        for axis, pair in given.items():
            found[operator.index(axis)] = tuple(pair) if np.ndim(pair) else (pair, pair)
        return found
    if np.ndim(given) == 0:
        return [(given, given)] * ndim
    entries = list(given)
    if all(np.ndim(e) == 0 for e in entries):
        if len(entries) == 1:
            return [(entries[0], entries[0])] * ndim
        if len(entries) == 2:
            return [(entries[0], entries[1])] * ndim
    else:
        pairs = [tuple(e) if np.ndim(e) else (e,) for e in entries]
        pairs = [p * 2 if len(p) == 1 else p for p in pairs]
        if len(pairs) == 1 and len(pairs[0]) == 2:
            return pairs * ndim
        if len(pairs) == ndim and all(len(p) == 2 for p in pairs):
            return pairs
    raise ValueError(
        f"pad: {name} {given!r} does not fit {ndim} axes; give a number, a pair"
        " (before, after), or a pair per axis."
    )


def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """`array` with elements added before and after, along each axis.

    Args:
        array: array.
        pad_width: how many: a number, a pair (before, after), a pair per axis, or a
            dict from axes to them.
        mode: "constant" (constant_values, default 0), "edge" (repeats the end),
            "linear_ramp" (to end_values, default 0), "maximum", "minimum", "mean",
            "median" (of stat_length elements, default all), "reflect" and "symmetric"
            (mirrored, without and with the end; reflect_type "even" or "odd"), "wrap",
            "empty" (zeros), or a function as in numpy.pad that returns the vector.

    Raises:
        ValueError: widths that do not fit, unknown modes or options.

    >>> import chainrule.numpy as cnp
    >>> cnp.pad(cnp.array([1, 2, 3]), 2, mode="reflect").tolist()
    [3, 2, 1, 2, 3, 2, 1]
    """
    x = operand("pad", array)
    widths = [
        (operator.index(a), operator.index(b))
        for a, b in _pairs("pad_width", pad_width, x.ndim)
    ]
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: pad_width must not be negative; got {pad_width}.")
    if callable(mode):
        return _by_function(x, widths, mode, kwargs)
    if mode not in _options:
        raise NotImplementedError(
            f"pad: mode {mode!r} is not one of {', '.join(_options)} or a function."
        )
    unknown = sorted(set(kwargs) - set(_options[mode]))
    if unknown:
        raise ValueError(f"pad: mode {mode!r} takes no option {', '.join(unknown)}.")
    if mode in ("constant", "empty"):
        return _constant(x, widths, kwargs.get("constant_values", 0))
    if mode == "linear_ramp":
        return _ramp(x, widths, kwargs.get("end_values", 0))
    if mode in ("maximum", "mean", "median", "minimum"):
        return _statistic(x, widths, mode, kwargs.get("stat_length"))
    kind = kwargs.get("reflect_type", "even")
    if kind not in ("even", "odd"):
        raise ValueError(f"pad: reflect_type must be 'even' or 'odd'; got {kind!r}.")
    return _repeated(x, widths, mode, kind)


def _constant(x: Any, widths: Sequence[Any], values: Any) -> Any:
    pairs = _pairs("constant_values", values, x.ndim)
    first = pairs[0][0] if pairs else 0
    if all(v is first for pair in pairs for v in pair):
        value = convert(operand("pad", first), x.dtype, x.weak_type)
        config = tuple((lo, hi, 0) for lo, hi in widths)
        return pad_p(x, value, padding_config=config) if any(map(any, widths)) else x
    for axis, ((lo, hi), (before, after)) in enumerate(zip(widths, pairs)):
        for value, sides in ((before, (lo, 0, 0)), (after, (0, hi, 0))):
            config = tuple(sides if d == axis else (0, 0, 0) for d in range(x.ndim))
            x = pad_p(x, convert(operand("pad", value), x.dtype), padding_config=config)
    return x


def _repeated(x: Any, widths: Sequence[Any], mode: str, kind: str) -> Any:
    for axis, (lo, hi) in enumerate(widths):
        n = x.shape[axis]
        if not (lo or hi):
            continue
        if not n:
            raise ValueError(
                f"pad: axis {axis} of shape {x.shape} is empty; mode {mode!r} cannot"
                " extend it, use 'constant'."
            )
        if kind == "odd" and n > 1:
            x = _odd(x, axis, lo, hi, 1 if mode == "reflect" else 0)
            continue
        x = taken(x, np.pad(np.arange(n), (lo, hi), mode=mode), axis)
    return x


def _odd(x: Any, axis: int, lo: int, hi: int, skip: int) -> Any:
    """Mirrored at the ends with the sign of differences: 2 x[0] - x[k]."""
    most = x.shape[axis] - skip
    while lo or hi:
        n = x.shape[axis]
        a, b = min(lo, most), min(hi, most)
        parts = [x]
        if a:
            mirror = rev_p(slice_along(x, skip, skip + a, axis), dimensions=(axis,))
            edge = slice_along(x, 0, 1, axis)
            parts.insert(0, edge + edge - mirror)
        if b:
            mirror = rev_p(
                slice_along(x, n - skip - b, n - skip, axis), dimensions=(axis,)
            )
            edge = slice_along(x, n - 1, n, axis)
            parts.append(edge + edge - mirror)
        x = concatenate(parts, axis)
        lo, hi = lo - a, hi - b
    return x


def _ramp(x: Any, widths: Sequence[Any], ends: Any) -> Any:
    pairs = _pairs("end_values", ends, x.ndim)
    for axis, ((lo, hi), (before, after)) in enumerate(zip(widths, pairs)):
        n = x.shape[axis]
        parts = [x]
        if lo:
            edge = _row(x, 0, axis)
            parts.insert(0, linspace(before, edge, lo, False, False, x.dtype, axis))
        if hi:
            edge = _row(x, n - 1, axis)
            ramp = linspace(after, edge, hi, False, False, x.dtype, axis)
            parts.append(rev_p(ramp, dimensions=(axis,)))
        x = concatenate(parts, axis)
    return x


def _row(x: Any, index: int, axis: int) -> Any:
    return getitem(x, ((slice(None),) * axis) + (index,))


def _statistic(x: Any, widths: Sequence[Any], mode: str, lengths: Any) -> Any:
    pairs = _pairs("stat_length", lengths, x.ndim)
    for axis, ((lo, hi), (first, last)) in enumerate(zip(widths, pairs)):
        n = x.shape[axis]
        if not n and (lo or hi):
            raise ValueError(
                f"pad: mode {mode!r} needs elements; axis {axis} is empty."
            )
        a = n if first is None else min(operator.index(first), n)
        b = n if last is None else min(operator.index(last), n)
        if (lo and a < 1) or (hi and b < 1):
            raise ValueError(f"pad: stat_length must be positive; got {lengths}.")
        parts = [x]
        if lo:
            value = _statistics[mode](slice_along(x, 0, a, axis), axis)
            parts.insert(0, _spread(value, x, axis, lo))
        if hi:
            value = _statistics[mode](slice_along(x, n - b, n, axis), axis)
            parts.append(_spread(value, x, axis, hi))
        x = concatenate(parts, axis)
    return x


def _spread(value: Any, x: Any, axis: int, count: int) -> Any:
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    kept = [d for d in range(x.ndim) if d != axis]
    return broadcast_in_dim(_rounded(value, x.dtype), shape, kept)


def _rounded(value: Any, dtype: Any) -> Any:
    if dtypes.is_integer(dtype) and not dtypes.is_integer(value.dtype):
        value = rounding.round_p(value, rounding_method=rounding.TO_NEAREST_EVEN)
    return convert(value, dtype)


def _mean(x: Any, axis: int) -> Any:
    x = convert(x, dtypes.to_inexact(x.dtype))
    return reduce_sum_p(x, axes=(axis,)) / np.asarray(x.shape[axis], x.dtype)


def _median(x: Any, axis: int) -> Any:
    x = convert(x, dtypes.to_inexact(x.dtype))
    (x,) = sort_p(x, dimension=axis, is_stable=True, num_keys=1)
    n = x.shape[axis]
    return _mean(slice_along(x, (n - 1) // 2, n // 2 + 1, axis), axis)


_statistics: dict[str, Callable[[Any, int], Any]] = {
    "maximum": lambda x, axis: reduce_max_p(x, axes=(axis,)),
    "minimum": lambda x, axis: reduce_min_p(x, axes=(axis,)),
    "mean": _mean,
    "median": _median,
}


def _by_function(x: Any, widths: Sequence[Any], mode: Any, options: Any) -> Any:
    x = _constant(x, widths, 0)
    for axis, pair in enumerate(widths):
        last = move_dim(x, axis, x.ndim - 1)
        rows = reshape(last, (-1 if not last.size else last.size // last.shape[-1],
                              last.shape[-1]))  # fmt: skip

        def extended(row: Any, pair: Any = pair, axis: int = axis) -> Any:
            return mode(row, pair, axis, options)

        x = move_dim(reshape(vmap(extended)(rows), last.shape), x.ndim - 1, axis)
    return x


__all__ = ["pad"]
