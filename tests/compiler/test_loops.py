"""Loops and branches in compiled programs: native, and equal to eager evaluation."""

import threading

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler import recurrences
from chainrule.compiler.assemble import Assembler, select_steps
from chainrule.compiler.loops import LoopStep
from chainrule.compiler.pipeline import simplify
from chainrule.compiler.program import Program, host_steps

from .native import assert_ctrl_c_ends, two_threads, wait_until_improved

RNG = np.random.default_rng(3)
ROW = RNG.normal(size=7).astype("float32")
FLOATS = RNG.normal(size=(6, 5)).astype("float32")
WEIGHTS = (RNG.normal(size=(32, 32)) / 6).astype("float32")
SYSTEM = (RNG.normal(size=(7, 7)) / 7 + 2 * np.eye(7)).astype("float32")
INPUTS = RNG.normal(size=(20, 16, 32)).astype("float32")


def rnn(w, xs):
    def step(h, x):
        h = cnp.tanh(h @ w + x)
        return h, h.sum()

    h, ys = lax.scan(step, cnp.zeros((16, 32)), xs)
    return h.sum() + ys.sum()


def nested(x):
    def outer(c, y):
        d = lax.fori_loop(0, 3, lambda i, d: cnp.sin(d) + i, c)
        e = lax.while_loop(
            lambda e: cnp.sum(e) < 50, lambda e: e * 2 + 1, cnp.abs(d) + 0.1
        )
        z = lax.cond(cnp.sum(d) > 0, lambda: d * 2, lambda: d - 1)
        return e * 0.01 + y, z

    return lax.scan(outer, x, cnp.ones((4, 5)))


def until(x, w):
    step = lambda s: (s[0] + 1, cnp.sin(s[1]) * 0.98 + w * 0.1)
    return lax.while_loop(lambda s: s[0] < 130, step, (0, x))[1].sum()


def solved(a, b):
    """A x = b by Jacobi's iteration."""
    d = cnp.diag(a)
    solve = lambda matvec, b: lax.fori_loop(
        0, 30, lambda _, x: x + (b - matvec(x)) / d, b / d
    )
    return lax.custom_linear_solve(
        lambda x: a @ x, b, solve=solve, transpose_solve=solve
    ).sum()


def large(x):
    return lax.fori_loop(0, 9, lambda i, c: cnp.roll(c, 1) * 0.5 + c, x)


PROGRAMS = {
    "sum of rows": (
        lambda x: lax.scan(lambda c, y: (c + y, (c, c * y)), 0.0, x),
        ROW,
    ),
    "backwards": (
        lambda x: lax.scan(lambda c, y: (c + y, (c, c * y)), 0.0, x, reverse=True),
        ROW,
    ),
    "carries that change places": (
        lambda a: lax.scan(
            lambda c, _: ((c[1], c[0] + c[1]), c[0]), (a, a + 1), None, length=12
        ),
        FLOATS,
    ),
    "swapped, one array twice": (
        lambda x: lax.fori_loop(0, 5, lambda i, c: (c[1], c[0]), (x, x)),
        FLOATS,
    ),
    "swapped an odd number of times": (
        lambda x: lax.fori_loop(0, 5, lambda i, c: (c[1], c[0]), (x, x + 1)),
        FLOATS,
    ),
    "a carry that stays": (
        lambda x: lax.scan(lambda c, y: (c, y), x, x[:3]),
        FLOATS,
    ),
    "the carry as a row": (
        lambda x: lax.scan(lambda c, _: (c * 2, c), x, None, length=3),
        FLOATS,
    ),
    "a constant as carry and row": (
        lambda x: lax.scan(lambda c, y: (cnp.float32(2), 3.0), x[0, 0], x),
        FLOATS,
    ),
    "no steps": (
        lambda x: lax.scan(lambda c, y: (c + y.sum(), y * 2), 1.0, x[:0]),
        FLOATS,
    ),
    "while": (
        lambda x: lax.while_loop(
            lambda c: c[0] < 100, lambda c: (c[0] * 2, c[1] + 1), (cnp.abs(x[0, 0]), 0)
        ),
        FLOATS,
    ),
    "while not": (
        lambda x: lax.while_loop(lambda c: c[0, 0] > 99, lambda c: c * 2, x),
        FLOATS,
    ),
    "while an argument is true": (
        lambda x: lax.while_loop(
            lambda c: c[0], lambda c: (c[1].sum() < 30, c[1] + 1), (True, x)
        ),
        FLOATS,
    ),
    "large carries": (large, np.ones(100000, "float32")),
    "a branch": (
        lambda x: lax.cond(x[0, 0] > 0, lambda x: x * 2, lambda x: x + 1, x),
        FLOATS,
    ),
    "branches that return arguments and constants": (
        lambda x: lax.switch(
            cnp.int32(7), [lambda x: (x, 1.0), lambda x: (x * 2, x[0, 0])], x
        ),
        FLOATS,
    ),
    "updates in a loop": (
        lambda x: lax.fori_loop(
            1, 6, lambda i, c: c.at[i].set(c[i - 1] + 1), cnp.asarray(x)
        ),
        FLOATS,
    ),
    "nested": (nested, FLOATS[0]),
    "recurrent network": (lambda xs: rnn(WEIGHTS, xs), INPUTS),
    "its gradient": (lambda xs: cr.grad(rnn)(WEIGHTS, xs), INPUTS),
    "gradient of a while loop": (lambda x: cr.grad(until, (0, 1))(x, x + 1), ROW),
    "second derivative of a while loop": (
        lambda x: cr.jvp(cr.grad(until), (x, x + 1), (x, x)),
        ROW,
    ),
    "gradients of while loops over a batch": (
        lambda x: cr.vmap(cr.grad(until, (0, 1)))(x, x + 1),
        FLOATS,
    ),
    "a linear solve": (lambda b: solved(SYSTEM, b), ROW),
    "gradient of a linear solve": (
        lambda b: cr.grad(solved, (0, 1))(SYSTEM, b),
        ROW,
    ),
    "over a batch": (
        cr.vmap(
            lambda x: lax.while_loop(
                lambda c: cnp.sum(c) < 20, lambda c: c * 1.5 + 0.1, cnp.abs(x)
            )
        ),
        FLOATS,
    ),
}


