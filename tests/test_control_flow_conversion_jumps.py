"""jit(f, control_flow="convert"): jumps, changes of objects, values of operators.

Returns in nested loops stop all of them, operators give Python's values, and what would
change an object on a path that is not taken raises. Python is the reference.
"""

import contextlib
import inspect

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .converting import assert_slopes, assert_values, convert
from .errors.expecting import message


def in_for_for(x, n):
    for i in range(n):
        for _ in range(2):
            if x > 3:
                return x + i
            x = x + 1
        x = x + 0.25
    return -x


def in_while_for(x, n):
    while x < 100:
        for _ in range(1):
            x = abs(x) * 2 + n + 0.5
            if x > 10:
                return x
    return -x


def in_while_while(x, n):
    steps = 0
    while x < 100:
        while x < 50:
            x = abs(x) * 2 + 1
            steps = steps + 1
            if x > 10 * n and steps > 1:
                return x + steps
        x = x + 30
    return -x


def three_deep(x, n):
    total = 0.0
    for i in range(n):
        for j in range(3):
            k = 0
            while k < j + 1:
                total = total + x * k
                if total > 4:
                    return total * 10 + i
                k += 1
            total = total + 0.5
        total = total - 0.25
    return -total


def return_before_and_after(x, n):
    for i in range(n):
        if x < -2:
            return x * 100
        for j in range(n):
            if x > 5:
                break
            if x > 4:
                return x + 10 * i + j
            x = x + 0.75
        if x > 7:
            return -x
        x = x * 1.5
    return x + 1000


def in_list(x, n):
    for i in range(n):
        for y in [1.0, 2.0]:
            if n == 3:
                return x + y + i
        else:
            x = x + 1
    return x * 2


def with_else(x, n):
    for i in range(5):
        for j in range(n):
            if j > 6:
                break
        else:
            return x + i
    return x * n


NESTED = [
    in_for_for, in_while_for, in_while_while, three_deep, return_before_and_after,
]  # fmt: skip
KNOWN = [*NESTED, in_list, with_else]
POINTS = [-3.5, -1.0, 0.0, 0.3, 1.4, 2.7, 4.5, 7.0, 60.0]


