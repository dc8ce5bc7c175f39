"""The plan of a lowered program: steps over numbered buffers.

Steps are scheduled from the last to the first, so that each knows which of its values
are read later; what nobody reads is left out. Temporaries share one arena: a buffer's
place is free again after its last reader.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..core.avals import wrap
from ..core.jaxpr import has_effects
from . import kernels
from .canonical import NestDescription, text_of, write, write_recurrence
from .codegen import processor
from .codegen.types import size
from .fusion import Cluster
from .layout import Layout, address_of, data_of
from .loop import Kernel
from .loops import NestedStep, RecurrenceStep
from .program import Constant, HostStep, NativeStep, Program, host_steps
from .records import record
from .rewrite import forget
from .schedule import Scheduled, arrange, begun, compose, schedule
from .sizes import Size
from .updates import belongs, copied, together
from .values import Stored, Value


@record
class KernelStep:
    """A kernel of clusters with the buffers and numbers it is called with; `copies`: the
    value that it copies, if that is all it does, and the copy; `what` it is, if that is
    more than its equations. `made`: the kernel, or one that differs from it in its buffers
    alone; then `arrange` gives the kernel itself."""

    made: Scheduled
    structure: kernels.Structure
    buffers: list[Value]
    ints: list[int]
    outputs: list[Value]
    clusters: list[Any]
    is_long: bool
    copies: tuple[Value | None, Value | None] = (None, None)
    what: str = ""
    arrange: Callable[[], Scheduled] | None = None

    @property
    def scheduled(self) -> Scheduled:
        """The kernel itself."""
        if self.arrange is not None:
            self.made, self.arrange = self.arrange(), None
        return self.made

    @property
    def text(self) -> str:
        """The kernel as LLVM's text."""
        made = self.scheduled
        return self.structure.text or text_of(made.kernel, made.width, made.scratch)


Step = Any

LONG = 1 << 21
"""Instructions of a call that make it worth its while to wait for LLVM's best code."""


def assemble(program: Program, donated: Sequence[int] = ()) -> Any:
    """Compiles the kernels of a program; its `_native.Plan`. Results may take the
    memory of `donated` arguments."""
    steps = select_steps(program)
    return Assembler(program, steps, donated=donated).plan()


def select_steps(program: Program) -> list[Step]:
    """The steps that the results need, in order, kernels written as text."""
    for v in program.results:
        v.uses += 1
    chosen: list[Step] = []
    width = processor.vector_bytes()
    kernel_of = KernelWriter(program, width)
    pieces: list[Cluster] = []

    def write_pieces() -> None:
        if pieces:
            parts = [schedule(c, program, width) for c in reversed(pieces)]
            for made, clusters in [*together(pieces[::-1], parts)][::-1]:
                chosen.append(write_kernel(made, clusters))
                for v in chosen[-1].buffers:
                    v.uses += 1
            pieces.clear()

    for step in reversed(program.steps):
        if not (pieces and belongs(step, pieces[-1])):
            write_pieces()
        if isinstance(step, Cluster) and not _is_used(step):
            continue
        if isinstance(step, Cluster) and belongs(step, step):
            pieces.append(step)
        elif isinstance(step, Cluster):
            chosen.append(kernel_of(step))
            chosen[-1].copies = copied(step)
            for v in chosen[-1].buffers:
                v.uses += 1
        elif isinstance(step, RecurrenceStep):
            if any(v.uses for v in step.outputs):
                chosen.append(write_loop(step))
                for v in chosen[-1].buffers:
                    v.uses += 1
        elif any(v.uses for v in step.outputs) or _has_effects(step):
            chosen.append(step)
            for v in step.inputs:
                v.uses += 1
    write_pieces()
    return chosen[::-1]


def _has_effects(step: Step) -> bool:
    return any(has_effects(s.eqn) for s in host_steps([step]))


def _is_used(cluster: Cluster) -> bool:
    return any(v.uses and size_of(v) for m in cluster.members for v in m.values)


def size_of(v: Value) -> int:
    """The number of elements."""
    n = 1
    for d in v.shape:
        n *= d
    return n


def element_bytes(v: Value) -> int:
    """The size of an element in memory."""
    return size(v.type) if v.type else v.aval.dtype.itemsize


def nbytes_of(v: Value) -> int:
    """The bytes of a value in memory."""
    return size_of(v) * element_bytes(v)


def write_kernel(made: Scheduled, clusters: list[Cluster]) -> KernelStep:
    """The text of a scheduled kernel of clusters."""
    kernel: Kernel = made.kernel
    structure, buffers, ints = write(kernel, made.width, made.scratch)
    is_long = made.instructions > LONG
    structure.request(is_long)
    written = [s.buffer for stage in kernel.stages for s in stage.stores]
    outputs = [v for v in dict.fromkeys(written) if isinstance(v, Value)]
    return KernelStep(made, structure, buffers, ints, outputs, clusters, is_long)


