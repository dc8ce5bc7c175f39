"""Measuring: a process per library, and rounds in which the processes take turns.

`measure` returns an `Outcome` per row: the seconds of every repetition of every library,
and why a library has none. Before a row is timed the results of all libraries are
compared with those of the first one; the row is not timed where they differ.
"""

import functools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rows import CallRow, ProcessRow, Row

ROOT = Path(__file__).resolve().parent.parent
FEWEST = 3
"""Rounds that every row gets, however long they take."""


class RowFailed(Exception):
    """A library could not run a row; the message is its error."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run measures: `rounds` repetitions of about `seconds` each.

    Their median stands for them; if `best`, their minimum, for a machine with others on
    it. A row that has used up `allowance` seconds gets no more than `FEWEST` rounds.
    """

    rounds: int = 15
    seconds: float = 0.01
    interpreters: Mapping[str, str] = field(default_factory=dict)
    best: bool = False
    allowance: float = math.inf

    def interpreter(self, library: str) -> str:
        """The Python that runs `library`: by option, by environment, or the current.

        One release of a package has an interpreter of its own, or none.
        """
        package = library.partition(".")[0]
        by_environment = os.environ.get(f"BENCH_PYTHON_{package.upper()}")
        return self.interpreters.get(package) or by_environment or sys.executable

    def start(
        self,
        library: str,
        arguments: list[str],
        extra: Mapping[str, str] | None = None,
        **pipes: Any,
    ) -> subprocess.Popen:
        """Start the interpreter of `library`, in the project's root.

        It may keep byte code, whatever the surrounding shell says: pip compiles what it
        installs, but not the sources of an editable install.
        """
        command = [self.interpreter(library), *arguments]
        environment = {**os.environ, **(extra or {})}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            **pipes,
        )


@dataclass(slots=True)
class Outcome:
    """What one row gave: seconds per repetition, and failures, by library.

    `traffic` is the least number of bytes that a call moves, where it is known.
    """

    row: Row
    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    best: bool = False
    traffic: int = 0

    @property
    def seconds(self) -> dict[str, float]:
        """The median or the best of each library that was timed."""
        pick = min if self.best else statistics.median
        return {library: pick(times) for library, times in self.samples.items()}


class LibraryProcess:
    """The driver's end of a worker."""

    def __init__(self, library: str, settings: Settings) -> None:
        self.library, self.settings = library, settings
        self.version: str | None = None
        self.failure: str | None = None
        self.start()

    def start(self) -> None:
        """Start the worker and learn the library's version, or that there is none."""
        arguments = ["-m", "benchmarks.worker", self.library]
        self.process = self.settings.start(
            self.library, arguments, stdout=subprocess.PIPE
        )
        hello = self.read()
        self.version = hello.get("version")
        if "absent" in hello:
            self.failure = (
                f"not installed for {self.settings.interpreter(self.library)}"
            )
        elif "failed" in hello:
            self.failure = hello["failed"]

    def read(self) -> dict[str, Any]:
        """The next answer; a failure if the process has ended instead."""
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        return {"failed": f"the process ended with status {self.process.wait()}"}

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its answer; RowFailed if the library failed."""
        request = json.dumps({"do": method, **arguments})
        try:
            print(request, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            self.process.wait()
        answer = self.read()
        if "failed" not in answer:
            return answer
        if self.process.poll() is not None:
            self.start()
        raise RowFailed(answer["failed"])

    def close(self) -> None:
        """End the worker: its input closes, it returns."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def start_libraries(
    libraries: Iterable[str], settings: Settings
) -> dict[str, LibraryProcess]:
    """A process for each library."""
    return {library: LibraryProcess(library, settings) for library in libraries}


def measure(
    row: Row, processes: Mapping[str, LibraryProcess], settings: Settings
) -> Outcome:
    """Check that the libraries agree on `row`, then time them in turns."""
    outcome = Outcome(row, best=settings.best)
    usable = [
        library
        for library, process in processes.items()
        if library in row.libraries and process.failure is None
    ]
    if isinstance(row, ProcessRow):
        measure_programs(row, usable, settings, outcome)
    else:
        measure_calls(row, {lib: processes[lib] for lib in usable}, settings, outcome)
    return outcome


