"""Programs that come again at other sizes get the plan of a pattern: for every primitive,
mapped over batches of several sizes, that plan gives what evaluation gives.

Batches stand first or last; their rows differ, so that a wrong stride shows.
"""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import families
from chainrule.compiler.pipeline import compile_program
from chainrule.core.avals import wrap

from .cases import CASES, assert_close, flat

SIZES = (3, 5, 6, 9)
EACH = 2
"""How many samples of a primitive are tried in each of the two ways."""


def groups():
    """A few cases of each primitive in 32 bits."""
    made = {}
    for case in CASES:
        cases = made.setdefault(case.sample.primitive, [])
        if not case.x64 and len(cases) < EACH:
            cases.append(case)
    return {name: cases for name, cases in made.items() if cases}


GROUPS = groups()


def batch(x, n, axis):
    """Rows like `x` that differ, where they are floats, by a few hundredths."""
    x = np.asarray(x)
    rows = [x] * n
    if x.dtype.kind == "f":
        rows = [(x * (1 - k / 128)).astype(x.dtype) for k in range(n)]
    return wrap(np.stack(rows, axis))


@pytest.mark.parametrize("axis", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", GROUPS)
def test_plans_of_patterns_give_what_evaluation_gives(name, axis):
    for case in GROUPS[name]:
        mapped = cr.vmap(case, in_axes=axis)
        for n in SIZES:
            xs = [batch(x, n, axis) for x in case.operands()]
            closed = cr.make_jaxpr(lambda *xs: flat(mapped(*xs)))(*xs)
            found = list(compile_program(closed)(*xs))
            assert_close(found, flat(mapped(*xs)), 8 * case.sample.tolerance)
    families.forget_all()
