"""Properties of custom rules and callbacks that have no place among the generic ones."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.avals import as_array

from ..samples.control import cosine, cubed, halved_slope, noisy

points = as_array(np.array([0.3, -1.2, 2.0], np.float32))
half_cosines = 0.5 * np.cos(np.asarray(points))


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-5, atol=1e-6)


def total(fun):
    return lambda x: cr.numpy.sum(fun(x))


def test_custom_vjp_gives_the_gradient():
    close(cr.grad(total(halved_slope))(points), half_cosines)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda f: cr.jit(cr.grad(total(f))),
        lambda f: cr.grad(total(cr.jit(f))),
        lambda f: cr.grad(cr.jit(total(f))),
        lambda f: cr.vmap(cr.grad(f)),
        lambda f: cr.grad(total(cr.vmap(f))),
        lambda f: cr.vmap(cr.grad(cr.jit(f))),
        lambda f: cr.jit(cr.vmap(cr.grad(f))),
        lambda f: cr.grad(total(cr.checkpoint(f))),
        lambda f: lambda x: cr.numpy.diagonal(cr.jacrev(f)(x)),
    ],
    ids=[
        "jit of grad", "grad of jit", "grad of jit of sum", "vmap of grad",
        "grad of vmap", "vmap of grad of jit", "jit of vmap of grad",
        "grad of checkpoint", "jacrev",
    ],
)  # fmt: skip
def test_custom_vjp_under_other_transformations(wrapped):
    close(wrapped(halved_slope)(points), half_cosines)


def test_second_derivative_of_custom_vjp_differentiates_its_rule():
    slopes = lambda x: cr.grad(total(halved_slope))(x)
    close(cr.grad(total(slopes))(points), -0.5 * np.sin(np.asarray(points)))


def test_custom_vjp_rule_sees_residuals_and_cotangents_of_a_tree():
    @cr.custom_vjp
    def f(p):
        return {"out": p["x"] * p["y"]}

    f.defvjp(
        lambda p: (f(p), p),
        lambda p, ct: ({"x": ct["out"] * p["y"], "y": 10 * ct["out"] * p["x"]},),
    )
    found = cr.grad(lambda p: f(p)["out"])({"x": 2.0, "y": 3.0})
    assert {k: float(v) for k, v in found.items()} == {"x": 3.0, "y": 20.0}


def test_custom_vjp_with_nondiff_argnums():
    scale = cr.custom_vjp(lambda n, x: n * x, nondiff_argnums=(0,))
    scale.defvjp(lambda n, x: (n * x, None), lambda n, _, ct: (100.0 * n * ct,))
    assert float(cr.grad(lambda x: scale(3, x))(2.0)) == 300.0


def test_custom_jvp_gives_every_order():
    x = 1.5
    expected = [x**3, 3 * x**2, 6 * x, 6.0, 0.0]
    fun = lambda x: cubed(x)
    for value in expected:
        assert float(fun(as_array(x))) == pytest.approx(value)
        fun = cr.grad(fun)


def test_custom_jvp_rule_is_used_and_not_the_function():
    f = cr.custom_jvp(lambda x: x * x)
    f.defjvp(lambda p, t: (f(*p), 7.0 * t[0]))
    assert float(cr.grad(f)(3.0)) == 7.0
    assert float(cr.grad(cr.jit(f))(3.0)) == 7.0
    assert float(cr.jvp(f, (3.0,), (1.0,))[1]) == 7.0
    close(cr.vmap(cr.grad(f))(points), np.full(3, 7.0))


def test_defjvps_adds_the_contributions_of_the_arguments():
    f = cr.custom_jvp(lambda x, y: x * y)
    f.defjvps(lambda t, out, x, y: 2.0 * t * y, None)
    slopes = cr.grad(f, (0, 1))(3.0, 5.0)
    assert [float(s) for s in slopes] == [10.0, 0.0]


def test_debug_callback_sees_the_values_of_each_example():
    seen = []

    def f(x):
        cr.debug.callback(lambda v: seen.append(float(v)), x)
        return x * x

    cr.jit(cr.vmap(f))(points)
    assert seen == pytest.approx([0.3, -1.2, 2.0])


def test_pure_callback_with_a_derivative_of_its_own():
    struct = cr.ShapeDtypeStruct((), np.float32)
    f = cr.custom_jvp(lambda x: cr.pure_callback(np.sin, struct, x))
    f.defjvp(lambda p, t: (f(*p), cosine(*p) * t[0]))
    assert float(cr.grad(cr.jit(f))(0.5)) == pytest.approx(np.cos(0.5))


@pytest.mark.parametrize("method", ["sequential", "expand_dims", "broadcast_all"])
def test_batched_pure_callback(method):
    def f(x, y):
        struct = cr.ShapeDtypeStruct((), np.float32)
        return cr.pure_callback(
            lambda a, b: np.asarray(a) * np.asarray(b), struct, x, y, vmap_method=method
        )

    close(cr.vmap(f, (0, None))(points, 2.0), 2 * np.asarray(points))


def test_callbacks_do_not_disturb_derivatives():
    close(cr.grad(total(noisy))(points), np.cos(np.asarray(points)))
