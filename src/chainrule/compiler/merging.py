"""Adjacent loops become one wherever all accesses go on evenly from one to the other.

Conditions on the outer of the two become conditions on the merged loop, which `boxes`
then cuts: `roll(x, 1, 1)` of rows of 3 is two pieces of a long row, not a loop over 3.
Where loops are not cut, a condition is cheaper in the outer loop, and stays there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container
from typing import Any

from .conditions import BOXES, cuts, is_on, merged_condition
from .expr import Expr, node
from .index import Index, loop_variable, number
from .nest import Nest
from .rewrite import Rewriter, walk


def merge_loops(nest: Nest) -> None:
    """Merges the loops of a nest."""
    for group in (nest.grid, nest.inner):
        k = len(group) - 2
        while k >= 0:
            if _mergeable(nest, group[k], group[k + 1]):
                outer, inner = group[k], group[k + 1]
                merged = loop_variable(outer.data[1] * inner.data[1])
                if outer in nest.ordered:
                    nest.ordered.add(merged)
                if outer in nest.limits:
                    n = number(inner.data[1])
                    low, high = nest.limits[outer]
                    nest.limits[merged] = (low * n, high * n)
                _apply(nest, _merged(outer, inner, merged), outer, inner, merged)
                group[k : k + 2] = [merged]
            k -= 1


def _mergeable(nest: Nest, outer: Expr, inner: Expr) -> bool:
    n = inner.data[1]
    if (outer in nest.ordered) != (inner in nest.ordered):
        return False
    if outer is nest.chunk or inner in nest.limits:
        return False
    for terms in _accesses(nest):
        found = dict(terms)
        if found.get(outer, 0) != found.get(inner, 0) * n:
            return False
    if nest.inner or nest.ordered:
        return _free_of(nest, outer, inner, ())
    conditions = {x for x in walk(nest.expressions()) if is_on(x, outer)}
    if conditions and not _is_cut(nest):
        return False
    return _free_of(nest, outer, inner, conditions)


def _free_of(nest: Nest, v: Expr, w: Expr, conditions: Container[Expr]) -> bool:
    """Whether neither variable is computed with, but in these conditions."""
    return all(x is not v and x is not w for x in walk(nest.expressions(), conditions))


def _is_cut(nest: Nest) -> bool:
    """Whether the loops of a nest with conditions will be cut there (`boxes`)."""
    places = set(cuts(nest.expressions()))
    parts = math.prod(n + 1 for n in Counter(v for v, _ in places).values())
    return parts <= BOXES and not any(s.combine for s, _ in nest.stores())


def _accesses(nest: Nest) -> list[Any]:
    loads = [x.data[2] for x in walk(nest.expressions()) if x.op == "load"]
    return loads + [s.index.terms for s, _ in nest.stores()]


def _apply(
    nest: Nest, rewriter: Rewriter, outer: Expr, inner: Expr, merged: Expr
) -> None:
    for reductions, stores, points in nest.stages:
        for r in reductions:
            r.values = tuple(rewriter(x) for x in r.values)
        for s in (*stores, *points):
            s.value = rewriter(s.value)
            rest = None if s.index.rest is None else rewriter(s.index.rest)
            terms = [
                (v, c) for v, c in s.index.terms if v is not outer and v is not inner
            ]
            terms += [(merged, c) for v, c in s.index.terms if v is inner]
            s.index = Index(s.index.constant, tuple(terms), rest)
            s.when = None if s.when is None else rewriter(s.when)


def _merged(outer: Expr, inner: Expr, merged: Expr) -> Rewriter:
    """Replaces `outer * extent(inner) + inner` by `merged` in loads, and conditions on
    `outer` by conditions on it."""

    def terms(old: Any) -> Any:
        new = [(v, c) for v, c in old if v is not outer and v is not inner]
        new += [(merged, c) for v, c in old if v is inner]
        return tuple(new)

    def replace(x: Expr) -> Expr | None:
        if x.op != "load":
            return merged_condition(x, outer, inner.data[1], merged)
        args = tuple(rewriter(a) for a in x.args)
        buffer, constant, old, flags = x.data
        return node("load", x.type, args, (buffer, constant, terms(old), flags))

    rewriter = Rewriter(replace)
    return rewriter
