"""Plans as they lie on disk: for the samples of every primitive, a plan is read back as it
was written, and programs that differ have keys that differ."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import families, kernels, plans
from chainrule.compiler.assemble import Assembler, select_steps
from chainrule.compiler.layout import Layout
from chainrule.compiler.pipeline import simplify
from chainrule.compiler.program import Program
from chainrule.compiler.sizes import Given
from chainrule.core.avals import ShapedArray
from chainrule.runtime import _native

from .cases import CASES, assert_close, flat


def groups():
    """Two cases of each primitive."""
    made = {}
    for case in CASES:
        cases = made.setdefault(case.sample.primitive, [])
        if len(cases) < 2:
            cases.append(case)
    return made


GROUPS = groups()


def same(a, b):
    """Whether parts of two layouts are the same."""
    if isinstance(a, Layout):
        return isinstance(b, Layout) and same(a.parts(), b.parts())
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, ShapedArray):
        return (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
    return a is b or (type(a) is type(b) and a == b)


@pytest.mark.parametrize("name", GROUPS)
def test_a_plan_is_read_as_it_was_written(name, monkeypatch):
    known = {}
    monkeypatch.setattr(kernels, "recall", known.get)
    for case in GROUPS[name]:
        with cr.enable_x64(case.x64):
            xs = case.operands()
            closed = simplify(cr.make_jaxpr(lambda *xs: flat(case(*xs)))(*xs))
            given = [Given(k) for k in range(len(closed.consts))]
            program = Program(closed.replace(consts=given))
            steps = select_steps(program)
            layout = Assembler(program, steps).layout()
            if program.calls_python():
                continue
            for step in steps:
                note(step, known)
            try:
                words = [*plans._tokens(plans.written(layout))]
            except plans.Nameless:
                assert any(c.nbytes > plans.MOST_BYTES for c in layout.consts)
                continue
            assert not any(" " in word for word in words)
            found = plans._Reader(closed).read(plans._parsed(iter(words)))
            assert same(found, layout.filled((), closed.consts))
            values = found.plan()(*xs)
            assert_close(list(values), flat(case(*xs)), 8 * case.sample.tolerance)


def note(step, known):
    """Remembers the kernels of a step, and of the programs in it, by their names."""
    if hasattr(step, "structure"):
        known[step.structure.name] = step.structure
    for layout, _ in getattr(step, "plans", ()):
        codes(layout.parts(), known)


def codes(x, known):
    if isinstance(x, Layout):
        x = x.parts()
    if isinstance(x, (list, tuple)):
        for part in x:
            codes(part, known)
    elif type(x) is _native.MachineCode:
        known[x.name] = kernels.Structure((), (), x)


def test_programs_that_differ_have_keys_that_differ():
    seen = {}
    for case in CASES:
        with cr.enable_x64(case.x64):
            closed = cr.make_jaxpr(lambda *xs: flat(case(*xs)))(*case.operands())
            try:
                key = plans._Program(closed).text
            except plans.Nameless:
                continue
            assert seen.setdefault(key, str(closed)) == str(closed)
    assert len(seen) > 1000
    families.forget_all()
