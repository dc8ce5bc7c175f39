"""QR, singular values, eigenvalues, Schur and Hessenberg forms as SciPy has them."""

from __future__ import annotations

from typing import Any

from ...core import dtypes
from ...core.avals import aval_of
from ...numpy import linalg
from ...numpy.promotion import inexact_operand, inexact_operands, operand
from ...ops.elementwise_logic import eq_p, ge_p
from ...ops.elementwise_selection import select
from ...ops.joining import iota
from ...ops.linalg_condensed import rsf2csf_p
from ...ops.linalg_eigen import eigh_p, hessenberg_p, schur_p
from ...ops.linalg_qr import householder_product_p, qr_p
from ...ops.linalg_rules import check_matrix
from ...ops.linalg_triangular import cholesky_p, triangular_solve
from ...ops.matrices import (
    as_columns,
    as_rows,
    below,
    beside,
    columns_between,
    conj,
    eye_like,
    hermitian_part,
    matmul,
    mH,
    rows_between,
)
from ...ops.shaping import convert, full, reshape, zeros
from ...ops.slicing import pad_p

# --- QR -------------------------------------------------------------------------------


def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> tuple[Any, ...]:
    """QR factors a = Q R, or a[:, P] = Q R with column pivoting.

    Args:
        a: shape (..., m, n).
        mode: "full": Q (..., m, m); "economic": Q (..., m, k), k = min(m, n); "r": the
            R of "full" only.
        pivoting: choose columns so that the diagonal of R decreases in magnitude.

    Returns:
        (Q, R), (Q, R, P), (R,) or (R, P).

    Raises:
        ValueError: an unknown mode.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import qr
    >>> [x.shape for x in qr(cnp.ones((3, 2)), mode="economic", pivoting=True)]
    [(3, 2), (2, 2), (2,)]
    """
    if mode not in ("full", "r", "economic"):
        raise ValueError(
            f"qr: Unsupported QR decomposition mode {mode!r}; use 'full', 'economic' or"
            " 'r'."
        )
    a = inexact_operand("scipy.linalg.qr", a)
    out = qr_p(a, pivoting=bool(pivoting), full_matrices=mode == "full")
    if mode != "r":
        return tuple(out)
    _, r, *rest = out
    missing = a.shape[-2] - r.shape[-2]
    config = ((0, 0, 0),) * (r.ndim - 2) + ((0, missing, 0), (0, 0, 0))
    return (pad_p(r, full((), 0, r.dtype), padding_config=config), *rest)


