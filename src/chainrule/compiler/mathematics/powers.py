"""Powers and roots: pow, integer_pow, rsqrt."""

from __future__ import annotations

from ..expr import Expr, bitcast, convert, fma, node, rare, select
from .exponential import exp_of_pair
from .formats import (
    F64,
    INF,
    NAN,
    absolute,
    bits,
    choose,
    clamp,
    copysign,
    for_formats,
    format_of,
    horner,
    pair_times,
    power_of_two,
    square_root,
    two_product,
)
from .logarithm import log_pair, split

# log2(1 + f) / f, 1 + f between sqrt(1/2) and sqrt(2): error relative 2^-38.49
POW_LOG2 = (
    1.4426950408865744,
    -0.721347520327579,
    0.480898348802902,
    -0.3606737931337505,
    0.2885387957303074,
    -0.2404464338131686,
    0.20610712312418533,
    -0.18043674355066497,
    0.1602166567190091,
    -0.14249872550071574,
    0.13027584132576325,
    -0.1346290190981934,
    0.13251068293520854,
    -0.069738048604107,
)
# 2^r, |r| <= 1/2: error relative 2^-34.53
POW_EXP2 = (
    0.9999999999616701,
    0.6931471807287302,
    0.24022651198121292,
    0.05550410352322232,
    0.009618027257880014,
    0.0013333923582162044,
    0.00015469290292769155,
    1.5201662545958506e-05,
)


@for_formats
def rsqrt(x: Expr) -> Expr:
    """1 / sqrt(x)."""
    return 1.0 / square_root(x)


def integer_pow(x: Expr, n: int) -> Expr:
    """x**n by repeated squaring, for integers as well if n >= 0."""
    if n < 0:
        return 1.0 / integer_pow(x, -n)
    if n == 0:
        return node("const", x.type, (), (1.0).hex() if x.type[0] in "fb" else 1)
    out, power = None, x
    while n:
        if n & 1:
            out = power if out is None else out * power
        n >>= 1
        power = power * power if n else power
    assert out is not None
    return out


def _pow_f32(size: Expr, y: Expr) -> Expr:
    """size**y for normal or subnormal size > 0, finite y: in f64, as exp2(y log2)."""
    m, e = split(convert(size, "f64"))
    f = m - 1
    log2 = fma(f, horner(f, POW_LOG2), convert(e, "f64"))
    z = clamp(convert(y, "f64") * log2, -200.0, 200.0)
    sum = z + F64.shifter
    power = horner(z - (sum - F64.shifter), POW_EXP2)
    return convert(power * power_of_two(bits(sum), F64), "f32")


def _pow_f64(size: Expr, y: Expr) -> Expr:
    """size**y for size > 0, |y| <= 2**70."""
    return exp_of_pair(pair_times(log_pair(size), y))


def _size_power(size: Expr, y: Expr) -> Expr:
    return _pow_f32(size, y) if size.type == "f32" else _pow_f64(size, y)


def _is_integer(y: Expr) -> Expr:
    return node("rint", y.type, (y,)).eq(y)


_LARGE_EXPONENT = 2.0**70
"""Such a power of any number but 1 is 0 or infinite."""


@for_formats
def pow(x: Expr, y: Expr) -> Expr:
    """x**y, with the special values of C99 (annex F.9.4.4)."""
    size = absolute(x)
    finite = absolute(y) < INF
    plain = (x > 0.0) & (x < INF) & (absolute(y) <= _LARGE_EXPONENT)
    half = y * 0.5
    odd = _is_integer(y) & ~_is_integer(half) & finite
    bounded = clamp(y, -_LARGE_EXPONENT, _LARGE_EXPONENT)
    # Limits: base 0 or inf, exponent infinite.
    small = choose(y > 0.0, 0.0, INF, y)
    of_zero = select(size.eq(0.0), small, choose(y > 0.0, INF, 0.0, y))
    grows = (size > 1.0) & (y > 0.0) | (size < 1.0) & (y < 0.0)
    of_infinite = choose(grows, INF, 0.0, y)
    inner = (size > 0.0) & (size < INF)
    out = select(
        inner, select(finite, _size_power(size, bounded), of_infinite), of_zero
    )
    signed = copysign(out, select(odd, x, 1.0))
    undefined = (x < 0.0) & inner & finite & ~_is_integer(y)
    slow = select(undefined | x.ne(x) | y.ne(y), NAN, signed)
    slow = select(y.eq(0.0) | x.eq(1.0) | (size.eq(1.0) & ~finite & y.eq(y)), 1.0, slow)
    return rare(~plain, slow, _size_power(x, y))