@pytest.mark.parametrize("registers", [True, False])
@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_loops_are_native_and_compute_what_eager_ones_do(
    name, registers, monkeypatch
):
    if not registers:
        monkeypatch.setattr(recurrences, "CARRY", -1)
    made, x = PROGRAMS[name]

    def f(*xs):
        return made(*xs)

    closed = cr.make_jaxpr(f)(x)
    steps = select_steps(Program(simplify(closed)))
    assert not [*host_steps(steps)]
    g = cr.jit(f)
    for _ in range(2):
        for a, b in zip(cr.tree.leaves(f(x)), cr.tree.leaves(g(x)), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(b, a, rtol=2e-5, atol=1e-5)


def test_a_loop_in_a_branch_lets_other_threads_run():
    f = cr.jit(
        lambda n, x: lax.cond(
            n > 0,
            lambda: lax.fori_loop(0, n, lambda i, c: cnp.sin(c) + i, x),
            lambda: x,
        )
    )
    f(1, 1.0)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(1))
    thread.start()
    f(100000, 1.0)
    thread.join()
    assert seen == [1]


def test_reports_show_loops():
    report = cr.explain(lambda x: rnn(WEIGHTS, x))(INPUTS)
    (loop,) = [s for s in report.steps if s.kind == "loop"]
    assert loop.what == "20 steps" and "for j in range(32)" in loop.loops
    assert isinstance(report.html(), str) and "20 steps" in str(report)


WHILE = "lax.while_loop(lambda c: cnp.sum(c) < 1, cnp.sin, x)"
SCAN = "lax.scan(lambda c, _: (cnp.sin(c), None), x, None, length=1 << 40)[0]"


@pytest.mark.parametrize("n", [1, 200])
@pytest.mark.parametrize("loop", [WHILE, SCAN], ids=["while", "scan"])
def test_an_endless_loop_answers_ctrl_c(loop, n):
    program = (
        "import chainrule as cr, chainrule.numpy as cnp\n"
        "from chainrule import lax\n"
        f"f = cr.jit(lambda x: {loop}).lower(cnp.ones({n})).compile()\n"
        "try:\n"
        "    print('begins', flush=True)\n"
        f"    f(-cnp.ones({n}))\n"
        "except KeyboardInterrupt:\n"
        "    print('ended', float(cr.jit(cnp.sin)(0.0)))\n"
    )
    assert_ctrl_c_ends(program)


def test_the_body_of_a_loop_is_improved_while_it_runs():
    unseen = np.float32(np.random.default_rng().uniform())
    x = cnp.ones(200)

    def f(x):
        return lax.fori_loop(0, 100, lambda i, c: cnp.tanh(c) * unseen, x)

    with two_threads():
        cr.jit(f)(x)
        steps = select_steps(Program(simplify(cr.make_jaxpr(f)(x))))
        (loop,) = [s for s in steps if isinstance(s, LoopStep)]
        (kernel,) = select_steps(loop.bodies[0])
        wait_until_improved(kernel.structure.code)


def in_place(f, *args):
    """Which carries of the only loop of a program its body writes to."""
    steps = select_steps(Program(simplify(cr.make_jaxpr(f)(*args))))
    (loop,) = [s for s in steps if isinstance(s, LoopStep)]
    assembler = Assembler(Program(simplify(cr.make_jaxpr(f)(*args))), [])
    assembler._assemble_nested(loop, ())
    return loop.in_place


def test_updates_in_a_loop_are_made_in_place():
    """Nothing of the array is copied in a step, whatever the update reads of it."""
    n = 200
    x = np.arange(300 * n, dtype="float32").reshape(n, 300)

    def f(x):
        return lax.fori_loop(1, n, lambda i, c: c.at[i].set(c[i - 1] * 0.5 + 1), x)

    wanted = x.copy()
    for i in range(1, n):
        wanted[i] = wanted[i - 1] * np.float32(0.5) + 1
    before = x.copy()
    np.testing.assert_allclose(cr.jit(f)(x), wanted, rtol=1e-6)
    np.testing.assert_array_equal(x, before)
    assert in_place(f, x) == [False, True]


def test_a_carry_that_is_read_after_its_update_is_copied():
    def f(a, b):
        def step(i, c):
            a, b = c
            after = a.at[i].add(b[i])
            return b.at[i].set(a[i] + after[i]), after + a.sum()

        return lax.fori_loop(0, 7, step, (a, b))

    a = np.arange(9000, dtype="float32")
    for args in ((a, a), (a, a + 1)):
        for x, y in zip(f(*args), cr.jit(f)(*args)):
            np.testing.assert_allclose(x, y, rtol=1e-5)
    np.testing.assert_array_equal(a, np.arange(9000))
