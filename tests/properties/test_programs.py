"""Staged programs: well-typed after every transformation, and read back as printed."""

import pytest

import chainrule as cr
from chainrule.core.checker import check_jaxpr
from chainrule.core.jaxpr import evaluate_jaxpr
from chainrule.core.parser import parse

from .cases import CASES, assert_close, closed, each, flat, random_like
from .test_batching import batches, stacked


def programs(case):
    """The staged programs of the case, its derivatives and its batches."""
    operands = case.operands()
    yield cr.make_jaxpr(case)(*operands)
    if batches(case):
        wholes = [stacked(x, 0)[0] for x in operands]
        yield cr.make_jaxpr(cr.vmap(case))(*wholes)
    if not case.positions():
        return
    fun, xs = closed(case)
    vs = [random_like(x) for x in xs]
    yield cr.make_jaxpr(lambda xs, vs: cr.jvp(fun, tuple(xs), tuple(vs)))(xs, vs)
    ws = [random_like(y) for y in fun(*xs)]
    yield cr.make_jaxpr(lambda xs, ws: cr.vjp(fun, *xs)[1](ws))(xs, ws)
    yield cr.make_jaxpr(cr.linearize(fun, *xs)[1])(*vs)


@each(CASES)
def test_programs_are_well_typed(case):
    with case.precision():
        for program in programs(case):
            check_jaxpr(program)


@each(CASES)
def test_programs_are_read_back_as_printed(case):
    """All but those with Python functions among their parameters, which are refused."""
    with case.precision():
        for program in programs(case):
            text = str(program)
            if "=<function " in text:
                with pytest.raises(ValueError, match="is a Python object"):
                    parse(text)
                continue
            read = parse(text, program.consts)
            assert str(read) == text
            check_jaxpr(read)


@each(CASES)
def test_a_program_computes_what_the_function_does(case):
    with case.precision():
        operands = case.operands()
        program = cr.make_jaxpr(case)(*operands)
        found = evaluate_jaxpr(program.jaxpr, program.consts, operands)
        assert_close(found, flat(case(*operands)), case.sample.tolerance)
        shapes = flat(cr.eval_shape(case, *operands))
        assert [(s.shape, s.dtype) for s in shapes] == [
            (y.shape, y.dtype) for y in found
        ]
