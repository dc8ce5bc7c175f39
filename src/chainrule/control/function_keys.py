"""Keys of functions: equal where two functions are sure to stage to the same program.

A loop's body is mostly a lambda or an inner function, made anew at each call. Its key
is its code and everything immutable that it refers to: closed-over values, defaults and
globals, by value or, for arrays and library objects, by identity. Where it refers to
something that may change without notice (a large NumPy array, an object of a user's
class) it has no key, and is staged again. Tracers that it closes over are keyed by type:
they become operands of the program.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.avals import ConcreteArray, Tracer
from ..runtime._native import PyTreeDef

MAX_BYTES = 256
"""NumPy arrays up to this size are keyed by their content."""

_package = os.path.dirname(os.path.dirname(__file__)) + os.sep
_libraries = tuple({sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")})
_exact = (int, bool, str, bytes, type(None), type(Ellipsis), np.dtype, PyTreeDef)


class _Changeable(Exception):
    """A value that may change without notice."""


class Same:
    """A key equal to that of the same object alone; keeps the object alive."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value) >> 4

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value


class _Walk:
    """The functions on the way to a value, and all tracers found so far."""

    __slots__ = ("functions", "tracers")

    def __init__(self) -> None:
        self.functions: list[Any] = []
        self.tracers: list[Any] = []

    def place(self, tracer: Any) -> int:
        """The number of a tracer, in the order they are met."""
        for i, other in enumerate(self.tracers):
            if other is tracer:
                return i
        self.tracers.append(tracer)
        return len(self.tracers) - 1


def function_key(fun: Any) -> tuple[Any, list[Any]] | None:
    """A hashable key of `fun` and the tracers it refers to; None where it has no key."""
    walk = _Walk()
    try:
        return _key(fun, walk), walk.tracers
    except _Changeable:
        return None


def _key(x: Any, outer: _Walk) -> Any:
    kind = type(x)
    if isinstance(x, Tracer):
        return Tracer, outer.place(x), x.aval
    if kind in _exact:
        return kind, x
    if kind in (float, complex) or isinstance(x, np.generic):
        return kind, repr(x), getattr(x, "dtype", None)
    if kind is types.FunctionType:
        return _function_key(x, outer)
    if kind in (tuple, list):
        return kind, *[_key(v, outer) for v in x]
    if kind is dict:
        return kind, *[(_key(k, outer), _key(v, outer)) for k, v in x.items()]
    if kind is functools.partial:
        return kind, *[_key(v, outer) for v in (x.func, x.args, x.keywords)]
    if kind is types.MethodType:
        return kind, _key(x.__func__, outer), _key(x.__self__, outer)
    if kind is np.ndarray and x.nbytes <= MAX_BYTES and x.dtype.kind in "biufc":
        return kind, x.dtype, x.shape, x.tobytes()
    if _is_fixed(x):
        return Same(x)
    raise _Changeable


def _is_fixed(x: Any) -> bool:
    """Whether an object stays as it is: an array, a class, or part of a library."""
    if isinstance(x, (ConcreteArray, types.BuiltinFunctionType, np.ufunc)):
        return True
    if isinstance(x, types.ModuleType):
        return is_library(getattr(x, "__file__", None), x.__name__)
    owner = x if isinstance(x, type) else type(x)
    return owner.__module__.partition(".")[0] in ("chainrule", "builtins") and (
        isinstance(x, type) or owner.__module__ != "builtins"
    )


def is_library(file: str | None, name: str) -> bool:
    """Whether a module or function of this file is a library's, not the user's."""
    if file is None:
        return name in sys.builtin_module_names
    return file.startswith((_package, *_libraries))


def _function_key(fun: Any, outer: _Walk) -> Any:
    for depth, other in enumerate(outer.functions):
        if other is fun:
            return "recursive", depth
    if len(outer.functions) > 20:
        raise _Changeable
    outer.functions.append(fun)
    found = _parts_of_function(fun, outer)
    outer.functions.pop()
    return found


def _parts_of_function(fun: Any, outer: _Walk) -> Any:
    code = fun.__code__
    found: list[Any] = [types.FunctionType, Same(code)]
    found.append(_key(fun.__defaults__, outer))
    found.append(_key(fun.__kwdefaults__, outer))
    for cell in fun.__closure__ or ():
        try:
            found.append(_key(cell.cell_contents, outer))
        except ValueError:
            raise _Changeable from None
    if not is_library(code.co_filename, ""):
        names = fun.__globals__
        for name in global_names(code):
            if name in names:
                found.append((name, _key(names[name], outer)))
    return tuple(found)


@functools.lru_cache(1024)
def global_names(code: types.CodeType) -> tuple[str, ...]:
    """The names that code, and the code of functions within, may look up globally."""
    return tuple(dict.fromkeys(_names(code)))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names(const)
