"""Random loops that change entries of arrays: the short run, and that it can fail."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chainrule.numpy as cnp

from . import loops
from .loop_programs import LoopProgram

few = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@few
@given(loops.loop_programs(max_steps=3))
def test_random_loops(program):
    loops.check(program)


def test_most_changes_are_drawn():
    names, kinds = set(), set()

    @few
    @given(loops.loop_programs())
    def draw(program):
        names.update(change[0] for change in program.changes)
        kinds.add(program.kind)

    draw()
    assert len(names) > 7
    assert kinds == {"fori", "open", "while", "scan"}


SHIFT = (
    (
        "at",
        0,
        "set",
        (("affine", 1, 1),),
        ("entry", "now", 0, (("affine", 1, 0),), None),
        None,
    ),
)
"""a[i + 1] = a[i]."""


def program(dtype="int32", **fields):
    return LoopProgram(
        False, (((20,), dtype),), ((0, "given"),), "fori", 3, SHIFT, **fields
    )


@pytest.mark.parametrize("dtype", ["int32", "bfloat16", "bool"])
def test_what_a_program_does(dtype):
    xs = program(dtype).arguments()
    (found,) = loops.by_python(program(dtype), *xs)
    wanted = xs[0].copy()
    wanted[1:4] = wanted[0]
    np.testing.assert_array_equal(np.asarray(found), wanted)


def test_a_wrong_entry_is_found():
    xs = program().arguments()
    (expected,) = loops.by_python(program(), *xs)
    wrong = np.array(expected)
    wrong[7] += 1
    loops.same((np.array(expected),), (expected,))
    with pytest.raises(AssertionError, match="Mismatched elements: 1 / 20"):
        loops.same((wrong,), (expected,))
    with pytest.raises(AssertionError, match="float32"):
        loops.same((wrong.astype("float32"),), (expected,))


def test_a_wrong_gradient_is_found():
    slope, real = cnp.arange(5, dtype="float32"), program("float32")
    loops.alike(real, (slope * (1 + 1e-7),), (slope,))
    with pytest.raises(AssertionError, match="Mismatched elements"):
        loops.alike(real, (slope * 1.01,), (slope,))
