"""Tridiagonal systems: the solutions, compiled and eager, alone and among others."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.lax as lax
import chainrule.numpy as cnp
from chainrule.lax.linalg import tridiagonal_solve

from . import native


@pytest.fixture
def enable_x64():
    with cr.enable_x64():
        yield


DTYPES = ("float32", "float64", "complex64", "complex128")


def system(*shape, sides=1, dtype="float32", seed=0):
    """Diagonals and right-hand sides. Entries are of several magnitudes, some of the
    diagonal are tiny, so that rows have to be exchanged."""
    random = np.random.default_rng(seed)

    def draw(*shape):
        x = random.standard_normal(shape) * 10.0 ** random.integers(-2, 3, shape)
        if dtype.startswith("complex"):
            x = x + 1j * random.standard_normal(shape)
        return x.astype(dtype)

    dl, d, du = draw(*shape), draw(*shape), draw(*shape)
    d[random.random(shape) < 0.3] /= 1024
    return dl, d, du, draw(*shape, sides)


def run(f, *args):
    return native.run(f, *map(cnp.asarray, args))


def assert_same(f, *args):
    native.assert_same(f, *map(cnp.asarray, args))


def dense(dl, d, du):
    """The matrices, in twice the precision."""
    n = d.shape[-1]
    wide = np.result_type(d.dtype, np.float64)
    a = np.zeros((*d.shape, n), wide)
    rows = np.arange(n)
    a[..., rows, rows] = d
    a[..., rows[1:], rows[:-1]] = dl[..., 1:]
    a[..., rows[:-1], rows[1:]] = du[..., :-1]
    return a


def backward_error(dl, d, du, b, x):
    """How far right-hand sides are from a x, of what is added up in them."""
    a, x = dense(dl, d, du), np.asarray(x).astype(np.result_type(x, np.float64))
    size = np.abs(a).sum(-1).max(-1)[..., None] * np.abs(x).max(-2)
    error = np.abs(a @ x - b).max(-2) / (size + np.abs(b).max(-2))
    return error.max(initial=0) / np.finfo(d.dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 33, 200])
@pytest.mark.parametrize("sides", [1, 3])
def test_compiled_solutions_are_those_of_evaluation_and_solve_the_system(
    dtype, n, sides, enable_x64
):
    for batch in ((), (2,), (3,), (21,), (2, 20), (0,)):
        operands = system(*batch, n, sides=sides, dtype=dtype, seed=n)
        (x,) = run(tridiagonal_solve, *operands)
        assert x.dtype == dtype
        assert backward_error(*operands, x) < 8
        assert_same(tridiagonal_solve, *operands)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_system_has_the_same_solution_whatever_its_neighbours_are(dtype, enable_x64):
    operands = system(37, 11, sides=2, dtype=dtype)
    together = np.asarray(tridiagonal_solve(*operands))
    alone = np.stack([tridiagonal_solve(*(x[i] for x in operands)) for i in range(37)])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("sides", [256, 257, 700])
def test_right_hand_sides_that_are_solved_in_parts(sides):
    dl, d, du, b = system(2, 9, sides=sides)
    (x,) = run(tridiagonal_solve, dl, d, du, b)
    for c in (0, 1, 255, sides - 1):
        alone = tridiagonal_solve(dl, d, du, b[..., c : c + 1])
        np.testing.assert_array_equal(x[..., c : c + 1], alone)
    assert_same(tridiagonal_solve, dl, d, du, b)


SINGULAR = {
    "zeros": [[0] * 5, [0] * 5, [0] * 5],
    "an empty column": [[0, 1, 1, 0, 1], [1, 3, 0, 3, 2], [1, 0, 1, 1, 0]],
    "a chain without an anchor": [[-1] * 5, [1, 2, 2, 2, 1], [-1] * 5],
    "odd and without a diagonal": [[1] * 5, [0] * 5, [1] * 5],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SINGULAR)
def test_singular_systems_are_nan_and_spoil_no_other(name, dtype, enable_x64):
    dl, d, du, b = system(19, 5, sides=2, dtype=dtype, seed=3)
    whole = np.asarray(tridiagonal_solve(dl, d, du, b))
    dl[7], d[7], du[7] = np.array(SINGULAR[name])
    (x,) = run(tridiagonal_solve, dl, d, du, b)
    others = np.arange(19) != 7
    np.testing.assert_array_equal(x[others], whole[others])
    assert np.isnan(x[7]).all()
    assert np.isnan(tridiagonal_solve(dl[7], d[7], du[7], b[7])).all()
    moved = lambda *xs: tridiagonal_solve(*xs, perturb_singular=True)
    (y,) = run(moved, dl, d, du, b)
    np.testing.assert_array_equal(y[others], whole[others])
    assert np.isfinite(y[7]).all()
    assert_same(moved, dl, d, du, b)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_what_is_not_finite_stays_in_its_system(which, value):
    operands = system(18, 6)
    whole = np.asarray(tridiagonal_solve(*operands))
    operands[which][4, 3] = value
    (x,) = run(tridiagonal_solve, *operands)
    others = np.arange(18) != 4
    np.testing.assert_array_equal(x[others], whole[others])
    if np.isnan(value):
        assert np.isnan(x[4]).all()


def test_entries_of_the_smallest_and_the_largest_numbers():
    tiny = np.finfo(np.float32).smallest_subnormal
    d = np.array([tiny, 3e38, 1, 2], np.float32)
    b = np.array([[tiny], [3e38], [0], [tiny]], np.float32)
    zero = np.zeros(4, np.float32)
    x = np.asarray(cr.jit(tridiagonal_solve)(zero, d, zero, b))
    np.testing.assert_array_equal(x[:3, 0], [1, 1, 0])


# --- in programs ----------------------------------------------------------------------


def diffuse(rate, u, steps=20):
    """Implicit steps of the heat equation, ends held at zero."""
    off = cnp.full(u.shape, -rate, u.dtype)
    diagonal = cnp.full(u.shape, 1 + 2 * rate, u.dtype)

    def step(_, u):
        return tridiagonal_solve(off, diagonal, off, u[:, None])[:, 0]

    return lax.fori_loop(0, steps, step, u)


def test_implicit_steps_are_a_native_loop():
    n, rate, steps = 63, 0.4, 20
    mode = np.sin(np.pi * np.arange(1, n + 1) / (n + 1)).astype(np.float32)
    (u,) = run(diffuse, np.float32(rate), mode)
    damped = 1 + 4 * rate * np.sin(np.pi / (2 * (n + 1))) ** 2
    np.testing.assert_allclose(u, mode * damped**-steps, rtol=2e-5)


def test_gradients_of_implicit_steps(enable_x64):
    u = np.random.default_rng(0).standard_normal(12)
    loss = lambda rate, u: cnp.sum(diffuse(rate, u, 5) ** 2)

    def gradient(rate, u):
        back = lambda rate, u: cnp.sum(scanned(rate, u) ** 2)
        return cr.grad(back, (0, 1))(rate, u)

    def scanned(rate, u):
        return lax.scan(lambda u, _: (diffuse(rate, u, 1), None), u, None, 5)[0]

    rate_bar, u_bar = run(gradient, 0.3, u)
    step = 1e-6
    slope = (loss(0.3 + step, u) - loss(0.3 - step, u)) / (2 * step)
    np.testing.assert_allclose(rate_bar, slope, rtol=1e-7)
    direction = np.cos(np.arange(12.0))
    slope = (loss(0.3, u + step * direction) - loss(0.3, u - step * direction)) / (
        2 * step
    )
    np.testing.assert_allclose(u_bar @ direction, slope, rtol=1e-7)


@pytest.mark.parametrize("axes", [
    (None, None, None, 0), (None, None, None, 1), (None, None, None, 2),
    (0, 0, 0, 0), (0, None, 1, None), (None, 1, None, 2),
])  # fmt: skip
def test_batches_of_systems_of_right_hand_sides_and_of_both(axes):
    n, size = 7, 5

    def operand(seed, shape, axis):
        shape = list(shape)
        if axis is not None:
            shape.insert(axis, size)
        return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)

    shapes = ((n,), (n,), (n,), (n, 2))
    operands = [operand(i, s, a) for i, (s, a) in enumerate(zip(shapes, axes))]
    pick = lambda x, axis, i: x if axis is None else np.take(x, i, axis)
    f = cr.vmap(tridiagonal_solve, axes)
    loop = np.stack([
        tridiagonal_solve(*(pick(x, a, i) for x, a in zip(operands, axes)))
        for i in range(size)
    ])  # fmt: skip
    np.testing.assert_allclose(f(*operands), loop, rtol=1e-4, atol=1e-5)
    assert_same(f, *operands)
