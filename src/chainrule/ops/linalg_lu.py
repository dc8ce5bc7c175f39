"""LU factors, linear systems and determinants.

A system is solved by one LU factorisation, which its derivative uses again: under
differentiation `linear_solve` becomes `lu` of a constant and `lu_solve`, whose operand
`a` carries the derivative, a x_dot = b_dot - a_dot x, to all orders; the factors are
taken as constants. The derivative of `det` is the matrix of cofactors, which exists for
singular matrices too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..core.linear import is_linear
from ..core.primitive import WEAK_NEVER
from ..runtime import lapack
from . import linalg_kernels
from .absorbing import absorbing_if_chosen
from .absorbing_forms import absorbing_blocks
from .contractions import dot_general
from .elementwise_complex import imag_p
from .elementwise_conversion import stop_gradient_p
from .joining import with_batch_first
from .linalg_rules import check_matrix, check_same, declare
from .linalg_triangular import fold_columns, triangular_solve
from .matrices import (
    below,
    beside,
    columns_between,
    eye_like,
    matmul,
    mT,
    real,
    rows_between,
    sum_entries,
    take_rows,
    tril,
    triu,
)
from .shaping import broadcast_in_dim, full, reshape

# --- lu -------------------------------------------------------------------------------


def _lu_abstract(x: Any) -> Any:
    batch, m, n = check_matrix("lu", x)
    return [
        (x.shape, x.dtype),
        ((*batch, min(m, n)), dtypes.int32),
        ((*batch, m), dtypes.int32),
    ]


def _lu_jvp(primals: Any, tangents: Any, ys: Any) -> Any:
    """de Hoog, Anderssen and Lukas, Differentiation of matrix functionals using

    triangular factorization, 2011. With F = L^-1 P a_dot U^-1 for the leading square:
    L_dot = L strict_lower(F) and U_dot = upper(F) U; what stands below L or right of U
    follows from the solved rows and columns.
    """
    if tangents[0] is None:
        return [None, None, None]
    y, _, permutation = ys
    a_dot = take_rows(tangents[0], permutation)
    m, n = y.shape[-2:]
    k = min(m, n)
    square, a_square = y, a_dot
    if m != n:
        square = rows_between(columns_between(y, 0, k), 0, k)
        a_square = rows_between(columns_between(a_dot, 0, k), 0, k)
    lower, upper = tril(square, 0.0), triu(square)
    f = triangular_solve(square, a_square, lower=True, unit_diagonal=True)
    f = triangular_solve(upper, f, left_side=False)
    l_dot, u_dot = tril(f, 0.0), matmul(triu(f), upper)
    l_dot = l_dot + matmul(lower, l_dot)
    y_dot = l_dot + u_dot
    if m > k:
        rest = rows_between(a_dot, k, m) - matmul(rows_between(y, k, m), u_dot)
        y_dot = below(y_dot, triangular_solve(upper, rest, left_side=False))
    elif n > k:
        rest = columns_between(a_dot, k, n) - matmul(l_dot, columns_between(y, k, n))
        solved = triangular_solve(square, rest, lower=True, unit_diagonal=True)
        y_dot = beside(y_dot, solved)
    return [y_dot, None, None]


lu_p = declare(
    "lu",
    "L and U in one matrix, the row swaps, and the permutation p with x[p] = L U.",
    abstract=_lu_abstract,
    jvp=_lu_jvp,
    compute=lapack.lu,
    lower=linalg_kernels.lu,
    multiple_results=True,
)


def _permutation_abstract(pivots: Any, *, permutation_size: int) -> Any:
    if not dtypes.is_integer(pivots.dtype) or pivots.ndim < 1:
        raise TypeError(
            "lu_pivots_to_permutation: pivots must be integers of shape (..., k); got"
            f" {pivots.str_short()}."
        )
    if permutation_size < pivots.shape[-1]:
        raise ValueError(
            f"lu_pivots_to_permutation: permutation_size {permutation_size} must be at"
            f" least the number of pivots, {pivots.shape[-1]}."
        )
    return (*pivots.shape[:-1], permutation_size), pivots.dtype


def _permutation_compute(pivots: Any, *, permutation_size: int) -> Any:
    if permutation_size < pivots.shape[-1]:
        raise ValueError("permutation_size")
    shape = (*pivots.shape[:-1], permutation_size)
    out = np.broadcast_to(np.arange(permutation_size, dtype=pivots.dtype), shape).copy()
    for i in range(pivots.shape[-1]):
        j = pivots[..., i : i + 1].astype(np.int64)
        other = np.take_along_axis(out, j, -1)
        np.put_along_axis(out, j, out[..., i : i + 1].copy(), -1)
        out[..., i : i + 1] = other
    return out


lu_pivots_to_permutation_p = declare(
    "lu_pivots_to_permutation",
    "The permutation that row swaps i <-> pivots[i], in order, amount to.",
    abstract=_permutation_abstract,
    jvp=lambda primals, tangents, y, **_: None,
    compute=_permutation_compute,
    lower=linalg_kernels.pivots_to_permutation,
    weak=WEAK_NEVER,
)


# --- linear systems -------------------------------------------------------------------


def _system_abstract(name: str, a: Any, b: Any) -> Any:
    _, n, _ = check_matrix(name, a, square=True)
    check_same(name, a, b)
    if b.shape[-2] != n:
        raise ValueError(
            f"{name}: a of shape {a.shape} and b of shape {b.shape} do not fit; b must"
            f" be (..., {n}, k)."
        )
    return b.shape, b.dtype


def _lu_solve_compute(
    a: Any, lu: Any, permutation: Any, b: Any, *, transpose_a: bool
) -> Any:
    return lapack.lu_solve(lu, permutation, b, transpose_a)


def _lu_solve_jvp(primals: Any, tangents: Any, x: Any, *, transpose_a: bool) -> Any:
    a, lu, permutation, _ = primals
    rhs = tangents[3]
    if tangents[0] is not None:
        moved = matmul(mT(tangents[0]) if transpose_a else tangents[0], x)
        rhs = -moved if rhs is None else rhs - moved
    if rhs is None:
        return None
    return lu_solve_p(a, lu, permutation, rhs, transpose_a=transpose_a)


def _lu_solve_transpose(
    ct: Any, a: Any, lu: Any, permutation: Any, b: Any, *, transpose_a: bool
) -> Any:
    bar = lu_solve_p(a, lu, permutation, ct, transpose_a=not transpose_a)
    return None, None, None, bar


def _solve_batch(prim: Any) -> Any:
    """One matrix and many right-hand sides are one system with more columns."""

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        *known, b = args
        if all(d is None for d in dims[:-1]) and aval_of(known[0]).ndim == 2:
            folded, unfold = fold_columns(b, dims[-1])
            return unfold(prim(*known, folded, **params)), 2
        return prim(*with_batch_first(args, dims, size), **params), 0

    return batch


lu_solve_p = declare(
    "lu_solve",
    "x with a x = b (or a^T x = b) by the LU factors of a, which count as constants.",
    abstract=lambda a, lu, permutation, b, **_: _system_abstract("lu_solve", a, b),
    jvp=_lu_solve_jvp,
    transpose=_lu_solve_transpose,
    compute=_lu_solve_compute,
    lower=linalg_kernels.lu_solve,
)
lu_solve_p.batch = _solve_batch(lu_solve_p)
absorbing_blocks(lu_solve_p, 3, lambda **_: (-2,))


def _linear_solve_jvp(primals: Any, tangents: Any) -> Any:
    """Factors a once, for the solution and for its tangent."""
    a, b = primals
    if all(t is None for t in tangents):
        return linear_solve_p(a, b), None
    lu, _, permutation = lu_p(stop_gradient_p(a))
    x = lu_solve_p(a, lu, permutation, b, transpose_a=False)
    known = (a, lu, permutation, b)

    def rule(dots: Any) -> Any:
        every = (dots[0], None, None, dots[1])
        return _lu_solve_jvp(known, every, x, transpose_a=False)

    return x, absorbing_if_chosen(rule, tangents)


def _linear_solve_transpose(ct: Any, a: Any, b: Any) -> Any:
    if is_linear(a):
        raise NotImplementedError(
            "linear_solve: is linear in b only; cannot be transposed in a."
        )
    return None, linear_solve_p(mT(a), ct)


linear_solve_p = declare(
    "linear_solve",
    "x with a x = b by LU with partial pivoting; NaN where a is exactly singular.",
    abstract=lambda a, b: _system_abstract("linear_solve", a, b),
    jvp_call=_linear_solve_jvp,
    transpose=_linear_solve_transpose,
    compute=lapack.solve,
    lower=linalg_kernels.linear_solve,
)
linear_solve_p.batch = _solve_batch(linear_solve_p)
absorbing_blocks(linear_solve_p, 1, lambda **_: (-2,))


def inverse(a: Any) -> Any:
    """The inverses of square matrices, as solutions of a x = 1."""
    return linear_solve_p(a, eye_like(a))


# --- determinants ---------------------------------------------------------------------


def _det_abstract(x: Any) -> Any:
    batch, _, _ = check_matrix("det", x, square=True)
    return batch, x.dtype


def _det_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """Jacobi's formula: the sum of x_dot times the cofactors of x."""
    if tangents[0] is None:
        return None
    return sum_entries(tangents[0] * cofactors_p(primals[0]))


