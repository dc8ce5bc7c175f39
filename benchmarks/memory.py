"""Memory of gradients through long loops: `python -m benchmarks.memory`.

Two loops of 100,000 steps, a recurrent network and an ensemble of Lorenz systems, with
all residuals stored, with the body under `checkpoint`, in segments, and within budgets.
Every row runs in a process of its own: the program is compiled, the peak of the process's
resident memory is set back (Linux, /proc/self/clear_refs), and the first call is watched.
The plan's bytes are what `memory_analysis` tells of temporaries. Rows of JAX need its
interpreter: `--python jax=PATH`.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STEPS, WIDTH, SYSTEMS = 100_000, 32, 64
SEGMENTS = 250
BUDGETS = {"recurrent": ("20MB", "5MB", "200kB"), "lorenz": ("200MB", "20MB", "2MB")}
BODIES = {"stored": "all residuals", "body": "checkpoint of the body"}
ROOT = Path(__file__).resolve().parent.parent

Loop = Callable[..., tuple[Any, Any]]


def recurrent(lib: Any, scan: Loop) -> tuple[Any, list[Any]]:
    """A network h = tanh(W h + x), differentiated by W."""
    cnp = lib.numpy
    rng = np.random.default_rng(0)
    w = (0.1 * rng.standard_normal((WIDTH, WIDTH))).astype(np.float32)
    xs = (0.1 * rng.standard_normal((STEPS, WIDTH))).astype(np.float32)

    def loss(w: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> tuple[Any, None]:
            return cnp.tanh(w @ h + x), None

        return cnp.sum(scan(step, cnp.zeros(WIDTH, np.float32), xs)[0] ** 2)

    return loss, [w, xs]


def lorenz(lib: Any, scan: Loop) -> tuple[Any, list[Any]]:
    """64 Lorenz systems by Runge-Kutta's method, differentiated by their first states."""
    cnp = lib.numpy
    states = np.random.default_rng(1).standard_normal((3, SYSTEMS)).astype(np.float32)

    def slope(s: Any) -> Any:
        x, y, z = s[0], s[1], s[2]
        return cnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    def step(s: Any, _: Any) -> tuple[Any, None]:
        h = 1e-5
        a = slope(s)
        b = slope(s + h / 2 * a)
        c = slope(s + h / 2 * b)
        return s + h / 6 * (a + 2 * b + 2 * c + slope(s + h * c)), None

    return lambda s: cnp.sum(scan(step, s, None, length=STEPS)[0] ** 2), [states]


WORKLOADS = {"recurrent": recurrent, "lorenz": lorenz}


def segments_by_hand(lib: Any) -> Loop:
    """A loop over segments, each under `checkpoint`: what JAX's users write."""

    def scan(step: Any, carry: Any, xs: Any, length: int = STEPS) -> tuple[Any, Any]:
        size = STEPS // SEGMENTS
        blocks = None if xs is None else xs.reshape(SEGMENTS, size, *xs.shape[1:])

        def segment(carry: Any, block: Any) -> tuple[Any, Any]:
            return lib.lax.scan(step, carry, block, length=size)

        loop = lib.checkpoint(segment)
        return lib.lax.scan(loop, carry, blocks, length=SEGMENTS)

    return scan


def loop_of(lib: Any, variant: str) -> Loop:
    """The scan that a variant uses."""
    scan = lib.lax.scan
    if variant == "body":
        return lambda f, *args, **more: scan(lib.checkpoint(f), *args, **more)
    if variant == "by hand":
        return segments_by_hand(lib)
    if variant == "root":
        return lambda *args, **more: scan(*args, **more, checkpoint=True)
    return scan


def gradient(lib: Any, workload: str, variant: str) -> tuple[Any, list[Any]]:
    """The jitted gradient of a row, and its arguments."""
    loss, args = WORKLOADS[workload](lib, loop_of(lib, variant))
    if variant in BUDGETS[workload]:
        loss = lib.checkpoint(loss, budget=variant)
    return lib.jit(lib.grad(loss)), [lib.numpy.asarray(x) for x in args]


# --- one row, in its own process ------------------------------------------------------


def status(name: str) -> int:
    """A number of bytes that /proc/self/status tells."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"/proc/self/status: no {name}")


def row(library: str, workload: str, variant: str, calls: int) -> dict[str, Any]:
    """Measures a row in this process."""
    lib = importlib.import_module(library)
    importlib.import_module(library + ".numpy")
    fun, args = gradient(lib, workload, variant)
    compiled = fun.lower(*args).compile()
    np.asarray(lib.jit(lambda x: x + 1)(args[0]))
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    found = np.asarray(compiled(*args))
    taken = status("VmHWM") - before
    times: list[float] = []
    for _ in range(calls):
        start = time.perf_counter()
        np.asarray(compiled(*args))
        times.append(time.perf_counter() - start)
    return {
        "plan": compiled.memory_analysis().temp_size_in_bytes,
        "taken": taken,
        "seconds": statistics.median(times),
        "norm": float(np.linalg.norm(found.astype(np.float64))),
    }


def in_process(python: str, row: tuple[str, str, str], calls: int) -> dict[str, Any]:
    """Measures a row in a process of its own."""
    words = [python, "-m", "benchmarks.memory", "--calls", str(calls), "--row", *row]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(row)}: {done.stderr.strip()[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


# --- the table ------------------------------------------------------------------------


def rows(workload: str, libraries: list[str]) -> list[tuple[str, str, str]]:
    """(library, variant, title) of the rows of a workload."""
    found = [("chainrule", v, t) for v, t in BODIES.items()]
    found.append(("chainrule", "root", "`scan(..., checkpoint=True)`"))
    found += [("chainrule", b, f'`budget="{b}"`') for b in BUDGETS[workload]]
    if "jax" in libraries:
        found += [("jax", v, "JAX, " + t) for v, t in BODIES.items()]
        found.append(("jax", "by hand", "JAX, 250 segments by hand"))
    return found


def table(workload: str, pythons: dict[str, str], calls: int) -> list[str]:
    """The lines of a workload's table."""
    lines = [
        f"| {workload} | plan | peak of the call | time | |",
        "| --- " + "| ---: " * 4 + "|",
    ]
    first: dict[str, Any] = {}
    for library, variant, title in rows(workload, list(pythons)):
        found = in_process(pythons[library], (library, workload, variant), calls)
        first = first or found
        if abs(found["norm"] - first["norm"]) > 1e-3 * first["norm"]:
            raise RuntimeError(f"{title}: the gradient differs from the first row's")
        plan, taken = (f"{found[k] / 1e6:.2f} MB" for k in ("plan", "taken"))
        ratio = found["seconds"] / first["seconds"]
        lines.append(
            f"| {title} | {plan} | {taken} | {found['seconds'] * 1e3:.0f} ms"
            f" | {ratio:.2f}x |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("--python", metavar="LIB=PATH", action="append", default=[])
    parser.add_argument("--calls", type=int, default=7, help="timed calls of a row")
    parser.add_argument("--only", choices=WORKLOADS, help="one of the loops")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(json.dumps(row(*given.row, given.calls)))
        return
    pythons = {"chainrule": sys.executable}
    pythons.update(p.split("=", 1) for p in given.python)
    for workload in [given.only] if given.only else WORKLOADS:
        print("\n".join([*table(workload, pythons, given.calls), ""]))


if __name__ == "__main__":
    main()
