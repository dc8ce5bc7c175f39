"""Gamma, beta and zeta functions, factorials and binomials.

`gamma` is Stirling's formula after a shift, with an error of a few ulp, which
exp(gammaln(x)) would not reach; `betaln` cancels the large terms of that formula by
hand (Didonato and Morris, ACM TOMS 18, 1992).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ...control.custom_rules import custom_jvp
from ...core import dtypes
from ...core.avals import as_array
from ...numpy import ufuncs_arithmetic as arithmetic
from ...numpy import ufuncs_exponential as exponential
from ...numpy import ufuncs_floating as floating
from ...numpy import ufuncs_logic as logic
from ...numpy import ufuncs_trigonometric as trigonometric
from ...numpy.promotion import operand, promote_inexact
from ...numpy.ufuncs_selection import where
from ...ops import elementwise_special as ops
from ...ops.elementwise_rules import constant
from .declare import of_a_x, of_x, real_operands

gammaln = of_x(
    "gammaln", ops.lgamma_p, "The logarithm of |gamma(x)|.",
    "float(special.gammaln(1.0))\n        0.0",
)  # fmt: skip
digamma = of_x(
    "digamma", ops.digamma_p, "The derivative of gammaln(x).",
    "round(float(special.digamma(1.0)), 4)\n        -0.5772",
)  # fmt: skip
gammainc = of_a_x(
    "gammainc", ops.igamma_p, "The lower regularised incomplete gamma function.",
    "round(float(special.gammainc(1.0, 1.0)), 4)\n        0.6321",
)  # fmt: skip
gammaincc = of_a_x(
    "gammaincc", ops.igammac_p, "The upper regularised incomplete gamma function.",
    "round(float(special.gammaincc(1.0, 1.0)), 4)\n        0.3679",
)  # fmt: skip


def betainc(a: Any, b: Any, x: Any) -> Any:
    """The regularised incomplete beta function of real arrays, 0 <= x <= 1.

    >>> from chainrule.scipy import special
    >>> round(float(special.betainc(1.0, 1.0, 0.25)), 4)
    0.25
    """
    return ops.betainc_p(*real_operands("betainc", a, b, x))


def polygamma(n: Any, x: Any) -> Any:
    """The `n`-th derivative of digamma at real `x`; `n` holds nonnegative integers.

    >>> from chainrule.scipy import special
    >>> round(float(special.polygamma(1, 1.0)), 4)
    1.6449
    """
    return ops.polygamma_p(*real_operands("polygamma", n, x))


def zeta(x: Any, q: Any = None) -> Any:
    """The Hurwitz zeta function: the sum over k >= 0 of (q + k)**-x.

    Riemann's zeta function where `q` is None.

    >>> from chainrule.scipy import special
    >>> round(float(special.zeta(2.0, 1.0)), 4)
    1.6449
    """
    return ops.zeta_p(*real_operands("zeta", x, 1 if q is None else q))


# --- gamma ---------------------------------------------------------------------------


def gammasgn(x: Any) -> Any:
    """The sign of gamma(x): 1 for x >= 0, NaN at negative integers, -1 at -0.0.

    >>> from chainrule.scipy import special
    >>> float(special.gammasgn(-0.5))
    -1.0
    """
    (x,) = real_operands("gammasgn", x)
    whole = floating.floor(x)
    pole = ((x < 0) & (x == whole)) | logic.isnan(x)
    odd = (x < 0) & (arithmetic.remainder(whole, 2.0) != 0)
    negative = odd | ((x == 0) & logic.signbit(x))
    one = constant(1, x)
    return where(pole, np.nan, where(negative, -one, one))


_stirling = (
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156,
)  # fmt: skip


def _stirling_rest(x: Any) -> Any:
    """gammaln(x) - ((x - 1/2) log x - x + log(2 pi) / 2), for x >= 10."""
    square = 1 / (x * x)
    total: Any = 0.0
    for c in reversed(_stirling):
        total = total * square + c
    return total / x


def _right_gamma(x: Any) -> Any:
    """gamma(x) for x >= 1/2, from Stirling's formula at t = x + 10, or x if x >= 10.

    What rounding x + 10 cut off enters to first order; t**(t - 1/2) is taken in halves
    around e**-t, so that it overflows no earlier than the product.
    """
    low = x < 10
    t = where(low, x + 10, x)
    cut = where(low, x - (t - 10), 0.0)
    falling = where(low, x, 1.0)
    for k in range(1, 10):
        falling = where(low, falling * (x + k), 1.0)
    half = arithmetic.power(t, 0.5 * t - 0.25)
    tail = exponential.exp(_stirling_rest(t)) * (1 + cut * exponential.log(t))
    return math.sqrt(2 * math.pi) * half * exponential.exp(-t) * half * tail / falling


@custom_jvp
def _gamma(x: Any) -> Any:
    low = x < 0.5
    y = _right_gamma(where(low, 1 - x, x))
    turn = x - 2 * floating.round(0.5 * x)
    reflected = math.pi / (trigonometric.sin(math.pi * turn) * y)
    pole = (x < 0) & (x == floating.floor(x))
    return where(pole, np.nan, where(low, where(x == 0, 1 / x, reflected), y))


@_gamma.defjvp
def _gamma_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    y = _gamma(x)
    return y, x_dot * y * ops.digamma_p(x)


def gamma(x: Any) -> Any:
    """The gamma function of real `x`: (x - 1)! for integers; NaN at negative ones.

    >>> from chainrule.scipy import special
    >>> round(float(special.gamma(5.0)), 4)
    24.0
    """
    return _gamma(*real_operands("gamma", x))


def factorial(n: Any, exact: bool = False) -> Any:
    """n! = gamma(n + 1) in floating point; 0 for negative `n`.

    Raises NotImplementedError for `exact=True`: arrays hold no integers without bound.

    >>> from chainrule.scipy import special
    >>> round(float(special.factorial(4)), 4)
    24.0
    """
    if exact:
        raise NotImplementedError(
            "factorial: exact=True is not supported; use math.factorial on integers."
        )
    (n,) = real_operands("factorial", n)
    return where(n < 0, 0.0, _gamma(where(n < 0, 0.0, n) + 1))


def poch(z: Any, m: Any) -> Any:
    """Pochhammer's symbol gamma(z + m) / gamma(z), by logarithms; for z > 0.

    >>> from chainrule.scipy import special
    >>> round(float(special.poch(2.0, 3.0)), 3)
    24.0
    """
    z, m = real_operands("poch", z, m)
    safe = where(m == 0, 1.0, z)
    ratio = exponential.exp(ops.lgamma_p(safe + m) - ops.lgamma_p(safe))
    sign = gammasgn(safe + m) * gammasgn(safe)
    return where(m == 0, 1.0, sign * ratio)


def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the multivariate gamma function of `a` in dimension `d` (int).

    Raises ValueError unless `d` is an integer.

    >>> from chainrule.scipy import special
    >>> round(float(special.multigammaln(4.0, 1)), 4)
    1.7918
    """
    if int(d) != d:
        raise ValueError(f"multigammaln: the dimension must be an integer; got {d}.")
    d = int(d)
    (a,) = real_operands("multigammaln", a)
    total = 0 * a + 0.25 * d * (d - 1) * math.log(math.pi)
    for k in range(d):
        total = total + ops.lgamma_p(a - 0.5 * k)
    return total


