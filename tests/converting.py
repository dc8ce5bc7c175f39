"""What the tests of converted control flow share: a program compared with Python's.

A program is run by Python on concrete values, and converted: under jit, vmap, and in
forward and reverse mode.
"""

import numpy as np

import chainrule as cr
import chainrule.numpy as cnp

POINTS = [-3.5, -1.0, 0.0, 0.3, 1.4, 2.7, 4.5, 7.0, 12.5]
SLOPES = [-3.4, -0.7, 0.4, 1.3, 4.6, 9.2]


def convert(f, **options):
    """`f` jitted, with its control flow converted."""
    return cr.jit(f, control_flow="convert", **options)


def name(f):
    """How a test calls a program."""
    return getattr(f, "__name__", type(f).__name__)


def assert_values(f):
    """Converted, under jit and vmap, `f` gives what Python gives."""
    g = convert(f)
    expected = [np.asarray(f(cnp.float32(x)), "float32") for x in POINTS]
    np.testing.assert_allclose([g(x) for x in POINTS], expected, rtol=1e-5)
    many = cr.vmap(g)(cnp.array(POINTS))
    np.testing.assert_allclose(many, expected, rtol=1e-5)


def assert_slopes(f):
    """The forward derivatives are those of the program that Python runs."""
    g = convert(f)
    for x in SLOPES:
        _, expected = cr.jvp(lambda x: f(x) * 1.0, (x,), (1.0,))
        _, found = cr.jvp(lambda x: g(x) * 1.0, (x,), (1.0,))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def assert_gradients(f):
    """The gradients are those of the program that Python runs."""
    g = convert(f)
    for x in SLOPES:
        expected = cr.grad(lambda x: f(x) * 1.0)(x)
        found = cr.grad(lambda x: g(x) * 1.0)(x)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
