"""Blocks of products: how many outputs are computed at once, so that loads are shared.

A block is a number of copies of each of some axes. Its results are accumulated in
registers; an operand that does not vary along an axis is loaded once for all copies of
it. The block is chosen by what a step costs per result: its multiplications, a share of
its loads, and the points computed in vain where the extents are no multiples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from .expr import Expr
from .rewrite import walk
from .sizes import about

MOST = 8
LOAD, LATENCY = 0.6, 8


def varies(x: Expr, v: Expr) -> bool:
    """Whether an expression depends on a loop variable."""
    return any(y is v or (y.op == "load" and v in dict(y.data[2])) for y in walk((x,)))


def within(choices: Sequence[Sequence[int]], limit: int) -> Iterator[tuple[int, ...]]:
    """A number of each of the choices, with a product of at most `limit`."""
    if not choices:
        yield ()
        return
    for c in choices[0]:
        if c <= limit:
            for rest in within(choices[1:], limit // c):
                yield (c, *rest)


def block(
    loads: Sequence[Expr], axes: Sequence[Expr], vector: Expr, across: Sequence[int],
    width: int, limit: int,
) -> dict[Expr, int]:  # fmt: skip
    """The copies of `axes`, and of the vector axis where it is no reduced one (then
    `across` are the counts to choose from), in at most `limit` accumulators."""
    reused = [
        v for v in axes if v.data[1] > 1 and any(not varies(x, v) for x in loads)
    ][-3:]
    chosen = [*reused, vector]
    extents = [about(v.data[1]) for v in chosen]
    choices = [range(1, min(MOST, n) + 1) for n in extents[:-1]]
    varying = [
        (
            1.5 if varies(x, vector) else 1.0,
            [k for k, v in enumerate(chosen) if varies(x, v)],
        )
        for x in loads
    ]
    best, found = math.inf, {vector: across[0]}
    for counts in within((*choices, across), limit):
        results = math.prod(counts)
        read = sum(w * math.prod(counts[k] for k in on) for w, on in varying)
        waste = 1.0
        for v, n, c in zip(chosen, extents, counts):
            group = c * (width if v is vector else 1)
            waste *= -(-n // group) * group / n
        cost = waste * (1 + LOAD * read / results) * max(1.0, LATENCY / results)
        if cost < best:
            best, found = cost, dict(zip(chosen, counts))
    return {v: c for v, c in found.items() if c > 1 or v is vector}


__all__ = ["block", "varies"]
