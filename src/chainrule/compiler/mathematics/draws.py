"""Numbers drawn from keys at an element: what samplers by rejection repeat.

A key is a pair of u32 expressions, its words. The numbers are those of
`ops.random_draws`, which draws them on ndarrays: the same counters, the same roundings.
"""

from __future__ import annotations

import math

from ...ops.threefry import block
from .. import expr
from ..expr import Expr, bitcast, const, convert, fma, maximum
from .error_function import erf_inv
from .formats import nearest, number

Key = tuple[Expr, Expr]
Counter = tuple[Expr, Expr]

_MANTISSA = {"f32": ("u32", 9, 0x3F800000), "f64": ("u64", 12, 0x3FF << 52)}
"""Per type: that of its bits, how many are dropped, the bits of 1."""

_ABOVE_MINUS_ONE = {"f32": -1 + 2.0**-24, "f64": -1 + 2.0**-53}


def counter(position: Expr) -> Counter:
    """The words of a counter of 64 bits: the upper, the lower."""
    return convert(position >> 32, "u32"), convert(position, "u32")


def key_at(key: Key, place: int | Counter) -> Key:
    """The new key of that number that a key is split into."""
    if isinstance(place, int):
        place = const(0, "u32"), const(place, "u32")
    return block(expr, key, *place)


def unit(key: Key, type: str, place: int | Counter = 0) -> Expr:
    """The number in [0, 1) of that place in a key's stream; f32 or f64."""
    bits, dropped, one = _MANTISSA[type]
    high, low = key_at(key, place)
    if bits == "u32":
        drawn = high ^ low
    else:
        drawn = convert(high, bits) << 32 | convert(low, bits)
    return bitcast(drawn >> dropped | one, type) - 1.0


def normal(key: Key, type: str) -> Expr:
    """A standard normal number."""
    least = _ABOVE_MINUS_ONE[type]
    low = const(least, type)
    spread = nearest(1.0 - least, type)
    u = maximum(low, fma(unit(key, type), spread, low))
    return number(math.sqrt(2), type) * erf_inv(u)


__all__ = ["Counter", "Key", "counter", "key_at", "normal", "unit"]
