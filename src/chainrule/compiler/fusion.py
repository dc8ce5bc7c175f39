"""Which values are computed together: clusters of anchors.

An anchor is a value that gets a buffer if somebody outside of its kernel reads it:
results, reductions, and what is costly and read more than once. Everything else is
computed where it is read. A cluster becomes one kernel; its members share an index
space (`dims`), some of whose dimensions may be reduced (`inner`). A member is a *map*
over the whole space, a *fold* over the inner dimensions, or a *point* of the others.

Clusters run in the order of their creation. An anchor joins a cluster when everything
it reads is computed inside it at the same index, or before it: tried out by composing
the expression there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from .conditions import cuts
from .expr import Expr, const
from .index import ZERO, Index, Split, compares, loop_variable, ravel, variable_index
from .loop import load, load_part, result
from .rewrite import walk
from .sizes import alike
from .values import (
    Constant,
    Fold,
    Indices,
    Lazy,
    NotFusable,
    Reader,
    Reduced,
    Stored,
    Value,
    type_of,
)  # fmt: skip

CHUNKED = 1 << 17
LARGE, COLUMN, FEW, ROWS, BLOCK = 1 << 20, 256, 8, 16, 1 << 15
LONG, HUGE, PARTIAL = 1 << 13, 1 << 24, 1 << 21
ROW_LIMIT = 1 << 14
COLUMN_LIMIT = 1 << 16
FAR = 1 << 10
WORK, MEMBERS = 200.0, 16
_serial = itertools.count()


class Cluster:
    """Anchors computed by one kernel."""

    def __init__(self, sequence: int, dims: Sequence[int]):
        self.sequence = sequence
        self.dims = list(dims)
        self.index = [variable_index(loop_variable(n)) for n in dims]
        self.inner: frozenset[int] | None = None
        self.chunks: tuple[int, int] | None = None
        self.members: list[Member] = []
        self.closed = False
        self.work = 0.0
        self.ordered: frozenset[int] = frozenset()
        self.divided: int | None = None
        self.limits: tuple[Expr, Expr] | None = None
        self.reads: dict[Value, None] = {}
        self.composed: dict[Member, tuple[Expr, ...]] = {}

    @property
    def kept(self) -> list[int]:
        """Sizes of the dimensions that are not reduced."""
        inner = self.inner or frozenset()
        return [n for k, n in enumerate(self.dims) if k not in inner]

    def split(self, variable: Expr, factor: int) -> None:
        """Refines a loop variable: factor * outer + inner."""
        self.composed = {}
        outer = loop_variable(variable.data[1] // factor)
        inner = loop_variable(factor)
        replacement = variable_index(outer) * factor + variable_index(inner)
        for k, index in enumerate(self.index):
            total = Index(index.constant)
            for v, c in index.terms:
                total += (replacement if v is variable else variable_index(v)) * c
            self.index[k] = total

    def add(self, work: float) -> None:
        """Counts the work of a member; a cluster that has enough of it is closed: the
        compiler's time grows faster than a kernel does."""
        self.work += work
        self.closed = self.closed or self.work >= WORK

    def indices(self, role: str, shape: Sequence[int]) -> tuple[Index, ...]:
        """The indices at which a member of this role and shape is computed."""
        inner = self.inner or frozenset()
        index = self.index
        if role != "map" and inner:
            index = [i for k, i in enumerate(index) if k not in inner]
        taken = iter(index)
        return tuple([ZERO if n == 1 else next(taken) for n in shape])

    def position(self, role: str, shape: Sequence[int]) -> Index:
        """Their row-major position."""
        return ravel(self.indices(role, shape), shape)


class Member:
    """An anchor in its cluster; a fold stands for all of its results."""

    __slots__ = ("fold", "results", "role", "serial", "stored", "values")

    def __init__(self, role: str, values: list[Value], fold: Fold | None = None):
        self.role, self.values, self.fold = role, values, fold
        self.serial = next(_serial)
        self.results: tuple[Expr, ...] = ()
        if fold is not None:
            self.results = tuple(
                result(self.serial, k, x.type) for k, x in enumerate(fold.initial)
            )


