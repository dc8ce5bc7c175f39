"""Library kernels that sort and scan, against what the primitives evaluate to.

Lengths stand around every point where the method changes: insertion, NumPy's sort,
parts merged by threads; scans element by element, in parts, in chunks.
"""

import ml_dtypes
import numpy as np
import pytest
from library import order_rows, scan, sort_rows, top_k

from chainrule.ops import cumulative, sorting
from chainrule.runtime import _native as native

FLOATS = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]
SIGNED = [np.int8, np.int16, np.int32, np.int64]
UNSIGNED = [np.uint8, np.uint16, np.uint32, np.uint64]
NUMBERS = [*FLOATS, *SIGNED, *UNSIGNED]
SHAPES = [
    (0, 5), (3, 0), (1, 1), (4, 2), (5, 12), (5, 13), (70, 33), (3, 128), (2, 129),
    (2, 5000), (2, 65535), (2, 65536), (1, 65537), (1, 200_003),
]  # fmt: skip


def name(dtype):
    return np.dtype(dtype).name


@pytest.fixture(params=[1, 3])
def threads(request):
    before = native.get_num_threads()
    native.set_num_threads(request.param)
    yield request.param
    native.set_num_threads(before)


def numbers(dtype, shape, seed=0, special=True):
    """Random numbers with many ties; floats with zeros of both signs, NaNs of both
    signs and infinities."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        x = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.5, x, x % dtype.type(7)).astype(dtype)
    x = rng.standard_normal(shape)
    x = np.where(rng.random(shape) < 0.3, np.round(x), x)
    if special:
        chosen = rng.integers(0, 60, shape)
        for k, value in enumerate([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf]):
            x = np.where(chosen == k, value, x)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [bool, *NUMBERS], ids=name)
def test_sorted_rows(dtype, threads):
    for shape in SHAPES:
        x = numbers(dtype, shape)
        order = sorting.sorting_permutation([x], 1)
        found = sort_rows(x)
        assert found.tobytes() == np.take_along_axis(x, order, 1).tobytes(), shape


@pytest.mark.parametrize("dtype", [bool, *NUMBERS], ids=name)
def test_orders_are_stable(dtype, threads):
    for shape in SHAPES:
        x = numbers(dtype, shape)
        assert np.array_equal(order_rows(x), sorting.sorting_permutation([x], 1)), shape


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.float64], ids=name)
def test_a_second_key_keeps_the_order_of_the_first(dtype, threads):
    for shape in SHAPES:
        first, second = numbers(dtype, shape, 1), numbers(dtype, shape, 2)
        found = order_rows(first, order_rows(second))
        assert np.array_equal(found, sorting.sorting_permutation([first, second], 1))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64], ids=name)
def test_keys_that_differ_in_their_last_bits(dtype):
    rng = np.random.default_rng(3)
    low = rng.integers(0, 3, (2, 3000)).astype(np.uint64)
    x = (low + np.uint64(0x3FF0000000000000)).view(dtype)
    assert np.array_equal(order_rows(x), np.argsort(x, 1, kind="stable"))
    same = np.full((1, 70_000), 5, dtype)
    assert np.array_equal(order_rows(same)[0], np.arange(70_000))


@pytest.mark.parametrize("dtype", [bool, *NUMBERS], ids=name)
def test_largest_elements(dtype):
    for rows, n in [
        (1, 1),
        (3, 10),
        (2, 63),
        (5, 64),
        (3, 129),
        (70, 300),
        (1, 20_000),
    ]:
        x = numbers(dtype, (rows, n))
        for k in sorted({0, 1, min(5, n), n // 4, n // 2, n}):
            values, positions = top_k(x, k)
            wanted = sorting._top_k_evaluate(x, k=k, axis=1)
            assert np.array_equal(positions, wanted[1]), (n, k)
            assert values.tobytes() == np.ascontiguousarray(wanted[0]).tobytes()


@pytest.mark.parametrize("increasing", [False, True])
def test_largest_elements_of_sorted_rows(increasing):
    x = np.arange(10_000, dtype=np.float32).reshape(1, -1)
    x = x if increasing else -x
    values, positions = top_k(x, 17)
    wanted = sorting._top_k_evaluate(x, k=17, axis=1)
    assert np.array_equal(positions, wanted[1]) and np.array_equal(values, wanted[0])


SCANNED = [
    ((0,), 0), ((1,), 0), ((3, 0), 1), ((7, 5), 1), ((1, 4096), 1), ((2, 4097), 1),
    ((3, 16_320), 1), ((2, 16_321), 1), ((1, 100_001), 1), ((5, 9), 0), ((2, 30, 300), 1),
    ((3, 4, 2), 1), ((1, 40, 17), 1),
]  # fmt: skip
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-4, "float64": 1e-11}


def assert_scanned(found, wanted, exact):
    assert found.dtype == wanted.dtype
    tolerance = TOLERANCE.get(wanted.dtype.name, 0)
    if wanted.dtype.kind not in "iu":
        found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    if exact or not tolerance:
        np.testing.assert_array_equal(found, wanted)
        return
    scale = max(np.abs(wanted[np.isfinite(wanted)]).max(initial=0), 1)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", NUMBERS, ids=name)
@pytest.mark.parametrize("operation", ["cumsum", "cumprod", "cummax", "cummin"])
def test_scans(operation, dtype, threads):
    evaluate = getattr(cumulative, f"{operation}_p").evaluate
    for shape, axis in SCANNED:
        for reverse in (False, True):
            x = numbers(dtype, shape, special=operation in ("cummax", "cummin"))
            wanted = np.asarray(evaluate(x, axis=axis, reverse=reverse))
            exact = operation != "cumsum" or shape[axis] <= 4096
            assert_scanned(scan(operation, [x], axis, reverse), wanted, exact)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS, ids=name)
def test_sums_of_what_is_not_finite(dtype, threads):
    for place in (5, 20_000, 40_000):
        for value, reverse in ((np.nan, False), (np.inf, True)):
            x = np.ones((1, 50_000), dtype)
            x[0, place] = value
            found = scan("cumsum", [x], 1, reverse)[0].astype(np.float32)
            where = np.arange(50_000)
            wanted = where <= place if reverse else where >= place
            odd = np.isinf(found) if reverse else np.isnan(found)
            assert np.array_equal(odd, wanted)


def test_products_do_not_overflow_beside_a_zero():
    x = np.full((1, 50_000), 1e30, np.float32)
    x[0, 0] = 0
    assert not scan("cumprod", [x], 1, False).any()


def test_sums_do_not_depend_on_the_number_of_threads():
    x = numbers(np.float32, (3, 300_000), special=False)
    found = []
    before = native.get_num_threads()
    for count in (1, 2, 5):
        native.set_num_threads(count)
        found.append(scan("cumsum", [x], 1, False).tobytes())
    native.set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", FLOATS, ids=name)
def test_log_sums(dtype):
    evaluate = cumulative.cumlogsumexp_p.evaluate
    for shape, axis in [((1,), 0), ((7, 50), 1), ((5, 9), 0), ((2, 30, 300), 1)]:
        for reverse in (False, True):
            x = numbers(dtype, shape)
            wanted = np.asarray(evaluate(x, axis=axis, reverse=reverse))
            assert_scanned(scan("cumlogsumexp", [x], axis, reverse), wanted, False)


@pytest.mark.parametrize("dtype", FLOATS, ids=name)
def test_recurrences(dtype, threads):
    evaluate = cumulative.linear_recurrence_p.evaluate
    for shape, axis in [
        ((1,), 0),
        ((3, 0), 1),
        ((7, 50), 1),
        ((9, 5), 0),
        ((2, 30, 300), 1),
    ]:
        for reverse in (False, True):
            a, b = (numbers(dtype, shape, s, special=False) for s in (1, 2))
            start = [slice(None)] * len(shape)
            start[axis] = slice(-1, None) if reverse else slice(1)
            a[tuple(start)] = np.nan  # is not read
            wanted = np.asarray(evaluate(a, b, axis=axis, reverse=reverse))
            exact = shape[axis] * 4 < a.size
            assert_scanned(scan("recurrence", [a, b], axis, reverse), wanted, exact)
