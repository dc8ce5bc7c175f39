"""scatter, and the scatters that multiply, subtract or take extremes.

scatter and scatter-sub are jointly linear in operand and updates. For the others the
tangent is a weighted scatter-add: -mul weighs an update by the product of its
companions, -min and -max share the tangent equally among those that tie. How a scatter
is declared, batched and evaluated stands in gather.py, beside scatter-add.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.linear import is_linear
from ..core.primitive import Missing, Primitive
from .absorbing_forms import absorbing_blocks
from .arithmetic import add_p, div_p, mul_p, neg_p
from .gather import declare_scatter, read_back, scatter_add_p
from .joining import iota
from .shaping import convert, full, reshape, zeros
from .windows import FILL_OR_DROP, GatherScatterMode, ScatterDimensionNumbers

# --- scatter, scatter-sub ------------------------------------------------------------


def _kept_updates(indices: Any, updates: Any, operand_shape: Any, params: Any) -> Any:
    """1 for the updates that remain visible, 0 for those written over later."""
    shape, dtype = aval_of(updates).shape, aval_of(updates).dtype
    count = math.prod(shape)
    if not count:
        return full(shape, 1, dtype)
    number = dtypes.int32 if count < 2**31 - 1 else dtypes.int64
    names = reshape(iota(number, (count,)), shape) + np.ones((), number)
    nobody = full(operand_shape, 0, number)
    last = scatter_p(nobody, indices, names, **params)
    return convert(read_back(last, indices, updates, 0, params) == names, dtype)


def _scatter_transpose(
    ct: Any, operand: Any, indices: Any, updates: Any, **params: Any
) -> Any:
    operand_bar = updates_bar = None
    if is_linear(operand):
        nothing = full(aval_of(updates).shape, 0, ct.dtype)
        operand_bar = scatter_p(ct, indices, nothing, **params)
    if is_linear(updates):
        updates_bar = read_back(ct, indices, updates, 0, params)
        if not params["unique_indices"]:
            kept = _kept_updates(indices, updates, ct.shape, params)
            updates_bar = mul_p(updates_bar, kept)
    return operand_bar, None, updates_bar


scatter_p = declare_scatter(
    "scatter",
    "x with the windows at the given indices replaced by updates; the last one stays.",
    None,
    None,
    linear=(0, 2),
    transpose=_scatter_transpose,
)


def _sub_transpose(
    ct: Any, operand: Any, indices: Any, updates: Any, **params: Any
) -> Any:
    return (
        ct if is_linear(operand) else None,
        None,
        neg_p(read_back(ct, indices, updates, 0, params))
        if is_linear(updates)
        else None,
    )


scatter_sub_p = declare_scatter(
    "scatter-sub",
    "x with updates subtracted at the given indices.",
    np.subtract,
    lambda m, x, y: x - y,
    linear=(0, 2),
    transpose=_sub_transpose,
)


# --- scatter-mul ---------------------------------------------------------------------


def _mul_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    operand, indices, updates = primals
    operand_dot, _, updates_dot = tangents
    total = None
    if operand_dot is not None:
        ones = full(aval_of(operand).shape, 1, aval_of(operand).dtype)
        factor = scatter_mul_p(ones, indices, updates, **params)
        total = mul_p(operand_dot, factor)
    if updates_dot is not None:
        companions = _companions(operand, indices, updates, params)
        weighted = mul_p(updates_dot, companions)
        nothing = zeros(aval_of(operand))
        added = scatter_add_p(nothing, indices, weighted, **params)
        total = added if total is None else add_p(total, added)
    return total


def _companions(operand: Any, indices: Any, updates: Any, params: Any) -> Any:
    """For each update the product of all else that is multiplied into its place.

    It is the quotient of the product of the non-zero factors and the update; zero if
    there is another zero factor.
    """
    if params["unique_indices"]:
        return read_back(operand, indices, updates, 0, params)
    dtype = aval_of(updates).dtype
    is_zero = convert(updates == 0, dtype)
    safe = updates + is_zero
    product = scatter_mul_p(operand, indices, safe, **params)
    nothing = zeros(aval_of(operand))
    zero_count = scatter_add_p(nothing, indices, is_zero, **params)
    others = read_back(zero_count, indices, updates, 0, params) - is_zero
    alone = convert(others == 0, dtype)
    return mul_p(div_p(read_back(product, indices, updates, 0, params), safe), alone)


def _mul_transpose(
    ct: Any, operand: Any, indices: Any, updates: Any, **params: Any
) -> Any:
    return scatter_mul_p(ct, indices, updates, **params), None, None


scatter_mul_p = declare_scatter(
    "scatter-mul",
    "x multiplied by updates at the given indices.",
    np.multiply,
    lambda m, x, y: x & y if x.type == "bool" else x * y,
    of_complex="mul",
    jvp=_mul_jvp,
    transpose=_mul_transpose,
)
absorbing_blocks(scatter_mul_p, 0, lambda **_: ())


# --- scatter-min, scatter-max --------------------------------------------------------


def _extreme_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    operand, indices, updates = primals
    operand_dot, _, updates_dot = tangents
    dtype = aval_of(operand).dtype
    from_operand = convert(operand == y, dtype)
    from_updates = convert(updates == read_back(y, indices, updates, 0, params), dtype)
    count = scatter_add_p(from_operand, indices, from_updates, **params)
    base = (
        zeros(aval_of(operand))
        if operand_dot is None
        else mul_p(operand_dot, from_operand)
    )
    if updates_dot is None:
        return div_p(base, count)
    chosen = mul_p(updates_dot, from_updates)
    return div_p(scatter_add_p(base, indices, chosen, **params), count)


scatter_min_p = declare_scatter(
    "scatter-min",
    "x with the lesser of itself and updates at the given indices.",
    np.minimum,
    lambda m, x, y: m.minimum(x, y),
    of_complex="min",
    jvp=_extreme_jvp,
    transpose=Missing("not linear"),
)

scatter_max_p = declare_scatter(
    "scatter-max",
    "x with the greater of itself and updates at the given indices.",
    np.maximum,
    lambda m, x, y: m.maximum(x, y),
    of_complex="max",
    jvp=_extreme_jvp,
    transpose=Missing("not linear"),
)


def scatter(
    prim: Primitive,
    operand: Any,
    indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    mode: GatherScatterMode = FILL_OR_DROP,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
) -> Any:
    """Binds one of the scatter primitives with all its parameters."""
    return prim(
        operand,
        indices,
        updates,
        dimension_numbers=dimension_numbers,
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode=mode,
    )


__all__ = [
    "scatter", "scatter_max_p", "scatter_min_p", "scatter_mul_p",
    "scatter_p", "scatter_sub_p",
]  # fmt: skip
