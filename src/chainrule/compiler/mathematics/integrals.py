"""Exponential integrals, Dawson's integral and the dilogarithm.

Small arguments by power series, whose terms have one sign where such a series exists;
large ones by asymptotic series or by the continued fraction of Gamma(a, x). Loops run
as long as some lane needs them. f32 is computed in f64 with fewer steps.
"""

from __future__ import annotations

import math
from typing import Any

from ..expr import Expr, apart, const, convert, fma, iterated, rare, select
from .exponential import exp, exp_normal
from .formats import INF, NAN, absolute, choose, for_formats, horner, routines
from .gamma import digamma_positive
from .incomplete_gamma import upper_count, upper_value
from .logarithm import log, log1p
from .powers import is_integer
from .zeta_function import EULER_MACLAURIN

# the root of Ei in two parts
EXPI_ROOT = (
    0.3725074107813666,
    1.3140183414386028e-17,
)
# Ei(x) / (x - root) by t = 4 x - 1.8, 0.2 <= x <= 0.7
EXPI_NEAR_ROOT = (
    3.675905118396413,
    -0.6154360382772877,
    0.2677171172130769,
    -0.1103630466356904,
    0.04947918845233974,
    -0.023008579990596634,
    0.010994976767447661,
    -0.0053593966199953925,
    0.0026524329372094725,
    -0.0013286101368984635,
    0.0006720276713638086,
    -0.0003426757709054066,
    0.0001759251975236378,
    -9.083400003539147e-05,
    4.713521316809033e-05,
    -2.4601881995872195e-05,
    1.2883794948435692e-05,
    -6.655655503058694e-06,
    3.4757542780001247e-06,
    -2.088761787968176e-06,
    1.1592476364404413e-06,
    -1.7569423189750542e-07,
    2.0988710837027864e-08,
    -5.737549088420255e-07,
    3.769489565525322e-07,
    3.236423250594379e-07,
    -2.2202982262013815e-07,
    -2.280701693598554e-07,
    1.4485112223592424e-07,
    7.605264338311813e-08,
    -4.710079868430389e-08,
    -1.5674609460094686e-08,
    9.221348362393868e-09,
)
_EULER = 0.5772156649015329
_NEGLIGIBLE = {True: 200.0, False: 750.0}
"""Where e**-x vanishes in f32, in f64."""


def _exponential_series(x: Expr, single: bool) -> Any:
    """The sum of x^k / (k k!) over k >= 1, for x >= 0."""
    nothing = 2.0**-36 if single else 2.0**-56

    def step(k: Expr, power: Expr, total: Expr) -> Any:
        inverse = 1.0 / k
        new = power * (x * inverse if single else x / k)
        on = (power > total * nothing) & (k < 300.0)
        return on, (k + 1.0, new, total + (new * inverse if single else new / k))

    one = const(1.0, "f64")
    return (one, one, one - 1.0), step, lambda k, power, total: total


_growing = routines(iterated, _exponential_series)


# --- E_1 and Ei ----------------------------------------------------------------------


def _exp1_series(single: bool) -> tuple[float, ...]:
    """Of (-x)^(k - 1) / (k k!), k >= 1."""
    return tuple(
        (-1.0) ** (k - 1) / (k * math.factorial(k))
        for k in range(1, 13 if single else 20)
    )


def _exp1_right(x: Expr, single: bool) -> Expr:
    """E_1 for x > 0."""
    small = x <= 1.0
    near = fma(x, horner(select(small, x, 1.0), _exp1_series(single)), -_EULER) - log(x)
    at = select(small | (x > _NEGLIGIBLE[single]), 1.0, x)
    count = upper_count(at, at > 1.0, single)
    far = exp_normal(-at) if single else exp(-at)
    far = far * iterated(upper_value, at * 0.0, at, count)
    far = select(x > _NEGLIGIBLE[single], 0.0, far)
    return select(small, near, far)


@for_formats
def exp1(x: Expr) -> Expr:
    """The integral of e**-t / t over [x, inf); infinite at 0, NaN below."""
    single = x.type == "f32"
    x = convert(x, "f64")
    inside = x > 0.0
    y = _exp1_right(select(inside, x, 2.0), single)
    y = select(inside, y, choose(x.eq(0.0), INF, NAN, x))
    return convert(y, "f32") if single else y


_FAR = {True: 26.0, False: 40.0}
"""From here on the asymptotic series of Ei, cut at the smallest term, has all digits."""


def _asymptotic(x: Expr, single: bool) -> Any:
    """The sum of k! / x^k."""
    inverse = 1.0 / x
    step = lambda k, total: (k >= 1.0, (k - 1.0, fma(total * inverse, k, 1.0)))
    start = const(_FAR[single], "f64"), const(1.0, "f64")
    return start, step, lambda k, total: total


_asymptotic_sum = routines(iterated, _asymptotic)


def _expi_far(x: Expr, single: bool) -> Expr:
    """Ei for large x; e**x alone may overflow."""
    bounded = select(x < 720.0, x, 720.0)
    half = exp_normal(bounded * 0.5)
    y = half * (_asymptotic_sum(bounded, single) / bounded) * half
    return select(x > 720.0, INF, y)


_far = routines(apart, _expi_far)
_left = routines(apart, _exp1_right)


@for_formats
def expi(x: Expr) -> Expr:
    """The integral of e**t / t over (-inf, x], its principal value."""
    single = x.type == "f32"
    x = convert(x, "f64")
    large = x >= _FAR[single]
    usual = (x > 0.0) & ~large
    at = select(usual, x, 1.0)
    y = _growing(at, single) + (log(at) + _EULER)
    if not single:
        near = ((x - EXPI_ROOT[0]) - EXPI_ROOT[1]) * horner(
            x * 4.0 - 1.8, EXPI_NEAR_ROOT
        )
        y = select((x > 0.2) & (x < 0.7), near, y)
    y = rare(large, _far(select(large, x, 40.0), single), y)
    y = rare(x < 0.0, -_left(select(x < 0.0, -x, 2.0), single), y)
    y = select(x.eq(0.0), -INF, select(x.ne(x), NAN, y))
    return convert(y, "f32") if single else y


