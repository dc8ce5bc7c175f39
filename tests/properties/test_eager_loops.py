"""Loops on concrete values: stepped while they are short, native once that pays, with
the same results; what must be seen step by step stays stepped."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.control import eager_loops, executors

ROWS = np.linspace(-1.0, 1.0, 60).reshape(12, 5)


def scanned(x):
    def step(c, row):
        c = cnp.tanh(c * 0.9 + row)
        return c, (c.sum(), row * c)

    return lax.scan(step, x, ROWS)


def backwards(x):
    return lax.scan(lambda c, row: (c * row + 1, c), x, ROWS, reverse=True)


def nested(x):
    def step(c, row):
        c = lax.fori_loop(0, 4, lambda i, c: cnp.sin(c) + row / (1 + i), c)
        return c, lax.while_loop(
            lambda s: s < 9.0, lambda s: s * 1.5 + 1, cnp.abs(c.sum())
        )

    return lax.scan(step, x, ROWS)


def until(x):
    step = lambda s: (s[0] + 1, cnp.cos(s[1]) * 0.99 + 0.01 * s[0])
    return lax.while_loop(lambda s: s[0] < 40, step, (0, x))


def random_walk(x):
    def step(s, _):
        key, x = s
        key, now = cr.random.split(key)
        return (key, x + cr.random.uniform(now, x.shape)), cr.random.key_data(key)

    (key, x), keys = lax.scan(step, (cr.random.key(3), x), length=9)
    return cr.random.key_data(key), x, keys


def empty(x):
    return lax.scan(lambda c, _: (c + 1, c), x, None, length=0)


LOOPS = {
    "scan": scanned,
    "backwards": backwards,
    "nested": nested,
    "while": until,
    "keys": random_walk,
    "no steps": empty,
    "gradient of scan": cr.grad(lambda x: sum(y.sum() for y in scanned(x)[1])),
    "gradient of while": cr.grad(lambda x: until(x)[1].sum()),
    "second derivative": lambda x: cr.jvp(
        cr.grad(lambda x: until(x)[1].sum()), (x,), (x,)
    ),
    "vmap of while": cr.vmap(
        lambda x: lax.while_loop(lambda x: x < 3.0, lambda x: x + cnp.cosh(x), x)
    ),
    "one array twice": lambda x: lax.fori_loop(0, 7, lambda i, c: c[::-1], (x, x)),
}


class Native:
    """Counts the programs that the executor in force makes native."""

    def __init__(self):
        self.made = []
        self.inner = executors.current_executor()

    def __call__(self, closed, donated):
        return self.inner(closed, donated)

    def native(self, closed):
        made = self.inner.native(closed)
        self.made.append(made is not None)
        return made


@pytest.fixture
def native():
    executor = Native()
    executors.set_executor(executor)
    yield executor
    executors.set_executor(executor.inner)


def evaluated(monkeypatch, patience, fun, x):
    monkeypatch.setattr(eager_loops, "PATIENCE", patience)
    return cr.tree.leaves(fun(x))


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("patience", [0, 30])
def test_native_loops_are_those_stepped(monkeypatch, native, name, patience):
    with cr.enable_x64(True):
        x = cnp.linspace(0.3, 1.2, 5)
        expected = evaluated(monkeypatch, 1 << 60, LOOPS[name], x)
        assert native.made == []
        found = evaluated(monkeypatch, patience, LOOPS[name], x)
    assert all(native.made)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_a_loop_is_native_when_it_has_cost_a_compilation(native):
    body = lambda c, _: (cnp.sin(c) * 1.25 + 0.125, c)
    run = lambda: lax.scan(body, cnp.ones(3), None, length=50)[0]
    first = run()
    assert native.made == []
    for _ in range(30):
        found = run()
    assert native.made == [True]
    np.testing.assert_allclose(found, first, rtol=1e-6)


def test_a_long_loop_is_native_at_once(native):
    lax.scan(lambda c, _: (c * 0.75 + 1, None), cnp.ones(3), None, length=5000)
    assert native.made == [True]


def test_loops_of_changing_length_share_a_compiled_body(native):
    body = lambda c, _: (cnp.cos(c) * 1.25 + 0.5, None)
    run = lambda n: lax.scan(body, cnp.ones(3), None, length=n)[0]
    run(1000)
    assert native.made == [True]
    for n in range(200, 230):
        np.testing.assert_allclose(run(n + 1), cnp.cos(run(n)) * 1.25 + 0.5, rtol=1e-5)
    assert native.made == [True]


def test_a_loop_with_another_condition_shares_the_body(native):
    body = lambda s: (s[0] + 1, cnp.cos(s[1]))
    for n in range(990, 1010):
        i, _ = lax.while_loop(lambda s: s[0] < n, body, (0, 0.5))
        assert int(i) == n
    assert native.made == [True]


def test_large_arrays_make_a_loop_long(native):
    lax.scan(lambda c, _: (c * 0.5 + 1, None), cnp.ones(1 << 20), None, length=10)
    assert native.made == [True]


def test_a_while_loop_becomes_native_on_its_way(native):
    body = lambda s: (s[0] + 1, s[1] * 0.9375 + s[0])
    i, _ = lax.while_loop(lambda s: s[0] < 5000, body, (0, 1.5))
    assert int(i) == 5000 and native.made == [True]


def test_what_calls_python_is_native_too(monkeypatch, native):
    monkeypatch.setattr(eager_loops, "PATIENCE", 0)
    calls = []

    def note(x):
        calls.append(float(x))
        return np.asarray(x) + 1

    def step(x):
        return cr.pure_callback(note, cr.ShapeDtypeStruct((), x.dtype), x)

    x = cnp.float32(0)
    assert float(lax.scan(lambda c, _: (step(c), None), x, None, length=3)[0]) == 3
    assert float(lax.while_loop(lambda c: c < 5, step, x)) == 5
    assert native.made == [True, True] and calls == [0, 1, 2, 0, 1, 2, 3, 4]


def test_an_executor_that_has_no_native_code_steps(monkeypatch):
    monkeypatch.setattr(eager_loops, "PATIENCE", 0)
    former = executors.set_executor(executors.interpreter)
    try:
        x, ys = lax.scan(lambda c, y: (c + y, c), 0, cnp.arange(4))
        n = lax.while_loop(lambda c: c < 7, lambda c: c * 2, 1)
    finally:
        executors.set_executor(former)
    assert (int(x), ys.tolist(), int(n)) == (6, [0, 0, 1, 3], 8)


def test_nans_are_found_where_they_arise(monkeypatch):
    monkeypatch.setattr(eager_loops, "PATIENCE", 0)
    with cr.debug_nans(True), pytest.raises(FloatingPointError, match="log"):
        lax.scan(lambda c, y: (cnp.log(c) + y, None), cnp.float32(1), cnp.zeros(3))
