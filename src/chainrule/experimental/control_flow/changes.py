"""Statements that change objects or raise, on paths that traced values decide.

All paths of a converted statement are staged, so what one of them did to a list that the
others see would take effect always. Each path knows the containers that it made itself;
a change of any other object raises, at its line, and so does `raise`. On known values there is no path, and
all is Python's. The calls come from rewriting.py, the paths from conversion.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ...core import errors

_MUTABLE = (list, dict, set, bytearray, np.ndarray)


class _Path:
    """A path that is being staged: the line that decides, the containers it made."""

    def __init__(self, line: int):
        self.line = line
        self.made: dict[int, Any] = {}


_current: ContextVar[_Path | None] = ContextVar("path", default=None)


def path(fun: Callable[..., Any], line: int) -> Callable[..., Any]:
    """`fun` as a path that the traced value at `line` decides."""

    def on_path(*args: Any) -> Any:
        token = _current.set(_Path(line))
        try:
            return fun(*args)
        finally:
            _current.reset(token)

    return on_path


def staging() -> bool:
    """Whether a path is being staged that may not be taken."""
    return _current.get() is not None


def raised(error: Any, line: int) -> Any:
    """The exception of a `raise`, unless a traced value decides whether it runs."""
    inner = _current.get()
    if inner is None:
        return error
    shown = error if isinstance(error, type) else type(error)
    raise errors.TracerBoolConversionError(
        f"control_flow='convert': line {line} raises {shown.__name__}; a traced value at"
        f" line {inner.line} decides whether it runs, and all paths are staged. Use"
        " assert, which is checked when the program runs."
    )


def fresh(container: Any) -> Any:
    """A container that was just made, noted as the path's own."""
    inner = _current.get()
    if inner is not None:
        inner.made[id(container)] = container
    return container


def changed(target: Any, statement: str, line: int) -> Any:
    """The object that a statement changes; raises where other paths see it too."""
    inner = _current.get()
    if inner is None or id(target) in inner.made:
        return target
    raise errors.TracerBoolConversionError(
        f"control_flow='convert': line {line} is a statement that changes an object:"
        f" {statement}; a traced value at line {inner.line} decides whether it runs, and"
        " all paths are staged. Assign a new value to a name instead"
        " (x = x.at[0].set(v))."
    )


def called(target: Any, statement: str, line: int) -> Any:
    """The object whose method, named as one that changes containers, is called."""
    known = isinstance(target, _MUTABLE)
    return changed(target, statement, line) if known else target


def updated(target: Any, operator: str, statement: str, line: int) -> None:
    """The object of `target += ...`, which may be changed in place."""
    if hasattr(type(target), operator):
        changed(target, statement, line)
