"""Transformations compose: in every order, at every depth, on closures and pytrees.

Expected values are closed forms computed with NumPy in float64.
"""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(
        np.asarray(actual), np.asarray(expected), rtol=tolerance, atol=tolerance
    )


def f(x):
    return cnp.sin(x) * x * x


def df(x):
    return np.cos(x) * x * x + 2 * x * np.sin(x)


def ddf(x):
    return 4 * x * np.cos(x) + (2 - x * x) * np.sin(x)


def forward(fun):
    return lambda x: cr.jvp(fun, (x,), (cnp.ones_like(x),))[1]


WRAPPERS = {"jit": cr.jit, "checkpoint": cr.checkpoint, "plain": lambda g: g}
DERIVATIVES = {
    "grad": cr.grad,
    "jvp": forward,
    "jacfwd": cr.jacfwd,
    "jacrev": cr.jacrev,
}


@pytest.mark.parametrize("inner", WRAPPERS)
@pytest.mark.parametrize("outer", WRAPPERS)
@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_first_derivative_between_wrappers(inner, derivative, outer):
    g = WRAPPERS[outer](DERIVATIVES[derivative](WRAPPERS[inner](f)))
    close(g(0.7), df(0.7))
    close(cr.vmap(g)(cnp.array([0.1, 0.7])), [df(0.1), df(0.7)])


@pytest.mark.parametrize("pair", [*itertools.product(DERIVATIVES, DERIVATIVES)])
@pytest.mark.parametrize("middle", WRAPPERS)
def test_second_derivative_in_every_mode(pair, middle):
    first, second = pair
    g = DERIVATIVES[second](WRAPPERS[middle](DERIVATIVES[first](cr.jit(f))))
    close(g(0.7), ddf(0.7))
    close(cr.jit(cr.vmap(g))(cnp.array([0.1, 0.7])), [ddf(0.1), ddf(0.7)])


@pytest.mark.parametrize("order", [*itertools.product(["grad", "jvp"], repeat=4)])
def test_fourth_derivative_of_a_power_is_exact(order):
    g = lambda x: x**5
    for name in order:
        g = DERIVATIVES[name](g)
    assert float(g(2.0)) == 240.0


def test_python_control_flow_follows_values_in_grad():
    def halving(x):
        n = 0
        while x > 1.0:
            x = x / 2 if n % 2 else 3 * x / 7
            n += 1
        return x

    close(cr.grad(halving)(10.0), 3 / 7 * (1 / 2) * 3 / 7)

    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    close(cr.grad(cr.grad(power))(3.0, 3), 18.0)


def test_inner_and_outer_derivatives_are_not_confused():
    g = cr.grad(lambda x: x * cr.grad(lambda y: x + y)(2.0))
    assert float(g(1.0)) == 1.0
    h = cr.jacfwd(lambda x: x * cr.jvp(lambda y: x * y, (3.0,), (1.0,))[1])
    assert float(h(5.0)) == 10.0


def test_closures_over_outer_values_under_every_transformation():
    def outer(x):
        inner = cr.jit(lambda y: cr.vmap(lambda z: x * z * z)(y).sum())
        return cr.grad(inner)(cnp.array([1.0, 2.0])).sum()

    close(outer(3.0), 18.0)
    close(cr.grad(outer)(3.0), 6.0)
    close(cr.jit(cr.grad(outer))(3.0), 6.0)
    close(cr.vmap(cr.grad(outer))(cnp.array([3.0, 4.0])), [6.0, 6.0])


def test_vmap_of_grad_is_the_loop():
    w = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    x = np.random.default_rng(1).standard_normal(3).astype(np.float32)

    def loss(w, x):
        return cnp.tanh(cnp.dot(w, x)) ** 2

    batched = cr.vmap(cr.grad(loss), in_axes=(0, None))(w, x)
    close(batched, np.stack([np.asarray(cr.grad(loss)(row, x)) for row in w]))


def test_vmap_axes_in_trees_and_out_axes():
    tree = {"a": cnp.ones((3, 2)), "b": (cnp.arange(3.0), 4.0)}
    g = cr.vmap(
        lambda t: {"s": t["a"] * t["b"][1], "t": t["b"][0]},
        in_axes=({"a": 0, "b": (0, None)},),
        out_axes={"s": 1, "t": 0},
    )
    out = g(tree)
    assert out["s"].shape == (2, 3) and out["t"].shape == (3,)


