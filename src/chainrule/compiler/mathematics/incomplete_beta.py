"""The regularised incomplete beta function I_x(a, b).

For x below about a / (a + b) it is a weight times the even part of a continued fraction
(NIST Digital Library of Mathematical Functions, 8.17.22; DiDonato and Morris, ACM TOMS
18, 1992, eq. 9), which runs in every lane until it settles; above, 1 - I_{1-x}(b, a), or
where that would cancel, b < 1, the series of I - 1 about b = 0. The weight is taken
relative to its maximum at x = a / (a + b), so that no logarithms of Gamma cancel. f32 is
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
)
from .exponential import LOG2_E, exp2_wide_short, exp_of_pair, expm1
from .formats import (
    INF,
    NAN,
    Pair,
    absolute,
    for_formats,
    pair_times,
    routines,
    square_root,
    two_product,
    two_sum,
)
from .gamma import STIRLING
from .incomplete_gamma import (
    excess_pair,
    log_gamma_1p,
    log_pair,
    reciprocal_gamma,
    stirling_rest,
)
from .logarithm import log, log1p, log_normal

_DIRECT = 6.5
"""Below, weights have Gamma itself; above, Stirling's series."""
_LARGE = 38400.0
"""Powers that large leave fewer digits of the weight than its exponent does."""
_MOST_STEPS = 100_000.0
_CANCELLING = 0.8
"""Where a (1 - x) is more, the series about b = 0 has terms larger than its sum."""


class Side(NamedTuple):
    """A parameter with its variable, which is the sum of two numbers."""

    shape: Expr
    x: Expr
    rest: Expr


# --- the weight ----------------------------------------------------------------------


def _stirling_or_none(v: Expr, single: bool) -> Expr:
    rest = stirling_rest(maximum(v, _DIRECT), single)
    return select(v < _DIRECT, 0.0, rest)


def _factor(v: Expr, single: bool) -> Expr:
    """1 / Gamma(v), without what is in the exponent for a large v."""
    direct = v < _DIRECT
    gamma = reciprocal_gamma(select(direct, v, 1.0), single)
    return select(direct, v * gamma, square_root(v * (0.5 / math.pi)))


def _relative(side: Side, total: Pair) -> tuple[Expr, Expr]:
    """x (a + b) / a, or x (a + b) for a small a, and the relative error of that."""
    scale = select(side.shape < _DIRECT, 1.0, side.shape)
    t = side.x * total[0]
    lost = fma(side.x, total[0], -t) + (side.x * total[1] + side.rest * total[0])
    ratio = t / scale
    error = (fma(-ratio, scale, t) + lost) / t
    return ratio, select(t < 1e-290, 0.0, error)


def _difference(a: Side, b: Side) -> Pair:
    """b x - a (1 - x), whose terms cancel near the mean, by their exact products."""
    bx, bx_low = two_product(b.shape, a.x)
    ay, ay_low = two_product(a.shape, b.x)
    high, error = two_sum(bx, -ay)
    return high, error + (bx_low - ay_low) + (b.shape * a.rest - a.shape * b.rest)


def _saddle(a: Side, b: Side) -> Pair:
    """The exponent for large a and b."""
    high, low = _difference(a, b)
    left, left_low = excess_pair(a.shape, (high, low))
    right, right_low = excess_pair(b.shape, (-high, -low))
    total, error = two_sum(left, right)
    return -total, -(error + (left_low + right_low))


