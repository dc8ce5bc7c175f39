"""The Hurwitz zeta function and polygamma.

Terms are summed until Euler's and Maclaurin's series gives the rest (NIST Digital
Library of Mathematical Functions, 25.11.28), or until they vanish; q**-s stands before
the sum, whose terms (1 + k / q)**-s err no more for large s. polygamma is 25.11.12. f32
is computed in f64 with fewer terms.
"""

from __future__ import annotations

import math
from typing import Any

from ..expr import (
    Expr,
    apart,
    const,
    convert,
    fma,
    iterated,
    minimum,
    rare,
    select,
    unary,
)
from .exponential import exp2_short, exp2_wide_short, exp_normal, exp_of_pair
from .formats import (
    INF,
    NAN,
    absolute,
    clamp,
    for_formats,
    pair_times,
    routines,
    square_root,
    two_product,
    two_sum,
)
from .gamma import digamma
from .incomplete_gamma import log_pair, stirling_rest
from .logarithm import log2_1p_short, log2_short, log_1p_normal
from .powers import is_integer, pow

# B_2j / (2j)!
EULER_MACLAURIN = (
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.50900282836023e-18,
    -1.3953464685812522e-19,
    3.5347070396294675e-21,
    -8.953517427037546e-23,
)
_SHORT = 8
_HUGE = 2.0**1000
_LAST_FACTORIAL = 170.0


def _start(s: Expr, single: bool) -> Expr:
    """From here on the series leaves 2**-34, or 2**-58, of the sum."""
    return s * (1 / 1.2) + (3.0 if single else 7.0)


def _rest(s: Expr, a: Expr, single: bool) -> Expr:
    """The sum of (1 + k / a)**-s over k >= 0."""
    inverse = 1.0 / a
    total = a / (s - 1.0) + 0.5
    factor = s * inverse
    for j, c in enumerate(EULER_MACLAURIN[: _SHORT if single else None], 1):
        total = total + factor * c
        odd, even = (s + (2 * j - 1)) * inverse, (s + 2 * j) * inverse
        factor = factor * (odd * even)
    return total


def _zeta_sum(s: Expr, q: Expr, single: bool) -> Any:
    """Carries the number of a term, q + k, the term, and the sum of those before. A step
    adds two, which do not wait for each other."""
    start, inverse = _start(s, single), 1.0 / q
    nothing = 2.0**-40 if single else 2.0**-60

    def term(k: Expr) -> Expr:
        ratio = minimum(k * inverse, _HUGE)
        if single:
            return exp2_short(-s * log2_1p_short(ratio))
        exponent = -s * log_1p_normal(ratio)
        return exp_normal(select(exponent < -700.0, -700.0, exponent))

    def step(k: Expr, a: Expr, last: Expr, total: Expr) -> Any:
        on = (a < start) & (last >= total * nothing)
        two = last + term(k + 1.0)
        return on, (k + 2.0, q + (k + 2.0), term(k + 2.0), total + two)

    def result(k: Expr, a: Expr, last: Expr, total: Expr) -> Expr:
        rest = select(a >= start, _rest(s, a, single), 0.0)
        return total + select(last > 0.0, last * rest, 0.0)

    zero, one = const(0.0, "f64"), const(1.0, "f64")
    return (zero, q, one, zero), step, result


_terms = routines(iterated, _zeta_sum)


def _scaled(s: Expr, q: Expr, single: bool) -> Expr:
    """q**s zeta(s, q) for q > 0 and s > 1; anything elsewhere, where sums need not end."""
    s, q = select(s > 1.0, minimum(s, _HUGE), 2.0), select(q > 0.0, q, 1.0)
    return _terms(s, q, single)


def _power(x: Expr, y: Expr, single: bool) -> Expr:
    """x**y for x > 0."""
    return exp2_wide_short(y * log2_short(x)) if single else pow(x, y)


def _zeta_right(s: Expr, q: Expr, single: bool) -> Expr:
    """zeta(s, q) for q > 0."""
    bounded = select(s > _HUGE, _HUGE, s)
    y = _power(q, -bounded, single) * _scaled(s, q, single)
    return select(q.eq(INF), 0.0, y)


def _zeta_long(s: Expr, q: Expr) -> Expr:
    return _zeta_right(s, q, False)


def _is_even(n: Expr) -> Expr:
    return is_integer(n * 0.5)


