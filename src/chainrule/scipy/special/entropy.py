"""Entropies, products with logarithms, logits, and sums of exponentials.

x log y is 0 at x = 0 whatever y, as in the limit, and so are the functions made of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...control.custom_rules import custom_jvp
from ...core import dtypes
from ...numpy import reductions
from ...numpy import ufuncs_exponential as exponential
from ...numpy import ufuncs_logic as logic
from ...numpy.promotion import promote_inexact
from ...numpy.ufuncs_arithmetic import absolute
from ...numpy.ufuncs_selection import real, where
from ...ops import elementwise_exponential as ops
from ...ops.elementwise_complex import sign_p
from ...ops.elementwise_conversion import stop_gradient_p
from .declare import of_x, real_operands

expit = of_x(
    "expit", ops.logistic_p, "The logistic function 1 / (1 + exp(-x)).",
    "float(special.expit(0.0))\n        0.5",
)  # fmt: skip


def logit(x: Any) -> Any:
    """log(x / (1 - x)), the inverse of expit, for 0 <= x <= 1.

    >>> from chainrule.scipy import special
    >>> float(special.logit(0.5))
    0.0
    """
    return _logit(*real_operands("logit", x))


@custom_jvp
def _logit(x: Any) -> Any:
    """Near x = 1/2 by log1p, which keeps the digits of 2 x - 1."""
    near = absolute(x - 0.5) < 0.25
    p = where(near, x, 0.5)
    middle = exponential.log1p((2 * p - 1) / (1 - p))
    return where(near, middle, exponential.log(x / (1 - x)))


@_logit.defjvp
def _logit_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    return _logit(x), x_dot / (x * (1 - x))


# --- x log y -------------------------------------------------------------------------


@custom_jvp
def _xlogy(x: Any, y: Any) -> Any:
    zero = x == 0
    return where(zero, 0.0, x * exponential.log(where(zero, 1.0, y)))


@_xlogy.defjvp
def _xlogy_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (x_dot, y_dot) = primals, tangents
    by_y = where(x == 0, 0.0, x / where(x == 0, 1.0, y))
    return _xlogy(x, y), x_dot * exponential.log(y) + y_dot * by_y


@custom_jvp
def _xlog1py(x: Any, y: Any) -> Any:
    zero = x == 0
    return where(zero, 0.0, x * exponential.log1p(where(zero, 0.0, y)))


@_xlog1py.defjvp
def _xlog1py_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (x_dot, y_dot) = primals, tangents
    by_y = where(x == 0, 0.0, x / where(x == 0, 1.0, 1 + y))
    return _xlog1py(x, y), x_dot * exponential.log1p(y) + y_dot * by_y


def xlogy(x: Any, y: Any) -> Any:
    """x log(y), elementwise; 0 where x is 0.

    >>> from chainrule.scipy import special
    >>> float(special.xlogy(0.0, 0.0))
    0.0
    """
    return _xlogy(*promote_inexact("xlogy", x, y))


def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), elementwise; 0 where x is 0.

    >>> from chainrule.scipy import special
    >>> float(special.xlog1py(0.0, -1.0))
    0.0
    """
    return _xlog1py(*promote_inexact("xlog1py", x, y))


def entr(x: Any) -> Any:
    """-x log(x), elementwise; 0 at 0, -inf below.

    >>> from chainrule.scipy import special
    >>> float(special.entr(1.0)) == 0.0
    True
    """
    (x,) = real_operands("entr", x)
    return where(x < 0, -np.inf, -_xlogy(x, where(x < 0, 1.0, x)))


def rel_entr(p: Any, q: Any) -> Any:
    """p log(p / q), elementwise; 0 where p is 0 <= q, inf outside of the domain.

    >>> from chainrule.scipy import special
    >>> float(special.rel_entr(0.5, 0.5))
    0.0
    """
    p, q = real_operands("rel_entr", p, q)
    inside, edge = (p > 0) & (q > 0), (p == 0) & (q >= 0)
    safe_p, safe_q = where(inside, p, 1.0), where(inside, q, 1.0)
    ratio = safe_p * exponential.log(safe_p / safe_q)
    return where(inside, ratio, where(edge, 0.0 * p, np.inf))


def kl_div(p: Any, q: Any) -> Any:
    """p log(p / q) - p + q, elementwise; inf outside of the domain.

    >>> from chainrule.scipy import special
    >>> float(special.kl_div(0.5, 0.5))
    0.0
    """
    p, q = real_operands("kl_div", p, q)
    return rel_entr(p, q) - p + q


