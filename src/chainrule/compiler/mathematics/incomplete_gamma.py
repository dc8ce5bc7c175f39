"""The regularised incomplete gamma functions P and Q = 1 - P, and derivatives in a.

Four expansions; each gives the function as its weight x**a e**-x / Gamma(a + 1) times a
moderate factor, where its terms have one sign or nearly so:
* P by powers of x (NIST Digital Library of Mathematical Functions, 8.11.4), for
  x < max(a, 1.1);
* Q by its continued fraction (8.9.2) for larger x;
* Q for a < 1, x < max(a, 0.8) by the series of P - 1 about a = 0 (DiDonato and Morris,
  ACM TOMS 12, 1986, eq. 15 f.);
* both for a >= 20 and x near a by Temme's uniform expansion (8.12), with coefficients
  by the backward recurrence of Gil, Segura and Temme (SIAM J. Sci. Comput. 34, 2012).
Series and fractions are ratios p / q, from the inside out: no step divides, and lanes
have as many steps as they need. Their derivatives in a are carried beside them. f32 is
computed in f64 with fewer steps.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..expr import (
    Expr,
    apart,
    const,
    convert,
    fma,
    iterated,
    maximum,
    minimum,
    rare,
    select,
    unary,
)
from .error_function import erfcx, erfcx_short
from .exponential import (
    LOG2_E,
    exp2_wide_short,
    exp_normal,
    exp_of_pair,
    exp_short,
    expm1,
)
from .formats import (
    F64,
    INF,
    LN2_F64,
    NAN,
    Pair,
    absolute,
    choose,
    copysign,
    for_formats,
    horner,
    pair_times,
    routines,
    square_root,
    two_product,
    two_sum,
)
from .gamma import (
    LGAMMA_ONE,
    LGAMMA_TWO,
    STIRLING,
    STIRLING_SHORT,
    digamma_positive,
)
from .logarithm import log, log1p, log_1p_tail, log_normal, log_pair_normal

# 1 / Gamma(2 + d), |d| <= 0.5: error relative 2^-61.97
RECIPROCAL_GAMMA = (
    1.0,
    -0.42278433509846713,
    -0.23309373642178674,
    0.19109110138769078,
    -0.024552490005399958,
    -0.0176452445501135,
    0.008023273022263099,
    -0.0008043297761778539,
    -0.00036083781615226424,
    0.00014559614749752052,
    -1.7545860974972776e-05,
    -2.589020510864049e-06,
    1.33850921592341e-06,
    -2.0542138053707728e-07,
    -1.8421361562415255e-10,
    6.269689163199477e-09,
    -1.2384167841593854e-09,
)

# 1 / Gamma(2 + d), |d| <= 0.5: error relative 2^-34.81
RECIPROCAL_GAMMA_SHORT = (
    0.9999999999681685,
    -0.42278433527065007,
    -0.23309373004737338,
    0.1910911112711444,
    -0.02455269447185891,
    -0.01764540441536164,
    0.008025573836225243,
    -0.000803287153852701,
    -0.00037146423313924424,
    0.00014273184477044058,
)
# powers of eta in eta / mu, where eta^2 / 2 = mu - log(1 + mu)
TEMME = (
    1.0,
    -0.3333333333333333,
    0.08333333333333333,
    -0.014814814814814815,
    0.0011574074074074073,
    0.0003527336860670194,
    -0.0001787551440329218,
    3.919263178522438e-05,
    -2.185448510679992e-06,
    -1.85406221071516e-06,
    8.296711340953087e-07,
    -1.7665952736826078e-07,
    6.707853543401498e-09,
    1.0261809784240309e-08,
    -4.382036018453353e-09,
    9.14769958223679e-10,
    -2.5514193994946248e-11,
    -5.830772132550426e-11,
    2.4361948020667415e-11,
    -5.0276692801141755e-12,
    1.1004392031956135e-13,
    3.371763262400985e-13,
    -1.392388722418162e-13,
    2.8534893807047445e-14,
    -5.139111834242572e-16,
    -1.9752288294349442e-15,
    8.099521156704561e-16,
    -1.6522531216398162e-16,
)
_TEMME_SHORT = 16
_TWO_PI = 2 * math.pi
_DIRECT = 6.5
"""Below, the weight has Gamma itself; above, Stirling's series."""
_LARGE = 4800.0
"""Powers that large leave fewer digits of the weight than its exponent does."""


