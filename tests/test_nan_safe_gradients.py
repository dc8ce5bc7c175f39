"""nan_safe_gradients: branches not taken leave no NaN, in every mode and order.

Each function is finite at its point, where the branch that `where` leaves out, or a
factor of the derivative, is infinite or NaN there.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp


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
    np.testing.assert_allclose(found, expected, rtol=1e-13)


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


def test_it_is_set_for_the_process_by_config():
    cr.config.update("nan_safe_gradients", True)
    try:
        assert float(cr.grad(FUNCTIONS["sqrt"][0])(0.0)) == 0.0
    finally:
        cr.config.update("nan_safe_gradients", False)
    assert np.isnan(cr.grad(FUNCTIONS["sqrt"][0])(0.0))
