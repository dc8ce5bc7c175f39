"""Dead code: equations whose results nobody reads are left out, effects excepted.

What has effects says its primitive's record; a `pure_callback` has none by its contract.

A loop or branch of which some results are read is cut down by its primitive's rule

    live(used, **params) -> (operands kept, results kept, params)

where `used` says which results are read, and the answer is in the order of the
equation's own operands and results.
"""

from __future__ import annotations

from typing import Any

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, has_effects
from .nested import rewritten


def eliminate_dead_code(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program without unread equations, loop carries and constants."""
    jaxpr = closed.jaxpr
    needed: set[Any] = set(jaxpr.outvars)
    effects = jaxpr.has_effects()
    kept: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        if not needed.isdisjoint(eqn.outvars) or (effects and has_effects(eqn)):
            kept.append(_cut_down(eqn, needed))
            needed.update(kept[-1].invars)
    closed = rewritten(closed, kept[::-1], run=eliminate_dead_code)
    pairs = [(v, c) for v, c in zip(jaxpr.constvars, closed.consts) if v in needed]
    if len(pairs) == len(closed.consts):
        return closed
    made = closed.jaxpr.replace(constvars=[v for v, _ in pairs])
    return ClosedJaxpr(made, [c for _, c in pairs])


def _cut_down(eqn: JaxprEqn, needed: set[Any]) -> JaxprEqn:
    """The equation without the results that nobody reads, where its rule allows."""
    if eqn.primitive.live is None:
        return eqn
    used = [v in needed for v in eqn.outvars]
    if all(used):
        return eqn
    ins, outs, params = eqn.primitive.live(used, **eqn.params)
    return eqn.replace(
        invars=[v for v, keep in zip(eqn.invars, ins) if keep],
        outvars=[v for v, keep in zip(eqn.outvars, outs) if keep],
        params=params,
    )
