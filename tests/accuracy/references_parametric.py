"""Functions of parameters in mpmath: incomplete gamma and beta, zeta, hypergeometric.

Each is sampled in strata, among them small and large parameters, tails, and both sides of
the lines where its expansions meet. References are series of their own, of terms of one
sign where there is one, at two precisions that agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from .subject import Subject, agreed

Draw = Callable[[np.random.Generator, int], Any]

# --- strata --------------------------------------------------------------------------


def uniform(low: float, high: float) -> Draw:
    return lambda rng, n: rng.uniform(low, high, n)


def powers_of_ten(low: float, high: float, sign: int = 1) -> Draw:
    return lambda rng, n: sign * 10.0 ** rng.uniform(low, high, n)


def integers(low: int, high: int) -> Draw:
    return lambda rng, n: rng.integers(low, high, n).astype(np.float64)


def beside(*points: float) -> Draw:
    """Numbers at relative distances of 1e-16 to 0.01 on either side of the points."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        distance = 10.0 ** rng.uniform(-16, -2, n) * rng.choice([-1.0, 1.0], n)
        return rng.choice(points, n) * (1 + distance)

    return draw


def each(*draws: Draw) -> Draw:
    """Arguments that do not depend on each other."""
    return lambda rng, n: tuple(draw(rng, n) for draw in draws)


def times(parameter: Draw, ratio: Draw) -> Draw:
    """a and x = a * ratio."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        a = parameter(rng, n)
        return a, a * ratio(rng, n)

    return draw


def near_peak(parameter: Draw, deviations: float) -> Draw:
    """a and x at up to so many standard deviations from a."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        a = parameter(rng, n)
        return a, a + np.sqrt(a) * rng.uniform(-deviations, deviations, n)

    return draw


