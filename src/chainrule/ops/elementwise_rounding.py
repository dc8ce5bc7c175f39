"""Rounding, remainders and the spacing of floating-point numbers.

All are constant between jumps: their derivative is zero where it exists, and is taken
as zero at the jumps. `rem` follows its dividend: the result has the dividend's sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementwise_complex import sign_p
from .elementwise_rules import elementwise, to_bool

AWAY_FROM_ZERO, TO_NEAREST_EVEN = 0, 1


floor_p = elementwise(
    "floor", "the largest integer <= x", np.floor, kinds="f", partials=(None,),
    scalar=lambda m, x: m.unary("floor", x),
)  # fmt: skip
ceil_p = elementwise(
    "ceil", "the smallest integer >= x", np.ceil, kinds="f", partials=(None,),
    scalar=lambda m, x: m.unary("ceil", x),
)  # fmt: skip


def _round_evaluate(x: Any, *, rounding_method: int) -> Any:
    if rounding_method == TO_NEAREST_EVEN:
        return np.rint(x)
    whole = np.trunc(x)
    away = np.abs(x - whole) >= 0.5
    return np.where(away, whole + np.sign(x), whole).astype(x.dtype, copy=False)


def _round_scalar(m: Any, x: Any, *, rounding_method: int) -> Any:
    if rounding_method == TO_NEAREST_EVEN:
        return m.unary("rint", x)
    whole = m.unary("trunc", x)
    away = m.unary("abs", x - whole) >= 0.5
    one = m.node("copysign", x.type, (m.const(1, x.type), x))
    return m.select(away, whole + one, whole)


def _round_jvp(primals: Any, tangents: Any, y: Any, *, rounding_method: int) -> Any:
    return None


round_p = elementwise(
    "round", "the nearest integer; halves go away from zero (0) or to even (1)",
    _round_evaluate, kinds="f", jvp=_round_jvp, scalar=_round_scalar, cost=2.0,
)  # fmt: skip
is_finite_p = elementwise(
    "is_finite", "whether x is neither infinite nor NaN", np.isfinite, kinds="f",
    partials=(None,), result=to_bool,
    scalar=lambda m, x: m.unary("abs", x) < float("inf"),
)  # fmt: skip


def _rem_evaluate(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu" and np.count_nonzero(y) < y.size:
        return np.where(y == 0, x, np.fmod(x, y))
    return np.fmod(x, y)


def _rem_scalar(m: Any, x: Any, y: Any) -> Any:
    if x.type in m.FLOATS:
        return m.rem(x, y)
    return m.select(y.eq(0), x, m.node("rem", x.type, (x, y)))


def _quotient(x: Any, y: Any) -> Any:
    """x / y rounded towards zero, without a derivative of its own."""
    ratio = x / y
    return sign_p(ratio) * floor_p(ratio * sign_p(ratio))


rem_p = elementwise(
    "rem", "x - y * trunc(x / y), exactly; x where integers y are zero", _rem_evaluate,
    kinds="iuf", partials=(1, lambda z, x, y: -_quotient(x, y)),
    scalar=_rem_scalar, cost=10.0,
)  # fmt: skip


def _nextafter_scalar(m: Any, x: Any, y: Any) -> Any:
    """One more or less in the bits, which order numbers of one sign by size."""
    size = m.BITS[x.type]
    unsigned = f"u{size}"
    first, second = _compared(m, x), _compared(m, y)
    bits, target, sign = m.bitcast(x, unsigned), m.bitcast(y, unsigned), 1 << (size - 1)
    grows = (first < second) ^ (bits & sign).ne(0)
    moved = m.select(grows, bits + 1, bits - 1)
    moved = m.select(first.eq(0.0), (target & sign) | 1, moved)
    moved = m.select(first.eq(second) | second.ne(second), target, moved)
    return m.bitcast(m.select(first.ne(first), bits, moved), x.type)


def _compared(m: Any, x: Any) -> Any:
    """`x` in a type that kernels compare in."""
    return m.convert(x, "f32") if m.BITS[x.type] == 16 else x


nextafter_p = elementwise(
    "nextafter", "the next representable number after x towards y", np.nextafter,
    kinds="f", partials=(None, None), scalar=_nextafter_scalar, cost=6.0, widen=False,
)  # fmt: skip

__all__ = [
    "AWAY_FROM_ZERO", "TO_NEAREST_EVEN", "ceil_p", "floor_p", "is_finite_p",
    "nextafter_p", "rem_p", "round_p",
]  # fmt: skip
