"""Compiled gathers: what is read at computed places, in bounds and out of them.

Places are computed in 32 bits where the type of the indices and the sizes allow it, and
vectors of them are twice as long; all of it gives what NumPy does.
"""

import functools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.expr import convert, node
from chainrule.compiler.index import Index, loop_variable, variable_index

from . import native
from .native import assert_same, run

DTYPES = ("bool", "int8", "int32", "float16", "float32", "int64", "float64")
INDEX_DTYPES = (
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
)  # fmt: skip
COUNTS = (0, 1, 15, 16, 17, 100)
rng = np.random.default_rng(11)


numbers = functools.partial(native.numbers, rng)
pytestmark = pytest.mark.usefixtures("wide_types")


def places(count, size, dtype="int32"):
    """Positions of which some are negative, and some out of bounds."""
    ends = np.iinfo(dtype)
    low, high = max(-size - 9, ends.min), min(size + 9, ends.max)
    return rng.integers(low, high, count, dtype, endpoint=True)


def meant(i, size):
    """Positions as NumPy and the library count them, moved into bounds."""
    i = i.astype(object)
    return np.clip(np.where(i < 0, i + size, i), 0, size - 1).astype(np.int64)


def assert_equal(f, wanted, *args):
    (found,) = run(f, *map(cnp.asarray, args))
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_columns_and_elements(dtype):
    for count in COUNTS:
        for columns in (1, 2, 3, 5, 7, 33):
            x, i = numbers(21, columns, dtype=dtype), places(count, 21)
            j, k = places(count, columns), meant(i, 21)
            assert_equal(lambda x, i: x[i], x[k], x, i)
            assert_equal(lambda x, i: x.T[:, i], x.T[:, k], x, i)
            assert_equal(lambda x, j: x[:, j], x[:, meant(j, columns)], x, j)
            wanted = x[k, meant(j, columns)]
            assert_equal(lambda x, i, j: x[i, j], wanted, x, i, j)
            assert_equal(lambda x, i, j: x.T[j, i], wanted, x, i, j)


@pytest.mark.parametrize("dtype", INDEX_DTYPES)
def test_every_type_of_indices(dtype):
    for size in (1, 7, 100, 300, 70_000):
        x, i = numbers(size), places(200, size, dtype)
        i[:2] = np.iinfo(dtype).min, np.iinfo(dtype).max
        if (
            np.iinfo(dtype).max < size
        ):  # where adding the size wraps, as it does eagerly
            assert_same(lambda x, i: x[i], cnp.asarray(x), cnp.asarray(i))
            continue
        wanted = x[meant(i, size)]
        assert_equal(lambda x, i: x[i], wanted, x, i)
        take = lambda x, i: cnp.take(x, i, mode="clip")
        assert_same(take, cnp.asarray(x), cnp.asarray(i))


@pytest.mark.parametrize("dtype", ["int8", "float32", "float64"])
def test_places_out_of_bounds_are_filled(dtype):
    for rows, columns in [(1, 1), (3, 16), (9, 100), (40, 17)]:
        x, i = numbers(rows, columns, dtype=dtype), places((rows, 37), columns)
        inside = (i >= -columns) & (i < columns)
        wanted = np.where(
            inside, np.take_along_axis(x, meant(i, columns), 1), np.asarray(9, dtype)
        )
        f = lambda x, i: cnp.take_along_axis(x, i, 1, mode="fill", fill_value=9)
        assert_equal(f, wanted, x, i)
        f = lambda x, i: cnp.take_along_axis(x, i, 1, mode="clip")
        assert_same(f, cnp.asarray(x), cnp.asarray(i))
        f = lambda x, i: x.T.at[i[0]].get(mode="fill", fill_value=9)
        i = places((1, 37), columns)
        inside = ((i >= -columns) & (i < columns))[0][:, None]
        wanted = np.where(inside, x.T[meant(i[0], columns)], np.asarray(9, dtype))
        assert_equal(f, wanted, x, i)


def test_take_along_each_axis():
    for shape in [(1, 1), (33, 17), (100, 64), (7, 130)]:
        x = numbers(*shape)
        for axis in (0, 1):
            i = rng.integers(-shape[axis], shape[axis], shape, np.int32)
            wanted = np.take_along_axis(x, i, axis)
            f = lambda x, i, axis=axis: cnp.take_along_axis(x, i, axis)
            assert_equal(f, wanted, x, i)


def test_windows_at_places():
    x, i = cnp.asarray(numbers(50, 60)), cnp.asarray(places((40, 2), 45, "int32"))
    window = lambda x, i: cr.lax.dynamic_slice(x, (i[0], i[1]), (3, 5))
    assert_same(lambda x, i: cr.vmap(window, (None, 0))(x, i), x, i)


@pytest.mark.parametrize("dtype", INDEX_DTYPES)
def test_writes_at_places_of_every_type(dtype):
    for size in (5, 100, 300):
        x, y = cnp.asarray(numbers(size, 3)), cnp.asarray(numbers(64, 3))
        i = cnp.asarray(places(64, size, dtype))
        assert_same(lambda x, i, y: x.at[i].add(y), x, i, y)
        assert_same(lambda x, i, y: x.at[i].set(y, mode="clip"), x, i, y)


def test_more_places_than_32_bits_hold():
    x = cnp.asarray(numbers(70_000))
    i = rng.integers(0, 70_000**2, 100)
    f = lambda x, i: cnp.broadcast_to(x, (70_000, 70_000)).reshape(-1)[i]
    assert_equal(f, np.asarray(x)[i % 70_000], x, i)


def test_multiples_and_sums_have_32_bits_where_these_hold_them():
    x, y = (node("var", "i32", (), name) for name in "xy")
    small = Index(0, (), convert(x, "i64"), (0, 1 << 20))
    other = Index(0, (), convert(y, "i64"), (0, 1 << 20))
    unknown = Index(0, (), convert(x, "i64"))
    row = variable_index(loop_variable(100))
    assert (small * 1000 + row).rest.args[0].type == "i32"
    assert (small * 1000 + row + other).rest.args[0].type == "i32"
    assert (small * (1 << 11)).rest.op == "mul"
    assert (small * -(1 << 12)).rest.op == "mul"
    assert (small * 1000 + other * 1500).rest.op == "add"
    assert (unknown * 2).rest.op == "mul"
