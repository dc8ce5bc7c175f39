"""Expressions of a kernel, written where they belong: the part of `emit` below loops.

A `ExpressionWriter` knows the open scopes, the current vector axis and which copy of
the copied axes is being written; `operand` gives the name of an expression's value,
computing it in the outermost scope where its variables are defined.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ..expr import FLOATS, Expr, Iteration, Routine, const_value, node
from ..functions import expansion
from ..sizes import identity
from . import memory
from .gathering import short_place
from .operations import Writer, write
from .scopes import Scope, Scopes
from .striding import Windows
from .types import NAMES, constant, is_literal, vector


class ExpressionWriter(Writer):
    """Computes expressions; `emit.Emitter` adds the loops."""

    def __init__(self, width: int):
        super().__init__()
        self.full_width = width
        self.scopes = Scopes()
        self.lines = self.scopes.top.lines
        self.buffers: dict[Any, str] = {}
        self.slots: dict[Any, str] = {}
        self.ints: list[tuple[int, Any]] = []
        self.base: dict[Expr, str | None] = {}
        self.offset: dict[Expr, int] = {}
        self.copied: set[Expr] = set()
        self.copied_in: dict[Expr, tuple[Expr, ...]] = {}
        self.vector_var: Expr | None = None
        self.mask: str | None = None
        self.vector_results: dict[Expr, Sequence[Expr]] = {}
        self.expansions: dict[Expr, Expr] = {}
        self.called: set[Expr] = set()
        self.entry: list[str] = []
        self.serial = itertools.count()
        self.scratch: dict[Any, str] = {}
        self.streams: dict[Any, str] = {}
        self.ahead: frozenset[Any] = frozenset()
        self.windows: Windows = {}

    def number(self, n: int, fresh: Any = None) -> str:
        """A size as an operand: small ones literally, others from `ints`."""
        if fresh is None:
            if is_literal(n):
                return str(n)
            if identity(n) in self.slots:
                return self.slots[identity(n)]
        k = len(self.ints)
        self.ints.append((n, fresh))
        name = f"%n{k}"
        self.entry.append(f"  %np{k} = getelementptr i64, ptr %ints, i64 {k}")
        self.entry.append(f"  {name} = load i64, ptr %np{k}, !invariant.load !0")
        if fresh is None:
            self.slots[identity(n)] = name
        return name

    def buffer(self, key: Any) -> str:
        """The pointer of a buffer."""
        if key in self.scratch:
            return self.scratch[key]
        if key not in self.buffers:
            k = len(self.buffers)
            self.buffers[key] = f"%b{k}"
            self.entry.append(f"  %bp{k} = getelementptr ptr, ptr %buffers, i64 {k}")
            self.entry.append(f"  %b{k} = load ptr, ptr %bp{k}, !invariant.load !0")
        return self.buffers[key]

    # --- scopes

    def within(self, scope: Scope, width: int, make: Callable[[], str]) -> str:
        """Runs `make`, which appends instructions, in `scope` at `width`."""
        lines, old = self.lines, self.width
        self.lines, self.width = scope.lines, width
        try:
            return make()
        finally:
            self.lines, self.width = lines, old

    def key(self, e: Expr) -> Any:
        """What the value of an expression is known by: the expression, and which of the
        copies of its axes it is asked for."""
        copied = self.copied_in.get(e)
        if copied is None:
            copied = tuple([v for v in self.scopes.free(e) if v in self.copied])
            self.copied_in[e] = copied
        if not copied:
            return e
        offset = self.offset
        if len(copied) == 1:
            return e, offset.get(copied[0], 0)
        return (e, *[offset.get(v, 0) for v in copied])

    def is_vector(self, e: Expr) -> bool:
        """Whether the expression varies along the current vector axis."""
        v = self.vector_var
        if v is None:
            return False
        for x in self.scopes.free(e):
            if x is v or v in self.vector_results.get(x, ()):
                return True
        return False

    # --- expressions

    def value(self, e: Expr) -> tuple[str, bool]:
        """Computes an expression where it belongs; its name and whether it's a vector."""
        known, key = self.scopes.known, self.key
        wanted = key(e)
        found = known.get(wanted)
        if found is not None:
            return found
        stack: list[Any] = [e]
        push, pop = stack.append, stack.pop
        while stack:
            x = pop()
            if type(x) is tuple:  # its operands are known
                self._place(*x)
                continue
            name = key(x)
            if name in known:
                continue
            if x.op == "function" and x not in self.called:
                push((x, name))
                push(self.expansion(x))
            elif x.args and not self._is_count(x):
                push((x, name))
                stack += self._needed(x)
            else:
                self._place(x, name)
        return known[wanted]

    def _needed(self, x: Expr) -> tuple[Expr, ...]:
        """The operands that are computed before an expression is."""
        if x.op == "rare":
            return x.args[0], x.args[2]
        if x.op == "load" and x.data[3] & 1 and self.is_vector(x.args[0]):
            short = short_place(x.args[0])
            return x.args if short is None else (short, *x.args[1:])
        return x.args

    def expansion(self, x: Expr) -> Expr:
        """What a function computes."""
        found = self.expansions.get(x)
        if found is None:
            found = self.expansions[x] = expansion(x)
        return found

    def _place(self, x: Expr, name: Any) -> None:
        """Computes an expression whose arguments are known."""
        scopes, op = self.scopes, x.op
        if op == "const":
            scopes.remember(scopes.stack[0], name, (constant(x), False))
        elif op == "int":
            scopes.remember(scopes.stack[0], name, (self.number(x.data), False))
        elif op == "function" and x not in self.called:
            inner = self.expansion(x)
            scope = scopes.at_depth(scopes.depth(inner))
            scopes.remember(scope, name, scopes.known[self.key(inner)])
        else:
            scope = scopes.at_depth(scopes.depth(x))
            scopes.remember(scope, name, self._compute(x, scope))

    def _compute(self, e: Expr, scope: Scope) -> tuple[str, bool]:
        wide, op = self.is_vector(e), e.op
        width = self.full_width if wide else 0
        own = op in ("var", "load", "rare") or self._is_count(e)
        args = [] if own else [self.operand(a, wide) for a in e.args]
        former = self.lines, self.width
        self.lines, self.width = scope.lines, width
        if not own:
            called = op in ("call", "function")
            name = self._call(e, args) if called else write(self, e, args)
        elif op == "load":
            name = memory.load(self, e)
        else:
            name = self._rare(e, scope) if op == "rare" else self._variable(e)
        self.lines, self.width = former
        return name, wide

    def _call(self, e: Expr, args: Sequence[str]) -> str:
        """Calls a routine, which the kernel's text then holds at this width."""
        name = e.data.name
        if e.op == "function":
            name = "_".join([name, *[a.type or "" for a in e.args]])
        if self.width:
            name = f"{name}_{self.width}"
        if name not in self.declared:
            needed = _written(e.data, name, self.width)
            self.declared = {**needed, **self.declared, name: needed[name]}
        given = ", ".join(f"{self.type(a.type)} {v}" for a, v in zip(e.args, args))
        return self.new(f"call {self.type(e.type)} @{name}({given})")

    def operand(self, e: Expr, wide: bool) -> str:
        """The name of an expression's value, as a vector if asked."""
        found = self.scopes.known.get(self.key(e)) or self.value(e)
        name = found[0]
        if not wide or found[1]:
            return name
        if e.op == "const" or (e.op == "int" and name[0] != "%"):
            return f"splat ({NAMES[e.type]} {name})"
        key = ("splat", self.key(e))
        found = self.scopes.known.get(key)
        if found is None:
            scope = self.scopes.at_depth(self.scopes.depth(e))
            found = (
                self.within(scope, 0, lambda: self.broadcast(name, NAMES[e.type])),
                True,
            )
            self.scopes.remember(scope, key, found)
        return found[0]

    def broadcast(self, name: str, llvm_type: str) -> str:
        """A vector whose elements all are `name`."""
        wide = vector(llvm_type, self.full_width)
        one = self.new(f"insertelement {wide} poison, {llvm_type} {name}, i64 0")
        zeros = f"<{self.full_width} x i32> zeroinitializer"
        return self.new(f"shufflevector {wide} {one}, {wide} poison, {zeros}")

    def _is_count(self, e: Expr) -> bool:
        """Whether this is the variable of the vectors in 32 bits, in half the registers."""
        short = e.op == "convert" and e.type in ("i32", "u32")
        return short and e.args[0] is self.vector_var

    def _variable(self, e: Expr) -> str:
        """A loop variable, or that of the vectors in another type."""
        v, type = (e, "i64") if e.op == "var" else (e.args[0], NAMES[e.type])
        base, offset = self.base.get(v), self.offset.get(v, 0)
        if v is not self.vector_var:
            if base is None:
                return str(offset)
            return self.new(f"add i64 {base}, {offset}") if offset else base
        self.width = 0
        start = base if base is not None else "0"
        if offset:
            start = self.new(f"add i64 {start}, {offset * self.full_width}")
        if type != "i64":
            start = self.new(f"trunc i64 {start} to {type}")
        wide = self.broadcast(start, type)
        t = vector(type, self.full_width)
        return self.new(f"add {t} {wide}, {self.lanes(type)}")

    def lanes(self, type: str = "i64") -> str:
        """The vector 0, 1, 2, ..."""
        return "<" + ", ".join(f"{type} {k}" for k in range(self.full_width)) + ">"

    def _rare(self, e: Expr, scope: Scope) -> str:
        """A branch around what only few points need."""
        condition, slow, fast = e.args
        wide = self.width != 0
        test = self.operand(condition, wide)
        quick = self.operand(fast, wide)
        some = test
        if wide:
            some = self.intrinsic(
                f"llvm.vector.reduce.or.v{self.width}i1",
                "i1",
                (vector("i1", self.width), test),
            )
        n = next(self.serial)
        before, then, done = scope.label, f"rare{n}", f"usual{n}"
        scope.lines.append(f"  br i1 {some}, label %{then}, label %{done}")
        inner = Scope(scope.depth, then)
        self.scopes.stack.append(inner)
        try:
            careful = self.operand(slow, wide)
            t = self.type(e.type)
            mask = vector("i1", self.width)
            mixed = self.within(
                inner,
                self.width,
                lambda: self.new(f"select {mask} {test}, {t} {careful}, {t} {quick}"),
            )
        finally:
            self.scopes.close(inner)
        scope.lines += [f"{then}:", *inner.lines, f"  br label %{done}", f"{done}:"]
        scope.label = done
        return self.new(f"phi {t} [ {quick}, %{before} ], [ {mixed}, %{inner.label} ]")


