"""Rows of a few columns are written out: vectors go along rows, and are put together."""

import mmap

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import schedule

from .native import assert_same, page_between_shut_ones

DTYPES = (
    "bool", "int8", "float16", "bfloat16", "uint32", "float32", "float64", "complex64",
    "complex128",
)  # fmt: skip
COLUMNS = range(2, 10)
rng = np.random.default_rng(5)


def numbers(*shape, dtype="float32"):
    x = rng.integers(-50, 50, shape)
    return cnp.asarray(x % 2 == 0 if dtype == "bool" else x, dtype)


def loops(f, *args):
    return cr.explain(f)(*args).steps[0].loops


def with_first_column_and_row(x):
    return x + x[:, :1] + x[:1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", COLUMNS)
def test_sums_with_a_column_and_a_row(columns, dtype):
    with cr.enable_x64():
        for rows in (1, 15, 31, 32, 33, 100, 515):
            x = numbers(rows, columns, dtype=dtype)
            assert_same(with_first_column_and_row, x)
            assert_same(lambda x: x[::-1, ::-1] + x[:, -1:], x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", COLUMNS)
def test_columns_joined(columns, dtype):
    with cr.enable_x64():
        for rows in (7, 64, 301):
            xs = [numbers(rows, n, dtype=dtype) for n in (1, columns - 1, 2)]
            assert_same(lambda x, y, z: cnp.concatenate([x, y], 1), *xs)
            assert_same(lambda x, y, z: cnp.concatenate([z[:, ::-1], x, y], 1), *xs)
            assert_same(lambda x, y, z: cnp.pad(y, ((0, 0), (1, 0))), *xs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", COLUMNS)
def test_axes_turned_to_the_end(columns, dtype):
    with cr.enable_x64():
        x = numbers(columns, 13, 21, dtype=dtype)
        assert_same(lambda x: cnp.transpose(x, (1, 2, 0)), x)
        assert_same(lambda x: cnp.transpose(x, (2, 1, 0)), x)
        assert_same(lambda x: cnp.stack([*x], axis=-1)[..., ::-1], x)
        y = numbers(40, 3, columns, dtype=dtype)
        assert_same(lambda y: cnp.roll(cnp.transpose(y, (1, 0, 2)), 1, 2), y)


def test_columns_that_differ_and_columns_of_two_results():
    x, y = numbers(200, 5), numbers(200, 5)
    assert_same(lambda x, y: (cnp.where(cnp.arange(5) < 2, x, y), x + y[:, :1]), x, y)
    assert_same(lambda x, y: (x + y[:, :1], (x * y[:, 1:2]).T), x, y)
    assert_same(lambda x: x * cnp.arange(5.0) + cnp.arange(200.0)[:, None], x)
    table, i = numbers(50, 3), cnp.asarray(rng.integers(-80, 80, 300))
    assert_same(lambda t, i: t[i] + t[:1], table, i)
    assert_same(lambda x: x[:, cnp.asarray([3, 0, 7, -1])] + x[:, :1], x)


def test_what_is_written_out(monkeypatch):
    """Up to seven columns always, more where the result is past all caches."""
    of = lambda *shape: loops(with_first_column_and_row, given(*shape)).count("for ")
    assert [of(100, n) == 1 for n in COLUMNS] == [n < 8 for n in COLUMNS]
    assert of(2_000_000, 8) == 1
    for fetches, how in ((False, "past the caches"), (True, "fetched ahead")):
        monkeypatch.setattr(schedule, "fetches_to_write", lambda: fetches)
        assert how in loops(with_first_column_and_row, given(2_000_000, 3))
    assert "if" not in loops(
        lambda x, y: cnp.concatenate([x, y], 1), given(500, 3), given(500, 4)
    )


def given(*shape):
    return cr.ShapeDtypeStruct(shape, "float32")


def test_large_results():
    """Stores past the caches, also of a last group that overlaps the one before."""
    x = numbers(1_000_003, 3)
    assert_same(with_first_column_and_row, x)
    assert_same(lambda x: cnp.concatenate([x, x[:, :2]], 1), x)
    assert_same(lambda x: cnp.transpose(x, (2, 1, 0)), numbers(3, 901, 1117))


def test_open_sizes():
    """The third program of a family fills in a pattern, whose sizes are open."""
    f = cr.jit(with_first_column_and_row)
    join = cr.jit(lambda x, y: cnp.concatenate([x, y], 1))
    for rows, columns in [(900, 20), (70, 3), (1000, 3), (1500, 4), (90, 8), (64, 4)]:
        x = np.asarray(numbers(rows, columns))
        np.testing.assert_array_equal(f(x), with_first_column_and_row(x))
        y = x[:, : columns // 2]
        np.testing.assert_array_equal(join(x, y), np.concatenate([x, y], 1))


@pytest.mark.parametrize("columns", COLUMNS)
def test_nothing_outside_is_touched(columns):
    """The rows lie at the beginning of memory, or at its end."""
    page = mmap.PAGESIZE
    count = 1000 // columns * columns
    f = cr.jit(lambda x: (x[:, ::-1] + x[:, :1], x[:, 1:] * x[:, -1:]))
    with page_between_shut_ones() as memory:
        for first in (page, 2 * page - 4 * count):
            x = np.frombuffer(memory, "float32", count, first).reshape(-1, columns)
            x[:] = np.arange(count).reshape(x.shape)
            for _ in range(5):
                a, b = f(x)
                np.testing.assert_array_equal(a, x[:, ::-1] + x[:, :1])
                np.testing.assert_array_equal(b, x[:, 1:] * x[:, -1:])
