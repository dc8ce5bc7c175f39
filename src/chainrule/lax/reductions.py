"""lax: reductions, cumulative reductions, argmax and argmin.

Axes are explicit and non-negative. `reduce` takes any associative function of two
values: the monoids among them (add, mul, max, min, and, or, xor) are single primitives,
others are applied to neighbouring pairs, log2(n) times, over whole arrays.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ..api.vmap import vmap
from ..core import dtypes
from ..core.avals import ShapedArray, as_array, aval_of
from ..ops.arithmetic import add_p, mul_p
from ..ops.cumulative import cumlogsumexp_p, cummax_p, cummin_p, cumprod_p, cumsum_p
from ..ops.elementwise_logic import and_p, or_p, xor_p
from ..ops.elementwise_selection import max_p, min_p
from ..ops.joining import concatenate, slice_along
from ..ops.reductions import (
    argmax_p,
    argmin_p,
    reduce_and_p,
    reduce_max_p,
    reduce_min_p,
    reduce_or_p,
    reduce_prod_p,
    reduce_sum_p,
    reduce_xor_p,
)
from ..ops.shaping import broadcast_to, convert, reshape, transpose
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.stage import stage
from .binding import bind


def _axes(name: str, operand: Any, axes: Sequence[int]) -> tuple[int, ...]:
    axes = tuple(operator.index(a) for a in axes)
    ndim = aval_of(operand).ndim
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: duplicate value in 'axes': {axes}.")
    if any(not 0 <= a < ndim for a in axes):
        raise ValueError(
            f"{name}: axes {axes} are out of bounds for an operand of shape"
            f" {aval_of(operand).shape}; use 0 <= axis < {ndim}."
        )
    return axes


def _reduction(name: str, prim: Any, operand: Any, axes: Sequence[int]) -> Any:
    operand = as_array(operand, name)
    return bind(prim, operand, axes=_axes(name, operand, axes))


def reduce_sum(operand: Any, axes: Sequence[int], *, out_sharding: Any = None) -> Any:
    """The sum over `axes` (distinct, non-negative) of a numeric array.

    >>> from chainrule import lax, numpy as cnp
    >>> float(lax.reduce_sum(cnp.ones(3), (0,)))
    3.0
    """
    operand = as_array(operand, "reduce_sum")
    if operand.dtype == dtypes.bool_:
        raise TypeError("reduce_sum: does not accept dtype bool; convert with astype.")
    return _reduction("reduce_sum", reduce_sum_p, operand, axes)


def reduce_prod(operand: Any, axes: Sequence[int]) -> Any:
    """The product over `axes` of a numeric array.

    >>> from chainrule import lax, numpy as cnp
    >>> float(lax.reduce_prod(cnp.array([2., 3.]), (0,)))
    6.0
    """
    return _reduction("reduce_prod", reduce_prod_p, operand, axes)


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """The greatest element over `axes`; -inf (or the least integer) of none.

    >>> from chainrule import lax, numpy as cnp
    >>> float(lax.reduce_max(cnp.array([2., 3.]), (0,)))
    3.0
    """
    return _reduction("reduce_max", reduce_max_p, operand, axes)


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """The least element over `axes`; inf (or the greatest integer) of none.

    >>> from chainrule import lax, numpy as cnp
    >>> float(lax.reduce_min(cnp.array([2., 3.]), (0,)))
    2.0
    """
    return _reduction("reduce_min", reduce_min_p, operand, axes)


def reduce_and(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans logical) and over `axes`.

    >>> from chainrule import lax, numpy as cnp
    >>> bool(lax.reduce_and(cnp.array([True, False]), (0,)))
    False
    """
    return _reduction("reduce_and", reduce_and_p, operand, axes)


def reduce_or(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans logical) or over `axes`.

    >>> from chainrule import lax, numpy as cnp
    >>> bool(lax.reduce_or(cnp.array([True, False]), (0,)))
    True
    """
    return _reduction("reduce_or", reduce_or_p, operand, axes)


def reduce_xor(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans logical) exclusive or over `axes`.

    >>> from chainrule import lax, numpy as cnp
    >>> int(lax.reduce_xor(cnp.array([5, 1]), (0,)))
    4
    """
    return _reduction("reduce_xor", reduce_xor_p, operand, axes)


