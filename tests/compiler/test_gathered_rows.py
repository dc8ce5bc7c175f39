"""Parts of rows at computed places: all columns are fetched at once, nothing beyond."""

import functools
import mmap

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import cache, canonical

from . import native
from .native import page_between_shut_ones, run

DTYPES = ("bool", "int8", "float16", "uint32", "float32", "int64", "float64")
COLUMNS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 17)
COUNTS = (1, 31, 32, 33, 47, 100, 515)
rng = np.random.default_rng(12)


numbers = functools.partial(native.numbers, rng)
pytestmark = pytest.mark.usefixtures("wide_types")


def assert_equal(f, wanted, *args):
    (found,) = run(f, *map(cnp.asarray, args))
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", COLUMNS)
def test_rows_of_a_table(columns, dtype):
    x = numbers(37, columns, dtype=dtype)
    for count in COUNTS:
        for places in ("int32", "int64"):
            i = rng.integers(-45, 45, count).astype(places)
            k = np.clip(np.where(i < 0, i + 37, i), 0, 36)
            assert_equal(lambda x, i: x[i], x[k], x, i)
            assert_equal(lambda x, i: x[i][:, ::-1], x[k][:, ::-1], x, i)
            f = lambda x, i: x.at[i].get(mode="fill", fill_value=1)
            inside = (i >= -37) & (i < 37)
            wanted = np.where(inside[:, None], x[k], np.ones((), dtype))
            assert_equal(f, wanted, x, i)


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
def test_some_columns_of_rows_at_places(dtype):
    x = numbers(29, 200, dtype=dtype)
    i = rng.integers(-29, 29, 131).astype("int32")
    for columns in ([0, 1], [5, 3], [2, 9], [0, 6, 7], [100, 102, 120], [196, 199]):
        f = lambda x, i, c=columns: sum(x[i, k] * (k + 1) for k in c)
        wanted = sum(x[i, k] * np.asarray(k + 1, dtype) for k in columns)
        assert_equal(f, wanted, x, i)
    for first in (0, 70, 100, 197):
        f = lambda x, i, k=first: x[i, k : k + 3]
        assert_equal(f, x[i, first : first + 3], x, i)


def test_columns_far_into_a_row_share_no_code_with_others():
    """How far apart columns are is written into code, and where they begin is not."""
    x, i = numbers(40, 400), rng.integers(0, 40, 100).astype("int32")
    for a, b in [(100, 101), (100, 103), (200, 201), (200, 206), (300, 309)]:
        f = lambda x, i, a=a, b=b: x[i, a] - x[i, b]
        assert_equal(f, x[i, a] - x[i, b], x, i)


def test_rows_beside_other_values():
    x, y, i = numbers(50, 3), numbers(70, 3), rng.integers(0, 50, 70)
    wanted = x[i] * y + y[:, :1] - x[i][:, ::-1]
    f = lambda x, y, i: x[i] * y + y[:, :1] - x[i][:, ::-1]
    assert_equal(f, wanted, x, y, i)
    f = lambda x, y, i: cnp.concatenate([x[i], y], 1)
    assert_equal(f, np.concatenate([x[i], y], 1), x, y, i)
    table = numbers(50, 4, 3)
    j = rng.integers(0, 4, 70)
    assert_equal(lambda t, i, j: t[i, j], table[i, j], table, i, j)


@pytest.mark.parametrize("columns", [2, 3, 5, 6, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_beyond_a_table_is_read(dtype, columns):
    page, rows = mmap.PAGESIZE, 40
    item = np.dtype(dtype).itemsize
    count = rows * columns
    i = cnp.asarray(rng.integers(-50, 50, 1000).astype("int32"))
    k = np.clip(np.where(np.asarray(i) < 0, np.asarray(i) + rows, i), 0, rows - 1)
    f = cr.jit(lambda x, i: (x[i], x[i, 0] + x[i, columns - 1]))
    with page_between_shut_ones() as memory:
        for first in (page, 2 * page - item * count):
            x = np.frombuffer(memory, dtype, count, first).reshape(-1, columns)
            x[:] = np.arange(count).reshape(x.shape)
            for _ in range(5):
                a, b = f(x, i)
                np.testing.assert_array_equal(a, x[k])
                np.testing.assert_array_equal(b, x[k, 0] + x[k, -1])


@pytest.fixture
def written(monkeypatch):
    """The kernels that are written meanwhile."""
    kernels, emit = [], canonical.emit_kernel

    def note(kernel, *rest):
        kernels.append(kernel)
        return emit(kernel, *rest)

    monkeypatch.setattr(canonical, "emit_kernel", note)
    monkeypatch.setattr(canonical, "_written", {})
    monkeypatch.setattr(cache, "find", lambda name: None)
    monkeypatch.setattr(cache, "keep", lambda name, entry: None)
    return kernels


def test_columns_are_written_out_where_other_sizes_came_before(written):
    """The sizes of a program that comes again are open; how many columns rows have is
    asked for where it matters."""
    rows, joined = cr.jit(lambda x, i: x[i]), cr.jit(lambda x, y: cnp.hstack([x, y]))
    for count, columns in [
        (300, 200),
        (200, 3),
        (999, 3),
        (150, 2),
        (151, 7),
        (99, 300),
    ]:
        x, y = numbers(90, columns), numbers(90, 2 * columns)
        i = rng.integers(0, 90, count)
        np.testing.assert_array_equal(rows(x, i), x[i])
        np.testing.assert_array_equal(joined(x, y), np.hstack([x, y]))
        np.testing.assert_array_equal(joined(x[:50], y[:50]), np.hstack([x, y])[:50])
    stores = {len(stage.stores) for kernel in written for stage in kernel.stages}
    assert {1, 2, 3, 7} <= stores  # rows of as many columns
    assert {6, 9} & stores  # 2 and 4, 3 and 6 columns joined


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 16, 33])
@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("rows", [1, 7])
def test_small_tables_by_optimized_code(rows, columns, count):
    """Limits that are literals tell LLVM what places may be: it must not take two of
    them for one."""
    x = numbers(rows, columns)
    i = rng.integers(-rows, rows, count).astype("int32")
    f = lambda x, i: x[i, 0] * 2 + x[i, columns - 1]
    compiled = cr.jit(f).lower(x, i).compile()
    assert (np.asarray(compiled(x, i)) == f(x, i)).all()
    filled = lambda x, i: x.at[i].get(mode="fill", fill_value=0)
    i = rng.integers(0, 2 * rows, count).astype("uint64")
    compiled = cr.jit(filled).lower(cnp.asarray(x), i).compile()
    wanted = np.where((i < rows)[:, None], x[np.minimum(i, rows - 1)], 0)
    assert (np.asarray(compiled(x, i)) == wanted).all()
