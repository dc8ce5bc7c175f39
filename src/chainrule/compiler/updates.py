"""Buffers that several steps write: copies with parts replaced, added to, or joined.

A `Written` value has a buffer that its *pieces* fill, in the order of the program. A
piece is an index space of its own, each of whose points goes to a position of the
buffer that it computes, replacing what is there or combined with it. Points of a piece
that may meet at one position have an order: the loops over the `ordered` dimensions
are neither split over threads nor made vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .expr import Expr
from .fusion import Cluster, Fusion, Member, squeezed
from .index import Index, ravel
from .loop import Combination, Store
from .values import Indices, Stored, Value


class Written(Stored):
    """A value whose buffer pieces fill."""

    __slots__ = ()

    def __init__(self, aval: Any, reader: Any):
        super().__init__(aval, reader, "pieces")


class Piece(Value):
    """One writer: `element` at every index of `shape` goes to position `place`, where
    `when` holds; `combine(old, new)` makes what is stored, `new` itself if None."""

    __slots__ = ("combine", "copies", "element", "place", "target", "when")

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

    @property
    def uses(self) -> int:
        """How many steps read the whole."""
        return self.target.uses

    def compute(self, indices: Indices) -> Expr:
        return self.element(*indices)

    def store(self, indices: Indices, value: Expr) -> Store:
        when = None if self.when is None else self.when(*indices)
        if when is not None and when.op == "const" and when.data:
            when = None
        return Store(self.target, self.place(*indices), value, when, self.combine)


def copy_of(fusion: Fusion, aval: Any, x: Value) -> Written:
    """A buffer that starts as a copy of `x`; in its place if nobody reads it later."""
    made, shape = Written(aval, fusion), x.shape
    whole = Piece(made, shape, x.at, lambda *i: ravel(i, shape), None, None)
    whole.copies = x
    write(fusion, whole)
    return made


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
    member = Member("map", [piece])
    context = fusion.compose(cluster, member)
    fusion.steps.append(cluster)
    fusion.adopt(cluster, member)
    cluster.reads.update(context.reads)
    piece.target.owner = cluster


__all__ = ["Piece", "Written", "copied", "copy_of", "write"]
