"""Samplers by rejection are kernels that draw the numbers of evaluation.

The candidates are the same numbers but for the rounding of logarithms and the like; one
that is accepted by a margin below that may be accepted by one of the two alone. None of
those drawn here is.
"""

import re

import numpy as np
import pytest
import scipy.stats

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax, random
from tests.test_random import VALUES

from .native import KernelStep, run, steps_of

KEY = random.key(98)
N = 5000
RTOL = {"float32": 3e-6, "float64": 1e-14}


def assert_drawn(f, *args):
    """Compiled, `f` draws what it draws eagerly; nothing is left to NumPy."""
    wanted = np.asarray(f(*args))
    (found,) = run(f, *args)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    rtol = RTOL.get(found.dtype.name, 0.0)
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol)


def spread(low, high, shape, dtype="float32"):
    """Parameters from `low` to `high`, in no order."""
    draw = np.random.default_rng(int(np.prod(shape)))
    return cnp.asarray(np.exp(draw.uniform(np.log(low), np.log(high), shape)), dtype)


SAMPLERS = {
    "gamma": (random.gamma, (0.03, 90.0)),
    "loggamma": (random.loggamma, (0.03, 90.0)),
    "poisson": (random.poisson, (0.03, 90.0)),
    "poisson_int8": (lambda key, x: random.poisson(key, x, dtype="int8"), (0.3, 300.0)),
    "poisson_small": (random.poisson, (0.03, 9.9)),
    "poisson_large": (random.poisson, (10.0, 1e6)),
    "binomial": (lambda key, x: random.binomial(key, x, 0.3), (0.9, 300.0)),
    "binomial_small": (lambda key, x: random.binomial(key, x, 0.9), (0.9, 90.0)),
    "binomial_large": (lambda key, x: random.binomial(key, x, 0.6), (30.0, 1e6)),
    "binomial_chances": (lambda key, x: random.binomial(key, 50, x), (1e-3, 1.0)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (N,), (3, 0), (3, 50, 9)])
@pytest.mark.parametrize("name", SAMPLERS)
def test_numbers_of_one_key(name, shape, dtype):
    function, bounds = SAMPLERS[name]
    with cr.enable_x64(dtype == "float64"):
        x = spread(*bounds, shape, dtype)
        assert_drawn(lambda x: function(KEY, x), x)


@pytest.mark.parametrize("name", SAMPLERS)
def test_numbers_of_many_keys(name):
    function, bounds = SAMPLERS[name]
    draw = cr.vmap(function)
    keys = random.split(KEY, 300)
    assert_drawn(draw, keys, spread(*bounds, (300,)))
    assert_drawn(draw, keys[:20], spread(*bounds, (20, 33)))
    grid = cr.vmap(cr.vmap(function, (0, None)), (None, 0))
    assert_drawn(grid, keys[:5], spread(*bounds, (4, 6)))
    assert_drawn(draw, keys[:0], spread(*bounds, (0, 3)))


@pytest.mark.parametrize("name", SAMPLERS)
def test_numbers_of_no_distribution(name):
    function = SAMPLERS[name][0]
    values = [np.nan, np.inf, -np.inf, 0.0, -0.0, -0.3, -1.0, -7.5, 1e-38, 1e-45, 3e38]
    with np.errstate(all="ignore"):
        assert_drawn(lambda x: function(KEY, x), cnp.asarray(values, "float32"))


@pytest.mark.parametrize("name", SAMPLERS)
def test_numbers_within_larger_programs(name):
    """Parameters are computed in the sampler's kernel, numbers drawn once."""
    function, bounds = SAMPLERS[name]

    def f(x):
        y = function(random.fold_in(KEY, 3), x[::-1] * 0.5 + 0.1)
        return y * y - cnp.sum(y, 1, keepdims=True)

    x = spread(*bounds, (40, 50))
    wanted = np.asarray(f(x))
    (found,) = run(f, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * abs(wanted).max())
    drawing = re.compile("@(accepted|latest|rounds)_.*{")
    texts = [s.text for s in steps_of(f, x) if isinstance(s, KernelStep)]
    assert sum(len(drawing.findall(t)) for t in texts) <= 2, "rounds are counted once"


