"""Many numbers added to few places: histograms, sums by label."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

rng = np.random.default_rng(3)
COUNTS = 1 << 16, (1 << 16) + 3, 200_000


def labels(n, low, high):
    return rng.integers(low, high, n).astype(np.int32)


def sums(x, i, y):
    """Updates that are out of bounds are dropped; negative ones count from the end."""
    out = np.array(x, float)
    i = np.where(i < 0, i + len(x), i)
    inside = (i >= 0) & (i < len(x))
    np.add.at(out, i[inside], np.asarray(y, float)[inside])
    return out


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "int64"])
def test_sums_by_label(n, dtype):
    with cr.enable_x64():
        x, y = (rng.integers(0, 9, k).astype(dtype) for k in (37, n))
        i = labels(n, -45, 50)
        found = np.asarray(cr.jit(lambda x, i, y: x.at[i].add(y))(x, i, y))
        np.testing.assert_array_equal(found, sums(x, i, y).astype(dtype))


def test_sums_of_floats_are_as_near_as_those_one_by_one():
    x, y, i = (
        rng.standard_normal(64),
        rng.standard_normal(1 << 18),
        labels(1 << 18, 0, 64),
    )
    single = [v.astype(np.float32) for v in (x, y)]
    expected = sums(single[0], i, single[1])
    found = cr.jit(lambda x, i, y: x.at[i].add(y))(single[0], i, single[1])
    np.testing.assert_allclose(np.asarray(found), expected, atol=2e-4)


def test_clipped_places_wait_at_the_ends():
    n = 1 << 16
    y, i = np.ones(n, np.float32), labels(n, -3, 12)
    add = cr.jit(lambda x, i, y: x.at[i].add(y, mode="clip"))
    places = np.clip(np.where(i < 0, i + 10, i), 0, 9)
    found = np.asarray(add(np.zeros(10, np.float32), i, y))
    np.testing.assert_array_equal(found, np.bincount(places, minlength=10))


def test_any_of_booleans():
    n = 1 << 16
    i, y = labels(n, 0, 1000), rng.uniform(size=n) < 0.01
    found = np.asarray(cr.jit(lambda i, y: cnp.zeros(1000, bool).at[i].max(y))(i, y))
    np.testing.assert_array_equal(found, np.bincount(i, y, 1000) > 0)


def test_what_nothing_is_added_to_keeps_its_sign():
    x = cnp.asarray([-0.0, 0.0, -0.0])
    y, i = np.full(1 << 16, -0.0, np.float32), np.full(1 << 16, 2, np.int32)
    found = np.asarray(cr.jit(lambda x, i, y: x.at[i].add(y))(x, i, y))
    np.testing.assert_array_equal(np.signbit(found), [True, False, True])


def test_the_operand_may_be_read_again():
    n = 1 << 16
    x, y, i = rng.uniform(size=20), rng.uniform(size=n), labels(n, 0, 20)
    with cr.enable_x64():
        f = cr.jit(lambda x, i, y: x.at[i].add(y * x[i]) * x)
        expected = (x + np.bincount(i, y * x[i], 20)) * x
        np.testing.assert_allclose(np.asarray(f(x, i, y)), expected, rtol=1e-11)


def test_bits_do_not_depend_on_threads_and_gradients_agree():
    n = 1 << 17
    y, i = rng.standard_normal(n).astype(np.float32), labels(n, 0, 256)
    f = cr.jit(lambda y: cnp.zeros(256, y.dtype).at[i].add(y))
    several, before = np.asarray(f(y)), cr.get_num_threads()
    cr.set_num_threads(1)
    try:
        np.testing.assert_array_equal(np.asarray(f(y)), several)
    finally:
        cr.set_num_threads(before)
    weights = np.arange(256, dtype=np.float32)
    found = cr.jit(cr.grad(lambda y: (f(y) * weights).sum()))(y)
    np.testing.assert_array_equal(np.asarray(found), weights[i])


def test_lengths_share_a_program():
    count = cr.jit(lambda i: cnp.zeros(16, "int32").at[i].add(1))
    for n in (70_000, 80_000, 80_008, 90_001, 5, 1 << 17):
        i = labels(n, 0, 16)
        np.testing.assert_array_equal(
            np.asarray(count(i)), np.bincount(i, minlength=16)
        )
