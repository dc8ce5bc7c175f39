"""Python's operators on arrays: installed into the runtime's Array type at import.

The runtime handles the common eager cases itself; these functions are what it calls
for everything else: tracers, mixed dtypes, scalars that need promotion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.arithmetic import add_p, div_p, mul_p, sub_p
from ..ops.elementwise_logic import and_p, or_p, xor_p
from ..runtime import _native
from . import ufuncs_arithmetic as arithmetic
from . import ufuncs_logic as logic
from .contractions import matmul
from .promotion import inexact_operands, promote_operands

Function = Callable[..., Any]


def _binary(name: str, prim: Function) -> Function:
    def operator(x: Any, y: Any) -> Any:
        return prim(*promote_operands(name, x, y))

    return operator


def _true_divide(x: Any, y: Any) -> Any:
    return div_p(*inexact_operands("true_divide", x, y))


_operators: dict[str, Function] = {
    "add": _binary("add", add_p),
    "subtract": _binary("subtract", sub_p),
    "multiply": _binary("multiply", mul_p),
    "true_divide": _true_divide,
    "floor_divide": arithmetic.floor_divide,
    "remainder": arithmetic.remainder,
    "divmod": arithmetic.divmod,
    "power": arithmetic.power,
    "matmul": matmul,
    "negative": arithmetic.negative,
    "positive": arithmetic.positive,
    "absolute": arithmetic.absolute,
    "bitwise_and": _binary("bitwise_and", and_p),
    "bitwise_or": _binary("bitwise_or", or_p),
    "bitwise_xor": _binary("bitwise_xor", xor_p),
    "invert": logic.invert,
    "left_shift": logic.shift_left,
    "right_shift": logic.right_shift,
    "equal": _binary("equal", logic.equal_of),
    "not_equal": _binary("not_equal", logic.not_equal_of),
    "less": _binary("less", logic.less_of),
    "less_equal": _binary("less_equal", logic.less_equal_of),
    "greater": _binary("greater", logic.greater_of),
    "greater_equal": _binary("greater_equal", logic.greater_equal_of),
}


def install_operators() -> None:
    """Hands the operator functions to the runtime."""
    _native.install(_operators, {})
