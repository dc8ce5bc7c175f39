"""Indices: affine functions of loop variables, the positions at which values are read.

An `Index` is `constant + sum(coefficient * variable) + rest`, where `rest` is a multiple
of an arbitrary integer expression (a gathered position, say), whose bounds may be known,
or nothing. Division and remainder by a constant stay affine where the variables' ranges
allow it; where a variable must be split for that, `Split` is raised and the loop nest is
refined. What is left is a selection, where there are few quotients only, or computed in
f64: a division of integers takes as long as forty other operations.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .expr import Expr, binary, bitcast, const, convert, node, select

_serial = itertools.count()


FEW = 2
"""How many more than one quotient may be told by comparisons."""


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
    """constant + sum of coefficient * variable + factor * atom; immutable and hashable.

    `span` is the least and the greatest value of the atom, where they are known.
    """

    __slots__ = ("_rest", "atom", "constant", "factor", "span", "terms")

    def __init__(
        self,
        constant: int,
        terms: tuple[tuple[Expr, int], ...] = (),
        atom: Expr | None = None,
        span: tuple[int, int] | None = None,
        factor: int = 1,
    ):
        self.constant, self.terms, self.atom = constant, terms, atom
        self.span, self.factor = span, factor
        self._rest: Expr | None = None

    @property
    def rest(self) -> Expr | None:
        """What is added to the affine part: one expression, which is the same whether or
        not sizes that are one number at present are told apart when it is asked for."""
        if self._rest is None and self.atom is not None:
            whole = self.factor == 1
            self._rest = self.atom if whole else self._multiple(self.atom)
        return self._rest

    def _multiple(self, atom: Expr) -> Expr:
        """The factor times the atom: in 32 bits, where these hold it."""
        short = _short(atom)
        if short is None or self.span is None or not _holds(self.span, self.factor):
            return atom * number(self.factor)
        return convert(short * convert(number(self.factor), "i32"), "i64")

    @property
    def is_bounded(self) -> bool:
        """Whether the least and the greatest value are known."""
        return self.atom is None or self.span is not None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Index)
            and self.constant == other.constant
            and self.terms == other.terms
            and self.atom is other.atom
            and self.factor == other.factor
        )

    def __hash__(self) -> int:
        return hash((self.constant, self.terms, self.atom))

    def __repr__(self) -> str:
        parts = [f"{c}*v{v.data[0]}" for v, c in self.terms]
        if self.rest is not None:
            parts.append(repr(self.rest))
        return " + ".join([*parts, str(self.constant)])

    def __add__(self, other: Index | int) -> Index:
        if not isinstance(other, Index):
            return self._with(self.constant + other, self.terms)
        coefficients = dict(self.terms)
        for v, c in other.terms:
            coefficients[v] = coefficients.get(v, 0) + c
        constant, terms = self.constant + other.constant, _sorted(coefficients)
        if self.atom is None or other.atom is None:
            return (other if self.atom is None else self)._with(constant, terms)
        if self.atom is other.atom:
            return self._with(constant, terms, self.factor + other.factor)
        span, total = None, self.rest + other.rest
        if self.span is not None and other.span is not None:
            ends = zip(_reach(self.span, self.factor), _reach(other.span, other.factor))
            low, high = (a + b for a, b in ends)
            span, short = (low, high), (_short(self.rest), _short(other.rest))
            if None not in short and _holds(span, 1):
                total = convert(short[0] + short[1], "i64")
        return Index(constant, terms, total, span)

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
        terms = tuple((v, c * factor) for v, c in self.terms)
        return self._with(_times(self.constant, factor), terms, self.factor * factor)

    __rmul__ = __mul__

    def _with(
        self, constant: int, terms: tuple[tuple[Expr, int], ...], factor: Any = None
    ) -> Index:
        """Another affine part; another factor of the same rest."""
        if self.atom is None or factor == 0:
            return Index(constant, terms)
        factor = self.factor if factor is None else factor
        return Index(constant, terms, self.atom, self.span, factor)

    def divmod(self, divisor: int) -> tuple[Index, Index]:
        """Quotient, rounded down, and remainder by a positive constant."""
        if divisor == 1:
            return self, Index(0)
        if not self.is_bounded and self.factor % divisor:
            return self._divided(divisor)
        for balanced in (False, True):
            quotient, remainder = self._reduced(divisor, balanced)
            low, high = (k // divisor for k in remainder.bounds())
            if low == high:
                return quotient + low, remainder - low * divisor
        for v, c in self.terms:
            if c > 0 and c % divisor and divisor % c == 0:
                factor, extent = divisor // c, v.data[1]
                if extent > factor and extent % factor == 0:
                    raise Split(v, factor)
        for balanced in (False, True):
            quotient, remainder = self._reduced(divisor, balanced)
            low, high = (k // divisor for k in remainder.bounds())
            if high <= low + FEW:
                more, rest = _one_of_few(remainder, low, high, divisor)
                return quotient + more, rest
        quotient, remainder = self._reduced(divisor, False)
        more, rest = remainder._estimated(divisor)
        return quotient + more, rest

    def divided(self, divisor: int) -> tuple[Index, Expr]:
        """The quotient by a positive constant where there is no remainder, and whether
        there is none. Elsewhere the quotient is any number."""
        if divisor == 1:
            return self, const(True, "bool")
        if self.is_bounded:
            quotient, remainder = self._reduced(divisor, True)
            low, high = remainder.bounds()
            for k in (low // divisor, low // divisor + 1):
                if -divisor < low - k * divisor and high - k * divisor < divisor:
                    return quotient + k, (remainder - k * divisor).equals(0)
        quotient, remainder = self.divmod(divisor)
        return quotient, remainder.equals(0)

    def _reduced(self, divisor: int, balanced: bool) -> tuple[Index, Index]:
        """q and r with self = divisor * q + r, where the coefficients of r are less than
        the divisor, or at most half of it in magnitude."""

        def parts(c: int) -> tuple[int, int]:
            whole, part = divmod(c, divisor)
            return (whole + 1, part - divisor) if balanced and 2 * part > divisor else (
                whole, part,
            )  # fmt: skip

        quotient, constant = divmod(self.constant, divisor)
        terms = [(v, *parts(c)) for v, c in self.terms]
        whole, part = parts(self.factor)
        return (
            self._with(quotient, tuple((v, q) for v, q, _ in terms if q), whole),
            self._with(constant, tuple((v, r) for v, _, r in terms if r), part),
        )

    def _estimated(self, divisor: int) -> tuple[Index, Index]:
        """By a product in f64: rounded to the nearest integer it is the quotient, or one
        more, which the remainder tells. Indices are less than 2^51."""
        low, high = (k // divisor for k in self.bounds())
        x = (self - low * divisor).expr()
        reciprocal = const(1.0, "f64") / convert(number(divisor), "f64")
        magic = const(2.0**52, "f64")
        ratio = bitcast(convert(x, "f64") * reciprocal + magic, "i64")
        quotient = ratio - bitcast(magic, "i64")
        remainder = x - quotient * number(divisor)
        above = remainder < 0
        quotient = select(above, quotient - 1, quotient)
        remainder = select(above, remainder + number(divisor), remainder)
        return (
            Index(low, (), quotient, (0, high - low)),
            Index(0, (), remainder, (0, divisor - 1)),
        )

    def _divided(self, divisor: int) -> tuple[Index, Index]:
        x, d = self.expr(), number(divisor)
        quotient = binary("div", x, d)
        remainder = x - quotient * d
        below = remainder < 0
        quotient = select(below, quotient - 1, quotient)
        remainder = select(below, remainder + d, remainder)
        return Index(0, (), quotient), Index(0, (), remainder, (0, divisor - 1))

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value, where they are known."""
        low = high = self.constant
        for v, c in self.terms:
            reach = c * (v.data[1] - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        if self.span is not None:
            first, last = _reach(self.span, self.factor)
            low, high = low + first, high + last
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
        if self.is_bounded:
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
        if gap.is_bounded:
            low, high = gap.bounds()
            if low == high == 0:
                return const(True, "bool")
            if low > 0 or high < 0:
                return const(False, "bool")
        return node("eq", "bool", (gap.expr(), number(0)))


ZERO = Index(0)


def _one_of_few(x: Index, low: int, high: int, divisor: int) -> tuple[Index, Index]:
    """Quotient and remainder of what is from `low` to `high` divisors."""
    first = x - low * divisor
    quotient, remainder, place = number(low), first.expr(), first.expr()
    for k in range(1, high - low + 1):
        reached = place >= number(k * divisor)
        quotient = select(reached, number(low + k), quotient)
        remainder = select(reached, place - number(k * divisor), remainder)
    return (
        Index(0, (), quotient, (low, high)),
        Index(0, (), remainder, (0, divisor - 1)),
    )


def _short(x: Expr | None) -> Expr | None:
    """What is widened to an index, if it has 32 bits."""
    if x is None or x.op != "convert" or x.args[0].type != "i32":
        return None
    return x.args[0]


def _holds(span: tuple[int, int], factor: int) -> bool:
    """Whether multiples by `factor` of what has this span are of 32 bits."""
    low, high = _reach(span, factor)
    return high < 1 << 31 and low >= -(1 << 31)


def _times(constant: int, factor: int) -> int:
    """A multiple of a constant: of none it is none, whatever size the factor is."""
    return 0 if type(constant) is int and constant == 0 else constant * factor


def _reach(span: tuple[int, int], factor: int) -> tuple[int, int]:
    """The least and the greatest multiple by `factor` of what has this span."""
    low, high = span
    return (
        (low * factor, high * factor) if factor > 0 else (high * factor, low * factor)
    )


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
        constant += _times(i.constant, stride)
        for v, c in i.terms:
            coefficients[v] = coefficients.get(v, 0) + c * stride
        if k:
            stride = stride * shape[k]
    return Index(constant, _sorted(coefficients))
