"""Eigenvalues and eigenvectors of Hermitian and of general matrices.

Derivatives of vectors divide by differences of eigenvalues: where eigenvalues coincide
they are infinite or NaN, since the vectors are not functions of the matrix there; those
of simple eigenvalues stay right. The reductions to Hessenberg and tridiagonal form and
the Schur form carry no derivative.
"""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..core.avals import aval_of
from ..core.primitive import Missing
from ..runtime import lapack
from . import linalg_kernels
from .elementwise_complex import abs_p, imag_p, real_p
from .elementwise_logic import eq_p
from .joining import iota
from .linalg_lu import linear_solve_p
from .linalg_rules import check_matrix, declare
from .matrices import (
    as_rows,
    conj,
    diagonal,
    differences,
    hermitian_from,
    matmul,
    mH,
    real,
    reciprocal_differences,
    select,
)
from .reductions import argmax_p
from .shaping import convert, full, reduce_sum_p

# --- eigh -----------------------------------------------------------------------------


def _eigh_abstract(x: Any, *, lower: bool, vectors: bool) -> Any:
    batch, _, n = check_matrix("eigh", x, square=True)
    values = ((*batch, n), dtypes.real_part(x.dtype))
    return [(x.shape, x.dtype), values] if vectors else [values]


def _eigh_compute(x: Any, *, lower: bool, vectors: bool) -> Any:
    return lapack.eigh(x, lower, vectors)[::-1]


def _eigh_jvp(
    primals: Any, tangents: Any, ys: Any, *, lower: bool, vectors: bool
) -> Any:
    """w_dot and v_dot by first-order perturbation, x_dot Hermitian from one triangle.

    The vectors turn within no eigenspace: v^H v_dot is zero on the diagonal.
    """
    if tangents[0] is None:
        return [None] * len(ys)
    v, w = ys if vectors else eigh_p(primals[0], lower=lower, vectors=True)
    x_dot = hermitian_from(tangents[0], lower)
    x_v = matmul(matmul(mH(v), x_dot), v)
    w_dot = real(diagonal(x_v))
    if not vectors:
        return [w_dot]
    return [matmul(v, reciprocal_differences(differences(w)) * x_v), w_dot]


eigh_p = declare(
    "eigh",
    "Orthonormal v and ascending w with x v = v diag(w), for Hermitian x; or only w.",
    abstract=_eigh_abstract,
    jvp=_eigh_jvp,
    compute=_eigh_compute,
    lower=linalg_kernels.eigh,
    multiple_results=True,
)


# --- eig ------------------------------------------------------------------------------


def _eig_abstract(x: Any, *, left: bool, right: bool) -> Any:
    batch, _, n = check_matrix("eig", x, square=True)
    dtype = dtypes.with_complex(x.dtype)
    matrix = (x.shape, dtype)
    return [((*batch, n), dtype), *[matrix] * (left + right)]


def _eig_jvp(primals: Any, tangents: Any, ys: Any, *, left: bool, right: bool) -> Any:
    """From x v = v w: v^-1 x_dot v = g gives w_dot, and v_dot = v (f * g) up to scale

    (van der Aa, ter Morsche and Mattheij, Computation of eigenvalue and eigenvector
    derivatives for a general complex-valued eigensystem, 2007). Left vectors are right
    ones of x^H.
    """
    if tangents[0] is None:
        return [None] * len(ys)
    w = ys[0]
    v = ys[-1] if right else eig_p(primals[0], left=False, right=True)[1]
    x_dot = convert(tangents[0], w.dtype)
    g = linear_solve_p(v, matmul(x_dot, v))
    out = [diagonal(g)]
    f = reciprocal_differences(differences(w)) if left or right else None
    if left:
        y = ys[1]
        h = linear_solve_p(y, matmul(mH(x_dot), y))
        out.append(_normalized_tangent(y, matmul(y, conj(f) * h)))
    if right:
        out.append(_normalized_tangent(v, matmul(v, f * g)))
    return out


