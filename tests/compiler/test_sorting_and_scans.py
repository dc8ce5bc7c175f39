"""Compiled sorting, largest elements and scans: native, and what evaluation gives."""

import ml_dtypes
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.program import NativeStep

from .native import assert_close, assert_same, steps_of, two_threads

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


NUMPY = {
    "cumsum": lambda x: np.cumsum(x, dtype=x.dtype),
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
}


@pytest.mark.parametrize("size", [4097, 16_895, 33_800, 300_007, 1_300_003])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", NUMPY)
def test_long_scans_of_whole_numbers_are_exact(name, dtype, size):
    """In parts, in lanes, past the caches (1.3 M), and what is left of these."""
    draw = np.random.default_rng(size)
    x = draw.integers(-3 if name == "cumsum" else -99, 4, size).astype(dtype)
    x[size // 2] = -100
    with cr.enable_x64(True), two_threads():
        for reverse in (False, True):
            f = cr.jit(lambda y: getattr(lax, name)(y, reverse=reverse))
            turn = slice(None, None, -1 if reverse else 1)
            wanted = NUMPY[name](x[turn])[turn]
            np.testing.assert_array_equal(np.asarray(f(x)), wanted)


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 8, 13])
def test_scans_of_some_rows_are_exact(rows):
    x = np.random.default_rng(rows).integers(-50, 50, (rows, 203)).astype("float32")
    np.testing.assert_array_equal(cr.jit(lambda x: cnp.cumsum(x, 1))(x), x.cumsum(1))
    y = cr.jit(lambda x: lax.cummax(x, 1, reverse=True))(x)
    wanted = np.maximum.accumulate(x[:, ::-1], 1)[:, ::-1]
    np.testing.assert_array_equal(np.asarray(y), wanted)


@pytest.mark.parametrize("name", ["cummax", "cummin", "cumsum"])
def test_what_is_no_number_stays_so(name):
    x = np.arange(40_000, dtype="float32") % 1000
    x[20_000] = np.nan
    y = np.asarray(cr.jit(getattr(lax, name))(x))
    assert np.isnan(y[20_000:]).all() and not np.isnan(y[:20_000]).any()


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
