"""Derivatives: forward, reverse, linearized, nested; against finite differences."""

import numpy as np

import chainrule as cr
from chainrule.core import dtypes
from chainrule.core.avals import as_array, aval_of
from chainrule.transforms.jvp import jvp_flat
from chainrule.transforms.taylor import taylor_flat

from .cases import (
    CASES,
    assert_close,
    closed,
    differentiable_cases,
    directional_derivative,
    each,
    flat,
    pairing,
    random_like,
)

FIRST = list(differentiable_cases())
SECOND = list(differentiable_cases(2))
ORDER = 4
"""Order of the power series that are compared with nested forward mode."""

RTOL = 1e-6
"""Relative error allowed between derivatives and finite differences in 64 bits."""


def directions(xs, seed=1):
    return [random_like(x, seed + i) for i, x in enumerate(xs)]


def jvp(fun, xs, vs):
    return cr.jvp(lambda *a: list(fun(*a)), tuple(xs), tuple(vs))


@each(FIRST)
def test_jvp_is_the_directional_derivative(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        expected = directional_derivative(fun, xs, vs)
        ys, dots = jvp(fun, xs, vs)
        assert_close(ys, fun(*xs), case.sample.tolerance)
        assert_close(dots, expected, case.sample.tolerance, RTOL)


@each(c for c in CASES if c.positions())
def test_derivatives_have_the_types_of_their_values(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        ys, dots = jvp(fun, xs, vs)
        assert [(t.shape, t.dtype) for t in dots] == [(y.shape, y.dtype) for y in ys]
        _, pullback = cr.vjp(fun, *xs)
        cts = pullback(directions(ys, 5))
        assert [(t.shape, t.dtype) for t in cts] == [(x.shape, x.dtype) for x in xs]
        wide = case.widened()
    with wide.precision():
        fun, xs = closed(wide)
        vs = [wrap_like(v, x) for v, x in zip(vs, xs)]
        expected = [np.asarray(t) for t in jvp(fun, xs, vs)[1]]
    expected = [e.astype(t.dtype) for e, t in zip(expected, dots)]
    rtol = {2: 0.3, 4: 5e-3, 8: 1e-6 if case.x64 else 5e-3, 16: 1e-6}
    for t, e in zip(dots, expected):
        assert_close([t], [e], case.sample.tolerance, rtol[t.dtype.itemsize])


def wrap_like(v, x):
    return as_array(np.asarray(v).astype(x.dtype))


@each(FIRST)
def test_transpose_identity(case):
    """<L v, w> = <v, L^T w> for the linearized map, in the pairing Re(sum(a * b))."""
    with case.precision():
        fun, xs = closed(case)
        ys, push = cr.linearize(fun, *xs)
        _, pullback = cr.vjp(fun, *xs)
        vs, ws = directions(xs), directions(ys, 7)
        left, right = pairing(ws, push(*vs)), pairing(vs, pullback(ws))
        scale = sum(float(np.abs(np.asarray(mul)).sum()) for mul in pullback(ws))
        scale = max(scale, 1.0)
        error = abs(float(left) - float(right)) / scale
        assert error < 1e-9 * case.sample.tolerance


def linear_positions(case, operands):
    """Operands in each of which alone the case is linear, found by trying."""
    found = []
    for i in case.positions():
        x, v = np.asarray(operands[i]), np.asarray(random_like(operands[i], 3))

        def at(value, i=i):
            full = [*operands[:i], as_array(value), *operands[i + 1 :]]
            return [np.asarray(y) for y in flat(case(*full))]

        sums = zip(at(2 * x - v), at(x), at(v), at(0 * x))
        if x.size and all(
            dtypes.is_inexact(a.dtype)
            and np.allclose(a, 2 * b - c, 1e-9, 1e-12)
            and not zero.any()
            for a, b, c, zero in sums
        ):
            found.append(i)
    return found


@each(c for c in FIRST if c.primitive is not None and c.primitive.transpose)
def test_transpose_rule_for_each_operand_it_is_linear_in(case):
    with case.precision():
        operands = case.operands()
        for i in linear_positions(case, operands):

            def act(x, i=i):
                return flat(case(*operands[:i], x, *operands[i + 1 :]))

            v = random_like(operands[i], 3)
            ws = directions(act(v), 7)
            (ct,) = cr.linear_transpose(act, v)(ws)
            assert (ct.shape, ct.dtype) == (v.shape, v.dtype)
            left, right = pairing(ws, act(v)), pairing([v], [ct])
            scale = 1 + float(np.abs(np.asarray(ct)).sum())
            assert abs(float(left) - float(right)) < 1e-9 * scale


@each(FIRST)
def test_linearize_and_push_is_jvp(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        ys, push = cr.linearize(fun, *xs)
        expected_ys, expected = jvp(fun, xs, vs)
        assert_close(ys, expected_ys, case.sample.tolerance)
        assert_close(push(*vs), expected, case.sample.tolerance, 1e-9)


@each(c for c in FIRST if len(c.positions()) > 1)
def test_jvp_for_one_operand_at_a_time(case):
    """Zero tangents, given or left out, contribute nothing."""
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        total = [np.zeros(y.shape, y.dtype) for y in fun(*xs)]
        for i in range(len(xs)):
            only = [v if k == i else None for k, v in enumerate(vs)]
            ys, dots = jvp_flat(fun, xs, only)
            for k, t in enumerate(dots):
                if t is not None:
                    total[k] = total[k] + np.asarray(t)
        assert_close(total, jvp(fun, xs, vs)[1], case.sample.tolerance, 1e-8)


@each(FIRST)
def test_jit_of_derivatives_is_their_eager_value(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        found = cr.jit(lambda xs, vs: jvp(fun, xs, vs)[1])(xs, vs)
        assert_close(found, jvp(fun, xs, vs)[1], case.sample.tolerance, 1e-9)
        ys, pullback = cr.vjp(fun, *xs)
        ws = directions(ys, 7)
        expected = pullback(ws)
        found = cr.jit(lambda xs, ws: cr.vjp(fun, *xs)[1](ws))(xs, ws)
        assert_close(found, expected, case.sample.tolerance, 1e-9)
        found = cr.vjp(cr.jit(fun), *xs)[1](ws)
        assert_close(found, expected, case.sample.tolerance, 1e-9)
        found = jvp(cr.jit(fun), xs, vs)[1]
        assert_close(found, jvp(fun, xs, vs)[1], case.sample.tolerance, 1e-9)


# --- second order ----------------------------------------------------------------------


def scalar_of(fun, xs):
    """x -> Re(sum(w * fun(x))) for random fixed weights w."""
    ws = directions(fun(*xs), 7)
    return lambda *xs: pairing(ws, fun(*xs))


def gradient(fun, xs):
    return list(cr.grad(fun, tuple(range(len(xs))))(*xs))


@each(SECOND)
def test_jvp_of_gradient_is_its_directional_derivative(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        scalar = scalar_of(fun, xs)
        expected = directional_derivative(lambda *xs: gradient(scalar, xs), xs, vs)
        found = jvp(lambda *xs: gradient(scalar, xs), xs, vs)[1]
        assert_close(found, expected, case.sample.tolerance, RTOL)


@each(SECOND)
def test_second_derivatives_agree_in_every_mode(case):
    with case.precision():
        fun, xs = closed(case)
        vs = directions(xs)
        scalar = scalar_of(fun, xs)
        forward_reverse = jvp(lambda *xs: gradient(scalar, xs), xs, vs)[1]

        def slope(*xs):
            return cr.jvp(scalar, tuple(xs), tuple(vs))[1]

        def product(*xs):
            return pairing(vs, gradient(scalar, xs))

        for other in (gradient(slope, xs), gradient(product, xs)):
            assert_close(other, forward_reverse, case.sample.tolerance, 1e-7)
        once = cr.jvp(slope, tuple(xs), tuple(vs))[1]
        twice = pairing(vs, forward_reverse)
        assert_close([once], [twice], case.sample.tolerance, 1e-7)


# --- Taylor mode -----------------------------------------------------------------------


@each(SECOND)
def test_taylor_is_nested_jvp(case):
    """The series of f along x + v1 t + ... + v4 t^4 has its derivatives / k!."""
    with case.precision():
        fun, xs = closed(case)
        curves = [directions(xs, 11 * k) for k in range(1, ORDER + 1)]
        one = as_array(np.float64(1.0))

        def along(t):
            moved = list(xs)
            power = t
            for vs in curves:
                moved = [x + v * power for x, v in zip(moved, vs)]
                power = power * t
            return list(fun(*moved))

        def derivative(g):
            return lambda t: cr.jvp(g, (t,), (one,))[1]

        zero = as_array(np.float64(0.0))
        series = [[x, *(vs[i] for vs in curves)] for i, x in enumerate(xs)]
        found = taylor_flat(fun, series, ORDER)
        nested, factorial = along, 1.0
        for k in range(ORDER + 1):
            expected = [np.asarray(y) / factorial for y in nested(zero)]
            terms = [
                np.zeros(y.shape, y.dtype) if s[k] is None else np.asarray(s[k])
                for s, y in zip(found, expected)
            ]
            assert_close(terms, expected, case.sample.tolerance, 1e-7)
            nested, factorial = derivative(nested), factorial * (k + 1)


def test_integers_have_no_tangents():
    _, dot = cr.jvp(lambda n: n, (3,), (np.zeros((), cr.float0),))
    assert dot.dtype == dtypes.float0 and aval_of(as_array(3)).shape == ()
