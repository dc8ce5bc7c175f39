"""nan_safe_gradients: through every primitive, branches not taken leave no NaN.

Each program runs a sample for two examples at once, one of them at the edge of where
its operands are defined, and takes the other's result alone. Its derivatives are those
of the same program with a safe operand put in before, as one writes without the option.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.experimental.jet import jet

from .cases import assert_close, closed, differentiable_cases, pairing, random_like

EDGES = {"infinite value": cnp.log, "infinite slope": lambda s: cnp.sqrt(s) - 1}
"""Functions that are 0 at 1, and not differentiable at 0."""

EXCEPTIONS = {
    "check": "it refuses operands that are not finite",
    "custom_linear_solve": "batched, it is one system, which is zero as a whole or not",
}
"""Cases that are not tested here, and why."""

PLACES = {"zero": 0.0, "infinite": np.inf, "undefined": np.nan}
"""What the operands are where their directions are zero."""


def first_of_each(order):
    """One case of each primitive, and all programs whose loops end whatever the operands
    are."""
    found = {}
    for case in differentiable_cases(order):
        name = case.sample.primitive
        skipped = name in EXCEPTIONS or name.startswith("absorbing_")
        if name not in found and not skipped and not may_not_end(case):
            found[name] = case
    return list(found.values())


def may_not_end(case):
    """Whether the case runs a loop that ends by what it computes."""
    if case.primitive is not None:
        return False
    with case.precision():
        fun, xs = closed(case)
        return "while[" in str(cr.make_jaxpr(fun)(*xs))


def program(case, edge, safe):
    """The function of two examples' s, and of the operands, of which s = 0 is masked."""
    fun, xs = closed(case)
    ws = [random_like(y, 3) for y in fun(*xs)]

    def one(s, *xs):
        t = cnp.where(s > 0, s, 1.0) if safe else s
        factor = 1 + edge(t)
        ys = fun(*[(x * factor ** (i + 1)).astype(x.dtype) for i, x in enumerate(xs)])
        return cnp.where(s > 0, pairing(ws, ys), 0.0)

    def loss(s, *xs):
        return cr.vmap(one, (0, *(None for _ in xs)))(s, *xs).sum()

    return loss, [cnp.array([0.0, 1.0], np.float64), *xs]


def reverse(f, s, *xs):
    return cr.grad(f, argnums=tuple(range(len(xs) + 1)))(s, *xs)


MODES = {
    "reverse": reverse,
    "compiled": lambda f, *xs: cr.jit(lambda *a: reverse(f, *a))(*xs),
    "of compiled": lambda f, *xs: reverse(cr.jit(f), *xs),
    "forward": lambda f, s, *xs: [cr.jacfwd(f)(s, *xs)],
}
CHOSEN = [
    ("infinite value", ("reverse", "compiled")),
    ("infinite slope", ("of compiled", "forward")),
]
SECOND = (
    lambda f: cr.jacfwd(cr.grad(f)),
    lambda f: cr.jacrev(cr.grad(f)),
)


@pytest.mark.parametrize(("edge", "modes"), CHOSEN, ids=[e for e, _ in CHOSEN])
@pytest.mark.parametrize("case", first_of_each(1), ids=lambda c: c.sample.primitive)
def test_derivatives_are_those_of_the_safe_program(case, edge, modes):
    with case.precision():
        safe, args = program(case, EDGES[edge], True)
        expected = reverse(safe, *args)
        masked, _ = program(case, EDGES[edge], False)
        with cr.nan_safe_gradients(True):
            for mode in modes:
                found = list(MODES[mode](masked, *args))
                assert_close(found, expected[: len(found)], case.sample.tolerance, 1e-8)


@pytest.mark.parametrize("case", first_of_each(2), ids=lambda c: c.sample.primitive)
def test_second_derivatives_are_those_of_the_safe_program(case):
    with case.precision():
        safe, args = program(case, cnp.log, True)
        expected = SECOND[0](safe)(*args)
        masked, _ = program(case, cnp.log, False)
        with cr.nan_safe_gradients(True):
            found = [make(masked)(*args) for make in SECOND]
        for h in found:
            assert_close([h], [expected], case.sample.tolerance, 1e-6)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", first_of_each(1), ids=lambda c: c.sample.primitive)
def test_what_does_not_move_has_no_rate(case, place):
    """Zero tangents and power series stay zero, wherever the operands are."""
    with case.precision():
        fun, xs = closed(case)
        at = [np.full_like(x, PLACES[place]) for x in xs]
        still = [np.zeros_like(x) for x in xs]
        with cr.nan_safe_gradients(True):
            _, tangents = cr.jvp(fun, at, still)
            _, series = jet(fun, at, [[z, z] for z in still])
        for found in cr.tree.leaves((tangents, series)):
            np.testing.assert_array_equal(found, np.zeros_like(found))
