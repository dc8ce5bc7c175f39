"""The scalar operations and functions that lowering rules use, as one namespace.

Rules receive this module as their argument `m`: `m.select(x > 0, x, 0)`, `m.exp(x)`.
"""

from __future__ import annotations

from typing import Any

from . import mathematics
from .affine import expression_index
from .expr import (
    BITS,
    FLOATS,
    SIGNED,
    UNSIGNED,
    Expr,
    all_of,
    any_of,
    bitcast,
    compare,
    const,
    convert,
    fma,
    maximum,
    minimum,
    node,
    rare,
    select,
    unary,
)  # fmt: skip
from .index import Index, number, ravel, unravel

__all__ = [
    "BITS", "FLOATS", "SIGNED", "UNSIGNED", "Expr", "Index", "all_of", "any_of",
    "bitcast", "compare", "const", "convert", "expression_index", "fma", "maximum",
    "minimum", "node", "number", "rare", "ravel", "select", "unary", "unravel",
    *mathematics.__all__,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Functions, loaded when they are first asked for."""
    found = globals()[name] = getattr(mathematics, name)
    return found
