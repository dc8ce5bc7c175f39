"""Derivative rules whose exact zeros absorb: 0 * inf and 0 * nan are 0.

With `nan_safe_gradients`, a rule is run on marked tangents. A primitive that meets a
marked value gives place to its absorbing form, if it has one: products and quotients,
sums of products, linear recurrences, solutions of linear systems (absorbing_forms.py).
What is recorded of the rule then absorbs in reverse mode and in higher orders as well,
because the rules of the forms consist of forms again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import Tracer, aval_of
from ..core.config import options
from ..core.jaxpr import evaluate_jaxpr
from ..runtime import _native


class MarkedTracer(Tracer):
    """A tangent whose zeros absorb."""

    __slots__ = ("value",)

    def _concrete(self, kind: str) -> Any:
        value = self.value
        return value._concrete(kind) if isinstance(value, Tracer) else value

    def __repr__(self) -> str:
        return f"Marked<{self.aval.str_short()}>"


class AbsorbingTrace(_native.Trace):
    """Evaluates a rule on marked tangents, called programs equation by equation."""

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if prim.called == "jaxpr":
            program = params["jaxpr"]
            return evaluate_jaxpr(program.jaxpr, program.consts, args)
        values = [self.bare(x) for x in args]
        out = (prim.absorbing or prim)(*values, **params)
        return [self.mark(x) for x in out] if prim.multiple_results else self.mark(out)

    def mark(self, x: Any) -> Any:
        """`x`, marked; None is zero."""
        return None if x is None else MarkedTracer(self, aval_of(x), x)

    def bare(self, x: Any) -> Any:
        """`x`, or each of several, without its mark."""
        if isinstance(x, (list, tuple)):
            return [self.bare(v) for v in x]
        return x.value if type(x) is MarkedTracer and x._trace is self else x


Rule = Callable[[list[Any]], Any]


def absorbing(rule: Rule, values: Sequence[Any], where: Any = None) -> Any:
    """`rule(values)`, one result or lists of them; zeros of the values absorb, those at
    the positions `where` or all."""
    trace = AbsorbingTrace()
    marked = [
        trace.mark(x) if where is None or i in where else x
        for i, x in enumerate(values)
    ]
    return trace.bare(rule(marked))


def absorbing_if_chosen(rule: Rule, values: Sequence[Any], where: Any = None) -> Any:
    """`rule(values)`, with zeros that absorb if the option says so."""
    if options.nan_safe_gradients:
        return absorbing(rule, values, where)
    return rule(list(values))


__all__ = ["AbsorbingTrace", "absorbing", "absorbing_if_chosen"]