class KernelWriter:
    """Writes the kernels of a program's clusters. Those that differ in their buffers alone
    are arranged once: layers of a network are made of few kinds."""

    def __init__(self, program: Program, vector_bytes: int):
        self.program, self.vector_bytes = program, vector_bytes
        self._known: dict[Any, tuple[KernelStep, list[int], list[int]]] = {}

    def __call__(self, cluster: Cluster) -> KernelStep:
        """The step of a cluster."""
        nest, filled = compose(cluster, self.program), begun(cluster)
        seen = NestDescription(nest, filled)
        arranged = functools.partial(arrange, nest, filled, self.vector_bytes)
        known = self._known.get(seen.key)
        if known is None:
            step = write_kernel(arranged(), [cluster])
            buffers = list(map(seen.buffer_of, step.buffers))
            outputs = list(map(seen.buffer_of, step.outputs))
            self._known[seen.key] = step, buffers, outputs
            return step
        step, buffers, outputs = known
        return KernelStep(
            step.made, step.structure, [seen.buffers[k] for k in buffers], step.ints,
            [seen.buffers[k] for k in outputs], [cluster], step.is_long, arrange=arranged,
        )  # fmt: skip


def write_loop(step: RecurrenceStep) -> KernelStep:
    """The text of a recurrence."""
    structure, buffers, ints = write_recurrence(step.loop)
    structure.request(step.is_long)
    work = step.instructions  # the runtime takes extents for it; they are not divided
    made = Scheduled(step.loop, 1, work, work, {}, work)
    return KernelStep(
        made, structure, buffers, ints, list(step.outputs), [step], step.is_long,
        what=step.what,
    )  # fmt: skip


