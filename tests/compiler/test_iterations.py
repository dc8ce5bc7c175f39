"""Loops at every element: what `iterated` says is what kernels compute."""

import math

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.canonical import Description
from chainrule.compiler.codegen.emit import emit_kernel
from chainrule.compiler.expr import const, convert, fma, iterated, node, select
from chainrule.compiler.index import Index, loop_variable
from chainrule.compiler.interpret import DTYPES, interpret
from chainrule.compiler.loop import Axis, Kernel, Stage, Store, load
from tests.accuracy.compiled import Compiled

from .native import run


def exponential_series(x):
    """exp(x) by its series; the number of a term is the same in all lanes."""

    def step(k, term, total):
        next_term = term * x / k
        return (total + term).ne(total), (k + 1.0, next_term, total + term)

    one = const(1.0, x.type)
    return (one, one, const(0.0, x.type)), step, lambda k, term, total: total


def steps_of_collatz(x):
    """How many steps take x to 1; lanes end at different times, and say when."""

    def step(k, x):
        half = (x & 1).eq(0)
        return x > 1, (k + 1, select(half, x >> 1, x * 3 + 1))

    return (const(0, "i32"), x), step, lambda k, x: k


def sum_of_roots(x):
    """The sum of sqrt(j) over j <= x, each by Newton's method: a loop in a loop."""

    def step(j, total):
        return j <= x, (j + 1.0, total + iterated(newton, j))

    zero = const(0.0, x.type)
    return (zero + 1.0, zero), step, lambda j, total: total


def holds_again_later(x):
    """The steps until the counter is x, unless that is more than 20."""

    def step(k, n):
        return (k < x) | ((k > 20.0) & (k < 30.0)), (k + 1.0, n + 1.0)

    zero = const(0.0, x.type)
    return (zero, zero), step, lambda k, n: n


def newton(x):
    step = lambda k, y: (k < 40, (k + 1, (y + x / y) * 0.5))
    return (const(0, "i32"), x), step, lambda k, y: y


def endless_for_missing(x):
    """Halvings until below 1; a test that NaN fails."""
    step = lambda k, y: (y >= 1.0, (k + 1, y * 0.5))
    return (const(0, "i32"), x), step, lambda k, y: fma(convert(k, x.type), 0.5, y)


def stops_once(x):
    """The steps until the counter is x, or 3: tests that a later number passes again."""

    def step(k, n):
        on = k.ne(x) & ((k < 3.0) | (k > 5.0)) & (k < 40.0)
        return on, (k + 1.0, n + 1.0)

    zero = const(0.0, x.type)
    return (zero, zero), step, lambda k, n: n


CASES = {
    "stops_once": (stops_once, np.arange(67) % 7 - 2.0),
    "holds_again_later": (holds_again_later, np.arange(67) % 26 - 2.0),
    "exponential_series": (exponential_series, np.linspace(-3, 30, 67)),
    "steps_of_collatz": (steps_of_collatz, np.arange(1, 68)),
    "sum_of_roots": (sum_of_roots, np.arange(1, 68) % 9),
    "endless_for_missing": (
        endless_for_missing,
        np.array([0, 5, np.nan, 1e6, -np.inf, 1, 0.5, 3] * 5),
    ),
}


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("name", CASES)
def test_kernels_compute_what_the_expression_says(name, width):
    function, x = CASES[name]
    type = "i32" if name == "steps_of_collatz" else "f32"
    leaf = node("var", type, (), "x")
    x = x.astype(DTYPES[type])
    wanted = interpret(iterated(function, leaf), {leaf: x})
    compiled = Compiled(lambda x: iterated(function, x), type, len(x), width, 1)
    np.testing.assert_array_equal(compiled(x), wanted)


def test_the_number_of_steps_is_each_lane_s_own():
    def count(n):
        k = 0
        while n > 1:
            n, k = n // 2 if n % 2 == 0 else 3 * n + 1, k + 1
        return k

    x = np.arange(1, 200, dtype=np.int32)
    found = Compiled(lambda x: iterated(steps_of_collatz, x), "i32", len(x), 16, 1)(x)
    assert found.tolist() == [count(int(n)) for n in x]


