"""Operands for examples that do not take part: those of an example that does.

Under `vmap` a branch or a loop's body is computed for all examples, also for those that
have not taken the branch or have left the loop; a selection drops their results. Given
their own operands, such a body could divide by zero, or never end, and its derivative
could be infinite, which times the selection's zero is NaN. So they get a copy of the
operands of an example that takes part, as constants. A body whose derivatives are finite
everywhere (arithmetic but for division, linear operations) needs no such care.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.dtypes import is_inexact
from ..core.jaxpr import ClosedJaxpr, subjaxprs
from ..ops.dynamic_slicing import dynamic_slice_p
from ..ops.elementwise_conversion import stop_gradient_p
from ..ops.elementwise_selection import select_n_p
from ..ops.reductions import argmax_p
from ..ops.shaping import broadcast_in_dim, convert

_int32 = np.dtype(np.int32)


def substituted(
    program: ClosedJaxpr, xs: Sequence[Any], dims: Sequence[Any], active: Any
) -> list[Any]:
    """The operands of `program` for a batch of which the `active` examples take part.

    Batch dims are 0 or None; the program is the one for a single example.
    """
    if not any(map(_is_curved, program.eqns)):
        return list(xs)
    return [_substituted(x, d, active) for x, d in zip(xs, dims)]


def _is_curved(eqn: Any) -> bool:
    """Whether an equation's derivative depends on where it is taken. Integers have none,
    and may be divided by zero."""
    prim = eqn.primitive
    if not (
        subjaxprs(eqn.params) or any(is_inexact(v.aval.dtype) for v in eqn.outvars)
    ):
        return False
    linear = prim.linear is not None or prim.bilinear
    flat = linear or prim.flat or prim.jvp is None
    if prim.partials is not None:
        flat = not any(callable(p) for p in prim.partials)
    return not flat or bool(subjaxprs(eqn.params))


def _substituted(x: Any, dim: int | None, active: Any) -> Any:
    """`x` with rows that are not active replaced by one that is; a constant for those."""
    aval = aval_of(x)
    if dim is None or not aval.shape[0]:
        return x
    place = argmax_p(active, axes=(0,), index_dtype=_int32)
    zero = np.zeros((), _int32)
    sizes = (1, *aval.shape[1:])
    row = dynamic_slice_p(x, place, *[zero] * len(aval.shape[1:]), slice_sizes=sizes)
    if is_inexact(aval.dtype):
        row = stop_gradient_p(row)
    if aval.weak_type:
        row = convert(row, aval.dtype, True)
    other = broadcast_in_dim(row, aval.shape, range(len(aval.shape)))
    return select_n_p(broadcast_in_dim(active, aval.shape, (0,)), other, x)
