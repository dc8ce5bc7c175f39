"""Comparisons, logic and bits: primitives whose results carry no derivative.

Comparisons return booleans. `and`, `or`, `xor`, `not` work on booleans, and bit by bit
on integers. Shifts by less than zero or at least the width give what shifting every
bit out gives. Counts are of the operand's own dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise_rules import elementwise, to_bool

_zero = (None, None)


def _comparison(name: str, symbol: str, ufunc: Any, kinds: str) -> Any:
    return elementwise(
        name, f"x {symbol} y", ufunc, kinds=kinds, partials=_zero, result=to_bool,
        scalar=lambda m, x, y: m.compare(name, x, y),
    )  # fmt: skip


eq_p = _comparison("eq", "==", np.equal, "biufc")
ne_p = _comparison("ne", "!=", np.not_equal, "biufc")
lt_p = _comparison("lt", "<", np.less, "biuf")
le_p = _comparison("le", "<=", np.less_equal, "biuf")
gt_p = _comparison("gt", ">", np.greater, "biuf")
ge_p = _comparison("ge", ">=", np.greater_equal, "biuf")

not_p = elementwise(
    "not", "each bit inverted", np.invert, kinds="biu", partials=(None,),
    scalar=lambda m, x: ~x,
)  # fmt: skip
and_p = elementwise(
    "and", "x & y", np.bitwise_and, kinds="biu", partials=_zero,
    scalar=lambda m, x, y: x & y,
)  # fmt: skip
or_p = elementwise(
    "or", "x | y", np.bitwise_or, kinds="biu", partials=_zero,
    scalar=lambda m, x, y: x | y,
)  # fmt: skip
xor_p = elementwise(
    "xor", "x ^ y", np.bitwise_xor, kinds="biu", partials=_zero,
    scalar=lambda m, x, y: x ^ y,
)  # fmt: skip


# --- shifts --------------------------------------------------------------------------


def unsigned(x: Any) -> Any:
    """The bits of integers `x` as unsigned integers of the same width."""
    return x.view(f"u{x.dtype.itemsize}")


def _shift_right_logical(x: Any, y: Any) -> Any:
    return np.right_shift(unsigned(x), unsigned(y)).view(x.dtype)


def _bits_of(m: Any, x: Any) -> Any:
    """The element `x` as an unsigned integer of its width."""
    return m.bitcast(x, f"u{m.BITS[x.type]}")


def _shift_left_scalar(m: Any, x: Any, y: Any) -> Any:
    return m.select(_bits_of(m, y) < m.BITS[x.type], x << y, 0)


def _shift_right_scalar(m: Any, x: Any, y: Any) -> Any:
    """For a signed x, every shift beyond the width is as one by width - 1."""
    if x.type in m.UNSIGNED:
        return _shift_right_logical_scalar(m, x, y)
    amount = m.minimum(_bits_of(m, y), m.BITS[x.type] - 1)
    return x >> m.bitcast(amount, x.type)


def _shift_right_logical_scalar(m: Any, x: Any, y: Any) -> Any:
    bits, amount = _bits_of(m, x), _bits_of(m, y)
    return m.bitcast(m.select(amount < m.BITS[x.type], bits >> amount, 0), x.type)


shift_left_p = elementwise(
    "shift_left",
    "x moved y bits to the left; zero where y is not in 0..width-1",
    np.left_shift,
    kinds="iu",
    partials=_zero,
    scalar=_shift_left_scalar,
)
shift_right_arithmetic_p = elementwise(
    "shift_right_arithmetic",
    "x moved y bits to the right, copies of the sign bit moving in",
    np.right_shift,
    kinds="iu",
    partials=_zero,
    scalar=_shift_right_scalar,
)
shift_right_logical_p = elementwise(
    "shift_right_logical",
    "x moved y bits to the right, zeros moving in",
    _shift_right_logical,
    kinds="iu",
    partials=_zero,
    scalar=_shift_right_logical_scalar,
)


# --- counting ------------------------------------------------------------------------


def _population_count(x: Any) -> Any:
    return np.bitwise_count(unsigned(x)).astype(x.dtype)


def _clz(x: Any) -> Any:
    """Spreads the highest set bit downwards, then counts the bits above it."""
    bits = unsigned(x)
    width = 8 * bits.dtype.itemsize
    step = 1
    while step < width:
        bits = bits | (bits >> step)
        step *= 2
    return (width - np.bitwise_count(bits)).astype(x.dtype)


population_count_p = elementwise(
    "population_count",
    "the number of set bits",
    _population_count,
    kinds="iu",
    partials=(None,),
    scalar=lambda m, x: m.unary("popcount", x),
    cost=2.0,
)
clz_p = elementwise(
    "clz", "the number of leading zero bits", _clz, kinds="iu", partials=(None,),
    scalar=lambda m, x: m.unary("clz", x), cost=2.0,
)  # fmt: skip


def _mulhi(x: Any, y: Any) -> Any:
    size = x.dtype.itemsize
    if size < 8:
        wide = f"{x.dtype.kind}{2 * size}"
        product = np.multiply(x, y, dtype=wide)
        return (product >> (8 * size)).astype(x.dtype)
    return _mulhi_64(x, y)


def _mulhi_64(x: Any, y: Any) -> Any:
    """Schoolbook multiplication in halves of 32 bits, signs corrected at the end."""
    a, b, low = unsigned(x), unsigned(y), np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    a1, a0, b1, b0 = a >> half, a & low, b >> half, b & low
    middle = a1 * b0 + (a0 * b0 >> half)
    cross = a0 * b1 + (middle & low)
    high = a1 * b1 + (middle >> half) + (cross >> half)
    if x.dtype.kind == "i":
        zero = np.uint64(0)
        high = high - np.where(x < 0, b, zero) - np.where(y < 0, a, zero)
    return high.astype(x.dtype)


def _mulhi_scalar(m: Any, x: Any, y: Any) -> Any:
    size = m.BITS[x.type]
    if size < 64:
        wide = f"{x.type[0]}{2 * size}"
        return m.convert((m.convert(x, wide) * m.convert(y, wide)) >> size, x.type)
    a, b = _bits_of(m, x), _bits_of(m, y)
    low = 0xFFFFFFFF
    a1, a0, b1, b0 = a >> 32, a & low, b >> 32, b & low
    middle = a1 * b0 + ((a0 * b0) >> 32)
    cross = a0 * b1 + (middle & low)
    high = a1 * b1 + (middle >> 32) + (cross >> 32)
    if x.type in m.SIGNED:
        high = high - m.select(x < 0, b, 0) - m.select(y < 0, a, 0)
    return m.bitcast(high, x.type)


mulhi_p = elementwise(
    "mulhi",
    "the upper half of the bits of the double-width product x * y",
    _mulhi,
    kinds="iu",
    partials=_zero,
    scalar=_mulhi_scalar,
    cost=6.0,
)

__all__ = [
    "and_p", "clz_p", "eq_p", "ge_p", "gt_p", "le_p", "lt_p", "mulhi_p", "ne_p",
    "not_p", "or_p", "population_count_p", "shift_left_p", "shift_right_arithmetic_p",
    "shift_right_logical_p", "unsigned", "xor_p",
]  # fmt: skip
