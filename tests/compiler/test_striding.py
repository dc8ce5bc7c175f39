"""Lanes a few elements apart are taken out of whole vectors, and nothing beyond is read."""

import mmap

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import canonical, families, kernels

from .native import page_between_shut_ones, steps_of

STEPS = [*range(2, 11), -1, *range(-10, -1)]


def assert_same(function, *args):
    for x, y in zip(*(cr.tree.leaves(f(*args)) for f in (cr.jit(function), function))):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


@pytest.mark.parametrize("dtype", ["int8", "bfloat16", "int32", "float32", "float64"])
@pytest.mark.parametrize("step", STEPS)
def test_every_step_and_length(step, dtype):
    with cr.enable_x64():
        for n in (5, 31, 64, 200, 515):
            x = np.arange(n) % 120
            assert_same(lambda x: x[::step] + 1, cnp.asarray(x, dtype))


@pytest.mark.parametrize("channels", range(1, 10))
def test_channels_first_and_last(channels):
    x = cnp.arange(700.0 * channels).reshape(700, channels)
    assert_same(lambda x: x.T + 0, x)
    assert_same(lambda x: x.T.reshape(-1, channels) * 2, x)
    assert_same(lambda x: x[:, 0] - 2 * x[:, -1], x)
    y = cnp.arange(30.0 * 41 * channels).reshape(30, 41, channels)
    for order in [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 2, 0)]:
        assert_same(lambda y, order=order: cnp.transpose(y, order) + 1, y)


def test_they_are_no_gathers():
    gathered = lambda step: any(
        "masked.gather" in s.text
        for s in steps_of(lambda x: x[::step] * 2, given(4096))
    )
    assert [gathered(step) for step in (2, 8, 9, -2)] == [False, False, True, False]


def given(n):
    return cr.ShapeDtypeStruct((n,), "float32")


def test_a_small_size_that_varies_is_written_into_the_code():
    """The third program of a family fills in a pattern, whose sizes are open."""
    f = cr.jit(lambda x: x.T + 1)
    for shape in [(900, 200), (700, 300), (1000, 3), (1500, 5), (2000, 3), (64, 7)]:
        x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
        np.testing.assert_array_equal(f(x), x.T + 1)


@pytest.mark.parametrize("step", [2, 3, 5, 8, -2, -3, -8])
def test_nothing_behind_the_last_lane_is_read(step):
    """The operand ends where memory does: a read beyond it would end the process."""
    page = mmap.PAGESIZE
    with page_between_shut_ones() as memory:
        for n in (page // 4, 517, 64):
            for first in (page, 2 * page - 4 * n):
                x = np.frombuffer(memory, "float32", n, first)
                found = cr.jit(lambda x: x[::step] + 1)(x)
                np.testing.assert_array_equal(found, x[::step] + 1)
                y = x[: n // abs(step) * abs(step)].reshape(-1, abs(step))
                np.testing.assert_array_equal(cr.jit(lambda y: y.T + 1)(y), y.T + 1)


COLUMNS = [(0, 1), (0, 2), (1, 2), (2, 0), (1, 0)]


@pytest.fixture
def nothing_known(monkeypatch):
    """No kernel was made before."""
    families.forget_all()
    monkeypatch.setattr(canonical, "_written", {})
    monkeypatch.setattr(kernels, "recall", lambda name: None)


@pytest.mark.parametrize("alone", [True, False])
def test_columns_far_behind_the_first_row_are_those_that_are_asked_for(
    alone, nothing_known
):
    """Their places are numbers of a call, or open sizes. How far apart they are is not."""
    x = np.arange(3000, dtype="float32").reshape(-1, 3)
    for k, (a, b) in enumerate(COLUMNS):
        f = lambda x: x[40:, a] - 2 * x[40:, b]
        more = lambda x: [cnp.sort(x[j]) for j in range(alone * k)]
        found = cr.jit(lambda x: (f(x), *more(x)))(x)
        np.testing.assert_array_equal(found[0], f(x), f"{a}, {b}")
