"""What passes have in common: renamed variables, and programs within programs.

An equation may hold programs among its parameters. A pass that descends replaces each
by what it makes of it, once per program; but only where the primitive runs its programs
as they are, which those with a rule `live` do. Others may differentiate them first, and
then a custom derivative must still be found in them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ...core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn

Pass = Callable[[ClosedJaxpr], ClosedJaxpr]


def renamed(eqn: JaxprEqn, env: dict[Any, Any]) -> JaxprEqn:
    """The equation with the operands that take the place of those in `env`."""
    invars = eqn.invars
    if not env or env.keys().isdisjoint(invars):
        return eqn
    return eqn.replace(invars=[env.get(v, v) for v in invars])


def rewritten(
    closed: ClosedJaxpr,
    eqns: list[JaxprEqn],
    env: dict[Any, Any] | None = None,
    run: Pass | None = None,
) -> ClosedJaxpr:
    """The program with these equations, its results renamed by `env`, and with `run`
    applied to the programs that the equations run; itself, if that is what it was."""
    jaxpr = closed.jaxpr
    if run is not None:
        eqns = [e if e.primitive.live is None else descend(e, run) for e in eqns]
    same = len(eqns) == len(jaxpr.eqns) and all(map(operator.is_, eqns, jaxpr.eqns))
    if same and not env:
        return closed
    outs = [env.get(v, v) for v in jaxpr.outvars] if env else jaxpr.outvars
    return ClosedJaxpr(jaxpr.replace(eqns=eqns, outvars=outs), closed.consts)


def read_counts(jaxpr: Jaxpr) -> dict[Any, int]:
    """How often each variable is read, by equations or as a result."""
    counts: dict[Any, int] = {}
    for atoms in (jaxpr.outvars, *(eqn.invars for eqn in jaxpr.eqns)):
        for v in atoms:
            counts[v] = counts.get(v, 0) + 1
    return counts


def descend(eqn: JaxprEqn, run: Pass) -> JaxprEqn:
    """The equation with `run` applied to the programs that it runs."""
    if eqn.primitive.live is None:
        return eqn
    changed = {
        key: made
        for key, value in eqn.params.items()
        if (made := _within(value, run)) is not value
    }
    return eqn.replace(params={**eqn.params, **changed}) if changed else eqn


def _within(value: Any, run: Pass) -> Any:
    if isinstance(value, ClosedJaxpr):
        return value.derived((run, "nested"), lambda: run(value))
    if isinstance(value, tuple) and any(isinstance(v, ClosedJaxpr) for v in value):
        made = tuple(_within(v, run) for v in value)
        return value if all(a is b for a, b in zip(made, value)) else made
    return value
