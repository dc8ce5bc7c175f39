"""lax.linalg: the factorisations as functions. Strict: one dtype, no broadcasting.

Leading dimensions are batch dimensions, equal among operands. `chainrule.numpy.linalg`
promotes and broadcasts. All values are LAPACK's.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from ..core import dtypes
from ..core.avals import as_array
from ..ops.linalg_banded import tridiagonal_solve_p
from ..ops.linalg_eigen import eig_p, eigh_p, hessenberg_p, schur_p, tridiagonal_p
from ..ops.linalg_lu import lu_p, lu_pivots_to_permutation_p
from ..ops.linalg_polar import qdwh_p
from ..ops.linalg_qr import householder_product_p, ormqr_p, qr_p
from ..ops.linalg_rules import check_matrix, check_same
from ..ops.linalg_svd import svd_p
from ..ops.linalg_triangular import cholesky_p, cholesky_update_p, triangular_solve_p
from ..ops.matrices import (
    columns_between,
    hermitian_part,
    matmul,
    mT,
    rows_between,
    triangle_p,
)
from ..ops.shaping import full, reshape
from ..ops.slicing import pad_p
from .binding import bind


class EigImplementation(enum.Enum):
    """Libraries for `eig`; here all are LAPACK."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


class EighImplementation(enum.Enum):
    """Algorithms for `eigh`; only QR (LAPACK's choice) runs on the CPU."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class SvdAlgorithm(enum.Enum):
    """Algorithms for `svd`: divide and conquer (the default) or QR iteration."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def _hermitian(name: str, x: Any, symmetrize: bool) -> Any:
    x = as_array(x, name)
    if symmetrize:
        check_matrix(name, x, square=True)
        x = hermitian_part(x)
    return x


# --- Cholesky and triangular systems --------------------------------------------------


