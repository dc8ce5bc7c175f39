"""Messages of jit(f, control_flow="convert"): what is not converted says why."""

import functools
import inspect
import itertools

import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .expecting import message


def convert(f, **options):
    return cr.jit(f, control_flow="convert", **options)


def line_of(f, text="# here"):
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if text in line)


def reason(f, *args):
    """What the error of a value that is needed says after the usual text."""
    text = message(cr.errors.TracerBoolConversionError, convert(f), *args)
    return text.rpartition("static with static_argnums. ")[2]


# --- functions that cannot be converted ----------------------------------------------

counted = 0


def assigns_global(x):
    global counted
    counted = counted + 1
    return x if x > 0 else -x


def yields(x):
    if x > 0:
        yield x


async def waits(x):
    return x


def sees_locals(x):
    if x > 0:
        return locals()["x"]
    return x


def too_many_jumps(x):
    for y in (x, x + 1):
        if x > 0:
            if y > 1:
                break
        if x > 1:
            if y > 2:
                break
        if x > 2:
            if y > 3:
                break
        if x > 3:
            if y > 4:
                break
        if x > 4:
            if y > 5:
                break
        if x > 5:
            if y > 6:
                break
        if x > 6:
            if y > 7:
                break
        if x > 7:
            if y > 8:
                break
        if x > 8:
            if y > 9:
                break
        if x > 9:
            if y > 10:
                break
        if x > 10:
            if y > 11:
                break
        if x > 11:
            if y > 12:
                break
    return x


namespace = {}
exec("def without_file(x): return x", namespace)
UNFIT = {
    assigns_global: "assigns global or nonlocal names; return the values instead",
    waits: "is a coroutine (async def)",
    sees_locals: "calls locals(), which sees the names of Python's scope",
    namespace["without_file"]: "has no source that can be read (code without a file)",
}  # fmt: skip


@pytest.mark.parametrize("f", UNFIT, ids=lambda f: f.__name__)
def test_functions_that_cannot_be_converted(f):
    expected = (
        f"jit: control_flow='convert' cannot convert {f.__name__}: it {UNFIT[f]}."
    )
    assert message(ValueError, convert, f) == expected


def test_functions_of_the_library():
    text = message(ValueError, convert, cr.grad(lambda x: x if x > 0 else -x))
    assert text == (
        "jit: control_flow='convert' cannot convert <lambda>: it is a library's function"
        " (test_control_flow_conversion); convert the function that it is given, with"
        " jit(..., control_flow='convert')."
    ).replace("(test_control_flow_conversion)", f"({__name__})")


@pytest.mark.parametrize("f", [len, int, cr.jit(lambda x: x), 3])
def test_what_is_no_python_function(f):
    if callable(f):
        assert message(TypeError, convert, f) == (
            "jit: control_flow='convert' takes a Python function, method, partial or"
            f" object with __call__; got {f!r}."
        )
    else:
        with pytest.raises(TypeError):
            convert(f)


def test_jumps_nested_too_deeply():
    text = message(ValueError, convert, too_many_jumps)
    assert text.startswith(
        "jit: control_flow='convert' cannot convert too_many_jumps: it has too many jumps,"
        " nested too deeply (line "
    )


# --- called functions ----------------------------------------------------------------


def test_functions_that_a_library_calls():
    def step(c, x):
        if c > 0:  # here
            c = c + x
        return c, None

    def f(x):
        return lax.scan(step, x, cnp.ones(3))[0]

    assert reason(f, 1.0) == (
        "step was not converted: only functions that converted functions call themselves"
        " are; where a library calls it, give it jit(..., control_flow='convert') of its"
        " own."
    )
    step = convert(step)
    assert float(convert(lambda x: lax.scan(step, x, cnp.ones(3))[0])(1.0)) == 4.0


def test_called_functions_that_cannot_be_converted():
    def called(x):
        return assigns_global(x)

    assert reason(called, 1.0) == (
        "assigns_global was not converted: it assigns global or nonlocal names; return"
        " the values instead."
    )


def test_generators_that_are_called():
    def called(x):
        return sum(yields(x))

    assert reason(called, 1.0) == (
        "yields was not converted: it is a generator (it yields); return an array of the"
        " values instead."
    )


def note(x):
    global counted
    counted = counted + 1
    return x


def keep(kept, x):
    if x is not None:
        kept.append(x)  # here


def test_called_functions_that_change_what_others_see():
    def assigns(x):
        if x > 0:
            x = note(x)  # here
        return x

    deciding = "; a traced value at line {} decides whether it runs, and all paths are"
    deciding += " staged. Assign a new value to a name instead (x = x.at[0].set(v))."
    text = message(cr.errors.TracerBoolConversionError, convert(assigns), 1.0)
    assert text == (
        f"control_flow='convert': line {line_of(assigns)} is a statement that changes an"
        " object: a call of note, which assigns outer names"
        + deciding.format(line_of(assigns, "if x"))
    )

    def appends(x):
        kept = []
        if x > 0:
            keep(kept, x)
        return x

    text = message(cr.errors.TracerBoolConversionError, convert(appends), 1.0)
    assert text == (
        f"control_flow='convert': line {line_of(keep)} is a statement that changes an"
        " object: kept.append(...)" + deciding.format(line_of(appends, "if x"))
    )

    def on_known_paths(x):
        kept = []
        keep(kept, note(x))
        return kept[0] * 2 if x > 0 else -x

    assert float(convert(on_known_paths)(3.0)) == 6.0


