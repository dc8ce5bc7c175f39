"""What transpose rules see in the place of a tangent, and may hand back for a cotangent.

A `LinearTracer` is a variable of a recorded tangent program (transforms/linearize.py).
A transpose rule gets the equation's operands with unknowns as LinearTracers, asks
`is_linear(x)`, and may use `x.shape`, `x.dtype`, `x.aval`, nothing else of it. A
`SparseCotangent` is zero but for a part, and is added where what it is added to lies.
"""

from __future__ import annotations

from collections.abc import Callable
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


class SparseCotangent:
    """A cotangent of which most is zero: `add_to(x_bar)` is what it makes of the sum of
    those before it, or of None where it is the first."""

    __slots__ = ("add_to",)

    def __init__(self, add_to: Callable[[Any], Any]):
        self.add_to = add_to
