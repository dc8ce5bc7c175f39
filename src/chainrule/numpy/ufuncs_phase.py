"""Phases made continuous: unwrap."""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_compound import remainder_p
from ..ops.elementwise_rules import constant
from ..ops.joining import concatenate, slice_along
from ..ops.shaping import canonical_axis
from .promotion import numeric_operand, promote
from .ufuncs_arithmetic import absolute
from .ufuncs_selection import where


def unwrap(
    p: Any, discont: Any = None, axis: int = -1, period: Any = 6.283185307179586
) -> Any:
    """`p` with multiples of `period` added so that neighbours differ by half at most.

    Args:
        p: real array of at least one dimension.
        discont: jumps below it stay as they are (default, and at least: period / 2).
        axis: the dimension along which neighbours are compared.
        period: the range over which values wrap.

    Returns:
        An array of the shape of p; floating-point unless p and period are integers.

    Raises:
        TypeError: if p is complex or a list.
        ValueError: if axis is out of bounds.

    Example:
        >>> import chainrule.numpy as cnp
        >>> cnp.unwrap(cnp.asarray([0, 1, 2, -1, 0]), period=4).tolist()
        [0, 1, 2, 3, 4]
    """
    p, period = promote("unwrap", numeric_operand("unwrap", p), period)
    if dtypes.is_complex(p.dtype):
        raise TypeError("unwrap: takes real phases; use angle of complex numbers.")
    axis = canonical_axis("unwrap", axis, p.ndim)
    whole = dtypes.is_integer(p.dtype)
    half = period // 2 if whole else period / 2
    n = p.shape[axis]
    if n < 2:
        return p
    rest = slice_along(p, 1, n, axis)
    step = rest - slice_along(p, 0, n - 1, axis)
    near = remainder_p(step + half, period) - half
    on_edge = (near == -half) & (step > 0)
    if whole:
        on_edge = on_edge & (remainder_p(period, constant(2, period)) == 0)
    near = where(on_edge, half, near)
    kept = absolute(step) < (half if discont is None else discont)
    correction = where(kept, 0, near - step)
    moved = rest + cumsum_p(correction, axis=axis, reverse=False)
    return concatenate([slice_along(p, 0, 1, axis), moved], axis)


__all__ = ["unwrap"]
