"""Random programs over all dtypes: the short run, and that its comparison can fail."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr
import chainrule.numpy as cnp

from . import control, orders, typed
from .programs import Step, controlled_programs
from .typed_operations import TYPED

few = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@few
@given(typed.typed_programs())
def test_random_programs_of_all_dtypes(program):
    typed.check(program)


@settings(few, max_examples=25)
@given(controlled_programs())
def test_random_programs_of_nested_control_flow(program):
    orders.check(program)


@settings(few, max_examples=30)
@given(st.data())
def test_every_dtype_and_most_operations_are_drawn(data):
    found = [data.draw(typed.typed_programs()) for _ in range(10)]
    steps = {step.operation for p in found for step in p.steps}
    assert steps <= set(TYPED)
    assert len(steps) > 20


def program(dtype, *steps):
    return typed.TypedProgram(False, (((5,), dtype),), steps, (len(steps),))


def off_by(program, error):
    """What the program gives, wrong by a factor."""
    found = [np.asarray(v) for v in program(*program.arguments())]
    return [(v * (1 + error)).astype(v.dtype) for v in found]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_result_wrong_by_more_than_rounding_is_found(dtype):
    smooth = program(dtype, Step("unary", (0,), {"name": "sin"}))
    eps = float(cnp.finfo(cnp.dtype(dtype)).eps)
    typed.agree(smooth, smooth.arguments(), off_by(smooth, eps))
    with pytest.raises(AssertionError, match="rounding moves it"):
        typed.agree(smooth, smooth.arguments(), off_by(smooth, 40 * eps))


def test_a_wrong_integer_is_found():
    whole = program("int32", Step("integer_unary", (0,), {"name": "bitwise_not"}))
    with pytest.raises(AssertionError, match="compiled"):
        typed.agree(whole, whole.arguments(), off_by(whole, 1))


def test_what_rounding_decides_is_not_compared():
    """floor(8 x) at x = 0.5 is 4, and 3 if x is a rounding error smaller."""
    step = Step("to_integers", (0,), {"dtype": "int32"})
    near_half = program("float32", step)
    xs = [np.array([0.5, 0.3, 0.3, 0.3, 0.3], np.float32)]
    typed.agree(near_half, xs, [np.array([3, 2, 2, 2, 2], np.int32)])
    with pytest.raises(AssertionError, match="compiled 1, eager 2"):
        typed.agree(near_half, xs, [np.array([4, 1, 2, 2, 2], np.int32)])


@settings(few, max_examples=4)
@given(st.lists(typed.typed_programs(), min_size=12, max_size=12))
def test_most_results_are_decided(found):
    """The comparison takes place: rounding leaves nearly all results where they are."""
    decided = []
    for program in found:
        with cr.enable_x64(program.wide):
            xs = program.arguments()
            widest = typed.spread(program, xs, program(*xs), typed.NUDGES)
        decided += [np.isfinite(w).mean() for w in widest if w.size]
    assert np.mean(decided) > 0.8


def test_depth_and_size_of_bodies():
    body = ("fori", 2, ("cond", ("sine",), ("then", ("mix",), ("shift",))))
    assert control.depth(body) == 2
    assert control.size(body) == 6
    assert control.is_nested(body)
    assert not control.is_nested(("fori", 1, ("sine",)))
