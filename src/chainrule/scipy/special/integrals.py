"""Exponential, sine and cosine integrals, and Spence's function.

Power series near 0; further out the continued fraction of the exponential integral
(DLMF 6.9.1, 8.19.17), cut at a depth that is exact in double precision there: its
error falls as exp(-4 sqrt(depth |x|)), on the imaginary axis as that to the 0.7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...control.custom_rules import custom_jvp
from ...numpy import ufuncs_exponential as exponential
from ...numpy import ufuncs_logic as logic
from ...numpy import ufuncs_trigonometric as trigonometric
from ...numpy.ufuncs_arithmetic import absolute
from ...numpy.ufuncs_selection import where
from ...ops import elementwise_special as ops
from ...ops.elementwise_complex import complex_p, sign_p
from .declare import real_operands

_depth = 60


def _fraction(n: Any, z: Any) -> Any:
    """exp(z) E_n(z) by its continued fraction, from the bottom up."""
    tail: Any = 0.0
    for k in range(_depth, 0, -1):
        tail = k * (n + (k - 1)) / (z + n + 2 * k - tail)
    return 1 / (z + n - tail)


def _entire(x: Any, terms: int) -> Any:
    """The sum of x**k / (k k!) over k >= 1, by Horner's rule."""
    coefficients = [1 / (k * math.factorial(k)) for k in range(1, terms + 1)]
    total: Any = 0.0
    for c in reversed(coefficients):
        total = (total + c) * x
    return total


# --- E_1, Ei, E_n --------------------------------------------------------------------

@custom_jvp
def _exp1(x: Any) -> Any:
    near = x <= 2
    s = where(near & (x > 0), x, 1.0)
    series = -np.euler_gamma - exponential.log(s) - _entire(-s, 28)
    f = where(near, 3.0, x)
    far = exponential.exp(-f) * _fraction(1.0, f)
    y = where(near, series, far)
    return where(x == 0, np.inf, where(x < 0, np.nan, y))


@_exp1.defjvp
def _exp1_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    return _exp1(x), -x_dot * exponential.exp(-x) / x


def exp1(x: Any) -> Any:
    """The exponential integral E_1: of exp(-t) / t from x to infinity; NaN for x < 0.

    >>> from chainrule.scipy import special
    >>> round(float(special.exp1(1.0)), 4)
    0.2194
    """
    return _exp1(*real_operands("exp1", x))


def _asymptotic(x: Any) -> Any:
    """x exp(-x) Ei(x) for x >= 40: the sum of k! / x**k, cut before it diverges."""
    inverse = 1 / x
    total: Any = 0.0
    for k in range(25, -1, -1):
        total = 1 + (k + 1) * inverse * total
    return total


@custom_jvp
def _expi(x: Any) -> Any:
    near = (x > 0) & (x < 40)
    s = where(near, x, 1.0)
    series = np.euler_gamma + exponential.log(s) + _entire(s, 120)
    f = where(x < 40, 40.0, x)
    half = exponential.exp(0.5 * f)
    far = half * (half / f) * _asymptotic(f)
    below = -_exp1(where(x < 0, -x, 1.0))
    y = where(x < 0, below, where(near, series, far))
    return where(x == 0, -np.inf, where(x != x, x, y))


@_expi.defjvp
def _expi_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    return _expi(x), x_dot * exponential.exp(x) / x


def expi(x: Any) -> Any:
    """The exponential integral Ei: of exp(t) / t from -infinity to x (principal value).

    >>> from chainrule.scipy import special
    >>> round(float(special.expi(1.0)), 4)
    1.8951
    """
    return _expi(*real_operands("expi", x))


def _expn_series(n: Any, x: Any) -> Any:
    """E_n(x) for 0 < x <= 1 and n >= 1 (DLMF 8.19.8)."""
    sign = where(n % 2 == 0, 1.0, -1.0)
    power = exponential.exp((n - 1) * exponential.log(x) - ops.lgamma_p(n))
    total = -sign * power * (ops.digamma_p(n) - exponential.log(x))
    term = 0 * x + 1
    for m in range(22):
        if m:
            term = -term * x / m
        skipped = n == m + 1
        total = total - where(skipped, 0.0, term / where(skipped, 1.0, m - n + 1))
    return total


@custom_jvp
def _expn(n: Any, x: Any) -> Any:
    near, zero = (x <= 1) & (x > 0), n == 0
    order = where(zero, 1.0, n)
    series = _expn_series(order, where(near, x, 1.0))
    f = where(x > 1, x, 1.0)
    far = exponential.exp(-f) * _fraction(order, f)
    y = where(zero, exponential.exp(-x) / x, where(near, series, far))
    at_zero = where(n > 1, 1 / where(n > 1, n - 1, 1.0), np.inf)
    bad = (n < 0) | (x < 0) | (x != x)
    return where(bad, np.nan, where(x == 0, at_zero, y))


