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
from .rewrite import walk

MOST = 64
"""Nodes of an expression that is looked at."""

_COMPARISONS: dict[str, Callable[[int, int], bool | None]] = {
    "lt": lambda low, high: True if high < 0 else False if low >= 0 else None,
    "le": lambda low, high: True if high <= 0 else False if low > 0 else None,
    "gt": lambda low, high: True if low > 0 else False if high <= 0 else None,
    "ge": lambda low, high: True if low >= 0 else False if high < 0 else None,
}


def expression_index(x: Expr) -> Index:
    """The index that an integer expression computes."""
    nodes = walk([x])
    known: dict[Expr, Index] = {}
    for e in nodes if len(nodes) <= MOST else ():
        found = _affine(e, known)
        if found is not None and _fits(found, e.type):
            known[e] = found
    return known[x] if x in known else Index(0, (), convert(x, "i64"))


def _fits(i: Index, type: str) -> bool:
    """Whether the type holds all values of an index."""
    low, high = i.bounds()
    bits = BITS[type] - (type in SIGNED)
    return high < 1 << bits and low >= (-(1 << bits) if type in SIGNED else 0)


def _affine(e: Expr, known: dict[Expr, Index]) -> Index | None:
    """The index that a node is, by those of its operands."""
    if e.type not in SIGNED and e.type not in UNSIGNED:
        return None
    if e.op == "var":
        return variable_index(e)
    if e.op in ("const", "int"):
        return Index(e.data)
    if e.op == "select":
        holds = _decided(e.args[0], known)
        return None if holds is None else known.get(e.args[1 if holds else 2])
    operands = [known[a] for a in e.args if a in known]
    if len(operands) < len(e.args):
        return None
    if e.op == "convert":
        return operands[0]
    if e.op not in ("add", "sub", "mul", "min", "max"):
        return None
    x, y = operands
    if e.op == "add":
        return x + y
    if e.op == "sub":
        return x - y
    if e.op == "mul":
        x, y = (y, x) if y.terms else (x, y)
        return None if y.terms else x * y.constant
    low, high = (x - y).bounds()
    if low < 0 < high:
        return None
    return x if (high <= 0) is (e.op == "min") else y


def _decided(condition: Expr, known: dict[Expr, Index]) -> bool | None:
    """What a comparison is everywhere."""
    decide = _COMPARISONS.get(condition.op)
    if decide is None or any(a not in known for a in condition.args):
        return None
    x, y = (known[a] for a in condition.args)
    return decide(*(x - y).bounds())
