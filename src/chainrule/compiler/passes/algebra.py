"""Algebra: equations whose result is an operand, or that of a simpler equation.

Only what is exact to the last bit, for every input: x * 1 and x + -0.0 are x, but
x + 0.0 is not (of -0.0), and x * 0 is not 0 (of NaN). What an operation gains from its
operands is said in its own record:

    simplify(known, *operands, **params) -> operand | (primitive, operands, params) | None

`known.scalar(v)` is the number that `v` holds everywhere, if the program says so, and
`known.origin(v)` the equation that made it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.jaxpr import ClosedJaxpr, JaxprEqn, Literal
from .nested import renamed, rewritten


class Known:
    """What the pass knows of the atoms of a program."""

    def __init__(self) -> None:
        self._made: dict[Any, JaxprEqn] = {}
        self._scalars: dict[Any, Any] = {}

    def note(self, eqn: JaxprEqn) -> None:
        """Remembers an equation that stays."""
        for v in eqn.outvars:
            self._made[v] = eqn
        if eqn.primitive.keeps_scalars:
            value = self.scalar(eqn.invars[0])
            if value is not None:
                self._scalars[eqn.outvars[0]] = value

    def scalar(self, v: Any) -> Any:
        """The NumPy scalar that every element of `v` is; None if that is not known."""
        if type(v) is not Literal:
            return self._scalars.get(v)
        kind = getattr(v.aval.dtype, "kind", "")
        if kind not in "biuf":
            return None
        return np.asarray(v.val, v.aval.dtype)[()]

    def origin(self, v: Any) -> JaxprEqn | None:
        """The equation whose result `v` is."""
        return None if type(v) is Literal else self._made.get(v)


def simplify_algebra(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program without equations that compute nothing new."""
    known, env = Known(), {}
    eqns: list[JaxprEqn] = []
    for eqn in closed.jaxpr.eqns:
        made = _simplified(renamed(eqn, env), known)
        if isinstance(made, JaxprEqn):
            known.note(made)
            eqns.append(made)
        else:
            env[eqn.outvars[0]] = made
    return rewritten(closed, eqns, env, simplify_algebra)


def _simplified(eqn: JaxprEqn, known: Known) -> Any:
    """The equation, a simpler one of the same result, or the atom that the result is."""
    while eqn.primitive.simplify is not None:
        found = eqn.primitive.simplify(known, *eqn.invars, **eqn.params)
        if found is None:
            break
        if not isinstance(found, tuple):
            return found if found.aval == eqn.outvars[0].aval else eqn
        primitive, inputs, params = found
        eqn = eqn.replace(primitive=primitive, invars=list(inputs), params=params)
    return eqn
