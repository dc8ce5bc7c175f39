"""chainrule.random gives JAX 0.10.2's numbers, which follow the distributions they should.

tests/values/random.json holds what JAX drew for each call in it, with 32- and 64-bit
types. Bits, integers, uniform numbers and orders are the same; others differ by the
rounding of logarithms and the like.
"""

from __future__ import annotations

import json
import pathlib

import ml_dtypes
import numpy as np
import pytest
import scipy.stats

import chainrule as jax
import chainrule.numpy as jnp
from chainrule import random

VALUES = json.loads(
    (pathlib.Path(__file__).parent / "values" / "random.json").read_text()
)
EXACT = ("uniform", "bernoulli", "rademacher", "vmap(lambda k: random.uniform")
"""Floats that are made by exact operations and one fused multiply-add."""


def words(x):
    return random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def evaluate(call):
    """The value of a call written in JAX's names; `key` is random.key(42)."""
    scope = {"random": random, "jax": jax, "jnp": jnp, "key": random.key(42)}
    return np.asarray(words(eval(call, scope)))


@pytest.mark.parametrize("name", VALUES)
def test_numbers_are_those_of_jax(name):
    bits, call = name.split(": ", 1)
    dtype, shape, values = VALUES[name]
    with jax.enable_x64(bits == "64"):
        found = evaluate(call)
    assert (found.dtype.name, list(found.shape)) == (dtype, shape)
    if dtype.startswith("complex"):
        values = [complex(*v) for v in values]
    kind = found.dtype if found.dtype.kind in "biu" else None
    expected = np.array(values, kind).astype(found.dtype).reshape(shape)
    exact = any(call.startswith((f"random.{n}(", f"jax.{n}")) for n in EXACT)
    if found.dtype.kind in "biu" or exact:
        np.testing.assert_array_equal(found, expected)
        return
    eps = float(ml_dtypes.finfo(dtype).eps)
    wide = np.complex128 if dtype.startswith("complex") else np.float64
    np.testing.assert_allclose(
        found.astype(wide), expected.astype(wide), rtol=24 * eps, atol=4 * eps
    )


# --- distributions -----------------------------------------------------------------------

N = 20000
CONTINUOUS = {
    "uniform": ((), {"minval": -1.0, "maxval": 3.0}, scipy.stats.uniform(-1, 4)),
    "normal": ((), {}, scipy.stats.norm()),
    "truncated_normal": ((-1.0, 2.0), {}, scipy.stats.truncnorm(-1, 2)),
    "lognormal": ((0.5,), {}, scipy.stats.lognorm(0.5)),
    "exponential": ((), {}, scipy.stats.expon()),
    "gumbel": ((), {}, scipy.stats.gumbel_r()),
    "laplace": ((), {}, scipy.stats.laplace()),
    "logistic": ((), {}, scipy.stats.logistic()),
    "cauchy": ((), {}, scipy.stats.cauchy()),
    "maxwell": ((), {}, scipy.stats.maxwell()),
    "double_sided_maxwell": ((0.0, 1.0), {}, scipy.stats.dgamma(1.5)),
    "pareto": ((2.5,), {}, scipy.stats.pareto(2.5)),
    "rayleigh": ((1.5,), {}, scipy.stats.rayleigh(scale=1.5)),
    "weibull_min": ((1.5, 2.5), {}, scipy.stats.weibull_min(2.5, scale=1.5)),
    "triangular": ((-1.0, 0.5, 2.0), {}, scipy.stats.triang(0.5, -1, 3)),
    "wald": ((1.7,), {}, scipy.stats.invgauss(1.7)),
    "gamma": ((0.4,), {}, scipy.stats.gamma(0.4)),
    "loggamma": ((2.5,), {}, scipy.stats.loggamma(2.5)),
    "beta": ((0.5, 2.0), {}, scipy.stats.beta(0.5, 2.0)),
    "chisquare": ((3.0,), {}, scipy.stats.chi2(3)),
    "f": ((3.0, 4.0), {}, scipy.stats.f(3, 4)),
    "t": ((3.0,), {}, scipy.stats.t(3)),
    "generalized_normal": ((1.5,), {}, scipy.stats.gennorm(1.5)),
}
DISCRETE = {
    "poisson": ((4.0,), {}, scipy.stats.poisson(4)),
    "geometric": ((0.3,), {}, scipy.stats.geom(0.3)),
    "binomial": ((10, 0.3), {}, scipy.stats.binom(10, 0.3)),
    "randint": ((), {"minval": -3, "maxval": 8}, scipy.stats.randint(-3, 8)),
    "bernoulli": ((0.3,), {}, scipy.stats.bernoulli(0.3)),
}


