"""Users' programs, with `jax` replaced by `chainrule` and nothing else.

Each test is one text's code and holds the values, or the whole printed text, that its
author shows. `DeviceArray` is what `Array` was called then.
"""

# Users' own style of import and assignment is kept, as that is the point.

import numpy

# --- "Second-order differentiation with JAX" --------------------------------------------


def test_second_derivative_of_log():
    import chainrule.numpy as jnp
    from chainrule import grad

    fn = lambda x0: jnp.log(x0)
    x = 1
    y0 = fn(x)
    y1 = grad(fn)(x)
    y2 = grad(grad(fn))(x)

    assert (float(y0), float(y1), float(y2)) == (0.0, 1.0, -1.0)


# --- "Gradients, Jacobians and Hessians" ------------------------------------------------


def test_three_derivatives_of_a_polynomial():
    from chainrule import grad

    x = 1.0
    f = lambda x: x**2 + x + 4
    dfdx = grad(f)
    d2fdx = grad(dfdx)
    d3fdx = grad(d2fdx)

    assert [float(g(x)) for g in (dfdx, d2fdx, d3fdx)] == [3.0, 2.0, 0.0]


def test_jacobian_and_hessian_of_a_paraboloid(capsys):
    from chainrule import jacfwd, jacrev, jit

    f = lambda x, y: x**2 + y**2

    def hessian(f):
        return jit(jacfwd(jacrev(f, argnums=(0, 1)), argnums=(0, 1)))

    print(f"Jacobian = {jacrev(f, argnums=(0, 1))(1.0, 1.0)}")
    print(f"Full Hessian = {hessian(f)(1.0, 1.0)}")

    two = "Array(2., dtype=float32, weak_type=True)"
    zero = "Array(0., dtype=float32, weak_type=True)"
    assert capsys.readouterr().out == (
        f"Jacobian = ({two}, {two})\n"
        f"Full Hessian = (({two}, {zero}), ({zero}, {two}))\n"
    )


def test_gradient_of_a_paraboloid_prints_as_shown():
    from chainrule import grad

    f = lambda x, y: x**2 + y**2

    assert repr(grad(f, argnums=(0, 1))(1.0, 1.0)) == (
        "(Array(2., dtype=float32, weak_type=True),"
        " Array(2., dtype=float32, weak_type=True))"
    )


def test_jacobian_of_a_vector_of_one_variable_prints_as_shown(capsys):
    import chainrule.numpy as np
    from chainrule import jacrev

    f = lambda x: np.array([x**2, 4 * x])
    print(f"Jacobian = {jacrev(f)(1.0)}")

    assert capsys.readouterr().out == "Jacobian = [2. 4.]\n"


def test_jacobian_and_hessian_of_a_vector_of_two_variables_print_as_shown(capsys):
    import chainrule.numpy as np
    from chainrule import jacfwd, jacrev, jit

    f = lambda x, y: np.array([x**3 + 2 * x**2 + 2 * y**3 + y**2, 4 * x + 3 * y**2])

    def hessian(f):
        return jit(jacfwd(jacrev(f, argnums=(0, 1)), argnums=(0, 1)))

    print(f"Jacobian = {jacrev(f, argnums=(0, 1))(1.0, 1.0)}")
    print(f"Full Hessian = {hessian(f)(1.0, 1.0)}")

    assert capsys.readouterr().out == (
        "Jacobian = (Array([7., 4.], dtype=float32, weak_type=True),"
        " Array([8., 6.], dtype=float32, weak_type=True))\n"
        "Full Hessian = ((Array([10.,  0.], dtype=float32, weak_type=True),"
        " Array([0., 0.], dtype=float32, weak_type=True)),"
        " (Array([0., 0.], dtype=float32, weak_type=True),"
        " Array([14.,  6.], dtype=float32, weak_type=True)))\n"
    )


# --- "Efficiently computing the Hessian in JAX" -----------------------------------------


