"""Hoisting: what does not change in a loop is computed once, and nothing else moves."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax, random

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 20)).astype(np.float32)
W = RNG.normal(size=20).astype(np.float32)


def check(f, *args, rtol=2e-5):
    """Compiled as eagerly; the steps of the compiled program."""
    with cr.disable_jit():
        want = f(*args)
    got = cr.jit(f)(*args)
    for a, b in zip(cr.tree.leaves(got), cr.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol, 1e-5)
    return cr.explain(f)(*args).steps


def kinds(steps):
    return [s.kind for s in steps]


def test_reductions_and_products_of_constants_are_made_before_the_loop():
    def f(x, w):
        return lax.fori_loop(0, 9, lambda _, w: w - 1e-3 * ((x.T @ x) @ w), w)

    *before, loop = check(f, X, W)
    assert before and loop.kind == "loop"
    assert "60" not in loop.loops


def test_expensive_functions_of_constants_are_made_before_the_loop():
    def f(x, w):
        return lax.fori_loop(0, 9, lambda _, w: w + cnp.exp(cnp.sin(x)) @ w, w)

    steps = check(f, X[:20] / 9, W)
    assert kinds(steps) == ["kernel", "loop"]
    assert steps[0].what == "sin exp" and "abs(" not in steps[1].loops


def test_what_is_cheap_stays_where_it_is_read():
    def f(x, w):
        return lax.fori_loop(0, 9, lambda _, w: cnp.tanh((2 * x + 1) * w), w)

    assert kinds(check(f, X, cnp.ones((60, 20)))) == ["loop"]


def test_what_products_would_turn_is_turned_before_the_loop():
    """x @ w.T for a small w; the copy is made once, however many products read it."""

    def f(x, w):
        step = lambda y, _: (cnp.tanh((y @ w.T) @ w), cnp.sin(y @ w.T).sum())
        return lax.scan(step, x, None, length=9)

    x = X[:32].repeat(2, 1)
    w = RNG.normal(size=(24, 40)).astype(np.float32) / 9
    steps = check(f, x, w)
    assert [s.what for s in steps if s.kind != "loop"] == ["transpose"]


def test_a_loop_in_registers_reads_what_was_made():
    def f(x, c):
        return lax.fori_loop(0, 9, lambda _, c: 0.5 * c + cnp.sum(cnp.cos(x)), c)

    steps = check(f, X, np.float32(1))
    assert [s.what for s in steps][-1] == "9 steps in registers" and len(steps) == 2


def test_the_test_of_a_while_loop_is_hoisted_from_too():
    def f(x, c):
        big = lambda c: cnp.sum(c) < cnp.sum(cnp.exp(x))
        return lax.while_loop(big, lambda c: c + cnp.max(x) + 1, c)

    check(f, X, np.float32(1))
    *before, _ = check(f, X, W)
    assert before


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 7])
def test_invariants_may_be_carries_and_rows(length, reverse):
    def f(x, c, rows):
        def step(c, row):
            total = cnp.sum(cnp.sin(x), axis=0)
            return total, (total, row + c, cnp.sum(x))

        return lax.scan(step, c, rows, reverse=reverse)

    check(f, X, W, cnp.ones((length, 20)))


def test_values_closed_over_count_as_constants():
    table = cnp.asarray(X)

    def f(w):
        return lax.fori_loop(0, 5, lambda _, w: w * 0.5 + cnp.sum(table**2, 0), w)

    first, loop = check(f, W)
    assert "reduce_sum" in first.what and loop.what == "5 steps in registers"


def test_loops_within_loops():
    def f(x, w):
        inner = lambda _, w: w * 0.5 + cnp.sum(cnp.cos(x * 2.0), 0) * 1e-2
        outer = lambda _, w: lax.fori_loop(0, 3, inner, w) + cnp.mean(x @ x.T)
        return lax.fori_loop(0, 4, outer, w)

    check(f, X, W)


def test_gradients_and_batches_of_loops_with_invariants():
    def f(x, w):
        return lax.scan(lambda w, _: (w - 1e-3 * (x.T @ x) @ w, None), w, None, 6)[0]

    check(cr.grad(lambda x, w: cnp.sum(f(x, w) ** 2), (0, 1)), X, W, rtol=2e-4)
    check(cr.vmap(f, (None, 0)), X, cnp.stack([W, 2 * W]))
    check(cr.vmap(f), cnp.stack([X, X + 1]), cnp.stack([W, 2 * W]), rtol=2e-4)


def test_random_numbers_of_a_constant_key():
    def f(key, w):
        return lax.fori_loop(0, 3, lambda _, w: w + random.normal(key, w.shape), w)

    check(f, random.key(3), W)


def test_prints_are_made_by_every_step(capfd):
    def f(x, w):
        def step(_, w):
            cr.debug.print("{}", cnp.sum(x))
            return w + cnp.sum(x)

        return lax.fori_loop(0, 4, step, w)

    cr.block_until_ready(cr.jit(f)(cnp.ones(3), W))
    assert capfd.readouterr().out == "3.0\n" * 4


def test_a_pure_callback_of_constants_is_called_once():
    calls = []

    def count(x):
        calls.append(1)
        return np.asarray(x).sum()

    def f(x, w):
        shape = cr.ShapeDtypeStruct((), np.float32)
        step = lambda _, w: w + cr.pure_callback(count, shape, x)
        return lax.fori_loop(0, 4, step, w)

    np.testing.assert_allclose(cr.jit(f)(X, W), W + 4 * X.sum(), rtol=1e-4)
    assert len(calls) == 1


@pytest.mark.parametrize("loop", ["while", "scan"])
def test_a_callback_of_a_loop_without_steps_is_not_called(loop):
    def refuse(x):
        raise ValueError("called")

    def f(x, w):
        shape = cr.ShapeDtypeStruct((), np.float32)
        step = lambda w: w + cnp.sum(cr.pure_callback(refuse, shape, x) + x)
        if loop == "while":
            return lax.while_loop(lambda w: w[0] > 1e9, step, w)
        return lax.scan(lambda w, _: (step(w), None), w, None, length=0)[0]

    np.testing.assert_array_equal(cr.jit(f)(X, W), W)
