"""Transposes go into the products that read or make them, where that is exact."""

import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.passes.arrangement import arrange_contractions
from chainrule.compiler.passes.dead_code import eliminate_dead_code
from chainrule.compiler.pipeline import simplify
from chainrule.core.checker import check_jaxpr
from chainrule.core.jaxpr import evaluate_jaxpr


def integers(*shape, seed=0):
    """Small integers, whose products and sums no order of adding rounds."""
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-4, 5, shape).astype(np.float32)


A, B, C = integers(4, 6), integers(5, 6, seed=1), integers(4, 5, seed=2)
Q, K = integers(2, 3, 4, 5), integers(2, 3, 6, 5)


def arranged(f, *args):
    return eliminate_dead_code(arrange_contractions(cr.make_jaxpr(f)(*args)))


def described(closed):
    """The equations: a product by its dimension numbers, others by name."""
    return [
        e.params.get("dimension_numbers", e.primitive.name) for e in closed.jaxpr.eqns
    ]


def numbers(contracted, batch=((), ())):
    return contracted, batch


LEADING = ((0, 1), (0, 1))
PROGRAMS = {
    "a transposed operand": (lambda a, b: a @ b.T, (A, B), [numbers(((1,), (1,)))]),
    "both": (lambda a, c: a.T @ c.T.T, (A, C), [numbers(((0,), (0,)))]),
    "one array twice": (lambda a: a.T @ a, (A,), [numbers(((0,), (0,)))]),
    "a transposed result": (lambda a, b: (b @ a.T).T, (A, B), [numbers(((1,), (1,)))]),
    "between two products": (
        lambda a, b, c: (a @ b.T).T @ a,
        (A, B, C),
        [numbers(((1,), (1,))), numbers(((0,), (0,)))],
    ),
    "scores of attention": (
        lambda q, k: q @ k.swapaxes(-1, -2),
        (Q, K),
        [numbers(((3,), (3,)), LEADING)],
    ),
    "the same by einsum": (
        lambda q, k: cnp.einsum("bhqd,bhkd->bhqk", q, k),
        (Q, K),
        [numbers(((3,), (3,)), LEADING)],
    ),
    "batch dimensions in another order": (
        lambda q, k: (q @ k.swapaxes(-1, -2)).transpose(1, 0, 3, 2),
        (Q, K),
        [numbers(((3,), (3,)), ((1, 0), (1, 0)))],
    ),
    "vectors as matrices": (
        lambda a, b: a[:, None, :] @ b[:4, :, None],
        (A, B),
        ["slice", numbers(((1,), (1,)), ((0,), (0,))), "reshape"],
    ),
    "the gradient of x @ w.T": (
        cr.grad(lambda b, a: cnp.sum(a @ b.T)),
        (B, A),
        ["broadcast_in_dim", numbers(((0,), (0,)))],
    ),
    "not: a result that is read twice": (
        lambda a, b: ((p := a @ b.T), p.T),
        (A, B),
        [numbers(((1,), (1,))), "transpose"],
    ),
    "not: free dimensions in another order": (
        lambda q, b: cnp.tensordot(q.transpose(1, 0, 2, 3), b[0, :5], 1),
        (Q, B),
        None,
    ),
    "not: batch dimensions behind others": (
        lambda q, k: (q @ k.swapaxes(-1, -2)).transpose(0, 2, 1, 3),
        (Q, K),
        [numbers(((3,), (3,)), LEADING), "transpose"],
    ),
    "not: operands that do not lie as matrices": (
        lambda q, k: q.transpose(0, 2, 1, 3) @ k[:, 0, :3].transpose(0, 2, 1)[:, None],
        (Q, K),
        None,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_products_are_arranged(name):
    f, args, wanted = PROGRAMS[name]
    found = arranged(f, *args)
    check_jaxpr(found)
    if wanted is None:
        assert "transpose" in described(found)
    else:
        assert described(found) == wanted
    values = evaluate_jaxpr(found.jaxpr, found.consts, args)
    for a, b in zip(values, cr.tree.leaves(f(*args)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bodies_of_loops_are_arranged():
    def f(a, b):
        return lax.fori_loop(0, 3, lambda i, a: (b @ a.T).T, a)

    closed = simplify(cr.make_jaxpr(f)(A[:, :4], A[:, :4]))
    (loop,) = [e for e in closed.jaxpr.eqns if e.params.get("jaxpr")]
    assert "transpose" not in described(loop.params["jaxpr"])


# --- any product, anything around it ------------------------------------------------


def random_view(draw, x):
    """A permutation of an array, or the array with a size of 1 more or less."""
    kind = draw.choice(["transpose", "transpose", "expand", "squeeze", "nothing"])
    ones = [k for k, n in enumerate(x.shape) if n == 1]
    if kind == "transpose" and x.ndim > 1:
        order = list(range(x.ndim))
        draw.shuffle(order)
        return lambda x: cnp.transpose(x, order)
    if kind == "expand":
        axis = draw.randint(0, x.ndim)
        return lambda x: cnp.expand_dims(x, axis)
    if kind == "squeeze" and ones:
        axis = draw.choice(ones)
        return lambda x: cnp.squeeze(x, axis)
    return lambda x: x


def random_product(draw, x, y):
    """The numbers of a product of arrays, made of pairs of dimensions of equal size."""
    pairs = [(i, j) for i in range(x.ndim) for j in range(y.ndim)]
    draw.shuffle(pairs)
    taken = []
    for i, j in pairs:
        fits = x.shape[i] == y.shape[j] and draw.random() < 0.7
        if fits and all(i != a and j != b for a, b in taken):
            taken.append((i, j))
    cut = draw.randint(0, len(taken))
    split = [tuple(zip(*part)) or ((), ()) for part in (taken[:cut], taken[cut:])]
    return tuple(split)


def random_program(seed):
    draw = random.Random(seed)
    args = [
        integers(*[draw.choice([1, 2, 3]) for _ in range(draw.randint(1, 4))], seed=k)
        for k in range(3)
    ]

    def f(*args):
        draw = random.Random(seed)
        values = list(args)
        for _ in range(3):
            x, y = draw.choice(values), draw.choice(values)
            x, y = random_view(draw, x)(x), random_view(draw, y)(y)
            z = lax.dot_general(x, y, random_product(draw, x, y))
            for _ in range(2):
                z = random_view(draw, z)(z)
            if z.ndim <= 6 and z.size <= 3000:
                values.append(z)
        return values

    return f, args


@pytest.mark.parametrize("seed", range(300))
def test_any_program_of_products_and_views_keeps_its_values(seed):
    f, args = random_program(seed)
    found = arranged(f, *args)
    check_jaxpr(found)
    values = evaluate_jaxpr(found.jaxpr, found.consts, args)
    for a, b in zip(values, f(*args), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", range(300, 312))
def test_compiled_programs_of_products_and_views_have_their_values(seed):
    f, args = random_program(seed)
    for a, b in zip(cr.jit(f)(*args), f(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


LARGE = {
    "times transposed": lambda x, y: x @ y.T,
    "transposed": lambda x, y: (x @ y.T).T,
    "transposed twice": lambda x, y: ((x @ y.T).T @ x).T,
    "gradient": cr.grad(lambda x, y: cnp.sum((x @ y.T) ** 2)),
}


@pytest.mark.parametrize("name", LARGE)
def test_products_of_the_library_make_no_transposed_copy(name):
    x, y = integers(128, 160), integers(192, 160, seed=1)
    made = cr.jit(LARGE[name]).lower(x, y).compile()
    assert "transpose" not in made.as_text()
    np.testing.assert_allclose(made(x, y), LARGE[name](x, y), rtol=1e-5)
