"""Functions of matrices: exponential, square root, polar factors, any function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core import dtypes
from ...numpy.promotion import inexact_operand, inexact_operands
from ...ops.elementwise_complex import abs_p
from ...ops.elementwise_logic import eq_p
from ...ops.elementwise_selection import max_p, min_p, select
from ...ops.linalg_condensed import parlett_p
from ...ops.linalg_eigen import schur_p
from ...ops.linalg_functions import expm_frechet_p, expm_p, sqrtm_p
from ...ops.linalg_polar import polar_p
from ...ops.linalg_rules import check_matrix
from ...ops.matrices import diagonal, differences, eye_like, matmul, mH, triu
from ...ops.reductions import reduce_max_p, reduce_min_p
from ...ops.shaping import convert, full, reduce_sum_p


def expm(
    A: Any,
    *,
    upper_triangular: bool = False,
    max_squarings: int = 16,
) -> Any:
    """The exponentials of square matrices, by scaling and squaring.

    Args:
        A: shape (..., n, n).
        upper_triangular: read the upper triangle only.
        max_squarings: a matrix that needs more squarings gives NaN.

    Returns:
        Shape (..., n, n). Source: Higham, The scaling and squaring method for the
        matrix exponential revisited, 2005.

    Raises:
        TypeError, ValueError: `A` is no stack of square matrices.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import expm
    >>> expm(cnp.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    A = inexact_operand("scipy.linalg.expm", A)
    if upper_triangular:
        check_matrix("expm", A, square=True)
        A = triu(A)
    return expm_p(A, max_squarings=max_squarings)


def expm_frechet(
    A: Any,
    E: Any,
    *,
    method: str | None = None,
    compute_expm: bool = True,
) -> Any:
    """The derivative of `expm` at A in the direction E.

    Args:
        A, E: shape (..., n, n).
        method: accepted; see the source.
        compute_expm: return expm(A) too.

    Returns:
        (expm(A), derivative), or the derivative alone. Source: Al-Mohy and Higham,
        Computing the Frechet derivative of the matrix exponential, 2009.

    Raises:
        ValueError: A and E have different shapes.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import expm_frechet
    >>> one = cnp.ones((1, 1))
    >>> expm_frechet(0 * one, one, compute_expm=False).tolist()
    [[1.0]]
    """
    A, E = inexact_operands("scipy.linalg.expm_frechet", A, E)
    derivative = expm_frechet_p(A, E, max_squarings=16)
    return (expm_p(A, max_squarings=16), derivative) if compute_expm else derivative


def sqrtm(A: Any, blocksize: int = 1) -> Any:
    """The principal square roots of square matrices (..., n, n), complex.

    Differentiable where the root has no eigenvalues r and -r.

    Raises:
        NotImplementedError: `blocksize` is not 1.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import sqrtm
    >>> sqrtm(cnp.array([[4., 0.], [0., 9.]])).real.tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    if blocksize > 1:
        raise NotImplementedError(
            f"sqrtm: Blocked version is not implemented yet; got blocksize={blocksize},"
            " use 1."
        )
    return sqrtm_p(inexact_operand("scipy.linalg.sqrtm", A))


def polar(
    a: Any,
    side: str = "right",
    *,
    method: str = "qdwh",
    eps: float | None = None,
    max_iterations: int | None = None,
) -> tuple[Any, Any]:
    """Polar factors of matrices.

    Args:
        a: shape (..., m, n).
        side: "right": a = u p; "left": a = p u.
        method: "qdwh" or "svd": accepted; singular values are used.
        eps, max_iterations: accepted for "qdwh".

    Returns:
        (u, p): u (..., m, n) with orthonormal columns (rows if m < n), p positive
        semidefinite.

    Raises:
        ValueError: an unknown side or method.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import polar
    >>> u, p = polar(cnp.array([[0., 2.], [-3., 0.]]))
    >>> cnp.round(p, 3).tolist()
    [[3.0, 0.0], [0.0, 2.0]]
    """
    if side not in ("right", "left"):
        raise ValueError(
            "polar: The argument `side` must be either 'right' or 'left'; got"
            f" {side!r}."
        )
    if method not in ("qdwh", "svd"):
        raise ValueError(f"polar: Unknown polar decomposition method {method!r}.")
    a = inexact_operand("scipy.linalg.polar", a)
    _, m, n = check_matrix("polar", a)
    if m >= n:
        u, p = polar_p(a)
        if side == "left":
            p = matmul(a, mH(u))
    else:
        u, p = polar_p(mH(a))
        u = mH(u)
        if side == "right":
            p = matmul(mH(u), a)
    return u, p


def funm(A: Any, func: Callable[[Any], Any], disp: bool = True) -> Any:
    """A function of a square matrix, given as a function of its eigenvalues.

    Args:
        A: shape (n, n).
        func: function of an array of complex eigenvalues, applied entry by entry.
        disp: False: return an estimate of the error too.

    Returns:
        Complex func(A), or the pair of it and the estimated relative error, by Schur
        form and Parlett's recurrence (Golub and Van Loan, Matrix Computations, 9.1.2):
        inaccurate where eigenvalues nearly coincide.

    Raises:
        ValueError: `A` is no square matrix.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import funm
    >>> funm(cnp.array([[4., 0.], [0., 9.]]), cnp.sqrt).real.tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    A = inexact_operand("scipy.linalg.funm", A)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(
            "funm: the operand must be a square matrix, of shape (n, n); got"
            f" {A.shape}."
        )
    dtype = dtypes.with_complex(A.dtype)
    t, z = schur_p(convert(A, dtype), compute_schur_vectors=True)
    values = convert(func(diagonal(t)), dtype)
    out = matmul(matmul(z, parlett_p(t, values)), mH(z))
    return out if disp else (out, _error_estimate(t))


def _error_estimate(t: Any) -> Any:
    """min(1, eps / (least distance of eigenvalues) * 1-norm of the strict triangle)."""
    dtype = dtypes.real_part(t.dtype)
    eps = full((), float(dtypes.finfo(dtype).eps), dtype)
    beyond = eye_like(abs_p(t)) * float(dtypes.finfo(dtype).max)
    gaps = abs_p(differences(diagonal(t))) + beyond
    first = abs_p(diagonal(t)[0])
    gap = min_p(first, reduce_min_p(gaps, axes=(0, 1)))
    gap = select(eq_p(gap, full((), 0, dtype)), eps, gap)
    norm = reduce_max_p(reduce_sum_p(abs_p(triu(t, 0.0)), axes=(0,)), axes=(0,))
    return min_p(full((), 1, dtype), max_p(eps, eps / gap * norm))


__all__ = ["expm", "expm_frechet", "funm", "polar", "sqrtm"]
