"""What reverse mode stores: the cheapest values from which it can compute the rest."""

import itertools
import math
import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.passes.common_subexpressions import (
    eliminate_common_subexpressions,
)
from chainrule.control import sufficient as choice
from chainrule.control.call import linear_programs, linearized_call
from chainrule.control.minimum_cut import SINK, SOURCE, Network
from chainrule.control.scan_reverse import linearized
from chainrule.control.sufficient import CACHE, FAR, NEAR, sufficient
from chainrule.core.checker import check_jaxpr
from chainrule.core.jaxpr import ClosedJaxpr, Literal, evaluate_jaxpr

X = cnp.linspace(0.25, 2.0, 6).reshape(2, 3)
W = cnp.linspace(-1.0, 1.0, 9).reshape(3, 3)


# --- minimum cuts --------------------------------------------------------------------


def random_edges(seed):
    draw = random.Random(seed)
    nodes = [SOURCE, SINK, *range(draw.randint(1, 5))]
    return nodes, [
        (a, b, draw.choice([1, 2, 3, 5, math.inf]))
        for a, b in itertools.permutations(nodes, 2)
        if draw.random() < 0.4
    ]


@pytest.mark.parametrize("seed", range(150))
def test_a_cut_is_the_cheapest_of_all_and_the_nearest_to_the_sink(seed):
    nodes, edges = random_edges(seed)
    network = Network()
    for a, b, capacity in edges:
        network.add(a, b, capacity)

    def price(beyond):
        return sum(c for a, b, c in edges if a not in beyond and b in beyond)

    inner = nodes[2:]
    cuts = [
        {SINK, *some}
        for n in range(len(inner) + 1)
        for some in itertools.combinations(inner, n)
    ]
    least = min(map(price, cuts))
    if least == math.inf:
        return
    beyond = network.beyond()
    assert price(beyond) == least
    smallest = min(len(c) for c in cuts if price(c) == least)
    assert len(beyond & set(nodes)) == smallest


# --- the choice ----------------------------------------------------------------------


def swish(x):
    return x / (1 + cnp.exp(-x))


BODIES = {
    "tanh": lambda x: cnp.tanh(x),
    "tanh squared": lambda x: cnp.tanh(x @ W) ** 2,
    "sin and cos": lambda x: cnp.sin(x @ W) * cnp.cos(x @ W),
    "gated": lambda x: swish(x @ W) * cnp.tanh(x),
    "polynomial": lambda x: x * (1 - x) * (2 - x),
    "normalized": lambda x: x / cnp.sqrt(1 + cnp.sum(x * x, 1, keepdims=True)),
    "selected": lambda x: cnp.where(x > 1, cnp.exp(x), x * x),
    "pieces": lambda x: cnp.concatenate([cnp.exp(x[:, :1]), x[:, 1:] ** 3], 1),
}


def body(name, steps=1):
    """The known program of a body, its residuals, and what is chosen to be stored."""
    known = linear_programs(cr.make_jaxpr(BODIES[name])(X), (True,))[0]
    known = eliminate_common_subexpressions(known)
    residuals = known.jaxpr.outvars[1:]
    return known, residuals, sufficient(known.jaxpr, residuals, (), (), steps)


def price(jaxpr, residuals, again, byte):
    """What computing the values `again` costs, and storing what they leave."""
    stored = set()
    made = {v: e for e in jaxpr.eqns for v in e.outvars}
    waiting = [v for v in residuals if type(v) is not Literal]
    computed = set()
    while waiting:
        v = waiting.pop()
        if v in again:
            if v not in computed:
                computed.add(v)
                waiting += [u for u in made[v].invars if type(u) is not Literal]
        else:
            stored.add(v)
    work = sum(
        made[v].primitive.work
        * v.aval.size
        * max(u.aval.dtype.itemsize for u in (*made[v].invars, v))
        for v in computed
    )
    return work + byte * sum(v.aval.size * v.aval.dtype.itemsize for v in stored)


@pytest.mark.parametrize("steps", [1, CACHE])
@pytest.mark.parametrize("name", BODIES)
def test_no_other_choice_is_cheaper(name, steps):
    known, residuals, chosen = body(name, steps)
    jaxpr, byte = known.jaxpr, NEAR if steps == 1 else FAR
    cheap = [e.outvars[0] for e in jaxpr.eqns if e.primitive.work is not None]
    assert len(cheap) <= 14
    every = [
        price(jaxpr, residuals, set(some), byte)
        for n in range(len(cheap) + 1)
        for some in itertools.combinations(cheap, n)
    ]
    taken = set() if chosen is None else {e.outvars[0] for e in chosen.again.eqns}
    assert price(jaxpr, residuals, taken, byte) == min(every)


@pytest.mark.parametrize("steps", [1, CACHE])
@pytest.mark.parametrize("name", BODIES)
def test_residuals_computed_again_are_the_same_numbers(name, steps):
    known, residuals, chosen = body(name, steps)
    if chosen is None:
        return
    check_jaxpr(ClosedJaxpr(chosen.again, []))
    jaxpr = known.jaxpr.replace(outvars=[*residuals, *chosen.stored])
    values = evaluate_jaxpr(jaxpr, known.consts, (X,))
    wanted, stored = values[: len(residuals)], values[len(residuals) :]
    for a, b in zip(evaluate_jaxpr(chosen.again, [], stored), wanted):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def stored_by(step, *avals, steps=1, consts=0, carries=1):
    """The names of the operations whose results a loop stacks, a row per step."""
    program = cr.make_jaxpr(step)(*avals)
    dots = (True,) * len(avals)
    division = linearized(program, consts, carries, dots, steps)[2]
    jaxpr = division.known.jaxpr
    made = {v: e.primitive.name for e in jaxpr.eqns for v in e.outvars}
    return [made.get(v, "carry") for v in jaxpr.outvars[len(program.out_avals) :]]