def test_nested_vmap_is_an_outer_product():
    outer = cr.vmap(cr.vmap(lambda x, y: x * y, (None, 0)), (0, None))
    x, y = np.arange(3.0), np.arange(4.0)
    close(outer(x, y), np.outer(x, y))


def test_hessian_of_a_tree_of_arguments():
    def quadratic(p):
        return p["x"] ** 2 * p["y"] + p["y"] ** 3

    h = cr.hessian(quadratic)({"x": 2.0, "y": 3.0})
    found = [[float(h[i][j]) for j in "xy"] for i in "xy"]
    assert found == [[6.0, 4.0], [4.0, 18.0]]


def test_hvp_is_the_hessian_times_the_vector():
    def g(x):
        return cnp.sum(cnp.sin(x) * x[::-1])

    x, v = cnp.array([0.3, 0.5, 0.8]), cnp.array([1.0, -2.0, 0.5])
    close(cr.hvp(g, (x,), (v,)), np.asarray(cr.hessian(g)(x)) @ np.asarray(v))


def test_linearize_evaluates_once_and_applies_often():
    calls = []

    def g(x):
        calls.append(x)
        return cnp.sin(x)

    y, push = cr.linearize(g, 0.5)
    close([push(1.0), push(2.0)], [np.cos(0.5), 2 * np.cos(0.5)])
    assert len(calls) == 1


def test_pullbacks_are_reusable_and_can_be_mapped():
    y, pullback = cr.vjp(
        lambda x: cnp.array([x[0] * x[1], x[1] ** 2]), cnp.array([2.0, 3.0])
    )
    rows = cr.vmap(pullback)(cnp.eye(2))[0]
    close(rows, [[3.0, 2.0], [0.0, 6.0]])
    close(pullback(cnp.array([1.0, 0.0]))[0], [3.0, 2.0])


def test_integer_arguments_and_float0():
    value, grads = cr.value_and_grad(
        lambda n, x: n * x, argnums=(0, 1), allow_int=True
    )(3, 2.0)
    assert grads[0].dtype == cr.float0 and float(grads[1]) == 3.0
    _, dot = cr.jvp(lambda n: n, (3,), (np.zeros((), cr.float0),))
    assert dot.dtype == cr.float0


def test_holomorphic_derivative():
    z = 0.3 + 0.4j
    close(cr.grad(cnp.exp, holomorphic=True)(z), np.exp(z))
    close(cr.jacfwd(lambda z: z * z * z, holomorphic=True)(z), 3 * z**2)


def test_gradient_of_a_real_function_of_complex_numbers_is_conjugate_descent():
    g = cr.grad(lambda z: cnp.real(z) ** 2 + 3 * cnp.imag(z) ** 2)(1.0 + 2.0j)
    close(g, 2.0 - 12.0j)


def test_jit_traces_once_per_signature():
    traced = []

    @cr.jit
    def g(x, y):
        traced.append((x.shape, y))
        return x * y

    g(cnp.ones(2), 1.0)
    g(cnp.zeros(2), 2.0)
    assert len(traced) == 1
    g(cnp.ones(3), 1.0)
    g(cnp.ones(2, dtype=int), 1.0)
    assert len(traced) == 3


def test_static_arguments_are_values():
    g = cr.jit(lambda x, n: sum(x for _ in range(n)), static_argnums=1)
    assert float(g(2.0, 3)) == 6.0 and float(g(2.0, n=4)) == 8.0
    h = cr.jit(
        lambda x, mode="double": x * 2 if mode == "double" else x,
        static_argnames="mode",
    )
    assert float(h(2.0)) == 4.0 and float(h(2.0, mode="same")) == 2.0


def test_disable_jit_runs_the_function_itself():
    @cr.jit
    def g(x):
        return x if x > 0 else -x

    with cr.disable_jit():
        assert float(g(-2.0)) == 2.0


def test_threads_trace_independently():
    results = {}

    def work(k):
        g = cr.jit(cr.grad(lambda x: x**k))
        results[k] = [float(g(2.0)) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: [k * 2.0 ** (k - 1)] * 20 for k in range(1, 9)}


