"""Contraction: what is rounded once, what is not, and that it is the same everywhere."""

from fractions import Fraction

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.compiler.pipeline import simplify

RNG = np.random.default_rng(11)
TYPES = [np.float32, np.float64]


def three(dtype, n=40):
    x, y, z = RNG.normal(size=(3, n)).astype(dtype)
    return x, y, (-x * y + dtype(1e-6) * z).astype(dtype)


def names(f, *args):
    return [e.primitive.name for e in simplify(cr.make_jaxpr(f)(*args)).jaxpr.eqns]


def exact(signs, x, y, z):
    """(signs[0] * x * y + signs[1] * z), rounded once."""
    rows = zip(x.tolist(), y.tolist(), z.tolist())
    sums = [
        signs[0] * Fraction(a) * Fraction(b) + signs[1] * Fraction(c)
        for a, b, c in rows
    ]
    return np.array([nearest(s, x.dtype.type) for s in sums])


def nearest(value, dtype):
    """The number of a dtype that is nearest to a fraction; of two, the even one."""
    guess, far = dtype(float(value)), dtype(np.inf)
    options = np.array([np.nextafter(guess, -far), guess, np.nextafter(guess, far)])
    odd = options.view(f"u{options.itemsize}") & 1
    distance = [abs(Fraction(float(v)) - value) for v in options]
    return options[min(range(3), key=lambda k: (distance[k], odd[k]))]


FORMS = {
    "x y + z": (lambda x, y, z: x * y + z, (1, 1)),
    "z + x y": (lambda x, y, z: z + x * y, (1, 1)),
    "x y - z": (lambda x, y, z: x * y - z, (1, -1)),
    "z - x y": (lambda x, y, z: z - x * y, (-1, 1)),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("form", FORMS)
def test_a_product_that_one_sum_reads_is_rounded_with_it(form, dtype):
    f, signs = FORMS[form]
    with cr.enable_x64(dtype is np.float64):
        given = three(dtype)
        np.testing.assert_array_equal(cr.jit(f)(*given), exact(signs, *given))


def test_terms_of_other_shapes_are_broadcast():
    x, y, z = three(np.float32)
    f = cr.jit(lambda x, y, z: x[:, None] * y - z[0])
    flat = exact((1, -1), np.repeat(x, 40), np.tile(y, 40), np.repeat(z[:1], 1600))
    np.testing.assert_array_equal(f(x, y, z), flat.reshape(40, 40))


TWO = {
    "difference of squares": (lambda x, y: x * x - y * y, 0),
    "cross product": (lambda x, y: x * y - y * x, 0),
    "one factor for both": (lambda x, y: 0.1 * x - 0.1 * y, 0),
    "sum of opposites": (lambda x, y: x * -y + x * y, 0),
}


@pytest.mark.parametrize("name", TWO)
def test_what_cancels_without_contraction_cancels_with_it(name):
    x = RNG.normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(cr.jit(TWO[name][0])(x, x.copy()), TWO[name][1])


def test_symmetric_matrices_stay_symmetric():
    a, b = RNG.normal(size=(2, 30)).astype(np.float32)
    m = cr.jit(lambda a, b: a[:, None] * b + b[:, None] * a + a[:, None] * a)(a, b)
    np.testing.assert_array_equal(m, m.T)


def test_a_product_that_is_read_twice_is_one_number():
    def f(x, y):
        z = x * y
        return z + 1, z, z - lax.reduce_precision(x * y, 8, 23)

    x, y, _ = three(np.float32)
    plus, z, nothing = cr.jit(f)(x, y)
    np.testing.assert_array_equal(z, x * y)
    np.testing.assert_array_equal(plus, x * y + 1)
    np.testing.assert_array_equal(nothing, 0)


def test_a_rounding_that_is_asked_for_keeps_product_and_sum_apart():
    x, y, z = three(np.float32)
    f = cr.jit(lambda x, y, z: lax.reduce_precision(x * y, 8, 23) + z)
    np.testing.assert_array_equal(f(x, y, z), x * y + z)


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "complex64"])
def test_other_types_are_computed_as_eagerly(dtype):
    x, y, z = (cnp.asarray(10 * v).astype(dtype) for v in three(np.float32))
    f = lambda x, y, z: x * y + z
    np.testing.assert_array_equal(
        np.asarray(cr.jit(f)(x, y, z)), np.asarray(f(x, y, z))
    )


