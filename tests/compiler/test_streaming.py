"""Large results, past the caches or asked for ahead: where, and no number changes."""

import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler import schedule
from chainrule.compiler.index import Index, loop_variable
from chainrule.compiler.loop import Axis, Kernel, Stage, Store, load
from chainrule.compiler.streaming import streams

from .native import assert_close, assert_same, steps_of, two_threads

BOUND = 1 << 18


def choose(monkeypatch, least, fetches):
    """Has results of so many bytes and more be large; they are fetched to be written, or
    written past the caches."""
    monkeypatch.setattr(schedule, "streamed_bytes", lambda: least)
    monkeypatch.setattr(schedule, "fetches_to_write", lambda: fetches)


@pytest.fixture(params=[False, True], ids=["past the caches", "asked for"])
def everything_streams(monkeypatch, request):
    """All results are large, however few they are."""
    choose(monkeypatch, 1, request.param)


@pytest.fixture
def bound(monkeypatch):
    """From so many bytes on, results are written past the caches."""
    choose(monkeypatch, BOUND, False)


@pytest.fixture
def asked_bound(monkeypatch):
    """From so many bytes on, what results are written to is asked for ahead."""
    choose(monkeypatch, BOUND, True)


def streamed(f, *args):
    """How many of the steps of `f` have stores past the caches."""
    return sum("!nontemporal" in step.text for step in steps_of(f, *args))


def asked(f, *args):
    """How often the steps of `f` ask for what is read, and for what is written."""
    texts = [step.text for step in steps_of(f, *args)]
    asks = [re.findall(r"@llvm.prefetch.p0\(ptr %\w+, i32 (\d)", t) for t in texts]
    return sum("0" in found for found in asks), sum("1" in found for found in asks)


def test_kernels_that_gather_write_through_the_caches(bound):
    """A gather waits until stores past the caches are in memory, on some processors."""
    n = BOUND
    where = cnp.asarray(np.random.default_rng(0).integers(0, n, n))
    assert streamed(lambda x: x * 2, numbers(n)) == 1
    assert streamed(lambda x, i: x[i] * 2, numbers(n), where) == 0
    assert streamed(lambda x: x[::5] * 2, numbers(5 * n)) == 1
    assert streamed(lambda x: x[::50] * 2, numbers(50 * n)) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_transposed_squares_are_no_gathers(bound, dtype):
    with cr.enable_x64():
        x = numbers(512, 256, dtype=dtype)
        assert streamed(lambda x: x.T * 2, x) == 1


def test_short_rows_that_share_lines_are_written_through_the_caches(bound):
    join = lambda a, b: cnp.kron(a, b)
    square = lambda n: numbers(n, n)
    assert streamed(join, square(20), square(20)) == 0
    assert streamed(join, square(16), square(32)) == 1


def numbers(*shape, dtype="float32"):
    draw = np.random.default_rng(len(shape))
    return cnp.asarray((100 * draw.standard_normal(shape)).astype(dtype))


PROGRAMS = {
    "map": lambda x: x * 2 + 1,
    "from the second on": lambda x: x[1:] * 2,
    "stencil": lambda x: x[1:-1] * 2 - x[:-2] - x[2:],
    "several results": lambda x: (x + 1, x * x, x > 0),
    "narrower results": lambda x: x.astype("int8") + 1,
    "halves": lambda x: (x * 2).astype("bfloat16"),
    "wider results": lambda x: x.astype("float64") * 2,
    "joined": lambda x: cnp.concatenate([x, x * 2, x[3:]]),
    "padded": lambda x: cnp.pad(x, (3, 5)) * 2,
    "turned": lambda x: cnp.resize(x, (37, 53)).T + 1,
    "plus its transpose": lambda x: (y := cnp.resize(x, (41, 41))) + y.T,
    "rows": lambda x: cnp.resize(x, (29, 67)) / cnp.arange(1.0, 68.0, dtype="float32"),
    "reversed": lambda x: x[::-1] + x,
    "taken": lambda x: x[cnp.argsort(x)] * 2,
    "blocks moved": lambda x: cnp.resize(x, (7, 5, 16)).transpose(1, 0, 2) * 2,
    "blocks reversed": lambda x: cnp.resize(x, (9, 4, 32))[::-1].transpose(1, 0, 2) * 2,
    "updated": lambda x: x.at[3:40].set(1.0),
    "complex": lambda x: (x + 1j * x[::-1]) * 2j,
    "in place": lambda x: cnp.sort(x) * 2 + 1,
}


