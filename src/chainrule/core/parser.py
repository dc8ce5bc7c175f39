"""Reading programs from the text that `printer` prints.

    program = "{ lambda" binders ";" binders ". let" equations "in (" atoms ") }"
    equation = binders "=" primitive ["[" key=value ... "]"] atoms

Equations end with a line or a semicolon. A nested program has its own scope. A program
with constvars is read as a `Jaxpr` (the text does not hold the constants' values), any
other as a `ClosedJaxpr`. Types are taken as printed, not derived: `checker` does that.
Invariant: printing what was read gives the text back, but for white space.
"""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..runtime._native import ShapedArray, wrap
from . import dtypes
from .jaxpr import ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, Var
from .primitive import registry
from .printer import RESERVED, records

_real = r"(?:nan|inf|\d+\.?\d*(?:e[+-]?\d+)?)"
_tokens = re.compile(
    rf"""(?P<space>[ \t\r]+)
    | (?P<line>\n|;)
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<complex>\((?:[+-]?{_real})?[+-]{_real}j\)|[+-]?{_real}j(?!\w))
    | (?P<number>[+-]?{_real}(?!\w))
    | (?P<word><lambda>|[A-Za-z_]\w*(?:[-.][A-Za-z_]\w*)*(?:<\w+>)?)
    | (?P<opaque><[^\n]*?>(?=[\s,)\]]|$))
    | (?P<punctuation>[][{{}}()=:,.])""",
    re.VERBOSE,
)
_short_dtypes = {
    ShapedArray((), d, False).str_short()[:-2]: d for d in dtypes.by_name.values()
}
_constants = {"True": True, "False": False, "None": None}


class Token(NamedTuple):
    """A word of the text: its kind (a group of `_tokens`, or "end") and its line."""

    kind: str
    text: str
    line: int


def parse(text: str, consts: Any = None) -> ClosedJaxpr | Jaxpr:
    """The program that `text` shows, in the notation of `print(make_jaxpr(f)(x))`.

    Args:
        text: one program, as printed.
        consts: the values of its constvars, where it has any and shall be closed.

    Returns:
        A ClosedJaxpr; a Jaxpr where there are constvars and no `consts`.

    Raises:
        ValueError: the text is not in the notation; the message gives the line.

    >>> program = parse("{ lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[] in (b,) }")
    >>> program.eqns[0].primitive
    mul
    """
    reader = _Reader(text)
    reader.skip_lines()
    jaxpr = reader.program()
    reader.skip_lines()
    if reader.next.kind != "end":
        raise reader.error("the end of the text after the program")
    if jaxpr.constvars and consts is None:
        return jaxpr
    return ClosedJaxpr(jaxpr, () if consts is None else consts)


def _tokenize(text: str) -> list[Token]:
    found: list[Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _tokens.match(text, at)
        if match is None:
            raise ValueError(f"parse: line {line}: cannot read {text[at : at + 20]!r}.")
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind, match.group(), line))
        line += kind == "line" and match.group() == "\n"
        at = match.end()
    return [*found, Token("end", "the end of the text", line)]


