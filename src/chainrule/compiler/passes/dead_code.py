"""Dead code: equations whose results nobody reads are left out, effects excepted."""

from __future__ import annotations

from typing import Any

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal


def has_effects(eqn: JaxprEqn) -> bool:
    """Whether an equation is there for what it does: it has no results. What a
    `pure_callback` calls is pure by its contract, and need not be called."""
    return not eqn.outvars


def eliminate_dead_code(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program without unread equations and constants."""
    jaxpr = closed.jaxpr
    needed: set[Any] = {v for v in jaxpr.outvars if type(v) is not Literal}
    kept: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        if has_effects(eqn) or any(v in needed for v in eqn.outvars):
            kept.append(eqn)
            needed.update(v for v in eqn.invars if type(v) is not Literal)
    pairs = [(v, c) for v, c in zip(jaxpr.constvars, closed.consts) if v in needed]
    made = jaxpr.replace(eqns=kept[::-1], constvars=[v for v, _ in pairs])
    return ClosedJaxpr(made, [c for _, c in pairs])