# --- the weight ----------------------------------------------------------------------


def reciprocal_gamma(a: Expr, single: bool) -> Expr:
    """1 / Gamma(1 + a) for 0 <= a < 6.5."""
    small = a < 0.5
    y, product = a, const(1.0, "f64")
    for _ in range(5):
        above = y >= 1.5
        product = select(above, product * y, product)
        y = select(above, y - 1.0, y)
    table = RECIPROCAL_GAMMA_SHORT if single else RECIPROCAL_GAMMA
    value = horner(select(small, a, y - 1.0), table)
    return value * select(small, a + 1.0, 1.0) / product


def stirling_rest(a: Expr, single: bool) -> Expr:
    """log(Gamma(a) / (sqrt(2 pi / a) (a / e)^a)) for a >= 6.5."""
    inverse = 1.0 / a
    return horner(inverse * inverse, STIRLING_SHORT if single else STIRLING) * inverse


def log_excess(mu: Expr) -> Expr:
    """mu - log(1 + mu), relative to its own size, in f64."""
    near = (mu > -0.29) & (mu < 0.41)
    tail = -log_1p_tail(select(near, mu, 0.0))
    return rare(~near, mu - log1p(mu), tail)


# 2 / (2 k + 3), of 2 artanh(s) - 2 s
_ARTANH = tuple(2 / (2 * k + 3) for k in range(12))


def excess_pair(a: Expr, d: Pair) -> Pair:
    """a (mu - log(1 + mu)), mu = d / a, as d^2 / (2 a + d) less a series: where mu is small
    its error is less than that of mu times the whole. Beyond |mu| = 0.3 or so, or where the
    square overflows, it is `log_excess`."""
    mu = d[0] / a
    near = (mu > -0.29) & (mu < 0.41) & (absolute(d[0]) < 1e150)
    total, lost = two_sum(2.0 * a, d[0])
    square, rest = two_product(d[0], d[0])
    high = square / total
    rest = rest + 2.0 * d[0] * d[1] - high * (lost + d[1])
    low = (fma(-high, total, square) + rest) / total
    s = select(near, d[0] / total, 0.0)
    low = low - a * (s * s * s) * horner(s * s, _ARTANH)
    whole = a * log_excess(mu)
    return rare(~near, whole, high), select(near, low, 0.0)


def log_pair(x: Expr) -> Pair:
    """The logarithm of a positive f64 to some 66 bits; subnormal numbers included."""
    tiny = x < F64.smallest_normal
    high, low = log_pair_normal(select(tiny, x * 2.0**64, x))
    high, lost = two_sum(high, choose(tiny, -64 * LN2_F64[0], 0.0, x))
    return high, low + (lost + choose(tiny, -64 * LN2_F64[1], 0.0, x))


def _weight(a: Expr, x: Expr, single: bool) -> Expr:
    """x**a e**-x / Gamma(a + 1) for positive a and x."""
    direct = a < _DIRECT
    scale = select(direct, 1.0, a)
    ratio = x / scale
    correction = fma(-ratio, scale, x) / x * a
    rest = select(direct, 0.0, stirling_rest(maximum(a, _DIRECT), single))
    difference, lost = two_sum(select(direct, 0.0, a), -x)
    if single:
        power = a * log_normal(ratio)
        large = absolute(power) > _LARGE
        exponent = power + difference + (correction + lost)
        saddle = -a * log_excess((x - a) / a)
        exponent = rare(large, saddle, exponent) - rest
        power = exp2_wide_short(exponent * LOG2_E)
    else:
        high, low = pair_times(log_pair(ratio), a)
        large = absolute(high) > _LARGE
        high, error = two_sum(high, difference)
        low = low + (error + lost + correction)
        saddle, saddle_low = excess_pair(a, (x - a, a * 0.0))
        high, low = rare(large, -saddle, high), rare(large, -saddle_low, low)
        high, error = two_sum(high, -rest)
        power = exp_of_pair((high, low + error))
    gamma = reciprocal_gamma(select(direct, a, 1.0), single)
    return power * select(direct, gamma, 1.0 / square_root(_TWO_PI * a))


# --- the expansions ------------------------------------------------------------------