@_expn.defjvp
def _expn_jvp(primals: Any, tangents: Any) -> Any:
    (n, x), (_, x_dot) = primals, tangents
    at_zero = -exponential.exp(-x) * (1 + 1 / x) / x
    slope = where(n == 0, at_zero, -_expn(where(n == 0, 1.0, n) - 1, x))
    return _expn(n, x), x_dot * slope


def expn(n: Any, x: Any) -> Any:
    """The exponential integral E_n: of exp(-x t) / t**n from 1 to infinity.

    `n` holds nonnegative integers, `x` nonnegative reals; NaN elsewhere.

    >>> from chainrule.scipy import special
    >>> round(float(special.expn(2, 1.0)), 4)
    0.1485
    """
    return _expn(*real_operands("expn", n, x))


# --- Si, Ci --------------------------------------------------------------------------

def _sici_series(x: Any) -> tuple[Any, Any]:
    """Si and Ci - log(x) - gamma by power series, for 0 < x <= 4."""
    square = -x * x
    si: Any = 0.0
    cin: Any = 0.0
    for k in range(20, -1, -1):
        si = 1 / (2 * k + 1) + si * square / ((2 * k + 2) * (2 * k + 3))
        cin = 1 / (2 * k + 2) + cin * square / ((2 * k + 3) * (2 * k + 4))
    return x * si, 0.5 * square * cin


@custom_jvp
def _sici(x: Any) -> tuple[Any, Any]:
    size = absolute(x)
    near = size <= 4
    s = where(near & (size > 0), size, 1.0)
    si_near, rest = _sici_series(s)
    ci_near = np.euler_gamma + exponential.log(s) + rest
    f = where(near, 4.0, size)
    e1 = _fraction(1.0, complex_p(0 * f, f))
    e1 = e1 * complex_p(trigonometric.cos(f), -trigonometric.sin(f))
    si = where(near, si_near, e1.imag + 0.5 * math.pi)
    ci = where(near, ci_near, -e1.real)
    ci = where(x < 0, np.nan, where(x == 0, -np.inf, ci))
    return where(x == 0, x, sign_p(x) * si), ci


@_sici.defjvp
def _sici_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    by_x = trigonometric.sinc(x / math.pi), trigonometric.cos(x) / x
    return _sici(x), tuple(x_dot * d for d in by_x)


def sici(x: Any) -> tuple[Any, Any]:
    """The sine and cosine integrals Si(x) and Ci(x); Ci is NaN for x < 0.

    >>> from chainrule.scipy import special
    >>> [round(float(v), 4) for v in special.sici(1.0)]
    [0.9461, 0.3374]
    """
    (x,) = real_operands("sici", x)
    far = logic.isinf(x)
    si, ci = _sici(where(far, 1.0, x))
    si = where(far, 0.5 * math.pi * sign_p(x), si)
    return si, where(far, where(x > 0, 0.0, np.nan), ci)


# --- dilogarithm ---------------------------------------------------------------------

_dilog = (
    1 / 36, -1 / 3600, 1 / 211680, -1 / 10886400, 1 / 526901760,
    -691 / 16999766784000, 1 / 1120863744000, -3617 / 181400588328960000,
)  # fmt: skip


def _spence_near(x: Any) -> Any:
    """Li2(1 - x) for 1/2 <= x <= 2, a series in u = -log(x) (Bernoulli numbers)."""
    u = -exponential.log(x)
    square = u * u
    total: Any = 0.0
    for c in reversed(_dilog):
        total = (total + c) * square
    return u * (1 - 0.25 * u + total)


def _spence_low(x: Any) -> Any:
    """Li2(1 - x) for 0 <= x <= 2."""
    low = x < 0.5
    y = _spence_near(where(low, 1 - x, x))
    inside = low & (x > 0)
    p = where(inside, x, 0.5)
    product = where(x > 0, exponential.log(p) * exponential.log1p(-p), 0.0)
    return where(low, math.pi**2 / 6 - product - y, y)


@custom_jvp
def _spence(x: Any) -> Any:
    large = x > 2
    y = _spence_low(where(large, 1 / where(large, x, 1.0), where(x < 0, 1.0, x)))
    log = exponential.log(where(large, x, 1.0))
    return where(x < 0, np.nan, where(large, -0.5 * log * log - y, y))


@_spence.defjvp
def _spence_jvp(primals: Any, tangents: Any) -> Any:
    """-log(x) / (x - 1), by log1p near 1."""
    (x,), (x_dot,) = primals, tangents
    t = x - 1
    close = absolute(t) < 1e-3
    safe = where(close, 1.0, t)
    near = -1 + t * (0.5 - t * (1 / 3 - t * (0.25 - 0.2 * t)))
    return _spence(x), x_dot * where(close, near, -exponential.log(x) / safe)


def spence(x: Any) -> Any:
    """Spence's function: the integral of log(t) / (1 - t) from 1 to x; NaN for x < 0.

    >>> from chainrule.scipy import special
    >>> round(float(special.spence(0.0)), 4)
    1.6449
    """
    return _spence(*real_operands("spence", x))


__all__ = ["exp1", "expi", "expn", "sici", "spence"]