def measure_calls(
    row: CallRow,
    processes: Mapping[str, LibraryProcess],
    settings: Settings,
    outcome: Outcome,
) -> None:
    """Time a call in the warm processes."""
    start = time.perf_counter()
    counts: dict[str, int] = {}
    numbers: dict[str, list[list[float]] | None] = {}
    for library, process in processes.items():
        try:
            answer = process.ask("prepare", row_id=row.id)
            numbers[library] = answer["numbers"]
            outcome.traffic = outcome.traffic or answer["traffic"]
        except RowFailed as error:
            outcome.failures[library] = str(error)
    if not disagreements(numbers, row.rtol, outcome):
        for library in numbers:
            try:
                answer = processes[library].ask("calibrate", seconds=settings.seconds)
                counts[library] = answer["count"]
            except RowFailed as error:
                outcome.failures[library] = str(error)

    def repeat(library: str) -> float:
        return processes[library].ask("repeat", count=counts[library])["seconds"]

    stop = start + settings.allowance
    take_turns(list(counts), settings.rounds, stop, repeat, outcome)
    for library in numbers:
        processes[library].ask("drop")


def measure_programs(
    row: ProcessRow, libraries: list[str], settings: Settings, outcome: Outcome
) -> None:
    """Time a program from the start of its interpreter to its exit."""
    start = time.perf_counter()
    numbers: dict[str, list[list[float]] | None] = {}
    with tempfile.TemporaryDirectory() as cache:
        run = functools.partial(run_program, row, settings=settings, cache=cache)
        for library in libraries:
            try:
                _, numbers[library] = run(library)
            except RowFailed as error:
                outcome.failures[library] = str(error)
        if disagreements(numbers, row.rtol, outcome):
            return
        rounds, stop = min(settings.rounds, row.rounds), start + settings.allowance
        take_turns(list(numbers), rounds, stop, lambda lib: run(lib)[0], outcome)


def run_program(
    row: ProcessRow, library: str, settings: Settings, cache: str = ""
) -> tuple[float, list[list[float]]]:
    """Seconds that the program of `library` took, and the numbers it printed."""
    extra = {key: text.format(cache=cache) for key, text in row.environment.items()}
    start = time.perf_counter()
    process = settings.start(
        library,
        ["-c", row.programs[library]],
        extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    printed, complaints = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise RowFailed(complaints.strip().splitlines()[-1])
    numbers = [float(word) for word in re.split(r"[\s,()\[\]]+", printed) if word]
    if row.inside:
        seconds, *numbers = numbers
    return seconds, [numbers]


def take_turns(
    libraries: list[str],
    rounds: int,
    stop: float,
    repeat: Callable[[str], float],
    outcome: Outcome,
) -> None:
    """Note `repeat(library)` of every library and round, until the time `stop`.

    A library that fails takes no further turns.
    """
    for turn, library in in_turns(libraries, rounds):
        if turn >= FEWEST and time.perf_counter() > stop:
            break
        if library in outcome.failures:
            continue
        try:
            seconds = repeat(library) / outcome.row.per
            outcome.samples.setdefault(library, []).append(seconds)
        except RowFailed as error:
            outcome.failures[library] = str(error)


def in_turns(libraries: list[str], rounds: int) -> Iterable[tuple[int, str]]:
    """(round, library): every library once a round, each round from another one on."""
    for turn in range(rounds):
        shift = turn % max(1, len(libraries))
        for library in libraries[shift:] + libraries[:shift]:
            yield turn, library


def disagreements(
    numbers: Mapping[str, list[list[float]] | None], rtol: float, outcome: Outcome
) -> bool:
    """Whether a library's result differs from the first one's; notes each that does.

    Libraries whose numbers are None take no part.
    """
    compared = {lib: part for lib, part in numbers.items() if part is not None}
    if not compared:
        return False
    first = next(iter(compared))
    different = [
        lib for lib in compared if not agree(compared[lib], compared[first], rtol)
    ]
    for library in different:
        outcome.failures[library] = f"its result differs from that of {first}"
    return bool(different)


def agree(ours: list[list[float]], theirs: list[list[float]], rtol: float) -> bool:
    """Same arrays, entries equal within `rtol` of the largest entry of the array."""
    if [len(array) for array in ours] != [len(array) for array in theirs]:
        return False
    for a, b in zip(ours, theirs, strict=True):
        scale = max((abs(entry) for entry in b if math.isfinite(entry)), default=0.0)
        for x, y in zip(a, b, strict=True):
            same = x == y or (math.isnan(x) and math.isnan(y))
            if not same and not abs(x - y) <= rtol * scale:
                return False
    return True
