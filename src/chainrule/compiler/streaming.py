"""Which results of a kernel are written past the caches.

A store to a line that no cache holds reads it from memory first, which is a third of the
traffic of a copy. Where a kernel writes more than the caches keep until somebody reads
it, stores say so ("non-temporal"), and lines are written whole. `streams` names the
buffers: written evenly, once, and never read by the kernel; the scheduler leaves out
those that later steps write to as well. What a kernel reads may still lie at the same
place (a result that takes the room of an operand); then, and at addresses that are no
multiple of a line, the code that is written stores as usual.
"""

from __future__ import annotations

import math
from typing import Any

from .expr import BITS
from .loop import Kernel, Store
from .rewrite import walk
from .sizes import about

LINE = 64
"""Bytes that go to memory at once."""


def streams(kernel: Kernel, least: int) -> frozenset[Any]:
    """The buffers, of `least` bytes and more, that `kernel` writes past the caches."""
    found: set[Any] = set()
    for stage in kernel.stages:
        extents = {a.var: a.extent for a in (*kernel.grid, *stage.axes)}
        vectors = {a.var for a in (*kernel.grid, *stage.axes) if a.vector}
        for s in stage.stores:
            if _evenly(s, vectors) and _bytes(s, extents) >= least:
                found.add(s.buffer)
    return frozenset(found - _read(kernel)) if found else frozenset()


def _evenly(s: Store, vectors: set[Any]) -> bool:
    """Whether elements that lie together are written together, without a condition."""
    if s.index.rest is not None or s.when is not None or s.combine is not None:
        return False
    return any(v in vectors and stride == 1 for v, stride in s.index.terms)


def _bytes(s: Store, extents: dict[Any, Any]) -> int:
    points = math.prod([about(extents[v]) for v, _ in s.index.terms])
    return points * max(BITS[s.value.type] // 8, 1)


def _read(kernel: Kernel) -> set[Any]:
    roots = [x for stage in kernel.stages for r in stage.reductions for x in r.values]
    stores = [s for stage in kernel.stages for s in stage.stores]
    roots += [
        x for s in stores for x in (s.value, s.when, s.index.rest) if x is not None
    ]
    return {x.data[0] for x in walk(roots) if x.op == "load"}
