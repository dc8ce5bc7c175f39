"""1F1 and 2F1: as kernels and by evaluation, beside mpmath."""

import itertools

import mpmath as mp
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.scipy import special

from .native import run

draw = np.random.default_rng(6)
FUNCTIONS = {"hyp1f1": special.hyp1f1, "hyp2f1": special.hyp2f1}
EXACT = {"hyp1f1": mp.hyp1f1, "hyp2f1": mp.hyp2f1}
COUNT = 60


def both(name, args):
    """Compiled, which is natively, and by evaluation."""
    args = [cnp.asarray(a) for a in args]
    with np.errstate(all="ignore"):
        eager = np.asarray(FUNCTIONS[name](*args))
        return run(lambda *xs: FUNCTIONS[name](*xs), *args)[0], eager


def parameters(*signs):
    """Between -2 and 4, or positive ones."""
    return [draw.uniform(0.2 if s else -2, 4, COUNT) for s in signs]


def below_one(low, high):
    return 1 - np.exp(draw.uniform(np.log(low), np.log(high), COUNT))


CASES = {
    ("hyp1f1", "near"): (*parameters(0, 1), draw.uniform(-20, 20, COUNT)),
    ("hyp1f1", "far right"): (*parameters(0, 1), draw.uniform(20, 690, COUNT)),
    ("hyp1f1", "far left"): (*parameters(0, 1), draw.uniform(-990, -20, COUNT)),
    ("hyp1f1", "farther left"): (*parameters(0, 1), -np.exp(draw.uniform(7, 25, COUNT))),
    ("hyp1f1", "large a"): (draw.uniform(20, 90, COUNT), *parameters(1),
                            draw.uniform(0, 30, COUNT)),
    ("hyp1f1", "an end"): (-draw.integers(0, 6, COUNT).astype(float), *parameters(1),
                           draw.uniform(-30, 0, COUNT)),
    ("hyp1f1", "ends of their own"): (-draw.integers(0, 6, COUNT).astype(float),
                                      *parameters(1), draw.uniform(0, 0.2, COUNT)),
    ("hyp1f1", "far below 0"): (draw.uniform(-30, -5, COUNT), *parameters(1),
                                draw.uniform(0, 20, COUNT)),
    ("hyp1f1", "below b far left"): (draw.uniform(10, 40, COUNT), *parameters(1),
                                     draw.uniform(-20, 0, COUNT)),
    ("hyp2f1", "near"): (*parameters(0, 0, 1), draw.uniform(-1, 0.75, COUNT)),
    ("hyp2f1", "close to 1"): (*parameters(0, 0, 1), below_one(1e-14, 0.25)),
    ("hyp2f1", "left"): (*parameters(0, 0, 1), -np.exp(draw.uniform(0, 40, COUNT))),
    ("hyp2f1", "a logarithm"): (np.full(COUNT, 0.5), np.full(COUNT, 1.5),
                                np.full(COUNT, 2.0), below_one(1e-14, 0.25)),
    ("hyp2f1", "an end"): (-draw.integers(0, 6, COUNT).astype(float), *parameters(0, 1),
                           below_one(1e-10, 1)),
    ("hyp2f1", "an end near zero"): (np.full(COUNT, -9.0), *(q := parameters(1)),
                                     q[0] + 0.05, below_one(1e-4, 0.5)),
    ("hyp2f1", "an end, turned"): (*(p := parameters(1, 1)), p[1] - 3, below_one(1e-3, 1)),
}  # fmt: skip


def errors(name, args, found):
    """Relative to the exact values."""
    with mp.workdps(40):
        exact = [
            EXACT[name](*map(mp.mpf, row)) for row in zip(*[a.tolist() for a in args])
        ]
        out = [float(abs(mp.mpf(y) / e - 1)) for y, e in zip(found.tolist(), exact)]
    return np.array(out)


@pytest.mark.parametrize("name, where", CASES)
def test_values_are_those_of_mpmath(name, where):
    args = CASES[name, where]
    with cr.enable_x64(True):
        compiled, eager = both(name, args)
    for found in (compiled, eager):
        error = errors(name, args, found.astype(np.float64))
        assert np.median(error) < 2e-14, np.median(error)
        assert error.max() < 1e-11, [a[error.argmax()] for a in args]


