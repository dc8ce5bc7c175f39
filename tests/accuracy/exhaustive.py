"""The largest error of the f32 functions over all bit patterns, or every n-th.

    python -m tests.accuracy.exhaustive exp log sin          # all 2**32: a minute each
    python -m tests.accuracy.exhaustive --stride 61          # all functions, a sample

Compiled code in f32 is compared with compiled code in f64, whose error does not count
here; that is tested against mpmath. Functions of one operand only.
"""

import argparse
import sys

import numpy as np

from .compiled import Compiled
from .references import SUBJECTS

CHUNK = 1 << 20


def chunk_errors(y, reference):
    """Errors in f32 ulp; inf where one is finite and the other is not, or NaN."""
    _, exponent = np.frexp(reference)
    ulp = np.ldexp(1.0, np.maximum(exponent - 24, -149))
    errors = np.abs(y.astype(np.float64) - reference) / ulp
    overflow = np.abs(reference) >= float(np.finfo(np.float32).max)
    rounded = reference.astype(np.float32)
    errors = np.where(
        overflow | ~np.isfinite(reference), np.where(y == rounded, 0.0, np.inf), errors
    )
    errors = np.where(np.isnan(y) | np.isnan(reference), np.inf, errors)
    return np.where(np.isnan(y) & np.isnan(reference), 0.0, errors)


def worst(name, stride):
    """(largest error, its argument, the value)."""
    single, double = Compiled(name, "f32", CHUNK), Compiled(name, "f64", CHUNK)
    best = -1.0, 0.0, 0.0
    with np.errstate(all="ignore"):
        for start in range(0, 1 << 32, CHUNK * stride):
            bits = start + stride * np.arange(CHUNK, dtype=np.int64)
            x = bits.astype(np.uint32).view(np.float32)
            y = single(x)
            errors = chunk_errors(y, double(x.astype(np.float64)))
            errors = np.where(np.isnan(x) & ~np.isnan(y), np.inf, errors)
            at = int(np.argmax(errors))
            if errors[at] > best[0]:
                best = float(errors[at]), float(x[at]), float(y[at])
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("functions", nargs="*")
    parser.add_argument("--stride", type=int, default=1)
    options = parser.parse_args()
    every = [n for n, s in SUBJECTS.items() if s.arity == 1]
    beyond = 0
    for name in options.functions or every:
        error, x, y = worst(name, options.stride)
        beyond += error > SUBJECTS[name].bound
        print(f"{name}: {error:.4f} ulp at {x!r} ({x.hex()}), value {y!r}", flush=True)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