def test_of_two_products_the_carry_s_is_contracted():
    x, c = cnp.ones(3), 2.0
    step = lambda c, x: 0.9 * c + 0.1 * x
    assert names(step, c, x[0]) == ["mul", "fma"]
    first, second = simplify(cr.make_jaxpr(step)(c, x[0])).jaxpr.eqns
    assert second.invars[2] is first.outvars[0]
    assert float(first.invars[0].val) == pytest.approx(0.1)


def test_programs_within_loops_and_branches_are_contracted_too():
    def f(x):
        y = lax.fori_loop(0, 5, lambda _, c: c * x + 1, x)
        return lax.cond(x[0] > 0, lambda: x * y + 1, lambda: y)

    text = str(simplify(cr.make_jaxpr(f)(cnp.ones(3))))
    assert text.count("fma") == 2 and "mul" not in text


@pytest.mark.parametrize("dtype", TYPES)
def test_a_loop_gives_what_its_steps_give(dtype):
    def step(s):
        x, y, z = s
        d = cnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
        return s + 0.01 * d

    with cr.enable_x64(dtype is np.float64):
        s = np.array([1, 2, 20], dtype)
        whole = cr.jit(lambda s: lax.fori_loop(0, 200, lambda _, s: step(s), s))(s)
        once = cr.jit(step)
        for _ in range(200):
            s = once(s)
        np.testing.assert_array_equal(whole, s)


def test_quick_and_thorough_code_contract_alike():
    x, y, z = three(np.float32, 1000)
    f = cr.jit(lambda x, y, z: cnp.sin(x * y + z) * y - x)
    np.testing.assert_array_equal(f(x, y, z), f.lower(x, y, z).compile()(x, y, z))


SIGNS = {
    "c + x": (lambda c, x: c + x, 1, 1),
    "x + c": (lambda c, x: x + c, 1, 1),
    "c - x": (lambda c, x: c - x, 1, -1),
    "x - c": (lambda c, x: x - c, -1, 1),
}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("form", SIGNS)
def test_a_product_that_the_next_step_adds_to_is_rounded_with_the_sum(form, dtype):
    combine, first, second = SIGNS[form]

    def step(c, xs):
        s = combine(c, xs[0])
        return s * xs[1], s

    with cr.enable_x64(dtype is np.float64):
        x, y, z = three(dtype)
        last, sums = cr.jit(lambda c, x, y: lax.scan(step, c, (x, y)))(z[0], x, y)
        sums = np.asarray(sums)
        before, factors = np.append(z[0], sums[:-1]), np.append(dtype(1), y[:-1])
        np.testing.assert_array_equal(sums, exact((first, second), before, factors, x))
        assert last == sums[-1] * y[-1]


def test_a_carry_that_is_read_twice_or_kept_is_rounded():
    def twice(c, x):
        s = c + x
        return s * 0.9, c

    def kept(c, x):
        c = (c + x) * 0.9
        return c, c

    x = three(np.float32)[0]
    for step in (twice, kept):
        last, rows = cr.jit(lambda x, step=step: lax.scan(step, 0.5, x))(x)
        c = np.float32(0.5)
        for k, number in enumerate(x):
            before, c = c, (c + number) * np.float32(0.9)
            assert rows[k] == (before if step is twice else c)
        assert last == c


def test_carried_products_that_could_cancel_are_rounded():
    def step(c, given):
        x, y = given
        return (x * y, y * x), c[0] - c[1]

    x, y, _ = three(np.float32)
    zeros = cr.jit(lambda x, y: lax.scan(step, (0.0, 0.0), (x, y)))(x, y)[1]
    np.testing.assert_array_equal(zeros, 0)
