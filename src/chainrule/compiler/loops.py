"""Loops and branches whose programs are plans of their own, run by the plan around them.

A body is lowered like any program. Its plan runs on buffers of the outer one: carries
alternate between two buffers each, rows of xs and ys are read and written where they
lie, and temporaries have a place in the outer arena, so that a step of the loop
allocates nothing and runs no Python, but for the host steps of the body.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray
from .sizes import Size, shaped
from .updates import fill
from .values import Stored, Value

LONG = 10_000
"""Steps that make it worth its while to wait for LLVM's best code."""
TURN = 1 << 16
"""Steps between two looks for Ctrl-C."""


class RecurrenceStep:
    """A loop in registers (`recurrences`), each step of `size` operations. `gain`: those
    of a step that kernels would save, whose values have `width` elements on average.
    `copies`: the buffers that it changes, and what they are to hold before."""

    name = "loop"

    def __init__(
        self, loop: Any, outputs: list[Stored],
        copies: Sequence[tuple[Any, Value]], width: float, size: int,
    ):  # fmt: skip
        self.sequence, self.loop, self.outputs = -1, loop, outputs
        self.copies = copies
        lanes = loop.lanes
        self.gain = (lanes.scalars if lanes else size) * (1 - 1 / width)
        self.is_long = loop.var is None or loop.extent >= LONG
        steps = TURN if loop.var is None else loop.extent
        self.instructions = max(size * steps, 1)

    def enter(self, program: Any) -> list[Value]:
        """Adds the loop to a program; its results."""
        for target, x in self.copies:
            fill(program, target, x)
        self.sequence = program.next_sequence()
        program.steps.append(self)
        for v in self.outputs:
            v.owner = self
        return list(self.outputs)

    @property
    def what(self) -> str:
        """What a report calls it; an open length stands for many."""
        if self.loop.var is None:
            return "while in registers"
        length = self.loop.extent
        return f"{'n' if type(length) is Size else length} steps in registers"


class NestedStep:
    """A step that runs other programs, each lowered as a `Program`; `scratch` holds the
    buffers that the assembler adds for their temporaries. `kind`, `what` and `names` (of
    the programs) are for reports."""

    kind: str
    what: Any
    names: Any

    def __init__(self, sequence: int, inputs: Sequence[Value], bodies: Sequence[Any]):
        self.sequence, self.bodies = sequence, list(bodies)
        self.inputs = list(dict.fromkeys(inputs))
        self.outputs: list[Stored] = []
        self.plans: list[Any] = []
        self.scratch: list[Stored | None] = []

    def owned(self, body: Any, free: Collection[Value]) -> Sequence[Value]:
        """The arguments of a body that it may write to; `free`: the inputs that nobody
        reads after the step."""
        return ()

    def given(self, body: Any) -> dict[Value, Value]:
        """Arguments of a body that are buffers of the program around, and which."""
        return {}

    def note(self, written: Sequence[bool], homes: Sequence[int | None]) -> None:
        """Tells which arguments of the body that was just assembled it writes to, and
        which its results are, where they are one."""

    def taken(self) -> list[tuple[Value, Value]]:
        """Inputs whose buffers results may take, with these results."""
        return []

    def own(self, values: Sequence[Stored]) -> None:
        """Makes buffers results of this step."""
        for v in values:
            v.owner = self
        self.outputs += values

    def add_scratch(self, reader: Any, sizes: Sequence[int]) -> None:
        """Gives the step a buffer for each program that needs so many bytes."""
        for n in sizes:
            aval = shaped((n,), np.dtype(np.uint8))
            self.scratch.append(Stored(aval, reader, self) if n else None)
        self.own([v for v in self.scratch if v is not None])


