"""Products of thin matrices with a long contracted dimension, cut into parts."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

LENGTHS = (2048, 4096, 4100, 4099, 16384, 20000)


def drawn(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def is_numpys(fun, reference, *xs):
    found, expected = cr.jit(fun)(*xs), reference(*xs)
    eps = np.finfo(found.dtype).eps
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        np.asarray(found), expected, rtol=0, atol=40 * eps * scale
    )


@pytest.mark.parametrize("k", LENGTHS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gram_matrices(k, dtype):
    with cr.enable_x64():
        x = drawn(k, 24, dtype=dtype)
        is_numpys(lambda x: x.T @ x / k, lambda x: x.T.astype(float) @ x / k, x)
        is_numpys(lambda x: x @ x.T, lambda x: x @ x.T.astype(float), x.T.copy())


@pytest.mark.parametrize("k", LENGTHS)
def test_both_layouts_of_both_operands(k):
    with cr.enable_x64():
        a, b = drawn(20, k), drawn(k, 33, seed=1)
        for x in (a, a.T.copy().T):
            for y in (b, b.T.copy().T):
                is_numpys(lambda x, y: x @ y + 1, lambda x, y: x @ y + 1, x, y)
        is_numpys(lambda x, y: x.T @ y, lambda x, y: x.T @ y, a.T.copy(), b)
        is_numpys(lambda x, y: x @ y.T, lambda x, y: x @ y.T, a, b.T.copy())
        is_numpys(
            lambda x, y: x.T @ y.T, lambda x, y: x.T @ y.T, a.T.copy(), b.T.copy()
        )


def test_several_contracted_dimensions():
    with cr.enable_x64():
        x, y = drawn(17, 64, 80), drawn(64, 80, 3, 7)
        is_numpys(
            lambda x, y: cnp.tensordot(x, y, 2),
            lambda x, y: np.tensordot(x, y, 2),
            x,
            y,
        )


def test_one_program_for_many_lengths():
    """Lengths that are cut alike share a plan; all others get their own."""
    with cr.enable_x64():
        compiled = cr.jit(cr.grad(lambda w, x: ((x @ w) ** 2).sum() / len(x)))
        w = drawn(24, 20)
        for k in (8192, 8208, 8224, 8193, 8195, 4096, 32768, 16):
            x = drawn(k, 24, seed=k)
            expected = 2 * x.T @ (x @ w) / k
            np.testing.assert_allclose(np.asarray(compiled(w, x)), expected, rtol=1e-11)


def test_the_bits_are_those_of_one_thread():
    x = drawn(32768, 32, dtype="float32")
    product = cr.jit(lambda x: x.T @ x)
    several = np.asarray(product(x))
    before = cr.get_num_threads()
    cr.set_num_threads(1)
    try:
        np.testing.assert_array_equal(np.asarray(product(x)), several)
    finally:
        cr.set_num_threads(before)


@pytest.mark.parametrize("m, k, n", [
    (8, 1024, 500), (500, 1024, 8), (5, 300, 5), (12, 128, 40), (500, 8, 300),
    (20_000, 16, 16), (16, 20_000, 16), (15, 200, 1000), (1, 700, 90), (90, 700, 1),
    (8, 400, 700), (3, 129, 2000),
])  # fmt: skip
def test_thin_products_in_every_layout(m, k, n):
    """Vectors go along long sums where operands let them; a thin one is copied for it."""
    with cr.enable_x64():
        a, b = drawn(m, k), drawn(k, n, seed=1)
        for x in (a, a.T.copy().T):
            for y in (b, b.T.copy().T):
                for f in (lambda x, y: x @ y, lambda x, y: x.T.T @ y.T.T):
                    is_numpys(f, lambda x, y: x @ y, x, y)
        x, y = a.T.copy(), b.T.copy()
        is_numpys(lambda x, y: x.T @ y.T, lambda x, y: x.T @ y.T, x, y)
        is_numpys(lambda x, y: x.T @ y, lambda x, y: x.T @ y, x, b)
        is_numpys(lambda x, y: x @ y.T, lambda x, y: x @ y.T, a, y)
