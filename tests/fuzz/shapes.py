"""Random programs over large and odd shapes: compiled = NumPy, to the last bit.

A program is called with arguments of several sizes, one after the other: kernels are
shared by structure, and plans are filled in for further sizes, so that what was decided
for the first size meets others. Each program says how it is run: by how many threads,
whether results go past the caches whatever their size, and whether
what is done to large arrays alone is done to these. Of all kernels the texts are
compared (`texts`).

A step is the name of an operation and some numbers; which values it takes, and what
becomes of them, is decided by the shapes that it finds (`shapes_values`). All programs
are valid at all sizes, so that a failing one shrinks well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import boxes, fusion, program, schedule, updates, vectors
from chainrule.ops import convolution_folds, folds, rows, window_updates

from . import texts
from .shapes_products import SHAPED
from .shapes_values import DTYPES, LIMITS, MAX_SIZE, Draws, Value, dtype_in

EXTENTS = (
    1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 1000, 4097,
    100003, 0,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ShapedProgram:
    """`inputs`: the dimensions, by number, and the dtype of each; `sizes`: per call, the
    extents of the dimensions. `steps`: an operation, two numbers that say on which values,
    and further numbers for it. `results`: which values are returned beside the last."""

    inputs: tuple[tuple[tuple[int, ...], str], ...]
    sizes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, tuple[int, int], tuple[int, ...]], ...]
    results: tuple[int, ...]
    threads: int
    streamed: int | None
    limits: bool
    wide: bool

    def arguments(self, sizes: Sequence[int]) -> list[np.ndarray]:
        """Whole numbers of -3 to 4 of the inputs' shapes, and dtypes as NumPy has them."""
        rng = np.random.default_rng(0)
        return [_numbers(rng, self._shape(dims, sizes), d) for dims, d in self.inputs]

    def _shape(self, dims: Sequence[int], sizes: Sequence[int]) -> tuple[int, ...]:
        shape: list[int] = []
        for d in dims:
            left = MAX_SIZE // math.prod(max(n, 1) for n in shape)
            shape.append(min(sizes[d % len(sizes)], left))
        return tuple(shape)

    def values(self, xp: Any, arrays: Sequence[Any], told: Any = None) -> list[Value]:
        """All values, the inputs first."""
        values = [Value(a, d, 4) for a, (_, d) in zip(arrays, self.inputs)]
        for name, picked, numbers in self.steps:
            at = [len(values) - 1 - k % len(values) for k in picked]
            draws = Draws(numbers)
            values.append(SHAPED[name](xp, draws, *[values[k] for k in at]))
            if told is not None:
                told(len(values) - 1, name, at, draws.taken, values[-1])
        return values

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """What the program returns."""
        values = self.values(cnp, [cnp.asarray(a) for a in arrays])
        return tuple(v.array for v in self.returned(values))

    def returned(self, values: Sequence[Value]) -> list[Value]:
        """Those values that are returned."""
        chosen = sorted({len(values) - 1 - k % len(values) for k in (0, *self.results)})
        return [values[k] for k in chosen]

    def story(self, sizes: Sequence[int]) -> str:
        """What the program does at some sizes."""
        lines = [
            f"v{k}: {d}{list(self._shape(dims, sizes))}"
            for k, (dims, d) in enumerate(self.inputs)
        ]

        def told(k, name, at, taken, value):
            given = ", ".join(f"v{i}" for i in at)
            shape = list(value.shape)
            lines.append(f"v{k}: {value.dtype}{shape} = {name}({given}; {taken})")

        self.values(np, [plain(a) for a in self.arguments(sizes)], told)
        return "\n".join(lines)


