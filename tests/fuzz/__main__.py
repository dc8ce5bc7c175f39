"""A long run of random programs: `python -m tests.fuzz --programs 20000 --seed 7`.

Draws programs until the given number passed, or one fails; the failing program is
shrunk to the smallest one that fails and printed with the error. Runs with different
seeds try different programs. `--kind` says which:

    smooth   steps of all sorts on float64, with gradients in every order (5 to 15)
    control  branches and loops in each other, gradients against the program unrolled
    loops    entries of arrays changed in loops, to the bit, with gradients (1 to 5)
    typed    operands of all dtypes, no control flow, compiled = eager (5 to 40)
    shapes   large and odd shapes, one size after the other, compiled = NumPy (1 to 12)
"""

from __future__ import annotations

import argparse
import time

import hypothesis
from hypothesis import HealthCheck, given, settings

from . import loops, orders, properties, shapes, typed
from .programs import controlled_programs, programs

KINDS = {
    "smooth": (programs, properties.check, 15),
    "control": (controlled_programs, orders.check, 5),
    "loops": (loops.loop_programs, loops.check, 5),
    "typed": (typed.typed_programs, typed.check, 40),
    "shapes": (shapes.shaped_programs, shapes.check, 12),
}
"""What draws the programs, what checks one, and how many steps it has at most."""


def main() -> None:
    """Parses the arguments and runs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--programs", type=int, default=2000, help="how many to try")
    parser.add_argument("--seed", type=int, default=0, help="where to start")
    parser.add_argument("--kind", choices=KINDS, default="smooth", help="see above")
    parser.add_argument("--steps", type=int, help="steps at most")
    chosen = parser.parse_args()
    draw, check, most = KINDS[chosen.kind]
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
    @given(draw(max_steps=max(chosen.steps or most, 5)))
    def run(program):
        nonlocal tried
        tried += 1
        if tried % 100 == 0:
            print(f"{tried} programs, {time.time() - start:.0f} s", flush=True)
        check(program)

    run()
    print(f"{tried} {chosen.kind} programs passed in {time.time() - start:.0f} s.")


if __name__ == "__main__":
    main()
