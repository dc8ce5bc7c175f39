"""odeint: solutions against closed forms and SciPy, derivatives against differences."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental import ode
from chainrule.experimental.ode import odeint

TIGHT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture(autouse=True)
def in_double_precision():
    with cr.enable_x64(True):
        yield


def pendulum(y, t, p):
    return cnp.stack([y[1], -p[0] * cnp.sin(y[0]) - p[1] * y[1] + 0.1 * cnp.cos(t)])


def pendulum_numpy(t, y, p):
    return np.array([y[1], -p[0] * np.sin(y[0]) - p[1] * y[1] + 0.1 * np.cos(t)])


START, TIMES = np.array([1.0, -0.3]), np.linspace(0.2, 4.0, 9)
PARAMETERS = np.array([9.8, 0.3])


def differences(f, x, h=1e-5):
    """The gradient of f at the vector x by central differences."""
    x = np.asarray(x, np.float64)
    basis = h * np.eye(len(x))
    return np.array([(float(f(x + e)) - float(f(x - e))) / (2 * h) for e in basis])


def order_sums(theta):
    """Sums of the dense output's weights that order 4 demands, with their values."""
    a = [[], *[[Fraction(w).limit_denominator(60000) for w in r] for r in ode.STAGES]]
    c = [sum(row, Fraction(0)) for row in a]
    last = a[-1] + [Fraction(0)]
    first = [Fraction(int(i == 0)) for i in range(7)]
    final = [Fraction(int(i == 6)) for i in range(7)]
    quartic = [Fraction(d).limit_denominator(10**12) for d in ode.DENSE]
    q = 1 - theta
    b = []
    for i in range(7):
        bend = first[i] - last[i]
        twist = last[i] - final[i] - bend
        b.append(theta * (last[i] + q * (bend + theta * (twist + q * quartic[i]))))
    inner = lambda v: [sum((w * v[j] for j, w in enumerate(r)), Fraction(0)) for r in a]
    ac = inner(c)
    trees = [
        ([Fraction(1)] * 7, theta),
        (c, theta**2 / 2),
        ([x**2 for x in c], theta**3 / 3),
        (ac, theta**3 / 6),
        ([x**3 for x in c], theta**4 / 4),
        ([x * y for x, y in zip(c, ac)], theta**4 / 8),
        (inner([x**2 for x in c]), theta**4 / 12),
        (inner(ac), theta**4 / 24),
    ]
    return [(sum(w * v for w, v in zip(b, values)), want) for values, want in trees]


@pytest.mark.parametrize("theta", [Fraction(1, 5), Fraction(1, 2), Fraction(1)])
def test_dense_output_is_of_order_four(theta):
    for found, wanted in order_sums(theta):
        assert abs(float(found - wanted)) < 1e-9


def test_nodes_are_sums_of_their_rows_and_error_weights_cancel():
    assert np.allclose([sum(row) for row in ode.STAGES], ode.NODES, rtol=1e-14)
    assert abs(sum(ode.ERROR)) < 1e-15


def test_error_of_a_step_falls_with_its_sixth_power():
    slope = lambda y, t: y * cnp.cos(t)
    control = ode.Control(1.0, 1.0, np.inf, np.inf)
    found = []
    for h in (0.2, 0.1):
        y, zero = cnp.ones(1), cnp.zeros(())
        dense = (y,) * 5
        start = ode.Solver(zero, y, slope(y, zero), cnp.asarray(h), zero, dense, 0)
        after = ode._step(slope, control, start, cnp.asarray(9.0))
        found.append(abs(float(after.y[0]) - np.exp(np.sin(h))))
    assert 50 < found[0] / found[1] < 90


def test_pendulum_agrees_with_scipy_to_ten_digits():
    ours = odeint(pendulum, START, TIMES, PARAMETERS, rtol=1e-11, atol=1e-12)
    theirs = solve_ivp(
        pendulum_numpy, TIMES[[0, -1]], START, "DOP853", TIMES, args=(PARAMETERS,),
        rtol=1e-13, atol=1e-14,
    )  # fmt: skip
    assert ours.shape == (9, 2) and ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs.y.T, rtol=0, atol=2e-10)


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_error_follows_the_tolerance_at_outputs_between_steps(rtol):
    times = cnp.linspace(0.0, 6.0, 101)
    ys = odeint(lambda y, t: y * cnp.cos(t), 1.0, times, rtol=rtol, atol=rtol)
    error = np.max(np.abs(np.asarray(ys) - np.exp(np.sin(times))))
    assert rtol / 1000 < error < 30 * rtol


def test_stiff_robertson_agrees_with_scipy():
    def slope(y, t, xp=cnp):
        a, b = 0.04 * y[0], 1e4 * y[1] * y[2]
        c = 3e7 * y[1] ** 2
        return xp.stack([b - a, a - b - c, c])

    times, start = np.array([0.0, 0.1, 1.0]), np.array([1.0, 0.0, 0.0])
    ours = cr.jit(lambda: odeint(slope, start, times, rtol=1e-8, atol=1e-12))()
    theirs = solve_ivp(
        lambda t, y: slope(y, t, np), (0, 1), start, "Radau", times, rtol=1e-10,
        atol=1e-14,
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs.y.T, rtol=1e-6, atol=1e-10)


