"""Sine, cosine and Fresnel integrals: as kernels and by evaluation, beside mpmath."""

import mpmath as mp
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.scipy import special

from .native import run

draw = np.random.default_rng(5)
FUNCTIONS = {"sici": special.sici, "fresnel": special.fresnel}
EXACT = {
    "sici": (mp.si, lambda x: mp.re(mp.ci(abs(x)))),
    "fresnel": (mp.fresnels, mp.fresnelc),
}
AMPLITUDES = {
    "sici": (lambda x: min(abs(x), 1), lambda x: 1 / max(abs(x), 1)),
    "fresnel": (lambda x: min(abs(x) ** 3 / 2, 0.5), lambda x: min(abs(x), 0.5)),
}
"""What an error is small against: the largest value near x, of the wave for Ci."""
STRATA = [
    (1e-80, 1e-3), (1e-3, 0.5), (0.5, 1), (1, 2), (2, 3), (3, 6), (6, 40), (40, 1e4),
    (1e4, 1e9),
]  # fmt: skip
DTYPES = ["float16", "bfloat16", "float32", "float64"]


def both(name, x):
    """The two results compiled, which is natively, and by evaluation."""
    x = cnp.asarray(x)
    with np.errstate(all="ignore"):
        eager = [np.asarray(y) for y in FUNCTIONS[name](x)]
        return run(lambda x: list(FUNCTIONS[name](x)), x), eager


def spread(low, high, count=50):
    x = np.exp(draw.uniform(np.log(low), np.log(high), count))
    return x * draw.choice([-1.0, 1.0], count)


def errors(exact, amplitude, x, found):
    """In units of the last place of the value or of what is near it."""
    out = []
    with mp.workdps(40):
        for v, y in zip(x.tolist(), found.astype(np.float64).tolist(), strict=True):
            value = exact(mp.mpf(v))
            size = max(float(abs(value)), amplitude(v))
            unit = np.spacing(np.array(size).astype(found.dtype)).astype(np.float64)
            out.append(float(abs(mp.mpf(y) - value)) / unit)
    return np.array(out)


@pytest.mark.parametrize("stratum", STRATA, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_are_within_a_few_units_of_the_last_place(name, dtype, stratum):
    low, high = stratum
    x = spread(max(low, 1e-12) if dtype == "float32" else low, high).astype(dtype)
    with cr.enable_x64(dtype == "float64"):
        compiled, eager = both(name, x)
    for k in range(2):
        given = EXACT[name][k], AMPLITUDES[name][k], x
        most = 0.51 if dtype == "float32" else 6
        assert errors(*given, compiled[k]).max() <= most
        assert errors(*given, eager[k]).max() <= max(most, 8)


def test_cosine_integrals_beside_their_first_zero():
    zero = 0.616505485620716
    x = zero * (1 + np.linspace(-0.05, 0.05, 81))
    with cr.enable_x64(True):
        compiled, eager = both("sici", x)
    exact = [mp.re(mp.ci(mp.mpf(v))) for v in x.tolist()]
    for found in (compiled[1], eager[1]):
        worst = max(abs(float(e - mp.mpf(float(y)))) for e, y in zip(exact, found))
        assert worst < 5e-17


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_limits_and_missing_values_are_those_of_evaluation(name, dtype):
    edges = [0.0, np.inf, np.nan, 1e-40, 5e-324, 1e-310, 1e-300, 1e30, 1e300]
    x = np.array([s * v for v in edges for s in (1, -1)])
    with cr.enable_x64(True), np.errstate(all="ignore"):
        compiled, eager = both(name, cnp.asarray(x).astype(dtype))
    for a, b in zip(compiled, eager, strict=True):
        assert a.dtype == b.dtype == dtype
        a, b = a.astype(np.float64), b.astype(np.float64)
        known = ~np.isnan(b)
        np.testing.assert_array_equal(np.signbit(a[known]), np.signbit(b[known]))
        np.testing.assert_allclose(a, b, rtol=2e-16 if dtype == "float64" else 1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_half_types_are_those_of_float32_rounded(name, dtype):
    x = cnp.asarray(spread(1e-3, 1e3, 200).astype(np.float32)).astype(dtype)
    found = run(lambda x: list(FUNCTIONS[name](x)), x)
    wide = run(lambda x: list(FUNCTIONS[name](x)), x.astype("float32"))
    for a, b in zip(found, wide, strict=True):
        np.testing.assert_array_equal(a, b.astype(a.dtype))


def test_fresnel_integrals_of_large_arguments_still_swing():
    x = np.concatenate([spread(1e9, 1e15), [1e9 + 0.5, 2.0**40 + 0.5, 2.0**52 + 1]])
    with cr.enable_x64(True):
        compiled, eager = both("fresnel", x)
    with mp.workdps(80):
        for found in (compiled, eager):
            for v, s, c in zip(x.tolist(), *[y.tolist() for y in found], strict=True):
                v = mp.mpf(v)
                wave = mp.expjpi(v * v / 2) / (mp.pi * v)
                assert abs(mp.sign(v) / 2 - mp.re(wave) - s) < 1.2e-16
                assert abs(mp.sign(v) / 2 + mp.im(wave) - c) < 1.2e-16


def test_cosine_integrals_of_the_largest_arguments():
    x = np.abs(spread(1e20, 1e300))
    with cr.enable_x64(True):
        compiled, eager = both("sici", x)
    with mp.workdps(400):
        for v, a, b in zip(x.tolist(), compiled[1].tolist(), eager[1].tolist()):
            exact = mp.sin(mp.mpf(v)) / v
            assert abs(exact - a) * v < 1e-15
            assert abs(exact - b) * v < 1e-15


# --- in programs ----------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_integrals_are_one_kernel(name):
    x = cnp.linspace(0.5, 9, 100)
    assert len(cr.explain(FUNCTIONS[name])(x).steps) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_loops_batches_and_one_result_alone(name):
    f = FUNCTIONS[name]
    x = cnp.asarray(draw.uniform(0.3, 4, (3, 5)).astype(np.float32))

    def iterate(x):
        step = lambda k, c: f(c + 1.0)[0] + f(c + 2.0)[1] * 0.5
        return lax.fori_loop(0, 7, step, x)

    (found,) = run(iterate, x)
    np.testing.assert_allclose(found, iterate(x), rtol=1e-5)
    (rows,) = run(cr.vmap(iterate), x)
    np.testing.assert_array_equal(rows, found)
    for k in range(2):
        (alone,) = run(lambda x, k=k: f(x)[k], x)
        np.testing.assert_array_equal(alone, run(lambda x: list(f(x)), x)[k])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_slopes(name):
    f, h = FUNCTIONS[name], 1e-5
    with cr.enable_x64(True):
        x = draw.uniform(0.3, 6, 40)
        loss = lambda x: cnp.sum(f(x)[0] + 2 * f(x)[1])
        (found,) = run(cr.grad(loss), cnp.asarray(x))
        value = lambda x: np.asarray(f(x)[0] + 2 * f(x)[1])
        slope = (value(x + h) - value(x - h)) / (2 * h)
        np.testing.assert_allclose(found, slope, rtol=1e-7, atol=1e-7)
