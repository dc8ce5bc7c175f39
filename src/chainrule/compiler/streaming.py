"""What a kernel reads and writes that no cache holds.

A store to a line that no cache holds reads it from memory first, which is a third of the
traffic of a copy. Where a kernel writes more than the caches keep until somebody reads
it, stores say so ("non-temporal"), and lines are written whole. `streams` names the
buffers: written evenly, once, and never read by the kernel; the scheduler leaves out
those that later steps write to as well. What a kernel reads may still lie at the same
place (a result that takes the room of an operand); then, and at addresses that are no
multiple of a line, the code that is written stores as usual. Nor does a kernel that
gathers write so: processors whose microcode mends "gather data sampling" have a gather
wait until all such stores are in memory.

Processors fetch what is read evenly before it is asked for, but no further than to the
end of a page, and then wait for the next one; nor beside a few rows that lie far apart.
What is read in the order of memory, or column by column beside each other, is asked for
earlier: `ahead` names the buffers. On some processors (`fetches_to_write`) lines that
are fetched, to be written, are written faster than past the caches: `ahead` names what
would go past them and is written in order, `streams` the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .blocking import varies
from .expr import BITS, Expr
from .loop import Axis, Kernel, Stage, Store
from .rewrite import walk
from .short_rows import together
from .sizes import about
from .tiling import NEAR, gathers, is_short

AHEAD = 2048
"""How many bytes ahead lines are asked for; 1536 to 4096 are alike."""
ROWS_ON = 1 << 14
"""The bytes of rows of which the end, where what is asked for is elsewhere, is no matter."""
LINE, WIDEST, ROW = 64, 8, 2048
"""Bytes that go to memory at once; those of the largest number; those of the shortest row
whose ends may share a line with others."""


def streams(kernel: Kernel, least: int, width: int) -> frozenset[Any]:
    """The buffers, of `least` bytes and more, that `kernel`, of vectors of `width` lanes,
    writes past the caches."""
    found: set[Any] = set()
    for stage, axes in _large(kernel, least):
        if any(gathers(x, axes, width) for x in loads_of(stage)):
            return frozenset()
        vectors = {a.var: a.extent for a in axes if a.vector}
        for group in together(stage.stores, next(iter(vectors), None)):
            s, n = group[0], len(group)
            if n * _bytes(s.value, s.index.terms, axes) >= least:
                found.update([s.buffer] if _evenly(s, n, vectors) else [])
    if not found:
        return frozenset()
    return frozenset(found - {x.data[0] for s in kernel.stages for x in loads_of(s)})


def ahead(kernel: Kernel, least: int) -> frozenset[Any]:
    """The buffers, of `least` bytes and more, that `kernel` reads in order."""
    found: dict[Any, bool] = {}
    for stage, axes in _large(kernel, least):
        for x in loads_of(stage):
            strides, vector = dict(x.data[2]), axes[-1]
            step = strides.get(vector.var, 0)
            near = step == 1 or (step > 0 and is_short(x.type, step))
            if _bytes(x, x.data[2], axes) * (about(step) if near else 1) < least:
                continue
            along = vector.vector and near and _in_order(strides, axes, step)
            asked = not x.data[3] and (along or _goes_down(x, strides, axes))
            found[x.data[0]] = asked and found.get(x.data[0], True)
    return frozenset([b for b, in_order in found.items() if in_order])


def written_in_order(kernel: Kernel, buffers: frozenset[Any]) -> frozenset[Any]:
    """Those of the buffers that `kernel` writes in the order of memory, or in long rows,
    a few at a time, so that what comes next can be asked for."""
    found = set(buffers)
    for stage in kernel.stages:
        axes = [*kernel.grid, *stage.axes]
        vector = next((a.var for a in axes if a.vector), None)
        moving = [a for a in axes if a.low and any(varies(a.low, b.var) for b in axes)]
        tiled = len(moving) > 1
        for group in together(stage.stores, vector):
            s, n = group[0], len(group)
            goes_on = _in_order(dict(s.index.terms), axes, n) or _in_rows(s, n, axes)
            if tiled or not goes_on:
                found.discard(s.buffer)
    return frozenset(found)


def _in_rows(s: Store, columns: int, axes: list[Axis]) -> bool:
    """Whether a store goes along rows of some pages, as many at a time as there are
    points inside of the loop along them, which are few."""
    strides, inside = dict(s.index.terms), 1
    for a in reversed(axes):
        if strides.get(a.var) == columns and a.vector:
            row = columns * about(a.extent) * max(BITS[s.value.type] // 8, 1)
            return inside <= NEAR and row >= ROWS_ON
        inside *= about(a.extent)
    return False


def as_read(
    grid: list[Axis], loads: list[Expr], stores: list[Store], least: int
) -> list[Axis]:
    """The loops of a grid in the order in which a load of `least` bytes and more goes
    over memory, where as much is written past the caches: those stores may come in any
    order of lines, but only what is read in order is fetched ahead."""
    vector = grid[-1]
    read = [x for x in loads if _bytes(x, x.data[2], grid) >= least]
    written = [s for s in stores if _bytes(s.value, s.index.terms, grid) >= least]
    if not vector.vector or len(read) != 1 or len(stores) != 1 or not written:
        return grid
    terms, lines = dict(read[0].data[2]), {vector.var: vector.extent}
    if (
        read[0].data[3]
        or terms.get(vector.var) != 1
        or not _evenly(written[0], 1, lines)
    ):
        return grid
    if any(a.var not in terms or a.low is not None for a in grid):
        return grid
    return sorted(grid, key=lambda a: -abs(about(terms[a.var])))


def _large(kernel: Kernel, least: int) -> Iterator[tuple[Stage, list[Axis]]]:
    """The stages, with their loops, that have points for so many bytes."""
    for stage in kernel.stages:
        axes = [*kernel.grid, *stage.axes]
        points = math.prod([about(a.extent) for a in axes])
        if points * max(len(stage.stores), 1) * WIDEST >= least:
            yield stage, axes


def loads_of(stage: Stage) -> Iterator[Expr]:
    """What a stage reads."""
    roots = [x for r in stage.reductions for x in r.values]
    for s in stage.stores:
        roots += [x for x in (s.value, s.when, s.index.rest) if x is not None]
    return (x for x in walk(roots) if x.op == "load")


def _evenly(s: Store, columns: int, vectors: dict[Any, Any]) -> bool:
    """Whether elements that lie together, in rows of so many columns, are written
    together, in whole lines but for few, and without a condition."""
    if s.index.rest is not None or s.when is not None or s.combine is not None:
        return False
    strides = s.index.terms
    row = [vectors[v] for v, stride in strides if stride == columns and v in vectors]
    bytes = columns * math.prod(row) * max(BITS[s.value.type] // 8, 1)
    return len(row) > 0 and (bytes >= ROW or bytes % LINE == 0)


def _in_order(strides: dict[Any, int], axes: list[Axis], columns: int = 1) -> bool:
    """Whether the loops go over memory once, in rows of so many columns, from its lower
    end on, and leave out no more than they read."""
    if strides.get(axes[-1].var) != columns:
        return False
    covered = columns
    for a in reversed(axes):
        stride = about(strides.get(a.var, covered))
        if not covered <= stride <= 2 * covered:
            return False
        if a.var in strides:
            covered = stride * about(a.extent)
    return True


def _goes_down(x: Expr, strides: dict[Any, int], axes: list[Axis]) -> bool:
    """Whether the loops go down columns of long rows, over all once."""
    columns = [a for a in axes[:-1] if a.vector and strides.get(a.var) == 1]
    row = sum([about(a.extent) * BITS[x.type] // 8 for a in columns])
    return row >= 2 * AHEAD and all(a.var in strides for a in axes)


def _bytes(value: Expr, terms: Any, axes: list[Axis]) -> int:
    """About how many bytes are at the places that an access goes to."""
    extents = {a.var: a.extent for a in axes}
    points = math.prod([about(extents.get(v, 1)) for v, _ in terms])
    return points * max(BITS[value.type] // 8, 1)