def test_four_ways_to_a_hessian(capsys):
    import chainrule.numpy as jnp
    from chainrule import jacfwd, jacrev, jit

    def comp_hessian():
        x = jnp.arange(1.0, 4.0)

        def sum_logistics(x):
            return jnp.sum(1.0 / (1.0 + jnp.exp(-x)))

        def hessian_1(fun):
            return jit(jacfwd(jacrev(fun)))

        def hessian_2(fun):
            return jit(jacrev(jacfwd(fun)))

        def hessian_3(fun):
            return jit(jacrev(jacrev(fun)))

        def hessian_4(fun):
            return jit(jacfwd(jacfwd(fun)))

        found = []
        for make in (hessian_1, hessian_2, hessian_3, hessian_4):
            hessian_fn = make(sum_logistics)
            found.append(hessian_fn(x))
            print(hessian_fn(x))
        return found

    s = 1 / (1 + numpy.exp(-numpy.arange(1.0, 4.0)))
    for hessian in comp_hessian():
        numpy.testing.assert_allclose(
            hessian, numpy.diag(s * (1 - s) * (1 - 2 * s)), rtol=1e-5, atol=1e-8
        )
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 12 and printed[0].startswith("[[-0.0908577")


# --- "JAX: NumPy accelerated, with differentiation" -------------------------------------


def test_three_derivatives_of_a_cube():
    from chainrule import grad

    def f(x):
        return x * x * x

    D_f = grad(f)
    D2_f = grad(D_f)
    D3_f = grad(D2_f)

    assert f(1.0) == 1.0
    assert float(D_f(1.0)) == 3.0
    assert float(D2_f(1.0)) == 6.0
    assert float(D3_f(0.0)) == 6.0


def test_derivatives_of_a_function_of_arrays():
    from chainrule import grad
    from chainrule import numpy as np

    def f(x):
        return x * x * x

    D_f = grad(lambda x: np.sum(f(x)))
    D2_f = grad(lambda x: np.sum(D_f(x)))
    D3_f = grad(lambda x: np.sum(D2_f(x)))

    x = np.linspace(-1, 1, 200)

    points = numpy.linspace(-1, 1, 200)
    assert x.shape == f(x).shape == (200,)
    for found, expected in [
        (f(x), points**3), (D_f(x), 3 * points**2),
        (D2_f(x), 6 * points), (D3_f(x), 0 * points + 6),
    ]:  # fmt: skip
        numpy.testing.assert_allclose(numpy.asarray(found), expected, atol=2e-6)


# --- "Automatic differentiation" --------------------------------------------------------


def test_derivative_of_a_square():
    import chainrule as jax

    def f(x):
        return x**2

    df = jax.grad(f)
    assert float(df(2.0)) == 4.0
    ddf = jax.grad(df)
    assert float(ddf(2.0)) == 2.0


def test_derivatives_for_one_and_for_both_arguments():
    import chainrule as jax

    def f(x, y):
        return x**2 + 2 * y**2

    df = jax.grad(f, argnums=0)
    assert float(df(2.0, 3.0)) == 4.0
    df = jax.grad(f, argnums=(0, 1))
    assert df(2.0, 3.0) == (4.0, 12.0)


def test_gradient_of_a_norm():
    import chainrule as jax
    import chainrule.numpy as jnp

    def norm(x):
        return jnp.sqrt(jnp.dot(x, x))

    vector = jnp.array((1.0, 2.0))
    df = jax.grad(norm)
    assert str(norm(vector)) == "2.236068"
    assert str(df(vector)) == "[0.4472136 0.8944272]"


def test_jacobian_of_the_identity():
    import chainrule as jax
    import chainrule.numpy as jnp

    def test(x):
        return x

    vector = jnp.array((1.0, 2.0))
    assert str(jax.jacobian(test)(vector)) == "[[1. 0.]\n [0. 1.]]"


def test_forces_of_a_harmonic_potential():
    import chainrule as jax
    import chainrule.numpy as jnp

    vector = jnp.array((1.0, 2.0))

    def potential(x):
        distances = jnp.abs(x[jnp.newaxis, :] - x[:, jnp.newaxis])
        return (distances**2).sum() / 2

    assert jax.grad(potential)(vector).tolist() == [-2.0, 2.0]
    value, slope = jax.value_and_grad(potential)(vector)
    assert float(value) == 1.0 and slope.tolist() == [-2.0, 2.0]