def _weight(a: Side, b: Side, single: bool) -> Expr:
    """x^a (1 - x)^b / B(a, b)."""
    total, lost = two_sum(a.shape, b.shape)
    direct = total < _DIRECT
    scale = select(direct, 1.0, total), select(direct, 0.0, lost)
    (p, p_error), (q, q_error) = _relative(a, scale), _relative(b, scale)
    small = [select(direct | (s.shape >= _DIRECT), 0.0, s.shape) for s in (a, b)]
    rest = _stirling_or_none(total, single) - _stirling_or_none(a.shape, single)
    rest = rest - _stirling_or_none(b.shape, single)
    fall, fall_low = two_sum(*small)
    correction = fma(a.shape, p_error, b.shape * q_error)
    both = (a.shape >= _DIRECT) & (b.shape >= _DIRECT)
    if single:
        left, right = a.shape * log_normal(p), b.shape * log_normal(q)
        large = both & (maximum(absolute(left), absolute(right)) > _LARGE)
        exponent = rare(large, _saddle(a, b)[0], left + right + correction)
        power = exp2_wide_short((exponent + (rest - fall)) * LOG2_E)
    else:
        left, left_low = pair_times(log_pair(p), a.shape)
        right, right_low = pair_times(log_pair(q), b.shape)
        large = both & (maximum(absolute(left), absolute(right)) > _LARGE)
        high, error = two_sum(left, right)
        low = (left_low + right_low) + error
        saddle, saddle_low = _saddle(a, b)
        high, low = rare(large, saddle, high), rare(large, saddle_low, low)
        high, error = two_sum(high, -fall)
        low = low + (error + (rest - fall_low))
        high, error = two_sum(high, select(large, 0.0, correction))
        power = exp_of_pair((high, low + error))
    ratio = _factor(a.shape, single) / _factor(total, single)
    return power * ratio * _factor(b.shape, single)


# --- the fraction --------------------------------------------------------------------


def _beta_fraction(
    a: Expr, b: Expr, x: Expr, y: Expr, excess: Expr, wanted: Expr, single: bool
) -> Any:
    """I / weight, x <= (a + 1) / (a + b + 2), where `wanted` is not 0: by its convergents,
    whose last denominator is kept at 1. `excess` is a y - b x."""
    small = 2.0**-34 if single else 2.0**-55

    def step(n: Expr, value: Expr, change: Expr, above: Expr, below: Expr) -> Any:
        odd = a + (n * 2.0 - 1.0)
        inverse = 1.0 / (odd * (odd + 2.0))
        at = inverse * (odd + 2.0)
        common = (b - n) * n * x * at
        numerator = common * x * (a + (n - 1.0)) * ((a + b + (n - 1.0)) * at)
        denominator = (y + 1.0) * n + (excess + 1.0)
        denominator = n + common + (a + n) * (inverse * odd) * denominator
        scale = 1.0 / fma(numerator, below, denominator)
        new = fma(denominator, value, numerator * above) * scale
        on = (change > value * small) & (n < _MOST_STEPS) & (wanted > 0.0)
        return on, (n + 1.0, new, absolute(new - value), value * scale, scale)

    first = (a + 1.0) / (a * (excess + 1.0))
    zero = const(0.0, "f64")
    start = (zero + 1.0, first, first, zero, first)
    return start, step, lambda n, value, change, above, below: value


_fraction = routines(iterated, _beta_fraction)


# --- near b = 0 ----------------------------------------------------------------------


def _rise(a: Expr, b: Expr) -> Any:
    """Carries a up to 6.5, and the logarithm of (a + b) / a of each step."""

    def step(a: Expr, total: Expr) -> Any:
        return a < _DIRECT, (a + 1.0, total + log1p(b / a))

    return (a, const(0.0, "f64")), step, lambda a, total: total


def _risen(a: Expr, b: Expr) -> Any:
    step = lambda a: (a < _DIRECT, (a + 1.0,))
    return (a,), step, lambda a: a


def _log_gamma_step(a: Expr, b: Expr) -> Expr:
    """log(Gamma(a + b) / Gamma(a)) for 0 < b <= 1, relative to its size: of Stirling's
    series at 6.5 or more, each part of the difference apart."""
    below, a = iterated(_rise, a, b), iterated(_risen, a, b)
    growth = log1p(b / a)
    fall = -b / (a + b)  # 1 / (1 + b / a) less 1, and its odd powers less 1
    square, power = fall * (fall + 2.0), fall
    inverse = 1.0 / a
    change, scale = const(0.0, "f64"), inverse
    for c in STIRLING:
        change = fma(scale * c, power, change)
        power = fma(power, square, power + square)
        scale = scale * (inverse * inverse)
    return (a - 0.5) * growth - b + b * log(a + b) + change - below


