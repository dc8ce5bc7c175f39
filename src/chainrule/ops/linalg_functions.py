"""Functions of matrices, and the Sylvester equations that their derivatives solve.

Each rule is closed under differentiation. The derivative of sqrtm
solves a Sylvester equation, that of the solution of a Sylvester equation one with the
same coefficients. The derivative of expm is its Frechet derivative, whose own
derivative is that in two directions, which is a block of the first at a matrix twice the
size (Higham and Relton, Higher order Frechet derivatives of matrix functions, 2014).
"""

from __future__ import annotations

from itertools import count
from typing import Any

from ..core import dtypes
from ..core.avals import aval_of
from ..core.config import options
from ..core.linear import is_linear
from ..runtime import lapack
from . import linalg_kernels
from .absorbing_forms import absorbing_blocks
from .joining import concatenate
from .linalg_rules import check_matrix, check_same, declare
from .matrices import (
    below,
    beside,
    columns_between,
    matmul,
    mT,
    rows_between,
)
from .power_series import Series
from .shaping import zeros

# --- Sylvester equations --------------------------------------------------------------


def _sylvester_abstract(a: Any, b: Any, c: Any) -> Any:
    _, m, _ = check_matrix("sylvester", a, square=True)
    _, n, _ = check_matrix("sylvester", b, square=True)
    check_same("sylvester", a, b)
    check_same("sylvester", a, c)
    if c.shape[-2:] != (m, n):
        raise ValueError(
            f"sylvester: c must be (..., {m}, {n}) for a of shape {a.shape} and b of"
            f" shape {b.shape}; got {c.shape}."
        )
    return c.shape, c.dtype


def _sylvester_jvp(primals: Any, tangents: Any, x: Any) -> Any:
    a, b, _ = primals
    a_dot, b_dot, rhs = tangents
    for moved in (
        None if a_dot is None else matmul(a_dot, x),
        None if b_dot is None else matmul(x, b_dot),
    ):
        if moved is not None:
            rhs = -moved if rhs is None else rhs - moved
    return None if rhs is None else sylvester_p(a, b, rhs)


def _sylvester_transpose(ct: Any, a: Any, b: Any, c: Any) -> Any:
    if is_linear(a) or is_linear(b):
        raise NotImplementedError("sylvester: is linear in c only.")
    return None, None, sylvester_p(mT(a), mT(b), ct)


sylvester_p = declare(
    "sylvester",
    "The x with a x + x b = c.",
    abstract=_sylvester_abstract,
    jvp=_sylvester_jvp,
    transpose=_sylvester_transpose,
    compute=lapack.sylvester,
    lower=linalg_kernels.sylvester,
)
absorbing_blocks(sylvester_p, 2, lambda **_: (-2, -1))


# --- square root ----------------------------------------------------------------------


def _same_abstract(name: str) -> Any:
    def abstract(x: Any, **_: Any) -> Any:
        check_matrix(name, x, square=True)
        return x.shape, x.dtype

    return abstract


def _sqrtm_abstract(x: Any) -> Any:
    check_matrix("sqrtm", x, square=True)
    return x.shape, dtypes.with_complex(x.dtype)


def _sqrtm_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """y y_dot + y_dot y = x_dot."""
    if tangents[0] is None:
        return None
    return sylvester_p(y, y, _as_complex(tangents[0], y))


def _as_complex(x: Any, like: Any) -> Any:
    return x + zeros(aval_of(like)) if aval_of(x).dtype != like.dtype else x


sqrtm_p = declare(
    "sqrtm",
    "The complex y with y y = x whose eigenvalues have non-negative real parts.",
    abstract=_sqrtm_abstract,
    jvp=_sqrtm_jvp,
    compute=lapack.sqrtm,
    lower=linalg_kernels.square("sqrtm", 30),
)


# --- exponential ----------------------------------------------------------------------


def _expm_jvp(primals: Any, tangents: Any, y: Any, *, max_squarings: int) -> Any:
    if tangents[0] is None:
        return None
    return expm_frechet_p(primals[0], tangents[0], max_squarings=max_squarings)


def _expm_taylor(y: Any, a: Any, *, max_squarings: int) -> Any:
    """Where zeros shall absorb, what follows from the derivative."""
    if options.nan_safe_gradients:
        return None
    return _expm_terms(y, a, max_squarings=max_squarings)


