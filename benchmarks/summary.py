"""The sections of a table: the rows that stand worst, means, a table per group.

A share is of the machine's peak as measured in the same run: the bandwidth of a copy of
about the same size, or the rate of fused multiply-adds of all threads. Peaks are the best
of some repetitions, and so it is a row's best repetition that is compared with them.
"""

import math
from collections.abc import Sequence

from benchmarks.budgets import SUITE
from benchmarks.peaks import Peaks
from benchmarks.report import VERDICTS, geometric_mean_ratio, table
from benchmarks.report import as_markdown as markdown_table
from benchmarks.rows import CallRow
from benchmarks.turns import Outcome
from benchmarks.units import show_ratio, show_seconds

Lines = list[list[str]]
WORST = 20
LEAST_TRAFFIC = 1 << 18
"""Rows that move fewer bytes live in the first caches and have no share of a copy."""


def share(outcome: Outcome, subject: str, peaks: Peaks | None) -> float | None:
    """The share of the machine's peak that the subject reaches, if the row has one."""
    row, times = outcome.row, outcome.samples.get(subject)
    if peaks is None or not times or not isinstance(row, CallRow):
        return None
    seconds = min(times)
    if row.bound == "copy":
        moved = outcome.traffic
        fast = peaks.bandwidth(moved) if moved >= LEAST_TRAFFIC else math.inf
        return moved / seconds / fast or None
    if row.bound:
        return row.flops / seconds / getattr(peaks, row.bound)
    return None


def with_shares(
    lines: Lines, outcomes: Sequence[Outcome], subject: str, peaks: Peaks | None
) -> Lines:
    """The table with a column of shares before its last, if a row has one."""
    shares = [share(outcome, subject, peaks) for outcome in outcomes]
    if not any(shares):
        return lines
    cells = ["" if part is None else f"{part:.0%}" for part in shares]
    column = ["of peak", *cells, *[""] * (len(lines) - len(cells) - 1)]
    return [
        [*line[:-1], cell, line[-1]] for line, cell in zip(lines, column, strict=True)
    ]


