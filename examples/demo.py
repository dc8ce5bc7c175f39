"""`make demo`: derivatives, trained networks, fitted processes, simulations, control.

Leaves its pictures in demo-output/, or in the folder given, and prints a summary. Ends with status 1 if a part's
own check fails: a wrong derivative, too low an accuracy, a fit that did not converge.
"""

import os
import sys
import time
from pathlib import Path

# The matrices are small: on a busy machine OpenBLAS's threads would wait for each other
# far longer than they compute. NumPy reads this when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib

matplotlib.use("Agg")

import cart_pole
import derivatives
import digits
import gaussian_process
import lorenz
import pendulum
import sonnets

OUTPUT = Path(__file__).resolve().parent.parent / "demo-output"
PARTS = {
    "Derivatives": derivatives,
    "Handwritten digits": digits,
    "Gaussian process": gaussian_process,
    "Lorenz's system": lorenz,
    "Pendulum": pendulum,
    "Cart and pole": cart_pole,
    "Sonnets": sonnets,
}


def main(output: Path = OUTPUT) -> int:
    output.mkdir(exist_ok=True)
    summary, failed, start = [], False, time.perf_counter()
    for title, part in PARTS.items():
        print(f"{title}\n{'-' * len(title)}", flush=True)
        part_start = time.perf_counter()
        try:
            lines = part.run(output)
        except ArithmeticError as error:
            lines, failed = [f"FAILED: {error}"], True
        seconds = time.perf_counter() - part_start
        print("\n".join(f"  {line}" for line in lines), f"\n  ({seconds:.1f} s)\n")
        summary += [f"{title}: {line}" for line in lines]
    print("Summary\n-------")
    print("\n".join(f"  {line}" for line in summary))
    pictures = ", ".join(sorted(path.name for path in output.glob("*.png")))
    print(f"  Pictures in {output.name}/: {pictures}")
    print(f"  {time.perf_counter() - start:.1f} s in all")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
