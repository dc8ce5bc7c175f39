"""Conditions on loop variables: where they change, and what they become in merged loops.

Joins, pads and rolls compare indices with numbers. A condition on one variable alone
changes at one of its values, or two: there `boxes` cuts the loop. Where that loop is
merged with the one inside of it (`merging`), the condition is one on the merged variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .affine import affine
from .expr import Expr, binary, const, node, select
from .index import Index, number
from .loop import Store
from .rewrite import walk

BOXES = 9
"""Pieces that a kernel's loops are cut into at most."""


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
    left, right = (affine(a, {}) for a in x.args)
    if left is None or right is None:
        return None
    gap = left - right
    return (*gap.terms[0], gap.constant) if len(gap.terms) == 1 else None


# --- what is decided


def _known(x: Expr, var: Expr, low: int, high: int) -> Expr | None:
    """A comparison as a constant, where it is one for all of low <= var < high."""
    found = comparison(x)
    if found is None or found[0] is not var:
        return None
    _, c, k = found
    ends = sorted((c * low + k, c * (high - 1) + k))
    if x.op == "eq":
        never = ends[0] > 0 or ends[1] < 0
        return const(False, "bool") if never else _always(ends == [0, 0])
    negative = ends[1] < 0
    if negative or ends[0] >= 0:
        return const(negative == (x.op == "lt"), "bool")
    return None


def _always(holds: bool) -> Expr | None:
    return const(True, "bool") if holds else None


def decided(stores: Sequence[Store], var: Expr, low: int, high: int) -> Sequence[Store]:
    """The stores as they are for low <= var < high."""
    memo: dict[Expr, Expr] = {}
    for x in walk(expressions_of(stores)):
        known = _known(x, var, low, high)
        memo[x] = _folded(x, [memo[a] for a in x.args]) if known is None else known

    def made(s: Store) -> Store:
        index, rest = s.index, s.index.rest
        if rest is not None:
            index = Index(index.constant, index.terms, memo[rest])
        when = None if s.when is None else memo[s.when]
        if when is not None and when.op == "const" and when.data:
            when = None
        return Store(s.buffer, index, memo[s.value], when, s.combine)

    return [made(s) for s in stores]


def _folded(x: Expr, args: Sequence[Expr]) -> Expr:
    """The node with other operands, some of which may be decided."""
    if x.op == "load" and x.data[3] & 2 and args[-1].op == "const":
        return _unguarded(x, args)
    if x.op in ("and", "or") and x.type == "bool":
        return _joined(x.op, *args)
    if x.op == "not" and args[0].op == "const":
        return const(not args[0].data, "bool")
    if x.op == "select":
        return select(*args)
    if all(a is b for a, b in zip(args, x.args)):
        return x
    return node(x.op, x.type, tuple(args), x.data)


def _unguarded(x: Expr, args: Sequence[Expr]) -> Expr:
    """A load whose guard is known."""
    if not args[-1].data:
        return const(0, x.type)
    buffer, constant, terms, flags = x.data
    return node("load", x.type, tuple(args[:-1]), (buffer, constant, terms, flags & ~6))


def _joined(op: str, x: Expr, y: Expr) -> Expr:
    for a, b in ((x, y), (y, x)):
        if a.op == "const":
            return a if a.data == (op == "or") else b
    return binary(op, x, y)


def expressions_of(stores: Iterable[Store]) -> list[Expr]:
    """What stores compute."""
    out: list[Expr] = []
    for s in stores:
        out += [x for x in (s.value, s.when, s.index.rest) if x is not None]
    return out
