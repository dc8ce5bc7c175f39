"""Loops run again by segments have the values and derivatives of loops that store all.

Every length of a segment, with and without steps left over, both directions, under every
transformation; derivatives are also compared with finite differences.
"""

import itertools

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

LENGTHS = [0, 1, 2, 5, 12, 13]
WIDTH = 3


@pytest.fixture(autouse=True)
def doubles():
    with cr.enable_x64(True):
        yield


def close(found, wanted, tolerance=1e-10):
    found, wanted = cr.tree.leaves(found), cr.tree.leaves(wanted)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def operands(n, seed=0):
    rng = np.random.default_rng(seed)
    w, c, xs = (rng.standard_normal(s) for s in ((WIDTH, WIDTH), WIDTH, (n, WIDTH)))
    return 0.5 * w, c, xs


def step(w):
    """A carry with a counter and a part without a derivative, rows of two shapes."""

    def f(carry, x):
        c, i, label = carry
        c = cnp.tanh(w @ c + x * cnp.cos(c)) + 0.01 * i
        return (c, i + 1, (label * 5 + 1) % 7), (c.sum() * label, cnp.sin(c))

    return f


def loss(n, reverse=False, **options):
    def f(w, c, xs):
        carry = c, 0, cnp.int32(3)
        carry, (a, b) = lax.scan(step(w), carry, xs, reverse=reverse, **options)
        return cnp.sum(carry[0] ** 2) + carry[2] + cnp.sum(a * a) + cnp.sum(b**3)

    return f


SETTINGS = [
    (n, k, reverse)
    for n in LENGTHS
    for k, reverse in itertools.product([True, 1, 2, 3, 5, 20], [False, True])
]


@pytest.mark.parametrize(("n", "count", "reverse"), SETTINGS)
def test_values_and_gradients_are_those_of_the_loop(n, count, reverse):
    args = operands(n)
    plain, again = loss(n, reverse), loss(n, reverse, checkpoint=count)
    wanted = cr.value_and_grad(plain, (0, 1, 2))(*args)
    close(cr.value_and_grad(again, (0, 1, 2))(*args), wanted)
    close(cr.jit(cr.value_and_grad(again, (0, 1, 2)))(*args), wanted)


def stacked(args, seeds):
    return [cnp.stack(group) for group in zip(*(operands(13, s) for s in seeds))]


TRANSFORMATIONS = {
    "jvp": lambda f: lambda *xs: cr.jvp(f, xs, xs),
    "vmap of grad": lambda f: cr.vmap(cr.grad(f, (0, 2))),
    "grad of vmap": lambda f: cr.grad(lambda *xs: cr.vmap(f)(*xs).sum(), (0, 2)),
    "hessian": lambda f: cr.hessian(f, 1),
    "grad of grad": lambda f: cr.grad(
        lambda w, c, xs: cnp.sum(cr.grad(f)(w, c, xs) ** 2), (0, 2)
    ),
    "jvp of grad": lambda f: lambda *xs: cr.jvp(cr.grad(f, 2), xs, xs),
    "linearize": lambda f: lambda *xs: cr.linearize(f, *xs)[1](*xs),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(f), (0, 1, 2)),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [True, 3, 4])
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_transformation(name, count, reverse):
    transformed = TRANSFORMATIONS[name]
    args = stacked(None, (1, 2)) if "vmap" in name else operands(13)
    wanted = transformed(loss(13, reverse))(*args)
    found = transformed(loss(13, reverse, checkpoint=count))
    close(found(*args), wanted, 1e-9)
    close(cr.jit(found)(*args), wanted, 1e-9)


def test_rows_may_be_missing_on_both_sides():
    def f(c, count):
        step = lambda c, _: (cnp.sin(c * 1.3) + c, None)
        return lax.scan(step, c, None, length=11, checkpoint=count)[0]

    for count in (True, 2, 3, 11):
        close(cr.grad(f)(0.4, count), cr.grad(f)(0.4, False))


def test_loops_within_loops():
    def run(c, x, outer, inner):
        def row(c, x):
            deep = lambda c, y: (cnp.cos(c) * y + x, c)
            c, ys = lax.scan(deep, c, cnp.linspace(0.1, 1.0, 7), checkpoint=inner)
            return cnp.sin(c), ys.sum()

        c, ys = lax.scan(row, c, x, checkpoint=outer)
        return c + cnp.sum(ys * ys)

    x = np.linspace(-1, 1, 9)
    wanted = cr.grad(run, (0, 1))(0.3, x, False, False)
    for outer, inner in itertools.product([False, True, 2, 4], repeat=2):
        close(cr.grad(run, (0, 1))(0.3, x, outer, inner), wanted)
        jitted = cr.jit(cr.grad(run, (0, 1)), static_argnums=(2, 3))
        close(jitted(0.3, x, outer, inner), wanted)


def test_keys_in_the_carry_are_drawn_from_again():
    def f(x, count):
        def noisy(carry, _):
            c, key = carry
            key, part = cr.random.split(key)
            return (cnp.sin(c) + cr.random.normal(part), key), c * c

        start = x, cr.random.key(3)
        (c, _), ys = lax.scan(noisy, start, None, length=10, checkpoint=count)
        return c + ys.sum()

    for count in (True, 3, 4):
        close(cr.grad(f)(0.2, count), cr.grad(f)(0.2, False))
        close(cr.jit(cr.grad(f), static_argnums=1)(0.2, count), cr.grad(f)(0.2, False))


def test_gradients_are_finite_differences():
    w, c, xs = operands(13)
    direction = np.sin(np.arange(WIDTH) + 1.0)
    for reverse in (False, True):
        f = lambda t: loss(13, reverse, checkpoint=True)(w, c + t * direction, xs)
        slope = (f(1e-6) - f(-1e-6)) / 2e-6
        close(cr.grad(f)(0.0), slope, 1e-6)