det_p = declare(
    "det",
    "The determinant.",
    abstract=_det_abstract,
    jvp=_det_jvp,
    compute=lapack.determinant,
    lower=linalg_kernels.det,
)


def _cofactors_abstract(x: Any) -> Any:
    check_matrix("cofactors", x, square=True)
    return x.shape, x.dtype


@cache
def _polar_form(n: int) -> Any:
    """Cofactors of n x n matrices, n = 2 or 3, as polynomials in the flat entries.

    For n = 2 the matrix T with cofactors T e; for n = 3 the symmetric tensor T with
    cofactors T e e / 2 and derivative T e e_dot (products of Levi-Civita symbols).
    """
    symbol = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        symbol[i, j, k], symbol[i, k, j] = 1, -1
    if n == 3:
        return np.einsum("ikl,jmn->ijkmln", symbol, symbol).reshape(9, 9, 9)
    plane = symbol[2, :2, :2]
    return np.einsum("ik,jm->ijkm", plane, plane).reshape(4, 4)


def _cofactors_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """n <= 3: exact, of a polynomial. Beyond: with b = x^-1 and adj = y^T,

    (tr(adj x_dot) b - b x_dot adj)^T, which needs x to be regular.
    """
    x, x_dot = primals[0], tangents[0]
    n = x.shape[-1]
    if x_dot is None or n <= 1:
        return None
    if n <= 3:
        form = wrap(_polar_form(n).astype(x.dtype))
        if n == 3:
            form = _along_last(_flat(x), form)
        return reshape(_along_form(_flat(x_dot), form), x.shape)
    b = inverse(x)
    trace = sum_entries(x_dot * y)
    spread = broadcast_in_dim(trace, x.shape, range(x.ndim - 2))
    return mT(b) * spread - mT(matmul(matmul(b, x_dot), mT(y)))


