"""Long rows, which threads sort in parts: bits and stability do not depend on how.

Lengths stand around those at which dealing begins and around its blocks; values around
the bound between two parts: all on one side, all equal to it, sorted already.
"""

import ml_dtypes
import numpy as np
import pytest
from library import order_rows, sort_rows

import chainrule as cr
from chainrule.ops import sorting

LONG = 1 << 16
LENGTHS = [LONG, LONG + 1, LONG + 15, LONG + 255, LONG + 256, LONG + 257, 131_071]
DTYPES = [np.float32, np.float64, ml_dtypes.bfloat16, np.uint8, np.int16, np.int64]


def name(dtype):
    return np.dtype(dtype).name


def rows_of(n, dtype):
    """Rows of n numbers that a bound between two parts may deal badly."""
    rng = np.random.default_rng(n)
    numbers = rng.integers(0, 200, n)
    yield "random", numbers
    yield "sorted", np.sort(numbers)
    yield "turned", np.sort(numbers)[::-1]
    yield "equal", np.full(n, 7)
    yield "two values", rng.integers(0, 2, n)
    yield "mostly the least", np.where(rng.random(n) < 0.9, 0, numbers)
    yield "mostly the largest", np.where(rng.random(n) < 0.9, 200, numbers)
    yield "one above", np.where(np.arange(n) == n - 1, 9, 3)
    yield "one below", np.where(np.arange(n) == n - 1, 3, 9)
    if np.dtype(dtype).kind not in "iu":
        zeros = np.where(rng.random(n) < 0.5, 0.0, -0.0)
        nans = np.where(rng.random(n) < 0.5, np.nan, -np.nan)
        yield "zeros of both signs", zeros
        yield "rectified", np.where(rng.random(n) < 0.5, zeros, rng.standard_normal(n))
        yield "NaNs of both signs", nans
        yield "half NaN", np.where(rng.random(n) < 0.5, nans, rng.standard_normal(n))
        yield "infinities", np.where(rng.random(n) < 0.5, np.inf, -np.inf)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_rows_of_all_kinds(dtype, threads):
    for n in (LONG, LONG + 257):
        for kind, numbers in rows_of(n, dtype):
            x = numbers.astype(dtype).reshape(1, n)
            kept = x.copy()
            order = sorting.sorting_permutation([x], 1)
            wanted = np.take_along_axis(x, order, 1)
            assert sort_rows(x).tobytes() == wanted.tobytes(), (n, kind)
            assert np.array_equal(order_rows(x), order), (n, kind)
            assert x.tobytes() == kept.tobytes(), (n, kind)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint64], ids=name)
def test_lengths_around_blocks(dtype, threads):
    for n in LENGTHS:
        x = np.random.default_rng(n).permutation(n).astype(dtype).reshape(1, n)
        assert np.array_equal(sort_rows(x)[0], np.arange(n).astype(dtype)), n
        assert np.array_equal(order_rows(x)[0], np.argsort(x[0])), n


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint64], ids=name)
def test_keys_of_64_bits_that_agree_in_their_upper_ones(dtype, threads):
    n = LONG + 1000
    rng = np.random.default_rng(1)
    runs = np.repeat(rng.permutation(40), -(-n // 40))[:n].astype(np.uint64)
    bits = (runs << np.uint64(40)) + rng.integers(0, 3, n).astype(np.uint64)
    x = (bits + np.uint64(0x3FF << 52)).view(np.float64).astype(dtype).reshape(1, n)
    assert np.array_equal(order_rows(x), np.argsort(x, 1, kind="stable"))


def test_a_second_key_of_long_rows(threads):
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 50, (2, 1, LONG + 300)).astype(np.float32)
    found = order_rows(first, order_rows(second))
    assert np.array_equal(found[0], np.lexsort([second[0], first[0]]))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128], ids=name)
def test_long_rows_of_complex_numbers(dtype, threads):
    rng = np.random.default_rng(3)
    x = (rng.integers(1, 90, LONG + 77) + 1j * rng.integers(1, 90, LONG + 77)).astype(
        dtype
    )
    assert np.array_equal(cr.jit(cr.numpy.sort)(x), np.sort(x))
    assert np.array_equal(cr.jit(cr.numpy.argsort)(x), np.argsort(x, kind="stable"))
