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

from collections.abc import Sequence
from typing import Any

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from . import plans
from .assemble import Assembler, assemble, select_steps
from .layout import Layout, check
from .program import HostStep, Program
from .records import record
from .rewrite import forget
from .sizes import Given, Needed, NoPattern, Tape, shaped

MOST_FAMILIES, MOST_PATTERNS, MOST_SEEN = 256, 12, 3
USES_UNTIL_BEST = 3
"""Plans of a pattern after which its code is made as good as LLVM can: each may be called
only once."""


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


class Family:
    """Programs of one outline: the last that were compiled, and the patterns."""

    def __init__(self) -> None:
        self.seen: list[Outline] = []
        self.patterns: list[Pattern] = []
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
            pattern = learn(closed, nearest, outline, donated)
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
