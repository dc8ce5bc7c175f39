"""Printing programs in the notation of jaxprs.

    { lambda ; a:f32[3]. let b:f32[3] = mul a 2.0:f32[] in (b,) }

Every variable is printed with its type where it is bound; parameters stand in
brackets, sorted by name, programs last and indented. Weak types are not shown, as in
JAX's notation. `parser` reads all of it back, except what is no data: the constants'
values and Python functions, which print as `<function name>`.
"""

from __future__ import annotations

import enum
import re
from itertools import count
from typing import Any, TypeVar

import numpy as np

from ..runtime._native import ShapedArray
from . import dtypes

WIDTH = 88
RESERVED = frozenset({"in", "let", "lambda", "nan", "inf", "True", "False", "None"})
"""Words of the notation, which are neither variables nor bare strings."""

plain_word = re.compile(r"[A-Za-z_]\w*(?:-[A-Za-z_]\w*)*|<lambda>")
"""Strings printed without quotes."""

Record = TypeVar("Record", bound=type)
records: dict[str, type] = {}


def readable(cls: Record) -> Record:
    """Class decorator: lets `parser` read values of a named tuple or an enum."""
    records[cls.__name__] = cls
    return cls


def variable_name(index: int) -> str:
    """'a' to 'z', then 'ba', 'bb', ... : the index-th variable's name."""
    name = ""
    while True:
        index, digit = divmod(index, 26)
        name = chr(ord("a") + digit) + name
        if not index:
            return name


class Names:
    """Names of variables, given in the order they are first asked for."""

    def __init__(self) -> None:
        self._of: dict[Any, str] = {}
        self._free = filter(lambda n: n not in RESERVED, map(variable_name, count()))

    def __getitem__(self, var: Any) -> str:
        if var not in self._of:
            self._of[var] = next(self._free)
        return self._of[var]


def jaxpr_lines(jaxpr: Any) -> list[str]:
    """The lines of a program."""
    names = Names()

    def binder(var: Any) -> str:
        return f"{names[var]}:{var.aval.str_short()}"

    consts_text = " ".join(binder(v) for v in jaxpr.constvars)
    args_text = " ".join(binder(v) for v in jaxpr.invars)
    head = (
        f"{{ lambda {consts_text}; {args_text}. let"
        if consts_text
        else (f"{{ lambda ; {args_text}. let")
    )
    last = jaxpr.last_uses()
    body: list[str] = []
    for eqn, dying in zip(jaxpr.eqns, last):
        unused = {v for v in eqn.outvars if v in dying}
        outs = " ".join(
            f"_:{v.aval.str_short()}" if v in unused else binder(v) for v in eqn.outvars
        )
        body += eqn_lines(eqn, outs, names)
    outs = ", ".join(atom_text(v, names) for v in jaxpr.outvars)
    outs += "," if len(jaxpr.outvars) == 1 else ""
    if not body:
        return [f"{head.removesuffix(' let')} let in ({outs}) }}"]
    return [head, *("    " + line for line in body), f"  in ({outs}) }}"]


def atom_text(atom: Any, names: Names) -> str:
    """A variable's name, or a literal with its type."""
    if hasattr(atom, "val"):
        return f"{literal_text(atom.val)}:{atom.aval.str_short()}"
    return names[atom]


def literal_text(value: Any) -> str:
    """A scalar constant as the parser reads it."""
    value = np.asarray(value)
    if value.dtype == dtypes.float0:
        return "0"
    item = value.item()
    if type(item) not in (bool, int, float, complex):
        item = float(item)
    return str(item)


def eqn_lines(eqn: Any, outs: str, names: Names) -> list[str]:
    """The lines of `outs = primitive[params] operands`."""
    operands = " ".join(atom_text(v, names) for v in eqn.invars)
    lead = f"{outs} = " if outs else ""
    params = sorted(eqn.params.items(), key=lambda kv: (is_program(kv[1]), kv[0]))
    name = eqn.primitive.name
    if not any(is_program(v) for _, v in params):
        shown = " ".join(f"{k}={param_text(v)}" for k, v in params)
        bracket = f"[{shown}]" if shown else ""
        line = f"{lead}{name}{bracket} {operands}".rstrip()
        if len(line) + 4 <= WIDTH or not shown:
            return [line]
    lines = [f"{lead}{name}["]
    for key, value in params:
        lines += indented_param(key, value)
    return [*lines, f"] {operands}".rstrip()]


def indented_param(key: str, value: Any) -> list[str]:
    """One parameter on lines of its own, nested programs indented under it."""
    if not is_program(value):
        return [f"  {key}={param_text(value)}"]
    if isinstance(value, (tuple, list)):
        lines = [f"  {key}=("]
        for item in value:
            inner = jaxpr_lines(item.jaxpr)
            lines += ["      " + line for line in inner]
        return [*lines, "  )"]
    inner = jaxpr_lines(value.jaxpr)
    return [f"  {key}={inner[0]}", *("  " + line for line in inner[1:])]


def is_program(value: Any) -> bool:
    """Whether a parameter holds a program, or a non-empty sequence of programs."""
    if isinstance(value, (tuple, list)):
        return bool(value) and all(is_program(v) for v in value)
    return hasattr(value, "jaxpr") and hasattr(value.jaxpr, "eqns")


def param_text(value: Any) -> str:
    """A parameter's value as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        bare = plain_word.fullmatch(value) and not means_otherwise(value)
        return value if bare else repr(value)
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        record: Any = value
        fields = ", ".join(f"{k}={param_text(v)}" for k, v in record._asdict().items())
        return f"{type(value).__name__}({fields})"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(map(param_text, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, ShapedArray):
        return value.str_short()
    if isinstance(value, (type(None), bool, int, float, complex)):
        return repr(value)
    return dtype_text(value) or opaque_text(value)


def means_otherwise(word: str) -> bool:
    """Whether the parser would read a bare `word` as something else than a string."""
    return word in RESERVED or word in dtypes.by_name or word in records


def dtype_text(value: Any) -> str:
    """The name of a dtype or scalar type; '' for other values."""
    if isinstance(value, type) and issubclass(value, np.generic):
        value = np.dtype(value)
    if isinstance(value, np.dtype):
        return "float0" if value == dtypes.float0 else value.name
    return str(value) if getattr(value, "extended", False) else ""


def opaque_text(value: Any) -> str:
    """What is no data: shown, but not read back."""
    if callable(value) and hasattr(value, "__name__"):
        return f"<function {value.__name__}>"
    return f"<{type(value).__name__.lower()} {value}>"


def program_text(jaxpr: Any) -> str:
    """A program as text."""
    return "\n".join(jaxpr_lines(jaxpr))
