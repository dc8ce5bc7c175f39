"""Loops with small bodies: one function of machine code, the carry in registers.

A loop whose carry has few elements and whose body is little code becomes a
`Recurrence`: the body is written out as scalar expressions (`scalar_bodies`), over the
carried elements and the rows that a step reads. Loops that this does not fit raise
Unsupported before anything is added to the program but buffers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import ClosedJaxpr
from .builder import Unsupported
from .carried_products import carry_factors
from .codegen.processor import vector_bytes
from .codegen.recurrences import emit_recurrence
from .expr import Expr, const, node
from .functions import operations
from .index import Index, loop_variable
from .lanes import in_lanes
from .loop import Recurrence, Store
from .loops import TURN, RecurrenceStep
from .rewrite import walk
from .scalar_bodies import NODES, Elements, Outside, Part, Scalars, overhead
from .values import Stored, Value, type_of

CARRY = 256
"""Elements of the carry."""
ROWS = 256
"""Elements that a step writes."""
SHORTEST = 1 << 10
"""Steps that make a turn worth its while."""
_serial = itertools.count()


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
    _check(closed, init)
    body = _Body(program, [closed])
    var = loop_variable(max(length, 1))
    rows = [v.aval for v in closed.jaxpr.invars[len(consts) + n :]]
    carries = body.carried(init)
    given = [
        *(body.part(c.aval, c, Index(0)) for c in consts),
        *carries,
        *(body.part(a, x, _place(var, a, length, reverse)) for x, a in zip(xs, rows)),
    ]
    outs = body.scalars.run(closed, given)
    made = [Stored(a, program, "loop") for a in avals]
    stores = [
        Store(made[n + k], _place(var, y.aval, length, reverse) + j, x)
        for k, y in enumerate(outs[n:])
        for j, x in enumerate(body.scalars.elements(y))
    ]
    loop = body.loop(init, carries, outs[:n], made)
    loop.var, loop.extent, loop.stores = var, length, stores
    return body.step(loop, made)


def while_loop(
    program: Any, test: ClosedJaxpr, closed: ClosedJaxpr,
    groups: Sequence[Sequence[Value]], avals: Sequence[Any],
) -> RecurrenceStep:  # fmt: skip
    """At most TURN steps of a loop that runs while a test holds; its last carry.
    `groups`: the test's constants, the body's, the first carry."""
    test_consts, consts, init = groups
    _check(closed, init)
    body = _Body(program, [test, closed])
    carries = body.carried(init)
    (holds,) = body.scalars.run(
        test, [*(body.part(c.aval, c, Index(0)) for c in test_consts), *carries]
    )
    outs = body.scalars.run(
        closed, [*(body.part(c.aval, c, Index(0)) for c in consts), *carries]
    )
    made = [Stored(a, program, "loop") for a in avals]
    loop = body.loop(init, carries, outs, made)
    (condition,) = body.scalars.elements(holds)
    count = _given("i64")
    loop.carries.append(count)
    loop.initial.append(const(0, "i64"))
    loop.updates.append(count + 1)
    loop.test = condition & (count < TURN)
    return body.step(loop, made)


class _Body:
    """The body of one loop, on its way to a recurrence."""

    def __init__(self, program: Any, programs: Sequence[ClosedJaxpr]):
        self.program = program
        self.scalars = Scalars(Outside(program), programs)

    def part(self, aval: Any, source: Value, offset: Index) -> Part:
        """What a step reads of a value around the loop."""
        return Part(aval, self.scalars, source, offset)

    def carried(self, init: Sequence[Value]) -> list[Elements]:
        """The values that come into a step."""
        return [
            Elements(
                v.aval,
                self.scalars,
                [_given(v.type or "") for _ in range(math.prod(v.shape))],
            )
            for v in init
        ]

    def loop(
        self, init: Sequence[Value], carries: Sequence[Elements], outs: Sequence[Value],
        made: Sequence[Stored],
    ) -> Recurrence:  # fmt: skip
        """The loop from `carries` to `outs`, its last carry stored in `made`."""
        scalars = self.scalars
        firsts = [self.part(v.aval, v, Index(0)) for v in init]
        return Recurrence(
            None, 1,
            [x for v in carries for x in v.elements],
            [x for v in firsts for x in scalars.elements(v)],
            [x for v in outs for x in scalars.elements(v)],
            [],
            [
                Store(place, Index(j), x)
                for place, v in zip(made, carries)
                for j, x in enumerate(v.elements)
            ],
        )  # fmt: skip

    def step(self, loop: Recurrence, made: list[Stored]) -> RecurrenceStep:
        """The step to be added to the program."""
        if _size_of(loop) > NODES:
            raise Unsupported("a body too large to be written out")
        carry_factors(loop)
        loop.lanes = in_lanes(loop, vector_bytes())
        sequence = self.program.next_sequence()
        return RecurrenceStep(sequence, loop, made, self.scalars.width, _size_of(loop))


def _check(closed: ClosedJaxpr, init: Sequence[Value]) -> None:
    """Raises Unsupported where the loop is too large, or holds what has no type."""
    avals = [v.aval for v in (*closed.jaxpr.invars, *closed.jaxpr.outvars)]
    if any(type_of(a.dtype) is None for a in avals):
        raise Unsupported("a dtype without a scalar type")
    sizes = [math.prod(v.aval.shape) for v in closed.jaxpr.outvars]
    if sum(sizes[: len(init)]) > CARRY or sum(sizes[len(init) :]) > ROWS:
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