def _flat(x: Any) -> Any:
    shape = aval_of(x).shape
    return reshape(x, (*shape[:-2], shape[-2] * shape[-1]))


def _along_last(e: Any, form: Any) -> Any:
    """The matrices (..., p, q) with entries sum_r e[..., r] form[p, q, r]."""
    return dot_general(e, form, (((e.ndim - 1,), (2,)), ((), ())))


def _along_form(e: Any, form: Any) -> Any:
    """sum_q form[..., p, q] e[..., q]; a single form (p, q) serves all."""
    last = e.ndim - 1
    batch = tuple(range(last)) if form.ndim > 2 else ()
    if not batch:
        return dot_general(e, form, (((last,), (1,)), ((), ())))
    return dot_general(e, form, (((last,), (form.ndim - 1,)), (batch, batch)))


cofactors_p = declare(
    "cofactors",
    "The matrix of cofactors: (-1)^(i+j) times the minor without row i and column j.",
    abstract=_cofactors_abstract,
    jvp=_cofactors_jvp,
    compute=lapack.cofactors,
    lower=linalg_kernels.cofactors,
)


def _slogdet_abstract(x: Any) -> Any:
    batch, _, _ = check_matrix("slogdet", x, square=True)
    return [(batch, x.dtype), (batch, dtypes.real_part(x.dtype))]


def _slogdet_jvp(primals: Any, tangents: Any, ys: Any) -> Any:
    """log(det)' = tr(x^-1 x_dot), of which the imaginary part turns the sign."""
    if tangents[0] is None:
        return [None, None]
    rate = sum_entries(tangents[0] * mT(inverse(primals[0])))
    if not dtypes.is_complex(rate.dtype):
        return [None, rate]
    turn = imag_p(rate) * full((), 1j, rate.dtype)
    return [ys[0] * turn, real(rate)]


slogdet_p = declare(
    "slogdet",
    "The determinant's sign (or phase), and the logarithm of its absolute value.",
    abstract=_slogdet_abstract,
    jvp=_slogdet_jvp,
    compute=lapack.slogdet,
    lower=linalg_kernels.slogdet,
    multiple_results=True,
)

__all__ = [
    "cofactors_p", "det_p", "inverse", "linear_solve_p",
    "lu_p", "lu_pivots_to_permutation_p", "lu_solve_p", "slogdet_p",
]  # fmt: skip
