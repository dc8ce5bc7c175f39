"""Complex Schur forms from real ones, and Parlett's recurrence on triangular matrices.

Both are steps of functions of matrices (scipy.linalg.rsf2csf, funm), by plain loops on
NumPy arrays; neither carries a derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import Missing
from .linalg_rules import check_matrix, check_same, declare

_no_derivative = Missing(
    "it stands on a Schur form, which has no derivative; use expm, sqrtm or"
    " eigenvectors"
)


def _parlett_abstract(t: Any, f: Any) -> Any:
    check_matrix("parlett", t, square=True)
    check_same("parlett", t, f, rank=1)
    return t.shape, t.dtype


def _parlett_compute(t: Any, f: Any) -> Any:
    """Golub and Van Loan, Matrix Computations, algorithm 9.1.1, by superdiagonals.

    Equal eigenvalues divide by the smallest normal number.
    """
    n = t.shape[-1]
    out = np.zeros_like(t)
    out[..., np.arange(n), np.arange(n)] = f
    tiny = np.finfo(t.real.dtype).tiny
    for k in range(1, n):
        for i in range(n - k):
            j = i + k
            value = t[..., i, j] * (out[..., j, j] - out[..., i, i])
            value += np.sum(t[..., i, i + 1 : j] * out[..., i + 1 : j, j], -1)
            value -= np.sum(out[..., i, i + 1 : j] * t[..., i + 1 : j, j], -1)
            gap = t[..., j, j] - t[..., i, i]
            out[..., i, j] = value / np.where(gap == 0, tiny, gap)
    return out


parlett_p = declare(
    "parlett",
    "The function of upper triangular t that has the values f at its diagonal.",
    abstract=_parlett_abstract,
    jvp=_no_derivative,
    compute=_parlett_compute,
)


def _complex_schur_abstract(t: Any, z: Any) -> Any:
    check_matrix("rsf2csf", t, square=True)
    check_same("rsf2csf", t, z)
    if t.shape != z.shape:
        raise ValueError(
            f"rsf2csf: T and Z must have one shape; got {t.shape} and {z.shape}."
        )
    dtype = dtypes.with_complex(t.dtype)
    return [(t.shape, dtype), (z.shape, dtype)]


def _complex_schur_compute(t: Any, z: Any) -> Any:
    """A unitary rotation for each 2 x 2 block, from the bottom up."""
    dtype = dtypes.with_complex(t.dtype)
    t, z = t.astype(dtype), z.astype(dtype)
    eps = np.finfo(dtype).eps
    n = t.shape[-1]
    for m in range(n - 1, 0, -1):
        block = t[..., m - 1 : m + 1, m - 1 : m + 1]
        below = block[..., 1, 0]
        scale = np.abs(block[..., 0, 0]) + np.abs(block[..., 1, 1])
        turn = np.abs(below) > eps * scale
        half = (block[..., 0, 0] - block[..., 1, 1]) / 2
        mu = half + np.sqrt(half * half + block[..., 0, 1] * below)
        r = np.hypot(np.abs(mu), np.abs(below))
        safe = np.where(turn, r, 1)
        c, s = np.where(turn, mu / safe, 1), np.where(turn, below / safe, 0)
        top = np.stack([np.conj(c), np.conj(s)], -1)
        g = np.stack([top, np.stack([-s, c], -1)], -2)
        g_h = np.conj(np.swapaxes(g, -1, -2))
        t[..., m - 1 : m + 1, m - 1 :] = g @ t[..., m - 1 : m + 1, m - 1 :]
        t[..., : m + 1, m - 1 : m + 1] = t[..., : m + 1, m - 1 : m + 1] @ g_h
        z[..., :, m - 1 : m + 1] = z[..., :, m - 1 : m + 1] @ g_h
        t[..., m, m - 1] = 0
    return t, z


rsf2csf_p = declare(
    "rsf2csf",
    "The complex, upper triangular Schur form of a matrix from its real one.",
    abstract=_complex_schur_abstract,
    jvp=_no_derivative,
    compute=_complex_schur_compute,
    multiple_results=True,
)

__all__ = ["parlett_p", "rsf2csf_p"]
