"""Mathematical functions as scalar expressions: our own, for every target.

One function per primitive, of and to an `Expr` of type f16, bf16, f32 or f64; the half
types go through f32. All are branch-free but for `rare` parts, so that they vectorise,
and err by two units in the last place at most (docs/accuracy.md has the table, which
`python -m tests.accuracy` writes; `tools/derive_polynomials.py` derives the
coefficients). Special values are IEEE's and NumPy's; subnormal numbers count.

A family of functions is a module, loaded when a program first computes one of them.
"""

from __future__ import annotations

import importlib
from typing import Any

_FAMILIES = {
    "bessel": ("bessel_i0e", "bessel_i1e"),
    "count_variates": (
        "binomial_by_sums", "binomial_rejection", "poisson_by_products",
        "poisson_rejection",
    ),
    "division": ("floor_divide", "nextafter", "rem", "remainder"),
    "draws": ("counter", "key_at"),
    "error_function": ("erf", "erf_inv", "erfc", "erfcx"),
    "exponential": ("exp", "exp2", "expm1"),
    "exponential_sums": ("logaddexp", "logaddexp2"),
    "gamma": ("digamma", "lgamma"),
    "gamma_variates": ("gamma_variate", "log_gamma_variate"),
    "hypergeometric": ("hyp1f1", "hyp2f1"),
    "hyperbolic": ("cosh", "logistic", "sinh", "tanh"),
    "incomplete_beta": ("betainc",),
    "incomplete_gamma": ("igamma", "igamma_grad_a", "igammac", "random_gamma_grad"),
    "integers": ("gcd", "lcm"),
    "integrals": ("dawsn", "exp1", "expi", "expn", "spence"),
    "inverse_hyperbolic": ("acosh", "asinh", "atanh"),
    "inverse_trigonometric": ("acos", "asin", "atan", "atan2"),
    "logarithm": ("log", "log1p", "log2", "log10"),
    "normal_distribution": ("log_ndtr", "ndtri"),
    "powers": ("integer_pow", "pow"),
    "roots": ("cbrt", "hypot", "rsqrt"),
    "trigonometric": ("cos", "sin", "tan"),
    "trigonometric_integrals": (
        "cosine_integral", "fresnel_cosine", "fresnel_sine", "sine_integral",
    ),
    "zeta_function": ("polygamma", "zeta"),
}  # fmt: skip
_family_of = {name: family for family, names in _FAMILIES.items() for name in names}

__all__ = sorted(_family_of)


def __getattr__(name: str) -> Any:
    if name not in _family_of:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_family_of[name]}"), name)
    globals()[name] = found
    return found
