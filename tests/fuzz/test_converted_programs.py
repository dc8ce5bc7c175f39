"""Random Python programs of nested control flow: converted, they compute what Python does.

Branches, loops of all kinds with their `else`, jumps, `with`, named expressions and
closures are nested at random; their arithmetic is exact, so that both take the same
path. Each program is run by Python at several points, and converted under jit and vmap.
"""

import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

POINTS = [-6.0, -2.5, -0.25, 0.0, 0.75, 1.5, 3.0, 5.25, 9.0]
STEPS = [
    "a = a * 0.5 + 1.0", "b = a - b", "a = b + i", "b = -b + 0.25", "c = a + 0.25",
    "a, b = b, a", "a += v", "c = g() * 0.5", "b = c if a > b else a - c", "k = k + 1",
]  # fmt: skip
TESTS = [
    "a > 1", "b < a", "not c > 2", "a > 0 and b < 3", "a < -1 or c > 1", "-1 < a < 4",
    "(c := b + 1.0) > 2", "k > 2", "i > 1", "0 < a - 1 <= b + 2 < 6", "g() > 1",
]  # fmt: skip
RANGES = [
    "range(3)",
    "range(1, 5, 2)",
    "range(4, 0, -1)",
    "range(n)",
    "range(n, -1, -1)",
]


class Writer:
    """Writes the body of one function."""

    def __init__(self, seed):
        self.random, self.lines, self.loops = random.Random(seed), [], 0

    def write(self, depth, line):
        self.lines.append("    " * depth + line)

    def block(self, depth, in_loop):
        for _ in range(self.random.randint(1, 3)):
            self.statement(depth, in_loop)

    def statement(self, depth, in_loop):
        kinds = ["step"] * 3
        if depth < 4:
            kinds += ["branch"] * 3 + ["loop"] * 2 + ["context", "guarded"]
        if in_loop and depth > 2:
            kinds += ["jump"]
        if depth > 1:
            kinds += ["leave"]
        getattr(self, self.random.choice(kinds))(depth, in_loop)

    def step(self, depth, _):
        self.write(depth, self.random.choice(STEPS))

    def branch(self, depth, in_loop):
        self.write(depth, f"if {self.random.choice(TESTS)}:")
        self.block(depth + 1, in_loop)
        if self.random.random() < 0.3:
            self.write(depth, f"elif {self.random.choice(TESTS)}:")
            self.block(depth + 1, in_loop)
        if self.random.random() < 0.5:
            self.write(depth, "else:")
            self.block(depth + 1, in_loop)

    def loop(self, depth, in_loop):
        self.loops += 1
        kind = self.random.choice(["while", "range", "items"])
        if kind == "while":
            count = f"w{self.loops}"
            self.write(depth, f"{count} = 0")
            test = self.random.choice([*TESTS, "True"])
            test = f"{count} < 4 and ({test.replace('c := ', '')})"
            named = f"(c := b + 0.5) < 6 and {count} < 4"
            self.write(depth, f"while {self.random.choice([test, test, named])}:")
            self.write(depth + 1, f"{count} += 1")
        elif kind == "range":
            self.write(depth, f"for i in {self.random.choice(RANGES)}:")
        else:
            self.write(depth, "for v in [0.5, 2.0]:")
        self.block(depth + 1, True)
        if self.random.random() < 0.4:
            self.write(depth, "else:")
            self.block(depth + 1, in_loop)

    def context(self, depth, in_loop):
        self.write(depth, "with nullcontext():")
        self.block(depth + 1, in_loop)

    def guarded(self, depth, _):
        self.write(depth, "try:")
        for _ in range(2):
            self.write(depth + 1, f"if {self.random.choice(TESTS)}:")
            self.write(depth + 2, self.random.choice(STEPS))
        self.write(depth, "finally:")
        self.step(depth + 1, False)

    def jump(self, depth, _):
        self.write(depth, self.random.choice(["break", "continue"]))

    def leave(self, depth, _):
        self.write(
            depth, self.random.choice(["return a + c", "return i - 0.5", "return k"])
        )

    def source(self):
        self.write(1, "a, b, c, i, k, v = x, 1.5, -0.5, 0, 0, 0.25")
        self.write(1, "g = lambda: a - b * 0.5")
        for _ in range(4):
            self.statement(1, False)
        self.write(1, "return a - 2 * b + 4 * c + 8 * i + 16 * k + 32 * v")
        return "\n".join(
            ["from contextlib import nullcontext", "def f(x, n):", *self.lines, ""]
        )


def program(path, seed):
    """A random function, in a file of its own."""
    text = Writer(seed).source()
    file = path / f"program_{seed}.py"
    file.write_text(text)
    names = {}
    exec(compile(text, str(file), "exec"), names)
    return names["f"], text


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_of_python(seed, tmp_path):
    f, text = program(tmp_path, seed)
    expected = [float(f(cnp.float32(x), 3)) for x in POINTS]
    traced, known = (
        cr.jit(f, control_flow="convert", static_argnums=s) for s in ((), 1)
    )
    for g in (traced, known):
        found = [float(g(x, 3)) for x in POINTS]
        assert found == expected, text
    many = cr.vmap(traced, (0, None))(cnp.array(POINTS), 3)
    np.testing.assert_array_equal(many, np.float32(expected), err_msg=text)
