"""Systems of a loop's step that do alike are lanes of vectors, with the same bits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler import recurrences, scalar_bodies
from chainrule.compiler.assemble import select_steps
from chainrule.compiler.loops import LoopStep

from ..fuzz.programs import programs
from .native import assert_close, steps_of

RNG = np.random.default_rng(8)
TURN = np.array([[1, -0.01, 0], [0.01, 1, -0.01], [0, 0.01, 1]])
SIZES = [2, 3, 4, 7, 8, 11, 16, 17, 33, 60]


def lanes_of(f, *args):
    """The lanes of the loops of `f`, those that have some."""
    found = []
    for step in steps_of(f, *args):
        if isinstance(step, LoopStep):
            (step,) = select_steps(step.bodies[0])
        kernel = step.scheduled.kernel
        found.append(getattr(kernel, "lanes", None))
    return [lanes for lanes in found if lanes]


def scalars_of(f, *args):
    """What `f` gives without any lanes, in registers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scalar_bodies, "OVERHEAD", 10**6)
        patched.setattr(recurrences, "in_lanes", lambda *_: None)
        return cr.jit(lambda *args: f(*args))(*args)


def check(f, *args, width=None, rtol=1e-4):
    """`f` is compiled to lanes, and gives eager's values, and those of scalars exactly."""
    args = [cnp.asarray(x) for x in args]
    (lanes,) = lanes_of(f, *args)
    assert width is None or lanes.width == width
    assert_close(f, *args, rtol=rtol)
    whole = cr.jit(lambda *args: f(*args))(*args)
    for x, y in zip(cr.tree.leaves(whole), cr.tree.leaves(scalars_of(f, *args))):
        np.testing.assert_array_equal(x, y)


def numbers(*shape, dtype="float32"):
    return RNG.normal(size=shape).astype(dtype)


def rotation(m):
    turn = TURN.astype(m.dtype)
    return lax.fori_loop(0, 9, lambda _, m: (m @ turn) * 0.999, m)


def average(c, xs):
    return lax.scan(lambda c, x: (0.9 * c + 0.1 * x, c), c, xs)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int32", "float16", "bfloat16"]
)
@pytest.mark.parametrize("n", SIZES)
def test_numbers_of_a_vector_are_lanes(n, dtype):
    def f(c, xs):
        return lax.scan(lambda c, x: (c * 3 - x, c + x), c, xs, reverse=True)

    with cr.enable_x64(dtype == "float64"):
        xs = cnp.asarray(RNG.integers(-5, 5, (6, n))).astype(dtype)
        check(f, xs[0], xs, rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [2, 3, 5, 9])
def test_rows_of_a_matrix_are_lanes(rows, dtype):
    with cr.enable_x64(dtype == "float64"):
        check(rotation, numbers(rows, 3, dtype=dtype))


@pytest.mark.parametrize("n", SIZES)
def test_examples_of_a_batch_are_lanes(n):
    def step(c, x):
        p, v = c
        v = v - 0.1 * cnp.sin(p) + x
        return (p + 0.1 * v, v), cnp.stack([p, v])

    def f(p, v, xs):
        return cr.vmap(lambda p, v: lax.scan(step, (p, v), xs))(p, v)

    check(f, numbers(n), numbers(n), numbers(7), width=1 << min(n - 1, 15).bit_length())


def test_what_all_lanes_read_is_a_scalar():
    def f(c, a):
        step = lambda k, c: cnp.sin(c) * cnp.cos(k * a) + c
        return lax.fori_loop(0, 5, step, c)

    check(f, numbers(6), np.float32(0.3))


def test_scalars_read_lanes():
    def f(c, xs):
        def step(c, x):
            d = cnp.tanh(c) * 0.5 + x
            return d, (d[1] * d[4], d.sum(), c[::-1])

        return lax.scan(step, c, xs)

    check(f, numbers(8), numbers(5, 8))


def test_lanes_that_read_their_neighbours():
    def f(c, xs):
        def step(c, x):
            return cnp.concatenate([x * c[:1], 0.5 * c[:-1] * c[1:] + c[1:]]), c

        return lax.scan(step, c, xs)

    args = [cnp.asarray(x) for x in (numbers(40), numbers(6, 1))]
    assert_close(f, *args)
    for x, y in zip(cr.jit(f)(*args), scalars_of(f, *args)):
        np.testing.assert_array_equal(x, y)


