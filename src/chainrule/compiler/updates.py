"""Buffers that several steps write: copies with parts replaced, added to, or joined.

A `Written` value has a buffer that its *pieces* fill, in the order of the program. A
piece is an index space of its own, each of whose points goes to a position of the
buffer that it computes, replacing what is there or combined with it. Points of a piece
that may meet at one position have an order: the loops over the `ordered` dimensions
are neither split over threads nor made vectors.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .expr import BITS, Expr, binary
from .fusion import Cluster, Context, Fusion, Member, squeezed
from .index import Index, Split, loop_variable, number, ravel
from .loop import Axis, Combination, Kernel, Stage, Store
from .schedule import WORK, Scheduled
from .sizes import about
from .values import Indices, Stored, Value

SHORT, LONG, ROW = 1 << 12, 1 << 16, 64
SLIM, TURNS, LEAST = 8 * 256, 16, 64
"""Bits of a row that a slim piece has at most; slim pieces of a kernel; rows of a tile,
which are a whole number of groups of vectors."""


class Written(Stored):
    """A value whose buffer pieces fill."""

    __slots__ = ()

    def __init__(self, aval: Any, reader: Any):
        super().__init__(aval, reader, "pieces")


class Piece(Value):
    """One writer: `element` at every index of `shape` goes to position `place`, where
    `when` holds; `combine(old, new)` makes what is stored, `new` itself if None. The
    last dimension goes only from limits(*index)[0] to limits(*index)[1], if given."""

    __slots__ = (
        "combine", "copies", "element", "limits", "place", "stored", "target", "when",
    )  # fmt: skip

    def __init__(
        self,
        target: Written,
        shape: Sequence[int],
        element: Callable[..., Expr],
        place: Callable[..., Index],
        when: Callable[..., Expr] | None,
        combine: Combination | None,
    ):
        self.aval, self.shape, self.type = None, tuple(shape), target.type
        self.reader, self.buffer, self.owner = target.reader, target, None
        self.anchor, self.cost, self.depth = True, 0.0, 0
        self.target, self.element, self.place = target, element, place
        self.when, self.combine = when, combine
        self.copies: Value | None = None
        self.limits: Callable[..., tuple[Expr, Expr]] | None = None
        self.stored: Store | None = None

    @property
    def uses(self) -> int:
        """How many steps read the whole."""
        return self.target.uses

    @property
    def begins(self) -> Written | None:
        return None if self.copies is None else self.target

    def compute(self, indices: Indices) -> Expr:
        return self.element(*indices)

    def store(self, indices: Indices, value: Expr) -> Store:
        """As it was composed when the piece was written: what it reads was computed
        before, or is computed in it, whatever gets a buffer later."""
        if self.stored is None:
            self.stored = self._composed(indices, value)
        return copy.copy(self.stored)

    def _composed(self, indices: Indices, value: Expr) -> Store:
        when = None if self.when is None else self.when(*indices)
        if when is not None and when.op == "const" and when.data:
            when = None
        return Store(self.target, self.place(*indices), value, when, self.combine)


def copy_of(fusion: Fusion, aval: Any, x: Value) -> Written:
    """A buffer that starts as a copy of `x`; in its place if nobody reads it later."""
    made = Written(aval, fusion)
    fill(fusion, made, x)
    return made


def fill(fusion: Fusion, target: Written, x: Value) -> None:
    """Adds the step that makes `target` a copy of `x`."""
    shape = x.shape
    whole = Piece(target, shape, x.at, lambda *i: ravel(i, shape), None, None)
    whole.copies = x
    write(fusion, whole)


def _divide(cluster: Cluster) -> None:
    """Divides a long last dimension that has no order into parts for several threads."""
    last = len(cluster.dims) - 1
    terms = cluster.index[last].terms
    if last in cluster.ordered or len(terms) != 1:
        return
    n = cluster.dims[last]
    parts = next((p for p in (8, 4, 6, 2) if n % p == 0 and n // p >= ROW), None)
    if parts is not None:
        cluster.split(terms[0][0], n // parts)
        cluster.divided = last


def belongs(step: Any, other: Cluster) -> bool:
    """Whether both steps write short pieces of one buffer, or slim ones of its rows, in
    no order."""
    if not isinstance(step, Cluster):
        return False
    v, w = (c.members[0].values[0] for c in (step, other))
    return (
        isinstance(v, Piece)
        and isinstance(w, Piece)
        and v.target is w.target
        and all(p.combine is None and p.copies is None for p in (v, w))
        and not step.ordered
        and (math.prod(v.shape) <= SHORT or _is_slim(v))
    )


def _is_slim(v: Piece) -> bool:
    """Whether a piece has all rows of its target, and little of each."""
    if len(v.shape) != len(v.target.shape) or v.shape[0] != v.target.shape[0]:
        return False
    return math.prod(v.shape[1:]) * BITS[v.type or "f64"] <= SLIM


def together(
    clusters: Sequence[Cluster], parts: Sequence[Scheduled]
) -> Iterator[tuple[Scheduled, list[Cluster]]]:
    """Kernels that run the loops of several, and the clusters of each: slim ones over
    the same rows in turns, short ones one behind the other."""
    width = max(p.width for p in parts)
    rows = [_row_axis(p.kernel) for p in parts]
    if len(parts) > 1 and all(rows):
        for k in range(0, len(parts), TURNS):
            group = slice(k, k + TURNS)
            yield _by_rows(parts[group], rows[group], width), [*clusters[group]]
    elif len(parts) > 1 and all(math.prod(c.dims) <= SHORT for c in clusters):
        yield _one_behind_the_other(parts, width), [*clusters]
    else:
        yield from ((p, [c]) for p, c in zip(parts, clusters))


def _row_axis(kernel: Kernel) -> Axis | None:
    """The loop over the rows of the buffer that a kernel stores into."""
    (store, *_) = kernel.stages[0].stores
    shape = store.buffer.shape
    for a in kernel.grid:
        length = dict(store.index.terms).get(a.var)
        plain = a.extent == shape[0] and a.low is None and len(kernel.stages) == 1
        if plain and length == math.prod(shape[1:]):
            return a
    return None


def _by_rows(parts: Sequence[Scheduled], rows: Sequence[Axis], width: int) -> Scheduled:
    """One kernel whose threads share groups of rows: lines of memory that several parts
    write to stay in a cache from one to the next."""
    count = rows[0].extent
    points = sum(math.prod(a.extent for a in p.kernel.grid) for p in parts) // count
    size = max(LEAST, 1 << max(SHORT // about(points), 1).bit_length() - 1)
    t = loop_variable(-(-count // size))
    stages: list[Stage] = []
    for p, row in zip(parts, rows):
        _fit(p.kernel, width)
        row.low, row.floor, row.constant = t * number(size), number(0), False
        row.high = binary("min", row.low + number(size), number(count))
        stages.append(Stage(p.kernel.grid, [], p.kernel.stages[0].stores))
    instructions = sum(p.instructions for p in parts)
    grain = max(int(WORK * about(t.data[1]) / instructions), 1)
    kernel = Kernel([Axis(t, t.data[1])], stages)
    return Scheduled(kernel, width, t.data[1], grain, {}, instructions)


def _one_behind_the_other(parts: Sequence[Scheduled], width: int) -> Scheduled:
    stages: list[Stage] = []
    for p in parts:
        _fit(p.kernel, width)
        stages += [
            Stage([*p.kernel.grid, *s.axes], s.reductions, s.stores)
            for s in p.kernel.stages
        ]
    kernel = Kernel([Axis(loop_variable(1), 1)], stages)
    return Scheduled(kernel, width, 1, 1, {}, sum(p.instructions for p in parts))


def _fit(kernel: Kernel, width: int) -> None:
    """Lets the loops of a kernel have vectors of this width."""
    for a in (*kernel.grid, *(a for s in kernel.stages for a in s.axes)):
        a.overlap = a.extent >= a.copies * (width if a.vector else 1)


def copied(cluster: Cluster) -> tuple[Value | None, Value | None]:
    """What a cluster copies from one buffer to another, and the other; or nothing."""
    v = cluster.members[0].values[0]
    if isinstance(v, Piece) and v.copies is not None and v.copies.buffer is not None:
        return v.copies, v.target
    return None, None


def write(fusion: Fusion, piece: Piece, ordered: Sequence[int] = ()) -> None:
    """Adds a step that writes the piece; later steps read the buffer behind it."""
    if 0 in piece.shape:
        return
    cluster = Cluster(fusion.next_sequence(), squeezed(piece.shape))
    positions = [k for k, n in enumerate(piece.shape) if n != 1]
    cluster.ordered = frozenset(p for p, k in enumerate(positions) if k in ordered)
    cluster.closed = True
    if cluster.ordered and math.prod(piece.shape) >= LONG:
        _divide(cluster)
    member = Member("map", [piece])
    context = _compose(fusion, cluster, member, piece)
    fusion.steps.append(cluster)
    fusion.adopt(cluster, member, context)
    piece.target.owner = cluster


def _compose(fusion: Fusion, cluster: Cluster, member: Member, piece: Piece) -> Context:
    """Composes a piece's element, position and condition; refines loops as they need."""
    while True:
        context = fusion.compose(cluster, member)
        previous, fusion.current = fusion.current, context
        try:
            (value,) = context.composed
            indices = cluster.indices("map", piece.shape)
            piece.store(indices, value)
            if piece.limits is not None:
                cluster.limits = piece.limits(*indices)
            return context
        except Split as split:
            cluster.split(split.variable, split.factor)
        finally:
            fusion.current = previous


__all__ = [
    "Piece",
    "Written",
    "belongs",
    "copied",
    "copy_of",
    "fill",
    "together",
    "write",
]
