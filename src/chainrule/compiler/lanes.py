"""Lanes of a recurrence: parts of its step that do alike, side by side in vectors.

The carries of a step fall into systems that read each other (the strongly connected
components of what reads what): the rows of a matrix that is multiplied from the right,
the examples of a batch, the numbers of a vector. Systems that compute the same of their
own carries are the lanes of vectors; what all lanes share stays a scalar. Nothing is
reassociated: every number is computed by the operations it was computed by before.

Operations without operands join the two kinds of values: `pack`, a vector of scalars, or
`row`, where these lie together in memory; `lane`, a number of a vector; `any` and `all`,
over the lanes of a vector.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from .expr import BITS, Expr, node
from .functions import operations
from .index import Index
from .loop import Recurrence, Store
from .records import record
from .rewrite import Rewriter, walk

GAIN = 0.75
"""Lanes are used where they leave at most so much of the operations."""
LEAVES = frozenset(("const", "int", "var", "load", "given"))
CHAINS = frozenset(("or", "and", "add", "mul", "max", "min"))
ACROSS = {"or": "any", "and": "all"}
_serial = itertools.count()


@record
class LaneStore:
    """The first lanes of `value`, to elements that lie together from `index` on."""

    buffer: Any
    index: Index
    value: Expr
    count: int


@record
class Lanes:
    """A recurrence in vectors of `width`: as a Recurrence, but that `vectors`, among the
    carries, are vectors, as is each of `packs`; stores may be LaneStores. `inner`
    are operations without operands that are not known before the loop. `size`: the
    operations of a step, of which `scalars` are not on vectors."""

    width: int
    carries: list[Expr]
    initial: list[Expr]
    updates: list[Expr]
    stores: list[Any]
    results: list[Any]
    test: Expr | None
    vectors: set[Expr]
    packs: list[Expr]
    inner: list[Expr]
    size: int
    scalars: int


def in_lanes(loop: Recurrence, vector_bytes: int) -> Lanes | None:
    """The loop in lanes, None where that saves too little."""
    systems = _Systems(loop)
    groups = [g for g in systems.groups() if len(g) > 1 and g[0].works]
    if not groups:
        return None
    roots = [*loop.updates, *(s.value for s in loop.stores)]
    widest = max(_bytes(x) for g in groups for x in g[0].order)
    most = max(map(len, groups))
    width = min(vector_bytes // widest, 1 << (most - 1).bit_length())
    if width < 2:
        return None
    made = _Packing(loop, width)
    parts = [g[k : k + width] for g in groups for k in range(0, len(g), width)]
    for part in parts:
        made.enter(part)
    for part in parts:
        made.add(part)
    found = made.finish()
    return found if found.size <= GAIN * operations(walk(roots)) else None


def _bytes(x: Expr) -> int:
    widest = x.data.widest if x.op == "function" else 1
    return max(widest, BITS[x.type] // 8)


class _System:
    """Carries that read each other, by number; what they become, and what is stored of
    them. `order`: the nodes of all that, operands first."""

    def __init__(
        self, loop: Recurrence, numbers: Sequence[int], stored: Sequence[Expr]
    ):
        self.numbers = numbers
        self.own = {loop.carries[k]: i for i, k in enumerate(numbers)}
        roots = [*(loop.updates[k] for k in numbers), *stored]
        self.order = _ordered(roots)
        place = {x: i for i, x in enumerate(self.order)}
        self.key = (
            tuple(self._part(x, place) for x in self.order),
            tuple(place[x] for x in roots),
        )

    @property
    def works(self) -> bool:
        """Whether anything is computed."""
        return any(x.op not in LEAVES for x in self.order)

    def _part(self, x: Expr, place: dict[Expr, int]) -> Any:
        if x in self.own:
            return "own", self.own[x]
        if x.op in LEAVES:
            return "leaf", x.type
        return x.op, x.type, x.data, *[place[a] for a in x.args]


def _ordered(roots: Sequence[Expr]) -> list[Expr]:
    """The nodes of expressions, operands first, leaves without theirs."""
    seen: dict[Expr, None] = {}
    stack: list[Any] = list(roots[::-1])
    while stack:
        x = stack.pop()
        if type(x) is tuple:
            seen[x[0]] = None
        elif x not in seen:
            stack.append((x,))
            if x.op not in LEAVES:
                stack += [a for a in x.args if a not in seen]
    return list(seen)


class _Systems:
    """The systems of a loop: bit k of a mask stands for carry k."""

    def __init__(self, loop: Recurrence):
        self.loop = loop
        tests = [] if loop.test is None else [loop.test]
        self.roots = [*(s.value for s in loop.stores), *tests, *loop.updates]
        self.masks = {c: 1 << k for k, c in enumerate(loop.carries)}
        for x in walk(self.roots):
            if x not in self.masks:
                mask = 0
                for a in x.args:
                    mask |= self.masks[a]
                self.masks[x] = mask
        self.reach = self._closed([self.masks[u] for u in loop.updates])

    @staticmethod
    def _closed(reads: list[int]) -> list[int]:
        """What every carry depends on, itself included, over any number of steps."""
        reach = [mask | 1 << k for k, mask in enumerate(reads)]
        for k in range(len(reach)):
            for i, mask in enumerate(reach if reach[k] != 1 << k else ()):
                if mask >> k & 1:
                    reach[i] = mask | reach[k]
        return reach

    def groups(self) -> list[list[_System]]:
        """Systems that are alike, those first that others read."""
        members: dict[int, list[int]] = {}
        for k, mask in enumerate(self.reach):
            members.setdefault(mask, []).append(k)
        made = self._made()
        systems = [
            (mask.bit_count(), _System(self.loop, numbers, made.get(mask, ())))
            for mask, numbers in members.items()
        ]
        alike: dict[Any, list[_System]] = {}
        for depth, system in sorted(systems, key=lambda pair: pair[0]):
            alike.setdefault((depth, system.key), []).append(system)
        return list(alike.values())

    def _made(self) -> dict[int, list[Expr]]:
        """The largest parts of the step that read one system, and what that reads."""
        found: dict[int, list[Expr]] = {}
        seen: set[Expr] = set()
        stack = self.roots[::-1]
        while stack:
            x = stack.pop()
            mask = self.masks[x]
            if x in seen or x.op in LEAVES or not mask:
                continue
            seen.add(x)
            deepest = max(self._read(mask), key=int.bit_count)
            if mask & ~deepest:
                stack += list(_terms(x))[::-1] if x.op in CHAINS else x.args[::-1]
            else:
                found.setdefault(deepest, []).append(x)
        return found

    def _read(self, mask: int) -> Iterable[int]:
        while mask:
            low = mask & -mask
            yield self.reach[low.bit_length() - 1]
            mask ^= low


class _Packing:
    """Puts systems into vectors; `place` says where the value of a node is found."""

    def __init__(self, loop: Recurrence, width: int):
        self.loop, self.width = loop, width
        self.place: dict[Expr, tuple[Expr, int]] = {}
        self.count: dict[Expr, int] = {}
        self.packed: set[int] = set()
        self.carries: list[Expr] = []
        self.initial: list[Expr] = []
        self.updates: list[Expr] = []
        self.packs: dict[Expr, None] = {}
        self.joints: dict[Expr, None] = {}
        self.scalar = Rewriter(self._scalar)
        self.loaded = 0

    def enter(self, systems: Sequence[_System]) -> None:
        """Makes the carries of some systems that are alike lanes."""
        loop = self.loop
        for numbers in zip(*(s.numbers for s in systems)):
            columns = [loop.carries[k] for k in numbers]
            carry = node("given", columns[0].type, (), ("lanes", next(_serial)))
            self._remember(columns, carry)
            self.carries.append(carry)
            self.initial.append(self._pack([loop.initial[k] for k in numbers]))
            self.packed.update(numbers)

    def add(self, systems: Sequence[_System]) -> None:
        """Computes the carries of systems that were entered, and what is stored."""
        loop, first = self.loop, systems[0]
        made: dict[Expr, Expr] = {}
        for column in zip(*(s.order for s in systems)):
            x = column[0]
            own = x in first.own
            made[x] = self.place[x][0] if own else self._column(column, made)
        self.updates += [made[loop.updates[k]] for k in first.numbers]

    def _remember(self, column: Sequence[Expr], vector: Expr) -> None:
        self.count[vector] = len(column)
        for k, x in enumerate(column):
            self.place.setdefault(x, (vector, k))

    def _column(self, column: Sequence[Expr], made: dict[Expr, Expr]) -> Expr:
        """What computes a node of all systems."""
        x = column[0]
        if all(a is x for a in column):
            return self.scalar(x)
        if x.op in LEAVES:
            return self._pack([self.scalar(a) for a in column])
        args = tuple([made[a] for a in x.args])
        vector = node(x.op, x.type, args, x.data)
        self._remember(column, vector)
        return vector

    def _pack(self, column: Sequence[Expr]) -> Expr:
        """A vector of scalars, or a scalar that all of them are."""
        x = column[0]
        if all(a is x for a in column):
            return x
        if all(a.op == "lane" and a.data[0] is x.data[0] for a in column):
            vector = x.data[0]
            if [a.data[1] for a in column] == list(range(self.count[vector])):
                return vector
        op = "row" if _together(column) else "pack"
        pack = node(op, x.type, (), tuple(column))
        self.packs[pack] = None
        self.count[pack] = len(column)
        return pack

    # --- what is left

    def _scalar(self, x: Expr) -> Expr | None:
        """A number that is in a vector; a combination of a vector's lanes."""
        if x in self.place:
            return self._joint("lane", x.type, self.place[x])
        if x.op in ACROSS:
            return self._across(x)
        return None if x.args else x

    def _joint(self, op: str, type: str, data: Any) -> Expr:
        made = node(op, type, (), data)
        self.joints[made] = None
        return made

    def _across(self, x: Expr) -> Expr | None:
        """A chain of `or` or `and` over all lanes of vectors, taken together."""
        terms = list(dict.fromkeys(_terms(x)))
        lanes: dict[Expr, int] = {}
        for t in terms:
            vector = self.place[t][0] if t in self.place else None
            if vector is not None:
                lanes[vector] = lanes.get(vector, 0) + 1
        whole = [v for v, n in lanes.items() if n == self.count[v]]
        if x.type != "bool" or not whole:
            return None
        vector = whole[0]
        for v in whole[1:]:
            vector = node(x.op, "bool", (vector, v))
            self.count[vector] = self.width
        out = self._joint(ACROSS[x.op], "bool", vector)
        for t in terms:
            if t not in self.place or self.place[t][0] not in whole:
                out = node(x.op, "bool", (self.scalar(t), out))
        return out

    def finish(self) -> Lanes:
        """The loop, with what is not in vectors as it was."""
        loop = self.loop
        rest = [k for k in range(len(loop.carries)) if k not in self.packed]
        vectors = set(self.carries)
        carries = [*self.carries, *(loop.carries[k] for k in rest)]
        updates = [*self.updates, *(self.scalar(loop.updates[k]) for k in rest)]
        stores = self._stores(loop.stores)
        results = self._stores(loop.results)
        test = None if loop.test is None else self.scalar(loop.test)
        roots = [*updates, *_read_by(stores)]
        given = {*carries, *([] if loop.var is None else [loop.var])}
        tests = [] if test is None else [test]
        inner, size, scalars = self._inner(given, [*roots, *tests])
        return Lanes(
            self.width, carries,
            [*self.initial, *(loop.initial[k] for k in rest)], updates,
            stores, results, test, vectors, list(self.packs), inner, size,
            scalars,
        )  # fmt: skip

    def _stores(self, stores: Iterable[Store]) -> list[Any]:
        """Stores, those of a vector's lanes to neighbours as one."""
        made: list[Any] = []
        for s in stores:
            value = self.scalar(s.value)
            when, rest = s.when, s.index.rest
            when = when if when is None else self.scalar(when)
            rest = rest if rest is None else self.scalar(rest)
            index = Index(s.index.constant, s.index.terms, rest)
            made.append(Store(s.buffer, index, value, when, s.combine))
        return list(self._joined(made))

    def _joined(self, stores: Sequence[Store]) -> Iterable[Any]:
        k = 0
        while k < len(stores):
            s, n = stores[k], 1
            if s.value.op == "lane":
                vector = s.value.data[0]
                n = self.count[vector]
                if all(self._follows(s, t, j) for j, t in enumerate(stores[k : k + n])):
                    if len(stores) >= k + n:
                        yield LaneStore(s.buffer, s.index, vector, n)
                        k += n
                        continue
            yield s
            k += 1

    @staticmethod
    def _follows(first: Store, s: Store, j: int) -> bool:
        """Whether a store of lane 0 is continued by one of lane j."""
        at, start = s.index, first.index
        same = s.buffer is first.buffer and at.terms == start.terms
        plain = s.when is None and at.rest is None and s.combine is None
        beside = plain and same and at.constant == start.constant + j
        return (
            beside and s.value.op == "lane" and s.value.data == (first.value.data[0], j)
        )

    def _inner(
        self, given: set[Expr], roots: Sequence[Expr]
    ) -> tuple[list[Expr], int, int]:
        """The joints that vary from step to step; the operations of a step, and those
        of them that are not on vectors."""
        varies: dict[Expr, bool] = {}
        stack: list[Any] = list(roots)
        while stack:
            x = stack[-1]
            pending = [a for a in _operands(x) if a not in varies]
            if pending and x not in varies:
                stack += pending
                continue
            stack.pop()
            below = any(varies[a] for a in _operands(x))
            varies[x] = below or x in given or _moves(x)
        steps = [x for x, v in varies.items() if v]
        sizes = [(_size(x), x in self.count and x.op != "pack") for x in steps]
        inner = [x for x in steps if x in self.joints or x in self.packs]
        return inner, sum(n for n, _ in sizes), sum(n for n, wide in sizes if not wide)