@pytest.mark.parametrize("f", KNOWN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_return_stops_all_loops_of_known_bounds(f, n):
    g = convert(f, static_argnums=1)
    expected = [f(cnp.float32(x), n) for x in POINTS]
    np.testing.assert_allclose([g(x, n) for x in POINTS], expected, rtol=1e-6)
    many = cr.vmap(lambda x: g(x, n))(cnp.array(POINTS))
    np.testing.assert_allclose(many, expected, rtol=1e-6)
    for x in (-3.4, 0.4, 1.3):
        _, slope = cr.jvp(lambda x: f(x, n), (x,), (1.0,))
        _, found = cr.jvp(lambda x: g(x, n), (x,), (1.0,))
        np.testing.assert_allclose(found, slope, rtol=1e-5)


@pytest.mark.parametrize("f", NESTED, ids=lambda f: f.__name__)
def test_return_stops_all_loops_of_traced_bounds(f):
    g = convert(f)
    for n in (0, 1, 2, 5):
        expected = [f(cnp.float32(x), n) for x in POINTS]
        np.testing.assert_allclose([g(x, n) for x in POINTS], expected, rtol=1e-6)
        many = cr.vmap(g, (0, None))(cnp.array(POINTS), n)
        np.testing.assert_allclose(many, expected, rtol=1e-6)
        _, slope = cr.jvp(lambda x: f(x, n), (1.3,), (1.0,))
        _, found = cr.jvp(lambda x: g(x, n), (1.3,), (1.0,))
        np.testing.assert_allclose(found, slope, rtol=1e-5)


def set_after_a_return_in_a_loop(x):
    best = "none"
    for i in range(3):
        if x < i:
            return x
        best = [x, i]
        last = x * i
    return best[0] + best[1] + last


def set_after_a_return_in_a_with(x):
    with contextlib.nullcontext():
        if x > 4:
            return x
        for k in (1.0, 2.0):
            with contextlib.nullcontext(k):
                if x < -k:
                    return k
                y = x + k
            z = y * 2
    return y + z


def set_after_a_loop_that_returns(x):
    for i in range(2):
        for j in range(2):
            for k in range(2):
                if x > i + j + k + 2:
                    return x * 100 + i * 10 + j
                x = x + 0.5
                a = x
            b = a + x
        c = a + b
    return a + b + c


def set_in_the_else_of_a_loop_that_returns(x):
    for _ in range(3):
        for j in range(3):
            if x > j + 2:
                return x + j
            x = x + 0.3
        else:
            w = x * 10
        x = x - 1 + w
    return x


AFTER_RETURNS = [
    set_after_a_return_in_a_loop, set_after_a_return_in_a_with,
    set_after_a_loop_that_returns, set_in_the_else_of_a_loop_that_returns,
]  # fmt: skip


@pytest.mark.parametrize("f", AFTER_RETURNS, ids=lambda f: f.__name__)
def test_names_set_after_a_return_have_values_where_it_was_not_taken(f):
    assert_values(f)
    assert_slopes(f)


def test_names_set_after_a_break_have_none():
    def f(x):
        for i in range(3):
            if x < i:
                break
            y = x
        return y + 1

    with pytest.raises(UnboundLocalError, match="y has no value, as the loop"):
        convert(f)(5.0)


def test_returned_values_that_no_array_holds():
    def f(x):
        for i in (0, 1):
            if x < i:
                return "below"
        return x

    line = line_of(f, "for i")
    assert message(TypeError, convert(f), 1.0) == (
        f"control_flow='convert': the value returned after line {line + 1} is 'below' in"
        " one branch, not an array, and the branch is taken when the program runs;"
        " choose among arrays, or decide by a known value."
    )


# --- changes of objects --------------------------------------------------------------


class Point:
    v = 0.0


def set_item(x, flag):
    outer = [0.0]
    if flag:
        outer[0] = x  # here
    return outer[0]


def set_attribute(x, flag):
    o = Point()
    if flag:
        o.v = x  # here
    return o.v


def set_key(x, flag):
    d = {"k": 0.0}
    if not flag:
        pass
    else:
        d["k"] += x  # here
    return d["k"]


def deleted(x, flag):
    values = [x, 1.0]
    while flag:
        del values[0]  # here
        flag = False
    return values[0]


def unpacked(x, flag):
    outer, y = [0.0], 0.0
    if flag:
        outer[0], y = x, 1.0  # here
    return outer[0] + y


def extended(x, flag):
    outer = [0.0]
    if flag:
        outer += [x]  # here
    return outer[-1]


def appended(x, flag):
    outer = [0.0]
    if flag:
        inner = outer
        inner.append(x)  # here
    return outer[-1]


def in_loop(x, flag):
    outer = [0.0]
    for i in range(flag):
        outer[0] = x + i  # here
    return outer[0]


def in_operator(x, flag):
    outer = [1.0]
    flag and outer.pop()  # here
    return x + len(outer)


SHOWN = {
    set_item: "outer[0] = ...", set_attribute: "o.v = ...", set_key: "d['k'] += ...",
    deleted: "del values[0]", unpacked: "outer[0] = ...", extended: "outer += ...",
    appended: "inner.append(...)", in_loop: "outer[0] = ...",
    in_operator: "outer.pop(...)",
}  # fmt: skip


@pytest.mark.parametrize("f", SHOWN, ids=lambda f: f.__name__)
def test_changes_of_objects_on_traced_paths_raise(f):
    decides = {
        set_key: "if not", deleted: "while", in_loop: "for i", in_operator: "# here"
    }  # fmt: skip
    deciding = line_of(f, decides.get(f, "if flag"))
    for flag in (True, False):
        text = message(cr.errors.TracerBoolConversionError, convert(f), -1.0, flag)
        assert text == (
            f"control_flow='convert': line {line_of(f, '# here')} is a statement that"
            f" changes an object: {SHOWN[f]}; a traced value at line {deciding} decides"
            " whether it runs, and all paths are staged. Assign a new value to a name"
            " instead (x = x.at[0].set(v))."
        )


@pytest.mark.parametrize("f", SHOWN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("flag", [True, False])
def test_changes_of_objects_on_known_paths_are_pythons(f, flag):
    g = convert(f, static_argnums=1)
    assert float(g(-1.5, flag)) == float(f(-1.5, flag))


def line_of(f, text):
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if text in line)


def own_containers(x):
    kept = [x]
    kept.append(x * 2)
    if x > 0:
        parts = [x, 1.0]
        parts[0] = x * 3
        for k in range(3):
            parts.append(x + k)
        squares = [v * v for v in parts]
        squares[0] += 1
        table = {"a": 1.0}
        table["b"] = squares[0]
        y = sum(squares) + table["b"]
    else:
        y = kept[1]
    return y + kept[0]


def test_containers_made_on_the_path_may_change():
    g = convert(own_containers)
    for x in (-1.5, 0.0, 2.0):
        np.testing.assert_allclose(g(x), own_containers(x), rtol=1e-6)
        np.testing.assert_allclose(cr.grad(g)(x), cr.grad(own_containers)(x), rtol=1e-6)


def test_a_container_of_an_outer_path_is_not_the_inner_ones():
    def f(x):
        y = x
        if x > 0:
            parts = [x]
            if x > 1:
                parts[0] = x * 2
            y = parts[0]
        return y

    with pytest.raises(cr.errors.TracerBoolConversionError, match="changes an object"):
        convert(f)(0.5)


# --- values of operators -------------------------------------------------------------


def or_value(x):
    y = x or 7.0
    return y * 2


def and_value(x):
    return x and 3.0 * x


def guarded(x):
    return x and cnp.sin(x) / x


def chained(x):
    return (x > 1 and x) or (x < -1 and -x) or 0.5


def as_tests(x):
    y = 0.0
    if x and 3.0 - x:
        y = x
    while (x or 0.0) and not (x > 3 or y > 9):
        x, y = x + 1, y + 1
    return x + 10 * y if (x and 2.0) else y


def comparisons(x):
    inside = x > -1 and x < 1
    return cnp.where(inside, x, 5.0)


VALUED = [or_value, and_value, guarded, chained, as_tests, comparisons]


@pytest.mark.parametrize("f", VALUED, ids=lambda f: f.__name__)
def test_operators_have_pythons_values(f):
    g = convert(f)
    points = [-2.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0]
    expected = [float(f(cnp.float32(x))) for x in points]
    np.testing.assert_allclose([g(x) for x in points], expected, rtol=1e-6)
    np.testing.assert_allclose(cr.vmap(g)(cnp.array(points)), expected, rtol=1e-6)


@pytest.mark.parametrize("f", [or_value, and_value, guarded, chained])
def test_gradients_of_operators_are_pythons(f):
    for x in (-2.4, 0.0, 0.4, 1.3):
        np.testing.assert_allclose(cr.grad(convert(f))(x), cr.grad(f)(x), rtol=1e-5)


def test_operators_on_booleans_are_no_branches():
    g = convert(comparisons)
    assert "cond" not in str(g.trace(1.0).jaxpr)
    assert convert(between)(2.0).dtype == bool


def between(x):
    return x > 1 and x < 3


def test_operands_that_do_not_agree():
    def f(x):
        return x or cnp.ones(2)

    assert message(TypeError, convert(f), 1.0) == (
        f"control_flow='convert': the value at line {line_of(f, 'return')} has shape ()"
        " in one branch and (2,) in the other; they must agree."
    )


# --- returns of nothing, counters ----------------------------------------------------


def test_a_value_on_one_path_and_none_on_the_other():
    def branch(x):
        if x > 0:
            return x

    def loop(x):
        while x < 10:
            x = x * 2
            if x > 7:
                return x

    for f, text in ((branch, "if x"), (loop, "while x")):
        assert message(TypeError, convert(f), 1.0) == (
            "control_flow='convert': the function returns a value on one path of line"
            f" {line_of(f, text)} and None on the other, and a traced value decides;"
            " return a value on both."
        )


def test_known_paths_may_return_nothing():
    def f(x, flag):
        if flag:
            return x

    g = convert(f, static_argnums=1)
    assert float(g(2.0, True)) == 2.0 and g(2.0, False) is None


def counter(n, last):
    i = 50
    for i in range(2, n, 3):
        if i > last:
            break
    return i


def counter_set_in_the_body(n, last):
    i = 50.0
    for i in range(n):
        i = i * 2 + last
    return i


@pytest.mark.parametrize("f", [counter, counter_set_in_the_body])
def test_the_counter_after_a_loop_that_it_had_a_value_before(f):
    g = convert(f)
    for n in (-1, 0, 2, 3, 5, 6, 20):
        for last in (1, 7, 100):
            assert float(g(n, last)) == f(n, last)


def test_a_counter_that_held_no_number_before_has_no_value():
    def f(n):
        i = "name"
        y = 0
        for i in range(n):
            y = y + i
        return y, i

    with pytest.raises(UnboundLocalError, match="i has no value, as the loop"):
        convert(f)(3)[1] + 1
