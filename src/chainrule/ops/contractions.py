"""dot_general: sums of products over paired dimensions, from vecdot to batched matmul.

`dimension_numbers` is ((lhs contracted, rhs contracted), (lhs batch, rhs batch)). The
output's dimensions are the batch ones, then the lhs's free ones, then the rhs's. It is
bilinear, and each transpose is a dot_general again whose operand order is chosen so
that the plain matrix products need no transposed copy. Floating-point operands of 8 or
16 bits are multiplied and summed in 32, then rounded to `preferred_element_type`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.linear import is_linear
from ..core.primitive import Primitive
from ..runtime import _native
from . import arranging, folds
from .absorbing_forms import absorbing_products
from .shaping import convert, reshape_p, transpose, transpose_p

Numbers = tuple[
    tuple[tuple[int, ...], tuple[int, ...]], tuple[tuple[int, ...], tuple[int, ...]]
]

MATRIX_PRODUCT: Numbers = (((1,), (0,)), ((), ()))
"""Dimension numbers of a matrix times a matrix or a vector."""


@lru_cache(maxsize=4096)
def free_dims(numbers: Numbers, ndims: tuple[int, int]) -> list[list[int]]:
    """The dimensions of each operand that are neither contracted nor batch."""
    contracted, batch = numbers
    return [
        [i for i in range(n) if i not in contracted[k] and i not in batch[k]]
        for k, n in enumerate(ndims)
    ]


# --- shapes and dtypes ----------------------------------------------------------------


def _check_dims(x: Any, y: Any, numbers: Numbers) -> None:
    (cx, cy), (bx, by) = numbers
    for what, i, j in (("contracting", cx, cy), ("batch", bx, by)):
        if len(i) != len(j):
            raise TypeError(
                f"dot_general: requires equal numbers of {what} dimensions; got lhs"
                f" {tuple(i)} and rhs {tuple(j)}."
            )
    for side, v, dims in (("lhs", x, (*bx, *cx)), ("rhs", y, (*by, *cy))):
        if len(set(dims)) != len(dims) or any(not 0 <= d < v.ndim for d in dims):
            raise TypeError(
                f"dot_general: {side} batch and contracting dimensions {dims} must be"
                f" distinct dimensions of its shape {v.shape}."
            )
    for what, i, j in (("contracting", cx, cy), ("batch", bx, by)):
        left, right = tuple(x.shape[d] for d in i), tuple(y.shape[d] for d in j)
        if left != right:
            raise TypeError(
                f"dot_general: requires {what} dimensions to have the same shape, got"
                f" {left} and {right}, dimensions {tuple(i)} of {x.shape} and"
                f" {tuple(j)} of {y.shape}."
            )


def product_dtype(name: str, x: Any, y: Any, preferred: Any) -> Any:
    """The dtype of a product of arrays of avals `x` and `y`."""
    if x.dtype == y.dtype:
        natural = x.dtype
    elif dtypes.is_float(x.dtype) and dtypes.is_float(y.dtype):
        natural, _ = dtypes.promote((x.dtype, False), (y.dtype, False))
    elif preferred is None:
        raise TypeError(
            f"{name}: operands must have one dtype; got {x.dtype} and {y.dtype}."
            " Convert one with astype, or name a preferred_element_type."
        )
    else:
        natural = preferred
    if preferred is None:
        return natural
    preferred = dtypes.canonicalize_dtype(preferred)
    if dtypes.is_complex(natural) and not dtypes.is_complex(preferred):
        raise TypeError(
            f"{name}: preferred_element_type {preferred} cannot hold the product of"
            f" operands of dtype {natural}; choose a complex dtype."
        )
    return preferred


def _dot_abstract(
    x: Any,
    y: Any,
    *,
    dimension_numbers: Numbers,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    _check_dims(x, y, dimension_numbers)
    dtype = product_dtype("dot_general", x, y, preferred_element_type)
    free_x, free_y = free_dims(dimension_numbers, (x.ndim, y.ndim))
    batch = [x.shape[i] for i in dimension_numbers[1][0]]
    rest = [*(x.shape[i] for i in free_x), *(y.shape[i] for i in free_y)]
    return (*batch, *rest), dtype


# --- evaluation -----------------------------------------------------------------------

_exact = frozenset(np.dtype(c) for c in "fdFD?bBhHiIlL")
"""Dtypes that NumPy multiplies and sums as they are, without rounding too early."""


def compute_dtype(dtype: Any, out: Any) -> Any:
    """The dtype to multiply and add in, for operands of `dtype` and result `out`."""
    if dtypes.is_float(dtype) and dtype.itemsize < 4:
        dtype = dtypes.float32
    if out.itemsize > dtype.itemsize or dtypes.is_complex(out):
        if dtypes.is_integer(dtype) or dtypes.is_inexact(out):
            return out
    return dtype


def _dot_evaluate(
    x: Any,
    y: Any,
    *,
    dimension_numbers: Numbers,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    dtype = x.dtype
    wanted = preferred_element_type
    try:
        if y.dtype is dtype and (wanted is dtype or wanted is None) and dtype in _exact:
            if dimension_numbers is MATRIX_PRODUCT and x.ndim == 2:
                return np.matmul(x, y)
            return _plan(dimension_numbers, x.ndim, y.ndim)(x, y)
        out = product_dtype("dot_general", x, y, wanted)
        wide = compute_dtype(common_dtype(dtype, y.dtype, out), out)
        multiply = _plan(dimension_numbers, x.ndim, y.ndim)
        z = multiply(x.astype(wide, copy=False), y.astype(wide, copy=False))
        return z.astype(out, copy=False)
    except (ValueError, IndexError):
        _check_dims(x, y, dimension_numbers)
        raise


def common_dtype(x: Any, y: Any, out: Any) -> Any:
    """The dtype to which operands of `x` and `y` are converted for result `out`."""
    if x == y:
        return x
    if dtypes.is_float(x) and dtypes.is_float(y):
        return dtypes.promote((x, False), (y, False))[0]
    return out


@lru_cache(maxsize=4096)
def _plan(numbers: Numbers, nx: int, ny: int) -> Callable[[Any, Any], Any]:
    """How NumPy computes the product: the function of its two operands."""
    (cx, cy), (bx, _) = numbers
    if not (cx or bx):
        return np.multiply.outer
    if not bx and nx <= 2 and ny <= 2 and len(cx) == 1:
        return _small_plan(nx, ny, cx[0], cy[0])
    return _general_plan(numbers, nx, ny)


def _small_plan(nx: int, ny: int, i: int, j: int) -> Callable[[Any, Any], Any]:
    """Products of vectors and matrices: BLAS reads transposed operands as they are."""
    if nx == 1 or i == 1:
        if ny == 1 or j == 0:
            return np.matmul
        return lambda x, y: np.matmul(x, y.T)
    if ny == 1 or j == 0:
        return lambda x, y: np.matmul(x.T, y)
    return lambda x, y: np.matmul(x.T, y.T)


def _general_plan(numbers: Numbers, nx: int, ny: int) -> Callable[[Any, Any], Any]:
    """Both operands as stacks of matrices, (batch, free, contracted) and the like."""
    (cx, cy), (bx, by) = numbers
    free_x, free_y = free_dims(numbers, (nx, ny))
    order_x, order_y = (*bx, *free_x, *cx), (*by, *cy, *free_y)

    def multiply(x: Any, y: Any) -> Any:
        batch = tuple(x.shape[i] for i in bx)
        if [x.shape[i] for i in cx] != [y.shape[i] for i in cy] or batch != tuple(
            y.shape[i] for i in by
        ):
            raise ValueError("dot_general: paired dimensions differ in size.")
        rows = tuple(x.shape[i] for i in free_x)
        columns = tuple(y.shape[i] for i in free_y)
        inner = math.prod(x.shape[i] for i in cx)
        left = x.transpose(order_x).reshape(*batch, math.prod(rows), inner)
        right = y.transpose(order_y).reshape(*batch, inner, math.prod(columns))
        return np.matmul(left, right).reshape((*batch, *rows, *columns))

    return multiply


# --- transposes -----------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _transpose_plan(
    numbers: Numbers, ndims: tuple[int, int], side: int
) -> tuple[bool, Numbers, tuple[int, ...] | None]:
    """For the cotangent of operand `side`: is ct first, the numbers, a permutation.

    The cotangent is the product of ct with the other operand over the latter's free
    dimensions; its dimensions come out as (batch, free, contracted), or with ct second
    as (batch, contracted, free), and are then permuted to the operand's own order
    (None: they have it).
    """
    contracted, batch = numbers
    free = free_dims(numbers, ndims)
    other = 1 - side
    n_batch = len(batch[0])
    ct_free = [
        [*range(n_batch, n_batch + len(free[0]))],
        [*range(n_batch + len(free[0]), n_batch + len(free[0]) + len(free[1]))],
    ]
    ct_dims = (tuple(ct_free[other]), tuple(range(n_batch)))
    other_dims = (tuple(free[other]), tuple(batch[other]))
    inner = [c for _, c in sorted(zip(contracted[other], contracted[side]))]
    best: Any = None
    for ct_first in (side == 0, side == 1):
        tail = [*free[side], *inner] if ct_first else [*inner, *free[side]]
        order = [*batch[side], *tail]
        permutation = tuple(sorted(range(len(order)), key=order.__getitem__))
        pair = (ct_dims, other_dims) if ct_first else (other_dims, ct_dims)
        found = (
            ct_first,
            ((pair[0][0], pair[1][0]), (pair[0][1], pair[1][1])),
            permutation,
        )
        if permutation == tuple(range(len(order))):
            return ct_first, found[1], None
        best = best or found
    return best


_TIMES_TRANSPOSED: Numbers = (((1,), (1,)), ((), ()))
_TRANSPOSED_TIMES: Numbers = (((0,), (0,)), ((), ()))


def _dot_transpose(
    ct: Any,
    x: Any,
    y: Any,
    *,
    dimension_numbers: Numbers,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    side = 0 if is_linear(x) else 1
    this, other = (x, y) if side == 0 else (y, x)
    permutation = None
    if dimension_numbers is MATRIX_PRODUCT and y.ndim == 2:
        # x_bar = ct y^T, y_bar = x^T ct
        ct_first = side == 0
        numbers = _TIMES_TRANSPOSED if ct_first else _TRANSPOSED_TIMES
    else:
        ct_first, numbers, permutation = _transpose_plan(
            dimension_numbers, (x.ndim, y.ndim), side
        )
    dtype = this.dtype
    pair = (ct, other) if ct_first else (other, ct)
    bar = dot_general_p(
        *pair,
        dimension_numbers=numbers,
        precision=precision,
        preferred_element_type=None if preferred_element_type is None else dtype,
    )
    if permutation is not None:
        bar = transpose(bar, permutation)
    if bar.dtype is not dtype and bar.dtype != dtype:
        bar = convert(bar, dtype)
    return (bar, None) if side == 0 else (None, bar)


# --- batching -------------------------------------------------------------------------


def _dot_batch(
    args: Any, dims: Any, size: int, *, dimension_numbers: Numbers, **params: Any
) -> Any:
    (x, y), (dx, dy) = args, dims
    (cx, cy), (bx, by) = dimension_numbers
    cx, bx = _around(cx, dx), _around(bx, dx)
    cy, by = _around(cy, dy), _around(by, dy)
    free_x, free_y = free_dims(((cx, cy), (bx, by)), (_ndim(x), _ndim(y)))
    if dx is None:
        out_dim = len(bx) + len(free_x) + free_y.index(dy)
    elif dy is None:
        out_dim = len(bx) + free_x.index(dx)
    else:
        bx, by, out_dim = (dx, *bx), (dy, *by), 0
    return dot_general_p(
        x, y, dimension_numbers=((cx, cy), (bx, by)), **params
    ), out_dim


def _around(axes: Sequence[int], dim: int | None) -> tuple[int, ...]:
    """Dimensions `axes` of an example, counted in an array with batch dim `dim`."""
    return tuple(axes) if dim is None else tuple(a + (a >= dim) for a in axes)


def _ndim(x: Any) -> int:
    return aval_of(x).ndim


dot_general_p = Primitive(
    "dot_general",
    "Products of two arrays summed over contracted dimensions, along batch dimensions.",
    abstract=_dot_abstract,
    bilinear=True,
    transpose=_dot_transpose,
    batch=_dot_batch,
    evaluate=_dot_evaluate,
    lower=folds.dot_general,
    arrange=arranging.Arranging(
        arranging.dot_operands,
        arranging.dot_result,
        lambda shape: (reshape_p, {"new_sizes": tuple(shape)}),
        lambda order: (transpose_p, {"permutation": tuple(order)}),
        folds.dot_copied,
    ),
)
dot_general_p.quick = _native.quick_product
absorbing_products(dot_general_p)


def dot_general(
    x: Any,
    y: Any,
    dimension_numbers: Any,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """Binds dot_general, dimension numbers given as any nested sequences."""
    (cx, cy), (bx, by) = dimension_numbers
    numbers = ((tuple(cx), tuple(cy)), (tuple(bx), tuple(by)))
    if preferred_element_type is not None:
        preferred_element_type = dtypes.canonicalize_dtype(preferred_element_type)
    return dot_general_p(
        x,
        y,
        dimension_numbers=numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


__all__ = [
    "MATRIX_PRODUCT", "common_dtype", "compute_dtype", "dot_general", "dot_general_p",
    "free_dims",    "product_dtype",
]  # fmt: skip
