"""Polynomials as arrays of coefficients, the highest power first.

Arithmetic, derivatives and integrals, evaluation by Horner's scheme, roots by the
eigenvalues of the companion matrix, least-squares fits by the singular value
decomposition. Leading zeros may stay, since shapes do not depend on values; functions
that drop them need concrete coefficients.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer, wrap
from ..core.errors import ConcretizationTypeError
from ..ops.arithmetic import mul_p
from ..ops.elementwise_complex import abs_p
from ..ops.elementwise_compound import remainder_p
from ..ops.elementwise_powers import sqrt_p
from ..ops.elementwise_selection import select
from ..ops.joining import concatenate, iota, slice_along
from ..ops.shaping import broadcast_to, convert, full, reshape, transpose
from .contractions import matmul, outer
from .linalg.factorizations import eigvals
from .linalg.systems import inv, lstsq
from .promotion import operand, promote, promote_inexact
from .reductions import argmax, sum
from .signals import convolve
from .sorting import argsort
from .taking import take


def _coefficients(name: str, p: Any) -> Any:
    if p.ndim > 1:
        raise ValueError(f"{name}: coefficients must be 1-D; got shape {p.shape}.")
    return reshape(p, (p.size,))


def _leading_zeros(name: str, p: Any) -> int:
    """How many coefficients in front are zero; needs concrete ones."""
    if isinstance(p, Tracer):
        raise ConcretizationTypeError(
            f"{name}: dropping zeros depends on the values of the coefficients, which"
            f" are traced ({p.aval.str_short()}); turn it off, or call it without jit."
        )
    there = np.flatnonzero(np.asarray(p))
    return int(there[0]) if there.size else p.shape[0]


def _trimmed(name: str, p: Any) -> Any:
    return slice_along(p, min(_leading_zeros(name, p), p.shape[0]), p.shape[0], 0)


def _padded(p: Any, n: int) -> Any:
    """`p` with zeros in front, n coefficients in all."""
    missing = n - p.shape[0]
    return concatenate([full((missing,), 0, p.dtype), p], 0) if missing > 0 else p


def polyadd(a1: Any, a2: Any) -> Any:
    """The sum of two polynomials.

    >>> import chainrule.numpy as cnp
    >>> cnp.polyadd(cnp.array([1, 2]), cnp.array([9, 5, 4])).tolist()
    [9, 6, 6]
    """
    p, q = promote("polyadd", a1, a2)
    n = max(p.shape[0], q.shape[0])
    return _padded(p, n) + _padded(q, n)


def polysub(a1: Any, a2: Any) -> Any:
    """The difference of two polynomials.

    >>> import chainrule.numpy as cnp
    >>> cnp.polysub(cnp.array([2, 10]), cnp.array([1, 5])).tolist()
    [1, 5]
    """
    p, q = promote("polysub", a1, a2)
    n = max(p.shape[0], q.shape[0])
    return _padded(p, n) - _padded(q, n)


def polymul(a1: Any, a2: Any, *, trim_leading_zeros: bool = False) -> Any:
    """The product of two polynomials, in floating point.

    Args:
        a1, a2: coefficients.
        trim_leading_zeros: whether to drop zeros in front first, as NumPy does; needs
            concrete coefficients.

    >>> import chainrule.numpy as cnp
    >>> cnp.polymul(cnp.array([1., 2.]), cnp.array([1., 3.])).tolist()
    [1.0, 5.0, 6.0]
    """
    p, q = promote_inexact("polymul", a1, a2)
    if trim_leading_zeros and (p.size > 1 or q.size > 1):
        p, q = (_trimmed("polymul", v) for v in (p, q))
    one = full((1,), 0, p.dtype)
    p, q = (v if v.size else one for v in (p, q))
    return convolve(p, q)


def polydiv(u: Any, v: Any, *, trim_leading_zeros: bool = False) -> tuple[Any, Any]:
    """Quotient and remainder of polynomials u / v.

    Args:
        u, v: coefficients; the first of `v` must not be zero.
        trim_leading_zeros: whether to drop zeros in front of the remainder, as NumPy
            does; needs concrete coefficients.

    >>> import chainrule.numpy as cnp
    >>> q, r = cnp.polydiv(cnp.array([2., 5., 3.]), cnp.array([1., 1.]))
    >>> q.tolist(), r.tolist()
    ([2.0, 3.0], [0.0, 0.0, 0.0])
    """
    u, v = promote_inexact("polydiv", u, v)
    n, m = u.shape[0], v.shape[0]
    steps = max(n - m + 1, 0)
    first = slice_along(v, 0, 1, 0)
    found: list[Any] = []
    rest = u
    for k in range(steps):
        d = slice_along(rest, k, k + 1, 0) / first
        found.append(d)
        parts = [slice_along(rest, 0, k, 0), slice_along(rest, k, k + m, 0) - d * v]
        rest = concatenate([*parts, slice_along(rest, k + m, n, 0)], 0)
    quotient = concatenate(found, 0) if found else full((1,), 0, u.dtype)
    if trim_leading_zeros:
        cut = min(_leading_zeros("polydiv", rest), rest.shape[0] - 1)
        rest = slice_along(rest, cut, rest.shape[0], 0)
    return quotient, rest


def _order(name: str, m: Any) -> int:
    m = operator.index(m)
    if m < 0:
        raise ValueError(f"{name}: the order m must not be negative; got {m}.")
    return m


def polyder(p: Any, m: int = 1) -> Any:
    """The m-th derivative of a polynomial, in floating point.

    >>> import chainrule.numpy as cnp
    >>> cnp.polyder(cnp.array([1., 1., 1.])).tolist()
    [2.0, 1.0]
    """
    m = _order("polyder", m)
    (p,) = promote_inexact("polyder", p)
    n = p.shape[0]
    if m == 0:
        return p
    powers = np.arange(n - 1, m - 1, -1)
    factors = np.array([math.perm(int(k), m) for k in powers], np.float64)
    return mul_p(slice_along(p, 0, max(n - m, 0), 0), wrap(factors.astype(p.dtype)))


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The m-th antiderivative of a polynomial, in floating point.

    Args:
        p: coefficients.
        m: how often to integrate.
        k: the constants of integration, the first one's first: a scalar or an array of
            1 or m; None: zeros.

    Raises:
        ValueError: another number of constants, or negative `m`.

    >>> import chainrule.numpy as cnp
    >>> cnp.polyint(cnp.array([2., 1.]), k=5.).tolist()
    [1.0, 1.0, 5.0]
    """
    m = _order("polyint", m)
    p, c = promote_inexact("polyint", p, 0 if k is None else k)
    if c.ndim > 1 or c.size not in (1, m):
        raise ValueError(
            f"polyint: k must be a scalar or have 1 or m = {m} entries; got shape"
            f" {c.shape}."
        )
    if m == 0:
        return p
    whole = concatenate([p, broadcast_to(reshape(c, (c.size,)), (m,))], 0)
    n = whole.shape[0]
    top = np.arange(n - 1, -1, -1)
    # The i-th constant has been integrated m - 1 - i times more, the powers m times.
    times = np.minimum(m, top)
    factors = np.array(
        [math.perm(int(a), int(b)) for a, b in zip(top, times)], np.float64
    )
    return whole / wrap(factors.astype(p.dtype))