class Context(Reader):
    """Composes expressions inside a cluster; notes which buffers they read. A `final` one
    composes again what was composed when the cluster was made: what has got a buffer
    since then is computed in place, as it was."""

    def __init__(self, cluster: Cluster, final: bool = False):
        self.cluster, self.final = cluster, final
        self.reads: dict[Value, None] = {}
        self.memo: dict[Any, Expr] = {}
        self.composed: tuple[Expr, ...] = ()
        self.inside: dict[Value, Member] = {}
        for member in cluster.members:
            self.enter(member)

    def enter(self, member: Member) -> None:
        """Makes a member readable at its own index."""
        for v in member.values:
            if not isinstance(v, Partial):
                self.inside[v] = member

    def read(
        self, value: Value, position: Index | None, indices: Indices | None
    ) -> Expr:
        key = (value, position if indices is None else tuple(indices), self.guard)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._read(value, position, indices)
        return found

    def _read(self, v: Value, position: Index | None, indices: Indices | None) -> Expr:
        if 0 in v.shape:
            return const(0, v.type or "f32")
        if isinstance(v, Lazy) and (not v.anchor or self._is_later(v)):
            return _in_place(v, position, indices)
        place = position
        if place is None:
            assert indices is not None
            place = ravel(indices, v.shape)
        if v in self.inside:
            member = self.inside[v]
            role = "point" if member.fold is not None else member.role
            if self.cluster.position(role, v.shape) == place:
                return self.element(member, v)
            if self.final and isinstance(v, Lazy):
                return _in_place(v, position, indices)
            raise NotFusable
        if isinstance(v, Constant) and v.expr is not None:
            return v.expr
        self.reads[v] = None
        far = self.guard is not None and _goes_far(place, v.shape)
        return load(v, v.type or "", place, self.guard, far)

    def part(self, v: Value, dtype: Any, position: Index, k: int) -> Expr:
        """Number `k` of the two numbers that a buffer's element consists of."""
        self.reads[v] = None
        return load_part(v, type_of(dtype) or "", position, k, self.guard)

    def _is_later(self, v: Value) -> bool:
        owner = v.owner
        return (
            self.final
            and isinstance(owner, Cluster)
            and owner.sequence > self.cluster.sequence
        )

    def element(self, member: Member, v: Value) -> Expr:
        """What a member's value is at the cluster's current point."""
        if isinstance(v, Reduced):
            return v.fold.finish(member.results)[v.number]
        if member in self.cluster.composed:
            return self.cluster.composed[member][member.values.index(v)]
        return v.compute(self.cluster.indices(member.role, v.shape))

    def values(self, member: Member) -> tuple[Expr, ...]:
        """What a member computes at every point."""
        if member.fold is not None:
            return member.fold.values(self.cluster.indices("map", member.fold.domain))
        return tuple(self.element(member, v) for v in member.values)


