"""Integer expressions that are affine in loop variables, as indices.

Programs compute positions: `x[i[:, None] + j]` of two ranges is a gather by a sum of
loop variables, made absolute and clamped. As far as the bounds of what is computed
decide comparisons, and no integer wraps, such a position is an index like any other,
and what is gathered there is read along.
"""

from __future__ import annotations

from collections.abc import Callable

from .expr import BITS, SIGNED, UNSIGNED, Expr, convert
from .index import Index, variable_index

MOST = 64
"""Nodes of an expression that are looked at."""

_COMPARISONS: dict[str, Callable[[int, int], bool | None]] = {
    "lt": lambda low, high: True if high < 0 else False if low >= 0 else None,
    "le": lambda low, high: True if high <= 0 else False if low > 0 else None,
    "gt": lambda low, high: True if low > 0 else False if high <= 0 else None,
    "ge": lambda low, high: True if low >= 0 else False if high < 0 else None,
}


def expression_index(x: Expr, span: tuple[int, int] | None = None) -> Index:
    """The index that an integer expression computes; `span`: its least and its greatest
    value, where they are known."""
    found = affine(x, {})
    return Index(0, (), convert(x, "i64"), span) if found is None else found


def affine(x: Expr, known: dict[Expr, Index | None]) -> Index | None:
    """The index without `rest` that an integer expression is; None if it is none.
    `known`: what has been looked at."""
    if x not in known and len(known) < MOST:
        known[x] = None
        found = _affine(x, known)
        if found is not None and _fits(found, x.type):
            known[x] = found
    return known.get(x)


def _fits(i: Index, type: str) -> bool:
    """Whether the type holds all values of an index."""
    low, high = i.bounds()
    bits = BITS[type] - (type in SIGNED)
    return high < 1 << bits and low >= (-(1 << bits) if type in SIGNED else 0)


def _affine(x: Expr, known: dict[Expr, Index | None]) -> Index | None:
    if x.type not in SIGNED and x.type not in UNSIGNED:
        return None
    if x.op == "var":
        return variable_index(x)
    if x.op in ("const", "int"):
        return Index(x.data)
    if x.op == "select":
        holds = _decided(x.args[0], known)
        return None if holds is None else affine(x.args[1 if holds else 2], known)
    if x.op == "convert":
        return affine(x.args[0], known)
    if x.op not in ("add", "sub", "mul", "min", "max"):
        return None
    a, b = (affine(y, known) for y in x.args)
    return None if a is None or b is None else _of_two(x.op, a, b)


def _of_two(op: str, a: Index, b: Index) -> Index | None:
    if op == "add":
        return a + b
    if op == "sub":
        return a - b
    if op == "mul":
        a, b = (b, a) if b.terms else (a, b)
        return None if b.terms else a * b.constant
    low, high = (a - b).bounds()
    if low < 0 < high:
        return None
    return a if (high <= 0) is (op == "min") else b


def _decided(condition: Expr, known: dict[Expr, Index | None]) -> bool | None:
    """What a comparison is everywhere."""
    decide = _COMPARISONS.get(condition.op)
    if decide is None:
        return None
    a, b = (affine(y, known) for y in condition.args)
    return None if a is None or b is None else decide(*(a - b).bounds())
