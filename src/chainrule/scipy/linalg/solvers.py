"""Factorisations that solve linear systems: Cholesky, LU, triangular and Sylvester."""

from __future__ import annotations

from typing import Any

from ...core import dtypes
from ...numpy import linalg
from ...numpy.promotion import (
    inexact_operand,
    inexact_operands,
    operand,
    promote_inexact,
)
from ...ops.elementwise_rules import broadcast_shapes
from ...ops.joining import iota
from ...ops.linalg_functions import sylvester_p
from ...ops.linalg_lu import lu_p, lu_pivots_to_permutation_p
from ...ops.linalg_rules import check_matrix
from ...ops.linalg_triangular import cholesky_p, triangular_solve, triangular_solve_p
from ...ops.matrices import (
    columns_between,
    eye,
    mH,
    real,
    rows_between,
    take_rows,
    tril,
    triu,
)
from ...ops.shaping import broadcast_to, reshape
from ...ops.sorting import sort_p

_transposes = {
    0: (False, False), "N": (False, False), 1: (True, False), "T": (True, False),
    2: (True, True), "C": (True, True),
}  # fmt: skip


def _columns(name: str, a: Any, b: Any) -> tuple[Any, Any, bool]:
    """`a` and `b` as stacks of matrices of one batch shape; whether b was a vector."""
    lead, n, _ = check_matrix(name, a, square=True)
    vector = b.ndim in (1, a.ndim - 1)
    if b.ndim == 0 or b.shape[-1 if vector else -2] != n:
        raise ValueError(
            f"{name}: incompatible shapes {a.shape} and {b.shape}; the right-hand side"
            f" must be ({n},), (..., {n}, k) or one vector of {n} entries per matrix."
        )
    if vector:
        b = reshape(b, (*b.shape, 1))
    if a.ndim != 2 or b.ndim != 2:
        lead = broadcast_shapes(name, lead, b.shape[:-2])
        a = broadcast_to(a, (*lead, n, n))
        b = broadcast_to(b, (*lead, n, b.shape[-1]))
    return a, b, vector


def _as_given(x: Any, vector: bool) -> Any:
    return reshape(x, x.shape[:-1]) if vector else x


# --- triangular systems ---------------------------------------------------------------


def solve_triangular(
    a: Any,
    b: Any,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    debug: Any = None,
    check_finite: bool = True,
) -> Any:
    """Solves op(a) x = b for triangular matrices.

    Args:
        a: shape (..., n, n), of which one triangle is read.
        b: shape (n,) or (..., n, k), or one vector per matrix.
        trans: 0 or "N": op(a) = a; 1 or "T": its transpose; 2 or "C": its conjugate
            transpose.
        lower: which triangle is read.
        unit_diagonal: take the diagonal as ones.

    Returns:
        x, of the shape of b.

    Raises:
        ValueError: unknown `trans`, or shapes that do not fit.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import solve_triangular
    >>> a = cnp.array([[2., 0.], [1., 4.]])
    >>> solve_triangular(a, cnp.array([2., 9.]), lower=True).tolist()
    [1.0, 2.0]
    """
    if trans not in _transposes:
        raise ValueError(
            f"solve_triangular: Invalid 'trans' value {trans!r}; use 0, 1, 2, 'N', 'T'"
            " or 'C'."
        )
    a, b = inexact_operands("scipy.linalg.solve_triangular", a, b)
    transpose_a, conjugate_a = _transposes[trans]
    a, b, vector = _columns("solve_triangular", a, b)
    x = triangular_solve_p(
        a, b, left_side=True, lower=bool(lower), transpose_a=transpose_a,
        conjugate_a=conjugate_a, unit_diagonal=bool(unit_diagonal),
    )  # fmt: skip
    return _as_given(x, vector)


# --- Cholesky -------------------------------------------------------------------------


