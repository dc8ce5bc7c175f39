"""Inlining: called programs are written out in the caller.

Afterwards no equation calls a program that is known, neither here nor within loops and
branches, so that the other passes and the fusion of kernels see across the calls.
Equations keep the lines of the user's program.

What an equation calls is its parameter `primitive.called`, or the program that

    expansion(**params) -> ClosedJaxpr

gives: that of a primitive which other transformations treat as one operation, though it
stands for ordinary equations; or the one that its rule `compose` binds.
"""

from __future__ import annotations

from typing import Any

from ...core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, subjaxprs
from ...transforms.stage import stage_closed
from .nested import descend


def inline(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program without calls; the program itself if it has none."""
    jaxpr = closed.jaxpr
    if not any(map(_calls, jaxpr.eqns)):
        return closed
    writer = _Writer(list(jaxpr.constvars), list(closed.consts))
    env: dict[Any, Any] = {v: v for v in (*jaxpr.constvars, *jaxpr.invars)}
    outs = writer.run(jaxpr, env)
    made = Jaxpr(writer.constvars, jaxpr.invars, outs, writer.eqns)
    return ClosedJaxpr(made, writer.consts)


def _calls(eqn: JaxprEqn) -> bool:
    """Whether an equation stands for others, or has a program that may call others."""
    primitive = eqn.primitive
    if primitive.expansion is not None or primitive.compose is not None:
        return True
    return bool(eqn.params) and bool(subjaxprs(eqn.params))


def _called(eqn: JaxprEqn) -> ClosedJaxpr | None:
    name, expansion = eqn.primitive.called, eqn.primitive.expansion
    if expansion is not None:
        return expansion(**eqn.params)
    if eqn.primitive.compose is not None:
        return _composed(eqn)
    program = eqn.params.get(name) if name else None
    return program if isinstance(program, ClosedJaxpr) else None


def _composed(eqn: JaxprEqn) -> ClosedJaxpr:
    """What the primitive consists of, in the name of the equation's line."""
    fun = lambda *xs: [eqn.primitive.compose(*xs, **eqn.params)]
    closed, _ = stage_closed(fun, [v.aval for v in eqn.invars])
    eqns = [e.replace(frame=eqn.frame) for e in closed.jaxpr.eqns]
    return closed.replace(jaxpr=closed.jaxpr.replace(eqns=eqns))


class _Writer:
    """Collects the equations and constants of the flat program."""

    def __init__(self, constvars: list[Var], consts: list[Any]):
        self.constvars, self.consts = constvars, consts
        self.eqns: list[JaxprEqn] = []

    def run(self, jaxpr: Jaxpr, env: dict[Any, Any]) -> list[Any]:
        """Writes a program's equations; `env` says what its variables are called here."""

        def read(atom: Any) -> Any:
            return atom if type(atom) is Literal else env[atom]

        for eqn in jaxpr.eqns:
            inputs = [read(v) for v in eqn.invars]
            program = _called(eqn)
            if program is None:
                outs = [Var(v.aval) for v in eqn.outvars]
                env.update(zip(eqn.outvars, outs))
                self.eqns.append(
                    descend(eqn.replace(invars=inputs, outvars=outs), inline)
                )
                continue
            inner = dict(zip(program.jaxpr.invars, inputs))
            for v, value in zip(program.jaxpr.constvars, program.consts):
                inner[v] = Var(v.aval)
                self.constvars.append(inner[v])
                self.consts.append(value)
            env.update(zip(eqn.outvars, self.run(program.jaxpr, inner)))
        return [read(v) for v in jaxpr.outvars]