STORED = {
    "the result of tanh, and not its slope too": (
        lambda c: cnp.sum(cnp.tanh(c) ** 2) * c, 1, ["reduce_sum", "carry", "tanh"],
    ),
    "the carry, for its powers and multiples": (
        lambda c: c * c * c + 2 * c * (1 - c), 1, ["carry"],
    ),
    "sine and cosine, but once": (
        lambda c: 0.1 * cnp.sin(c) * cnp.cos(c), 1, ["cos", "sin"],
    ),
    "an exponential, where it stays in a cache": (
        lambda c: c * cnp.exp(-c * c), 1, ["carry", "exp"],
    ),
    "its argument alone, where it does not": (
        lambda c: c * cnp.exp(-c * c), CACHE, ["carry"],
    ),
    "the small value, not what it is broadcast to": (
        lambda c: c * cnp.exp(cnp.sum(c, 0)), 1, ["exp", "carry"],
    ),
    "products of matrices, for nothing else makes them": (
        lambda c: (lambda p: p * p * (1 - p))(c @ W), CACHE, ["dot_general"],
    ),
    "nothing, if the derivative is constant": (lambda c: 2 * c + 1, 1, []),
}  # fmt: skip


@pytest.mark.parametrize("name", STORED)
def test_a_loop_stores(name):
    step, steps, wanted = STORED[name]
    assert sorted(stored_by(step, X, steps=steps)) == sorted(wanted)


def test_rows_of_xs_and_of_ys_are_not_stored_again():
    def step(c, x):
        y = cnp.tanh(c + x)
        return c * 0.5 + y, y

    assert stored_by(step, X, X) == []
    assert stored_by(lambda c, x: (c * x * x * (1 - x), c), X, X) == []


def test_random_numbers_and_effects_are_not_repeated():
    def step(c):
        key = cr.random.key(cnp.int32(c[0, 0]))
        return c * c * cr.random.normal(key, c.shape)

    division = linearized(cr.make_jaxpr(step)(X), 0, 1, (True,))[2]
    tangent = {e.primitive.name for e in division.tangent.eqns}
    assert not any("random" in name or "threefry" in name for name in tangent)


def test_a_call_stores_neither_arguments_nor_results_again():
    closed = cr.make_jaxpr(lambda x, w: cnp.tanh(x @ w))(X, W)
    call = linearized_call(closed, (True, True))
    assert len(call.known.out_avals) == 1
    assert set(call.places) == {("argument", 0), ("argument", 1), ("out", 0)}


# --- derivatives ---------------------------------------------------------------------


def lorenz(y):
    def slope(s):
        x, y, z = s
        return cnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    def step(y, _):
        a = slope(y)
        b = slope(y + 0.005 * a)
        return y + 0.01 * b, None

    return cnp.sum(lax.scan(step, y, None, length=20)[0] ** 2)


def gated(w):
    def step(carry, x):
        h, c = carry
        c = cr.nn.sigmoid(x @ w) * c + cnp.tanh(h @ w)
        return (cr.nn.gelu(c), c), cnp.exp(-c * c)

    xs = cnp.linspace(-1.0, 1.0, 30).reshape(10, 3)
    (h, _), ys = lax.scan(step, (xs[0], xs[1]), xs)
    return cnp.sum(h**2) + cnp.sum(ys * ys)


LOOPS = {"lorenz": (lorenz, cnp.array([1.0, 2.0, 20.0])), "gated": (gated, W)}
DERIVATIVES = {
    "grad": lambda f, x: cr.grad(f)(x),
    "jit of grad": lambda f, x: cr.jit(cr.grad(f))(x),
    "grad of jit": lambda f, x: cr.grad(cr.jit(f))(x),
    "vmap of grad": lambda f, x: cr.vmap(cr.grad(f))(cnp.stack([x, x * 0.5])),
    "grad of vmap": lambda f, x: cr.grad(
        lambda x: cr.vmap(f)(cnp.stack([x, x * 0.5])).sum()
    )(x),
    "hessian": lambda f, x: cr.hessian(f)(x),
    "grad of grad": lambda f, x: cr.grad(
        lambda x: cnp.sum(cnp.sin(cr.grad(cr.jit(f))(x)))
    )(x),
}


@pytest.mark.parametrize("rate", [NEAR, FAR, 1e6])
@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("name", LOOPS)
def test_derivatives_are_those_of_a_program_that_stores_all(
    name, derivative, rate, monkeypatch
):
    f, x = LOOPS[name]
    remembered = ClosedJaxpr.derived

    def derivative_at(byte):
        monkeypatch.setattr(choice, "NEAR", byte)
        monkeypatch.setattr(choice, "FAR", byte)
        monkeypatch.setattr(
            ClosedJaxpr, "derived",
            lambda self, key, make: remembered(self, (key, byte), make),
        )  # fmt: skip
        return DERIVATIVES[derivative](f, np.asarray(x, np.float64))

    with cr.enable_x64(True):
        found, wanted = derivative_at(rate), derivative_at(0.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_compiled_gradient_keeps_the_states_alone():
    """20 steps of 3 numbers, and little beside them."""
    made = cr.jit(cr.grad(lorenz)).lower(X[0]).compile()
    assert made.memory_analysis().temp_size_in_bytes <= 20 * 3 * 4 + 256
