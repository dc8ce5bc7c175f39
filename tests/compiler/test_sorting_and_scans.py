"""Compiled sorting, largest elements and scans: native, and what evaluation gives."""

import ml_dtypes
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.program import NativeStep

from .native import assert_close, assert_same, steps_of

DTYPES = [np.float32, np.float16, ml_dtypes.bfloat16, np.int32, np.uint8, np.bool_]


def array(shape, dtype=np.float32, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape) * 4
    return cnp.asarray(np.round(x).astype(np.int8).astype(dtype))


def spread(shape, seed=0):
    return cnp.asarray(np.random.default_rng(seed).standard_normal(shape, np.float32))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
def test_sorting_along_any_axis(axis, dtype):
    x = array((4, 5, 30), dtype)
    assert_same(lambda x: cnp.sort(x, axis), x)
    assert_same(lambda x: cnp.argsort(x, axis), x)


@pytest.mark.parametrize("num_keys", [1, 2, 3])
def test_sorting_several_operands(num_keys):
    xs = [array((3, 40), d, k) for k, d in enumerate([np.float32, np.int32, np.int8])]
    assert_same(lambda *xs: lax.sort(xs, dimension=1, num_keys=num_keys), *xs)
    assert_same(lambda *xs: lax.sort(xs, dimension=0, num_keys=num_keys), *xs)


def test_keys_and_payloads_that_are_computed():
    x = spread((6, 50))
    assert_same(lambda x: lax.sort((x * 2, x + 1), dimension=1)[1] * 3, x)
    assert_same(lambda x: cnp.sort(x.T, 0).T - 1, x)


def test_sorting_nothing():
    assert_same(lambda x: cnp.sort(x, 0), array((0, 3)))
    assert_same(lambda x: cnp.argsort(x, 1), array((3, 0)))
    assert_same(lambda x: lax.top_k(x, 0)[0], array((3, 4)))


@pytest.mark.parametrize("axis", [0, 1])
def test_largest_elements(axis):
    x = array((20, 30))
    assert_same(lambda x: list(lax.top_k(x, 4, axis=axis)), x)
    assert_same(lambda x: lax.top_k(x * 2, 4, axis=axis)[0] + 1, x)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_scans_along_any_axis(name, axis, reverse):
    operation = getattr(lax, name)
    for x in (array((4, 5, 6)), array((3, 4, 40)), array((3, 4, 5), np.int32)):
        assert_same(lambda x: operation(x, axis, reverse=reverse), x)
        assert_same(lambda x: operation(x * 2, axis, reverse=reverse) + 1, x)


@pytest.mark.parametrize("axis", [0, 1])
def test_logarithms_of_sums(axis):
    assert_close(lambda x: lax.cumlogsumexp(x, axis), spread((7, 30)))


def test_long_scans():
    assert_close(lambda x: cnp.cumsum(x), spread(300_000), rtol=1e-4)


def test_gradients():
    x, w = spread((5, 60)), spread((5, 60), 1)
    assert_close(lambda x: cr.grad(lambda x: (cnp.cumprod(x, 1) * w).sum())(x), x)
    assert_close(lambda x: cr.grad(lambda x: (lax.cummax(x, 1) * w).sum())(x), x)
    assert_close(lambda x: cr.grad(lambda x: (cnp.sort(x, 0) * w).sum())(x), x)


def test_complex_sums():
    x = spread((5, 40)) + 1j * spread((5, 40), 1)
    (step,) = steps_of(lambda x: cnp.cumsum(x, 0), x)
    assert isinstance(step, NativeStep)


def test_an_order_alone_gathers_nothing():
    steps = steps_of(lambda x: cnp.argsort(x, 1), spread((4, 50)))
    assert [s.name for s in steps if isinstance(s, NativeStep)] == ["order_f32"]
    assert len(steps) <= 2
