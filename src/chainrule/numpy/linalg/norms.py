"""Norms of vectors and matrices, condition numbers and ranks."""

from __future__ import annotations

import operator
from typing import Any

from ...core import dtypes
from ...core.avals import Array, as_array
from ...ops.arithmetic import mul_p
from ...ops.elementwise_complex import abs_p
from ...ops.elementwise_logic import gt_p, ne_p
from ...ops.elementwise_powers import sqrt_p
from ...ops.elementwise_selection import max_p
from ...ops.linalg_eigen import eigh_p
from ...ops.linalg_lu import inverse
from ...ops.linalg_rules import check_matrix
from ...ops.linalg_svd import svd_p
from ...ops.matrices import as_columns, conj, real
from ...ops.reductions import reduce_max_p, reduce_min_p
from ...ops.shaping import (
    broadcast_in_dim,
    canonical_axis,
    convert,
    full,
    reduce_sum_p,
    reshape,
    transpose,
)
from ..promotion import inexact_operand, operand

_inf = float("inf")


def _largest(x: Any, *, axes: Any) -> Any:
    """The largest of non-negative entries, 0 where there are none."""
    if not x.size:
        return full([n for d, n in enumerate(x.shape) if d not in axes], 0, x.dtype)
    return max_p(reduce_max_p(x, axes=axes), full((), 0, x.dtype))


_spectral = {2: _largest, -2: reduce_min_p, "nuc": reduce_sum_p}
_absolute_sums = {
    1: (0, _largest), -1: (0, reduce_min_p),
    _inf: (1, _largest), -_inf: (1, reduce_min_p),
}  # fmt: skip
"""For matrix norms of sums of absolute values: which of the axes is summed first."""


def norm(
    x: Any,
    ord: int | str | None = None,
    axis: None | tuple[int, ...] | int = None,
    keepdims: bool = False,
) -> Any:
    """The norm of a vector or matrix, or of those along given axes.

    Args:
        x: array of any shape.
        ord: None: the square root of the sum of squares. For vectors: a number p, inf,
            -inf, or 0, the number of entries that are not 0. For matrices: "fro",
            "nuc", 1, -1, 2, -2, inf, -inf.
        axis: an int: of vectors along it; a pair: of matrices in these dimensions;
            None: of all entries, or where `ord` is given of a 1- or 2-dimensional
            array.
        keepdims: keep the reduced dimensions with size 1.

    Returns:
        Real array, `x` without the axes.

    Raises:
        ValueError: an order that does not exist, or a wrong number of axes.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.linalg.norm(cnp.array([3., 4.])))
    5.0
    """
    x = inexact_operand("linalg.norm", x)
    rank = x.ndim
    if axis is None:
        if ord is None:
            return _kept(_euclidean(x, tuple(range(rank))), x, range(rank), keepdims)
        axes: tuple[int, ...] = tuple(range(rank))
    else:
        given = axis if isinstance(axis, tuple) else (operator.index(axis),)
        axes = tuple(canonical_axis("norm", d, rank) for d in given)
    if len(axes) == 1:
        out = _vector_norm(x, 2 if ord is None else ord, axes)
    elif len(axes) == 2:
        out = _matrix_norm(x, "fro" if ord is None else ord, axes)
    else:
        raise ValueError(
            f"norm: Improper number of axes for norm: axis={axes}. Pass one axis to"
            " compute a vector-norm, or two axes to compute a matrix-norm."
        )
    return _kept(out, x, axes, keepdims)


def _kept(y: Any, x: Any, axes: Any, keepdims: bool) -> Any:
    if not keepdims:
        return y
    return reshape(y, [1 if d in axes else n for d, n in enumerate(x.shape)])


def _euclidean(x: Any, axes: tuple[int, ...]) -> Any:
    square = mul_p(x, x)
    if dtypes.is_complex(x.dtype):
        square = real(mul_p(x, conj(x)))
    return sqrt_p(reduce_sum_p(square, axes=axes))


def _vector_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"norm: Invalid order '{ord}' for vector norm.")
    if ord == 2:
        return _euclidean(x, axes)
    if ord == 0:
        nonzero = ne_p(x, full((), 0, x.dtype))
        return reduce_sum_p(convert(nonzero, dtypes.real_part(x.dtype)), axes=axes)
    size = abs_p(x)
    if ord == _inf:
        return _largest(size, axes=axes)
    if ord == -_inf:
        return reduce_min_p(size, axes=axes)
    if ord == 1:
        return reduce_sum_p(size, axes=axes)
    ord = full((), ord, size.dtype) if not isinstance(ord, Array) else ord
    return reduce_sum_p(size**ord, axes=axes) ** (1 / ord)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord == "fro":
        return _euclidean(x, axes)
    if ord in _absolute_sums:
        first, reduce = _absolute_sums[ord]
        sums = reduce_sum_p(abs_p(x), axes=(axes[first],))
        other = axes[1 - first]
        return reduce(sums, axes=(other - (other > axes[first]),))
    if ord not in _spectral:
        raise ValueError(f"norm: Invalid order '{ord}' for matrix norm.")
    kept = [d for d in range(x.ndim) if d not in axes]
    s = _values(transpose(x, [*kept, *axes]))
    return _spectral[ord](s, axes=(s.ndim - 1,))


