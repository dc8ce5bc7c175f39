"""Writes a `Recurrence` as an LLVM function: one loop, its carries in registers.

The function has the signature of every kernel's, and is called once, for all its range.
What does not vary from step to step is computed before the loop, as in any kernel. The
length of a long loop, or an open one, is one of the numbers that the function is called
with. A loop that is known in lanes (`compiler/lanes.py`) is written in vectors. What is
read of arrays that the loop changes is read by every step, before it stores.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr, node
from ..lanes import Lanes, LaneStore
from ..loop import Kernel, Recurrence, Store
from . import memory
from .emit import Emitter, Names
from .scopes import Scope
from .types import IN_MEMORY, NAMES, SUFFIX, is_literal, size, vector

_LANE = node("var", "i64", (), "lane")
_JOINTS = {
    "pack": "_packed", "row": "_row", "lane": "_lane", "any": "_across", "all": "_across",
}  # fmt: skip


class RecurrenceEmitter(Emitter):
    """Writes one recurrence; `emit_recurrence` is the way in."""

    def __init__(self, loop: Recurrence):
        lanes: Lanes | None = loop.lanes
        super().__init__(Kernel([], []), lanes.width if lanes else 1)
        self.loop, self.lanes = lanes or loop, lanes
        self.var, self.steps = loop.var, loop.extent
        self.vectors: set[Expr] = set()
        self.scopes.written = set(loop.held)
        self.scopes.grid = (loop.carries[-1] if self.var is None else self.var,)
        if lanes:
            self.vector_var, self.vectors = _LANE, lanes.vectors
            for x in (*lanes.vectors, *lanes.packs):
                self.vector_results[x] = (_LANE,)

    def write(self) -> None:
        """Writes the loop, and the stores behind it."""
        loop = self.loop
        carried = [
            (self._type(c), self.operand(x, c in self.vectors))
            for c, x in zip(loop.carries, loop.initial)
        ]
        if self.var is None:
            finals = self._conditional(carried)
        else:
            fresh = None if is_literal(self.steps) else "length"
            extent = self.number(self.steps, fresh)
            _, finals = self.counted(self.var, ("0", extent), 1, carried, self._step)
        self._enter(loop.carries, finals)
        for s in loop.results:
            self._store(s)

    def _type(self, carry: Expr) -> str:
        return vector(NAMES[carry.type], self.full_width * (carry in self.vectors))

    def _enter(self, carries: list[Expr], names: Names) -> None:
        """Says what the carries are called in the innermost scope."""
        scope = self.scopes.top
        for x, name in zip(carries, names):
            self.scopes.depth_of[x] = scope.depth
            self.scopes.remember(scope, x, (name, x in self.vectors))
        for x in self.lanes.inner if self.lanes else ():
            self.scopes.depth_of[x] = scope.depth

    def _step(self, carries: Names) -> Names:
        self._enter(self.loop.carries, carries)
        return self._updated()

    def _updated(self) -> Names:
        loop = self.loop
        made = [
            self.operand(x, c in self.vectors)
            for c, x in zip(loop.carries, loop.updates)
        ]
        for s in loop.stores if self.scopes.written else ():
            self._operands(s)
        for s in loop.stores:
            self._store(s)
        return made

    # --- lanes

    def _compute(self, e: Expr, scope: Scope) -> tuple[str, bool]:
        joint = _JOINTS.get(e.op)
        if joint is None:
            return super()._compute(e, scope)
        return getattr(self, joint)(e, scope), e.op in ("pack", "row")

    def _packed(self, e: Expr, scope: Scope) -> str:
        """A vector of scalars, of which the first fills up the last lanes."""
        names = [self.operand(x, False) for x in e.data]
        names += names[:1] * (self.full_width - len(names))
        t = NAMES[e.type]

        def make() -> str:
            made = "poison"
            for k, name in enumerate(names):
                into = f"{vector(t, self.full_width)} {made}"
                made = self.new(f"insertelement {into}, {t} {name}, i64 {k}")
            return made

        return self.within(scope, 0, make)

    def _row(self, e: Expr, scope: Scope) -> str:
        return self.within(scope, 0, lambda: self._loaded(e))

    def _loaded(self, e: Expr) -> str:
        """Elements that lie together; under a mask where they are fewer than lanes."""
        buffer, constant, terms, _ = e.data[0].data
        element, align = IN_MEMORY[e.type], size(e.type)
        pointer = memory.address(self, buffer, element, constant, terms, None)
        t = vector(element, self.full_width)
        if len(e.data) == self.full_width:
            return self.new(f"load {t}, ptr {pointer}, align {align}")
        first = self.new(f"load {element}, ptr {pointer}, align {align}")
        name = f"llvm.masked.load.v{self.full_width}{SUFFIX[e.type]}.p0"
        return self.intrinsic(
            name, t, ("ptr", pointer), ("i32", str(align)),
            self._first_lanes(len(e.data)), (t, self.broadcast(first, element)),
        )  # fmt: skip

    def _first_lanes(self, n: int) -> tuple[str, str]:
        """The mask of the first lanes, with its type."""
        bits = ", ".join(f"i1 {str(k < n).lower()}" for k in range(self.full_width))
        return vector("i1", self.full_width), f"<{bits}>"

    def _lane(self, e: Expr, scope: Scope) -> str:
        whole, k = e.data
        name, t = self.operand(whole, True), vector(NAMES[e.type], self.full_width)
        return self.within(
            scope, 0, lambda: self.new(f"extractelement {t} {name}, i64 {k}")
        )

    def _across(self, e: Expr, scope: Scope) -> str:
        name, width = self.operand(e.data, True), self.full_width
        called = f"llvm.vector.reduce.{'or' if e.op == 'any' else 'and'}.v{width}i1"
        given = vector("i1", width), name
        return self.within(scope, 0, lambda: self.intrinsic(called, "i1", given))

    def _store(self, s: Store | LaneStore) -> None:
        if isinstance(s, LaneStore):
            self._store_lanes(s)
            return
        self._operands(s)
        var, self.vector_var = self.vector_var, None
        memory.store(self, s)
        self.vector_var = var

    def _operands(self, s: Store) -> None:
        """Computes what a store needs."""
        for x in (s.value, s.when, s.index.rest):
            if x is not None:
                self.operand(x, False)

    def _store_lanes(self, s: LaneStore) -> None:
        name, type, at = self.operand(s.value, True), s.value.type, s.index
        element, align, width = IN_MEMORY[type], size(type), self.full_width

        def make() -> str:
            t, made = vector(element, width), name
            if type == "bool":
                made = self.new(f"zext {vector('i1', width)} {made} to {t}")
            pointer = memory.address(
                self, s.buffer, element, at.constant, at.terms, None
            )
            if s.count == width:
                text = f"  store {t} {made}, ptr {pointer}, align {align}"
                self.lines.append(text)
                return made
            short = SUFFIX["i8" if type == "bool" else type]
            call = f"llvm.masked.store.v{width}{short}.p0"
            mask, lanes = self._first_lanes(s.count)
            self.declared.setdefault(
                call, f"declare void @{call}({t}, ptr, i32, {mask})"
            )
            given = f"{t} {made}, ptr {pointer}, i32 {align}, {mask} {lanes}"
            self.lines.append(f"  call void @{call}({given})")
            return made

        self.within(self.scopes.top, 0, make)

    # --- loops that end by a test

    def _conditional(self, carried: list[tuple[str, str]]) -> Names:
        """A loop that begins with its test; the carries that the test left it with."""
        outer, n = self.scopes.top, next(self.serial)
        phis = [f"%p{n}_{k}" for k in range(len(carried))]
        scope = Scope(len(self.scopes.stack), f"loop{n}")
        scope.depth = outer.depth + 1
        self.scopes.stack.append(scope)
        saved, self.lines = self.lines, scope.lines
        self._enter(self.loop.carries, phis)
        assert self.loop.test is not None
        test = self.operand(self.loop.test, False)
        scope.lines += [f"  br i1 {test}, label %body{n}, label %exit{n}", f"body{n}:"]
        scope.label = f"body{n}"
        made = self._updated()
        self.scopes.close(scope)
        self.lines = saved
        lines = outer.lines
        lines += [f"  br label %loop{n}", f"loop{n}:"]
        for (t, first), phi, last in zip(carried, phis, made):
            came = f"[ {first}, %{outer.label} ], [ {last}, %{scope.label} ]"
            lines.append(f"  {phi} = phi {t} {came}")
        lines += [*scope.lines, f"  br label %loop{n}", f"exit{n}:"]
        outer.label = f"exit{n}"
        return phis


def emit_recurrence(loop: Recurrence, name: str) -> tuple[str, list[Any], list[int]]:
    """The text of a recurrence's function, its buffers and its numbers in order."""
    e = RecurrenceEmitter(loop)
    e.write()
    return e.function(name), list(e.buffers), [n for n, _ in e.ints]
