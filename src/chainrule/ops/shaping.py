"""Shaping: broadcast, reshape, transpose, convert; and the sum that undoes broadcast.

All are linear and cost no arithmetic; the compiler treats them as index arithmetic.
`reduce_sum` stands here because the transpose of broadcasting is summation.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, ShapedArray, aval_of, wrap
from ..core.errors import JAXTypeError
from ..core.linear import is_linear
from ..core.primitive import WEAK_BY_PARAM, Primitive
from ..runtime import _native
from . import arranging
from .folds import reduction


def canonical_axis(name: str, axis: int, ndim: int) -> int:
    """`axis` in 0 <= axis < ndim; ValueError naming function `name` otherwise."""
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"{name}: axis {axis} is out of bounds for array of dimension {ndim}; use"
            f" {-ndim} <= axis < {ndim}."
        )
    return axis + ndim if axis < 0 else axis


def canonical_shape(name: str, shape: Any) -> tuple[int, ...]:
    """`shape`, an int or a sequence of them, as a tuple; TypeError otherwise."""
    if type(shape) is int:
        shape = (shape,)
    elif not isinstance(shape, (tuple, list)):
        shape = (
            tuple(shape) if hasattr(shape, "__len__") and np.ndim(shape) else (shape,)
        )
    try:
        sizes = tuple([operator.index(n) for n in shape])
    except TypeError as error:
        if isinstance(error, JAXTypeError):
            raise
        raise TypeError(
            f"{name}: shapes must be integers or sequences of concrete integers; got"
            f" {shape!r}."
        ) from None
    if any(n < 0 for n in sizes):
        raise TypeError(f"{name}: sizes must not be negative; got shape {sizes}.")
    return sizes


# --- broadcast_in_dim --------------------------------------------------------------


def _broadcast_abstract(x: Any, *, shape: Any, broadcast_dimensions: Any) -> Any:
    if len(broadcast_dimensions) != x.ndim:
        raise TypeError(
            f"broadcast_in_dim: broadcast_dimensions {broadcast_dimensions} must name"
            f" one output dimension per operand dimension; the operand has {x.ndim}."
        )
    for n, d in zip(x.shape, broadcast_dimensions):
        if not 0 <= d < len(shape) or n not in (1, shape[d]):
            raise TypeError(
                f"broadcast_in_dim: operand shape {x.shape} does not broadcast into"
                f" {shape} along dimensions {broadcast_dimensions}; sizes must be equal"
                " or 1."
            )
    return shape, x.dtype


def _broadcast_transpose(
    ct: Any, x: Any, *, shape: Any, broadcast_dimensions: Any
) -> Any:
    kept = set(broadcast_dimensions)
    axes = [d for d in range(len(shape)) if d not in kept]
    axes += [d for n, d in zip(x.shape, broadcast_dimensions) if n != shape[d]]
    return (reshape(reduce_sum_p(ct, axes=tuple(sorted(axes))), x.shape),)


def _broadcast_batch(
    args: Any, dims: Any, size: int, *, shape: Any, broadcast_dimensions: Any
) -> Any:
    x = move_dim(args[0], dims[0], 0)
    into = (0, *(d + 1 for d in broadcast_dimensions))
    return broadcast_in_dim_p(x, shape=(size, *shape), broadcast_dimensions=into), 0


def _broadcast_evaluate(x: Any, *, shape: Any, broadcast_dimensions: Any) -> Any:
    x = np.asarray(x)
    if x.dtype.num < 24 and x.size and x.flags.c_contiguous:
        steps = [0] * len(shape)
        for n, step, d in zip(x.shape, x.strides, broadcast_dimensions):
            if n == shape[d]:
                steps[d] = step
        return np.ndarray(shape, x.dtype, x, 0, steps)  # twice as fast as broadcast_to
    expanded = [1] * len(shape)
    for n, d in zip(x.shape, broadcast_dimensions):
        expanded[d] = n
    return np.broadcast_to(x.reshape(expanded), shape)


def _broadcast_lower(
    build: Any, x: Any, *, shape: Any, broadcast_dimensions: Any
) -> Any:
    x = build.settled(x, reads=math.prod(shape) // max(math.prod(x.shape), 1))
    zero = build.m.Index(0)

    def element(*indices: Any) -> Any:
        return x.at(
            *(
                zero if n != shape[d] else indices[d]
                for n, d in zip(x.shape, broadcast_dimensions)
            )
        )

    return build.index(element, x)


def _broadcast_simplify(
    known: Any, x: Any, *, shape: Any, broadcast_dimensions: Any
) -> Any:
    if x.aval.shape == shape:
        return x
    origin = known.origin(x)
    if origin is None or origin.primitive is not broadcast_in_dim_p:
        return None
    inner = origin.params["broadcast_dimensions"]
    dims = tuple(broadcast_dimensions[d] for d in inner)
    params = {"shape": shape, "broadcast_dimensions": dims}
    return broadcast_in_dim_p, origin.invars, params


broadcast_in_dim_p = Primitive(
    "broadcast_in_dim",
    "out[i...] = x[i[broadcast_dimensions]...], 0 where x has size 1.",
    abstract=_broadcast_abstract,
    linear=(0,),
    transpose=_broadcast_transpose,
    batch=_broadcast_batch,
    evaluate=_broadcast_evaluate,
    lower=_broadcast_lower,
    simplify=_broadcast_simplify,
    keeps_scalars=True,
    work=0.0,
    view=arranging.broadcast_view,
)


def broadcast_in_dim(x: Any, shape: Sequence[int], dimensions: Sequence[int]) -> Any:
    """`x` laid along `dimensions` of `shape`; `x` itself where nothing moves."""
    shape = tuple(shape)
    if aval_of(x).shape == shape and isinstance(x, Array):
        return x
    return broadcast_in_dim_p(x, shape=shape, broadcast_dimensions=tuple(dimensions))


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """`x` broadcast to `shape` by NumPy's rule (trailing dimensions align)."""
    rank = aval_of(x).ndim
    return broadcast_in_dim(x, shape, range(len(shape) - rank, len(shape)))


