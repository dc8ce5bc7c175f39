"""Measures the error of every mathematical function and writes docs/accuracy.md.

    python -m tests.accuracy                                  # all, 20000 samples each
    python -m tests.accuracy --functions exp,log --samples 100000 --seed 7
    CHAINRULE_JAX_PYTHON=/path/to/python python -m tests.accuracy   # JAX beside it

The file is written when all functions are measured. Functions whose reference is slow
take a twentieth of the samples. gmpy2, where installed, makes mpmath several times
faster.
"""

import argparse
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from .measure import exact_values, ours, samples, ulp_errors
from .references import SUBJECTS

ROOT = pathlib.Path(__file__).parent.parent.parent
SLOW = {"ndtri", "erf_inv", "erfcx", "log_ndtr", "bessel_i0e", "bessel_i1e"}
JAX_NAMES = {
    "exp1": None, "expi": None, "dawsn": None, "sine_integral": None,
    "cosine_integral": None, "fresnel_sine": None, "fresnel_cosine": None,
    "spence": "scipy.special.spence",
    "pow": "lax.pow", "rem": "lax.rem", "log2": "numpy.log2", "log10": "numpy.log10",
    "hypot": "numpy.hypot", "logaddexp": "numpy.logaddexp",
    "logaddexp2": "numpy.logaddexp2", "ndtri": "scipy.special.ndtri",
    "log_ndtr": "scipy.special.log_ndtr", "erfcx": None,
}  # fmt: skip
JAX_PROGRAM = """
import functools, sys
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
out = {}
with np.load(sys.argv[1]) as data:
    for key in sorted({k.rsplit(":", 1)[0] for k in data.files}):
        path = key.split(":")[1]
        args = [data[k] for k in sorted(data.files) if k.rsplit(":", 1)[0] == key]
        function = functools.reduce(getattr, path.split("."), jax)
        out[key] = np.asarray(jax.jit(function)(*args))
np.savez(sys.argv[2], **out)
"""

HEADER = """# How accurate the mathematical functions are

Written by `python -m tests.accuracy`; do not edit. Errors in units of the last place
(ulp) of the exact result by mpmath, largest and mean over {samples} samples a function
and format ({slow} for those with a slow reference): over the function's
domain uniformly and by magnitude, around zeros, branches and the ends of the range,
and over random bit patterns, subnormal numbers included. `inf`: a result that is infinite
or NaN where the exact one is finite, or the reverse. Subnormal results flushed to zero
count as what they are off by, up to millions of ulp.

Beside ours, as compiled, stand NumPy's (SciPy's where NumPy has none)
{jax}. f16 and bf16 are computed in f32.

The bound is two ulp, but for zeros that are differences of larger terms, which keep
those terms' absolute accuracy in f64: of `lgamma` and `digamma` left of 0 (at -2.45702...
and so on), of `logaddexp` and `logaddexp2` of a negative operand, and of `cosine_integral`.
They are not among the samples.
Series and fractions that are summed at every element, of `dawsn`, `exp1`, `expi` and `spence`,
and the waves of `cosine_integral`, `fresnel_cosine` and `fresnel_sine`
have the errors that the table shows. A dash stands where a library does not have the function,
or does not end for all samples.
`python -m tests.accuracy.exhaustive` compares compiled f32 code with f64 over all 2^32
bit patterns.
"""


def of_jax(arguments, python):
    """JAX's values by (name, type), from its own interpreter, for those it has."""
    given = {}
    for (name, type), arrays in arguments.items():
        path = JAX_NAMES.get(name, f"lax.{name}")
        for i, a in enumerate(arrays if path else ()):
            given[f"{name} {type}:{path}:{i}"] = a
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/given.npz", **given)
        files = [f"{folder}/given.npz", f"{folder}/taken.npz"]
        subprocess.run([python, "-c", JAX_PROGRAM, *files], check=True)
        with np.load(files[1]) as taken:
            return {tuple(k.split(":")[0].split()): taken[k] for k in taken.files}


def of_numpy(name, arrays):
    path = SUBJECTS[name].numpy
    if path is None:
        return None
    module, _, function = path.rpartition(".")
    with np.errstate(all="ignore"):
        return getattr(importlib.import_module(module), function)(*arrays)


def summary(errors):
    """(largest, mean of the finite ones), as text."""
    known = errors[~np.isnan(errors)]
    finite = known[np.isfinite(known)]
    largest = "inf" if len(finite) < len(known) else _short(known.max())
    return largest, _short(finite.mean()) if len(finite) else "-"


def _short(x):
    return f"{x:.3f}" if x < 100 else f"{x:.1e}"


def row(name, type, arrays, others):
    """A line of the table; and our largest error."""
    exact = exact_values(name, arrays)
    cells, worst = [f"`{name}`", type], None
    for values in [ours(name, type, arrays), *others]:
        if values is None:
            cells += ["-", "-"]
            continue
        errors = ulp_errors(exact, values, type)
        worst = np.nanmax(errors) if worst is None else worst
        cells += summary(errors)
    return "| " + " | ".join(cells) + " |", worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--functions", default="", help="a,b,c; default: all")
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    python = os.environ.get("CHAINRULE_JAX_PYTHON")
    names = options.functions.split(",") if options.functions else sorted(SUBJECTS)
    titles = ["ours", "NumPy", *(["JAX"] if python else [])]
    head = [
        "function",
        "format",
        *[f"{t} {m}" for t in titles for m in ("max", "mean")],
    ]
    lines = [
        "| " + " | ".join(head) + " |",
        "|---|---" + "|--:" * (len(head) - 2) + "|",
    ]
    print("\n".join(lines))
    beyond = []
    arguments = {}
    for name in names:
        count = options.samples // 20 if name in SLOW else options.samples
        for type in ("f32", "f64"):
            arguments[name, type] = samples(name, type, count, options.seed)
    jax = of_jax(arguments, python) if python else None
    for (name, type), arrays in arguments.items():
        others = [of_numpy(name, arrays)]
        if jax is not None:
            others.append(jax.get((name, type)))
        line, worst = row(name, type, arrays, others)
        print(line, flush=True)
        lines.append(line)
        if worst > SUBJECTS[name].bound:
            beyond.append(f"{name} {type}: {worst} ulp")
    if not options.functions:
        text = HEADER.format(
            samples=options.samples,
            slow=options.samples // 20,
            jax="and those of JAX 0.10 on the CPU" if python else "",
        )
        (ROOT / "docs" / "accuracy.md").write_text(
            text + "\n" + "\n".join(lines) + "\n"
        )
    for line in beyond:
        print("beyond the bound:", line)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