def _arg(name: str, prim: Any, operand: Any, axis: int, index_dtype: Any) -> Any:
    operand = as_array(operand, name)
    if not 0 <= axis < operand.ndim:
        raise ValueError(
            f"{name}: axis {axis} is invalid for an operand of shape {operand.shape};"
            f" use 0 <= axis < {operand.ndim}."
        )
    dtype = dtypes.check_array_dtype(name, index_dtype)
    return bind(prim, operand, axes=(operator.index(axis),), index_dtype=dtype)


def argmax(operand: Any, axis: int, index_dtype: Any) -> Any:
    """The index along `axis` of the first greatest element, or of the first NaN.

    >>> from chainrule import lax, numpy as cnp
    >>> int(lax.argmax(cnp.array([2., 3.]), 0, 'int32'))
    1
    """
    return _arg("argmax", argmax_p, operand, axis, index_dtype)


def argmin(operand: Any, axis: int, index_dtype: Any) -> Any:
    """The index along `axis` of the first least element, or of the first NaN.

    >>> from chainrule import lax, numpy as cnp
    >>> int(lax.argmin(cnp.array([2., 3.]), 0, 'int32'))
    0
    """
    return _arg("argmin", argmin_p, operand, axis, index_dtype)


# --- cumulative -----------------------------------------------------------------------


