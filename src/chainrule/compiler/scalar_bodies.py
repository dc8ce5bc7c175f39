"""Bodies of loops as scalar expressions, every element of every small value one `Expr`.

`Scalars` lowers a program with the same rules as `Program` does, and plays both the
program's part and the reader's for them: nothing gets a buffer and nothing is placed in
a kernel; a value is read at constant indices, a reduction is written out, and an update
replaces elements of a list. Where an index is computed, a small value is a chain of
selections; a large one is held in memory (`held`). What lies outside of the loop is read
where the loop's variables say. A body for which that would be too much code raises
Unsupported.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from .builder import EXPENSIVE, Builder, Unsupported, combined
from .expr import Expr, compare, const, select
from .fusion import Cluster, Context
from .held import WRITES, Held, Write, chosen, is_version
from .index import Index, Split, loop_variable, ravel, unravel, variable_index
from .loop import load
from .rewrite import walk
from .values import (
    Constant,
    Indices,
    Lazy,
    NotFusable,
    Reader,
    Reduced,
    Value,
)  # fmt: skip

ELEMENTS = 256
"""Elements of a value that is computed at once."""
WORK = 6000
"""Elements read or computed, in all."""
LONGEST = 64
"""Steps of a loop within the body, which is written out."""
NODES = 4000
"""Operations of a step."""
OVERHEAD, KERNEL = 170, 60
"""Operations in the time that a step of a loop of kernels costs, and every further
kernel of it, beyond what they compute."""


def overhead(kernels: int) -> int:
    """What a step of a loop of so many kernels costs beyond what they compute."""
    return OVERHEAD + KERNEL * (kernels - 1)


class Elements(Value):
    """A value whose elements are known, in row-major order."""

    __slots__ = ("elements",)

    def __init__(self, aval: Any, reader: Any, elements: Sequence[Expr]):
        super().__init__(aval, reader)
        self.elements = list(elements)


class Part(Value):
    """What lies at an offset in a value outside of the loop."""

    __slots__ = ("offset", "source")

    def __init__(self, aval: Any, reader: Any, source: Value, offset: Index):
        super().__init__(aval, reader)
        self.source, self.offset = source, offset


class Outside:
    """Reads the values of the program around the loop. Cheap ones are composed where
    they are read; the others get buffers."""

    def __init__(self, program: Any):
        self.program = program
        self.context = Context(Cluster(-1, []))

    def read(self, v: Value, position: Index, guard: Expr | None) -> Expr:
        """The element at a position."""
        if isinstance(v, Lazy) and not v.anchor and v.cost < self._limit(position):
            found = self._composed(v, position, guard)
            if found is not None:
                return found
        if isinstance(v, Constant) and v.expr is not None:
            return v.expr
        self.program.settle(v)
        return load(v, v.type or "", position, guard)

    @staticmethod
    def _limit(position: Index) -> float:
        """What may be computed by every step of the loop, or once before it."""
        return 2.0 if position.terms or position.rest is not None else EXPENSIVE

    def _composed(self, v: Value, position: Index, guard: Expr | None) -> Expr | None:
        program, context = self.program, self.context
        previous, program.current = program.current, context
        context.guard = guard
        try:
            return context.read(v, position, None)
        except (NotFusable, Split):
            return None
        finally:
            program.current, context.guard = previous, None

    def constant(self, aval: Any, array: Any) -> Value:
        """A constant of the body, kept by the program; a number is written in its code,
        a key is not: another one shall not be compiled anew."""
        if not aval.shape and isinstance(aval.dtype, np.dtype):
            return Constant(aval, self.program, array)
        self.program.arrays.append(array)
        return self.program.constant(aval, array)


class Scalars(Reader):
    """Lowers the programs of a body; `current` is where values are read: here."""

    def __init__(self, outside: Outside, programs: Sequence[ClosedJaxpr]):
        self.outside = outside
        self.current = self
        self.memo: dict[Any, Any] = {}
        self.made: dict[Value, list[Expr]] = {}
        self.work = self.points = self.run_equations = 0
        shapes = [v.aval.shape for p in programs for e in p.eqns for v in e.outvars]
        self.equations = len(shapes)
        self.expected = _mean(list(map(math.prod, shapes)))
        self.sizes: list[int] = []
        self.holds = False

    # --- lowering

    def run(self, closed: ClosedJaxpr, args: Sequence[Value]) -> list[Value]:
        """The results of a program."""
        jaxpr = closed.jaxpr
        consts = [
            Part(v.aval, self, self.outside.constant(v.aval, c), Index(0))
            for v, c in zip(jaxpr.constvars, closed.consts)
        ]
        return self._run(jaxpr, [*consts, *args])

    def _run(self, jaxpr: Jaxpr, args: Sequence[Value]) -> list[Value]:
        env: dict[Any, Value] = dict(zip((*jaxpr.constvars, *jaxpr.invars), args))

        def read(atom: Any) -> Value:
            if type(atom) is Literal:
                return Constant(atom.aval, self, atom.val)
            return env[atom]

        for eqn in jaxpr.eqns:
            outs = self._equation(eqn, [read(v) for v in eqn.invars])
            env.update(zip(eqn.outvars, outs))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, eqn: JaxprEqn, operands: list[Value]) -> list[Value]:
        rule, many = eqn.primitive.lower, eqn.primitive.multiple_results
        if not rule:
            raise Unsupported(f"{eqn.primitive.name} in a loop: it has no lowering")
        self.run_equations += 1
        avals = [v.aval for v in eqn.outvars]
        build = ScalarBuilder(self, avals if many else avals[0], eqn.params)
        made = rule(build, *operands, **eqn.params)
        values = list(made) if many else [made]
        sizes = [math.prod(v.shape) for v in values if not isinstance(v, Held)]
        self.holds = self.holds or len(sizes) < len(values)
        sizes = [n for n in sizes if n <= ELEMENTS]  # others are read here and there
        self.sizes += sizes
        self.expect(sum(sizes))
        return values

    @property
    def width(self) -> float:
        """How many elements the values have on average that are not held in memory."""
        return _mean(self.sizes) if self.holds else self.expected

    def expect(self, points: int) -> None:
        """Counts what will be computed; raises Unsupported as soon as it is sure that
        vectors compute it faster, whatever the number of kernels."""
        self.points += points
        kernels = max(self.equations, self.run_equations)
        if self.points * (1 - 1 / self.expected) > overhead(kernels + 1):
            raise Unsupported("a body that vectors compute faster")

    def spend(self, work: int) -> None:
        """Counts work; raises Unsupported where it gets too much."""
        self.work += work
        if self.work > WORK:
            raise Unsupported("a body too large to be written out")

    def settle(self, v: Value) -> None:
        """Computes all elements: what reads them later goes no deeper."""
        if isinstance(v, (Lazy, Reduced)) and v not in self.made:
            self.made[v] = self.elements(v)
            v.cost, v.depth = 0.0, 0

    keep = settle

    def elements(self, v: Value) -> list[Expr]:
        """All elements, in row-major order."""
        n = math.prod(v.shape)
        if n > ELEMENTS:
            raise Unsupported(f"a value of more than {ELEMENTS} elements")
        guard, self.guard = self.guard, None
        try:
            return [self.read(v, Index(k), None) for k in range(n)]
        finally:
            self.guard = guard

    # --- reading

    def read(
        self, value: Value, position: Index | None, indices: Indices | None
    ) -> Expr:
        key = (value, position if indices is None else tuple(indices), self.guard)
        found = self.memo.get(key)
        if found is None:
            self.spend(1)
            found = self.memo[key] = self._read(value, position, indices)
        return found

    def _read(self, v: Value, position: Index | None, indices: Indices | None) -> Expr:
        if 0 in v.shape:
            return const(0, v.type or "f32")
        if isinstance(v, Constant) and v.expr is not None:
            return v.expr
        if isinstance(v, Part):
            within = ravel(indices, v.shape) if indices is not None else position
            assert within is not None
            return self.outside.read(v.source, v.offset + within, self.guard)
        if isinstance(v, Held):
            within = ravel(indices, v.shape) if indices is not None else position
            assert within is not None
            self.spend(len(v.writes))
            return v.element(within, self.guard)
        known = v.elements if isinstance(v, Elements) else self.made.get(v)
        if known is None and isinstance(v, Lazy) and indices is None:
            assert position is not None
            return v.compute_linear(position)
        if indices is None:
            assert position is not None
            indices = unravel(position, v.shape)
        if known is not None:
            return self._picked(known, v.shape, indices)
        if isinstance(v, Reduced):
            return self._folded(v, indices)
        return v.compute(indices)

    def _picked(
        self, elements: Sequence[Expr], shape: Sequence[int], indices: Indices
    ) -> Expr:
        """The element at indices of which some are computed."""
        if not shape:
            return elements[0]
        n, size = shape[0], len(elements) // shape[0]
        rows = [elements[k * size : (k + 1) * size] for k in range(n)]
        at = known(indices[0])
        if at is not None:
            row = rows[at] if 0 <= at < n else rows[0]
            return self._picked(row, shape[1:], indices[1:])
        self.spend(n)
        found = self._picked(rows[0], shape[1:], indices[1:])
        for k in range(1, n):
            here = self._picked(rows[k], shape[1:], indices[1:])
            found = select(indices[0].equals(k), here, found)
        return found

    def _folded(self, v: Reduced, indices: Indices) -> Expr:
        """A reduction written out, in the order of its domain."""
        fold = v.fold
        key = (fold, tuple(indices), self.guard)
        results = self.memo.get(key)
        if results is None:
            kept = iter(indices)
            place = [
                None if k in fold.axes else next(kept) for k in range(len(fold.domain))
            ]
            reduced = [n for k, n in enumerate(fold.domain) if k in fold.axes]
            self.spend(math.prod(reduced))
            found = fold.initial
            for point in itertools.product(*map(range, reduced)):
                inner = iter(point)
                full = [Index(next(inner)) if i is None else i for i in place]
                found = fold.update(found, fold.values(full))
            results = self.memo[key] = fold.finish(found)
        return results[v.number]

    def recomputed(self, made: Value, versions: Sequence[Held]) -> Held:
        """The version with the elements of `made` wherever `versions` were written to."""
        first, outer = versions[0], self.guard
        writes: list[Write] = []
        for w in {id(w): w for v in versions for w in v.writes}.values():
            self.guard = w.when
            value = made.compute(unravel(w.place, made.shape))
            writes.append(Write(w.place, value, w.when))
        self.guard = outer
        return Held(made.aval, self, first.source, writes)

    # --- loops and branches within the body

    def branch(
        self, index: Value, branches: Sequence[ClosedJaxpr], operands: Sequence[Value],
        avals: Sequence[Any],
    ) -> list[Value]:  # fmt: skip
        """All branches, and per element a selection."""
        found = [self.run(b, operands) for b in branches]
        at, last = index.at(), len(branches) - 1
        between = [compare("eq", at, const(k, at.type)) for k in range(1, last)]
        taken = [at <= 0, *between, at >= last]

        def selected(column: Sequence[Value], indices: Indices) -> Expr:
            out = column[-1].at(*indices)
            for k in reversed(range(len(column) - 1)):
                out = select(index.at() <= k, column[k].at(*indices), out)
            return out

        return [
            chosen(column, taken)
            or Lazy(a, self, lambda i, column=column: selected(column, i), (), 0.0)
            for a, column in zip(avals, zip(*found))
        ]

    def scan(
        self, closed: ClosedJaxpr, consts: Sequence[Value], init: Sequence[Value],
        xs: Sequence[Value], length: int, reverse: bool, avals: Sequence[Any],
    ) -> list[Value]:  # fmt: skip
        """A short loop, written out."""
        if length > LONGEST:
            raise Unsupported(f"a loop of more than {LONGEST} steps in a loop")
        n = len(init)
        carry = [self._known(v) for v in init]
        rows: list[Any] = [None] * length
        before = _operations(carry)
        for k in reversed(range(length)) if reverse else range(length):
            row = [self._row(x, v.aval, k) for x, v in zip(xs, _rows_in(closed, xs))]
            outs = self.run(closed, [*consts, *carry, *row])
            carry, ys = [self._known(v) for v in outs[:n]], outs[n:]
            rows[k] = [self.elements(y) for y in ys]
            made = _operations(carry, rows[k])
            if before is not None and (made - before) * length > NODES:
                raise Unsupported("a loop in a loop, too large to be written out")
            before = None
        columns = list(zip(*rows)) or [[] for _ in avals[n:]]
        stacked = [
            Elements(a, self, [x for row in column for x in row])
            for a, column in zip(avals[n:], columns)
        ]
        return [*carry, *stacked]

    def _known(self, v: Value) -> Elements | Held:
        """`v`, its elements computed unless it is held in memory."""
        return v if isinstance(v, Held) else Elements(v.aval, self, self.elements(v))

    def _row(self, x: Value, aval: Any, k: int) -> Value:
        return Lazy(aval, self, lambda i: x.at(Index(k), *i), (x,), 0.0)

    def while_loop(self, *_: Any) -> list[Value]:
        """None: its number of steps is not known."""
        raise Unsupported("a while loop in a loop")


def _mean(sizes: Sequence[int]) -> float:
    return max(sum(sizes) / max(len(sizes), 1), 1.0)


def _operations(
    values: Sequence[Elements | Held], rows: Sequence[Sequence[Expr]] = ()
) -> int:
    """How many operations values and rows take together."""
    roots = [x for row in rows for x in row]
    for v in values:
        held = isinstance(v, Held)
        roots += [w.value for w in v.writes] if held else v.elements
    return len(walk(roots))


def _rows_in(closed: ClosedJaxpr, xs: Sequence[Value]) -> Sequence[Any]:
    """The inputs of a loop's body that are rows of xs: its last."""
    invars = closed.jaxpr.invars
    return invars[len(invars) - len(xs) :]


