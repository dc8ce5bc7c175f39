"""Lowering: the equations of a program become values, clusters and host steps.

`Program` walks a jaxpr, calls each primitive's lowering rule and keeps the steps in
their order of execution: clusters (kernels to be), native routines, loops and branches
with programs of their own, and *host steps*, which run NumPy's evaluation of an equation
that has no lowering.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .. import compiler
from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from .builder import EXPENSIVE, Builder, Unsupported
from .components import put_together, separate
from .fusion import Cluster, Fusion
from .loops import BranchStep, LoopStep, NestedStep, RecurrenceStep
from .passes.algebra import simplify_algebra
from .passes.common_subexpressions import eliminate_common_subexpressions
from .passes.constants import fold_constants
from .passes.contraction import contract_products
from .passes.dead_code import eliminate_dead_code
from .updates import Written
from .values import Constant, Lazy, Reduced, Stored, Value, type_of, unshaped


class HostStep:
    """An equation run by NumPy's code, over whole buffers; `reason` says why."""

    def __init__(
        self, sequence: int, eqn: JaxprEqn, inputs: list[Value], reason: str = ""
    ):
        self.sequence, self.eqn, self.inputs = sequence, eqn, inputs
        self.reason = reason
        self.outputs: list[Stored] = []


def host_steps(steps: Iterable[Any]) -> Iterator[HostStep]:
    """Those of `steps` that call Python, and those of the programs within them."""
    for step in steps:
        if isinstance(step, HostStep):
            yield step
        elif isinstance(step, NestedStep):
            for body in step.bodies:
                yield from host_steps(body.steps)


PRODUCT_WORK = 1 << 21


class NativeStep:
    """A routine of the runtime over whole buffers: see the runtime's library kernels."""

    def __init__(
        self, sequence: int, name: str, inputs: list[Value], ints: tuple[int, ...],
        extent: int, grain: int,
    ):  # fmt: skip
        self.sequence, self.name, self.inputs = sequence, name, inputs
        self.ints, self.extent, self.grain = ints, extent, grain
        self.outputs: list[Stored] = []
        self.outputs_first = False
        self.chunks = 4


