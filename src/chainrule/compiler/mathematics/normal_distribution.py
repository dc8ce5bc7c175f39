"""ndtri and log_ndtr, the quantile and the log-probability of the normal distribution.

Both stand on the error functions: the square in exp(-x^2 / 2) and the factor sqrt(2) are
kept as pairs, since their rounding errors would count most in the tails.
"""

from __future__ import annotations

from ..expr import Expr, apart, convert, fma, rare, select
from .error_function import (
    erf_inv_centre,
    erfc_inv_tail,
    erfcx_pair,
    erfcx_short,
)
from .exponential import exp_parts, exp_short
from .formats import (
    F64,
    INF,
    NAN,
    absolute,
    copysign,
    for_formats,
    scale,
    two_product,
)
from .logarithm import log1p_short, log_1p_of_pair, log_normal, log_short

_SQRT2 = (float.fromhex("0x1.6a09e667f3bcdp0"), float.fromhex("-0x1.bdd3413b26456p-54"))
_SQRT_HALF = (
    float.fromhex("0x1.6a09e667f3bcdp-1"), float.fromhex("-0x1.bdd3413b26456p-55"),
)  # fmt: skip
_GAUSS = 1.1283791670955126  # 2 / sqrt(pi)


@for_formats
def ndtri(p: Expr) -> Expr:
    """The quantile: -sqrt(2) erfc_inv(2 p)."""
    single = p.type == "f32"
    wide = convert(p, "f64")
    four = 4.0 * wide
    product = fma(-four, wide, four)
    middle = fma(2.0, wide, -1.0)
    x, outside = erf_inv_centre(middle, product, single, _SQRT2[0])
    return rare(outside, apart(_ndtri_outside, p), convert(x, p.type))


def _ndtri_outside(p: Expr) -> Expr:
    """ndtri of a p next to 0 or 1, or beyond."""
    wide = convert(p, "f64")
    upper = wide > 0.5
    q = select(upper, 1.0 - wide, wide) * 2.0
    y, rest = erfc_inv_tail(q, p.type == "f32")
    x, lost = two_product(y, y * 0.0 + _SQRT2[0])
    x = x + fma(rest, _SQRT2[0], fma(y, _SQRT2[1], lost))
    x = select(q.eq(0.0), INF, select(q > 0.0, x, NAN))
    return convert(select(upper, x, -x), p.type)


@for_formats
def log_ndtr(x: Expr) -> Expr:
    """The logarithm of the distribution function.

    Left of 0 it is log(erfcx(z) / 2) - x^2 / 2, z = |x| / sqrt(2), both negative; right
    of it log(1 - erfcx(z) exp(-x^2 / 2) / 2), with x^2 exact.
    """
    single = x.type == "f32"
    x = convert(x, "f64")
    size = absolute(x)
    z = select(size > 2.0**500, 2.0**500, size) * _SQRT_HALF[0]
    if single:
        half_square = (size * 0.5) * size
        scaled = erfcx_short(z) * 0.5
        left = log_short(scaled) - half_square
        right = log1p_short(-scaled * exp_short(-half_square))
        return convert(select(x < 0.0, left, right), "f32")
    half_square, lost = two_product(size * 0.5, size)
    lost = select(size < 2.0**500, lost, 0.0)
    high, low = erfcx_pair(z)
    z_lost = fma(size, _SQRT_HALF[0], -z) + size * _SQRT_HALF[1]
    slope = fma(z + z, high, -_GAUSS)
    low = low + select(size < 2.0**20, z_lost * slope, 0.0)
    left = log_normal((high + low) * 0.5) - half_square - lost
    (p, rest), k = exp_parts((-half_square, -lost))
    product = p * high
    error = fma(p, high, -product) + fma(p, low, rest * high)
    right = log_1p_of_pair((-scale(product, k - 1, F64), -scale(error, k - 1, F64)))
    return select(x < 0.0, left, copysign(right, -size))