def polyval(p: Any, x: Any, *, unroll: int = 16) -> Any:
    """The values of a polynomial, by Horner's scheme.

    Args:
        p: coefficients, shape (n,).
        x: where to evaluate, any shape.
        unroll: accepted for compatibility.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.polyval(cnp.array([3, 0, 1]), 5))
    76
    """
    p, x = promote("polyval", p, x)
    p = _coefficients("polyval", p)
    y: Any = full(x.shape, 0, x.dtype)
    for i in range(p.shape[0]):
        c = reshape(slice_along(p, i, i + 1, 0), ())
        y = broadcast_to(c, x.shape) if i == 0 else y * x + c
    return y


# --- roots ----------------------------------------------------------------------------


def poly(seq_of_zeros: Any) -> Any:
    """The polynomial with the given roots, or the characteristic one of a matrix.

    Args:
        seq_of_zeros: roots, shape (n,), or a square matrix.

    Returns:
        Coefficients, shape (n + 1,), the first of them 1.

    Raises:
        ValueError: another shape.

    >>> import chainrule.numpy as cnp
    >>> cnp.poly(cnp.array([1., 2.])).tolist()
    [1.0, -3.0, 2.0]
    """
    (r,) = promote_inexact("poly", seq_of_zeros)
    if r.ndim == 2 and r.shape[0] == r.shape[1]:
        r = eigvals(r)
    if r.ndim > 1:
        raise ValueError(
            f"poly: needs 1-D roots or a square matrix; got shape {r.shape}."
        )
    r = reshape(r, (r.size,))
    one = full((1,), 1, r.dtype)
    if not r.shape[0]:
        return reshape(one, ())
    p = one
    for i in range(r.shape[0]):
        p = convolve(p, concatenate([one, -slice_along(r, i, i + 1, 0)], 0))
    return p


