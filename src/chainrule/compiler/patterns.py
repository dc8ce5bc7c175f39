"""Patterns: plans with open sizes, which hold for many programs of a family.

A pattern is made of the second program of a family (`families`), and is not imported
before there is one: the program is written again with a `Size` in the place of each number
in which it differs from an earlier one, and with the scalars that differ as constants of
the plan, and compiled. Where the number itself of a size is needed, that size is closed,
and the program compiled with the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from .assemble import Assembler, select_steps
from .families import Outline
from .layout import Layout, check
from .program import Program
from .records import record
from .rewrite import forget
from .sizes import Given, Needed, NoPattern, Tape, shaped

USES_UNTIL_BEST = 3
"""Plans of a pattern after which its code is made as good as LLVM can: each may be called
only once."""


class _Opened:
    """Writes a program again, with other numbers and with some scalars as constants."""

    def __init__(
        self, closed: ClosedJaxpr, numbers: Sequence[Any], lifted: Sequence[bool]
    ):
        self.numbers, self.lifted = iter(numbers), iter(lifted)
        self.vars: dict[Any, Any] = {}
        self.constvars: list[Var] = []
        self.closed = self._program(closed)

    def _program(self, closed: ClosedJaxpr) -> ClosedJaxpr:
        made = self._jaxpr(closed.jaxpr)
        made.constvars += self.constvars
        return ClosedJaxpr(made, [Given(k) for k in range(len(made.constvars))])

    def _jaxpr(self, jaxpr: Jaxpr) -> Jaxpr:
        constvars = [self._bound(v) for v in jaxpr.constvars]
        invars = [self._bound(v) for v in jaxpr.invars]
        eqns = [self._equation(eqn) for eqn in jaxpr.eqns]
        outvars = [self._atom(v) for v in jaxpr.outvars]
        return Jaxpr(constvars, invars, outvars, eqns)

    def _nested(self, closed: ClosedJaxpr) -> ClosedJaxpr:
        outer, self.vars = self.vars, {}
        made = ClosedJaxpr(self._jaxpr(closed.jaxpr), [])
        self.vars = outer
        return made

    def _equation(self, eqn: JaxprEqn) -> JaxprEqn:
        inputs = [self._atom(v) for v in eqn.invars]
        params = {k: self._parameter(v) for k, v in eqn.params.items()}
        outs = [self._bound(v) for v in eqn.outvars]
        return JaxprEqn(eqn.primitive, inputs, params, outs, eqn.frame)

    def _bound(self, v: Any) -> Any:
        made = self.vars[v] = Var(self._aval(v.aval))
        return made

    def _atom(self, v: Any) -> Any:
        if type(v) is not Literal:
            return self.vars[v]
        aval = self._aval(v.aval)
        if not next(self.lifted):
            return Literal(v.val, aval)
        made = Var(aval)
        self.constvars.append(made)
        return made

    def _aval(self, aval: Any) -> Any:
        shape = [next(self.numbers) for _ in aval.shape]
        return shaped(shape, aval.dtype, aval.weak_type)

    def _parameter(self, value: Any) -> Any:
        if type(value) is int:
            return next(self.numbers)
        if type(value) is tuple:
            return tuple(self._parameter(part) for part in value)
        if type(value) is ClosedJaxpr:
            return self._nested(value)
        return value


@record
class Pattern:
    """A plan with open sizes. At `places` are numbers that are `fixed`, as some scalars
    are; `classes` are the places of numbers that are one size each."""

    places: list[int]
    fixed: list[int]
    fixed_scalars: tuple[tuple[int, bytes], ...]
    lifted: tuple[int, ...]
    classes: tuple[tuple[int, ...], ...]
    tape: Tape
    layout: Layout
    uses: int = 0

    def plan(self, closed: ClosedJaxpr, outline: Outline) -> Any:
        """The plan of a program; None if this is no pattern for it."""
        numbers, scalars = outline.numbers, outline.scalars
        if [numbers[k] for k in self.places] != self.fixed:
            return None
        if any(scalars[k][1] != data for k, data in self.fixed_scalars):
            return None
        sizes: list[int] = []
        for places in self.classes:
            n = numbers[places[0]]
            if any(numbers[k] != n for k in places):
                return None
            sizes.append(n)
        values = self.tape.replay(sizes)
        if values is None:
            return None
        self.uses += 1
        if self.uses == USES_UNTIL_BEST:
            self.layout.improve()
        consts = [*closed.consts, *(scalars[k][0].val for k in self.lifted)]
        return self.layout.filled(values, consts).plan()


def learn(
    closed: ClosedJaxpr, first: Outline, second: Outline, donated: tuple[int, ...] = ()
) -> Pattern:
    """The pattern of a program, open where its outline differs from another's."""
    classes: dict[tuple[int, int], list[int]] = {}
    for k, pair in enumerate(zip(first.numbers, second.numbers)):
        if pair[0] != pair[1]:
            classes.setdefault(pair, []).append(k)
    lifted = [a[1] != b[1] for a, b in zip(first.scalars, second.scalars)]
    if any(open and depth for open, depth in zip(lifted, second.nested)):
        raise NoPattern("a scalar that differs in a loop or branch")
    open_places = list(classes.values())
    while open_places:
        tape = Tape([second.numbers[places[0]] for places in open_places])
        numbers: list[Any] = list(second.numbers)
        for places, size in zip(open_places, tape.sizes()):
            for k in places:
                numbers[k] = size
        try:
            layout = _laid_out(_Opened(closed, numbers, lifted).closed, donated)
        except Needed as needed:
            open_places = [
                places for k, places in enumerate(open_places) if k not in needed.places
            ]
            continue
        return _pattern(second, open_places, lifted, tape, layout)
    raise NoPattern("the number of a size is needed")


def _pattern(
    outline: Outline, open_places: Sequence[Sequence[int]], lifted: Sequence[bool],
    tape: Tape, layout: Layout,
) -> Pattern:  # fmt: skip
    opened = {k for places in open_places for k in places}
    fixed = [k for k in range(len(outline.numbers)) if k not in opened]
    return Pattern(
        fixed,
        [outline.numbers[k] for k in fixed],
        tuple((k, s[1]) for k, s in enumerate(outline.scalars) if not lifted[k]),
        tuple(k for k, open in enumerate(lifted) if open),
        tuple(map(tuple, open_places)),
        tape,
        layout,
    )


def _laid_out(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Layout:
    forget()
    try:
        program = Program(closed)
        if program.calls_python():
            raise NoPattern("a step on the host")
        layout = Assembler(program, select_steps(program), donated=donated).layout()
        program.take_apart()
        check(layout)
    finally:
        forget()  # no expression with sizes is found by a program without
    return layout


__all__ = ["Pattern", "learn"]