def _expm_terms(_: Any, a: Any, *, max_squarings: int) -> Any:
    """Coefficient k is the upper right block of the exponential of the block triangular
    Toeplitz matrix of a_0, ..., a_k (Higham, Functions of Matrices, 2008, section 3.6).
    """
    n = aval_of(a[0]).shape[-1]
    for k in count(1):
        if all(a[i] is None for i in range(1, k + 1)):
            yield None
            continue
        whole = expm_p(_toeplitz(a, k), max_squarings=max_squarings)
        yield columns_between(rows_between(whole, 0, n), k * n, (k + 1) * n)


def _toeplitz(a: Any, k: int) -> Any:
    """The blocks a_(j-i) at row i <= column j of k + 1, zero elsewhere."""
    zero = zeros(aval_of(a[0]))
    terms = [zero if a[i] is None else a[i] for i in range(k + 1)]
    rows = [[zero] * i + terms[: k + 1 - i] for i in range(k + 1)]
    return concatenate([concatenate(r, zero.ndim - 1) for r in rows], zero.ndim - 2)


expm_p = declare(
    "expm",
    "The exponential of a matrix; NaN where it needs more than max_squarings"
    " squarings.",
    abstract=_same_abstract("expm"),
    jvp=_expm_jvp,
    taylor=_expm_taylor,
    compute=lambda x, *, max_squarings: lapack.expm(x, max_squarings),
    lower=linalg_kernels.expm,
)


def _frechet_abstract(a: Any, *directions: Any, max_squarings: int) -> Any:
    check_matrix("expm_frechet", a, square=True)
    for e in directions:
        check_same("expm_frechet", a, e)
        if a.shape != e.shape:
            raise ValueError(
                f"expm_frechet: the matrix and the direction must have one shape; got"
                f" {a.shape} and {e.shape}."
            )
    return a.shape, a.dtype


def _frechet_jvp(primals: Any, tangents: Any, y: Any, *, max_squarings: int) -> Any:
    """Linear in each direction; in a, the derivative in one direction more."""
    moved = [
        (*primals[:i], e_dot, *primals[i + 1 :])
        for i, e_dot in enumerate(tangents)
        if i and e_dot is not None
    ]
    if tangents[0] is not None:
        moved.append((*primals, tangents[0]))
    terms = [expm_frechet_p(*xs, max_squarings=max_squarings) for xs in moved]
    return sum(terms[1:], terms[0]) if terms else None


def _frechet_terms(y: Any, *operands: Any, max_squarings: int) -> Any:
    """The derivative is the upper right block of an exponential, as above."""
    if options.nan_safe_gradients:
        return None
    n, size = aval_of(y).shape[-1], aval_of(y).shape[-1] << len(operands) - 1
    zero = zeros(aval_of(y))
    rows = ([zero if x[k] is None else x[k] for x in operands] for k in count())
    whole = Series([], (_in_one_matrix(*row) for row in rows))
    terms = _expm_terms(y, whole, max_squarings=max_squarings)
    corner = lambda x: columns_between(rows_between(x, 0, n), size - n, size)
    return (x if x is None else corner(x) for x in terms)


def _in_one_matrix(a: Any, *directions: Any) -> Any:
    """The matrix whose exponential has the derivative as its upper right block."""
    if not directions:
        return a
    *others, e = directions
    zero = zeros(aval_of(a))
    blocks = lambda x, y: below(beside(x, y), beside(zero, x))
    return _in_one_matrix(blocks(a, e), *[blocks(d, zero) for d in others])


def _frechet_transpose(ct: Any, a: Any, *directions: Any, max_squarings: int) -> Any:
    if is_linear(a):
        raise NotImplementedError("expm_frechet: is linear in its directions only.")
    xs = [ct if is_linear(e) else mT(e) for e in directions]
    y = expm_frechet_p(mT(a), *xs, max_squarings=max_squarings)
    return None, *[y if is_linear(e) else None for e in directions]


expm_frechet_p = declare(
    "expm_frechet",
    "The derivative of expm at a in one direction or several, in each of which it is"
    " linear.",
    abstract=_frechet_abstract,
    jvp=_frechet_jvp,
    taylor=_frechet_terms,
    transpose=_frechet_transpose,
    compute=lambda a, *directions, max_squarings: lapack.expm_frechet(
        a, directions, max_squarings
    ),
    lower=linalg_kernels.expm_frechet,
)
absorbing_blocks(expm_frechet_p, slice(1, None), lambda **_: (-2, -1))


__all__ = [
    "expm_frechet_p",
    "expm_p",
    "sqrtm_p",
    "sylvester_p",
]
