"""Blocks of products: how many outputs are computed at once, so that loads are shared.

A block is a number of copies of each of some axes. Its results are accumulated in
registers; an operand that does not vary along an axis is loaded once for all copies of
it. The block is chosen by what a step costs per result: its multiplications, a share of
its loads, and the points computed in vain where the extents are no multiples.
"""

from __future__ import annotations

import functools
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
    extents = tuple([about(v.data[1]) for v in chosen])
    read = tuple([
        (
            1.5 if varies(x, vector) else 1.0,
            tuple([k for k, v in enumerate(chosen) if varies(x, v)]),
        )
        for x in loads
    ])  # fmt: skip
    counts = _cheapest(extents, read, tuple(across), width, limit)
    return {v: c for v, c in zip(chosen, counts) if c > 1 or v is vector}


@functools.lru_cache(maxsize=1024)
def _cheapest(
    extents: tuple[int, ...], read: tuple[tuple[float, tuple[int, ...]], ...],
    across: tuple[int, ...], width: int, limit: int,
) -> tuple[int, ...]:  # fmt: skip
    """The counts of copies, the vector axis's last, at which a result costs least.
    `read`: the weight of each load, and which of the axes it varies along."""
    choices = [range(1, min(MOST, n) + 1) for n in extents[:-1]]
    best, found = math.inf, (*[1] * len(choices), across[0])
    for counts in within((*choices, across), limit):
        results = math.prod(counts)
        loaded = sum([w * math.prod([counts[k] for k in on]) for w, on in read])
        waste = 1.0
        for k, (n, c) in enumerate(zip(extents, counts)):
            group = c * (width if k == len(choices) else 1)
            waste *= -(-n // group) * group / n
        cost = waste * (1 + LOAD * loaded / results) * max(1.0, LATENCY / results)
        if cost < best:
            best, found = cost, counts
    return found


__all__ = ["block", "varies"]
