"""Custom derivatives: symbolic zeros, forward rules of custom_vjp, fixed arguments."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.custom_derivatives import SymbolicZero

from .errors.expecting import message

MODES = {
    "eager": lambda f: f,
    "jit": cr.jit,
    "vmap": lambda f: lambda *xs: cr.vmap(f)(*[cnp.stack([x, x]) for x in xs])[0],
    "jit of vmap": lambda f: (
        lambda *xs: cr.jit(cr.vmap(f))(*[cnp.stack([x, x]) for x in xs])[0]
    ),
}


def both_ways():
    """x -> x**2 with slope 3 in reverse and 5 in forward mode, to tell them apart."""

    @cr.custom_vjp
    def f(x):
        return x * x

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (3.0 * ct,))
    f.defjvp(lambda primals, tangents: (f(*primals), 5.0 * tangents[0]))
    return f


@pytest.mark.parametrize("mode", MODES)
def test_custom_vjp_with_a_forward_rule(mode):
    f = both_ways()
    assert float(MODES[mode](cr.grad(f))(2.0)) == 3.0
    y, y_dot = cr.jvp(MODES[mode](f), (cnp.asarray(2.0),), (cnp.asarray(1.0),))
    assert (float(y), float(y_dot)) == (4.0, 5.0)
    forward = lambda x: cr.jvp(f, (x,), (1.0,))[1]
    assert float(MODES[mode](forward)(2.0)) == 5.0
    assert float(cr.derivative(f)(2.0)) == 5.0


def test_custom_vjp_without_one_raises_and_jacobians_take_reverse_mode():
    @cr.custom_vjp
    def f(x):
        return x * x

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (2.0 * x * ct,))
    assert message(TypeError, cr.jvp, f, (1.0,), (1.0,)) == (
        "custom_vjp: forward-mode differentiation (jvp, jacfwd) of f is not possible:"
        " only its reverse-mode rule is given. Use reverse mode, or define a forward"
        " rule with its defjvp."
    )
    for g in (f, cr.jit(f)):
        assert float(cr.jacobian(g)(3.0)) == 6.0
        assert float(cr.hessian(g)(3.0)) == 2.0


@pytest.mark.parametrize("mode", MODES)
def test_symbolic_zeros_in_forward_mode(mode):
    seen = []

    @cr.custom_jvp
    def f(x, y):
        return x * y, x

    def rule(primals, tangents):
        seen.append([type(t) is SymbolicZero for t in tangents])
        x, y = primals
        x_dot, y_dot = tangents
        assert y_dot.shape == y.shape and y_dot.dtype == y.dtype
        return f(x, y), (x_dot * y, SymbolicZero(cr.typeof(x)))

    f.defjvp(rule, symbolic_zeros=True)
    forward = lambda x, y: cr.jvp(lambda x: f(x, y)[0], (x,), (cnp.ones_like(x),))[1]
    x, y = cnp.asarray(2.0), cnp.asarray(3.0)
    assert float(MODES[mode](forward)(x, y)) == 3.0
    assert seen == [[False, True]]
    assert float(MODES[mode](cr.grad(lambda x, y: f(x, y)[0]))(x, y)) == 3.0


@pytest.mark.parametrize("mode", MODES)
def test_symbolic_zeros_in_reverse_mode(mode):
    seen = []

    @cr.custom_vjp
    def f(x, y):
        return x * y, x + y

    def fwd(x, y):
        seen.append((x.perturbed, y.perturbed))
        return f(x.value, y.value), (x.value, y.value)

    def bwd(residuals, cts):
        x, y = residuals
        seen.append([type(c) is SymbolicZero for c in cts])
        return cts[0] * y, SymbolicZero(cr.typeof(y))

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    g = MODES[mode](cr.grad(lambda x, y: f(x, y)[0]))
    assert float(g(cnp.asarray(2.0), cnp.asarray(3.0))) == 3.0
    assert seen == [(True, False), [False, True]]
    assert float(f(2.0, 3.0)[1]) == 5.0


@pytest.mark.parametrize("kind", [cr.custom_jvp, cr.custom_vjp])
def test_fixed_arguments_by_name_may_be_functions_and_tracers(kind):
    def apply(g, x, scale):
        return g(x) * scale

    f = kind(apply, nondiff_argnames=["g", "scale"])
    if kind is cr.custom_jvp:
        f.defjvp(lambda g, s, p, t: (f(g, p[0], s), 7.0 * s * t[0]))
    else:
        f.defvjp(lambda g, x, s: (f(g, x, s), x), lambda g, s, _, ct: (7.0 * s * ct,))
    for mode in MODES.values():
        assert float(mode(cr.grad(lambda x: f(cnp.sin, x, 2.0)))(1.0)) == 14.0
    assert float(f(cnp.sin, 0.0, scale=3.0)) == 0.0


def test_defjvps_gives_a_rule_per_argument():
    @cr.custom_jvp
    def f(x, y):
        return x * y

    f.defjvps(lambda t, out, x, y: 10.0 * t, None)
    assert [float(c) for c in cr.grad(f, (0, 1))(2.0, 3.0)] == [10.0, 0.0]


def test_integer_outputs_of_batched_rules():
    @cr.custom_jvp
    def f(x):
        return x * 2, cnp.asarray(x > 0, "int32")

    f.defjvp(lambda p, t: (f(*p), (3.0 * t[0], np.zeros((), cr.float0))))
    slope = cr.vmap(cr.grad(lambda x: f(x)[0]))(cnp.array([1.0, -1.0]))
    assert slope.tolist() == [3.0, 3.0]


THROUGH = {
    "plain": lambda f: f,
    "jit": lambda f: cr.jit(f),
    "checkpoint": lambda f: cr.checkpoint(f),
    "scan": lambda f: (
        lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=1)[0]
    ),
    "cond": lambda f: lambda x: lax.cond(x > 0, f, lambda x: x, x),
    "vmap": lambda f: lambda x: cr.vmap(f)(x[None])[0],
}


@pytest.mark.parametrize("jit", [lambda f: f, cr.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_linearize_of_a_custom_vjp_function_pushes_by_its_forward_rule(through, jit):
    """The rules differ from each other, so that each is seen."""

    @cr.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, ct: (5 * x * ct,))
    square.defjvp(lambda p, t: (square(p[0]), 3 * p[0] * t[0]))
    f = through(square)
    x = np.float32(2)
    pushed = lambda x: cr.linearize(f, x)[1](np.float32(1))
    assert jit(pushed)(x) == jit(lambda x: cr.jvp(f, (x,), (x / 2,))[1])(x) == 6
    assert jit(cr.grad(pushed))(x) == 3
    assert jit(lambda x: cr.jvp(pushed, (x,), (x,)))(x) == (6, 6)
    rows = jit(lambda x: cr.vmap(cr.linearize(f, x)[1])(np.arange(3, dtype="f4")))
    np.testing.assert_array_equal(rows(x), [0, 6, 12])
    assert jit(cr.grad(f))(x) == 10
    assert jit(lambda x: cr.linear_transpose(cr.linearize(f, x)[1], x)(x))(x) == (20,)


@pytest.mark.parametrize(
    "zero",
    [lambda p: cnp.zeros(()), lambda p: 0.0 * p[0], lambda p: 0.0],
    ids=["array", "of the primals", "number"],
)
def test_a_rule_may_return_a_zero_that_depends_on_no_tangent(zero):
    @cr.custom_jvp
    def steps(x, y):
        return cnp.floor(x), x * y

    steps.defjvp(lambda p, t: (steps(*p), (zero(p), t[1] * p[0])))
    alone = lambda x: steps(x, 2.0)[0]
    both = lambda y: sum(steps(3.0, y)) * y
    for through in (lambda f: f, cr.jit, cr.checkpoint):
        assert float(cr.grad(through(alone))(2.5)) == 0.0
        assert float(cr.linearize(through(alone), 2.5)[1](1.0)) == 0.0
        assert float(cr.jit(cr.grad(through(both)))(2.0)) == 3.0 + 4.0 * 3.0
    assert cr.vmap(cr.grad(alone))(cnp.arange(3.0)).tolist() == [0.0] * 3
    assert cr.jacrev(lambda x: cnp.stack(steps(x, x)))(3.0).tolist() == [0.0, 3.0]
