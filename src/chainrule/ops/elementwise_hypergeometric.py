"""Hypergeometric functions 1F1 and 2F1 of real arguments.

Power series in double precision after a transformation that makes the argument positive
(DLMF 13.2.39, 15.8.1): then the terms have one sign in the end, and from the beginning
where a transformation makes the parameters positive. Near 1 the series of 2F1 is slow;
there Taylor's series of the differential equation leads on from 1/2, each halving what is
left. 1F1 far out is its asymptotic series, and of a far below 0, where terms cancel, a
recurrence in a. Derivatives in the argument raise every parameter by one. Kernels do the
same (`mathematics/hypergeometric.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.primitive import Missing
from ..runtime import _native
from .elementwise_rules import elementwise

_most_terms = 20_000
_most_certain = 5_000.0
_nothing = 2.0**-60
_near_one = 0.25
_far = 50.0
_far_left = -1000.0
_log_gamma: Any = _native.special_lgamma


def _series(above: Any, below: Any, x: Any, certain: Any, first: Any = 1.0) -> Any:
    """The sum over k of x**k / k! times rising factorials of `above` over `below`, and
    that of k times the terms; those before `certain` count even where one vanishes."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in (*above, *below, x)))
    term = np.broadcast_to(np.asarray(first, float), shape).copy()
    total, slope = term.copy(), np.zeros(shape)
    live = np.isfinite(total)
    for k in range(_most_terms):
        for v in above:
            term = term * (v + k)
        for v in below:
            term = term / (v + k)
        term = term * x / (k + 1)
        total = np.where(live, total + term, total)
        slope = np.where(live, slope + term * (k + 1), slope)
        small = (np.abs(term) <= np.abs(total) * _nothing) & (k + 1 >= certain)
        live &= ~small & (term != 0) & np.isfinite(total)
        if not live.any():
            break
    return total, slope


def _double(fun: Any) -> Any:
    """`fun` evaluated in double precision, its result in the operands' dtype."""

    def evaluate(*xs: Any) -> Any:
        wide = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in xs])
        flat = fun(*[x.ravel() for x in wide])
        return flat.reshape(wide[0].shape).astype(xs[0].dtype)

    return evaluate


def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    left, z = x < 0, np.abs(x)
    above = np.where(left, b - a, a)
    room = z - _far - 2 * (np.abs(b - above) + 1) * (np.abs(1 - above) + 1)
    whole = np.abs(above - np.floor(above + 0.5)) < 2.0**-10
    far = (((above > 0) | ~whole) & (room > 0)) | (x < _far_left)
    at = np.where(far, 0.0, z)
    steps = np.ceil(-above - _turning(b, at))
    below = ~far & (b > 0) & (steps > 1) & (steps < _most_terms)
    half = np.exp(np.where(left, -at, 0.0) / 2)  # between the two nothing overflows
    y = _kummer_sum(np.where(below, 0.0, above), b, at, half)
    if below.any():
        y[below] = _kummer_below(*[v[below] for v in (above, b, at, half, steps)])
    y = half * y
    if far.any():
        growth = np.exp(np.where(left[far], 0.0, z[far]) / 2)
        y[far] = _kummer_far(above[far], b[far], z[far], growth)
    return np.where(np.isnan(a) | np.isnan(b) | np.isnan(x), np.nan, y)


def _kummer_sum(a: Any, b: Any, z: Any, first: Any) -> Any:
    """`first` times 1F1(a; b; z) for z >= 0."""
    certain = np.minimum(np.maximum(np.maximum(-a, -b), z) + 1, _most_certain)
    return _series((a,), (b,), z, certain, first)[0]


def _turning(b: Any, z: Any) -> Any:
    """How far a lies below 0 where 1F1 is about to oscillate in z, as Laguerre's functions
    do: beyond, the recurrence in a loses nothing; before, the terms of the series are not
    much larger than their sum. The factor, found by search, lies between both losses."""
    at = np.where(z > b, z, 1.0)
    depth = ((at + (b - 1) ** 2 / at) / 2 - b) / 2 * (0.86 - 0.006 * b)
    return np.where((z > b) & (depth > 0), depth, 0.0)


def _kummer_below(a: Any, b: Any, z: Any, first: Any, steps: Any) -> Any:
    """The same for a far below 0, where the terms of the series are far larger than their
    sum: from a + steps, where they are not, in steps (DLMF 13.3.1)."""
    value, above = (_kummer_sum(a + steps + k, b, z, first) for k in (0, 1))
    for k in range(int(steps.max())):
        on, at = k < steps, a + (steps - k)
        new = (at * above - (2 * at - b + z) * value) / (b - at)
        value, above = np.where(on, new, value), np.where(on, value, above)
    return value


def _kummer_far(a: Any, b: Any, z: Any, first: Any) -> Any:
    """`first`**2 e**-z 1F1(a; b; z) for large z, DLMF 13.7.1, to the smallest term."""
    term = total = np.ones(np.shape(z))
    for k in range(40):
        new = term * ((b - a + k) * (1 - a + k) / ((k + 1) * z))
        term = np.where(np.abs(new) < np.abs(term), new, 0.0)
        total = total + term
    scale = _gamma_ratio((b,), (a,)) * np.power(z, a - b)
    return first * (scale * total) * first