# --- beta ----------------------------------------------------------------------------


def betaln(a: Any, b: Any) -> Any:
    """The logarithm of the beta function of positive reals, exact also for large ones.

    >>> from chainrule.scipy import special
    >>> round(float(special.betaln(2.0, 3.0)), 4)
    -2.4849
    """
    a, b = real_operands("betaln", a, b)
    a, b = arithmetic.minimum(a, b), arithmetic.maximum(a, b)
    large, both = b >= 10, a >= 10
    q = where(large, b, 10.0)
    p = where(both, a, 10.0)
    small = where(both, 1.0, a)
    rest_q = _stirling_rest(q)
    log_sum = exponential.log(small + q)
    one_large = ops.lgamma_p(small) + (
        small - small * log_sum - (q - 0.5) * exponential.log1p(small / q)
        + rest_q - _stirling_rest(small + q)
    )  # fmt: skip
    two_large = (
        0.5 * math.log(2 * math.pi) + _stirling_rest(p) + rest_q
        - _stirling_rest(p + q) - 0.5 * exponential.log(p + q)
        + (p - 0.5) * exponential.log(p / (p + q))
        - (q - 0.5) * exponential.log1p(p / q)
    )  # fmt: skip
    near = where(large, 1.0, b)
    s = where(large, 1.0, a)
    neither = ops.lgamma_p(s) + ops.lgamma_p(near) - ops.lgamma_p(s + near)
    return where(both, two_large, where(large, one_large, neither))