def _zeta_left(s: Expr, q: Expr) -> Expr:
    """zeta(s, q) for an integer s and q < 0 that is none. The terms of a negative base
    are those of a series on the other side, and cancel: so all digits are computed."""
    beyond = -q - unary("floor", -q)
    far = apart(_zeta_long, s, beyond) - apart(_zeta_long, s, 1.0 - q)
    other = select(q > -1.0, pow(-q, -s), far)
    other = select(_is_even(s), other, -other)
    base = select(q > -1.0, q + 1.0, 1.0 - beyond)
    return apart(_zeta_long, s, base) + other


def _zeta_unusual(s: Expr, q: Expr) -> Expr:
    """zeta left of 0, and where a limit decides."""
    left = select(is_integer(s) & (s < INF), _zeta_left(s, q), NAN)
    y = select(q > 0.0, apart(_zeta_long, s, q), left)
    pole = (q <= 0.0) & is_integer(q)
    y = select(pole | s.eq(1.0), INF, y)
    return select((s < 1.0) | s.ne(s) | q.ne(q), NAN, y)


@for_formats
def zeta(s: Expr, q: Expr) -> Expr:
    """The sum of (q + k)**-s over k >= 0; infinite at s = 1, NaN below."""
    single = s.type == "f32"
    s, q = convert(s, "f64"), convert(q, "f64")
    usual = (s > 1.0) & (q > 0.0)
    y = rare(~usual, apart(_zeta_unusual, s, q), _zeta_right(s, q, single))
    return convert(y, "f32") if single else y


# --- polygamma -----------------------------------------------------------------------


def _factorial_sum(n: Expr, single: bool) -> Any:
    """n! up to 170!, more beyond; in f64 with what the roundings lost."""

    def step(k: Expr, product: Expr, *lost: Expr) -> Any:
        on = (k <= n) & (k <= _LAST_FACTORIAL + 1)
        new, error = two_product(product, k)
        return on, (k + 1.0, new, *[fma(x, k, error) for x in lost])

    def result(k: Expr, product: Expr, *lost: Expr) -> Expr:
        return select(product < INF, product + lost[0], INF) if lost else product

    one = const(1.0, "f64")
    return (one, one) if single else (one, one, one - 1.0), step, result


_factorial = routines(iterated, _factorial_sum)


def _factorial_over_power(n: Expr, x: Expr) -> Expr:
    """n! x**-(n + 1) for large n, by Stirling's series: the logarithm of (n / x)**n e**-n
    in two parts, in halves that do not overflow first."""
    ratio = minimum(n / x, 1e300)
    high, low = pair_times(log_pair(ratio), n)
    high, error = two_sum(high, -n)
    low = low + error + fma(-ratio, x, n) + stirling_rest(n, False)
    beyond = absolute(high) > 3000.0
    high, low = clamp(high, -3000.0, 3000.0), select(beyond, 0.0, low)
    half = exp_of_pair((high * 0.5, low * 0.5))
    return half * (square_root(n * (2 * math.pi)) / x) * half


def _polygamma_unusual(n: Expr, x: Expr) -> Expr:
    """|polygamma| where x is not a positive number, or n! too large."""
    s = n + 1.0
    left = _factorial(n, False) * apart(_zeta_unusual, s, x)
    far = _factorial_over_power(select(n > 100.0, n, 100.0), x) * _scaled(s, x, False)
    y = select((x > 0.0) & (x < INF), far, left)
    return select((n > 0.0) & (n < INF) & is_integer(n), y, NAN)


@for_formats
def polygamma(n: Expr, x: Expr) -> Expr:
    """The n-th derivative of digamma at x; NaN where n is no integer or negative."""
    single = n.type == "f32"
    order, at = convert(n, "f64"), convert(x, "f64")
    s = order + 1.0
    root = _power(at, s * -0.5, single)
    y = (_factorial(order, single) * root * root) * _scaled(s, at, single)
    usual = (order > 0.0) & (order <= _LAST_FACTORIAL) & is_integer(order)
    usual = usual & (at > 0.0) & (at < INF)
    y = rare(~usual, apart(_polygamma_unusual, order, at), y)
    y = select(_is_even(order), -y, y)
    y = convert(y, "f32") if single else y
    return rare(n.eq(0.0), apart(digamma, x), y)
