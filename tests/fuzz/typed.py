"""Random programs without control flow over all dtypes: compiled = eager.

A program of 5 to 40 operations on operands of any dtypes and shapes is run eagerly and
compiled, and, mapped over batches of several sizes, compiled once more; after every pass
of the compiler its IR is checked.

How far apart may they be? The order of a sum and the contraction to a fused
multiply-add are the compiler's to choose, and a program may amplify the difference. So
the eager program is also run with every value moved by a rounding error at random
(stochastic arithmetic: Vignes, Math. Comput. Simul. 35, 1993): results may differ by a
small multiple of what that moves them, and what it moves from one integer to another,
or across a comparison, is not decided. Integers and booleans that it does not move have
to be the same.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.pipeline import PASSES
from chainrule.core.checker import check_jaxpr

from .programs import Step
from .typed_operations import INTEGERS, MAX_SIZE, REALS, TYPED, names_of

EXTENTS = 1, 2, 3, 4, 5, 8, 17, 33, 70
COMPLEX = "complex64", "complex128"
NUDGES = 4
"""Perturbed runs at first; a difference is looked at again with sixteen times as many."""


@dataclasses.dataclass(frozen=True)
class TypedProgram:
    """Steps on inputs of the given shapes and dtypes, and which values it returns."""

    wide: bool
    inputs: tuple[tuple[tuple[int, ...], str], ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]

    def arguments(self, seed: int = 0) -> list[np.ndarray]:
        """Inputs of the program's types, the same ones for a seed."""
        rng = np.random.default_rng(seed)
        return [_values(rng, shape, np.dtype(cnp.dtype(d))) for shape, d in self.inputs]

    def __call__(self, *xs: Any, moved: Any = lambda v: v) -> tuple[Any, ...]:
        values = [moved(cnp.asarray(x)) for x in xs]
        for step in self.steps:
            operands = [values[i] for i in step.operands]
            values.append(moved(TYPED[step.operation].apply(*operands, **step.params)))
        return tuple(values[i] for i in self.results)

    def __repr__(self):
        lines = [f"enable_x64({self.wide})"]
        lines += [f"v{i}: {d}{list(s)}" for i, (s, d) in enumerate(self.inputs)]
        for i, step in enumerate(self.steps, len(self.inputs)):
            given = ", ".join(f"v{k}" for k in step.operands)
            params = "".join(f", {k}={v!r}" for k, v in step.params.items())
            lines.append(f"v{i} = {step.operation}({given}{params})")
        return "\n".join([*lines, f"returns {self.results}"])


def _values(rng, shape, dtype):
    if dtype.kind == "b":
        return rng.uniform(size=shape) < 0.5
    if dtype.kind in "iu":
        low = 0 if dtype.kind == "u" else -100
        return rng.integers(low, 100, shape).astype(dtype)
    values = rng.uniform(-2, 2, shape)
    if dtype.kind == "c":
        values = values + 1j * rng.uniform(-2, 2, shape)
    return values.astype(dtype)


def suits(kind: str, dtype: np.dtype) -> bool:
    """Whether a value of the dtype is of the kind that an operation asks for."""
    real = cnp.issubdtype(dtype, cnp.floating)
    if kind == "f":
        return real
    if kind == "n":
        return real or dtype.kind in "iuc"
    return kind == "a" or dtype.kind in {"i": "iu", "c": "c", "b": "b"}[kind]


@st.composite
def typed_programs(draw, min_steps=5, max_steps=40):
    """Programs that run, by construction: each step is tried as it is drawn."""
    wide = draw(st.booleans())
    with cr.enable_x64(wide):
        dtypes = names_of(("bool",), INTEGERS, REALS, REALS, COMPLEX)
        if not wide:
            dtypes = [d for d in dtypes if d != "complex128"]
        given = st.tuples(
            st.lists(st.sampled_from(EXTENTS), max_size=3).map(tuple),
            st.sampled_from(dtypes),
        ).filter(lambda pair: math.prod(pair[0]) <= MAX_SIZE)
        inputs = tuple(draw(st.lists(given, min_size=1, max_size=4)))
        program = TypedProgram(wide, inputs, (), ())
        values = [cnp.asarray(x) for x in program.arguments()]
        steps: list[Step] = []
        count = draw(st.integers(min_steps, max_steps))
        for _ in range(4 * count):
            if len(steps) == count:
                break
            step = _step(draw, values)
            if step is not None:
                operands = [values[i] for i in step.operands]
                values.append(TYPED[step.operation].apply(*operands, **step.params))
                steps.append(step)
        assume(len(steps) >= min_steps)
        last = len(values) - 1
        more = draw(st.sets(st.integers(len(inputs), last), max_size=2))
        results = (*sorted(more - {last}), last)
        return TypedProgram(wide, inputs, tuple(steps), results)


def _step(draw, values):
    """A step on values that suit it, late ones more often; None where none do."""
    operation = draw(st.sampled_from(list(TYPED.values())))
    operands = []
    for kind in operation.kinds:
        suitable = [i for i, v in enumerate(values) if suits(kind, np.dtype(v.dtype))]
        if not suitable:
            return None
        operands.append(draw(st.sampled_from(suitable[::-1])))
    params = operation.params(draw, *[values[i] for i in operands])
    return None if params is None else Step(operation.name, tuple(operands), params)