def beta(a: Any, b: Any) -> Any:
    """The beta function gamma(a) gamma(b) / gamma(a + b) of reals.

    >>> from chainrule.scipy import special
    >>> round(float(special.beta(2.0, 3.0)), 4)
    0.0833
    """
    a, b = real_operands("beta", a, b)
    sign = gammasgn(a) * gammasgn(b) * gammasgn(a + b)
    return sign * exponential.exp(betaln(a, b))


def comb(N: Any, k: Any, *, repetition: bool = False) -> Any:
    """The number of ways to choose `k` of `N` things (with repetition, if so asked).

    Real arguments are interpolated by the gamma function; of integers the result is
    rounded. 0 where k > N, N < 0 or k < 0.

    >>> from chainrule.scipy import special
    >>> float(special.comb(5, 2))
    10.0
    """
    exact = all(dtypes.is_integer(operand("comb", v).dtype) for v in (N, k))
    N, k = real_operands("comb", N, k)
    if repetition:
        N = N + k - 1
    possible = (k >= 0) & (k <= N) & (N >= 0)
    n, m = where(possible, N, 1.0), where(possible, k, 1.0)
    ways = exponential.exp(-exponential.log1p(n) - betaln(1 + n - m, 1 + m))
    return where(possible, floating.rint(ways) if exact else ways, 0.0)


# --- series --------------------------------------------------------------------------


def bernoulli(n: int) -> Any:
    """The Bernoulli numbers B_0 to B_n (with B_1 = -1/2) as floats of shape (n + 1,).

    Raises ValueError for negative `n`.

    >>> from chainrule.scipy import special
    >>> [round(float(b), 4) for b in special.bernoulli(2)]
    [1.0, -0.5, 0.1667]
    """
    if n < 0:
        raise ValueError(f"bernoulli: n must not be negative; got {n}.")
    return as_array(np.array([_bernoulli(k) for k in range(n + 1)]))


def _bernoulli(n: int) -> float:
    """By the recurrence in fractions up to n = 30, then by Riemann's zeta function."""
    if n > 30:
        if n % 2:
            return 0.0
        riemann = 1 + 2.0**-n + 3.0**-n
        log_size = math.lgamma(n + 1) - n * math.log(2 * math.pi)
        return (-1) ** (n // 2 + 1) * 2 * riemann * math.exp(log_size)
    row = [Fraction(1)]
    for m in range(1, n + 1):
        total = sum((math.comb(m + 1, k) * b for k, b in enumerate(row)), Fraction(0))
        row.append(-total / (m + 1))
    return float(row[n])


def loggamma(x: Any) -> Any:
    """The principal branch of log gamma: of reals NaN below 0; of complex numbers too.

    >>> from chainrule.scipy import special
    >>> float(special.loggamma(1.0))
    0.0
    """
    (x,) = promote_inexact("loggamma", x)
    if not dtypes.is_complex(x.dtype):
        return where(x < 0, np.nan, ops.lgamma_p(where(x < 0, 1.0, x)))
    return _complex_loggamma(x)


def _complex_loggamma(z: Any) -> Any:
    """Stirling's series after shifting the real part above 10; reflection below 0.

    The shift's logarithms are summed one by one, which keeps to the principal branch.
    """
    left = z.real < 0.5
    w = where(left, 1 - z, z)
    shift = 0 * w
    for k in range(10):
        shift = shift + exponential.log(w + k)
    v = w + 10
    y = (v - 0.5) * exponential.log(v) - v + 0.5 * math.log(2 * math.pi)
    y = y + _stirling_rest(v) - shift
    return where(left, _reflected(z) - y, y)


def _reflected(z: Any) -> Any:
    """log(pi / sin(pi z)) on the branch that loggamma(z) + loggamma(1 - z) has.

    With s = 1 above the real axis and -1 below, sin(pi z) is
    exp(-i s pi (z - 1/2)) (1 - exp(2 i s pi z)) / 2.
    """
    s = where(logic.signbit(z.imag), -1.0, 1.0)
    small = exponential.log1p(-exponential.exp(2j * math.pi * (s * z)))
    return math.log(2 * math.pi) + 1j * math.pi * (s * (z - 0.5)) - small


__all__ = [
    "bernoulli", "beta", "betainc", "betaln", "comb", "digamma", "factorial", "gamma",
    "gammainc", "gammaincc", "gammaln", "gammasgn", "loggamma", "multigammaln", "poch",
    "polygamma", "zeta",
]  # fmt: skip
