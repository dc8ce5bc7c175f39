"""Reductions that leave NaN out: nansum, nanmax, nanmean, nanvar and their kin.

Each replaces NaN by the identity of its reduction, or masks it; where nothing is left,
sums are 0, products 1, and the others NaN (nanargmax: -1). Integers have no NaN and
pass to the plain reductions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..ops.elementwise_logic import ne_p, not_p
from ..ops.elementwise_powers import sqrt_p
from ..ops.elementwise_selection import select
from ..ops.reductions import greatest, least
from ..ops.shaping import broadcast_to, convert, full
from . import reductions
from .contractions import refuse_out
from .moments import squared
from .promotion import operand
from .reductions import Axis, masked, reduced_axes, sum


def is_nan(x: Any) -> Any:
    """Where `x` is NaN."""
    return ne_p(x, x)


def without_nan(x: Any, value: Any) -> Any:
    """`x` with NaN replaced; `x` itself for integers."""
    if not dtypes.is_inexact(x.dtype):
        return x
    return select(is_nan(x), full((), value, x.dtype), x)


def nansum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The sum over `axis` of what is not NaN. Arguments are those of `sum`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nansum(cnp.array([1., cnp.nan])))
    1.0
    """
    x = without_nan(operand("nansum", a), 0)
    return sum(x, axis, dtype, out, keepdims, initial, where)


def nanprod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The product over `axis` of what is not NaN. Arguments are those of `prod`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanprod(cnp.array([2., cnp.nan])))
    2.0
    """
    x = without_nan(operand("nanprod", a), 1)
    return reductions.prod(x, axis, dtype, out, keepdims, initial, where)


def _nan_extremum(
    reduce: Any, identity: Any, x: Any, axis: Axis, out: Any, keepdims: bool, initial:
        Any,
    where: Any,
) -> Any:  # fmt: skip
    if not dtypes.is_inexact(x.dtype):
        return reduce(x, axis, out, keepdims, initial, where)
    nothing = identity(x.dtype)
    y = reduce(without_nan(x, nothing), axis, out, keepdims, initial, where)
    if initial is not None:
        return y
    lost = reductions.all(is_nan(x), axis, keepdims=keepdims)
    return select(lost, full((), math.nan, y.dtype), y)


def nanmax(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The greatest over `axis` of what is not NaN. Arguments are those of `max`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanmax(cnp.array([2., cnp.nan])))
    2.0
    """
    x = operand("nanmax", a)
    return _nan_extremum(reductions.max, least, x, axis, out, keepdims, initial, where)


def nanmin(
    a: Any,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Any:
    """The least over `axis` of what is not NaN. Arguments are those of `min`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanmin(cnp.array([2., cnp.nan])))
    2.0
    """
    x = operand("nanmin", a)
    return _nan_extremum(
        reductions.min, greatest, x, axis, out, keepdims, initial, where
    )


def _nan_arg(
    find: Any, identity: Any, name: str, a: Any, axis: Any, out: Any, keepdims: Any
) -> Any:
    x = operand(name, a)
    if not dtypes.is_inexact(x.dtype):
        return find(x, axis, out, keepdims)
    y = find(without_nan(x, identity(x.dtype)), axis, out, keepdims)
    lost = reductions.all(is_nan(x), axis, keepdims=bool(keepdims))
    return select(lost, full((), -1, y.dtype), y)


def nanargmax(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """The index of the greatest of what is not NaN; -1 where all is NaN.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.nanargmax(cnp.array([cnp.nan, 1., 3.])))
    2
    """
    return _nan_arg(reductions.argmax, least, "nanargmax", a, axis, out, keepdims)


def nanargmin(
    a: Any, axis: int | None = None, out: None = None, keepdims: bool | None = None
) -> Any:
    """The index of the least of what is not NaN; -1 where all is NaN.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.nanargmin(cnp.array([cnp.nan, 1., 3.])))
    1
    """
    return _nan_arg(reductions.argmin, greatest, "nanargmin", a, axis, out, keepdims)


def nanmean(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    where: Any = None,
) -> Any:
    """The mean over `axis` of what is not NaN; NaN where all is. See `mean`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanmean(cnp.array([2., cnp.nan])))
    2.0
    """
    x = operand("nanmean", a)
    if not dtypes.is_inexact(x.dtype):
        return reductions.mean(x, axis, dtype, out, keepdims, where=where)
    known = _known(x, where)
    return reductions.mean(without_nan(x, 0), axis, dtype, out, keepdims, where=known)


def _known(x: Any, where: Any) -> Any:
    """The mask of what is not NaN, and in the mask `where` if given."""
    known = not_p(is_nan(x))
    if where is None:
        return known
    return masked("where", known, broadcast_to(operand("where", where), x.shape), False)


def nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
) -> Any:
    """The variance over `axis` of what is not NaN. Arguments are those of `var`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanvar(cnp.array([1., 3., cnp.nan])))
    1.0
    """
    refuse_out("nanvar", out)
    x = operand("nanvar", a)
    result = dtypes.real_part(
        dtypes.to_inexact(x.dtype)
        if dtype is None
        else dtypes.check_array_dtype("nanvar", dtype)
    )
    if dtypes.is_complex(x.dtype) and dtype is not None:
        if not dtypes.is_complex(np.dtype(dtypes.as_dtype(dtype))):
            raise ValueError(
                f"nanvar: cannot compute the variance of {x.dtype} numbers in the real"
                f" dtype {result}; leave dtype out."
            )
    wide = dtypes.to_inexact(x.dtype if dtype is None else result)
    wide = dtypes.float32 if dtypes.is_float(wide) and wide.itemsize < 4 else wide
    wide = x.dtype if dtypes.is_complex(x.dtype) else wide
    x = convert(x, wide)
    axes = reduced_axes("nanvar", axis, x.ndim)
    known = _known(x, where)
    if mean is None:
        center = nanmean(x, axes, keepdims=True, where=where)
    else:
        center = convert(operand("nanvar", mean), wide)
    zero = full((), 0, wide)
    deviations = squared(select(known, x - center, zero))
    count = sum(known, axes, dtype=deviations.dtype, keepdims=keepdims) - ddof
    none_left = count <= 0
    total = sum(deviations, axes, keepdims=keepdims)
    y = select(none_left, full((), math.nan, total.dtype), total / count)
    return convert(y, result)


def nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
) -> Any:
    """The standard deviation over `axis` of what is not NaN: the root of `nanvar`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.nanstd(cnp.array([1., 3., cnp.nan])))
    1.0
    """
    refuse_out("nanstd", out)
    return sqrt_p(nanvar(a, axis, dtype, None, ddof, keepdims, where, mean))


__all__ = [
    "is_nan", "nanargmax", "nanargmin", "nanmax", "nanmean", "nanmin",
    "nanprod", "nanstd", "nansum", "nanvar", "without_nan",
]  # fmt: skip