def _goes_far(position: Index, shape: Sequence[int]) -> bool:
    """Whether many of the positions of a guarded load lie far outside of the buffer."""
    if position.rest is not None:
        return False
    low, high = position.bounds()
    size = math.prod(shape)
    return max(-low, high - size + 1) > max(size // 4, FAR)


def _in_place(v: Lazy, position: Index | None, indices: Indices | None) -> Expr:
    if indices is not None:
        return v.compute(indices)
    assert position is not None
    return v.compute_linear(position)


def squeezed(shape: Sequence[int]) -> list[int]:
    """The shape without dimensions of size 1."""
    return [n for n in shape if n != 1]


class Fusion:
    """Assigns anchors to clusters; `current` is where values are read at the moment, and
    `beside` a cluster that the next anchor may join without reading what it reads."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.current: Any = None
        self.beside: Any = None

    def next_sequence(self) -> int:
        """The place of a new step in the order of execution."""
        return len(self.steps)

    def take_apart(self) -> None:
        """Lets go of what was made, once it is laid out: values, kernels and the program
        refer to each other, and would wait for a garbage collection."""
        for step in self.steps:
            if isinstance(step, Cluster):
                for v in (v for m in step.members for v in m.values):
                    v.owner = v.buffer = None
                step.members.clear()
        vars(self).clear()

    def close_kernels(self) -> None:
        """Has all later values computed by later kernels."""
        for step in self.steps:
            if isinstance(step, Cluster):
                step.closed = True

    def settle(self, v: Value) -> None:
        """Makes a computed value an anchor, if it is not one, and gives it a cluster."""
        if isinstance(v, Stored) or v.owner is not None:
            return
        work = v.cost
        v.anchor = True
        v.cost, v.depth = 0.0, 0
        if isinstance(v, Reduced):
            self.place([v])
        else:
            self.assign(Member("map", [v]))
        if isinstance(v.owner, Cluster):
            v.owner.add(work)

    def place(self, values: list[Reduced]) -> None:
        """Gives the results of one fold a cluster; long ones are folded in chunks."""
        fold = values[0].fold
        inner = math.prod(fold.domain[k] for k in fold.axes)
        outer = math.prod(fold.domain) // max(inner, 1)
        few = inner * outer >= CHUNKED and outer < 16
        if few or (fold.products and inner >= LONG and inner * outer >= HUGE):
            self._place_chunked(values, fold, 64, 1 << 14)
        elif _down_columns(fold, inner, outer):
            self._place_chunked(values, fold, inner, max(ROWS * outer, BLOCK))
        else:
            self.assign(Member("fold", list(values), fold))

    def _place_chunked(
        self, values: list[Reduced], fold: Fold, most: int, least: int
    ) -> None:
        total = math.prod(fold.domain)
        shape = [n for k, n in enumerate(fold.domain) if k not in fold.axes]
        chunks = min(most, max(total // least, 1))
        # An outer axis, so that a chunk lies in one piece, if it is long enough.
        axis = max(fold.axes, key=lambda k: min(fold.domain[k], chunks))
        chunks = min(fold.domain[axis], chunks)
        chunks = min(chunks, max(PARTIAL // max(math.prod(shape), 1), 1))
        parts = [
            Partial((chunks, *shape), x.type, values[0].reader) for x in fold.initial
        ]
        first = Member("fold", list(parts), fold)
        position = len(squeezed(fold.domain[:axis]))
        self.assign(first, (position, chunks))
        second = Fold(
            (chunks, *shape), (0,),
            lambda indices: tuple(p.at(*indices) for p in parts),
            fold.initial, fold.join, fold.join, parts, fold.finish,
        )  # fmt: skip
        for v in values:
            v.fold = second
        self.assign(Member("fold", list(values), second))

    def assign(self, member: Member, chunks: tuple[int, int] | None = None) -> None:
        """Puts a member into a cluster that can compute it, or into one of its own."""
        alone = self._new(member, chunks)
        context = self.compose(alone, member)
        made = [v.owner for v in context.reads if isinstance(v.owner, Cluster)]
        others = [c for c in self.steps[-3:] if isinstance(c, Cluster)]
        tried: set[int] = set()
        latest_first = [
            *sorted(made, key=lambda c: -c.sequence),
            *sorted(others, key=lambda c: -c.sequence),
        ]
        for cluster in latest_first:
            if cluster.sequence in tried or cluster.closed:
                continue
            tried.add(cluster.sequence)
            if self._join(cluster, member, chunks, context.reads):
                return
        alone.sequence = self.next_sequence()
        self.steps.append(alone)
        self.adopt(alone, member, context)

    def _new(self, member: Member, chunks: tuple[int, int] | None) -> Cluster:
        fold = member.fold
        if fold is None:
            return Cluster(-1, squeezed(member.values[0].shape))
        cluster = Cluster(-1, squeezed(fold.domain))
        cluster.inner, cluster.chunks = _inner(fold), chunks
        return cluster

    def adopt(
        self, cluster: Cluster, member: Member, context: Context | None = None
    ) -> None:
        """Makes a member belong to a cluster, as it was composed there."""
        cluster.members.append(member)
        if context is not None:
            cluster.reads.update(context.reads)
            cluster.composed[member] = context.composed
        for v in member.values:
            v.owner = cluster
            v.buffer = v

    def compose(self, cluster: Cluster, member: Member) -> Context:
        """Composes a member's expressions, refining loop variables as they need."""
        while True:
            context = Context(cluster)
            if member.fold is not None or cluster.members:
                context.enter(member)
            previous, self.current = self.current, context
            try:
                context.composed = context.values(member)
                return context
            except Split as split:
                cluster.split(split.variable, split.factor)
            finally:
                self.current = previous

    def _join(
        self,
        cluster: Cluster,
        member: Member,
        chunks: tuple[int, int] | None,
        reads: dict[Value, None],
    ) -> bool:
        role = _role(cluster, member)
        if role is None or cluster.chunks != chunks or len(cluster.members) >= MEMBERS:
            return False
        related = cluster is self.beside or any(v.owner is cluster for v in reads)
        if not related and (_multiplies(cluster) or not _shares(cluster, reads)):
            return False
        inner = cluster.inner
        if member.fold is not None:
            cluster.inner = _inner(member.fold)
        old_role, member.role = member.role, role
        index, composed = list(cluster.index), cluster.composed
        try:
            context = self.compose(cluster, member)
            ready = all(
                v.owner is None
                or v.owner is cluster
                or v.owner.sequence < cluster.sequence
                for v in context.reads
            )
            if (
                ready
                and _affordable(cluster, member, context)
                and not _loses_boxes(cluster, member, context)
            ):
                self.adopt(cluster, member, context)
                return True
        except NotFusable:
            pass
        cluster.inner, member.role = inner, old_role
        cluster.index, cluster.composed = index, composed
        return False


def _down_columns(fold: Fold, inner: int, outer: int) -> bool:
    """Whether long columns of a large array are folded, all of them together: then a
    few rows at a time, as they lie in memory."""
    if fold.products or inner * outer < LARGE or inner < COLUMN:
        return False
    apart = math.prod(fold.domain[: min(fold.axes)])
    return apart < FEW and math.prod(fold.domain[max(fold.axes) + 1 :]) > 1


def _inner(fold: Fold) -> frozenset[int]:
    """The reduced dimensions among those of the squeezed domain."""
    positions = [k for k, n in enumerate(fold.domain) if n != 1]
    return frozenset(p for p, k in enumerate(positions) if k in fold.axes)


def _role(cluster: Cluster, member: Member) -> str | None:
    """The role a member can have in a cluster, by its shape."""
    fold = member.fold
    if fold is not None:
        if not alike(squeezed(fold.domain), cluster.dims):
            return None
        if cluster.inner is not None and cluster.inner != _inner(fold):
            return None
        return None if fold.products or _multiplies(cluster) else "fold"
    shape = squeezed(member.values[0].shape)
    if cluster.inner is None:
        return "map" if alike(shape, cluster.dims) else None
    if cluster.inner and alike(shape, cluster.kept):
        return "point"
    fits = not _multiplies(cluster) and alike(shape, cluster.dims)
    return "map" if fits else None


def _multiplies(cluster: Cluster) -> bool:
    """Whether a product is in the cluster: its loops are no one else's."""
    return any(m.fold is not None and m.fold.products for m in cluster.members)


def _shares(cluster: Cluster, reads: dict[Value, None]) -> bool:
    return any(v in cluster.reads for v in reads)


def _affordable(cluster: Cluster, member: Member, context: Context) -> bool:
    """Whether rows are short enough to be gone over again, and many enough."""
    if cluster.inner is None or cluster.chunks is not None or member.role == "point":
        return True
    if not any(m.fold is not None for m in cluster.members):
        return True
    total = math.prod(cluster.dims)
    rows = math.prod(cluster.kept)
    if total <= 1 << 14:
        return True
    columns = len(cluster.dims) - 1 not in cluster.inner
    if columns:
        return total <= COLUMN_LIMIT
    return rows >= 8 and total // rows <= ROW_LIMIT


def _loses_boxes(cluster: Cluster, member: Member, context: Context) -> bool:
    """Whether columns would be summed in one kernel with a map of which they have several
    kinds: alone, that is computed in boxes (boxes.py), a kernel with sums is not."""
    inner, last = cluster.inner, len(cluster.dims) - 1
    if not inner or last in inner or math.prod(cluster.dims) > CHUNKED:
        return False
    maps = [cluster.composed.get(m, ()) for m in cluster.members if m.role == "map"]
    maps += [context.composed] if member.role == "map" else []
    expressions = [x for row in maps for x in row]
    if not compares(walk(expressions)):
        return False
    across = {v for v, _ in cluster.index[last].terms}
    return any(v in across for v, _ in cuts(expressions))


class Partial(Value):
    """Accumulators of a chunk of a long reduction, kept in a buffer."""

    __slots__ = ("fold", "number")

    def __init__(self, shape: tuple[int, ...], type: str, reader: Any):
        self.aval, self.shape, self.type, self.reader = None, shape, type, reader
        self.buffer, self.owner, self.anchor = self, None, True
        self.cost, self.depth, self.uses = 0.0, 0, 0


__all__ = ["Cluster", "Context", "Fusion", "Member", "Stored"]
