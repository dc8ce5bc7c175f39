"""Reductions over axes: sum, prod, mean, max, all, argmax and their kin.

`axis` is None (all), an int or a tuple. Small integers and booleans are summed and
multiplied in 32 bits; means of integers are floating-point; float16 and bfloat16 are
summed in float32 and rounded at the end. Results are never weakly typed. NaN-ignoring
versions are in nan_reductions.py, variances in moments.py.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array
from ..ops.elementwise_logic import ne_p
from ..ops.elementwise_selection import max_p, min_p, select
from ..ops.reductions import (
    argmax_p,
    argmin_p,
    greatest,
    least,
    reduce_and_p,
    reduce_max_p,
    reduce_min_p,
    reduce_or_p,
    reduce_prod_p,
    reduce_sum_p,
)
from ..ops.shaping import broadcast_to, canonical_axis, convert, full, reshape
from .contractions import refuse_out
from .promotion import operand

Axis = int | Sequence[int] | None

_all_axes = [tuple(range(n)) for n in range(9)]


def reduced_axes(name: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes that `axis` names, sorted; ValueError for bad or repeated ones."""
    if axis is None:
        return _all_axes[ndim] if ndim < 9 else tuple(range(ndim))
    if isinstance(axis, int) or hasattr(axis, "__index__"):
        return (canonical_axis(name, operator.index(axis), ndim),)
    axes = tuple(canonical_axis(name, operator.index(a), ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: duplicate value in 'axis': {tuple(axis)}.")
    return tuple(sorted(axes))


def with_kept(
    y: Any, shape: tuple[int, ...], axes: Sequence[int], keepdims: bool
) -> Any:
    """`y`, with the reduced `axes` of `shape` restored at size 1 where `keepdims`."""
    if not keepdims:
        return y
    return reshape(y, [1 if i in axes else n for i, n in enumerate(shape)])


def masked(name: str, x: Any, where: Any, identity: Any) -> Any:
    """`x` where the boolean mask `where` holds, the number `identity` elsewhere."""
    if where is None:
        return x
    where = operand(name, where)
    if where.dtype != np.bool_:
        where = ne_p(where, full((), 0, where.dtype))
    kept = select(where, x, full((), identity, x.dtype))
    return kept


def strong(x: Any) -> Any:
    """`x` without weak type."""
    return convert(x, x.dtype) if x.weak_type else x


def accumulated_dtype(x: Any, promote_integers: bool = True) -> Any:
    """The dtype in which elements of `x` are summed or multiplied."""
    kind = dtypes.kind(x.dtype)
    if kind == "b":
        return dtypes.default_int()
    if kind not in "iu" or not promote_integers:
        return x.dtype
    whole = dtypes.default_int()
    if kind == "u":
        whole = np.dtype(f"u{whole.itemsize}")
    return whole if whole.itemsize > x.dtype.itemsize else x.dtype


def _monoid(
    name: str, prim: Any, combine: Any, x: Any, axis: Axis, dtype: Any, out: Any,
    keepdims: bool, initial: Any, where: Any, promote_integers: bool,
) -> Any:  # fmt: skip
    """Sum and product: convert, mask, reduce, combine with `initial`."""
    refuse_out(name, out)
    x = operand(name, x)
    if dtype is not None:
        wanted = dtypes.check_array_dtype(name, dtype)
    else:
        wanted = accumulated_dtype(x, promote_integers)
    if x.dtype != wanted or x.weak_type:
        x = convert(x, wanted)
    axes = reduced_axes(name, axis, x.ndim)
    if where is not None:
        identity = 0 if prim is reduce_sum_p else 1
        x = masked(name, x, where, identity)
    y = prim(x, axes=axes)
    if initial is not None:
        y = combine(y, convert(operand(name, initial), wanted))
    return with_kept(y, x.shape, axes, keepdims) if keepdims else y


def sum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
    promote_integers: bool = True,
) -> Any:
    """The sum of elements over `axis`.

    Args:
        a: array.
        axis: dimension or dimensions to sum over; None for all.
        dtype: dtype to sum in and return. By default integers of fewer than 32 bits
            and booleans are summed in 32 bits.
        out: not supported.
        keepdims: whether the summed dimensions stay, with size 1.
        initial: a value to start from.
        where: boolean mask that broadcasts with `a`: which elements to include.
        promote_integers: whether small integers are widened.

    Raises:
        ValueError: an axis is out of bounds or repeated.

    >>> import chainrule.numpy as cnp
    >>> cnp.sum(cnp.array([[1, 2], [3, 4]]), axis=0).tolist()
    [4, 6]
    """
    return _monoid(
        "sum", reduce_sum_p, operator.add, a, axis, dtype, out, keepdims, initial,
        where, promote_integers,
    )  # fmt: skip


def prod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
    promote_integers: bool = True,
) -> Any:
    """The product of elements over `axis`; its derivative is exact at zeros.

    Args:
        a: array.
        axis: dimension or dimensions to multiply over; None for all.
        dtype: dtype to multiply in and return (see `sum`).
        out: not supported.
        keepdims: whether the reduced dimensions stay, with size 1.
        initial: a value to start from.
        where: boolean mask: which elements to include.
        promote_integers: whether small integers are widened.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.prod(cnp.array([2, 3, 4])))
    24
    """
    return _monoid(
        "prod", reduce_prod_p, operator.mul, a, axis, dtype, out, keepdims, initial,
        where, promote_integers,
    )  # fmt: skip


