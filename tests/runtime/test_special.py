"""The special-function ufuncs: accuracy against mpmath, special values, layouts."""

import mpmath as mp
import numpy as np
import pytest
import special_cases
import special_cases_incomplete
import special_cases_integrals

from chainrule.runtime import _native as native

CASES = {
    **special_cases.CASES,
    **special_cases_incomplete.CASES,
    **special_cases_integrals.CASES,
}
INF, NAN = np.inf, np.nan
SAMPLES = 40
UFUNCS = [name for name in dir(native) if name.startswith("special_")]


def samples(case, seed=0):
    """The arguments of every stratum of the case, as rows."""
    rng = np.random.default_rng(seed)
    strata = [
        stratum(rng, SAMPLES)
        if callable(stratum)
        else [draw(rng, SAMPLES) for draw in stratum]
        for stratum in CASES[case][2]
    ]
    return np.concatenate([np.stack(s) for s in strata], axis=1)


def evaluate(name, *arguments):
    """The ufunc's values; `name:1` is its second output."""
    name, _, output = name.partition(":")
    with np.errstate(all="ignore"):  # kernels may raise flags in branches not taken
        values = getattr(native, name)(*arguments)
    return values[int(output)] if output else values


@pytest.mark.parametrize("case", CASES)
def test_float64_is_as_accurate_as_its_case_says(case):
    ufunc, reference, _, bound = CASES[case]
    arguments = samples(case)
    values = evaluate(ufunc, *arguments)
    assert values.dtype == np.float64
    for row, value in zip(arguments.T.tolist(), values.tolist(), strict=True):
        with mp.workdps(40):
            exact = mp.re(reference(*map(mp.mpf, row)))
            error = abs(mp.mpf(value) - exact) / abs(exact)
        assert error <= bound, f"{ufunc}{tuple(row)} = {value!r}, not {exact}"


@pytest.mark.parametrize("case", CASES)
def test_float32_is_the_rounded_float64(case):
    ufunc = CASES[case][0]
    with np.errstate(all="ignore"):
        arguments = samples(case, seed=1).astype(np.float32)
        single = evaluate(ufunc, *arguments)
        double = evaluate(ufunc, *arguments.astype(np.float64)).astype(np.float32)
    assert single.dtype == np.float32
    spacing = np.spacing(np.abs(double))
    finite = np.isfinite(double)
    np.testing.assert_array_equal(single[~finite], double[~finite])
    assert (np.abs(single[finite] - double[finite]) <= spacing[finite]).all()


SPECIAL_VALUES = [
    (
        "lgamma",
        [0, -0.0, -1, -INF, INF, NAN, 1, 2],
        [INF, INF, INF, INF, INF, NAN, 0, 0],
    ),
    ("digamma", [0, -0.0, -1, -INF, INF, NAN], [-INF, INF, NAN, NAN, INF, NAN]),
    ("polygamma", [[0, 1, 1], [1, 0, -1]], [-0.5772156649015329, INF, INF]),
    ("polygamma", [[2, 2, 0], [0, -1, 0]], [-INF, -INF, -INF]),
    ("polygamma", [[1.5, -1, 1, 1, NAN], [2, 2, INF, NAN, 1]], [NAN, NAN, 0, NAN, NAN]),
    ("zeta", [[1, 0.5, 2, 2, 3], [2, 2, 0, -1, -1]], [INF, NAN, INF, INF, INF]),
    ("zeta", [[2.5, INF, INF, INF, 2], [-0.5, 2, 1, 0.5, INF]], [NAN, 0, 1, INF, 0]),
    ("zeta", [[NAN, 2], [1, NAN]], [NAN, NAN]),
    ("erf", [INF, -INF, NAN, -0.0], [1, -1, NAN, -0.0]),
    ("erfc", [INF, -INF, NAN, 0], [0, 2, NAN, 1]),
    ("erfcx", [INF, -INF, -30, NAN, 0], [0, INF, INF, NAN, 1]),
    ("erf_inv", [1, -1, 1.5, -0.0, 0, NAN], [INF, -INF, NAN, -0.0, 0, NAN]),
    ("erfc_inv", [0, 2, 1, -0.1, 2.1, NAN], [INF, -INF, 0, NAN, NAN, NAN]),
    ("ndtri", [0, 1, 0.5, -0.1, NAN], [-INF, INF, 0, NAN, NAN]),
    ("log_ndtr", [-INF, INF, NAN], [-INF, -0.0, NAN]),
    ("logistic", [-INF, INF, 0, NAN], [0, 1, 0.5, NAN]),
    ("logistic", [-745, -750, 800], [5e-324, 0, 1]),
    ("rsqrt", [0, -0.0, -1, INF, NAN], [INF, -INF, NAN, 0, NAN]),
    ("igamma", [[0, 0, 1, INF, 1], [0, 1, 0, 1, INF]], [NAN, 1, 0, 0, 1]),
    ("igamma", [[INF, 0, -1, 1, NAN], [INF, INF, 1, -1, 1]], [NAN, 1, NAN, NAN, NAN]),
    ("igammac", [[0, 0, 1, INF, 1], [0, 1, 0, 1, INF]], [NAN, 0, 1, 1, 0]),
    ("igammac", [[INF, 0, -1, 1, NAN], [INF, INF, 1, -1, 1]], [NAN, 0, NAN, NAN, NAN]),
    ("igamma_grad_a", [[1, 1, -1, 1, 0], [0, INF, 1, NAN, 1]], [0, 0, NAN, NAN, NAN]),
    ("random_gamma_grad", [[1, -1, 1, 0], [0, 1, NAN, 1]], [0, NAN, NAN, NAN]),
    ("betainc", [[0, 0, 1, INF, 1], [0, 1, 0, 1, INF], [0.5] * 5], [NAN, 1, 0, 0, 1]),
    ("betainc", [[INF, 0, INF, -1], [INF, INF, 0, 1], [0.5] * 4], [NAN, 1, 0, NAN]),
    (
        "betainc",
        [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 2, -1, 0]],
        [0, 1, NAN, NAN, 0],
    ),
    ("betainc", [[0, 1, INF, 1], [1, 0, 1, INF], [1, 1, 1, 0]], [1, 1, 1, 0]),
    ("betainc", [[NAN, 1, 1], [1, NAN, 1], [0.5, 0.5, NAN]], [NAN, NAN, NAN]),
    ("bessel_i0e", [0, -0.0, INF, -INF, NAN], [1, 1, 0, 0, NAN]),
    ("bessel_i1e", [0, -0.0, INF, -INF, NAN], [0, -0.0, 0, -0.0, NAN]),
    ("exp1", [0, -0.0, INF, -1, NAN], [INF, INF, 0, NAN, NAN]),
    ("expi", [0, -0.0, INF, -INF, NAN], [-INF, -INF, INF, -0.0, NAN]),
    ("expn", [[0, 0, 1, 2, 3], [0, INF, 0, 0, 0]], [INF, 0, INF, 1, 0.5]),
    (
        "expn",
        [[-1, 1.5, 2, 2, 0], [1, 1, -1, NAN, 1]],
        [NAN, NAN, NAN, NAN, np.exp(-1)],
    ),
    ("sici:0", [0, -0.0, INF, -INF, NAN], [0, -0.0, np.pi / 2, -np.pi / 2, NAN]),
    ("sici:1", [0, INF, -INF, NAN], [-INF, 0, NAN, NAN]),
    ("fresnel:0", [0, -0.0, INF, -INF, NAN], [0, -0.0, 0.5, -0.5, NAN]),
    ("fresnel:1", [0, -0.0, INF, -INF, NAN], [0, -0.0, 0.5, -0.5, NAN]),
    ("dawsn", [0, -0.0, INF, -INF, NAN], [0, -0.0, 0, -0.0, NAN]),
    ("spence", [0, 1, -1, INF, NAN], [np.pi**2 / 6, 0, NAN, NAN, NAN]),
    ("log1p", [-1, -2, INF, -0.0], [-INF, NAN, INF, -0.0]),
    ("expm1", [-INF, INF, -0.0], [-1, INF, -0.0]),
]


