"""lax: ragged products, with a dimension split into groups, and scaled products."""

from __future__ import annotations

from typing import Any

from ..core import dtypes
from ..core.avals import as_array
from ..ops.arithmetic import mul_p
from ..ops.precision import canonical_precision
from ..ops.ragged import RaggedDotDimensionNumbers, ragged_dot_general_p
from ..ops.shaping import broadcast_in_dim, convert, reshape
from .binding import bind
from .contractions import dot_general


def ragged_dot_general(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: Any = None,
    preferred_element_type: Any = None,
    group_offset: Any = None,
    *,
    out_sharding: Any = None,
) -> Any:
    """A dot_general in which one dimension of the lhs is split into groups.

    Args:
        lhs, rhs: arrays.
        group_sizes: shape (g,), integers: the groups' sizes along the ragged dimension.
        ragged_dot_dimension_numbers: what is contracted, and what is ragged. A free
            ragged dimension: each group meets its own part of `rhs`, along its group
            dimension. A contracted one: a product for each group, stacked in front.
        precision, preferred_element_type, out_sharding: see `dot_general`.
        group_offset: not supported.

    Raises:
        TypeError: dimensions or sizes do not fit.
        NotImplementedError: a `group_offset`.
    """
    if group_offset is not None:
        raise NotImplementedError(
            "ragged_dot_general: group_offset is not supported; slice the groups of the"
            " rhs and the group sizes instead."
        )
    (cx, cy), (bx, by) = ragged_dot_dimension_numbers.dot_dimension_numbers
    numbers = RaggedDotDimensionNumbers(
        ((tuple(cx), tuple(cy)), (tuple(bx), tuple(by))),
        tuple(ragged_dot_dimension_numbers.lhs_ragged_dimensions),
        tuple(ragged_dot_dimension_numbers.rhs_group_dimensions),
    )
    if preferred_element_type is not None:
        preferred_element_type = dtypes.check_array_dtype(
            "ragged_dot_general", preferred_element_type
        )
    return bind(
        ragged_dot_general_p,
        lhs,
        rhs,
        group_sizes,
        ragged_dot_dimension_numbers=numbers,
        precision=canonical_precision("ragged_dot_general", precision),
        preferred_element_type=preferred_element_type,
    )


def ragged_dot(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    precision: Any = None,
    preferred_element_type: Any = None,
    group_offset: Any = None,
    out_sharding: Any = None,
) -> Any:
    """The product of groups of rows with a matrix for each group.

    Args:
        lhs: shape (m, k).
        rhs: shape (g, k, n).
        group_sizes: shape (g,), integers; the first group's rows come first. Rows
            beyond the last group give zeros.
        precision, preferred_element_type, group_offset, out_sharding: see
            `ragged_dot_general`.

    Returns:
        An array of shape (m, n).

    >>> from chainrule import lax, numpy as cnp
    >>> rows, weights = cnp.ones((3, 1)), cnp.array([[[1.]], [[10.]]])
    >>> lax.ragged_dot(rows, weights, cnp.array([1, 2])).ravel().tolist()
    [1.0, 10.0, 10.0]
    """
    numbers = RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,))
    return ragged_dot_general(
        lhs, rhs, group_sizes, numbers, precision, preferred_element_type, group_offset
    )


def _scaled(x: Any, scale: Any, wide: Any) -> Any:
    """`x` times a scale, each of whose elements is for a block of x's neighbours."""
    x = as_array(x, "scaled_dot")
    x = convert(x, wide)
    if scale is None:
        return x
    scale = convert(as_array(scale, "scaled_dot"), wide)
    if scale.ndim != x.ndim or any(
        m == 0 or n % m for n, m in zip(x.shape, scale.shape)
    ):
        raise ValueError(
            f"scaled_dot: the sizes of an operand of shape {x.shape} must be multiples"
            f" of those of its scale; got shape {scale.shape}."
        )
    blocks = [(m, n // m) for n, m in zip(x.shape, scale.shape)]
    apart = [k for pair in blocks for k in pair]
    kept = range(0, 2 * x.ndim, 2)
    spread = reshape(broadcast_in_dim(scale, apart, kept), x.shape)
    return mul_p(x, spread)


def scaled_dot(
    lhs: Any,
    rhs: Any,
    *,
    lhs_scale: Any = None,
    rhs_scale: Any = None,
    dimension_numbers: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The product of operands whose blocks have scales of their own.

    Args:
        lhs, rhs: matrices, or stacks of them; any floating-point dtype.
        lhs_scale, rhs_scale: their scales, with sizes that divide the operand's: each
            element is for a block of neighbours. None: ones.
        dimension_numbers: see `dot_general`; default the product of matrices, the first
            dimension being a batch dimension of operands with 3.
        preferred_element_type: dtype of the result; default bfloat16.

    Raises:
        ValueError: the scales' sizes do not divide the operands'.

    >>> from chainrule import lax, numpy as cnp
    >>> x = cnp.ones((1, 4))
    >>> scale = cnp.array([[1., 3.]])
    >>> float(lax.scaled_dot(x, x.T, lhs_scale=scale)[0, 0])
    8.0
    """
    wanted = (
        dtypes.bfloat16
        if preferred_element_type is None
        else (dtypes.check_array_dtype("scaled_dot", preferred_element_type))
    )
    wide = dtypes.float32 if wanted.itemsize < 4 else wanted
    x, y = _scaled(lhs, lhs_scale, wide), _scaled(rhs, rhs_scale, wide)
    if dimension_numbers is None:
        if x.ndim not in (2, 3) or x.ndim != y.ndim:
            raise ValueError(
                f"scaled_dot: operands of shapes {x.shape} and {y.shape} need"
                " dimension_numbers; only 2 or 3 dimensions have a default."
            )
        n = x.ndim
        batch = (0,) if n == 3 else ()
        dimension_numbers = (((n - 1,), (n - 2,)), (batch, batch))
    return convert(dot_general(x, y, dimension_numbers), wanted)


__all__ = [
    "RaggedDotDimensionNumbers",
    "ragged_dot",
    "ragged_dot_general",
    "scaled_dot",
]