class LoopStep(NestedStep):
    """A body run `length` times, or while a test holds; see Builder.scan."""

    kind = "loop"
    names = "body", "test"

    def __init__(
        self,
        sequence: int,
        groups: Sequence[Sequence[Value]],
        bodies: Sequence[Any],
        length: int = -1,
        reverse: bool = False,
    ):
        super().__init__(sequence, [v for g in groups for v in g], bodies)
        self.test_consts, self.consts, self.init, self.xs = map(list, groups)
        self.length, self.reverse = length, reverse
        self.carry: list[Stored] = []
        self.spares: list[Stored] = []
        self.ys: list[Stored] = []
        self.flag: Stored | None = None
        self.in_place: list[bool] = []

    def owned(self, body: Any, free: Collection[Value]) -> Sequence[Value]:
        """The carries, for the body."""
        if body is not self.bodies[0]:
            return ()
        first = len(self.consts)
        return body.arguments[first : first + len(self.init)]

    def note(self, written: Sequence[bool], homes: Sequence[int | None]) -> None:
        """Keeps which carries the body, the first of the programs, writes to."""
        if len(self.plans) == 1:
            first = len(self.consts)
            self.in_place = list(written[first : first + len(self.init)])

    def taken(self) -> list[tuple[Value, Value]]:
        """What the body changes in place may begin there."""
        read = [*self.test_consts, *self.consts, *self.init, *self.xs]
        return [
            (x, made)
            for x, made, changed in zip(self.init, self.carry, self.in_place)
            if changed and read.count(x) == 1
        ]

    @property
    def what(self) -> str:
        """How often the body runs."""
        return "while" if self.length < 0 else f"{self.length} steps"

    def make(self, reader: Any, avals: Sequence[Any]) -> list[Value]:
        """The loop's results: the last carry, and the rows."""
        n = len(self.init)
        made = [Stored(a, reader, self) for a in avals]
        self.carry, self.ys = made[:n], made[n:]
        self.spares = [Stored(v.aval, reader, self) for v in self.carry]
        self.own([*made, *self.spares])
        if self.length < 0:
            self.flag = Stored(ShapedArray((), np.dtype(bool)), reader, self)
            self.own([self.flag])
        return list(made)

    def entry(self, slot: Any, nbytes: Any, subs: Sequence[Any]) -> tuple[Any, ...]:
        """The step as the runtime's plan reads it. `slot` gives a value's slot, `nbytes`
        its size, `subs` how the programs are called: the body, then the test."""
        groups = (
            self.test_consts, self.consts, self.init, self.xs, self.carry, self.ys,
            self.spares,
        )  # fmt: skip
        rows = max(self.length, 1)
        taken = self.bodies[0].arguments[len(self.consts) + len(self.init) :]
        sizes = (
            [nbytes(v) for v in self.carry],
            [nbytes(v) for v in taken],
            [nbytes(v) // rows for v in self.ys],
        )
        test = None if self.flag is None else (subs[1], slot(self.flag))
        slots = tuple([slot(v) for v in g] for g in groups)
        turned = bool(self.reverse)
        return "loop", test, subs[0], slots, sizes, self.length, turned, self.in_place


class BranchStep(NestedStep):
    """One of several programs, chosen by an int32 scalar."""

    kind = "branch"

    def __init__(
        self, sequence: int, index: Value, operands: Sequence[Value], bodies: Any
    ):
        super().__init__(sequence, [index, *operands], bodies)
        self.index, self.operands = index, list(operands)
        self.results: list[Stored] = []
        self.homes: list[Sequence[int | None]] = []

    def owned(self, body: Any, free: Collection[Value]) -> Sequence[Value]:
        """The operands that are free, and read once."""
        read = [self.index, *self.operands]
        return [
            inner
            for x, inner in zip(self.operands, body.arguments)
            if x in free and read.count(x) == 1
        ]

    def given(self, body: Any) -> dict[Value, Value]:
        """The operands."""
        return dict(zip(body.arguments, self.operands))

    def note(self, written: Sequence[bool], homes: Sequence[int | None]) -> None:
        """Keeps which results of the branch are operands, changed or as they came."""
        self.homes.append(homes)

    def taken(self) -> list[tuple[Value, Value]]:
        """Operands that are the same result of all branches."""
        read = [self.index, *self.operands]
        found: dict[Value, Value] = {}
        for made, homes in zip(self.results, zip(*self.homes)):
            home = homes[0]
            if home is not None and all(k == home for k in homes):
                found.setdefault(self.operands[home], made)
        return [(x, made) for x, made in found.items() if read.count(x) == 1]

    @property
    def names(self) -> list[str]:
        """What the programs are called in reports."""
        return [f"branch {k}" for k in range(len(self.bodies))]

    @property
    def what(self) -> str:
        """How many programs there are."""
        return f"one of {len(self.bodies)} programs"

    def make(self, reader: Any, avals: Sequence[Any]) -> list[Value]:
        """The results of whichever branch is taken."""
        self.results = [Stored(a, reader, self) for a in avals]
        self.own(self.results)
        return list(self.results)

    def entry(self, slot: Any, nbytes: Any, subs: Sequence[Any]) -> tuple[Any, ...]:
        """The step as the runtime's plan reads it; see LoopStep.entry."""
        return (
            "branch",
            list(subs),
            slot(self.index),
            [slot(v) for v in self.operands],
            [slot(v) for v in self.results],
            [nbytes(v) for v in self.results],
        )
