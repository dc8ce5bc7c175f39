"""Common divisors and multiples of integers, by Euclid's algorithm.

Magnitudes are unsigned, so that that of the least number counts; results wrap as NumPy's
do.
"""

from __future__ import annotations

from typing import Any

from ..expr import SIGNED, Expr, bitcast, const, iterated, node, select


def _magnitude(x: Expr) -> Expr:
    """|x|, unsigned."""
    if x.type not in SIGNED:
        return x
    return bitcast(select(x < 0, -x, x), f"u{x.type[1:]}")


def _euclid(x: Expr, y: Expr) -> Any:
    step = lambda x, y: (y.ne(0), (y, node("rem", x.type, (x, y))))
    return (x, y), step, lambda x, y: x


def gcd(x: Expr, y: Expr) -> Expr:
    """The greatest common divisor of |x| and |y|, 0 of zeros."""
    return bitcast(iterated(_euclid, _magnitude(x), _magnitude(y)), x.type)


def lcm(x: Expr, y: Expr) -> Expr:
    """The least common multiple of |x| and |y|, 0 where one is 0."""
    a, b = _magnitude(x), _magnitude(y)
    divisor = iterated(_euclid, a, b)
    multiple = node("div", a.type, (a, divisor)) * b
    return bitcast(select(divisor.eq(0), const(0, a.type), multiple), x.type)
