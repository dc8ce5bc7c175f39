"""Mathematical functions as scalar expressions: our own, for every target.

One function per primitive, of and to an `Expr` of type f16, bf16, f32 or f64; the half
types go through f32. All are branch-free but for `rare` parts, so that they vectorise,
and err by two units in the last place at most (docs/accuracy.md has the table, which
`python -m tests.accuracy` writes; `tools/derive_polynomials.py` derives the
coefficients). Special values are IEEE's and NumPy's; subnormal numbers count.
"""

from __future__ import annotations

from .error_function import erf
from .exponential import exp, expm1
from .hyperbolic import logistic, tanh
from .logarithm import log, log1p
from .powers import integer_pow, pow, rsqrt
from .trigonometric import cos, sin, tan

__all__ = [
    "cos", "erf", "exp", "expm1", "integer_pow", "log", "log1p", "logistic", "pow",
    "rsqrt", "sin", "tan", "tanh",
]  # fmt: skip
