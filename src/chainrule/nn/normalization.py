"""Softmax and its family, one-hot encoding, standardization.

The maximum is subtracted before exponentials, as a constant: it cancels in the result,
so its derivative does.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import numpy as cnp
from ..core import dtypes
from ..numpy.promotion import inexact_operand
from ..ops.arithmetic import div_p, sub_p
from ..ops.elementwise_conversion import stop_gradient_p
from ..ops.elementwise_exponential import exp_p
from ..ops.reductions import keep_dims, reduce_max_p
from ..ops.shaping import canonical_axis
from ..scipy.special import logsumexp

__all__ = [
    "log_softmax", "logmeanexp", "logsumexp", "one_hot", "softmax", "standardize",
]  # fmt: skip


def _shifted(name: str, x: Any, axis: Any, where: Any) -> Any:
    """`x` minus its maximum along `axis`; -inf for what is not in `where`."""
    if where is None:
        given = (
            range(x.ndim) if axis is None else (axis,) if type(axis) is int else axis
        )
        axes = tuple([canonical_axis(name, a, x.ndim) for a in given])
        top = keep_dims(reduce_max_p(x, axes=axes), x.shape, axes)
        return sub_p(x, stop_gradient_p(top))
    top = cnp.max(x, axis, keepdims=True, initial=-np.inf, where=where)
    top = stop_gradient_p(cnp.where(cnp.isneginf(top), 0.0, top))
    return cnp.where(where, x, -np.inf) - top


def softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along `axis`.

    Args:
        x: array of any shape.
        axis: int or tuple of int: the dimensions that sum to 1; None for all of them.
        where: boolean array that broadcasts to `x`: elements that take part; the
            others are 0 in the result.

    Returns:
        An array of the shape of `x`.

    Raises:
        ValueError: the axis is out of bounds.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.nn.softmax(cnp.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    x = inexact_operand("softmax", x)
    terms = exp_p(_shifted("softmax", x, axis, where))
    total = cnp.sum(terms, axis, keepdims=True)
    out = div_p(terms, total)
    return out if where is None else cnp.where(where, out, 0.0)


def log_softmax(x: Any, axis: Any = -1, where: Any = None) -> Any:
    """log(softmax(x)) along `axis`, without underflow.

    Arguments as for `softmax`; elements outside of `where` are -inf in the result.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.nn.log_softmax(cnp.array([-1000.0, 0.0])).tolist()
    [-1000.0, 0.0]
    """
    x = inexact_operand("log_softmax", x)
    shifted = _shifted("log_softmax", x, axis, where)
    out = shifted - cnp.log(cnp.sum(cnp.exp(shifted), axis, keepdims=True))
    return out if where is None else cnp.where(where, out, -np.inf)


def logmeanexp(
    x: Any, axis: Any = None, where: Any = None, keepdims: bool = False
) -> Any:
    """log(mean(exp(x))) along `axis`, without overflow."""
    x = inexact_operand("logmeanexp", x)
    total = logsumexp(x, axis=axis, where=where, keepdims=keepdims)
    ones = cnp.ones_like(x) if where is None else cnp.where(where, cnp.ones_like(x), 0)
    return total - cnp.log(cnp.sum(ones, axis, keepdims=keepdims))


def one_hot(x: Any, num_classes: int, *, dtype: Any = None, axis: int = -1) -> Any:
    """Indices as vectors with a single 1; all zeros for indices out of range.

    Args:
        x: integer array of indices.
        num_classes: the length of the vectors.
        dtype: dtype of the result; default the default float.
        axis: where the new dimension stands in the result.

    Returns:
        An array of shape x.shape with `num_classes` inserted at `axis`.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.nn.one_hot(cnp.array([0, 2]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x = cnp.asarray(x)
    if x.dtype == np.bool_:
        raise TypeError("one_hot: indices must be numbers; got booleans.")
    dtype = dtypes.canonicalize_dtype(float if dtype is None else dtype)
    axis = canonical_axis("one_hot", axis, x.ndim + 1)
    shape = [1] * (x.ndim + 1)
    shape[axis] = operator.index(num_classes)
    if dtypes.is_integer(x.dtype) and np.iinfo(x.dtype).max < shape[axis]:
        x = x.astype(np.int32)
    classes = cnp.arange(shape[axis], dtype=x.dtype).reshape(shape)
    return (cnp.expand_dims(x, axis) == classes).astype(dtype)


def standardize(
    x: Any,
    axis: Any = -1,
    mean: Any = None,
    variance: Any = None,
    epsilon: Any = 1e-5,
    where: Any = None,
    *,
    algorithm: str = "fast",
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) along `axis`.

    Args:
        x: array of any shape.
        axis: int or tuple of int over which to take mean and variance.
        mean, variance: given values instead; they must broadcast to `x`.
        epsilon: added to the variance.
        where: boolean array: elements that take part in mean and variance.
        algorithm: 'fast' (mean of squares minus square of the mean, not below 0) or
            'stable' (mean of squared deviations).

    Raises ValueError for another algorithm.
    """
    if algorithm not in ("fast", "stable"):
        raise ValueError(
            f"standardize: algorithm must be 'fast' or 'stable'; got {algorithm!r}."
        )
    x = inexact_operand("standardize", x)
    if mean is None:
        mean = cnp.mean(x, axis, keepdims=True, where=where)
    if variance is None and algorithm == "fast":
        squares = cnp.mean(cnp.square(x), axis, keepdims=True, where=where)
        variance = cnp.maximum(squares - cnp.square(mean), 0)
    elif variance is None:
        variance = cnp.mean(cnp.square(x - mean), axis, keepdims=True, where=where)
    return (x - mean) / cnp.sqrt(variance + epsilon)
