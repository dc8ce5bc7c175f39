"""The scalar operations and functions that lowering rules use, as one namespace.

Rules receive this module as their argument `m`: `m.select(x > 0, x, 0)`, `m.exp(x)`.
"""

from __future__ import annotations

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
from .index import Index, expression_index, number, ravel, unravel
from .mathematics import *  # noqa: F403
from .mathematics import __all__ as _functions

__all__ = [
    "BITS", "FLOATS", "SIGNED", "UNSIGNED", "Expr", "Index", "all_of", "any_of", "bitcast",
    "compare", "const", "convert", "expression_index", "fma", "maximum", "minimum", "node", "number",
    "rare", "ravel", "select", "unary", "unravel", *_functions,
]  # fmt: skip
