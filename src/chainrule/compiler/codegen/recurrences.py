"""Writes a `Recurrence` as an LLVM function: one loop, its carries in registers.

The function has the signature of every kernel's, and is called once, for all its range.
What does not vary from step to step is computed before the loop, as in any kernel. The
length of a long loop is one of the numbers that the function is called with.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr
from ..loop import Kernel, Recurrence
from . import memory
from .emit import Emitter, Names
from .scopes import Scope
from .types import NAMES, SMALL


class RecurrenceEmitter(Emitter):
    """Writes one recurrence; `emit_recurrence` is the way in."""

    def __init__(self, loop: Recurrence):
        super().__init__(Kernel([], []), 1)
        self.loop = loop

    def write(self) -> None:
        """Writes the loop, and the stores behind it."""
        loop = self.loop
        carried = [(NAMES[x.type], self.operand(x, False)) for x in loop.initial]
        if loop.var is None:
            finals = self._conditional(carried)
        else:
            extent = str(loop.extent)
            if loop.extent > SMALL:
                extent = self.number(loop.extent, "length")
            _, finals = self.counted(loop.var, ("0", extent), 1, carried, self._step)
        self._enter(loop.carries, finals)
        for s in loop.results:
            memory.store(self, s)

    def _enter(self, carries: list[Expr], names: Names) -> None:
        """Says what the carries are called in the innermost scope."""
        scope = self.scopes.top
        for x, name in zip(carries, names):
            self.scopes.depth_of[x] = scope.depth
            self.scopes.remember(scope, x, (name, False))

    def _step(self, carries: Names) -> Names:
        self._enter(self.loop.carries, carries)
        return self._updated()

    def _updated(self) -> Names:
        made = [self.operand(x, False) for x in self.loop.updates]
        for s in self.loop.stores:
            memory.store(self, s)
        return made

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
