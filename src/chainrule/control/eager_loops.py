"""Loops on concrete values: stepped at first, handed to the executor once that pays.

A loop outside of `jit` is one equation. To step it binds the equations of its body one
by one, at about two microseconds each; its body compiled, a step is one call; as a
program of its own, a loop of a certain length or condition is one call of native code.
But it takes as long to compile as to bind some thousand equations. So bodies and loops
count what their steps have cost, are compiled when that is as much as a compilation
costs, and no loop takes more than a few times as long as it must. The choice depends on
programs and on earlier calls alone, never on a clock. A loop that only NumPy's evaluation
runs is stepped, its body compiled.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from ..core import source
from ..core.jaxpr import ClosedJaxpr
from ..runtime import _native
from .call import stage_program
from .executors import Program, executable, interpreter, native_executable
from .value_checks import CheckTrace

PATIENCE = 2000
"""How many equations are bound before a program is compiled."""

ELEMENTS = 4096
"""So many elements of a result cost as much as an equation."""


COMPILED = 0.125
"""What a step of a compiled body costs, as a part of its equations bound one by one."""


class Effort:
    """What the runs of a program have cost: `spent` equations, `cost` of them a run."""

    __slots__ = ("cost", "spent")

    def __init__(self, closed: ClosedJaxpr):
        outs = [v.aval for eqn in closed.eqns for v in eqn.outvars]
        self.cost = 1 + len(closed.eqns) + sum(a.size for a in outs) // ELEMENTS
        self.spent = 0.0

    def add(self, runs: int, compiled: bool = False) -> bool:
        """Counts runs; whether all of them together are worth a compilation."""
        self.spent += runs * self.cost * (COMPILED if compiled else 1.0)
        return self.pays

    @property
    def pays(self) -> bool:
        """Whether as much has been spent as compiling takes."""
        return self.spent >= PATIENCE


def effort_of(body: ClosedJaxpr, loop: Any = None) -> Effort:
    """What the steps of a body have cost, in all loops or in one, which `loop` names."""
    return body.derived(("effort", loop), lambda: Effort(body))


def is_watched() -> bool:
    """Whether a trace looks at every operation (debug_nans); then loops are stepped."""
    return _native.current_dynamic() is not None


def stepper(
    program: ClosedJaxpr, compiled: bool, numbers: Iterable[int] | None = None
) -> Program:
    """What runs a program on Arrays, as often as there are steps.

    The steps have these numbers; by default, from 0 on.
    """
    step = executable(program) if compiled else interpreter(program, ())
    trace = _native.current_dynamic()
    if not isinstance(trace, CheckTrace):
        return step
    place, rest = source.current(), iter(numbers or itertools.count())

    def told(*args: Any) -> Sequence[Any]:
        with trace.within(f"step {next(rest)} of the loop at {place}"):
            return step(*args)

    return told


def native_loop(
    prim: Any, body: ClosedJaxpr, operands: Sequence[Any], params: dict[str, Any]
) -> Program | None:
    """The native code of a loop `prim` over Arrays of such types; None where there is
    none. It is kept with the body of the loop."""

    def make() -> ClosedJaxpr:
        avals = [x.aval for x in operands]
        return stage_program(lambda *xs: prim(*xs, **params), avals)

    return native_executable(body.derived(("loop", prim, *params.values()), make))
