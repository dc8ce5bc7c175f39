"""The structure of a kernel, apart from its sizes: what decides its text.

Two kernels of one structure have the same text and differ in the numbers they are
called with. A `Description` finds structure, numbers and buffers without writing the
text, which costs several times as much; `write` writes it once per structure, and not
at all if the structure's code is on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import compiler
from . import kernels
from .codegen.emit import emit_kernel
from .codegen.striding import place_of, windows
from .codegen.types import is_literal
from .expr import Expr, node
from .loop import Axis, Kernel, Recurrence, Stage
from .nest import Nest
from .rewrite import walk
from .short_rows import together
from .sizes import Size, identity, opaque
from .streaming import loads_of

_written: dict[Any, kernels.Structure] = {}
_MOST = 4096


class Description:
    """`key`: the structure; `numbers` and `buffers` in their order of appearance."""

    def __init__(self, kernel: Kernel, width: int, scratch: dict[Any, int]):
        self._begin(kernel.streams)
        loops = [self._axis(a) for a in kernel.grid]
        stages = [
            (*self._stage(k, s), self._columns(s, kernel.grid))
            for k, s in enumerate(kernel.stages)
        ]
        sizes = tuple((self._buffer(b), n) for b, n in scratch.items())
        ahead = tuple(sorted([self._buffer(b) for b in kernel.ahead]))
        parts = tuple(self._parts)
        self.key = (width, tuple(loops), tuple(stages), parts, sizes, ahead)

    def _begin(self, streams: frozenset[Any]) -> None:
        self.numbers: list[int] = []
        self.buffers: list[Any] = []
        self._large: dict[Any, int] = {}
        self._buffer_of: dict[Any, int] = {}
        self._vars: dict[Expr, int] = {}
        self._nodes: dict[Expr, int] = {}
        self._results: dict[Expr, int] = {}
        self._routines: dict[Any, int] = {}
        self._parts: list[Any] = []
        self._streams = streams
        self.axis_number: dict[int, int] = {}

    def _number(self, n: int) -> Any:
        if is_literal(n):
            return n
        key = identity(n)
        if key not in self._large:
            self._large[key] = len(self.numbers)
            self.numbers.append(n)
        return (self._large[key],)

    def number_of(self, n: int) -> int:
        """The place of a large number."""
        return self._large[identity(n)]

    def _buffer(self, key: Any) -> int:
        if key not in self._buffer_of:
            self._buffer_of[key] = len(self.buffers)
            self.buffers.append(key)
        return self._buffer_of[key]

    def buffer_of(self, key: Any) -> int:
        """The place of a buffer."""
        return self._buffer_of[key]

    def _var(self, v: Expr) -> int:
        return self._vars.setdefault(v, len(self._vars))

    def _axis(self, a: Axis) -> Any:
        if a.constant or a.unrolled:
            extent: Any = a.extent
        else:
            extent = None
            self.axis_number[id(a)] = len(self.numbers)
            self.numbers.append(a.extent)
        limits = None
        if a.low is not None and a.high is not None:
            floor = None if a.floor is None else self._expr(a.floor)
            limits = self._expr(a.low), self._expr(a.high), floor
        return (
            self._var(a.var), extent, a.vector, a.copies, a.unrolled, a.overlap, limits
        )  # fmt: skip

    def _stage(self, number: int, stage: Any) -> Any:
        axes = tuple(self._axis(a) for a in stage.axes)
        folds = []
        for k, r in enumerate(stage.reductions):
            given = [_given(x, ("old", number, k, i)) for i, x in enumerate(r.initial)]
            values = [_given(x, ("new", number, k, i)) for i, x in enumerate(r.values)]
            others = [
                _given(x, ("join", number, k, i)) for i, x in enumerate(r.initial)
            ]
            updated = r.update(tuple(given), tuple(values))
            joined = r.join(tuple(given), tuple(others))
            folds.append(
                tuple(self._expr(x) for x in (*r.values, *r.initial, *updated, *joined))
            )
            for x in r.results:
                self._results[x] = len(self._results)
        return axes, tuple(folds), self._stores(number, stage.stores)

    def _columns(self, stage: Stage, grid: Sequence[Axis]) -> Any:
        """Which columns of rows code loads and stores together. It depends on how far
        apart they are, which large constants do not say: these are numbers of a call."""
        if not self._large:
            return None
        loads = list(loads_of(stage))
        constants = [x.data[1] for x in loads] + [
            s.index.constant for s in stage.stores
        ]
        vectors = [a.var for a in (*grid, *stage.axes) if a.vector]
        if not vectors or all(is_literal(c) or type(c) is Size for c in constants):
            return None
        found = windows(loads, vectors)
        spans = [(x, *found[k]) for x in loads if (k := place_of(x)) in found]
        apart = [(self._nodes[x], x.data[1] - c, n) for x, c, n in spans if n > 1]
        groups = [len(g) for g in together(stage.stores, vectors[0])]
        return (*apart, tuple(groups)) if apart or max(groups, default=1) > 1 else None

    def _stores(self, number: int, stores: Sequence[Any]) -> Any:
        return tuple([self._store(number, k, s) for k, s in enumerate(stores)])

    def _store(self, number: int, k: int, s: Any) -> Any:
        combined = None
        if s.combine is not None:
            old = _given(s.value, ("stored", number, k))
            combined = self._expr(s.combine(old, s.value))
        index = s.index
        return (
            self._buffer(s.buffer), self._number(index.constant), self._terms(index.terms),
            None if index.rest is None else self._expr(index.rest), self._expr(s.value),
            None if s.when is None else self._expr(s.when), combined,
            s.buffer in self._streams,
        )  # fmt: skip

    def _terms(self, terms: Any) -> Any:
        return tuple((self._var(v), self._number(c)) for v, c in terms)

    def _expr(self, root: Expr) -> int:
        nodes = self._nodes
        found = nodes.get(root)
        if found is not None:
            return found
        order = walk((root,), nodes)
        if self._describe_routines(order):
            order = walk((root,), nodes)
        for x in order:
            nodes[x] = len(nodes)
            self._parts.append(self._node(x))
        return nodes[root]

    def _describe_routines(self, order: Sequence[Expr]) -> bool:
        """Describes what the expressions call; whether there was something new."""
        called = {x.data: None for x in order if x.op == "call"}
        fresh = [r for r in called if r not in self._routines]
        for r in fresh:
            self._routines[r] = tuple([self._expr(x) for x in r.parts])
        return bool(fresh)

    def _node(self, x: Expr) -> Any:
        nodes, op = self._nodes, x.op
        if op == "load":
            buffer, constant, terms, flags = x.data
            data: Any = (
                self._buffer(buffer), self._number(constant), self._terms(terms), flags
            )  # fmt: skip
        elif op == "var":
            data = self._var(x)
        elif op == "int":
            data = self._number(x.data)
        elif op == "result":
            data = self._results[x]
        elif op == "call":
            data = self._routines[x.data]
        elif op == "function":
            data = x.data.name
        else:
            data = x.data
        return (op, x.type, data, *[nodes[a] for a in x.args])


class NestDescription(Description):
    """The same of a kernel that is still to be arranged (`nest.Nest`), with all numbers in
    the key: what is arranged of nests with one key differs in its buffers alone. `begun`:
    the buffers that an earlier step fills as well."""

    def __init__(self, nest: Nest, begun: Iterable[Any]):
        self._begin(frozenset())
        stages = [
            (self._stage(k, Stage([], reductions, stores)), self._stores(k, points))
            for k, (reductions, stores, points) in enumerate(nest.stages)
        ]
        loops = [[self._var(v) for v in group] for group in (nest.grid, nest.inner)]
        limits = [
            (self._var(v), self._expr(low), self._expr(high))
            for v, (low, high) in nest.limits.items()
        ]
        parts = [(self._var(v), *map(self._var, us)) for v, us in nest.parts.items()]
        chunk = None if nest.chunk is None else self._var(nest.chunk)
        sizes = [(self._buffer(b), identity(n)) for b, n in nest.scratch.items()]
        earlier = sorted([self._buffer(b) for b in begun])
        ordered = sorted(map(self._var, nest.ordered))
        variables = sorted(self._vars, key=lambda v: v.data[0])
        self.key = (
            *map(tuple, (loops[0], loops[1], limits, parts, sizes, earlier, ordered)),
            *stages, *self._parts, chunk, nest.products, nest.in_order,
            *[(self._vars[v], identity(v.data[1])) for v in variables],
        )  # fmt: skip

    def _number(self, n: int) -> Any:
        return identity(n)


def _given(like: Expr, place: Any) -> Expr:
    return node("given", like.type, (), place)


def write(
    kernel: Kernel, width: int, scratch: dict[Any, int]
) -> tuple[kernels.Structure, list[Any], list[int]]:
    """The structure of a kernel, and the buffers and numbers to call its code with."""
    seen = Description(kernel, width, scratch)
    found = _written.get(seen.key)
    if found is None:
        name = kernels.name_of(repr(seen.key))
        found = kernels.recall(name) or _structure(name, seen, kernel, width, scratch)
        _keep(seen.key, found)
    buffers = [seen.buffers[k] for k in found.buffers]
    return found, buffers, [seen.numbers[k] for k in found.numbers]


def write_recurrence(
    loop: Recurrence,
) -> tuple[kernels.Structure, list[Any], list[int]]:
    """As write, of a recurrence: its text is its structure."""
    text, buffers, numbers = compiler.recurrences.emit_recurrence(loop, kernels.NAME)
    found = _written.get(text)
    if found is None:
        name, order = kernels.name_of(text), tuple(range(len(buffers)))
        found = kernels.recall(name)
        if found is None:
            found = kernels.written(name, text, order, tuple(range(len(numbers))))
        _keep(text, found)
    return found, buffers, numbers


def _keep(key: Any, structure: kernels.Structure) -> None:
    if len(_written) >= _MOST:
        _written.clear()
    _written[key] = structure


def text_of(kernel: Kernel | Recurrence, width: int, scratch: dict[Any, int]) -> str:
    """The LLVM text of a kernel."""
    if isinstance(kernel, Recurrence):
        return compiler.recurrences.emit_recurrence(kernel, kernels.NAME)[0]
    return emit_kernel(kernel, kernels.NAME, width, scratch)[0]


def _structure(
    name: str, seen: Description, kernel: Kernel, width: int, scratch: dict[Any, int]
) -> kernels.Structure:
    with opaque():
        text, buffers, origins = emit_kernel(kernel, kernels.NAME, width, scratch)
    places = [
        seen.number_of(n) if axis is None else seen.axis_number[id(axis)]
        for n, axis in origins
    ]
    order = [seen.buffer_of(b) for b in buffers]
    return kernels.written(name, text, tuple(order), tuple(places))
