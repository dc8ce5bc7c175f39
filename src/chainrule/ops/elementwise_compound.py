"""Compounds that NumPy has as one ufunc: each is one primitive, so one call eagerly.

`floor_divide` and `remainder` follow Python: the quotient is rounded down, the
remainder has the divisor's sign. `logaddexp` and `hypot` neither overflow nor lose
digits on the way; their partials are the shares exp(x - z) and x / z.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arithmetic import div_p, mul_p, sub_p
from .elementwise_exponential import exp2_p, exp_p
from .elementwise_logic import eq_p, ge_p
from .elementwise_rules import constant, elementwise
from .elementwise_selection import select

# --- division with the quotient rounded down -----------------------------------------


def _floor_divide_evaluate(x: Any, y: Any) -> Any:
    """Integers over zero: -2, or -1 for x = 0, where signed; all bits set if not."""
    out = np.floor_divide(x, y)
    kind = x.dtype.kind
    if kind not in "iu" or np.count_nonzero(y) == y.size:
        return out
    by_zero = -1 - (x != 0).astype(x.dtype) if kind == "i" else ~np.zeros_like(x)
    return np.where(y == 0, by_zero, out).astype(x.dtype, copy=False)


def _is_power_of_two(y: Any) -> bool:
    """Whether a known integer is one, so that bits are the quotient and the rest: both
    are rounded down, of negative numbers too."""
    return y.op == "const" and y.data > 0 and y.data & (y.data - 1) == 0


def _floor_divide_scalar(m: Any, x: Any, y: Any) -> Any:
    if x.type in m.FLOATS:
        return m.floor_divide(x, y)
    if _is_power_of_two(y):
        return x >> y.data.bit_length() - 1
    if x.type in m.UNSIGNED:
        return m.select(y.eq(0), -1, x / y)
    rest = m.node("rem", x.type, (x, y))
    turned = rest.ne(0) & ((x < 0) ^ (y < 0))
    quotient = x / y
    by_zero = m.select(x.eq(0), m.const(-1, x.type), -2)
    return m.select(y.eq(0), by_zero, m.select(turned, quotient - 1, quotient))


def _remainder_scalar(m: Any, x: Any, y: Any) -> Any:
    if x.type in m.FLOATS:
        return m.remainder(x, y)
    if _is_power_of_two(y):
        return x & y.data - 1
    rest = m.node("rem", x.type, (x, y))
    if x.type in m.SIGNED:
        rest = m.select(rest.ne(0) & ((x < 0) ^ (y < 0)), rest + y, rest)
    return m.select(y.eq(0), 0, rest)


floor_divide_p = elementwise(
    "floor_divide", "x / y rounded down", _floor_divide_evaluate, kinds="iuf",
    partials=(None, None), scalar=_floor_divide_scalar, cost=12.0,
)  # fmt: skip
remainder_p = elementwise(
    "remainder", "x - y * floor(x / y); 0 where integers y are zero",
    np.remainder, kinds="iuf",
    partials=(1, lambda z, x, y: -floor_divide_p(x, y)),
    scalar=_remainder_scalar, cost=12.0,
)  # fmt: skip


# --- logarithm of a sum of exponentials ----------------------------------------------


def _part(power: Any) -> Any:
    """power(x - z), the share of x in z; 1 where they are equal, also at infinity."""

    def partial(x: Any, z: Any) -> Any:
        return power(select(eq_p(x, z), constant(0, z), sub_p(x, z)))

    return lambda z, x, y: partial(x, z), lambda z, x, y: partial(y, z)


logaddexp_p = elementwise(
    "logaddexp", "log(exp(x) + exp(y))", np.logaddexp, kinds="f", partials=_part(exp_p),
    scalar=lambda m, x, y: m.logaddexp(x, y), cost=35.0,
)  # fmt: skip
logaddexp2_p = elementwise(
    "logaddexp2", "log2(2**x + 2**y)", np.logaddexp2, kinds="f", partials=_part(exp2_p),
    scalar=lambda m, x, y: m.logaddexp2(x, y), cost=35.0,
)  # fmt: skip


# --- hypot, copysign -----------------------------------------------------------------


def _direction(this: Any, z: Any) -> Any:
    """this / z, and 0 where both are 0."""
    one = constant(1, z)
    return div_p(this, select(eq_p(z, constant(0, z)), one, z))


hypot_p = elementwise(
    "hypot", "sqrt(x**2 + y**2)", np.hypot, kinds="f",
    partials=(lambda z, x, y: _direction(x, z), lambda z, x, y: _direction(y, z)),
    scalar=lambda m, x, y: m.hypot(x, y), cost=10.0,
)  # fmt: skip


def _copysign_partial(z: Any, x: Any, y: Any) -> Any:
    """1 where |x| grows with x (also from 0) and y is positive; and so on."""
    one = constant(1, z)
    return mul_p(copysign_p(one, z), select(ge_p(x, constant(0, x)), one, -one))


copysign_p = elementwise(
    "copysign", "|x| with the sign of y, also of a zero y", np.copysign, kinds="f",
    partials=(_copysign_partial, None),
    scalar=lambda m, x, y: m.node("copysign", x.type, (x, y)),
)  # fmt: skip


# --- common divisors and multiples ---------------------------------------------------

gcd_p = elementwise(
    "gcd", "the greatest common divisor of |x| and |y|", np.gcd, kinds="iu",
    partials=(None, None), scalar=lambda m, x, y: m.gcd(x, y), cost=200.0,
)  # fmt: skip
lcm_p = elementwise(
    "lcm", "the least common multiple of |x| and |y|", np.lcm, kinds="iu",
    partials=(None, None), scalar=lambda m, x, y: m.lcm(x, y), cost=200.0,
)  # fmt: skip

__all__ = [
    "copysign_p", "floor_divide_p", "gcd_p", "hypot_p", "lcm_p", "logaddexp2_p",
    "logaddexp_p", "remainder_p",
]  # fmt: skip
