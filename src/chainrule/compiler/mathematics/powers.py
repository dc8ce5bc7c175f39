"""Powers and roots: pow, integer_pow, rsqrt."""

from __future__ import annotations

from ..expr import Expr, convert, node, rare, select
from .exponential import exp2_short, exp_of_pair
from .formats import (
    INF,
    NAN,
    absolute,
    choose,
    clamp,
    copysign,
    for_formats,
    pair_times,
)
from .logarithm import log2_short, log_pair


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
    log2 = log2_short(convert(size, "f64"))
    return convert(exp2_short(convert(y, "f64") * log2), "f32")


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
