"""Elementwise functions where rules are easily wrong: types, ties, zeros, limits."""

import math

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

inf, nan = math.inf, math.nan


def partials(fun, *args):
    """The partial derivatives of `fun` at Python floats."""
    found = cr.grad(fun, tuple(range(len(args))))(*map(float, args))
    return [float(v) for v in found]


def typed(x):
    return x.dtype.name + ("*" if x.weak_type else "")


# --- derivatives at ties, zeros and infinities ---------------------------------------


@pytest.mark.parametrize(
    ("fun", "args", "expected"),
    [
        (cnp.maximum, (2, 2), [0.5, 0.5]),
        (cnp.maximum, (inf, inf), [0.5, 0.5]),
        (cnp.maximum, (nan, 0), [0, 0]),
        (cnp.minimum, (0, 1), [1, 0]),
        (lax.clamp, (0, 0, 1), [0, 0, 0]),
        (lax.clamp, (0, 2, 1), [0, 0, 1]),
        (cnp.abs, (0,), [1]),
        (cnp.abs, (-0.0,), [1]),
        (cnp.sqrt, (0,), [inf]),
        (cnp.cbrt, (0,), [inf]),
        (cnp.log, (0,), [inf]),
        (cnp.arctan2, (0, 1), [1, 0]),
        (cnp.sinc, (0,), [0]),
        (cnp.hypot, (0, 0), [0, 0]),
        (cnp.hypot, (1e30, 1e30), [math.sqrt(0.5)] * 2),
        (cnp.logaddexp, (0, 0), [0.5, 0.5]),
        (cnp.logaddexp, (inf, 0), [1, 0]),
        (cnp.logaddexp, (0, -inf), [1, 0]),
        (cnp.copysign, (0, -1), [-1, 0]),
        (cnp.remainder, (-5, 3), [1, 2]),
        (lax.rem, (-5, 3), [1, 1]),
        (cnp.floor_divide, (5.5, 2), [0, 0]),
        (cnp.floor, (1.5,), [0]),
        (cnp.round, (1.4,), [0]),
        (lax.stop_gradient, (2,), [0]),
        (cnp.i0, (0,), [0]),
    ],
)
def test_derivative(fun, args, expected):
    np.testing.assert_allclose(partials(fun, *args), expected, 1e-6, 1e-7)


@pytest.mark.parametrize(
    ("base", "exponent", "by_base", "by_exponent"),
    [
        (0, 0, 0, 0), (0, 1, 1, 0), (0, 2, 0, 0), (0, 0.5, inf, 0), (0, -1, -inf, nan),
        (2, 0, 0, math.log(2)), (-2, 2, -4, nan), (2, 3, 12, 8 * math.log(2)),
    ],
)  # fmt: skip
def test_derivative_of_pow(base, exponent, by_base, by_exponent):
    found = partials(cnp.power, base, exponent)
    np.testing.assert_allclose(found, [by_base, by_exponent], 1e-6)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_integer_powers_differentiate_at_zero(n):
    derivative = cr.grad(lambda x: x**n)
    assert float(derivative(0.0)) == (1 if n == 1 else 0)
    assert float(cr.grad(derivative)(0.0)) == (2 if n == 2 else 0)


def test_sinc_has_every_derivative_at_zero():
    second = cr.grad(cr.grad(cnp.sinc))
    fourth = cr.grad(cr.grad(second))
    np.testing.assert_allclose(float(second(0.0)), -(math.pi**2) / 3, 1e-6)
    np.testing.assert_allclose(float(fourth(0.0)), math.pi**4 / 5, 1e-6)


def test_bessel_i0_has_its_second_derivative_at_zero():
    np.testing.assert_allclose(float(cr.grad(cr.grad(cnp.i0))(0.0)), 0.5, 1e-6)


@pytest.mark.parametrize(
    ("fun", "ct", "expected"),
    [
        (cnp.real, 1.0, 1 + 0j), (cnp.imag, 1.0, -1j), (cnp.abs, 1.0, 0.6 - 0.8j),
        (cnp.conj, 1 + 2j, 1 - 2j), (cnp.angle, 1.0, -0.16 - 0.12j),
    ],
)  # fmt: skip
def test_cotangents_of_complex_parts_are_not_conjugated(fun, ct, expected):
    y, pull = cr.vjp(fun, cnp.asarray(3 + 4j))
    (found,) = pull(cnp.asarray(ct, y.dtype))
    np.testing.assert_allclose(complex(found), expected, 1e-6)


def test_absolute_value_of_complex_zero_has_derivative_zero():
    _, pull = cr.vjp(cnp.abs, cnp.asarray(0j))
    assert complex(pull(cnp.asarray(1.0))[0]) == 0


