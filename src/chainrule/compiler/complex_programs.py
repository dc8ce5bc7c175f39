"""Programs with complex numbers, written anew with their real and imaginary parts.

A complex variable is known whole, by its parts, or both; whichever is asked for and not
known is made then. An equation whose primitive has a parts rule is replaced by what the
rule does, staged; a loop or branch with complex operands gets those of its parts, by

    split(params, widths, split) -> params

where `widths` are the numbers (1 or 2) of what its operands become, and split(program)
is a program with its operands and results in parts. All else reads and makes whole values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from ..ops import (
    complex_functions,
    complex_inverses,
    complex_reductions,
    complex_sorting,
)
from ..ops.complex_parts import (
    Parts,
    apart,
    part_aval,
    parts_rule,
    together,
    typed,
)
from ..transforms.stage import stage_closed
from .passes.inline import inline
from .passes.nested import descend

complex_functions.declare()
complex_inverses.declare()
complex_reductions.declare()
complex_sorting.declare()


def in_parts(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program of the same type, which computes with parts."""
    writer = _Writer(closed, False)
    invars = closed.jaxpr.invars
    for v in invars:
        writer.whole[v] = v
    writer.run(closed.jaxpr.eqns)
    outs = [writer.read(v) for v in closed.jaxpr.outvars]
    return writer.program(invars, outs)


