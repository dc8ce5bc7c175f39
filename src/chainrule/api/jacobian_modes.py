"""Which mode a Jacobian takes: forward, reverse, or both around a narrow place.

The function is linearized once. The tape of n input and m output elements can then be
pushed n times (forward), pulled m times (reverse), or cut where few values are alive: if
w elements cross the cut, w pulls through the first part and w pushes through the second
give two factors, whose product is the Jacobian (Griewank and Walther, Evaluating
Derivatives, 2008, section 10.3). The cheapest by the elements that the tape computes is
taken. What was chosen is told to whoever listens (`noted`): `explain` does.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.avals import aval_of
from ..core.jaxpr import ClosedJaxpr
from ..core.linear import LinearTracer
from ..core.primitive import Missing
from ..ops.structure import scale_p

MIXED_GAIN = 0.7
"""A cut must save this much of the best single mode: two passes have a price."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode for one Jacobian; `position` and `width` are those of a cut."""

    mode: str
    inputs: int
    outputs: int
    position: int = 0
    width: int = 0

    def __str__(self) -> str:
        if self.mode == "forward":
            return f"forward mode: {self.inputs} tangents, for {self.outputs} outputs"
        if self.mode == "reverse":
            return f"reverse mode: {self.outputs} cotangents, for {self.inputs} inputs"
        return (
            f"mixed mode: {self.width} values cross the narrowest place between"
            f" {self.inputs} inputs and {self.outputs} outputs"
        )


_listener: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar(
    "notes", default=None
)


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    """Collects what is chosen within the block."""
    notes: list[str] = []
    token = _listener.set(notes)
    try:
        yield notes
    finally:
        _listener.reset(token)


def note(name: str, choice: Choice) -> None:
    """Tells who listens that the Jacobian called `name` takes `choice`."""
    notes = _listener.get()
    if notes is not None:
        notes.append(f"{name}: {choice}.")


@dataclass(frozen=True, slots=True)
class Span:
    """A variable of a tape, alive from before entry `start` to entry `stop`."""

    variable: Any
    start: int
    stop: int


def choose(
    tape: Any, inputs: Any, outs: Any, n: int, m: int, must_cut: bool = False
) -> Choice:
    """The cheapest mode for a tape with `n` input and `m` output elements.

    With `must_cut`, the narrowest place that can be cut, where there is one.
    """
    if not _can_be_pushed(tape.entries):
        return Choice("reverse", n, m)
    best = Choice("forward" if n <= m else "reverse", n, m)
    if min(n, m) <= 2 or len(tape.entries) < 2 or not _one_dtype(tape, inputs, outs):
        return best
    total = sum(_work(*entry[:4]) for entry in tape.entries)
    least = math.inf if must_cut else MIXED_GAIN * min(n, m) * total
    widths = _widths(spans(tape, inputs, outs), len(tape.entries))
    for position, width in enumerate(widths):
        price = width * total + m * width * n
        if 0 < width < (math.inf if must_cut else min(n, m)) and price < least:
            best, least = Choice("mixed", n, m, position, width), price
    return best


def _can_be_pushed(entries: Sequence[Any]) -> bool:
    """Whether no entry is known by its transpose alone, as custom_vjp functions are."""
    return all(_has_batching(prim, params) for prim, _, params, *_ in entries)


def _has_batching(prim: Any, params: Any) -> bool:
    inner = [v.jaxpr for v in params.values() if isinstance(v, ClosedJaxpr)]
    eqns = [eqn for jaxpr in inner for eqn in jaxpr.eqns]
    return not (isinstance(prim.batch, Missing) and prim.batch_call is None) and all(
        _has_batching(eqn.primitive, eqn.params) for eqn in eqns
    )


def _one_dtype(tape: Any, inputs: Sequence[Any], outs: Sequence[Any]) -> bool:
    made = [v for *_, out, _ in tape.entries for v in _several(out)]
    known = [v for v in (*inputs, *outs, *made) if v is not None]
    return len({v.aval.dtype for v in known}) == 1


def _several(out: Any) -> list[Any]:
    return out if isinstance(out, list) else [out]


def _work(prim: Any, args: Any, _: Any, out: Any) -> float:
    """Roughly the multiplications of an entry for one tangent."""
    sizes = [aval_of(a).size for a in args]
    made = sum(v.aval.size for v in _several(out))
    if prim.bilinear and prim is not scale_p:
        return max(made, *sizes, math.sqrt(made * math.prod(sizes)))
    return max([made, *sizes])


def spans(tape: Any, inputs: Sequence[Any], outs: Sequence[Any]) -> list[Span]:
    """The variables that later entries or the outputs use, and from where to where."""
    ends = len(tape.entries)
    last: dict[int, int] = {v.slot: ends for v in outs if v is not None}
    made: list[tuple[int, Any]] = [(0, v) for v in inputs if v is not None]
    for k, (_, args, _, out, _) in enumerate(tape.entries):
        for a in args:
            if type(a) is LinearTracer and a._trace is tape:
                last[a.slot] = max(last.get(a.slot, 0), k)
        made += [(k + 1, v) for v in _several(out)]
    found = [Span(v, start, last.get(v.slot, -1)) for start, v in made]
    return [s for s in found if s.stop >= s.start]


def _widths(alive: Sequence[Span], ends: int) -> list[int]:
    """How many elements are alive before each entry, and at the end."""
    change = [0] * (ends + 2)
    for span in alive:
        change[span.start] += span.variable.aval.size
        change[span.stop + 1] -= span.variable.aval.size
    return list(itertools.accumulate(change[: ends + 1]))


@contextlib.contextmanager
def section(tape: Any, start: int, stop: int | None) -> Iterator[None]:
    """Within the block, the tape has its entries from `start` to `stop` alone."""
    entries = tape.entries
    tape.entries = entries[start:stop]
    try:
        yield
    finally:
        tape.entries = entries
