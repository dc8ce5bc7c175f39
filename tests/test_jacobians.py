"""Jacobians and Hessians that choose their mode: same values, and the cheapest choice."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.api.jacobian_modes import noted

from .errors.expecting import message

RNG = np.random.default_rng(5)
NARROW = RNG.standard_normal((3, 40)), RNG.standard_normal((30, 3))


def bottleneck(x):
    """40 inputs, 30 outputs, 3 values between."""
    first, second = (cnp.asarray(w, x.dtype) for w in NARROW)
    return cnp.tanh(second @ cnp.sin(first @ cnp.exp(-x)))


def tree(x):
    return {"a": cnp.sin(x["u"]) * x["v"].sum(), "b": (x["v"] ** 2, x["u"][0])}


POINT = {"u": np.array([0.3, 1.2]), "v": np.array([[0.5, -1.0, 2.0]])}


def assert_same(found, expected):
    a, ta = cr.tree_util.tree_flatten(found)
    b, tb = cr.tree_util.tree_flatten(expected)
    assert ta == tb
    for x, y in zip(a, b):
        assert x.shape == y.shape and x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse", "mixed"])
def test_every_mode_gives_the_jacobian(mode):
    with cr.enable_x64(True):
        x = cnp.linspace(0.1, 1.0, 40)
        found = cr.jacobian(bottleneck, mode=mode)(x)
        assert_same(found, cr.jacfwd(bottleneck)(x))
        assert_same(cr.jit(cr.jacobian(bottleneck, mode=mode))(x), found)
        point = cr.tree_util.tree_map(cnp.asarray, POINT)
        assert_same(cr.jacobian(tree, mode=mode)(point), cr.jacrev(tree)(point))
        many = cnp.stack([x, 2 * x])
        assert_same(
            cr.vmap(cr.jacobian(bottleneck, mode=mode))(many),
            cr.vmap(cr.jacrev(bottleneck))(many),
        )
        total = lambda f: lambda x: cnp.sum(cnp.sin(f(bottleneck)(x)))
        both = [cr.grad(total(lambda f: cr.jacobian(f, mode=mode)))(x)]
        assert_same(both, [cr.grad(total(cr.jacrev))(x)])


def test_mixed_mode_where_an_input_also_skips_the_narrow_place():
    def f(x):
        y = bottleneck(x)
        return y + x[0] * cnp.cos(y)

    with cr.enable_x64(True):
        x = cnp.linspace(0.1, 1.0, 40)
        for mode in ("auto", "mixed"):
            assert_same(cr.jacobian(f, mode=mode)(x), cr.jacfwd(f)(x))


@pytest.mark.parametrize(
    "f, x, chosen",
    [
        (cnp.sum, np.ones(5), "reverse mode: 1 cotangents, for 5 inputs"),
        (lambda x: x * np.ones(4), 2.0, "forward mode: 1 tangents, for 4 outputs"),
        (cnp.sin, np.ones(4), "forward mode: 4 tangents, for 4 outputs"),
        (
            bottleneck,
            np.ones(40),
            "mixed mode: 3 values cross the narrowest place between 40 inputs and 30"
            " outputs",
        ),
    ],
)
def test_what_is_chosen(f, x, chosen):
    with noted() as notes:
        cr.jacobian(f)(x)
    assert [n.partition(": ")[2] for n in notes] == [f"{chosen}."]


def test_explain_tells_what_was_chosen():
    x = cr.ShapeDtypeStruct((40,), "float32")
    report = cr.explain(cr.jacobian(bottleneck))(x)
    assert report.notes == [
        "jacobian of bottleneck: mixed mode: 3 values cross the narrowest place between"
        " 40 inputs and 30 outputs."
    ]
    assert "== derivatives\njacobian of bottleneck: mixed mode" in str(report)
    jitted = cr.jit(cr.hessian(lambda x: cnp.sum(x**3)))
    for _ in range(2):
        assert len(cr.explain(jitted)(x).notes) == 2


def test_both_choices_of_a_hessian_with_value_and_gradient_are_told():
    def energy(x, y):
        return cnp.sum(x["a"] ** 3) * y

    x = {"a": cnp.ones(3)}
    for argnums, size in ((0, 3), ((0, 1), 4)):
        report = cr.explain(cr.value_grad_and_hessian(energy, argnums))(x, 2.0)
        assert report.notes == [
            "value_grad_and_hessian of energy, inside: reverse mode: 1 cotangents, for"
            f" {size} inputs.",
            f"value_grad_and_hessian of energy: forward mode: {size} tangents, for"
            f" {size} outputs.",
        ]


def test_hessian_is_forward_over_reverse():
    f = lambda x: cnp.sum(cnp.sin(x) * cnp.prod(x))
    with cr.enable_x64(True):
        x = cnp.linspace(0.5, 1.5, 4)
        expected = cr.jacfwd(cr.jacrev(f))(x)
        assert_same(cr.hessian(f)(x), expected)
        assert_same(
            cr.hessian(bottleneck)(cnp.ones(40)),
            cr.jacfwd(cr.jacfwd(bottleneck))(cnp.ones(40)),
        )
        value, slope, curvature = cr.value_grad_and_hessian(f)(x)
        assert_same([value, slope, curvature], [f(x), cr.grad(f)(x), expected])
        g = lambda x: (f(x), {"aux": x[0]})
        (value, aux), slope, curvature = cr.value_grad_and_hessian(g, has_aux=True)(x)
        assert_same([value, aux["aux"], curvature], [f(x), x[0], expected])
        found, aux = cr.hessian(g, has_aux=True)(x)
        assert_same(found, expected)


def test_value_and_jacobian():
    calls = []

    def f(x, y):
        calls.append(1)
        return {"z": x * y}, x

    x, y = cnp.array([1.0, 2.0]), 3.0
    (value, aux), found = cr.value_and_jacobian(f, (0, 1), has_aux=True)(x, y)
    assert len(calls) == 1 and value["z"].tolist() == [3.0, 6.0] and aux is x
    assert found["z"][0].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert found["z"][1].tolist() == [1.0, 2.0]


def test_integers_complex_numbers_and_empty_arrays():
    found = cr.jacobian(lambda n: 2.0 * n, allow_int=True)(3)
    assert found.dtype == cr.float0
    z = cnp.array([1.0 + 2.0j, 0.5j])
    found = cr.jacobian(cnp.exp, holomorphic=True)(z)
    np.testing.assert_allclose(found, np.diag(np.exp(z)), rtol=1e-5)
    assert cr.jacobian(cnp.sin)(cnp.zeros(0)).shape == (0, 0)
    assert cr.jacobian(lambda x: 5.0)(cnp.zeros(3)).tolist() == [0.0, 0.0, 0.0]


def test_messages():
    assert message(ValueError, cr.jacobian, cnp.sin, mode="backward") == (
        "jacobian: there is no mode 'backward'; use 'auto', 'forward', 'reverse',"
        " 'mixed'."
    )
    assert message(TypeError, cr.hessian(lambda x: x), 1.0 + 2.0j) == (
        "hessian: argument x of <lambda> must be real; got c64[]. For a holomorphic"
        " function pass holomorphic=True."
    )


@pytest.mark.parametrize("jit", [lambda f: f, cr.jit], ids=["eager", "jit"])
def test_gradients_of_python_numbers_promote_as_python_numbers(jit):
    scale, half = cnp.float32(3.0), cnp.bfloat16(0.5)
    f = lambda p: (
        p["x"] * scale + cr.lax.scan(lambda c, y: (c * p["y"], y), scale, xs)[0]
    )
    xs = cnp.arange(2.0)
    for found in (
        jit(cr.grad(lambda x: x * scale))(2.0),
        jit(cr.value_and_grad(lambda x: scale))(2.0)[1],
        cr.vjp(jit(lambda x: x * scale), 2.0)[1](scale)[0],
        *jit(cr.grad(f))({"x": 2.0, "y": 1.0}).values(),
        *jit(cr.grad(lambda x, y: x * y * scale, (0, 1)))(2.0, 1.0),
    ):
        assert found.weak_type and (found * half).dtype == "bfloat16"
    for x in (scale, xs):
        assert not jit(cr.grad(lambda x: (x * 2).sum() * 3.0))(x).weak_type
