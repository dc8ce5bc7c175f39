"""A kernel being arranged: its loops, and what is computed in them.

A cluster's members become stages of one nest, `schedule` decides the order of the loops,
`vectors` which of them is a vector and how many points are computed at once.
"""

from __future__ import annotations

from typing import Any

from .expr import Expr
from .loop import Reduction, Store
from .records import record


@record
class Nest:
    """A kernel being arranged: variables of the grid and of the inner loops; the columns
    of rows that are written out; whether the inner loops keep their order."""

    grid: list[Expr]
    inner: list[Expr]
    stages: list[tuple[list[Reduction], list[Store], list[Store]]]
    limits: dict[Expr, tuple[Expr, Expr]]
    ordered: set[Expr]
    scratch: dict[Any, int]
    parts: dict[Expr, list[Expr]]
    products: bool = False
    chunk: Expr | None = None
    columns: int = 1
    in_order: bool = False

    def expressions(self) -> list[Expr]:
        """Everything that is computed."""
        out: list[Expr] = []
        for reductions, stores, points in self.stages:
            out += [x for r in reductions for x in r.values]
            for s in (*stores, *points):
                out.append(s.value)
                if s.index.rest is not None:
                    out.append(s.index.rest)
                if s.when is not None:
                    out.append(s.when)
        return out

    def inside(self) -> list[Expr]:
        """What is computed at every point of the inner loops."""
        roots = [x for r, _, _ in self.stages for f in r for x in f.values]
        return roots + [s.value for s, inside in self.stores() if inside]

    def stores(self) -> list[tuple[Store, bool]]:
        """All stores, each with whether it is inside of the inner loops."""
        return [
            (s, inside)
            for _, stores, points in self.stages
            for group, inside in ((stores, True), (points, False))
            for s in group
        ]