def around_mean(first: Draw, second: Draw, deviations: float) -> Draw:
    """a, b and x at up to so many standard deviations from the mean of beta(a, b)."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        a, b = first(rng, n), second(rng, n)
        mean = a / (a + b)
        deviation = np.sqrt(mean * (1 - mean) / (a + b + 1))
        x = mean + deviation * rng.uniform(-deviations, deviations, n)
        return a, b, np.clip(x, 1e-9, 1 - 1e-9)

    return draw


# --- incomplete gamma ----------------------------------------------------------------


def _lower(a: Any, x: Any) -> Any:
    """P(a, x) by powers of x, whose terms are positive (DLMF 8.11.4)."""
    unit = 1 << mp.mp.prec
    step, below = int(mp.floor(x * unit)), int(mp.floor(a * unit))
    term = total = unit
    while term:
        below += unit
        term = term * step // below
        total += term
    weight = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))
    return weight * total / unit


def _upper(a: Any, x: Any) -> Any:
    return 1 - _lower(a, x)


def _slope(a: Any, x: Any) -> Any:
    """dP/da by a central difference with a third of the digits."""
    h = mp.ldexp(a, -mp.mp.prec // 3)
    return (_lower(a + h, x) - _lower(a - h, x)) / (2 * h)


def _implicit_slope(a: Any, x: Any) -> Any:
    return -_slope(a, x) / mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def _positive(function: Callable[..., Any]) -> Callable[..., Any]:
    """None where an argument is rounded to 0, or is infinite."""
    exact = agreed(function)
    return lambda *x: exact(*x) if all(0 < v < mp.inf for v in x) else None


GAMMA_STRATA = [
    each(uniform(0.01, 20), uniform(0.01, 25)),
    each(powers_of_ten(-10, 0), uniform(0.1, 5)),
    each(powers_of_ten(-10, 0), powers_of_ten(-20, 0)),
    each(powers_of_ten(-300, -30), powers_of_ten(-300, 2)),
    times(uniform(1, 30), uniform(0.05, 3)),
    times(uniform(20, 200), uniform(0.35, 2.1)),
    near_peak(powers_of_ten(2.5, 7.5), 6),
    times(uniform(10, 50), powers_of_ten(-2, -0.5)),
    times(uniform(1, 50), uniform(2, 6)),
    times(beside(1.0, 6.5, 20.0), beside(0.4, 1.0, 2.0)),
    each(uniform(0, 1.2), beside(1.1)),
]
SLOPE_STRATA = [
    each(powers_of_ten(-4, 0), uniform(0.1, 5)),
    each(powers_of_ten(-2, 0), powers_of_ten(-20, 0)),
    times(uniform(1, 30), uniform(0.05, 3)),
    times(uniform(20, 100), uniform(0.35, 2.1)),
    near_peak(powers_of_ten(2, 5), 6),
    times(beside(20.0), beside(0.4, 1.0, 2.0)),
    each(uniform(0, 1.6), beside(1.5)),
]

# --- incomplete beta -----------------------------------------------------------------


def _below_mean(a: Any, b: Any, x: Any, y: Any) -> Any:
    """I_x(a, b) by powers of x, whose terms are positive (DLMF 8.17.8); y = 1 - x."""
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    weight = mp.exp(a * mp.log(x) + b * mp.log(y) - log_beta) / a
    return weight * mp.hyp2f1(a + b, 1, a + 1, x, maxterms=10**6)


def _betainc(a: Any, b: Any, x: Any) -> Any:
    if x >= 1:
        return None
    if x <= (a + 1) / (a + b + 2):
        return _below_mean(a, b, x, 1 - x)
    return 1 - _below_mean(b, a, 1 - x, x)


BETA_STRATA = [
    each(uniform(0.1, 20), uniform(0.1, 20), uniform(0, 1)),
    each(powers_of_ten(-8, 0), powers_of_ten(-8, 0), uniform(0, 1)),
    each(powers_of_ten(-8, 1.3), powers_of_ten(-8, 2), powers_of_ten(-10, -1)),
    each(powers_of_ten(-200, 0), powers_of_ten(-8, 2), powers_of_ten(-200, 0)),
    around_mean(powers_of_ten(0, 3), powers_of_ten(0, 3), 4),
    around_mean(powers_of_ten(0, 3), powers_of_ten(-8, 0), 4),
    around_mean(powers_of_ten(3, 6), powers_of_ten(3, 6), 6),
    around_mean(powers_of_ten(-3, 1), powers_of_ten(3, 6), 4),
    each(uniform(1, 60), uniform(1, 60), powers_of_ten(-6, -0.3)),
    around_mean(beside(0.5, 1.0, 6.5), beside(0.5, 1.0, 6.5), 1),
]

# --- zeta and polygamma --------------------------------------------------------------


def _zeta(s: Any, q: Any) -> Any:
    """None beside zeros between poles, which keep the accuracy of the largest term."""
    if s <= 1 or q == 0:
        return None
    if q > 0:
        return mp.zeta(s, q)
    if s != mp.floor(s) or q == mp.floor(q):
        return None
    y = mp.zeta(s, q)
    nearest = q - mp.nint(q)
    return y if abs(y * nearest**s) > 0.25 else None


def _polygamma(n: Any, x: Any) -> Any:
    if n < 1 or n != mp.floor(n):
        return None
    y = _zeta(n + 1, x)
    return None if y is None else (-1) ** int(n + 1) * mp.factorial(n) * y


ZETA_STRATA = [
    each(uniform(1, 10), uniform(0, 10)),
    each(powers_of_ten(0, 2), powers_of_ten(-3, 3)),
    each(lambda rng, n: 1 + 10.0 ** rng.uniform(-15, 0, n), powers_of_ten(-3, 3)),
    each(uniform(1, 40), powers_of_ten(-8, 0)),
    each(uniform(1, 20), powers_of_ten(2, 14)),
    times(uniform(1, 60), uniform(0.5, 1.5)),
    each(uniform(50, 300), uniform(0.3, 3)),
    each(integers(2, 30), uniform(-20, 0)),
]
POLYGAMMA_STRATA = [
    each(integers(1, 10), uniform(0, 10)),
    each(integers(1, 100), powers_of_ten(-2, 2)),
    each(integers(1, 20), powers_of_ten(-10, 0)),
    each(integers(1, 20), powers_of_ten(1, 12)),
    each(integers(100, 171), uniform(5, 100)),
    each(integers(171, 400), uniform(60, 400)),
    each(integers(1, 20), uniform(-20, 0)),
]

# --- hypergeometric ------------------------------------------------------------------


def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    """None beside zeros, which keep the accuracy of the wave they are of."""
    if b <= 0:
        return None if b == mp.floor(b) else mp.hyp1f1(a, b, x)
    above, z = (b - a, -x) if x < 0 else (a, x)
    y = mp.hyp1f1(above, b, z, maxterms=10**6)
    if above < 0:
        slope = above / b * mp.hyp1f1(above + 1, b + 1, z, maxterms=10**6)
        if abs(y) < abs(slope) * mp.sqrt(min(z / -above, 1)) / 4:
            return None
    return mp.exp(x) * y if x < 0 else y


def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    """None beside zeros: where a change of x or 1 - x is sixteen times that of the
    value."""
    if x >= 1 or (c <= 0 and c == mp.floor(c)):
        return None
    y = mp.hyp2f1(a, b, c, x, maxterms=10**6)
    if min(a, b, c, c - a, c - b) < 0:
        slope = a * b / c * mp.hyp2f1(a + 1, b + 1, c + 1, x, maxterms=10**6)
        if 16 * abs(y) < abs(x * min(1 - x, 1) * slope):
            return None
    return y


SMALL = uniform(0.1, 5)
HYP1F1_STRATA = [
    each(uniform(0, 5), SMALL, uniform(0, 20)),
    each(uniform(0, 5), SMALL, uniform(20, 690)),
    each(uniform(0, 5), SMALL, uniform(-20, 0)),
    each(uniform(0, 5), SMALL, uniform(-1000, -20)),
    each(uniform(0, 5), SMALL, powers_of_ten(3, 15, -1)),
    each(uniform(-5, 0), SMALL, uniform(-30, 30)),
    each(uniform(-30, 0), SMALL, uniform(0, 40)),
    each(powers_of_ten(0.5, 3), SMALL, uniform(0, 30)),
    each(powers_of_ten(0.5, 1.5), SMALL, uniform(-30, 0)),
    each(uniform(0, 5), powers_of_ten(0.5, 3), uniform(-300, 300)),
    each(powers_of_ten(0.5, 1.5), powers_of_ten(0.5, 1.5), uniform(-50, 50)),
    each(uniform(0, 5), uniform(-5, 0), uniform(-30, 30)),
    each(powers_of_ten(-20, 0), SMALL, powers_of_ten(-20, 1)),
]


def below_one(rng: np.random.Generator, n: int) -> Any:
    return 1 - 10.0 ** rng.uniform(-14, -0.6, n)


NEAR_ZERO, LARGE = uniform(0, 4), uniform(4, 50)
HYP2F1_STRATA = [
    each(NEAR_ZERO, NEAR_ZERO, uniform(0.2, 4), uniform(0, 0.75)),
    each(NEAR_ZERO, NEAR_ZERO, uniform(0.2, 4), below_one),
    each(NEAR_ZERO, NEAR_ZERO, uniform(0.2, 4), uniform(-1, 0)),
    each(NEAR_ZERO, NEAR_ZERO, uniform(0.2, 4), powers_of_ten(0, 15, -1)),
    each(uniform(-4, 0), NEAR_ZERO, uniform(0.2, 4), uniform(0, 0.75)),
    each(uniform(-4, 0), uniform(-4, 0), uniform(0.2, 4), uniform(0, 0.75)),
    each(uniform(-4, 0), NEAR_ZERO, uniform(0.2, 4), below_one),
    each(uniform(-4, 0), NEAR_ZERO, uniform(0.2, 4), uniform(-30, 0)),
    each(LARGE, LARGE, uniform(0.2, 50), uniform(0, 1)),
    each(NEAR_ZERO, NEAR_ZERO, LARGE, uniform(-1, 1)),
    each(NEAR_ZERO, NEAR_ZERO, uniform(-4, 0), uniform(-1, 1)),
    each(lambda rng, n: -integers(0, 5)(rng, n), NEAR_ZERO, SMALL, uniform(0, 1)),
]

# --- exponential integrals -----------------------------------------------------------


def _expn(n: Any, x: Any) -> Any:
    if n < 0 or n != mp.floor(n) or x <= 0:
        return None
    return mp.expint(n, x)


EXPN_STRATA = [
    each(integers(0, 6), powers_of_ten(-8, 1)),
    each(integers(5, 40), powers_of_ten(-2, 1.3)),
    each(integers(1, 100), beside(1.0)),
    each(integers(1, 30), uniform(1, 100)),
    each(integers(40, 3000), powers_of_ten(-3, 2)),
    each(lambda rng, n: np.floor(10.0 ** rng.uniform(3, 7, n)), uniform(0, 50)),
    each(integers(0, 10), uniform(100, 700)),
]

# --- all -----------------------------------------------------------------------------

PARAMETRIC = {
    "igamma": Subject(
        _positive(_lower), arity=2, strata=GAMMA_STRATA, numpy="scipy.special.gammainc",
        bound=6.0,
    ),
    "igammac": Subject(
        _positive(_upper), arity=2, strata=GAMMA_STRATA,
        numpy="scipy.special.gammaincc", bound=8.0,
    ),
    "igamma_grad_a": Subject(
        _positive(_slope), arity=2, strata=SLOPE_STRATA, bound=32.0,
    ),
    "random_gamma_grad": Subject(
        _positive(_implicit_slope), arity=2, strata=SLOPE_STRATA, bound=32.0,
    ),
    "betainc": Subject(
        _positive(_betainc), arity=3, strata=BETA_STRATA,
        numpy="scipy.special.betainc", bound=32.0,
    ),
    "zeta": Subject(
        agreed(_zeta), arity=2, strata=ZETA_STRATA, numpy="scipy.special.zeta",
        bound=16.0,
    ),
    "polygamma": Subject(
        agreed(_polygamma), arity=2, strata=POLYGAMMA_STRATA,
        numpy="scipy.special.polygamma", bound=8.0,
    ),
    "hyp1f1": Subject(
        agreed(_hyp1f1), arity=3, strata=HYP1F1_STRATA, numpy="scipy.special.hyp1f1",
        bound=1024.0,
    ),
    "hyp2f1": Subject(
        agreed(_hyp2f1), arity=4, strata=HYP2F1_STRATA, numpy="scipy.special.hyp2f1",
        bound=512.0,
    ),
    "expn": Subject(
        agreed(_expn), arity=2, strata=EXPN_STRATA, numpy="scipy.special.expn",
        bound=8.0,
    ),
}  # fmt: skip
for _subject in PARAMETRIC.values():
    _subject.slow, _subject.single_bound = True, 1.0
