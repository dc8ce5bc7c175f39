"""Effects: a callback is called once per execution, whoever reads what it returns.

Calls are counted in programs that drop the results, under every transformation, and
compared with how often the equation is run by the definition of the program.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.experimental import checkify, io_callback

SCALAR = cr.ShapeDtypeStruct((), np.float32)
X = np.float32(5.0)
JITTED = pytest.mark.parametrize("jit", [lambda f: f, cr.jit], ids=["eager", "jit"])


class Calls:
    """Counts the calls of a callback whose result nobody reads."""

    def __init__(self, ordered=True):
        self.seen, self.ordered = [], ordered

    def record(self, x):
        self.seen.append(float(x))
        return x

    def unread(self, x):
        io_callback(self.record, SCALAR, x, ordered=self.ordered)


def printed(calls, x):
    cr.debug.callback(calls.record, x)


def dropped(calls, x):
    calls.unread(lax.stop_gradient(x))


NOTES = pytest.mark.parametrize("note", [dropped, printed])


def steps(f, x):
    return lax.scan(lambda c, _: (f(c), None), x, None, length=3)[0]


def unread_steps(f, x):
    return (steps(f, x), x)[1]


def constant_steps(f, x):
    return lax.scan(lambda c, _: ((f(2.0), c)[1], None), x, None, length=3)[0]


def while_below(f, x):
    return lax.while_loop(lambda c: c < 100, f, x)


def unread_while(f, x):
    return (while_below(f, x), x)[1]


def in_condition(f, x):
    return lax.while_loop(lambda c: (f(c), c < 100)[1], lambda c: c * 2, x)


def chosen(f, x):
    return lax.cond(x > 0, f, lambda z: z, x)


def not_chosen(f, x):
    return lax.cond(x < 0, f, lambda z: z, x)


def unread_cond(f, x):
    return (chosen(f, x), x)[1]


def called(f, x):
    return (cr.jit(f)(x), x)[1]


def twice(f, x):
    return f(x) + f(x)


def by_own_rule(f, x):
    g = cr.custom_jvp(f)
    g.defjvp(lambda p, t: (f(p[0]), 2 * t[0]))
    return g(x)


PROGRAMS = [
    (lambda f, x: f(x), 1), (twice, 2), (called, 1), (steps, 3), (unread_steps, 3),
    (constant_steps, 3), (while_below, 5), (unread_while, 5), (in_condition, 6),
    (chosen, 1), (not_chosen, 0), (unread_cond, 1), (by_own_rule, 1),
]  # fmt: skip


@JITTED
@NOTES
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("program, count", PROGRAMS)
def test_a_callback_whose_result_is_unread_is_called(
    jit, note, ordered, program, count
):
    calls = Calls(ordered)
    f = lambda x: (note(calls, x), 2 * x)[1]
    run = jit(lambda x: program(f, x))
    want = program(lambda x: 2 * x, X)
    for k in range(1, 3):
        assert run(X) == want
        assert len(calls.seen) == k * count


DERIVATIVES = {
    "jvp": lambda f: lambda x: cr.jvp(f, (x,), (x,)),
    "grad": cr.grad,
    "value_and_grad": cr.value_and_grad,
    "linearize": lambda f: lambda x: cr.linearize(f, x)[1](x),
    "second": lambda f: cr.grad(cr.grad(f)),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(f)),
    "scan of checkpoints": lambda f: cr.grad(
        lambda x: lax.scan(lambda c, _: (cr.checkpoint(f)(c), None), x, None, 1)[0]
    ),
}


@JITTED
@NOTES
@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES)
@pytest.mark.parametrize(
    "program, count",
    [p for p in PROGRAMS if p[0] not in (while_below, unread_while, in_condition)],
)
def test_derivatives_call_once(jit, note, derivative, program, count):
    calls = Calls()
    plain = lambda x: cnp.sin(x) * x
    f = lambda x: (note(calls, x), plain(x))[1]
    got = jit(derivative(lambda x: program(f, x)))(X)
    assert len(calls.seen) == count
    want = derivative(lambda x: program(plain, x))(X)
    for a, b in zip(cr.tree.leaves(got), cr.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@JITTED
@NOTES
def test_reverse_mode_of_while_calls_no_step_again(jit, note):
    calls = Calls()
    f = lambda x: (note(calls, x), 2 * x)[1]
    assert jit(cr.grad(lambda x: while_below(f, x)))(X) == 32
    assert len(calls.seen) == 5


def test_reverse_mode_of_while_says_that_a_call_cannot_be_repeated():
    calls = Calls()

    def step(c):
        return c * io_callback(calls.record, SCALAR, 2.0)

    with pytest.raises(ValueError, match="reverse mode of while_loop runs"):
        cr.grad(lambda x: while_below(step, x))(X)


@JITTED
def test_checkpoint_keeps_what_a_callback_returned(jit):
    drawn = iter([3.0, 100.0])

    @cr.checkpoint
    def f(x):
        a = io_callback(lambda: np.float32(next(drawn)), SCALAR)
        return cnp.sin(a * x) * x

    got = jit(cr.grad(f))(X)
    want = np.cos(15.0) * 15.0 + np.sin(15.0)
    np.testing.assert_allclose(got, want, rtol=1e-5)


@JITTED
def test_a_residual_that_a_callback_makes_of_constants_is_made_at_each_step(jit):
    drawn = iter([2.0, 3.0, 4.0])

    def f(x):
        def step(c, _):
            a = io_callback(lambda: np.float32(next(drawn)), SCALAR)
            return a * c, None

        return lax.scan(step, x, None, length=3)[0]

    assert jit(cr.grad(f))(X) == 24


@JITTED
def test_vmap_calls_per_example(jit):
    calls = Calls(ordered=False)
    f = lambda x: (calls.unread(x), x)[1]
    jit(cr.vmap(f))(cnp.arange(3.0))
    assert sorted(calls.seen) == [0, 1, 2]


@JITTED
def test_effects_have_taken_place_at_a_barrier(jit):
    calls = Calls()
    jit(lambda x: calls.unread(x))(X)
    assert cr.effects_barrier() is None
    assert calls.seen == [5.0]


def test_callbacks_that_are_pure_may_be_left_out():
    seen = []

    def f(x):
        cr.pure_callback(lambda x: seen.append(x) or x, SCALAR, x)
        return x

    cr.jit(f)(X)
    assert seen == []


def test_equations_without_results_or_effects_are_left_out():
    f = lambda x: (cr.jit(lambda _: ())(x), x)[1]
    assert cr.explain(f)(X).steps == []


def test_a_check_within_an_unread_branch_is_made():
    def branch(x):
        checkify.check(x < 0, "{} is not negative", x)
        return x

    f = lambda x: (lax.cond(x > 0, branch, lambda x: x, x), x)[1]
    with pytest.raises(checkify.JaxRuntimeError, match="not negative"):
        cr.jit(f)(X)
