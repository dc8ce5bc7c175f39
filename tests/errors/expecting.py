"""What the tests of messages share: catching one, and naming the line it points at."""

import functools
import inspect

import pytest

from chainrule.core.parser import parse
from chainrule.core.primitive import registry


def message(error, function, *args, **kwargs):
    """The text of the `error` that the call raises; of exactly that class."""
    with pytest.raises(error) as info:
        function(*args, **kwargs)
    assert type(info.value) is error
    return str(info.value)


def at(function):
    """'file.py:12 (name)' of the line of `function` that is marked `# here`."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    (offset,) = (i for i, line in enumerate(lines) if line.rstrip().endswith("# here"))
    return f"{inspect.getsourcefile(function)}:{first + offset} ({function.__name__})"


def raises(error, text):
    """A test that the decorated call raises `error`, with exactly this `text`."""

    def test_of(function):
        @functools.wraps(function)
        def test():
            assert message(error, function) == text

        test.case = function
        return test

    return test_of


def derive(name, operands, params):
    """The output type of a primitive for operands of types like "f32[2,3] i32[]"."""
    types = operands.split()
    binders = " ".join(f"x{chr(97 + i)}:{t}" for i, t in enumerate(types))
    avals = parse(f"{{ lambda ; {binders}. let in () }}").in_avals
    return registry[name].out_aval(tuple(avals), params)
