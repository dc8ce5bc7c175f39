"""Matrix algebra on stacks of matrices: what derivatives of factorisations are made of.

`triangle` keeps one triangle of each matrix and weighs its diagonal: with weight 1/2 it
is the map Phi of triangular derivatives, with 0 the strict triangle. It is linear and
its own transpose. All functions here take arrays whose last two dimensions are rows and
columns, with equal leading ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..core.primitive import Primitive
from ..runtime._native import current_dynamic
from .contractions import Numbers, dot_general_p
from .elementwise_complex import conj_p, imag_p, real_p
from .elementwise_logic import eq_p
from .elementwise_selection import select
from .gather import gather
from .joining import concatenate, iota, slice_along
from .shaping import broadcast_in_dim, convert, full, move_dim, reduce_sum_p, reshape
from .slicing import slice_p
from .windows import GatherDimensionNumbers, GatherScatterMode

# --- triangle ------------------------------------------------------------------------


def _mask(m: int, n: int, lower: bool, whole: bool) -> Any:
    """Where the triangle is, with its diagonal or without."""
    inside = np.tri(m, n, 0 if whole == lower else -1, dtype=np.bool_)
    return inside if lower else ~inside


_small_mask = lru_cache(maxsize=256)(_mask)


def _triangle_evaluate(x: Any, *, lower: bool, diagonal: float) -> Any:
    m, n = x.shape[-2:]
    mask = (_small_mask if m * n <= 4096 else _mask)(m, n, lower, diagonal != 0)
    out = np.where(mask, x, x.dtype.type(0))
    if diagonal not in (0.0, 1.0):
        i = np.arange(min(m, n))
        out[..., i, i] *= x.dtype.type(diagonal)
    return out


def _triangle_batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    return triangle_p(move_dim(args[0], dims[0], 0), **params), 0


def _triangle_lower(build: Any, x: Any, *, lower: bool, diagonal: float) -> Any:
    m, zero = build.m, build.m.const(0, build.type_of(x.aval.dtype))

    def element(*i: Any) -> Any:
        below = i[-2] - i[-1] if lower else i[-1] - i[-2]
        value = x.at(*i)
        if diagonal == 1:
            return m.select(below.at_least(0), value, zero)
        if diagonal != 0:
            weight = m.const(diagonal, "f32" if x.type in ("f16", "bf16") else x.type)
            scaled = m.convert(m.convert(value, weight.type) * weight, x.type)
            zero_or = m.select(below.equals(0), scaled, zero)
        else:
            zero_or = zero
        return m.select(below.at_least(1), value, zero_or)

    return build.index(element, x, cost=1.0)


triangle_p = Primitive(
    "triangle",
    "The strict lower or upper triangle of x, plus `diagonal` times its diagonal.",
    abstract=lambda x, *, lower, diagonal: (x.shape, x.dtype),
    linear=(0,),
    transpose=lambda ct, x, **params: (triangle_p(ct, **params),),
    batch=_triangle_batch,
    evaluate=_triangle_evaluate,
    lower=_triangle_lower,
)


def tril(x: Any, diagonal: float = 1.0) -> Any:
    """The lower triangle of `x`, its diagonal weighed by `diagonal`."""
    return triangle_p(x, lower=True, diagonal=diagonal)


def triu(x: Any, diagonal: float = 1.0) -> Any:
    """The upper triangle of `x`, its diagonal weighed by `diagonal`."""
    return triangle_p(x, lower=False, diagonal=diagonal)


def hermitian_from(x: Any, lower: bool) -> Any:
    """The Hermitian matrix of which `x` holds one triangle."""
    half = triangle_p(x, lower=lower, diagonal=0.5)
    return half + mH(half)


def hermitian_part(x: Any) -> Any:
    """The mean of `x` and its conjugate transpose."""
    return (x + mH(x)) * 0.5


# --- transposes and products ----------------------------------------------------------


def mT(x: Any) -> Any:
    """The transposed matrices."""
    return move_dim(x, aval_of(x).ndim - 1, aval_of(x).ndim - 2)


def conj(x: Any) -> Any:
    """The complex conjugate; `x` itself where it is real."""
    dtype = aval_of(x).dtype
    return conj_p(x, input_dtype=dtype) if dtypes.is_complex(dtype) else x


def mH(x: Any) -> Any:
    """The conjugate transposed matrices."""
    return mT(conj(x))


def real(x: Any) -> Any:
    """The real part; `x` itself where it is real."""
    return real_p(x) if dtypes.is_complex(aval_of(x).dtype) else x


def imag_as(x: Any) -> Any:
    """i times the imaginary part of complex `x`."""
    return imag_p(x) * full((), 1j, aval_of(x).dtype)


@lru_cache(maxsize=64)
def _product_numbers(rank: int) -> Numbers:
    batch = tuple(range(rank - 2))
    return ((rank - 1,), (rank - 2,)), (batch, batch)


def matmul(a: Any, b: Any) -> Any:
    """The products of matrices `a` and `b`."""
    return dot_general_p(
        a,
        b,
        dimension_numbers=_product_numbers(aval_of(a).ndim),
        precision=None,
        preferred_element_type=None,
    )


# --- parts and constants --------------------------------------------------------------


@lru_cache(maxsize=32)
def _eye_value(n: int, dtype: Any) -> Any:
    return wrap(np.eye(n, dtype=dtype))


def eye(n: int, dtype: Any) -> Any:
    """The identity matrix, (n, n): a value, or while a program is staged its recipe."""
    if current_dynamic() is None:
        return _eye_value(n, dtype) if n <= 64 else wrap(np.eye(n, dtype=dtype))
    rows, columns = iota(dtypes.int32, (n, 1), 0), iota(dtypes.int32, (1, n), 1)
    return convert(eq_p(rows, columns), dtype)


def eye_like(x: Any) -> Any:
    """Identity matrices of the shape and dtype of square matrices `x`."""
    aval = aval_of(x)
    shape, rank = aval.shape, aval.ndim
    return broadcast_in_dim(eye(shape[-1], aval.dtype), shape, (rank - 2, rank - 1))


def diagonal(x: Any) -> Any:
    """The diagonals, (..., min(m, n)): every (n+1)-th element of flat matrices."""
    shape = aval_of(x).shape
    *batch, m, n = shape
    k = min(m, n)
    if not k:
        return reshape(x, (*batch, 0))
    flat = reshape(x, (*batch, m * n))
    return slice_p(
        flat,
        start_indices=(0,) * (len(batch) + 1),
        limit_indices=(*batch, (k - 1) * (n + 1) + 1),
        strides=(*(1,) * len(batch), n + 1),
    )


def as_columns(v: Any) -> Any:
    """Vectors (..., n) as one-column matrices (..., n, 1)."""
    return reshape(v, (*aval_of(v).shape, 1))


def as_rows(v: Any) -> Any:
    """Vectors (..., n) as one-row matrices (..., 1, n)."""
    shape = aval_of(v).shape
    return reshape(v, (*shape[:-1], 1, shape[-1]))


def differences(w: Any) -> Any:
    """The matrices with w[j] - w[i] in row i, column j."""
    return as_rows(w) - as_columns(w)


def reciprocal_differences(d: Any) -> Any:
    """1 / d off the diagonal, 0 on it, of matrices `d` that are 0 on the diagonal."""
    one = eye(aval_of(d).shape[-1], aval_of(d).dtype)
    return 1 / (d + one) - one


def sum_entries(x: Any) -> Any:
    """The sum of each matrix's entries."""
    rank = aval_of(x).ndim
    return reduce_sum_p(x, axes=(rank - 2, rank - 1))


