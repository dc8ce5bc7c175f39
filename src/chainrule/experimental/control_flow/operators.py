"""Operators that ask for truths: known operands as Python, traced ones as arrays.

The first operand comes as a value, the later ones as functions, which are called where
Python would evaluate them, or when a traced operand decides whether they count.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from ... import numpy as cnp
from ...core import errors
from ..checkify import check as check_value
from .branches import Staged, chosen
from .changes import path, staging
from .values import predicate, traced


def negation(x: Any) -> Any:
    """`not x`."""
    return cnp.logical_not(predicate(x)) if traced(x) else not x


def both(line: int, x: Any, *thunks: Any) -> Any:
    """The truth of `a and b and ...`"""
    return _joined(x, thunks, lambda x: not x, _truths(cnp.logical_and, line))


def either(line: int, x: Any, *thunks: Any) -> Any:
    """The truth of `a or b or ...`"""
    return _joined(x, thunks, bool, _truths(cnp.logical_or, line))


def last_true(line: int, x: Any, *thunks: Any) -> Any:
    """The value of `a and b and ...`"""

    def joined(x: Any, thunk: Any) -> Any:
        both = _of_booleans(x, thunk, cnp.logical_and, line)
        return chosen(x, thunk, lambda: x, line) if both is None else both

    return _joined(x, thunks, lambda x: not x, joined)


def first_true(line: int, x: Any, *thunks: Any) -> Any:
    """The value of `a or b or ...`"""

    def joined(x: Any, thunk: Any) -> Any:
        either = _of_booleans(x, thunk, cnp.logical_or, line)
        return chosen(x, lambda: x, thunk, line) if either is None else either

    return _joined(x, thunks, bool, joined)


def _joined(x: Any, thunks: Sequence[Any], decides: Any, joined: Any) -> Any:
    """The operands from the left: known ones as Python, traced ones by `joined`."""
    for thunk in thunks:
        if traced(x):
            x = joined(x, thunk)
        elif decides(x):
            return x
        else:
            x = thunk()
    return x


def _truths(operation: Any, line: int) -> Any:
    def joined(x: Any, thunk: Any) -> Any:
        y = path(thunk, line)()
        return operation(predicate(x), predicate(y) if traced(y) else bool(y))

    return joined


def _of_booleans(x: Any, thunk: Any, operation: Any, line: int) -> Any:
    """The operation on two booleans, without a branch; None where they are none."""
    if x.dtype != bool:
        return None
    other = Staged(path(lambda: (thunk(),), line))
    if other.trees[0] is None or len(other.types) != 1:
        return None
    if other.types[0].dtype != bool or other.types[0].shape != x.shape:
        return None
    return operation(x, *other([0], [bool]))


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(operator, name) for name in
       ("lt", "le", "gt", "ge", "eq", "ne", "is_", "is_not")},
    "in": lambda x, y: x in y,
    "not in": lambda x, y: x not in y,
}  # fmt: skip


def compared(line: int, x: Any, name: str, y: Any, *rest: Any) -> Any:
    """`x < y < ...`: names of operations, the later operands as functions."""
    first = _OPERATIONS[name](x, y)
    if not rest:
        return first
    name, thunk, *rest = rest
    others = lambda: compared(line, y, name, thunk(), *rest)
    return both(line, first, others) if traced(first) else first and others()


def known(test: Any, line: int, why: str) -> bool:
    """A test that stays Python's; its error says why."""
    return bool(decided(test, line, why))


def decided(x: Any, line: int, why: str) -> Any:
    """A value whose truth stays Python's; the error says why."""
    try:
        bool(x)
    except errors.TracerBoolConversionError as error:
        error.args = (f"{error.args[0]} Line {line} was not converted: {why}.",)
        raise
    return x


def check(test: Any, text: Any) -> None:
    """`assert test, text`: of a traced test, or on a traced path, when it runs."""
    if not (traced(test) or staging()):
        assert test, text()
        return
    test = predicate(test) if traced(test) else cnp.asarray(bool(test))
    message = str(text()).replace("{", "{{").replace("}", "}}")
    check_value(test, message or "assertion failed")
