"""Special functions of two and more arguments: as kernels what they are by evaluation.

Both are compared over wide domains and at the domains' edges; the bounds are units in
the last place between two implementations, each of which has its own few.
"""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.ops import elementwise_integrals, elementwise_special

PRIMITIVES = {
    primitive.name: primitive
    for family in (elementwise_special, elementwise_integrals)
    for primitive in (getattr(family, name) for name in family.__all__)
}
draw = np.random.default_rng(8)
COUNT = 400
EDGES = [
    0.0, -0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.5, -2.5, 20.0, 171.0, 200.0, 1e-30, 1e10,
    1e30, -1e10, np.inf, -np.inf, np.nan, 1e-40, 5e-324, 1e300, 1e-300,
]  # fmt: skip


def spread(low, high):
    """Numbers whose logarithms are uniform."""
    return np.exp(draw.uniform(np.log(low), np.log(high), COUNT))


def orders(most):
    return draw.integers(1, most, COUNT).astype(float)


CASES = {
    "zeta": [
        (draw.uniform(1, 12, COUNT), spread(1e-3, 1e3)),
        (orders(200) + 1, spread(0.01, 100)),
        (2 * orders(8), -spread(0.01, 20)),
    ],
    "polygamma": [
        (orders(12), spread(1e-3, 1e3)),
        (orders(160), spread(0.01, 100)),
        (2 * orders(8) + 1, -spread(0.01, 20)),
    ],
}
for name in ("igamma", "igammac", "igamma_grad_a", "random_gamma_grad"):
    CASES[name] = [
        (draw.uniform(0.1, 15, COUNT), draw.uniform(0.1, 15, COUNT)),
        (spread(1e-6, 10), spread(1e-6, 10)),
        (spread(1e-2, 1e4), spread(1e-2, 1e4)),
        ((a := spread(10, 1e5)), a + np.sqrt(a) * draw.standard_normal(COUNT)),
    ]
CASES["regularized_incomplete_beta"] = [
    (draw.uniform(0.1, 15, COUNT), draw.uniform(0.1, 15, COUNT), draw.random(COUNT)),
    (spread(1e-2, 1e4), spread(1e-2, 1e4), draw.random(COUNT)),
    (spread(1e-2, 1e2), spread(1e-2, 1e2), spread(1e-30, 1)),
]
for name in ("exp1", "expi", "dawsn", "spence"):
    CASES[name] = [(draw.uniform(-10, 10, COUNT),), (spread(1e-30, 1e3),)]
CASES["expn"] = [
    (orders(12) - 1, spread(1e-4, 1e3)),
    (spread(1, 1e9).round(), 9 * draw.random(COUNT)),
]
DTYPES = ["float32", "float64"]
ULPS = {
    "zeta": 8, "polygamma": 16, "igamma": 24, "igammac": 24, "igamma_grad_a": 64,
    "random_gamma_grad": 64, "regularized_incomplete_beta": 24, "exp1": 24, "expi": 12,
    "expn": 12, "dawsn": 4, "spence": 4,
}  # fmt: skip
"""In f64; f32 computes in it, and may round to a neighbour."""


def both(name, args, dtype):
    """What evaluation and a kernel give."""
    primitive = PRIMITIVES[name]
    with cr.enable_x64(dtype == "float64"), np.errstate(all="ignore"):
        args = [cnp.asarray(np.asarray(a).astype(dtype)) for a in args]
        expected = primitive(*args)
        return np.asarray(cr.jit(lambda *xs: primitive(*xs))(*args)), np.asarray(
            expected
        )


def assert_near(found, expected, ulps, args):
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= ulps * np.spacing(np.abs(expected))
    wrong = np.flatnonzero(~(same | near))
    places = [(*[a[k] for a in args], found[k], expected[k]) for k in wrong[:5]]
    assert not wrong.size, places


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_compute_what_evaluation_does(name, dtype):
    ulps = ULPS[name] if dtype == "float64" else 1
    for args in CASES[name]:
        assert_near(*both(name, args, dtype), ulps, args)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_limits_and_missing_values_are_those_of_evaluation(name, dtype):
    arity = len(CASES[name][0])
    args = [np.array(column) for column in zip(*itertools.product(EDGES, repeat=arity))]
    found, expected = both(name, args, dtype)
    kept = ~np.isfinite(expected) | (expected == 0) | ~np.isfinite(found)
    assert_near(found[kept], expected[kept], 0, [a[kept] for a in args])