# --- reshape, transpose --------------------------------------------------------------


def _reshape_abstract(x: Any, *, new_sizes: Any) -> Any:
    if math.prod(new_sizes) != x.size or any(n < 0 for n in new_sizes):
        raise TypeError(
            f"reshape: cannot reshape array of shape {x.shape} (size {x.size}) into"
            f" shape {tuple(new_sizes)} (size {math.prod(new_sizes)}); the sizes must"
            " agree."
        )
    return new_sizes, x.dtype


def _reshape_simplify(known: Any, x: Any, *, new_sizes: Any) -> Any:
    if x.aval.shape == tuple(new_sizes):
        return x
    origin = known.origin(x)
    if origin is None or origin.primitive is not reshape_p:
        return None
    return reshape_p, origin.invars, {"new_sizes": new_sizes}


reshape_p = Primitive(
    "reshape",
    "The same elements in row-major order under another shape.",
    abstract=_reshape_abstract,
    linear=(0,),
    transpose=lambda ct, x, *, new_sizes: (reshape(ct, x.shape),),
    batch=lambda args, dims, size, *, new_sizes: (
        reshape(move_dim(args[0], dims[0], 0), (size, *new_sizes)),
        0,
    ),
    evaluate=lambda x, *, new_sizes: x.reshape(new_sizes),
    lower=lambda build, x, *, new_sizes: build.reshape(x, new_sizes),
    simplify=_reshape_simplify,
    keeps_scalars=True,
    work=0.0,
    view=arranging.reshape_view,
)


