"""Common subexpressions: an equation that repeats an earlier one takes its results.

Two equations are the same if primitive, parameters and operands are; constants are the
same if they are one object. Effects are never merged.
"""

from __future__ import annotations

from typing import Any

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, has_effects


def eliminate_common_subexpressions(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with every value computed once."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = {}
    first: dict[int, Any] = {}
    for v, value in zip(jaxpr.constvars, closed.consts):
        env[v] = first.setdefault(id(value), v)
        if env[v].aval != v.aval:
            env[v] = v
    seen: dict[Any, list[Any]] = {}
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        inputs = [v if type(v) is Literal else env.get(v, v) for v in eqn.invars]
        key = None if has_effects(eqn) else _key(eqn, inputs)
        found = seen.get(key) if key is not None else None
        if found is not None and all(
            a.aval == b.aval for a, b in zip(found, eqn.outvars)
        ):
            env.update(zip(eqn.outvars, found))
            continue
        if key is not None:
            seen[key] = list(eqn.outvars)
        same = all(a is b for a, b in zip(inputs, eqn.invars))
        eqns.append(eqn if same else eqn.replace(invars=inputs))
    outs = [v if type(v) is Literal else env.get(v, v) for v in jaxpr.outvars]
    return ClosedJaxpr(jaxpr.replace(eqns=eqns, outvars=outs), closed.consts)


def _key(eqn: JaxprEqn, inputs: list[Any]) -> Any:
    """What makes two equations the same; None where the parameters don't hash."""
    atoms = tuple(_literal_key(v) if type(v) is Literal else id(v) for v in inputs)
    key = (eqn.primitive, atoms, tuple(eqn.params.items()))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _literal_key(v: Literal) -> Any:
    """Literals by type and bits: -0.0 and 0.0 differ, NaN equals itself."""
    return v.aval, v.bits()
