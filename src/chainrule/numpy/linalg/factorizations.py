"""Factorisations: Cholesky, QR, eigenvalues and singular values."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core import dtypes
from ...ops.elementwise_complex import abs_p
from ...ops.elementwise_rounding import sign_p
from ...ops.joining import iota, rev_p
from ...ops.linalg_eigen import eig_p, eigh_p
from ...ops.linalg_qr import geqrf_p, qr_p
from ...ops.linalg_rules import check_matrix
from ...ops.linalg_svd import svd_p
from ...ops.linalg_triangular import cholesky_p
from ...ops.matrices import as_rows, conj, hermitian_part, mH, mT, take_rows
from ...ops.shaping import convert
from ...ops.sorting import sort_p
from ..promotion import inexact_operand


class EigResult(NamedTuple):
    """Eigenvalues (..., n) and eigenvectors (..., n, n) as columns."""

    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    """Ascending real eigenvalues (..., n) and orthonormal eigenvectors (..., n, n)."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """Orthonormal Q and upper triangular R."""

    Q: Any
    R: Any


class SVDResult(NamedTuple):
    """U, the singular values S in descending order, and Vh."""

    U: Any
    S: Any
    Vh: Any


def cholesky(a: Any, *, upper: bool = False, symmetrize_input: bool = True) -> Any:
    """The Cholesky factor of Hermitian positive definite matrices.

    Args:
        a: shape (..., n, n).
        upper: return the upper factor u with u^H u = a instead of the lower one.
        symmetrize_input: take the mean of `a` and its conjugate transpose first, so
            that derivatives are Hermitian; otherwise only the lower triangle is read.

    Returns:
        Lower triangular l with l l^H = a; NaN where a matrix is not positive definite.

    Raises:
        TypeError, ValueError: `a` is no stack of square matrices.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.cholesky(cnp.array([[4., 2.], [2., 5.]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    a = inexact_operand("linalg.cholesky", a)
    if symmetrize_input:
        check_matrix("cholesky", a, square=True)
        a = hermitian_part(a)
    factor = cholesky_p(a)
    return mH(factor) if upper else factor


def qr(a: Any, mode: str = "reduced") -> Any:
    """QR factors of matrices.

    Args:
        a: shape (..., m, n); k = min(m, n).
        mode: "reduced": Q (..., m, k) and R (..., k, n); "complete": Q (..., m, m) and
            R (..., m, n); "r": R alone; "raw": LAPACK's reflections (..., n, m) and
            their scales (..., k), as NumPy returns them.

    Returns:
        QRResult(Q, R), or R.

    Raises:
        ValueError: an unknown mode.
        NotImplementedError: the derivative of "complete" where m > n.

    >>> import chainrule.numpy as cnp
    >>> q, r = cnp.linalg.qr(cnp.array([[3.], [4.]]))
    >>> cnp.round(q @ r, 3).tolist()
    [[3.0], [4.0]]
    """
    a = inexact_operand("linalg.qr", a)
    if mode == "raw":
        factors, taus = geqrf_p(a)
        return QRResult(mT(factors), taus)
    if mode not in ("reduced", "r", "complete", "full"):
        raise ValueError(
            f"qr: Unsupported QR decomposition mode {mode!r}; use 'reduced',"
            " 'complete', 'r' or 'raw'."
        )
    q, r = qr_p(a, pivoting=False, full_matrices=mode in ("complete", "full"))
    return r if mode == "r" else QRResult(q, r)


def _lower(name: str, UPLO: str | None) -> bool:
    if UPLO not in (None, "L", "U"):
        raise ValueError(
            f"{name}: UPLO must be one of None, 'L', or 'U', got {UPLO!r}."
        )
    return UPLO != "U"


def _hermitian_operand(name: str, a: Any, symmetrize: bool) -> Any:
    a = inexact_operand(f"linalg.{name}", a)
    if symmetrize:
        check_matrix(name, a, square=True)
        a = hermitian_part(a)
    return a


def eigh(
    a: Any,
    UPLO: str | None = None,
    symmetrize_input: bool = True,
) -> EighResult:
    """Eigenvalues and eigenvectors of Hermitian matrices.

    Args:
        a: shape (..., n, n).
        UPLO: the triangle that is read, "L" (as None) or "U".
        symmetrize_input: take the mean of `a` and its conjugate transpose first.

    Returns:
        EighResult(eigenvalues, eigenvectors): ascending; column i of the vectors
        belongs to value i.

    Raises:
        ValueError: UPLO is none of these.

    >>> import chainrule.numpy as cnp
    >>> w, v = cnp.linalg.eigh(cnp.array([[0., 1.], [1., 0.]]))
    >>> cnp.round(w, 3).tolist()
    [-1.0, 1.0]
    """
    lower = _lower("eigh", UPLO)
    a = _hermitian_operand("eigh", a, symmetrize_input)
    v, w = eigh_p(a, lower=lower, vectors=True)
    return EighResult(w, v)


def eigvalsh(
    a: Any,
    UPLO: str | None = "L",
    *,
    symmetrize_input: bool = True,
) -> Any:
    """Ascending eigenvalues of Hermitian matrices; arguments as of `eigh`.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.eigvalsh(cnp.array([[2., 0.], [0., 1.]])).tolist()
    [1.0, 2.0]
    """
    lower = _lower("eigvalsh", UPLO)
    a = _hermitian_operand("eigvalsh", a, symmetrize_input)
    return eigh_p(a, lower=lower, vectors=False)[0]


def eig(a: Any) -> EigResult:
    """Eigenvalues and right eigenvectors of general square matrices.

    Args:
        a: shape (..., n, n).

    Returns:
        EigResult(eigenvalues, eigenvectors), complex, in no particular order; columns
        of norm 1 whose largest entry is real, which their derivative keeps so.

    >>> import chainrule.numpy as cnp
    >>> w, v = cnp.linalg.eig(cnp.array([[2., 0.], [0., 3.]]))
    >>> w.real.tolist()
    [2.0, 3.0]
    """
    a = inexact_operand("linalg.eig", a)
    return EigResult(*eig_p(a, left=False, right=True))


def eigvals(a: Any) -> Any:
    """The complex eigenvalues of general square matrices (..., n, n), shape (..., n).

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.eigvals(cnp.array([[2., 1.], [0., 3.]])).real.tolist()
    [2.0, 3.0]
    """
    return eig_p(inexact_operand("linalg.eigvals", a), left=False, right=False)[0]


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Any:
    """Singular value decomposition a = U diag(S) Vh.

    Args:
        a: shape (..., m, n); k = min(m, n).
        full_matrices: U (..., m, m) and Vh (..., n, n), or else (..., m, k) and
            (..., k, n).
        compute_uv: False: return S alone.
        hermitian: decompose the mean of `a` and its conjugate transpose by eigenvalues.
        subset_by_index: only None.

    Returns:
        SVDResult(U, S, Vh), or S; S (..., k) is real and descending.

    Raises:
        NotImplementedError: the derivative of full matrices that are not square; a
            subset.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.svd(cnp.array([[3., 0.], [0., 4.]]), compute_uv=False).tolist()
    [4.0, 3.0]
    """
    a = inexact_operand("linalg.svd", a)
    if subset_by_index is not None:
        _refuse_subset(a, full_matrices and compute_uv, subset_by_index)
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return _values(a)
    s, u, vh = svd_p(
        a, full_matrices=full_matrices, compute_uv=True, algorithm="rotate"
    )
    return SVDResult(u, s, vh)


def _values(a: Any) -> Any:
    return svd_p(a, full_matrices=False, compute_uv=False, algorithm="rotate")[0]


def _refuse_subset(a: Any, full: bool, subset: tuple[int, int]) -> None:
    if full:
        raise ValueError(
            "svd: full_matrices and subset_by_index cannot both be set; pass"
            " full_matrices=False."
        )
    if tuple(subset) != (0, min(a.shape[-2:])):
        raise NotImplementedError(
            f"svd: subset_by_index {tuple(subset)} is not implemented; slice the"
            " results."
        )


def _hermitian_svd(a: Any, compute_uv: bool) -> Any:
    """S is |w| sorted downwards, U the eigenvectors, Vh theirs with the signs of w."""
    check_matrix("svd", a, square=True)
    v, w = eigh_p(hermitian_part(a), lower=True, vectors=True)
    size = abs_p(w)
    last = w.ndim - 1
    if not compute_uv:
        s = sort_p(size, dimension=last, is_stable=True, num_keys=1)[0]
        return rev_p(s, dimensions=(last,))
    place = iota(dtypes.int32, w.shape, last)
    s, order = sort_p(size, place, dimension=last, is_stable=True, num_keys=1)
    s, order = rev_p(s, dimensions=(last,)), rev_p(order, dimensions=(last,))
    signed = mT(v * as_rows(convert(sign_p(w), v.dtype)))
    u = mT(take_rows(mT(v), order))
    return SVDResult(u, s, take_rows(conj(signed), order))


def svdvals(x: Any, /) -> Any:
    """Singular values (..., min(m, n)) of matrices (..., m, n), descending.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.svdvals(cnp.array([[3., 0.], [0., 4.]])).tolist()
    [4.0, 3.0]
    """
    return _values(inexact_operand("linalg.svdvals", x))


__all__ = [
    "EigResult", "EighResult", "QRResult", "SVDResult", "cholesky",
    "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals",
]  # fmt: skip