def take_rows(x: Any, indices: Any) -> Any:
    """x[..., indices, :], the int32 `indices` of shape (..., k)."""
    shape = aval_of(x).shape
    rank = len(shape)
    batch = tuple(range(rank - 2))
    numbers = GatherDimensionNumbers(
        (rank - 1,), (rank - 2,), (rank - 2,), batch, batch
    )
    sizes = (*(1 if n else 0 for n in shape[:-1]), shape[-1])
    mode = GatherScatterMode.PROMISE_IN_BOUNDS
    return gather(x, as_columns(indices), numbers, sizes, mode)


def columns_between(x: Any, start: int, stop: int) -> Any:
    """x[..., start:stop]."""
    return slice_along(x, start, stop, aval_of(x).ndim - 1)


def rows_between(x: Any, start: int, stop: int) -> Any:
    """x[..., start:stop, :]."""
    return slice_along(x, start, stop, aval_of(x).ndim - 2)


def beside(*xs: Any) -> Any:
    """Matrices side by side."""
    return concatenate(xs, aval_of(xs[0]).ndim - 1)


def below(*xs: Any) -> Any:
    """Matrices one below the other."""
    return concatenate(xs, aval_of(xs[0]).ndim - 2)


__all__ = [
    "as_columns", "as_rows", "below", "beside", "columns_between", "conj", "diagonal",
    "differences", "eye", "eye_like", "hermitian_from",
    "hermitian_part", "imag_as", "mH", "mT", "matmul",
    "real", "reciprocal_differences", "rows_between", "select", "sum_entries",
    "take_rows", "triangle_p", "tril", "triu",
]  # fmt: skip
