"""debug_nans in loops, branches and derivatives: the line, the index and the step."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .expecting import at, message

JITTED = pytest.mark.parametrize("jit", [lambda f: f, cr.jit], ids=["eager", "jit"])
ROWS = np.array([4.0, 1.5, 0.5, 9.0], np.float32)
VECTOR = np.array([4.0, 1.0, 0.0, 9.0], np.float32)


def found(jit, f, *args):
    with cr.debug_nans(True):
        return message(FloatingPointError, jit(f), *args)


def expected(name, index, kind, *places):
    where = ", in ".join(
        [places[0], *(f"step {i} of the loop at {p}" for i, p in places[1:])]
    )
    return (
        f"{name}: invalid value (nan) at index {index} of a result of type {kind}, at"
        f" {where}."
    )


def logs(carry, a):
    b = a - 1.0
    r = cnp.log(b)  # here
    return carry + r, r


def scanned(xs):
    return lax.scan(logs, 0.0, xs)[0]  # here


def scanned_backwards(xs):
    return lax.scan(logs, 0.0, xs, reverse=True)[0]  # here


def roots(v):
    return cnp.sqrt(v - 1.0)  # here


def while_looped(x):
    goes_on = lambda c: c[0] < 5
    step = lambda c: (c[0] + 1, roots(c[1]))
    return lax.while_loop(goes_on, step, (0, x))[1]  # here


def fori_looped(x):
    return lax.fori_loop(3, 7, lambda i, v: roots(v), x)  # here


def dynamic_fori_looped(x, n):
    return lax.fori_loop(0, n, lambda i, v: roots(v), x)  # here


@JITTED
def test_step_of_a_scan(jit):
    assert found(jit, scanned, ROWS) == expected(
        "log", (), "f32[]", at(logs), (2, at(scanned))
    )


@JITTED
def test_step_of_a_reversed_scan_is_its_row(jit):
    assert found(jit, scanned_backwards, ROWS) == expected(
        "log", (), "f32[]", at(logs), (2, at(scanned_backwards))
    )


@JITTED
@pytest.mark.parametrize("loop", [while_looped, fori_looped])
def test_step_of_a_loop(jit, loop):
    x = np.array(
        [9.0, 3.0], np.float32
    )  # sqrt(2), sqrt(sqrt(2) - 1), a negative number
    assert found(jit, loop, x) == expected(
        "sqrt", (1,), "f32[2]", at(roots), (2, at(loop))
    )


@JITTED
def test_step_of_a_loop_of_unknown_length(jit):
    x = np.array([9.0, 3.0], np.float32)
    assert found(jit, dynamic_fori_looped, x, 4) == expected(
        "sqrt", (1,), "f32[2]", at(roots), (2, at(dynamic_fori_looped))
    )


def test_condition_of_an_eager_while_loop():
    def positive(v):
        return cnp.log(v) > -9.0  # here

    def loop(x):
        return lax.while_loop(positive, lambda v: v - 1.0, x)  # here

    assert found(lambda f: f, loop, np.float32(1.5)) == expected(
        "log", (), "f32[]", at(positive), (2, at(loop))
    )


@JITTED
def test_branch_that_is_taken(jit):
    def taken(x):
        return cnp.log(x * 2.0)  # here

    f = lambda x: lax.cond(x[0] > 0, taken, cnp.sin, x)
    x = np.array([4.0, -1.0], np.float32)
    assert found(jit, f, x) == expected("log", (1,), "f32[2]", at(taken))


@JITTED
def test_loop_in_a_loop(jit):
    def inner(x, offsets):
        step = lambda c, a: (c + logs(0.0, x - a)[0], None)
        return lax.scan(step, 0.0, offsets)[0]  # here

    def outer(xs):
        return lax.map(lambda x: inner(x, cnp.arange(3.0)), xs)  # here

    assert found(jit, outer, np.array([9.0, 2.5, 9.0], np.float32)) == expected(
        "log", (), "f32[]", at(logs), (2, at(inner)), (1, at(outer))
    )


@JITTED
def test_branch_in_a_loop(jit):
    def loop(xs):
        step = lambda c, a: lax.cond(a > 5.0, lambda: (c, a), lambda: logs(c, a))
        return lax.scan(step, 0.0, xs)  # here

    assert found(jit, loop, ROWS) == expected(
        "log", (), "f32[]", at(logs), (2, at(loop))
    )


@JITTED
def test_scan_under_vmap(jit):
    xs = np.stack([ROWS + 9.0, ROWS])
    assert found(jit, cr.vmap(scanned), xs) == expected(
        "log", (1,), "f32[2]", at(logs), (2, at(scanned))
    )


# --- derivatives: the line of the operation they are derived from


def hidden(x):
    s = cnp.sqrt(x)  # here
    return cnp.where(x > 0, s, 0.0).sum()


@JITTED
@pytest.mark.parametrize("inner", [lambda f: f, cr.jit], ids=["eager", "jit"])
def test_gradient_of_a_called_function(jit, inner):
    assert found(jit, cr.grad(inner(hidden)), VECTOR) == expected(
        "mul", (2,), "f32[4]", at(hidden)
    )


@JITTED
@pytest.mark.parametrize("inner", [lambda f: f, cr.jit], ids=["eager", "jit"])
def test_tangent(jit, inner):
    def root(x):
        return cnp.sqrt(x)  # here

    forward = lambda x: cr.jvp(inner(root), (x,), (cnp.zeros(4),))[1]
    assert found(jit, forward, VECTOR) == expected("mul", (2,), "f32[4]", at(root))


def summed(xs):
    return lax.scan(lambda c, a: (c + hidden(a), None), 0.0, xs)[0]  # here


def repeated(x):
    return lax.fori_loop(0, 2, lambda i, c: c + hidden(x), 0.0)  # here


def repeated_while(x):
    goes_on = lambda c: c[0] < 2
    step = lambda c: (c[0] + 1, c[1] + hidden(x))
    return lax.while_loop(goes_on, step, (0, 0.0))[1]  # here


@JITTED
def test_gradient_of_a_scan(jit):
    assert found(jit, cr.grad(summed), VECTOR) == expected(
        "mul", (), "f32[]", at(hidden), (2, at(summed))
    )


@JITTED
@pytest.mark.parametrize("loop", [repeated, repeated_while])
def test_gradient_of_a_loop(jit, loop):
    text = found(jit, cr.grad(loop), VECTOR)
    assert text == expected("mul", (2,), "f32[4]", at(hidden), (1, at(loop)))


@JITTED
def test_gradient_of_a_loop_in_a_loop(jit):
    def outer(rows):
        return lax.scan(lambda c, xs: (c + summed(xs), None), 0.0, rows)[0]  # here

    rows = np.stack([VECTOR + 1.0, VECTOR, VECTOR + 1.0])
    assert found(jit, cr.grad(outer), rows) == expected(
        "mul", (), "f32[]", at(hidden), (2, at(summed)), (1, at(outer))
    )


@JITTED
def test_gradient_of_a_branch(jit):
    f = lambda x: lax.cond(x[0] > 0, hidden, lambda x: x.sum(), x)
    assert found(jit, cr.grad(f), VECTOR) == expected("mul", (2,), "f32[4]", at(hidden))


@JITTED
def test_gradients_of_a_scan_under_vmap(jit):
    xs = np.stack([VECTOR + 1.0, VECTOR])
    assert found(jit, cr.vmap(cr.grad(summed)), xs) == expected(
        "mul", (1,), "f32[2]", at(hidden), (2, at(summed))
    )


@JITTED
def test_rule_of_the_users_names_its_own_line(jit):
    identity = cr.custom_vjp(lambda x: x)

    def pull(x, y_bar):
        return (cnp.log(-x) * y_bar,)  # here

    identity.defvjp(lambda x: (x, x), pull)
    f = lambda xs: lax.scan(lambda c, a: (c + identity(a), None), 0.0, xs)[0]
    assert f" at {at(pull)}, in step 3 of the loop at " in found(jit, cr.grad(f), ROWS)


def test_a_loop_after_one_that_failed_counts_anew():
    with cr.debug_nans(True):
        first = message(FloatingPointError, scanned, ROWS)
        assert message(FloatingPointError, scanned, ROWS) == first
        straight = message(FloatingPointError, cnp.log, cnp.float32(-1.0))
    assert "step" not in straight
