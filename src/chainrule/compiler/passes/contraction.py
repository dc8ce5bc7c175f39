"""Contraction: a product that only one sum reads is computed with it, rounded once.

a * b + c becomes fma(a, b, c), which takes no longer than the sum alone. It is decided
in the program and not by the code generator, so that a value is one number in whatever
kernels it is computed, and quick and thorough code give the same bits. What an
operation makes of its operands is said in its own record:

    contract(products, *operands) -> (taken, [(primitive, operands), ...]) | None

`products(v)` is the equation that makes `v`, if there is one reader; `taken` is the
operand that is needed no more; an operand None stands for the result before. Functions
compute as they are written: only equations are looked at, never what they consist of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from .nested import read_counts, rewritten


def contract_products(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with products contracted into the sums that read them."""
    jaxpr = closed.jaxpr
    products, taken = Products(jaxpr), set[Any]()
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        contract = eqn.primitive.contract
        found = contract and contract(products, *eqn.invars)
        if found:
            taken.add(found[0])
            eqns += _equations(eqn, found[1])
        else:
            eqns.append(eqn)
        products.note(eqn)
    if not taken.isdisjoint(products.made):
        eqns = [e for e in eqns if taken.isdisjoint(e.outvars)]
    return rewritten(closed, eqns, run=contract_products)


class Products:
    """Which equation makes a variable that is read once."""

    def __init__(self, jaxpr: Jaxpr):
        self.given = [*jaxpr.constvars, *jaxpr.invars]
        self.reads = read_counts(jaxpr)
        self.noted: list[JaxprEqn] = []
        self.made: dict[Any, JaxprEqn] = {}
        self._depth: dict[Any, tuple[int, int]] = {}
        self._deep = 0

    def note(self, eqn: JaxprEqn) -> None:
        """Remembers an equation."""
        self.noted.append(eqn)
        if len(eqn.outvars) == 1 and self.reads.get(eqn.outvars[0]) == 1:
            self.made[eqn.outvars[0]] = eqn

    def is_later(self, x: Any, y: Any) -> bool:
        """Whether `x` is at the end of a longer chain than `y`; of equal ones, of an
        earlier input: a loop's carry comes before its rows."""
        depth = self._depths()
        return depth[x] >= depth[y]

    def _depths(self) -> dict[Any, tuple[int, int]]:
        """Where what is known by now stands; few programs ask."""
        depth = self._depth
        if not depth:
            depth.update((v, (0, -k)) for k, v in enumerate(self.given))
        for eqn in self.noted[self._deep :]:
            depths = [depth[v] for v in eqn.invars if type(v) is not Literal]
            level, order = max(depths, default=(0, 0))
            depth.update((v, (level + 1, order)) for v in eqn.outvars)
        self._deep = len(self.noted)
        return depth

    def __call__(self, v: Any) -> JaxprEqn | None:
        return None if type(v) is Literal else self.made.get(v)


def _equations(
    eqn: JaxprEqn, steps: Sequence[tuple[Any, Sequence[Any]]]
) -> list[JaxprEqn]:
    """The steps that take the place of an equation, the last with its results."""
    made: list[JaxprEqn] = []
    for primitive, operands in steps:
        given = [made[-1].outvars[0] if v is None else v for v in operands]
        out = Var(given[0].aval)
        made.append(eqn.replace(primitive=primitive, invars=given, outvars=[out]))
    made[-1] = made[-1].replace(outvars=eqn.outvars)
    return made
