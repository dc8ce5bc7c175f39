"""Conditions on loop variables: where they change, and what they become in merged loops.

Joins, pads and rolls compare indices with numbers. A condition on one variable alone
changes at one of its values, or two: there `boxes` cuts the loop. Where that loop is
merged with the one inside of it (`merging`), the condition is one on the merged variable.
"""

from __future__ import annotations

from collections.abc import Sequence

from .expr import Expr, const, node
from .index import Index, number
from .rewrite import walk


def cuts(expressions: Sequence[Expr]) -> list[tuple[Expr, int]]:
    """Where conditions change: of a variable, the first value behind it."""
    out: list[tuple[Expr, int]] = []
    for x in walk(expressions):
        found = comparison(x)
        if found is not None:
            v, c, k = found
            if x.op == "eq":
                root, odd = divmod(-k, c)
                out += [] if odd else [(v, root), (v, root + 1)]
            else:
                out.append((v, _reached(c, k)))
    return out


def _reached(c: int, k: int) -> int:
    """The first value behind which c * v + k has another sign."""
    return -(k // c) if c > 0 else k // -c + 1


def is_on(x: Expr, v: Expr) -> bool:
    """Whether this compares `v`, and no other variable, with a number."""
    found = comparison(x)
    return found is not None and found[0] is v


def merged_condition(x: Expr, v: Expr, n: int, merged: Expr) -> Expr | None:
    """A comparison of `v` alone as one of `merged`, which is n * v and what is less than
    n; None for any other expression."""
    found = comparison(x)
    if found is None or found[0] is not v:
        return None
    _, c, k = found
    if x.op == "eq":
        root, odd = divmod(-k, c)
        if odd:
            return const(False, "bool")
        first, last = number(root * n), number(root * n + n)
        return (merged >= first) & (merged < last)
    below = (x.op == "lt") == (c > 0)
    return node("lt" if below else "ge", "bool", (merged, number(_reached(c, k) * n)))


def comparison(x: Expr) -> tuple[Expr, int, int] | None:
    """(v, c, k) of a comparison of c * v + k with zero."""
    if x.op not in ("lt", "ge", "eq") or x.args[0].type != "i64":
        return None
    left, right = (_affine(a) for a in x.args)
    if left is None or right is None:
        return None
    gap = left - right
    return (*gap.terms[0], gap.constant) if len(gap.terms) == 1 else None


def _affine(x: Expr) -> Index | None:
    """An integer expression as an index, if it is one without `rest`."""
    if x.op == "var":
        return Index(0, ((x, 1),))
    if x.op == "int":
        return Index(x.data)
    if x.op not in ("add", "mul"):
        return None
    left, right = (_affine(a) for a in x.args)
    if left is None or right is None:
        return None
    if x.op == "add":
        return left + right
    return None if right.terms else left * right.constant
