"""Compiled programs give what evaluation gives, for every primitive on every sample.

The samples of a primitive are compiled together, as one program of one equation each.
Data movement, integers, booleans and correctly rounded arithmetic agree bit by bit;
functions of their own implementation agree to a few units in the last place, sums to
the dtype's tolerance. `ON_HOST` lists what is not compiled yet but run by NumPy's code.
"""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import cache, canonical, program
from chainrule.compiler.assemble import select_steps
from chainrule.compiler.pipeline import compile_program, simplify
from chainrule.compiler.program import Program
from chainrule.core.avals import aval_of, wrap

from .cases import CASES, assert_close, flat

ON_HOST = {"check", "debug_callback", "io_callback", "pure_callback"}
"""Primitives that run as host steps though kernels know all of their dtypes."""

ON_HOST_BY_DTYPE: set[str] = set()
"""Primitives that run as host steps on complex numbers."""

MOVING = ("elementwise_discrete", "indexing", "shaping", "sorting")
"""Families whose results, floats too, are the same bit by bit."""

DISCRETE = ("elementwise_discrete",)
"""Of those, what is rounded where operands are complex: abs, sign."""

ULPS = {"elementwise": 8, "elementwise_special": 16}
"""Families of functions, and how far their implementations may be apart."""


def groups():
    """The cases of each primitive; those of 64 bits stand apart."""
    made = {}
    for case in CASES:
        made.setdefault((case.sample.primitive, case.x64), []).append(case)
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
    return (
        cr.make_jaxpr(program)(*args),
        args,
        [c(*xs) for c, xs in zip(cases, operands)],
    )


def host_steps(cases):
    """The primitives that the program of a group runs on the host, in loops too, and
    whether kernels know the dtypes of their operands and results."""
    with cases[0].precision():
        closed, _, _ = staged(cases, False)
        steps = [*program.host_steps(select_steps(Program(simplify(closed))))]
    for step in steps:
        values = [*step.inputs, *step.outputs]
        yield step.eqn.primitive.name, all(v.type is not None for v in values)


def has_complex(case):
    return any(np.iscomplexobj(x) for x in case.operands())


def assert_agree(case, found, expected):
    """Equal bits, few units in the last place, or the dtype's tolerance: by family."""
    family = case.name.split(":")[0]
    for a, b in zip(found, expected):
        a, b = np.asarray(a), np.asarray(b)
        if family in MOVING and not (family in DISCRETE and has_complex(case)):
            assert a.tobytes() == b.tobytes(), case.name
        elif family in ULPS and a.dtype.kind == "f":
            spacing = np.abs(np.spacing(b))
            assert (np.abs(a - b) <= ULPS[family] * spacing).all(), case.name
        else:
            assert_close([a], [b], case.sample.tolerance)


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
            assert_agree(case, xs, ys)


@pytest.mark.parametrize("key", GROUPS, ids=lambda key: "-".join(map(str, key)))
def test_quick_code_gives_the_bits_of_the_best(key, monkeypatch):
    """LLVM's effort changes no rounding; nothing comes from the disk here."""
    monkeypatch.setattr(canonical, "_written", {})
    monkeypatch.setattr(cache, "find", lambda name: None)
    monkeypatch.setattr(cache, "keep", lambda name, entry: None)
    cases = GROUPS[key]
    with cases[0].precision():
        closed, args, _ = staged(cases, False)
        run = compile_program(closed)
        quick = run(*args)
        run.optimize()
        for a, b in zip(quick, run(*args)):
            a, b = np.asarray(a), np.asarray(b)
            np.testing.assert_array_equal(a, b)
            if a.dtype.kind in "fc":
                signs = [np.signbit(x.real) & ~np.isnan(x) for x in (a, b)]
                np.testing.assert_array_equal(*signs)


def test_what_runs_on_the_host():
    found = {step for cases in GROUPS.values() for step in host_steps(cases)}
    assert {name for name, known in found if known} == ON_HOST
    assert {name for name, known in found if not known} == ON_HOST_BY_DTYPE
