"""Cumulative sums and products, differences, and integration along an axis."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..ops.cumulative import cumprod_p, cumsum_p
from ..ops.elementwise_logic import ne_p
from ..ops.joining import concatenate, slice_along
from ..ops.shaping import broadcast_to, canonical_axis, convert, full, move_dim, reshape
from .contractions import refuse_out
from .nan_reductions import without_nan
from .promotion import operand, promote, promote_inexact
from .reductions import accumulated_dtype, sum


def _scan(
    name: str,
    prim: Any,
    a: Any,
    axis: int | None,
    dtype: Any,
    out: Any,
    wide: bool = False,
) -> Any:
    refuse_out(name, out)
    x = operand(name, a)
    if axis is None or not x.ndim:
        if axis not in (None, 0, -1):
            canonical_axis(name, axis, x.ndim)
        x, axis = reshape(x, (x.size,)), 0
    axis = canonical_axis(name, operator.index(axis), x.ndim)
    if dtype is not None:
        wanted = dtypes.check_array_dtype(name, dtype)
    else:
        wanted = accumulated_dtype(x, promote_integers=wide)
    if x.dtype != wanted or x.weak_type:
        x = convert(x, wanted)
    return prim(x, axis=axis, reverse=False)


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """The sums of all elements up to each, along `axis`.

    Args:
        a: array.
        axis: dimension to sum along; None takes the array as flat.
        dtype: dtype to sum in and return; by default that of `a`, for booleans int32.
        out: not supported.

    >>> import chainrule.numpy as cnp
    >>> cnp.cumsum(cnp.array([1, 2, 3])).tolist()
    [1, 3, 6]
    """
    return _scan("cumsum", cumsum_p, a, axis, dtype, out)


def cumprod(
    a: Any, axis: int | None = None, dtype: Any = None, out: None = None
) -> Any:
    """The products of all elements up to each, along `axis`. Arguments as in `cumsum`.

    >>> import chainrule.numpy as cnp
    >>> cnp.cumprod(cnp.array([1, 2, 3])).tolist()
    [1, 2, 6]
    """
    return _scan("cumprod", cumprod_p, a, axis, dtype, out)


def nancumsum(
    a: Any, axis: int | None = None, dtype: Any = None, out: None = None
) -> Any:
    """`cumsum` with NaN taken as 0.

    >>> import chainrule.numpy as cnp
    >>> cnp.nancumsum(cnp.array([1., cnp.nan, 3.])).tolist()
    [1.0, 1.0, 4.0]
    """
    x = without_nan(operand("nancumsum", a), 0)
    return _scan("nancumsum", cumsum_p, x, axis, dtype, out)


def nancumprod(
    a: Any, axis: int | None = None, dtype: Any = None, out: None = None
) -> Any:
    """`cumprod` with NaN taken as 1.

    >>> import chainrule.numpy as cnp
    >>> cnp.nancumprod(cnp.array([2., cnp.nan, 3.])).tolist()
    [2.0, 2.0, 6.0]
    """
    x = without_nan(operand("nancumprod", a), 1)
    return _scan("nancumprod", cumprod_p, x, axis, dtype, out)


def _standard_scan(
    name: str,
    prim: Any,
    start: int,
    x: Any,
    axis: Any,
    dtype: Any,
    include_initial: bool,
) -> Any:
    """The functions of the array API standard: an axis is needed, integers widen."""
    x = operand(name, x)
    if not x.ndim:
        raise ValueError(
            f"{name}: needs an array of at least 1 dimension; got a scalar."
        )
    if axis is None:
        if x.ndim > 1:
            raise ValueError(
                f"{name}: needs an axis for an array of shape {x.shape}; give `axis`."
            )
        axis = 0
    axis = canonical_axis(name, axis, x.ndim)
    y = _scan(name, prim, x, axis, dtype, None, wide=True)
    if not include_initial:
        return y
    shape = (*y.shape[:axis], 1, *y.shape[axis + 1 :])
    return concatenate([full(shape, start, y.dtype), y], axis)


def cumulative_sum(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """The sums of all elements up to each, along `axis`.

    Args:
        x: array of at least one dimension; small integers are summed in 32 bits.
        axis: dimension to sum along; needed for more than one dimension.
        dtype: dtype to sum in and return.
        include_initial: whether to put a 0 in front.

    Raises:
        ValueError: no axis where one is needed.

    >>> import chainrule.numpy as cnp
    >>> cnp.cumulative_sum(cnp.array([1, 2]), include_initial=True).tolist()
    [0, 1, 3]
    """
    return _standard_scan(
        "cumulative_sum", cumsum_p, 0, x, axis, dtype, include_initial
    )


def cumulative_prod(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """The products of all elements up to each. Arguments as in `cumulative_sum`.

    >>> import chainrule.numpy as cnp
    >>> cnp.cumulative_prod(cnp.array([3, 2]), include_initial=True).tolist()
    [1, 3, 6]
    """
    return _standard_scan(
        "cumulative_prod", cumprod_p, 1, x, axis, dtype, include_initial
    )


# --- differences --------------------------------------------------------------------


def diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None
) -> Any:
    """The differences of neighbours along `axis`, taken n times.

    Args:
        a: array; of booleans, the difference is whether neighbours differ.
        n: how often; each time, the axis gets shorter by one.
        axis: dimension along which to subtract.
        prepend, append: values or arrays to put before and behind first.

    Raises:
        ValueError: a scalar operand, or a negative `n`.

    >>> import chainrule.numpy as cnp
    >>> cnp.diff(cnp.array([1, 2, 4])).tolist()
    [1, 2]
    """
    x = operand("diff", a)
    if n < 0:
        raise ValueError(f"diff: n must not be negative; got {n}.")
    if not x.ndim:
        raise ValueError("diff: needs an array of at least 1 dimension; got a scalar.")
    axis = canonical_axis("diff", axis, x.ndim)
    if n == 0:
        return x
    parts = [_edge(v, x, axis) for v in (prepend,) if v is not None]
    parts += [x, *(_edge(v, x, axis) for v in (append,) if v is not None)]
    if len(parts) > 1:
        x = concatenate(promote("diff", *parts), axis)
    for _ in range(n):
        size = x.shape[axis]
        later = slice_along(x, min(1, size), size, axis)
        earlier = slice_along(x, 0, max(size - 1, 0), axis)
        x = ne_p(later, earlier) if x.dtype == np.bool_ else later - earlier
    return x


def _edge(v: Any, x: Any, axis: int) -> Any:
    """`v` as a block to join to `x`; a scalar fills one row."""
    v = operand("diff", v)
    if v.ndim:
        return v
    return broadcast_to(v, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbours in the flat array, with values put at the ends.

    >>> import chainrule.numpy as cnp
    >>> cnp.ediff1d(cnp.array([1, 2, 4]), to_begin=0).tolist()
    [0, 1, 2]
    """
    x = operand("ediff1d", ary)
    x = diff(reshape(x, (x.size,)))
    parts = [v for v in (to_begin, x, to_end) if v is not None]
    if len(parts) == 1:
        return x
    flat = [operand("ediff1d", v) for v in parts]
    return concatenate([convert(reshape(v, (v.size,)), x.dtype) for v in flat], 0)


