"""Donated arguments lend their memory to results of compiled programs."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

N = 50000


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


def run(f, *args, donate=0):
    """The result of `f`, and whether it lies where the donated argument was."""
    arrays = [cnp.array(a) for a in args]
    before = address(arrays[donate])
    out = cr.jit(f, donate_argnums=donate)(*arrays)
    assert arrays[donate].is_deleted()
    return np.asarray(out), address(out) == before


X = np.arange(N, dtype="float32")


def test_an_update_of_a_donated_array_is_made_in_place():
    out, same = run(lambda x: x.at[3].set(7.0), X)
    wanted = X.copy()
    wanted[3] = 7
    np.testing.assert_array_equal(out, wanted)
    assert same


def test_a_result_that_is_written_after_the_argument_was_read():
    f = lambda x, y: cnp.sin(y) * cnp.sum(x)
    out, same = run(f, X, X / N)
    np.testing.assert_allclose(out, np.sin(X / N) * X.sum(), rtol=1e-4, atol=1e-2)
    assert same


def test_what_is_still_read_keeps_its_memory():
    """Another element of the argument is read for each of the result."""
    out, same = run(lambda x: x[::-1] + x, X)
    np.testing.assert_array_equal(out, X[::-1] + X)
    assert not same
    f = lambda x: (y := x.at[3].set(7.0), cnp.sum(x) + y[0])
    arrays = cnp.array(X)
    y, total = cr.jit(f, donate_argnums=0)(arrays)
    np.testing.assert_allclose(total, X.sum(), rtol=1e-5)
    assert y[3] == 7


def test_an_update_in_place_of_what_was_made_before_the_argument_was_read():
    """The result begins where the sorted numbers are, before the sum is taken."""
    f = lambda x: cnp.sort(x).at[cnp.argmax(x)].set(cnp.sum(x))
    values = np.random.default_rng(0).permutation(X) % 97
    out, _ = run(f, values)
    wanted = np.sort(values)
    wanted[np.argmax(values)] = values.sum()
    np.testing.assert_array_equal(out, wanted)


def test_an_array_that_others_see_is_left_alone():
    memory = X.copy()
    array = cnp.asarray(memory)
    view = np.asarray(array)
    out = cr.jit(lambda x: x.at[3].set(7.0), donate_argnums=0)(array)
    np.testing.assert_array_equal(view, X)
    np.testing.assert_array_equal(memory, X)
    assert out[3] == 7


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_chains_of_updates_and_calls(steps):
    @cr.jit
    def plain(x, k):
        for i in range(steps):
            x = x.at[k + i].add(1.0)
        return x

    donating = cr.jit(plain.__wrapped__, donate_argnums=0)
    x, y = cnp.array(X), cnp.array(X)
    for k in range(6):
        x, y = plain(x, k), donating(y, k)
    np.testing.assert_array_equal(x, y)


def test_two_donated_arguments_and_a_swap():
    f = cr.jit(lambda x, y: (y * 2, x + 1), donate_argnums=(0, 1))
    a, b = f(cnp.array(X), cnp.array(-X))
    np.testing.assert_array_equal(a, -X * 2)
    np.testing.assert_array_equal(b, X + 1)


def test_a_loop_over_a_donated_array():
    f = cr.jit(
        lambda x: cr.lax.fori_loop(1, 100, lambda i, c: c.at[i].set(c[i - 1] + 1), x),
        donate_argnums=0,
    )
    wanted = X.copy()
    wanted[1:100] = np.arange(1, 100)
    np.testing.assert_array_equal(f(cnp.array(X)), wanted)
