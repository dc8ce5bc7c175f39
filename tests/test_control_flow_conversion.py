"""jit(f, control_flow="convert"): traced control flow computes what Python's does.

Each function is run by Python on known values and converted on traced ones, at points on
every path; also its gradient, and its values when the decisions are known.
"""

import inspect

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

from .errors.expecting import message


def convert(f, **options):
    return cr.jit(f, control_flow="convert", **options)


def plain_if(x):
    y = x
    if x > 0:
        y = y * 2
    elif x < -1:
        y = -y
        y = y + 1
    else:
        y = x * x
    return y


def early_return(x):
    if x > 2:
        return x * 10
    x = x + 1
    if x < 0:
        return -x
    return x * x


def loop(x):
    total = 0.0
    while x > 1:
        half = x / 2
        total = total + half
        x = half
    return total + x


def with_break_and_continue(x):
    total = 0.0
    for i in range(10):
        if i * x > 12:
            break
        if i * x < 3:
            continue
        total = total + i * x
    return total


def counted(n, x):
    y = x
    for i in range(n):
        y = y * 0.5 + i
    return y


def return_in_loop(x):
    for i in range(5):
        if i * x > 6:
            return i * 100.0
        x = x + 0.5
    return x


def return_in_while(x):
    while x < 20:
        x = abs(x) * 1.5 + 0.5
        if x > 11 and x < 14:
            return -x
    return x


def nested(x):
    total = 0.0
    i = 0
    while i < 4:
        j = 0
        while j < i:
            if x > j:
                total = total + x * j
            else:
                total = total - 1.0
            if total > 8:
                break
            j += 1
        i += 1
    return total


def operators(x):
    a = 1.0 if x > 0 and not x > 2 else -1.0
    b = 3.0 if 0 < x < 1 or x < -1 else x
    return a * b


def several(x):
    state = {"a": x, "b": (x, 1.0)}
    if x > 1:
        state = {"a": x * 2, "b": (x + 1, 2.0)}
        z = state["a"]
    else:
        z = x
    return state["a"] + state["b"][0] * state["b"][1] + z


def down(x):
    n = cnp.asarray(x + 3, "int32")
    total = 0.0
    for k in range(n, 0, -2):
        total = total + k
    return total * x


FUNCTIONS = [
    plain_if, early_return, loop, with_break_and_continue, return_in_loop,
    return_in_while, nested, operators, several, down,
]  # fmt: skip
POINTS = [-2.5, -0.5, 0.0, 0.3, 1.4, 2.7, 7.0, 25.0]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_converted_is_python(f):
    g = convert(f)
    for x in POINTS:
        expected = f(cnp.float32(x))
        np.testing.assert_allclose(g(x), expected, rtol=1e-6)
    many = cr.vmap(g)(cnp.array(POINTS))
    np.testing.assert_allclose(many, [f(cnp.float32(x)) for x in POINTS], rtol=1e-6)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_forward_derivative_of_converted_is_pythons(f):
    for x in (-2.4, 0.4, 1.3, 7.1):
        _, expected = cr.jvp(f, (x,), (1.0,))
        _, found = cr.jvp(convert(f), (x,), (1.0,))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("f", [plain_if, early_return, operators, several])
def test_gradient_of_converted_branches_is_pythons(f):
    for x in (-2.4, 0.4, 1.3, 7.1):
        np.testing.assert_allclose(cr.grad(convert(f))(x), cr.grad(f)(x), rtol=1e-5)


def test_traced_and_known_bounds():
    g = convert(counted)
    for n in (0, 1, 5):
        np.testing.assert_allclose(g(n, 1.0), counted(n, 1.0), rtol=1e-6)
    known = convert(counted, static_argnums=0)
    assert "while" not in str(known.trace(3, 1.0).jaxpr)
    assert float(known(3, 1.0)) == counted(3, 1.0)


def test_known_decisions_stay_pythons():
    def f(x, flag):
        if flag is None:
            return "nothing to say"[:0] or x
        while flag:
            x, flag = x + 1, False
        return x

    g = convert(f, static_argnums=1)
    assert float(g(1.0, None)) == 1.0 and float(g(1.0, True)) == 2.0


def steps(x):
    n = 0
    while x > 1:
        if x % 2 == 0:
            x = x / 2
        else:
            x = 3 * x + 1
        n += 1
    return n


def test_the_example_of_the_documentation():
    assert int(convert(steps)(27.0)) == 111


def test_closures_defaults_and_methods():
    scale = 3.0

    class Model:
        weight = 2.0

        def apply(self, x, *, shift=1.0):
            """Documented."""
            if x > 0:
                return x * self.weight * scale
            return x - shift

    apply = convert(Model.apply, static_argnums=0)
    model = Model()
    assert float(apply(model, 2.0)) == 12.0 and float(apply(model, -2.0)) == -3.0
    assert apply.__doc__ == "Documented."
    assert float(convert(defaulted)(2.0)) == 12.0


def defaulted(x, k=5.0):
    if x > 0:
        x = x + k * 2
    return x


def test_assertions_are_checked_when_the_program_runs():
    def f(x):
        assert x > 0, "x must be positive"
        assert True
        return x * 2

    g = convert(f)
    assert float(g(1.0)) == 2.0
    with pytest.raises(cr.errors.JaxRuntimeError, match="x must be positive"):
        g(-1.0)


def line_of(f, text):
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if text in line)


def test_names_set_on_one_path_only_have_no_value():
    def branch(x):
        if x > 0:
            y = x
        return y

    assert message(UnboundLocalError, convert(branch), 1.0) == (
        "control_flow='convert': y has no value, as line"
        f" {line_of(branch, 'if x')} sets it in one branch only; set it before the"
        " statement."
    )

    def after_loop(x):
        while x > 1:
            half = x / 2
            x = half
        return half + 1

    assert message(UnboundLocalError, convert(after_loop), 5.0) == (
        "control_flow='convert': half has no value, as the loop at line"
        f" {line_of(after_loop, 'while')} may not run; set it before the statement."
    )


def test_branches_that_disagree():
    def kinds(x):
        y = "a"
        if x > 0:
            y = x
        return y

    line = line_of(kinds, "if x")
    assert message(TypeError, convert(kinds), 1.0) == (
        f"control_flow='convert': y after line {line} is 'a' in one branch, not an array,"
        " and the branch is taken when the program runs; choose among arrays, or decide"
        " by a known value."
    )

    def shapes(x):
        if x > 0:
            return cnp.ones(3)
        return cnp.ones(2)

    line = line_of(shapes, "if x")
    assert message(TypeError, convert(shapes), 1.0) == (
        f"control_flow='convert': the value returned after line {line} has shape (3,) in"
        " one branch and (2,) in the other; they must agree."
    )


def test_plain_jit_does_not_change():
    with pytest.raises(cr.errors.TracerBoolConversionError):
        cr.jit(plain_if)(1.0)


def test_errors_keep_the_users_line():
    def f(x):
        if x > 0:
            x = cnp.dot(cnp.ones(3), cnp.ones(2))  # wrong
        return x

    with pytest.raises(TypeError) as info:
        convert(f)(1.0)
    trace = info.traceback
    assert any(
        entry.lineno + 1 == line_of(f, "# wrong") and str(entry.path) == __file__
        for entry in trace
    )


def test_messages():
    assert message(ValueError, cr.jit, plain_if, control_flow="python") == (
        "jit: control_flow must be 'trace' or 'convert'; got 'python'."
    )