def mean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """The arithmetic mean over `axis`; NaN where nothing is averaged.

    Args:
        a: array; integers are averaged as floating-point numbers.
        axis: dimension or dimensions to average over; None for all.
        dtype: dtype to compute in and return.
        out: not supported.
        keepdims: whether the reduced dimensions stay, with size 1.
        where: boolean mask: which elements to include.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.mean(cnp.array([1, 2, 3, 6])))
    3.0
    """
    refuse_out("mean", out)
    x = operand("mean", a)
    if dtype is not None:
        wanted = dtypes.check_array_dtype("mean", dtype)
    else:
        wanted = dtypes.to_inexact(x.dtype)
    axes = reduced_axes("mean", axis, x.ndim)
    wide = dtypes.float32 if _is_half(wanted) else dtypes.to_inexact(wanted)
    if x.dtype != wide or x.weak_type:
        x = convert(x, wide)
    shape = x.shape
    if where is None:
        count: Any = 1
        for i in axes:
            count *= shape[i]
        y = reduce_sum_p(x, axes=axes) / count
    else:
        mask = broadcast_to(operand("mean", where), shape)
        count = sum(mask, axes, dtype=wide)
        y = reduce_sum_p(masked("mean", x, mask, 0), axes=axes) / count
    y = convert(y, wanted) if wide != wanted else y
    return with_kept(y, shape, axes, keepdims) if keepdims else y


def _is_half(dtype: Any) -> bool:
    return dtype.itemsize < 4 and dtypes.is_float(dtype)


# --- max, min -------------------------------------------------------------------------


def _extremum(
    name: str, prim: Any, combine: Any, identity: Any, a: Any, axis: Axis, out: Any,
    keepdims: bool, initial: Any, where: Any,
) -> Any:  # fmt: skip
    refuse_out(name, out)
    x = strong(operand(name, a))
    axes = reduced_axes(name, axis, x.ndim)
    shape = x.shape
    if initial is None:
        if where is not None:
            raise ValueError(
                f"{name}: has no identity, so a mask `where` needs a value `initial`."
            )
        if any_zero(shape, axes):
            raise ValueError(
                f"{name}: zero-size array of shape {shape} has no {name} over axes"
                f" {axes}; give a value `initial`."
            )
    elif where is not None:
        x = masked(name, x, where, identity(x.dtype))
    y = prim(x, axes=axes)
    if initial is not None:
        y = combine(y, convert(operand(name, initial), x.dtype))
    return with_kept(y, shape, axes, keepdims) if keepdims else y


def any_zero(shape: tuple[int, ...], axes: Sequence[int]) -> bool:
    """Whether one of `axes` has size zero in `shape`."""
    return 0 in shape and 0 in [shape[i] for i in axes]


