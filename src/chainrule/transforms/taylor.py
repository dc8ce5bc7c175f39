"""Taylor mode: each value is a truncated power series in one parameter t.

A value is x_0 + x_1 t + ... + x_n t^n with arrays x_k (normalised coefficients; None is
zero). Linear primitives act coefficient by coefficient, bilinear ones by the Cauchy
product. Any other primitive needs only its derivative: from y' = f'(x) x' follows
k y_k = [t^(k-1)] f'(x(t)) x'(t), where the right side depends on x_0..x_k and on
y_0..y_(k-1) alone, so its jvp rule, run on series of growing order, gives y term by term
(Griewank and Walther, Evaluating Derivatives, 2008, section 13.2). The cost is
polynomial in n, not 2^n as for nested jvp. A primitive may give a faster rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import aval_of, tangent_aval
from ..core.dtypes import is_inexact
from ..ops.structure import add_tangents, instantiate, scaled_by
from ..runtime import _native
from .jvp import PrimalTracer, tangent_of

Series = list[Any]
"""Coefficients x_0, ..., x_n; None for zero ones, never for x_0."""


class TaylorTracer(PrimalTracer):
    """A power series; `primal` is x_0, `tangent` the list x_1, ..., x_n."""

    __slots__ = ()


class TaylorTrace(_native.Trace):
    """Propagates power series up to the fixed order n."""

    def __init__(self, order: int):
        super().__init__()
        self.order = order

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if prim.taylor_call is not None:
            return prim.taylor_call(*args, **params)
        series = [self.series(x) for x in args]
        if prim.taylor:
            found = prim.taylor(series, self.order, **params)
        elif prim.linear is not None:
            found = self.linear(prim, series, params)
        elif prim.bilinear:
            found = self.bilinear(prim, series, params)
        else:
            found = self.from_derivative(prim, series, params)
        if prim.multiple_results:
            return [self.box(s) for s in found]
        return self.box(found)

    def series(self, x: Any) -> Series:
        """The series of a value; constants have only x_0."""
        if type(x) is TaylorTracer and x._trace is self:
            return [x.primal, *x.tangent]
        return [x] + [None] * self.order

    def box(self, series: Series) -> Any:
        """A tracer for the series; x_0 itself where nothing else is nonzero."""
        if all(c is None for c in series[1:]):
            return series[0]
        return TaylorTracer(self, aval_of(series[0]), series[0], list(series[1:]))

    def linear(self, prim: Any, series: Sequence[Series], params: Any) -> Any:
        """Applies a linear primitive coefficient by coefficient."""
        where = prim.linear if prim.linear != () else range(len(series))
        constants = [s[0] for s in series]
        terms: list[Any] = []
        for k in range(self.order + 1):
            if all(series[i][k] is None for i in where):
                terms.append(None)
                continue
            args = list(constants)
            for i in where:
                args[i] = instantiate(series[i][k], aval_of(series[i][0]))
            terms.append(prim(*args, **params))
        return self.by_output(prim, terms)

    def by_output(self, prim: Any, terms: Sequence[Any]) -> Any:
        """Terms of all outputs, regrouped as one series per output."""
        if not prim.multiple_results:
            return list(terms)
        return [
            [None if t is None else t[i] for t in terms] for i in range(len(terms[0]))
        ]

    def bilinear(self, prim: Any, series: Sequence[Series], params: Any) -> Series:
        """The Cauchy product: y_k = sum over i + j = k of prim(a_i, b_j)."""
        a, b = series
        found: Series = []
        for k in range(self.order + 1):
            total = None
            for i in range(k + 1):
                if a[i] is not None and b[k - i] is not None:
                    total = add_tangents(total, prim(a[i], b[k - i], **params))
            found.append(total)
        return found

    def from_derivative(self, prim: Any, series: Sequence[Series], params: Any) -> Any:
        """y term by term from the derivative rule; see the module's docstring."""
        y = prim(*[s[0] for s in series], **params)
        several = prim.multiple_results
        found: list[Series] = [[v] for v in (y if several else [y])]
        for k in range(1, self.order + 1):
            for s, term in zip(found, self._next(prim, series, found, params, k)):
                s.append(None if term is None else scaled_by(term, 1.0 / k))
        return found if several else found[0]

    def _next(
        self, prim: Any, series: Any, found: Any, params: Any, k: int
    ) -> list[Any]:
        """Coefficient k - 1 of the output's derivative, per output."""
        trace = TaylorTrace(k - 1)
        primals = [trace.box(s[:k]) for s in series]
        tangents = [
            trace.box_tangent(_derivative(s[: k + 1])) if _varies(s, k) else None
            for s in series
        ]
        if all(t is None for t in tangents):
            return [None] * len(found)
        ys = [trace.box(s) for s in found]
        several = prim.multiple_results
        if prim.jvp_call is not None:
            _, dots = prim.jvp_call(primals, tangents, **params)
        else:
            y = ys if several else ys[0]
            dots = tangent_of(prim, primals, tangents, y, params)
        terms = [
            None if t is None else trace.series(t)[k - 1]
            for t in (dots if several else [dots])
        ]
        trace.alive = False
        return terms

    def box_tangent(self, series: Series) -> Any:
        """Like `box` for a series whose x_0 may be zero."""
        if series[0] is not None:
            return self.box(series)
        model = next(c for c in series if c is not None)
        return self.box([instantiate(None, aval_of(model)), *series[1:]])


def _varies(series: Series, k: int) -> bool:
    return any(c is not None for c in series[1 : k + 1]) and is_inexact(
        tangent_aval(aval_of(series[0])).dtype
    )


def _derivative(series: Series) -> Series:
    """The series of dx/dt: coefficients (k + 1) x_(k+1)."""
    return [
        None if c is None else scaled_by(c, float(i))
        for i, c in enumerate(series[1:], 1)
    ]


def taylor_flat(
    fun: Callable[..., Sequence[Any]], series: Sequence[Series], order: int
) -> list[Series]:
    """The output series of a function on flat values given as power series."""
    trace = TaylorTrace(order)
    try:
        outs = fun(*[trace.box(s) for s in series])
        return [trace.series(x) for x in outs]
    finally:
        trace.alive = False
