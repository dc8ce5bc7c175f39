"""A long run of random programs: `python -m tests.fuzz --programs 20000 --seed 7`.

Draws programs until the given number passed, or one fails; the failing program is
shrunk to the smallest one that fails and printed with the error. Runs with different
seeds try different programs.
"""

from __future__ import annotations

import argparse
import time

import hypothesis
from hypothesis import HealthCheck, given, settings

from . import properties
from .programs import programs


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=2000, help="how many to try")
    parser.add_argument("--seed", type=int, default=0, help="where to start")
    parser.add_argument("--steps", type=int, default=15, help="steps at most")
    chosen = parser.parse_args()
    tried = 0
    start = time.time()

    @hypothesis.seed(chosen.seed)
    @settings(
        max_examples=chosen.programs,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(max_steps=max(chosen.steps, 5)))
    def run(program):
        nonlocal tried
        tried += 1
        if tried % 100 == 0:
            print(f"{tried} programs, {time.time() - start:.0f} s", flush=True)
        properties.check(program)

    run()
    print(f"{tried} programs passed in {time.time() - start:.0f} s.")


if __name__ == "__main__":
    main()
