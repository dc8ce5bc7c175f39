"""Which values to store, so that a program's residuals can be computed from them.

    chosen = sufficient(jaxpr, residuals, free, written, steps)

`chosen.again` is a program from the variables `chosen.stored` to the residuals. A
residual is among them, or is a cheap function of them and of the variables `free`,
which are there at no cost: arguments, and in a loop what depends on constants alone.
Those `written` in any case, as results, cost half. Equal equations are taken for one.

The choice is the cheapest by a count in the time that an addition takes on one byte:
storing costs NEAR or FAR for each byte; an equation costs what its primitive's record
says, `Primitive.work`, for each element of its result. This is a minimum cut: a variable
is an edge as expensive as storing it, behind one from the source as expensive as its
equation, and equations join operands to results by edges that cannot be cut. Where two
choices cost the same, more is stored. Values are those of the program: the equations
are its own, none has effects, and none is random.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ..core.jaxpr import Jaxpr, JaxprEqn, Literal
from .minimum_cut import SINK, SOURCE, Network

NEAR, FAR = 10.0, 20.0
"""What it costs to write a value and read it back, per byte: within a cache, beyond."""
CACHE = 1 << 21
"""Bytes of residuals that stay in a cache between forward and reverse mode."""


class Chosen(NamedTuple):
    """The variables to store, and the program from them to the residuals."""

    stored: list[Any]
    again: Jaxpr


def sufficient(
    jaxpr: Jaxpr, residuals: Sequence[Any], free: Collection[Any],
    written: Collection[Any] = (), steps: int = 1,
) -> Chosen | None:  # fmt: skip
    """The cheapest way to have the residuals of a program that runs `steps` times; None
    where that is to store each."""
    eqns, same = _merged(jaxpr)
    outs = [same.get(v, v) for v in residuals]
    values = [v for v in dict.fromkeys(outs) if _is_var(v)]
    byte = FAR if steps * sum(map(_nbytes, values)) > CACHE else NEAR
    written = {same.get(v, v) for v in written}
    again = _Choice(eqns, values, free, written, byte).again()
    if not again and len(values) == len(set(filter(_is_var, residuals))):
        return None
    eqns = [e for e in eqns if id(e) in again]
    made = {v for e in eqns for v in e.outvars}
    read = [v for e in eqns for v in e.invars]
    stored = [
        v for v in dict.fromkeys([*values, *read]) if _is_var(v) and v not in made
    ]
    return Chosen(stored, Jaxpr([], stored, outs, eqns))


def _is_var(v: Any) -> bool:
    return type(v) is not Literal


def _merged(jaxpr: Jaxpr) -> tuple[list[JaxprEqn], dict[Any, Any]]:
    """The equations, those that could be computed again without the ones that repeat an
    earlier one; and whose results the results of these are."""
    same: dict[Any, Any] = {}
    first: dict[Any, list[Any]] = {}
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        invars = [same.get(v, v) for v in eqn.invars]
        if eqn.primitive.work is not None:
            atoms = [v if _is_var(v) else (v.aval, v.bits()) for v in invars]
            key = eqn.primitive, *atoms, *eqn.params.items()
            found = first.setdefault(key, eqn.outvars)
            if found is not eqn.outvars:
                same.update(zip(eqn.outvars, found))
                continue
        eqns.append(eqn.replace(invars=invars))
    return eqns, same


def _nbytes(v: Any) -> int:
    return v.aval.size * v.aval.dtype.itemsize


class _Choice:
    """The network of a program's variables, as far as residuals depend on them."""

    def __init__(
        self, eqns: Sequence[JaxprEqn], values: Sequence[Any], free: Collection[Any],
        written: Collection[Any], byte: float,
    ):  # fmt: skip
        self.byte, self.written = byte, written
        self.made = {v: e for e in eqns for v in e.outvars if self._is_cheap(e, v)}
        self.there = {v for v in values if v not in self.made}.union(free)
        self.wanted = [v for v in values if v not in self.there]

    def again(self) -> set[int]:
        """The equations to compute again, by identity."""
        if not self.wanted:
            return set()
        beyond = self._network().beyond()
        found: set[int] = set()
        waiting = list(self.wanted)
        while waiting:
            v = waiting.pop()
            eqn = self.made.get(v)
            if eqn is not None and (v, "to compute") in beyond and id(eqn) not in found:
                found.add(id(eqn))
                waiting += self._read(eqn)
        return found

    def _network(self) -> Network:
        network = Network()
        waiting, seen = list(self.wanted), set[Any]()
        for v in waiting:
            network.add((v, "at hand"), SINK)
        while waiting:
            v = waiting.pop()
            if v in seen:
                continue
            seen.add(v)
            eqn = self.made.get(v)
            work = math.inf if eqn is None else _work(eqn, v)
            network.add(SOURCE, (v, "to compute"), work)
            network.add((v, "to compute"), (v, "at hand"), self._weight(v))
            for u in self._read(eqn) if eqn is not None else ():
                network.add((u, "at hand"), (v, "to compute"))
                waiting.append(u)
        return network

    def _read(self, eqn: JaxprEqn) -> list[Any]:
        return [v for v in eqn.invars if _is_var(v) and v not in self.there]

    def _is_cheap(self, eqn: JaxprEqn, v: Any) -> bool:
        return eqn.primitive.work is not None and _work(eqn, v) < self._weight(v)

    def _weight(self, v: Any) -> float:
        return self.byte * _nbytes(v) * (0.5 if v in self.written else 1.0)


def _work(eqn: JaxprEqn, v: Any) -> float:
    """What computing the result `v` costs; a vector of wide elements holds fewer."""
    width = max(u.aval.dtype.itemsize for u in (*eqn.invars, v))
    return eqn.primitive.work * v.aval.size * width