def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    """Gauss's sum at x = 1; NaN beyond."""
    negative = x < 0
    swapped = negative & ~_ends(a) & (_least(b, c - a) > _least(a, c - b, 0.0))
    a, b = np.where(swapped, b, a), np.where(swapped, a, b)
    rest = np.where(negative, 1 / (1 - x), 1 - x)
    inside = np.where(negative, x / (x - 1), x)
    other = np.where(negative, c - b, b)
    total = _inside_unit(a, other, c, inside, rest)
    total = np.where(negative, total * np.power(1 - x, -a), total)
    excess = c - a - b
    gauss = _gamma_ratio((c, excess), (c - a, c - b))
    at_one = np.where(excess > 0, gauss, np.inf)
    missing = ~(x <= 1) | np.isnan(a) | np.isnan(b) | np.isnan(c)
    return np.where(missing, np.nan, np.where(x == 1, at_one, total))


def _ends(v: Any) -> Any:
    """Whether a series with this parameter above has an end."""
    return (v <= 0) & (v == np.floor(v))


def _least(*xs: Any) -> Any:
    return np.minimum.reduce(np.broadcast_arrays(*xs))


def _inside_unit(a: Any, b: Any, c: Any, x: Any, rest: Any) -> Any:
    """2F1 for 0 <= x < 1, rest = 1 - x."""
    ends = _ends(a) | _ends(b)
    ended = ~ends & (_ends(c - a) | _ends(c - b))
    # DLMF 15.8.1: so that it ends, or that its terms have one sign
    turned = ended | ((c > 0) & (_least(c - a, c - b) > _least(a, b, 0.0)))
    power = np.where(turned, np.power(rest, np.where(turned, c - a - b, 0.0)), 1.0)
    a, b = np.where(turned, c - a, a), np.where(turned, c - b, b)
    onward = (rest < _near_one) & (rest > 0) & (turned | ~ends) & ~ended
    largest = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(c))
    certain = np.minimum(4 * largest + 3, _most_certain)
    at = np.where(onward, 0.5, np.where(rest > 0, x, 0.0))
    total, slope = _series((a, b), (c,), at, certain)
    if onward.any():
        total = total.copy()
        given = [v[onward] for v in (a, b, c, rest, total, slope)]
        total[onward] = _onward(*given)
    return power * total


def _onward(a: Any, b: Any, c: Any, rest: Any, y: Any, slope: Any) -> Any:
    """2F1 at 1 - rest by its value y and half its derivative at 1/2."""
    left, done = 0.5, np.zeros(y.shape, bool)
    result = y
    part = np.minimum(left - rest, left / 2) / left
    first = slope * part
    while not done.all():
        total, first = _one_step(a, b, c, left, part, y, first)
        last = rest >= left / 2
        result = np.where(done, result, total)
        done = done | last
        left /= 2
        part = np.where(done, 0.0, np.minimum(left - rest, left / 2) / left)
        y, first = total, first * part
    return result


def _one_step(
    a: Any, b: Any, c: Any, left: float, part: Any, y: Any, first: Any
) -> tuple[Any, Any]:
    """Sums of the terms T_k, and of k T_k, of Taylor's series at 1 - left for a step of
    part * left; T_0 = y and T_1 = `first`."""
    x = 1 - left
    before, term, total, slope = y, first, y + first, first
    for k in range(int(_most_certain)):
        new = (
            (k + a) * (k + b) * (part * part * left) * before
            - (k + 1) * ((2 * left - 1) * k + (c - (a + b + 1) * x)) * part * term
        ) / (x * (k + 2) * (k + 1))
        before, term = term, new
        total, slope = total + new, slope + new * (k + 2)
        size = np.maximum(np.abs(before), np.abs(term)) * (k + 2)
        if not (size > (np.abs(total) + np.abs(slope)) * _nothing).any():
            break
    return total, slope


def _gamma_ratio(above: tuple[Any, ...], below: tuple[Any, ...]) -> Any:
    logarithm, sign = 0.0, 1.0
    for v, way in [*((v, 1) for v in above), *((v, -1) for v in below)]:
        logarithm = logarithm + way * _log_gamma(v)
        sign = sign * np.where((v < 0) & (np.floor(v) % 2 != 0), -1.0, 1.0)
    return sign * np.exp(logarithm)


def _parameter(name: str) -> Missing:
    return Missing(f"{name}: derivatives in the parameters are not defined")


hyp1f1_p = elementwise(
    "hyp1f1", "Kummer's confluent hypergeometric function 1F1(a; b; x)",
    _double(_hyp1f1), kinds="f", scalar=lambda m, *xs: m.hyp1f1(*xs), cost=400.0,
    partials=(
        _parameter("hyp1f1"), _parameter("hyp1f1"),
        lambda y, a, b, x: a / b * hyp1f1_p(a + 1, b + 1, x),
    ),
)  # fmt: skip
hyp2f1_p = elementwise(
    "hyp2f1", "Gauss's hypergeometric function 2F1(a, b; c; x) for x <= 1",
    _double(_hyp2f1), kinds="f", scalar=lambda m, *xs: m.hyp2f1(*xs), cost=800.0,
    partials=(
        _parameter("hyp2f1"), _parameter("hyp2f1"), _parameter("hyp2f1"),
        lambda y, a, b, c, x: a * b / c * hyp2f1_p(a + 1, b + 1, c + 1, x),
    ),
)  # fmt: skip

__all__ = ["hyp1f1_p", "hyp2f1_p"]
