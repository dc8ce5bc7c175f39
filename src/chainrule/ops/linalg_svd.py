"""Singular values, and what is computed from them: pseudoinverse and least squares.

The derivative of singular vectors divides by differences of singular values (Townsend,
Differentiating the singular value decomposition, 2016); where they coincide it is
infinite or NaN. Those of singular values, of the pseudoinverse and of least squares
need no such division.
"""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..core.avals import aval_of
from ..runtime import lapack
from . import linalg_kernels
from .elementwise_logic import eq_p
from .elementwise_selection import select
from .linalg_rules import check_matrix, check_same, declare
from .matrices import (
    as_columns,
    as_rows,
    diagonal,
    differences,
    eye,
    imag_as,
    matmul,
    mH,
    real,
    reciprocal_differences,
)
from .shaping import full

# --- svd ------------------------------------------------------------------------------


def _svd_abstract(
    x: Any, *, full_matrices: bool, compute_uv: bool, algorithm: str
) -> Any:
    batch, m, n = check_matrix("svd", x)
    k = min(m, n)
    s = ((*batch, k), dtypes.real_part(x.dtype))
    if not compute_uv:
        return [s]
    rows, columns = (m, n) if full_matrices else (k, k)
    return [s, ((*batch, m, rows), x.dtype), ((*batch, columns, n), x.dtype)]


def _svd_compute(
    x: Any, *, full_matrices: bool, compute_uv: bool, algorithm: str
) -> Any:
    out = lapack.svd(x, full_matrices, compute_uv, algorithm)
    return (out[1], out[0], out[2]) if compute_uv else out


def _svd_jvp(
    primals: Any, tangents: Any, ys: Any, *, full_matrices: bool, compute_uv: bool,
    algorithm: str,
) -> Any:  # fmt: skip
    x_dot = tangents[0]
    if x_dot is None:
        return [None] * len(ys)
    m, n = x_dot.shape[-2:]
    if compute_uv and full_matrices and m != n:
        raise NotImplementedError(
            "svd: the full u and vh of matrices that are not square have no derivative,"
            f" as part of them is arbitrary; got shape {x_dot.shape}. Use"
            " full_matrices=False."
        )
    if compute_uv:
        s, u, vh = ys
    else:
        s, u, vh = svd_p(
            primals[0], full_matrices=False, compute_uv=True, algorithm=algorithm
        )
    p = matmul(matmul(mH(u), x_dot), mH(vh))
    s_dot = real(diagonal(p))
    if not compute_uv:
        return [s_dot]
    u_dot, v_dot = _vector_tangents(s, u, mH(vh), x_dot, p)
    return [s_dot, u_dot, mH(v_dot)]


def _vector_tangents(s: Any, u: Any, v: Any, x_dot: Any, p: Any) -> tuple[Any, Any]:
    """Tangents of u and v; with p = u^H x_dot v and f = 1 / (s_j^2 - s_i^2),

    u^H u_dot = f (p s + s p^H) and v^H v_dot = f (s p + p^H s), diagonals zero where
    real and sharing the imaginary part of p's diagonal else.
    """
    f = reciprocal_differences(differences(s)) * _reciprocal_sums(s)
    ps, sp = p * as_rows(s), p * as_columns(s)
    u_inner, v_inner = f * (ps + mH(ps)), f * (sp + mH(sp))
    inverse = _reciprocal_or_zero(s)
    if dtypes.is_complex(p.dtype):
        n = aval_of(s).shape[-1]
        turn = as_rows(0.5 * imag_as(diagonal(p)) * inverse) * eye(n, p.dtype)
        u_inner, v_inner = u_inner + turn, v_inner - turn
    u_dot, v_dot = matmul(u, u_inner), matmul(v, v_inner)
    m, n = x_dot.shape[-2:]
    if m > n:
        outside = matmul(x_dot, v) - matmul(u, p)
        u_dot = u_dot + outside * as_rows(inverse)
    elif n > m:
        outside = matmul(mH(x_dot), u) - matmul(v, mH(p))
        v_dot = v_dot + outside * as_rows(inverse)
    return u_dot, v_dot