def test_a_lane_that_has_stopped_stays_stopped():
    x = np.array([2, 50, 0, 1, 3, 2, 9, -1] * 4, np.float32)
    found = Compiled(lambda x: iterated(stops_once, x), "f32", len(x), 8, 1)(x)
    assert found.tolist() == [2, 3, 0, 1, 3, 2, 3, 3] * 4


def test_only_what_could_go_on_again_keeps_a_mask():
    """A test of values that lanes keep, or of shared ones alone, or whether a count has
    come to a bound, fails for good."""
    for function, masks in (
        (stops_once, True),
        (holds_again_later, True),
        (sum_of_roots, False),
        (exponential_series, False),
        (newton, False),
    ):
        text = emit_kernel(kernel_of(function), "k", 16)[0]
        assert ("%on = phi <16 x i1>" in text) == masks


def kernel_of(function, type="f32"):
    i = loop_variable(100)
    index = Index(0, ((i, 1),))
    value = iterated(function, load("x", type, index))
    stage = Stage([], [], [Store("out", index, value)])
    return Kernel([Axis(i, 100, vector=True)], [stage])


def test_what_counts_for_all_lanes_is_a_scalar():
    text = emit_kernel(kernel_of(exponential_series), "k", 16)[0]
    assert "phi float" in text
    text = emit_kernel(kernel_of(endless_for_missing), "k", 16)[0]
    assert "phi i32" not in text, "each lane's count is asked for"


def test_the_structure_of_a_kernel_has_all_of_a_loop_in_it():
    def with_limit(limit):
        def halvings(x):
            step = lambda k, y: (y >= limit, (k + 1, y * 0.5))
            return (const(0, "i32"), x), step, lambda k, y: y

        return halvings

    def with_factor(factor):
        def halvings(x):
            step = lambda k, y: (y >= 1.0, (k + 1, y * factor))
            return (const(0, "i32"), x), step, lambda k, y: y

        return halvings

    def with_start(start):
        def halvings(x):
            step = lambda k, y: (y >= 1.0, (k + 1, y * 0.5))
            return (const(0, "i32"), x + start), step, lambda k, y: y

        return halvings

    made = [with_limit(1.0), with_limit(2.0), with_factor(0.25), with_start(3.0)]
    keys = [Description(kernel_of(f), 16, {}).key for f in (*made, with_limit(1.0))]
    assert len(set(keys)) == 4
    assert keys[0] == keys[4]


def test_loops_of_programs_hold_loops_of_elements():
    x = np.array([12, 18, 7, 100, 0], np.int32)

    def f(x):
        step = lambda c, k: (cnp.gcd(c * 6, x + k), cnp.lcm(c, k + 1))
        return lax.scan(step, x, cnp.arange(5, dtype="int32"))

    c = x
    for k in range(5):
        out, c = np.lcm(c, k + 1), np.gcd(c * 6, x + k)
    found = run(f, cnp.asarray(x))
    np.testing.assert_array_equal(found[0], c)
    np.testing.assert_array_equal(found[1][-1], out)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("sign", ["int", "uint"])
def test_common_divisors_and_multiples_of_all_integers(sign, bits):
    dtype = f"{sign}{bits}"
    limits = np.iinfo(dtype)
    draw = np.random.default_rng(bits)
    x, y = draw.integers(limits.min, limits.max, (2, 203), dtype, endpoint=True)
    x[:5] = limits.min, limits.min, 0, limits.max, 0
    y[:5] = limits.min, 0, 0, limits.min, limits.max
    y[5:50] = (x[5:50] // 16) * 3
    with cr.enable_x64(True):
        for f, reference in ((cnp.gcd, np.gcd), (cnp.lcm, np.lcm)):
            (found,) = run(f, cnp.asarray(x), cnp.asarray(y))
            np.testing.assert_array_equal(found, reference(x, y))
    assert math.gcd(int(x[60]), int(y[60])) == abs(int(np.gcd(x[60], y[60])))
