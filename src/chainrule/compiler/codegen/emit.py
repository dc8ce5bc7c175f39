"""Writes a kernel of the loop IR as an LLVM function.

The function is `void name(ptr buffers, ptr ints, i64 begin, i64 end)`: it runs the
points [begin, end) of the first grid axis. Vector code is written explicitly; the last
points of a vector axis are done under a mask. Numbers of the program's sizes are read
from `ints`, so that kernels which differ only in them have the same text. Extents of
unrolled and vector axes, and small strides, are written into the code.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..blocking import varies
from ..expr import BITS, Expr, node
from ..loop import Axis, Kernel, Reduction, Stage, Store
from ..rewrite import walk
from ..short_rows import together
from ..streaming import LINE, loads_of
from . import memory
from .expressions import ExpressionWriter
from .scopes import Scope
from .striding import windows
from .types import NAMES, constant, vector

Names = list[str]

OFTEN, SMALL = 3, 12
"""Times that a kernel computes a function for calls of it to be written, and operations
of the smallest such function."""


class Emitter(ExpressionWriter):
    """Writes one kernel; `emit_kernel` is the way in."""

    def __init__(self, kernel: Kernel, width: int):
        super().__init__(width)
        self.kernel = kernel
        self.copies: dict[Expr, int] = {}

    # --- loops

    def counted(
        self,
        var: Expr,
        bounds: tuple[str, str],
        step: int,
        carried: Sequence[tuple[str, str]],
        body: Callable[[Names], Names],
        latest: str | None = None,
    ) -> tuple[str, Names]:
        """A loop from bounds[0] while index < bounds[1], stepping `step`. Yields the
        final index and carried values; `carried` gives their types and first values.
        The body sees no index beyond `latest`, if that is given."""
        start, limit = bounds
        outer, n = self.scopes.top, next(self.serial)
        base = f"%i{n}"
        phis = [f"%p{n}_{k}" for k in range(len(carried))]
        scope = Scope(len(self.scopes.stack), f"loop{n}")
        scope.depth = outer.depth + 1
        saved = self.base.get(var), self.lines
        self.scopes.stack.append(scope)
        self.scopes.depth_of[var], self.base[var] = scope.depth, base
        self.lines = scope.lines
        if latest is not None:
            scope.lines.append(f"  %l{n} = icmp slt i64 {base}, {latest}")
            scope.lines.append(f"  %j{n} = select i1 %l{n}, i64 {base}, i64 {latest}")
            self.base[var] = f"%j{n}"
        results = body(phis)
        self.scopes.close(scope)
        self.base[var], self.lines = saved
        pre, latch = outer.label, scope.label
        lines = outer.lines
        lines.append(f"  %g{n} = icmp slt i64 {start}, {limit}")
        lines.append(f"  br i1 %g{n}, label %loop{n}, label %exit{n}")
        lines.append(f"loop{n}:")
        lines.append(f"  {base} = phi i64 [ {start}, %{pre} ], [ %x{n}, %{latch} ]")
        for (t, first), phi, last in zip(carried, phis, results):
            lines.append(f"  {phi} = phi {t} [ {first}, %{pre} ], [ {last}, %{latch} ]")
        lines += scope.lines
        lines.append(f"  %x{n} = add nsw i64 {base}, {step}")
        lines.append(f"  %c{n} = icmp slt i64 %x{n}, {limit}")
        lines.append(f"  br i1 %c{n}, label %loop{n}, label %exit{n}")
        lines.append(f"exit{n}:")
        end = f"%e{n}"
        lines.append(f"  {end} = phi i64 [ {start}, %{pre} ], [ %x{n}, %{latch} ]")
        finals: Names = []
        for k, ((t, first), last) in enumerate(zip(carried, results)):
            lines.append(
                f"  %q{n}_{k} = phi {t} [ {first}, %{pre} ], [ {last}, %{latch} ]"
            )
            finals.append(f"%q{n}_{k}")
        outer.label = f"exit{n}"
        return end, finals

    def axis(
        self,
        axis: Axis,
        bounds: tuple[str, str] | None,
        carried: Sequence[tuple[str, str]],
        body: Callable[[Names], Names],
    ) -> Names:
        """The loops of one axis: whole groups of copies first, then the rest."""
        types = [t for t, _ in carried]
        if axis.unrolled:
            return self._unrolled(axis, carried, body)
        width = self.full_width if axis.vector else 1
        if axis.low is not None and axis.high is not None:
            bounds = self.operand(axis.low, False), self.operand(axis.high, False)
        start, limit = bounds if bounds else ("0", self.extent(axis))
        known = axis.extent if bounds is None and axis.constant else None
        values = [v for _, v in carried]
        steps = [axis.copies, 1] if axis.copies > 1 else [1]
        if axis.vector:
            self.vector_var = axis.var
        if axis.overlap:
            steps = []
            values = self._overlapping(axis, (start, limit), known, carried, body)
        for copies in steps:
            step = copies * width
            if axis.constant and axis.extent < step and axis.vector and copies == 1:
                break
            if step > 1:
                last = self.whole(limit, step)
            else:
                last = limit
            self.copies[axis.var] = copies
            start, values = self.counted(
                axis.var, (start, last), step, list(zip(types, values)), body
            )
            if known is not None and known % step == 0:
                break
        if axis.vector:
            if axis.floor is not None and axis.constant:
                known = axis.extent  # parts of it begin and end with vectors
            if not axis.overlap and bounds is None and known is not None:
                if known % width:
                    values = self._masked_once(axis, known, values, body)
            elif not axis.overlap and (known is None or known % width):
                values = self._masked(
                    axis, start, limit, list(zip(types, values)), body
                )
            self.vector_var = None
        self.copies.pop(axis.var, None)
        return values

    def _overlapping(
        self,
        axis: Axis,
        bounds: tuple[str, str],
        known: int | None,
        carried: Sequence[tuple[str, str]],
        body: Callable[[Names], Names],
    ) -> Names:
        """One loop over whole groups, of which the last may overlap its predecessor."""
        step = axis.copies * (self.full_width if axis.vector else 1)
        self.copies[axis.var] = axis.copies
        latest = None
        if step > 1 and (known is None or known % step):
            latest = self.whole(bounds[1], step, 0)
            if axis.floor is not None:
                latest = self._at_least(latest, self.operand(axis.floor, False))
        _, values = self.counted(axis.var, bounds, step, carried, body, latest)
        return values

    def whole(self, limit: str, step: int, more: int = 1) -> str:
        """The bound below which a whole step fits: limit - step + 1."""
        if not limit.startswith("%"):
            return str(int(limit) - step + more)
        return self.within(
            self.scopes.top, 0, lambda: self.new(f"add i64 {limit}, {more - step}")
        )

    def _at_least(self, x: str, floor: str) -> str:
        pair = ("i64", x), ("i64", floor)
        return self.within(
            self.scopes.top, 0, lambda: self.intrinsic("llvm.smax.i64", "i64", *pair)
        )

    def extent(self, axis: Axis) -> str:
        """The number of points of an axis."""
        return str(axis.extent) if axis.constant else self.number(axis.extent, axis)

    def _unrolled(
        self,
        axis: Axis,
        carried: Sequence[tuple[str, str]],
        body: Callable[[Names], Names],
    ) -> Names:
        values = [v for _, v in carried]
        self.base[axis.var] = None
        self.scopes.depth_of[axis.var] = 0
        for k in range(axis.extent):
            self.offset[axis.var] = k
            values = body(values)
        self.offset.pop(axis.var, None)
        return values

    def _masked(
        self,
        axis: Axis,
        start: str,
        limit: str,
        carried: Sequence[tuple[str, str]],
        body: Callable[[Names], Names],
    ) -> Names:
        """The last, partial vector of an axis, under a mask: of what is left, which 32 bits
        hold."""
        self.copies[axis.var] = 1

        def left(base: str) -> str:
            count = self.new(f"sub i64 {limit}, {base}")
            count = self.broadcast(self.new(f"trunc i64 {count} to i32"), "i32")
            t = vector("i32", self.full_width)
            return self.new(f"icmp sgt {t} {count}, {self.lanes('i32')}")

        def masked(values: Names) -> Names:
            base = self.base.get(axis.var) or "0"
            self.mask = self.within(self.scopes.top, 0, lambda: left(base))
            out = body(values)
            self.mask = None
            return out

        _, values = self.counted(
            axis.var, (start, limit), self.full_width, carried, masked
        )
        return values

    def _masked_once(
        self, axis: Axis, n: int, values: Names, body: Callable[[Names], Names]
    ) -> Names:
        """The last vector of an axis of n points, which has its place and its mask in the
        code. What does not vary in outer loops is computed before them."""
        width, marks = self.full_width, [len(s.keys) for s in self.scopes.stack]
        lanes = [f"i1 {str(k < n % width).lower()}" for k in range(width)]
        self.copies[axis.var] = 1
        self.base[axis.var] = str(n - n % width)
        self.scopes.depth_of[axis.var] = 0
        self.mask = f"<{', '.join(lanes)}>"
        values = body(values)
        self.mask = None
        for scope, mark in zip(self.scopes.stack, marks):
            self.scopes.forget(scope, mark)
        return values

    # --- the nest

    def run(self) -> None:
        """Writes the body of the kernel."""
        kernel = self.kernel
        axes = [*kernel.grid, *(a for s in kernel.stages for a in s.axes)]
        self.copied = {a.var for a in axes if a.copies > 1 or a.unrolled}
        stores = [s for stage in kernel.stages for s in stage.stores]
        self.scopes.written = {s.buffer for s in stores}
        self.scopes.grid = tuple(a.var for a in kernel.grid)
        self.ahead = kernel.ahead
        self.streams = {
            s.buffer: f"%low_{self.buffer(s.buffer)[1:]}"
            for s in stores
            if s.buffer in kernel.streams
        }
        self.called = self._repeated()
        self._grid(0)

    def _repeated(self) -> set[Expr]:
        """The functions that the kernel computes so often that calls of them are written,
        which LLVM expands where it does its best. Functions of one operand are not
        among them: they have much in common."""
        count: dict[Any, int] = {}
        among: dict[Any, int] = {}
        chosen: list[Expr] = []
        for stage in self.kernel.stages:
            axes = [*self.kernel.grid, *stage.axes]
            copies = math.prod(a.copies for a in axes)
            roots = [x for r in stage.reductions for x in r.values]
            roots += [s.value for s in stage.stores]
            for x in walk(roots):
                if x.op == "function":
                    chosen.append(x)
                    count[x.data] = count.get(x.data, 0) + copies
                    among[x.args] = among.get(x.args, 0) + 1
        return {
            x for x in chosen
            if count[x.data] >= OFTEN and x.data.size >= SMALL and among[x.args] == 1
        }  # fmt: skip

    def function(self, name: str) -> str:
        """The text of the function, once its body is written."""
        head = (
            f"define void @{name}(ptr noalias readonly %buffers,"
            " ptr noalias readonly %ints, i64 %begin, i64 %end) #0 {\nentry:"
        )
        body = [head, *self.entry, *self._low_bits(), *self.scopes.top.lines]
        body += ["  fence seq_cst"] * bool(self.streams) + ["  ret void", "}"]
        return "\n".join([*self.declared.values(), *body])

    def _low_bits(self) -> list[str]:
        """The bits that are not set in addresses of lines; all, where a buffer that is
        written past the caches takes the place of one that is read."""
        lines: list[str] = []
        for buffer, low in self.streams.items():
            mine, test = self.buffers[buffer], "false"
            for k, (other, name) in enumerate(self.buffers.items()):
                if other not in self.streams:
                    lines.append(f"  {low}_{k} = icmp eq ptr {mine}, {name}")
                    lines.append(f"  {low}_{k}o = or i1 {test}, {low}_{k}")
                    test = f"{low}_{k}o"
            lines.append(f"  {low} = select i1 {test}, i64 -1, i64 {LINE - 1}")
        return lines

    def _grid(self, level: int) -> None:
        if level == len(self.kernel.grid):
            for stage in self.kernel.stages:
                self._stage(stage)
            return
        axis = self.kernel.grid[level]
        bounds = ("%begin", "%end") if level == 0 else None

        def body(_: Names) -> Names:
            self._grid(level + 1)
            return []

        self.axis(axis, bounds, (), body)

    def environments(self, stage: Stage) -> list[dict[Expr, int]]:
        """Offsets of the copied axes of the grid, one dict per copy. What most copies of
        differ in is the slowest: of a product's operands the one that more are loaded of,
        so that the fewest are kept meanwhile."""
        chosen = [a for a in self.kernel.grid if self.copies.get(a.var, 1) > 1]
        nodes = walk([x for r in stage.reductions for x in r.values])
        loads = [x for x in nodes if x.op == "load"]
        groups: dict[Any, list[Axis]] = {}
        for a in chosen:
            read = tuple([varies(x, a.var) for x in loads])
            groups.setdefault(read, []).append(a)
        slowest = sorted(
            groups.values(),
            key=lambda g: (-math.prod(self.copies[a.var] for a in g), g[-1].vector),
        )
        chosen = [a for group in slowest for a in group]
        ranges = [range(self.copies[a.var]) for a in chosen]
        return [
            {a.var: k for a, k in zip(chosen, point)}
            for point in itertools.product(*ranges)
        ]

    def _stage(self, stage: Stage) -> None:
        grid = self.kernel.grid
        vectors = [a.var for a in (*grid, *stage.axes) if a.vector]
        self.windows = windows(loads_of(stage), vectors)
        points = self.environments(stage)
        inner = max((a.copies for a in stage.axes), default=1)
        wide = self.vector_var is not None or any(a.vector for a in stage.axes)
        slots = [
            (r, g, t)
            for r in stage.reductions
            for g in range(len(points))
            for t in range(inner)
        ]
        carried = self._initial(slots, wide)
        point = lambda values: self._point(stage, points, slots, values, wide)
        values = self._nest(
            stage.axes, [t for t, _ in carried], [v for _, v in carried], point
        )
        self._finish(stage, points, slots, values, inner, wide)

    def _nest(
        self,
        axes: Sequence[Axis],
        types: Names,
        values: Names,
        body: Callable[[Names], Names],
    ) -> Names:
        """Loops within each other that carry values of these types."""
        if not axes:
            return body(values)
        carried = list(zip(types, values))
        inner = lambda values: self._nest(axes[1:], types, values, body)
        return self.axis(axes[0], None, carried, inner)

    def _initial(self, slots: list[Any], wide: bool) -> list[tuple[str, str]]:
        width = self.full_width if wide else 0
        out: list[tuple[str, str]] = []
        for r, _, _ in slots:
            for x in r.initial:
                literal = constant(x)
                name = f"splat ({NAMES[x.type]} {literal})" if wide else literal
                out.append((vector(NAMES[x.type], width), name))
        return out

    def _point(
        self,
        stage: Stage,
        points: list[Any],
        slots: list[Any],
        values: Names,
        wide: bool,
    ) -> Names:
        """One point of a stage, in all its copies."""
        copied = [a for a in stage.axes if a.vector or a.copies > 1]
        inner = self.copies.get(copied[0].var, 1) if copied else 1
        for g, point in enumerate(points):
            self.offset.update(point)
            for t in range(inner):
                if copied:
                    self.offset[copied[0].var] = t
                self._stores(stage.stores)
                values = self._update(slots, values, g, t, wide)
            for v in point:
                self.offset.pop(v, None)
            if copied:
                self.offset.pop(copied[0].var, None)
        return values

    def _update(
        self, slots: list[Any], values: Names, g: int, t: int, wide: bool
    ) -> Names:
        out, k = list(values), 0
        for r, g_of, t_of in slots:
            n = len(r.initial)
            if g_of == g and t_of == t:
                new = [self.operand(x, wide) for x in r.values]
                combined = self.combine(r, values[k : k + n], new, wide)
                if self.mask is not None:
                    combined = self._keep(r, combined, values[k : k + n])
                out[k : k + n] = combined
            k += n
        return out

    def _keep(self, r: Reduction, new: Names, old: Names) -> Names:
        mask = vector("i1", self.full_width)
        return [
            self.within(
                self.scopes.top,
                self.full_width,
                lambda x=x, a=a, b=b: self.new(
                    f"select {mask} {self.mask}, {self.type(x.type)} {a},"
                    f" {self.type(x.type)} {b}"
                ),
            )
            for x, a, b in zip(r.initial, new, old)
        ]

    def combine(
        self, r: Reduction, old: Names, new: Names, wide: bool, joined: bool = False
    ) -> Names:
        """Accumulators `old` updated by the values `new`, or joined with others."""
        scope = self.scopes.top

        def given(like: Sequence[Expr], names: Names) -> tuple[Expr, ...]:
            out = []
            for x, name in zip(like, names):
                e = node("given", x.type, (), next(self.serial))
                self.scopes.depth_of[e] = scope.depth
                self.scopes.remember(scope, e, (name, wide))
                if wide:
                    assert self.vector_var is not None
                    self.vector_results[e] = (self.vector_var,)
                out.append(e)
            return tuple(out)

        mine, theirs = (
            given(r.initial, old),
            given(r.initial if joined else r.values, new),
        )
        update = r.join if joined else r.update
        return [self.operand(e, wide) for e in update(mine, theirs)]

    def _finish(
        self,
        stage: Stage,
        points: list[Any],
        slots: list[Any],
        values: Names,
        inner: int,
        wide: bool,
    ) -> None:
        """Joins copies and lanes; makes the results known to later stages."""
        lanes = any(a.vector for a in stage.axes)
        previous = self.vector_var
        k = 0
        for r, g, t in slots:
            n = len(r.initial)
            mine = values[k : k + n]
            if t == 0:
                total = mine
            else:
                self.vector_var = previous or r.results[0]
                total = self.combine(r, total, mine, wide, joined=True)
            k += n
            if t == inner - 1:
                if lanes:
                    self.vector_var = r.results[0]
                    total = self._across(r, total)
                self.vector_var = previous
                self._publish(r, points[g], total, wide and not lanes)

    def _across(self, r: Reduction, values: Names) -> Names:
        """Combines the lanes of vector accumulators."""
        whole = width = self.full_width
        half = width // 2
        while width * max(BITS[x.type] for x in r.initial) > 8 * LINE:
            values = self._halves(r, values)
            width, half = half, half // 2
        while half:
            order = [
                f"i32 {k + half}" if k < half else "i32 poison" for k in range(width)
            ]
            moved = []
            for x, v in zip(r.initial, values):
                t = vector(NAMES[x.type], width)
                pattern = f"<{width} x i32> <{', '.join(order)}>"
                text = f"shufflevector {t} {v}, {t} poison, {pattern}"
                moved.append(
                    self.within(self.scopes.top, 0, lambda text=text: self.new(text))
                )
            values = self.combine(r, values, moved, True, joined=True)
            half //= 2
        out = []
        for x, v in zip(r.initial, values):
            t = vector(NAMES[x.type], width)
            text = f"extractelement {t} {v}, i64 0"
            out.append(
                self.within(self.scopes.top, 0, lambda text=text: self.new(text))
            )
        self.full_width = whole
        return out

    def _halves(self, r: Reduction, values: Names) -> Names:
        """Joins the halves of accumulators that take several registers; vectors are as
        long as these from here on."""
        width, half = self.full_width, self.full_width // 2
        parts: list[list[str]] = [[], []]
        for x, v in zip(r.initial, values):
            t = vector(NAMES[x.type], width)
            for k, part in enumerate(parts):
                order = ", ".join(f"i32 {k * half + j}" for j in range(half))
                text = f"shufflevector {t} {v}, {t} poison, <{half} x i32> <{order}>"
                part.append(
                    self.within(self.scopes.top, 0, lambda text=text: self.new(text))
                )
        self.full_width = half
        return self.combine(r, *parts, True, joined=True)

    def _publish(
        self, r: Reduction, point: dict[Expr, int], names: Names, wide: bool
    ) -> None:
        grid = tuple(a.var for a in self.kernel.grid)
        scope = self.scopes.top
        for e, name in zip(r.results, names):
            self.scopes.depend(e, (e, *grid))
            self.scopes.depth_of[e] = scope.depth
            if wide:
                self.vector_results[e] = grid
            self.offset.update(point)
            self.scopes.remember(scope, self.key(e), (name, wide))
            for v in point:
                self.offset.pop(v, None)

    def _stores(self, stores: list[Store]) -> None:
        vector = None if self.mask else self.vector_var
        for group in together(stores, vector):
            if len(group) > 1:
                memory.store_rows(self, group)
            else:
                memory.store(self, group[0])


def emit_kernel(
    kernel: Kernel, name: str, width: int, scratch: dict[Any, int] | None = None
) -> tuple[str, list[Any], list[tuple[int, Any]]]:
    """The text of a kernel's function, its buffers in order, and its numbers, each with
    the axis whose extent it is or None.

    `scratch` gives the bytes of buffers that live on the function's stack."""
    e = Emitter(kernel, width)
    for k, (key, bytes_) in enumerate((scratch or {}).items()):
        e.scratch[key] = f"%s{k}"
        e.entry.append(f"  %s{k} = alloca i8, i64 {-(-bytes_ // 64) * 64}, align 64")
    e.run()
    return e.function(name), list(e.buffers), e.ints
