"""Vectors that take several registers: neighbours computed at once, operation by operation.

A number's bits do not depend on how many registers the vectors have in which it is
computed: whole arrays are compared with the same numbers eight at a time, which fill no
more than a register.
"""

import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.codegen.processor import vector_bytes
from chainrule.scipy import special

from .native import KernelStep, steps_of
from .test_quick_code import quick_and_best, reasons

SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1e-40,
    -1e-310,
    1e30,
    -89.0,
    720.0,
    1.0,
    -1.0,
]
FUNCTIONS = {
    "exp": cnp.exp, "log": cnp.log, "sin": cnp.sin, "tanh": cnp.tanh, "erf": special.erf,
    "erf_inv": special.erfinv, "ndtri": special.ndtri, "lgamma": special.gammaln,
    "gelu": cr.nn.gelu, "softplus": cr.nn.softplus, "cbrt": cnp.cbrt, "atan": cnp.arctan,
    "pow": lambda x: abs(x) ** 1.3,
    "where": lambda x: cnp.where(cnp.exp(x) > 2, cnp.sin(x), x - 1) * (x < 3),
    "single in double": lambda x: cnp.exp(x.astype("float32")) + cnp.tanh(x),
    "masks": lambda x: (cnp.sin(x) > 0.5) | (cnp.exp(x) < 1) & ~(x > 2),
    "to integers": lambda x: cnp.clip(cnp.nan_to_num(cnp.sinh(x)), -9, 9).astype("int64"),
    "to bytes": lambda x: cnp.clip(cnp.nan_to_num(cnp.exp(x)), 0, 9).astype("int8"),
}  # fmt: skip


def values(size, dtype):
    draw = np.random.default_rng(size)
    x = 3 * draw.standard_normal(size)
    x[draw.choice(size, len(SPECIAL), replace=False)] = SPECIAL
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def comparable(x):
    """As an array of a dtype whose NaNs NumPy knows; bfloat16 numbers are float32 ones."""
    x = np.asarray(x)
    return x.astype("float32") if x.dtype.kind == "V" else x


def registers(f, *args):
    """How many registers the widest vectors of float32 take in a program's kernels."""
    steps = [s for s in steps_of(f, *args) if isinstance(s, KernelStep)]
    lanes = re.findall(
        r"<(\d+) x float>", "".join(s.structure.code.text for s in steps)
    )
    return max(map(int, lanes)) * 4 // vector_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_have_the_bits_that_they_have_in_one_register(name, dtype):
    f = cr.jit(FUNCTIONS[name])
    with cr.enable_x64(True):
        for size in (32, 64, 65, 135, 264):
            x = cnp.asarray(values(size, "float64")).astype(dtype)
            alone = [f(x[k : k + 8]) for k in range(0, size - 7, 8)]
            alone += [f(x[size - 8 :])]
            whole = comparable(f(x))
            parts = np.concatenate([comparable(a) for a in alone])
            last = size // 8 * 8
            np.testing.assert_array_equal(
                np.concatenate([whole[:last], whole[size - 8 :]]), parts
            )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_quick_code_of_several_registers_has_the_bits_of_the_best(name):
    with cr.enable_x64(True):
        for dtype in ("float32", "float64"):
            x = cnp.asarray(values(300, "float64")).astype(dtype)
            for a, b in zip(*quick_and_best(FUNCTIONS[name], x), strict=True):
                np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("name", sorted({*FUNCTIONS} - {"to bytes"}))
def test_functions_of_several_registers_have_quick_code(name, nothing_on_disk):
    with cr.enable_x64(True):
        for dtype in ("float32", "float64"):
            x = cnp.asarray(values(300, "float64")).astype(dtype)
            assert have_quick_code(reasons(FUNCTIONS[name], x))


def have_quick_code(found):
    """Whether no kernel is left to LLVM but for the processor's sake."""
    return not any(r and "processor" not in r for r in found)


FOLDS = {
    "sum": lambda np, x: np.sum(np.exp(x) + np.tanh(x), -1),
    "largest": lambda np, x: np.max(np.exp(x) * np.sin(x) + x, -1),
    "both": lambda np, x: np.min(np.tanh(x) * x, -1) + np.mean(np.exp(x) * x, -1),
    "any": lambda np, x: np.any(np.exp(x) * np.sin(x) > 5, -1),
    "place": lambda np, x: np.argmax(np.exp(x) * np.sin(x) + np.tanh(x), -1),
    "rows": lambda np, x: (
        np.exp(x - np.max(x, -1, keepdims=True))
        / np.sum(np.exp(x - np.max(x, -1, keepdims=True)), -1, keepdims=True)
    ),
}


@pytest.mark.parametrize("shape", [(3, 64), (2, 256), (5, 250), (2, 3, 1000), (1100,)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FOLDS)
def test_folds_count_every_number_once(name, dtype, shape):
    x = np.random.default_rng(7).standard_normal(shape).astype(dtype)
    with cr.enable_x64(True):
        quick, best = quick_and_best(lambda x: FOLDS[name](cnp, x), cnp.asarray(x))
    expected = FOLDS[name](np, x.astype("float64"))
    tolerance = 3e-6 if dtype == "float32" else 1e-13
    for found in (*quick, *best):
        np.testing.assert_allclose(np.asarray(found), expected, tolerance, tolerance)


@pytest.mark.parametrize("name", FOLDS)
def test_folds_of_several_registers_have_quick_code(name, nothing_on_disk):
    for shape in ((5, 256), (3, 1000)):
        x = cnp.ones(shape, "float32")
        assert have_quick_code(reasons(lambda x: FOLDS[name](cnp, x), x))


@pytest.mark.parametrize("columns", [256, 300, 500, 1030])
@pytest.mark.parametrize("name", ["sum", "largest", "both"])
def test_columns_of_what_no_cache_holds(name, columns):
    x = np.random.default_rng(7).standard_normal((900, columns)).astype("float32")
    f = lambda x: FOLDS[name](cnp, x.T)  # along the first axis
    expected = FOLDS[name](np, x.T.astype("float64"))
    for found in sum(quick_and_best(f, cnp.asarray(x)), []):
        np.testing.assert_allclose(np.asarray(found), expected, 2e-5, 2e-5)


def test_plain_columns_of_what_no_cache_holds_take_several_registers(nothing_on_disk):
    f = lambda x: x.sum(0)
    assert registers(f, cnp.ones((900, 1024), "float32")) > 1
    assert registers(f, cnp.ones((90, 1024), "float32")) == 1
    assert registers(f, cnp.ones((9000, 100), "float32")) == 1


def test_long_expressions_take_several_registers(nothing_on_disk):
    x = cnp.ones(300, "float32")
    assert registers(cnp.exp, x) > 1
    assert registers(lambda x: cnp.exp(x).sum(), cnp.ones(1024, "float32")) > 1


def test_short_expressions_and_short_arrays_take_one(nothing_on_disk):
    x = cnp.ones(300, "float32")
    assert registers(lambda x: x * 2 + 1, x) == 1
    assert registers(cnp.exp, x[: vector_bytes() // 4]) == 1
    assert registers(lambda x: cnp.exp(x).sum(), x[:65]) == 1
