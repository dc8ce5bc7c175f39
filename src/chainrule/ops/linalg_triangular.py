"""Cholesky factors and triangular systems.

`cholesky` and `triangular_solve` are closed under differentiation: each rule is made of
triangular solves and products, so all orders follow. Both read one triangle of their
matrix only, and their derivatives do too.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from ..core.avals import aval_of
from ..core.linear import is_linear
from ..runtime import lapack
from . import linalg_kernels
from .absorbing_forms import absorbing_blocks
from .joining import with_batch_first
from .linalg_rules import check_matrix, check_same, declare
from .matrices import conj, hermitian_from, matmul, mT, triangle_p, tril
from .power_series import cauchy, minus
from .shaping import move_dim, reshape

# --- triangular_solve -----------------------------------------------------------------


def _solve_abstract(a: Any, b: Any, *, left_side: bool, lower: bool, **_: Any) -> Any:
    n = check_matrix("triangular_solve", a, square=True)[1]
    check_same("triangular_solve", a, b)
    if b.shape[-2 if left_side else -1] != n:
        raise TypeError(
            f"triangular_solve: a of shape {a.shape} and b of shape {b.shape} do not"
            f" fit; b must be {'(..., n, k)' if left_side else '(..., k, n)'} with n ="
            f" {n}."
        )
    return b.shape, b.dtype


def _solve_compute(
    a: Any,
    b: Any,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    conjugate_a: bool,
    unit_diagonal: bool,
) -> Any:
    letters = "RC" if conjugate_a else "NT"
    trans = letters[transpose_a]
    return lapack.triangular_solve(a, b, lower, trans, unit_diagonal, left_side)


def _solve_jvp(primals: Any, tangents: Any, x: Any, **params: Any) -> Any:
    """From op(a) x = b: op(a) x_dot = b_dot - op(a_dot) x."""
    a, rhs = primals[0], tangents[1]
    if tangents[0] is not None:
        moved = _moved(tangents[0], x, params)
        rhs = -moved if rhs is None else rhs - moved
    return None if rhs is None else triangular_solve_p(a, rhs, **params)


def _moved(a_dot: Any, x: Any, params: Any) -> Any:
    """op(a_dot) x, or x op(a_dot), for the triangle of a_dot that op reads."""
    weight = 0.0 if params["unit_diagonal"] else 1.0
    a_dot = triangle_p(a_dot, lower=params["lower"], diagonal=weight)
    if params["conjugate_a"]:
        a_dot = conj(a_dot)
    if params["transpose_a"]:
        a_dot = mT(a_dot)
    return matmul(a_dot, x) if params["left_side"] else matmul(x, a_dot)


def _solve_terms(x: Any, a: Any, b: Any, **params: Any) -> Any:
    """op(a) x = b, order by order: op(a_0) x_k = b_k - sum of op(a_i) x_(k-i)."""
    found = [x]
    times = lambda a_i, x_j: _moved(a_i, x_j, params)
    for k in count(1):
        rest = minus(b[k], cauchy(a, found, k, times, first=1))
        found.append(None if rest is None else triangular_solve_p(a[0], rest, **params))
        yield found[k]


def _solve_transpose(
    ct: Any, a: Any, b: Any, *, transpose_a: bool, **params: Any
) -> Any:
    if is_linear(a):
        raise NotImplementedError(
            "triangular_solve: is linear in b only; cannot be transposed in a."
        )
    return None, triangular_solve_p(a, ct, transpose_a=not transpose_a, **params)


def fold_columns(x: Any, dim: int) -> tuple[Any, Any]:
    """Matrices batched along `dim` side by side as one; and the way back."""
    x = move_dim(x, dim, 2)
    n, k, size = aval_of(x).shape
    return reshape(x, (n, k * size)), lambda y: reshape(y, (n, k, size))


def _solve_batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    """One matrix and many right-hand sides are one system with more columns."""
    (a, b), (d, e) = args, dims
    if d is None and aval_of(a).ndim == 2:
        if params["left_side"]:
            folded, unfold = fold_columns(b, e)
            return unfold(triangular_solve_p(a, folded, **params)), 2
        b = move_dim(b, e, 0)
        _, k, n = aval_of(b).shape
        x = triangular_solve_p(a, reshape(b, (size * k, n)), **params)
        return reshape(x, (size, k, n)), 0
    return triangular_solve_p(*with_batch_first(args, dims, size), **params), 0


triangular_solve_p = declare(
    "triangular_solve",
    "x with op(a) x = b, or x op(a) = b, for triangular matrices a.",
    abstract=_solve_abstract,
    jvp=_solve_jvp,
    transpose=_solve_transpose,
    taylor=_solve_terms,
    batch=_solve_batch,
    compute=_solve_compute,
    lower=linalg_kernels.triangular_solve,
)
absorbing_blocks(
    triangular_solve_p, 1, lambda *, left_side, **_: (-2 if left_side else -1,)
)


def triangular_solve(
    a: Any,
    b: Any,
    *,
    left_side: bool = True,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Binds triangular_solve with all its parameters."""
    return triangular_solve_p(
        a,
        b,
        left_side=left_side,
        lower=lower,
        transpose_a=transpose_a,
        conjugate_a=conjugate_a,
        unit_diagonal=unit_diagonal,
    )