def drawn(name, args, kwargs):
    return np.asarray(
        getattr(random, name)(random.key(11), *args, shape=(N,), **kwargs)
    ).astype(np.float64)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distribution(name):
    args, kwargs, law = CONTINUOUS[name]
    sample = drawn(name, args, kwargs)
    if name == "double_sided_maxwell":
        sample, law = sample**2 / 2 * np.sign(sample), law
    assert scipy.stats.kstest(sample, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distribution(name):
    args, kwargs, law = DISCRETE[name]
    sample = drawn(name, args, kwargs)
    values = np.arange(law.ppf(1e-3), law.ppf(1 - 1e-3) + 1)
    counts = np.array([(sample == v).sum() for v in values])
    expected = law.pmf(values)
    observed = np.append(counts, N - counts.sum())
    wanted = np.append(expected, max(1 - expected.sum(), 1e-12)) * N
    keep = wanted > 5
    statistic = ((observed - wanted) ** 2 / wanted)[keep].sum()
    assert scipy.stats.chi2(keep.sum() - 1).sf(statistic) > 1e-3


@pytest.mark.parametrize("mean", [3.0, 30.0, 1e4])
def test_poisson_moments(mean):
    sample = drawn("poisson", (mean,), {})
    assert abs(sample.mean() - mean) < 5 * np.sqrt(mean / N)
    assert abs(sample.var() / mean - 1) < 5 * np.sqrt(3 / N)


@pytest.mark.parametrize("n, p", [(30, 0.2), (1000, 0.7), (10**5, 0.4)])
def test_binomial_moments(n, p):
    sample = drawn("binomial", (n, p), {})
    variance = n * p * (1 - p)
    assert abs(sample.mean() - n * p) < 5 * np.sqrt(variance / N)
    assert abs(sample.var() / variance - 1) < 5 * np.sqrt(3 / N)


def test_students_numbers_have_the_shape_of_the_degrees_of_freedom():
    df = jnp.array([[0.5], [3.0]])
    found = random.t(random.key(4), df)
    np.testing.assert_array_equal(found, random.t(random.key(4), df, (2, 1)))


def test_vectors_have_their_mean_and_covariance():
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    for method in ("cholesky", "eigh", "svd"):
        x = random.multivariate_normal(
            random.key(3), jnp.array(mean), jnp.array(cov), (N,), method=method
        )
        x = np.asarray(x)
        np.testing.assert_allclose(x.mean(0), mean, atol=0.05)
        np.testing.assert_allclose(np.cov(x.T), cov, atol=0.1)


def test_ball_is_filled_evenly():
    x = np.asarray(random.ball(random.key(5), 3, shape=(N,)))
    radius = np.linalg.norm(x, axis=-1)
    assert scipy.stats.kstest(radius**3, "uniform").pvalue > 1e-3
    assert np.abs(x.mean(0)).max() < 0.03


def test_categorical_follows_the_logits():
    logits = jnp.log(jnp.array([0.1, 0.2, 0.7]))
    x = np.asarray(random.categorical(random.key(1), logits, shape=(N,)))
    counts = np.bincount(x, minlength=3)
    assert scipy.stats.chisquare(counts, N * np.array([0.1, 0.2, 0.7])).pvalue > 1e-3


def test_permutations_are_equally_likely():
    keys = random.split(random.key(2), 6000)
    orders = np.asarray(jax.vmap(lambda k: random.permutation(k, 3))(keys))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6 and scipy.stats.chisquare(counts).pvalue > 1e-3


def test_choice_without_replacement_has_no_element_twice():
    x = random.choice(random.key(0), 50, (40,), replace=False)
    assert len(set(x.tolist())) == 40
    p = jnp.arange(1.0, 51.0)
    x = random.choice(random.key(0), 50, (40,), replace=False, p=p)
    assert len(set(x.tolist())) == 40


# --- derivatives -------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.05, 0.4, 1.0, 3.0, 40.0])
def test_derivative_of_gamma_keeps_the_distribution_function(a):
    """dx/da = -(dP/da) / (dP/dx), with dP/da from finite differences of SciPy's P."""
    with jax.enable_x64(True):
        x, x_dot = jax.jvp(
            lambda a: random.gamma(random.key(3), a, (20,)), (a,), (1.0,)
        )
        log_x, log_dot = jax.jvp(
            lambda a: random.loggamma(random.key(3), a, (20,)), (a,), (1.0,)
        )
    x, h = np.asarray(x), 1e-5 * a
    cdf = scipy.special.gammainc
    slope = (cdf(a + h, x) - cdf(a - h, x)) / (2 * h) / scipy.stats.gamma(a).pdf(x)
    usable = x > 1e-280
    np.testing.assert_allclose(np.asarray(x_dot)[usable], -slope[usable], rtol=2e-5)
    np.testing.assert_allclose(np.exp(log_x), x, rtol=1e-12)
    ratio = np.asarray(x_dot)[usable] / x[usable]
    np.testing.assert_allclose(np.asarray(log_dot)[usable], ratio, rtol=1e-9)


def test_derivative_of_loggamma_where_gamma_underflows():
    """log x = (log u + log Gamma(a + 1)) / a to first order, at fixed u."""
    a = 1e-3
    log_x, slope = jax.jvp(lambda a: random.loggamma(random.key(1), a), (a,), (1.0,))
    expected = (scipy.special.digamma(a + 1) - float(log_x)) / a
    assert np.isfinite(float(slope))
    np.testing.assert_allclose(float(slope), expected, rtol=1e-5)


def test_derivatives_of_locations_and_scales():
    key = random.key(0)
    u = random.uniform(key, (4,))
    grads = jax.jacobian(
        lambda lo, hi: random.uniform(key, (4,), minval=lo, maxval=hi), (0, 1)
    )(1.0, 3.0)
    np.testing.assert_allclose(grads[0], 1 - u, rtol=1e-6)
    np.testing.assert_allclose(grads[1], u, rtol=1e-6)
    e = random.exponential(key, (4,))
    slope = jax.jacobian(lambda b: random.pareto(key, b, (4,)))(2.0)
    np.testing.assert_allclose(slope, -e / 4 * np.exp(e / 2), rtol=1e-5)


# --- keys --------------------------------------------------------------------------------


def same(a, b):
    np.testing.assert_array_equal(random.key_data(a), random.key_data(b))


def test_key_prints_like_an_array():
    key = random.key(5)
    text = "Array((), dtype=key<fry>) overlaying:\n[0 5]"
    assert repr(key) == str(key) == f"{key}" == text
    assert str(key.dtype) == key.dtype.name == "key<fry>"
    assert jax.typeof(key).str_short() == "key<fry>[]"


def test_key_has_the_attributes_of_an_array():
    keys = random.split(random.key(0), (2, 3))
    assert isinstance(keys, jax.Array)
    assert (keys.shape, keys.ndim, keys.size, len(keys)) == ((2, 3), 2, 6, 2)
    assert (keys.itemsize, keys.nbytes) == (8, 48)
    assert random.key_impl(keys) == "threefry2x32"
    assert random.key_dtype() is keys.dtype
    assert jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
    assert not jnp.issubdtype(keys.dtype, np.number)


def test_key_arrays_change_shape_like_arrays():
    keys = random.split(random.key(0), 6)
    words = random.key_data(keys)
    grid = keys.reshape(2, 3)
    same(grid, keys.reshape((2, 3)))
    for found, expected in [
        (grid.T, words.reshape(2, 3, 2).transpose(1, 0, 2)),
        (grid[1], words[3:]),
        (grid[:, 1], words[1::3]),
        (keys[jnp.array([4, 0])], words[np.array([4, 0])]),
        (keys[-1], words[5]),
        (list(keys)[2], words[2]),
        (jnp.stack([keys[0], keys[1]]), words[:2]),
        (jnp.concatenate([keys[:2], keys[4:]]), np.delete(words, [2, 3], 0)),
        (jnp.broadcast_to(keys[0], (2, 2)), np.broadcast_to(words[0], (2, 2, 2))),
        (jnp.where(np.arange(6) < 2, keys, keys[5]), [*words[:2], *[words[5]] * 4]),
        (jnp.squeeze(keys[:1]), words[0]),
        (jnp.expand_dims(keys, 1), words[:, None]),
        (jnp.moveaxis(grid, 0, 1), words.reshape(2, 3, 2).transpose(1, 0, 2)),
        (keys.at[0].set(keys[3]), [words[3], *words[1:]]),
        (jnp.asarray(keys), words),
    ]:
        np.testing.assert_array_equal(random.key_data(found), np.asarray(expected))


def test_keys_are_compared():
    keys = random.split(random.key(0), 3)
    assert (keys == keys[1]).tolist() == [False, True, False]
    assert (keys != keys[1]).tolist() == [True, False, True]
    assert jnp.equal(keys, keys).dtype == bool and jnp.array_equal(keys, keys)
    assert jax.vmap(lambda a, b: a == b)(keys, keys).tolist() == [True] * 3
    with pytest.raises(TypeError, match="does not accept dtype key<fry>"):
        keys < keys


def test_keys_pass_through_transformations():
    keys = random.split(random.key(0), 4)
    expected = np.stack([random.normal(k, (3,)) for k in keys])

    def draw(k):
        return random.normal(k, (3,))

    np.testing.assert_array_equal(jax.vmap(draw)(keys), expected)
    np.testing.assert_array_equal(jax.jit(jax.vmap(draw))(keys), expected)
    np.testing.assert_array_equal(jax.vmap(jax.jit(draw), 0, 1)(keys), expected.T)
    grid = keys.reshape(2, 2)
    found = jax.vmap(jax.vmap(draw, 0), 1, 1)(grid)
    np.testing.assert_array_equal(found, expected.reshape(2, 2, 3))
    same(jax.jit(lambda k: random.split(k)[0])(keys[0]), random.split(keys[0])[0])
    slope = jax.grad(lambda x, k: (x * draw(k)).sum())(2.0, keys[1])
    np.testing.assert_allclose(slope, expected[1].sum(), rtol=1e-6)
    leaves, tree = jax.tree.flatten({"key": keys[0], "x": 1.0})
    assert len(leaves) == 2
    same(jax.tree.unflatten(tree, leaves)["key"], keys[0])


def test_programs_of_keys_are_typed():
    key = random.key(0)
    program = jax.make_jaxpr(lambda k: random.bits(random.fold_in(k, 3)))(key)
    assert "a:key<fry>[]" in str(program) and "random_fold_in" in str(program)
    again = jax.core.parser.parse(str(program)) if hasattr(jax.core, "parser") else None
    assert again is None or str(again) == str(program)
    shape = jax.eval_shape(lambda k: random.split(k, 3), key)
    assert (shape.shape, shape.dtype) == ((3,), key.dtype)
    struct = jax.ShapeDtypeStruct((3,), key.dtype)
    assert jax.eval_shape(jax.vmap(random.uniform), struct).shape == (3,)
    constant = jax.make_jaxpr(lambda: random.uniform(key))()
    assert constant.jaxpr.constvars and not constant.jaxpr.invars


def test_keys_have_no_derivative():
    key = random.key(0)
    with pytest.raises(TypeError, match="key<fry>"):
        jax.grad(lambda k: random.uniform(k))(key)
    slope = jax.grad(lambda k: random.uniform(k), allow_int=True)(key)
    assert slope.dtype == jax.float0


def test_keys_are_pickled_and_copied():
    import copy
    import pickle

    keys = random.split(random.key(9), 3)
    same(pickle.loads(pickle.dumps(keys)), keys)
    assert pickle.loads(pickle.dumps(keys.dtype)) is keys.dtype
    same(copy.deepcopy(keys), keys)
    same(jax.device_put(keys), keys)


def test_old_and_new_keys_are_the_same_generator():
    old, new = random.PRNGKey(3), random.key(3)
    assert (old.shape, old.dtype) == ((2,), np.uint32)
    same(random.wrap_key_data(old), new)
    assert random.normal(old) == random.normal(new)
    np.testing.assert_array_equal(random.split(old), random.key_data(random.split(new)))
    np.testing.assert_array_equal(random.uniform(np.asarray(old)), random.uniform(new))
    same(random.clone(new), new)
    with jax.enable_custom_prng(True):
        assert random.PRNGKey(3).dtype is new.dtype


def test_seeds_of_all_kinds():
    for seed in (5, np.int64(5), np.uint8(5), jnp.int32(5), np.array(5), True + 4):
        same(random.key(seed), random.key(5))
    same(jax.jit(random.key)(5), random.key(5))
    assert jax.vmap(random.key)(jnp.arange(3)).shape == (3,)
    same(random.key(0, impl="threefry2x32"), random.key(0, dtype=random.key_dtype()))


# --- errors ------------------------------------------------------------------------------

KEY = random.key(0)
ERRORS = [
    (lambda: random.uniform(0), TypeError, "uniform: 0 of type int is no key"),
    (lambda: random.uniform(jnp.zeros(3, jnp.uint32)), TypeError, "uint32 of shape"),
    (lambda: random.uniform(jnp.zeros(2)), TypeError, "uint32 of shape"),
    (lambda: random.normal(random.split(KEY)), ValueError, "accepts a single key"),
    (lambda: random.split(random.split(KEY)), ValueError, "accepts a single key"),
    (lambda: random.fold_in(KEY, -1), OverflowError, "out of bounds for uint32"),
    (lambda: random.fold_in(KEY, jnp.arange(3)), TypeError, "accepts a scalar"),
    (lambda: random.key(1.5), TypeError, "seed must be an integer"),
    (lambda: random.key(jnp.arange(3)), TypeError, "accepts a scalar seed"),
    (lambda: random.key(2**70), OverflowError, "more than 64 bits"),
    (lambda: random.key(KEY), TypeError, "was given a key"),
    (lambda: random.key(0, impl="dice"), ValueError, "no generator 'dice'"),
    (lambda: random.wrap_key_data(jnp.zeros(2)), TypeError, "expected uint32"),
    (lambda: random.uniform(KEY, (2,), int), ValueError, "must be a floating-point"),
    (lambda: random.uniform(KEY, (2.0,)), TypeError, "sequences of concrete integers"),
    (lambda: random.uniform(KEY, (-1,)), TypeError, "must not be negative"),
    (
        lambda: random.uniform(KEY, (2,), minval=jnp.zeros(3)),
        ValueError,
        "do not broad",
    ),
    (lambda: random.bits(KEY, (2,), int), ValueError, "unsigned integer"),
    (lambda: random.randint(KEY, (2,), 0, 9, float), TypeError, "integer dtype"),
    (lambda: random.randint(KEY, (2,), 0, 2**40), OverflowError, "out of bounds"),
    (lambda: random.bernoulli(KEY, 1), TypeError, "must be floating-point"),
    (lambda: random.bernoulli(KEY, 0.5, mode="fast"), ValueError, "'high' or 'low'"),
    (lambda: random.gamma(KEY, jnp.ones(2), (3,)), ValueError, "do not broadcast"),
    (lambda: random.dirichlet(KEY, 1.0), ValueError, "at least one dimension"),
    (lambda: random.permutation(KEY, 5.0), TypeError, "must be an integer or an array"),
    (lambda: random.permutation(KEY, [1, 2]), TypeError, "requires ndarray or scalar"),
    (lambda: random.permutation(KEY, 5, axis=1), ValueError, "out of bounds"),
    (
        lambda: random.choice(KEY, 5, (6,), replace=False),
        ValueError,
        "cannot draw 6 of 5",
    ),
    (lambda: random.choice(KEY, 5, 2), TypeError, "must be a sequence"),
    (lambda: random.choice(KEY, 0), ValueError, "nothing to draw from"),
    (lambda: random.choice(KEY, 5, p=jnp.ones(4)), ValueError, "vector with one prob"),
    (lambda: random.categorical(KEY, [0.0, 1.0]), TypeError, "requires ndarray"),
    (lambda: random.categorical(KEY, jnp.zeros((2, 0))), ValueError, "is empty"),
    (
        lambda: random.categorical(KEY, jnp.zeros(3), shape=(4,), replace=False),
        ValueError,
        "cannot draw 4 of 3 categories",
    ),
    (
        lambda: random.multivariate_normal(KEY, jnp.zeros(2), jnp.eye(3)),
        ValueError,
        "must have shape",
    ),
    (
        lambda: random.multivariate_normal(KEY, jnp.zeros(2), jnp.eye(2), method="lu"),
        ValueError,
        "use 'cholesky', 'eigh' or 'svd'",
    ),
    (lambda: np.asarray(KEY), TypeError, "cannot be converted to a NumPy array"),
    (lambda: bool(KEY), TypeError, "cannot be converted to a boolean"),
    (lambda: KEY + 1, TypeError, "have no common dtype"),
    (lambda: hash(KEY), TypeError, "unhashable"),
]


@pytest.mark.parametrize("call, error, message", ERRORS, ids=[e[2] for e in ERRORS])
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