def test_lanes_that_change_places():
    def f(a, b, xs):
        def step(c, x):
            a, b = c
            return (b * 0.5 + x, a - x), a

        return lax.scan(step, (a, b), xs)

    check(f, numbers(5), numbers(5), numbers(7, 5))


def test_one_group_reads_another():
    def f(a, b):
        step = lambda _, c: (c[0] * 0.9 + 0.1, c[1] + c[0] * c[0], c[2] - c[1][::-1])
        return lax.fori_loop(0, 6, step, (a, b, b))

    check(f, numbers(6), numbers(6))


@pytest.mark.parametrize("n", SIZES[1:])
def test_batched_loops_end_when_all_examples_do(n):
    def steps(n):
        advance = lambda s: (cnp.where(s[0] % 2, 3 * s[0] + 1, s[0] // 2), s[1] + 1)
        return lax.while_loop(lambda s: s[0] > 1, advance, (n, 0))

    check(cr.vmap(steps), np.arange(1, n + 1, dtype="int32"))


def test_a_test_of_all_lanes():
    def f(x):
        return lax.while_loop(lambda x: cnp.all(x < 9), lambda x: x * 1.5 + 0.1, x)

    check(f, cnp.abs(numbers(12)))


def test_a_test_of_some_lanes():
    def f(x):
        test = lambda x: cnp.any(x[2:5] < 9) & (x[0] < 100)
        return lax.while_loop(test, lambda x: x * 1.5 + 0.1, x)

    check(f, cnp.abs(numbers(12)))


def test_carries_of_several_types():
    def f(x):
        def step(c, _):
            x, flag, count = c
            x = cnp.where(flag, x * 1.7, x * 0.6)
            return (x, cnp.abs(x) < 1, count + flag), flag

        zeros = cnp.zeros(x.shape, cnp.int8)
        return lax.scan(step, (x, cnp.abs(x) < 1, zeros), None, length=11)

    check(f, numbers(11))
    with cr.enable_x64():
        check(f, numbers(11, dtype="float64"), width=8)


def test_rows_that_do_not_lie_together():
    def f(c, xs):
        return lax.scan(lambda c, x: (c * 0.5 + x[:, 1], c[::-1]), c, xs)

    check(f, numbers(6), numbers(4, 6, 3))


def test_a_gradient_through_lanes():
    def loss(w, c, xs):
        c, ys = lax.scan(lambda c, x: (cnp.tanh(w * c + x), c), c, xs)
        return (c**2).sum() + (ys * xs).sum()

    f = lambda w, c, xs: cr.grad(loss)(w, c, xs)
    args = [cnp.asarray(x) for x in (numbers(9), numbers(9), numbers(12, 9))]
    assert len(lanes_of(f, *args)) == 2
    assert_close(f, *args, rtol=1e-4)
    np.testing.assert_array_equal(cr.jit(f)(*args), scalars_of(f, *args))


def test_what_would_save_little_stays_scalar():
    def f(c):
        def step(_, c):
            total = c.sum()
            return cnp.stack([cnp.sin(total), c[0] * c[1], c[2] - total])

        return lax.fori_loop(0, 4, step, c)

    c = cnp.asarray(numbers(3))
    assert not lanes_of(f, c)
    assert_close(f, c)


@settings(
    max_examples=15, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(programs(min_steps=1, max_steps=3))
def test_random_batched_bodies(program):
    def f(*xs):
        def step(xs, w):
            y = program(cnp, *xs) * w
            xs = tuple(x * 0.8 + 0.1 * cnp.sin(y + k) for k, x in enumerate(xs))
            return xs, (y, xs[0])

        rows = cnp.asarray([0.5, -1.0, 0.3])
        return cr.vmap(lambda *xs: lax.scan(step, xs, rows))(*xs)

    with cr.enable_x64(True):
        xs = [
            cnp.stack([cnp.asarray(x) * k for k in (1, 0.7, -0.4)])
            for x in program.inputs()
        ]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(scalar_bodies, "OVERHEAD", 10**6)
            whole = cr.jit(lambda *xs: f(*xs))(*xs)
        for a, b in zip(cr.tree.leaves(whole), cr.tree.leaves(scalars_of(f, *xs))):
            np.testing.assert_array_equal(a, b, err_msg=str(program))