class Steps(NamedTuple):
    """How many steps an expansion takes: `slope * x + first` of x or 1 / x."""

    slope: float
    first: float
    most: float


_LOWER = {True: Steps(1.6, 12, 35), False: Steps(2.0, 19, 50)}
_UPPER = {True: Steps(30, 13, 60), False: Steps(130, 14, 180)}


def _count(x: Expr, steps: Steps, wanted: Expr) -> Expr:
    """The whole number of steps, 0 where the expansion is not wanted."""
    count = unary("floor", minimum(fma(x, steps.slope, steps.first), steps.most))
    return select(wanted, count, 0.0)


def _lower_ratio(a: Expr, x: Expr, count: Expr, slope: bool) -> Any:
    """The sum of x^n / ((a + 1) ... (a + n)), or its derivative in a."""
    inverse = 1.0 / maximum(a, 1.0)
    factor = x * inverse

    def step(k: Expr, p: Expr, q: Expr, *slopes: Expr) -> Any:
        shifted = (a + k) * inverse
        below = shifted * q
        new = (k - 1.0, fma(factor, p, below), below)
        if slopes:
            p_dot, q_dot = slopes
            below_dot = fma(shifted, q_dot, q * inverse)
            new = (*new, fma(factor, p_dot, below_dot), below_dot)
        return k >= 1.0, new

    def result(k: Expr, p: Expr, q: Expr, *slopes: Expr) -> Expr:
        if not slopes:
            return p / q
        return (slopes[0] - p / q * slopes[1]) / q

    one = const(1.0, "f64")
    start = (one - 1.0,) * 2 if slope else ()
    return (count, one, one, *start), step, result


def _lower_value(a: Expr, x: Expr, count: Expr) -> Any:
    return _lower_ratio(a, x, count, False)


def _lower_slope(a: Expr, x: Expr, count: Expr) -> Any:
    return _lower_ratio(a, x, count, True)


def _upper_ratio(a: Expr, x: Expr, count: Expr, slope: bool) -> Any:
    """Gamma(a, x) e^x / x^a, by the fraction 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - ...)),
    or its derivative in a; all is scaled by x + 16, or more for a < 0, so that nothing
    overflows."""
    inverse = 1.0 / (x + 16.0 - minimum(a, 0.0))
    square = inverse * inverse

    def step(k: Expr, p: Expr, q: Expr, *slopes: Expr) -> Any:
        whole = (x + (k * 2.0 - 1.0) - a) * inverse
        product = k * square
        below = product * (k - a)
        new = (k - 1.0, fma(whole, p, -(below * q)), p)
        if slopes:
            p_dot, q_dot = slopes
            rest = fma(product, q, -(below * q_dot)) - inverse * p
            new = (*new, fma(whole, p_dot, rest), p_dot)
        return k >= 1.0, new

    def result(k: Expr, p: Expr, q: Expr, *slopes: Expr) -> Expr:
        value = inverse * q / p
        if not slopes:
            return value
        return (inverse * slopes[1] - value * slopes[0]) / p

    one = const(1.0, "f64")
    start = (-inverse, one - 1.0) if slope else ()
    first = (x + (count * 2.0 + 1.0) - a) * inverse
    return (count, first, one, *start), step, result


def upper_value(a: Expr, x: Expr, count: Expr) -> Any:
    """The continued fraction of the upper function, after so many steps."""
    return _upper_ratio(a, x, count, False)


def _upper_slope(a: Expr, x: Expr, count: Expr) -> Any:
    return _upper_ratio(a, x, count, True)


def upper_count(x: Expr, wanted: Expr, single: bool) -> Expr:
    """How many steps the fraction takes at x > 1, with a fifth to spare."""
    return _count(1.0 / x, _UPPER[single], wanted)


def _near_zero_sum(a: Expr, x: Expr) -> Any:
    """The sum of (-x)^n / (n! (a + n)) over n >= 1."""

    def step(n: Expr, power: Expr, total: Expr) -> Any:
        power = power * (x * (-1.0 / n))
        return n <= 20.0, (n + 1.0, power, total + power / (a + n))

    one = const(1.0, "f64")
    return (one, one, one - 1.0), step, lambda n, power, total: total


