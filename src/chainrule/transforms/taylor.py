"""Taylor mode: each value is a truncated power series in one parameter t.

A value is x_0 + x_1 t + ... + x_n t^n with arrays x_k (normalised coefficients; None is
zero). Linear primitives act coefficient by coefficient, bilinear ones by the Cauchy
product, and some have a rule of their own. Any other primitive needs only its
derivative: y' = f'(x) x' gives k y_k = [t^(k-1)] f'(x(t)) x'(t), whose right side
depends on x_0..x_k and y_0..y_(k-1) alone. Its jvp rule runs once, on series whose
coefficients are made when they are asked for, y's own among them (Griewank and Walther,
Evaluating Derivatives, 2008, section 13.2). The cost is O(n^2) products where the rule
is made of arithmetic and of y, O(n^3) at most, not 2^n as for nested jvp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from ..core.avals import aval_of, tangent_aval
from ..core.dtypes import is_inexact
from ..ops.structure import (
    Series,
    absorbing_if_chosen,
    broadcast_to,
    instantiate,
    known_terms,
    scaled_by,
)
from ..runtime import _native
from .jvp import PrimalTracer, tangent_of


class TaylorTracer(PrimalTracer):
    """A power series; `primal` is x_0, `tangent` the whole Series."""

    __slots__ = ()


class TaylorTrace(_native.Trace):
    """Propagates power series up to the fixed order n.

    The coefficients of the user's values are made at once; those of values inside of
    derivative rules (`in_rule`) wait, because they may depend on the rule's output.
    """

    def __init__(self, order: int):
        super().__init__()
        self.order, self.in_rule = order, 0

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if prim.taylor_call is not None:
            return prim.taylor_call(self, prim, args, **params)
        series = [self.series(x) for x in args]
        y = prim(*[s[0] for s in series], **params)
        rows = Series([y])
        if not prim.multiple_results:
            rows.more = self._terms(prim, rows, [rows], series, params)
            return self.box(rows)
        parts = [rows.part(i) for i in range(len(y))]
        rows.more = self._terms(prim, rows, parts, series, params)
        return [self.box(s) for s in parts]

    def series(self, x: Any) -> Series:
        """The series of a value; constants have only x_0."""
        if type(x) is TaylorTracer and x._trace is self:
            return x.tangent
        return Series([x])

    def coefficients(self, x: Any) -> list[Any]:
        """The n + 1 coefficients of a value."""
        series = self.series(x)
        return [series[k] for k in range(self.order + 1)]

    def box(self, series: Series) -> Any:
        """A tracer for the series; x_0 itself where nothing else is nonzero."""
        x = series[0]
        aval = aval_of(x)
        if not is_inexact(tangent_aval(aval).dtype):
            return x
        if not self.in_rule:
            rest = [series[k] for k in range(1, self.order + 1)]
            if all(c is None for c in rest):
                return x
        return TaylorTracer(self, aval, x, series)

    def _terms(
        self, prim: Any, rows: Series, made: Any, series: Sequence[Series], params: Any
    ) -> Iterator[Any]:
        """The output's coefficients 1, 2, ..., by whichever rule the primitive has."""
        y = rows[0]
        terms = known_terms(prim, y, series, params)
        if terms is None:
            terms = self._from_derivative(prim, made, series, params)
        if prim.multiple_results:
            return terms
        shape = aval_of(y).shape
        return (t if t is None else _shaped(t, shape) for t in terms)

    def _from_derivative(
        self, prim: Any, made: Sequence[Series], series: Any, params: Any
    ) -> Iterator[Any]:
        """Terms from the derivative rule; see the module's docstring."""
        rates = self._rates(prim, made, series, params)
        for k in count(1):
            row = [None if r is None else r[k - 1] for r in rates]
            row = [t if t is None else scaled_by(t, 1.0 / k) for t in row]
            yield row if prim.multiple_results else row[0]

    def _rates(
        self, prim: Any, made: Sequence[Series], series: Any, params: Any
    ) -> list[Series | None]:
        """The series of dy/dt by output, from the derivative rule, run once."""
        self.in_rule += 1
        try:
            primals = [self.box(s) if s.more is not None else s[0] for s in series]
            dots = [
                None if p is s[0] else self._dot(s) for p, s in zip(primals, series)
            ]
            several = prim.multiple_results
            if all(t is None for t in dots):
                return [None] * len(made)
            if prim.jvp_call is not None:
                found = prim.jvp_call(primals, dots, **params)[1]
            else:
                ys = [self.box(s) for s in made]
                y = ys if several else ys[0]
                rule = lambda dots: tangent_of(prim, primals, dots, y, params)
                found = absorbing_if_chosen(rule, dots)
            found = found if several else [found]
            return [None if t is None else self.series(t) for t in found]
        finally:
            self.in_rule -= 1

    def _dot(self, series: Series) -> TaylorTracer:
        """The tangent of a value: its rate, whose first coefficient may be zero."""
        slope, aval = series.rate(), tangent_aval(aval_of(series[0]))
        slope.terms.append(instantiate(series[1], aval))
        next(slope.more)  # type: ignore[arg-type]
        return TaylorTracer(self, aval, slope[0], slope)


def _shaped(term: Any, shape: tuple[int, ...]) -> Any:
    return term if aval_of(term).shape == shape else broadcast_to(term, shape)


def taylor_flat(
    fun: Callable[..., Sequence[Any]], series: Sequence[Sequence[Any]], order: int
) -> list[list[Any]]:
    """The output series of a function on flat values given as power series.

    Series are lists of `order` + 1 coefficients, None for zero ones.
    """
    trace = TaylorTrace(order)
    try:
        given = [Series(list(s), iter([])) for s in series]
        outs = fun(*[trace.box(s) for s in given])
        return [trace.coefficients(x) for x in outs]
    finally:
        trace.alive = False
