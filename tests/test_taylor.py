"""jet, derivative, laplacian, hessian_diag: known series, other modes, and messages."""

import functools
import math

import mpmath
import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental.jet import jet

from .errors.expecting import message

FUNCTIONS = {
    "exp": (cnp.exp, mpmath.exp, 0.3),
    "log": (cnp.log, mpmath.log, 1.7),
    "sin": (cnp.sin, mpmath.sin, 0.4),
    "cosh": (cnp.cosh, mpmath.cosh, 0.4),
    "tan": (cnp.tan, mpmath.tan, 0.4),
    "tanh": (cnp.tanh, mpmath.tanh, 0.4),
    "atan": (cnp.arctan, mpmath.atan, 0.4),
    "asin": (cnp.arcsin, mpmath.asin, 0.4),
    "sqrt": (cnp.sqrt, mpmath.sqrt, 1.3),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x, 1.3),
    "integer power": (lambda x: x**-3, lambda x: x**-3, 1.3),
    "power": (lambda x: x**2.5, lambda x: x**2.5, 1.3),
    "erf": (cr.scipy.special.erf, mpmath.erf, 0.3),
    "lgamma": (cr.scipy.special.gammaln, mpmath.loggamma, 2.3),
    "composed": (
        lambda x: cnp.exp(cnp.sin(x) / (1 + x * x)),
        lambda x: mpmath.exp(mpmath.sin(x) / (1 + x * x)),
        0.7,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_up_to_order_twelve(name):
    f, exact, at = FUNCTIONS[name]
    with cr.enable_x64(True), mpmath.workdps(60):
        found = cr.derivative(f, order=12, all_orders=True)(at)
        coefficients = mpmath.taylor(exact, mpmath.mpf(at), 12)
        expected = [float(c * mpmath.factorial(k)) for k, c in enumerate(coefficients)]
    np.testing.assert_allclose([float(d) for d in found], expected, rtol=1e-11)


@pytest.mark.parametrize("order", range(7))
def test_derivative_is_nested_grad(order):
    f = lambda x: cnp.sin(x) * cnp.exp(-x) / (1 + x**2)
    with cr.enable_x64(True):
        nested = functools.reduce(lambda g, _: cr.grad(g), range(order), f)
        np.testing.assert_allclose(
            cr.derivative(f, order)(0.7), nested(0.7), rtol=1e-12
        )


def test_derivative_composes():
    f = cr.derivative(cnp.sin, 3)
    x = cnp.linspace(0.0, 1.0, 4)
    np.testing.assert_allclose(cr.vmap(f)(x), -np.cos(x), rtol=1e-5)
    np.testing.assert_allclose(cr.jit(cr.vmap(f))(x), -np.cos(x), rtol=1e-5)
    np.testing.assert_allclose(cr.grad(f)(0.5), np.sin(0.5), rtol=1e-5)
    np.testing.assert_allclose(cr.derivative(f, 2)(0.5), np.cos(0.5), rtol=1e-5)
    np.testing.assert_allclose(cr.derivative(cr.jit(cnp.sin), 3)(0.5), -np.cos(0.5))


def test_derivative_of_pytrees_and_of_other_arguments():
    f = lambda a, x: {"p": a * x**3, "q": (x[None], a)}
    out = cr.derivative(f, 2, argnum=1)(2.0, 3.0)
    assert float(out["p"]) == 36.0
    assert out["q"][0].shape == (1,) and float(out["q"][0][0]) == 0.0
    assert float(out["q"][1]) == 0.0
    assert float(cr.derivative(lambda x: 5.0, 1)(1)) == 0.0


def test_derivative_of_matrix_functions():
    """d^k/dt^k of the solution, determinant and eigenvalues of A + tB."""
    with cr.enable_x64(True):
        a = cnp.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 5.0]])
        b = cnp.array([[0.3, 0.1, 0.2], [0.1, -0.4, 0.6], [0.2, 0.6, 0.5]])
        for f in (
            lambda m: cnp.linalg.solve(m, cnp.ones(3)),
            cnp.linalg.slogdet,
            cnp.linalg.cholesky,
            cnp.linalg.eigvalsh,
            lambda m: cnp.linalg.svd(m, compute_uv=False),
            lambda m: cr.scipy.linalg.expm(m)[0, 1],
            lambda m: cr.scipy.linalg.expm_frechet(m, a, compute_expm=False),
        ):
            g = lambda t, f=f: cr.tree_util.tree_leaves(f(a + t * b))
            nested = functools.reduce(lambda g, _: cr.jacfwd(g), range(4), g)
            for x, y in zip(cr.derivative(g, 4)(0.1), nested(0.1)):
                np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9)


def test_custom_rules_are_used_to_every_order():
    @cr.custom_jvp
    def f(x):
        return cnp.exp(x)

    calls = []

    @f.defjvp
    def _(primals, tangents):
        calls.append(1)
        y = f(*primals)
        return y, 2 * y * tangents[0]

    assert float(cr.derivative(f, 4)(0.0)) == pytest.approx(16.0)
    assert len(calls) < 8