def log_gamma_1p(a: Expr) -> Expr:
    """log Gamma(1 + a) for 0 <= a <= 1, relative to its own size."""
    low = a <= 0.5
    below, above = select(low, a, 0.5), select(low, 0.0, a - 1.0)
    one, two = below * horner(below, LGAMMA_ONE), above * horner(above, LGAMMA_TWO)
    return select(low, one, two)


def _upper_near_zero(a: Expr, x: Expr) -> Expr:
    """Q for a < 1 and x < 1: with e^l = x^a / Gamma(1 + a), it is 1 - e^l less e^l
    times what Gamma(1 + a) P / x^a is more than 1."""
    exponent = a * log(x) - log_gamma_1p(a)
    growth = expm1(exponent)
    return -growth - (growth + 1.0) * a * iterated(_near_zero_sum, a, x)


# --- Temme's expansion ---------------------------------------------------------------


def _eta(mu: Expr) -> Expr:
    return copysign(square_root(2.0 * log_excess(mu)), mu)


def _temme_sum(a: Expr, eta: Expr, terms: int) -> Expr:
    """S(eta) of Q = erfc(eta sqrt(a / 2)) / 2 + e^(-a eta^2 / 2) S / sqrt(2 pi a)."""
    inverse = 1.0 / a
    beta: list[Any] = [0.0] * terms
    for n in range(terms - 1, 0, -1):
        later = beta[n + 1] if n + 1 < terms else 0.0
        beta[n - 1] = fma(inverse * (n + 1.0), later, TEMME[n])
    total = beta[terms - 2]
    for b in reversed(beta[: terms - 2]):
        total = fma(total, eta, b)
    return total / (1.0 + beta[1] * inverse)


def _temme_small(a: Expr, x: Expr, weight: Expr, single: bool) -> Expr:
    """The smaller of P and Q or so: P where x < a."""
    eta = _eta((x - a) / a)
    size = select(eta < 0.0, -eta, eta)
    argument = size * square_root(a * 0.5)
    tail = erfcx_short(argument) if single else erfcx(argument)
    total = _temme_sum(a, eta, _TEMME_SHORT if single else len(TEMME))
    total = select(x < a, total, -total)
    rest = stirling_rest(a, single)
    factor = exp_short(rest) if single else exp_normal(rest)
    scaled = square_root(_TWO_PI * a) * 0.5 * tail - total
    return weight * scaled * factor


_temme = routines(apart, _temme_small)


# --- P and Q -------------------------------------------------------------------------


class Place(NamedTuple):
    """A point with finite positive a and x, and which expansion it is for."""

    a: Expr
    x: Expr
    inside: Expr
    transition: Expr
    below: Expr


def _place(a: Expr, x: Expr, least: float) -> Place:
    inside = (a > 0.0) & (x > 0.0) & (a < INF) & (x < INF)
    a, x = select(inside, a, 1.0), select(inside, x, 1.0)
    transition = (a >= 20.0) & (x > a * 0.4) & (x < a * 2.0)
    return Place(a, x, inside, transition, x < maximum(a, least))


def _limit(a: Expr, x: Expr, none: float, all: float) -> Expr:
    """The value where a or x is 0, infinite, negative or missing."""
    undefined = ~((a >= 0.0) & (x >= 0.0)) | (a.eq(x))
    return select(undefined, NAN, choose(x.eq(0.0) | a.eq(INF), none, all, a))


def _counts(p: Place, single: bool) -> tuple[Expr, Expr]:
    lower = _count(p.x, _LOWER[single], p.below & ~p.transition)
    upper = upper_count(p.x, ~p.below & ~p.transition, single)
    return lower, upper


def _incomplete(a: Expr, x: Expr, upper: bool) -> Expr:
    single = a.type == "f32"
    wide_a, wide_x = convert(a, "f64"), convert(x, "f64")
    p = _place(wide_a, wide_x, 0.8 if upper else 1.1)
    lower_count, upper_count = _counts(p, single)
    weight = _weight(p.a, p.x, single)
    low = minimum(weight * iterated(_lower_value, p.a, p.x, lower_count), 1.0)
    high = weight * p.a * iterated(upper_value, p.a, p.x, upper_count)
    small = select(p.below, low, high)
    small = rare(p.transition, _temme(p.a, p.x, weight, single), small)
    wanted = select(p.transition, p.x < p.a, p.below)
    y = select(~wanted if upper else wanted, small, 1.0 - small)
    if upper:
        near = (p.a < 1.0) & p.below
        y = rare(near, apart(_upper_near_zero, p.a, p.x), y)
    limits = (1.0, 0.0) if upper else (0.0, 1.0)
    y = select(p.inside, y, _limit(wide_a, wide_x, *limits))
    return convert(y, "f32") if single else y


