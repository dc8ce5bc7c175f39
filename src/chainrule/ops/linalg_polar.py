"""Polar factors x = u p: by singular values, or by the QDWH iteration.

Both have the derivative of the factors, through a Sylvester equation with p (Higham,
Functions of Matrices, 2008, chapter 8), which needs p to be regular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..runtime import lapack
from .linalg_functions import adjoint, sylvester_p
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


def _polar_compute(x: Any) -> Any:
    w, s, vh = lapack.svd(x, full_matrices=False)
    if x.shape[-2] < x.shape[-1]:
        raise ValueError("more columns than rows")
    return w @ vh, (adjoint(vh) * s[..., None, :]) @ vh


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
    compute=_polar_compute,
    multiple_results=True,
)


# --- QDWH -----------------------------------------------------------------------------


def _weights(low: float) -> tuple[float, float, float]:
    """The weights of the next step for singular values in [low, 1], formula (3.8)."""
    square = low * low
    d = (4 * (1 - square) / (square * square)) ** (1 / 3)
    root = np.sqrt(1 + d)
    a = root + np.sqrt(2 - d + 2 * (2 - square) / (square * root))
    b = (a - 1) ** 2 / 4
    return float(a), float(b), float(a + b - 1)


def _qr_step(x: Any, a: float, b: float, c: float) -> Any:
    """x (a + b x^H x) (1 + c x^H x)^-1, by the QR factors of [sqrt(c) x; 1]."""
    m, n = x.shape
    below = np.eye(n, dtype=x.dtype)
    q, _ = lapack.qr(np.concatenate([np.sqrt(c) * x, below]).astype(x.dtype), False)
    return (b / c) * x + ((a - b / c) / np.sqrt(c)) * (q[:m] @ adjoint(q[m:]))


def _qdwh_one(x: Any, max_iterations: int, eps: float) -> tuple[Any, int, bool]:
    """Nakatsukasa, Bai and Gygi, Optimizing Halley's iteration for computing the matrix

    polar decomposition, 2010: the orthonormal factor, steps, whether they converged.
    """
    size = np.sqrt(np.abs(x).sum(0).max(initial=0) * np.abs(x).sum(1).max(initial=0))
    if not np.isfinite(size) or size == 0:
        return np.full_like(x, np.nan) if size != 0 else np.zeros_like(x), 0, size == 0
    x, low = x / size, float(eps)
    for step in range(1, max_iterations + 1):
        a, b, c = _weights(min(low, 1.0))
        previous, x = x, _qr_step(x, a, b, c).astype(x.dtype)
        low = low * (a + b * low * low) / (1 + c * low * low)
        moved = np.linalg.norm(x - previous) / max(np.linalg.norm(x), 1e-30)
        if abs(low - 1) < 10 * eps and moved < (10 * eps) ** (1 / 3):
            return x, step, True
    return x, max_iterations, False


def _qdwh_abstract(x: Any, *, max_iterations: int, eps: float) -> Any:
    factors = _factors_abstract("qdwh", x)
    batch = x.shape[:-2]
    return [*factors, (batch, dtypes.int32), (batch, dtypes.bool_)]


def _qdwh_compute(x: Any, *, max_iterations: int, eps: float) -> Any:
    batch, (m, n) = x.shape[:-2], x.shape[-2:]
    if m < n:
        raise ValueError("more columns than rows")
    u = np.empty(x.shape, x.dtype)
    steps, converged = np.zeros(batch, np.int32), np.zeros(batch, np.bool_)
    for i in np.ndindex(*batch):
        u[i], steps[i], converged[i] = _qdwh_one(x[i], max_iterations, eps)
    h = adjoint(u) @ x
    return u, ((h + adjoint(h)) / 2).astype(x.dtype), steps, converged


qdwh_p = declare(
    "qdwh",
    "As polar, by the QDWH iteration; then the number of steps, and if they converged.",
    abstract=_qdwh_abstract,
    jvp=_polar_jvp,
    compute=_qdwh_compute,
    multiple_results=True,
)

__all__ = ["polar_p", "qdwh_p"]