def test_open_sizes_draw_the_same_numbers():
    for draw in (random.gamma, random.poisson):
        f = cr.jit(lambda x, draw=draw: draw(KEY, x))
        for n in (1, 5, 6, 1001, 1002, 1003):
            x = spread(0.1, 90.0, (n,))
            np.testing.assert_allclose(f(x), draw(KEY, x), rtol=3e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_that_of_evaluation(dtype):
    """Every operation is rounded: the numbers are the same, bit by bit."""
    for low, high in ((0.05, 1.0), (1.0, 90.0)):
        x = cnp.asarray(spread(low, high, (3000,))).astype(dtype)
        assert_drawn(lambda x: random.gamma(KEY, x, dtype=dtype), x)
        assert_drawn(lambda x: random.loggamma(KEY, x, dtype=dtype), x)
    n = cnp.asarray(spread(1.0, 300.0, (3000,))).astype(dtype)
    for p in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert_drawn(lambda n, p=p: random.binomial(KEY, n, p, dtype=dtype), n)
    n = n.at[:4].set(cnp.asarray([np.inf, -np.inf, np.nan, -3], dtype))
    assert_drawn(lambda n: random.binomial(KEY, n, 0.3, dtype=dtype), n)
    keys = random.split(KEY, 40)
    assert_drawn(
        cr.vmap(lambda k, n: random.binomial(k, n, 0.5, dtype=dtype)), keys, n[:40]
    )


def test_loops_draw_in_half_precision():
    def f(x):
        draw = lambda i, x: (
            x + random.gamma(random.fold_in(KEY, i), x, dtype="bfloat16")
        )
        return cr.lax.fori_loop(0, 3, draw, x)

    x = cnp.asarray(spread(0.1, 2.0, (100,))).astype("bfloat16")
    assert_drawn(f, x)


@pytest.mark.parametrize("name", [n for n in VALUES if any(
    f"random.{s}(" in n for s in (
        "gamma", "loggamma", "beta", "chisquare", "dirichlet", "f", "t",
        "generalized_normal", "ball", "poisson", "binomial", "multinomial",
    )
)])  # fmt: skip
def test_compiled_numbers_are_those_of_jax(name):
    bits, call = name.split(": ", 1)
    dtype, shape, values = VALUES[name]
    with cr.enable_x64(bits == "64"):
        names = {"random": random, "jax": cr, "jnp": cnp}
        draw = cr.jit(lambda key: eval(call, {**names, "key": key}))
        found = np.asarray(draw(random.key(42)))
    assert (found.dtype.name, list(found.shape)) == (dtype, shape)
    wanted = np.asarray(values, np.float64).reshape(shape)
    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=3e-5, atol=1e-6)


@pytest.mark.parametrize("a", [0.4, 1.0, 7.0])
def test_compiled_gamma_variates_have_their_distribution(a):
    draw = cr.jit(lambda key, a: random.gamma(key, a))
    sample = np.asarray(draw(KEY, cnp.full(20_000, a, "float32")), np.float64)
    assert scipy.stats.kstest(sample, scipy.stats.gamma(a).cdf).pvalue > 1e-3


@pytest.mark.parametrize("mean", [0.7, 9.0, 40.0])
def test_compiled_poisson_variates_have_their_distribution(mean):
    draw = cr.jit(lambda key, a: random.poisson(key, a))
    sample = np.asarray(draw(KEY, cnp.full(20_000, mean, "float32")))
    assert_distributed(sample, scipy.stats.poisson(mean))


@pytest.mark.parametrize("n, p", [(12, 0.3), (60, 0.7), (400, 0.5)])
def test_compiled_binomial_variates_have_their_distribution(n, p):
    draw = cr.jit(lambda key, a: random.binomial(key, a, p))
    sample = np.asarray(draw(KEY, cnp.full(20_000, n, "float32")))
    assert_distributed(sample, scipy.stats.binom(n, p))


def assert_distributed(sample, law):
    """By the chi-square test, values that are seldom taken together."""
    values = np.arange(law.ppf(1e-3), law.ppf(1 - 1e-3) + 1)
    expected = sample.size * law.pmf(values)
    observed = (sample[:, None] == values).sum(0)
    statistic = ((observed - expected) ** 2 / expected)[expected > 5].sum()
    assert scipy.stats.chi2((expected > 5).sum()).sf(statistic) > 1e-3


@pytest.mark.parametrize("p", [-0.1, 0.0, 0.2, 0.5, 0.8, 1.0, 1.1, np.nan])
def test_binomial_variates_of_no_distribution(p):
    n = cnp.asarray([np.nan, np.inf, -np.inf, -1.0, 0.0, 0.5, 1e7, 7.7], "float32")
    with np.errstate(all="ignore"):
        assert_drawn(lambda n: random.binomial(KEY, n, np.float32(p)), n)


def test_a_count_depends_on_how_many_rounds_its_neighbours_need():
    """Elements of one key keep the last candidate accepted before all have one."""
    mean = cnp.full(400, 30.0)
    whole = cr.jit(random.poisson)(KEY, mean)
    few = cr.jit(random.poisson)(KEY, mean[:8])
    np.testing.assert_array_equal(whole, random.poisson(KEY, mean))
    assert (whole[:8] != few).any()


def test_derivatives_of_gamma_variates():
    x = spread(0.3, 9.0, (64,))
    total = lambda x: cnp.sum(cnp.sin(random.gamma(KEY, x)))
    np.testing.assert_allclose(
        cr.jit(cr.grad(total))(x), cr.grad(total)(x), rtol=1e-4, atol=1e-5
    )


def test_chains_of_draws():
    def chain(x):
        step = lambda c, i: (random.gamma(random.fold_in(KEY, i), c + 0.5), c)
        return lax.scan(step, x, cnp.arange(20))[0]

    for shape in ((), (6,), (300,)):
        x = spread(0.5, 4.0, shape)
        wanted = x
        for i in range(20):
            wanted = random.gamma(random.fold_in(KEY, i), wanted + 0.5)
        np.testing.assert_allclose(run(chain, x)[0], wanted, rtol=1e-4)