def max(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The greatest element over `axis`; NaN where one is.

    Args:
        a: array.
        axis: dimension or dimensions to reduce; None for all.
        out: not supported.
        keepdims: whether the reduced dimensions stay, with size 1.
        initial: a lower bound of the result; needed where nothing else is left.
        where: boolean mask: which elements to include.

    Raises:
        ValueError: nothing to reduce, or a mask, without `initial`.

    The derivative at ties is split evenly.

    >>> import chainrule.numpy as cnp
    >>> cnp.max(cnp.array([[1, 5], [3, 4]]), axis=1).tolist()
    [5, 4]
    """
    return _extremum(
        "max", reduce_max_p, max_p, least, a, axis, out, keepdims, initial, where
    )


def min(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The least element over `axis`; NaN where one is. Arguments are those of `max`.

    >>> import chainrule.numpy as cnp
    >>> cnp.min(cnp.array([[1, 5], [3, 4]]), axis=1).tolist()
    [1, 3]
    """
    return _extremum(
        "min", reduce_min_p, min_p, greatest, a, axis, out, keepdims, initial, where
    )


def amax(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The same as `max`."""
    return max(a, axis, out, keepdims, initial, where)


def amin(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The same as `min`."""
    return min(a, axis, out, keepdims, initial, where)


def ptp(a: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
    """Peak to peak: the maximum less the minimum over `axis`.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.ptp(cnp.array([3, 1, 7])))
    6
    """
    refuse_out("ptp", out)
    x = operand("ptp", a)
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


# --- all, any -------------------------------------------------------------------------


def truth(name: str, x: Any) -> Any:
    """Whether each element of `x` is not zero."""
    x = operand(name, x)
    return x if x.dtype == np.bool_ else ne_p(x, full((), 0, x.dtype))


def all(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """Whether all elements over `axis` are true (not zero).

    Args:
        a: array.
        axis: dimension or dimensions to reduce; None for all.
        out: not supported.
        keepdims: whether the reduced dimensions stay, with size 1.
        where: boolean mask: which elements to include.

    >>> import chainrule.numpy as cnp
    >>> cnp.all(cnp.array([[1, 0], [3, 4]]), axis=1).tolist()
    [False, True]
    """
    refuse_out("all", out)
    x = masked("all", truth("all", a), where, True)
    axes = reduced_axes("all", axis, x.ndim)
    return with_kept(reduce_and_p(x, axes=axes), x.shape, axes, keepdims)


def any(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Any:
    """Whether any element over `axis` is true (not zero). Arguments are those of `all`.

    >>> import chainrule.numpy as cnp
    >>> cnp.any(cnp.array([[1, 0], [0, 0]]), axis=1).tolist()
    [True, False]
    """
    refuse_out("any", out)
    x = masked("any", truth("any", a), where, False)
    axes = reduced_axes("any", axis, x.ndim)
    return with_kept(reduce_or_p(x, axes=axes), x.shape, axes, keepdims)


def count_nonzero(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number of elements over `axis` that are not zero.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.count_nonzero(cnp.array([0, 3, 0, 5])))
    2
    """
    return sum(
        truth("count_nonzero", a), axis, dtype=dtypes.default_int(), keepdims=keepdims
    )


# --- argmax, argmin -------------------------------------------------------------------


def _arg(
    name: str, prim: Any, a: Any, axis: int | None, out: Any, keepdims: Any
) -> Any:
    refuse_out(name, out)
    x = operand(name, a)
    shape = x.shape
    if axis is None:
        flat, i = reshape(x, (x.size,)), 0
    else:
        flat, i = x, canonical_axis(name, operator.index(axis), x.ndim)
    if flat.shape[i] == 0:
        raise ValueError(
            f"{name}: attempt to get {name} of an empty sequence: array of shape"
            f" {shape} with axis {axis}."
        )
    y = prim(flat, axes=(i,), index_dtype=dtypes.default_int())
    if not keepdims:
        return y
    axes = range(len(shape)) if axis is None else (i,)
    return with_kept(y, shape, axes, keepdims)


def argmax(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """The index of the first greatest element along `axis`, or of the first NaN.

    Args:
        a: array.
        axis: dimension to search; None searches the flat array.
        out: not supported.
        keepdims: whether the searched dimensions stay, with size 1.

    Raises:
        ValueError: there is no element to choose from.

    >>> import chainrule.numpy as cnp
    >>> cnp.argmax(cnp.array([[1, 5], [7, 4]]), axis=1).tolist()
    [1, 0]
    """
    return _arg("argmax", argmax_p, a, axis, out, keepdims)


def argmin(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """The index of the first least element along `axis`, or of the first NaN.

    Arguments are those of `argmax`.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.argmin(cnp.array([4, 2, 9])))
    1
    """
    return _arg("argmin", argmin_p, a, axis, out, keepdims)


def average(
    a: Any,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    keepdims: bool = False,
) -> Any:
    """The weighted mean over `axis`.

    Args:
        a: array.
        axis: dimension or dimensions to average over; None for all.
        weights: array of the shape of `a`, or of the sizes of `axis`; None for ones.
        returned: whether to return the sum of the weights too.
        keepdims: whether the reduced dimensions stay, with size 1.

    Raises:
        ValueError: the shape of the weights fits neither `a` nor `axis`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.average(cnp.array([1., 4.]), weights=cnp.array([2., 1.])))
    2.0
    """
    x = operand("average", a)
    if weights is None:
        axes = reduced_axes("average", axis, x.ndim)
        y = mean(x, axis, keepdims=keepdims)
        if not returned:
            return y
        count = np.prod([x.shape[i] for i in axes], dtype=np.int64)
        return y, full(y.shape, int(count), y.dtype)
    w = operand("average", weights)
    dtype, _ = dtypes.promote((x.dtype, x.weak_type), (w.dtype, w.weak_type))
    dtype = dtypes.to_inexact(dtype)
    x, w = convert(x, dtype), convert(w, dtype)
    w = _fitted_weights(w, x.shape, axis)
    total = sum(broadcast_to(w, x.shape), axis, keepdims=keepdims)
    y = sum(x * w, axis, keepdims=keepdims) / total
    return (y, total) if returned else y


def _fitted_weights(w: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    if w.shape == shape:
        return w
    axes = reduced_axes("average", axis, len(shape))
    if axis is None or w.shape != tuple(shape[i] for i in axes):
        raise ValueError(
            f"average: weights of shape {w.shape} fit neither the array's shape {shape}"
            f" nor its axes {axis}."
        )
    return reshape(w, [n if i in axes else 1 for i, n in enumerate(shape)])


__all__ = [
    "Array", "all", "amax", "amin", "any", "argmax", "argmin", "average",
    "count_nonzero", "max", "mean", "min", "prod", "ptp", "sum",
]  # fmt: skip
