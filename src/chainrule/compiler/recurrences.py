"""Loops with small bodies: one function of machine code, the carry in registers.

A loop whose carry has few elements and whose body is little code becomes a
`Recurrence`: the body is written out as scalar expressions (`scalar_bodies`), over the
carried elements and the rows that a step reads. A carried array of which a step reads
and writes a few elements lies in memory (`held`), in the buffer of the loop's result.
Loops that this does not fit raise Unsupported before anything is added to the program
but buffers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..core.jaxpr import ClosedJaxpr
from .builder import Unsupported
from .carried_products import carry_factors
from .codegen.processor import vector_bytes
from .codegen.recurrences import emit_recurrence
from .expr import Expr, const, node
from .functions import operations
from .held import Held
from .index import Index, loop_variable
from .lanes import in_lanes
from .loop import Recurrence, Store
from .loops import TURN, RecurrenceStep
from .rewrite import walk
from .scalar_bodies import NODES, Elements, Outside, Part, Scalars, overhead
from .updates import Written
from .values import Stored, Value, type_of

CARRY = 256
"""Elements of the carry in registers."""
FEW = 16
"""Elements of an array that are in registers even if it may be held in memory."""
ROWS = 256
"""Elements that a step writes."""
SHORTEST = 1 << 10
"""Steps that make a turn worth its while."""
_serial = itertools.count()


class Rewritten(Unsupported):
    """Carries are no versions of the arrays that came into the step: `numbers`."""

    def __init__(self, numbers: Sequence[int]):
        super().__init__("a carry of which a step makes all elements")
        self.numbers = numbers


def turn_of(length: int) -> int:
    """Steps between two looks for Ctrl-C, of which there is a whole number: all of them
    where the loop is short, or has no such divisor that is worth a turn."""
    if length <= TURN:
        return length
    turns = range(TURN, SHORTEST - 1, -1)
    return next((n for n in turns if length % n == 0), length)


def scan(
    program: Any, closed: ClosedJaxpr, groups: Sequence[Sequence[Value]], length: int,
    reverse: bool, avals: Sequence[Any],
) -> RecurrenceStep:  # fmt: skip
    """A loop of known length; its last carry and its rows, of types `avals`. `groups`:
    constants, first carry, xs."""
    consts, init, xs = groups
    n = len(init)
    rows = [v.aval for v in closed.jaxpr.invars[len(consts) + n :]]

    def lower(held: frozenset[int]) -> RecurrenceStep:
        _check(closed, init, held)
        body = _Body(program, [closed], init, held)
        var = loop_variable(max(length, 1))
        given = [
            *(body.part(c.aval, c, Index(0)) for c in consts),
            *body.carries,
            *(
                body.part(a, x, _place(var, a, length, reverse))
                for x, a in zip(xs, rows)
            ),
        ]
        outs = body.run(closed, given)
        made = body.results(avals)
        stores = [
            Store(made[n + k], _place(var, y.aval, length, reverse) + j, x)
            for k, y in enumerate(outs[n:])
            for j, x in enumerate(body.scalars.elements(y))
        ]
        loop = body.loop(outs[:n], made)
        loop.var, loop.extent, loop.stores = var, length, stores + loop.stores
        return body.step(loop, made)

    return _lowered(lower, init)


def while_loop(
    program: Any, test: ClosedJaxpr, closed: ClosedJaxpr,
    groups: Sequence[Sequence[Value]], avals: Sequence[Any],
) -> RecurrenceStep:  # fmt: skip
    """At most TURN steps of a loop that runs while a test holds; its last carry.
    `groups`: the test's constants, the body's, the first carry."""
    test_consts, consts, init = groups

    def lower(held: frozenset[int]) -> RecurrenceStep:
        _check(closed, init, held)
        body = _Body(program, [test, closed], init, held)
        carries = body.carries
        (holds,) = body.scalars.run(
            test, [*(body.part(c.aval, c, Index(0)) for c in test_consts), *carries]
        )
        outs = body.run(
            closed, [*(body.part(c.aval, c, Index(0)) for c in consts), *carries]
        )
        made = body.results(avals)
        loop = body.loop(outs, made)
        (condition,) = body.scalars.elements(holds)
        count = _given("i64")
        loop.carries.append(count)
        loop.initial.append(const(0, "i64"))
        loop.updates.append(count + 1)
        loop.test = condition & (count < TURN)
        return body.step(loop, made)

    return _lowered(lower, init)


def _lowered(
    lower: Callable[[frozenset[int]], RecurrenceStep], init: Sequence[Value]
) -> RecurrenceStep:
    """The loop with all arrays in memory that can be, by their numbers; with none, if
    that is too much code."""
    held = frozenset(k for k, v in enumerate(init) if math.prod(v.shape) > FEW)
    while held:
        try:
            return lower(held)
        except Rewritten as found:
            held -= frozenset(found.numbers)
        except Unsupported:
            break
    return lower(frozenset())


class _Body:
    """The body of one loop, on its way to a recurrence. `carries`: the values that come
    into a step, of which those numbered in `held` are in memory."""

    def __init__(
        self, program: Any, programs: Sequence[ClosedJaxpr], init: Sequence[Value],
        held: frozenset[int],
    ):  # fmt: skip
        self.program, self.init, self.held = program, init, held
        self.scalars = Scalars(Outside(program), programs)
        self.carries = [self._carried(v, k in held) for k, v in enumerate(init)]

    def _carried(self, v: Value, held: bool) -> Elements | Held:
        if held:
            return Held(v.aval, self.scalars, Written(v.aval, self.program))
        elements = [_given(v.type or "") for _ in range(math.prod(v.shape))]
        return Elements(v.aval, self.scalars, elements)

    def part(self, aval: Any, source: Value, offset: Index) -> Part:
        """What a step reads of a value around the loop."""
        return Part(aval, self.scalars, source, offset)

    def results(self, avals: Sequence[Any]) -> list[Stored]:
        """Buffers for the last carry and the rows: those of arrays in memory, and new
        ones."""
        made = [Stored(a, self.program, "loop") for a in avals]
        for k, v in enumerate(self.carries):
            if isinstance(v, Held):
                made[k] = v.source
        return made

    def run(self, closed: ClosedJaxpr, given: Sequence[Value]) -> list[Value]:
        """What a step makes. Raises Rewritten where that is no version of an array in
        memory, before any of it is computed."""
        outs = self.scalars.run(closed, given)
        lost = [k for k in self.held if not _is_version(outs[k], self.carries[k])]
        if lost:
            raise Rewritten(lost)
        return outs

    def loop(self, outs: Sequence[Value], made: Sequence[Stored]) -> Recurrence:
        """The loop from `carries` to `outs`, its last carry stored in `made`."""
        scalars = self.scalars
        held = [(k, self.carries[k], outs[k]) for k in sorted(self.held)]
        kept = [k for k in range(len(outs)) if k not in self.held]
        firsts = [self.part(v.aval, v, Index(0)) for v in self.init]
        return Recurrence(
            None, 1,
            [x for k in kept for x in self.carries[k].elements],
            [x for k in kept for x in scalars.elements(firsts[k])],
            [x for k in kept for x in scalars.elements(outs[k])],
            [s for _, _, out in held for s in out.stores()],
            [
                Store(made[k], Index(j), x)
                for k in kept
                for j, x in enumerate(self.carries[k].elements)
            ],
            held=[v.source for _, v, _ in held],
        )  # fmt: skip

    def step(self, loop: Recurrence, made: list[Stored]) -> RecurrenceStep:
        """The step to be added to the program."""
        if _size_of(loop) > NODES:
            raise Unsupported("a body too large to be written out")
        carry_factors(loop)
        if not loop.held:
            loop.lanes = in_lanes(loop, vector_bytes())
        copies = [(v, self.init[made.index(v)]) for v in loop.held]
        return RecurrenceStep(loop, made, copies, self.scalars.width, _size_of(loop))


def _is_version(out: Value, carry: Value) -> bool:
    held = isinstance(out, Held) and isinstance(carry, Held)
    return held and out.source is carry.source


def _check(closed: ClosedJaxpr, init: Sequence[Value], held: frozenset[int]) -> None:
    """Raises Unsupported where the loop is too large, or holds what has no type."""
    avals = [v.aval for v in (*closed.jaxpr.invars, *closed.jaxpr.outvars)]
    if any(type_of(a.dtype) is None for a in avals):
        raise Unsupported("a dtype without a scalar type")
    sizes = [math.prod(v.aval.shape) for v in closed.jaxpr.outvars]
    carried = [n for k, n in enumerate(sizes[: len(init)]) if k not in held]
    if sum(carried) > CARRY or sum(sizes[len(init) :]) > ROWS:
        raise Unsupported("a carry too large for registers")


def _given(type: str) -> Expr:
    return node("given", type, (), ("carry", next(_serial)))


def _place(var: Expr, row: Any, length: int, reverse: bool) -> Index:
    """Where the row that a step reads or writes begins."""
    size = math.prod(row.shape)
    if reverse:
        return Index((length - 1) * size, ((var, -size),))
    return Index(0, ((var, size),))


def _size_of(loop: Recurrence) -> int:
    """How many operations a step takes, and what is computed before it."""
    roots = [*loop.updates, *(s.value for s in loop.stores)]
    return operations(walk(roots if loop.test is None else [*roots, loop.test]))


__all__ = ["emit_recurrence", "overhead", "scan", "turn_of", "while_loop"]
