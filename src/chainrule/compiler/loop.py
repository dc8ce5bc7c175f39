"""The loop IR: kernels as loop nests over scalar expressions.

A `Kernel` runs over the points of a grid; at each point it runs its stages in order.
A stage is a nest of inner loops (or none) that at each of its points updates
reductions and stores values; later stages may use the results of the reductions of
earlier ones. At most one axis on the way from the grid to a stage is a vector axis.
Loads and stores address buffers by `offset + sum(stride * variable)`, in elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .expr import Expr, node
from .index import Index
from .records import record
from .rewrite import walk

Combine = Callable[[tuple[Expr, ...], tuple[Expr, ...]], tuple[Expr, ...]]
Combination = Callable[[Expr, Expr], Expr]


@record
class Axis:
    """A loop. `vector` axes advance by whole vectors; `copies` points (or vectors) are
    computed at once, with shared operands loaded once; `unrolled` axes have a constant
    extent and no loop at all. `low` and `high`, if given, bound the loop instead of 0
    and the extent. `overlap`: the last group of points ends at the extent and computes
    some points a second time, instead of a rest; the extent is at least one group.
    `floor`: where the limits may be closer than a group, the first point that a group
    which ends at the upper one may begin with."""

    var: Expr
    extent: int
    vector: bool = False
    copies: int = 1
    unrolled: bool = False
    constant: bool = False
    overlap: bool = False
    low: Expr | None = None
    high: Expr | None = None
    floor: Expr | None = None


@record
class Reduction:
    """Accumulators that `update(accumulators, values)` changes at every point; `join`
    makes one of two sets of accumulators."""

    values: tuple[Expr, ...]
    initial: tuple[Expr, ...]
    update: Combine
    join: Combine
    results: tuple[Expr, ...]


@record
class Store:
    """buffer[index] = value; `when` leaves out the points where it is false. With
    `combine` it is combine(buffer[index], value) that is stored."""

    buffer: Any
    index: Index
    value: Expr
    when: Expr | None = None
    combine: Combination | None = None


@record
class Stage:
    """Inner loops with what happens at each of their points."""

    axes: list[Axis]
    reductions: list[Reduction]
    stores: list[Store]


@record
class Kernel:
    """A grid of independent points, and the stages run at each. `streams`: the buffers
    that are written past the caches; `ahead`: those that are asked for before they are
    read or written (see `streaming.py`)."""

    grid: list[Axis]
    stages: list[Stage]
    name: str = ""
    streams: frozenset[Any] = frozenset()
    ahead: frozenset[Any] = frozenset()


@record
class Recurrence:
    """A loop that carries scalars from step to step, all of them in registers: `extent`
    steps counted by `var`, or, without one, as long as `test` holds. `carries` are what
    expressions of a step call the values that come in; they become `updates`. `stores`
    are made by every step, `results` after the last, of the last carries. `lanes`: the
    same loop in vectors, where there is one (see `lanes.py`). `held`: the buffers that a
    step reads and writes, all reads before the writes (see `held.py`)."""

    var: Expr | None
    extent: int
    carries: list[Expr]
    initial: list[Expr]
    updates: list[Expr]
    stores: list[Store]
    results: list[Store]
    test: Expr | None = None
    lanes: Any = None
    held: Sequence[Any] = ()


def load(
    buffer: Any, type: str, index: Index, guard: Expr | None = None, far: bool = False
) -> Expr:
    """The element of a buffer; with a guard, 0 where it is false (nothing is read).
    `far`: what is not read may lie far outside of the buffer."""
    args: tuple[Expr, ...] = ()
    flags = 0
    if index.rest is not None:
        args, flags = (index.rest,), 1
    if guard is not None:
        args, flags = (*args, guard), flags | 2 | 4 * far
    return node("load", type, args, (buffer, index.constant, index.terms, flags))


PAIRED, SECOND = 8, 16


def load_part(buffer: Any, type: str, index: Index, k: int, guard: Expr | None) -> Expr:
    """Number k of the two numbers side by side, at position 2 * index, of which each
    element of a buffer consists. Flags say so: where one is, the other can be read."""
    place = index * 2 + k
    e = load(buffer, type, place, guard)
    *data, flags = e.data
    return node("load", type, e.args, (*data, flags | PAIRED | SECOND * k))


def result(serial: int, k: int, type: str) -> Expr:
    """The k-th result of a reduction, a scalar of the grid's point."""
    return node("result", type, (), (serial, k))


def trips(axis: Axis) -> int:
    """How often a loop's body runs; a loop with limits goes over one chunk of many."""
    if axis.low is None:
        return axis.extent
    limits = walk((axis.low,))
    found = {v for x in limits if x.op == "load" for v, _ in x.data[2]}
    found.update(x for x in limits if x.op == "var")
    return -(-axis.extent // max(math.prod(v.data[1] for v in found), 1))
