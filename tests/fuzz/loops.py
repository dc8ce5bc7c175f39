"""Random loops that change entries of arrays: compiled = eager, and so are gradients.

Draws `LoopProgram`s and says what must hold for one. The reference is the program run
with `disable_jit`, every step by Python. Values are whole numbers, so results have to be
the same to the bit; gradients may differ by rounding.
"""

from __future__ import annotations

import math
import warnings
import zlib

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
import chainrule.numpy as cnp

from .loop_programs import LoopProgram

SHAPES = (
    (3,), (17,), (20,), (20,), (33,), (40,), (300,), (300,), (5, 5), (6, 6), (4, 9),
    (3, 20), (2, 150), (20, 20), (1, 18), (18, 1), (2, 3, 4),
)  # fmt: skip
"""In registers, held in memory, and too large for either."""
REALS = "float32", "float32", "float64", "float16", "bfloat16"
DTYPES = (
    *REALS, "int32", "int32", "int8", "uint8", "int64", "uint32", "bool", "complex64",
)  # fmt: skip
MODES = None, None, "drop", "clip", "fill"
DEPTH = 2

number = st.integers(-3, 3)


class Drawer:
    """Draws the parts of a program on arrays of given shapes and dtypes."""

    def __init__(self, draw, arrays, first):
        self.draw, self.arrays = draw, arrays
        self.carried = [arrays[k] for k, _ in first]

    def pick(self, *values):
        return self.draw(st.sampled_from(values))

    def types(self, name):
        """The types of the arrays that a name stands for."""
        return self.arrays if name == "given" else self.carried

    def some(self, suits=lambda shape, dtype: True, names=("now", "start", "given")):
        """An array that suits, by name and number; None if there is none."""
        found = [
            (name, k)
            for name in names
            for k, (shape, dtype) in enumerate(self.types(name))
            if suits(shape, dtype)
        ]
        return self.pick(*found) if found else None

    # --- places and values

    def place(self, n):
        """A number along a dimension of extent n, mostly in bounds."""
        kind = self.pick("fixed", "affine", "affine", "modular", "modular", "found")
        near = st.integers(-n - 2, n + 2)
        if kind == "fixed":
            return kind, self.draw(near)
        if kind == "affine":
            return kind, self.draw(number), self.draw(st.integers(-n // 2, n))
        if kind == "modular":
            return (
                kind,
                self.draw(number),
                self.draw(near),
                self.draw(st.integers(1, n)),
            )
        name, k = self.some()
        size = math.prod(self.types(name)[k][0])
        return kind, name, k, self.draw(st.integers(0, size - 1))

    def places(self, shape):
        """A number or a slice for each dimension."""
        found = []
        for n in shape:
            kind = self.pick(*"nnnnnaps")
            several = any(p[0] == "several" for p in found)
            found.append(self._extent("n" if kind == "s" and several else kind, n))
        return tuple(found)

    def _extent(self, kind, n):
        """A number ("n"), all, a part of the dimension, or several numbers."""
        if kind == "a":
            return ("all",)
        if kind == "p":
            start, stop = sorted(self.draw(st.tuples(*[st.integers(0, n)] * 2)))
            turned = (stop - 1, start - 1 if start else None, -1)
            step = self.pick(1, 1, 2)
            return (
                "part",
                *self.pick((start, stop, step), turned if stop else (0, 0, 1)),
            )
        if kind == "s":
            more = self.draw(st.lists(st.integers(-n, n), min_size=1, max_size=3))
            return ("several", self.draw(number), *more)
        return self.place(n)

    def entry(self):
        """One entry of an array, as it is, was or was given."""
        name, k = self.some()
        places = tuple(self.place(n) for n in self.types(name)[k][0])
        return "entry", name, k, places, self.pick(*MODES)

    def value(self, depth=2):
        """A scalar."""
        kind = self.pick(
            "entry", "entry", "entry", "pair", "count", "row", "number", "all"
        )
        if kind == "pair" and depth:
            how = self.pick("add", "sub", "mul", "more", "less")
            return how, self.value(depth - 1), self.value(depth - 1)
        if kind == "number":
            return "number", self.draw(st.integers(0, 9))
        if kind == "all":
            how = self.pick("largest", "total")
            return how, self.draw(st.integers(0, len(self.carried) - 1))
        return self.entry() if kind in ("entry", "pair") else (kind,)

    def test(self):
        """A condition."""
        if self.pick(True, False):
            n = self.draw(st.integers(1, 3))
            return "every", n, self.draw(st.integers(0, n - 1))
        return "above", self.value(1), self.draw(st.integers(-5, 40))

    # --- changes

    def changes(self, depth, most=3):
        """One or more of them."""
        count = self.draw(st.integers(1, most))
        return tuple(self.change(depth) for _ in range(count))

    def change(self, depth):
        """One, with at most `depth` branches and loops in each other."""
        kinds = ["at"] * 6 + ["window", "window", "turned", "pair", "where"]
        kinds += ["exchange", "taken", "taken"]
        if depth:
            kinds += [
                "where",
                "where",
                "cond",
                "cond",
                "switch",
                "again",
                "checkpointed",
            ]
        k = self.draw(st.integers(0, len(self.carried) - 1))
        made = getattr(self, f"_{self.pick(*kinds)}")(k, depth)
        return made or self._at(k, depth)

    def _at(self, k, depth):
        shape, dtype = self.carried[k]
        how = self.pick("set", "set", "add", "max", "min", "multiply")
        places = self.places(shape)
        if any(p[0] == "several" for p in places) and dtype in ("float16", "bfloat16"):
            how = "set"  # sums of several would be rounded
        return "at", k, how, places, self.value(), self.pick(*MODES)

    def _window(self, k, depth):
        shape, dtype = self.carried[k]
        source = self.some(lambda s, d: len(s) == len(shape))
        name, j = source
        other = self.types(name)[j][0]
        sizes = tuple(self.draw(st.integers(1, min(p))) for p in zip(shape, other))
        sizes = tuple(min(n, 4) for n in sizes)
        to, since = (tuple(map(self.place, s)) for s in (shape, other))
        return "window", k, to, source, since, sizes

    def _turned(self, k, depth):
        shape, _ = self.carried[k]
        kinds = ["roll", "flip", "push", "pull", "sort", "copy", "again"]
        if len(set(shape)) == 1:
            kinds.append("transpose")
        return "turned", k, self.pick(*kinds), self.draw(number)

    def _pair(self, k, depth):
        name, j = self.some(lambda *t: t == self.carried[k])
        return "pair", k, self.pick("add", "sub", "more", "less", "less"), name, j

    def _exchange(self, k, depth):
        _, j = self.some(lambda *t: t == self.carried[k], ("now",))
        return "exchange", j, k

    def _taken(self, k, depth):
        types = self.carried[k]
        others = [j for j, t in enumerate(self.carried) if t == types and j != k]
        name, j = self.pick("now", "now", "start"), self.pick(*(others or [k]))
        changed = self.pick(True, True, False)
        return "taken", k, name, j, (self._at(j, depth),) if changed else ()

    def _where(self, k, depth):
        shape, _ = self.carried[k]
        kind = self.pick("holds", "holds", "near", "place", "entries")
        if kind == "holds":
            mask = kind, self.test()
        elif kind == "entries":
            name, j = self.some(lambda s, _: s == shape)
            mask = name, name, j, self.draw(st.integers(0, 2))
        else:
            mask = kind, self.place(shape[-1])
        return (
            "where",
            k,
            mask,
            self.changes(max(depth - 1, 0), 2),
            self.pick(True, False),
        )

    def _cond(self, k, depth):
        ways = [self.pick((), None) for _ in range(2)]
        one, other = (self.changes(depth - 1, 2) if w is None else w for w in ways)
        return "cond", self.test(), one, other

    def _switch(self, k, depth):
        ways = [self.changes(depth - 1, 1) for _ in range(3)]
        return "switch", self.place(3), *ways

    def _again(self, k, depth):
        return "again", self.draw(st.integers(0, 3)), self.changes(depth - 1, 2)

    def _checkpointed(self, k, depth):
        return "checkpointed", self.changes(depth - 1, 2)


@st.composite
def loop_programs(draw, max_steps=5):
    """Loops over one to three carries, of as many changes as `max_steps` at most."""
    wide = draw(st.booleans())
    dtypes = [d for d in DTYPES if wide or "64" not in d or d == "complex64"]
    kind = st.tuples(st.sampled_from(SHAPES), st.sampled_from(dtypes))
    main = draw(kind)
    count = draw(st.integers(1, 3))
    arrays = tuple(draw(kind) if draw(number) == 3 else main for _ in range(count))
    begun = st.tuples(
        st.integers(0, count - 1), st.sampled_from(["given", "given", "made", "sorted"])
    )
    first = tuple(draw(st.lists(begun, min_size=1, max_size=3)))
    drawer = Drawer(draw, arrays, first)
    seen = tuple(
        (name, k, drawer.places(drawer.carried[k][0]))
        for name, k in draw(st.lists(st.sampled_from(
            [(n, k) for n in ("now", "start") for k in range(len(first))]
        ), max_size=2))
    )  # fmt: skip
    return LoopProgram(
        wide, arrays, first, draw(st.sampled_from(["fori", "open", "while", "scan"])),
        draw(st.integers(0, 7)), drawer.changes(DEPTH, max_steps),
        draw(st.sampled_from([arrays[0][1], "int32", "float32"])), seen, drawer.test(),
        draw(st.booleans()), draw(st.sampled_from([1, 1, 2])), draw(st.booleans()),
    )  # fmt: skip


# --- properties ----------------------------------------------------------------------


def by_python(f, *args):
    """What `f` gives with nothing staged."""
    with cr.disable_jit():
        return f(*map(cnp.asarray, args))


def same(found, expected):
    """All results, to the bit."""
    for f, e in zip(cr.tree.leaves(found), cr.tree.leaves(expected), strict=True):
        f, e = np.asarray(f), np.asarray(e)
        assert (f.shape, f.dtype) == (e.shape, e.dtype), (f.dtype, f.shape, e.dtype)
        np.testing.assert_array_equal(f.astype(_widest(f)), e.astype(_widest(e)))


def _widest(x):
    """A dtype of NumPy's own that holds the values."""
    return np.float32 if x.dtype.kind == "V" else x.dtype


def compiled_is_eager(program, xs, expected):
    """jit of the program."""
    same(cr.jit(program)(*xs), expected)


def loops_compiled_apart(program, xs, expected):
    """The program as it is called."""
    same(program(*map(cnp.asarray, xs)), expected)


def donated_is_eager(program, xs, expected):
    """Compiled, the arguments donated; twice, as memory goes around."""
    donating = cr.jit(program, donate_argnums=tuple(range(len(program.arrays))))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jit: no output")  # some fit no result
        for _ in range(2):
            same(donating(*[cnp.array(x) for x in xs]), expected)


def batches_are_rows(program, xs, expected):
    """Mapped over examples with conditions and lengths of their own, compiled."""
    rows = [xs, *(program.arguments(seed) for seed in (1, 2))]
    for k, row in enumerate(rows):
        row[-1] = np.int32(max(program.length - k, 0))
    wanted = [by_python(program, *row) for row in rows]
    found = cr.jit(cr.vmap(program))(*[np.stack(x) for x in zip(*rows)])
    same(found, [np.stack([np.asarray(w) for w in each]) for each in zip(*wanted)])


def shared_operands(program, xs, expected):
    """Mapped over the first array alone."""
    rows = [program.arguments(seed)[0] for seed in (1, 2)]
    axes = (0, *[None] * (len(xs) - 1))
    found = cr.jit(cr.vmap(program, axes))(np.stack(rows), *xs[1:])
    wanted = [by_python(program, row, *xs[1:]) for row in rows]
    same(found, [np.stack([np.asarray(w) for w in each]) for each in zip(*wanted)])


def differentiable(program):
    """The arrays of floating-point numbers of 32 bits and more, by number."""
    reals = "float32", "float64"
    return tuple(k for k, (_, d) in enumerate(program.arrays) if d in reals)


def total(program):
    """A number in which every floating-point result takes part with a weight of its own."""

    def f(*xs):
        found = [y for y in program(*xs) if np.dtype(y.dtype).kind == "f" and y.size]
        weights = [cnp.cos(cnp.arange(y.size, dtype=y.dtype)) for y in found]
        return sum((cnp.sum(y.ravel() * w) for y, w in zip(found, weights)), 0.0)

    return f


ROUNDING = {"float64": 1e-9, "float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""What derivatives may differ by, of the largest, as they go through such numbers."""


def alike(program, found, expected):
    """Gradients, within rounding of the largest."""
    dtypes = [d for _, d in program.arrays] + [program.rows]
    tolerance = max(ROUNDING.get(d, 1e-9) for d in dtypes)
    for f, e in zip(cr.tree.leaves(found), cr.tree.leaves(expected), strict=True):
        f, e = np.asarray(f), np.asarray(e)
        assert (f.shape, f.dtype) == (e.shape, e.dtype), (f.dtype, f.shape, e.dtype)
        most = float(np.max(np.abs(e[np.isfinite(e)]), initial=1.0))
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance * most)


def gradients_are_eager(program, xs, expected):
    """grad, compiled and with the loops compiled apart."""
    wanted = differentiable(program)
    if not wanted:
        return
    pull = cr.grad(total(program), wanted)
    slopes = by_python(pull, *xs)
    alike(program, cr.jit(pull)(*xs), slopes)
    alike(program, pull(*map(cnp.asarray, xs)), slopes)


def mapped_gradients_are_eager(program, xs, expected):
    """jit of vmap of grad."""
    wanted = differentiable(program)
    if not wanted:
        return
    pull = cr.grad(total(program), wanted)
    rows = [xs, *(program.arguments(seed) for seed in (1, 2))]
    slopes = [by_python(pull, *row) for row in rows]
    found = cr.jit(cr.vmap(pull))(*[np.stack(x) for x in zip(*rows)])
    alike(
        program,
        found,
        [np.stack([np.asarray(w) for w in each]) for each in zip(*slopes)],
    )


def tangents_are_eager(program, xs, expected):
    """jit of jvp."""
    wanted = differentiable(program)
    if not wanted:
        return
    f = total(program)

    def push(*ys):
        along = lambda *zs: f(*_filled(ys, wanted, zs))
        dots = tuple(cnp.cos(ys[k]) for k in wanted)
        return cr.jvp(along, tuple(ys[k] for k in wanted), dots)[1]

    alike(program, cr.jit(push)(*xs), by_python(push, *xs))


def _filled(ys, places, zs):
    chosen = dict(zip(places, zs))
    return [chosen.get(k, y) for k, y in enumerate(ys)]


OTHERS = (
    loops_compiled_apart, batches_are_rows, shared_operands,
    gradients_are_eager, gradients_are_eager, mapped_gradients_are_eager,
    tangents_are_eager,
)  # fmt: skip


def check(program):
    """The compiled program, its arguments donated too, and one property drawn by the program's text."""
    with cr.enable_x64(program.wide):
        xs = program.arguments()
        expected = by_python(program, *xs)
        drawn = OTHERS[zlib.crc32(repr(program).encode()) % len(OTHERS)]
        for holds in (compiled_is_eager, donated_is_eager, drawn):
            try:
                holds(program, xs, expected)
            except Exception as error:
                error.add_note(f"{holds.__name__} does not hold for\n{program}")
                raise
