"""Indices: affine functions of loop variables, the positions at which values are read.

An `Index` is `constant + sum(coefficient * variable) + rest`, where `rest` is an
arbitrary integer expression (a gathered position, say) or nothing. Division and
remainder by a constant stay affine where the variables' ranges allow it; where a
variable must be split for that, `Split` is raised and the loop nest is refined.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .expr import Expr, binary, const, convert, node, select

_serial = itertools.count()


class Split(Exception):
    """A loop variable has to become two: `variable = factor * outer + inner`."""

    def __init__(self, variable: Expr, factor: int):
        self.variable, self.factor = variable, factor


def loop_variable(extent: int) -> Expr:
    """A new variable that runs over range(extent)."""
    return node("var", "i64", (), (next(_serial), extent))


def number(n: int) -> Expr:
    """An integer of the program's sizes: code does not depend on it if it is large."""
    return node("int", "i64", (), n)


class Index:
    """constant + sum of coefficient * variable + rest; immutable and hashable."""

    __slots__ = ("constant", "rest", "terms")

    def __init__(
        self,
        constant: int,
        terms: tuple[tuple[Expr, int], ...] = (),
        rest: Expr | None = None,
    ):
        self.constant, self.terms, self.rest = constant, terms, rest

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Index)
            and self.constant == other.constant
            and self.terms == other.terms
            and self.rest is other.rest
        )

    def __hash__(self) -> int:
        return hash((self.constant, self.terms, self.rest))

    def __repr__(self) -> str:
        parts = [f"{c}*v{v.data[0]}" for v, c in self.terms]
        if self.rest is not None:
            parts.append(repr(self.rest))
        return " + ".join([*parts, str(self.constant)])

    def __add__(self, other: Index | int) -> Index:
        if not isinstance(other, Index):
            return Index(self.constant + other, self.terms, self.rest)
        coefficients = dict(self.terms)
        for v, c in other.terms:
            coefficients[v] = coefficients.get(v, 0) + c
        rest = self.rest if other.rest is None else other.rest
        if self.rest is not None and other.rest is not None:
            rest = self.rest + other.rest
        return Index(self.constant + other.constant, _sorted(coefficients), rest)

    __radd__ = __add__

    def __sub__(self, other: Index | int) -> Index:
        return self + (other * -1)

    def __rsub__(self, other: int) -> Index:
        return self * -1 + other

    def __mul__(self, factor: int) -> Index:
        if factor == 0:
            return Index(0)
        if factor == 1:
            return self
        rest = None if self.rest is None else self.rest * number(factor)
        terms = tuple((v, c * factor) for v, c in self.terms)
        return Index(self.constant * factor, terms, rest)

    __rmul__ = __mul__

    def divmod(self, divisor: int) -> tuple[Index, Index]:
        """Quotient, rounded down, and remainder by a positive constant."""
        if divisor == 1:
            return self, Index(0)
        if self.rest is not None:
            return self._divided(divisor)
        whole = [(v, c) for v, c in self.terms if c % divisor == 0]
        part = [(v, c) for v, c in self.terms if c % divisor]
        quotient, constant = divmod(self.constant, divisor)
        remainder = Index(constant, tuple(part))
        low, high = remainder.bounds()
        if low >= 0 and high < divisor:
            return Index(
                quotient, tuple((v, c // divisor) for v, c in whole)
            ), remainder
        for v, c in part:
            if c > 0 and divisor % c == 0:
                factor, extent = divisor // c, v.data[1]
                if extent > factor and extent % factor == 0:
                    raise Split(v, factor)
        return self._divided(divisor)

    def _divided(self, divisor: int) -> tuple[Index, Index]:
        x, d = self.expr(), number(divisor)
        quotient = binary("div", x, d)
        remainder = x - quotient * d
        below = remainder < 0
        quotient = select(below, quotient - 1, quotient)
        remainder = select(below, remainder + d, remainder)
        return Index(0, (), quotient), Index(0, (), remainder)

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value; for indices without `rest`."""
        low = high = self.constant
        for v, c in self.terms:
            reach = c * (v.data[1] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high

    def expr(self) -> Expr:
        """The index as an integer expression."""
        total: Expr | None = self.rest
        for v, c in self.terms:
            term = v if c == 1 else v * number(c)
            total = term if total is None else total + term
        if total is None:
            return number(self.constant)
        return total if self.constant == 0 else total + number(self.constant)

    def _compare(self, op: str, other: int, known: Callable[[int, int], Any]) -> Expr:
        if self.rest is None:
            found = known(*self.bounds())
            if found is not None:
                return const(found, "bool")
        return node(op, "bool", (self.expr(), number(other)))

    def below(self, bound: int) -> Expr:
        """Whether the index is less than `bound`; a constant where that is known."""
        return self._compare(
            "lt",
            bound,
            lambda lo, hi: True if hi < bound else False if lo >= bound else None,
        )

    def at_least(self, bound: int) -> Expr:
        """Whether the index is `bound` or more; a constant where that is known."""
        return self._compare(
            "ge",
            bound,
            lambda lo, hi: True if lo >= bound else False if hi < bound else None,
        )

    def within(self, size: int) -> Expr:
        """Whether 0 <= index < size."""
        low, high = self.at_least(0), self.below(size)
        if low.op == "const":
            return high if low.data else low
        if high.op == "const":
            return low if high.data else high
        return low & high

    def equals(self, value: int) -> Expr:
        """Whether the index is `value`."""
        return self.difference_is_zero(Index(value))

    def difference_is_zero(self, other: Index) -> Expr:
        """Whether two indices are the same."""
        gap = self - other
        if gap.rest is None:
            low, high = gap.bounds()
            if low == high == 0:
                return const(True, "bool")
            if low > 0 or high < 0:
                return const(False, "bool")
        return node("eq", "bool", (gap.expr(), number(0)))


ZERO = Index(0)


def _sorted(coefficients: dict[Expr, int]) -> tuple[tuple[Expr, int], ...]:
    kept = [(v, c) for v, c in coefficients.items() if c]
    kept.sort(key=lambda term: term[0].data[0])
    return tuple(kept)


def compares(nodes: Iterable[Expr]) -> bool:
    """Whether expressions compare indices, as what joins, pads or rolls arrays does."""
    return any(x.op in ("lt", "ge", "eq") and x.args[0].type == "i64" for x in nodes)


def variable_index(v: Expr) -> Index:
    """The index that is a loop variable."""
    return Index(0, ((v, 1),))


def expression_index(x: Expr) -> Index:
    """The index that an integer expression computes."""
    return Index(0, (), convert(x, "i64"))


def unravel(position: Index, shape: Sequence[int]) -> tuple[Index, ...]:
    """Per dimension, the index of a row-major linear position."""
    out: list[Index] = []
    for n in reversed(shape[1:]):
        position, inner = position.divmod(n) if n != 1 else (position, Index(0))
        out.append(inner)
    if shape:
        out.append(position if shape[0] != 1 else Index(0))
    return tuple(reversed(out))


def ravel(indices: Sequence[Index], shape: Sequence[int]) -> Index:
    """The row-major linear position of indices."""
    if any(i.rest is not None for i in indices):
        total = Index(0)
        for i, n in zip(indices, shape):
            total = total * n + i
        return total
    constant: int = 0
    coefficients: dict[Expr, int] = {}
    stride = 1
    for k in range(len(indices) - 1, -1, -1):
        i = indices[k]
        constant += i.constant * stride
        for v, c in i.terms:
            coefficients[v] = coefficients.get(v, 0) + c * stride
        if k:
            stride = stride * shape[k]
    return Index(constant, _sorted(coefficients))