def test_pytrees_of_states_and_arguments():
    def slope(state, t, rates, extra):
        return {"a": -rates["a"] * state["a"], "b": (extra * state["b"][0],)}

    state = {"a": cnp.ones((2, 2)), "b": (cnp.array(1.0, cnp.float32),)}
    ys = odeint(slope, state, cnp.array([0.0, 1.0]), {"a": 2.0}, 0.5, **TIGHT)
    assert ys["a"].shape == (2, 2, 2) and ys["b"][0].dtype == np.float32
    np.testing.assert_allclose(ys["a"][1], np.exp(-2.0), rtol=1e-9)
    np.testing.assert_allclose(ys["b"][0][1], np.exp(0.5), rtol=1e-6)


def test_complex_states():
    times = np.linspace(0.0, 3.0, 5)
    ys = odeint(lambda y, t: 1j * y, 1.0 + 0j, times, **TIGHT)
    np.testing.assert_allclose(ys, np.exp(1j * times), atol=1e-9)
    turned = lambda w: odeint(lambda y, t: 1j * w * y, 1.0 + 0j, times, **TIGHT)
    found = cr.grad(lambda w: turned(w)[-1].real)(1.3)
    np.testing.assert_allclose(found, -3.0 * np.sin(3.9), rtol=1e-8)


def test_float32_and_weak_types():
    y = odeint(lambda y, t: -y, np.float32(1), cnp.array([0.0, 1.0], np.float32))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y[1], np.exp(-1.0), rtol=1e-6)


def test_one_time_repeated_times_and_empty_states():
    assert odeint(lambda y, t: y, 2.0, cnp.array([1.0])).tolist() == [2.0]
    ys = odeint(lambda y, t: y, 1.0, cnp.array([0.0, 0.0, 1.0, 1.0]), **TIGHT)
    np.testing.assert_allclose(ys, [1, 1, np.e, np.e], rtol=1e-9)
    assert odeint(lambda y, t: y, cnp.ones(0), cnp.array([0.0, 1.0])).shape == (2, 0)


def test_constant_and_zero_slopes():
    times = cnp.array([0.0, 1.0, 1e4])
    np.testing.assert_allclose(odeint(lambda y, t: 0 * y, 3.0, times), 3.0)
    np.testing.assert_allclose(
        odeint(lambda y, t: 2.0, 0.0, times), 2 * times, rtol=1e-9
    )


def test_the_slope_is_not_asked_for_beyond_the_last_time():
    times = cnp.array([0.0, 1.0])
    ys = odeint(lambda y, t: 1.5 * cnp.sqrt(1 - t), 0.0, times, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ys[1], 1.0, atol=1e-5)


def test_a_singularity_and_too_few_steps_give_nan_and_the_times_before_stand():
    times = cnp.array([0.0, 0.5, 2.0])
    ys = np.asarray(odeint(lambda y, t: y**2, 1.0, times))
    np.testing.assert_allclose(ys[:2], [1.0, 2.0], rtol=1e-6)
    assert np.isnan(ys[2])
    short = odeint(pendulum, START, TIMES, PARAMETERS, mxstep=2)
    assert np.isnan(short[1:]).all() and not np.isnan(short[0]).any()
    falling = cr.jit(lambda t: odeint(lambda y, t: y, 1.0, t))(cnp.array([0.0, 1, -1]))
    assert np.isnan(falling).tolist() == [False, False, True]


def test_hmax_bounds_the_steps():
    seen = []

    def slope(y, t):
        cr.debug.callback(lambda t: seen.append(float(t)), t)
        return -y

    odeint(slope, 1.0, cnp.array([0.0, 1.0]), rtol=1e-2, atol=1e-2, hmax=0.05)
    assert len(seen) >= 6 * 20


GRADIENTS = {
    "y0": lambda x: odeint(pendulum, x, TIMES, PARAMETERS, **TIGHT),
    "t": lambda x: odeint(pendulum, START, x, PARAMETERS, **TIGHT),
    "p": lambda x: odeint(pendulum, START, TIMES, x, **TIGHT),
}
POINTS = {"y0": START, "t": TIMES, "p": PARAMETERS}
WEIGHTS = np.random.default_rng(0).normal(size=(9, 2))


@pytest.mark.parametrize("what", GRADIENTS)
def test_gradients_in_both_modes_agree_with_differences(what):
    f = cr.jit(lambda x: cnp.sum(WEIGHTS * GRADIENTS[what](x)))
    x = POINTS[what]
    wanted = differences(f, x)
    np.testing.assert_allclose(cr.grad(f)(x), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cr.jacfwd(f)(x), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cr.grad(f)(x), cr.jacfwd(f)(x), rtol=1e-7, atol=1e-8)


def last_of_decay(rate, scale=1.0):
    times = cnp.array([0.0, 0.7])
    return odeint(lambda y, t, r: -r * y, scale, times, rate, **TIGHT)[-1]


