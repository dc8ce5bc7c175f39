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
from .mathematics import (
    acos, acosh, asin, asinh, atan, atan2, atanh, bessel_i0e, bessel_i1e, cbrt, cos,
    cosh, digamma, erf, erf_inv, erfc, erfcx, exp, exp2, expm1, floor_divide, hypot,
    integer_pow, lgamma, log, log10, log1p, log2, log_ndtr, logaddexp, logaddexp2,
    logistic, ndtri, nextafter, pow, rem, remainder, rsqrt, sin, sinh, tan, tanh,
)  # fmt: skip

__all__ = [
    "BITS", "FLOATS", "SIGNED", "UNSIGNED", "Expr", "Index", "acos", "acosh", "all_of",
    "any_of", "asin", "asinh", "atan", "atan2", "atanh", "bessel_i0e", "bessel_i1e",
    "bitcast", "cbrt", "compare", "const", "convert", "cos", "cosh", "digamma", "erf",
    "erf_inv", "erfc", "erfcx", "exp", "exp2", "expm1", "expression_index",
    "floor_divide", "fma", "hypot", "integer_pow", "lgamma", "log", "log10", "log1p",
    "log2", "log_ndtr", "logaddexp", "logaddexp2", "logistic", "maximum", "minimum",
    "ndtri", "nextafter", "node", "number", "pow", "rare", "ravel", "rem", "remainder",
    "rsqrt", "select", "sin", "sinh", "tan", "tanh", "unary", "unravel",
]  # fmt: skip
