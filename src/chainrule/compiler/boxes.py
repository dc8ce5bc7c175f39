"""Boxes: a kernel's points divided where the conditions of its expressions change.

What joins, pads, rolls or shifts arrays chooses by index: `i < 100`. A loop over all
points would evaluate every such condition at every point, and load under masks what
most points do not need. Where a condition compares one loop variable, plainly, with a
number, the loop is cut there: each part, a *box* of the grid, has a nest of its own in
which the condition is decided and what depended on it folded away. Parts too short for
a group of vectors are kept as one, with their conditions.

The loops from the first that is cut become loops of stages, one stage a box. Where that
is the loop that threads share, threads share *tiles* of it, and a box has in each tile
what lies in both.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .conditions import BOXES, cuts, decided, expressions_of
from .expr import Expr, binary
from .functions import operations
from .index import loop_variable, number
from .loop import Axis, Kernel, Stage, Store
from .rewrite import walk
from .sizes import about

NODES = 480
POINTS = 1 << 12
SHORTEST, FEW = 4, 8
GAIN = 0.8
"""The part of the work that cutting one more loop has to leave at most."""

Range = tuple[int, int]
Box = tuple[list[Range], Sequence[Store]]


def in_boxes(kernel: Kernel, width: int) -> Kernel:
    """The kernel in boxes where its expressions have conditions that are worth it;
    otherwise itself. For kernels of one stage without inner loops and reductions."""
    grid = kernel.grid
    plain = all(
        a.low is None and not a.unrolled and (a.vector or a.copies == 1) for a in grid
    )
    if not plain or not grid[-1].vector or len(kernel.stages) != 1:
        return kernel
    stores = kernel.stages[0].stores
    if grid[-1].extent < SHORTEST * width or not cuts(expressions_of(stores)):
        return kernel
    best, chosen = math.inf, None
    for first in reversed(range(len(grid))):
        boxes = _boxes(grid, width, first, stores)
        if 1 < len(boxes) <= BOXES and _nodes(boxes) <= NODES:
            work = _work(grid, boxes)
            if work < GAIN * best:
                best, chosen = work, boxes
    return kernel if chosen is None else _nests(grid, width, chosen)


# --- which boxes


def _boxes(
    grid: Sequence[Axis], width: int, k: int, stores: Sequence[Store]
) -> list[Box]:
    """The boxes of the axes from the k-th on, in which these stores are made."""
    if k == len(grid):
        return [([], stores)]
    var, n = grid[k].var, grid[k].extent
    ends = sorted(
        {0, *(c for v, c in cuts(expressions_of(stores)) if v is var and 0 < c < n), n}
    )
    out: list[Box] = []
    for low, high in _parts(ends, width if grid[k].vector else 1)[: BOXES + 1]:
        inside = decided(stores, var, low, high)
        out += [
            ([(low, high), *ranges], chosen)
            for ranges, chosen in _boxes(grid, width, k + 1, inside)
        ]
    return out


def _parts(ends: Sequence[int], width: int) -> list[Range]:
    """The parts between the ends. Neighbours of few points are one part; beside a long
    one it takes whole vectors, so that no point is computed for its own sake and the
    long one begins where vectors do."""
    few = max(2 * width, FEW)
    out: list[Range] = []
    for low, high in pairwise(ends):
        before = out[-1] if out else (0, 0)
        was_long, is_long = (b - a >= few for a, b in (before, (low, high)))
        if out and not was_long and not is_long:
            out[-1] = before[0], high
        elif out and was_long != is_long and width > 1:
            at = low // width * width if was_long else -(-low // width) * width
            out[-1] = before[0], at
            out.append((at, high))
        else:
            out.append((low, high))
    return [(low, high) for low, high in out if low < high]


def _nodes(boxes: Sequence[Box]) -> int:
    """How long the code of all boxes is."""
    return sum(operations(walk(expressions_of(stores))) for _, stores in boxes)


def _work(grid: Sequence[Axis], boxes: Sequence[Box]) -> float:
    """About how many operations on vectors the boxes take; a load counts as three."""
    v, total = grid[-1].var, 0.0
    for ranges, stores in boxes:
        inside: set[Expr] = set()
        for x in walk(expressions_of(stores)):
            if x is v or any(a in inside for a in x.args) or _goes_along(x, v):
                inside.add(x)
        share = [
            about(b - a) / about(x.extent)
            for (a, b), x in zip(ranges[::-1], grid[::-1])
        ]
        total += math.prod(share) * sum(3 if x.op == "load" else 1 for x in inside)
    return total


def _goes_along(x: Expr, v: Expr) -> bool:
    return x.op == "load" and any(w is v for w, _ in x.data[2])


# --- loops


def _nests(grid: Sequence[Axis], width: int, boxes: Sequence[Box]) -> Kernel:
    """The kernel of the boxes, which differ from some axis on."""
    full = [(0, a.extent) for a in grid]
    first = min(
        k
        for ranges, _ in boxes
        for k, r in enumerate(ranges, len(grid) - len(ranges))
        if r != full[k]
    )
    outer: list[Axis] = list(grid[:first])
    tile: tuple[Expr, Expr] | None = None
    if not first:
        size = _tile_size(grid, width)
        t = loop_variable(-(-grid[0].extent // size))
        outer = [Axis(t, t.data[1])]
        tile = t * number(size), t * number(size) + number(size)
    stages: list[Stage] = []
    for ranges, stores in boxes:
        inner = zip(grid[first:], ranges[first - len(grid) :])
        axes = [_limited(a, width, *r) for a, r in inner]
        if tile is not None:
            _clip(axes[0], ranges[0], tile)
        stages.append(Stage(axes, [], list(stores)))
    return Kernel(outer, stages)


def _tile_size(grid: Sequence[Axis], width: int) -> int:
    """Points of the first axis in a tile: a power of two, a whole number of groups."""
    inner = math.prod(a.extent for a in grid[1:])
    group = grid[0].copies * (width if grid[0].vector else 1)
    return max(1 << max(POINTS // inner, 1).bit_length() - 1, group)


def _limited(a: Axis, width: int, low: int, high: int) -> Axis:
    """The axis from low to high, in single vectors where it is shorter than a group."""
    n, whole = high - low, (low, high) == (0, a.extent)
    made = copy.copy(a)
    made.extent = n
    group = a.copies * (width if a.vector else 1)
    if n < group:
        made.overlap, made.copies = False, 1
        made.constant = made.constant or n <= width
    if not whole:
        made.low, made.high = number(low), number(high)
        made.floor = made.low
    return made


def _clip(a: Axis, limits: Range, tile: tuple[Expr, Expr]) -> None:
    """Limits an axis to what lies in the tile."""
    low, high = (number(n) for n in limits)
    a.low = binary("max", tile[0], low)
    a.high = binary("min", tile[1], high)
    a.floor = low


__all__: list[Any] = ["BOXES", "in_boxes"]