def reshape(x: Any, shape: Sequence[int]) -> Any:
    """`x` under `shape` (no -1); `x` itself where it has that shape."""
    shape = tuple(shape)
    if aval_of(x).shape == shape and isinstance(x, Array):
        return x
    return reshape_p(x, new_sizes=shape)


def _transpose_abstract(x: Any, *, permutation: Any) -> Any:
    if sorted(permutation) != list(range(x.ndim)):
        raise TypeError(
            f"transpose: permutation {tuple(permutation)} is no permutation of the"
            f" dimensions of an array of shape {x.shape}."
        )
    return tuple(x.shape[i] for i in permutation), x.dtype


def _transpose_batch(args: Any, dims: Any, size: int, *, permutation: Any) -> Any:
    d = dims[0]
    moved = (d, *(i if i < d else i + 1 for i in permutation))
    return transpose_p(args[0], permutation=moved), 0


def _inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(permutation)), key=permutation.__getitem__))


def _transpose_simplify(known: Any, x: Any, *, permutation: Any) -> Any:
    if tuple(permutation) == tuple(range(len(permutation))):
        return x
    origin = known.origin(x)
    if origin is None or origin.primitive is not transpose_p:
        return None
    inner = origin.params["permutation"]
    both = tuple(inner[i] for i in permutation)
    return transpose_p, origin.invars, {"permutation": both}


transpose_p = Primitive(
    "transpose",
    "out's dimension k is x's dimension permutation[k].",
    abstract=_transpose_abstract,
    linear=(0,),
    transpose=lambda ct, x, *, permutation: (
        transpose_p(ct, permutation=_inverse(permutation)),
    ),
    batch=_transpose_batch,
    evaluate=lambda x, *, permutation: x.transpose(permutation),
    lower=lambda build, x, *, permutation: build.permuted(x, permutation),
    simplify=_transpose_simplify,
    keeps_scalars=True,
    work=0.0,
    view=lambda x_shape, out_shape, *, permutation: tuple(permutation),
)


def transpose(x: Any, permutation: Sequence[int]) -> Any:
    """`x` with permuted dimensions; `x` itself for the identity."""
    permutation = tuple(permutation)
    if permutation == tuple(range(len(permutation))) and isinstance(x, Array):
        return x
    return transpose_p(x, permutation=permutation)


def move_dim(x: Any, source: int, target: int) -> Any:
    """`x` with dimension `source` moved to position `target`."""
    if source == target:
        return x
    order = [i for i in range(aval_of(x).ndim) if i != source]
    order.insert(target, source)
    return transpose_p(x, permutation=tuple(order))


# --- convert_element_type ------------------------------------------------------------


def _convert_transpose(ct: Any, x: Any, *, new_dtype: Any, weak_type: Any) -> Any:
    return (convert(ct, x.dtype, x.weak_type),)


def _convert_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    if not dtypes.is_inexact(params["new_dtype"]):
        return None
    return convert_p(tangents[0], **params)


def _to_integers(x: Any, dtype: Any) -> Any:
    """Floats truncated to integers; the nearest one where out of range, 0 for NaN."""
    if x.dtype.itemsize < 4:
        x = x.astype(np.float32)
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    if not x.size or (float(x.min()) > least - 1.0 and float(x.max()) < most + 1.0):
        return x.astype(dtype)
    whole = np.trunc(x.astype(np.float64))
    low, high, missing = whole <= least, whole >= float(most), np.isnan(whole)
    inside = np.where(low | high | missing, 0.0, whole).astype(dtype)
    return np.where(low, least, np.where(high, most, inside)).astype(dtype)


def _convert_evaluate(x: Any, *, new_dtype: Any, weak_type: Any) -> Any:
    x = np.asarray(x)
    if x.dtype.kind == "c" and new_dtype.kind not in "cb":
        x = x.real
    if new_dtype.kind in "iu" and dtypes.is_float(x.dtype):
        return _to_integers(x, new_dtype)
    return x.astype(new_dtype, copy=False)