_LANES = node("var", "i64", (), "lanes")
_functions: dict[Any, dict[str, str]] = {}


def _written(routine: Routine, name: str, width: int) -> dict[str, str]:
    """The text of a routine, and what it declares: written once, for all kernels."""
    found = _functions.get((routine, width))
    if found is None:
        kind = _IterationWriter if isinstance(routine, Iteration) else _RoutineWriter
        writer = kind(routine, width)
        text = writer.function(name)
        found = _functions[routine, width] = {**writer.declared, name: text}
    return found


class _RoutineWriter(ExpressionWriter):
    """Writes a routine of scalars (width 0) or vectors."""

    def __init__(self, routine: Routine, width: int):
        super().__init__(width)
        self.routine, self.vector_var = routine, _LANES if width else None
        for k, x in enumerate(routine.parameters):
            self.scopes.remember(self.scopes.top, x, (f"%a{k}", bool(width)))
            self.vector_results[x] = (_LANES,)

    def result(self) -> str:
        """Writes what is computed; its name."""
        return self.operand(self.routine.body, bool(self.full_width))

    def attributes(self) -> int:
        """The group of attributes: what is seldom called stays apart from its callers,
        a mathematical function is written into them."""
        return 1 if isinstance(self.routine, Routine) else 2

    def function(self, name: str) -> str:
        """The function's text."""
        routine, width = self.routine, self.full_width
        result = self.result()
        types = [
            vector(NAMES[x.type], width) for x in (routine.body, *routine.parameters)
        ]
        given = ", ".join(f"{t} %a{k}" for k, t in enumerate(types[1:]))
        head = f"define internal {types[0]} @{name}({given}) #{self.attributes()} {{"
        last = f"  ret {types[0]} {result}\n}}"
        return "\n".join([head, "entry:", *self.scopes.top.lines, last])