class ScalarBuilder(Builder):
    """What rules build with, in a body."""

    program: Scalars

    def of(self, aval: Any) -> Builder:
        return ScalarBuilder(self.program, aval, {})

    def map(self, fn: Callable[..., Expr], *operands: Value, **params: Any) -> Value:
        """As of any builder. What is computed of versions of one array in memory is a
        version of it too, if it is the array wherever they are alike (a selection)."""
        made = super().map(fn, *operands, **params)
        versions = [x for x in operands if isinstance(x, Held)]
        if not versions or not is_version(made, versions):
            return made
        old = Held(versions[0].aval, self.program, versions[0].source)
        alike = [old if isinstance(x, Held) else x for x in operands]
        anywhere = [variable_index(loop_variable(n)) for n in made.shape]
        try:
            found = super().map(fn, *alike, **params).compute(anywhere)
        except Split:  # what is read depends on the place
            return made
        if found is not old.at(*anywhere):
            return made
        return self.program.recomputed(made, versions)

    def target(self) -> Any:
        self.check()
        n = math.prod(self.out.shape)
        if n > ELEMENTS:
            raise Unsupported(f"an update of more than {ELEMENTS} elements")
        zero = const(0, self.type_of(self.out.dtype))
        return Elements(self.out, self.program, [zero] * n)

    def copied(self, x: Value) -> Any:
        self.check(x)
        if isinstance(x, Held):
            return Held(self.out, self.program, x.source, x.writes)
        return Elements(self.out, self.program, self.program.elements(x))

    def write(
        self, target: Any, shape: Sequence[int], element: Callable[..., Expr],
        place: Callable[..., Sequence[Index]], *operands: Value,
        when: Callable[..., Expr] | None = None,
        combine: Callable[..., Expr] | None = None, ordered: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.check(*operands)
        for point in itertools.product(*map(range, shape)):
            indices = [Index(k) for k in point]
            new, at = element(*indices), place(*indices)
            holds = const(True, "bool") if when is None else when(*indices)
            if isinstance(target, Held):
                self._hold(target, at, new, holds, combine)
                continue
            for k, here in self._places(target, at):
                self.program.spend(1)
                old, value = target.elements[k], new
                if combine is not None:
                    value = combined(combine, old, new)
                target.elements[k] = select(_both(holds, here), value, old)

    def _hold(
        self, target: Held, at: Sequence[Index] | Index, new: Expr, holds: Expr,
        combine: Callable[..., Expr] | None,
    ) -> None:  # fmt: skip
        """Adds a write to an array in memory."""
        if len(target.writes) >= WRITES:
            raise Unsupported(f"more than {WRITES} elements written by a step")
        place = at if isinstance(at, Index) else ravel(at, target.shape)
        when = None if holds.op == "const" and holds.data else holds
        if combine is not None:
            self.program.spend(len(target.writes))
            new = combined(combine, target.element(place, when), new)
        target.writes.append(Write(place, new, when))

    def _places(self, target: Elements, at: Sequence[Index]) -> Any:
        """The elements that may lie at these indices, each with when it does."""
        sizes = target.shape
        fixed = [known(i) for i in at]
        ranges = [
            range(n) if k is None else range(k, k + 1) if 0 <= k < n else range(0)
            for n, k in zip(sizes, fixed)
        ]
        for point in itertools.product(*ranges):
            here = const(True, "bool")
            for i, k, p in zip(at, fixed, point):
                here = here if k is not None else _both(here, i.equals(p))
            k = 0
            for n, p in zip(sizes, point):
                k = k * n + p
            yield k, here

    def fold(self, domain: Sequence[int], *args: Any, **params: Any) -> Any:
        points = math.prod(domain)
        if points > WORK:
            raise Unsupported(f"a reduction of more than {WORK} elements")
        self.program.expect(points)
        return super().fold(domain, *args, **params)

    def gemm(self, *_: Any) -> Value:
        raise Unsupported("a matrix product by the library")

    def native(self, name: str, *_: Any, **__: Any) -> list[Value]:
        raise Unsupported(f"the library's {name}")

    def part(self, *_: Any) -> Value:
        raise Unsupported("a complex value that is read whole")

    def interleaved(self, *_: Any) -> Value:
        raise Unsupported("a complex value that is made whole")

    def settled(self, x: Value, reads: int = 2) -> Value:
        return x

    def barrier(self, x: Value) -> Value:
        return x


def known(index: Index) -> int | None:
    """The value of an index that does not vary; None for others."""
    if index.terms:
        return None
    if index.rest is None:
        return index.constant
    rest = index.rest
    return index.constant + rest.data if rest.op in ("const", "int") else None


def _both(x: Expr, y: Expr) -> Expr:
    if x.op == "const":
        return y if x.data else x
    if y.op == "const":
        return x if y.data else y
    return x & y


__all__ = ["Elements", "Outside", "Part", "ScalarBuilder", "Scalars"]