def qr_multiply(
    a: Any,
    c: Any,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> tuple[Any, ...]:
    """The product of `c` with the Q of a QR factorisation.

    Args:
        a: shape (m, n); Q has k = min(m, n) columns.
        c: matrix or vector.
        mode: "left": Q c; "right": c Q.
        pivoting: factor with column pivoting.
        conjugate: take the conjugate of Q.

    Returns:
        (product, R), and the pivots if `pivoting`.

    Raises:
        ValueError: an unknown mode, or shapes that do not fit.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import qr_multiply
    >>> qr_multiply(cnp.ones((4, 3)), cnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    if mode not in ("left", "right"):
        raise ValueError(f"qr_multiply: mode must be 'left' or 'right'; got {mode!r}.")
    a, c = inexact_operands("scipy.linalg.qr_multiply", a, c)
    q, *rest = qr_p(a, pivoting=bool(pivoting), full_matrices=False)
    if conjugate:
        q = conj(q)
    size, wanted = (
        (c.shape[0], q.shape[1]) if mode == "left" else (c.shape[-1], q.shape[0])
    )
    if size != wanted:
        raise ValueError(
            f"qr_multiply: Array shapes are not compatible for mode {mode!r}: Q has"
            f" shape {q.shape} and c {c.shape}."
        )
    product = linalg.matmul(q, c) if mode == "left" else linalg.matmul(c, q)
    return (product, *rest)


# --- singular values and eigenvalues --------------------------------------------------


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """Singular value decomposition: (U, s, Vh), or s alone if not `compute_uv`.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import svd
    >>> svd(cnp.array([[3., 0.], [0., 4.]]), compute_uv=False).tolist()
    [4.0, 3.0]
    """
    out = linalg.svd(a, full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(out) if compute_uv else out


def eigh(
    a: Any,
    b: Any = None,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    turbo: bool = True,
    eigvals: None = None,
    type: int = 1,
    check_finite: bool = True,
) -> Any:
    """Eigenvalues and eigenvectors of Hermitian matrices, or of pencils with `b`.

    Args:
        a: shape (..., n, n); the mean of it and its conjugate transpose is taken.
        b: positive definite, of the same shape, or None for the identity.
        lower: accepted; `a` is made Hermitian in any case.
        eigvals_only: return eigenvalues only.
        eigvals: only None.
        type: with b: 1: a v = w b v; 2: a b v = w v; 3: b a v = w v.

    Returns:
        (w, v), or w: ascending, with v^H b v = 1 (v^H b^-1 v = 1 for type 3).

    Raises:
        NotImplementedError: `eigvals` is given. ValueError: an unknown type.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import eigh
    >>> one = cnp.ones((1, 1))
    >>> eigh(8 * one, 4 * one, eigvals_only=True).tolist()
    [2.0]
    """
    if eigvals is not None:
        raise NotImplementedError(
            "eigh: Only the eigvals=None case of eigh is implemented. Slice the"
            " results."
        )
    if type not in (1, 2, 3):
        raise ValueError(f"eigh: type must be 1, 2 or 3; got {type}.")
    if b is not None:
        return _pencil(a, b, type, eigvals_only)
    a = inexact_operand("scipy.linalg.eigh", a)
    check_matrix("eigh", a, square=True)
    out = eigh_p(hermitian_part(a), lower=True, vectors=not eigvals_only)
    return out[0] if eigvals_only else (out[1], out[0])


def _pencil(a: Any, b: Any, kind: int, eigvals_only: bool) -> Any:
    """By the Cholesky factor l of b: l^-1 a l^-H for type 1, else l^H a l."""
    a, b = inexact_operands("scipy.linalg.eigh", a, b)
    for x in (a, b):
        check_matrix("eigh", x, square=True)
    a, factor = hermitian_part(a), cholesky_p(hermitian_part(b))
    if kind == 1:
        half = triangular_solve(factor, a, lower=True)
        inner = mH(triangular_solve(factor, mH(half), lower=True))
    else:
        inner = matmul(mH(factor), matmul(a, factor))
    out = eigh_p(hermitian_part(inner), lower=True, vectors=not eigvals_only)
    if eigvals_only:
        return out[0]
    if kind == 3:
        return out[1], matmul(factor, out[0])
    v = triangular_solve(factor, out[0], lower=True, transpose_a=True, conjugate_a=True)
    return out[1], v


def eigh_tridiagonal(
    d: Any,
    e: Any,
    *,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    tol: float | None = None,
    key: Any = None,
) -> Any:
    """Eigenvalues and eigenvectors of a Hermitian tridiagonal matrix.

    Args:
        d: the diagonal, shape (n,).
        e: the diagonal below it, shape (n - 1,), of the dtype of `d`.
        eigvals_only: return eigenvalues only.
        select: "a": all; "i": those with indices in `select_range`, both included.
        select_range: a pair of indices.
        tol, key: accepted; the full matrix is decomposed to working precision.

    Returns:
        (w, v), or w, ascending.

    Raises:
        NotImplementedError: select="v". TypeError, ValueError: other bad arguments.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import eigh_tridiagonal
    >>> w = eigh_tridiagonal(cnp.zeros(2), cnp.ones(1), eigvals_only=True)
    >>> cnp.round(w, 3).tolist()
    [-1.0, 1.0]
    """
    d, e = operand("eigh_tridiagonal", d), operand("eigh_tridiagonal", e)
    if d.dtype != e.dtype:
        raise TypeError(
            "eigh_tridiagonal: diagonal and off-diagonal values must have same dtype,"
            f" got {d.dtype} and {e.dtype}"
        )
    if d.ndim != 1 or e.shape != (max(d.shape[0] - 1, 0),):
        raise TypeError(
            "eigh_tridiagonal: d must have shape (n,) and e (n - 1,); got"
            f" {d.shape} and {e.shape}."
        )
    first, stop = _chosen(select, select_range, d.shape[0])
    d, e = (
        inexact_operand("eigh_tridiagonal", d),
        inexact_operand("eigh_tridiagonal", e),
    )
    out = eigh_p(_lower_bidiagonal(d, e), lower=True, vectors=not eigvals_only)
    w = reshape(columns_between(as_rows(out[-1]), first, stop), (stop - first,))
    return w if eigvals_only else (w, columns_between(out[0], first, stop))


def _chosen(select: str, bounds: Any, n: int) -> tuple[int, int]:
    if select == "a":
        return 0, n
    if select == "v":
        raise NotImplementedError(
            "eigh_tridiagonal: select='v' is not implemented: the number of results"
            " would depend on values; use select='i'."
        )
    if select != "i":
        raise ValueError(
            f"eigh_tridiagonal: select must be 'a', 'i' or 'v'; got {select!r}."
        )
    if bounds is None or not 0 <= int(bounds[0]) <= int(bounds[1]) < n:
        raise ValueError(
            f"eigh_tridiagonal: select_range {bounds} must hold two indices with 0 <="
            f" first <= last < {n}."
        )
    return int(bounds[0]), int(bounds[1]) + 1


def _lower_bidiagonal(d: Any, e: Any) -> Any:
    """The matrix with diagonal `d`, `e` below it, and zeros elsewhere."""
    n = aval_of(d).shape[0]
    zero = full((), 0, d.dtype)
    e = pad_p(e, zero, padding_config=((0, n - e.shape[0], 0),))
    rows, columns = iota(dtypes.int32, (n, n), 0), iota(dtypes.int32, (n, n), 1)
    under = select(eq_p(rows, columns + 1), as_rows(e), zero)
    return under + eye_like(under) * as_columns(d)


# --- Schur and Hessenberg forms -------------------------------------------------------


def schur(a: Any, output: str = "real") -> tuple[Any, Any]:
    """The Schur form a = Z T Z^H.

    Args:
        a: shape (..., n, n).
        output: "real": for real matrices T has 2 x 2 blocks on the diagonal for complex
            pairs of eigenvalues; "complex": T is triangular.

    Returns:
        (T, Z), both (..., n, n).

    Raises:
        ValueError: an unknown output.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import schur
    >>> schur(cnp.array([[1., 2.], [0., 3.]]))[0].tolist()
    [[1.0, 2.0], [0.0, 3.0]]
    """
    if output not in ("real", "complex"):
        raise ValueError(
            "schur: Expected 'output' to be either 'real' or 'complex', got"
            f" output={output!r}."
        )
    a = inexact_operand("scipy.linalg.schur", a)
    if output == "complex":
        a = convert(a, dtypes.with_complex(a.dtype))
    t, z = schur_p(a, compute_schur_vectors=True)
    return t, z


def rsf2csf(T: Any, Z: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """The complex Schur form of a matrix from its real one.

    Args:
        T, Z: as `schur` returns them, (..., n, n).

    Returns:
        Complex (T, Z), T upper triangular.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import rsf2csf, schur
    >>> t, z = rsf2csf(*schur(cnp.array([[0., 1.], [-1., 0.]])))
    >>> float(abs(t[1, 0]))
    0.0
    """
    T, Z = inexact_operands("scipy.linalg.rsf2csf", T, Z)
    return tuple(rsf2csf_p(T, Z))


def hessenberg(
    a: Any,
    *,
    calc_q: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> Any:
    """The upper Hessenberg form h = q^H a q of square matrices (..., n, n).

    Returns h, or (h, q) if `calc_q`, q unitary.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import hessenberg
    >>> hessenberg(cnp.eye(3)).shape
    (3, 3)
    """
    a = inexact_operand("scipy.linalg.hessenberg", a)
    factors, taus = hessenberg_p(a)
    shape = factors.shape
    n = shape[-1]
    rows, columns = iota(dtypes.int32, (n, n), 0), iota(dtypes.int32, (n, n), 1)
    h = select(ge_p(columns + 1, rows), factors, zeros(aval_of(factors)))
    if not calc_q:
        return h
    if n < 2:
        return h, eye_like(factors)
    inner = columns_between(rows_between(factors, 1, n), 0, n - 1)
    q = householder_product_p(inner, taus)
    one = eye_like(factors)
    low = beside(columns_between(rows_between(one, 1, n), 0, 1), q)
    return h, below(rows_between(one, 0, 1), low)


__all__ = [
    "eigh", "eigh_tridiagonal", "hessenberg", "qr", "qr_multiply", "rsf2csf", "schur",
    "svd",
]  # fmt: skip
