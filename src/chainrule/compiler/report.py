"""What the compiler made of a program, pass by pass, and what it costs to run.

`report(closed)` lowers a program as `compile_program` does, and notes what compiling
alone forgets: which equations, of which lines of the user's, a kernel computes. With
arguments it also runs the plan and times its steps. `Report` shows the passes as text
(`passes`), all together (`str`), and as a page (`html`, in report_html.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pathlib
import statistics
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..control.stages import MemoryStats, nbytes
from ..core import source
from ..core.jaxpr import ClosedJaxpr
from . import codegen, report_html, report_text
from .assemble import Assembler, KernelStep, select_steps
from .costs import Cost, cost_of_buffers, cost_of_kernel
from .loops import NestedStep
from .origins import Origins
from .peaks import Peaks, measured
from .pipeline import PASSES, alone
from .program import HostStep, host_steps
from .pseudocode import pseudocode

STAGES = ("jaxpr", "simplified", "clusters", "loops", "llvm", "asm", "plan")
"""The stages that can be shown, in their order."""

PATIENCE = 0.3


@dataclasses.dataclass(frozen=True)
class Part:
    """An equation that a step computes: its primitive and the user's line."""

    primitive: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        if not self.file:
            return f"{self.primitive} at an unknown line"
        return f"{self.primitive} at {self.file}:{self.line} ({self.function})"


@dataclasses.dataclass
class StepReport:
    """One step of the plan. `kind` is 'kernel', 'library' or 'host', `what` names what
    it computes; `reads` and `writes` its buffers. `seconds` is None where the program
    was not run, `share` the part of the machine's peak that it reached, of `bound`
    ('memory' or 'arithmetic'). `reason`: why a host step is one, or why Python is called
    within a loop or branch."""

    number: int
    kind: str
    what: str
    parts: list[Part]
    reads: list[str]
    writes: list[str]
    cost: Cost
    reason: str = ""
    loops: str = ""
    llvm: str = ""
    seconds: float | None = None
    share: float | None = None
    bound: str = ""

    @property
    def remark(self) -> str:
        """What `reason` is the reason of, and the reason; nothing for native steps."""
        how = "runs in NumPy" if self.kind == "host" else "calls Python"
        return f"{how}: {self.reason}" if self.reason else ""


