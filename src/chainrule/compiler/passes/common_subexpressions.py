"""Common subexpressions: an equation that repeats an earlier one takes its results.

Two equations are the same if primitive, parameters and operands are; constants are the
same if they are one object. Effects are never merged.
"""

from __future__ import annotations

from typing import Any

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, has_effects
from .nested import renamed, rewritten


def eliminate_common_subexpressions(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with every value computed once."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = {}
    first: dict[int, Any] = {}
    for v, value in zip(jaxpr.constvars, closed.consts):
        found = first.setdefault(id(value), v)
        if found is not v and found.aval == v.aval:
            env[v] = found
    effects = jaxpr.has_effects()
    seen: dict[Any, list[Any]] = {}
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        made = renamed(eqn, env)
        eqns.append(made)
        if effects and has_effects(eqn):
            continue
        key = _key(made)
        try:
            found = seen.setdefault(key, eqn.outvars)
        except TypeError:  # parameters that don't hash
            continue
        if found is eqn.outvars:
            continue
        if all(a.aval == b.aval for a, b in zip(found, eqn.outvars)):
            env.update(zip(eqn.outvars, found))
            eqns.pop()
        else:
            seen[key] = eqn.outvars
    return rewritten(closed, eqns, env)


def _key(eqn: JaxprEqn) -> Any:
    """What makes two equations the same."""
    atoms = [_literal_key(v) if type(v) is Literal else v for v in eqn.invars]
    return (eqn.primitive, *atoms, *eqn.params.items())


def _literal_key(v: Literal) -> Any:
    """Literals by type and bits: -0.0 and 0.0 differ, NaN equals itself."""
    return v.aval, v.bits()