def gradient(
    f: Any,
    *varargs: Any,
    axis: int | Sequence[int] | None = None,
    edge_order: Any = None,
) -> Any:
    """The gradient of sampled values, by central differences (one-sided at the edges).

    Args:
        f: array of samples; integers are taken as floating-point.
        varargs: the spacing: nothing (1), one number for all axes, or one number or
            1-D array of positions per axis.
        axis: dimension or dimensions to differentiate along; None for all.
        edge_order: 1 or None; the order of accuracy at the edges.

    Returns:
        An array of the shape of `f`, or a list of them, one per axis.

    Raises:
        ValueError: fewer than 2 samples along an axis.
        TypeError: the number of spacings is neither 1 nor that of the axes.
        NotImplementedError: another `edge_order`.

    >>> import chainrule.numpy as cnp
    >>> cnp.gradient(cnp.array([1., 2., 4.])).tolist()
    [1.0, 1.5, 2.0]
    """
    if edge_order not in (None, 1):
        raise NotImplementedError(
            f"gradient: edge_order {edge_order} is not supported; leave it out."
        )
    (x,) = promote_inexact("gradient", f)
    if axis is None:
        axes = list(range(x.ndim))
    else:
        given = (axis,) if isinstance(axis, int) else axis
        axes = [canonical_axis("gradient", a, x.ndim) for a in given]
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(
            f"gradient: got {len(varargs)} spacings for {len(axes)} axes; give one, or"
            " one for each axis."
        )
    found = [_slope(x, i, h) for i, h in zip(axes, spacings)]
    return found[0] if len(found) == 1 else found


