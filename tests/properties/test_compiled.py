"""Compiled programs give what evaluation gives, for every primitive on every sample.

The samples of a primitive are compiled together, as one program of one equation each.
Data movement, integers, booleans and correctly rounded arithmetic agree bit by bit;
functions of their own implementation agree to a few units in the last place, sums to
the dtype's tolerance. `ON_HOST` lists what is not compiled yet but run by NumPy's code.
"""

import functools
import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.assemble import select_steps
from chainrule.compiler.pipeline import compile_program
from chainrule.compiler.program import HostStep, Program
from chainrule.compiler.values import type_of
from chainrule.core.avals import aval_of, wrap

from .cases import CASES, assert_close, flat

ON_HOST = set()
"""Primitives that run as host steps on samples of dtypes that kernels know."""

ON_HOST_BY_DTYPE = set()
"""Primitives that run as host steps on samples of other dtypes: complex and keys."""


def groups():
    """The cases of each primitive; programs of several stand alone."""
    made = {}
    for case in CASES:
        known = all(type_of(x.dtype) is not None for x in case.operands())
        made.setdefault((case.sample.primitive, case.x64, known), []).append(case)
    return made


GROUPS = groups()


def staged(cases, weak):
    """One program of all the cases, and its operands."""
    operands = [[wrap(np.asarray(x), weak) for x in c.operands()] for c in cases]
    counts = list(itertools.accumulate([len(xs) for xs in operands], initial=0))

    def program(*xs):
        parts = itertools.pairwise(counts)
        return [flat(c(*xs[a:b])) for c, (a, b) in zip(cases, parts)]

    args = list(itertools.chain(*operands))
    return cr.make_jaxpr(program)(*args), args, [c(*xs) for c, xs in zip(cases, operands)]


@functools.cache
def host_steps(key):
    """The primitives that the program of a group runs on the host."""
    cases = GROUPS[key]
    with cases[0].precision():
        closed, _, _ = staged(cases, False)
        steps = select_steps(Program(closed))
    return {s.eqn.primitive.name for s in steps if isinstance(s, HostStep)}


@pytest.mark.parametrize("weak", [False, True], ids=["strong", "weak"])
@pytest.mark.parametrize("key", GROUPS, ids=lambda key: "-".join(map(str, key)))
def test_compiled_is_eager(key, weak):
    cases = GROUPS[key]
    with cases[0].precision():
        closed, args, expected = staged(cases, weak)
        found = iter(compile_program(closed)(*args))
        for case, values in zip(cases, expected):
            ys = flat(values)
            xs = list(itertools.islice(found, len(ys)))
            assert [aval_of(x) for x in xs] == [aval_of(y) for y in ys], case.name
            assert_close(xs, ys, case.sample.tolerance)


def test_what_runs_on_the_host():
    known, others = set(), set()
    for key in GROUPS:
        (known if key[2] else others).update(host_steps(key))
    assert known == ON_HOST
    assert others == ON_HOST_BY_DTYPE
