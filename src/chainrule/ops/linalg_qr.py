"""QR factors and Householder reflections.

`qr` is differentiable wherever the leading square block of r is regular: Walter and
Lehmann, Algorithmic differentiation of linear algebra functions with application in
optimum experimental design, 2010. The factors in the form of reflections (`geqrf`,
`geqp3`, `householder_product`, `ormqr`) are LAPACK's own and carry no derivative.
"""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..core.primitive import Missing
from ..runtime import lapack
from . import linalg_kernels
from .linalg_rules import check_dtype, check_matrix, check_same, declare
from .linalg_triangular import triangular_solve
from .matrices import (
    columns_between,
    diagonal,
    eye,
    imag_as,
    matmul,
    mH,
    mT,
    take_rows,
    tril,
    triu,
)
from .shaping import broadcast_in_dim

# --- qr -------------------------------------------------------------------------------


def _qr_abstract(x: Any, *, pivoting: bool, full_matrices: bool) -> Any:
    batch, m, n = check_matrix("qr", x)
    k = m if full_matrices else min(m, n)
    out = [((*batch, m, k), x.dtype), ((*batch, k, n), x.dtype)]
    return [*out, ((*batch, n), dtypes.int32)] if pivoting else out


def _qr_compute(x: Any, *, pivoting: bool, full_matrices: bool) -> Any:
    return (lapack.pivoted_qr if pivoting else lapack.qr)(x, full_matrices)


def _qr_jvp(
    primals: Any, tangents: Any, ys: Any, *, pivoting: bool, full_matrices: bool
) -> Any:
    """With w = x1_dot r1^-1 for the leading square block r1 of r: q^H q_dot is the

    skew part whose strict lower triangle is that of q^H w, r_dot what remains of
    q^H x_dot. The diagonal of r stays real.
    """
    if tangents[0] is None:
        return [None] * len(ys)
    q, r = ys[:2]
    x_dot = tangents[0]
    m, n = x_dot.shape[-2:]
    if full_matrices and m > n:
        raise NotImplementedError(
            "qr: the full q of matrices with more rows than columns has no derivative,"
            f" as its last columns are arbitrary; got shape {x_dot.shape}. Use reduced"
            " factors (mode='reduced' or full_matrices=False)."
        )
    if pivoting:
        x_dot = mT(take_rows(mT(x_dot), ys[2]))
    k = min(m, n)
    r1, x1_dot = columns_between(r, 0, k), columns_between(x_dot, 0, k)
    w = triangular_solve(r1, x1_dot, left_side=False)
    q_w = matmul(mH(q), w)
    low = tril(q_w, 0.0)
    omega = low - mH(low)
    if dtypes.is_complex(q.dtype):
        shape = omega.shape
        turns = broadcast_in_dim(
            imag_as(diagonal(q_w)),
            shape,
            [i for i in range(len(shape)) if i != len(shape) - 2],
        )
        omega = omega + turns * eye(k, q.dtype)
    q_dot = w + matmul(q, omega - q_w)
    r_dot = triu(matmul(mH(q), x_dot) - matmul(omega, r))
    return [q_dot, r_dot, *[None] * (len(ys) - 2)]


qr_p = declare(
    "qr",
    "Orthonormal q and upper triangular r with x = q r, or x[:, p] = q r if pivoting.",
    abstract=_qr_abstract,
    jvp=_qr_jvp,
    compute=_qr_compute,
    lower=linalg_kernels.qr,
    multiple_results=True,
)

# --- reflections ----------------------------------------------------------------------

_no_derivative = Missing(
    "its reflections are an intermediate form of LAPACK; differentiate qr instead"
)


def _geqrf_abstract(x: Any) -> Any:
    batch, m, n = check_matrix("geqrf", x)
    return [(x.shape, x.dtype), ((*batch, min(m, n)), x.dtype)]


geqrf_p = declare(
    "geqrf",
    "r, the vectors of the reflections whose product is q below it, and their scales.",
    abstract=_geqrf_abstract,
    jvp=_no_derivative,
    compute=lapack.geqrf,
    lower=linalg_kernels.reflections("geqrf"),
    multiple_results=True,
)


def _geqp3_abstract(x: Any) -> Any:
    batch, m, n = check_matrix("geqp3", x)
    return [
        (x.shape, x.dtype),
        ((*batch, n), dtypes.int32),
        ((*batch, min(m, n)), x.dtype),
    ]


geqp3_p = declare(
    "geqp3",
    "As geqrf of the columns in the order of the pivots, which stand second.",
    abstract=_geqp3_abstract,
    jvp=_no_derivative,
    compute=lapack.geqp3,
    lower=linalg_kernels.reflections("geqp3"),
    multiple_results=True,
)


def _product_abstract(a: Any, taus: Any) -> Any:
    _, m, n = check_matrix("householder_product", a)
    check_same("householder_product", a, taus, rank=1)
    if m < n or taus.shape[-1] > n:
        raise ValueError(
            "householder_product: needs matrices with at least as many rows as columns,"
            f" and at most as many taus; got a of shape {a.shape} and taus of shape"
            f" {taus.shape}."
        )
    return a.shape, a.dtype


householder_product_p = declare(
    "householder_product",
    "The first columns of the product of the reflections below a's diagonal.",
    abstract=_product_abstract,
    jvp=_no_derivative,
    compute=lapack.householder_product,
    lower=linalg_kernels.householder_product,
)


def _ormqr_abstract(a: Any, taus: Any, c: Any, *, left: bool, transpose: bool) -> Any:
    _, r, _ = check_matrix("ormqr", a)
    check_dtype("ormqr", c)
    check_same("ormqr", a, taus, rank=1)
    check_same("ormqr", a, c)
    if c.shape[-2 if left else -1] != r:
        raise ValueError(
            f"ormqr: c of shape {c.shape} must have {r}"
            f" {'rows' if left else 'columns'}, as the reflections in a of shape"
            f" {a.shape} have entries."
        )
    return c.shape, c.dtype


ormqr_p = declare(
    "ormqr",
    "q c, or c q, or with q^H, for q the product of reflections as geqrf gives them.",
    abstract=_ormqr_abstract,
    jvp=_no_derivative,
    compute=lambda a, taus, c, *, left, transpose: lapack.ormqr(
        a, taus, c, left, transpose
    ),
    lower=linalg_kernels.ormqr,
)

__all__ = ["geqp3_p", "geqrf_p", "householder_product_p", "ormqr_p", "qr_p"]