def split(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program that takes and returns parts in the place of complex values."""
    return closed.derived("in parts", lambda: _split(closed))


def _split(closed: ClosedJaxpr) -> ClosedJaxpr:
    writer = _Writer(closed, True)
    invars: list[Var] = []
    for v in closed.jaxpr.invars:
        if _is_complex(v):
            writer.parts[v] = Parts(Var(part_aval(v.aval)), Var(part_aval(v.aval)))
            invars += writer.parts[v]
        else:
            writer.whole[v] = v
            invars.append(v)
    writer.run(closed.jaxpr.eqns)
    outs = [part for v in closed.jaxpr.outvars for part in writer.flat(v)]
    return writer.program(invars, outs)


def _is_complex(v: Any) -> bool:
    return dtypes.is_complex(v.aval.dtype)


class _Writer:
    """Collects the equations of the new program; `whole` and `parts` say what the
    variables of the old one are called in it."""

    def __init__(self, closed: ClosedJaxpr, in_loop: bool):
        self.in_loop = in_loop
        self.constvars = list(closed.jaxpr.constvars)
        self.consts = list(closed.consts)
        self.values = dict(zip(self.constvars, self.consts))
        self.whole: dict[Any, Any] = {v: v for v in self.constvars}
        self.parts: dict[Any, Parts] = {}
        self.eqns: list[JaxprEqn] = []
        self.frame: Any = None

    def program(self, invars: Sequence[Var], outs: Sequence[Any]) -> ClosedJaxpr:
        """The new program."""
        made = Jaxpr(self.constvars, list(invars), list(outs), self.eqns)
        return ClosedJaxpr(made, self.consts)

    def run(self, eqns: Sequence[JaxprEqn]) -> None:
        """Writes equations in order."""
        for eqn in eqns:
            self.frame = eqn.frame
            self.equation(descend(eqn, split))

    def equation(self, eqn: JaxprEqn) -> None:
        """Writes one equation."""
        complex_in = [_is_complex(v) for v in eqn.invars]
        if not any(complex_in) and not any(map(_is_complex, eqn.outvars)):
            self.copy(eqn)
        elif eqn.primitive.split is not None:
            self.nest(eqn)
        elif (rule := self.rule(eqn)) is not None:
            self.replace(eqn, rule)
        else:
            self.copy(eqn)

    def rule(self, eqn: JaxprEqn) -> Any:
        """The parts rule of an equation, if it has one."""
        avals = [v.aval for v in eqn.invars]
        return parts_rule(eqn.primitive, avals, eqn.outvars[0].aval, self.in_loop)

    def copy(self, eqn: JaxprEqn) -> None:
        """Writes the equation as it is, of whole values."""
        outs = [Var(v.aval) for v in eqn.outvars]
        self.eqns.append(
            eqn.replace(invars=[self.read(v) for v in eqn.invars], outvars=outs)
        )
        self.whole.update(zip(eqn.outvars, outs))

    def nest(self, eqn: JaxprEqn) -> None:
        """Writes a loop or branch of parts."""
        widths = [1 + _is_complex(v) for v in eqn.invars]
        params = eqn.primitive.split(eqn.params, widths, split)
        ins = [part for v in eqn.invars for part in self.flat(v)]
        outs: list[Var] = []
        for v in eqn.outvars:
            made = [Var(part_aval(v.aval)) for _ in range(1 + _is_complex(v))]
            self.name(v, made)
            outs += made
        self.eqns.append(eqn.replace(invars=ins, outvars=outs, params=params))

    def replace(self, eqn: JaxprEqn, rule: Callable[..., Any]) -> None:
        """Writes what a parts rule does."""
        several = eqn.primitive.multiple_results
        is_complex = [_is_complex(v) for v in eqn.invars]

        def fun(*flat: Any) -> list[Any]:
            rest = iter(flat)
            xs = [
                Parts(next(rest), next(rest)) if c else next(rest) for c in is_complex
            ]
            found = rule(*xs, **eqn.params)
            found = found if several else [found]
            avals = [v.aval for v in eqn.outvars]
            return [p for x, aval in zip(found, avals) for p in typed(x, aval)]

        made = self.write(fun, [part for v in eqn.invars for part in self.flat(v)])
        rest = iter(made)
        for v in eqn.outvars:
            self.name(v, [next(rest) for _ in range(1 + _is_complex(v))])

    def write(self, fun: Callable[..., Any], atoms: Sequence[Any]) -> list[Any]:
        """Writes what a function does to atoms, in the name of the equation's line."""
        staged, _ = stage_closed(fun, [a.aval for a in atoms])
        staged = inline(staged)
        jaxpr = staged.jaxpr
        env: dict[Any, Any] = dict(zip(jaxpr.invars, atoms))
        for v, value in zip(jaxpr.constvars, staged.consts):
            self.constvars.append(v)
            self.consts.append(value)
        read = lambda a: a if type(a) is Literal else env.get(a, a)
        for e in jaxpr.eqns:
            ins = [read(a) for a in e.invars]
            self.eqns.append(e.replace(invars=ins, frame=self.frame))
        return [read(a) for a in jaxpr.outvars]

    def name(self, v: Any, made: Sequence[Any]) -> None:
        """Says what a variable's value is called, whole or in parts."""
        if len(made) == 2:
            self.parts[v] = Parts(*made)
        else:
            (self.whole[v],) = made

    def read(self, atom: Any) -> Any:
        """A value, whole."""
        if type(atom) is Literal:
            return atom
        if atom not in self.whole:
            (self.whole[atom],) = self.write(
                lambda re, im: [together(Parts(re, im))], self.parts[atom]
            )
        return self.whole[atom]

    def flat(self, atom: Any) -> Sequence[Any]:
        """A value in parts, or itself if it is not complex."""
        if not _is_complex(atom):
            return [self.read(atom)]
        if type(atom) is Literal:
            return self.constants(atom.aval, atom.val, as_literals=True)
        if atom not in self.parts:
            if atom in self.values:
                made = self.constants(atom.aval, self.values[atom])
            else:
                made = self.write(lambda x: [*apart(x)], [self.read(atom)])
            self.parts[atom] = Parts(*made)
        return self.parts[atom]

    def constants(self, aval: Any, value: Any, as_literals: bool = False) -> list[Any]:
        """The parts of a known value."""
        real = part_aval(aval)
        arrays = [f(np.asarray(value)).astype(real.dtype) for f in (np.real, np.imag)]
        if as_literals:
            return [Literal(x[()], real) for x in arrays]
        made = [Var(real), Var(real)]
        self.constvars += made
        self.consts += [np.ascontiguousarray(x).reshape(real.shape) for x in arrays]
        return made


__all__ = ["in_parts", "split"]
