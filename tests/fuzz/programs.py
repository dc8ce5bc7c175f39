"""Random programs: what they are, how they are drawn, run and shown.

A program is a list of steps over a growing list of values, the inputs first. Its result
is one scalar in which every floating-point value takes part, so no step is without
effect. Its text is Python source that can be pasted and run.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from . import control
from .operations import BY_NAME, MAX_SIZE, OPERATIONS


@dataclasses.dataclass(frozen=True)
class Step:
    """`values.append(operation(*[values[i] for i in operands], **params))`."""

    operation: str
    operands: tuple[int, ...]
    params: dict[str, Any]

    def run(self, xp, values):
        """The step's value."""
        given = [values[i] for i in self.operands]
        return BY_NAME[self.operation].apply(xp, *given, **self.params)


@dataclasses.dataclass(frozen=True)
class Program:
    """Inputs of the given shapes, and the steps."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]

    def inputs(self, seed=0):
        """Input values in 64 bits, different for each program and seed."""
        rng = np.random.default_rng([zlib.crc32(repr(self).encode()), seed])
        return [rng.uniform(-1.5, 1.5, shape) for shape in self.shapes]

    def values(self, xp, *inputs):
        """All values of the program, the inputs first."""
        found = list(inputs)
        for step in self.steps:
            found.append(step.run(xp, found))
        return found

    def __call__(self, xp, *inputs):
        """The program's scalar result."""
        total = 0.0
        for k, x in enumerate(self.values(xp, *inputs)):
            if np.dtype(x.dtype).kind == "f" and x.size:
                total = total + xp.mean(xp.sin(x + 0.3 * k)) * (1 + k % 3)
        return total

    def __repr__(self):
        names = [f"v{i}" for i in range(len(self.shapes) + len(self.steps))]
        lines = [f"{n}: {s}" for n, s in zip(names, self.shapes)]
        for name, step in zip(names[len(self.shapes) :], self.steps):
            given = ", ".join(names[i] for i in step.operands)
            params = "".join(f", {k}={v}" for k, v in step.params.items())
            lines.append(f"{name} = {step.operation}({given}{params})")
        return "\n".join(lines)


kind_of = {"f": "f", "i": "i", "u": "i", "b": "b"}


@st.composite
def programs(draw, min_steps=5, max_steps=15):
    """Programs of floating-point inputs, well-formed by construction."""
    shape = st.lists(st.integers(1, 4), max_size=3).map(tuple)
    shapes = draw(st.lists(shape, min_size=1, max_size=3))
    assume(all(math.prod(s) <= MAX_SIZE for s in shapes))
    rng = np.random.default_rng(0)
    values = [rng.uniform(-1, 1, s) for s in shapes]
    steps: list[Step] = []
    count = draw(st.integers(min_steps, max_steps))
    for _ in range(4 * count):
        if len(steps) == count:
            break
        step = _step(draw, values)
        if step is not None:
            values.append(np.asarray(step.run(np, values)))
            steps.append(step)
    assume(len(steps) >= min_steps)
    return Program(tuple(shapes), tuple(steps))


@st.composite
def controlled_programs(draw, max_steps=5):
    """Programs in which branches and loops stand in each other, two deep or more."""
    first = draw(programs(min_steps=1, max_steps=max(max_steps - 1, 1)))
    values = Program(first.shapes, first.steps).values(np, *first.inputs())
    real = [i for i, v in enumerate(values) if np.asarray(v).dtype.kind == "f"]
    body = draw(control.bodies().filter(control.is_nested))
    step = Step("controlled", (draw(st.sampled_from(real[::-1])),), {"body": body})
    return Program(first.shapes, (*first.steps, step))


def _step(draw, values):
    """A step on the values, late ones more often; None where its rule refuses."""
    operation = draw(st.sampled_from(OPERATIONS))
    operands = []
    for kind in operation.kinds:
        suitable = [i for i, v in enumerate(values) if kind_of[v.dtype.kind] == kind][
            ::-1
        ]
        if not suitable:
            return None
        operands.append(draw(st.sampled_from(suitable)))
    shapes = [values[i].shape for i in operands]
    params = operation.params(draw, *shapes)
    return None if params is None else Step(operation.name, tuple(operands), params)
