"""jit(f, control_flow="convert"): programs of loops, jumps, `with` and `try` are Python's.

Each program is compared with what Python computes, in its values and derivatives.
"""

import contextlib

import pytest

import chainrule.numpy as cnp

from .converting import assert_gradients, assert_slopes, assert_values, name

PROGRAMS = []


def program(f):
    """One of the programs that are compared."""
    PROGRAMS.append(f)
    return f


# --- else of loops -------------------------------------------------------------------


@program
def while_else(x):
    n = 0
    while n < 5:
        if n * x > 6:
            break
        n += 1
    else:
        return x + 100.0
    return x * n


@program
def while_else_without_break(x):
    while x > 1:
        x = x / 2
    else:
        x = x + 10.0
    return x


@program
def for_else(x):
    y = 0.0
    for i in range(4):
        if i * x > 7:
            y = y + 1.0
            break
        y = y + i
    else:
        y = y * 2 + x
    return y


@program
def else_that_breaks_the_outer_loop(x):
    total = 0.0
    for i in range(4):
        for j in range(3):
            if x + i + j > 6:
                break
            total = total + 1.0
        else:
            total = total + 10.0
            if x < 0:
                break
            continue
        total = total + x
    else:
        total = total + 1000.0
    return total


@program
def else_after_return_in_the_loop(x):
    for i in range(3):
        if x > 4 + i:
            return x * 2
        if x + i > 3:
            break
    else:
        return -x
    return x + 0.5


@program
def while_else_returns(x):
    while x < 50:
        x = x * x + 1.5
        if x > 20:
            return x
        if x > 9:
            break
    else:
        return -1.0
    return 7.0 * x


# --- jumps ---------------------------------------------------------------------------


@program
def break_within_if_over_traced_range(x):
    n = cnp.asarray(abs(x) + 2, "int32")
    y = 0.0
    for i in range(n):
        if i > 1:
            if y > 3:
                break
            y = y + 0.25
        y = y + x
    return y


@program
def returns_of_two_types(x):
    for i in range(4):
        if x < -1:
            return i - 7
        for j in range(2):
            if x > 3:
                return x * (i + 1)
            if x > 1:
                return True
            x = x + 0.4 * j
    return 2.5


@program
def while_true(x):
    n = 0
    while True:
        n += 1
        x = x * 0.5
        if abs(x) < 1:
            break
    return x + n


@program
def while_true_that_returns(x):
    while True:
        x = x - 3.0
        if x < 0:
            return x * 2


@program
def while_true_two_returns(x):
    k = 0
    while 1:
        k = k + 1
        if x > 5:
            return x * k
        if x < -40:
            return x / k
        x = x * 1.7 - 0.1


@program
def continue_in_while(x):
    n, y = 0, x
    while n < 6:
        n += 1
        if n * y < 4:
            y = y + 0.5
            continue
        y = y - 1.0
    return y


@program
def many_returns(x):
    if x > 10:
        return x
    if x > 5:
        return x * 2
    if x > 2:
        if x > 4:
            return x * 3
        x = x + 1
    elif x < -2:
        return -x
    return x * 5


@program
def break_over_a_list(x):
    y = 0.0
    for v in [0.5, 2.0, 4.0]:
        if x < v:
            break
        y = y + x * v
    else:
        y = y - 1.0
    return y


@program
def return_over_pairs(x):
    for k, (a, b) in enumerate(zip([1.0, 2.0, 3.0], (4.0, 5.0, 6.0))):
        if a < x < b:
            return x * k + b
    return x


@program
def items_of_an_array(x):
    total = x
    for v in cnp.array([1.0, 2.0, 3.0]):
        if total > 6:
            continue
        total = total + v * x
    return total


@program
def last_item_after_the_loop(x):
    v = 0.0
    for v in (1.0, 3.0, 5.0):
        if x < v:
            break
    return v * x


@program
def return_that_later_steps_reach(x):
    a, b = x, 1.5
    for _ in range(cnp.asarray(abs(x) + 2, "int32"), -1, -1):
        if a > 1:
            if (c := b + 1.0) > 2:
                a = a * 0.5 + 1.0
            elif -1 < a < 4:
                return a + c
        else:
            b = a - b
        b = a - b
    return a - 2 * b


@program
def return_that_no_step_reaches(x):
    i, n = 0, 0
    while x * n < 5 and n < 4:
        n += 1
        if x > 2:
            continue
        if i > 1:
            return x + 100.0
        x = x + 0.5
    return x + i


@program
def types_that_spread_over_steps(x):
    a, b, c = 0, 0, x
    while c < 20:
        a, b, c = b, c, abs(c) + 3.0
    return a + b + c


# --- with and try --------------------------------------------------------------------


@program
def branch_in_with(x):
    with contextlib.nullcontext(3.0) as scale:
        if x > 0:
            x = x * scale
        else:
            x = x - scale
    return x


@program
def return_in_with(x):
    with contextlib.nullcontext():
        if x > 3:
            return x * x
        x = x + 1
        if x < 0:
            return -x
    return x * 10


@program
def break_and_continue_in_with(x):
    y = 0.0
    for i in range(5):
        with contextlib.nullcontext():
            if x + i > 6:
                break
            if x * i < 1:
                continue
            y = y + 1.0
        y = y + x
    return y


@program
def branch_in_try(x):
    try:
        if x > 0:
            y = x * 2
        else:
            y = -x
    finally:
        z = 1.0
    return y + z


@program
def caught_on_a_known_path(x):
    y = x
    known = True
    try:
        if known:
            y = y * 3
            raise KeyError("known")
        y = y + 100
    except KeyError as error:
        y = y + len(error.args)
    return y if y > 0 else -y


@program
def suppressed(x):
    y = x
    with contextlib.suppress(ZeroDivisionError):
        for i in range(3):
            y = y + i
            if i == 1:
                1 // 0
        y = y * 1000
    if y > 0:
        y = y + 1
    return y


# --- the properties ------------------------------------------------------------------


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_converted_is_python(f):
    assert_values(f)


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_forward_derivative_is_pythons(f):
    assert_slopes(f)


@pytest.mark.parametrize("f", PROGRAMS, ids=name)
def test_gradient_is_pythons(f):
    assert_gradients(f)
