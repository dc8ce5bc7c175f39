"""Printing what a run measured: a table as text, as markdown, and all of it as JSON.

A cell holds the median (or the best, if asked for) and, beside a peer's, the ratio to
the subject: 10.2x says that the peer takes 10.2 times as long as the subject does.
`summary` adds what stands above the rows: means, shares of peaks, the worst rows.
"""

import json
import math
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.turns import Outcome
from benchmarks.units import show_ratio, show_seconds

VERDICTS = {True: "met", False: "MISSED", None: "not judged"}


def geometric_mean_ratio(
    outcomes: Iterable[Outcome], peer: str, subject: str
) -> float | None:
    """How many times as long as the subject `peer` takes, over the rows both have."""
    logarithms = []
    for outcome in outcomes:
        seconds = outcome.seconds
        if peer in seconds and subject in seconds:
            logarithms.append(math.log(seconds[peer] / seconds[subject]))
    return math.exp(statistics.fmean(logarithms)) if logarithms else None


def table(
    outcomes: Sequence[Outcome], libraries: Sequence[str], subject: str
) -> list[list[str]]:
    """The rows of the table, header first, geometric means last."""
    header = ["", *libraries, "budget"]
    lines = [header, *(line(outcome, libraries, subject) for outcome in outcomes)]
    means = ["geometric mean of the ratios"]
    for library in libraries:
        ratio = geometric_mean_ratio(outcomes, library, subject)
        means.append("" if ratio is None or library == subject else show_ratio(ratio))
    return [*lines, [*means, ""]]


def line(outcome: Outcome, libraries: Sequence[str], subject: str) -> list[str]:
    """One row of the table."""
    seconds = outcome.seconds
    cells = [outcome.row.title]
    for library in libraries:
        if library in seconds:
            text = show_seconds(seconds[library])
            if library != subject and subject in seconds:
                text += f" ({show_ratio(seconds[library] / seconds[subject])})"
        else:
            text = "failed" if library in outcome.failures else ""
        cells.append(text)
    cells.append(
        "; ".join(
            f"{budget.text}: {VERDICTS[budget.met(seconds, subject)]}"
            for budget in outcome.row.budgets
        )
    )
    return cells


def as_text(lines: Sequence[Sequence[str]]) -> str:
    """The table in columns: text to the left, times to the right."""
    widths = [
        max(len(cells[column]) for cells in lines) for column in range(len(lines[0]))
    ]
    rendered = []
    for cells in lines:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1])]
        padded.append(cells[-1])
        rendered.append("  ".join(padded).rstrip())
    rendered.insert(1, "-" * max(map(len, rendered)))
    return "\n".join(rendered)


def as_markdown(lines: Sequence[Sequence[str]]) -> str:
    """The table in markdown."""
    header, *body = lines
    rule = ["---", *["---:"] * (len(header) - 2), "---"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *body])


def as_json(outcomes: Sequence[Outcome], about: Mapping[str, Any], subject: str) -> str:
    """Everything: the machine, the versions, every repetition, failures and verdicts."""
    rows = []
    for outcome in outcomes:
        seconds = outcome.seconds
        budgets = [
            {"budget": budget.text, "met": budget.met(seconds, subject)}
            for budget in outcome.row.budgets
        ]
        rows.append(
            {
                "id": outcome.row.id,
                "title": outcome.row.title,
                "seconds": seconds,
                "samples_s": outcome.samples,
                "failures": outcome.failures,
                "budgets": budgets,
            }
        )
    return json.dumps({**about, "rows": rows}, indent=1)


def machine() -> dict[str, Any]:
    """The machine that measured: processor, cores, system, Python, load."""
    info = Path("/proc/cpuinfo")
    models = [
        entry.split(":", 1)[1].strip()
        for entry in (info.read_text().splitlines() if info.exists() else ())
        if entry.startswith("model name")
    ]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
