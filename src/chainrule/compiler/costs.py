"""What steps cost: floating-point operations, and bytes read and written.

Operations are counted where generated code computes them: an expression belongs to the
innermost loop that it varies with, and so runs as often as that loop's body. A buffer
counts once, however often its elements are loaded: caches are for that. An operation is
an addition, multiplication, division, root, minimum or maximum of floats; an fma is two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .codegen.types import size
from .expr import FLOATS, Expr, node
from .functions import expanded
from .loop import Axis, Kernel, Recurrence, Stage, trips
from .records import record
from .rewrite import walk
from .values import Value

_FLOPS = {
    "add": 1, "sub": 1, "mul": 1, "div": 1, "rem": 1, "sqrt": 1, "min": 1, "max": 1,
    "fma": 2,
}  # fmt: skip


@record
class Cost:
    """Of one step; `flops` is None where it is not known. `doubles`: whether it
    computes in f64."""

    flops: int | None
    read: int
    written: int
    doubles: bool = False


def bytes_of(v: Value) -> int:
    """The bytes of a value's buffer."""
    item = size(v.type) if v.type else v.aval.dtype.itemsize
    return math.prod(v.shape) * item


def cost_of_buffers(step: Any) -> Cost:
    """The cost of a step that goes once over whole buffers; flops of a product."""
    flops = None
    if getattr(step, "name", "").startswith("gemm_"):
        m, n, k = step.ints[:3]
        (out,) = step.outputs
        flops = 2 * k * max(math.prod(out.shape), m * n)
    doubles = any(v.type == "f64" for v in step.outputs)
    read, written = (sum(map(bytes_of, x)) for x in (step.inputs, step.outputs))
    return Cost(flops, read, written, doubles)


def cost_of_kernel(kernel: Kernel | Recurrence) -> Cost:
    """The cost of a kernel; of a loop that runs while a test holds, the flops are not
    known."""
    counter = _Counter()
    if isinstance(kernel, Kernel):
        counter.add_kernel(kernel)
        return counter.cost()
    counter.add_recurrence(kernel)
    cost = counter.cost()
    return cost if kernel.var else Cost(None, cost.read, cost.written, cost.doubles)


class _Counter:
    """Goes over a kernel's expressions, each once in the loop it belongs to."""

    def __init__(self) -> None:
        self.flops = 0
        self.doubles = False
        self.loaded: dict[Any, tuple[int, str]] = {}
        self.stored: dict[Any, tuple[int, str]] = {}
        self.depth: dict[Expr, int] = {}
        self.counted: set[Expr] = set()

    def cost(self) -> Cost:
        """The totals of what was added."""
        read, written = self._bytes(self.loaded), self._bytes(self.stored)
        return Cost(self.flops, read, written, self.doubles)

    def add_kernel(self, kernel: Kernel) -> None:
        """Counts a kernel."""
        for stage in kernel.stages:
            self._stage(stage, kernel.grid)

    def add_recurrence(self, loop: Recurrence) -> None:
        """Counts a loop, the step of one without a known length once."""
        level = dict.fromkeys(loop.carries, 1)
        if loop.var is not None:
            level[loop.var] = 1
        times = [1, loop.extent]
        test = [] if loop.test is None else [loop.test]
        step = [*loop.updates, *(s.value for s in loop.stores), *test]
        self._count([*loop.initial, *step], level, times, 0)
        for n, stores in ((loop.extent, loop.stores), (1, loop.results)):
            for s in stores:
                found = self.stored.get(s.buffer, (0, ""))[0]
                self.stored[s.buffer] = found + n, s.value.type

    @staticmethod
    def _bytes(found: dict[Any, tuple[int, str]]) -> int:
        return sum(
            min(n * size(type), bytes_of(b))
            for b, (n, type) in found.items()
            if isinstance(b, Value)
        )

    def _stage(self, stage: Stage, outer: Sequence[Axis]) -> None:
        axes = [*outer, *stage.axes]
        level = {a.var: k + 1 for k, a in enumerate(axes)}
        times = [1]
        for a in axes:
            times.append(times[-1] * trips(a))
        grid, deepest = len(outer), len(axes)
        for r in stage.reductions:
            given = tuple(
                node("given", x.type, (), ("cost", id(r), k))
                for k, x in enumerate(r.initial)
            )
            self.depth.update(dict.fromkeys(given, deepest))
            self._count(r.update(given, r.values), level, times, grid)
            self.depth.update(dict.fromkeys(r.results, grid))
        for s in stage.stores:
            self._count([s.value], level, times, grid)
            self._count([x for x in (s.when, s.index.rest) if x], level, times, grid)
            found = self.stored.get(s.buffer, (0, ""))[0]
            self.stored[s.buffer] = found + times[deepest], s.value.type
            if s.combine is not None:
                self.flops += times[deepest]
                self.loaded[s.buffer] = self.stored[s.buffer]
        self.counted = {x for x in self.counted if self.depth[x] <= grid}
        self.depth = {x: d for x, d in self.depth.items() if d <= grid}

    def _count(
        self, roots: Iterable[Expr], level: dict[Expr, int], times: Sequence[int],
        grid: int,
    ) -> None:  # fmt: skip
        for x in _usual(roots):
            depth = self.depth.get(x)
            if depth is None:
                depth = max((self.depth.get(a, 0) for a in x.args), default=0)
                terms = x.data[2] if x.op == "load" else ()
                depth = max(
                    [depth, level.get(x, 0), *(level.get(v, 0) for v, _ in terms)]
                )
                self.depth[x] = depth
            if x in self.counted:
                continue
            self.counted.add(x)
            if x.op == "load":
                buffer = x.data[0]
                found = self.loaded.get(buffer, (0, ""))[0]
                self.loaded[buffer] = found + times[depth], x.type
            elif x.type in FLOATS and x.op in _FLOPS:
                self.flops += _FLOPS[x.op] * times[depth]
                self.doubles |= x.type == "f64"


def _usual(roots: Iterable[Expr]) -> Iterator[Expr]:
    """As walk, without what is computed in rare cases only."""
    needed: set[Expr] = set()
    roots = expanded(roots)
    nodes = walk(roots)
    stack = list(roots)
    while stack:
        x = stack.pop()
        if x not in needed:
            needed.add(x)
            stack.extend(x.args if x.op != "rare" else (x.args[0], x.args[2]))
    return (x for x in nodes if x in needed)
