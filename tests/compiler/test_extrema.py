"""Maxima and minima compiled: what a fold keeps beside the largest number so far."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

DTYPES = ["float16", "bfloat16", "float32", "float64"]
SHAPES = [(1, 1), (5, 3), (7, 33), (70, 200), (3, 4099), (4099, 3), (20_000, 17)]
EXTREMA = {"max": (cnp.max, np.max), "min": (cnp.min, np.min)}


def drawn(shape, dtype):
    draw = np.random.default_rng(0)
    return np.array(cnp.asarray(draw.standard_normal(shape)).astype(dtype))


def assert_extrema(x, which):
    compiled, reference = EXTREMA[which]
    for axis in (None, 0, 1):
        found = cr.jit(lambda x, axis=axis: compiled(x, axis=axis))(x)
        wanted = reference(x.astype(np.float64), axis=axis)
        assert found.dtype == x.dtype
        np.testing.assert_array_equal(np.asarray(found, np.float64), wanted)


@pytest.fixture(autouse=True)
def wide_types():
    with cr.enable_x64(True):
        yield


@pytest.mark.parametrize("which", EXTREMA)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_anywhere_is_the_result_of_its_row_and_column(dtype, which):
    for shape in SHAPES:
        x = drawn(shape, dtype)
        assert_extrema(x, which)
        for place in {0, x.size // 3, x.size // 2, x.size - 1}:
            with_nan = x.copy()
            with_nan.flat[place] = np.nan
            assert_extrema(with_nan, which)


@pytest.mark.parametrize("which", EXTREMA)
@pytest.mark.parametrize("dtype", DTYPES)
def test_infinities_and_nothing_but_nan(dtype, which):
    for shape in SHAPES:
        for value in (np.inf, -np.inf, np.nan):
            assert_extrema(np.full(shape, value, dtype), which)
        x = drawn(shape, dtype)
        x[0], x[-1] = np.inf, -np.inf
        assert_extrema(x, which)
        x[0, 0] = -np.nan
        assert_extrema(x, which)


@pytest.mark.parametrize("which", EXTREMA)
def test_differences_of_extrema_and_extrema_of_expressions(which):
    compiled, reference = EXTREMA[which]
    x = drawn((50, 77), "float64")
    x[3, 5] = np.nan

    def spread(x, extremum):
        return (x - extremum(abs(x) * 2, axis=1, keepdims=True)) / extremum(-x, axis=0)

    wanted = spread(x, reference)
    np.testing.assert_array_equal(cr.jit(lambda x: spread(x, compiled))(x), wanted)
    gradient = cr.grad(lambda x: compiled(x, axis=1).sum())
    y = drawn((9, 130), "float64")
    np.testing.assert_array_equal(cr.jit(gradient)(y), gradient(y))