def test_rule_of_a_custom_function_may_branch_on_values():
    @cr.custom_jvp
    def f(x):
        return abs(x) ** 3

    @f.defjvp
    def _(primals, tangents):
        (x,) = primals
        sign = 1.0 if x > 0 else -1.0
        return f(x), 3 * sign * x**2 * tangents[0]

    assert float(cr.derivative(f, 2)(-2.0)) == pytest.approx(12.0)
    assert float(cr.derivative(cr.jit(lambda x: x * 2), 1)(2.0)) == 2.0


def test_jet_of_a_curve():
    """Faa di Bruno's formula for sin(z^3), derivatives and coefficients."""
    z = 0.5
    h = (z**3, [3 * z**2, 6 * z, 6.0])
    with cr.enable_x64(True):
        y, series = jet(cnp.sin, (h[0],), (h[1],))
        expected = cr.derivative(lambda z: cnp.sin(z**3), 3, all_orders=True)(z)
        np.testing.assert_allclose([y, *series], expected, rtol=1e-12)
        scaled = [c / math.factorial(k) for k, c in enumerate(h[1], 1)]
        y, terms = jet(cnp.sin, (h[0],), (scaled,), factorial_scaled=False)
        expected = [d / math.factorial(k) for k, d in enumerate(expected)]
        np.testing.assert_allclose([y, *terms], expected, rtol=1e-12)


def test_jet_of_pytrees():
    y, series = jet(
        lambda p, x: {"z": p["a"] * x},
        ({"a": 2.0}, 3.0),
        ({"a": [1.0, 0.0]}, [1.0, 0.0]),
    )
    assert float(y["z"]) == 6.0 and [float(c) for c in series["z"]] == [5.0, 2.0]


def test_laplacian_and_diagonal_are_those_of_the_hessian():
    def f(x):
        return cnp.sum(cnp.sin(x) * x[0] ** 2) + cnp.prod(x)

    with cr.enable_x64(True):
        x = cnp.array([0.3, 1.2, -0.7, 2.0])
        matrix = cr.hessian(f)(x)
        np.testing.assert_allclose(cr.hessian_diag(f)(x), cnp.diag(matrix), rtol=1e-12)
        np.testing.assert_allclose(cr.laplacian(f)(x), cnp.trace(matrix), rtol=1e-12)
        np.testing.assert_allclose(cr.jit(cr.laplacian(f))(x), cnp.trace(matrix))
        slope = cr.grad(cr.laplacian(f))(x)
        np.testing.assert_allclose(
            slope, cr.grad(lambda x: cnp.trace(cr.hessian(f)(x)))(x), rtol=1e-10
        )
        tree = {"a": x[:2], "b": x[2:].reshape(1, 2)}
        g = lambda t: f(cnp.concatenate([t["a"], t["b"].ravel()]))
        parts = cr.hessian_diag(g)(tree)
        np.testing.assert_allclose(parts["a"], cnp.diag(matrix)[:2], rtol=1e-12)
        np.testing.assert_allclose(parts["b"][0], cnp.diag(matrix)[2:], rtol=1e-12)
        both = cr.laplacian(lambda x: (f(x), x**2))(x)
        np.testing.assert_allclose(both[1], 2 * np.ones(4))


def test_messages():
    f = cnp.sin
    assert message(TypeError, cr.derivative, f, 1.5) == (
        "derivative: order must be an integer; got 1.5."
    )
    assert message(ValueError, cr.derivative, f, -1) == (
        "derivative: order must be 0 or more; got -1."
    )
    assert message(TypeError, cr.derivative(lambda x: x), cnp.ones(3)) == (
        "derivative: argument x of <lambda> must be a scalar; got f32[3]. Map over"
        " arrays with vmap, or use jacobian or jet."
    )
    assert message(TypeError, cr.hessian_diag(lambda x: x), cnp.ones(3)) == (
        "hessian_diag: the function must return a scalar of shape (); <lambda> returned"
        " (3,). Use laplacian or hessian."
    )
    assert message(ValueError, jet, lambda x, y: x, (1.0, 2.0), ([1.0], [])) == (
        "jet: the series of all arguments must have the same length; got lengths 0, 1."
        " Pad with zeros."
    )
    assert message(TypeError, jet, f, 1.0, ([1.0],)) == (
        "jet: primals must be a tuple or list with an entry per argument; got float."
    )
    assert message(ValueError, jet, f, (1.0,), ()) == (
        "jet: primals and series must have an entry per argument; got 1 and 0."
    )
    assert message(TypeError, jet, lambda x: x, (1.0,), ([cnp.ones(2)],)) == (
        "jet: the tangent of argument x of <lambda> must have its type f32[]; got f32[2]."
    )
