"""Slices, joins, gathers and scatters compile to native code that gives eager's bits."""

import ctypes
import mmap

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.pipeline import compile_program
from chainrule.ops.gather import take_along

from .native import KernelStep, assert_same, run, steps_of

rng = np.random.default_rng(7)


def array(*shape, dtype=np.float32):
    if np.dtype(dtype).kind == "f":
        return cnp.asarray(rng.standard_normal(shape).astype(dtype))
    if np.dtype(dtype) == bool:
        return cnp.asarray(rng.integers(0, 2, shape).astype(bool))
    return cnp.asarray(rng.integers(0, 100, shape).astype(dtype))


def positions(low, high, *shape, dtype=np.int32):
    return cnp.asarray(rng.integers(low, high, shape).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.int8, bool, np.float16, cnp.bfloat16])
def test_views_of_any_dtype(dtype):
    x = array(37, 101).astype(dtype)
    assert_same(
        lambda x: (
            x[3:30:2, 5::7], x[::-1, ::-1], cnp.tile(x, (2, 3)), cnp.pad(x, ((1, 2), (3, 0))),
            cnp.concatenate([x, x[:, ::-1]], 1), cnp.stack([x, x], 1), cnp.split(x, [5, 6], 1),
        ),
        x,
    )  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [((0, 0, 0), (0, 0, 0)), ((2, 3, 0), (1, 40, 0)), ((-3, -2, 0), (-1, 5, 0)),
     ((0, 0, 1), (0, 0, 2)), ((-4, 3, 2), (2, -7, 1)), ((-20, 0, 0), (0, 0, 3))],
)  # fmt: skip
def test_pads_between_and_cut(config):
    x = array(20, 33)
    assert_same(lambda x: lax.pad(x, np.float32(1.5), config), x)
    assert_same(lambda x: lax.pad(x * 2, x[0, 0], config) + 1, x)


