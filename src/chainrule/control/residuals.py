"""What reverse mode stores of a program, equation by equation.

The program is linearized once, under staging, and after each equation the tape is
looked at: values that new entries use are residuals. They are variables of the program
(operands or results) or values that only the derivative computes, and count once. What
they would cost to compute again is estimated from the types.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.avals import Tracer, aval_of, tangent_aval
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, subjaxprs
from ..core.linear import LinearTracer
from ..transforms.linearize import LinearizeTrace, LinearizeTracer
from .call import stage_program
from .jit import jit_p
from .segments import nbytes

FUNCTION = 8
"""Operations of an elementwise function, where an addition is one."""


class Residuals(NamedTuple):
    """Of one equation. `own`: bytes of values that are no variables of the program;
    `reads`: the variables that its derivative uses; `varying`: which operands have
    tangents; `cost`: operations that running it takes."""

    own: int
    reads: tuple[Any, ...]
    varying: tuple[bool, ...]
    cost: float


def flattened(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with jitted functions written out."""
    if not any(eqn.primitive is jit_p for eqn in closed.eqns):
        return closed

    def evaluate(program: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
        env = _environment(program, args)
        for eqn in program.eqns:
            values = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
            if eqn.primitive is jit_p:
                outs = evaluate(eqn.params["jaxpr"], values)
            else:
                outs = _bound(eqn, values)
            env.update(zip(eqn.outvars, outs))
        return [v.val if type(v) is Literal else env[v] for v in program.jaxpr.outvars]

    return stage_program(lambda *args: evaluate(closed, args), closed.in_avals)


def _environment(program: ClosedJaxpr, args: Sequence[Any]) -> dict[Any, Any]:
    env: dict[Any, Any] = dict(zip(program.jaxpr.constvars, program.consts))
    env.update(zip(program.jaxpr.invars, args))
    return env


def _bound(eqn: JaxprEqn, values: Sequence[Any]) -> list[Any]:
    out = eqn.primitive(*values, **eqn.params)
    return list(out) if eqn.primitive.multiple_results else [out]


def residuals_of(closed: ClosedJaxpr, nonzero: Sequence[bool]) -> list[Residuals]:
    """What each equation stores, where the arguments `nonzero` have tangents."""
    found: list[Residuals] = []

    def fun(*primals: Any) -> list[Any]:
        trace = LinearizeTrace()
        try:
            return _watched(closed, trace, primals, nonzero, found)
        finally:
            trace.alive = False

    stage_program(fun, closed.in_avals)
    return found


def _watched(
    closed: ClosedJaxpr, trace: LinearizeTrace, primals: Any, nonzero: Any,
    found: list[Residuals],
) -> list[Any]:  # fmt: skip
    """Runs the program on the trace; `found` gets what each equation stores."""
    variables: dict[int, Any] = {}
    held: list[Any] = []

    def note(v: Any, x: Any) -> None:
        primal = x.primal if _has_tangent(x) else x
        held.append(primal)
        variables.setdefault(id(primal), v)

    tangents = [
        trace.variable(tangent_aval(p.aval)) if nz else None
        for p, nz in zip(primals, nonzero)
    ]
    env = _environment(closed, [trace.pair(p, t) for p, t in zip(primals, tangents)])
    for v, x in env.items():
        note(v, x)
    for eqn in closed.eqns:
        values = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
        varying, before = tuple(map(_has_tangent, values)), len(trace.entries)
        outs = _bound(eqn, values)
        env.update(zip(eqn.outvars, outs))
        for v, x in zip(eqn.outvars, outs):
            note(v, x)
        used = [a for _, args, *_ in trace.entries[before:] for a in args]
        known = {id(a): a for a in used if _is_known(a)}
        reads = [variables[k] for k in known if variables.get(k) is not None]
        own = [a for k, a in known.items() if k not in variables]
        for a in own:  # counted; further equations may use it as well
            held.append(a)
            variables[id(a)] = None
        size = nbytes([aval_of(a) for a in own])
        found.append(Residuals(size, tuple(reads), varying, cost_of(eqn)))
    outs = [v.val if type(v) is Literal else env[v] for v in closed.jaxpr.outvars]
    return [x.primal if _has_tangent(x) else x for x in outs]


def _has_tangent(x: Any) -> bool:
    return type(x) is LinearizeTracer


def _is_known(x: Any) -> bool:
    return isinstance(x, Tracer) and type(x) is not LinearTracer


def cost_of(eqn: JaxprEqn) -> float:
    """About how many operations an equation takes."""
    programs = subjaxprs(eqn.params)
    if programs:
        steps = eqn.params.get("length", 1)
        return steps * max(sum(map(cost_of, p.jaxpr.eqns)) for p in programs)
    sizes = [v.aval.size for v in (*eqn.invars, *eqn.outvars)]
    prim = eqn.primitive
    if prim.bilinear and "dimension_numbers" in eqn.params:
        return _product_cost(eqn)
    if prim.partials is not None:
        curved = any(callable(p) for p in prim.partials)
        return max(sizes) * (FUNCTION if curved else 1)
    if prim.linear is None and not prim.bilinear:  # a decomposition, a sort, ...
        return max((v.aval.size * _extent(v.aval) for v in eqn.invars), default=0)
    return max(sizes)


def _product_cost(eqn: JaxprEqn) -> float:
    """Of a matrix product, or a convolution: two operations per pair of factors."""
    left, right = (v.aval for v in eqn.invars[:2])
    out = eqn.outvars[0].aval
    numbers = eqn.params["dimension_numbers"]
    if isinstance(numbers, tuple) and len(numbers) == 2:
        terms = math.prod(left.shape[i] for i in numbers[0][0])
    else:
        terms = right.size / max(right.shape)
    return 2.0 * out.size * terms


def _extent(aval: Any) -> int:
    return aval.shape[-1] if len(aval.shape) > 1 else FUNCTION
