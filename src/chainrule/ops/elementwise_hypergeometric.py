"""Hypergeometric functions 1F1 and 2F1 of real arguments.

Power series, summed in double precision until no element changes, after a
transformation that makes the argument positive (DLMF 13.2.39, 15.8.1): then the terms
have one sign in the end. The derivative in the argument raises every parameter by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.primitive import Missing
from ..runtime import _native
from .elementwise_rules import elementwise

_most_terms = 20_000
_log_gamma: Any = _native.special_lgamma


def _series(above: tuple[Any, ...], below: tuple[Any, ...], x: Any) -> Any:
    """The sum over k of x**k / k! times rising factorials of `above` over `below`."""
    term = np.ones(np.broadcast_shapes(*(np.shape(v) for v in (*above, *below, x))))
    total = term.copy()
    for k in range(_most_terms):
        for v in above:
            term = term * (v + k)
        for v in below:
            term = term / (v + k)
        term = term * x / (k + 1)
        grown = total + term
        settled = (grown == total) | ~np.isfinite(grown)
        total = grown
        if settled.all():
            break
    return total


def _double(fun: Any) -> Any:
    """`fun` evaluated in double precision, its result in the operands' dtype."""

    def evaluate(*xs: Any) -> Any:
        wide = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in xs])
        return fun(*wide).astype(xs[0].dtype)

    return evaluate


def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    negative = x < 0
    total = _series((np.where(negative, b - a, a),), (b,), np.abs(x))
    return np.where(negative, np.exp(x) * total, total)


def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    """Gauss's sum at x = 1; NaN beyond."""
    negative = x < 0
    inside = np.where(negative, x / (x - 1), np.where(x < 1, x, 0.0))
    total = _series((a, np.where(negative, c - b, b)), (c,), inside)
    total = np.where(negative, total * np.power(1 - x, -a), total)
    excess = c - a - b
    gauss = _gamma_ratio((c, excess), (c - a, c - b))
    at_one = np.where(excess > 0, gauss, np.inf)
    return np.where(x > 1, np.nan, np.where(x == 1, at_one, total))


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
    _double(_hyp1f1), kinds="f",
    partials=(
        _parameter("hyp1f1"), _parameter("hyp1f1"),
        lambda y, a, b, x: a / b * hyp1f1_p(a + 1, b + 1, x),
    ),
)  # fmt: skip
hyp2f1_p = elementwise(
    "hyp2f1", "Gauss's hypergeometric function 2F1(a, b; c; x) for x <= 1",
    _double(_hyp2f1), kinds="f",
    partials=(
        _parameter("hyp2f1"), _parameter("hyp2f1"), _parameter("hyp2f1"),
        lambda y, a, b, c, x: a * b / c * hyp2f1_p(a + 1, b + 1, c + 1, x),
    ),
)  # fmt: skip

__all__ = ["hyp1f1_p", "hyp2f1_p"]
