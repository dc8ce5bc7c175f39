"""argmax and argmin compiled: the first of the best elements, and NaN before all others.

What is found so far meets the next element in order; what lanes, copies and parts of an
axis have found is joined by its place.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .native import run

DTYPES = (
    "bool", "int8", "uint8", "int32", "uint32", "int64", "float16", "bfloat16",
    "float32", "float64",
)  # fmt: skip
SHAPES = [
    (1, 5), (5, 1), (1000, 7), (7, 1000), (3, 1001), (130, 33), (2, 70_000),
    (70_000, 2), (1, 150_001), (17, 19, 23),
]  # fmt: skip
PLACES = {"argmax": (cnp.argmax, np.argmax), "argmin": (cnp.argmin, np.argmin)}


@pytest.fixture(autouse=True)
def wide_types():
    with cr.enable_x64(True):
        yield


def assert_places(x):
    for compiled, reference in PLACES.values():
        for axis in range(x.ndim):
            f = lambda x, axis=axis, f=compiled: f(x, axis=axis)
            (found,) = run(f, cnp.asarray(x))
            wanted = reference(x, axis=axis)
            np.testing.assert_array_equal(found, wanted, f"{x.shape} {axis}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_equal_elements_the_first_is_found(dtype):
    draw = np.random.default_rng(0)
    for shape in SHAPES:
        x = draw.integers(0, 2 if dtype == "bool" else 5, shape)
        assert_places(np.array(cnp.asarray(x).astype(dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_nothing_is_better_than_the_worst_the_place_is_0(dtype):
    dtype = cnp.dtype(dtype)
    if dtype.kind == "b":
        ends = [False, True]
    elif cnp.issubdtype(dtype, cnp.integer):
        ends = [cnp.iinfo(dtype).min, cnp.iinfo(dtype).max]
    else:
        ends = [-np.inf, np.inf]
    for shape in SHAPES:
        for end in ends:
            x = np.full(shape, end, dtype)
            assert_places(x)
            x[..., -1] = ends[0]
            assert_places(x)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_first_nan_is_found(dtype):
    draw = np.random.default_rng(1)
    for shape in SHAPES:
        x = np.array(cnp.asarray(draw.standard_normal(shape)).astype(dtype))
        x[draw.random(shape) < 0.05] = np.nan
        assert_places(x)
        x[draw.random(shape) < 0.3] = np.inf
        assert_places(x)
        x[...] = np.nan
        assert_places(x)


def test_zeros_of_both_signs_are_equal():
    x = np.array([[0.0, -0.0, 0.0], [-0.0, 0.0, 0.0]] * 40, np.float32)
    assert_places(x)


def test_the_order_of_an_axis_that_is_read_in_two_loops():
    """Of a joined axis each of both parts may be what vectors go along."""
    x = np.random.default_rng(2).integers(0, 3, (40, 6, 50)).astype(np.float32)
    turned = x.transpose(1, 0, 2)
    for k, (compiled, reference) in enumerate(PLACES.values()):
        for shape in [(6, 2000), (240, 50), (12_000,), (2000, 6)]:
            f = lambda x, shape=shape, f=compiled: f(
                x.transpose(1, 0, 2).reshape(shape), axis=-1
            )
            wanted = reference(turned.reshape(shape), axis=-1)
            np.testing.assert_array_equal(
                run(f, cnp.asarray(x))[0], wanted, f"{k} {shape}"
            )
        f = lambda x, f=compiled: f(cnp.concatenate([x[:, ::-1], x], 1), axis=1)
        wanted = reference(np.concatenate([x[:, ::-1], x], 1), axis=1)
        np.testing.assert_array_equal(run(f, cnp.asarray(x))[0], wanted)


def test_places_beside_other_folds_of_the_same_rows():
    x = np.random.default_rng(3).integers(0, 9, (300, 1000)).astype(np.float32)
    f = lambda x: (cnp.argmax(x, 1), x.max(1), x.sum(1), cnp.argmin(x, 1))
    found = run(f, cnp.asarray(x))
    wanted = np.argmax(x, 1), x.max(1), x.sum(1), np.argmin(x, 1)
    for a, b in zip(found, wanted):
        np.testing.assert_array_equal(a, b)
