"""The mathematical functions err by two ulp at most and have IEEE's special values."""

import importlib

import numpy as np
import pytest

from chainrule.compiler import mathematics
from chainrule.compiler.expr import const, node
from chainrule.compiler.interpret import interpret
from tests.accuracy.measure import DTYPES, errors_of, ours
from tests.accuracy.references import SUBJECTS

FORMATS = ["f32", "f64"]
SPECIAL = [
    0.0, 1.0, 2.0, 3.0, 0.5, 2.5, 1e30, np.inf, np.nan, 1e-40, 5e-324, 1e-300, 1e308,
    8388609.0, 16777215.0, 4503599627370497.0, 9007199254740993.0,
]  # fmt: skip


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_error_is_within_the_bound(name, type):
    arrays, errors = errors_of(name, type, 600)
    worst = int(np.nanargmax(errors))
    at = [a[worst] for a in arrays]
    assert errors[worst] <= SUBJECTS[name].bound, f"{name} at {at}: {errors[worst]} ulp"


def _reference(name):
    module, _, function = SUBJECTS[name].numpy.rpartition(".")
    return getattr(importlib.import_module(module), function)


@pytest.mark.parametrize("type", FORMATS)
@pytest.mark.parametrize("name", [n for n, s in SUBJECTS.items() if s.numpy])
def test_special_values_are_those_of_numpy(name, type):
    with np.errstate(all="ignore"):
        row = np.array([s * v for v in SPECIAL for s in (1, -1)]).astype(DTYPES[type])
        args = [row]
        if SUBJECTS[name].arity == 2:
            args = [a.ravel() for a in np.meshgrid(row, row)]
        expected = _reference(name)(*args).astype(DTYPES[type])
        got = ours(name, type, args)
        close = np.abs(got - expected) <= 4 * np.spacing(np.abs(expected))
        same = (got == expected) & (np.signbit(got) == np.signbit(expected))
    same |= close & np.isfinite(expected) & (expected != 0)
    same |= np.isnan(got) & np.isnan(expected)
    wrong = [
        (*[a[i] for a in args], got[i], expected[i]) for i in np.flatnonzero(~same)
    ]
    assert not wrong, wrong


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
