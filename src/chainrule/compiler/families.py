"""Families: programs that differ in sizes only, and plans that hold for many of them.

A program's *outline* is what it is apart from the numbers in it: extents, parameters
that are integers, and scalar constants (a mean divides by a size). The second program of
an outline is compiled with a `Size` for each number in which it differs from the first,
and with its other scalars as constants of the plan: what comes out, a *pattern*, is filled
in for a third program without compiling anything, if all that was asked about the sizes
has the same answers (`sizes.Tape`). Otherwise the third is compiled, for a pattern of its
own.

Numbers in which two programs agree are taken to be part of the outline by the pattern
made from them; those that differ in the same way are taken to be one size. Both are
looked at before a pattern is used.
"""

from __future__ import annotations

from typing import Any

from .. import compiler
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal
from . import plans
from .assemble import Assembler, assemble, select_steps
from .program import HostStep, Program
from .sizes import Given, NoPattern

MOST_FAMILIES, MOST_PATTERNS, MOST_SEEN = 256, 12, 3


class Outline:
    """`key`: what a program is apart from its `numbers` and `scalars`, in the order in
    which they are come across; None for a program that has no pattern."""

    def __init__(self, jaxpr: Jaxpr):
        self.numbers: list[int] = []
        self.scalars: list[tuple[Any, bytes]] = []
        self.nested: list[int] = []
        self._depth = 0
        self._key: list[Any] = []
        self._vars: dict[Any, int] = {}
        self.key: Any = None
        try:
            self._program(jaxpr)
        except NoPattern:
            return
        key = tuple(self._key)
        try:
            hash(key)
        except TypeError:
            return
        self.key = key

    def _program(self, jaxpr: Jaxpr) -> None:
        """Notes a program; what it is made of is told apart by where it stands."""
        key = self._key
        for v in (*jaxpr.constvars, *jaxpr.invars):
            self._bound(v)
        key += (len(jaxpr.constvars), len(jaxpr.invars), len(jaxpr.outvars))
        for eqn in jaxpr.eqns:
            key += (eqn.primitive, len(eqn.invars), len(eqn.outvars))
            for v in eqn.invars:
                self._atom(v)
            for name, value in eqn.params.items():
                key.append(name)
                self._parameter(value)
            for v in eqn.outvars:
                self._bound(v)
        for v in jaxpr.outvars:
            self._atom(v)

    def _bound(self, v: Any) -> None:
        self._vars[v] = len(self._vars)
        self._aval(v.aval)

    def _atom(self, v: Any) -> None:
        if type(v) is Literal:
            self._key.append(Literal)
            self._aval(v.aval)
            self.scalars.append((v, v.bits()))
            self.nested.append(self._depth)
        else:
            self._key.append(self._vars[v])

    def _aval(self, aval: Any) -> None:
        shape = aval.shape
        self._key += (aval.dtype, aval.weak_type, len(shape))
        self.numbers += shape

    def _parameter(self, value: Any) -> None:
        kind = type(value)
        if kind is int:
            self.numbers.append(value)
        elif kind is tuple:
            self._key += (kind, len(value))
            if set(map(type, value)) == {int}:
                self.numbers += value
                self._key += (int,) * len(value)
                return
            for part in value:
                self._parameter(part)
            return
        elif kind is float:
            self._key.append(repr(value))
        elif kind is ClosedJaxpr and not value.consts:
            self._key.append(kind)
            outer, self._vars = self._vars, {}
            self._depth += 1
            self._program(value.jaxpr)
            self._depth -= 1
            self._vars = outer
            return
        elif kind in (Jaxpr, ClosedJaxpr):
            raise NoPattern("a program with constants within the program")
        else:
            self._key.append(value)
        self._key.append(kind)


class Family:
    """Programs of one outline: the last that were compiled, and the patterns."""

    def __init__(self) -> None:
        self.seen: list[Outline] = []
        self.patterns: list[Any] = []
        self.refused = ""  # why there are no patterns, if there can be none

    def plan(self, closed: ClosedJaxpr, outline: Outline, donated: Any) -> Any:
        """The plan of one of its programs; None if it is to be compiled by itself."""
        for pattern in self.patterns:
            found = pattern.plan(closed, outline)
            if found is not None:
                return found
        if self.refused or not self.seen or len(self.patterns) == MOST_PATTERNS:
            return None
        nearest = min(
            self.seen,
            key=lambda o: sum(a != b for a, b in zip(o.numbers, outline.numbers)),
        )
        try:
            pattern = compiler.patterns.learn(closed, nearest, outline, donated)
        except NoPattern as reason:
            self.refused = str(reason)
            return None
        self.patterns.append(pattern)
        return pattern.plan(closed, outline)

    def note(self, outline: Outline) -> None:
        """Remembers a program that was compiled by itself."""
        self.seen = [outline, *self.seen][:MOST_SEEN]


_families: dict[Any, Family] = {}


def forget_all() -> None:
    """Forgets all families: programs to come are compiled as if they were the first."""
    _families.clear()


def known() -> list[Family]:
    """All families."""
    return list(_families.values())


def plan_of(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
    """The plan of a simplified program."""
    while plans.found:
        earlier, taken = plans.found.pop()
        _note(Outline(earlier), taken)
    outline = Outline(closed.jaxpr)
    family = _families.get((outline.key, donated))
    made = None if family is None else family.plan(closed, outline, donated)
    if made is None:
        made = plans.find(closed, donated)
    if made is None:
        made = compiled(closed, donated)
        _note(outline, donated)
    return made


def _note(outline: Outline, donated: tuple[int, ...]) -> None:
    """Remembers a program that has a plan of its own."""
    if outline.key is None:
        return
    if len(_families) >= MOST_FAMILIES:
        _families.clear()
    _families.setdefault((outline.key, donated), Family()).note(outline)


def compiled(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
    """The plan of a program compiled by itself."""
    given = [Given(k) for k in range(len(closed.consts))]
    program = Program(closed.replace(consts=given))
    layout = Assembler(program, select_steps(program), donated=donated).layout()
    program.take_apart()
    plans.keep(closed, donated, layout)
    return layout.filled((), closed.consts).plan()


def native(closed: ClosedJaxpr) -> Any:
    """The plan of a simplified program, or None where a step of it runs on the host: a
    loop that calls Python is native, one that is a host step is not."""
    program = Program(closed)
    if any(isinstance(step, HostStep) for step in program.steps):
        return None
    return assemble(program)
