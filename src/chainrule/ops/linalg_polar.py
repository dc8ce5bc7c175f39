"""Polar factors x = u p: by singular values, or by the QDWH iteration.

Both have the derivative of the factors, through a Sylvester equation with p (Higham,
Functions of Matrices, 2008, chapter 8), which needs p to be regular.
"""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..runtime import lapack
from . import linalg_kernels
from .linalg_functions import sylvester_p
from .linalg_lu import linear_solve_p
from .linalg_rules import check_matrix, declare
from .matrices import matmul, mH


def _factors_abstract(name: str, x: Any) -> Any:
    batch, m, n = check_matrix(name, x)
    if m < n:
        raise ValueError(
            f"{name}: needs at least as many rows as columns; got shape {x.shape}. Take"
            " the left polar factors, those of the transposed matrix."
        )
    return [(x.shape, x.dtype), ((*batch, n, n), x.dtype)]


def _polar_jvp(primals: Any, tangents: Any, ys: Any, **_: Any) -> Any:
    """With g = u^H x_dot, the skew part omega of u^H u_dot solves omega p + p omega =

    g - g^H; what x_dot has outside of u's columns turns them by x_dot p^-1.
    """
    x_dot = tangents[0]
    rest = [None] * (len(ys) - 2)
    if x_dot is None:
        return [None, None, *rest]
    u, p = ys[:2]
    g = matmul(mH(u), x_dot)
    omega = sylvester_p(p, p, g - mH(g))
    u_dot = matmul(u, omega)
    m, n = x_dot.shape[-2:]
    if m > n:
        outside = x_dot - matmul(u, g)
        u_dot = u_dot + mH(linear_solve_p(p, mH(outside)))
    return [u_dot, g - matmul(omega, p), *rest]


polar_p = declare(
    "polar",
    "u with orthonormal columns and positive semidefinite p with x = u p.",
    abstract=lambda x: _factors_abstract("polar", x),
    jvp=_polar_jvp,
    compute=lapack.polar,
    lower=linalg_kernels.polar,
    multiple_results=True,
)


# --- QDWH -----------------------------------------------------------------------------


def _qdwh_abstract(x: Any, *, max_iterations: int, eps: float) -> Any:
    factors = _factors_abstract("qdwh", x)
    batch = x.shape[:-2]
    return [*factors, (batch, dtypes.int32), (batch, dtypes.bool_)]


qdwh_p = declare(
    "qdwh",
    "As polar, by the QDWH iteration; then the number of steps, and if they converged.",
    abstract=_qdwh_abstract,
    jvp=_polar_jvp,
    compute=lambda x, *, max_iterations, eps: lapack.qdwh(x, max_iterations, eps),
    lower=linalg_kernels.qdwh,
    multiple_results=True,
)

__all__ = ["polar_p", "qdwh_p"]