# --- E_n -----------------------------------------------------------------------------


def _expn_series(n: Expr, x: Expr, single: bool) -> Any:
    """E_n(x) for an integer n >= 1 and 0 < x <= 1 (DLMF 8.19.8), but for the term with the
    logarithm, which `log_term` multiplies."""
    log_term = digamma_positive(n, single)[0] - log(x)

    def step(m: Expr, power: Expr, total: Expr) -> Any:
        special = (m + 1.0).eq(n)
        divisor = (m + 1.0) - n
        ratio = select(special, -log_term, 1.0 / select(special, 1.0, divisor))
        new = power * (x * (-1.0 / (m + 1.0)))
        return m <= (14.0 if single else 24.0), (m + 1.0, new, total - power * ratio)

    zero = const(0.0, "f64")
    return (zero, zero + 1.0, zero), step, lambda m, power, total: total


_expn_near = routines(iterated, _expn_series)


@for_formats
def expn(n: Expr, x: Expr) -> Expr:
    """The integral of e**-(x t) / t**n over [1, inf), for whole n >= 0."""
    single = n.type == "f32"
    n, x = convert(n, "f64"), convert(x, "f64")
    inside = (
        (n >= 1.0) & is_integer(n) & (n < INF) & (x > 0.0) & (x <= _NEGLIGIBLE[single])
    )
    small = inside & (x <= 1.0)
    near = _expn_near(select(small, n, 1.0), select(small, x, 1.0), single)
    large = inside & (x > 1.0)
    at, order = select(large, x, 2.0), select(large, n, 1.0)
    fall = exp_normal(-at) if single else exp(-at)
    far = fall * iterated(upper_value, 1.0 - order, at, upper_count(at, large, single))
    y = select(small, near, far)
    y = select(n.eq(0.0) & (x <= _NEGLIGIBLE[single]), exp(-x) / x, y)
    y = select((x > _NEGLIGIBLE[single]) | n.eq(INF), 0.0, y)
    y = select(x.eq(0.0), choose(n > 1.0, 1.0 / (n - 1.0), INF, x), y)
    y = select((n >= 0.0) & is_integer(n) & (x >= 0.0), y, NAN)
    return convert(y, "f32") if single else y


# --- Dawson's integral ---------------------------------------------------------------


def _dawsn_series(square: Expr, single: bool) -> Any:
    """The sum of x^2k / (k! (2 k + 1))."""
    nothing = 2.0**-36 if single else 2.0**-56

    def step(k: Expr, power: Expr, total: Expr) -> Any:
        new = power * (square * (1.0 / k) if single else square / k)
        on = (power > total * nothing) & (k < 300.0)
        return on, (k + 1.0, new, fma(new, 1.0 / (k * 2.0 + 1.0), total))

    one = const(1.0, "f64")
    return (one, one, one), step, lambda k, power, total: total


_dawsn_near = routines(iterated, _dawsn_series)


def _dawsn_far(square: Expr) -> Any:
    """The sum of (2 k - 1)!! / (2 x^2)^k, whose smallest term is e**-x^2."""
    half = 0.5 / square
    step = lambda odd, total: (odd > 0.0, (odd - 2.0, fma(total * half, odd, 1.0)))
    return (const(61.0, "f64"), const(1.0, "f64")), step, lambda odd, total: total


def _dawsn_tail(x: Expr) -> Expr:
    return iterated(_dawsn_far, x * x) * 0.5 / x


@for_formats
def dawsn(x: Expr) -> Expr:
    """e**-x^2 times the integral of e**t^2 over [0, x]."""
    single = x.type == "f32"
    x = convert(x, "f64")
    large = ~(absolute(x) < (5.0 if single else 6.5))
    at = select(large, 0.5, x)
    square = at * at
    rest = fma(at, at, -square)
    y = at * (_dawsn_near(square, single) * exp_normal(-square) * (1.0 - rest))
    y = rare(large, apart(_dawsn_tail, select(large, x, 7.0)), y)
    return convert(y, "f32") if single else y


# --- the dilogarithm -----------------------------------------------------------------

_RATE = tuple(c / (2 * k + 1) for k, c in enumerate(EULER_MACLAURIN[:10], 1))
_SIXTH = math.pi**2 / 6


def _of_rate(u: Expr) -> Expr:
    """Li_2(1 - e^-u), |u| <= log 2: the integral of u / (e^u - 1)."""
    square = u * u
    return u - square * 0.25 + u * (square * horner(square, _RATE))


@for_formats
def spence(x: Expr) -> Expr:
    """Li_2(1 - x), the integral of log(t) / (1 - t) over [1, x]."""
    single = x.type == "f32"
    x = convert(x, "f64")
    low, high = x < 0.5, x > 2.0
    beyond = x - 1.0
    reflected = log1p(select(low, -x, 1.0 / select(high, beyond, 2.0)))
    whole = log(select(high, beyond, x))
    rate = _of_rate(0.0 - select(low | high, reflected, whole))  # +0 at 1
    y = select(low, _SIXTH - whole * reflected - rate, rate)
    y = select(high, -_SIXTH - whole * whole * 0.5 - rate, y)
    y = select(x.eq(0.0), _SIXTH, select((x >= 0.0) & (x < INF), y, NAN))
    return convert(y, "f32") if single else y
