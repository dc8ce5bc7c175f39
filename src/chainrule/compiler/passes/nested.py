"""What passes have in common: renamed variables, and programs within programs.

An equation may hold programs among its parameters. A pass that descends replaces each
by what it makes of it, once per program; but only where the primitive runs its programs
as they are, which those with a rule `live` do. Others may differentiate them first, and
then a custom derivative must still be found in them.
"""

from __future__ import annotations

from collections import Counter
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


def results(jaxpr: Jaxpr, env: dict[Any, Any]) -> list[Any]:
    """The program's results, renamed."""
    return [env.get(v, v) for v in jaxpr.outvars]


def read_counts(jaxpr: Jaxpr) -> Counter[Any]:
    """How often each variable is read, by equations or as a result."""
    read = list(jaxpr.outvars)
    for eqn in jaxpr.eqns:
        read += eqn.invars
    return Counter(read)


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
