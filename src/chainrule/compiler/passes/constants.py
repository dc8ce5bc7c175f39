"""Constant folding: scalars computed from scalars written in the program.

The value is that of eager evaluation; larger constants are left to be computed, for
they are read faster than they are compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, has_effects


def fold_constants(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with scalar equations of literals replaced by literals."""
    jaxpr = closed.jaxpr
    env: dict[Any, Any] = {}
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        inputs = [v if type(v) is Literal else env.get(v, v) for v in eqn.invars]
        if _foldable(eqn, inputs):
            value = eqn.primitive(*[v.val for v in inputs], **eqn.params)
            (out,) = eqn.outvars
            if value.aval == out.aval:
                env[out] = Literal(value, out.aval)
                continue
        same = all(a is b for a, b in zip(inputs, eqn.invars))
        eqns.append(eqn if same else eqn.replace(invars=inputs))
    outs = [v if type(v) is Literal else env.get(v, v) for v in jaxpr.outvars]
    return ClosedJaxpr(jaxpr.replace(eqns=eqns, outvars=outs), closed.consts)


def _foldable(eqn: JaxprEqn, inputs: list[Any]) -> bool:
    primitive = eqn.primitive
    if primitive.multiple_results or not inputs or has_effects(eqn):
        return False
    out = eqn.outvars[0].aval
    scalar = out.shape == () and isinstance(out.dtype, np.dtype)
    return scalar and bool(primitive.lower) and all(type(v) is Literal for v in inputs)
