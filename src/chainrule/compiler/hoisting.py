"""Hoisting: what every step of a loop computes alike is computed once, before it.

Equations of a body that depend on the loop's constants alone are lowered around the
loop. What they make is passed to the body as further constants where it is worth a
buffer: reductions, products, elementwise values that are expensive, and what the body's
products would copy in another order at every step. What costs less than reading it from
memory stays in the body, composed into whatever reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..core.avals import update
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, has_effects
from .builder import EXPENSIVE
from .passes.dead_code import eliminate_dead_code
from .scalar_bodies import Outside
from .values import Constant, Lazy, Value


def hoist(
    program: Any, body: ClosedJaxpr, consts: Sequence[Value], certain: bool = False
) -> tuple[ClosedJaxpr, list[Value]]:
    """A body that computes less, and its constants, its first arguments. Unless the body
    is `certain` to run, it keeps what runs on the host: a callback may raise."""
    body, copies = _with_copies(body, len(consts))
    fixed = _invariant(body.jaxpr, len(consts))
    env = _lowered(program, body, fixed, consts, certain)
    for v in copies:
        if v in env:
            program.settle(env[v])
    made = [e for e in fixed if all(v in env for v in e.outvars)]
    heavy = [e for e in made if not all(_is_cheap(env[v]) for v in e.outvars)]
    if not heavy:
        return body, list(consts)
    gone = {v for e in heavy for v in e.outvars}
    left = [e for e in body.eqns if gone.isdisjoint(e.outvars)]
    given = [*gone, *body.jaxpr.invars]
    rest = body.jaxpr.replace(invars=given, eqns=left)
    cut = eliminate_dead_code(ClosedJaxpr(rest, body.consts))
    read = {*cut.jaxpr.outvars, *(v for e in cut.eqns for v in e.invars)}
    kept = [v for e in heavy for v in e.outvars if v in read]
    rest = cut.jaxpr.replace(invars=[*kept, *body.jaxpr.invars])
    return ClosedJaxpr(rest, cut.consts), [*(env[v] for v in kept), *consts]


def _with_copies(body: ClosedJaxpr, num_consts: int) -> tuple[ClosedJaxpr, list[Var]]:
    """The body with those constants transposed that its products would copy so, and the
    copies."""
    consts = {*body.jaxpr.constvars, *body.jaxpr.invars[:num_consts]}
    made: dict[Any, Var] = {}
    eqns: list[JaxprEqn] = []
    for eqn in body.eqns:
        rules = eqn.primitive.arrange
        avals = [v.aval for v in (*eqn.invars, *eqn.outvars)] if rules else []
        found = rules and rules.copied(*avals, **eqn.params)
        if found and eqn.invars[found[0]] in consts:
            k, order, params = found
            source = eqn.invars[k]
            copy = made.get((source, *order))
            if copy is None:
                shape = tuple(source.aval.shape[d] for d in order)
                copy = made[source, *order] = Var(update(source.aval, shape=shape))
                primitive, given = rules.permute(order)
                turned = {"primitive": primitive, "params": given}
                eqns.append(eqn.replace(invars=[source], outvars=[copy], **turned))
            invars = [copy if i == k else v for i, v in enumerate(eqn.invars)]
            eqn = eqn.replace(invars=invars, params=params)
        eqns.append(eqn)
    if not made:
        return body, []
    return ClosedJaxpr(body.jaxpr.replace(eqns=eqns), body.consts), list(made.values())


def _invariant(jaxpr: Jaxpr, num_consts: int) -> list[JaxprEqn]:
    """The equations that depend on constants alone."""
    known = {*jaxpr.constvars, *jaxpr.invars[:num_consts]}
    found: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        inputs = [v for v in eqn.invars if type(v) is not Literal]
        if all(v in known for v in inputs) and not has_effects(eqn):
            known.update(eqn.outvars)
            found.append(eqn)
    return found


def _lowered(
    program: Any, body: ClosedJaxpr, eqns: Sequence[JaxprEqn], consts: Sequence[Value],
    certain: bool,
) -> dict[Any, Value]:  # fmt: skip
    """The values of equations, made in the program around the loop."""
    reads = Counter(v for e in eqns for v in e.invars if type(v) is not Literal)
    jaxpr, outside = body.jaxpr, Outside(program)
    env: dict[Any, Value] = dict(zip(jaxpr.invars, consts))
    for v, array in zip(jaxpr.constvars, body.consts):
        if v in reads:
            env[v] = outside.constant(v.aval, array)

    def read(atom: Any) -> Value:
        if type(atom) is Literal:
            return Constant(atom.aval, program, atom.val)
        return env[atom]

    for eqn in eqns:
        if any(type(v) is not Literal and v not in env for v in eqn.invars):
            continue
        first = len(program.steps)
        made = program.equation(eqn, [read(v) for v in eqn.invars])
        if not certain and program.calls_python(first):
            continue
        for v, value in zip(eqn.outvars, made):
            env[v] = value
            if reads[v] > 1 and value.cost >= EXPENSIVE:
                program.keep(value)
    return env


def _is_cheap(value: Value) -> bool:
    """Whether a value is made where it is read for less than a load."""
    if isinstance(value, Lazy):
        return not value.anchor and value.cost < EXPENSIVE
    return isinstance(value, Constant)
