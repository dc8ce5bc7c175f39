"""The mathematical functions err by two ulp at most and have IEEE's special values."""

import importlib

import mpmath as mp
import numpy as np
import pytest

from chainrule.compiler import mathematics
from chainrule.compiler.expr import const, node
from chainrule.compiler.interpret import interpret
from tests.accuracy.compiled import Compiled
from tests.accuracy.measure import (
    DTYPES,
    errors_of,
    neighbours,
    ours,
    random_bits,
    samples,
    ulp_errors,
)
from tests.accuracy.references import ORDINARY, SUBJECTS

FORMATS = ["f32", "f64"]
SPECIAL = [
    0.0, 1.0, 2.0, 3.0, 0.5, 2.5, 1e30, np.inf, np.nan, 1e-40, 5e-324, 1e-300, 1e308,
    8388609.0, 16777215.0, 4503599627370497.0, 9007199254740993.0,
]  # fmt: skip


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_error_is_within_the_bound(name, type):
    subject = SUBJECTS[name]
    arrays, errors = errors_of(name, type, 150 if subject.strata else 600)
    worst = int(np.nanargmax(errors))
    at = [a[worst] for a in arrays]
    bound = subject.bound_in(type)
    assert errors[worst] <= bound, f"{name} at {at}: {errors[worst]} ulp"


def _reference(name):
    module, _, function = SUBJECTS[name].numpy.rpartition(".")
    return getattr(importlib.import_module(module), function)


EXCEPTIONS = {
    ("lgamma", -np.inf): np.inf,  # C99; SciPy has -inf
    ("lgamma", 5e-324): 744.4400719213812,  # SciPy has inf
    ("lgamma", -5e-324): 744.4400719213812,
    ("erf_inv", -0.0): -0.0,  # an odd function; SciPy has 0
    ("bessel_i1e", -0.0): -0.0,
    ("bessel_i1e", 5e-324): 0.0,  # half the smallest number, to even
    ("bessel_i1e", -5e-324): -0.0,
}


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", [n for n, s in ORDINARY.items() if s.numpy])
def test_special_values_are_those_of_numpy(name, type):
    with np.errstate(all="ignore"):
        row = np.array([s * v for v in SPECIAL for s in (1, -1)]).astype(DTYPES[type])
        args = [row]
        if SUBJECTS[name].arity == 2:
            args = [a.ravel() for a in np.meshgrid(row, row)]
        expected = _reference(name)(*args).astype(DTYPES[type])
        got = ours(name, type, args)
        for (subject, x), y in EXCEPTIONS.items():
            if subject == name:
                if float(DTYPES[type](x)) != x:
                    continue
                at = (row == DTYPES[type](x)) & (np.signbit(row) == np.signbit(x))
                expected = np.where(at, DTYPES[type](y), expected)
        # The accuracy of ordinary values is tested above.
        close = np.abs(got - expected) <= 1e-5 * np.abs(expected)
        same = (got == expected) & (np.signbit(got) == np.signbit(expected))
    same |= close & np.isfinite(expected) & (expected != 0)
    same |= np.isnan(got) & np.isnan(expected)
    wrong = [
        (*[a[i] for a in args], got[i], expected[i]) for i in np.flatnonzero(~same)
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_nan_stays_nan(name, type):
    """Whatever its payload, which integer arithmetic on bits could make a number."""
    dtype = np.dtype(DTYPES[type])
    rng = np.random.default_rng(4)
    bits = rng.integers(0, 2 ** (8 * dtype.itemsize), 64, dtype=f"u{dtype.itemsize}")
    nan = (bits | np.asarray(np.inf, dtype).view(bits.dtype) | bits.dtype.type(1)).view(
        dtype
    )
    ones = np.full(64, 1.5, dtype)
    arity = SUBJECTS[name].arity
    for place in range(arity):
        arrays = [nan if k == place else ones for k in range(arity)]
        assert np.isnan(ours(name, type, arrays)).all()


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_left_of_zero_f32_is_as_good_as_right(name):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-10, 0, 300), rng.uniform(-0.3, 0, 100)])
    x = x.astype(np.float32)
    exact = {"lgamma": lambda v: mp.re(mp.loggamma(v)), "digamma": mp.digamma}[name]
    with mp.workprec(120):
        errors = ulp_errors(
            [exact(mp.mpf(float(v))) for v in x], ours(name, "f32", [x]), "f32"
        )
    assert errors.max() <= 1


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "nextafter"])
@pytest.mark.parametrize("type", FORMATS)
def test_quotients_and_neighbours_are_exactly_those_of_numpy(name, type):
    rng = np.random.default_rng(2)
    with np.errstate(over="ignore"):
        row = np.array([s * v for v in SPECIAL for s in (1, -1)]).astype(DTYPES[type])
    x, y = (a.ravel() for a in np.meshgrid(row, row))
    some = [
        rng.normal(size=2000),
        random_bits(rng, DTYPES[type], 500),
        rng.integers(-9, 9, 500),
    ]
    with np.errstate(all="ignore"):
        x = np.concatenate([x, *some]).astype(DTYPES[type])
        y = np.concatenate([y, *map(rng.permutation, some)]).astype(DTYPES[type])
        expected = getattr(np, name)(x, y)
    leaves = [node("var", type, (), n) for n in "xy"]
    got = interpret(
        getattr(mathematics, name)(*leaves), dict(zip(leaves, [x, y], strict=True))
    )
    same = (got == expected) & (np.signbit(got) == np.signbit(expected))
    same |= np.isnan(got) & np.isnan(expected)
    wrong = [(x[i], y[i], got[i], expected[i]) for i in np.flatnonzero(~same)]
    assert not wrong, wrong


