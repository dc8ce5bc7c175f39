"""The IR: a typed, first-order program in single-assignment form.

A `Jaxpr` maps `constvars` and `invars` to `outvars` through `eqns`; every variable is
bound once, before its uses, and carries its aval. Literals are scalars written into
the program. A `ClosedJaxpr` adds the values of the constvars. Records are immutable:
passes build new ones. `printer` shows them, `parser` reads that back, `checker`
re-derives every type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..runtime import _native
from . import printer, source
from .avals import aval_of
from .config import options


class Var(_native.Variable):
    """A variable: an identity with an aval."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Var({self.aval.str_short()})"


class DropVar(Var):
    """The variable of an output that nothing uses; printed as `_`."""

    __slots__ = ()


class Literal:
    """A scalar constant written in the program."""

    __slots__ = ("aval", "val")

    def __init__(self, val: Any, aval: Any):
        self.val = val
        self.aval = aval

    def __repr__(self) -> str:
        return f"Literal({self.val})"

    def bits(self) -> bytes:
        """The value in memory: -0.0 and 0.0 differ, and NaN is itself."""
        return np.asarray(self.val).tobytes()


Atom = Var | Literal


class JaxprEqn(_native.Equation):
    """`outvars = primitive[params] invars`, and the user's line it came from.

    JaxprEqn(primitive, invars, params, outvars, frame=None), frame as in source.py.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        names = printer.Names()
        outs = " ".join(f"{names[v]}:{v.aval.str_short()}" for v in self.outvars)
        return "\n".join(printer.eqn_lines(self, outs, names))

    @property
    def source_info(self) -> str:
        """'file.py:12 (function)' of the user's line that made this equation."""
        return source.text(self.frame)

    def replace(self, **changes: Any) -> JaxprEqn:
        """A copy with the given fields changed."""
        given = changes.pop
        made = JaxprEqn(
            given("primitive", self.primitive), given("invars", self.invars),
            given("params", self.params), given("outvars", self.outvars),
            given("frame", self.frame),
        )  # fmt: skip
        return JaxprEqn(**changes) if changes else made


class Jaxpr:
    """A program: `lambda constvars; invars. let eqns in outvars`."""

    __slots__ = ("_effects", "_last_uses", "constvars", "eqns", "invars", "outvars")

    def __init__(
        self,
        constvars: Sequence[Var],
        invars: Sequence[Var],
        outvars: Sequence[Atom],
        eqns: Sequence[JaxprEqn],
    ):
        self.constvars = list(constvars)
        self.invars = list(invars)
        self.outvars = list(outvars)
        self.eqns = list(eqns)
        self._last_uses: list[list[Var]] | None = None
        self._effects: bool | None = None

    @property
    def jaxpr(self) -> Jaxpr:
        return self

    @property
    def in_avals(self) -> list[Any]:
        return [v.aval for v in self.invars]

    @property
    def out_avals(self) -> list[Any]:
        return [v.aval for v in self.outvars]

    def __repr__(self) -> str:
        return printer.program_text(self)

    def pretty_print(self, **_: Any) -> str:
        """The program as text."""
        return printer.program_text(self)

    def has_effects(self) -> bool:
        """Whether an equation, or one within it, is there for what it does."""
        if self._effects is None:
            self._effects = any(map(has_effects, self.eqns))
        return self._effects

    def last_uses(self) -> list[list[Var]]:
        """Per equation, the variables that no later equation or output reads."""
        if self._last_uses is None:
            seen = {v for v in self.outvars if type(v) is not Literal}
            uses: list[list[Var]] = []
            for eqn in reversed(self.eqns):
                dying: list[Var] = []
                for v in (*eqn.invars, *eqn.outvars):
                    if type(v) is not Literal and v not in seen:
                        seen.add(v)
                        dying.append(v)
                uses.append(dying)
            self._last_uses = uses[::-1]
        return self._last_uses

    def replace(self, **changes: Any) -> Jaxpr:
        """A copy with the given fields changed."""
        fields = {n: getattr(self, n) for n in self.__slots__ if n[0] != "_"}
        return Jaxpr(**{**fields, **changes})


class ClosedJaxpr:
    """A program with the values of its constvars."""

    __slots__ = ("_derived", "consts", "jaxpr")

    def __init__(self, jaxpr: Jaxpr, consts: Sequence[Any]):
        if len(jaxpr.constvars) != len(consts):
            raise ValueError(
                f"ClosedJaxpr: {len(jaxpr.constvars)} constvars need as many consts;"
                f" got {len(consts)}."
            )
        self.jaxpr = jaxpr
        self.consts = list(consts)
        self._derived: dict[Any, Any] = {}

    @property
    def in_avals(self) -> list[Any]:
        return self.jaxpr.in_avals

    @property
    def out_avals(self) -> list[Any]:
        return self.jaxpr.out_avals

    @property
    def literals(self) -> list[Any]:
        return self.consts

    @property
    def eqns(self) -> list[JaxprEqn]:
        return self.jaxpr.eqns

    def replace(self, jaxpr: Jaxpr | None = None, consts: Any = None) -> ClosedJaxpr:
        """A copy with the given fields changed."""
        return ClosedJaxpr(
            self.jaxpr if jaxpr is None else jaxpr,
            self.consts if consts is None else consts,
        )

    def __repr__(self) -> str:
        return printer.program_text(self.jaxpr)

    def pretty_print(self, **_: Any) -> str:
        """The program as text."""
        return printer.program_text(self.jaxpr)

    def derived(self, key: Any, make: Any) -> Any:
        """`make()`, remembered under `key` for as long as this program lives."""
        key = (key, options.nan_safe_gradients)
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = make()
        return found


def evaluate_jaxpr(
    jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]
) -> list[Any]:
    """The outputs of `jaxpr` on `args`, by binding its equations in order.

    Every primitive is bound anew, so under a trace this re-traces the program; each in
    the name of the user's line that its equation came from.
    Values are dropped after their last use.
    """
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, consts))
    env.update(zip(jaxpr.invars, args))
    for eqn, dying in zip(jaxpr.eqns, jaxpr.last_uses()):
        values = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
        out = _native.bind_at(eqn.frame, eqn.primitive, values, eqn.params)
        if eqn.primitive.multiple_results:
            env.update(zip(eqn.outvars, out))
        else:
            env[eqn.outvars[0]] = out
        for v in dying:
            env.pop(v, None)
    return [v.val if type(v) is Literal else env[v] for v in jaxpr.outvars]


def subjaxprs(params: dict[str, Any]) -> list[Any]:
    """The programs among an equation's params."""
    found: list[Any] = []
    for value in params.values():
        if value is None or type(value) in (int, bool, str):
            continue
        if isinstance(value, (tuple, list)):
            found += [v for v in value if isinstance(v, (Jaxpr, ClosedJaxpr))]
        elif isinstance(value, (Jaxpr, ClosedJaxpr)):
            found.append(value)
    return found


def has_effects(eqn: JaxprEqn) -> bool:
    """Whether an equation is there for what it does, itself or by what it runs."""
    if eqn.primitive.effects:
        return True
    params = eqn.params
    return bool(params) and any(p.jaxpr.has_effects() for p in subjaxprs(params))


def literal(value: Any) -> Literal:
    """A literal holding the scalar `value`."""
    return Literal(value, aval_of(value))
