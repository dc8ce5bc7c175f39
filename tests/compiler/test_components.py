"""Stacks along a short axis: kept, read and stored by component."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.lax as lax
import chainrule.numpy as cnp


def numbers(*shape, seed=0):
    x = np.random.default_rng(seed).integers(-8, 8, shape)
    return x.astype(np.float32)


def same(function, *args):
    compiled, eager = (cr.tree.leaves(f(*args)) for f in (cr.jit(function), function))
    for x, y in zip(compiled, eager, strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def turned(z, axis=-1):
    """A costly map of two components along the last axis, or another."""
    a, b = (lax.index_in_dim(z, k, axis, keepdims=False) for k in (0, 1))
    return cnp.stack([a * b - b * 2 + a, b * b + a * 3 - b], axis=axis)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("shape", [(5, 7), (40, 300), (0, 3), (1, 1)], ids=str)
def test_stacks_as_results(shape, count, axis):
    x = numbers(*shape)
    same(lambda x: cnp.stack([x * k + x for k in range(count)], axis=axis), x)
    same(lambda x: cnp.stack([x + k for k in range(count)], axis=axis) * 2 + 1, x)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 50, 3000])
def test_steps_of_a_system(n, axis):
    z = numbers(*((2, n) if axis == 0 else (n, 2)))

    def steps(z):
        for _ in range(5):
            a = turned(z, axis)
            z = cnp.floor(z + a / 4 + turned(z + a, axis) / 16) % 8
        return z, z * 2

    same(steps, z)


def test_steps_are_one_loop_without_choices():
    def steps(z):
        a = turned(z)
        return z + a + turned(z + a)

    (step,) = cr.explain(steps)(numbers(100, 2)).steps
    assert step.loops.count("for ") == 1
    assert " if " not in step.loops


def test_readers_of_all_kinds():
    def readers(z, i, w):
        a = turned(z)
        return (
            a, a, a[:, 0], a[:, ::-1], cnp.roll(a, 1, axis=0), cnp.roll(a, 1, axis=1),
            cnp.sum(a, axis=0), cnp.sum(a, axis=1), cnp.max(a), a.T, a @ w, a[i],
            a[:, i % 2], lax.dynamic_slice(a, (i, i), (3, 1)), a.reshape(-1)[3:40],
            cnp.cumsum(a, axis=0), cnp.sort(a, axis=1), a[:, None, :] * a[:, :, None],
            cnp.where(a > 0, a, -a), a.astype("int32"), cnp.pad(a, 1), a[2:9] - a[1:8],
        )  # fmt: skip

    same(readers, numbers(60, 2), np.int32(1), numbers(2, 3))


def test_a_result_that_is_read_again():
    def program(z):
        a = turned(z)
        b = turned(a)
        return a, turned(b) + a, b

    same(program, numbers(200, 2))


def test_scalars():
    def program(x, y):
        a = cnp.stack([x * y + x, x - y * y])
        b = a + cnp.stack([a[1], a[0]]) * a
        return b, b[0]

    same(program, np.float32(3), np.float32(2))


def test_stacks_of_stacks():
    def rotation(angles):
        c, s = cnp.cos(angles), cnp.sin(angles)
        rows = [cnp.stack([c, -s], axis=-1), cnp.stack([s, c], axis=-1)]
        return cnp.stack(rows, axis=-2)

    angles = numbers(70)
    product = lambda a: cnp.einsum("nij,njk->nik", rotation(a), rotation(2 * a))
    np.testing.assert_allclose(cr.jit(product)(angles), product(angles), atol=1e-6)


@pytest.mark.parametrize("n", [4, 500])
def test_gradients_through_stacks(n):
    def loss(z):
        for _ in range(3):
            z = z / 8 + turned(z / 8)
        return cnp.sum(cnp.sin(z))

    z = numbers(n, 2)
    np.testing.assert_allclose(
        cr.jit(cr.grad(loss))(z), cr.grad(loss)(z), rtol=1e-4, atol=1e-5
    )