# --- integers ------------------------------------------------------------------------


def test_integer_division_by_zero():
    i = cnp.asarray([-3, 0, 3])
    assert cnp.floor_divide(i, 0).tolist() == [-2, -1, -2]
    assert cnp.remainder(i, 0).tolist() == [0, 0, 0]
    assert cnp.fmod(i, 0).tolist() == [0, 0, 0]
    assert lax.div(i, cnp.zeros_like(i)).tolist() == [-1, -1, -1]
    assert lax.rem(i, cnp.zeros_like(i)).tolist() == [-3, 0, 3]


def test_integer_division_rounds_down_and_lax_division_towards_zero():
    x, y = cnp.asarray([-7, 7, -7, 7]), cnp.asarray([2, -2, -2, 2])
    assert (x // y).tolist() == [-4, -4, 3, 3]
    assert (x % y).tolist() == [1, -1, -1, 1]
    assert lax.div(x, y).tolist() == [-3, -3, 3, 3]
    assert lax.rem(x, y).tolist() == [-1, 1, -1, 1]
    assert [v.tolist() for v in divmod(x, y)] == [[-4, -4, 3, 3], [1, -1, -1, 1]]


def test_the_least_integer_divided_by_minus_one_wraps_around():
    least = cnp.asarray(-(2**31), "int32")
    assert int(lax.div(least, cnp.asarray(-1))) == -(2**31)
    assert int(lax.rem(least, cnp.asarray(-1))) == 0


@pytest.mark.parametrize("amount", [8, 100, -1])
def test_shifts_beyond_the_width_shift_everything_out(amount):
    x, n = cnp.asarray([-128, 1], "int8"), cnp.asarray(amount, "int8")
    assert lax.shift_left(x, n).tolist() == [0, 0]
    assert lax.shift_right_logical(x, n).tolist() == [0, 0]
    assert lax.shift_right_arithmetic(x, n).tolist() == [-1, 0]


@pytest.mark.parametrize("run", [lambda f: f, cr.jit], ids=["eager", "compiled"])
@pytest.mark.parametrize(
    "dtype,expected",
    [
        ("int8", [0, 127, -128, 127, -128, -1, 0]),
        ("uint8", [0, 255, 0, 255, 0, 0, 0]),
        ("int32", [0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31), -1, 0]),
        ("uint32", [0, 2**32 - 1, 0, 3 * 10**9, 0, 0, 0]),
    ],
)
def test_floats_out_of_range_become_the_nearest_integer(dtype, expected, run):
    x = cnp.array([np.nan, np.inf, -np.inf, 3e9, -3e9, -1.5, 0.9], "float32")
    found = run(lambda x: x.astype(dtype))(x)
    np.testing.assert_array_equal(found, np.array(expected, dtype))


@pytest.mark.parametrize("run", [lambda f: f, cr.jit], ids=["eager", "compiled"])
def test_reduced_precision_overflows_where_rounding_up_does(run):
    x = cnp.array([3.4e38, -3.4e38, 65519.0, 65520.0, 6e-5, 7e-5], "float32")
    few = run(lambda x: lax.reduce_precision(x, 8, 3))(x)
    np.testing.assert_array_equal(few[:2], [np.inf, -np.inf])
    half = run(lambda x: lax.reduce_precision(x, 5, 10))(x)
    rounded = np.array([65504, np.inf, 0, np.float16(7e-5)], np.float32)
    np.testing.assert_array_equal(half[2:], rounded)


def test_integer_powers_of_integers():
    base = cnp.asarray([-2, -1, 0, 1, 2])
    assert (base ** cnp.asarray(3)).tolist() == [-8, -1, 0, 1, 8]
    assert (2 ** cnp.asarray([0, 5, 31, 32])).tolist() == [1, 32, -(2**31), 0]


def test_python_integers_wrap_around_in_narrow_dtypes():
    x = cnp.asarray([3], "uint8")
    assert (x + 300).tolist() == [47]
    assert (x > -1).tolist() == [False]


# --- dtypes; a star marks weak types -------------------------------------------------