def roots(p: Any, *, strip_zeros: bool = True) -> Any:
    """The roots of a polynomial.

    Args:
        p: coefficients, shape (n,).
        strip_zeros: whether to drop zero coefficients at both ends first, which needs
            concrete ones. Without, each leading zero gives a NaN at the end.

    Returns:
        Complex array of n - 1 roots (fewer where leading zeros were dropped).

    Raises:
        ConcretizationTypeError: traced coefficients with `strip_zeros`.

    >>> import chainrule.numpy as cnp
    >>> sorted(cnp.roots(cnp.array([1., -3., 2.])).real.round(3).tolist())
    [1.0, 2.0]
    """
    (p,) = promote_inexact("roots", p)
    p = _coefficients("roots", p)
    none = full((0,), 0, dtypes.with_complex(p.dtype))
    trailing = 0
    if strip_zeros:
        p = _trimmed("roots", p)
        there = np.flatnonzero(np.asarray(p))
        trailing = p.shape[0] - 1 - int(there[-1]) if there.size else 0
        p = slice_along(p, 0, p.shape[0] - trailing, 0)
    zeros = full((trailing,), 0, none.dtype)
    if p.shape[0] < 2:
        return concatenate([none, zeros], 0)
    found = _companion_eigenvalues(p) if strip_zeros else _roots_with_zeros(p)
    return concatenate([zeros, found], 0)


def _roots_with_zeros(p: Any) -> Any:
    """The roots, NaN at the end for each leading zero: these are moved to the back,
    where each adds a root at zero, and the smallest roots are taken out.
    """
    n = p.shape[0]
    count = iota(dtypes.int32, (n,))
    leading = convert(argmax(p != 0), dtypes.int32)
    moved = take(p, remainder_p(count + leading, full((), n, dtypes.int32)))
    found = _companion_eigenvalues(moved)
    found = take(found, argsort(-abs_p(found)))
    nan = full((), math.nan, found.dtype)
    return select(slice_along(count, 1, n, 0) + leading < n, found, nan)


def _companion_eigenvalues(p: Any) -> Any:
    n = p.shape[0] - 1
    top = -slice_along(p, 1, n + 1, 0) / slice_along(p, 0, 1, 0)
    below = np.eye(n - 1, n, dtype=p.dtype)
    return eigvals(concatenate([reshape(top, (1, n)), wrap(below)], 0))


# --- fitting --------------------------------------------------------------------------


