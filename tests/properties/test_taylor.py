"""Taylor mode: values are held in test_differentiation; here its cost, for every case.

The equations of a staged Taylor program are counted. Twice the order may cost 8 times
as many (n^3); nested forward mode would cost 16 times as many from order 4 to order 8.
"""

import chainrule as cr
from chainrule.transforms.taylor import taylor_flat

from .cases import closed, differentiable_cases, each, random_like


def equations(jaxpr):
    """How many equations a program has, those of programs it calls included."""
    total = len(jaxpr.eqns)
    for eqn in jaxpr.eqns:
        for value in eqn.params.values():
            total += equations(value.jaxpr) if hasattr(value, "jaxpr") else 0
    return total


def cost(case, order):
    fun, xs = closed(case)

    def series(xs, vs):
        given = [[x, v] + [None] * (order - 1) for x, v in zip(xs, vs)]
        outs = taylor_flat(fun, given, order)
        return [c for s in outs for c in s if c is not None]

    vs = [random_like(x, i) for i, x in enumerate(xs)]
    return equations(cr.make_jaxpr(series)(xs, vs).jaxpr)


@each(differentiable_cases(2))
def test_cost_is_polynomial_in_the_order(case):
    with case.precision():
        assert cost(case, 8) <= 8 * cost(case, 4)
