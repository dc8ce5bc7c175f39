"""Gamma variates of a key at an element: rejection by Marsaglia and Tsang.

The candidates, in their order, and what is accepted are those of `ops.random_gamma`,
which says what the method is and where it comes from.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr, const, iterated, rare, select, unary
from .draws import Key, fma, key_at, normal, unit
from .formats import number
from .logarithm import log, log1p
from .powers import pow


def _positive(k0: Expr, k1: Expr, c: Expr) -> Any:
    """x normal, drawn until 1 + c x is positive."""

    def step(k0: Expr, k1: Expr, x: Expr, v: Expr) -> Any:
        key = k0, k1
        drawn = normal(key_at(key, 1), c.type)
        return v <= 0.0, (*key_at(key, 0), drawn, fma(drawn, c, 1.0))

    zero = const(0.0, c.type)
    return (k0, k1, zero, zero), step, lambda k0, k1, x, v: x


def _accepted(k0: Expr, k1: Expr, d: Expr, c: Expr) -> Any:
    """v of the accepted candidate d v."""

    def step(k0: Expr, k1: Expr, cube: Expr, again: Expr) -> Any:
        key = k0, k1
        x = iterated(_positive, *key_at(key, 1), c)
        v = fma(x, c, 1.0)
        square, cube = x * x, v * v * v
        u = unit(key_at(key, 2), d.type)
        bound = square * 0.5 + d * (1.0 - cube + log(cube))
        squeeze = 1.0 - number(0.0331, d.type) * square * square
        return again, (*key_at(key, 0), cube, (u >= squeeze) & (log(u) >= bound))

    first = (k0, k1, const(0.0, d.type), const(True, "bool"))
    return first, step, lambda k0, k1, cube, again: cube


def _parts(key: Key, a: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    """(large, d, v, u): whether a >= 1; d v has the shape a, or a + 1; u is uniform."""
    large = a >= 1.0
    third = number(1 / 3, a.type)
    d = select(large, a, a + 1.0) - third
    v = iterated(_accepted, *key_at(key, 0), d, third / unary("sqrt", d))
    return large, d, v, unit(key_at(key, 1), a.type)


def gamma_variate(key: Key, a: Expr) -> Expr:
    """A number of the gamma distribution of shape a."""
    large, d, v, u = _parts(key, a)
    one = const(1.0, a.type)
    return d * v * rare(~large, select(large, one, pow(one - u, one / a)), one)


def log_gamma_variate(key: Key, a: Expr) -> Expr:
    """The logarithm of such a number, also where that underflows."""
    large, d, v, u = _parts(key, a)
    log_u = log1p(-u)
    boost = select(large | log_u.eq(0.0), 0.0, log_u * (1.0 / a))
    return log(d) + log(v) + rare(~large, boost, const(0.0, a.type))


__all__ = ["gamma_variate", "log_gamma_variate"]