class _IterationWriter(_RoutineWriter):
    """Writes a routine that repeats, until the test has failed in all lanes. Which lanes
    have not is kept in a mask, `%on`, where the test might hold again."""

    def __init__(self, routine: Iteration, width: int):
        super().__init__(routine, width)
        self.loop = routine
        self.varying = _varying(routine) if width else set()
        alike = set(routine.carries) - self.varying
        together = alike.issuperset(self.scopes.free(routine.test))
        self.masked = bool(width) and not together and not self._stays(routine.test)
        for x in self.varying:
            self.vector_results[x] = (_LANES,)

    def attributes(self) -> int:
        return 0

    def result(self) -> str:
        loop, outer, varying = self.loop, self.scopes.top, self.varying
        phis = [f"%p{k}" for k in range(len(loop.carries))]
        first = [
            self.operand(x, c in varying) for c, x in zip(loop.carries, loop.initial)
        ]
        inner = Scope(1, "loop")
        self.scopes.stack.append(inner)
        self._enter(inner, phis)
        test = self.operand(loop.test, bool(self.full_width))
        self.lines = inner.lines
        mask = vector("i1", self.full_width)
        if self.masked:
            test = self.new(f"and {mask} %on, {test}")
        inner.lines += [f"  br i1 {self._any(test)}, label %body, label %exit", "body:"]
        inner.label = "body"
        made = [self._update(c, x, test) for c, x in zip(loop.carries, loop.updates)]
        self.scopes.close(inner)
        self.lines = outer.lines
        self.lines += ["  br label %loop", "loop:"]
        for c, phi, x, y in zip(loop.carries, phis, first, made):
            came = f"[ {x}, %{outer.label} ], [ {y}, %{inner.label} ]"
            self.lines.append(f"  {phi} = phi {self._carried(c)} {came}")
        if self.masked:
            came = f"[ splat (i1 true), %{outer.label} ], [ {test}, %{inner.label} ]"
            self.lines.append(f"  %on = phi {mask} {came}")
        self.lines += [*inner.lines, "  br label %loop", "exit:"]
        outer.label = "exit"
        self._enter(outer, phis)
        return super().result()

    def _stays(self, test: Expr) -> bool:
        """Whether a test that has failed in a lane goes on failing there: it reads what
        lanes keep, or whether a count that rises is below that; or such tests together."""
        alike = set(self.loop.carries) - self.varying
        if alike.isdisjoint(self.scopes.free(test)):
            return True
        if test.op in ("and", "or"):
            return all(self._stays(x) for x in test.args)
        if test.op not in ("lt", "le"):
            return False
        count, bound = test.args
        return self._rises(count) and alike.isdisjoint(self.scopes.free(bound))

    def _rises(self, x: Expr) -> bool:
        """Whether this is a count in steps of a positive number, which does not wrap."""
        if x not in self.loop.carries or x.type not in FLOATS:
            return False
        made = self.loop.updates[self.loop.carries.index(x)]
        if made.op != "add" or made.args[0] is not x or made.args[1].op != "const":
            return False
        return const_value(made.args[1]) > 0

    def _enter(self, scope: Scope, names: Sequence[str]) -> None:
        for c, name in zip(self.loop.carries, names):
            self.scopes.depth_of[c] = scope.depth
            self.scopes.remember(scope, c, (name, c in self.varying))

    def _carried(self, c: Expr) -> str:
        return vector(NAMES[c.type], self.full_width if c in self.varying else 0)

    def _any(self, test: str) -> str:
        if not self.full_width:
            return test
        t = vector("i1", self.full_width)
        return self.intrinsic(
            f"llvm.vector.reduce.or.v{self.full_width}i1", "i1", (t, test)
        )

    def _update(self, c: Expr, x: Expr, test: str) -> str:
        """What is carried on: in lanes whose test has failed, what was."""
        wide = c in self.varying
        made, t = self.operand(x, wide), self._carried(c)
        if not wide:
            return made
        mask, old = vector("i1", self.full_width), self.scopes.known[c][0]
        return self.new(f"select {mask} {test}, {t} {made}, {t} {old}")


def _varying(loop: Iteration) -> set[Expr]:
    """The carries that differ from lane to lane. Those that count the steps, and are not
    asked for when a lane's are over, do not."""
    scopes = Scopes()
    alike = set(loop.carries) - set(scopes.free(loop.body))
    found = {c: scopes.free(x) for c, x in zip(loop.carries, loop.updates)}
    starts = {c: scopes.free(x) for c, x in zip(loop.carries, loop.initial)}
    while True:
        kept = {c for c in alike if not starts[c] and alike.issuperset(found[c])}
        if kept == alike:
            return set(loop.carries) - alike
        alike = kept
