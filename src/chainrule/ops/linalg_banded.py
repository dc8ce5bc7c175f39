"""Tridiagonal linear systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.linear import is_linear
from ..runtime import lapack
from .absorbing_forms import absorbing_blocks
from .linalg_rules import check_dtype, declare
from .matrices import as_columns
from .shaping import full
from .slicing import pad_p


def _abstract(dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool) -> Any:
    dtype = check_dtype("tridiagonal_solve", d)
    if d.ndim < 1 or not dl.shape == d.shape == du.shape:
        raise ValueError(
            "tridiagonal_solve: the diagonals must have one shape (..., n); got"
            f" {dl.shape}, {d.shape} and {du.shape}."
        )
    if any(x.dtype != dtype for x in (dl, du, b)):
        raise TypeError(
            "tridiagonal_solve: operands must have one dtype; got"
            f" {dl.dtype}, {d.dtype}, {du.dtype} and {b.dtype}."
        )
    if b.ndim != d.ndim + 1 or b.shape[:-1] != d.shape:
        raise ValueError(
            "tridiagonal_solve: b must be (..., n, k) for diagonals of shape"
            f" {d.shape}; got {b.shape}."
        )
    return b.shape, b.dtype


def shift(x: Any, axis: int, by: int) -> Any:
    """`x` moved by one place along `axis`, a zero entering."""
    config = tuple((by, -by, 0) if i == axis else (0, 0, 0) for i in range(x.ndim))
    return pad_p(x, full((), 0, x.dtype), padding_config=config)


def _compute(dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool) -> Any:
    """By LAPACK; if asked, a singular matrix is moved by rounding on its diagonal."""
    x = lapack.tridiagonal_solve(dl, d, du, b)
    if not perturb_singular or np.isfinite(x).all():
        return x
    size = np.abs(dl) + np.abs(d) + np.abs(du)
    step = np.finfo(d.dtype).eps * size.max(-1, keepdims=True, initial=0)
    step = np.maximum(step, np.finfo(d.dtype).tiny / np.finfo(d.dtype).eps)
    moved = lapack.tridiagonal_solve(dl, (d + step).astype(d.dtype), du, b)
    good = np.isfinite(x).all((-2, -1), keepdims=True)
    return np.where(good, x, moved)


def _jvp(primals: Any, tangents: Any, x: Any, **params: Any) -> Any:
    """a x_dot = b_dot - a_dot x."""
    dl_dot, d_dot, du_dot, rhs = tangents
    rows = x.ndim - 2
    for dot, by in ((dl_dot, 1), (d_dot, 0), (du_dot, -1)):
        if dot is not None:
            moved = as_columns(dot) * (shift(x, rows, by) if by else x)
            rhs = -moved if rhs is None else rhs - moved
    if rhs is None:
        return None
    return tridiagonal_solve_p(*primals[:3], rhs, **params)


def _transpose(ct: Any, dl: Any, d: Any, du: Any, b: Any, **params: Any) -> Any:
    if not is_linear(b):
        raise NotImplementedError("tridiagonal_solve: is linear in b only.")
    last = d.ndim - 1
    low, high = shift(du, last, 1), shift(dl, last, -1)
    out = tridiagonal_solve_p(low, d, high, ct, **params)
    return None, None, None, out


tridiagonal_solve_p = declare(
    "tridiagonal_solve",
    "x with a x = b for a of lower diagonal dl, diagonal d and upper diagonal du.",
    abstract=_abstract,
    jvp=_jvp,
    transpose=_transpose,
    compute=_compute,
)
absorbing_blocks(tridiagonal_solve_p, 3, lambda **_: (-2,))

__all__ = ["tridiagonal_solve_p"]
