"""Truncated power series: coefficients made one after another, when asked for.

Taylor mode (transforms/taylor.py) stands for each value by its coefficients x_0, x_1, ...
in one parameter t, None for zero. A Taylor rule `taylor(y, *series, **params)` is a
generator: given the output's first coefficient and the operands' series, it yields the
output's coefficients 1, 2, ... and may read x[0] to x[k] before it yields number k. The
recurrences are those of Griewank and Walther, Evaluating Derivatives, 2008, table 13.2;
each costs O(n^2) products up to order n.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Terms = Iterator[Any]


class Series:
    """Coefficients by index; those not there yet come from the generator `more`."""

    __slots__ = ("more", "terms")

    def __init__(self, terms: list[Any], more: Terms | None = None):
        self.terms, self.more = terms, more

    def __getitem__(self, k: int) -> Any:
        terms = self.terms
        while len(terms) <= k:
            terms.append(None if self.more is None else next(self.more))
        return terms[k]

    def rate(self) -> Series:
        """The series of dx/dt: coefficients (k + 1) x_(k+1)."""
        scaled = lambda c, k: c if c is None or k == 1 else c * float(k)
        return Series([], (scaled(self[k], k) for k in count(1)))

    def part(self, i: int) -> Series:
        """Output `i` of a primitive with several, whose coefficients are lists."""
        rows = (self[k] for k in count(1))
        return Series([self[0][i]], (row if row is None else row[i] for row in rows))


def plus(a: Any, b: Any) -> Any:
    """a + b, where None is zero."""
    if a is None or b is None:
        return b if a is None else a
    return a + b


def minus(a: Any, b: Any) -> Any:
    """a - b, where None is zero."""
    if b is None:
        return a
    return -b if a is None else a - b


def cauchy(
    a: Any, b: Any, k: int, times: Callable[..., Any] = operator.mul, first: int = 0
) -> Any:
    """The sum of times(a_i, b_(k-i)) for i = first, ..., k; None where it is zero."""
    total = None
    for i in range(first, k + 1):
        if a[i] is not None and b[k - i] is not None:
            total = plus(total, times(a[i], b[k - i]))
    return total


def over(x: Any, k: int) -> Any:
    """x / k, where None is zero."""
    return x if x is None or k == 1 else x * (1.0 / k)


def repeated(times: Callable[[Any, Any], Any], x: Any, n: int) -> Any:
    """x combined with itself, n >= 1 of it, by repeated squaring; None for n = 0."""
    out = None
    while n:
        if n & 1:
            out = x if out is None else times(out, x)
        n >>= 1
        if n:
            x = times(x, x)
    return out


# --- rules ---------------------------------------------------------------------------


def product_terms(z: Any, x: Series, y: Series) -> Terms:
    """z = x y."""
    for k in count(1):
        yield cauchy(x, y, k)


def quotient_terms(z: Any, x: Series, y: Series) -> Terms:
    """z = x / y, from x = z y."""
    found = [z]
    for k in count(1):
        rest = minus(x[k], cauchy(y, found, k, first=1))
        found.append(None if rest is None else rest / y[0])
        yield found[k]


def power_terms(z: Any, x: Series, *, y: int) -> Terms:
    """z = x**y for an integer y, by repeated squaring."""
    if y == 0:
        yield from (None for _ in count())
    out = repeated(_product, x, abs(y))
    if y > 0:
        yield from (out[k] for k in count(1))
    else:
        yield from quotient_terms(z, Series([z * out[0]]), out)


def _product(x: Series, y: Series) -> Series:
    first = x[0] * y[0]
    return Series([first], product_terms(first, x, y))


def pair_terms(partner: Callable[[Any], Any], up: int, down: int) -> Any:
    """The rule of y where y' = up w x' and w' = down y x' for its partner w(x)."""

    def terms(y: Any, x: Series) -> Terms:
        ys, ws, x_rate = [y], [partner(x[0])], x.rate()
        for k in count(1):
            y_next = over(cauchy(x_rate, ws, k - 1), k)
            w_next = over(cauchy(x_rate, ys, k - 1), k)
            ys.append(y_next if up > 0 or y_next is None else -y_next)
            ws.append(w_next if down > 0 or w_next is None else -w_next)
            yield ys[k]

    return terms


__all__ = [
    "Series", "Terms", "cauchy", "minus", "over", "pair_terms", "plus", "power_terms",
    "product_terms", "quotient_terms",
]  # fmt: skip
