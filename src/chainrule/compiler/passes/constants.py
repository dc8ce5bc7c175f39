"""Constant folding: scalars computed from scalars written in the program.

The value is that of eager evaluation; larger constants are left to be computed, for
they are read faster than they are compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, has_effects
from .nested import renamed, rewritten


def fold_constants(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with scalar equations of literals replaced by literals."""
    env: dict[Any, Any] = {}
    eqns: list[JaxprEqn] = []
    for eqn in closed.jaxpr.eqns:
        made = renamed(eqn, env)
        if _foldable(made):
            value = eqn.primitive(*[v.val for v in made.invars], **eqn.params)
            (out,) = eqn.outvars
            if value.aval == out.aval:
                env[out] = Literal(value, out.aval)
                continue
        eqns.append(made)
    return rewritten(closed, eqns, env)


def _foldable(eqn: JaxprEqn) -> bool:
    inputs, primitive = eqn.invars, eqn.primitive
    if not inputs or type(inputs[0]) is not Literal:
        return False
    if any(type(v) is not Literal for v in inputs):
        return False
    if primitive.multiple_results or not primitive.lower or has_effects(eqn):
        return False
    out = eqn.outvars[0].aval
    return out.shape == () and isinstance(out.dtype, np.dtype)