@pytest.mark.parametrize("inner", [cr.grad, cr.jacfwd], ids=["reverse", "forward"])
@pytest.mark.parametrize("outer", [cr.grad, cr.jacfwd], ids=["reverse", "forward"])
def test_second_derivatives(outer, inner):
    found = outer(inner(last_of_decay))(1.5)
    np.testing.assert_allclose(found, 0.49 * np.exp(-1.05), rtol=1e-7)


def test_gradient_through_a_closure_and_of_eager_values():
    def loss(rate):
        return odeint(lambda y, t: -rate * y, 1.0, cnp.array([0.0, 0.7]), **TIGHT)[-1]

    wanted = -0.7 * np.exp(-1.05)
    np.testing.assert_allclose(cr.grad(loss)(1.5), wanted, rtol=1e-7)
    np.testing.assert_allclose(cr.jit(cr.grad(loss))(1.5), wanted, rtol=1e-7)


def test_integer_arguments_have_no_derivative():
    slope = lambda y, t, n, r: -r * y * n
    f = lambda r: odeint(slope, 1.0, cnp.array([0.0, 0.5]), 2, r, **TIGHT)[-1]
    np.testing.assert_allclose(cr.grad(f)(0.8), -np.exp(-0.8), rtol=1e-7)
    np.testing.assert_allclose(cr.jacfwd(f)(0.8), -np.exp(-0.8), rtol=1e-7)


def test_vmap_is_a_loop_over_examples():
    starts = np.array([[1.0, 0.0], [0.2, 2.0], [3.0, -1.0]])
    f = lambda y: odeint(pendulum, y, TIMES, PARAMETERS, **TIGHT)
    g = lambda y: cnp.sum(WEIGHTS * f(y))
    for fun in (f, cr.grad(g), cr.jacfwd(g)):
        each = np.stack([fun(y) for y in starts])
        np.testing.assert_allclose(cr.vmap(fun)(starts), each, rtol=1e-8, atol=1e-8)
    many = cr.jit(cr.vmap(last_of_decay))(cnp.array([0.0, 1.0, 40.0]))
    np.testing.assert_allclose(many, np.exp(-0.7 * np.array([0, 1, 40])), atol=1e-9)


def test_the_same_function_is_traced_once():
    count = []

    def slope(y, t):
        count.append(1)
        return -y

    times = cnp.array([0.0, 1.0])
    odeint(slope, 1.0, times)
    first = len(count)
    odeint(slope, 2.0, times)
    assert len(count) - first < first


def raises(error, text, *args, **options):
    with pytest.raises(error) as caught:
        odeint(*args, **options)
    assert str(caught.value) == text


def test_bad_arguments():
    slope, times = lambda y, t, *_: y, cnp.array([0.0, 1.0])
    raises(
        ValueError,
        "odeint: t must be finite and not decrease; got [1. 0.]. To solve backwards,"
        " solve dy/ds = -func(y, -s) at the times s = -t.",
        slope, 1.0, cnp.array([1.0, 0.0]),
    )  # fmt: skip
    raises(
        TypeError, "odeint: t must be an array of floats; got i64[3].",
        slope, 1.0, cnp.arange(3),
    )  # fmt: skip
    raises(
        ValueError,
        "odeint: t must be a vector of at least one time; got f64[0].",
        slope, 1.0, cnp.zeros(0),
    )  # fmt: skip
    raises(
        TypeError,
        "odeint: the initial state must be floating-point or complex; got i64[2]."
        " Write 1.0 for 1, or y.astype(float).",
        slope, cnp.array([1, 2]), times,
    )  # fmt: skip
    raises(
        TypeError,
        "odeint: further arguments must be arrays or numbers, or pytrees of them; got"
        " 'fast'. Close over other values: odeint(lambda y, t: f(y, t, value), ...).",
        slope, 1.0, times, "fast",
    )  # fmt: skip
    raises(
        ValueError, "odeint: rtol must be positive; got -1.",
        slope, 1.0, times, rtol=-1,
    )  # fmt: skip
    raises(
        ValueError, "odeint: rtol and atol are both 0; give one of them.",
        slope, 1.0, times, rtol=0, atol=0,
    )  # fmt: skip


def test_slopes_that_are_not_of_the_state():
    times = cnp.array([0.0, 1.0])

    def short(y, t):
        return y[0]

    def wide(y, t):
        return 1j * y

    raises(
        TypeError,
        "odeint: short must return the slope of the state, of type f64[2]; got"
        " f64[].",
        short, cnp.ones(2), times,
    )  # fmt: skip
    raises(
        TypeError,
        "odeint: wide must return the slope of the state, of type f64[]; got"
        " c128[].",
        wide, 1.0, times,
    )  # fmt: skip
    with pytest.raises(TypeError, match="must return the structure of the state"):
        odeint(lambda y, t: (y, y), 1.0, times)

    def solve(rate):
        def closed(y, t):
            return rate * y[0]

        return odeint(closed, cnp.ones(2), times)[-1, 0]

    with pytest.raises(TypeError, match="odeint: closed must return the slope"):
        cr.grad(solve)(1.0)
