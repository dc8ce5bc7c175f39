"""Derivative rules whose exact zeros absorb: 0 * inf and 0 * nan are 0.

With `nan_safe_gradients`, a rule is run on marked tangents. Wherever it multiplies or
divides a marked value, the absorbing product takes the product's place; all else is as
it was. What is recorded of the rule then absorbs in reverse mode and in higher orders as
well, because the absorbing product is bilinear and its own transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import Tracer, aval_of
from ..runtime import _native
from .arithmetic import absorbing_mul_p, div_p, mul_p


class MarkedTracer(Tracer):
    """A tangent whose zeros absorb."""

    __slots__ = ("value",)

    def _concrete(self, kind: str) -> Any:
        value = self.value
        return value._concrete(kind) if isinstance(value, Tracer) else value

    def __repr__(self) -> str:
        return f"Marked<{self.aval.str_short()}>"


class AbsorbingTrace(_native.Trace):
    """Evaluates a rule on marked tangents."""

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        values = [self.bare(x) for x in args]
        if prim is mul_p:
            out = absorbing_mul_p(*values)
        elif prim is div_p:
            out = absorbing_mul_p(values[0], 1 / values[1])
        else:
            out = prim(*values, **params)
        return [self.mark(x) for x in out] if prim.multiple_results else self.mark(out)

    def mark(self, x: Any) -> Any:
        """`x`, marked; None is zero."""
        return None if x is None else MarkedTracer(self, aval_of(x), x)

    def bare(self, x: Any) -> Any:
        """`x` without its mark."""
        return x.value if type(x) is MarkedTracer and x._trace is self else x


def absorbing(rule: Callable[..., Any], tangents: Sequence[Any]) -> Any:
    """`rule(tangents)`, one or several tangents, with zeros that absorb."""
    trace = AbsorbingTrace()
    found = rule([trace.mark(t) for t in tangents])
    if isinstance(found, (list, tuple)):
        return [trace.bare(t) for t in found]
    return trace.bare(found)


__all__ = ["absorbing"]
