"""What the tests of the jit call path share."""

import functools

import chainrule as cr
import chainrule.numpy as cnp


def add(a, b):
    return a + b


@cr.jit
def add_jitted(a, b):
    return a + b


def power(x, n, *, sign=1):
    assert isinstance(n, int)
    return sign * x**n


def counting(fun, **options):
    """A jitted function and the list that grows with each trace."""
    traces = []

    @functools.wraps(fun)
    def traced(*args, **kwargs):
        traces.append(1)
        return fun(*args, **kwargs)

    return cr.jit(traced, **options), traces


def arrays(*shapes):
    return [cnp.ones(s) for s in shapes]