def test_padding_reads_nothing_outside():
    """The operand ends at the end of a page that is followed by one not readable."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 2 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(base + page), page, 0) == 0
    x = np.frombuffer(memory, np.float32, page // 4)
    x[:] = rng.standard_normal(x.size)
    given = cnp.asarray(x)
    (padded,) = run(lambda x: cnp.pad(x, (5, 77)), given)
    np.testing.assert_array_equal(padded, np.pad(x, (5, 77)))
    (joined,) = run(lambda x: cnp.concatenate([x * 2, x[3:]]), given)
    np.testing.assert_array_equal(joined, np.concatenate([x * 2, x[3:]]))
    libc.mprotect(ctypes.c_void_p(base + page), page, 3)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 23])
@pytest.mark.parametrize("axis", [0, 1])
def test_concatenates_of_few_and_many(count, axis):
    parts = [
        array(*((3 + k, 40) if axis == 0 else (20, 1 + 5 * k))) for k in range(count)
    ]
    assert_same(lambda *xs: cnp.concatenate([x + 1 for x in xs], axis), *parts)
    assert_same(lambda *xs: cnp.concatenate(xs, axis).sum(1) > 0, *parts)


def test_scalars_become_an_array():
    values = [array() for _ in range(9)]
    assert_same(lambda *xs: cnp.stack(xs).reshape(3, 3), *values)


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_triangles(k):
    x = array(40, 33)
    assert_same(lambda x: (cnp.tril(x, k), cnp.triu(x, k), cnp.tril(x[None])), x)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint8, np.uint32])
def test_dynamic_slices_stay_inside(dtype):
    x, update = array(30, 50), array(7, 33)
    for start in (0, 3, 20, 120):
        s = cnp.asarray(np.asarray(start, dtype))
        assert_same(lambda x, s: lax.dynamic_slice(x, (s, s), (7, 33)), x, s)
        assert_same(
            lambda x, u, s: lax.dynamic_update_slice(x, u, (s, s)), x, update, s
        )
    before = cnp.asarray(np.asarray(-5 if np.iinfo(dtype).min else 0, dtype))
    assert_same(lambda x, s: lax.dynamic_slice(x, (s, s), (7, 33)), x, before)


@pytest.mark.parametrize("mode", ["clip", "fill", "promise_in_bounds"])
def test_gathers_by_mode(mode):
    x = array(50, 70)
    low, high = (0, 50) if mode == "promise_in_bounds" else (-80, 90)
    i = positions(low, high, 37)
    assert_same(lambda x, i: x.at[i].get(mode=mode), x, i)
    assert_same(lambda x, i: x.at[:, i].get(mode=mode), x, i)
    assert_same(lambda x, i: x.at[i, i[::-1]].get(mode=mode) * 2, x, i)
    assert_same(
        lambda x, i: cnp.take_along_axis(x[:37], i[:, None], 1, mode=mode), x, i
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint32])
def test_indices_of_any_integer_dtype(dtype):
    x = array(100)
    assert_same(lambda x, i: x[i], x, array(300, dtype=dtype))
    with cr.enable_x64(True):
        i = cnp.asarray(np.array([0, 5, 2**64 - 1, 2**63], np.uint64))
        assert_same(lambda x, i: take_along(x, i, 0), x, i)


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, cnp.bfloat16, np.int32, np.uint8]
)
@pytest.mark.parametrize("how", ["set", "add", "multiply", "min", "max"])
def test_scatters_with_repeated_indices(dtype, how):
    x, i = array(41, 35).astype(dtype), positions(-60, 60, 300)
    rows, points = array(300, 35).astype(dtype), array(300).astype(dtype)
    j = positions(0, 35, 300)

    def scattered(x, i, j, rows, points):
        by_rows = getattr(x.at[i], how)(rows)
        by_points = getattr(x.at[i, j], how)(points)
        return by_rows, by_points, getattr(x.at[2:9, j[0]], how)(points[:7])

    assert_same(scattered, x, i, j, rows, points)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extrema_at_a_place_are_those_of_vectors(dtype):
    """-0 is less than 0 and NaN stays, whichever of the two comes first."""
    tiny, largest = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    special = [0.0, -0.0, 1, -1, tiny, -tiny, largest, np.inf, -np.inf, np.nan, -np.nan]
    pairs = np.array([(a, b) for a in special for b in special], dtype)
    with cr.enable_x64():
        x, y = cnp.asarray(pairs[:, 0]), cnp.asarray(pairs[:, 1])
        i = cnp.arange(len(pairs))
        f = lambda x, y, i: (x.at[i].max(y), x.at[i].min(y))
        wanted = cr.jit(lambda x, y: (cnp.maximum(x, y), cnp.minimum(x, y)))(x, y)
        assert not any("llvm.m" in s.text for s in steps_of(f, x, y, i))
        for found, vectors, one in zip(cr.jit(f)(x, y, i), wanted, (max, min)):
            found, vectors = np.asarray(found), np.asarray(vectors)
            isnan = np.isnan(pairs).any(1)
            np.testing.assert_array_equal(np.isnan(found), isnan)
            np.testing.assert_array_equal(np.isnan(vectors), isnan)
            in_order = lambda v: (v, not np.signbit(v))
            plain = np.array([one(p, key=in_order) for p in pairs[~isnan]], dtype)
            assert found[~isnan].tobytes() == plain.tobytes()
            assert vectors[~isnan].tobytes() == plain.tobytes()


def test_scatters_of_unique_indices_are_parallel():
    x, i = array(200_000), cnp.asarray(rng.permutation(200_000).astype(np.int32))
    f = lambda x, i: x.at[i].add(x * 2, unique_indices=True)
    assert_same(f, x, i)
    kernels = [s for s in steps_of(f, x, i) if isinstance(s, KernelStep)]
    assert all(s.scheduled.grain < 200_000 for s in kernels)


def test_batched_scatters_and_gathers():
    x, i, u = array(6, 20, 9), positions(-3, 25, 6, 14), array(6, 14, 9)
    assert_same(cr.vmap(lambda x, i, u: x.at[i].add(u)), x, i, u)
    assert_same(cr.vmap(lambda x, i: x[i]), x, i)
    assert_same(cr.vmap(lambda x, s: lax.dynamic_slice(x, (s, 0), (5, 9))), x, i[:, 0])


def test_segment_sums():
    values, ids = array(10_000), positions(0, 37, 10_000)
    assert_same(lambda v, i: cnp.zeros(37).at[i].add(v), values, ids)


def test_updates_work_in_place_where_the_operand_dies():
    x, i = array(1000), positions(0, 1000, 5)

    def f(x, i):
        y = x * 2
        for k in range(4):
            y = y.at[i + k].add(1.0)
        return y

    assert_same(f, x, i)
    assert copies(f, x, i) == 0
    assert copies(lambda x, i: x.at[i].set(0.0), x, i) == 1
    keeps = lambda x, i: (z := x * 2, z.at[i].set(0.0))
    assert_same(keeps, x, i)
    assert copies(keeps, x, i) == 1


def test_an_update_that_reads_its_operand():
    x = array(100)

    def shifted(x):
        y = x + 1
        return y.at[1:].set(y[:-1] * 2), y.at[5:95].add(y[10:])

    assert_same(shifted, x)
    assert_same(lambda x: (y := x * 3).at[y.argmax()].set(y[::-1][7]), x)


def test_what_updates_read_may_get_a_buffer_later():
    x, t, i = array(300, 200), array(300), positions(0, 300, 50)

    def f(x, t, i):
        z = x[:, ::2] * 1.5
        j = cnp.where(i < 10, i + 5, i)
        slid = lax.dynamic_update_slice(t, z[0, :50], (3,))
        return slid, cnp.tile(z, (3, 9)), t.at[j].add(1.0), x.at[j].get(mode="clip")

    assert_same(f, x, t, i)


def copies(f, *args):
    """How many of the kernels of `f` only copy, and have to."""
    plan = compile_program(cr.make_jaxpr(f)(*args))
    kernels = [s for s in steps_of(f, *args) if isinstance(s, KernelStep)]
    marked = sum(s.copies[0] is not None for s in kernels)
    return marked - (len(kernels) - len(plan.steps))


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_empty_arrays(shape):
    x = array(*shape)
    assert_same(
        lambda x: (x[::-1], cnp.concatenate([x, x], 1), cnp.pad(x, 2), x[:, :0], x[:0]),
        x,
    )
    i = positions(0, 1, 0)
    assert_same(lambda x, i: (x[i], x.at[i].set(1.0)), array(4, 3), i)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8, np.int64,
                                   bool, np.float16, cnp.bfloat16])  # fmt: skip
@pytest.mark.parametrize("way", ["add", "multiply", "min", "max", "set"])
def test_many_scattered_updates_keep_their_order(dtype, way):
    """Eager evaluation makes them one after the other."""
    with cr.enable_x64():
        n, size = 1 << 17, 600_001
        x = array(size).astype(dtype)
        y = array(n).astype(dtype)
        i = cnp.asarray(rng.integers(-size - 99, size + 99, n) // 7)
        assert_same(lambda x, i, y: getattr(x.at[i], way)(y), x, i, y)
        assert_same(lambda x, i, y: getattr(x.at[i], way)(y, mode="clip"), x, i, y)


def test_many_scattered_updates_of_a_matrix():
    x, y = array(300, 700), array(4, 1 << 15)
    i, j = positions(-310, 310, 4, 1 << 15), positions(-5, 701, 1 << 15)
    assert_same(lambda x, y: x.at[i, j].add(y), x, y)
    assert_same(lambda x, y: x.at[i, j].add(2 * y, mode="clip") + x, x, y)
    assert_same(lambda x: x.at[i, j].add(x[j, i] ** 2), x)
    assert_same(lambda x, y: (x * 2).at[i, j].set(y).at[j[:, None], i.T].add(1.5), x, y)


def test_many_scattered_updates_into_one_part():
    x, y = array(1 << 18), array(1 << 17)
    assert_same(lambda x, y: x.at[cnp.arange(1 << 17) % 5 - 3].add(y), x, y)
    assert_same(lambda x, y: x.at[cnp.full(1 << 17, 1 << 30)].add(y), x, y)


def test_scattered_updates_have_the_same_bits_on_every_number_of_threads():
    x, i = array(1 << 18), positions(0, 1 << 18, 1 << 18)
    f = cr.jit(lambda x, i: cnp.zeros_like(x).at[i].add(x))
    before = cr.get_num_threads()
    try:
        found = []
        for count in (1, 2, 3, 8):
            cr.set_num_threads(count)
            found.append(np.asarray(f(x, i)).tobytes())
    finally:
        cr.set_num_threads(before)
    assert len(set(found)) == 1


def test_a_donated_operand_of_many_updates():
    data, i, y = array(1 << 18), positions(0, 1 << 18, 1 << 17), array(1 << 17)
    f = lambda x, i, y: x.at[i].add(y)
    wanted = np.asarray(f(data, i, y))
    given = cnp.array(data)
    np.testing.assert_array_equal(cr.jit(f, donate_argnums=0)(given, i, y), wanted)


def test_many_scattered_updates_in_a_loop():
    x, i = array(1 << 18), positions(0, 1 << 18, 1 << 17)

    def f(x, i):
        return lax.fori_loop(0, 3, lambda k, x: x.at[i + k].add(x[i] * 0.5), x)

    assert_same(f, x, i)


@pytest.mark.parametrize("dtype", ["int8", "float32", "float64", "complex64"])
@pytest.mark.parametrize("columns", [None, 3, 16, 20])
def test_updates_at_places_that_may_be_out_of_range(columns, dtype):
    """They change nothing there, and meet in their order elsewhere."""
    rows = () if columns is None else (columns,)
    with cr.enable_x64():
        x, y = array(40, *rows).astype(dtype), array(500, *rows).astype(dtype)
        i = positions(-90, 90, 500)
        assert_same(lambda x, i, y: x.at[i].add(y), x, i, y)
        assert_same(lambda x, i, y: x.at[i].set(y, mode="drop"), x, i, y)
        assert_same(lambda x, i, y: x.T.at[..., i].multiply(y.T), x, i, y)
        assert_same(lambda x, i: x[i] * x.at[i].get(mode="fill", fill_value=7), x, i)
        if dtype != "complex64":
            y = cnp.where(y == y[3], np.nan, y) if dtype != "int8" else y
            assert_same(lambda x, i, y: (x.at[i].max(y), x.at[i].min(y)), x, i, y)
