"""Rows long enough for all threads: any number of them, any arrangement of the items."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

N = (1 << 16) + 137
rng = np.random.default_rng(11)
ROWS = {
    "random": rng.standard_normal(N) * 100,
    "all the same": np.full(N, 7.0),
    "two values": (rng.uniform(size=N) < 0.3).astype(float),
    "few values, one common": np.where(
        rng.uniform(size=N) < 0.9, 3.0, rng.integers(0, 9, N)
    ),
    "sorted": np.sort(rng.standard_normal(N)) * 100,
    "reversed": np.sort(rng.standard_normal(N))[::-1] * 100,
    "up and down": np.abs(np.arange(N) - N // 2) / 600,
    "periodic": np.arange(N) % 64 + 0.0,
    "one far away": np.where(np.arange(N) == 77, -1e4, 1.0),
}


@pytest.fixture(params=[1, 2, 3, 8, 40])
def threads(request):
    before = cr.get_num_threads()
    cr.set_num_threads(request.param)
    yield request.param
    cr.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "int64"])
@pytest.mark.parametrize("name", ROWS)
def test_sorts_and_orders(name, dtype, threads):
    with cr.enable_x64():
        x = ROWS[name]
        if dtype == "int8":
            x = x % 100
        x = (abs(x) if dtype == "uint16" else x).astype(dtype)
        expected = np.sort(x, kind="stable")
        np.testing.assert_array_equal(np.asarray(cr.jit(cnp.sort)(x)), expected)
        order = cr.jit(lambda x: cnp.argsort(x, stable=True))(x)
        np.testing.assert_array_equal(np.asarray(order), np.argsort(x, kind="stable"))


def test_zeros_and_nans_keep_their_order(threads):
    x = rng.standard_normal(N).astype(np.float32)
    x[rng.integers(0, N, 500)] = np.nan
    x[rng.integers(0, N, 5000)] = 0.0
    x[rng.integers(0, N, 5000)] = -0.0
    found = np.asarray(cr.jit(cnp.sort)(x))
    expected = np.sort(x, kind="stable")
    np.testing.assert_array_equal(found, expected)
    zeros = lambda v: np.signbit(v[v == 0])
    np.testing.assert_array_equal(zeros(found), zeros(x))


def test_permutations_do_not_depend_on_threads(threads):
    key = cr.random.key(3)
    found = np.asarray(cr.jit(lambda k: cr.random.permutation(k, N))(key))
    np.testing.assert_array_equal(np.sort(found), np.arange(N))
    np.testing.assert_array_equal(found, np.asarray(cr.random.permutation(key, N)))