def by_group(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """The outcomes of each group by its name, and all of them last."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.row.group, []).append(outcome)
    return [*found.items(), ("all", list(outcomes))]


def means(outcomes: Sequence[Outcome], libraries: Sequence[str], subject: str) -> Lines:
    """Geometric means of the ratios, a group a line, all rows last."""
    peers = [library for library in libraries if library != subject]
    lines = [["group", "rows", *peers, "slower than a peer", "budget"]]
    for name, chosen in by_group(outcomes):
        ratios = [geometric_mean_ratio(chosen, peer, subject) for peer in peers]
        cells = ["" if ratio is None else show_ratio(ratio) for ratio in ratios]
        behind = sum((worst_ratio(out, subject) or (1.0, ""))[0] < 1 for out in chosen)
        lines.append([name, str(len(chosen)), *cells, str(behind), ""])
    overall = geometric_mean_ratio(outcomes, SUITE.peer, subject)
    lines[-1][-1] = f"{SUITE.text}: {VERDICTS[SUITE.met(overall)]}"
    return lines


def worst_ratio(outcome: Outcome, subject: str) -> tuple[float, str] | None:
    """The fastest peer's time over the subject's, and that peer."""
    seconds = outcome.seconds
    peers = [library for library in seconds if library != subject]
    if subject not in seconds or not peers:
        return None
    fastest = min(peers, key=seconds.__getitem__)
    return seconds[fastest] / seconds[subject], fastest


def worst(
    outcomes: Sequence[Outcome],
    subject: str,
    below: float = 1.0,
    most: int | None = WORST,
) -> Lines:
    """The rows on which the subject stands worst beside its fastest peer.

    Those whose ratio is less than `below`, and `most` of them at most.
    """
    found = [
        (*ratio, outcome)
        for outcome in outcomes
        if (ratio := worst_ratio(outcome, subject)) and ratio[0] < below
    ]
    lines = [["row", subject, "fastest peer", "its time", "ratio"]]
    for ratio, peer, outcome in sorted(found, key=lambda entry: entry[0])[:most]:
        ours, theirs = outcome.seconds[subject], outcome.seconds[peer]
        lines.append(
            [
                f"{outcome.row.group}: {outcome.row.title}",
                show_seconds(ours),
                peer,
                show_seconds(theirs),
                show_ratio(ratio),
            ]
        )
    return lines


def brief(
    outcomes: Sequence[Outcome], libraries: Sequence[str], subject: str, below: float
) -> list[tuple[str, Lines]]:
    """Titled tables without a line a row: means and the worst row of each group, and all
    rows whose ratio to a peer is less than `below`."""
    lines = means(outcomes, libraries, subject)
    lines[0][-1] = "the slowest"
    for line, (_, chosen) in zip(lines[1:], by_group(outcomes), strict=True):
        line[-1] = slowest(chosen, subject)
    slow = worst(outcomes, subject, below, most=None)
    title = f"Ratios below {show_ratio(below)}, worst first"
    return [("Geometric means", lines), *([(title, slow)] if len(slow) > 1 else [])]


def slowest(outcomes: Sequence[Outcome], subject: str) -> str:
    """The least ratio of a peer's time to the subject's, and its row."""
    found = [
        (ratio[0], outcome.row.title)
        for outcome in outcomes
        if (ratio := worst_ratio(outcome, subject))
    ]
    if not found:
        return ""
    ratio, title = min(found)
    return f"{show_ratio(ratio)} {title}"


def thread_gains(outcomes: Sequence[Outcome], libraries: Sequence[str]) -> Lines:
    """How many times as fast two threads are as one, by pairs of rows of the group."""
    by_name = {out.row.name: out for out in outcomes if out.row.group == "threads"}
    lines = [["two threads against one", *libraries, ""]]
    for name, alone in by_name.items():
        both = by_name.get(name.replace("_1", "_2"))
        if not name.endswith("_1") or both is None:
            continue
        ratios = [
            alone.seconds[lib] / both.seconds[lib]
            if lib in alone.seconds and lib in both.seconds
            else None
            for lib in libraries
        ]
        cells = ["" if ratio is None else show_ratio(ratio) for ratio in ratios]
        lines.append([alone.row.title.removesuffix(", one thread"), *cells, ""])
    return lines


def peak_lines(peaks: Peaks) -> Lines:
    """What the shares are of."""
    lines = [["peak", "rate", ""]]
    for size, rate in peaks.copy.items():
        lines.append(
            [f"copy, {int(size) >> 10} KB moved", f"{rate / 1e9:.1f} GB/s", ""]
        )
    for kind, rate in (("f32", peaks.fma32), ("f64", peaks.fma64)):
        lines.append([f"multiply-adds {kind}", f"{rate / 1e9:.0f} GFLOP/s", ""])
    return lines


def sections(
    outcomes: Sequence[Outcome],
    libraries: Sequence[str],
    subject: str,
    peaks: Peaks | None,
) -> list[tuple[str, Lines]]:
    """Titled tables: worst rows, means, a table per group, threads, peaks."""
    found: list[tuple[str, Lines]] = []
    slow = worst(outcomes, subject)
    if len(slow) > 1:
        found.append(("Slower than a peer, worst first", slow))
    if len(outcomes) > 1:
        found.append(("Geometric means", means(outcomes, libraries, subject)))
    for group in dict.fromkeys(outcome.row.group for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.row.group == group]
        present = [
            lib for lib in libraries if any(lib in out.row.libraries for out in chosen)
        ]
        lines = table(chosen, present, subject)
        found.append((f"Group: {group}", with_shares(lines, chosen, subject, peaks)))
    gains = thread_gains(outcomes, libraries)
    if len(gains) > 1:
        found.append(("Threads", gains))
    if peaks is not None:
        found.append(("Peaks of this machine", peak_lines(peaks)))
    return found


def as_markdown(sections: Sequence[tuple[str, Lines]]) -> str:
    """All sections in markdown."""
    return "\n".join(
        f"### {title}\n\n{markdown_table(lines)}\n" for title, lines in sections
    )
