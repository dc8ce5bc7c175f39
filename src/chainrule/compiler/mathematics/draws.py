"""Numbers drawn from keys at an element: what samplers by rejection repeat.

A key is a pair of u32 expressions, its words. The numbers are those of
`ops.random_draws`, which draws them on ndarrays: the same counters, the same roundings.
"""

from __future__ import annotations

import math

from ...ops.threefry import block
from .. import expr
from ..expr import HALVES, Expr, Operand, bitcast, const, convert, maximum
from .error_function import erf_inv
from .formats import nearest, number

Key = tuple[Expr, Expr]
Counter = tuple[Expr, Expr]

_MANTISSA = {
    "f16": ("u16", 0xFFFF, 6, 0x3C00), "bf16": ("u16", 0xFF, 1, 0x3F80),
    "f32": ("u32", -1, 9, 0x3F800000), "f64": ("u64", -1, 12, 0x3FF << 52),
}  # fmt: skip
"""Per type: that of its bits, which are drawn, how many of them are dropped, the bits of
1. A bf16 is made of 8 bits."""

_ABOVE_MINUS_ONE = {
    "f16": -1 + 2.0**-11, "bf16": -1 + 2.0**-8, "f32": -1 + 2.0**-24, "f64": -1 + 2.0**-53,
}  # fmt: skip


def counter(position: Expr) -> Counter:
    """The words of a counter of 64 bits: the upper, the lower."""
    return convert(position >> 32, "u32"), convert(position, "u32")


def key_at(key: Key, place: int | Counter) -> Key:
    """The new key of that number that a key is split into."""
    if isinstance(place, int):
        place = const(0, "u32"), const(place, "u32")
    return block(expr, key, *place)


def unit(key: Key, type: str, place: int | Counter = 0) -> Expr:
    """The number in [0, 1) of that place in a key's stream."""
    bits, taken, dropped, one = _MANTISSA[type]
    high, low = key_at(key, place)
    if bits == "u64":
        drawn = convert(high, bits) << 32 | convert(low, bits)
    else:
        drawn = convert(high ^ low, bits)
    if taken == 0xFF:
        drawn = drawn & taken
    return bitcast(drawn >> dropped | one, type) - 1.0


def fma(x: Expr, y: Operand, z: Operand) -> Expr:
    """x * y + z, rounded once where the type has 32 bits or more."""
    return x * y + z if x.type in HALVES else expr.fma(x, y, z)


def normal(key: Key, type: str) -> Expr:
    """A standard normal number."""
    least = _ABOVE_MINUS_ONE[type]
    low = const(least, type)
    spread = nearest(1.0 - least, type)
    u = maximum(low, fma(unit(key, type), spread, low))
    return number(math.sqrt(2), type) * erf_inv(u)


__all__ = ["Counter", "Key", "counter", "fma", "key_at", "normal", "unit"]
