"""A program that remembers where its values come from; for reports.

Compiling needs no names and no lines, so `Program` keeps none. `Origins` is the same
lowering, with notes taken on the way: which equation made a value, and what variable
of the jaxpr it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.jaxpr import ClosedJaxpr, JaxprEqn
from ..core.printer import Names
from .components import Component
from .fusion import Cluster, Member
from .program import Program
from .updates import Piece
from .values import Constant, Lazy, Reduced, Stored, Value


class Origins(Program):
    """A lowered program with the origins of its values."""

    def __init__(self, closed: ClosedJaxpr):
        self._eqn_of: dict[Value, JaxprEqn] = {}
        self._eqn: JaxprEqn | None = None
        self._depth = 0
        self._order: dict[JaxprEqn, int] = {}
        self._vars: dict[Value, Any] = {}
        self._others: dict[Any, str] = {}
        super().__init__(closed)
        self._names = _names(closed)
        jaxpr = closed.jaxpr
        for value, var in (
            *zip(self.arguments, jaxpr.invars),
            *zip(self.constants, jaxpr.constvars),
        ):
            self._vars[value] = var

    def equation(self, eqn: JaxprEqn, operands: list[Value]) -> list[Value]:
        outer, self._eqn = self._eqn, eqn
        self._depth += 1
        self._order.setdefault(eqn, len(self._order))
        first = len(self.steps)
        try:
            values = super().equation(eqn, operands)
        finally:
            self._eqn = outer
            self._depth -= 1
        for value, var in zip(values, eqn.outvars):
            self._eqn_of.setdefault(value, eqn)
            if self._depth == 0:
                self._vars.setdefault(value, var)
        for step in self.steps[first:]:
            for v in () if isinstance(step, Cluster) else step.outputs:
                self._eqn_of.setdefault(v, eqn)
        return values

    def settle(self, v: Value) -> None:
        self._note(v)
        super().settle(v)

    def adopt(self, cluster: Cluster, member: Member, *rest: Any) -> None:
        for v in member.values:
            self._note(v)
        super().adopt(cluster, member, *rest)

    def _note(self, v: Value) -> None:
        if self._eqn is not None and not isinstance(v, Stored):
            self._eqn_of.setdefault(v, self._eqn)

    def name_of(self, v: Any, typed: bool = False) -> str:
        """The value's variable in the jaxpr; 'buf0', ... for what has none there."""
        if isinstance(v, tuple):
            return f"row_of_{self.name_of(v[1])}"
        if isinstance(v, (Component, Piece)):
            v = v.target
        var = self._vars.get(v)
        if var is not None:
            name = self._names[var]
        elif isinstance(v, Constant):
            name = str(v.array)
        else:
            name = self._others.setdefault(v, f"buf{len(self._others)}")
        return f"{name}:{_type_of(v)}" if typed else name

    def parts(self, step: Any) -> list[JaxprEqn]:
        """The equations that a cluster or a native step computes, in their order."""
        seen: dict[Value, None] = {}
        for member in step.members if isinstance(step, Cluster) else ():
            for v in member.values:
                self._collect(v, member, seen)
        values = seen if isinstance(step, Cluster) else step.outputs
        found = {self._eqn_of[v] for v in values if v in self._eqn_of}
        return sorted(found, key=self._order.__getitem__)

    def _collect(self, v: Value, member: Member, seen: dict[Value, None]) -> None:
        seen[v] = None
        stack = list(_operands(v, member))
        while stack:
            x = stack.pop()
            if x in seen or isinstance(x, Stored) or x.anchor:
                continue
            seen[x] = None
            stack.extend(_operands(x, None))


def _operands(v: Value, member: Member | None) -> Iterator[Value]:
    if member is not None and member.fold is not None:
        yield from member.fold.operands
    elif isinstance(v, Reduced):
        yield from v.fold.operands
    elif isinstance(v, Lazy):
        yield from v.operands


def _type_of(v: Value) -> str:
    if v.aval is not None:
        return v.aval.str_short()
    return f"{v.type}[{','.join(map(str, v.shape))}]"


def _names(closed: ClosedJaxpr) -> Names:
    """Names of the variables, as the printed program has them."""
    names, jaxpr = Names(), closed.jaxpr
    for v in (*jaxpr.constvars, *jaxpr.invars):
        names[v]
    for eqn, dying in zip(jaxpr.eqns, jaxpr.last_uses()):
        for v in eqn.outvars:
            if v not in dying:
                names[v]
    return names
