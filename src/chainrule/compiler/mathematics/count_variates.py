"""Poisson and binomial variates of a key at an element.

The candidates, in their order, and what is accepted are those of `ops.random_counts`,
which says what the methods are and where they come from.
"""

from __future__ import annotations

import math
from typing import Any

from ...ops.random_counts import LANCZOS, STIRLING_TAIL
from ..expr import Expr, const, convert, iterated, rare, select, unary
from .draws import Counter, Key, fma, key_at, unit
from .formats import nearest, number
from .logarithm import log, log1p
from .rejection import Rejection


def _single(x: Expr) -> Expr:
    return convert(x, "f32")


def _lgamma_single(x: Expr) -> Expr:
    """log Gamma(x), x >= 1, by Lanczos's sum in single precision: it is asked how it
    rounds."""
    type = x.type
    constant = lambda value: const(nearest(value, "f32"), type)
    z = x - 1.0
    total: Any = constant(LANCZOS[0])
    for i, c in enumerate(LANCZOS[1:], 1):
        total = total + constant(c) / (z + float(i))
    scaled = convert(z * constant(1 / 7.5), "f64")
    log_t = convert(number(math.log(7.5), "f32") + _single(log1p(scaled)), type)
    scale = z + 0.5 - (z + 7.5) / log_t
    log_total = convert(_single(log(convert(total, "f64"))), type)
    return fma(scale, log_t, constant(0.5 * math.log(2 * math.pi))) + log_total


# --- Poisson -------------------------------------------------------------------------


def _poisson_attempt(u: Expr, v: Expr, mean: Expr) -> tuple[Expr, Expr]:
    of = lambda value: number(value, mean.type)
    log_mean = convert(log(convert(mean, "f64")), mean.type)
    b = fma(of(2.53), unary("sqrt", mean), of(0.931))
    a = fma(of(0.02483), b, of(-0.059))
    inverse_alpha = of(1.1239) + of(1.1328) / (b - of(3.4))
    v_r = of(0.9277) - of(3.6224) / (b - 2.0)
    tail = 0.5 - unary("abs", u)
    k = unary("floor", fma(2.0 * a / tail + b, u, mean) + of(0.43))
    s = log(v * inverse_alpha / (a / (tail * tail) + b))
    t = fma(k, log_mean, -mean) - _lgamma_single(k + 1.0)
    inside = (tail >= of(0.07)) & (v <= v_r)
    outside = (k < 0.0) | ((tail < of(0.013)) & (v > tail))
    return k, inside | (~outside & (s <= t))


poisson_rejection = Rejection("poisson", _poisson_attempt)


def _products(k0: Expr, k1: Expr, a0: Expr, a1: Expr, mean: Expr) -> Any:
    """How many uniform numbers it takes for their product to fall to exp(-mean)."""

    def step(k0: Expr, k1: Expr, total: Expr, count: Expr) -> Any:
        u = unit(key_at((k0, k1), 1), mean.type, (a0, a1))
        return total > -mean, (*key_at((k0, k1), 0), total + log(u), count + 1)

    first = k0, k1, const(0.0, mean.type), const(0, "i32")
    return first, step, lambda k0, k1, total, count: count


def poisson_by_products(key: Key, at: Counter, mean: Expr) -> Expr:
    """A Poisson number of a small mean, an i32; -1 of a mean that is not positive."""
    return iterated(_products, *key, *at, mean) - 1


# --- binomial ------------------------------------------------------------------------


def _stirling_tail(k: Expr) -> Expr:
    """log(k!) beyond Stirling's formula; from 10 on the value there."""
    tails = [number(x, k.type) for x in STIRLING_TAIL]
    found = tails[-1]
    for j in reversed(range(len(tails) - 1)):
        found = select(k < float(j + 1), tails[j], found)
    at = const(10.0, k.type)
    square = at * at
    series = number(1 / 360, k.type) - number(1 / 1260, k.type) / square
    beyond = (number(1 / 12, k.type) - series / square) / at
    return rare(k <= 9.0, found, beyond)


def _binomial_attempt(u: Expr, v: Expr, n: Expr, p: Expr) -> tuple[Expr, Expr]:
    of = lambda value: number(value, n.type)
    spread = unary("sqrt", n * p * (1.0 - p))
    b = fma(of(2.53), spread, of(1.15))
    a = fma(of(0.0248), b, of(-0.0873)) + of(0.01) * p
    v_r = of(0.92) - of(4.2) / b
    r = p / (1.0 - p)
    alpha = (of(2.83) + of(5.1) / b) * spread
    m = unary("floor", (n + 1.0) * p)
    tail = 0.5 - unary("abs", u)
    k = unary("floor", fma(2.0 * a / tail + b, u, fma(n, p, const(0.5, n.type))))
    outside = (k < 0.0) | (k > n)
    s = log(v * alpha / (a / (tail * tail) + b))
    t = (m + 0.5) * log((m + 1.0) / (r * (n - m + 1.0)))
    t = t + (n + 1.0) * log((n - m + 1.0) / (n - k + 1.0))
    t = t + (k + 0.5) * log(r * (n - k + 1.0) / (k + 1.0))
    t = t + _stirling_tail(m) + _stirling_tail(n - m)
    t = t - _stirling_tail(k) - _stirling_tail(n - k)
    inside = (tail >= of(0.07)) & (v <= v_r)
    return k, inside | (~outside & (s <= t))


binomial_rejection = Rejection("binomial", _binomial_attempt)


def _sums(k0: Expr, k1: Expr, a0: Expr, a1: Expr, count: Expr, p: Expr) -> Any:
    """How many geometric numbers it takes for their sum to pass the count."""
    log_q = log1p(-p)

    def step(k0: Expr, k1: Expr, total: Expr, found: Expr) -> Any:
        u = unit(key_at((k0, k1), 0), p.type, (a0, a1))
        drawn = unary("ceil", log(u) / log_q)
        return total <= count, (*key_at((k0, k1), 1), total + drawn, found + 1.0)

    zero = const(0.0, p.type)
    return (k0, k1, zero, zero), step, lambda k0, k1, total, found: found


def binomial_by_sums(key: Key, at: Counter, n: Expr, p: Expr) -> Expr:
    """A binomial number of a small n p, a float; -1 of n below 0."""
    return iterated(_sums, *key, *at, n, p) - 1.0


__all__ = [
    "binomial_by_sums", "binomial_rejection", "poisson_by_products", "poisson_rejection",
]  # fmt: skip
