"""From a cluster to a kernel: the order of loops, what is a vector, what is unrolled.

The members of a cluster become stages: a fold whose values use the results of another
fold comes in a later stage. Adjacent loops that no access can tell apart are merged
(`merging`). What is a vector, and what is computed at once, `vectors` decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import compiler
from ..runtime._native import fetches_to_write, streamed_bytes
from .expr import BITS, Expr, binary
from .functions import operations
from .fusion import Cluster, Context, Member, Partial
from .index import Index, Split, compares, loop_variable, number, ravel, variable_index
from .loop import Axis, Kernel, Recurrence, Reduction, Stage, Store, load, trips
from .merging import merge_loops
from .nest import Nest
from .records import record
from .rewrite import Rewriter, walk
from .short_rows import row_loops, write_out
from .sizes import Size, about
from .streaming import ahead, as_read, streams, written_in_order
from .tiling import close_short, lanes_apart, tiled
from .values import Reduced, Value
from .vectors import (
    accesses,
    copies_of,
    streamed,
    vector_variable,
    widest,
    widths_of,
)

CONSTANT = 64
WORK = 1 << 14
"""Instructions that a thread should have at least, for it to be woken."""
SCRATCH = 1 << 13
UNROLLED = 8


@record
class Scheduled:
    """A kernel, the width of its vectors in elements, and how it may be divided;
    `instructions`: about how many a call takes."""

    kernel: Kernel | Recurrence
    width: int
    extent: int
    grain: int
    scratch: dict[Any, int]
    instructions: float


def schedule(cluster: Cluster, fusion: Any, vector_bytes: int) -> Scheduled:
    """The kernel of a cluster for vectors of so many bytes."""
    return arrange(compose(cluster, fusion), begun(cluster), vector_bytes)


def begun(cluster: Cluster) -> set[Any]:
    """The buffers that a cluster writes after an earlier step has filled them."""
    found = {v.begins for m in cluster.members for v in m.values}
    return found - {None}


def arrange(nest: Nest, begun: set[Any], vector_bytes: int) -> Scheduled:
    """The kernel of a cluster's nest, which it takes apart."""
    merge_loops(nest)
    made = _arrange(nest, vector_bytes)
    _meet_memory(made.kernel, made.width, begun)
    return made


def _meet_memory(kernel: Kernel, width: int, begun: set[Any]) -> None:
    """Says which buffers no cache holds, and how they are read and written."""
    least = streamed_bytes()
    large, fetches = streams(kernel, least, width) - begun, fetches_to_write()
    in_order = written_in_order(kernel, large) if fetches else frozenset[Any]()
    kernel.streams = large - in_order
    kernel.ahead = ahead(kernel, least if fetches else 2 * least) | in_order


# --- members to stages


def compose(cluster: Cluster, fusion: Any) -> Nest:
    """The stages of a cluster, over its loops."""
    while True:
        context = Context(cluster, final=True)
        previous, fusion.current = fusion.current, context
        try:
            return _stages(cluster, context)
        except Split as split:
            cluster.split(split.variable, split.factor)
        finally:
            fusion.current = previous


def _stages(cluster: Cluster, context: Context) -> Nest:
    inner_dims = cluster.inner or frozenset()
    grid: list[Expr] = []
    inner: list[Expr] = []
    parts: dict[Expr, list[Expr]] = {}
    for k, index in enumerate(cluster.index):
        ordered = sorted(index.terms, key=lambda term: -term[1])
        (inner if k in inner_dims else grid).extend(v for v, _ in ordered)
        parts.update({v: [u for u, _ in ordered if u is not v] for v, _ in ordered})
    nest = Nest(grid, inner, [], {}, set(), {}, parts)
    if cluster.divided is not None:
        part = max(cluster.index[cluster.divided].terms, key=lambda term: term[1])[0]
        grid.sort(key=lambda v: v is not part)
    for k in cluster.ordered:
        nest.ordered.update(v for v, _ in cluster.index[k].terms)
    if cluster.limits is not None:
        nest.limits[grid[-1]] = cluster.limits
    chunk = _chunk(cluster, nest) if cluster.chunks else None
    stage_of: dict[Expr, int] = {}
    count = 0
    placed: list[tuple[int, Member, tuple[Expr, ...]]] = []
    for member in cluster.members:
        values = cluster.composed.get(member) or context.values(member)
        used = [x for x in walk(values) if x.op == "result"] if stage_of else []
        stage = max((stage_of[x] + 1 for x in used), default=0)
        if member.fold is not None:
            nest.products |= member.fold.products
            nest.in_order |= member.fold.in_order
            stage_of.update(dict.fromkeys(member.results, stage))
        placed.append((stage, member, values))
        count = max(count, stage + (member.role != "point"))
    nest.stages = [([], [], []) for _ in range(max(count, 1))]
    for stage, member, values in placed:
        _place(nest, cluster, context, stage, member, values, chunk)
    if any(len(s[0]) or len(s[1]) for s in nest.stages[1:]):
        _cache_rows(nest, cluster, placed)
    return nest


