"""Products of matrices in a chain or with themselves; diagonals and transposes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...core import dtypes
from ...ops.joining import slice_along
from ...ops.linalg_lu import inverse
from ...ops.linalg_rules import check_matrix
from ...ops.matrices import diagonal as main_diagonal
from ...ops.matrices import eye_like, mT
from ...ops.matrices import matmul as multiply
from ...ops.power_series import repeated
from ...ops.shaping import canonical_axis, convert, reduce_sum_p
from .. import contractions
from ..promotion import inexact_operand, operand, promote


def matmul(
    x1: Any, x2: Any, /, *, precision: Any = None, preferred_element_type: Any = None
) -> Any:
    """The matrix product; see `chainrule.numpy.matmul`.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.matmul(cnp.array([[1, 2], [3, 4]]), cnp.array([5, 6])).tolist()
    [17, 39]
    """
    return contractions.matmul(
        x1, x2, precision=precision, preferred_element_type=preferred_element_type
    )


def tensordot(
    x1: Any,
    x2: Any,
    /,
    *,
    axes: int | tuple[Sequence[int], Sequence[int]] = 2,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Sums of products over several axes; see `chainrule.numpy.tensordot`.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.linalg.tensordot(cnp.array([1, 2]), cnp.array([3, 4]), axes=1))
    11
    """
    return contractions.tensordot(
        x1, x2, axes, precision=precision, out_sharding=out_sharding,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


def matrix_transpose(x: Any, /) -> Any:
    """The transposed matrices: (..., m, n) becomes (..., n, m).

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.matrix_transpose(cnp.ones((2, 3))).shape
    (3, 2)
    """
    x = operand("linalg.matrix_transpose", x)
    if x.ndim < 2:
        raise ValueError(
            f"matrix_transpose: requires at least 2 dimensions; got shape {x.shape}."
        )
    return mT(x)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Diagonals of matrices (..., m, n).

    Args:
        x: stack of matrices of any dtype.
        offset: 0: the main diagonal; k > 0: the k-th above it; k < 0: below.

    Returns:
        Shape (..., k), k the length of that diagonal.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.diagonal(cnp.array([[1, 2], [3, 4]]), offset=1).tolist()
    [2]
    """
    x = operand("linalg.diagonal", x)
    for axis in (-2, -1):
        canonical_axis("diagonal", axis, x.ndim)
    m, n = x.shape[-2:]
    rows, columns = min(max(-offset, 0), m), min(max(offset, 0), n)
    x = slice_along(x, rows, m, x.ndim - 2)
    return main_diagonal(slice_along(x, columns, n, x.ndim - 1))


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sums over diagonals of matrices (..., m, n), of shape (...).

    Args:
        x: stack of matrices; booleans are counted.
        offset: which diagonal, as in `diagonal`.
        dtype: dtype of the result.

    >>> import chainrule.numpy as cnp
    >>> float(cnp.linalg.trace(cnp.array([[1., 2.], [3., 4.]])))
    5.0
    """
    found = diagonal(x, offset=offset)
    if dtype is not None:
        found = convert(found, dtypes.check_array_dtype("trace", dtype))
    elif dtypes.kind(found.dtype) == "b":
        found = convert(found, dtypes.default_int())
    return reduce_sum_p(found, axes=(found.ndim - 1,))


def matrix_power(a: Any, n: int) -> Any:
    """The n-th powers of square matrices (..., k, k), by repeated squaring.

    Args:
        a: stack of square matrices.
        n: a Python int; negative ones take powers of the inverse.

    Raises:
        TypeError: `n` is no integer, or the matrices are not square.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.matrix_power(cnp.array([[1, 1], [0, 1]]), 5).tolist()
    [[1, 5], [0, 1]]
    """
    a = operand("linalg.matrix_power", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise TypeError(
            "matrix_power: the operand must be of shape (..., k, k), square in its last"
            f" 2 dimensions; got shape {a.shape}."
        )
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(
            f"matrix_power: exponent must be an integer, got {n}."
        ) from None
    if n == 0:
        return eye_like(a)
    if n < 0:
        a = inexact_operand("linalg.matrix_power", a)
        check_matrix("matrix_power", a, square=True)
        a, n = inverse(a), -n
    return repeated(multiply, a, n)


def multi_dot(arrays: Sequence[Any], *, precision: Any = None) -> Any:
    """The product of a chain of matrices, in the cheapest order.

    Args:
        arrays: at least two matrices; the first and the last may be vectors.
        precision: accepted; products are of the operands' full precision.

    Raises:
        ValueError: fewer than two arrays, or one of other rank; sizes do not fit.

    The order is found by dynamic programming (Cormen et al., Introduction to
    Algorithms, section 15.2).

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.multi_dot([cnp.ones((2, 3)), cnp.ones((3, 4)), cnp.ones(4)]).tolist()
    [12.0, 12.0]
    """
    given = len(arrays)
    if given < 2:
        raise ValueError(
            f"multi_dot: requires at least two arrays; got len(arrays)={given}."
        )
    xs = promote("linalg.multi_dot", *arrays)
    shapes = [x.shape for x in xs]
    inner_ok = all(len(s) == 2 for s in shapes[1:-1])
    if not inner_ok or any(len(s) not in (1, 2) for s in (shapes[0], shapes[-1])):
        raise ValueError(
            "multi_dot: input arrays must all be two-dimensional, except for the first"
            " and last array which may be 1 or 2 dimensional. Got array shapes"
            f" {shapes}."
        )
    if any(a[-1] != b[0] for a, b in zip(shapes, shapes[1:])):
        raise ValueError(
            "multi_dot: last dimension of each array must match first dimension of the"
            f" following array. Got array shapes {shapes}."
        )
    sizes = [1 if len(shapes[0]) == 1 else shapes[0][0]]
    sizes += [s[0] for s in shapes[1:]]
    sizes.append(1 if len(shapes[-1]) == 1 else shapes[-1][1])
    return _product(xs, _best_splits(sizes), 0, given - 1, precision)


def _best_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each part of a chain of matrices sizes[i] x sizes[i + 1]."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best = min(
                (
                    cost[i, k]
                    + cost[k + 1, j]
                    + sizes[i] * sizes[k + 1] * sizes[j + 1],
                    k,
                )
                for k in range(i, j)
            )
            cost[i, j], split[i, j] = best
    return split


def _product(xs: Any, split: Any, i: int, j: int, precision: Any) -> Any:
    if i == j:
        return xs[i]
    k = split[i, j]
    left = _product(xs, split, i, k, precision)
    right = _product(xs, split, k + 1, j, precision)
    return contractions.matmul(left, right, precision=precision)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Cross products of vectors of three components along `axis`.

    Raises:
        ValueError: vectors with another number of components.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.cross(cnp.array([1, 0, 0]), cnp.array([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    x1, x2 = operand("linalg.cross", x1), operand("linalg.cross", x2)
    sizes = [x.shape[canonical_axis("cross", axis, x.ndim)] for x in (x1, x2)]
    if sizes != [3, 3]:
        raise ValueError(
            "cross: Both input arrays must be (arrays of) 3-dimensional vectors, but"
            f" they have x1.shape[axis]={sizes[0]} and x2.shape[axis]={sizes[1]}."
        )
    return contractions.cross(x1, x2, axis=axis)


def outer(x1: Any, x2: Any, /) -> Any:
    """The products of all pairs of entries of two vectors, shape (n, m).

    Raises:
        ValueError: an operand is no vector.

    >>> import chainrule.numpy as cnp
    >>> cnp.linalg.outer(cnp.array([1, 2]), cnp.array([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    x1, x2 = operand("linalg.outer", x1), operand("linalg.outer", x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(
            "outer: Input arrays must be one-dimensional, but they are"
            f" x1.ndim={x1.ndim} x2.ndim={x2.ndim}."
        )
    return contractions.outer(x1, x2)


__all__ = [
    "cross", "diagonal", "matmul", "matrix_power", "matrix_transpose", "multi_dot",
    "outer", "tensordot", "trace",
]  # fmt: skip