def _reciprocal_sums(s: Any) -> Any:
    return _reciprocal_or_zero(as_rows(s) + as_columns(s))


def _reciprocal_or_zero(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    zero, one = full((), 0, x.dtype), full((), 1, x.dtype)
    none = eq_p(x, zero)
    return select(none, zero, 1 / select(none, one, x))


svd_p = declare(
    "svd",
    "Descending s, then u and vh with x = u diag(s) vh where wanted.",
    abstract=_svd_abstract,
    jvp=_svd_jvp,
    compute=_svd_compute,
    lower=linalg_kernels.svd,
    multiple_results=True,
)


# --- pseudoinverse and least squares --------------------------------------------------


def _check_rtol(name: str, x: Any, rtol: Any) -> None:
    if rtol.shape != x.shape[:-2] or rtol.dtype != dtypes.real_part(x.dtype):
        raise TypeError(
            f"{name}: rtol must have the shape and real dtype of the batch of matrices,"
            f" {x.shape[:-2]} and {dtypes.real_part(x.dtype)}; got {rtol.shape} and"
            f" {rtol.dtype}."
        )


def _pinv_abstract(x: Any, rtol: Any) -> Any:
    batch, m, n = check_matrix("pinv", x)
    _check_rtol("pinv", x, rtol)
    return (*batch, n, m), x.dtype


def _pinv_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least

    squares problems whose variables separate, 1973, equation 4.12, at constant rank.
    """
    x, x_dot = primals[0], tangents[0]
    if x_dot is None:
        return None
    y_dot = -matmul(matmul(y, x_dot), y)
    adjoint = mH(x_dot)
    rows = adjoint - matmul(matmul(adjoint, x), y)
    y_dot = y_dot + matmul(y, matmul(mH(y), rows))
    columns = adjoint - matmul(y, matmul(x, adjoint))
    return y_dot + matmul(matmul(columns, mH(y)), y)


pinv_p = declare(
    "pinv",
    "The pseudoinverse, singular values up to rtol times the largest taken as zero.",
    abstract=_pinv_abstract,
    jvp=_pinv_jvp,
    compute=lapack.pinv,
    lower=linalg_kernels.pinv,
)


def _least_abstract(a: Any, b: Any, rtol: Any) -> Any:
    batch, m, n = check_matrix("least_squares", a)
    check_same("least_squares", a, b)
    _check_rtol("least_squares", a, rtol)
    if b.shape[-2] != m:
        raise ValueError(
            f"least_squares: a of shape {a.shape} and b of shape {b.shape} do not fit;"
            f" b must be (..., {m}, k)."
        )
    s = ((*batch, min(m, n)), dtypes.real_part(a.dtype))
    return [((*batch, n, b.shape[-1]), a.dtype), s]


def _least_jvp(primals: Any, tangents: Any, ys: Any) -> Any:
    """The pseudoinverse's derivative applied to b, without its large products."""
    a, b, rtol = primals
    a_dot, b_dot, _ = tangents
    x = ys[0]
    if a_dot is None and b_dot is None:
        return [None, None]
    y = pinv_p(a, rtol)
    if a_dot is None:
        return [matmul(y, b_dot), None]
    rhs = matmul(a_dot, x)
    rhs = -rhs if b_dot is None else b_dot - rhs
    adjoint = mH(a_dot)
    residual = b - matmul(a, x)
    inner = matmul(mH(y), matmul(adjoint, residual))
    outer = matmul(adjoint, matmul(mH(y), x))
    x_dot = matmul(y, rhs + inner) + outer - matmul(y, matmul(a, outer))
    _, u, vh = svd_p(a, full_matrices=False, compute_uv=True, algorithm="rotate")
    return [x_dot, real(diagonal(matmul(matmul(mH(u), a_dot), mH(vh))))]


least_squares_p = declare(
    "least_squares",
    "The x of least norm among those of least |a x - b|; the singular values of a.",
    abstract=_least_abstract,
    jvp=_least_jvp,
    compute=lapack.least_squares,
    lower=linalg_kernels.least_squares,
    multiple_results=True,
)

__all__ = ["least_squares_p", "pinv_p", "svd_p"]