class Assembler:
    """Numbers the buffers and lays out the arena.
    Arguments that are `owned` may be written to: `written` says which are; what is in a
    `returned` place stays. In a `nested` program host steps get copies of what they read;
    else, views."""

    def __init__(
        self,
        program: Program,
        steps: list[Step],
        owned: Sequence[Value] = (),
        donated: Sequence[int] = (),
        nested: bool = False,
    ):
        self.program, self.steps = program, steps
        self.owned = frozenset(owned)
        self.donated = [program.arguments[i] for i in donated]
        self.written: set[Value] = set()
        self.returned: set[Value] = set()
        self.slot: dict[Value, int] = {}
        self.temps: list[int | None] = []
        self.consts: list[Any] = []
        self.arena = 0
        self.same: dict[Value, Value] = dict(program.same)
        hosts = [s for s in steps if isinstance(s, HostStep) and not nested]
        self._viewed = {v for s in hosts for v in s.inputs}

    def plan(self) -> Any:
        """The plan."""
        return self.layout().plan()

    def layout(self) -> Layout:
        """What the plan is made of."""
        program = self.program
        for k, v in enumerate(program.arguments):
            self.slot[v] = k
        self._in_place()
        self._check_order()
        self._constants()
        outputs = self._outputs()
        self._temporaries(len(outputs))
        steps = [self._step(s) for s in self.steps]
        kernels.keep(s.structure for s in self.steps if isinstance(s, KernelStep))
        forget()
        return Layout(
            len(program.arguments), self.consts, self.temps, outputs, steps, self.arena,
            [v.aval for v in program.arguments], self.pick,
        )  # fmt: skip

    def _assemble_nested(self, step: NestedStep, free: Collection[Value]) -> None:
        """Lays out the programs that a step runs, and room for what they
        compute in between. They may write to `free` inputs."""
        for body in step.bodies:
            owned = step.owned(body, free)
            inner = Assembler(body, select_steps(body), owned, nested=True)
            layout = inner.layout()
            results = range(len(body.results)) if inner.pick is None else inner.pick
            step.plans.append((layout, list(results)))
            place = {v: k for k, v in enumerate(body.arguments)}
            step.note(
                [v in inner.written for v in body.arguments],
                [place.get(inner._same(v)) for v in body.results],
            )
            given = step.given(body)
            changed = {self._same(given[v]) for v in inner.written if v in given}
            self.written |= changed & self.owned
        step.add_scratch(self.program, [layout.arena for layout, _ in step.plans])

    def _in_place(self) -> None:
        """Leaves out copies of what nobody reads afterwards: the copy has its place, or
        takes that of an argument that may be written to. So have results of loops and
        branches that begin as such a value; their nested programs are laid out with
        that. What the callable of a host step may have kept a view of stays."""
        last: dict[Value, int] = {}
        made: dict[Value, Step] = {}
        for k, step in enumerate(self.steps):
            last.update(dict.fromkeys(_touched(step), k))
            for v in step.outputs:
                made.setdefault(v, step)
        kept: list[Step] = []
        self.returned = {self._same(v) for v in self.program.results}

        def is_free(x: Value, k: int) -> bool:
            place = self._same(x)
            if last[x] != k or place in self.returned:
                return False
            ours = isinstance(made.get(x), (KernelStep, NativeStep, NestedStep))
            viewed = any(self._same(v) is place for v in self._viewed)
            return place in self.owned or (ours and not viewed)

        for k, step in enumerate(self.steps):
            x, copy = step.copies if isinstance(step, KernelStep) else (None, None)
            if x is not None and copy is not None and is_free(x, k):
                self._take_place(x, copy)
                continue
            kept.append(step)
            if isinstance(step, NestedStep):
                free = {v for v in step.inputs if is_free(v, k)}
                self._assemble_nested(step, free)
                for x, made_of_it in step.taken():
                    if x in free:
                        self._take_place(x, made_of_it)
        self.steps = kept

    def _take_place(self, x: Value, result: Value) -> None:
        """Lets a result be in the buffer of a value that nobody reads any more."""
        place = self._same(x)
        if place in self.owned:
            self.same[result] = place
            self.written.add(place)
            if result in self.returned:
                self.returned.add(place)
        else:
            self.same[x] = result

    def _check_order(self) -> None:
        """Nothing is read before it is there: what is in the arena is of another time."""
        made: set[Value] = {*self.program.arguments, *self.program.constants}
        for step in self.steps:
            outputs = set(map(self._same, step.outputs))
            for v in map(self._same, _touched(step)):
                known = v in made or v in outputs or isinstance(v, Constant)
                if not known and 0 not in v.shape:
                    what = f"{v.type}{list(v.shape)}"
                    raise AssertionError(
                        f"compiler: a step reads {what} before it is made"
                    )
            made |= outputs

    def _copied(self, step: KernelStep) -> Sequence[Any]:
        """What a copy copies to which slot, where a donated argument may be both."""
        x, v = step.copies
        if x not in self.donated or v is None:
            return ()
        return 4, (self._slot_of(x), self._slot_of(v))

    def _slot_of(self, v: Value) -> int:
        return self.slot[self._same(v)]

    def _same(self, v: Value) -> Value:
        """The value whose buffer `v` is in."""
        while v in self.same:
            v = self.same[v]
        return v

    def _constants(self) -> None:
        base = len(self.program.arguments)
        needed = [v for v in self.program.constants if v.uses]
        for v in needed:
            self.slot[v] = base + len(self.consts)
            self.consts.append(data_of(self.program.arrays[v.source[1]]))
        steps = [s for s in self.steps if not isinstance(s, KernelStep)]
        inputs = [v for s in steps for v in s.inputs]
        for v in (*inputs, *self.program.results):
            if isinstance(v, Constant) and v not in self.slot:
                self.slot[v] = base + len(self.consts)
                self.consts.append(v.array)

    def _outputs(self) -> list[Any]:
        """What the plan returns; results that are one value are computed once."""
        program, base = self.program, len(self.program.arguments)
        first = base + len(self.consts)
        made: list[Any] = []
        place: dict[Value, int] = {}
        self.pick: list[int] | None = None
        pick: list[int] = []
        taken = self._taken()
        for v in program.results:
            if v not in place:
                place[v] = len(made)
                slot = self.slot.get(self._same(v))
                if slot is None:
                    self.slot[v] = first + len(made)
                    source = taken.get(v)
                    if source is None:
                        made.append(("new", v.aval))
                    else:
                        made.append(("donated", self.slot[source], v.aval))
                elif slot < base:
                    made.append(("arg", slot, v.aval.weak_type))
                else:
                    made.append(("const", slot - base, v.aval.weak_type))
            pick.append(place[v])
        if len(made) != len(pick):
            self.pick = pick
        return made

    def _taken(self) -> dict[Value, Value]:
        """For results that may have the memory of a donated argument, the argument: it is
        read for the last time before the result is first written, or to be copied there.
        Host steps keep views of what they read, and leave all memory as it is."""
        if any(host_steps(self.steps)):
            return {}
        first: dict[Value, int] = {}
        last: dict[Value, int] = {}
        for k, step in enumerate(self.steps):
            for v in map(self._same, step.outputs):
                first.setdefault(v, k)
            for v in _touched(step):
                last[v] = k
        taken: dict[Value, Value] = {}
        for v in dict.fromkeys(self.program.results):
            place = self._same(v)
            for x in self.donated:
                alike = (x.aval.shape, x.aval.dtype) == (v.aval.shape, v.aval.dtype)
                used = x in taken.values() or x in self.program.results
                if place not in first or not alike or used:
                    continue
                copies = _copies(self.steps[first[place]])
                copy = any(a is x and b and self._same(b) is place for a, b in copies)
                if last.get(x, -1) < first[place] + copy:
                    taken[v] = x
                    break
        return taken

    def _temporaries(self, num_outputs: int) -> None:
        first = len(self.program.arguments) + len(self.consts) + num_outputs
        last: dict[Value, int] = {}
        for k, step in enumerate(self.steps):
            for v in _touched(step):
                last[self._same(v)] = k
        free: list[tuple[int, int]] = []
        dying: dict[int, list[Value]] = {}
        for v, k in last.items():
            dying.setdefault(k, []).append(v)
        place: dict[Value, tuple[int, int]] = {}
        for k, step in enumerate(self.steps):
            for v in map(self._same, _touched(step)):
                if v not in self.slot and 0 in v.shape and v not in step.outputs:
                    self.slot[v] = first + len(self.temps)
                    self.temps.append(0)
            for v in map(self._same, step.outputs):
                if v in self.slot:
                    continue
                self.slot[v] = first + len(self.temps)
                if isinstance(step, HostStep):
                    self.temps.append(None)
                    continue
                bytes_ = -(-max(size_of(v) * element_bytes(v), 1) // 64) * 64
                offset = self._take(free, bytes_)
                place[v] = offset, bytes_
                self.temps.append(offset)
            for v in dying.get(k, ()):
                if v in place:
                    _release(free, *place.pop(v))

    def _take(self, free: list[tuple[int, int]], bytes_: int) -> int:
        """A place in the arena: the smallest free one that fits, or a new one, which
        begins in the free one at the end, if there is one."""
        known = type(bytes_) is not Size
        fitting = [
            (n, at)
            for at, n in free
            if n is bytes_ or (known and type(n) is not Size and n >= bytes_)
        ]
        if not fitting:
            ends = [b for b in free if known and _meet(b, (self.arena, 0))]
            at = ends[0][0] if ends else self.arena
            if ends:
                free.remove(ends[0])
            self.arena = at + bytes_
            return at
        n, at = min(fitting) if known else fitting[0]
        free.remove((at, n))
        if n is not bytes_ and n > bytes_:
            free.append((at + bytes_, n - bytes_))
        return at

    def _step(self, step: Step) -> Any:
        if isinstance(step, KernelStep):
            slots = tuple(self.slot[self._same(v)] for v in step.buffers)
            made = step.made
            return (
                "kernel",
                step.structure.wait(step.is_long),
                slots,
                tuple(step.ints),
                made.extent,
                made.grain,
                *self._copied(step),
            )
        if isinstance(step, NativeStep):
            order = (*step.inputs, *step.outputs)
            if step.outputs_first:
                order = (*step.outputs, *step.inputs)
            slots = tuple(self.slot[self._same(v)] for v in order)
            address = address_of(step.name)
            return (
                "kernel", address, slots, step.ints, step.extent, step.grain, step.chunks
            )  # fmt: skip
        if isinstance(step, NestedStep):
            subs = [
                (layout, picks, None if v is None else self._slot_of(v))
                for (layout, picks), v in zip(step.plans, step.scratch)
            ]
            return step.entry(self._slot_of, nbytes_of, subs)
        return (
            "host",
            host_call(step),
            tuple(
                (self.slot[self._same(v)], v.aval.dtype, v.shape) for v in step.inputs
            ),
            tuple((self.slot[v], v.aval.dtype, v.shape) for v in step.outputs),
        )


def _meet(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether one place ends where the other begins; not asked of open sizes."""
    if any(type(x) is Size for x in (*first, *second)):
        return False
    return sum(first) == second[0]


def _release(free: list[tuple[int, int]], at: int, n: int) -> None:
    """Adds a place to the free ones, as one with those beside it."""
    for block in [b for b in free if _meet(b, (at, n)) or _meet((at, n), b)]:
        free.remove(block)
        at, n = min(at, block[0]), n + block[1]
    free.append((at, n))


def _touched(step: Step) -> list[Value]:
    if isinstance(step, KernelStep):
        return [*step.buffers, *step.outputs]
    return [*step.inputs, *step.outputs]


def _copies(step: Step) -> Sequence[tuple[Value | None, Value | None]]:
    """What a step copies first, with the copies: nothing, if they are in one place."""
    if isinstance(step, NestedStep):
        return step.taken()
    return [step.copies] if isinstance(step, KernelStep) else []


def host_call(step: HostStep) -> Any:
    """A function of ndarrays that binds the step's primitive."""
    primitive, params = step.eqn.primitive, step.eqn.params
    weak = [v.aval.weak_type for v in step.inputs]
    many = primitive.multiple_results

    def call(*arrays: Any) -> Any:
        out = primitive(*map(wrap, arrays, weak), **params)
        return list(out) if many else [out]

    return call


__all__ = ["Assembler", "Stored", "assemble", "select_steps"]
