"""Variance, standard deviation, covariance and correlation.

Deviations from the mean are squared and summed in two passes. float16 and bfloat16 are
computed in float32 and rounded at the end. A variance divides by n - ddof and is NaN
where that is not positive.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import dtypes
from ..ops.arithmetic import mul_p
from ..ops.elementwise_complex import complex_p, conj_p, imag_p, real_p
from ..ops.elementwise_logic import gt_p
from ..ops.elementwise_powers import sqrt_p, square_p
from ..ops.elementwise_selection import clamp_p, select
from ..ops.joining import concatenate, slice_along
from ..ops.reductions import reduce_sum_p
from ..ops.shaping import broadcast_to, convert, full, reshape, transpose
from .contractions import matmul, refuse_out
from .promotion import operand, promote, promote_inexact
from .reductions import Axis, masked, mean, reduced_axes, strong, sum, with_kept

_mean = mean


def _types(name: str, x: Any, dtype: Any) -> tuple[Any, Any]:
    """The dtypes to compute in and to return."""
    if dtype is None:
        wanted = dtypes.to_inexact(x.dtype)
        result = dtypes.real_part(wanted)
    else:
        wanted = result = dtypes.to_inexact(dtypes.check_array_dtype(name, dtype))
        if dtypes.is_complex(x.dtype) and not dtypes.is_complex(wanted):
            raise ValueError(
                f"{name}: cannot compute the variance of {x.dtype} numbers in the real"
                f" dtype {result}; leave dtype out, or take the real part first."
            )
    if dtypes.is_float(wanted) and wanted.itemsize < 4:
        wanted = dtypes.float32
    return wanted, result


def squared(x: Any) -> Any:
    """|x|^2, real."""
    if dtypes.is_complex(x.dtype):
        return real_p(mul_p(x, conj_p(x, input_dtype=x.dtype)))
    return square_p(x)


def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: int | float | None = None,
) -> Any:
    """The variance over `axis`.

    Args:
        a: array; complex numbers have a real variance.
        axis: dimension or dimensions to reduce; None for all.
        dtype: dtype to compute in and return.
        out: not supported.
        ddof: what is subtracted from the number of elements to divide by.
        keepdims: whether the reduced dimensions stay, with size 1.
        where: boolean mask: which elements to include.
        mean: the mean, where it is known, with the reduced dimensions kept.
        correction: another name of `ddof`.

    Raises:
        ValueError: both `ddof` and `correction` are given, or a real dtype for complex
            numbers.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.var(cnp.array([1., 3.])))
    1.0
    """
    return _variance(
        "var", a, axis, dtype, out, ddof, keepdims, where, mean, correction
    )


def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: None = None,
    ddof: int = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: int | float | None = None,
) -> Any:
    """The standard deviation over `axis`: the root of `var`, with its arguments.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.std(cnp.array([1., 3.])))
    1.0
    """
    return sqrt_p(
        _variance("std", a, axis, dtype, out, ddof, keepdims, where, mean, correction)
    )


def _variance(
    name: str, a: Any, axis: Axis, dtype: Any, out: Any, ddof: Any, keepdims: bool,
    where: Any, mean: Any, correction: Any,
) -> Any:  # fmt: skip
    refuse_out(name, out)
    if correction is not None:
        if not isinstance(ddof, int) or ddof != 0:
            raise ValueError(
                f"{name}: ddof {ddof} and correction {correction} mean the same; give"
                " one."
            )
        ddof = correction
    x = operand(name, a)
    wanted, result = _types(name, x, dtype)
    x = strong(x) if x.dtype == wanted else convert(x, wanted)
    axes, shape = reduced_axes(name, axis, x.ndim), x.shape
    if where is not None:
        where = broadcast_to(operand(name, where), shape)
    if mean is None:
        center = _mean(x, axes, keepdims=True, where=where)
    else:
        center = convert(operand(name, mean), wanted)
    deviations = squared(x - center)
    if where is not None:
        deviations = masked(name, deviations, where, 0)
        count: Any = sum(where, axes, dtype=deviations.dtype)
    else:
        count = math.prod(shape[i] for i in axes)
    y = _over_count(reduce_sum_p(deviations, axes=axes), count, ddof)
    y = y if y.dtype == result else convert(y, result)
    return with_kept(y, shape, axes, keepdims)


def _over_count(total: Any, count: Any, ddof: Any) -> Any:
    """total / (count - ddof), NaN where that is not positive."""
    if isinstance(count, int) and isinstance(ddof, (int, float)):
        return total / (count - ddof if count > ddof else math.nan)
    left = convert(operand("var", count - ddof), total.dtype)
    nan = full((), math.nan, total.dtype)
    return select(gt_p(left, full((), 0, left.dtype)), total / left, nan)


# --- covariance -----------------------------------------------------------------------


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    dtype: Any = None,
) -> Any:
    """The covariance matrix of variables, estimated from observations.

    Args:
        m: shape (variables, observations), or (observations,) for one variable.
        y: more variables, in the same form.
        rowvar: whether rows are variables; False: columns are.
        bias: whether to divide by n, not by n - 1.
        ddof: what is subtracted from n to divide by; overrides `bias`.
        fweights: how often each observation was made, integers of shape
            (observations,).
        aweights: the weight of each observation, shape (observations,).
        dtype: dtype to compute in.

    Returns:
        A matrix of shape (variables, variables); a scalar for one variable.

    Raises:
        ValueError: more than 2 dimensions.
        RuntimeError: weights of another length.

    >>> import chainrule.numpy as cnp
    >>> cnp.cov(cnp.array([[0., 1., 2.], [2., 1., 0.]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = _variables(m, y, rowvar, dtype)
    if ddof is None:
        ddof = 0 if bias else 1
    w = _observation_weights(x.shape[1], fweights, aweights)
    if w is None:
        count: Any = x.shape[1]
        center = mean(x, 1, keepdims=True)
        weighted = x - center
        deviations, left = weighted, count - ddof
    else:
        w = w if w.dtype == x.dtype else convert(w, x.dtype)
        total = sum(w)
        center = sum(x * w, 1, keepdims=True) / total
        deviations = x - center
        weighted = deviations * w
        left = total - ddof
        if aweights is not None and ddof:
            a = convert(operand("cov", aweights), x.dtype)
            left = total - ddof * sum(w * a) / total
    other = transpose(deviations, (1, 0))
    if dtypes.is_complex(x.dtype):
        other = conj_p(other, input_dtype=x.dtype)
    found = matmul(weighted, other) / left
    return reshape(found, ()) if found.shape == (1, 1) else found


def _variables(m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """All variables as the rows of one floating-point matrix."""
    if y is not None:
        m, y = promote_inexact("cov", m, y)
    else:
        (m,) = promote_inexact("cov", m)
    parts = [_as_rows(v, rowvar) for v in (m, y) if v is not None]
    if len(parts) == 2 and parts[0].shape[1] != parts[1].shape[1]:
        raise ValueError(
            f"cov: the variables have {parts[0].shape[1]} and {parts[1].shape[1]}"
            " observations; the numbers must be equal."
        )
    x = strong(concatenate(parts, 0))
    return x if dtype is None else convert(x, dtypes.check_array_dtype("cov", dtype))


def _as_rows(x: Any, rowvar: bool) -> Any:
    if x.ndim > 2:
        raise ValueError(
            f"cov: observations must have at most 2 dimensions; got shape {x.shape}."
        )
    if x.ndim < 2:
        return reshape(x, (1, x.size))
    return x if rowvar or x.shape[0] == 1 else transpose(x, (1, 0))


def _observation_weights(n: int, fweights: Any, aweights: Any) -> Any:
    found = None
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        w = operand("cov", w)
        if w.shape != (n,):
            raise RuntimeError(
                f"cov: {name} of shape {w.shape} must have one entry for each of the"
                f" {n} observations."
            )
        if name == "fweights" and not dtypes.is_integer(w.dtype):
            raise TypeError(f"cov: fweights must be integers; got {w.dtype}.")
        found = w if found is None else mul_p(*promote("cov", found, w))
    return found


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, dtype: Any = None) -> Any:
    """The matrix of Pearson's correlation coefficients. Arguments are those of `cov`.

    >>> import chainrule.numpy as cnp
    >>> cnp.corrcoef(cnp.array([[0., 1., 2.], [2., 1., 0.]])).round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    n = c.shape[0]
    diagonal = _diagonal(c)
    scale = sqrt_p(real_p(diagonal) if dtypes.is_complex(c.dtype) else diagonal)
    scale = convert(scale, c.dtype)
    c = c / reshape(scale, (n, 1)) / reshape(scale, (1, n))
    if dtypes.is_complex(c.dtype):
        return complex_p(_clipped(real_p(c)), _clipped(imag_p(c)))
    return _clipped(c)


def _clipped(x: Any) -> Any:
    one = full((), 1, x.dtype)
    return clamp_p(-one, x, one)


def _diagonal(c: Any) -> Any:
    """The diagonal of a square matrix: every (n + 1)th of its elements."""
    n = c.shape[0]
    return slice_along(reshape(c, (n * n,)), 0, n * n, 0, n + 1)


__all__ = ["corrcoef", "cov", "squared", "std", "var"]
