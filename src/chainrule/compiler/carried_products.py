"""Carried products: what a step multiplies and the next one adds to is rounded once.

The transpose of c' = a * c + x is a step that adds a row to its carry and multiplies then:
two operations that wait for each other. Such a carry is handed on as its two factors, and
the next step's sum is a fused multiply-add, as everywhere where a product meets a sum
(`passes/contraction.py`, whose rules hold here too). The first step has the factors
(initial, 1), whose product is exact.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from .expr import Expr, const, const_value, fma, node
from .index import Index
from .loop import Recurrence, Store
from .rewrite import Rewriter, walk

_serial = itertools.count()


def carry_factors(loop: Recurrence) -> None:
    """Changes the carries of a loop that are products and read by one sum."""
    roots = list(_roots(loop))
    nodes = walk(roots)
    reads = Counter(a for x in nodes for a in x.args)
    reads.update(roots)
    made = {c: u for c, u in zip(loop.carries, loop.updates) if _is_product(u, reads)}
    factors: dict[Expr, tuple[Expr, Expr]] = {}
    sums: dict[Expr, Expr] = {}
    for x in nodes:
        for p, other in zip(x.args, x.args[::-1]) if x.op in ("add", "sub") else ():
            if x in sums or p not in made or reads[p] != 1:
                continue
            if _number(made[p]) != _number(made.get(other, other)):
                sums[x] = p
                factors[p] = _given(p), _given(p)
    for p in factors:
        _replace_carry(loop, p, factors[p])
    if factors:
        _rewrite(loop, sums, factors)


def _roots(loop: Recurrence) -> Iterator[Expr]:
    """Whatever a step computes."""
    yield from loop.updates
    for s in loop.stores:
        yield from (x for x in (s.value, s.when, s.index.rest) if x is not None)
    if loop.test is not None:
        yield loop.test


def _is_product(x: Expr, reads: Counter[Expr]) -> bool:
    return x.op == "mul" and x.type in ("f32", "f64") and reads[x] == 1


def _number(x: Expr) -> float | None:
    """The magnitude of the constant factor of a product, None if it has none; NaN for
    what is no product. In a sum of two that differ, there is nothing to cancel."""
    if x.op != "mul":
        return float("nan")
    numbers = [abs(const_value(a)) for a in x.args if a.op == "const"]
    return numbers[0] if numbers else None


def _given(like: Expr) -> Expr:
    return node("given", like.type, (), ("factor", next(_serial)))


def _replace_carry(loop: Recurrence, p: Expr, factors: tuple[Expr, Expr]) -> None:
    k = loop.carries.index(p)
    x, y = loop.updates[k].args
    loop.carries[k], loop.updates[k] = factors[0], x
    loop.carries.append(factors[1])
    loop.initial.append(const(1.0, p.type))
    loop.updates.append(y)


def _rewrite(
    loop: Recurrence, sums: dict[Expr, Expr], factors: dict[Expr, tuple[Expr, Expr]]
) -> None:
    """Contracts the sums; where a carry is read otherwise, it is the product."""

    def replace(x: Expr) -> Expr | None:
        if x not in sums:
            return x if not x.args else None
        a, b = x.args
        x0, y0 = factors[sums[x]]
        if sums[x] is a:
            z = new(b)
            return fma(x0, y0, z if x.op == "add" else -z)
        return fma(x0 if x.op == "add" else -x0, y0, new(a))

    new = Rewriter(replace)
    loop.updates = [new(x) for x in loop.updates]
    loop.stores = [_rewritten(s, new) for s in loop.stores]
    loop.results = [
        Store(s.buffer, s.index, _product(s.value, factors)) for s in loop.results
    ]
    loop.test = loop.test and new(loop.test)


def _rewritten(s: Store, new: Rewriter) -> Store:
    at, when = s.index, s.when and new(s.when)
    place = Index(at.constant, at.terms, at.rest and new(at.rest))
    return Store(s.buffer, place, new(s.value), when, s.combine)


def _product(x: Expr, factors: dict[Expr, tuple[Expr, Expr]]) -> Expr:
    return factors[x][0] * factors[x][1] if x in factors else x


__all__ = ["carry_factors"]
