"""lax: dot, dot_general and batch_matmul.

Strict about shapes: nothing broadcasts, and contracted and batch dimensions are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import as_array
from ..ops.contractions import Numbers, dot_general_p
from ..ops.precision import (
    DotAlgorithm,
    DotAlgorithmPreset,
    Precision,
    PrecisionLike,
    canonical_precision,
)
from .binding import bind

DotDimensionNumbers = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]
"""((lhs contracted, rhs contracted), (lhs batch, rhs batch)) dimensions."""


def _static(numbers: Any) -> Numbers:
    (cx, cy), (bx, by) = numbers
    return ((tuple(cx), tuple(cy)), (tuple(bx), tuple(by)))


def dot_general(
    lhs: Any,
    rhs: Any,
    dimension_numbers: Any,
    precision: Any = None,
    preferred_element_type: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """Products of two arrays, summed over paired dimensions, along batch dimensions.

    Args:
        lhs, rhs: arrays.
        dimension_numbers: ((lhs contracted, rhs contracted), (lhs batch, rhs batch)),
            sequences of dimensions; paired dimensions have equal sizes.
        precision: a lax.Precision, its name, a pair of these, or an algorithm.
            Accepted and recorded; products are of the operands' full precision.
        preferred_element_type: dtype of the result; default the operands' own.
        out_sharding: accepted for programs that name shardings.

    Returns:
        An array with the batch dimensions, then the free ones of lhs, then of rhs.

    Raises:
        TypeError: dimensions do not exist or sizes differ.
        ValueError: `precision` is not understood.

    >>> from chainrule import lax, numpy as cnp
    >>> x = cnp.ones((2, 3, 4))
    >>> lax.dot_general(x, x, (((2,), (2,)), ((0,), (0,)))).shape
    (2, 3, 3)
    """
    if preferred_element_type is not None:
        preferred_element_type = dtypes.check_array_dtype(
            "dot_general", preferred_element_type
        )
    return bind(
        dot_general_p,
        lhs,
        rhs,
        dimension_numbers=_static(dimension_numbers),
        precision=canonical_precision("dot_general", precision),
        preferred_element_type=preferred_element_type,
    )


def dot(
    lhs: Any,
    rhs: Any,
    *,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """The product of vectors and matrices; with `dimension_numbers`, `dot_general`.

    Args:
        lhs, rhs: arrays; without `dimension_numbers` of 1 or 2 dimensions.
        dimension_numbers, precision, preferred_element_type, out_sharding: see
            `dot_general`.

    Raises:
        ValueError: other shapes without `dimension_numbers`.

    >>> from chainrule import lax, numpy as cnp
    >>> float(lax.dot(cnp.ones(3), cnp.ones(3)))
    3.0
    """
    lhs, rhs = as_array(lhs, "dot"), as_array(rhs, "dot")
    if dimension_numbers is None:
        plain = 1 <= lhs.ndim <= 2 and 1 <= rhs.ndim <= 2
        if not plain or lhs.shape[-1] != rhs.shape[0]:
            raise ValueError(
                f"dot: shapes {lhs.shape} and {rhs.shape} are no matrix or vector"
                " product; give dimension_numbers."
            )
        dimension_numbers = (((lhs.ndim - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type)


def batch_matmul(lhs: Any, rhs: Any, precision: Any = None) -> Any:
    """Products of stacks of matrices: shapes (*batch, n, k) and (*batch, k, m).

    Raises:
        ValueError: fewer than 2 dimensions, or different numbers of them.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.batch_matmul(cnp.ones((2, 3, 4)), cnp.ones((2, 4, 5))).shape
    (2, 3, 5)
    """
    lhs, rhs = as_array(lhs, "batch_matmul"), as_array(rhs, "batch_matmul")
    if min(lhs.ndim, rhs.ndim) < 2 or lhs.ndim != rhs.ndim:
        raise ValueError(
            "batch_matmul: operands must have one number of dimensions, at least 2; got"
            f" shapes {lhs.shape} and {rhs.shape}."
        )
    batch = tuple(range(lhs.ndim - 2))
    numbers = (((lhs.ndim - 1,), (rhs.ndim - 2,)), (batch, batch))
    return dot_general(lhs, rhs, numbers, precision)


__all__ = [
    "DotAlgorithm", "DotAlgorithmPreset", "DotDimensionNumbers", "Precision",
    "PrecisionLike", "batch_matmul", "dot", "dot_general",
]  # fmt: skip