def _numbers(rng: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "bool":
        return rng.uniform(size=shape) < 0.5
    values = rng.integers(0 if dtype == "uint8" else -3, 5, shape)
    if dtype == "complex64":
        values = values + 1j * rng.integers(-3, 5, shape)
    return values.astype(cnp.dtype(dtype))


def plain(a: np.ndarray) -> np.ndarray:
    """An argument as the reference has it: floating-point numbers in 64 bits."""
    name = str(cnp.dtype(a.dtype))
    return a.astype(dtype_in(np, name)) if name in LIMITS else a


# --- drawing ----------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(0, 3), st.integers(0, 40), st.integers(0, 1 << 16))


@st.composite
def shaped_programs(draw, min_steps=1, max_steps=12):
    """Programs of all dtypes and the extents above."""
    wide = draw(st.booleans())
    dtypes = [d for d in DTYPES if wide or d not in ("int64", "float64")]
    dims = st.lists(st.integers(0, 4), min_size=1, max_size=5).map(tuple)
    inputs = draw(
        st.lists(st.tuples(dims, st.sampled_from(dtypes)), min_size=1, max_size=3)
    )
    first = tuple(draw(st.lists(st.sampled_from(EXTENTS), min_size=5, max_size=5)))
    sizes = [first]
    varied = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    for _ in range(draw(st.integers(0, 3))):
        other = list(first)
        for k in varied:
            other[k] = draw(st.one_of(st.sampled_from(EXTENTS), st.integers(1, 140)))
        sizes.append(tuple(other))
    step = st.tuples(
        st.sampled_from(list(SHAPED)),
        st.tuples(st.integers(0, 8), st.integers(0, 8)),
        st.lists(NUMBERS, max_size=14).map(tuple),
    )
    steps = draw(st.lists(step, min_size=min_steps, max_size=max_steps))
    results = draw(st.lists(st.integers(0, 8), max_size=2))
    return ShapedProgram(
        tuple(inputs), tuple(sizes), tuple(steps), tuple(results),
        draw(st.sampled_from([1, 2])), draw(st.sampled_from([None, 1, 4096])),
        draw(st.booleans()), wide,
    )  # fmt: skip


# --- what has to hold -------------------------------------------------------------------

LIMITED: dict[Any, dict[str, int]] = {
    boxes: {"POINTS": 64},
    convolution_folds: {"COPIED": 2, "KEPT": 3 << 9, "LARGE": 1 << 10, "MANY": 8},
    folds: {"GEMM_WORK": 512, "PACKED": 256, "PART": 16, "WIDENED": 4},
    fusion: {
        "BLOCK": 64, "CHUNKED": 256, "COLUMN": 16, "HUGE": 4096, "LARGE": 512,
        "LONG": 32,
    },
    program: {"PRODUCT_WORK": 256},
    rows: {"LONG_ROW": 64},
    schedule: {"WORK": 64},
    updates: {"LONG": 256, "SHORT": 64},
    vectors: {"CACHED": 1024},
    window_updates: {"BUCKET": 64, "LARGE": 64, "MANY": 32},
}  # fmt: skip
"""Limits from which on something is done otherwise, as small as these arrays are."""

_texts = texts.Texts()


@contextlib.contextmanager
def as_said(program: ShapedProgram) -> Iterator[None]:
    """Runs with the program's threads, and its bound of what goes past the caches."""
    former, bound = cr.get_num_threads(), program.streamed
    with contextlib.ExitStack() as stack:
        stack.enter_context(cr.enable_x64(program.wide))
        patched = lambda *args, **kw: stack.enter_context(
            mock.patch.multiple(*args, **kw)
        )
        if bound is not None:
            patched(schedule, streamed_bytes=lambda: bound)
        for module, limits in LIMITED.items() if program.limits else ():
            patched(module, **limits)
        stack.enter_context(texts.watched(_texts))
        cr.set_num_threads(program.threads)
        try:
            yield
        finally:
            cr.set_num_threads(former)


def same(found: Sequence[Any], wanted: Sequence[Value]) -> None:
    """Raises AssertionError where results are not the reference's."""
    for f, value in zip(found, wanted, strict=True):
        assert str(f.dtype) == value.dtype, (f.dtype, value.dtype)
        f, w = np.asarray(f), np.asarray(value.array)
        assert f.shape == w.shape, (f.shape, w.shape)
        wrong = f.astype(w.dtype) != w
        if wrong.any():
            at = np.unravel_index(np.argmax(wrong), wrong.shape)
            where = tuple(map(int, at))
            raise AssertionError(
                f"{f[at]} at {where}, NumPy {w[at]}; {wrong.sum()} of {wrong.size}"
            )


def check(program: ShapedProgram) -> None:
    """Compiled, at all sizes, by first and by best code, the program is NumPy's; every
    operation for itself is, too."""
    with as_said(program):
        compiled = cr.jit(program)
        for k, sizes in enumerate(program.sizes):
            xs = program.arguments(sizes)
            try:
                _check_at(program, compiled, xs, first=k == 0)
            except Exception as error:
                error.add_note(
                    f"at {sizes}, call {k}:\n{program.story(sizes)}\n{program!r}"
                )
                raise


def _check_at(program: Any, compiled: Any, xs: Sequence[Any], first: bool) -> None:
    with np.errstate(all="ignore"):
        wanted = program.returned(program.values(np, [plain(x) for x in xs]))
    same(compiled(*xs), wanted)
    if first:
        same(program(*xs), wanted)
        same(compiled.lower(*xs).compile()(*xs), wanted)
        same(compiled(*xs), wanted)


__all__ = ["MAX_SIZE", "ShapedProgram", "check", "shaped_programs"]