def _size(x: Expr) -> int:
    if x.op in LEAVES:
        return 0
    if x.op == "pack":
        return len(x.data)
    return x.data.size if x.op == "function" else 1


def _read_by(stores: Iterable[Any]) -> Iterable[Expr]:
    """What stores read: values, conditions and computed places."""
    for s in stores:
        yield s.value
        when = None if isinstance(s, LaneStore) else s.when
        yield from (x for x in (when, s.index.rest) if x is not None)


def _terms(x: Expr) -> Iterable[Expr]:
    """The terms of a chain of one operation."""
    stack = [x]
    while stack:
        y = stack.pop()
        if y.op == x.op:
            stack += y.args[::-1]
        else:
            yield y


def _operands(x: Expr) -> Sequence[Expr]:
    if x.op in ("pack", "row"):
        return x.data
    if x.op == "lane":
        return x.data[:1]
    return (x.data,) if x.op in ("any", "all") else x.args


def _moves(x: Expr) -> bool:
    """Whether a load is from another place at every step."""
    return x.op == "var" or (x.op == "load" and bool(x.data[2]))


def _together(column: Sequence[Expr]) -> bool:
    """Whether these are elements that lie together in memory."""
    first = column[0]
    if first.op != "load" or first.data[3] or first.type == "bool":
        return False
    buffer, constant, terms, _ = first.data
    return all(
        x.op == "load" and x.data == (buffer, constant + j, terms, 0)
        for j, x in enumerate(column)
    )


__all__ = ["LaneStore", "Lanes", "in_lanes"]
