"""Samples, exact values and errors in units of the last place.

`samples` draws arguments of a function of `references.py`, `exact_values` asks mpmath,
`ours` evaluates our expression one operation at a time.
"""

import mpmath as mp
import numpy as np

from chainrule.compiler import mathematics
from chainrule.compiler.expr import node
from chainrule.compiler.interpret import interpret

from .references import SUBJECTS

DTYPES = {"f32": np.float32, "f64": np.float64, "f16": np.float16}
PRECISION = {"f32": 24, "f64": 53, "f16": 11}
LOWEST = {"f32": -149, "f64": -1074, "f16": -24}


def function_of(name):
    """(number of operands, function of expressions)."""
    arity = SUBJECTS[name].arity if name in SUBJECTS else 2
    return arity, getattr(mathematics, name)


def ours(name, type, arrays):
    """Our function of arrays, one operation at a time."""
    leaves = [node("var", type, (), f"x{i}") for i in range(len(arrays))]
    out = function_of(name)[1](*leaves)
    return interpret(out, dict(zip(leaves, arrays, strict=True)))


def random_bits(rng, dtype, count):
    size = np.dtype(dtype).itemsize
    bits = rng.integers(0, 2 ** (8 * size), count, dtype=f"u{size}")
    return bits.view(dtype)


def _from_span(rng, span, count):
    low, high = span
    uniform = rng.uniform(low, high, count - count // 2)
    top = np.log2(max(abs(low), abs(high)))
    size = np.exp2(rng.uniform(top - 60, top, count // 2))
    sign = rng.choice([-1.0, 1.0], count // 2) if low < 0 else 1.0
    return np.concatenate([uniform, np.clip(size * sign, low, high)])


def neighbours(point, dtype, count):
    """The numbers next to +-point on both sides."""
    with np.errstate(over="ignore"):
        centre = np.asarray([point], dtype)
    if not np.isfinite(centre[0]):
        return np.empty(0, dtype)
    bits = centre.view(f"i{np.dtype(dtype).itemsize}")
    steps = np.arange(-count, count + 1, dtype=bits.dtype)
    around = np.abs((bits + steps).view(dtype)) if point else steps.view(dtype)
    around = around[np.isfinite(around)]
    return np.concatenate([around, -around])


def samples(name, type, count, seed=0):
    """Arrays of arguments: from the strata; or from the intervals, the points, and random
    bit patterns."""
    subject, dtype = SUBJECTS[name], DTYPES[type]
    rng = np.random.default_rng(seed)
    share = count // (len(subject.spans) + 1) + 2
    with np.errstate(over="ignore"):
        if subject.strata:
            share = count // len(subject.strata) + 2
            rows = [stratum(rng, share) for stratum in subject.strata]
            return [np.concatenate(c).astype(dtype) for c in zip(*rows, strict=True)]
        if subject.arity == 1:
            parts = [_from_span(rng, s, share).astype(dtype) for s in subject.spans]
            near = max(4, count // 400)
            parts += [neighbours(p, dtype, near) for p in subject.points]
            parts.append(random_bits(rng, dtype, share))
            return [np.concatenate(parts)]
        columns = []
        for i in range(subject.arity):
            parts = [_from_span(rng, s[i], share).astype(dtype) for s in subject.spans]
            parts = [rng.permutation(p) for p in parts]
            columns.append(np.concatenate([*parts, random_bits(rng, dtype, share)]))
        return columns


def exact_values(name, arrays):
    """mpmath's values, None where undefined or where an argument is not finite."""
    exact = SUBJECTS[name].exact
    out = []
    with mp.workprec(160), np.errstate(invalid="ignore"):
        for row in zip(*[a.astype(np.float64).tolist() for a in arrays], strict=True):
            if all(np.isfinite(v) for v in row):
                out.append(exact(*[mp.mpf(v) for v in row]))
            else:
                out.append(None)
    return out


def ulp_errors(exact, values, type):
    """|value - exact| in units of exact's last place; inf for a value that should be
    finite and is not, or the reverse; NaN where exact is None."""
    precision, lowest = PRECISION[type], LOWEST[type]
    limit = mp.mpf(float(np.finfo(DTYPES[type]).max))
    out = np.full(len(exact), np.nan)
    with np.errstate(invalid="ignore"):
        values = values.astype(np.float64).tolist()
    half = mp.ldexp(1, int(mp.frexp(limit)[1]) - precision - 1)
    for i, (e, v) in enumerate(zip(exact, values, strict=True)):
        if e is None:
            continue
        if abs(e) >= limit + half:
            out[i] = 0 if v == (np.inf if e > 0 else -np.inf) else np.inf
            if np.isfinite(v) and abs(v) == limit:
                out[i] = float((abs(e) - limit) / (2 * half))
            continue
        if np.isinf(v) and abs(e) > limit - 2 * half:
            out[i] = float((limit + 2 * half - abs(e)) / (2 * half))
            continue
        if not np.isfinite(v):
            out[i] = np.inf
            continue
        exponent = int(mp.frexp(e)[1]) if e else lowest
        ulp = mp.ldexp(1, max(exponent - precision, lowest))
        out[i] = float(abs(mp.mpf(v) - e) / ulp)
    return out


def errors_of(name, type, count, seed=0, function=None):
    """(arguments, errors) of our function, or of another one of arrays."""
    arrays = samples(name, type, count, seed)
    values = (function or (lambda *a: ours(name, type, a)))(*arrays)
    return arrays, ulp_errors(exact_values(name, arrays), values, type)