def test_powers_of_two_and_ten_have_exact_logarithms():
    powers = np.arange(-300, 308)
    for name, values in [
        ("log2", np.exp2(powers)),
        ("log10", [float(f"1e{k}") for k in powers]),
    ]:
        assert (ours(name, "f64", [np.array(values)]) == powers).all()
    for name, values in [("log2", np.exp2(powers)), ("exp2", powers)]:
        x = np.array(values)[np.abs(powers) < 120].astype(np.float32)
        inverse = np.log2(x) if name == "log2" else np.exp2(x)
        assert (ours(name, "f32", [x]) == inverse).all()


@pytest.mark.parametrize(
    "name", ["exp", "tanh", "erf", "log", "logistic", "atan", "sinh"]
)
def test_neighbours_are_in_order_where_branches_meet(name):
    """Monotone to an ulp: the values at consecutive numbers around the joints."""
    for point in SUBJECTS[name].points:
        x = np.sort(neighbours(point, np.float32, 200))
        x = x[x > 0]
        y = ours(name, "f32", [x]).astype(np.float64)
        x, y = x[np.isfinite(y)], y[np.isfinite(y)]
        step = np.spacing(np.abs(y).astype(np.float32))
        falls = np.diff(y) < -1.01 * step[1:]
        assert not falls.any(), x[1:][falls]


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", [*SUBJECTS, "floor_divide", "remainder", "nextafter"])
def test_compiled_code_is_the_interpreter_bit_for_bit(name, type):
    arrays = samples(name if name in SUBJECTS else "rem", type, 400)
    special = np.resize([s * v for v in SPECIAL for s in (1, -1)], len(arrays[0]) + 3)
    with np.errstate(over="ignore"):
        special = special.astype(DTYPES[type])
    arrays = [
        np.concatenate([a, np.roll(special, 5 * k)]) for k, a in enumerate(arrays)
    ]
    got = Compiled(name, type, len(arrays[0]))(*arrays)
    expected = ours(name, type, arrays)
    same = (got == expected) & (np.signbit(got) == np.signbit(expected))
    same |= np.isnan(got) & np.isnan(expected)
    assert same.all(), [
        (*[a[~same][0] for a in arrays], got[~same][0], expected[~same][0])
    ]


@pytest.mark.parametrize("type", ["f16", "bf16"])
def test_half_types_are_rounded_from_f32(type):
    x = node("var", type, (), "x")
    values = np.linspace(-3, 3, 50).astype(np.float16)
    got = interpret(mathematics.tanh(x), {x: values})
    wide = got.dtype.type(0) + values.astype(got.dtype)
    expected = np.tanh(wide.astype(np.float64)).astype(got.dtype)
    assert got.dtype.itemsize == 2
    assert (np.abs((got - expected).astype(np.float32)) <= 2.0**-8).all()


def test_integers_are_refused():
    with pytest.raises(
        TypeError, match="exp: takes floating-point values, got type i32"
    ):
        mathematics.exp(const(1, "i32"))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10, -1, -4])
def test_integer_pow_is_repeated_multiplication(n):
    x = node("var", "f64", (), "x")
    values = np.array([-2.0, 0.5, 1.0, 3.0])
    assert (interpret(mathematics.integer_pow(x, n), {x: values}) == values**n).all()