class Report:
    """The passes of one program, its steps and what they cost."""

    def __init__(
        self, closed: ClosedJaxpr, arrays: Sequence[Any] | None = None,
        name: str = "", donated: Sequence[int] = (),
    ):  # fmt: skip
        self.donated = donated
        self.name = name or "program"
        self.program = self.simplified = closed
        self.pass_seconds: dict[str, float] = {}
        self.equations: dict[str, int] = {}
        for run in PASSES:
            with self._timed(run.__name__):
                self.simplified = run(self.simplified)
            self.equations[run.__name__] = len(self.simplified.eqns)
        with self._timed("lower"):
            self._origins = Origins(self.simplified)
        with self._timed("schedule"):
            steps = select_steps(self._origins)
        with self._timed("assemble"):
            self._assembler = Assembler(self._origins, steps)
            self.plan: Any = self._assembler.layout().native()
        with self._timed("optimize"):
            self.plan.optimize()
        self.steps = [self._step(k, s) for k, s in enumerate(self._assembler.steps)]
        self.peaks: Peaks | None = None
        self.seconds: float | None = None
        if arrays is not None:
            self._run(arrays)

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.pass_seconds[name] = time.perf_counter() - started

    def _step(self, number: int, step: Any) -> StepReport:
        name_of = self._origins.name_of
        described = [name_of(v, typed=True) for v in step.outputs]
        if isinstance(step, KernelStep):
            kernel = step.scheduled.kernel
            reads = [v for v in step.buffers if v not in step.outputs]
            parts = [p for c in step.clusters for p in _parts(self._origins.parts(c))]
            what = step.what or _summary(parts)
            return StepReport(
                number, "kernel", what, parts,
                [name_of(v, typed=True) for v in reads], described,
                cost_of_kernel(kernel), loops=pseudocode(kernel, name_of), llvm=step.text,
            )  # fmt: skip
        reads = [name_of(v, typed=True) for v in step.inputs]
        if isinstance(step, HostStep):
            parts = _parts([step.eqn])
            return StepReport(
                number, "host", step.eqn.primitive.name, parts, reads, described,
                cost_of_buffers(step), reason=step.reason,
            )  # fmt: skip
        parts = _parts(self._origins.parts(step))
        if isinstance(step, NestedStep):
            on_host = {s.eqn.primitive.name: s.reason for s in host_steps([step])}
            reason = "; ".join(f"{name}, {why}" for name, why in on_host.items())
            return StepReport(
                number, step.kind, step.what, parts, reads, described,
                cost_of_buffers(step), reason=reason, loops=self._bodies(step),
            )  # fmt: skip
        return StepReport(
            number, "library", getattr(step, "name", type(step).__name__), parts, reads,
            described, cost_of_buffers(step),
        )  # fmt: skip

    def _bodies(self, step: NestedStep) -> str:
        """The kernels of the programs that a loop or branch runs, as pseudocode."""
        texts: list[str] = []
        for name, body in zip(step.names, step.bodies):
            for inner in select_steps(body):
                made = type(inner).__name__
                if isinstance(inner, KernelStep):
                    made = pseudocode(inner.scheduled.kernel, self._origins.name_of)
                elif isinstance(inner, NestedStep):
                    made = f"{inner.what}\n{self._bodies(inner)}"
                elif isinstance(inner, HostStep):
                    made = f"host step: {inner.eqn.primitive.name}, {inner.reason}"
                texts.append(f"{name}:\n{textwrap.indent(made, '  ')}")
        return "\n".join(texts)

    def _run(self, arrays: Sequence[Any]) -> None:
        """Times the steps: medians of several runs, within `PATIENCE` seconds."""
        self.plan.profile(*arrays)
        runs: list[list[float]] = []
        started = time.perf_counter()
        while len(runs) < 3 or (
            len(runs) < 101 and time.perf_counter() - started < PATIENCE
        ):
            runs.append(self.plan.profile(*arrays)[1])
            if time.perf_counter() - started > 3 * PATIENCE:
                break
        self.peaks = peaks = measured()
        for step, times in zip(self.steps, zip(*runs)):
            step.seconds = statistics.median(times)
            if step.kind in ("kernel", "library"):
                step.share, step.bound = share_of_peak(step.cost, step.seconds, peaks)
        self.seconds = sum(s.seconds or 0.0 for s in self.steps)

    # --- what it tells

    @functools.cached_property
    def passes(self) -> dict[str, str]:
        """The text of every stage but 'asm', by name."""
        return {name: self.show(name) for name in STAGES if name != "asm"}

    def show(self, stage: str) -> str:
        """The text of one stage: 'jaxpr', 'simplified' (after the passes over the IR),
        'clusters', 'loops', 'llvm', 'asm' or 'plan'.

        Raises ValueError for any other name.
        """
        if stage not in STAGES:
            raise ValueError(
                f"show: there is no stage {stage!r}; use one of {', '.join(STAGES)}."
            )
        if stage in ("jaxpr", "simplified"):
            return str(self.program if stage == "jaxpr" else self.simplified)
        if stage == "clusters":
            return report_text.clusters(self._origins)
        if stage == "loops":
            return report_text.headed(self.steps, lambda s: s.loops)
        if stage == "llvm":
            return report_text.headed(self.steps, lambda s: s.llvm)
        if stage == "asm":
            return report_text.headed(self.steps, _assembly)
        return report_text.plan(self)

    def __str__(self) -> str:
        return report_text.whole(self)

    def as_text(self) -> str:
        """The loop nests and the plan."""
        return f"{self.show('loops')}\n\n{self.show('plan')}"

    def html(self) -> str:
        """One page with a timeline of the steps; it needs no other file."""
        return report_html.page(self)

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the page to a file."""
        pathlib.Path(path).write_text(self.html(), encoding="utf-8")

    def cost_analysis(self) -> dict[str, float]:
        """Floating-point operations and bytes of one call, by name; 'flops' leaves out
        what host steps and library calls of unknown cost do."""
        read = sum(s.cost.read for s in self.steps)
        written = sum(s.cost.written for s in self.steps)
        kinds = [s.kind for s in self.steps]
        return {
            "flops": float(sum(s.cost.flops or 0 for s in self.steps)),
            "bytes accessed": float(read + written),
            "bytes read": float(read),
            "bytes written": float(written),
            "kernels": float(kinds.count("kernel")),
            "library calls": float(kinds.count("library")),
            "loops": float(kinds.count("loop")),
            "branches": float(kinds.count("branch")),
            "host steps": float(kinds.count("host")),
        }

    def memory_analysis(self) -> MemoryStats:
        """Bytes of arguments, outputs, temporaries and code."""
        avals = self.program.in_avals
        steps = [s for s in self._assembler.steps if isinstance(s, KernelStep)]
        return MemoryStats(
            nbytes(avals),
            nbytes(self.program.out_avals),
            nbytes([avals[i] for i in self.donated]),
            self.plan.arena_bytes,
            sum(c.nbytes for c in {s.structure.code for s in steps}),
        )


def report(
    closed: ClosedJaxpr, arrays: Sequence[Any] | None = None,
    name: str = "", donated: Sequence[int] = (),
) -> Report:  # fmt: skip
    """The report of a program; with `arrays`, its flat arguments, it is run and timed.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> made = report(cr.make_jaxpr(lambda x: cnp.sin(x) * 2)(cnp.ones(100)))
    >>> made.steps[0].what, made.cost_analysis()["bytes accessed"]
    ('sin mul', 800.0)
    """
    with alone():
        return Report(closed, arrays, name, donated)


def share_of_peak(cost: Cost, seconds: float, peaks: Peaks) -> tuple[float, str]:
    """The larger of a step's shares of the machine's bandwidth, for data of its size,
    and of its arithmetic, and which it is: 'memory' or 'arithmetic'."""
    moved = cost.read + cost.written
    seconds = max(seconds, 1e-9)
    memory = moved / seconds / peaks.bandwidth(moved)
    most = peaks.double_flops if cost.doubles else peaks.flops
    arithmetic = (cost.flops or 0) / seconds / most
    if arithmetic > memory:
        return arithmetic, "arithmetic"
    return memory, "memory"


def _parts(eqns: Sequence[Any]) -> list[Part]:
    found: list[Part] = []
    for eqn in eqns:
        where = source.position(eqn.frame) or ("", 0, "")
        found.append(Part(eqn.primitive.name, *where))
    return found


def _summary(parts: Sequence[Part]) -> str:
    """The primitives in order, each with how often it occurs."""
    counts: dict[str, int] = {}
    for p in parts:
        counts[p.primitive] = counts.get(p.primitive, 0) + 1
    return " ".join(f"{n} x{k}" if k > 1 else n for n, k in counts.items()) or "copy"


def _assembly(step: StepReport) -> str:
    return codegen.assembly.assembly(step.llvm) if step.llvm else ""


__all__ = ["STAGES", "Part", "Report", "StepReport", "report"]
