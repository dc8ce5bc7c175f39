"""Plans on disk: a program that some process compiled is not compiled again.

A plan's file lies beside those of its kernels (`cache`), under a digest of the program,
the processor and the sources of this package. It names kernels, routines of the runtime
and the program's constants, and says how they are called: what `Layout` holds. Who finds
one needs neither lowering nor scheduling, and imports nothing of them; where a kernel is
missing, or anything does not fit, the program is compiled as if there were no file.

A program that holds what has no lasting name, a function of the user's say, has no file.
"""

from __future__ import annotations

import enum
import functools
import os
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from ..core.primitive import registry
from ..runtime import _native
from . import cache, kernels
from .codegen import processor
from .layout import Layout, address_of, data_of, routine_at
from .sizes import Given

MOST_BYTES = 4096
"""Of a constant that the compiler made, to be written to a plan's file."""
_SOURCES = ("compiler", "control", "core", "ops", "runtime")
_plain = (int, str, bool, type(None))

MOST_FOUND = 64

found: deque[tuple[Jaxpr, tuple[int, ...]]] = deque(maxlen=MOST_FOUND)
"""Programs whose plans came from the disk, the last of them: see `families.plan_of`."""


class Nameless(Exception):
    """Something that another process could not find again."""


def find(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
    """The plan of a simplified program, if it is on disk; else None."""
    key = _key(closed, donated)
    data = None if key is None else cache.read(f"{key}.plan")
    if data is None:
        return None
    try:
        layout = _Reader(closed).read(_parsed(iter(data.decode().split(" "))))
    except Nameless:
        return None
    found.append((closed.jaxpr, donated))
    return layout.plan()


def keep(closed: ClosedJaxpr, donated: tuple[int, ...], layout: Layout) -> None:
    """Writes a program's plan to disk, if it can be named there."""
    key = _key(closed, donated)
    if key is None:
        return
    try:
        text = " ".join(_tokens(written(layout)))
    except Nameless:
        return
    cache.write(f"{key}.plan", text.encode())


# --- the key of a program ----------------------------------------------------------------


@functools.cache
def _version() -> str:
    """Tells the sources of this package from others: names, sizes, times of change."""
    root = os.path.dirname(os.path.dirname(__file__))
    parts = []
    for part in _SOURCES:
        for folder, folders, names in os.walk(os.path.join(root, part)):
            folders[:] = [f for f in folders if f != "__pycache__"]
            for name in sorted(names):
                at = os.stat(os.path.join(folder, name))
                parts.append(
                    f"{folder[len(root) :]}/{name} {at.st_size} {at.st_mtime_ns}"
                )
    native = os.stat(_native.__file__)
    return f"{sorted(parts)} {native.st_size} {native.st_mtime_ns}"


def _key(closed: ClosedJaxpr, donated: tuple[int, ...]) -> str | None:
    if not cache.has_plans():
        return None
    return closed.derived(("plan", donated), lambda: _digest(closed, donated))


def _digest(closed: ClosedJaxpr, donated: tuple[int, ...]) -> str | None:
    try:
        program = _Program(closed).text
    except Nameless:
        return None
    whole = f"{_version()}\n{processor.identity()}\n{donated}\n{program}"
    return _native.sha256(whole.encode()).hex()[:40]


class _Program:
    """`text`: all that a program's plan depends on, and nothing else; the values of its
    constants are given when the plan is read."""

    def __init__(self, closed: ClosedJaxpr):
        self._parts: list[str] = []
        self._vars: dict[Any, int] = {}
        self._jaxpr(closed.jaxpr)
        self.text = " ".join(self._parts)

    def _jaxpr(self, jaxpr: Jaxpr) -> None:
        for group in (jaxpr.constvars, jaxpr.invars):
            self._parts.append(f"{len(group)}:")
            for v in group:
                self._bound(v)
        for eqn in jaxpr.eqns:
            self._equation(eqn)
        self._parts.append("in")
        for v in jaxpr.outvars:
            self._atom(v)

    def _equation(self, eqn: JaxprEqn) -> None:
        name = eqn.primitive.name
        if registry.get(name) is not eqn.primitive:
            raise Nameless
        self._parts.append(f"{name}[")
        for k, value in eqn.params.items():
            self._parts.append(f"{k}=")
            self._parameter(value)
        self._parts.append("]")
        for v in eqn.invars:
            self._atom(v)
        for v in eqn.outvars:
            self._bound(v)
        self._parts.append(";")

    def _bound(self, v: Any) -> None:
        self._vars[v] = len(self._vars)
        self._aval(v.aval)

    def _atom(self, v: Any) -> None:
        if type(v) is Literal:
            self._parts.append(v.bits().hex())
            self._aval(v.aval)
        else:
            self._parts.append(f"%{self._vars[v]}")

    def _aval(self, aval: Any) -> None:
        shape = tuple(aval.shape)
        self._parts.append(f"{_name_of(aval.dtype)}{shape}{aval.weak_type:d}")

    def _parameter(self, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            self._parts.append(f"{type(value).__name__}(")
            for part in value:
                self._parameter(part)
            self._parts.append(")")
        elif type(value) is ClosedJaxpr and not value.consts:
            outer, self._vars = self._vars, {}
            self._parts.append("{")
            self._jaxpr(value.jaxpr)
            self._parts.append("}")
            self._vars = outer
        elif isinstance(value, enum.Enum):
            self._parts.append(f"{type(value).__name__}.{value.name}")
        elif isinstance(value, np.dtype):
            self._parts.append(value.name)
        elif type(value) in (*_plain, float) or isinstance(value, np.generic):
            self._parts.append(repr(value))
        else:
            raise Nameless


def _name_of(dtype: Any) -> str:
    if not isinstance(dtype, np.dtype):
        raise Nameless
    return dtype.name


# --- layouts as text --------------------------------------------------------------------------


def _tokens(x: Any) -> Iterator[str]:
    """Lists, names without spaces, whole numbers, truth values and None in words: a list
    is its length and its items. (To import `json` takes longer than to read a plan.)"""
    if type(x) is list:
        yield f"[{len(x)}"
        for part in x:
            yield from _tokens(part)
    else:
        yield f"'{x}" if type(x) is str else str(x)


_WORDS = {"None": None, "True": True, "False": False}


def _parsed(tokens: Iterator[str]) -> Any:
    """What the next words say."""
    word = next(tokens)
    if word[0] == "[":
        return [_parsed(tokens) for _ in range(int(word[1:]))]
    if word[0] == "'":
        return word[1:]
    return _WORDS[word] if word in _WORDS else int(word)


def written(x: Any) -> Any:
    """A layout, or a part of one, as lists that say in front what they are."""
    kind = type(x)
    if kind in _plain:
        return x
    if kind is tuple and x and x[0] == "kernel" and type(x[1]) is int:
        return ["routine", _routine(x[1]), *map(written, x[2:])]
    if kind in (tuple, list):
        return [kind.__name__, *map(written, x)]
    if kind is Layout:
        return ["layout", *map(written, x.parts())]
    if kind is _native.MachineCode:
        return ["code", x.name]
    if kind is Given:
        return ["given", x.number]
    if kind is np.ndarray:
        return _array(x)
    if isinstance(x, ShapedArray):
        return ["aval", _name_of(x.dtype), [*x.shape], x.weak_type]
    if isinstance(x, np.integer):
        return int(x)
    raise Nameless


def _routine(address: int) -> str:
    name = routine_at(address)
    if name is None:
        raise Nameless
    return name


def _array(x: np.ndarray) -> Any:
    """A constant that the compiler made; those of the program are `Given`."""
    if x.nbytes > MOST_BYTES or x.dtype.hasobject or x.dtype.fields:
        raise Nameless
    return ["array", x.dtype.name, list(x.shape), x.tobytes().hex()]


class _Reader:
    """The way back, for a program of which the constants are given."""

    def __init__(self, closed: ClosedJaxpr):
        self._consts = closed.consts
        self._codes: dict[str, Any] = {}

    def read(self, x: Any) -> Any:
        if type(x) is not list:
            return x
        kind, *parts = x
        if kind == "tuple":
            return tuple(map(self.read, parts))
        if kind == "list":
            return [*map(self.read, parts)]
        if kind == "layout":
            return Layout(*map(self.read, parts))
        if kind == "routine":
            return "kernel", address_of(parts[0]), *map(self.read, parts[1:])
        if kind == "code":
            return self._code(parts[0])
        if kind == "given":
            return data_of(self._consts[parts[0]])
        if kind == "aval":
            return ShapedArray(tuple(parts[1]), np.dtype(parts[0]), parts[2])
        dtype, shape, data = parts
        return np.frombuffer(bytes.fromhex(data), np.dtype(dtype)).reshape(shape)

    def _code(self, name: str) -> Any:
        """A kernel's code, which all steps that call it share."""
        if name not in self._codes:
            structure = kernels.recall(name)
            if structure is None:
                raise Nameless
            self._codes[name] = structure.code
        return self._codes[name]


__all__ = ["find", "found", "keep"]
