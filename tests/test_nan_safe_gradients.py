"""nan_safe_gradients: branches not taken leave no NaN, in every mode and order.

Each function is finite at its point, where the branch that `where` leaves out, or a
factor of the derivative, is infinite or NaN there.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0], [2.0, 0.0, 1.5]])


def row(x):
    """Three numbers of which the first is zero where x is."""
    return cnp.stack([x, x + 1, 2 * x + 3])


def matrices(x):
    """A matrix that is not defined where x is zero, and one that always is."""
    root = cnp.stack([cnp.log(x) * WEIGHTS, WEIGHTS + x * WEIGHTS.T])
    return root @ cnp.swapaxes(root, 1, 2) + cnp.eye(3)


def second(x, ys):
    """The sum of the second of two arrays, and of the first where x is positive."""
    return (ys[1] + cnp.where(x > 0, ys[0], 0.0)).sum()


@cr.custom_jvp
def logarithm(x):
    return cnp.log(x)


@logarithm.defjvp
def _(primals, tangents):
    return logarithm(*primals), cr.jit(lambda t, x: t / x)(tangents[0], primals[0])


@cr.custom_vjp
def weighed(x):
    return WEIGHTS @ cnp.log(x), WEIGHTS @ x


weighed.defvjp(
    lambda x: (weighed(x), x),
    lambda x, cts: ((WEIGHTS.T @ cts[0]) / x + WEIGHTS.T @ cts[1],),
)


def system(x):
    """The solution of a linear system of which x = 0 has none."""
    a = WEIGHTS + cnp.diag(row(cnp.log(x)))
    solve = lambda matvec, b: cnp.linalg.solve(a, b)
    transposed = lambda matvec, b: cnp.linalg.solve(a.T, b)
    return cr.lax.custom_linear_solve(lambda v: a @ v, row(x), solve, transposed)


def forward(f):
    return lambda x: cr.jvp(f, (x,), (1.0,))[1]


FUNCTIONS = {
    "sqrt": (lambda x: cnp.where(x > 0, cnp.sqrt(x), 0.0), 0.0),
    "entropy": (lambda x: cnp.where(x > 0, x * cnp.log(x), 0.0), 0.0),
    "sinc": (lambda x: cnp.where(x != 0, cnp.sin(x) / x, 1.0), 0.0),
    "overflow": (lambda x: cnp.where(x < 1, cnp.exp(1000 * x), 0.0), 1.0),
    "power": (lambda x: cnp.where(x > 0, x**0.3, 0.0), 0.0),
    "angle": (lambda x: cnp.where(x > 0, cnp.arctan2(x, x), 0.0), 0.0),
    "acos": (lambda x: cnp.where(x < 1, cnp.arccos(x), 0.0), 1.0),
    "logsumexp": (
        lambda x: cnp.where(
            x > 0, cr.scipy.special.logsumexp(cnp.log(cnp.stack([x, 2 * x]))), 0.0
        ),
        0.0,
    ),
    "nested": (
        lambda x: cnp.where(x > 0, cnp.where(x > 1, cnp.sqrt(x - 1), 0 / x), 0.0),
        0.0,
    ),
    "one branch of each": (
        lambda x: cnp.where(x > 0, cnp.log(x), cnp.sqrt(-x)) * (x - 1) ** 2,
        1.0,
    ),
    "matrix product": (
        lambda x: cnp.where(x > 0, WEIGHTS @ cnp.log(row(x)) @ row(x), x),
        0.0,
    ),
    "rows of a product": (
        lambda x: (
            cnp.where(row(x) > 0, cnp.log(row(x))[:, None] * WEIGHTS @ row(x), 0)
            @ cnp.exp(row(x))
        ),
        0.0,
    ),
    "einsum": (
        lambda x: cnp.where(
            row(x) > 0,
            cnp.einsum("i,ij,j->i", 1 / row(x), WEIGHTS, row(x)),
            0.0,
        ).sum(),
        0.0,
    ),
    "convolution": (
        lambda x: cnp.where(x > 0, cnp.convolve(1 / row(x), cnp.log(row(x))), x).sum(),
        0.0,
    ),
    "running product": (
        lambda x: cnp.where(row(x) > 0, cnp.cumprod(1 / row(x)[::-1])[::-1], 0.0).sum(),
        0.0,
    ),
    "logarithms of sums": (
        lambda x: cnp.where(x > 0, cr.lax.cumlogsumexp(cnp.log(row(-x))), x).sum(),
        0.0,
    ),
    "factors": (lambda x: second(x, cnp.linalg.cholesky(matrices(x))), 0.0),
    "eigenvectors": (lambda x: second(x, cnp.linalg.eigh(matrices(x))[1]), 0.0),
    "inverses": (lambda x: second(x, cnp.linalg.inv(matrices(x))), 0.0),
    "determinants": (lambda x: second(x, cnp.linalg.det(matrices(x))), 0.0),
    "linear system": (lambda x: cnp.where(x > 0, system(x).sum(), x), 0.0),
    "scan": (
        lambda x: cnp.where(
            x > 0, cr.lax.scan(lambda c, r: (c @ WEIGHTS / r, c), row(x), row(x))[1], x
        ).sum(),
        0.0,
    ),
    "branches": (
        lambda x: cnp.where(
            x > 0,
            cr.lax.cond(x > -1, lambda r: WEIGHTS @ r, lambda r: r, cnp.log(row(x))),
            x,
        ).sum(),
        0.0,
    ),
    "root of a zero": (lambda x: cnp.sqrt(cnp.maximum(x, 0.0)) + x, -1.0),
    "angle of zeros": (
        lambda x: cnp.arctan2(cnp.where(x > 0, x, 0.0), cnp.where(x > 0, x, 0.0)),
        -1.0,
    ),
    "exponential": (
        lambda x: cnp.where(
            x > 0, cr.scipy.linalg.expm(cnp.log(x) * WEIGHTS).sum(), x**2
        ),
        0.0,
    ),
    "roots in a loop": (
        lambda x: cr.lax.fori_loop(
            0, 3, lambda _, y: y * x + cnp.cbrt(cnp.where(x > 0, x, 0.0)), x
        ),
        -1.0,
    ),
    "rule": (lambda x: cnp.where(row(x) > 0, logarithm(row(x)), x) @ row(x), 0.0),
}
NEED_IT = ("nested", "one branch of each")
"""Functions that have no finite gradient anywhere without the option."""

MODES = {
    "reverse": cr.grad,
    "forward": forward,
    "jit of reverse": lambda f: cr.jit(cr.grad(f)),
    "reverse of jit": lambda f: cr.grad(cr.jit(f)),
    "forward of jit": lambda f: forward(cr.jit(f)),
    "vmap": lambda f: lambda x: cr.vmap(cr.grad(f))(cnp.stack([x + 0.5, x]))[1],
    "linearized": lambda f: lambda x: cr.linearize(f, x)[1](1.0),
    "checkpoint": lambda f: cr.grad(cr.checkpoint(f)),
    "reverse over reverse": lambda f: cr.grad(cr.grad(f)),
    "forward over reverse": lambda f: forward(cr.grad(f)),
    "reverse over forward": lambda f: cr.grad(forward(f)),
    "forward over forward": lambda f: forward(forward(f)),
    "hessian": lambda f: cr.jit(cr.hessian(f)),
    "power series": lambda f: cr.derivative(f, order=3),
    "compiled power series": lambda f: cr.jit(cr.derivative(f, order=2)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_finite(name, mode):
    f, at = FUNCTIONS[name]
    with cr.nan_safe_gradients(True):
        found = MODES[mode](f)(cnp.asarray(at))
    assert np.isfinite(found)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n not in NEED_IT])
def test_where_derivatives_exist_they_do_not_change(name, mode):
    f, _ = FUNCTIONS[name]
    with cr.enable_x64(True):
        expected = MODES[mode](f)(cnp.asarray(0.37))
        with cr.nan_safe_gradients(True):
            found = MODES[mode](f)(cnp.asarray(0.37))
    # The sums of terms of about one that cancel are rounded in another order.
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_it_is_off_by_default_and_jit_follows_the_option():
    f = cr.jit(cr.grad(FUNCTIONS["sqrt"][0]))
    inner = cr.grad(cr.jit(FUNCTIONS["sqrt"][0]))
    for g in (f, inner):
        assert np.isnan(g(0.0))
        with cr.nan_safe_gradients(True):
            assert float(g(0.0)) == 0.0
        assert np.isnan(g(0.0))


def test_a_pullback_keeps_the_option_it_was_made_with():
    with cr.nan_safe_gradients(True):
        _, pullback = cr.vjp(FUNCTIONS["sqrt"][0], 0.0)
    assert float(pullback(1.0)[0]) == 0.0


def test_infinite_derivatives_that_count_stay_infinite():
    with cr.nan_safe_gradients(True):
        assert np.isinf(cr.grad(cnp.sqrt)(0.0))
        assert np.isnan(cr.grad(cnp.sqrt)(-1.0))
        assert np.isnan(cr.grad(lambda x: x * cnp.nan)(2.0))


def test_the_norm_of_zero_has_gradient_zero():
    with cr.nan_safe_gradients(True):
        slope = cr.grad(lambda x: cnp.sqrt(cnp.sum(x * x)))(cnp.zeros(3))
    assert slope.tolist() == [0.0, 0.0, 0.0]


def test_an_infinite_entry_counts_in_a_product_where_its_factor_is_not_zero():
    product = lambda x: (WEIGHTS[2] @ cnp.sqrt(x)).sum()
    with cr.nan_safe_gradients(True):
        slope = cr.grad(product)(cnp.zeros(3))
    assert np.isinf(slope).tolist() == [True, False, True]
    assert slope[1] == 0


@pytest.mark.parametrize("transform", [lambda f: f, cr.jit], ids=["eager", "compiled"])
def test_the_backward_function_of_a_custom_vjp_absorbs(transform):
    """Its first result counts nowhere, its second everywhere."""
    f = lambda x: cnp.where(x > 5, weighed(x)[0], weighed(x)[1] ** 2).sum()
    g = lambda x: weighed(x)[1].sum()
    x = cnp.array([0.0, 1.0, 2.0])
    with cr.nan_safe_gradients(True):
        expected = 2 * WEIGHTS.T @ (WEIGHTS @ x)
        np.testing.assert_allclose(transform(cr.grad(f))(x), expected, rtol=1e-6)
        np.testing.assert_allclose(transform(cr.grad(g))(x), WEIGHTS.sum(0), rtol=1e-6)
        assert np.isfinite(transform(cr.jacrev(cr.grad(f)))(x)).all()
        _, pullback = cr.vjp(f, x)
    np.testing.assert_allclose(pullback(1.0)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("transform", [lambda f: f, cr.jit], ids=["eager", "compiled"])
def test_debug_nans_looks_at_what_comes_out(transform):
    """Within the product of the gradient, 0 * inf is met; its result is finite."""
    factor = np.array([[np.inf, 0.0], [1.0, 1.0]])
    f = lambda a: cnp.where(a.sum() > 9, (a @ factor).sum(), a.sum())
    with cr.nan_safe_gradients(True), cr.debug_nans(True):
        slope = transform(cr.grad(f))(cnp.array([[1.0, 2.0], [3.0, 1.0]]))
    assert slope.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_nothing_is_added_where_it_is_off():
    grad = cr.grad(lambda x: cnp.linalg.solve(matrices(x), matrices(x)).sum())
    assert "absorbing" not in str(cr.make_jaxpr(grad)(1.0))


def test_it_is_set_for_the_process_by_config():
    cr.config.update("nan_safe_gradients", True)
    try:
        assert float(cr.grad(FUNCTIONS["sqrt"][0])(0.0)) == 0.0
    finally:
        cr.config.update("nan_safe_gradients", False)
    assert np.isnan(cr.grad(FUNCTIONS["sqrt"][0])(0.0))
