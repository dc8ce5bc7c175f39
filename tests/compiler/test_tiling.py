"""Programs that go along rows of one operand and down columns of another."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

DTYPES = ("bool", "int8", "uint16", "bfloat16", "int32", "float32", "float64")
SHAPES = ((16, 16), (17, 33), (64, 64), (127, 200), (128, 128), (130, 401), (3, 300))


def numbers(shape, dtype, seed=0):
    x = np.random.default_rng(seed).integers(-100, 100, shape)
    return np.asarray(cnp.asarray(x % 2 == 0 if dtype == "bool" else x, dtype))


def same(function, *args):
    compiled, eager = (cr.tree.leaves(f(*args)) for f in (cr.jit(function), function))
    for x, y in zip(compiled, eager, strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_with_a_transpose(shape, dtype):
    with cr.enable_x64():
        x, y = numbers(shape, dtype), numbers(shape[::-1], dtype, 1)
        same(lambda x, y: x + y.T, x, y)
        same(lambda x, y: (x + y.T, x.T), x, y)


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_permutations_of_three_dimensions(order):
    x = numbers((130, 20, 140), "float32")
    same(lambda x: cnp.transpose(x, order) * 2, x)


def test_images_with_channels_first_and_last():
    x = numbers((3, 130, 18, 40), "float32")
    same(lambda x: cnp.transpose(x, (0, 3, 1, 2)) + 1, x)
    same(lambda x: cnp.transpose(x, (0, 2, 3, 1)) + 1, x)


@pytest.mark.parametrize("n", [40, 150, 260])
def test_expressions_too_long_for_squares(n):
    x, y = (numbers((n, n), "float32", k) / 64 for k in (0, 1))
    f = lambda x, y: cnp.tanh(x) * y.T + x.T * cnp.exp(-(y**2)) - cnp.sin(y.T * x)
    np.testing.assert_allclose(cr.jit(f)(x, y), f(x, y), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [33, 200])
def test_backwards_shifted_and_guarded_reads(n):
    x, y = numbers((n, n), "float32"), numbers((n, n), "float32", 1)
    same(lambda x, y: x + y[::-1].T, x, y)
    same(lambda x, y: x + y[:, ::-1].T, x, y)
    same(lambda x, y: x[1:, 2:] + y[2:, 1:].T, x, y)
    same(lambda x, y: x + cnp.pad(y[1:, 1:].T, ((1, 0), (0, 1))), x, y)
    same(lambda x, y: x + cnp.roll(y, 3, axis=0).T, x, y)
    same(lambda x, y: x + y.T + y, x, y)
    same(lambda x, y: x + y.T[0], x, y)


@pytest.mark.parametrize("n", [100, 300])
def test_sums_over_transposed_operands(n):
    x, y = numbers((n, n), "float32"), numbers((n, n), "float32", 1)
    same(lambda x, y: cnp.sum(x * y.T, axis=0), x, y)
    same(lambda x, y: cnp.sum(x + y.T, axis=1), x, y)


def test_large_ones_go_in_tiles():
    x = numbers((300, 300), "float32")
    loops = cr.explain(lambda x: x + x.T)(x).steps[0].loops
    assert loops.count("for ") == 4, loops


def test_one_text_for_all_sizes():
    f = lambda x: x + x.T
    texts = {
        cr.explain(f)(numbers((n, n), "float32")).steps[0].llvm for n in (200, 333)
    }
    assert len(texts) == 1