def _normalized_tangent(v: Any, v_dot: Any) -> Any:
    """`v_dot` with multiples of the columns of `v` added that keep their scale.

    As LAPACK scales them: norms stay 1, and the largest entry of each stays real.
    """
    rank = aval_of(v).ndim
    if not aval_of(v).shape[-1]:
        return v_dot
    row = (rank - 2,)
    growth = reduce_sum_p(real_p(conj(v) * v_dot), axes=row)
    size = abs_p(v)
    place = argmax_p(size, axes=row, index_dtype=dtypes.int32)
    largest = eq_p(iota(dtypes.int32, aval_of(v).shape, rank - 2), as_rows(place))
    none = full((), 0, v.dtype)
    rate = reduce_sum_p(select(largest, v_dot, none), axes=row)
    length = reduce_sum_p(select(largest, v, none), axes=row)
    turn = imag_p(rate / length) * full((), 1j, v.dtype)
    return v_dot - v * as_rows(convert(growth, v.dtype) + turn)


eig_p = declare(
    "eig",
    "w with x vr = vr diag(w) and vl^H x = diag(w) vl^H; then vl, vr where wanted.",
    abstract=_eig_abstract,
    jvp=_eig_jvp,
    compute=lambda x, *, left, right: lapack.eig(x, left, right),
    lower=linalg_kernels.eig,
    multiple_results=True,
)


# --- reductions to condensed form -----------------------------------------------------

_no_derivative = Missing(
    "it is an intermediate form of LAPACK, unique only up to signs; differentiate what"
    " is computed from it instead"
)


def _hessenberg_abstract(x: Any) -> Any:
    batch, _, n = check_matrix("hessenberg", x, square=True)
    return [(x.shape, x.dtype), ((*batch, max(n - 1, 0)), x.dtype)]


hessenberg_p = declare(
    "hessenberg",
    "Upper Hessenberg h with q^H x q = h, the reflections of q below it; their scales.",
    abstract=_hessenberg_abstract,
    jvp=_no_derivative,
    compute=lapack.hessenberg,
    lower=linalg_kernels.square("hessenberg", 4),
    multiple_results=True,
)


def _tridiagonal_abstract(x: Any, *, lower: bool) -> Any:
    batch, _, n = check_matrix("tridiagonal", x, square=True)
    real_dtype = dtypes.real_part(x.dtype)
    m = max(n - 1, 0)
    return [
        (x.shape, x.dtype),
        ((*batch, n), real_dtype),
        ((*batch, m), real_dtype),
        ((*batch, m), x.dtype),
    ]


tridiagonal_p = declare(
    "tridiagonal",
    "Real diagonals d, e of q^H x q for Hermitian x; q as reflections and their"
    " scales.",
    abstract=_tridiagonal_abstract,
    jvp=_no_derivative,
    compute=lambda x, *, lower: lapack.tridiagonal(x, lower),
    lower=linalg_kernels.tridiagonal,
    multiple_results=True,
)


def _schur_abstract(x: Any, *, compute_schur_vectors: bool) -> Any:
    check_matrix("schur", x, square=True)
    return [(x.shape, x.dtype)] * (1 + compute_schur_vectors)


schur_p = declare(
    "schur",
    "Upper (quasi-)triangular t and unitary z with x = z t z^H.",
    abstract=_schur_abstract,
    jvp=Missing(
        "the Schur form of a matrix is unique only up to the order of the eigenvalues"
        " and rotations of its vectors; differentiate eig, expm, sqrtm or"
        " solve_sylvester instead"
    ),
    compute=lambda x, *, compute_schur_vectors: lapack.schur(x, compute_schur_vectors),
    lower=linalg_kernels.schur,
    multiple_results=True,
)

__all__ = ["eig_p", "eigh_p", "hessenberg_p", "schur_p", "tridiagonal_p"]
