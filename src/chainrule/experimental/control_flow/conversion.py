"""Functions converted: those given, and those of the user's that they call.

`convert(f)` is what `jit(f, control_flow="convert")` stages. The statements of a converted
function are calls of the names gathered here (`RUN`; see rewriting.py), and each of its
calls asks `callee` for the function to call: converted, where it is the user's own and
can be. An error that needs a value says which function was not converted, and why.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ...control.function_keys import is_library
from ...core import errors
from ...runtime._native import tree_flatten
from ...transforms.flat import name_of
from . import sources
from .branches import branch, chosen, returned
from .changes import called, changed, fresh, raised, staging, updated
from .loops import for_each, for_range, while_loop
from .operators import (
    both,
    check,
    compared,
    decided,
    either,
    first_true,
    known,
    last_true,
    negation,
)
from .rewriting import rewrite
from .values import Unset, deleted, unset, values

_RUN = sys.modules[__name__]
_codes: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_VALUE_NEEDED = (
    errors.TracerBoolConversionError, errors.TracerIntegerConversionError,
    errors.TracerArrayConversionError, errors.ConcretizationTypeError,
)  # fmt: skip


def convert(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`fun` with control flow that traced values may decide.

    Args:
        fun: a function, method, `functools.partial` or object with `__call__` of the
            user's own, whose source can be read.

    Returns:
        A function with the same arguments and results.

    Raises:
        TypeError: `fun` is nothing of that kind.
        ValueError: its source cannot be read or converted; the message says why.

    An example is in docs/control_flow.md.
    """
    try:
        made = _converted(fun)
    except sources.Unfit as reason:
        raise ValueError(
            f"jit: control_flow='convert' cannot convert {name_of(fun)}: it {reason}."
        ) from None

    @functools.wraps(fun)
    def explained(*args: Any, **kwargs: Any) -> Any:
        try:
            return _returned(made(*args, **kwargs))
        except _VALUE_NEEDED as error:
            error.args = (_explained(str(error.args[0]), error),)
            raise
        except RecursionError as error:
            raise RecursionError(
                f"control_flow='convert': {name_of(fun)}, or what it calls, calls itself"
                " without end: where a traced value decides, all paths are staged. Write"
                " it as a loop."
            ) from error

    return explained


def _returned(out: Any) -> Any:
    """The output, unless a part of it has no value: that raises."""
    for leaf in tree_flatten(out)[0]:
        if isinstance(leaf, Unset):
            leaf()
    return out


def _converted(fun: Any) -> Any:
    """A function, method, partial or callable object of the user's, converted."""
    if isinstance(fun, types.FunctionType):
        return _function(fun)
    if isinstance(fun, types.MethodType):
        return types.MethodType(_converted(fun.__func__), fun.__self__)
    if isinstance(fun, functools.partial):
        return functools.partial(_converted(fun.func), *fun.args, **fun.keywords)
    method = inspect.getattr_static(type(fun), "__call__", None)
    if isinstance(method, types.FunctionType) and not isinstance(fun, type):
        return types.MethodType(_function(method), fun)
    raise TypeError(
        "jit: control_flow='convert' takes a Python function, method, partial or object"
        f" with __call__; got {fun!r}."
    )


def _function(fun: Any) -> Any:
    """A converted function; raises Unfit."""
    code = fun.__code__
    if sources.is_compiled(code):
        return fun
    if is_library(code.co_filename, code.co_name):
        raise sources.Unfit(
            f"is a library's function ({fun.__module__}); convert the function that it is"
            " given, with jit(..., control_flow='convert')"
        )
    made = _codes.get(code)
    if made is None:
        try:
            definition, owner = sources.found(code)
            rewrite(definition)
            made = sources.code_of(code, definition, owner)
        except sources.Unfit as reason:
            made = reason
        _codes[code] = made
    if isinstance(made, sources.Unfit):
        raise made
    return sources.function(fun, made, _RUN)


def callee(fun: Any, line: int) -> Any:
    """What a converted function calls for `fun`."""
    if isinstance(fun, type):
        own = not is_library(
            getattr(sys.modules.get(fun.__module__), "__file__", ""), ""
        )
        return (lambda *a, **k: fresh(fun(*a, **k))) if own and staging() else fun
    try:
        return _converted(fun)
    except TypeError:
        return fun
    except sources.Unfit as reason:
        if staging() and "global" in str(reason):
            changed(fun, f"a call of {name_of(fun)}, which assigns outer names", line)
        return fun


# --- errors --------------------------------------------------------------------------


def _explained(text: str, error: BaseException) -> str:
    """The message of a value that is needed, and why the place was not converted."""
    if "control_flow='convert'" in text or "was not converted" in text:
        return text
    place = _users_place(error)
    if place is None:
        return text
    code, line = place
    if sources.is_compiled(code):
        return (
            f"{text} Line {line} was not converted: its statement is converted, but not"
            " what needs the value (such as match, max, sorted, int or an index of a"
            " list)."
        )
    return f"{text} {code.co_name} was not converted: {_why(code)}."


def _users_place(error: BaseException) -> tuple[Any, int] | None:
    """The innermost place in the user's own code."""
    place, trace = None, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not is_library(code.co_filename, code.co_name):
            place = code, trace.tb_lineno
        trace = trace.tb_next
    return place


def _why(code: Any) -> str:
    try:
        sources.found(code)
    except sources.Unfit as reason:
        return f"it {reason}"
    return (
        "only functions that converted functions call themselves are; where a library"
        " calls it, give it jit(..., control_flow='convert') of its own"
    )


__all__ = [
    "Unset", "both", "branch", "called", "callee", "changed", "check", "chosen",
    "compared", "convert", "decided", "deleted", "either", "first_true", "for_each",
    "for_range", "fresh", "known", "last_true", "negation", "raised", "returned", "unset",
    "updated", "values", "while_loop",
]  # fmt: skip
