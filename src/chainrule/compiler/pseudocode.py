"""The loop IR as text that a person reads: loops, sums and stores.

Values that are read more than once, and long ones, get names of their own (`t0`, ...)
where they are used; generated code computes each as far outside as its variables allow.
What a loop does at once stands behind its head as a comment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .expr import Expr, const_value, node
from .index import Index
from .loop import Axis, Kernel, Recurrence, Reduction, Stage, Store
from .rewrite import walk

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|",
    "xor": "^", "shl": "<<", "shr": ">>", "eq": "==", "ne": "!=", "lt": "<",
    "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
_STRENGTH = {
    "select": (0, 1), "add": (3, 3), "sub": (3, 3), "mul": (4, 4), "div": (4, 4),
    "rem": (4, 4), "and": (2, 5), "or": (2, 5), "xor": (2, 5), "shl": (2, 5),
    "shr": (2, 5),
}  # fmt: skip
"""How strongly an operation binds, and what its operands must bind at least."""
_LEAVES = frozenset(("const", "int", "var", "result", "given"))
LONGEST = 60


def pseudocode(kernel: Kernel | Recurrence, name_of: Callable[[Any], str] = str) -> str:
    """A kernel as loops over assignments; `name_of` names its buffers.

    >>> from chainrule.compiler.index import loop_variable, variable_index
    >>> from chainrule.compiler.loop import Axis, Kernel, Stage, Store, load
    >>> v = loop_variable(100)
    >>> x = load("x", "f32", variable_index(v))
    >>> store = Store("y", variable_index(v), x * 2 + 1)
    >>> print(pseudocode(Kernel([Axis(v, 100, vector=True)], [Stage([], [], [store])])))
    for i in range(100):  # shared by threads, vectors
        y[i] = x[i] * 2.0 + 1.0
    """
    printer = _Printer(name_of)
    if isinstance(kernel, Recurrence):
        return "\n".join(printer.recurrence(kernel))
    return "\n".join(printer.kernel(kernel))


class _Printer:
    """Names what a kernel uses, and writes its lines."""

    def __init__(self, name_of: Callable[[Any], str]):
        self.name_of = name_of
        self.names: dict[Expr, str] = {}
        self.lines: list[str] = []
        self.loops = self.sums = self.temporaries = 0
        self.notes: dict[Any, str] = {}

    def kernel(self, kernel: Kernel) -> list[str]:
        """The lines of a kernel."""
        self._loops(kernel.grid, 0, lambda: self._stages(kernel), outermost=True)
        return self.lines

    def recurrence(self, loop: Recurrence) -> list[str]:
        """The lines of a loop that carries scalars."""
        for k, (x, first) in enumerate(zip(loop.carries, loop.initial)):
            self._line(0, f"c{k} = {self.text(first)}")
            self.names[x] = f"c{k}"
        if loop.var is None:
            assert loop.test is not None
            self._line(0, f"while {self.text(loop.test)}:")
        else:
            self.names[loop.var] = _loop_name(0)
            self._line(0, f"for {_loop_name(0)} in range({loop.extent}):")
        names = dict(self.names)
        self._name_shared([*loop.updates, *(s.value for s in loop.stores)], 1)
        self._assignments(loop.stores, 1)
        changed = [(c, x) for c, x in zip(loop.carries, loop.updates) if c is not x]
        left = ", ".join(names[c] for c, _ in changed)
        right = ", ".join(self.text(x) for _, x in changed)
        if changed or not loop.stores:
            self._line(1, f"{left} = {right}" if changed else "pass")
        self.names = names
        self._assignments(loop.results, 0)
        return self.lines

    def _assignments(self, stores: Sequence[Store], depth: int) -> None:
        for s in stores:
            when = "" if s.when is None else f"if {self.text(s.when)}: "
            place = f"{self.name_of(s.buffer)}[{self.index(s.index)}]"
            self._line(depth, f"{when}{place} = {self.text(s.value)}")

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _stages(self, kernel: Kernel) -> None:
        self.notes = {
            **dict.fromkeys(kernel.ahead, "  # fetched ahead"),
            **dict.fromkeys(kernel.streams, "  # past the caches"),
        }
        for stage in kernel.stages:
            self._stage(stage, len(kernel.grid))

    def _loops(
        self, axes: Sequence[Axis], depth: int, body: Callable[[], None],
        outermost: bool = False,
    ) -> None:  # fmt: skip
        for k, axis in enumerate(axes):
            bounds = str(axis.extent)
            if axis.low is not None and axis.high is not None:
                bounds = f"{self.text(axis.low)}, {self.text(axis.high)}"
            self.names[axis.var] = _loop_name(self.loops)
            self.loops += 1
            notes = _notes(axis)
            if outermost and k == 0 and axis.extent > 1:
                notes.insert(0, "shared by threads")
            note = f"  # {', '.join(notes)}" if notes else ""
            head = f"for {self.names[axis.var]} in range({bounds}):{note}"
            self._line(depth + k, head)
        body()

    def _stage(self, stage: Stage, depth: int) -> None:
        accumulators: list[tuple[Reduction, list[Expr]]] = []
        for r in stage.reductions:
            given: list[Expr] = []
            for x, initial in zip(r.results, r.initial):
                name = f"s{self.sums}"
                self.sums += 1
                self._line(depth, f"{name} = {self.text(initial)}")
                given.append(node("given", initial.type, (), ("accumulator", name)))
                self.names[given[-1]] = self.names[x] = name
            accumulators.append((r, given))
        self._loops(
            stage.axes, depth,
            lambda: self._point(stage, accumulators, depth + len(stage.axes)),
        )  # fmt: skip

    def _point(self, stage: Stage, accumulators: Any, depth: int) -> None:
        updates = [(g, r.update(tuple(g), r.values)) for r, g in accumulators]
        combined = [self._combined(s) for s in stage.stores]
        roots = [x for _, new in updates for x in new]
        for s, value in zip(stage.stores, combined):
            roots += [value, *(x for x in (s.when, s.index.rest) if x is not None)]
        saved = dict(self.names)
        self._name_shared(roots, depth)
        for s, value in zip(stage.stores, combined):
            place = f"{self.name_of(s.buffer)}[{self.index(s.index)}]"
            when = "" if s.when is None else f"if {self.text(s.when)}: "
            note = self.notes.get(s.buffer, "")
            self._line(depth, f"{when}{place} = {self.text(value)}{note}")
        for given, new in updates:
            left = ", ".join(self.names[g] for g in given)
            self._line(depth, f"{left} = {', '.join(map(self.text, new))}")
        self.names = saved

    def _combined(self, s: Store) -> Expr:
        if s.combine is None:
            return s.value
        place = f"{self.name_of(s.buffer)}[{self.index(s.index)}]"
        old = node("given", s.value.type, (), ("stored", place))
        self.names[old] = place
        return s.combine(old, s.value)

    def _name_shared(self, roots: Iterable[Expr], depth: int) -> None:
        """Writes assignments of values that are used more than once, or are long."""
        nodes = walk(roots)
        uses: dict[Expr, int] = {}
        for x in nodes:
            for a in x.args:
                uses[a] = uses.get(a, 0) + 1
        for x in nodes:
            if x.op in _LEAVES or x in self.names:
                continue
            text = self.text(x)
            if uses.get(x, 0) > 1 or (uses.get(x, 0) and len(text) > LONGEST):
                name = f"t{self.temporaries}"
                self.temporaries += 1
                self._line(depth, f"{name} = {text}")
                self.names[x] = name

    def text(self, x: Expr, strength: int = 0) -> str:
        """An expression; in parentheses where what is around it binds as strongly."""
        if x in self.names:
            return self.names[x]
        if x.op == "const":
            return str(const_value(x))
        if x.op == "int":
            return str(x.data)
        if x.op == "load":
            return self._load(x)
        if x.op in _INFIX or x.op == "select":
            own, inside = _STRENGTH.get(x.op, (1, 2))
            args = [self.text(a, inside + (k > 0)) for k, a in enumerate(x.args)]
            if x.op == "select":
                text = f"{args[1]} if {args[0]} else {args[2]}"
            else:
                text = f"{args[0]} {_INFIX[x.op]} {args[1]}"
            return f"({text})" if own < strength else text
        if x.op == "neg":
            return f"-{self.text(x.args[0], 6)}"
        inner = ", ".join(self.text(a) for a in x.args)
        if x.op == "convert" and x.args[0].op == "int":
            return inner  # a size, of the type of what it is beside
        if x.op in ("convert", "convert_unchecked", "bitcast"):
            return f"{'bits_' if x.op == 'bitcast' else ''}{x.type}({inner})"
        name = x.data.name if x.op in ("call", "function") else x.op
        return f"{name}({inner})"

    def _load(self, x: Expr) -> str:
        buffer, constant, terms, flags = x.data
        rest = x.args[0] if flags & 1 else None
        text = f"{self.name_of(buffer)}[{self.index(Index(constant, terms, rest))}]"
        if flags & 2:
            return f"({text} if {self.text(x.args[-1])} else 0)"
        return text

    def index(self, index: Index) -> str:
        """An affine position."""
        parts = [
            _term(c, self.names.get(v, "?"))
            for v, c in sorted(index.terms, key=lambda term: -abs(term[1]))
        ]
        if index.rest is not None:
            parts.append(self.text(index.rest))
        if index.constant or not parts:
            parts.append(str(index.constant))
        return " + ".join(parts).replace("+ -", "- ")


def _term(coefficient: int, name: str) -> str:
    """'3*i', '-i', 'i'."""
    if abs(coefficient) == 1:
        return name if coefficient > 0 else f"-{name}"
    return f"{coefficient}*{name}"


def _loop_name(k: int) -> str:
    """'i' to 'n', then 'i6', 'i7', ..."""
    return "ijklmn"[k] if k < 6 else f"i{k}"


def _notes(axis: Axis) -> list[str]:
    """How a loop is written as code."""
    notes = []
    if axis.vector:
        notes.append("vectors")
    if axis.copies > 1:
        notes.append(f"{axis.copies} at once")
    if axis.unrolled:
        notes.append("written out")
    group = axis.copies > 1 or axis.vector
    if axis.overlap and group and axis.low is None:
        notes.append("last group overlaps")
    return notes
