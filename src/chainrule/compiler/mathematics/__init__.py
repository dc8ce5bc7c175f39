"""Mathematical functions as scalar expressions: our own, for every target.

One function per primitive, of and to an `Expr` of type f16, bf16, f32 or f64; the half
types go through f32. All are branch-free but for `rare` parts, so that they vectorise,
and err by two units in the last place at most (docs/accuracy.md has the table, which
`python -m tests.accuracy` writes; `tools/derive_polynomials.py` derives the
coefficients). Special values are IEEE's and NumPy's; subnormal numbers count.
"""

from __future__ import annotations

from .bessel import bessel_i0e, bessel_i1e
from .division import floor_divide, nextafter, rem, remainder
from .error_function import erf, erf_inv, erfc, erfcx
from .exponential import exp, exp2, expm1
from .exponential_sums import logaddexp, logaddexp2
from .gamma import digamma, lgamma
from .hyperbolic import acosh, asinh, atanh, cosh, logistic, sinh, tanh
from .inverse_trigonometric import acos, asin, atan, atan2
from .logarithm import log, log1p, log2, log10
from .normal_distribution import log_ndtr, ndtri
from .powers import integer_pow, pow
from .roots import cbrt, hypot, rsqrt
from .trigonometric import cos, sin, tan

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bessel_i0e",
    "bessel_i1e",
    "cbrt",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "erfcx",
    "exp",
    "exp2",
    "expm1",
    "floor_divide",
    "hypot",
    "integer_pow",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_ndtr",
    "logaddexp",
    "logaddexp2",
    "logistic",
    "ndtri",
    "nextafter",
    "pow",
    "rem",
    "remainder",
    "rsqrt",
    "sin",
    "sinh",
    "tan",
    "tanh",
]  # fmt: skip