class _Reader:
    """A recursive descent over the tokens; `scope` maps names to variables."""

    def __init__(self, text: str):
        self.tokens = _tokenize(text)
        self.at = 0
        self.scope: dict[str, Var] = {}

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        """Takes the next token if it is `text`."""
        if self.next.text != text or self.next.kind == "string":
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.error(repr(text))

    def word(self, what: str) -> str:
        if self.next.kind != "word":
            raise self.error(what)
        return self.take().text

    def error(self, wanted: str) -> ValueError:
        token = self.next
        return ValueError(
            f"parse: line {token.line}: expected {wanted}; got {token.text!r}."
        )

    def skip_lines(self) -> None:
        while self.next.kind == "line":
            self.at += 1

    def sequence(self, close: str, item: Callable[[], Any]) -> list[Any]:
        """Items up to `close`, separated by commas or, for programs, by lines."""
        found: list[Any] = []
        self.skip_lines()
        while not self.accept(close):
            found.append(item())
            self.skip_lines()
            if not self.accept(",") and self.next.text not in (close, "{"):
                raise self.error(f"',' or {close!r}")
            self.skip_lines()
        return found

    def program(self) -> Jaxpr:
        """A program, in a scope of its own."""
        outer, self.scope = self.scope, {}
        self.expect("{")
        self.expect("lambda")
        constvars = self.binders(";")
        invars = self.binders(".")
        self.expect("let")
        eqns: list[JaxprEqn] = []
        self.skip_lines()
        while not self.accept("in"):
            eqns.append(self.equation())
            if self.next.text != "in" and self.next.kind != "line":
                raise self.error("the end of the equation")
            self.skip_lines()
        self.expect("(")
        outvars = self.sequence(")", self.atom)
        self.skip_lines()
        self.expect("}")
        self.scope = outer
        return Jaxpr(constvars, invars, outvars, eqns)

    def binders(self, close: str) -> list[Var]:
        found: list[Var] = []
        while not self.accept(close):
            found.append(self.binder())
        return found

    def binder(self) -> Var:
        """`name:type`, which brings a variable into scope; `_` is one nobody reads."""
        name = self.word("a variable")
        if name in RESERVED or name in self.scope:
            self.at -= 1
            raise self.error("a name that is not taken")
        self.expect(":")
        if name == "_":
            return DropVar(self.type())
        var = self.scope[name] = Var(self.type())
        return var

    def type(self) -> Any:
        """`f32[2,3]`."""
        name = self.word("a dtype")
        if name not in _short_dtypes:
            self.at -= 1
            raise self.error("a dtype such as f32")
        self.expect("[")
        return ShapedArray(self.shape(), _short_dtypes[name], False)

    def shape(self) -> tuple[int, ...]:
        return tuple(self.sequence("]", self.size))

    def size(self) -> int:
        if not self.next.text.isdigit():
            raise self.error("the size of a dimension")
        return int(self.take().text)

    def equation(self) -> JaxprEqn:
        outvars: list[Var] = []
        first = self.at
        while self.next.kind == "word" and self.tokens[self.at + 1].text == ":":
            outvars.append(self.binder())
        if self.at > first:
            self.expect("=")
        name = self.word("a primitive")
        if name not in registry:
            self.at -= 1
            raise self.error("the name of a primitive")
        params: dict[str, Any] = {}
        if self.accept("["):
            self.skip_lines()
            while not self.accept("]"):
                key = self.word("a parameter")
                self.expect("=")
                params[key] = self.value()
                self.skip_lines()
        atoms: list[Any] = []
        while self.next.kind not in ("line", "end") and self.next.text != "in":
            atoms.append(self.atom())
        return JaxprEqn(registry[name], atoms, params, outvars)

    def atom(self) -> Any:
        """A variable in scope, or a literal with its type."""
        name = self.next.text
        if self.next.kind == "word" and name not in RESERVED:
            if name not in self.scope:
                raise self.error("a variable that is bound before")
            return self.scope[self.take().text]
        value = self.value()
        self.expect(":")
        aval = self.type()
        if aval.dtype == dtypes.float0:
            return Literal(np.zeros((), dtypes.float0), aval)
        return Literal(wrap(np.asarray(value).astype(aval.dtype)), aval)

    def value(self) -> Any:
        """A parameter's value."""
        kind, text, _ = self.next
        if text == "{":
            jaxpr = self.program()
            return jaxpr if jaxpr.constvars else ClosedJaxpr(jaxpr, ())
        if kind == "opaque" and text[11:-1] in registry:
            return registry[self.take().text[11:-1]]
        if kind == "opaque":
            raise ValueError(
                f"parse: line {self.next.line}: {text} is a Python object, which the text"
                " does not hold (custom_jvp rules and callbacks are such objects); stage"
                " the function again instead of reading its print."
            )
        if kind not in ("string", "number", "complex", "word") and text != "(":
            raise self.error("a value")
        self.take()
        if kind == "word":
            return self.named(text)
        if kind == "string":
            return ast.literal_eval(text)
        if kind == "complex":
            return complex(text)
        if kind == "number":
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        return tuple(self.sequence(")", self.value))

    def named(self, text: str) -> Any:
        """What a bare word stands for: a constant, dtype, record, type or string."""
        if text in _constants:
            return _constants[text]
        if text in dtypes.by_name:
            return dtypes.by_name[text]
        cls, _, member = text.partition(".")
        record: Any = records.get(cls, object)
        if member and issubclass(record, enum.Enum):
            return record[member]
        if text in records and self.accept("("):
            return records[text](**dict(self.sequence(")", self.field)))
        if text in _short_dtypes and self.accept("["):
            return ShapedArray(self.shape(), _short_dtypes[text], False)
        if member or self.next.text in ("(", "["):
            self.at -= 1
            raise self.error("a class that core.printer.readable has been told of")
        return text

    def field(self) -> tuple[str, Any]:
        name = self.word("a field")
        self.expect("=")
        return name, self.value()


__all__ = ["parse"]