class Program(Fusion):
    """The lowered form of a closed program."""

    def __init__(self, closed: ClosedJaxpr):
        super().__init__()
        jaxpr = closed.jaxpr
        self.closed = closed
        self.arguments = [
            Stored(v.aval, self, ("arg", k)) for k, v in enumerate(jaxpr.invars)
        ]
        self.constants: list[Stored] = []
        consts = [
            self.constant(v.aval, c) for v, c in zip(jaxpr.constvars, closed.consts)
        ]
        self.arrays: list[Any] = list(closed.consts)
        self.same: dict[Value, Value] = {}
        self.wanted = {v for v in jaxpr.outvars if type(v) is not Literal}
        self.results = self.run(jaxpr, consts, self.arguments)
        made: dict[Value, Value] = {v: self.result(v) for v in self.results}
        self.results = [made[v] for v in self.results]

    def result(self, v: Value) -> Value:
        """A value with a buffer that holds what `v` is."""
        if isinstance(v, Lazy) and not v.anchor and v.split is not None:
            return put_together(self, v)
        return self._renamed(v) or self.settled(v)

    def settled(self, v: Value) -> Value:
        """`v`, in a buffer."""
        self.settle(v)
        return v

    def _renamed(self, v: Value) -> Value | None:
        """Where `v` is the result of a native step under another shape: a value in whose
        buffer that step writes it. `same` says whose buffer a value is in."""
        x = unshaped(v)
        native = isinstance(x.owner, NativeStep | LoopStep | RecurrenceStep)
        native = native and not isinstance(x, Written)
        if x is v or not native or x in self.same or x in self.results:
            return None
        if math.prod(x.shape) != math.prod(v.shape):
            return None
        made = self.same[x] = Stored(v.aval, self, x.owner)
        made.owner = x.owner
        x.uses += 1
        return made

    def keep(self, v: Value) -> None:
        """Computes a value once, whole or by its components."""
        if not isinstance(v, Lazy) or v.anchor or v.split is None:
            self.settle(v)
        elif v.parts is None:
            separate(self, v)

    def constant(self, aval: Any, array: Any) -> Stored:
        """A constant array of the program."""
        found = Stored(aval, self, ("const", len(self.constants)))
        self.constants.append(found)
        return found

    def run(
        self, jaxpr: Jaxpr, consts: Sequence[Value], args: Sequence[Value]
    ) -> list[Value]:
        """Lowers the equations in order."""
        env: dict[Any, Value] = dict(zip(jaxpr.constvars, consts))
        env.update(zip(jaxpr.invars, args))
        uses = use_counts(jaxpr)

        def read(atom: Any) -> Value:
            if type(atom) is Literal:
                return Constant(atom.aval, self, atom.val)
            return env[atom]

        for eqn in jaxpr.eqns:
            outs = self.equation(eqn, [read(v) for v in eqn.invars])
            for var, value in zip(eqn.outvars, outs):
                env[var] = value
                costly = uses.get(var, 0) > 1 and value.cost >= EXPENSIVE
                if costly or var in self.wanted:
                    self.keep(value)
        return [read(v) for v in jaxpr.outvars]

    def equation(self, eqn: JaxprEqn, operands: list[Value]) -> list[Value]:
        """The values of one equation's results."""
        rule = eqn.primitive.lower
        many = eqn.primitive.multiple_results
        avals = [v.aval for v in eqn.outvars]
        reason = getattr(rule, "reason", "it has no lowering rule")
        if rule:
            build = Builder(self, avals if many else avals[0], eqn.params)
            try:
                made = rule(build, *operands, **eqn.params)
            except Unsupported as unsupported:
                reason = str(unsupported)
            else:
                values = list(made) if many else [made]
                self._placed(values)
                return values
        return self.host(eqn, operands, reason)

    def _placed(self, values: list[Value]) -> None:
        """Gives folds their clusters, all results of one together."""
        folds: dict[Any, list[Reduced]] = {}
        for v in values:
            if isinstance(v, Reduced) and v.owner is None:
                folds.setdefault(id(v.fold), []).append(v)
        for group in folds.values():
            self.place(group)

    def calls_python(self, first: int = 0) -> bool:
        """Whether steps from the `first` on call Python, or programs within them do."""
        return any(host_steps(self.steps[first:]))

    def host(
        self, eqn: JaxprEqn, operands: list[Value], reason: str = ""
    ) -> list[Value]:
        """Runs an equation by NumPy's code, for this reason."""
        for v in operands:
            self.settle(v)
        step = HostStep(self.next_sequence(), eqn, operands, reason)
        step.outputs = [Stored(v.aval, self, step) for v in eqn.outvars]
        for v in step.outputs:
            v.owner = step
        self.steps.append(step)
        return list(step.outputs)

    def products(
        self, name: str, a: Value, b: Value, aval: Any, ints: Sequence[int], batch: int
    ) -> Value:
        """A batch of matrix products by the library, divided into tiles."""
        m, n, k = ints[:3]
        rows, columns = max(m // 512, 1), max(n // 512, 1)
        if batch * rows * columns < 4 and m * n * k >= PRODUCT_WORK:
            rows, columns = (max(m // 64, 1), 1) if m >= n else (1, max(n // 64, 1))
        tiles = batch * rows * columns
        grain = max(PRODUCT_WORK * tiles // (m * n * k * batch), 1)
        numbers = (*ints, rows, columns)
        (out,) = self.native(name, (a, b), (aval,), numbers, tiles, grain)
        step = self.steps[-1]
        step.outputs_first, step.chunks = True, 1
        return out

    def scan(
        self, closed: ClosedJaxpr, consts: Sequence[Value], init: Sequence[Value],
        xs: Sequence[Value], length: int, reverse: bool, avals: Sequence[Any],
    ) -> list[Value]:  # fmt: skip
        """A loop of known length; its last carry and its rows, of types `avals`."""
        closed, consts = compiler.hoisting.hoist(
            self, simplified(closed), consts, length > 0
        )
        operands = consts, init, [unshaped(x) for x in xs]
        turn = compiler.recurrences.turn_of(length)
        step: RecurrenceStep | None = None
        turns: Turns | None = None
        with contextlib.suppress(Unsupported):
            if turn < length:
                turns = scan_turns(closed, operands, turn, reverse, avals)
            else:
                step = compiler.recurrences.scan(
                    self, closed, operands, length, reverse, avals
                )
        bodies = self._faster(turns.step if turns else step, [closed])
        if bodies is None and step is not None:
            return step.enter(self)
        if bodies is None and turns is not None:
            bodies, length = [turns], length // turn
        return self._loop(([], *operands), bodies or [], avals, length, reverse)

    def while_loop(
        self, test: ClosedJaxpr, test_consts: Sequence[Value], body: ClosedJaxpr,
        consts: Sequence[Value], init: Sequence[Value], avals: Sequence[Any],
    ) -> list[Value]:  # fmt: skip
        """A loop that runs while a test holds; its last carry."""
        test, test_consts = compiler.hoisting.hoist(self, simplified(test), test_consts)
        body, consts = compiler.hoisting.hoist(self, simplified(body), consts)
        turns: Turns | None = None
        with contextlib.suppress(Unsupported):
            turns = while_turns(test, body, len(test_consts), avals)
        bodies = self._faster(turns and turns.step, [body, test])
        if bodies is None and turns is not None:
            bodies, consts = [turns, Program(test)], [*test_consts, *consts]
        return self._loop((test_consts, consts, init, []), bodies or [], avals)

    def _faster(
        self, step: RecurrenceStep | None, programs: Sequence[ClosedJaxpr]
    ) -> list[Program] | None:
        """The lowered programs of a loop; None where `step`, which runs it in registers,
        is as fast as kernels that compute with vectors."""
        if step is not None and step.gain < compiler.recurrences.overhead(1):
            return None
        bodies = [Program(p) for p in programs]
        if step is None:
            return bodies
        kernels = sum(len(b.steps) for b in bodies)
        pays = step.gain > compiler.recurrences.overhead(kernels)
        return bodies if pays and not any(b.calls_python() for b in bodies) else None

    def _loop(
        self, groups: Any, bodies: list[Program], avals: Sequence[Any], *more: Any
    ) -> list[Value]:
        for v in (v for g in groups for v in g):
            self.settle(v)
        step = LoopStep(self.next_sequence(), groups, bodies, *more)
        self.steps.append(step)
        return step.make(self, avals)

    def branch(
        self, index: Value, branches: Sequence[ClosedJaxpr], operands: Sequence[Value],
        avals: Sequence[Any],
    ) -> list[Value]:  # fmt: skip
        """One of several programs, chosen by an index that is moved into range."""
        bodies = [Program(simplified(b)) for b in branches]
        for v in (index, *operands):
            self.settle(v)
        step = BranchStep(self.next_sequence(), index, operands, bodies)
        self.steps.append(step)
        return step.make(self, avals)

    def native(
        self,
        name: str,
        inputs: Sequence[Value],
        avals: Sequence[Any],
        ints: Sequence[int],
        extent: int = 1,
        grain: int = 1,
    ) -> list[Value]:
        """Runs a routine of the runtime over buffers: inputs, then outputs."""
        for v in inputs:
            self.settle(v)
        step = NativeStep(
            self.next_sequence(), name, list(inputs), tuple(ints), extent, grain
        )
        step.outputs = [Stored(a, self, step) for a in avals]
        for v in step.outputs:
            v.owner = step
        self.steps.append(step)
        return list(step.outputs)


def simplified(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The body of a loop after the passes that no caller has applied within it."""

    def run() -> ClosedJaxpr:
        folded = simplify_algebra(fold_constants(closed))
        folded = eliminate_common_subexpressions(folded)
        return contract_products(eliminate_dead_code(folded))

    return closed.derived("simplified", run)


class Turns(Program):
    """What a loop does between two looks for Ctrl-C: many steps of it, in registers,
    which `lower(program, arguments)` makes of arguments of the types `taken`."""

    def __init__(self, body: ClosedJaxpr, taken: Sequence[Any], lower: Any):
        Fusion.__init__(self)
        self.closed = body
        self.arguments = [Stored(a, self, ("arg", k)) for k, a in enumerate(taken)]
        self.constants: list[Stored] = []
        self.same: dict[Value, Value] = {}
        self.arrays: list[Any] = []
        self.step: RecurrenceStep = lower(self, self.arguments)
        self.step.is_long = True
        self.results = self.step.enter(self)


def scan_turns(
    body: ClosedJaxpr, groups: Any, turn: int, reverse: bool, avals: Sequence[Any]
) -> Turns:
    """The next `turn` steps of a loop of known length: constants, carry and so many rows
    make the carry and rows. `groups` and `avals` are those of the whole loop."""
    consts, init, _ = groups
    first, n = len(consts), len(init)

    def rows(avals: Sequence[Any]) -> list[Any]:
        return [ShapedArray((turn, *a.shape), a.dtype, a.weak_type) for a in avals]

    def lower(program: Program, given: Sequence[Value]) -> RecurrenceStep:
        parts = given[:first], given[first : first + n], given[first + n :]
        made = [*avals[:n], *rows(body.out_avals[n:])]
        return compiler.recurrences.scan(program, body, parts, turn, reverse, made)

    taken = [v.aval for v in (*consts, *init)] + rows(body.in_avals[first + n :])
    return Turns(body, taken, lower)


def while_turns(
    test: ClosedJaxpr, body: ClosedJaxpr, num_tests: int, avals: Sequence[Any]
) -> Turns:
    """The next steps of a loop that runs while a test holds: the test's constants, the
    body's and the carry make the carry, of types `avals`."""
    taken = [*test.in_avals[:num_tests], *body.in_avals]
    first = len(taken) - len(avals)

    def lower(program: Program, given: Sequence[Value]) -> RecurrenceStep:
        parts = given[:num_tests], given[num_tests:first], given[first:]
        return compiler.recurrences.while_loop(program, test, body, parts, avals)

    return Turns(body, taken, lower)


def use_counts(jaxpr: Jaxpr) -> dict[Any, int]:
    """Per variable, how many equations (and outputs) read it."""
    counts: dict[Any, int] = {}
    for eqn in jaxpr.eqns:
        for v in {v for v in eqn.invars if type(v) is not Literal}:
            counts[v] = counts.get(v, 0) + 1
    for v in jaxpr.outvars:
        if type(v) is not Literal:
            counts[v] = counts.get(v, 0) + 1
    return counts


__all__ = [
    "Cluster", "Constant", "HostStep", "NativeStep", "Program", "host_steps", "type_of",
]  # fmt: skip