def _values(x: Any) -> Any:
    return svd_p(x, full_matrices=False, compute_uv=False, algorithm="rotate")[0]


def vector_norm(
    x: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: int | str = 2,
) -> Any:
    """The p-norm of the entries along one or several axes, taken as a vector.

    Args:
        x: array of any shape.
        axis: the axes; None: all.
        keepdims: keep the reduced dimensions with size 1.
        ord: p; inf, -inf and 0 as in `norm`.

    Raises:
        ValueError: `ord` is a string.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.linalg.vector_norm(cnp.array([[3., 0.], [0., 4.]])))
    5.0
    """
    x = inexact_operand("linalg.vector_norm", x)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        given = axis if isinstance(axis, tuple) else (operator.index(axis),)
        axes = tuple(canonical_axis("vector_norm", d, x.ndim) for d in given)
    return _kept(_vector_norm(x, ord, axes), x, axes, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: str | int = "fro") -> Any:
    """The norms of matrices (..., m, n); `ord` as for matrices in `norm`.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.linalg.matrix_norm(cnp.array([[1., 2.], [3., 4.]]), ord=1))
    6.0
    """
    x = inexact_operand("linalg.matrix_norm", x)
    if x.ndim < 2:
        raise ValueError(f"matrix_norm: needs at least 2 dimensions; got {x.shape}.")
    axes = (x.ndim - 2, x.ndim - 1)
    return _kept(_matrix_norm(x, ord, axes), x, axes, keepdims)


def cond(x: Any, p: Any = None) -> Any:
    """Condition numbers of matrices.

    Args:
        x: shape (..., m, n); square unless `p` is None, 2 or -2.
        p: None or 2: the largest singular value over the smallest; -2: the inverse of
            that; otherwise norm(x, p) * norm(inv(x), p).

    Raises:
        ValueError: not a stack of matrices, an empty one, or not square where needed.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.linalg.cond(cnp.array([[2., 0.], [0., 4.]])))
    2.0
    """
    x = inexact_operand("linalg.cond", x)
    if x.ndim < 2:
        raise ValueError(f"cond: input array must be at least 2D; got {x.shape}.")
    if not x.size:
        raise ValueError(f"cond: input array must not be empty; got {x.shape}.")
    if p in (None, 2, -2):
        s = _values(x)
        last = s.ndim - 1
        largest, smallest = reduce_max_p(s, axes=(last,)), reduce_min_p(s, axes=(last,))
        return smallest / largest if p == -2 else largest / smallest
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"cond: for p={p}, array must be square; got {x.shape}.")
    axes = (x.ndim - 2, x.ndim - 1)
    return mul_p(_matrix_norm(x, p, axes), _matrix_norm(inverse(x), p, axes))


def matrix_rank(
    M: Any,
    rtol: Any = None,
    *,
    hermitian: bool = False,
    tol: Any = None,
) -> Any:
    """Ranks of matrices: the number of singular values above a tolerance.

    Args:
        M: shape (..., m, n); of fewer dimensions: 0 if all entries are 0, or else 1.
        rtol: tolerance relative to the largest singular value; default max(m, n) times
            the dtype's precision.
        hermitian: take absolute eigenvalues in the place of singular values.
        tol: absolute tolerance, in the place of `rtol`.

    Returns:
        int32 array of shape (...).

    Raises:
        ValueError: both `rtol` and `tol` are given.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.linalg.matrix_rank(cnp.ones((3, 3))))
    1
    """
    if rtol is not None and tol is not None:
        raise ValueError("matrix_rank: only one of tol or rtol may be specified.")
    x = inexact_operand("linalg.matrix_rank", M)
    count = dtypes.default_int()
    if x.ndim < 2:
        some = convert(ne_p(x, full((), 0, x.dtype)), count)
        return reduce_max_p(some, axes=tuple(range(x.ndim))) if x.ndim else some
    _, m, n = check_matrix("matrix_rank", x)
    if hermitian:
        s = abs_p(eigh_p(x, lower=True, vectors=False)[0])
    else:
        s = _values(x)
    above = gt_p(s, broadcast_limits(s, _limits(s, rtol, tol, max(m, n))))
    return reduce_sum_p(convert(above, count), axes=(s.ndim - 1,))


def _limits(s: Any, rtol: Any, tol: Any, size: int) -> Any:
    if tol is not None:
        return convert(operand("matrix_rank", tol), s.dtype)
    if rtol is None:
        rtol = size * float(dtypes.finfo(s.dtype).eps)
    relative = convert(rtol if isinstance(rtol, Array) else as_array(rtol), s.dtype)
    return reduce_max_p(s, axes=(s.ndim - 1,)) * relative


def broadcast_limits(s: Any, limits: Any) -> Any:
    """One limit per matrix, laid along its singular values `s`."""
    if limits.ndim:
        limits = as_columns(limits)
    rank = s.ndim
    return broadcast_in_dim(limits, s.shape, range(rank - limits.ndim, rank))


__all__ = ["cond", "matrix_norm", "matrix_rank", "norm", "vector_norm"]