@pytest.mark.parametrize("size", [64, 1009, 4096])
@pytest.mark.parametrize("name", PROGRAMS)
def test_results_are_what_they_were(name, size, everything_streams):
    with cr.enable_x64(True), two_threads():
        assert_same(PROGRAMS[name], numbers(size))


def test_reductions_and_rows(everything_streams):
    with two_threads():
        assert_close(lambda x: (cr.nn.softmax(x), x.sum(1), x.sum(0)), numbers(61, 83))


def test_loops_write_their_steps_results(everything_streams):
    def f(x):
        step = lambda c, k: (c * 0.5 + k, cnp.sin(c))
        return lax.scan(step, x, cnp.arange(5.0))

    assert_close(f, numbers(1003))


def test_large_results_stream_and_small_ones_do_not(bound):
    double = lambda x: x * 2
    large = BOUND // 4 + 1
    assert streamed(double, numbers(large)) == 1
    assert streamed(double, numbers(large // 2)) == 0
    assert streamed(cnp.sum, numbers(large)) == 0


def test_large_arrays_with_two_threads(bound):
    x = numbers(4 * BOUND + 77)
    f = cr.jit(lambda x: (x[1:] * 2, x > 0))
    with two_threads():
        for _ in range(3):
            found = f(x)
    np.testing.assert_array_equal(found[0], np.asarray(x)[1:] * 2)
    np.testing.assert_array_equal(found[1], np.asarray(x) > 0)


def test_blocks_are_moved_in_the_order_in_which_they_are_read(bound):
    """Stores past the caches may come in any order; what is read is fetched ahead."""
    n = BOUND // 4 // 64
    moved = lambda x: cnp.transpose(x, (1, 0, 2)) * 2
    text = lambda x: cr.explain(moved)(x).steps[0].loops
    loops = lambda x: re.findall(r"range\((\d+)\)", text(x))
    assert loops(numbers(n, 8, 64)) == [str(n), "8", "64"]
    assert loops(numbers(8, n, 64)) == ["8", str(n), "64"]
    assert loops(numbers(n // 16, 8, 64)) == ["8", str(n // 16), "64"]


def test_a_donated_operand_is_written_where_it_lies(everything_streams):
    f = cr.jit(lambda x, y: x * 2 + y, donate_argnums=0)
    x, y = numbers(5003), numbers(5003)
    wanted = np.asarray(x) * 2 + np.asarray(y)
    np.testing.assert_array_equal(f(x, y), wanted)


def kernel(*stores, stride=1, vector=True):
    i = loop_variable(1 << 20)
    index = Index(0, ((i, stride),))
    made = [make(index, load("x", "f32", index)) for make in stores]
    return Kernel([Axis(i, 1 << 20, vector=vector)], [Stage([], [], made)])


def test_what_is_read_again_or_written_here_and_there_does_not_stream():
    plain = lambda i, x: Store("y", i, x)
    assert streams(kernel(plain), 1 << 22, 16) == {"y"}
    assert streams(kernel(plain), (1 << 22) + 1, 16) == set()
    assert streams(kernel(plain, stride=2), 1, 16) == set()
    assert streams(kernel(plain, vector=False), 1, 16) == set()
    assert streams(kernel(lambda i, x: Store("x", i, x)), 1, 16) == set()
    again = lambda i, x: Store("z", i, load("y", "f32", i))
    assert streams(kernel(plain, again), 1, 16) == {"z"}
    assert streams(kernel(lambda i, x: Store("y", i, x, when=x > 0.0)), 1, 16) == set()
    added = lambda i, x: Store("y", i, x, combine=lambda old, new: old + new)
    assert streams(kernel(added), 1, 16) == set()


def test_what_updates_begin_with_does_not_stream(everything_streams):
    x, i = numbers(1000), cnp.asarray(np.random.default_rng(0).permutation(1000))
    assert streamed(lambda x, i: cnp.zeros(1000).at[i].add(x), x, i) == 0
    assert streamed(lambda x, i: (x * 2).at[i].set(x), x, i) == 0


@pytest.mark.parametrize("fetches", [False, True])
def test_the_report_says_so(monkeypatch, fetches):
    choose(monkeypatch, BOUND, fetches)
    x = cnp.zeros(BOUND // 4 + 1)
    text = cr.jit(lambda x: x * 2).lower(x).compile().as_text()
    assert ("# past the caches" in text) == (not fetches)
    assert ("# fetched ahead" in text) == fetches


def test_what_is_read_in_order_is_asked_for_ahead(bound):
    x = numbers(4 * BOUND)
    columns = x.reshape(-1, 1024)
    assert asked(cnp.sin, x) == (1, 0)
    assert asked(lambda x: (x * x).sum(), x) == (1, 0)
    assert asked(lambda x: x.max(1), columns) == (1, 0)
    assert asked(lambda x: cnp.sin(x[:, :640]), columns) == (1, 0)
    assert asked(cnp.sin, x[: 2 * BOUND // 4 - 1]) == (0, 0)
    assert asked(lambda x: cnp.sin(x[:, :400]), columns) == (0, 0)
    assert asked(lambda x: x.sum(0), columns) == (0, 0)
    assert asked(lambda x: cnp.flip(x) * 2, x) == (0, 0)
    assert asked(lambda x: x[::-1] * 2, columns) == (0, 0)


def test_windows_of_rows_are_asked_for_ahead(bound):
    """What spans rows of some columns is read in order, whole lines at a time."""
    n = 2 * BOUND // 4
    assert asked(lambda x: x + x[:, :1] + x[:1], numbers(n // 3 + 1, 3)) == (1, 0)
    assert asked(lambda x: x[:, 0] * x[:, 2], numbers(n, 3)) == (1, 0)
    assert asked(lambda x: x[::2] * 2, numbers(n)) == (1, 0)
    assert asked(lambda x: x[::2] * 2, numbers(n - 2)) == (0, 0)
    assert asked(lambda x: x[::-2] * 2, numbers(n)) == (0, 0)


def test_what_is_written_in_order_is_asked_for_ahead(asked_bound):
    """And written as usual; what is written in tiles goes past the caches as ever."""
    n = BOUND // 4
    assert asked(cnp.sin, numbers(n)) == (1, 1)
    assert asked(cnp.sin, numbers(n - 1)) == (0, 0)
    assert streamed(cnp.sin, numbers(n)) == 0
    assert asked(lambda x: x[:, None] + x, numbers(512))[1] == 1
    assert asked(lambda x: cr.nn.softmax(x), numbers(256, 512)) == (1, 1)
    assert asked(lambda x: x - cnp.roll(x, 1), numbers(2 * n))[1] == 1
    tiles = numbers(512, 256)
    assert asked(lambda x: x.T * 2, tiles)[1] == 0
    assert streamed(lambda x: x.T * 2, tiles) == 1


def test_rows_written_a_few_at_a_time_are_asked_for_ahead(asked_bound):
    assert asked(lambda x: x.T + 1, numbers(1 << 15, 3))[1] == 1
    assert asked(lambda x: x.T + 1, numbers(3, 1 << 15))[1] == 1
    assert streamed(lambda x: x.T + 1, numbers(1 << 15, 3)) == 0


@pytest.mark.parametrize("dtype", ["int8", "bfloat16", "float32", "float64", "bool"])
@pytest.mark.parametrize("fetches", [False, True])
def test_rows_and_columns_of_large_results(monkeypatch, dtype, fetches):
    choose(monkeypatch, 1 << 12, fetches)
    with cr.enable_x64(), two_threads():
        x = numbers(7001, 3, dtype=dtype)
        for f in (
            lambda x: x.T,
            lambda x: x + x[:, :1],
            lambda x: cnp.stack([x, x], -1),
        ):
            assert_same(f, x)


@pytest.mark.parametrize("fetches", [False, True])
def test_the_end_of_an_operand_is_no_limit_to_what_is_asked_for(monkeypatch, fetches):
    choose(monkeypatch, 1, fetches)
    with two_threads():
        assert_same(lambda x: x * 2 + 1, numbers(4097))
        assert_close(lambda x: (x.sum(), x.max(1)), numbers(33, 129))
