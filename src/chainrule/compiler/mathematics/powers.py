"""pow and integer_pow.

x**y is exp(y log x) with a logarithm of some 66 bits in f64 (compare Muller, "Elementary
Functions", section 12.1), and in f64 throughout for f32.
"""

from __future__ import annotations

import operator

from ...ops.power_series import repeated
from ..expr import Expr, apart, bitcast, convert, fma, node, rare, select, unary
from .exponential import (
    exp2_parts_short,
    exp2_short,
    exp_of_pair,
    exp_of_pair_normal,
)
from .formats import (
    F32,
    F64,
    INF,
    LN2_F64,
    NAN,
    Pair,
    absolute,
    bits,
    choose,
    clamp,
    copysign,
    for_formats,
    horner,
    not_within,
    pair_times,
    two_product,
    two_sum,
)
from .logarithm import LOG2_SHORT, log2_short, log_pair_normal, not_normal, split


def integer_pow(x: Expr, n: int) -> Expr:
    """x**n by repeated squaring, for integers as well if n >= 0."""
    if n < 0:
        return 1.0 / integer_pow(x, -n)
    if n == 0:
        return node("const", x.type, (), (1.0).hex() if x.type[0] in "fb" else 1)
    return repeated(operator.mul, x, n)


# --- pow -----------------------------------------------------------------------------
#
# The quick ways take a normal base above 0 and give up, by their second result, where
# the power is not a normal number; the careful ones take any base above 0.


def _quick_f32(x: Expr, y: Expr) -> Pair:
    """(x**y, its binary logarithm), in f64 but for the integer arithmetic."""
    m, e = split(x)
    f = convert(m - 1.0, "f64")
    log2 = fma(f, horner(f, LOG2_SHORT), convert(e, "f64"))
    z = convert(y, "f64") * log2
    p, shifted = exp2_parts_short(z)
    mantissa = convert(p, "f32")
    exponent = convert(shifted, "i32") << F32.fraction
    return bitcast(bits(mantissa) + exponent, "f32"), z


def _careful_f32(x: Expr, y: Expr) -> Expr:
    log2 = log2_short(convert(x, "f64"))
    return convert(exp2_short(convert(y, "f64") * log2), "f32")


def _quick_f64(x: Expr, y: Expr) -> Pair:
    """(x**y, its natural logarithm)."""
    high, low = log_pair_normal(x)
    z, lost = two_product(high, y)
    return exp_of_pair_normal((z, fma(low, y, lost))), z


def _careful_f64(x: Expr, y: Expr) -> Expr:
    tiny = x < F64.smallest_normal
    high, low = log_pair_normal(select(tiny, x * 2.0**64, x))
    high, lost = two_sum(high, choose(tiny, -64 * LN2_F64[0], 0.0, x))
    low = low + (lost + choose(tiny, -64 * LN2_F64[1], 0.0, x))
    return exp_of_pair(pair_times((high, low), y))


_LARGE_EXPONENT = 2.0**70
"""Such a power of any number but 1 is 0 or infinite."""
_NORMAL_POWER = {"f32": 125.0, "f64": 708.0}
"""The bound of the quick ways' logarithms."""


@for_formats
def pow(x: Expr, y: Expr) -> Expr:
    """x**y, with the special values of C99 (annex F.9.4.4)."""
    quick, z = (_quick_f32 if x.type == "f32" else _quick_f64)(x, y)
    unusual = not_normal(x) | not_within(z, _NORMAL_POWER[x.type])
    return rare(unusual, apart(_pow_anywhere, x, y), quick)


def is_integer(y: Expr) -> Expr:
    """Whether y is a whole number, or infinite."""
    return unary("rint", y).eq(y)


def _pow_anywhere(x: Expr, y: Expr) -> Expr:
    size = absolute(x)
    finite = absolute(y) < INF
    odd = is_integer(y) & ~is_integer(y * 0.5) & finite
    # Limits: base 0 or inf, exponent infinite.
    small = choose(y > 0.0, 0.0, INF, y)
    of_zero = select(size.eq(0.0), small, choose(y > 0.0, INF, 0.0, y))
    grows = (size > 1.0) & (y > 0.0) | (size < 1.0) & (y < 0.0)
    of_infinite = choose(grows, INF, 0.0, y)
    inner = (size > 0.0) & (size < INF)
    bounded = clamp(y, -_LARGE_EXPONENT, _LARGE_EXPONENT)
    careful = (_careful_f32 if x.type == "f32" else _careful_f64)(size, bounded)
    out = select(inner, select(finite, careful, of_infinite), of_zero)
    signed = copysign(out, select(odd, x, 1.0))
    undefined = (x < 0.0) & inner & finite & ~is_integer(y)
    out = select(undefined | x.ne(x) | y.ne(y), NAN, signed)
    one = y.eq(0.0) | x.eq(1.0) | (size.eq(1.0) & ~finite & y.eq(y))
    return select(one, 1.0, out)
