"""Tridiagonal linear systems.

`tridiagonal_solve` is closed under differentiation: its rules solve systems of the same
matrix, or of its transpose, whose diagonals change places. Only right-hand sides are
linear. Eager calls and compiled programs run the same code (src/runtime/tridiagonal.cpp).
"""

from __future__ import annotations

from typing import Any

from ..core.avals import aval_of
from ..core.linear import is_linear
from ..runtime import lapack
from . import linalg_kernels
from .absorbing_forms import absorbing_blocks
from .joining import with_batch_first
from .linalg_rules import check_dtype, declare
from .linalg_triangular import fold_columns
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


def _batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    """One matrix and many right-hand sides are one system with more columns."""
    if dims[:3] == [None] * 3 and aval_of(args[1]).ndim == 1:
        folded, unfold = fold_columns(args[3], dims[3])
        return unfold(tridiagonal_solve_p(*args[:3], folded, **params)), 2
    return tridiagonal_solve_p(*with_batch_first(args, dims, size), **params), 0


tridiagonal_solve_p = declare(
    "tridiagonal_solve",
    "x with a x = b for a of lower diagonal dl, diagonal d and upper diagonal du.",
    abstract=_abstract,
    jvp=_jvp,
    transpose=_transpose,
    batch=_batch,
    compute=lapack.tridiagonal_solve,
    lower=linalg_kernels.tridiagonal_solve,
)
absorbing_blocks(tridiagonal_solve_p, 3, lambda **_: (-2,))

__all__ = ["tridiagonal_solve_p"]
