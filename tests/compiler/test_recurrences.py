"""Loops with small bodies are one function of machine code, and give eager's values."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler import scalar_bodies
from chainrule.compiler.assemble import KernelStep, select_steps
from chainrule.compiler.loop import Recurrence
from chainrule.compiler.loops import LoopStep

from ..fuzz.programs import programs
from .native import assert_close, steps_of

F32, F64, I32 = np.float32, np.float64, np.int32


def recurrences(f, *args):
    """How many loops of `f` are recurrences; fails if one is anything else."""
    count = 0
    for step in steps_of(f, *args):
        if isinstance(step, LoopStep):
            (step,) = select_steps(step.bodies[0])
        assert isinstance(step, KernelStep), step
        count += isinstance(step.scheduled.kernel, Recurrence)
    return count


def check(f, *args, loops=1, rtol=2e-5):
    """Compiled to so many recurrences, `f` gives what it gives eagerly."""
    args = [cnp.asarray(x) for x in args]
    assert recurrences(f, *args) == loops
    assert_close(f, *args, rtol=rtol)


def row(n, dtype=F32):
    return np.linspace(-1.0, 1.0, n).astype(dtype)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 63, 64, 65, 200])
def test_a_scalar_is_carried_and_rows_are_read_and_written(length, reverse):
    def f(c, xs, w):
        def step(c, x):
            c = cnp.cos(c) * w + x
            return c, (c * 2, x - c)

        return lax.scan(step, c, xs, reverse=reverse)

    check(f, F32(0.5), row(length), F32(0.3))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int32", "uint32"])
def test_carries_of_a_dtype(dtype):
    def f(c, xs):
        return lax.scan(lambda c, x: (c * 3 + x, c - x), c, xs)

    with cr.enable_x64(True):
        check(f, np.asarray(1, dtype), np.arange(9).astype(dtype), rtol=1e-12)


def test_carries_of_halves_are_rounded_at_every_step():
    def f(c, xs):
        return lax.scan(lambda c, x: (c * x + c, c), c, xs)

    for dtype in (cnp.bfloat16, cnp.float16):
        check(f, cnp.asarray(1.0, dtype), cnp.asarray(row(20), dtype), rtol=0)


def test_bools_are_carried():
    def f(flag, xs):
        return lax.scan(lambda c, x: (c ^ (x > 0), ~c), flag, xs)

    check(f, np.bool_(True), row(11))


def test_products_of_small_matrices():
    def f(m, steps, v):
        def step(carry, a):
            m, v = carry
            return (m @ a, m @ v), v.sum()

        return lax.scan(step, (m, v), steps)

    rng = np.random.default_rng(0)
    steps = rng.standard_normal((17, 3, 3)).astype(F32) * 0.6
    check(f, np.eye(3, dtype=F32), steps, row(3))


def test_carries_are_exchanged():
    def f(a, b):
        return lax.fori_loop(0, 7, lambda _, ab: (ab[1], ab[0] + ab[1]), (a, b))

    check(f, I32(0), I32(1))


def test_an_unchanged_carry_and_a_loop_of_nothing():
    def f(a, b):
        return lax.fori_loop(0, 100, lambda _, c: (c[0], c[0] * 0.5), (a, b))

    check(f, F32(2), F32(1))
    check(lambda c: lax.scan(lambda c, _: (c, None), c, None, length=5), F32(3))


def test_steps_are_counted_and_used_as_indices():
    def f(table, c):
        def step(i, c):
            return c.at[i % 5].add(table[(i * 3) % 40]) * 0.9

        return lax.fori_loop(0, 90, step, c)

    check(f, row(40), np.zeros(5, F32))


@pytest.mark.parametrize("update", ["set", "add", "multiply", "max"])
def test_elements_at_computed_places_are_updated(update):
    def f(c, places, values):
        def step(c, given):
            i, x = given
            return getattr(c.at[i, 1].set(x).at[1], update)(c[i] * x), c[i, 2]

        return lax.scan(step, c, (places, values))

    places = np.asarray([0, 2, 1, 3, -1, 7, 3, 0], I32)
    check(f, np.arange(12, dtype=F32).reshape(4, 3), places, row(8))


def test_slices_at_computed_places():
    def f(c, starts):
        def step(c, i):
            part = lax.dynamic_slice(c, (i,), (3,))
            return lax.dynamic_update_slice(c, part[::-1] + 1, (i * 2,)), part

        return lax.scan(step, c, starts)

    check(f, row(8), np.asarray([0, 1, 5, 9, -3], I32))


def test_several_values_go_to_one_place_in_order():
    def f(c, places):
        def step(c, ks):
            return c.at[ks].add(cnp.arange(3.0)) * 0.5, c

        return lax.scan(step, c, places)

    check(f, row(4), np.asarray([[0, 0, 1], [3, 3, 3], [2, 9, 2]], I32))


def test_rows_of_a_constant_are_read_at_computed_places():
    def f(table, c, ks):
        def step(c, k):
            return c + table[k] @ c + cnp.take(table[:, 0, 0], k + 1, mode="clip"), c

        return lax.scan(step, c, ks)

    table = row(5 * 2 * 2).reshape(5, 2, 2)
    check(f, table, row(2), np.asarray([0, 4, 2, 1, -1, 3], I32))


def test_branches_within_a_body():
    def f(c, xs):
        def step(c, x):
            c = lax.cond(x > 0, lambda c: cnp.sin(c), lambda c: c * 1.5, c)
            k = cnp.asarray(x * 4, "int32")
            return c, lax.switch(k, [lambda c: c, lambda c: -c, lambda c: c + 1], c)

        return lax.scan(step, c, xs)

    check(f, row(3), row(9))


def test_short_loops_within_a_body_are_written_out():
    def f(c, xs):
        def inner(a, x):
            return a * 0.5 + x, a

        def step(c, x):
            c, ys = lax.scan(inner, c, x, reverse=True)
            return lax.fori_loop(0, 3, lambda i, c: c + i, c), ys

        return lax.scan(step, c, xs)

    check(f, F32(0.1), row(24).reshape(6, 4))


def test_while_loops():
    def collatz(n):
        def step(s):
            n, k = s
            return cnp.where(n % 2 == 0, n // 2, 3 * n + 1), k + 1

        return lax.while_loop(lambda s: s[0] != 1, step, (n, 0))

    check(collatz, I32(27))
    check(collatz, I32(1))

    def root(a):
        def step(s):
            return 0.5 * (s[0] + a / s[0]), s[0]

        def going(s):
            return abs(s[0] - s[1]) > 1e-6 * a

        return lax.while_loop(going, step, (a, 0 * a))

    check(root, F32(2.0))

    def gcd(a, b):
        return lax.while_loop(
            lambda s: s[1] != 0, lambda s: (s[1], s[0] % s[1]), (a, b)
        )

    check(gcd, I32(1071), I32(462))


def test_while_loops_read_their_constants():
    def f(table, limit):
        def step(s):
            i, total = s
            return i + 1, total + table[i]

        return lax.while_loop(lambda s: s[1] < limit, step, (0, F32(0)))

    check(f, np.ones(50, F32), F32(30.5))
    check(f, np.ones(50, F32), F32(-1))


def test_a_test_with_rare_cases():
    def f(x):
        return lax.while_loop(lambda x: cnp.sin(x) < 0.9, lambda x: x * 1.03, x)

    check(f, F32(0.1))
    check(f, F32(1e7))


def test_gradients_run_forwards_and_backwards():
    def f(w, x):
        def step(c, x):
            c = cnp.tanh(w @ c + x)
            return c, c[0] * c[1]

        c, ys = lax.scan(step, cnp.zeros(2), x)
        return c.sum() + (ys * ys).sum()

    w, x = row(4).reshape(2, 2), row(40).reshape(20, 2)
    check(cr.grad(f, (0, 1)), w, x, loops=2)
    check(cr.grad(lambda w: (cr.grad(f)(w, x) ** 2).sum()), w, loops=4, rtol=1e-4)


def test_small_batches_of_loops():
    def f(c, xs):
        return lax.scan(lambda c, x: (c * 0.5 + x, c), c, xs)

    check(cr.vmap(f), row(5), row(35).reshape(5, 7))

    def newton(a):
        step = lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1)
        return lax.while_loop(lambda s: abs(s[0] ** 2 - a) > 1e-4 * a, step, (a, 0))

    check(cr.vmap(newton), np.asarray([1.0, 2, 9, 100], F32))


def test_empty_values_are_carried():
    def f(c, e):
        return lax.fori_loop(0, 3, lambda _, c: (c[0] + 1, c[1] * 2), (c, e))

    check(f, F32(0), np.zeros((0, 3), F32))


def test_reports_show_the_loop_and_its_step():
    def f(c, xs):
        return lax.scan(lambda c, x: (c * 0.5 + x, c), c, xs)

    shown = cr.explain(f)(cnp.asarray(F32(0)), cnp.zeros(70))
    (step,) = shown.steps
    assert step.what == "70 steps in registers"
    assert "for i in range(70):" in step.loops and "fma(c0, 0.5, b[i])" in step.loops
    assert step.cost.flops == 140 and (step.cost.read, step.cost.written) == (284, 284)
    (step,) = cr.explain(lambda c: lax.while_loop(lambda c: c < 9, lambda c: c * 2, c))(
        F32(1)
    ).steps
    assert "while (c0 < 9.0) & (c1 < 65536):" in step.loops


@pytest.mark.parametrize("length", [65_536, 65_537, 70_000, 100_000, 131_072])
@pytest.mark.parametrize("reverse", [False, True])
def test_long_scans_are_run_by_turns(length, reverse):
    def f(c, x, w):
        step = lambda c, x: (0.5 * c + w * x, (c, cnp.stack([x, c])))
        return lax.scan(step, c, x, reverse=reverse)

    x = np.random.default_rng(0).integers(-9, 9, length).astype(F32)
    c, states = F32(1), []
    for value in x[::-1] if reverse else x:
        states.append(c)
        c = F32(0.5) * c + F32(3) * value
    states = np.array(states[::-1] if reverse else states)
    last, (kept, pairs) = cr.jit(f)(F32(1), x, F32(3))
    np.testing.assert_allclose(last, c, 1e-6)
    np.testing.assert_allclose(kept, states, 1e-5)
    np.testing.assert_allclose(pairs, np.stack([x, states], 1), 1e-5)


def test_bodies_that_vectors_compute_faster_have_kernels():
    def f(c):
        return lax.fori_loop(0, 50, lambda _, c: cnp.tanh(c) * 0.5, c)

    check(f, row(3))
    (step,) = steps_of(f, cnp.asarray(row(250)))
    assert isinstance(step, LoopStep)
    assert_close(f, cnp.asarray(row(250)))


def test_lengths_share_their_code():
    def made(length):
        def f(c, xs):
            return lax.scan(lambda c, x: (c * 0.5 + x, c), c, xs, reverse=True)

        (step,) = steps_of(f, cnp.asarray(F32(0)), cnp.zeros(length))
        return step.structure

    assert made(100) is made(2000)


def test_what_surrounds_a_loop_is_computed_with_it():
    def f(x):
        def step(i, c):
            return c + (x * 2)[i % 3]

        return lax.fori_loop(0, 12, step, x[0] + 1) * 2

    check(f, row(3))


def test_chains_deeper_than_any_kernel():
    def f(c):
        def step(_, c):
            for _ in range(300):
                c = (c * 0.5 + 0.25) - cnp.maximum(c, 0.5)
            return c

        return lax.fori_loop(0, 3, step, c)

    check(f, F32(0.3))


@settings(
    max_examples=12, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(programs(min_steps=1, max_steps=3))
def test_random_bodies(program):
    def f(*xs):
        def step(xs, w):
            y = program(cnp, *xs) * w
            xs = tuple(x * 0.8 + 0.1 * cnp.sin(y + k) for k, x in enumerate(xs))
            return xs, (y, xs[0])

        return lax.scan(step, xs, cnp.asarray([0.5, -1.0, 0.3]), reverse=True)

    with cr.enable_x64(True), pytest.MonkeyPatch.context() as patched:
        patched.setattr(scalar_bodies, "OVERHEAD", 10**6)
        xs = [cnp.asarray(x) for x in program.inputs()]
        for a, b in zip(cr.tree.leaves(f(*xs)), cr.tree.leaves(cr.jit(f)(*xs))):
            np.testing.assert_allclose(
                b, a, rtol=1e-9, atol=1e-10, err_msg=str(program)
            )