@pytest.mark.parametrize("name, arguments, expected", SPECIAL_VALUES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_special_values(name, arguments, expected, dtype):
    arguments = np.atleast_2d(np.array(arguments, dtype))
    values = evaluate(f"special_{name}", *arguments)
    expected = np.array(expected, dtype)
    np.testing.assert_allclose(values, expected, rtol=2 * np.finfo(dtype).eps)
    zero = expected == 0  # the sign of a zero is part of the value
    np.testing.assert_array_equal(np.signbit(values[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("name", UFUNCS)
def test_strided_and_long_inputs_agree_with_single_elements(name):
    ufunc = getattr(native, name)
    rng = np.random.default_rng(2)
    for dtype in (np.float32, np.float64):
        arguments = rng.uniform(0.05, 0.95, (ufunc.nin, 3 * 700)).astype(dtype)
        with np.errstate(all="ignore"):
            dense = ufunc(*np.ascontiguousarray(arguments[:, ::3]))
            strided = ufunc(*arguments[:, ::3])
            singles = np.stack([ufunc(*arguments[:, 3 * i]) for i in range(700)], -1)
        np.testing.assert_array_equal(strided, dense)
        np.testing.assert_array_equal(singles, dense)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 30.0])
@pytest.mark.parametrize("name", ["log1p", "expm1"])
def test_complex_log1p_and_expm1_keep_both_parts(name, scale):
    rng = np.random.default_rng(3)
    z = scale * (rng.normal(size=60) + 1j * rng.normal(size=60))
    values = getattr(native, f"special_{name}")(z)
    for argument, value in zip(z.tolist(), values.tolist(), strict=True):
        with mp.workdps(60):
            w = mp.mpc(argument)
            exact = mp.log(1 + w) if name == "log1p" else mp.exp(w) - 1
            # The real part of expm1 is a difference of terms of size |z|.
            unit = max(abs(exact.real), 0.1 * abs(exact))
            assert abs(value.real - exact.real) <= 4e-15 * unit
            assert abs(value.imag - exact.imag) <= 5e-16 * abs(exact.imag)


def test_complex_log1p_keeps_its_real_part_where_the_modulus_is_near_one():
    angle = np.linspace(0.1, 3, 40)
    z = (np.cos(angle) - 1) + 1j * np.sin(angle)
    for argument, value in zip(
        z.tolist(), native.special_log1p(z).tolist(), strict=True
    ):
        with mp.workdps(60):
            exact = mp.log(1 + mp.mpc(argument)).real
            assert abs(value.real - exact) <= 1e-13 * abs(exact)
    single = native.special_log1p(np.complex64(1e-6 + 1e-6j))
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, 1e-6 + 1e-6j - 1e-12j, rtol=1e-7)


def test_complex_log1p_and_expm1_at_the_ends():
    with np.errstate(all="ignore"):
        assert native.special_log1p(complex(1.5e308, 1.5e308)).real < 711
        assert native.special_expm1(complex(709.9, 1.5)).imag == pytest.approx(
            float(mp.exp("709.9") * mp.sin(1.5)), rel=1e-12
        )
        assert native.special_expm1(complex(-INF, 1)) == -1
        assert native.special_log1p(complex(-3, 0)) == pytest.approx(
            np.log(2) + 1j * np.pi
        )