def polyfit(
    x: Any,
    y: Any,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Any = None,
    cov: bool | str = False,
) -> Any:
    """The polynomial that fits samples best in the least-squares sense.

    Args:
        x: positions, shape (n,).
        y: samples, shape (n,) or (n, k) for k fits at once.
        deg: degree of the polynomial.
        rcond: singular values below this share of the greatest count as zero; default
            n times the precision of the dtype.
        full: whether to return diagnostics too.
        w: weights of the residuals (not of their squares), shape (n,).
        cov: whether to return the covariance of the coefficients too: scaled by the
            residuals, or as it is for "unscaled".

    Returns:
        Coefficients of shape (deg + 1,) or (deg + 1, k); with `full` also the sums of
        squared residuals, rank, singular values and rcond; with `cov` the covariance.

    Raises:
        ValueError: negative degree, or too few samples for a covariance.
        TypeError: shapes that do not fit.

    >>> import chainrule.numpy as cnp
    >>> p = cnp.polyfit(cnp.array([0., 1., 2.]), cnp.array([1., 3., 5.]), 1)
    >>> p.round(3).tolist()
    [2.0, 1.0]
    """
    deg = operator.index(deg)
    x, y = promote_inexact("polyfit", x, y)
    if deg < 0:
        raise ValueError(f"polyfit: expected deg >= 0; got {deg}.")
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or x.shape[0] != y.shape[0]:
        raise TypeError(
            "polyfit: x must be 1-D and not empty, y 1-D or 2-D of the same length; got"
            f" shapes {x.shape} and {y.shape}."
        )
    if rcond is None:
        rcond = x.shape[0] * float(dtypes.finfo(x.dtype).eps)
    lhs, rhs = _weighted_system(x, y, deg, w)
    scale = sqrt_p(sum(lhs * lhs, 0))
    c, residuals, rank, s = lstsq(lhs / scale, rhs, rcond)
    c = c / (reshape(scale, (deg + 1, 1)) if y.ndim == 2 else scale)
    if full:
        return c, residuals, rank, s, wrap(np.asarray(rcond, x.dtype))
    return (c, _fit_covariance(lhs, rhs, scale, residuals, cov)) if cov else c


def _weighted_system(x: Any, y: Any, deg: int, w: Any) -> tuple[Any, Any]:
    """The powers of x and the samples, rows scaled by the weights."""
    lhs, n = _vandermonde(x, deg + 1), x.shape[0]
    if w is None:
        return lhs, y
    w = operand("polyfit", w)
    if w.shape != (n,):
        raise TypeError(
            f"polyfit: weights must have the shape of x, {x.shape}; got {w.shape}."
        )
    w = convert(w, x.dtype)
    column = reshape(w, (n, 1))
    return lhs * column, y * (column if y.ndim == 2 else w)


def _fit_covariance(lhs: Any, rhs: Any, scale: Any, residuals: Any, cov: Any) -> Any:
    """The covariance of the coefficients; the columns are scaled for the inverse."""
    n, m = lhs.shape
    scales = outer(scale, scale)
    base = inv(matmul(transpose(lhs, (1, 0)), lhs) / scales) / scales
    factor: Any = 1
    if cov != "unscaled":
        if n <= m:
            raise ValueError(
                f"polyfit: {n} samples are too few to scale the covariance of {m}"
                " coefficients; use cov='unscaled'."
            )
        factor = residuals / (n - m)
    return base * factor if rhs.ndim == 1 else reshape(base, (m, m, 1)) * factor


def _vandermonde(x: Any, n: int) -> Any:
    """The powers n-1, ..., 1, 0 of x as columns."""
    columns = [_ones(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return concatenate([reshape(v, (x.shape[0], 1)) for v in reversed(columns)], 1)


def _ones(x: Any) -> Any:
    return full(x.shape, 1, x.dtype)


__all__ = [
    "poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub",
    "polyval", "roots",
]  # fmt: skip
