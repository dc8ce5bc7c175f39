"""The passes over the IR: each keeps the program's type and meaning, and does its work."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.passes.algebra import simplify_algebra
from chainrule.compiler.passes.common_subexpressions import (
    eliminate_common_subexpressions,
)
from chainrule.compiler.passes.constants import fold_constants
from chainrule.compiler.passes.dead_code import eliminate_dead_code
from chainrule.compiler.passes.inline import inline
from chainrule.compiler.pipeline import PASSES
from chainrule.core.checker import check_jaxpr
from chainrule.core.jaxpr import evaluate_jaxpr

X = cnp.linspace(0.5, 2.0, 6).reshape(2, 3)


@cr.custom_jvp
def cubed(x):
    return x**3


cubed.defjvp(lambda primals, tangents: (cubed(primals[0]), 3 * primals[0] ** 2))


def nested(x):
    return cr.jit(lambda y: cr.jit(cnp.sin)(y) + cubed(y))(x) * 2


def repeated(x):
    return cnp.exp(x).sum() + (cnp.exp(x) * 2).sum()


PROGRAMS = {
    "nested calls": nested,
    "repeated work": repeated,
    "unused work": lambda x: (cnp.cos(x), x + 1)[1],
    "constants": lambda x: x * (cnp.float32(2) * cnp.float32(3)),
    "closed over": lambda x: x @ X.T,
    "gradient": cr.grad(lambda x: nested(x).sum()),
    "result given": lambda x: (x, x, 1.0),
}


@pytest.mark.parametrize("run", PASSES, ids=lambda run: run.__name__)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pass_returns_the_program_that_it_does_not_change(run, name):
    once = run(cr.make_jaxpr(PROGRAMS[name])(X))
    assert run(once) is once


@pytest.mark.parametrize("run", PASSES, ids=lambda run: run.__name__)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pass_keeps_type_and_meaning(run, name):
    closed = cr.make_jaxpr(PROGRAMS[name])(X)
    after = run(closed)
    check_jaxpr(after)
    assert [a.str_short() for a in after.out_avals] == [
        a.str_short() for a in closed.out_avals
    ]
    before = evaluate_jaxpr(closed.jaxpr, closed.consts, (X,))
    for got, want in zip(evaluate_jaxpr(after.jaxpr, after.consts, (X,)), before):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def names(closed):
    return [eqn.primitive.name for eqn in closed.jaxpr.eqns]


def test_inline_leaves_no_call():
    closed = inline(cr.make_jaxpr(nested)(X))
    assert names(closed) == ["sin", "integer_pow", "add", "mul"]


def test_a_repeated_equation_is_computed_once():
    closed = eliminate_common_subexpressions(cr.make_jaxpr(repeated)(X))
    assert names(closed).count("exp") == 1


def test_zeros_of_either_sign_are_not_one_constant():
    closed = cr.make_jaxpr(lambda x: (x * 0.0, x * -0.0))(X)
    assert names(eliminate_common_subexpressions(closed)) == ["mul", "mul"]


def test_effects_are_neither_merged_nor_left_out():
    def shout(x):
        cr.debug.print("{}", x)
        cr.debug.print("{}", x)
        return x

    closed = cr.make_jaxpr(shout)(X)
    for run in PASSES:
        closed = run(closed)
    assert len(closed.jaxpr.eqns) == 2


def test_unread_equations_and_constants_go():
    big = cnp.ones((4, 4))
    closed = cr.make_jaxpr(lambda x: (cnp.sin(x) + big[0, 0], x)[1])(X)
    after = eliminate_dead_code(closed)
    assert names(after) == [] and after.consts == []


def test_scalars_of_literals_are_folded():
    closed = cr.make_jaxpr(lambda x: x * cr.lax.add(2.0, 3.0))(X)
    assert names(fold_constants(closed)) == ["mul"]


ALGEBRA = {
    "x times one": (lambda x: x * 1.0, []),
    "one times x": (lambda x: cnp.ones((2, 3)) * x, []),
    "x over one": (lambda x: x / 1, []),
    "x minus zero": (lambda x: x - 0.0, []),
    "x plus minus zero": (lambda x: x + -0.0, []),
    "x plus zero is not x": (lambda x: x + 0.0, ["add"]),
    "x minus minus zero is not x": (lambda x: x - -0.0, ["sub"]),
    "x times zero is not zero": (lambda x: x * 0.0, ["mul"]),
    "one over x": (lambda x: 1 / x, ["div"]),
    "integers plus zero": (lambda x: x.astype(int) + 0, ["convert_element_type"]),
    "twice negative": (lambda x: cnp.negative(cnp.negative(x)), []),
    "there and back": (lambda x: x.T.T.reshape(6).reshape(2, 3), []),
    "reshaped twice": (lambda x: x.reshape(6).reshape(3, 2), ["reshape"]),
    "turned twice": (
        lambda x: x.reshape(1, 2, 3).transpose(1, 2, 0).transpose(2, 1, 0),
        ["reshape", "transpose"],
    ),
    "broadcast twice": (
        lambda x: cnp.broadcast_to(
            cr.lax.broadcast_in_dim(x, (2, 3, 4), (0, 1)), (5, 2, 3, 4)
        ),
        ["broadcast_in_dim"],
    ),
    "the same in either case": (lambda x: cnp.where(x > 1, x, x), []),
    "the larger of one": (lambda x: cnp.maximum(x, x), []),
    "to the first": (lambda x: cr.lax.integer_pow(x, 1), []),
    "stopped": (cr.lax.stop_gradient, []),
    "the type changes": (lambda x: (x[0, 0] * 1.0) * cnp.ones((2, 3)), None),
    "in a loop": (
        lambda x: cr.lax.fori_loop(0, 3, lambda i, c: c * 1.0 - 0.0 + x, x),
        None,
    ),
}


@pytest.mark.parametrize("name", ALGEBRA)
def test_algebra_is_exact(name):
    """To the bit, at zeros of either sign, infinities and NaN."""
    f, left = ALGEBRA[name]
    closed = cr.make_jaxpr(f)(X)
    after = eliminate_dead_code(simplify_algebra(closed))
    check_jaxpr(after)
    assert [a.str_short() for a in after.out_avals] == [
        a.str_short() for a in closed.out_avals
    ]
    x = np.array([[0.0, -0.0, np.inf], [-np.inf, np.nan, 1.5]], "float32")
    (want,) = evaluate_jaxpr(closed.jaxpr, closed.consts, (cnp.asarray(x),))
    (got,) = evaluate_jaxpr(after.jaxpr, after.consts, (cnp.asarray(x),))
    want, got = np.asarray(want), np.asarray(got)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
    if left is not None:
        assert names(after) == left


def test_algebra_reaches_into_loops():
    f, _ = ALGEBRA["in a loop"]
    (loop,) = [
        e
        for e in simplify_algebra(cr.make_jaxpr(f)(X)).jaxpr.eqns
        if e.params.get("jaxpr")
    ]
    assert sorted(names(loop.params["jaxpr"])) == ["add", "add"]