def _scan(prim: Any, operand: Any, axis: int, reverse: bool) -> Any:
    operand = as_array(operand, prim.name)
    if not 0 <= axis < operand.ndim:
        raise ValueError(
            f"{prim.name}: axis {axis} is out of bounds for array of shape"
            f" {operand.shape}; use 0 <= axis < {operand.ndim}."
        )
    return bind(prim, operand, axis=operator.index(axis), reverse=bool(reverse))


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The sums of all elements up to each (from each on, with `reverse`).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.cumsum(cnp.array([1, 2, 3]), reverse=True).tolist()
    [6, 5, 3]
    """
    return _scan(cumsum_p, operand, axis, reverse)


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The products of all elements up to each (from each on, with `reverse`).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.cumprod(cnp.array([1, 2, 3])).tolist()
    [1, 2, 6]
    """
    return _scan(cumprod_p, operand, axis, reverse)


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The greatest of all elements up to each (from each on, with `reverse`).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.cummax(cnp.array([1, 3, 2])).tolist()
    [1, 3, 3]
    """
    return _scan(cummax_p, operand, axis, reverse)


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """The least of all elements up to each (from each on, with `reverse`).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.cummin(cnp.array([3, 1, 2])).tolist()
    [3, 1, 1]
    """
    return _scan(cummin_p, operand, axis, reverse)


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """log(sum(exp(x))) of all elements up to each (from each on, with `reverse`).

    >>> from chainrule import lax, numpy as cnp
    >>> lax.cumlogsumexp(cnp.array([-cnp.inf, 0.])).tolist()
    [-inf, 0.0]
    """
    return _scan(cumlogsumexp_p, operand, axis, reverse)


# --- reduce by any function -----------------------------------------------------------

MONOIDS = {
    add_p: reduce_sum_p, mul_p: reduce_prod_p, max_p: reduce_max_p, min_p: reduce_min_p,
    and_p: reduce_and_p, or_p: reduce_or_p, xor_p: reduce_xor_p,
}  # fmt: skip
"""The primitives of two operands whose reduction is a primitive."""


def monoid_of(computation: Callable[..., Any], dtype: Any) -> Any:
    """The primitive that `computation` of two scalars of `dtype` is, or None."""
    scalar = ShapedArray((), dtype, False)
    jaxpr, consts = stage(
        lambda x, y: tree_flatten(computation(x, y))[0], [scalar, scalar], "reduce"
    )
    if consts or len(jaxpr.eqns) != 1:
        return None
    eqn = jaxpr.eqns[0]
    both = set(map(id, eqn.invars)) == set(map(id, jaxpr.invars))
    if not both or [id(v) for v in jaxpr.outvars] != [id(v) for v in eqn.outvars]:
        return None
    return eqn.primitive if eqn.primitive in MONOIDS else None


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
    out_sharding: Any = None,
) -> Any:
    """Reduces over `dimensions` by an associative function of two values.

    Args:
        operands: array, or a pytree of arrays of one shape.
        init_values: scalars, one for each operand, to start from.
        computation: function of two values (or trees of values) like `init_values`,
            associative, with the same as its result. It is applied to whole arrays.
        dimensions: distinct, non-negative.
        out_sharding: accepted for programs that name shardings.

    Returns:
        Arrays of the operands' shape without `dimensions`, in the tree of `operands`.

    Raises:
        ValueError: the trees differ, or a dimension is out of bounds.
        TypeError: `computation` returns something else than two values like the inputs.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.reduce(cnp.array([[1, 2], [3, 4]]), 0, lax.add, (0,)).tolist()
    [4, 6]
    """
    leaves, tree = tree_flatten(operands)
    inits, init_tree = tree_flatten(init_values)
    if tree != init_tree:
        raise ValueError(
            f"reduce: operands and init_values must have one tree structure; got {tree}"
            f" and {init_tree}."
        )
    xs = [as_array(x, "reduce") for x in leaves]
    inits = [_initial(v, x) for v, x in zip(inits, xs)]
    axes = _axes("reduce", xs[0], dimensions)
    if any(x.shape != xs[0].shape for x in xs):
        raise ValueError(
            f"reduce: operands must have one shape; got {[x.shape for x in xs]}."
        )
    if len(xs) == 1:
        prim = monoid_of(computation, xs[0].dtype)
        if prim is not None:
            total = bind(MONOIDS[prim], xs[0], axes=axes)
            return tree_unflatten(tree, [prim(inits[0], total)])
    combine = flat_combine("reduce", computation, tree, inits)
    return tree_unflatten(tree, _reduce_pairs(xs, inits, combine, axes))


def _initial(value: Any, x: Any) -> Any:
    """The initial value as a scalar array of the dtype of `x`."""
    value = as_array(value, "reduce")
    if value.shape != ():
        raise ValueError(
            f"reduce: init_values must be scalars; got shape {value.shape}."
        )
    return value if value.dtype == x.dtype else convert(value, x.dtype)


def flat_combine(
    name: str, computation: Callable[..., Any], tree: Any, inits: Sequence[Any]
) -> Callable[[list[Any], list[Any]], list[Any]]:
    """`computation` on lists of arrays, element by element."""

    def scalars(xs: list[Any], ys: list[Any]) -> list[Any]:
        out = computation(tree_unflatten(tree, xs), tree_unflatten(tree, ys))
        outs, out_tree = tree_flatten(out)
        if out_tree != tree:
            raise TypeError(
                f"{name}: the computation must return what it takes, {tree}; got"
                f" {out_tree}."
            )
        outs = [as_array(o, name) for o in outs]
        for o, v in zip(outs, inits):
            if o.shape != () or o.dtype != v.dtype:
                raise TypeError(
                    f"{name}: the computation must return scalars of the dtype of the"
                    f" initial values, {v.dtype}; got {o.aval.str_short()}."
                )
        return outs

    over = vmap(scalars)

    def combine(xs: list[Any], ys: list[Any]) -> list[Any]:
        shape = xs[0].shape
        flat = [[reshape(v, (v.size,)) for v in vs] for vs in (xs, ys)]
        return [reshape(o, shape) for o in over(*flat)]

    return combine


def _reduce_pairs(
    xs: list[Any], inits: list[Any], combine: Callable[..., Any], axes: Sequence[int]
) -> list[Any]:
    """Combines neighbours until one is left, then the initial value with it."""
    shape = xs[0].shape
    kept = [i for i in range(len(shape)) if i not in axes]
    out_shape = tuple(shape[i] for i in kept)
    n = math.prod(shape[i] for i in axes)
    rows = [reshape(transpose(x, (*axes, *kept)), (n, *out_shape)) for x in xs]
    start = [broadcast_to(v, (1, *out_shape)) for v in inits]
    while n > 1:
        even = n - n % 2
        pairs = [[slice_along(r, first, even, 0, 2) for r in rows] for first in (0, 1)]
        joined = combine(*pairs)
        if n % 2:
            rest = [slice_along(r, even, n, 0) for r in rows]
            joined = [concatenate([j, r], 0) for j, r in zip(joined, rest)]
        rows, n = joined, (n + 1) // 2
    total = combine(start, rows) if n else start
    return [reshape(t, out_shape) for t in total]


__all__ = [
    "MONOIDS", "argmax", "argmin", "cumlogsumexp", "cummax",
    "cummin", "cumprod", "cumsum", "flat_combine", "monoid_of", "reduce", "reduce_and",
    "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum", "reduce_xor",
]  # fmt: skip