def cholesky(x: Any, *, symmetrize_input: bool = True) -> Any:
    """Lower triangular l with l l^H = x, for positive definite matrices (..., n, n).

    With `symmetrize_input` the mean of x and its conjugate transpose is factored;
    without it the lower triangle is read. NaN where a matrix is not positive definite.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.cholesky(cnp.array([[4., 2.], [2., 5.]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    return bind(cholesky_p, _hermitian("cholesky", x, symmetrize_input))


def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """Upper triangular u with u^H u = r^H r + w w^H.

    Args:
        r_matrix: upper triangular, (n, n).
        w_vector: shape (n,).

    >>> from chainrule import lax, numpy as cnp
    >>> one = cnp.ones((1, 1))
    >>> lax.linalg.cholesky_update(3 * one, cnp.array([4.])).tolist()
    [[5.0]]
    """
    return bind(cholesky_update_p, r_matrix, w_vector)


def triangular_solve(
    a: Any,
    b: Any,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """Solves x op(a) = b, or op(a) x = b if `left_side`, for triangular matrices.

    Args:
        a: shape (..., n, n), of which one triangle is read.
        b: shape (..., k, n), or (..., n, k) if `left_side`; or (..., n).
        lower: which triangle.
        transpose_a, conjugate_a: op.
        unit_diagonal: take the diagonal as ones.

    >>> from chainrule import lax, numpy as cnp
    >>> a, b = cnp.array([[2., 1.], [0., 4.]]), cnp.array([4., 4.])
    >>> lax.linalg.triangular_solve(a, b, left_side=True).tolist()
    [1.5, 1.0]
    """
    a, b = as_array(a, "triangular_solve"), as_array(b, "triangular_solve")
    vector = b.ndim == a.ndim - 1
    shape = b.shape
    if vector:
        b = reshape(b, (*shape, 1) if left_side else (*shape[:-1], 1, *shape[-1:]))
    x = bind(
        triangular_solve_p, a, b, left_side=bool(left_side), lower=bool(lower),
        transpose_a=bool(transpose_a), conjugate_a=bool(conjugate_a),
        unit_diagonal=bool(unit_diagonal),
    )  # fmt: skip
    return reshape(x, shape) if vector else x


def tridiagonal_solve(
    dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool = False
) -> Any:
    """Solves tridiagonal systems.

    Args:
        dl, d, du: lower, main and upper diagonals, each (..., n); dl[0] and du[-1] are
            not read.
        b: shape (..., n, k).
        perturb_singular: move a singular matrix by rounding on its diagonal instead of
            returning NaN.

    >>> from chainrule import lax, numpy as cnp
    >>> d = cnp.array([2., 2.])
    >>> lax.linalg.tridiagonal_solve(0 * d, d, d / 2, cnp.array([[5.], [2.]])).tolist()
    [[2.0], [1.0]]
    """
    return bind(
        tridiagonal_solve_p, dl, d, du, b, perturb_singular=bool(perturb_singular)
    )


def symmetric_product(
    a_matrix: Any,
    c_matrix: Any,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    symmetrize_output: bool = False,
) -> Any:
    """alpha a a^T + beta c.

    Args:
        a_matrix: shape (..., m, n).
        c_matrix: shape (..., m, m).
        symmetrize_output: mirror the lower triangle of the result.

    Raises:
        ValueError: shapes that do not fit.

    >>> from chainrule import lax, numpy as cnp
    >>> a, c = cnp.array([[1., 2.]]), cnp.ones((1, 1))
    >>> lax.linalg.symmetric_product(a, c, beta=3.0).tolist()
    [[8.0]]
    """
    a = as_array(a_matrix, "symmetric_product")
    c = as_array(c_matrix, "symmetric_product")
    _, m, _ = check_matrix("symmetric_product", a)
    check_same("symmetric_product", a, c)
    if c.shape[-2:] != (m, m):
        raise ValueError(
            "symmetric_product: c_matrix must be (..., m, m) for a_matrix (..., m, n);"
            f" got shapes {a.shape} and {c.shape}."
        )
    out = matmul(a, mT(a)) * alpha + c * beta
    if symmetrize_output:
        low = triangle_p(out, lower=True, diagonal=0.5)
        out = low + mT(low)
    return out


# --- LU, QR ---------------------------------------------------------------------------


def lu(x: Any) -> tuple[Any, Any, Any]:
    """LU factors with partial pivoting of matrices (..., m, n).

    Returns:
        L and U in one matrix; the row swaps, int32 (..., min(m, n)); the permutation p
        with x[p] = L U, int32 (..., m).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.lu(cnp.array([[1., 2.], [2., 2.]]))[2].tolist()
    [1, 0]
    """
    return tuple(bind(lu_p, x))


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """The permutation that the row swaps i <-> pivots[..., i] amount to.

    Args:
        pivots: int32, (..., k).
        permutation_size: length of the permutation, at least k.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.lu_pivots_to_permutation(cnp.array([1, 2, 2]), 4).tolist()
    [1, 2, 0, 3]
    """
    return bind(
        lu_pivots_to_permutation_p, pivots, permutation_size=int(permutation_size)
    )


def qr(
    x: Any,
    *,
    pivoting: bool = False,
    full_matrices: bool = True,
    use_magma: bool | None = None,
) -> tuple[Any, ...]:
    """QR factors of matrices (..., m, n).

    Args:
        pivoting: choose columns; the permutation is returned third.
        full_matrices: q (..., m, m) instead of (..., m, min(m, n)).
        use_magma: accepted.

    >>> from chainrule import lax, numpy as cnp
    >>> [y.shape for y in lax.linalg.qr(cnp.ones((3, 2)), full_matrices=False)]
    [(3, 2), (2, 2)]
    """
    return tuple(
        bind(qr_p, x, pivoting=bool(pivoting), full_matrices=bool(full_matrices))
    )


def householder_product(a: Any, taus: Any) -> Any:
    """The first n columns of a product of Householder reflections.

    Args:
        a: shape (..., m, n), m >= n, the reflections' vectors below the diagonal.
        taus: shape (..., k), k <= n, their scales.

    >>> from chainrule import lax, numpy as cnp
    >>> a, taus = cnp.array([[0.], [1.]]), cnp.array([1.])
    >>> lax.linalg.householder_product(a, taus).tolist()
    [[0.0], [-1.0]]
    """
    return bind(householder_product_p, a, taus)


def ormqr(
    a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False
) -> Any:
    """q c, or c q if not `left`, with q^H in place of q if `transpose`.

    Args:
        a, taus: q as reflections, as in `householder_product`; a is (..., r, s).
        c: shape (..., m, n), r being m, or n if not `left`.

    >>> from chainrule import lax, numpy as cnp
    >>> c = cnp.array([[3.], [4.]])
    >>> lax.linalg.ormqr(cnp.ones((2, 1)), cnp.zeros(1), c).tolist()
    [[3.0], [4.0]]
    """
    return bind(ormqr_p, a, taus, c, left=bool(left), transpose=bool(transpose))


# --- eigenvalues ----------------------------------------------------------------------


def eig(
    x: Any,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
) -> list[Any]:
    """Eigenvalues and eigenvectors of general matrices (..., n, n).

    Args:
        compute_left_eigenvectors, compute_right_eigenvectors: what to return.
        enable_eigvec_derivs: accepted; the derivatives of eigenvectors, which hold
            where the eigenvalues are simple, are always there.
        implementation, use_magma: accepted.

    Returns:
        Eigenvalues (..., n), then left, then right eigenvectors (..., n, n); complex.

    >>> from chainrule import lax, numpy as cnp
    >>> len(lax.linalg.eig(cnp.ones((2, 2))))
    3
    """
    return bind(
        eig_p, x, left=bool(compute_left_eigenvectors),
        right=bool(compute_right_eigenvectors),
    )  # fmt: skip


def eigh(
    x: Any,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    implementation: EighImplementation | None = None,
) -> tuple[Any, Any]:
    """Eigenvectors and ascending eigenvalues of Hermitian matrices (..., n, n).

    Args:
        lower: which triangle is read.
        symmetrize_input: take the mean of x and its conjugate transpose first.
        sort_eigenvalues: accepted; they are always ascending.
        subset_by_index: only None or all, (0, n).
        implementation: only None or QR.

    Returns:
        (v, w).

    Raises:
        NotImplementedError: another subset or implementation.

    >>> from chainrule import lax, numpy as cnp
    >>> v, w = lax.linalg.eigh(cnp.array([[2., 0.], [0., 1.]]))
    >>> w.tolist()
    [1.0, 2.0]
    """
    if implementation not in (None, EighImplementation.QR):
        raise NotImplementedError(
            f"eigh: {implementation} is not supported on the CPU; use None."
        )
    x = _hermitian("eigh", x, symmetrize_input)
    if subset_by_index is not None and tuple(subset_by_index) != (0, x.shape[-1]):
        raise NotImplementedError(
            f"eigh: subset_by_index {subset_by_index} is not supported; slice the"
            " results."
        )
    return tuple(bind(eigh_p, x, lower=bool(lower), vectors=True))


def hessenberg(a: Any) -> list[Any]:
    """Reduction of matrices (..., n, n) to upper Hessenberg form.

    Returns:
        The form with the reflections' vectors below it, and their scales (..., n - 1).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.hessenberg(cnp.ones((3, 3)))[1].shape
    (2,)
    """
    return bind(hessenberg_p, a)


def tridiagonal(a: Any, *, lower: bool = True) -> list[Any]:
    """Reduction of Hermitian matrices (..., n, n) to real tridiagonal form.

    Returns:
        The reflections' vectors, the diagonal (..., n), the off-diagonal (..., n - 1)
        and the reflections' scales (..., n - 1).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.tridiagonal(cnp.array([[1., 2.], [2., 3.]]))[1].tolist()
    [1.0, 3.0]
    """
    return bind(tridiagonal_p, a, lower=bool(lower))


def schur(
    x: Any,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
    select_callable: Callable[..., Any] | None = None,
) -> list[Any]:
    """Schur form x = z t z^H of matrices (..., n, n): [t, z], or [t].

    Raises:
        NotImplementedError: `sort_eig_vals`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.schur(cnp.array([[1., 2.], [0., 3.]]))[0].tolist()
    [[1.0, 2.0], [0.0, 3.0]]
    """
    if sort_eig_vals:
        raise NotImplementedError(
            "schur: sort_eig_vals is not implemented; eigenvalues come in LAPACK's"
            " order."
        )
    return bind(schur_p, x, compute_schur_vectors=bool(compute_schur_vectors))


# --- singular values, polar factors ---------------------------------------------------

_algorithms = {
    None: "rotate", SvdAlgorithm.DEFAULT: "rotate", SvdAlgorithm.QR: "qr",
    SvdAlgorithm.DIVIDE_AND_CONQUER: "divide",
}  # fmt: skip


def svd(
    x: Any,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    algorithm: SvdAlgorithm | None = None,
) -> Any:
    """Singular value decomposition of matrices (..., m, n): (u, s, vh), or s.

    Args:
        full_matrices: square u and vh.
        compute_uv: False: s only.
        subset_by_index: only None or all.
        algorithm: None, DEFAULT, DIVIDE_AND_CONQUER or QR.

    Raises:
        ValueError: full matrices and a subset. NotImplementedError: other choices.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.linalg.svd(cnp.array([[3., 0.], [0., 4.]]), compute_uv=False).tolist()
    [4.0, 3.0]
    """
    if algorithm not in _algorithms:
        raise NotImplementedError(
            f"svd: {algorithm} is not implemented on the CPU; use QR or DEFAULT."
        )
    x = as_array(x, "svd")
    if subset_by_index is not None:
        if full_matrices and compute_uv:
            raise ValueError(
                "svd: full_matrices and subset_by_index cannot both be set."
            )
        if tuple(subset_by_index) != (0, min(x.shape[-2:])):
            raise NotImplementedError(
                f"svd: subset_by_index {subset_by_index} is not implemented; slice the"
                " results."
            )
    out = bind(
        svd_p, x, full_matrices=bool(full_matrices and compute_uv),
        compute_uv=bool(compute_uv), algorithm=_algorithms[algorithm],
    )  # fmt: skip
    return (out[1], out[0], out[2]) if compute_uv else out[0]


def qdwh(
    x: Any,
    *,
    is_hermitian: bool = False,
    max_iterations: int | None = None,
    eps: float | None = None,
    dynamic_shape: tuple[int, int] | None = None,
) -> tuple[Any, Any, Any, Any]:
    """Polar factors x = u h by the QDWH iteration.

    Args:
        x: shape (m, n), m >= n.
        is_hermitian: accepted.
        max_iterations: default 10.
        eps: precision, default the dtype's.
        dynamic_shape: the part of x to decompose; the rest counts as zero.

    Returns:
        u, h, the number of iterations, and whether they converged.

    >>> from chainrule import lax, numpy as cnp
    >>> u, h, steps, converged = lax.linalg.qdwh(cnp.array([[-2.]]))
    >>> round(float(u[0, 0]), 3), round(float(h[0, 0]), 3), bool(converged)
    (-1.0, 2.0, True)
    """
    x = as_array(x, "qdwh")
    _, m, n = check_matrix("qdwh", x)
    if dynamic_shape is not None:
        rows, columns = (int(k) for k in dynamic_shape)
        x = columns_between(rows_between(x, 0, rows), 0, columns)
    if eps is None:
        eps = float(dtypes.finfo(x.dtype).eps)
    limit = 10 if max_iterations is None else int(max_iterations)
    u, h, steps, converged = bind(qdwh_p, x, max_iterations=limit, eps=float(eps))
    if dynamic_shape is not None:
        u = _padded(u, m - rows, n - columns)
        h = _padded(h, n - columns, n - columns)
    return u, h, steps, converged


def _padded(x: Any, rows: int, columns: int) -> Any:
    config = ((0, 0, 0),) * (x.ndim - 2) + ((0, rows, 0), (0, columns, 0))
    return pad_p(x, full((), 0, x.dtype), padding_config=config)


__all__ = [
    "EigImplementation", "EighImplementation", "SvdAlgorithm", "cholesky",
    "cholesky_update", "eig", "eigh", "hessenberg", "householder_product", "lu",
    "lu_pivots_to_permutation", "ormqr", "qdwh", "qr", "schur", "svd",
    "symmetric_product", "triangular_solve", "tridiagonal", "tridiagonal_solve",
]  # fmt: skip