def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """The Cholesky factor of Hermitian positive definite matrices (..., n, n).

    Returns the upper u with u^H u = a, or if `lower` the lower l with l l^H = a; NaN
    where a matrix is not positive definite. Only that triangle is read.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import cholesky
    >>> cholesky(cnp.array([[4., 2.], [2., 5.]])).tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """
    a = inexact_operand("scipy.linalg.cholesky", a)
    check_matrix("cholesky", a, square=True)
    factor = cholesky_p(a if lower else mH(a))
    return factor if lower else mH(factor)


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """The Cholesky factor as `cho_solve` takes it: the pair (factor, lower).

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import cho_factor, cho_solve
    >>> cho_solve(cho_factor(cnp.array([[4.]])), cnp.array([8.])).tolist()
    [2.0]
    """
    return cholesky(a, lower=lower), lower


def cho_solve(
    c_and_lower: tuple[Any, bool],
    b: Any,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solves a x = b by the Cholesky factor of a.

    Args:
        c_and_lower: the factor (..., n, n), and whether it is the lower one.
        b: shape (n,) or (..., n, k).

    Returns:
        x, of the shape of b.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import cho_solve
    >>> factor = cnp.array([[2., 0.], [1., 2.]])
    >>> cho_solve((factor, True), cnp.array([8., 14.])).tolist()
    [0.75, 2.5]
    """
    c, lower = c_and_lower
    c, b = inexact_operands("scipy.linalg.cho_solve", c, b)
    c, b, vector = _columns("cho_solve", c, b)
    lower = bool(lower)
    y = triangular_solve(
        c, b, lower=lower, transpose_a=not lower, conjugate_a=not lower
    )
    x = triangular_solve(c, y, lower=lower, transpose_a=lower, conjugate_a=lower)
    return _as_given(x, vector)


# --- LU -------------------------------------------------------------------------------


def lu_factor(
    a: Any, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, Any]:
    """LU factors in one matrix (..., m, n) and the row swaps (..., min(m, n)), int32.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import lu_factor
    >>> lu_factor(cnp.array([[1., 2.], [2., 2.]]))[1].tolist()
    [1, 1]
    """
    factors, pivots, _ = lu_p(inexact_operand("scipy.linalg.lu_factor", a))
    return factors, pivots


def lu_solve(
    lu_and_piv: tuple[Any, Any],
    b: Any,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """Solves op(a) x = b by the factors of `lu_factor`.

    Args:
        lu_and_piv: the factors (..., n, n) and the row swaps (..., n).
        b: shape (n,) or (..., n, k).
        trans: 0: op(a) = a; 1: its transpose; 2: its conjugate transpose.

    Returns:
        x, of the shape of b.

    Raises:
        ValueError: unknown `trans`.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import lu_factor, lu_solve
    >>> a = cnp.array([[0., 2.], [1., 0.]])
    >>> lu_solve(lu_factor(a), cnp.array([4., 3.])).tolist()
    [3.0, 2.0]
    """
    factors, pivots = lu_and_piv
    if trans not in (0, 1, 2):
        raise ValueError(f"lu_solve: trans must be 0, 1, or 2, got {trans}.")
    factors, b = inexact_operands("scipy.linalg.lu_solve", factors, b)
    pivots = operand("scipy.linalg.lu_solve", pivots)
    factors, b, vector = _columns("lu_solve", factors, b)
    n = factors.shape[-1]
    permutation = lu_pivots_to_permutation_p(pivots, permutation_size=n)
    permutation = broadcast_to(permutation, factors.shape[:-1])
    if trans == 0:
        y = take_rows(b, permutation)
        y = triangular_solve(factors, y, lower=True, unit_diagonal=True)
        return _as_given(triangular_solve(factors, y), vector)
    ways = {"transpose_a": True, "conjugate_a": trans == 2}
    y = triangular_solve(factors, b, **ways)
    y = triangular_solve(factors, y, lower=True, unit_diagonal=True, **ways)
    return _as_given(take_rows(y, _inverse_permutation(permutation)), vector)


def _inverse_permutation(p: Any) -> Any:
    last = p.ndim - 1
    place = iota(dtypes.int32, p.shape, last)
    return sort_p(p, place, dimension=last, is_stable=True, num_keys=1)[1]


def lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> Any:
    """LU factors a = P L U by partial pivoting.

    Args:
        a: shape (..., m, n); k = min(m, n).
        permute_l: return P L in the place of P and L.

    Returns:
        (P, L, U) of shapes (..., m, m), (..., m, k), (..., k, n); or (P L, U).

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import lu
    >>> p, l, u = lu(cnp.array([[1., 2.], [2., 2.]]))
    >>> l.tolist(), u.tolist()
    ([[1.0, 0.0], [0.5, 1.0]], [[2.0, 2.0], [0.0, 1.0]])
    """
    a = inexact_operand("scipy.linalg.lu", a)
    factors, _, permutation = lu_p(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    one = broadcast_to(eye(m, a.dtype), (*a.shape[:-2], m, m))
    lower = tril(columns_between(factors, 0, k), 0.0) + columns_between(one, 0, k)
    upper = triu(rows_between(factors, 0, k))
    inverse = _inverse_permutation(permutation)
    if permute_l:
        return take_rows(lower, inverse), upper
    return take_rows(real(one), inverse), lower, upper


# --- general systems ------------------------------------------------------------------


def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    debug: bool = False,
    check_finite: bool = True,
    assume_a: str = "gen",
) -> Any:
    """Solves a x = b.

    Args:
        a: shape (..., n, n).
        b: shape (n,) or (..., n, k).
        lower: for "pos", the triangle of `a` that is read.
        assume_a: "gen", "sym", "her": by LU; "pos": positive definite, by Cholesky.

    Returns:
        x, of the shape of b.

    Raises:
        ValueError: unknown `assume_a`, or shapes that do not fit.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import solve
    >>> solve(cnp.array([[4.]]), cnp.array([8.]), assume_a="pos").tolist()
    [2.0]
    """
    if assume_a not in ("gen", "sym", "her", "pos"):
        raise ValueError(
            "solve: Expected assume_a to be one of ['gen', 'sym', 'her', 'pos']; got"
            f" {assume_a!r}"
        )
    if assume_a != "pos":
        return linalg.solve(a, b)
    a, b = inexact_operands("scipy.linalg.solve", a, b)
    return cho_solve(cho_factor(a, lower=lower), b)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The inverses of square matrices (..., n, n).

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import inv
    >>> inv(cnp.array([[2., 0.], [0., 4.]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return linalg.inv(a)


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The determinants of square matrices (..., n, n), of shape (...).

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import det
    >>> float(det(cnp.array([[2., 0.], [0., 4.]])))
    8.0
    """
    return linalg.det(a)


def solve_sylvester(
    A: Any,
    B: Any,
    C: Any,
    *,
    method: str = "schur",
    tol: float = 1e-8,
) -> Any:
    """The x with A x + x B = C.

    Args:
        A: shape (..., m, m).
        B: shape (..., n, n).
        C: shape (..., m, n).
        method: "schur" or "eigen": accepted; Schur forms are used (Bartels and Stewart,
            1972).
        tol: accepted for "eigen".

    Returns:
        x of shape (..., m, n), large where A and -B nearly share an eigenvalue.

    Raises:
        ValueError: an unknown method, or shapes that do not fit.

    >>> import chainrule.numpy as cnp
    >>> from chainrule.scipy.linalg import solve_sylvester
    >>> one = cnp.ones((1, 1))
    >>> solve_sylvester(one, one, 6 * one).tolist()
    [[3.0]]
    """
    if method not in ("schur", "eigen"):
        raise ValueError(
            f"solve_sylvester: method must be 'schur' or 'eigen'; got {method!r}."
        )
    return sylvester_p(*promote_inexact("scipy.linalg.solve_sylvester", A, B, C))


__all__ = [
    "cho_factor", "cho_solve", "cholesky", "det", "inv", "lu", "lu_factor", "lu_solve",
    "solve", "solve_sylvester", "solve_triangular",
]  # fmt: skip