@for_formats
def igamma(a: Expr, x: Expr) -> Expr:
    """P(a, x): the integral of t**(a - 1) e**-t over [0, x], divided by Gamma(a)."""
    return _incomplete(a, x, False)


@for_formats
def igammac(a: Expr, x: Expr) -> Expr:
    """Q(a, x) = 1 - P(a, x), without cancellation."""
    return _incomplete(a, x, True)


# --- derivatives in a ----------------------------------------------------------------


def _temme_slope(a: Expr, x: Expr) -> Expr:
    """The slope's ratio near x = a, with the slopes of all that makes Temme's sum."""
    mu = (x - a) / a
    eta, inverse = _eta(mu), 1.0 / a
    quotient = select(mu.eq(0.0), 1.0, mu / select(mu.eq(0.0), 1.0, eta))
    eta_dot = -quotient * inverse
    zero = const(0.0, "f64")
    terms = len(TEMME)
    beta: list[Pair] = [(zero, zero)] * (terms + 1)
    for n in range(terms - 1, 0, -1):
        value, slope = beta[n + 1]
        factor = inverse * (n + 1.0)
        made = fma(factor, value, TEMME[n]), factor * (slope - value * inverse)
        beta[n - 1] = made
    total, total_dot = beta[terms - 2]
    for value, slope in reversed(beta[: terms - 2]):
        total_dot = fma(total_dot, eta, fma(total, eta_dot, slope))
        total = fma(total, eta, value)
    value, slope = beta[1]
    scale = 1.0 + value * inverse
    total = total / scale
    total_dot = (total_dot - total * ((slope - value * inverse) * inverse)) / scale
    rest = total_dot - total * (0.5 * inverse) + log1p(mu) * total
    ratio = quotient - eta * 0.5 + rest
    return ratio * exp_normal(stirling_rest(a, False)) * x * inverse


def _slope_ratio(p: Place, single: bool) -> Expr:
    """(dQ / da) / (dP / dx), which has no factor that underflows."""
    lower_count, upper_count = _counts(p, single)
    log_x = log(p.x)
    whole, shifted = digamma_positive(p.a, single)
    above = select(p.a < 1.0, shifted, whole + 1.0 / p.a)
    lower, upper = (p.a, p.x, lower_count), (p.a, p.x, upper_count)
    low = fma(
        iterated(_lower_value, *lower), log_x - above, iterated(_lower_slope, *lower)
    )
    high = fma(
        iterated(upper_value, *upper), log_x - whole, iterated(_upper_slope, *upper)
    )
    ratio = select(p.below, -(p.x / p.a) * low, p.x * high)
    return rare(p.transition, apart(_temme_slope, p.a, p.x), ratio)


def _slope_limit(a: Expr, x: Expr) -> Expr:
    undefined = ~((a > 0.0) & (x >= 0.0)) | (a.eq(INF) & x.eq(INF))
    return choose(undefined, NAN, 0.0, a)


@for_formats
def igamma_grad_a(a: Expr, x: Expr) -> Expr:
    """The derivative of P(a, x) in a."""
    single = a.type == "f32"
    wide_a, wide_x = convert(a, "f64"), convert(x, "f64")
    p = _place(wide_a, wide_x, 0.8)
    weight = _weight(p.a, p.x, single)
    y = -_slope_ratio(p, single) * weight * (p.a / p.x)
    y = select(p.inside, y, _slope_limit(wide_a, wide_x))
    return convert(y, "f32") if single else y


@for_formats
def random_gamma_grad(a: Expr, x: Expr) -> Expr:
    """The derivative in a of a gamma variate x at fixed P(a, x)."""
    single = a.type == "f32"
    wide_a, wide_x = convert(a, "f64"), convert(x, "f64")
    p = _place(wide_a, wide_x, 0.8)
    y = select(p.inside, _slope_ratio(p, single), _slope_limit(wide_a, wide_x))
    return convert(y, "f32") if single else y
