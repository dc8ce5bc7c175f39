"""Arrangement: products of arrays read and write their dimensions in the order they lie.

A transpose before a product, and a dimension of size 1 that is put in there, go into the
product's dimension numbers; a transpose of a product that nothing else reads goes into
the order of its operands. The terms of every sum stay the same. Two fields of a
primitive's record say what is needed, see ops/arranging.py:

    view(x_shape, out_shape, **params) -> for each dimension of the result, the operand's
        dimension that it is, None where it is a new one of size 1; None: it is no view.
        Dimensions that are left out have size 1
    arrange.operands(shapes, views, **params) -> params | None
        of the same product of what the operands are views of, sizes of 1 apart
    arrange.result(permutation, shapes, **params) -> (whether operands swap, params) | None
        of the product with its result's dimensions permuted
"""

from __future__ import annotations

from typing import Any

from ...core.avals import update
from ...core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from .nested import read_counts, rewritten


def arrange_contractions(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with transposes absorbed into products."""
    jaxpr = closed.jaxpr
    work = _Arrangement(jaxpr)
    for eqn in jaxpr.eqns:
        work.add(eqn)
    return rewritten(closed, work.written(), run=arrange_contractions)


class _Arrangement:
    """The equations of the new program; `made` is where each variable's stands."""

    def __init__(self, jaxpr: Jaxpr):
        self.reads = read_counts(jaxpr)
        products = [e for e in jaxpr.eqns if e.primitive.arrange is not None]
        self.factors = {v for e in products for v in e.invars if type(v) is not Literal}
        self.eqns: list[JaxprEqn | None] = []
        self.made: dict[Any, int] = {}

    def written(self) -> list[JaxprEqn]:
        """The equations that are left."""
        return [e for e in self.eqns if e is not None]

    def add(self, eqn: JaxprEqn) -> None:
        """Takes the next equation."""
        if eqn.primitive.arrange is not None:
            self._add_product(eqn)
        elif not (eqn.primitive.view is not None and self._turn(eqn)):
            self._append(eqn)

    def _append(self, eqn: JaxprEqn) -> None:
        for v in eqn.outvars:
            self.made[v] = len(self.eqns)
        self.eqns.append(eqn)

    def _origin(self, v: Any) -> JaxprEqn | None:
        place = None if type(v) is Literal else self.made.get(v)
        return None if place is None else self.eqns[place]

    # --- operands

    def _add_product(self, eqn: JaxprEqn) -> None:
        """A product, of what its operands are views of as far as it can be."""
        sources = [self._viewed(v) for v in eqn.invars]
        for taken in ((0, 1), (0,), (1,)):
            if all(sources[k] is not None for k in taken):
                found = self._of_sources(eqn, sources, taken)
                if found is not None:
                    self._take(eqn, *found)
                    return
        self._append(eqn)

    def _viewed(self, v: Any) -> Any:
        """What a value is a view of, and how."""
        origin = self._origin(v)
        view = _view(origin) if origin is not None else None
        return None if origin is None or view is None else (origin.invars[0], view)

    def _of_sources(self, eqn: JaxprEqn, sources: Any, taken: Any) -> Any:
        invars, views = (
            list(eqn.invars),
            [tuple(range(v.aval.ndim)) for v in eqn.invars],
        )
        for k in taken:
            invars[k], views[k] = sources[k]
        shapes = [v.aval.shape for v in invars]
        params = eqn.primitive.arrange.operands(shapes, views, **eqn.params)
        return None if params is None else (invars, params)

    def _take(self, eqn: JaxprEqn, invars: Any, params: Any) -> None:
        """Adds the product, whose operands may be views again; and a view behind it where
        sizes of 1 differ."""
        for old, new in zip(eqn.invars, invars):
            if old is not new:
                self.reads[old] -= 1
                self.reads[new] += 1
        (out,) = eqn.outvars
        aval = eqn.primitive.out_aval(tuple(v.aval for v in invars), params)
        product = eqn.replace(invars=invars, params=params)
        if aval.shape == out.aval.shape:
            self._add_product(product)
            return
        inner = Var(update(out.aval, shape=aval.shape))
        self.reads[inner] = 1
        self._add_product(product.replace(outvars=[inner]))
        primitive, given = eqn.primitive.arrange.reshape(out.aval.shape)
        self._append(eqn.replace(primitive=primitive, invars=[inner], params=given))

    # --- results

    def _turn(self, eqn: JaxprEqn) -> bool:
        """Whether a transpose has gone into the product that it alone reads."""
        (source,) = eqn.invars
        product = self._origin(source)
        if product is None or product.primitive.arrange is None:
            return False
        view = _view(eqn)
        if self.reads[source] != 1 or view is None or None in view:
            return False
        if len(view) != source.aval.ndim or not self.factors.isdisjoint(eqn.outvars):
            return False
        shapes = [v.aval.shape for v in product.invars]
        found = product.primitive.arrange.result(view, shapes, **product.params)
        if found is None:
            return False
        swapped, params = found
        invars = product.invars[::-1] if swapped else product.invars
        self.eqns[self.made[source]] = None
        self._append(product.replace(invars=invars, params=params, outvars=eqn.outvars))
        return True


def _view(eqn: JaxprEqn) -> Any:
    if eqn.primitive.view is None or len(eqn.invars) != 1:
        return None
    (x,), (out,) = eqn.invars, eqn.outvars
    if type(x) is Literal:
        return None
    return eqn.primitive.view(x.aval.shape, out.aval.shape, **eqn.params)
