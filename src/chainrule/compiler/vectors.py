"""Which loop of a nest is the vector, and how many points are computed at once.

The vector axis is the one along which the accesses cost least. Products (matrix products
and convolutions) compute blocks of outputs at once, so that operands are loaded once for
several results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .blocking import block, varies
from .expr import BITS, FLOATS, Expr
from .functions import operations, written
from .index import compares
from .nest import Nest
from .rewrite import walk
from .sizes import about
from .tiling import is_short, turned

TURNED, LONG = 16, 32
AT_ONCE, CACHED = 4, 1 << 19
"""How many vectors of little computation are written one behind the other; the bytes of
what stays in a core's caches."""
SIMPLE, LENGTHY, MOST_REGISTERS, WASTE = 12, 100, 4, 1.125
"""Of expressions of so few operations several vectors are written one behind the other, of
those of so many two at once; the most registers of a vector; how much of a row may be
computed in vain for it."""
ACROSS = (1, 2, 3, 4, 8, 12, 16)
"""How many vectors of a product are computed at once: with few rows, many, of which more
lie together in a row of the other operand."""


def vector_variable(nest: Nest, nodes: Sequence[Expr], lanes: int) -> Expr | None:
    """The variable along which a vector costs least, by accesses per element.

    Where a row is kept apart, vectors lie within it: there is room for one row only.
    """
    inner = nest.inner[-1:] if nest.in_order else nest.inner
    candidates = [
        v
        for v in (*([] if nest.scratch else nest.grid), *inner)
        if (v not in nest.limits or len(nest.inner) == 1 or nest.chunk is not None)
        and v not in nest.ordered
        and v is not nest.chunk
        and not any(varies(x, v) for pair in nest.limits.values() for x in pair)
    ]
    loads = [x for x in nodes if x.op == "load"]
    inner_size = about(math.prod(v.data[1] for v in nest.inner))
    repeated = dict.fromkeys(walk(nest.inside()))
    within = operations(repeated)
    computed = 0.3 * within
    after = 0.3 * (operations(nodes) - within) / inner_size
    best: tuple[float, int] | None = None
    chosen = None
    for k, v in enumerate(candidates):
        n = about(v.data[1])
        if n < 2:
            continue
        efficiency = n / (-(-n // lanes)) if n >= lanes else min(n, lanes) * 0.9
        # What is computed after a fold along the vectors is computed one by one.
        scalar = v in nest.inner
        even, odd = (computed, after) if scalar else (computed + after, 0.0)
        for x in loads:
            terms = dict(x.data[2])
            weight = 1.0 if x in repeated or not nest.inner else 1.0 / inner_size
            strange = bool(x.data[3] & 1) and varies(x.args[0], v)
            stride = terms.get(v, 0)
            if not strange and is_short(x.type, stride):
                even += weight * min(2 * abs(stride) - 1, efficiency)
            elif strange or stride not in (-1, 0, 1):
                odd += weight
            else:
                even += weight
        for s, inside in nest.stores():
            weight = 1.0 if inside or not nest.inner else 1.0 / inner_size
            stride = dict(s.index.terms).get(v, 0)
            if s.index.rest is not None and varies(s.index.rest, v):
                stride = 2
            if stride == 1 or (v in nest.inner and not inside):
                even += weight
            else:
                odd += 1.5 * weight
        cost = even / efficiency + odd
        if v in nest.inner:
            cost += 12.0 / inner_size
        key = (cost, -k)
        if best is None or key < best:
            best, chosen = key, v
    return chosen


def widths_of(
    nest: Nest, nodes: Sequence[Expr], vector: Expr | None, lanes: int, bytes: int
) -> tuple[int, int]:
    """The lanes of a register of so many bytes, less along a short axis, and of a vector."""
    if vector is None:
        return lanes, lanes
    n = about(vector.data[1])
    single = lanes if n >= lanes else max(1 << (n - 1).bit_length(), 2)
    return single, single * _registers(nest, nodes, vector, single, bytes)


def _registers(
    nest: Nest, nodes: Sequence[Expr], vector: Expr, width: int, bytes: int
) -> int:
    """How many registers a vector takes: several where much is computed at each point, so
    that operations which wait for each other have neighbours that do not, and where
    columns of what no cache holds are folded, of whose rows more is read at once."""
    down = bool(nest.inner) and vector not in nest.inner
    limited = vector in nest.limits if down else bool(nest.limits)
    if nest.products or nest.ordered or limited or compares(nodes):
        return 1
    size = operations(walk(nest.inside()) if nest.inner else nodes)
    if size <= SIMPLE and not (down and streamed(nodes, vector)):
        return 1
    if not _lie_together(nest, nodes, vector):
        return 1
    count, largest = written(nodes)
    most = MOST_REGISTERS if bytes == 64 and count <= LENGTHY else 2
    room = MOST_REGISTERS * bytes // (largest * width)
    if any(BITS[x.type] <= 8 for x in _in_memory(nest, nodes)):
        room = min(room, bytes // 4 // width)  # masks of quick code have so many lanes
    count = _fitting(min(most, max(room, 1)), vector, width)
    if nest.inner:
        n, group = about(vector.data[1]), width * (AT_ONCE if down else 1)
        while count > 1 and -(-n // (count * group)) * count * group > WASTE * n:
            count //= 2
    return count


def _in_memory(nest: Nest, nodes: Sequence[Expr]) -> list[Expr]:
    """What is loaded, and what is stored."""
    return [x for x in nodes if x.op == "load"] + [s.value for s, _ in nest.stores()]


def _lie_together(nest: Nest, nodes: Sequence[Expr], vector: Expr) -> bool:
    """Whether what is read and written along the vector axis lies together, or is one
    number, at places that are known."""
    stores = [s for s, inside in nest.stores() if inside or not nest.inner]
    if any(s.combine or s.index.rest is not None for s in stores):
        return False
    loads = [x for x in nodes if x.op == "load"]
    terms = [s.index.terms for s in stores] + [x.data[2] for x in loads]
    even = all(dict(t).get(vector, 0) in (0, 1) for t in terms)
    return even and not any(x.data[3] & 1 for x in loads)


def streamed(nodes: Sequence[Expr], vector: Expr) -> bool:
    """Whether an operand that varies along the vector axis exceeds the caches, so that
    its parts should be used as often as they can before the next."""
    sizes = [
        math.prod([about(v.data[1]) for v, _ in x.data[2]]) * max(BITS[x.type] // 8, 1)
        for x in nodes
        if x.op == "load" and vector in dict(x.data[2])
    ]
    return any(n > CACHED for n in sizes)


def copies_of(
    nest: Nest,
    nodes: Sequence[Expr],
    vector: Expr | None,
    width: int,
    vector_bytes: int,
) -> dict[Expr, int]:
    """How many points of an axis are computed at once."""
    size = operations(nodes)
    folds = any(r for r, _, _ in nest.stages)
    if vector is None or nest.scratch or any(s.combine for s, _ in nest.stores()):
        return {}
    if not folds:
        across = _turned(nest, nodes, vector, width)
        if across is not None:
            return {across: width}
        count = AT_ONCE if size <= SIMPLE else 1
        return {vector: _fitting(max(count // nest.columns, 1), vector, width)}
    registers = 24 if vector_bytes == 64 else 12
    if nest.products:
        loads = [x for x in nodes if x.op == "load"]
        same = (vector, nest.chunk, *nest.parts.get(vector, ()))
        axes = [v for v in nest.grid if v not in same]
        most = 1 if vector in nest.inner or size > 40 else ACROSS[-1]
        most = _fitting(most, vector, width)
        across = [c for c in ACROSS if c <= most]
        found = block(loads, axes, vector, across, width, registers)
        if vector in nest.grid or len(found) > 1:
            return {**found, **_at_once(nest, math.prod(found.values()), size)}
    if vector in nest.inner:
        return {vector: _fitting(AT_ONCE, vector, width)} if size <= 40 else {}
    at_once = AT_ONCE if size <= 40 or streamed(nodes, vector) else 1
    across = _fitting(at_once, vector, width)
    return {vector: across, **_at_once(nest, across, size)}


def _at_once(nest: Nest, across: int, size: int) -> dict[Expr, int]:
    """How many points of its loop a fold takes at once that has few accumulators: each of
    them waits for the one before."""
    kept = sum(len(r.initial) for folds, _, _ in nest.stages for r in folds)
    if size > 40 or across * kept > 2 or not nest.inner:
        return {}
    last = nest.inner[-1]
    return {last: 4 // across} if about(last.data[1]) >= LONG else {}


def _turned(nest: Nest, nodes: Sequence[Expr], vector: Expr, width: int) -> Expr | None:
    """The loop along which squares of vectors are transposed; none where an expression
    is too long to be written for each of their rows."""
    axes = [] if nest.inner or nest.ordered else nest.grid
    if operations(nodes) > TURNED:
        return None
    return turned(axes, vector, accesses(nodes), width)


def _fitting(count: int, v: Expr, width: int) -> int:
    """The largest power of two up to `count` of whose vectors the axis has enough."""
    n = about(v.data[1])
    while count > 1 and count * width > n:
        count //= 2
    return count


def widest(nodes: Sequence[Expr]) -> int:
    """Bytes of the widest element that vectors hold."""
    sizes = [
        x.data.widest if x.op == "function" else BITS[x.type] // 8
        for x in nodes
        if x.type != "bool" and (_is_along(x) or x.type in FLOATS)
    ]
    return max(sizes, default=4)


def _is_along(x: Expr) -> bool:
    """Whether `x` loads different elements: one that all lanes share has no vector."""
    return x.op == "load" and bool(x.data[2] or x.args)


def accesses(nodes: Sequence[Expr]) -> list[tuple[str, Any]]:
    """Type and terms of each load."""
    return [(x.type, x.data[2]) for x in nodes if x.op == "load"]
