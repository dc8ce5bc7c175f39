"""Special functions: gamma, beta, zeta, error and Bessel functions of real arguments.

Values come from the runtime's ufuncs. Derivatives close over the family: each is made
of members of it, or of exp and log; one that has no closed form in them is Missing.
Formulas: NIST Digital Library of Mathematical Functions, chapters 5, 7, 8, 10, 25.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.primitive import Missing
from .elementwise_complex import abs_p, sign_p
from .elementwise_exponential import exp_p, log1p_p, log_p
from .elementwise_logic import and_p
from .elementwise_powers import square_p
from .elementwise_rules import constant, special
from .elementwise_selection import select

# --- gamma and zeta ------------------------------------------------------------------

lgamma_p = special(
    "lgamma",
    "log |Gamma(x)|",
    lambda y, x: digamma_p(x),
)
digamma_p = special(
    "digamma",
    "Gamma'(x) / Gamma(x)",
    lambda y, x: polygamma_p(constant(1, x), x),
)
polygamma_p = special(
    "polygamma",
    "the m-th derivative of digamma at x; m a nonnegative integer, as a float",
    Missing("polygamma: no derivative in the order m is defined"),
    lambda y, m, x: polygamma_p(m + 1, x),
    cost=400.0,
)
zeta_p = special(
    "zeta",
    "the Hurwitz zeta function: the sum of (q + k)**-x over k = 0, 1, ...",
    Missing("zeta: no derivative in the exponent x is defined"),
    lambda y, x, q: -x * zeta_p(x + 1, q),
    cost=400.0,
)


def _gamma_density(a: Any, x: Any) -> Any:
    """d/dx of the lower regularised gamma: x**(a-1) e**-x / Gamma(a); 1 at (1, 0)."""
    corner = and_p(x == 0, a == 1)
    base = select(corner, constant(1, x), x)
    return exp_p((a - 1) * log_p(base) - x - lgamma_p(a))


igamma_p = special(
    "igamma",
    "the lower regularised incomplete gamma function P(a, x)",
    lambda y, a, x: igamma_grad_a_p(a, x),
    lambda y, a, x: _gamma_density(a, x),
    cost=500.0,
)
igammac_p = special(
    "igammac",
    "the upper regularised incomplete gamma function Q(a, x)",
    lambda y, a, x: -igamma_grad_a_p(a, x),
    lambda y, a, x: -_gamma_density(a, x),
    cost=500.0,
)
_second = Missing("igamma: second derivatives in the shape a are not defined")
igamma_grad_a_p = special(
    "igamma_grad_a",
    "the derivative of P(a, x) in a",
    _second,
    _second,
    cost=800.0,
)
_sampled = Missing("random_gamma_grad: second derivatives are not defined")
random_gamma_grad_p = special(
    "random_gamma_grad",
    "the derivative in a of a gamma variate x at fixed P(a, x)",
    _sampled,
    _sampled,
    cost=800.0,
)


# --- beta ----------------------------------------------------------------------------

_shape = Missing("betainc: derivatives in the shapes a and b are not defined")


def _beta_density(y: Any, a: Any, b: Any, x: Any) -> Any:
    """x**(a-1) (1-x)**(b-1) / B(a, b)."""
    log_beta = lgamma_p(a) + lgamma_p(b) - lgamma_p(a + b)
    return exp_p((b - 1) * log1p_p(-x) + (a - 1) * log_p(x) - log_beta)


betainc_p = special(
    "betainc",
    "the regularised incomplete beta function I_x(a, b)",
    _shape,
    _shape,
    _beta_density,
    symbol="regularized_incomplete_beta",
    cost=600.0,
)


# --- error function and its relatives ------------------------------------------------

_gauss = 2 / math.sqrt(math.pi)

erf_p = special(
    "erf",
    "2/sqrt(pi) times the integral of exp(-t**2) from 0 to x",
    lambda y, x: _gauss * exp_p(-square_p(x)),
)
erfc_p = special(
    "erfc", "1 - erf(x), exact for large x",
    lambda y, x: -_gauss * exp_p(-square_p(x)),
)  # fmt: skip
erf_inv_p = special(
    "erf_inv", "the x whose erf is given", lambda y, x: exp_p(square_p(y)) / _gauss,
)  # fmt: skip


# --- the normal distribution ---------------------------------------------------------


def _erfcx_partial(y: Any, x: Any) -> Any:
    """2 x y - 2/sqrt(pi), for large x by its series, where these cancel."""
    large = x > 12
    safe = select(large, x, constant(12, x))
    r = 0.5 / square_p(safe)
    tail = r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r)))))
    return select(large, -_gauss * tail, 2 * x * y - _gauss)


erfcx_p = special(
    "erfcx", "exp(x**2) erfc(x), the scaled erfc", _erfcx_partial,
)  # fmt: skip
log_ndtr_p = special(
    "log_ndtr",
    "the logarithm of the standard normal distribution function",
    lambda y, x: math.sqrt(2 / math.pi) / erfcx_p(-math.sqrt(0.5) * x),
)
ndtri_p = special(
    "ndtri",
    "the quantile of the standard normal distribution",
    lambda y, x: math.sqrt(2 * math.pi) * exp_p(0.5 * square_p(y)),
)


# --- Bessel --------------------------------------------------------------------------


def _bessel_i1e_partial(y: Any, x: Any) -> Any:
    """I1e'(x) = I0e(x) - I1e(x) (sign(x) + 1/x), whose limit at 0 is 1/2."""
    tiny = abs_p(x) < 1e-30
    safe = select(tiny, constant(1, x), x)
    away = bessel_i0e_p(safe) - y * (sign_p(safe) + 1 / safe)
    return select(tiny, constant(0.5, x), away)


bessel_i0e_p = special(
    "bessel_i0e",
    "exp(-|x|) I0(x), the scaled modified Bessel function of order 0",
    lambda y, x: bessel_i1e_p(x) - sign_p(x) * y,
)
bessel_i1e_p = special(
    "bessel_i1e",
    "exp(-|x|) I1(x), the scaled modified Bessel function of order 1",
    _bessel_i1e_partial,
)

__all__ = [
    "bessel_i0e_p", "bessel_i1e_p", "betainc_p", "digamma_p", "erf_inv_p", "erf_p",
    "erfc_p", "erfcx_p", "igamma_grad_a_p", "igamma_p", "igammac_p", "lgamma_p",
    "log_ndtr_p", "ndtri_p", "polygamma_p", "random_gamma_grad_p", "zeta_p",
]  # fmt: skip