def _slope(x: Any, axis: int, spacing: Any) -> Any:
    n = x.shape[axis]
    if n < 2:
        raise ValueError(
            f"gradient: shape {x.shape} is too small along axis {axis}; a numerical"
            " gradient needs at least 2 elements."
        )
    step = diff(x, axis=axis)
    h = operand("gradient", spacing)
    if h.ndim:
        return _uneven_slope(step, axis, diff(h))
    (h,) = promote_inexact("gradient", h)
    middle = slice_along(step, 1, n - 1, axis) + slice_along(step, 0, n - 2, axis)
    first, last = slice_along(step, 0, 1, axis), slice_along(step, n - 2, n - 1, axis)
    parts = [first / h, middle / (2 * h), last / h]
    return concatenate(promote("gradient", *parts), axis)


def _uneven_slope(step: Any, axis: int, h: Any) -> Any:
    """Second-order differences of samples at uneven distances `h`."""
    n = step.shape[axis]
    if h.shape != (n,):
        raise ValueError(
            f"gradient: positions must be 1-D with {n + 1} entries for axis {axis}; got"
            f" {h.shape[0] + 1 if h.ndim == 1 else h.shape}."
        )
    wide = [n if i == axis else 1 for i in range(step.ndim)]
    h = reshape(h, wide)
    slope = step / h
    left, right = slice_along(h, 0, n - 1, axis), slice_along(h, 1, n, axis)
    before, after = slice_along(slope, 0, n - 1, axis), slice_along(slope, 1, n, axis)
    middle = (right * before + left * after) / (left + right)
    first, last = slice_along(slope, 0, 1, axis), slice_along(slope, n - 1, n, axis)
    return concatenate(promote("gradient", first, middle, last), axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples along `axis` by the trapezoidal rule.

    Args:
        y: samples.
        x: their positions, 1-D or of the shape of `y`; None for even distances.
        dx: the distance, without `x`.
        axis: dimension to integrate along.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.trapezoid(cnp.array([1., 2., 3.])))
    4.0
    """
    if x is None:
        (y,) = promote_inexact("trapezoid", y)
        h = dx
    else:
        y, x = promote_inexact("trapezoid", y, x)
    axis = canonical_axis("trapezoid", axis, y.ndim)
    y = move_dim(y, axis, y.ndim - 1)
    if x is not None:
        h = diff(x if x.ndim == 1 else move_dim(x, axis, x.ndim - 1))
    last, n = y.ndim - 1, y.shape[-1]
    pairs = slice_along(y, min(1, n), n, last) + slice_along(y, 0, max(n - 1, 0), last)
    return sum(pairs * h, -1) * 0.5


__all__ = [
    "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "diff", "ediff1d",
    "gradient", "nancumprod", "nancumsum", "trapezoid",
]  # fmt: skip
