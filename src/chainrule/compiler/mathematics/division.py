"""Remainders and quotients rounded down, and the next number.

x - y trunc(x / y) is exact by one fused multiply-add when the quotient fits the
mantissa and is corrected by one; larger quotients take the exact operation `rem`.
`remainder` and `floor_divide` follow Python and NumPy: the quotient is rounded down.
"""

from __future__ import annotations

from ..expr import Expr, bitcast, const, fma, node, rare, select, unary
from .formats import NAN, absolute, bits, copysign, for_formats, format_of


@for_formats
def rem(x: Expr, y: Expr) -> Expr:
    """x - y * trunc(x / y), exactly; the sign is that of x."""
    size, divisor = absolute(x), absolute(y)
    quotient = unary("floor", size / divisor)
    rest = fma(-quotient, divisor, size)
    rest = select(rest < 0.0, rest + divisor, rest)
    rest = select(rest >= divisor, rest - divisor, rest)
    fast = select(size < divisor, size, rest)
    limit = 2.0 ** (format_of(x).precision - 1)
    safe = (size < divisor) | (quotient < limit)
    return rare(~safe, node("rem", x.type, (x, y)), copysign(fast, x))


@for_formats
def remainder(x: Expr, y: Expr) -> Expr:
    """The remainder with the divisor's sign, NaN where y is 0."""
    rest = rem(x, y)
    turned = (rest < 0.0).ne(y < 0.0)
    moved = select(turned, rest + y, rest)
    return select(rest.eq(0.0), copysign(rest, y), moved)


@for_formats
def floor_divide(x: Expr, y: Expr) -> Expr:
    """x / y rounded down, as NumPy computes it: from the exact remainder."""
    rest = rem(x, y)
    quotient = (x - rest) / y
    turned = rest.ne(0.0) & (rest < 0.0).ne(y < 0.0)
    quotient = select(turned, quotient - 1.0, quotient)
    down = unary("floor", quotient)
    down = select(quotient - down > 0.5, down + 1.0, down)
    whole = select(quotient.eq(0.0), copysign(0.0, x / y), down)
    return select(y.eq(0.0), x / y, whole)


@for_formats
def nextafter(x: Expr, y: Expr) -> Expr:
    """The next number after x towards y."""
    form = format_of(x)
    i = bits(x)
    outward = (x < y).eq(x > 0.0)
    moved = bitcast(select(outward, i + 1, i - 1), x.type)
    smallest = bitcast(const(1, form.int), x.type)
    moved = select(x.eq(0.0), copysign(smallest, y), moved)
    moved = select(x.eq(y), y, moved)
    return select(x.ne(x) | y.ne(y), NAN, moved)
