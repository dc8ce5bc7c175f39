"""Reports as text: the sections of `str(report)` and of the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .fusion import Cluster

WIDTH = 88
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def amount(bytes_: float) -> str:
    """'512 B', '1.5 KiB', ..."""
    for factor, unit in _UNITS:
        if bytes_ >= factor:
            return f"{bytes_ / factor:.1f} {unit}"
    return f"{bytes_:.0f} B"


def count(n: float) -> str:
    """'512', '1.5 k', '2.0 M', '3.1 G'."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n:.0f}"


def duration(seconds: float) -> str:
    """'1.5 us', '20 ms', '3.0 s'."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def heading(step: Any) -> str:
    """'kernel 3: sin mul', in one line."""
    return f"{step.kind} {step.number}: {step.what}"


def headed(steps: Iterable[Any], text: Callable[[Any], str]) -> str:
    """The texts of steps, each under its heading; those that have none, without."""
    out = []
    for step in steps:
        found = text(step)
        wrote = f"{', '.join(step.reads) or 'nothing'} -> {', '.join(step.writes)}"
        out.append(f"# {heading(step)}\n# {wrote}\n{found}".rstrip())
    return "\n\n".join(out)


def clusters(origins: Any) -> str:
    """What fusion put together: every step's members, with the roles they have."""
    lines: list[str] = []
    for k, step in enumerate(origins.steps):
        made = " ".join(e.primitive.name for e in origins.parts(step))
        if not isinstance(step, Cluster):
            native = getattr(step, "name", "host")
            outs = ", ".join(origins.name_of(v, typed=True) for v in step.outputs)
            lines.append(f"{k}. {native}: {made}\n   {outs}")
            continue
        inner = step.inner or ()
        dims = " x ".join(
            f"[{n}]" if j in inner else str(n) for j, n in enumerate(step.dims)
        )
        lines.append(f"{k}. over {dims or 'one point'}: {made or 'copy'}")
        for m in step.members:
            outs = ", ".join(origins.name_of(v, typed=True) for v in m.values)
            lines.append(f"   {m.role:5} {outs}")
    return "\n".join(lines)


def plan(report: Any) -> str:
    """The steps in their order, with what they cost."""
    lines = [totals(report)]
    for step in report.steps:
        lines.append(f"{heading(step)}{_time(step, report.seconds)}")
        lines.append(f"    {_cost(step)}")
        if step.remark:
            lines.append(f"    {step.remark}")
        for place, names in lines_of(step.parts):
            line = f"    {place}: {names}"
            if len(line) > WIDTH:
                indent = " " * 8
                rest = textwrap.wrap(names, WIDTH - 8, break_long_words=False)
                line = "\n".join([f"    {place}:", *(indent + r for r in rest)])
            lines.append(line)
    return "\n".join(lines)


def totals(report: Any) -> str:
    """The program's steps, memory and costs, in one line."""
    cost = report.cost_analysis()
    kinds = [
        f"{int(cost[name])} {name if cost[name] != 1 else name[:-1]}"
        for name in ("kernels", "library calls", "loops", "branches", "host steps")
        if cost[name]
    ]
    texts = {s.llvm for s in report.steps if s.llvm}
    text = (
        f"{', '.join(kinds) or 'nothing to compute'};"
        f" {len(texts)} different kernel{'s' * (len(texts) != 1)};"
        f" arena {amount(report.plan.arena_bytes)};"
        f" {count(cost['flops'])} flop, {amount(cost['bytes accessed'])} moved"
    )
    if report.seconds is not None:
        text += f"; {duration(report.seconds)}"
    return text


def _time(step: Any, total: float | None) -> str:
    if step.seconds is None or not total:
        return ""
    text = f"  {duration(step.seconds)} ({step.seconds / total:.0%} of the time)"
    if step.share is not None:
        text += f", {step.share:.0%} of the {step.bound} peak"
    return text


def _cost(step: Any) -> str:
    flops = (
        "flop unknown" if step.cost.flops is None else f"{count(step.cost.flops)} flop"
    )
    return (
        f"reads {amount(step.cost.read)}, writes {amount(step.cost.written)}, {flops}"
    )


def lines_of(parts: Sequence[Any]) -> list[tuple[str, str]]:
    """The primitives that came from each line, lines in order of appearance."""
    by_line: dict[str, dict[str, int]] = {}
    for p in parts:
        place = f"{p.file}:{p.line} ({p.function})" if p.file else "an unknown line"
        names = by_line.setdefault(place, {})
        names[p.primitive] = names.get(p.primitive, 0) + 1
    return [
        (place, ", ".join(f"{n} x{k}" if k > 1 else n for n, k in names.items()))
        for place, names in by_line.items()
    ]


def peaks(found: Any) -> str:
    """What the machine can do."""
    rates = ", ".join(f"{b / 1e9:.0f} GB/s up to {amount(n)}" for n, b in found.copies)
    return (
        f"copies: {rates}; multiply-adds: {found.flops / 1e9:.0f} GFLOP/s in f32,"
        f" {found.double_flops / 1e9:.0f} in f64"
    )


def whole(report: Any) -> str:
    """All passes and the plan; of the machine's text only its length."""
    times = "\n".join(
        f"{name} {duration(s)}{_left(report, name)}"
        for name, s in report.pass_seconds.items()
    )
    written = {s.llvm: s for s in report.steps if s.llvm}
    sizes = [f"{heading(s)}: {t.count(chr(10)) + 1} lines" for t, s in written.items()]
    sections = [
        ("jaxpr", report.show("jaxpr")),
        ("simplified", report.show("simplified")),
        ("clusters", report.show("clusters")),
        ("loops", report.show("loops")),
        ("llvm", "\n".join(sizes) or "no kernels"),
        ("plan", report.show("plan")),
        ("passes", times),
    ]
    notes = getattr(report, "notes", None)
    if notes:
        sections.insert(0, ("derivatives", "\n".join(notes)))
    if report.peaks is not None:
        sections.append(("machine", peaks(report.peaks)))
    return "\n\n".join(f"== {name}\n{text}" for name, text in sections)


def _left(report: Any, name: str) -> str:
    """How many equations a pass over the IR left."""
    n = report.equations.get(name)
    return "" if n is None else f": {n} equation{'s' * (n != 1)}"


__all__ = [
    "amount", "clusters", "count", "duration", "headed", "heading", "lines_of", "peaks",
    "plan", "totals", "whole",
]  # fmt: skip
