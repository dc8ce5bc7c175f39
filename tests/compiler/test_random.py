"""Compiled random numbers: keys and bits are those of evaluation."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax, random
from chainrule.ops.random_bits import threefry2x32_p

from .native import assert_close, assert_same, steps_of

KEY = random.key(1701)
KEYS = random.split(KEY, (2, 3))


def words(f):
    """`f` with the words of the keys that it gives."""

    def call(*args):
        return random.key_data(f(*args))

    return call


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_bits(dtype):
    assert_same(lambda k: random.bits(k, (3, 50), dtype), KEY)
    each = cr.vmap(cr.vmap(lambda k: random.bits(k, (7,), dtype)))
    assert_same(each, KEYS)
    assert_same(lambda k: random.bits(k, (0, 4), dtype), KEY)


def test_long_streams_are_divided():
    assert_same(lambda k: random.bits(k, (70_001,)), KEY)


def test_splitting():
    assert_same(words(lambda k: random.split(k, (4, 5))), KEY)
    assert_same(words(lambda k: random.split(k, 3)[1]), KEY)
    assert_same(words(lambda ks: cr.vmap(lambda k: random.split(k))(ks[1])), KEYS)


def test_folding_in():
    assert_same(words(lambda k: random.fold_in(k, 12)), KEY)
    numbers = cnp.arange(3, dtype=cnp.uint32)
    assert_same(words(cr.vmap(random.fold_in, (None, 0))), KEY, numbers)


def test_keys_of_seeds():
    for seed in (0, -5, 2**31 - 1):
        assert_same(words(random.key), cnp.asarray(seed))
    with cr.enable_x64(True):
        assert_same(words(random.key), cnp.asarray(-(2**40) - 7))


def test_keys_and_their_words():
    assert_same(random.key_data, KEYS)
    assert_same(words(random.wrap_key_data), random.key_data(KEYS))
    assert_same(words(lambda ks: ks.T.reshape(-1)[::2]), KEYS)
    assert_same(words(lambda a, b: cnp.stack([a, b])), KEY, KEYS[0, 1])


def test_blocks():
    rng = np.random.default_rng(0)
    xs = [cnp.asarray(rng.integers(0, 2**32, (4, 9), np.uint32)) for _ in range(4)]
    assert_same(lambda *xs: threefry2x32_p(*xs), *xs)


def test_distributions():
    assert_same(lambda k: random.uniform(k, (3, 5)), KEY)
    assert_same(lambda k: random.uniform(random.split(k)[0], (3, 5), minval=-2.0), KEY)
    assert_close(lambda k: random.normal(k, (300,)), KEY)
    assert_same(lambda k: random.randint(k, (30,), 0, 1000), KEY)


# --- samplers in loops and branches -------------------------------------------------------

SAMPLERS = {
    "normal": lambda key, c: 0.5 * c + random.normal(key, c.shape),
    "gamma": lambda key, c: random.gamma(key, 0.3 * c + 0.5) + 0.1,
    "poisson": lambda key, c: 0.5 * c + random.poisson(key, 3.0 * c + 0.5),
    "binomial": lambda key, c: 1.0 + random.binomial(key, 5.0 * c + 1.0, 0.4),
}
GIVEN = {"typed": KEY, "words": random.key_data(KEY)}
TIMES = 4


def in_fori_loop(step, key):
    body = lambda i, c: step(random.fold_in(key, i), c)
    return lambda x: lax.fori_loop(0, TIMES, body, x)


def in_scan(step, key):
    """The key is carried, and folded with each row."""

    def body(carry, i):
        k, c = carry
        return (k, step(random.fold_in(k, i), c)), c

    return lambda x: lax.scan(body, (key, x), cnp.arange(TIMES))[0][1]


def in_while_loop(step, key):
    body = lambda c: (c[0] + 1, step(random.fold_in(key, c[0]), c[1]))
    return lambda x: lax.while_loop(lambda c: c[0] < TIMES, body, (0, x))[1]


def in_cond(step, key):
    def f(x):
        for i in range(TIMES):
            drawn = lambda x, i=i: step(random.fold_in(key, i), x)
            x = lax.cond(cnp.sum(x) > -1e30, drawn, lambda x: -x, x)
        return x

    return f


def by_hand(step, key):
    def f(x):
        for i in range(TIMES):
            x = step(random.fold_in(key, i), x)
        return x

    return f


CONTROL = (in_fori_loop, in_scan, in_while_loop, in_cond)


@pytest.mark.parametrize("shape", [(), (3,), (2, 40)])
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("control", CONTROL)
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_in_loops_and_branches(name, control, given, shape):
    x = cnp.linspace(0.5, 2.0, int(np.prod(shape)), dtype="float32").reshape(shape)
    wanted = by_hand(SAMPLERS[name], GIVEN[given])(x)
    found = cr.jit(control(SAMPLERS[name], GIVEN[given]))(x)
    np.testing.assert_allclose(found, wanted, rtol=2e-5)


@pytest.mark.parametrize("control", CONTROL)
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_in_loops_of_many_keys(name, control):
    """Each key draws what it draws alone."""
    x = cnp.linspace(0.5, 2.0, 6, dtype="float32").reshape(2, 3)
    each = lambda key, x: control(SAMPLERS[name], key)(x)
    found = cr.jit(cr.vmap(each))(KEYS[:, 0], x)
    wanted = [by_hand(SAMPLERS[name], k)(row) for k, row in zip(KEYS[:, 0], x)]
    np.testing.assert_allclose(found, np.stack(wanted), rtol=2e-5)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("control", CONTROL)
@pytest.mark.parametrize("name", SAMPLERS)
def test_derivatives_of_samplers_in_loops(name, control, given):
    x = cnp.linspace(0.5, 2.0, 3, dtype="float32")
    total = lambda f: lambda x: cnp.sum(f(x) * cnp.asarray([1.0, 2.0, -1.0]))
    key, step = GIVEN[given], SAMPLERS[name]
    wanted = cr.grad(total(by_hand(step, key)))(x)
    bounded = control is not in_while_loop
    differentiate = cr.grad if bounded else cr.jacfwd
    found = cr.jit(differentiate(total(control(step, key))))(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_another_key_of_a_loop_is_not_compiled_anew():
    """Keys are read from buffers, not written in the code."""

    def code_of(seed):
        key = random.key(seed)
        body = lambda i, c: c + random.key_data(random.fold_in(key, i))[0]
        steps = steps_of(lambda x: lax.fori_loop(0, 5, body, x), np.uint32(0))
        return [step.text for step in steps]

    assert code_of(1) == code_of(2)