def _chunk(cluster: Cluster, nest: Nest) -> Index:
    """Adds the grid's chunk variable and the limits of the loop that is divided."""
    assert cluster.chunks is not None
    position, chunks = cluster.chunks
    divided = max(cluster.index[position].terms, key=lambda term: term[1])[0]
    c = loop_variable(chunks)
    nest.grid.insert(0, c)
    nest.chunk = c
    extent = divided.data[1]
    length = -(-extent // chunks)
    start = c * number(length)
    end = binary("min", start + number(length), number(extent))
    nest.limits[divided] = (binary("min", start, number(extent)), end)
    return variable_index(c)


def _place(
    nest: Nest,
    cluster: Cluster,
    context: Context,
    stage: int,
    member: Member,
    values: tuple[Expr, ...],
    chunk: Index | None,
) -> None:
    fold = member.fold
    if fold is None:
        v = member.values[0]
        if stored(v):
            store = v.store(cluster.indices(member.role, v.shape), values[0])
            if member.role == "point":
                nest.stages[max(stage - 1, 0)][2].append(store)
            else:
                nest.stages[stage][1].append(store)
        return
    reduction = Reduction(values, fold.initial, fold.update, fold.join, member.results)
    nest.stages[stage][0].append(reduction)
    for k, v in enumerate(member.values):
        if not stored(v):
            continue
        if isinstance(v, Partial):
            kept = cluster.indices("point", v.shape[1:])
            index = ravel((chunk or Index(0), *kept), v.shape)
            value = member.results[k]
        else:
            assert isinstance(v, Reduced)
            index = ravel(cluster.indices("point", v.shape), v.shape)
            value = fold.finish(member.results)[v.number]
        nest.stages[stage][2].append(Store(v.buffer, index, value))


def stored(v: Value) -> bool:
    """Whether somebody outside of the kernel reads the value."""
    return v.uses > 0


def _cache_rows(nest: Nest, cluster: Cluster, placed: Sequence[Any]) -> None:
    """Costly values of a row that later stages need again are kept."""
    row = math.prod(v.data[1] for v in nest.inner)
    for stage, member, values in placed:
        if member.role != "map" or stage + 1 >= len(nest.stages):
            continue
        value = values[0]
        if value.op == "load" or not _used_after(nest, stage, value):
            continue
        v = member.values[0]
        if stored(v):
            made = v.store(cluster.indices("map", v.shape), value)
            again = load(made.buffer, value.type, made.index)
        elif row <= SCRATCH:
            key = ("scratch", v)
            nest.scratch[key] = row * max(BITS[value.type] // 8, 1)
            index = ravel(
                [variable_index(x) for x in nest.inner], [x.data[1] for x in nest.inner]
            )
            nest.stages[stage][1].insert(0, Store(key, index, value))
            again = load(key, value.type, index)
        else:
            continue
        _replace_after(nest, stage, value, again)


def _used_after(nest: Nest, stage: int, value: Expr) -> bool:
    for reductions, stores, _ in nest.stages[stage + 1 :]:
        roots = [x for r in reductions for x in r.values] + [s.value for s in stores]
        if any(x is value for x in walk(roots)):
            return True
    return False


def _replace_after(nest: Nest, stage: int, value: Expr, again: Expr) -> None:
    rewriter = Rewriter(lambda x: again if x is value else None)
    for reductions, stores, _ in nest.stages[stage + 1 :]:
        for r in reductions:
            r.values = tuple(rewriter(x) for x in r.values)
        for s in stores:
            s.value = rewriter(s.value)


# --- the order of loops


def _arrange(nest: Nest, vector_bytes: int) -> Scheduled:
    nodes = walk(nest.expressions())
    lanes = vector_bytes // widest(nodes)
    rows = row_loops(nest, lanes, streamed_bytes())
    if rows is None:
        vector = vector_variable(nest, nodes, lanes)
    else:
        vector, columns = rows
        write_out(nest, columns)
        nodes = walk(nest.expressions())
    close_short(vector, accesses(nodes))
    single, width = widths_of(nest, nodes, vector, lanes, vector_bytes)
    if vector in nest.grid:
        nest.grid.remove(vector)
        nest.grid.append(vector)
    elif vector in nest.inner:
        nest.inner.remove(vector)
        nest.inner.append(vector)
    copies = copies_of(nest, nodes, vector, width, vector_bytes)
    grid = [_axis(v, vector, copies, width) for v in nest.grid]
    if not grid:
        grid = [Axis(loop_variable(1), 1)]
    _limit(nest, grid)
    if not nest.ordered:
        if not (nest.inner or nest.products):
            loads, stores = [x for x in nodes if x.op == "load"], nest.stages[-1]
            grid = as_read(grid, loads, [*stores[1], *stores[2]], streamed_bytes())
        _choose_first(nest, nodes, grid, width)
    if not (nest.inner or nest.ordered):
        grid = _tiled(nest, nodes, grid, width)
    grid[0].constant = False
    stages: list[Stage] = []
    for reductions, stores, points in nest.stages:
        if reductions or stores:
            inner = [_axis(v, vector, copies, width) for v in nest.inner]
            for a in inner:
                a.overlap = a.overlap and not reductions
            _limit(nest, inner)
            if nest.products:
                _unroll(inner)
            stages.append(Stage(inner, reductions, stores))
        if points:
            stages.append(Stage([], [], points))
    total = _instructions(nest, nodes, grid, single) * about(grid[0].extent)
    combines = any(s.combine for s, _ in nest.stores())
    if combines:
        for a in grid:
            a.overlap = False
    kernel = Kernel(grid, stages)
    if not (nest.inner or nest.ordered or combines) and compares(nodes):
        kernel = compiler.boxes.in_boxes(kernel, width)
    first = kernel.grid[0]
    grain = _grain(first, total / about(first.extent), width)
    if first.var in nest.ordered:
        grain = max(first.extent, 1)
    return Scheduled(kernel, width, first.extent, grain, nest.scratch, total)


def _limit(nest: Nest, axes: Sequence[Axis]) -> None:
    for a in axes:
        if a.var in nest.limits:
            a.low, a.high = nest.limits[a.var]
            a.overlap = False


def _grain(first: Axis, instructions: float, width: int) -> int:
    """The fewest points of the shared loop for a thread, each of so many instructions."""
    group = first.copies * (width if first.vector else 1)
    return -(-max(int(WORK / instructions), 1) // group) * group


def _choose_first(
    nest: Nest, nodes: Sequence[Expr], grid: list[Axis], width: int
) -> None:
    """Puts the loop that threads share first."""
    last = grid[-1]
    between = [] if nest.inner or nest.products else lanes_apart(grid, accesses(nodes))
    if between:
        grid.sort(key=lambda a: (a in between, a is last))
    candidates = [k for k, a in enumerate(grid) if a not in between]
    first = max(
        candidates, key=lambda k: (not grid[k].vector and _many(grid[k], 1), -k)
    )
    if nest.products and last.vector and nest.parts.get(last.var):
        slabs = nest.parts[last.var]
        grid.sort(key=lambda a: a.var not in slabs)
        return
    many = _many(last, width)
    if not (nest.products and last.vector and streamed(nodes, last.var)):
        short = last.vector and not nest.inner and not _many(grid[first], 1)
        grid.insert(0, grid.pop(grid.index(last) if short and many else first))
        return
    grid.insert(0, grid.pop(len(grid) - 1 if many else first))
    if not many:
        grid.insert(1, grid.pop())


def _many(a: Axis, width: int) -> bool:
    return about(a.extent) >= 4 * a.copies * width


def _tiled(
    nest: Nest, nodes: Sequence[Expr], grid: list[Axis], width: int
) -> list[Axis]:
    """The loops in tiles where an access wants it; stores that combine see a point
    once, and so are left alone."""
    if any(s.combine for s, _ in nest.stores()):
        return grid
    stores = [(s.value.type, s.index.terms) for s, _ in nest.stores()]
    return tiled(grid, [*accesses(nodes), *stores], width)


def _instructions(
    nest: Nest, nodes: Sequence[Expr], grid: Sequence[Axis], width: int
) -> float:
    """About how many instructions a point of the first axis takes; an access of memory
    counts as three."""
    roots = nest.inside()
    inside = walk(roots)
    count = operations(inside)
    within = count + 2 * sum([x.op == "load" for x in inside]) + 3 * len(roots)
    rest = about(math.prod(v.data[1] for v in nest.inner))
    points = about(math.prod(trips(a) for a in grid[1:]))
    lanes = width if any(a.vector for a in grid) or nest.inner else 1
    rest_count = operations(nodes) - count
    return max((within * rest + rest_count) * points / lanes, 1e-9)


def _unroll(inner: list[Axis]) -> None:
    """Writes out the innermost loops of a product where they are short."""
    points = 1
    for a in reversed(inner[1:]):
        points *= a.extent
        if a.vector or a.low is not None or points > UNROLLED:
            return
        a.unrolled, a.overlap, a.constant = True, False, True


def _axis(v: Expr, vector: Expr | None, copies: dict[Expr, int], width: int) -> Axis:
    n, count = v.data[1], copies.get(v, 1)
    group = count * (width if v is vector else 1)
    return Axis(
        v, n, vector=v is vector, copies=count, overlap=n >= group,
        constant=v is vector and type(n) is not Size and n <= CONSTANT,
    )  # fmt: skip


__all__ = ["Scheduled", "arrange", "begun", "compose", "schedule"]