def boxcox(x: Any, lmbda: Any) -> Any:
    """(x**lmbda - 1) / lmbda, and its limit log(x) at lmbda = 0.

    >>> from chainrule.scipy import special
    >>> round(float(special.boxcox(2.0, 1.0)), 4)
    1.0
    """
    x, lmbda = real_operands("boxcox", x, lmbda)
    return _scaled_power(exponential.log(x), lmbda)


def boxcox1p(x: Any, lmbda: Any) -> Any:
    """((1 + x)**lmbda - 1) / lmbda, and its limit log(1 + x) at lmbda = 0.

    >>> from chainrule.scipy import special
    >>> round(float(special.boxcox1p(1.0, 1.0)), 4)
    1.0
    """
    x, lmbda = real_operands("boxcox1p", x, lmbda)
    return _scaled_power(exponential.log1p(x), lmbda)


def _scaled_power(log_x: Any, lmbda: Any) -> Any:
    """(exp(lmbda log_x) - 1) / lmbda, by four terms of its series near lmbda = 0."""
    small = absolute(lmbda * log_x) < 1e-4
    safe = where(small | (lmbda == 0), 1.0, lmbda)
    t = lmbda * log_x
    near = log_x * (1 + t * (0.5 + t * (1 / 6 + t / 24)))
    return where(small | (lmbda == 0), near, exponential.expm1(safe * log_x) / safe)


# --- sums of exponentials ------------------------------------------------------------


def _largest(a: Any, axis: Any) -> Any:
    """The largest element along `axis`, a constant to derivatives; 0 for infinities."""
    top = reductions.max(real(a), axis=axis, keepdims=True, initial=-np.inf)
    top = stop_gradient_p(top)
    return where(logic.isfinite(top), top, 0.0)


def logsumexp(
    a: Any,
    axis: Any = None,
    b: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: Any = None,
) -> Any:
    """log(sum(b * exp(a))) over `axis`, without overflow.

    Args:
        a: array, real or complex.
        axis: an int, a tuple of them, or None for all axes.
        b: weights, by default 1, that broadcast against `a`.
        keepdims: whether summed axes stay, with size 1.
        return_sign: whether to return the logarithm of the sum's absolute value, and
            its sign (or phase).
        where: mask of the elements that count.

    Returns:
        An array without `axis`, or the pair (logarithm, sign).

    Raises:
        TypeError: if an operand is a list.
        ValueError: if `axis` is out of bounds.

    Example:
        >>> from chainrule.scipy import special
        >>> float(special.logsumexp(2.0))
        2.0
    """
    a, weights = promote_inexact("logsumexp", a, 1 if b is None else b)
    mask = None if where is None else logic.truth("logsumexp", where)
    if b is not None:
        a = _where(weights != 0, a, -np.inf)
    if mask is not None:
        a = _where(mask, a, -np.inf)
    top = _largest(a, axis)
    terms = exponential.exp(a - top)
    total = reductions.sum(
        terms if b is None else terms * weights, axis=axis, keepdims=True
    )
    sign = sign_p(total)
    if return_sign:
        total = absolute(total)
    elif not dtypes.is_complex(total.dtype):
        total = _where(sign < 0, np.nan, total)
    out = exponential.log(total) + top
    if not keepdims:
        out, sign = (reductions.sum(v, axis=axis) for v in (out, sign))
    return (out, sign) if return_sign else out


_where = where


def softmax(x: Any, /, *, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x)) over `axis` (None: all axes), without overflow.

    >>> from chainrule.scipy import special
    >>> float(special.softmax(3.0))
    1.0
    """
    (x,) = promote_inexact("softmax", x)
    terms = exponential.exp(x - _largest(x, axis))
    return terms / reductions.sum(terms, axis=axis, keepdims=True)


def log_softmax(x: Any, /, *, axis: Any = None) -> Any:
    """x - logsumexp(x) over `axis` (None: all axes), the logarithm of softmax.

    >>> from chainrule.scipy import special
    >>> float(special.log_softmax(3.0))
    0.0
    """
    (x,) = promote_inexact("log_softmax", x)
    shifted = x - _largest(x, axis)
    total = reductions.sum(exponential.exp(shifted), axis=axis, keepdims=True)
    return shifted - exponential.log(total)


__all__ = [
    "boxcox", "boxcox1p", "entr", "expit", "kl_div", "log_softmax", "logit",
    "logsumexp", "rel_entr", "softmax", "xlog1py", "xlogy",
]  # fmt: skip
