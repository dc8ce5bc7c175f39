"""Reductions: max, min, prod, and, or, xor over axes, argmax and argmin.

`axes` are distinct non-negative dimensions; an empty reduction gives the identity of
its monoid. NaN wins in max, min, argmax and argmin. At ties, the derivative of max and
min is split evenly. The derivative of prod never divides by its operand, so it is exact
where elements are zero. `reduce_sum` stands in shaping.py, its derivative being shape.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from .arithmetic import div_p, mul_p
from .cumulative import cumprod_p
from .elementwise_logic import eq_p
from .folds import extremum, first_index, highest, lowest, reduction
from .shaping import (
    batch_reduction,
    convert,
    full,
    reduce_sum_p,
    reduced_shape,
    reshape,
    transpose,
)
from .slicing import pad_p

_ordered = "biufc"


def keep_dims(y: Any, shape: tuple[int, ...], axes: Any) -> Any:
    """`y`, the reduction over `axes` of an array of `shape`, with those of size 1."""
    return reshape(y, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _abstract(name: str, kinds: str) -> Callable[..., Any]:
    def abstract(x: Any, *, axes: Any) -> Any:
        if dtypes.kind(x.dtype) not in kinds:
            raise TypeError(
                f"{name}: does not accept dtype {x.dtype}; convert the operand with"
                " astype."
            )
        return reduced_shape(name, x, axes), x.dtype

    return abstract


def _reduction(
    name: str, doc: str, kinds: str, evaluate: Any, **rules: Any
) -> Primitive:
    prim = Primitive(
        name, doc, abstract=_abstract(name, kinds), evaluate=evaluate, **rules
    )
    prim.batch = batch_reduction(prim)
    return prim


# --- max, min ------------------------------------------------------------------------


def least(dtype: Any) -> Any:
    """The identity of max in `dtype`: -inf, or the least value there is."""
    return _extreme(dtype, low=True)


def greatest(dtype: Any) -> Any:
    """The identity of min in `dtype`: inf, or the greatest value there is."""
    return _extreme(dtype, low=False)


def _extreme(dtype: Any, low: bool) -> Any:
    kind = dtypes.kind(dtype)
    if kind == "b":
        return np.asarray(not low)
    if kind in "iu":
        limits = dtypes.iinfo(dtype)
        return np.asarray(limits.min if low else limits.max, dtype)
    if kind == "c":
        return np.asarray(complex(-np.inf if low else np.inf, 0), dtype)
    infinite = np.asarray(-np.inf if low else np.inf).astype(dtype)
    if np.isinf(infinite.astype(np.float32)):
        return infinite
    limits = dtypes.finfo(dtype)
    return np.asarray(limits.min if low else limits.max, dtype)


def _extremum(ufunc: Any, identity: Callable[[Any], Any]) -> Callable[..., Any]:
    reduce = ufunc.reduce

    def evaluate(x: Any, *, axes: Any) -> Any:
        if x.size:
            return reduce(x, axes)
        return reduce(x, axes, initial=identity(x.dtype)[()])

    return evaluate


def _chooser_jvp(primals: Any, tangents: Any, y: Any, *, axes: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    chosen = convert(eq_p(x, keep_dims(y, x.shape, axes)), x.dtype)
    count = reduce_sum_p(chosen, axes=axes)
    return div_p(reduce_sum_p(mul_p(x_dot, chosen), axes=axes), count)


reduce_max_p = _reduction(
    "reduce_max",
    "The greatest element over `axes`; NaN where one is.",
    _ordered,
    _extremum(np.maximum, least),
    jvp=_chooser_jvp,
    lower=extremum(lambda m, x, y: m.maximum(x, y), lambda x, y: x > y, lowest),
)

reduce_min_p = _reduction(
    "reduce_min",
    "The least element over `axes`; NaN where one is.",
    _ordered,
    _extremum(np.minimum, greatest),
    jvp=_chooser_jvp,
    lower=extremum(lambda m, x, y: m.minimum(x, y), lambda x, y: x < y, highest),
)


# --- prod ----------------------------------------------------------------------------


def _prod_evaluate(x: Any, *, axes: Any) -> Any:
    dtype = x.dtype
    if dtype.itemsize < 4 and dtypes.is_float(dtype):
        return np.multiply.reduce(x.astype(np.float32), axes).astype(dtype)
    return np.multiply.reduce(x, axes, dtype=dtype)


def products_of_others(x: Any) -> Any:
    """For each element of a matrix, the product of the others in its row, exactly."""
    one = full((), 1, x.dtype)
    before = pad_p(x, one, padding_config=((0, 0, 0), (1, -1, 0)))
    behind = pad_p(x, one, padding_config=((0, 0, 0), (-1, 1, 0)))
    left = cumprod_p(before, axis=1, reverse=False)
    return mul_p(left, cumprod_p(behind, axis=1, reverse=True))


def _prod_jvp(primals: Any, tangents: Any, y: Any, *, axes: Any) -> Any:
    (x,), (x_dot,) = primals, tangents
    kept = [i for i in range(x.ndim) if i not in axes]
    order = (*kept, *axes)
    rows = math.prod(x.shape[i] for i in kept)
    length = math.prod(x.shape[i] for i in axes)

    def as_rows(v: Any) -> Any:
        return reshape(transpose(v, order), (rows, length))

    others = products_of_others(as_rows(x))
    return reshape(reduce_sum_p(mul_p(as_rows(x_dot), others), axes=(1,)), y.shape)


reduce_prod_p = _reduction(
    "reduce_prod",
    "The product of the elements over `axes`.",
    "iufc",
    _prod_evaluate,
    jvp=_prod_jvp,
    lower=reduction(lambda m, x, y: x * y, lambda m, type: 1),
)


# --- and, or, xor --------------------------------------------------------------------


def _bitwise(
    name: str, doc: str, ufunc: Any, combine: Callable[..., Any], identity: Any
) -> Primitive:
    return _reduction(
        name, doc, "biu", lambda x, *, axes: ufunc.reduce(x, axes), partials=(None,),
        lower=reduction(lambda m, x, y: combine(x, y), identity),
    )  # fmt: skip


reduce_and_p = _bitwise(
    "reduce_and", "Bitwise and over `axes`.", np.bitwise_and, operator.and_,
    lambda m, type: True if type == "bool" else -1,
)  # fmt: skip
reduce_or_p = _bitwise(
    "reduce_or", "Bitwise or over `axes`.", np.bitwise_or, operator.or_,
    lambda m, type: 0,
)  # fmt: skip
reduce_xor_p = _bitwise(
    "reduce_xor", "Bitwise xor over `axes`.", np.bitwise_xor, operator.xor,
    lambda m, type: 0,
)  # fmt: skip


# --- argmax, argmin -------------------------------------------------------------------


def _arg(name: str, doc: str, find: Callable[..., Any], lower: Any) -> Primitive:
    def abstract(x: Any, *, axes: Any, index_dtype: Any) -> Any:
        if dtypes.kind(x.dtype) not in _ordered:
            raise TypeError(f"{name}: does not accept dtype {x.dtype}.")
        if not dtypes.is_integer(index_dtype):
            raise TypeError(
                f"{name}: index_dtype must be an integer type; got {index_dtype}."
            )
        shape = reduced_shape(name, x, axes)
        if len(axes) != 1 or x.shape[axes[0]] == 0:
            raise ValueError(
                f"{name}: needs one axis of at least one element; got axes"
                f" {tuple(axes)} of an array of shape {x.shape}."
            )
        return shape, index_dtype

    def evaluate(x: Any, *, axes: Any, index_dtype: Any) -> Any:
        return find(x, axes[0]).astype(index_dtype)

    prim = Primitive(
        name, doc, abstract=abstract, evaluate=evaluate, partials=(None,),
        transpose=Missing("an index has no derivative"), weak=WEAK_NEVER, lower=lower,
    )  # fmt: skip
    prim.batch = batch_reduction(prim)
    return prim


argmax_p = _arg(
    "argmax",
    "The first index of the greatest element (or of NaN).",
    np.argmax,
    first_index("gt", "le", lowest),
)
argmin_p = _arg(
    "argmin",
    "The first index of the least element (or of NaN).",
    np.argmin,
    first_index("lt", "ge", highest),
)

__all__ = [
    "argmax_p", "argmin_p", "greatest", "keep_dims", "least", "products_of_others",
    "reduce_and_p", "reduce_max_p", "reduce_min_p", "reduce_or_p", "reduce_prod_p",
    "reduce_sum_p", "reduce_xor_p",
]  # fmt: skip
