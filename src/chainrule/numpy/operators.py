"""Python's operators on arrays: installed into the runtime's Array type at import.

The runtime handles the common eager cases itself; these functions are what it calls
for everything else: tracers, mixed dtypes, scalars that need promotion.
"""

from __future__ import annotations

from typing import Any, Callable

from ..core.primitive import Primitive
from ..ops.arithmetic import add_p, div_p, mul_p, neg_p, sub_p
from ..runtime import _native
from .promotion import promote_inexact, promote_operands


def _binary(name: str, prim: Primitive) -> Callable[[Any, Any], Any]:
    def operator(x: Any, y: Any) -> Any:
        return prim(*promote_operands(name, x, y))

    return operator


def install_operators() -> None:
    """Hands the operator functions to the runtime."""
    _native.install(
        {
            "add": _binary("add", add_p),
            "subtract": _binary("subtract", sub_p),
            "multiply": _binary("multiply", mul_p),
            "true_divide": lambda x, y: div_p(*promote_inexact("true_divide", x, y)),
            "negative": lambda x: neg_p(x),
        },
        {},
    )
