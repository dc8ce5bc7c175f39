"""The process of one library: prepares rows and times them when told to.

Run as `python -m benchmarks.worker LIBRARY`. It reads one JSON request a line from its
standard input and writes one JSON answer a line to what was its standard output; what a
library prints goes to standard error. The driver is `turns`.
"""

import gc
import itertools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks.libraries import (
    LibraryAbsent,
    honour_x64,
    import_library,
    read_numbers,
    waiter,
)
from benchmarks.rows import CallRow, Timed, load_rows

WAIT_EACH = 100e-6
"""From this time a call on, the loop waits for every result, and else for the last."""


class Worker:
    """The rows of one library, one of them prepared at a time."""

    def __init__(self, library_name: str) -> None:
        self.name = library_name
        self.library, self.version = import_library(library_name)
        self.wait = waiter(library_name, self.library)
        self.rows = load_rows()
        self.loop: Callable[[int], float] | None = None

    def prepare(self, row_id: str) -> dict[str, Any]:
        """Build the row, run it once, and return the numbers it computed."""
        row = self.rows[row_id]
        assert isinstance(row, CallRow)
        honour_x64(self.name, self.library, row.x64)
        made = row.makers[self.name](self.library)
        timed = (
            made if isinstance(made, Timed) else Timed(made, lambda outcome: outcome)
        )
        outcome = self.wait(timed.run())
        numbers = timed.result and read_numbers(timed.result(outcome))
        del outcome
        self.loop = make_loop(timed.run, self.wait)
        gc.collect()
        gc.freeze()
        return {"numbers": numbers, "traffic": timed.traffic}

    def calibrate(self, seconds: float) -> dict[str, Any]:
        """Warm up, and find the number of calls that fill about `seconds`."""
        assert self.loop is not None
        count = 1
        while (elapsed := self.loop(count)) < seconds / 2:
            count = max(count + 1, min(10 * count, int(count * seconds / elapsed)))
        return {"count": max(1, round(count * seconds / elapsed))}

    def repeat(self, count: int) -> dict[str, Any]:
        """Seconds per call, over one loop of `count` calls."""
        assert self.loop is not None
        return {"seconds": self.loop(count) / count}

    def drop(self) -> dict[str, Any]:
        """Let go of the prepared row and its data."""
        self.loop = None
        gc.unfreeze()
        gc.collect()
        return {}


def make_loop(
    run: Callable[[], Any], wait: Callable[[Any], Any]
) -> Callable[[int], float]:
    """A function that calls `run` a number of times and returns the seconds it took.

    Libraries with asynchronous dispatch are waited for: after each call if the calls are
    long, after the last if the wait itself would count.
    """

    def wait_for_last(count: int) -> float:
        start = time.perf_counter()
        for _ in itertools.repeat(None, count):
            outcome = run()
        wait(outcome)
        return time.perf_counter() - start

    def wait_for_each(count: int) -> float:
        start = time.perf_counter()
        for _ in itertools.repeat(None, count):
            wait(run())
        return time.perf_counter() - start

    return wait_for_each if wait_for_last(1) > WAIT_EACH else wait_for_last


def serve(
    worker: Worker, requests: Any, answer: Callable[[dict[str, Any]], None]
) -> None:
    """Answer requests, {"do": method, ...arguments}, until the input ends."""
    for line in requests:
        request = json.loads(line)
        method = getattr(worker, request.pop("do"))
        try:
            answer(method(**request))
        except Exception as error:
            answer({"failed": explain(error)})


def explain(error: Exception) -> str:
    """The error's own last line, and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    reason = traceback.format_exception_only(error)[-1].strip()
    return f"{reason} ({last.filename}:{last.lineno})"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    try:
        worker = Worker(sys.argv[1])
    except LibraryAbsent:
        answer({"absent": True})
        return
    except Exception as error:
        answer({"failed": explain(error)})
        return
    answer({"version": worker.version})
    serve(worker, sys.stdin, answer)


if __name__ == "__main__":
    main()
