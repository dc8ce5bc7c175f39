"""Evaluation: eager values are the reference's, types are the shape rule's."""

import inspect
import types

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.avals import ShapedArray, aval_of, wrap

from .cases import CASES, assert_close, each, flat


def reference_values(case):
    """The reference on the operands, and on those parameters that it names."""
    reference, params = case.sample.reference, {}
    if isinstance(reference, types.FunctionType):
        named = inspect.signature(reference).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in named.values())
        given = case.sample.params.items()
        params = {k: v for k, v in given if takes_all or k in named}
    return flat(reference(*[np.asarray(x) for x in case.operands()], **params))


@each(c for c in CASES if c.sample.reference is not None)
def test_eager_is_the_reference(case):
    with case.precision():
        found = flat(case(*case.operands()))
        expected = reference_values(case)
        expected = [np.asarray(e).astype(f.dtype) for e, f in zip(expected, found)]
        assert_close(found, expected, case.sample.tolerance)


@each(c for c in CASES if c.primitive is not None)
def test_shape_rule_gives_the_real_type(case):
    with case.precision():
        for weak in (False, True):
            operands = [wrap(np.asarray(x), weak) for x in case.operands()]
            avals = tuple(aval_of(x) for x in operands)
            derived = case.primitive.out_aval(avals, case.sample.params)
            found = [aval_of(y) for y in flat(case(*operands))]
            assert found == flat(derived)
            assert all(type(a) is ShapedArray for a in found)


@each(CASES)
def test_evaluation_leaves_its_operands_alone(case):
    with case.precision():
        operands = case.operands()
        before = [np.array(x) for x in operands]
        case(*operands)
        for x, y in zip(operands, before):
            np.testing.assert_array_equal(np.asarray(x), y)


@each(CASES)
def test_jit_is_eager(case):
    with case.precision():
        operands = case.operands()
        found, expected = flat(cr.jit(case)(*operands)), flat(case(*operands))
        assert_close(found, expected, case.sample.tolerance)
        assert [aval_of(x) for x in found] == [aval_of(x) for x in expected]


def test_there_are_cases():
    if not CASES:
        pytest.fail("no samples were found in tests/samples")
