"""checkpoint equations: programs that are run again in reverse mode.

Linearizing one keeps its arguments and what the policy allows (checkpoint_policies.py),
and records one equation, whose program computes the other residuals anew and applies
the tangent program to them; so does its transpose. Values and derivatives are those of
the program. What computes anew stands behind barriers (ops/barrier.py), or a compiled
program would keep the first results instead.
"""

from __future__ import annotations

from typing import Any

from ..core.avals import aval_of
from ..core.jaxpr import ClosedJaxpr, Literal, has_effects
from ..ops.barrier import barrier_p
from .call import call_primitive, linear_programs, run, stage_program
from .checkpoint_policies import name_p
from .programs import inexact_tangents, needed_inputs, parts, pruned

checkpoint_p = call_primitive("checkpoint", "A staged function, recomputed in reverse.")


def _linearize(
    tape: Any, primals: Any, tangents: Any, *, jaxpr: Any, policy: Any,
    prevent_cse: bool, **params: Any,
) -> Any:  # fmt: skip
    dots = inexact_tangents(primals, tangents)
    nonzero = tuple(t is not None for t in dots)
    forward, tangent, read, out_dots = jaxpr.derived(
        ("recomputing", nonzero, policy, prevent_cse),
        lambda: _recomputing(jaxpr, nonzero, policy, prevent_cse),
    )
    params = {**params, "policy": policy, "prevent_cse": prevent_cse}
    outs = checkpoint_p(*primals, jaxpr=forward, **params)
    outs, saved = parts(outs, len(jaxpr.out_avals))
    given = [t for t in dots if t is not None]
    if not given or not any(out_dots):
        return outs, [None] * len(outs)
    kept = [x for x, r in zip(primals, read) if r]
    found = iter(checkpoint_p(*kept, *saved, *given, jaxpr=tangent, **params))
    return outs, [next(found) if nz else None for nz in out_dots]


checkpoint_p.linearize_call = _linearize


def _recomputing(
    jaxpr: ClosedJaxpr, nonzero: tuple[bool, ...], policy: Any, prevent_cse: bool
) -> Any:
    """primals -> (outs, saved), and (primals, saved, tangents) -> out tangents, with
    the primals that it reads, and says which these are; and the outs with tangents."""
    known, tangent, out_dots = linear_programs(jaxpr, nonzero)
    whole = known.jaxpr
    n_out = len(jaxpr.out_avals)
    residuals = whole.outvars[n_out:]
    saved = [v for v in _saveable(whole, policy) if v not in set(whole.invars)]
    again = whole.replace(invars=[*whole.invars, *saved], outvars=residuals)
    needed = needed_inputs(again, [True] * len(residuals), False)
    read, needed = parts(needed, len(whole.invars))
    saved = [v for v, keep in zip(saved, needed) if keep]
    forward = pruned(whole.replace(outvars=[*whole.outvars[:n_out], *saved]))
    given = [v for v, keep in zip(whole.invars, read) if keep]
    again = whole.replace(invars=[*given, *saved], outvars=residuals)
    again = known.replace(jaxpr=pruned(again, effects=False))

    def fun(*values: Any) -> list[Any]:
        given, dots = parts(values, len(again.in_avals))
        if prevent_cse:
            given = [barrier_p(x) for x in given]
        return run(tangent, *run(again, *given), *dots)

    dot_avals = tangent.in_avals[len(residuals) :]
    program = stage_program(fun, [*again.in_avals, *dot_avals])
    return known.replace(jaxpr=forward), program, read, out_dots


def _saveable(jaxpr: Any, policy: Any) -> list[Any]:
    """The results of equations that the policy says may be kept, and of those that must
    not run again: effects. A value with a name is kept as it was without: derivatives of
    what computed it read that."""
    found: list[Any] = []
    for eqn in jaxpr.eqns:
        avals = [aval_of(v) for v in eqn.invars]
        if has_effects(eqn):
            found += eqn.outvars
        elif policy is not None and policy(eqn.primitive, *avals, **eqn.params):
            found += eqn.invars if eqn.primitive is name_p else eqn.outvars
    return list(dict.fromkeys(v for v in found if type(v) is not Literal))
