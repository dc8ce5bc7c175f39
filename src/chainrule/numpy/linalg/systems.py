"""Linear systems, inverses, determinants, least squares and their tensor forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...core import dtypes
from ...core.avals import Array, as_array
from ...ops.elementwise_complex import abs_p
from ...ops.elementwise_logic import gt_p
from ...ops.elementwise_rules import broadcast_shapes
from ...ops.linalg_lu import det_p, inverse, linear_solve_p, slogdet_p
from ...ops.linalg_rules import check_matrix
from ...ops.linalg_svd import least_squares_p, pinv_p
from ...ops.matrices import matmul as multiply
from ...ops.shaping import broadcast_to, convert, full, move_dim, reduce_sum_p, reshape
from ...ops.shaping import transpose as permute
from ..promotion import inexact_operand, inexact_operands


class SlogdetResult(NamedTuple):
    """Sign (or phase) and logarithm of the absolute value of the determinant."""

    sign: Any
    logabsdet: Any


# --- solve, inv -----------------------------------------------------------------------


def solve(a: Any, b: Any) -> Any:
    """Solves the linear systems a x = b.

    Args:
        a: shape (..., n, n).
        b: shape (n,): one vector for all matrices; or (..., n, k): columns, leading
            dimensions broadcasting with those of `a`.

    Returns:
        x of the shape of b (broadcast); NaN where a matrix is exactly singular.

    Raises:
        TypeError, ValueError: shapes do not fit.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.solve(cnp.array([[0., 2.], [1., 0.]]), cnp.array([4., 3.])).tolist()
    [3.0, 2.0]
    """
    a, b = inexact_operands("linalg.solve", a, b)
    shape, other = a.shape, b.shape
    if len(shape) == 2:
        if len(other) == 2:
            return linear_solve_p(a, b)
        if len(other) == 1:
            x = linear_solve_p(a, reshape(b, (other[0], 1)))
            return reshape(x, other)
    return _solve_stacked(a, b)


def _solve_stacked(a: Any, b: Any) -> Any:
    lead, _, n = check_matrix("solve", a, square=True)
    vectors = b.ndim == 1
    if b.ndim == 0 or b.shape[-1 if vectors else -2] != n:
        raise ValueError(
            f"solve: b of shape {b.shape} does not fit matrices of shape {a.shape}; it"
            f" must be ({n},) or (..., {n}, k)."
        )
    if vectors:
        b = reshape(b, (n, 1))
    lead = broadcast_shapes("solve", lead, b.shape[:-2])
    if a.ndim == 2:
        x = _solve_columns(a, b)
    else:
        b = broadcast_to(b, (*lead, *b.shape[-2:]))
        x = linear_solve_p(broadcast_to(a, (*lead, n, n)), b)
    return reshape(x, x.shape[:-1]) if vectors else x


def _solve_columns(a: Any, b: Any) -> Any:
    """One matrix for a whole stack: its columns are solved for side by side."""
    *lead, n, k = b.shape
    rank = b.ndim
    moved = move_dim(b, rank - 2, 0)
    x = linear_solve_p(a, reshape(moved, (n, math.prod(lead) * k)))
    return move_dim(reshape(x, (n, *lead, k)), 0, rank - 2)


def inv(a: Any) -> Any:
    """The inverses of square matrices (..., n, n); NaN where one is exactly singular.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.inv(cnp.array([[2., 0.], [0., 4.]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    a = inexact_operand("linalg.inv", a)
    check_matrix("inv", a, square=True)
    return inverse(a)


# --- determinants ---------------------------------------------------------------------


def det(a: Any) -> Any:
    """The determinants of square matrices (..., n, n), shape (...).

    The derivative is the matrix of cofactors, right for singular matrices too.

    >>> import chainrule.numpy as cnp
    >>> round(float(cnp.linalg.det(cnp.array([[1., 2.], [3., 4.]]))), 4)
    -2.0
    """
    return det_p(inexact_operand("linalg.det", a))


def slogdet(a: Any, *, method: str | None = None) -> SlogdetResult:
    """Sign and logarithm of the absolute value of determinants.

    Args:
        a: shape (..., n, n).
        method: None, "lu" or "qr": accepted; LU factors are used.

    Returns:
        SlogdetResult(sign, logabsdet), each of shape (...): for singular matrices 0 and
        minus infinity; for complex ones the sign is a number of modulus 1.

    Raises:
        ValueError: an unknown method.

    >>> import chainrule.numpy as cnp
    >>> sign, logabsdet = cnp.linalg.slogdet(cnp.array([[0., 1.], [1., 0.]]))
    >>> float(sign), float(logabsdet)
    (-1.0, 0.0)
    """
    if method not in (None, "lu", "qr"):
        raise ValueError(
            f"slogdet: Unknown slogdet method {method!r}. Supported methods are 'lu'"
            " (`None`), and 'qr'."
        )
    return SlogdetResult(*slogdet_p(inexact_operand("linalg.slogdet", a)))


# --- pseudoinverse, least squares -----------------------------------------------------


def _tolerance(rtol: Any, factor: float, a: Any) -> Any:
    """`rtol` as the primitives want it: real, one per matrix."""
    dtype = dtypes.real_part(a.dtype)
    if rtol is None:
        rtol = full((), factor * float(dtypes.finfo(dtype).eps), dtype)
    else:
        rtol = convert(rtol if isinstance(rtol, Array) else as_array(rtol), dtype)
    return broadcast_to(rtol, a.shape[:-2])


def pinv(
    a: Any, rtol: Any = None, hermitian: bool = False, *, rcond: Any = None
) -> Any:
    """The Moore-Penrose pseudoinverses of matrices.

    Args:
        a: shape (..., m, n).
        rtol: singular values up to rtol times the largest count as zero; a number, or
            one per matrix. Default 10 max(m, n) times the dtype's precision.
        hermitian: accepted; singular values are used in any case.
        rcond: another name of `rtol`.

    Returns:
        Shape (..., n, m). The derivative is that at constant rank.

    Raises:
        ValueError: both `rtol` and `rcond` are given.

    >>> import chainrule.numpy as cnp
    >>> cnp.round(cnp.linalg.pinv(cnp.array([[2., 0.], [0., 0.]])), 4).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    if rcond is not None:
        if rtol is not None:
            raise ValueError("pinv: only one of rtol and rcond may be given.")
        rtol = rcond
    a = inexact_operand("linalg.pinv", a)
    _, m, n = check_matrix("pinv", a)
    return pinv_p(a, _tolerance(rtol, 10.0 * max(m, n), a))


def lstsq(
    a: Any, b: Any, rcond: float | None = None, *, numpy_resid: bool = False
) -> tuple[Any, Any, Any, Any]:
    """Least-squares solutions of a x = b, of least norm among them.

    Args:
        a: shape (m, n).
        b: shape (m,) or (m, k).
        rcond: singular values up to rcond times the largest count as zero; default
            max(m, n) times the dtype's precision.
        numpy_resid: return residuals as NumPy does, an empty array where `a` has not
            full rank or m <= n; not inside of jit.

    Returns:
        x of shape (n,) or (n, k); the sums of squared residuals, shape (1,) or (k,);
        the rank of `a`; its singular values.

    Raises:
        ValueError: shapes do not fit.

    >>> import chainrule.numpy as cnp
    >>> a, b = cnp.array([[1.], [1.]]), cnp.array([1., 3.])
    >>> cnp.round(cnp.linalg.lstsq(a, b)[0], 3).tolist()
    [2.0]
    """
    a, b = inexact_operands("linalg.lstsq", a, b)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise TypeError(
            f"lstsq: a must have 2 dimensions and b 1 or 2; got shapes {a.shape} and"
            f" {b.shape}."
        )
    m, n = a.shape
    if b.shape[0] != m:
        raise ValueError(
            f"lstsq: Leading dimensions of input arrays must match; got {a.shape} and"
            f" {b.shape}."
        )
    if rcond is not None and rcond < 0:
        rcond = float(dtypes.finfo(a.dtype).eps)
    rtol = _tolerance(rcond, max(m, n), a)
    columns = reshape(b, (m, 1)) if b.ndim == 1 else b
    x, s = least_squares_p(a, columns, rtol)
    rank = _count_above(s, rtol)
    if numpy_resid and (int(rank) < n or m <= n):
        residuals = full((0,), 0, s.dtype)
    else:
        error = abs_p(columns - multiply(a, x))
        residuals = reduce_sum_p(error * error, axes=(0,))
    return reshape(x, (n, *b.shape[1:])), residuals, rank, s


def _count_above(s: Any, rtol: Any) -> Any:
    if not s.shape[0]:
        return full((), 0, dtypes.default_int())
    above = gt_p(s, s[0] * rtol)
    return reduce_sum_p(convert(above, dtypes.default_int()), axes=(0,))


# --- tensors --------------------------------------------------------------------------


def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of a tensor with respect to `tensordot` over `ind` dimensions.

    Args:
        a: the product of its first `ind` sizes equals that of the others.
        ind: how many of the first dimensions are contracted by the inverse, at least 1.

    Returns:
        Shape (*a.shape[ind:], *a.shape[:ind]).

    Raises:
        ValueError: `ind` is not positive, or the sizes do not fit.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.tensorinv(cnp.eye(6).reshape(2, 3, 6), ind=2).shape
    (6, 2, 3)
    """
    a = inexact_operand("linalg.tensorinv", a)
    if ind <= 0:
        raise ValueError(f"tensorinv: ind must be a positive integer; got ind={ind}.")
    first, last = a.shape[:ind], a.shape[ind:]
    n, m = math.prod(first), math.prod(last)
    if n != m:
        raise ValueError(
            f"tensorinv: shape {a.shape} splits at ind={ind} into {n} by {m} elements;"
            " the numbers must be equal."
        )
    return reshape(inverse(reshape(a, (n, n))), (*last, *first))


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """Solves tensordot(a, x, x.ndim) = b for x.

    Args:
        a: shape (*b.shape, *x.shape), after its dimensions `axes` are moved to the end.
        b: the right-hand side.
        axes: dimensions of `a` to move to the end first.

    Raises:
        ValueError: the sizes do not fit.

    >>> import chainrule.numpy as cnp
    >>> a = 2 * cnp.eye(4).reshape(2, 2, 4)
    >>> cnp.linalg.tensorsolve(a, cnp.ones((2, 2))).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    a, b = inexact_operands("linalg.tensorsolve", a, b)
    if axes is not None:
        moved = [d % a.ndim for d in axes]
        a = permute(a, [*(d for d in range(a.ndim) if d not in moved), *moved])
    shape = a.shape[b.ndim :]
    n = math.prod(shape)
    if a.shape[: b.ndim] != b.shape or b.size != n:
        raise ValueError(
            f"tensorsolve: a of shape {a.shape} does not fit b of shape {b.shape}; a"
            f" must begin with b's sizes and go on with sizes of product {b.size}."
        )
    x = linear_solve_p(reshape(a, (n, n)), reshape(b, (n, 1)))
    return reshape(x, shape)


__all__ = [
    "SlogdetResult", "det", "inv", "lstsq", "pinv", "slogdet", "solve",
    "tensorinv", "tensorsolve",
]  # fmt: skip
