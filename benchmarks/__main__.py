"""The command line of the benchmarks; `python -m benchmarks --help` shows its options."""

import argparse
import dataclasses
import math
import os
import re
import sys
import time
from pathlib import Path

from benchmarks import report, summary
from benchmarks.groups import SHAPES
from benchmarks.peaks import Peaks, measure_peaks_apart
from benchmarks.rows import LIBRARIES, CallRow, Row, load_rows
from benchmarks.turns import Outcome, Settings, measure, start_libraries


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", metavar="REGEX", default="", help="rows whose id or title matches")
    add(
        "--groups",
        metavar="LIST",
        default="",
        help="groups by comma, 'shapes' for all of its families (default: all others)",
    )
    add(
        "--minutes",
        type=float,
        default=math.inf,
        help="share this time among the rows: fewer rounds for the long ones",
    )
    add(
        "--peers",
        default=",".join(LIBRARIES[1:]),
        help="libraries to stand beside the subject, by comma (default: all)",
    )
    add(
        "--subject",
        default="chainrule",
        choices=LIBRARIES,
        help="the library that ratios and budgets are about (default: chainrule)",
    )
    add(
        "--python",
        metavar="LIB=PATH",
        action="append",
        default=[],
        help="interpreter of a library; also BENCH_PYTHON_LIB in the environment",
    )
    add("--rounds", type=int, default=15, help="repetitions per library and row")
    add(
        "--seconds",
        type=float,
        default=0.01,
        help="length of a repetition; calls are looped to fill it",
    )
    add(
        "--best",
        action="store_true",
        help="show the best repetition, not the median: for a machine with others on it",
    )
    add(
        "--cpus", metavar="LIST", default="", help="pin to these CPUs, such as 0 or 0,1"
    )
    add(
        "--brief",
        action="store_true",
        help="show a line per group, and the rows that are slower than a peer",
    )
    add(
        "--below",
        type=float,
        metavar="RATIO",
        default=1.0,
        help="with --brief, list rows whose ratio to a peer is less (default: 1)",
    )
    add("--json", metavar="FILE", type=Path, help="write all samples to FILE")
    add("--markdown", metavar="FILE", type=Path, help="write the table to FILE")
    add("--list", action="store_true", help="list the rows and their libraries")
    return parser.parse_args()


def choose_rows(pattern: str, groups: str) -> list[Row]:
    """The rows of `groups` whose id or title matches `pattern`; an error if none does."""
    rows, search = list(load_rows().values()), re.compile(pattern).search
    known = list(dict.fromkeys(row.group for row in rows))
    wanted = (
        groups.split(",") if groups else [name for name in known if "/" not in name]
    )
    if unknown := ", ".join(sorted(set(wanted).difference(known, [SHAPES]))):
        sys.exit(f"benchmarks: no group {unknown}; use some of {', '.join(known)}.")
    chosen = [
        row
        for row in rows
        if not {row.group, row.group.partition("/")[0]}.isdisjoint(wanted)
        and (search(row.id) or search(row.title))
    ]
    if not chosen:
        sys.exit(f"benchmarks: no row matches {pattern!r}; --list shows all rows.")
    return chosen


def choose_libraries(options: argparse.Namespace) -> list[str]:
    """The subject and its peers, in the order of the columns."""
    wanted = {options.subject, *filter(None, options.peers.split(","))}
    if unknown := wanted.difference(LIBRARIES):
        names = ", ".join(sorted(unknown))
        sys.exit(f"benchmarks: no library {names}; use some of {', '.join(LIBRARIES)}.")
    rest = [library for library in LIBRARIES if library in wanted - {options.subject}]
    return [options.subject, *rest]


def settings_of(options: argparse.Namespace) -> Settings:
    interpreters = dict(item.split("=", 1) for item in options.python)
    return Settings(options.rounds, options.seconds, interpreters, options.best)


def pin(cpus: str) -> None:
    """Keep this process, and the processes it starts, to the CPUs of a list by comma."""
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})


def progress(text: str) -> None:
    """Show what is being measured, where someone can see it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure_peaks(rows: list[Row]) -> Peaks | None:
    """The machine's peaks, if a row is held against one of them."""
    progress("the peaks of the machine")
    wanted = any(isinstance(row, CallRow) and row.bound for row in rows)
    return measure_peaks_apart() if wanted else None


def measure_all(
    rows: list[Row], libraries: list[str], settings: Settings, minutes: float
) -> tuple[list[Outcome], dict[str, str], list[str]]:
    """Outcomes of `rows`, and the version or absence of each library."""
    stop = time.perf_counter() + 60 * minutes
    processes = start_libraries(libraries, settings)
    try:
        outcomes = []
        for done, row in enumerate(rows):
            progress(f"{done + 1} of {len(rows)}: {row.id}")
            share = (stop - time.perf_counter()) / (len(rows) - done)
            allowed = dataclasses.replace(settings, allowance=share)
            outcomes.append(measure(row, processes, allowed))
        progress("")
        notes = {lib: proc.version or proc.failure for lib, proc in processes.items()}
        present = [lib for lib, proc in processes.items() if proc.failure is None]
    finally:
        for process in processes.values():
            process.close()
    return outcomes, notes, present


def failed(outcomes: list[Outcome], present: list[str], subject: str) -> bool:
    """Print every failure; whether the subject has one."""
    for outcome in outcomes:
        for library, reason in outcome.failures.items():
            print(f"{outcome.row.id}: {library}: {reason}")
    return subject not in present or any(subject in out.failures for out in outcomes)


def main() -> int:
    options = arguments()
    rows = choose_rows(options.only, options.groups)
    if options.list:
        for row in rows:
            print(f"{row.id:33} {row.title}  [{', '.join(row.libraries)}]")
        return 0
    pin(options.cpus)
    libraries = choose_libraries(options)
    settings = settings_of(options)
    peaks = measure_peaks(rows)
    outcomes, notes, present = measure_all(rows, libraries, settings, options.minutes)
    peaks = peaks and peaks.better(measure_peaks(rows))
    about = {"machine": report.machine(), "libraries": notes, "best": options.best}
    about["peaks"] = peaks and dataclasses.asdict(peaks)
    if options.brief:
        sections = summary.brief(outcomes, present, options.subject, options.below)
    else:
        sections = summary.sections(outcomes, present, options.subject, peaks)
    print(", ".join(f"{key} {value}" for key, value in about["machine"].items()))
    print(", ".join(f"{library} {note}" for library, note in notes.items()), "\n")
    for title, lines in sections:
        print(f"{title}\n\n{report.as_text(lines)}\n")
    if options.markdown:
        options.markdown.write_text(summary.as_markdown(sections))
    if options.json:
        options.json.write_text(report.as_json(outcomes, about, options.subject))
    return 1 if failed(outcomes, present, options.subject) else 0


if __name__ == "__main__":
    sys.exit(main())