@pytest.mark.parametrize("name, where", CASES)
def test_kernels_compute_in_f32_what_evaluation_does(name, where):
    args = [np.asarray(a).astype(np.float32) for a in CASES[name, where]]
    compiled, eager = both(name, args)
    kept = np.isfinite(eager)
    np.testing.assert_array_equal(np.isfinite(compiled), kept)
    np.testing.assert_allclose(compiled[kept], eager[kept], rtol=2e-7)


EDGES = {
    "hyp1f1": [0.0, 1.0, -2.0, 0.5, 30.0, -0.5, -3.0, 1e-20, np.inf, -np.inf, np.nan],
    "hyp2f1": [0.0, 1.0, -2.0, 0.5, -0.5, 3.0, 1e-20, np.nan],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_limits_and_missing_values_are_those_of_evaluation(name):
    arity = 3 if name == "hyp1f1" else 4
    rows = itertools.product(EDGES[name], repeat=arity)
    args = [np.array(column) for column in zip(*rows)]
    with cr.enable_x64(True):
        compiled, eager = both(name, args)
    np.testing.assert_allclose(compiled, eager, rtol=1e-8, atol=1e-15)


def test_a_series_that_ends_before_its_pole():
    a, b, x = (np.array([v]) for v in (-2.0, -3.0, 0.5))
    for found in both("hyp1f1", (a, b, x)):
        np.testing.assert_allclose(found, 1.375, rtol=1e-6)


def test_terms_that_begin_tiny_and_grow_count():
    with cr.enable_x64(True):
        a, b, x = (np.array([v]) for v in (1e-20, 1.5, 300.0))
        for found in both("hyp1f1", (a, b, x)):
            exact = float(mp.hyp1f1(1e-20, 1.5, 300))
            np.testing.assert_allclose(found, exact, rtol=1e-13)


def test_what_is_a_logarithm_close_to_one():
    x = np.array([0.9, 0.999, 0.9999, 1 - 2.0**-40])
    with cr.enable_x64(True):
        ones = np.ones(4)
        for found in both("hyp2f1", (ones, ones, 2 * ones, x)):
            np.testing.assert_allclose(found, -np.log1p(-x) / x, rtol=1e-14)


def test_an_exponential_far_left():
    x = np.array([-700.0, -999.0, -1001.0, -1e5, -1e300])
    with cr.enable_x64(True):
        ones = np.ones(5)
        for found in both("hyp1f1", (ones, 2 * ones, x)):
            np.testing.assert_allclose(found, np.expm1(x) / x, rtol=1e-13)


# --- in programs ----------------------------------------------------------------------


def test_loops_batches_and_gradients():
    x = cnp.asarray(draw.uniform(-0.9, 0.9, (3, 5)).astype(np.float32))

    def iterate(x):
        step = lambda k, c: special.hyp2f1(0.5, 0.7, 1.5, c * 0.5) - 0.5
        return lax.fori_loop(0, 6, step, x) + special.hyp1f1(0.5, 1.5, x)

    (found,) = run(iterate, x)
    np.testing.assert_allclose(found, iterate(x), rtol=1e-5)
    (rows,) = run(cr.vmap(iterate), x)
    np.testing.assert_array_equal(rows, found)
    loss = lambda x: cnp.sum(special.hyp2f1(0.5, 0.7, 1.5, x) * special.hyp1f1(2, 3, x))
    with cr.enable_x64(True):
        x, h = cnp.asarray(draw.uniform(-3, 0.99, 30)), 1e-6
        (slope,) = run(cr.grad(loss), x)
        value = lambda x: np.asarray(
            special.hyp2f1(0.5, 0.7, 1.5, x) * special.hyp1f1(2, 3, x)
        )
        wanted = (value(x + h) - value(x - h)) / (2 * h)
        np.testing.assert_allclose(slope, wanted, rtol=1e-6)
