"""scipy.special: values are SciPy's in single and double precision, derivatives exact.

Tolerances are in units of the last place of the dtype, relative to SciPy's value.
"""

import numpy as np
import pytest
import scipy.special as reference

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.scipy import special

rng = np.random.default_rng(11)
anywhere = rng.uniform(-9, 9, 200)
positive = np.concatenate([rng.uniform(0, 10, 100), 10 ** rng.uniform(-5, 2, 100)])
other = positive[::-1].copy()
between = rng.uniform(0.01, 0.99, 200)
orders = rng.integers(0, 9, 200).astype(float)

CASES = {
    "gamma": ((np.concatenate([anywhere, rng.uniform(0, 34, 100)]),), 40),
    "gammaln": ((positive,), 1000),
    "gammasgn": ((anywhere,), 0),
    "digamma": ((positive,), 10),
    "factorial": ((np.arange(20.0),), 10),
    "beta": ((positive, other), 400),
    "betaln": ((10 * positive, 10 * other), 600),
    "poch": ((positive, rng.uniform(0, 9, 200)), 1000),
    "comb": ((orders + 10, orders), 100),
    "gammainc": ((positive, other), 1000),
    "gammaincc": ((positive[:100], other[100:]), 1000),
    "betainc": ((positive, other, between), 1000),
    "zeta": ((positive[:100] + 1.1, other[100:]), 60),
    "polygamma": ((np.ones(200), positive), 30),
    "loggamma": ((positive,), 1000),
    "erf": ((anywhere,), 4),
    "erfc": ((anywhere,), 60),
    "erfcx": ((anywhere,), 60),
    "erfinv": ((2 * between - 1,), 10),
    "ndtr": ((anywhere,), 100),
    "ndtri": ((between,), 10),
    "log_ndtr": ((anywhere,), 100),
    "owens_t": ((anywhere / 3, anywhere[::-1].copy()), 400),
    "exp1": ((positive,), 30),
    "expi": ((np.concatenate([anywhere, positive]),), 400),
    "expn": ((orders, positive), 30),
    "dawsn": ((anywhere,), 60),
    "spence": ((positive,), 60),
    "expit": ((anywhere,), 10),
    "logit": ((between,), 10),
    "entr": ((positive,), 10),
    "xlogy": ((anywhere, positive), 10),
    "xlog1py": ((anywhere, positive), 10),
    "rel_entr": ((positive, 1.7 * positive), 30),
    "kl_div": ((positive, 1.7 * positive), 60),
    "boxcox": ((positive, anywhere / 4), 30),
    "boxcox1p": ((positive, anywhere / 4), 30),
    "hyp1f1": ((positive / 10, other / 10 + 0.5, anywhere), 2000),
    "hyp2f1": ((other / 50, between, positive + 0.5, anywhere / 10), 2000),
    "i0": ((anywhere,), 30),
    "i1": ((anywhere,), 30),
    "i0e": ((anywhere,), 10),
    "i1e": ((anywhere,), 30),
}


def assert_within(found, expected, ulps):
    found, expected = np.asarray(found), np.asarray(expected)
    eps = np.finfo(found.dtype).eps
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, ulps * eps, np.finfo(found.dtype).tiny)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_scipy(name, dtype):
    args, ulps = CASES[name]
    args = [a.astype(dtype) for a in args]
    expected = getattr(reference, name)(*[a.astype(np.float64) for a in args])
    with cr.enable_x64(dtype == "float64"):
        found = getattr(special, name)(*[cnp.asarray(a) for a in args])
        assert found.dtype == dtype
        assert_within(found, expected, ulps)


@pytest.mark.parametrize("name", sorted(set(CASES) - {"gammasgn", "comb", "factorial"}))
def test_derivative_is_the_difference_quotient(name):
    """In the last operand, at moderate arguments."""
    args, _ = CASES[name]
    args = [0.2 + 0.5 * np.abs(np.sin(a[:20])) for a in args]
    if name in ("polygamma", "expn"):
        args[0] = np.ones(20)
    if name == "zeta":
        args[0] = args[0] + 2
    with cr.enable_x64(True):

        def fun(x):
            rest = [cnp.asarray(a) for a in args[:-1]]
            return getattr(special, name)(*rest, x)

        x, h = args[-1], 1e-5
        found = cr.grad(lambda x: cnp.sum(fun(x)))(cnp.asarray(x))
        expected = (np.asarray(fun(x + h)) - np.asarray(fun(x - h))) / (2 * h)
        np.testing.assert_allclose(np.asarray(found), expected, 1e-7, 1e-8)


@pytest.mark.parametrize("name", ["sici", "fresnel"])
def test_pairs_of_integrals(name):
    found = getattr(special, name)(cnp.asarray(positive.astype(np.float32)))
    expected = getattr(reference, name)(positive.astype(np.float32).astype(float))
    for f, e in zip(found, expected):
        np.testing.assert_allclose(np.asarray(f), e, 2e-6, 2e-7)


def test_wofz_and_loggamma_of_complex_numbers():
    with cr.enable_x64(True):
        z = anywhere + 1j * anywhere[::-1]
        with np.errstate(all="ignore"):
            expected = reference.wofz(z)
        kept = np.isfinite(expected)
        found = np.asarray(special.wofz(z))
        np.testing.assert_allclose(found[kept], expected[kept], 1e-12)
        found = np.asarray(special.loggamma(z))
        np.testing.assert_allclose(found, reference.loggamma(z), 1e-12)


