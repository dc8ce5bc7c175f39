"""The mark of a linear unknown: what transpose rules see in the place of a tangent.

A `LinearTracer` is a variable of a recorded tangent program (transforms/linearize.py).
A transpose rule gets the equation's operands with unknowns as LinearTracers, asks
`is_linear(x)`, and may use `x.shape`, `x.dtype`, `x.aval`, nothing else of it.
"""

from __future__ import annotations

from typing import Any

from .avals import Tracer
from .errors import tracer_error


class LinearTracer(Tracer):
    """A tangent that is not known yet: a slot of a tape."""

    __slots__ = ("slot",)

    def _concrete(self, kind: str) -> Any:
        raise tracer_error(self, kind)

    def __repr__(self) -> str:
        return f"Tangent<{self.aval.str_short()}>"


def is_linear(x: Any) -> bool:
    """Whether operand `x` of a transpose rule is the unknown to transpose for."""
    return type(x) is LinearTracer