def _beta_sum(a: Expr, b: Expr, y: Expr) -> Any:
    """The sum of (1 - a) ... (n - a) y^n / (n! (b + n)) over n >= 1."""

    def step(n: Expr, power: Expr, term: Expr, total: Expr) -> Any:
        power = power * ((n - a) / n * y)
        new = power / (b + n)
        on = (absolute(term) > absolute(total) * 2.0**-56) & (n < 500.0)
        return on, (n + 1.0, power, new, total + new)

    one = const(1.0, "f64")
    start = (one, one, one, const(0.0, "f64"))
    return start, step, lambda n, power, term, total: total


def _beta_near_zero(a: Expr, b: Expr, y: Expr) -> Expr:
    """1 - I_y(b, a) for b < 1 and a y < 0.8."""
    exponent = b * log(y) - log_gamma_1p(b) + _log_gamma_step(a, b)
    growth = expm1(exponent)
    return -growth - (growth + 1.0) * b * iterated(_beta_sum, a, b, y)


# --- I -------------------------------------------------------------------------------


def _limit(a: Expr, b: Expr, x: Expr) -> Expr:
    """The value at the ends of x, and for infinite, tiny or negative a and b."""
    y = b / (a + b)
    y = select((a < 1e-290) & (maximum(a, b) >= 1e-20), 1.0, y)
    y = select(b.eq(0.0) | a.eq(INF), 0.0, select(a.eq(0.0) | b.eq(INF), 1.0, y))
    y = select(x.eq(0.0) | x.eq(1.0), x, y)
    undefined = a.eq(b) & (a.eq(0.0) | a.eq(INF))
    defined = (a >= 0.0) & (b >= 0.0) & (x >= 0.0) & (x <= 1.0) & ~undefined
    return select(defined, y, NAN)


def _inside(a: Expr, b: Expr, x: Expr) -> Expr:
    finite = (a >= 1e-290) & (b > 0.0) & (a < INF) & (b < INF)
    return finite & (maximum(a, b) >= 1e-20) & (x > 0.0) & (x < 1.0)


@for_formats
def betainc(a: Expr, b: Expr, x: Expr) -> Expr:
    """The integral of t**(a - 1) (1 - t)**(b - 1) over [0, x], divided by B(a, b)."""
    single = a.type == "f32"
    a, b, x = (convert(v, "f64") for v in (a, b, x))
    inside, limit = _inside(a, b, x), _limit(a, b, x)
    a, b = select(inside, a, 1.0), select(inside, b, 1.0)
    x = select(inside, x, 0.5)
    y = 1.0 - x
    rest = (1.0 - y) - x
    below = (x <= (a + 1.0) / (a + b + 2.0)) | ((b < 1.0) & (a * y > _CANCELLING))
    near = ~below & (b < 1.0)
    zero = rest * 0.0
    left = Side(*(select(below, u, v) for u, v in ((a, b), (x, y), (zero, rest))))
    right = Side(*(select(below, u, v) for u, v in ((b, a), (y, x), (rest, zero))))
    difference, lost = _difference(left, right)
    excess = -(difference + lost)
    wanted = select(near, 0.0, 1.0 + zero)
    shapes = left.shape, right.shape, left.x, right.x
    weight = _weight(left, right, single)
    small = weight * _fraction(*shapes, excess, wanted, single)
    small = select(weight.eq(0.0), 0.0, minimum(small, 1.0))
    value = select(below, small, 1.0 - small)
    ready = [select(near, v, other) for v, other in ((a, 1.0), (b, 0.5), (y, 0.5))]
    value = rare(near, apart(_beta_near_zero, *ready), value)
    value = select(inside, value, limit)
    return convert(value, "f32") if single else value