@pytest.mark.parametrize(
    ("fun", "args", "expected"),
    [
        (cnp.sin, (1,), "float32*"), (cnp.sin, (True,), "float32"),
        (cnp.add, (True, True), "bool"), (cnp.add, (True, 1), "int32*"),
        (cnp.add, (1, 2.0), "float32*"), (cnp.true_divide, (True, 2), "float32*"),
        (cnp.true_divide, (np.int8(1), np.int8(2)), "float32"),
        (cnp.power, (True, True), "int32"), (cnp.square, (True,), "int32"),
        (cnp.add, (np.int8(1), np.uint8(1)), "int16"),
        (cnp.add, (np.uint32(1), np.int32(1)), "int32"),
        (cnp.add, (np.float16(1), 1), "float16"),
        (cnp.add, (np.int8(1), 1.5), "float32*"),
        (cnp.multiply, (np.float32(1), 1j), "complex64"),
        (cnp.where, (True, 1.0, 2.0), "float32*"),
        (cnp.where, (True, np.int8(1), 2), "int8"),
        (cnp.abs, (3 + 4j,), "float32*"), (cnp.floor, (3,), "int32*"),
        (cnp.left_shift, (True, True), "int32"), (cnp.bitwise_count, (7,), "uint8"),
        (cnp.isnan, (1.0,), "bool"), (cnp.rint, (np.int32(3),), "float32"),
    ],
)  # fmt: skip
def test_result_type(fun, args, expected):
    assert typed(fun(*args)) == expected


def test_weak_scalars_chosen_by_an_array_follow_what_they_meet():
    mask = cnp.asarray([True, False])
    bias = cnp.where(mask, 0.0, -inf)
    assert typed(bias + cnp.ones(2, "bfloat16")) == "bfloat16"


# --- values --------------------------------------------------------------------------


def test_halves_round_to_even_or_away_from_zero():
    x = cnp.asarray([0.5, 1.5, -0.5, 2.5, 0.49999997])
    assert cnp.round(x).tolist() == [0, 2, 0, 2, 0]
    assert lax.round(x).tolist() == [1, 2, -1, 3, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_frexp_and_ldexp_are_exact(dtype):
    with cr.enable_x64(True):
        info = cnp.finfo(dtype)
        tiny = float(info.smallest_subnormal)
        x = cnp.asarray([0.0, 1.0, -3.5, tiny, float(info.max), inf, nan], dtype)
        mantissa, exponent = cnp.frexp(x)
        wide = np.frexp(np.asarray(x, np.float64))
        np.testing.assert_array_equal(np.asarray(mantissa, np.float64), wide[0])
        assert exponent.tolist() == [0, *wide[1].tolist()[1:5], 0, 0]
        back = cnp.ldexp(mantissa, exponent)
        np.testing.assert_array_equal(np.asarray(back, float), np.asarray(x, float))


def test_complex_numbers_compare_by_real_then_imaginary_part():
    z, w = cnp.asarray([1 + 2j, 1 + 2j, 0j]), cnp.asarray([1 + 3j, 1j, 0j])
    for compare in (cr.jit(cnp.less), cnp.less):
        assert compare(z, w).tolist() == [True, False, False]
    assert (z >= w).tolist() == [False, True, True]


def test_logaddexp_of_complex_numbers_stays_on_the_principal_branch():
    z, w = 1 + 3j, -2 - 2j
    expected = np.log(np.exp(z) + np.exp(w))
    np.testing.assert_allclose(complex(cnp.logaddexp(z, w)), expected, 1e-6)
    expected = np.log2(2**z + 2**w)
    np.testing.assert_allclose(complex(cnp.logaddexp2(z, w)), expected, 1e-6)


def test_nan_to_num_replaces_each_kind():
    x = cnp.asarray([nan, inf, -inf, 1.0])
    assert cnp.nan_to_num(x, nan=7, posinf=8, neginf=9).tolist() == [7, 8, 9, 1]
    assert cnp.nan_to_num(x)[1] == np.finfo(np.float32).max


def test_closeness_of_infinities_and_nan():
    x, y = cnp.asarray([inf, inf, nan, 1.0]), cnp.asarray([inf, -inf, nan, 1.000001])
    assert cnp.isclose(x, y).tolist() == [True, False, False, True]
    assert cnp.isclose(x, y, equal_nan=True).tolist() == [True, False, True, True]
    assert not cnp.allclose(x, y)


def test_where_alone_finds_positions_with_and_without_tracing():
    mask = cnp.asarray([[True, False], [True, True]])
    assert [v.tolist() for v in cnp.where(mask)] == [[0, 1, 1], [0, 0, 1]]
    found = cr.jit(lambda m: cnp.where(m, size=4, fill_value=9))(mask)
    assert [v.tolist() for v in found] == [[0, 1, 1, 9], [0, 0, 1, 9]]


def test_operators_accept_numpy_arrays_and_scalars_on_either_side():
    x = cnp.ones(2)
    two = np.float64(2)
    for y in (two * x, x * two, np.full(2, 2.0) * x, x + np.ones(2)):
        assert type(y) is type(x)
        assert y.tolist() == [2, 2]
        assert typed(y) == "float32"


def test_stop_gradient_takes_trees():
    def fun(x):
        frozen = lax.stop_gradient({"a": x, "n": 3})
        return x * frozen["a"] + frozen["n"]

    assert float(cr.grad(fun)(2.0)) == 2.0
