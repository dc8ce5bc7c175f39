"""Diagonals and triangles: eye, tri, tril, diag, diagonal, trace, vander, and indices.

Masks are comparisons of two counters, so that they cost no memory in compiled programs;
reading a diagonal is a strided slice of the flattened matrix.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import wrap
from ..ops.elementwise_logic import eq_p, ge_p
from ..ops.elementwise_selection import select
from ..ops.joining import concatenate, expand_dims, iota, slice_along
from ..ops.shaping import (
    broadcast_in_dim,
    canonical_axis,
    canonical_shape,
    convert,
    full,
    move_dim,
    reduce_sum_p,
    reshape,
)
from ..ops.slicing import pad_p
from ..runtime._native import current_dynamic
from .creation import placed
from .manipulation import ravel
from .nonzero_search import nonzero
from .promotion import operand


def _size(name: str, n: Any) -> int:
    return canonical_shape(name, (n,))[0]


def _offset_mask(compare: Any, shape: tuple[int, int], k: int) -> Any:
    """compare(row + k, column), as a boolean matrix."""
    if current_dynamic() is None:
        rows, columns = np.ogrid[k : k + shape[0], 0 : shape[1]]
        return wrap(compare.evaluate(rows, columns))
    rows = iota(dtypes.int32, shape, 0) + np.int32(k)
    return compare(rows, iota(dtypes.int32, shape, 1))


def eye(
    N: Any, M: Any = None, k: Any = 0, dtype: Any = None, *, device: Any = None
) -> Any:
    """A matrix of shape (N, M) with ones on the `k`-th diagonal and zeros elsewhere.

    >>> import chainrule.numpy as cnp
    >>> cnp.eye(2, 3, k=1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    shape = (_size("eye", N), _size("eye", N if M is None else M))
    found = dtypes.check_array_dtype("eye", float if dtype is None else dtype)
    if current_dynamic() is None:
        return placed(wrap(np.eye(*shape, operator.index(k), found)), device)
    mask = _offset_mask(eq_p, shape, operator.index(k))
    return placed(convert(mask, found), device)


def identity(n: Any, dtype: Any = None) -> Any:
    """The identity matrix of shape (n, n).

    >>> import chainrule.numpy as cnp
    >>> cnp.identity(2, int).tolist()
    [[1, 0], [0, 1]]
    """
    return eye(n, dtype=dtype)


def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """A matrix of shape (N, M) with ones on and below the `k`-th diagonal.

    >>> import chainrule.numpy as cnp
    >>> cnp.tri(2, dtype=int).tolist()
    [[1, 0], [1, 1]]
    """
    shape = (_size("tri", N), _size("tri", N if M is None else M))
    found = dtypes.check_array_dtype("tri", np.float32 if dtype is None else dtype)
    return convert(_offset_mask(ge_p, shape, operator.index(k)), found)


def _triangle(name: str, m: Any, k: Any, lower: bool) -> Any:
    x = operand(name, m)
    if x.ndim < 2:
        raise ValueError(f"{name}: needs at least two dimensions; got shape {x.shape}.")
    k = operator.index(k)
    mask = _offset_mask(ge_p, x.shape[-2:], k if lower else k - 1)
    zero = full((), 0, x.dtype, x.weak_type)
    return select(mask, x, zero) if lower else select(mask, zero, x)


def tril(m: Any, k: int = 0) -> Any:
    """`m` with zeros above the `k`-th diagonal of its last two dimensions.

    >>> import chainrule.numpy as cnp
    >>> cnp.tril(cnp.ones((2, 2))).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return _triangle("tril", m, k, True)


def triu(m: Any, k: int = 0) -> Any:
    """`m` with zeros below the `k`-th diagonal of its last two dimensions.

    >>> import chainrule.numpy as cnp
    >>> cnp.triu(cnp.ones((2, 2))).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    return _triangle("triu", m, k, False)


# --- diagonals -----------------------------------------------------------------------


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of `a` in the plane of two axes, as its last dimension.

    Args:
        a: array of at least two dimensions.
        offset: which diagonal: 0 the main one, positive above, negative below it.
        axis1, axis2: the axes of rows and columns.

    >>> import chainrule.numpy as cnp
    >>> cnp.diagonal(cnp.arange(4).reshape(2, 2)).tolist()
    [0, 3]
    """
    x = operand("diagonal", a)
    if x.ndim < 2:
        raise ValueError(
            f"diagonal: needs at least two dimensions; got shape {x.shape}."
        )
    i = canonical_axis("diagonal", operator.index(axis1), x.ndim)
    j = canonical_axis("diagonal", operator.index(axis2), x.ndim)
    if i == j:
        raise ValueError(f"diagonal: axis1 and axis2 must differ; both are {axis1}.")
    x = move_dim(x, i, x.ndim - 1)
    x = move_dim(x, j - (j > i), x.ndim - 1)
    return matrix_diagonal(x, operator.index(offset))


def matrix_diagonal(x: Any, k: int) -> Any:
    """The `k`-th diagonal of the matrices in the last two dimensions of `x`."""
    *batch, n, m = x.shape
    first = k if k >= 0 else -k * m
    length = max(0, min(n + min(k, 0), m - max(k, 0)))
    flat = reshape(x, (*batch, n * m))
    if not length:
        return slice_along(flat, 0, 0, len(batch))
    return slice_along(
        flat, first, first + (length - 1) * (m + 1) + 1, len(batch), m + 1
    )


def on_diagonal(v: Any, k: int) -> Any:
    """Square matrices with the last dimension of `v` on their `k`-th diagonal."""
    *batch, n = v.shape
    size = n + abs(k)
    first = k if k >= 0 else -k * size
    covered = n + max(n - 1, 0) * size
    config = (
        *((0, 0, 0),) * len(batch),
        (first, size * size - first - covered, size),
    )
    flat = pad_p(v, full((), 0, v.dtype, v.weak_type), padding_config=config)
    return reshape(flat, (*batch, size, size))


def diag(v: Any, k: int = 0) -> Any:
    """The `k`-th diagonal of a matrix, or a matrix with that diagonal for a vector.

    >>> import chainrule.numpy as cnp
    >>> cnp.diag(cnp.array([1, 2])).tolist()
    [[1, 0], [0, 2]]
    """
    x = operand("diag", v)
    if x.ndim == 1:
        return on_diagonal(x, operator.index(k))
    if x.ndim == 2:
        return matrix_diagonal(x, operator.index(k))
    raise ValueError(f"diag: takes one or two dimensions; got shape {x.shape}.")


def diagflat(v: Any, k: int = 0) -> Any:
    """A matrix with the flattened `v` on its `k`-th diagonal.

    >>> import chainrule.numpy as cnp
    >>> cnp.diagflat(cnp.ones((1, 2))).shape
    (2, 2)
    """
    return on_diagonal(ravel(v), operator.index(k))


def trace(
    a: Any,
    offset: Any = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: None = None,
) -> Any:
    """The sum of a diagonal of `a` in the plane of two axes; see `diagonal`.

    Integers narrower than the default one are summed in that.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.trace(cnp.arange(4).reshape(2, 2)))
    3
    """
    if out is not None:
        raise NotImplementedError(
            "trace: `out` is not supported; arrays are immutable."
        )
    found = diagonal(a, offset, axis1, axis2)
    if dtype is not None:
        found = convert(found, dtypes.check_array_dtype("trace", dtype))
    elif dtypes.kind(found.dtype) in "bi" and found.dtype.itemsize < 4:
        found = convert(found, dtypes.default_int())
    elif dtypes.kind(found.dtype) == "u" and found.dtype.itemsize < 4:
        found = convert(found, dtypes.uint32)
    return reduce_sum_p(found, axes=(found.ndim - 1,))


def fill_diagonal(a: Any, val: Any, wrap: bool = False, *, inplace: bool = True) -> Any:
    """`a` with its main diagonal replaced by `val` (number, or as many as it has).

    Args:
        a: array of at least two dimensions; of more only with equal sizes.
        val: number or array, repeated as often as needed.
        wrap: for tall matrices, whether the diagonal starts again below.
        inplace: must be False: arrays are immutable, the result is returned.

    >>> import chainrule.numpy as cnp
    >>> cnp.fill_diagonal(cnp.zeros((2, 2)), 5.0, inplace=False).tolist()
    [[5.0, 0.0], [0.0, 5.0]]
    """
    if inplace:
        raise NotImplementedError(
            "fill_diagonal: arrays are immutable; pass inplace=False and use the"
            " result."
        )
    if wrap:
        raise NotImplementedError("fill_diagonal: wrap=True is not supported.")
    x, v = operand("fill_diagonal", a), operand("fill_diagonal", val)
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1):
        raise ValueError(
            f"fill_diagonal: needs a matrix, or more dimensions of one size; got shape"
            f" {x.shape}."
        )
    n = min(x.shape)
    if v.ndim:
        v = ravel(v)[np.arange(n) % max(v.size, 1)]
    where = np.arange(n)
    return x.at[(where,) * x.ndim].set(v, unique_indices=True)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The Vandermonde matrix of a vector: column j holds the power N - 1 - j.

    Args:
        x: array of shape (n,). N: number of columns, by default n.
        increasing: whether powers grow from 0 on.

    >>> import chainrule.numpy as cnp
    >>> cnp.vander(cnp.array([2, 3]), 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    v = operand("vander", x)
    if v.ndim != 1:
        raise ValueError(f"vander: takes a 1-d array; got shape {v.shape}.")
    if v.dtype == dtypes.bool_:
        v = convert(v, dtypes.default_int())
    count = v.size if N is None else operator.index(N)
    if count < 0:
        raise ValueError(f"vander: N must be non-negative; got {N}.")
    columns = [full((v.size, 1), 1, v.dtype)]
    column = expand_dims(v, (1,))
    while len(columns) < count:
        columns.append(columns[-1] * column)
    columns = columns[:count]
    if not columns:
        return full((v.size, 0), 0, v.dtype)
    return concatenate(columns if increasing else columns[::-1], 1)


# --- indices -------------------------------------------------------------------------


def _mask_indices(mask: Any) -> tuple[Any, ...]:
    return tuple([wrap(p.astype(dtypes.default_int())) for p in np.nonzero(mask)])


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, Any]:
    """Rows and columns of the lower triangle of an (n, m) matrix, up to diagonal `k`.

    >>> import chainrule.numpy as cnp
    >>> [p.tolist() for p in cnp.tril_indices(2)]
    [[0, 1, 1], [0, 0, 1]]
    """
    return _mask_indices(np.tri(n, m, k, bool))


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Any, Any]:
    """Rows and columns of the upper triangle of an (n, m) matrix, from diagonal `k`.

    >>> import chainrule.numpy as cnp
    >>> [p.tolist() for p in cnp.triu_indices(2)]
    [[0, 0, 1], [0, 1, 1]]
    """
    return _mask_indices(~np.tri(n, m, k - 1, bool))


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    """`tril_indices` for the shape of the matrix `arr`.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.tril_indices_from(cnp.zeros((2, 2)))[0])
    3
    """
    n, m = _matrix_shape("tril_indices_from", arr)
    return tril_indices(n, k, m)


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    """`triu_indices` for the shape of the matrix `arr`.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.triu_indices_from(cnp.zeros((2, 2)))[0])
    3
    """
    n, m = _matrix_shape("triu_indices_from", arr)
    return triu_indices(n, k, m)


def _matrix_shape(name: str, arr: Any) -> tuple[int, int]:
    shape = np.shape(arr)
    if len(shape) != 2:
        raise ValueError(f"{name}: takes a matrix; got shape {shape}.")
    return shape


def diag_indices(n: int, ndim: int = 2) -> tuple[Any, ...]:
    """The positions of the main diagonal of an array of size `n` in `ndim` dimensions.

    >>> import chainrule.numpy as cnp
    >>> [p.tolist() for p in cnp.diag_indices(2)]
    [[0, 1], [0, 1]]
    """
    if n < 0 or ndim < 0:
        raise ValueError(
            f"diag_indices: n and ndim must not be negative; got {n} and {ndim}."
        )
    return (iota(dtypes.default_int(), (operator.index(n),)),) * ndim


def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    """`diag_indices` for the shape of `arr`, whose sizes are equal.

    >>> import chainrule.numpy as cnp
    >>> len(cnp.diag_indices_from(cnp.zeros((2, 2))))
    2
    """
    shape = np.shape(arr)
    if len(shape) < 2 or len(set(shape)) > 1:
        raise ValueError(
            f"diag_indices_from: needs two or more dimensions of one size; got {shape}."
        )
    return diag_indices(shape[0], len(shape))


def mask_indices(
    n: int, mask_func: Callable[..., Any], k: int = 0, *, size: int | None = None
) -> Any:
    """The positions at which `mask_func(ones((n, n)), k)` is not zero.

    >>> import chainrule.numpy as cnp
    >>> [p.tolist() for p in cnp.mask_indices(2, cnp.triu)]
    [[0, 0, 1], [0, 1, 1]]
    """
    ones = broadcast_in_dim(np.ones((), dtypes.default_float()), (n, n), ())
    return nonzero(mask_func(ones, k), size=size)


__all__ = [
    "diag", "diag_indices", "diag_indices_from", "diagflat", "diagonal", "eye",
    "fill_diagonal", "identity", "mask_indices", "matrix_diagonal", "on_diagonal",
    "trace", "tri", "tril", "tril_indices", "tril_indices_from", "triu",
    "triu_indices", "triu_indices_from", "vander",
]  # fmt: skip
