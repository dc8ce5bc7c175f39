"""Measures the error of every mathematical function and writes docs/accuracy.md.

    python -m tests.accuracy                                  # all, 10000 samples each
    python -m tests.accuracy --functions exp,log --write      # their rows alone
    python -m tests.accuracy --functions exp,log --samples 100000 --seed 7
    CHAINRULE_JAX_PYTHON=/path/to/python python -m tests.accuracy   # JAX beside it

The file is written when all functions are measured, or `--write` is given. Functions whose
reference is slow take a twentieth of the samples. gmpy2, where installed, makes mpmath
several times faster.
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

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "accuracy.md"
JAX_NAMES = {
    "exp1": None, "expi": None, "dawsn": None, "sine_integral": None,
    "cosine_integral": None, "fresnel_sine": None, "fresnel_cosine": None,
    "spence": "scipy.special.spence",
    "pow": "lax.pow", "rem": "lax.rem", "log2": "numpy.log2", "log10": "numpy.log10",
    "hypot": "numpy.hypot", "logaddexp": "numpy.logaddexp",
    "logaddexp2": "numpy.logaddexp2", "ndtri": "scipy.special.ndtri",
    "log_ndtr": "scipy.special.log_ndtr", "erfcx": None,
    "betainc": "scipy.special.betainc", "expn": None,
    "hyp1f1": "scipy.special.hyp1f1", "hyp2f1": "scipy.special.hyp2f1",
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
and so on), of `logaddexp` and `logaddexp2` of a negative operand, of `cosine_integral`, of
`zeta` and `polygamma` between poles left of 0, and of `hyp1f1` and `hyp2f1` of parameters
of either sign. They are not among the samples.
Series and fractions that are summed at every element, of `dawsn`, `exp1`, `expi` and `spence`,
the waves of `cosine_integral`, `fresnel_cosine` and `fresnel_sine`, and all functions of
parameters have the errors that the table shows. A dash stands where a library does not have
the function, or does not end for all samples.

Functions of parameters are sampled in strata: parameters from 1e-300 to 1e7, tails, and both
sides of the lines where expansions meet. f32 is computed in f64, and rounded once. In f64
`betainc` loses most for `b` near 1 and large `a`, where 1 is taken from a number near it;
`zeta` for an exponent near 1 and a small `q`; `igamma_grad_a` and `random_gamma_grad` for
small `a` and `x` beside 0.8, `hyp1f1` and `hyp2f1` as their terms are many: some hundred ulp
for `hyp2f1` next to 1, where values are 1e50, or its steps hundreds.
The parameters of `hyp1f1` are sampled from -30 to 1000, those of `hyp2f1` from -4 to 50,
left of 0 to 4. Beyond, digits are lost where the terms of all their series alternate; the
error there is that of the largest term: `hyp1f1(a, b, x)` for `a` far below 0 and a larger
`x` (2.5e6 ulp at `hyp1f1(-90.3, 5, 200)`) or a `b` below 0 (no digit is right at
`hyp1f1(-40.5, -3.3, 20)`), and `hyp2f1(a, b, c, x)` for large `a` and `b`, smaller `c` and
`x` below 0 (6e3 ulp at `hyp2f1(10, 12, 2.3, -1.13)`, no digit at
`hyp2f1(50, 37, 2.3, -1.13)`). SciPy is better there.
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


def page(lines, samples, with_jax):
    """The text of docs/accuracy.md with these rows, those of other functions as they
    stand there. Raises ValueError where these have other columns."""
    found = PAGE.read_text().splitlines() if PAGE.exists() else []
    old = [line for line in found if line.startswith("|")]
    new = {tuple(line.split("|")[1:3]): line for line in lines[2:]}
    kept = {tuple(line.split("|")[1:3]): line for line in old[2:]}
    rows = {**kept, **new}
    if len(rows) > len(new) and old[:2] != lines[:2]:
        raise ValueError(
            f"{PAGE.name}: has the columns {old[0]}, not {lines[0]}; measure all"
            " functions, or set CHAINRULE_JAX_PYTHON as it was."
        )
    text = HEADER.format(
        samples=samples,
        slow=samples // 20,
        jax="and those of JAX 0.10 on the CPU" if with_jax else "",
    )
    return "\n".join([text, *lines[:2], *[rows[k] for k in sorted(rows)]]) + "\n"


def measured(names, options, python):
    """The lines of the table, printed one by one; and what is beyond its bound."""
    titles = ["ours", "NumPy", *(["JAX"] if python else [])]
    columns = [f"{t} {m}" for t in titles for m in ("max", "mean")]
    lines = [
        "| " + " | ".join(["function", "format", *columns]) + " |",
        "|---|---" + "|--:" * len(columns) + "|",
    ]
    print("\n".join(lines))
    arguments, beyond = {}, []
    for name in names:
        count = options.samples // 20 if SUBJECTS[name].slow else options.samples
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
        if worst > SUBJECTS[name].bound_in(type):
            beyond.append(f"{name} {type}: {worst} ulp")
    return lines, beyond


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--functions", default="", help="a,b,c; default: all")
    parser.add_argument("--write", action="store_true", help="their rows of the page")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    python = os.environ.get("CHAINRULE_JAX_PYTHON")
    names = options.functions.split(",") if options.functions else sorted(SUBJECTS)
    lines, beyond = measured(names, options, python)
    if options.write or not options.functions:
        PAGE.write_text(page(lines, options.samples, bool(python)))
    for line in beyond:
        print("beyond the bound:", line)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