def test_derivative_of_wofz():
    with cr.enable_x64(True):
        z, h = 0.7 - 0.4j, 1e-6
        found = cr.grad(special.wofz, holomorphic=True)(z)
        expected = (reference.wofz(z + h) - reference.wofz(z - h)) / (2 * h)
        np.testing.assert_allclose(complex(found), expected, 1e-8)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_logsumexp_softmax_log_softmax(axis):
    x = anywhere[:12].reshape(3, 4).astype(np.float32) * 30
    for name in ("logsumexp", "softmax", "log_softmax"):
        found = np.asarray(getattr(special, name)(x, axis=axis))
        expected = getattr(reference, name)(x.astype(float), axis=axis)
        np.testing.assert_allclose(found, expected, 2e-5, 1e-7)


def test_logsumexp_with_weights_signs_masks_and_infinities():
    x = cnp.asarray([1.0, 2.0, -np.inf])
    b = cnp.asarray([1.0, -1.0, 2.0])
    found = np.asarray(special.logsumexp(x, b=b, return_sign=True))
    np.testing.assert_allclose(found, [np.log(np.e**2 - np.e), -1], 1e-6)
    assert np.isnan(float(special.logsumexp(x, b=b)))
    masked = special.logsumexp(x, where=cnp.asarray([True, False, True]))
    assert float(masked) == 1.0
    assert float(special.logsumexp(cnp.asarray([-np.inf]))) == -np.inf
    gradient = cr.grad(special.logsumexp)(x)
    np.testing.assert_allclose(gradient, reference.softmax(np.asarray(x)), 1e-6)


def test_limits_at_the_edges_of_the_domain():
    assert float(special.xlogy(0.0, 0.0)) == 0.0
    assert float(special.xlog1py(0.0, -1.0)) == 0.0
    assert [float(special.entr(v)) for v in (0.0, -1.0)] == [0.0, -np.inf]
    assert float(special.rel_entr(0.0, 1.0)) == 0.0
    assert float(special.rel_entr(1.0, 0.0)) == np.inf
    assert [float(special.gamma(v)) for v in (0.0, -0.0)] == [np.inf, -np.inf]
    assert np.isnan(float(special.gamma(-2.0)))
    assert float(special.boxcox(2.0, 0.0)) == np.float32(np.log(2.0))
    assert float(special.factorial(-1)) == 0.0
    assert float(cr.grad(special.xlogy)(0.0, 2.0)) == np.float32(np.log(2.0))
    assert float(cr.grad(special.xlogy, 1)(0.0, 0.0)) == 0.0


def test_series_and_families():
    np.testing.assert_allclose(special.bernoulli(40), reference.bernoulli(40), 1e-6)
    z = np.array([0.0, 0.5, 3.0, -2.0], np.float32)
    expected = [reference.jn(k, z) for k in range(4)]
    np.testing.assert_allclose(special.bessel_jn(z, v=3), expected, 1e-5, 1e-7)
    a = np.array([3.0, 4.5])
    expected = reference.multigammaln(a, 3)
    np.testing.assert_allclose(special.multigammaln(a, 3), expected, 1e-6)
    np.testing.assert_allclose(special.comb(30, 15), 155117520, 1e-6)
    assert float(special.comb(10, 5)) == 252
    assert float(special.comb(5, 2, repetition=True)) == 15


def test_spherical_harmonics():
    n, m = np.divmod(np.arange(66), 11)
    m = m - 5
    n, m = n[abs(m) <= n], m[abs(m) <= n]
    theta, phi = rng.uniform(0, 3, n.shape), rng.uniform(0, 6, n.shape)
    expected = reference.sph_harm_y(n, m, theta, phi)
    for fun in (special.sph_harm_y, cr.jit(lambda *a: special.sph_harm_y(*a, n_max=5))):
        np.testing.assert_allclose(fun(n, m, theta, phi), expected, 1e-4, 1e-6)


def test_betainc_of_shapes_that_are_far_apart():
    """Where b is so large that the mean's complement is 1, I_x(a, b) = P(a, b x)."""
    a, b, x = np.array([1000, 3, 3.0]), np.array([1e30, 1e30, 1e12]), 1.0
    with cr.enable_x64(True):
        found = np.asarray(special.betainc(a, b, x / b))
        small = np.asarray(special.betainc(0.1, np.array([5e-324, 1e-300, 1e-20]), 0.1))
    np.testing.assert_allclose(found, [0, 0.08030139707139, 0.08030139707167], 1e-12)
    # b times the sum of x**(a + k) / (a + k), k = 0, 1, ...
    slope = sum(0.1 ** (0.1 + k) / (0.1 + k) for k in range(40))
    assert small[0] == 5e-324 * round(slope)
    np.testing.assert_allclose(small[1:], slope * np.array([1e-300, 1e-20]), 1e-12)


def test_dawsn_where_twice_its_argument_overflows():
    with cr.enable_x64(True):
        found = np.asarray(special.dawsn(np.array([1e308, -1.5e308])))
    np.testing.assert_allclose(found, [5e-309, -(0.5 / 1.5e308)], 1e-14)
