"""Routines: what functions compute seldom is written once per kernel, and called."""

import re

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler import mathematics
from chainrule.compiler.canonical import Description
from chainrule.compiler.expr import apart, node
from chainrule.compiler.index import Index, loop_variable
from chainrule.compiler.interpret import interpret
from chainrule.compiler.loop import Axis, Kernel, Stage, Store, load

from .native import steps_of, two_threads

UNARY = ("sin", "cos", "tan", "log", "log1p")


def any_bits(dtype, size, seed):
    """Numbers of all magnitudes, infinities and NaN among common ones."""
    draw = np.random.default_rng(seed)
    bits = draw.integers(0, 256, size * np.dtype(dtype).itemsize, np.uint8)
    common = draw.standard_normal(size).astype(dtype)
    x = np.where(draw.random(size) < 0.5, bits.view(dtype), common)
    x[: min(size, 6)] = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0][:size]
    return x[::-1].copy()


def assert_same_numbers(found, wanted):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == wanted.dtype
    assert np.array_equal(np.isnan(found), np.isnan(wanted))
    known = ~np.isnan(wanted)
    assert found[known].tobytes() == wanted[known].tobytes()


@pytest.mark.parametrize("size", [1, 5, 1003])
@pytest.mark.parametrize("type", ["f32", "f64"])
@pytest.mark.parametrize("name", [*UNARY, "power"])
def test_quick_and_best_code_compute_what_the_expressions_say(name, type, size):
    dtype = np.float32 if type == "f32" else np.float64
    arity = 2 if name == "power" else 1
    xs = [any_bits(dtype, size, seed) for seed in range(arity)]
    leaves = [node("var", type, (), k) for k in range(arity)]
    value = getattr(mathematics, "pow" if name == "power" else name)(*leaves)
    wanted = interpret(value, dict(zip(leaves, xs)))
    with cr.enable_x64(True), two_threads():
        f = cr.jit(getattr(cnp, name))
        assert_same_numbers(f(*xs), wanted)
        assert_same_numbers(f.lower(*xs).compile()(*xs), wanted)


def test_a_kernel_holds_a_routine_once():
    def f(x):
        return cnp.sin(x) * cnp.sin(x + 1) + cnp.sin(x * 2)

    (step,) = steps_of(f, cnp.ones(1000, "float32"))
    assert len(re.findall("define internal .*@sin_huge", step.text)) == 1


def test_a_routine_may_call_another():
    (step,) = steps_of(cnp.log1p, cnp.ones(1000, "float32"))
    assert step.text.count("define internal") == 2


def test_scalars_call_a_routine_of_scalars():
    (step,) = steps_of(cnp.sin, np.float32(1))
    assert "call float @sin_huge_f32(float" in step.text


def kernel_of(function):
    i = loop_variable(100)
    index = Index(0, ((i, 1),))
    value = apart(function, load("x", "f32", index))
    stage = Stage([], [], [Store("out", index, value)])
    return Kernel([Axis(i, 100, vector=True)], [stage])


def test_the_structure_of_a_kernel_has_its_routines_bodies_in_it():
    def double(x):
        return x + x

    def other():
        def double(x):
            return x * 2

        return double

    assert_described(kernel_of(double))
    keys = [Description(kernel_of(f), 16, {}).key for f in (double, other(), double)]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def assert_described(kernel):
    """Every part of a structure refers to parts before it, each by a number of its own."""
    seen = Description(kernel, 16, {})
    parts = seen.key[3]
    assert sorted(seen._nodes.values()) == list(range(len(parts)))
    for place, (op, _, data, *operands) in enumerate(parts):
        assert all(k < place for k in operands), parts[place]
        assert op != "call" or max(data) < place


@pytest.mark.parametrize("name", ["sin", "log", "log1p"])
def test_a_structure_refers_to_what_it_has_described(name):
    """Constants are shared by a routine and by those who call it."""
    function = getattr(mathematics, name)
    i = loop_variable(100)
    index = Index(0, ((i, 1),))
    x = load("x", "f32", index)
    for value in (function(x), function(function(x)) * 0.5 + function(x * 2.0**24)):
        stage = Stage([], [], [Store("out", index, value)])
        assert_described(Kernel([Axis(i, 100, vector=True)], [stage]))