def test_recursion_that_a_traced_value_ends():
    def f(n):
        if n <= 0:
            return 0
        return n + f(n - 1)

    assert message(RecursionError, convert(f), 3) == (
        "control_flow='convert': f, or what it calls, calls itself without end: where a"
        " traced value decides, all paths are staged. Write it as a loop."
    )


# --- statements that stay Python's ---------------------------------------------------


def raises_if(x):
    if x < 0:
        raise ValueError("negative")  # here
    return x


def test_raise_on_a_traced_path():
    text = message(cr.errors.TracerBoolConversionError, convert(raises_if), 1.0)
    assert text == (
        f"control_flow='convert': line {line_of(raises_if)} raises ValueError; a traced"
        f" value at line {line_of(raises_if, 'if x')} decides whether it runs, and all"
        " paths are staged. Use assert, which is checked when the program runs."
    )


def test_assertions_on_a_path_are_checked_where_it_is_taken():
    def f(x):
        if x < 0:
            known = 0
            assert known, "negative"
        return x

    g = convert(f)
    assert float(g(1.0)) == 1.0
    with pytest.raises(cr.errors.JaxRuntimeError, match="negative"):
        g(-1.0)


def jump_in_try(x):
    try:
        if x > 0:  # here
            return x
    finally:
        pass
    return -x


def break_in_try(x):
    for i in range(3):
        try:
            if x > i:  # here
                break
        except ValueError:
            pass
    return x


def jump_in_match(x):
    kind = 1
    match kind:
        case 1:
            if x > 0:  # here
                return x
    return -x


def named_in_operand(x):
    if x > 0 and (y := x * 2) > 1:  # here
        x = y
    return x


def named_in_branch(x):
    y = 1.0
    x = (y := x) if x > 0 else -x  # here
    return x + y


def kept_in_comprehension(x):
    return sum([v for v in (1.0, 2.0) if v > x])  # here


def over_an_endless_iterator(x):
    for i in itertools.count():  # here
        if i > x:
            break
    return i


REASONS = {
    jump_in_try: "a jump leaves a with, try or match in it",
    break_in_try: "a jump leaves a with, try or match in it",
    jump_in_match: "a jump leaves a with, try or match in it",
    named_in_operand: "an operand assigns a name by :=",
    named_in_branch: "an operand assigns a name by :=",
    kept_in_comprehension: "a comprehension keeps items by known values alone",
    over_an_endless_iterator: "it is over 'count', which may not end; loop over a list,"
    " range, zip or enumerate of such",
}


@pytest.mark.parametrize("f", REASONS, ids=lambda f: f.__name__)
def test_statements_that_stay_pythons(f):
    assert reason(f, 1.0) == f"Line {line_of(f)} was not converted: {REASONS[f]}."


def matched(x):
    match x:
        case 1:  # here
            x = x + 1
    return x


def greatest(x):
    return max(x, 1.0)  # here


@pytest.mark.parametrize("f", [matched, greatest], ids=lambda f: f.__name__)
def test_values_that_python_needs(f):
    assert reason(f, 1.0) == (
        f"Line {line_of(f)} was not converted: its statement is converted, but not what"
        " needs the value (such as match, max, sorted, int or an index of a list)."
    )


def array_truth(x):
    if x > 0:
        return x
    return -x


def array_negated(x):
    return x * (not x > 0)


def array_compared(x):
    return x if 0 < x < 2 else -x


@pytest.mark.parametrize("f", [array_truth, array_negated, array_compared])
def test_truth_of_arrays_is_ambiguous(f):
    assert message(ValueError, convert(f), cnp.ones(3)) == (
        "control_flow='convert': the truth value of an array of shape (3,) is ambiguous;"
        " use x.any() or x.all()."
    )
    with pytest.raises(ValueError):
        f(cnp.ones(3))
    assert convert(f)(cnp.ones((1, 1))).tolist() == f(cnp.ones((1, 1))).tolist()


def test_ranges():
    def f(first, last, step):
        y = 0
        for i in range(first, last, step):  # here
            y = y + i
        return y

    assert message(TypeError, convert(f), 0, 2.5, 1) == (
        f"control_flow='convert': range at line {line_of(f)} takes integers; got f32[]."
        " Convert it: x.astype('int32')."
    )
    known = functools.partial(f, step=0)
    assert message(ValueError, convert(known), 5, 0) == "range() arg 3 must not be zero"
    with pytest.raises(cr.errors.JaxRuntimeError, match="must not be zero"):
        convert(f)(5, 0, 0)


def test_values_of_different_kinds_raise_where_they_are_used():
    def temporary(x):
        if x > 0:
            label = "positive"
            x = x + len(label)
        else:
            label = None
        return x if label is not x else -x

    assert float(convert(temporary)(2.0)) == 10.0

    def used(x):
        if x > 0:
            scale = lambda v: v * 2
        else:
            scale = None
        return scale(x)

    text = message(TypeError, convert(used), 2.0)
    assert text.startswith("control_flow='convert': scale after line ")
    assert text.endswith(
        "in one branch, not an array, and the branch is taken when the program runs;"
        " choose among arrays, or decide by a known value."
    )


def test_names_that_are_deleted():
    def f(x):
        y = x
        if x > 0:
            del y  # here
        return y

    assert message(UnboundLocalError, convert(f), 1.0) == (
        f"control_flow='convert': y has no value, as line {line_of(f)} deletes it; set it"
        " before the statement."
    )
