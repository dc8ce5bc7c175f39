"""lax: sorting. sort, sort_key_val, top_k and their approximate kin."""

from __future__ import annotations

import operator
from typing import Any

from ..core.avals import as_array
from ..ops.arithmetic import neg_p
from ..ops.shaping import canonical_axis
from ..ops.sorting import sort_p, top_k_p
from .binding import bind


def sort(
    operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1
) -> Any:
    """Sorts one array, or several by the first `num_keys` of them.

    Args:
        operand: array, or a sequence of arrays of one shape.
        dimension: along which to sort.
        is_stable: accepted; equal keys always keep their order.
        num_keys: how many leading operands decide; the rest are carried along.

    Returns:
        The sorted array, or a tuple of them. NaN sorts behind everything, -0.0 equals
        0.0, complex numbers order by real part first.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.sort(cnp.array([3, 1, 2])).tolist()
    [1, 2, 3]
    """
    several = isinstance(operand, (list, tuple))
    xs = [as_array(x, "sort") for x in (operand if several else [operand])]
    if not xs:
        raise TypeError("sort: no operands; give at least one array.")
    found = bind(
        sort_p, *xs, dimension=canonical_axis("sort", dimension, xs[0].ndim),
        is_stable=bool(is_stable), num_keys=operator.index(num_keys),
    )  # fmt: skip
    return tuple(found) if several else found[0]


def sort_key_val(
    keys: Any, values: Any, dimension: int = -1, is_stable: bool = True
) -> tuple[Any, Any]:
    """`keys` sorted along `dimension`, and `values` (same shape) in the same order.

    >>> from chainrule import lax, numpy as cnp
    >>> [x.tolist() for x in lax.sort_key_val(cnp.array([2, 1]), cnp.array([5, 6]))]
    [[1, 2], [6, 5]]
    """
    return sort((keys, values), dimension, is_stable, 1)


def top_k(operand: Any, k: int, *, axis: int = -1) -> list[Any]:
    """The `k` largest elements along `axis`, largest first, and their positions.

    Args:
        operand: real array. k: how many. axis: along which.

    Returns:
        [values, positions (int32)]; ties keep their order, NaN comes first.

    >>> from chainrule import lax, numpy as cnp
    >>> [x.tolist() for x in lax.top_k(cnp.array([1, 3, 2]), 2)]
    [[3, 2], [1, 2]]
    """
    x = as_array(operand, "top_k")
    return bind(
        top_k_p, x, k=operator.index(k), axis=canonical_axis("top_k", axis, x.ndim)
    )


def approx_max_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> list[Any]:
    """The `k` largest elements and their positions; exact here, whatever the recall.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.approx_max_k(cnp.array([1.0, 3.0]), 1)[0].tolist()
    [3.0]
    """
    return top_k(operand, k, axis=reduction_dimension)


def approx_min_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> list[Any]:
    """The `k` smallest elements and their positions; exact here, whatever the recall.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.approx_min_k(cnp.array([1.0, 3.0]), 1)[0].tolist()
    [1.0]
    """
    values, positions = top_k(neg_p(operand), k, axis=reduction_dimension)
    return [neg_p(values), positions]


__all__ = ["approx_max_k", "approx_min_k", "sort", "sort_key_val", "top_k"]