convert_p = Primitive(
    "convert_element_type",
    "Each element converted to new_dtype; complex to real drops the imaginary part.",
    abstract=lambda x, *, new_dtype, weak_type: (x.shape, new_dtype),
    jvp=_convert_jvp,
    transpose=_convert_transpose,
    batch=lambda args, dims, size, **params: (convert_p(args[0], **params), dims[0]),
    evaluate=_convert_evaluate,
    lower=lambda build, x, **_: build.converted(x),
    simplify=lambda known, x, **_: x,  # where the type is the same
    weak=WEAK_BY_PARAM,
    work=1.0,
)


def convert(x: Any, dtype: Any, weak_type: bool = False) -> Any:
    """`x` in `dtype`; `x` itself where it has that dtype and weak type."""
    aval = aval_of(x)
    if aval.dtype == dtype and aval.weak_type == weak_type and isinstance(x, Array):
        return x
    return convert_p(x, new_dtype=dtype, weak_type=weak_type)


# --- reduce_sum ----------------------------------------------------------------------


def reduced_shape(name: str, x: Any, axes: Sequence[int]) -> tuple[int, ...]:
    """The shape of `x` without `axes`; ValueError naming `name` for bad axes."""
    if len(set(axes)) != len(axes) or any(not 0 <= a < x.ndim for a in axes):
        raise ValueError(
            f"{name}: axes {tuple(axes)} must be distinct dimensions of an array of"
            f" shape {x.shape}."
        )
    return tuple(n for i, n in enumerate(x.shape) if i not in axes)


def batch_reduction(prim: Primitive) -> Any:
    """The batching rule of a reduction with parameter `axes`."""

    def batch(args: Any, dims: Any, size: int, *, axes: Any, **params: Any) -> Any:
        d = dims[0]
        moved = tuple(a if a < d else a + 1 for a in axes)
        return prim(args[0], axes=moved, **params), d - sum(a < d for a in moved)

    return batch


def _sum_transpose(ct: Any, x: Any, *, axes: Any) -> Any:
    kept = [i for i in range(x.ndim) if i not in axes]
    return (broadcast_in_dim(ct, x.shape, kept),)


def _sum_evaluate(x: Any, *, axes: Any) -> Any:
    """Floats of 8 and 16 bits are summed in 32, then rounded."""
    dtype = x.dtype
    if dtype.itemsize < 4 and dtypes.is_float(dtype):
        return np.add.reduce(x.astype(np.float32), axes).astype(dtype)
    return np.add.reduce(x, axes, dtype=dtype)


reduce_sum_p = Primitive(
    "reduce_sum",
    "The sum over `axes`.",
    abstract=lambda x, *, axes: (reduced_shape("reduce_sum", x, axes), x.dtype),
    linear=(0,),
    transpose=_sum_transpose,
    evaluate=_sum_evaluate,
    lower=reduction(
        lambda m, x, y: x | y if x.type == "bool" else x + y, lambda m, type: 0
    ),
)
reduce_sum_p.batch = batch_reduction(reduce_sum_p)
reduce_sum_p.quick = _native.quick_sum


def zeros(aval: Any) -> Any:
    """An array of zeros of the shape and dtype of `aval`."""
    return full(aval.shape, 0, aval.dtype, aval.weak_type)


def full(shape: Sequence[int], value: Any, dtype: Any, weak_type: bool = False) -> Any:
    """An array of `shape` filled with the Python number `value`."""
    return broadcast_in_dim(wrap(np.asarray(value, dtype), weak_type), shape, ())


__all__ = [
    "ShapedArray", "batch_reduction", "broadcast_in_dim", "broadcast_in_dim_p",
    "broadcast_to", "canonical_axis", "canonical_shape", "convert", "convert_p", "full",
    "is_linear", "move_dim", "reduce_sum_p", "reduced_shape", "reshape", "reshape_p",
    "transpose", "transpose_p", "zeros",
]  # fmt: skip