# --- how far apart results may be ---------------------------------------------------------------


def nudge(rng):
    """A function that moves every floating-point value by about a rounding error."""

    def moved(v):
        dtype = np.dtype(v.dtype)
        if dtype.kind in "iub":
            return v
        info = cnp.finfo(dtype)
        eps, least = float(info.eps), float(info.smallest_subnormal)
        x = np.asarray(v)
        with np.errstate(all="ignore"):
            if dtype.kind == "c":
                x = x.astype(complex)
                size = eps * np.abs(x) + least
                by = rng.uniform(-1, 1, x.shape) + 1j * rng.uniform(-1, 1, x.shape)
            else:
                x = x.astype(float)
                size = eps * np.abs(x) + least
                by = rng.uniform(-1, 1, x.shape)
            return cnp.asarray((x + by * size).astype(dtype))

    return moved


def spread(program, xs, plain, count):
    """The largest distances from the plain results in perturbed runs."""
    rng = np.random.default_rng(count)
    widest = [np.zeros(np.shape(p)) for p in plain]
    for _ in range(count):
        for most, near, p in zip(widest, program(*xs, moved=nudge(rng)), plain):
            np.maximum(most, _distance(np.asarray(near), np.asarray(p)), out=most)
    return widest


def _distance(a, b):
    """|a - b|, with equal infinities and NaNs at distance 0, others infinitely far."""
    dtype = complex if a.dtype.kind == "c" else float
    if a.dtype.kind in "iub":
        return np.where(a == b, 0.0, np.inf)
    a, b = a.astype(dtype), b.astype(dtype)
    with np.errstate(all="ignore"):
        apart = np.abs(a - b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def near(found, plain, widest):
    """Whether results are as close as rounding errors explain."""
    for f, p, w in zip(found, plain, widest, strict=True):
        f, p = np.asarray(f), np.asarray(p)
        assert (f.shape, f.dtype) == (p.shape, p.dtype), (f.dtype, f.shape, p.dtype)
        allowed = w
        if p.dtype.kind not in "iub":
            info = cnp.finfo(p.dtype)
            size = np.abs(p.astype(complex if p.dtype.kind == "c" else float))
            size = np.where(np.isfinite(size), size, 0)
            allowed = 8 * w + 4 * (
                float(info.eps) * size + float(info.smallest_subnormal)
            )
        if not (_distance(f, p) <= allowed).all():
            return False
    return True


def agree(program, xs, found):
    """Compiled results against the eager ones; raises AssertionError."""
    plain = program(*xs)
    for count in (NUDGES, 16 * NUDGES):
        widest = spread(program, xs, plain, count)
        if near(found, plain, widest):
            return
    for f, p, w in zip(found, plain, widest):
        apart = _distance(np.asarray(f), np.asarray(p))
        where = np.unravel_index(np.argmax(apart - 8 * w), apart.shape)
        raise_at = f"compiled {np.asarray(f)[where]}, eager {np.asarray(p)[where]}"
        if not near((f,), (p,), (w,)):
            raise AssertionError(
                f"{raise_at} at {where}, rounding moves it {w[where]:.3g}"
            )


# --- the properties ---------------------------------------------------------------------------------


def compiled_is_eager(program, xs):
    """A compiled program gives what its operations give one by one."""
    agree(program, xs, cr.jit(program)(*xs))


def every_pass_keeps_the_type(program, xs):
    """The IR is well typed after each pass of the compiler."""
    closed = cr.make_jaxpr(program)(*xs)
    types = [a.str_short() for a in closed.out_avals]
    for run in PASSES:
        closed = run(closed)
        check_jaxpr(closed)
        assert [a.str_short() for a in closed.out_avals] == types, run.__name__


def batches_are_rows(program, xs):
    """Mapped over batches of several sizes, compiled, each row is the program's."""
    rows = [program.arguments(seed) for seed in range(6)]
    mapped = cr.jit(cr.vmap(program))
    for n in (2, 5, 6):
        found = mapped(*[np.stack(x) for x in zip(*rows[:n])])
        for k in range(n):
            agree(program, rows[k], [f[k] for f in found])


def first_calls_have_the_bits_of_later_ones(program, xs):
    """Quick code computes what LLVM's best code does."""
    quick, best = cr.jit(program)(*xs), cr.jit(program).lower(*xs).compile()(*xs)
    for a, b in zip(quick, best, strict=True):
        assert (_distance(np.asarray(a), np.asarray(b)) == 0).all(), (a, b)


def check(program: TypedProgram) -> None:
    """Every property on one program, whose text is added to what is raised."""
    with cr.enable_x64(program.wide):
        xs = program.arguments()
        checks = [compiled_is_eager, every_pass_keeps_the_type]
        kind = zlib.crc32(repr(program).encode()) % 4
        if kind == 0:
            checks.append(batches_are_rows)
        if kind == 1:
            checks.append(first_calls_have_the_bits_of_later_ones)
        for holds in checks:
            try:
                holds(program, xs)
            except Exception as error:
                error.add_note(f"{holds.__name__} does not hold for\n{program}")
                raise
