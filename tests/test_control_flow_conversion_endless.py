"""jit(f, control_flow="convert"): `while True`, and names set where it is left.

A name that the breaks set has a value after the loop, though not before it and not in
steps that go on; Python is the reference, its errors too.
"""

import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .converting import assert_gradients, assert_slopes, assert_values, convert
from .errors.expecting import message


def found_last(x):
    x = abs(x) + 1
    while True:
        x = x * 2
        if x > 10:
            y = x + 1
            break
    return y


def several_breaks(x):
    x, n = abs(x) + 1, 0
    while True:
        n += 1
        if n > 5:
            z, w = x * n, cnp.sin(x)
            break
        if x > 100:
            z = x
            w = 0.5
            break
        x = x * 2
    return z + w


def break_within_branches(x):
    x = abs(x) + 1
    while True:
        if x > 3:
            if x > 10:
                y = {"kept": x, "more": (x * x,)}
                break
            x = x + 0.5
        else:
            x = x * 1.7
    return y["kept"] - y["more"][0]


def in_a_loop(x):
    x, total = abs(x) + 1, 0.0
    for i in range(3):
        while True:
            x = x * 1.5
            if x > 10 * (i + 1):
                last = x + i
                break
        total += last
    return total


def in_another(x):
    x = abs(x) + 1
    while True:
        while True:
            x = x + 1
            if x > 5:
                a = x * 2
                break
        if a > 30:
            b = a + x
            break
        x = x * 1.1
    return a + b


def until_the_test_holds(x):
    x = abs(x)
    while True:
        x = x + 1
        if (y := x * x) > 30:
            kept = y
            break
        elif x > 20:
            kept = -y
            break
    return kept + x


PROGRAMS = [
    found_last, several_breaks, break_within_branches, in_a_loop, in_another,
    until_the_test_holds,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_names_that_breaks_set(f):
    assert_values(f)
    assert_slopes(f)
    assert_gradients(f)


def test_what_python_cannot_read_has_no_value():
    def read_before(x):
        while True:
            if x > 10:
                y = x
                break
            x = x * 2 + y
        return y

    def not_by_every_break(x):
        while True:
            if x > 100:
                break
            if x > 10:
                y = x
                break
            x = x * 2
        return y

    def not_by_every_step(x):
        while True:
            if x > 3:
                y = x
            x = x * 2
            if x > 100:
                break
        return y

    for f in (read_before, not_by_every_break, not_by_every_step):
        text = message(UnboundLocalError, convert(f), 3.0)
        assert text.startswith("control_flow='convert': y has no value"), text
    with pytest.raises(UnboundLocalError):
        read_before(3.0)


def test_a_loop_that_may_end_by_its_test_sets_no_names():
    def f(x):
        while x < 100:
            x = x * 2
            if x > 10:
                y = x
                break
        return y

    text = message(UnboundLocalError, convert(f), 3.0)
    assert text.startswith("control_flow='convert': y has no value")
    assert float(cr.jit(found_last, control_flow="convert")(3.0)) == 17.0