def test_an_error_inside_leaves_the_process_usable():
    def broken(x):
        raise KeyError("broken")

    for transformed, x in (
        (cr.jit(broken), 1.0),
        (cr.grad(broken), 1.0),
        (cr.vmap(broken), cnp.ones(1)),
    ):
        with pytest.raises(KeyError):
            transformed(x)
    assert float(cr.jit(cr.grad(lambda x: x * x))(3.0)) == 6.0


def test_callbacks_under_transformations(capsys):
    struct = cr.ShapeDtypeStruct((), np.float32)

    def host_sin(x):
        return cr.pure_callback(
            lambda v: np.sin(np.asarray(v)), struct, x, vmap_method="sequential"
        )

    close(cr.jit(host_sin)(0.5), np.sin(0.5))
    close(cr.vmap(host_sin)(cnp.array([0.1, 0.2])), np.sin([0.1, 0.2]))

    def shown(x):
        cr.debug.print("x = {x}", x=x)
        return x * x

    close(cr.jit(cr.grad(shown))(3.0), 6.0)
    cr.vmap(shown)(cnp.array([1.0, 2.0]))
    assert capsys.readouterr().out == "x = 3.0\nx = 1.0\nx = 2.0\n"


def test_collectives_over_a_named_axis():
    x = cnp.array([1.0, 2.0, 5.0])
    close(
        cr.vmap(lambda v: v / cr.lax.psum(v, "i"), axis_name="i")(x), np.asarray(x) / 8
    )
    close(cr.vmap(cr.jit(lambda v: cr.lax.psum(v, "i")), axis_name="i")(x), [8.0] * 3)
    index = cr.vmap(lambda v: cr.lax.axis_index("i"), axis_name="i")(x)
    assert index.tolist() == [0, 1, 2]


def test_pmap_over_devices_of_the_process():
    cr.config.update("num_cpu_devices", 4)
    try:
        assert cr.device_count() == 4
        y = cr.pmap(lambda v: cr.lax.pmean(v, "d"), axis_name="d")(cnp.arange(4.0))
        close(y, [1.5] * 4)
        with pytest.raises(ValueError, match="there are 4 devices"):
            cr.pmap(lambda v: v)(cnp.ones(5))
    finally:
        cr.config.update("num_cpu_devices", 1)


def test_custom_rules_under_every_transformation():
    @cr.custom_jvp
    def g(x):
        return cnp.sin(x)

    @g.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return g(x), 2 * cnp.cos(x) * t

    @cr.custom_vjp
    def h(x):
        return cnp.sin(x)

    h.defvjp(lambda x: (h(x), x), lambda x, ct: (2 * cnp.cos(x) * ct,))
    for fun in (g, h):
        close(cr.grad(fun)(0.5), 2 * np.cos(0.5))
        close(cr.grad(cr.jit(fun))(0.5), 2 * np.cos(0.5))
        close(cr.jit(cr.grad(fun))(0.5), 2 * np.cos(0.5))
        close(cr.grad(cr.grad(fun))(0.5), -2 * np.sin(0.5))
        close(cr.vmap(cr.grad(fun))(cnp.array([0.5])), [2 * np.cos(0.5)])
        close(
            cr.grad(lambda x: cr.vmap(fun)(x).sum())(cnp.array([0.5])),
            [2 * np.cos(0.5)],
        )
        close(cr.jacrev(cr.checkpoint(fun))(0.5), 2 * np.cos(0.5))


def test_closure_convert_and_linear_transpose():
    def g(x):
        converted, consts = cr.closure_convert(lambda y: x * y, 1.0)
        return converted(2.0, *consts)

    assert float(cr.grad(g)(3.0)) == 2.0
    a = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)
    transposed = cr.linear_transpose(lambda v: a @ v, cnp.ones(2))
    close(transposed(cnp.array([1.0, 2.0, 3.0]))[0], a.T @ np.array([1.0, 2.0, 3.0]))


def test_x64_is_a_choice_of_the_block():
    assert cnp.ones(2).dtype == np.float32
    with cr.enable_x64(True):
        assert cnp.ones(2).dtype == np.float64
        assert cr.grad(lambda x: x * x)(3.0).dtype == np.float64
    assert cnp.asarray(np.ones(2)).dtype == np.float32