# --- cholesky -------------------------------------------------------------------------


def _cholesky_abstract(x: Any) -> Any:
    check_matrix("cholesky", x, square=True)
    return x.shape, x.dtype


def _cholesky_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """y Phi(y^-1 x_dot y^-H) (Murray, Differentiation of the Cholesky decomposition,

    2016, equation 8); x_dot is Hermitian, read from its lower triangle.
    """
    if tangents[0] is None:
        return None
    x_dot = hermitian_from(tangents[0], lower=True)
    half = triangular_solve(y, x_dot, lower=True)
    inner = triangular_solve(
        y, half, left_side=False, lower=True, transpose_a=True, conjugate_a=True
    )
    return matmul(y, tril(inner, 0.5))


cholesky_p = declare(
    "cholesky",
    "Lower triangular y with x = y y^H, for Hermitian positive definite matrices x.",
    abstract=_cholesky_abstract,
    jvp=_cholesky_jvp,
    compute=lapack.cholesky,
    lower=linalg_kernels.cholesky,
)


# --- cholesky_update ------------------------------------------------------------------


def _update_abstract(r: Any, w: Any) -> Any:
    _, n, _ = check_matrix("cholesky_update", r, square=True)
    check_same("cholesky_update", r, w, rank=1)
    if w.shape[-1] != n:
        raise TypeError(
            f"cholesky_update: w of shape {w.shape} must hold vectors of {n} entries,"
            f" as many as the matrices of shape {r.shape} have columns."
        )
    return r.shape, r.dtype


def _update_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """The derivative of the Cholesky factor y of r^H r + w w^H, without forming it."""
    r, w = primals
    terms: list[Any] = []
    if tangents[0] is not None:
        r_dot = triangle_p(tangents[0], lower=False, diagonal=1.0)
        terms.append(matmul(_adjoint(triangle_p(r, lower=False, diagonal=1.0)), r_dot))
    if tangents[1] is not None:
        terms.append(_outer(w, tangents[1]))
    if not terms:
        return None
    half = terms[0] if len(terms) == 1 else terms[0] + terms[1]
    x_dot = half + _adjoint(half)
    left = triangular_solve(y, x_dot, lower=False, transpose_a=True, conjugate_a=True)
    inner = triangular_solve(y, left, left_side=False, lower=False)
    return matmul(triangle_p(inner, lower=False, diagonal=0.5), y)


def _adjoint(x: Any) -> Any:
    return mT(conj(x))


def _outer(w: Any, w_dot: Any) -> Any:
    """w w_dot^H, matrix by matrix."""
    shape = aval_of(w).shape
    column = reshape(w, (*shape, 1))
    return matmul(column, conj(reshape(w_dot, (*shape[:-1], 1, shape[-1]))))


cholesky_update_p = declare(
    "cholesky_update",
    "Upper triangular y with y^H y = r^H r + w w^H, for upper triangular r.",
    abstract=_update_abstract,
    jvp=_update_jvp,
    compute=lapack.cholesky_update,
    lower=linalg_kernels.square("cholesky_update", 2),
)

__all__ = [
    "cholesky_p", "cholesky_update_p", "fold_columns", "triangular_solve",
    "triangular_solve_p",
]  # fmt: skip
