"""ragged_dot_general: products in which one dimension is split into groups at run time.

`group_sizes` says how many elements of the lhs's ragged dimension belong to each group.
What is ragged decides what is meant:

    a free dimension: each group's rows meet the rhs's matrix of that group; rows beyond
        the last group give zeros;
    a contracted one: one product for each group, over its part of the sum;
    a batch dimension: the plain product.

The first two are each other's transposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes
from ..core.avals import ShapedArray, aval_of
from ..core.linear import is_linear
from ..core.primitive import Primitive
from ..core.printer import readable
from . import ragged_lowering
from .absorbing_forms import absorbing_products
from .arithmetic import add_p
from .contractions import Numbers, dot_general_p, free_dims, product_dtype
from .folds import dot_general
from .joining import concatenate, slice_along, with_batch_first
from .power_series import cauchy
from .shaping import convert, reshape, transpose


@readable
class RaggedDotDimensionNumbers(NamedTuple):
    """Dimensions of a ragged product: which are contracted, and which is in groups.

    Fields:
        dot_dimension_numbers: those of `dot_general`.
        lhs_ragged_dimensions: the lhs dimension that is split into groups (one).
        rhs_group_dimensions: the rhs dimension that counts the groups; none where the
            ragged dimension is contracted or a batch dimension.
    """

    dot_dimension_numbers: Any
    lhs_ragged_dimensions: Sequence[int]
    rhs_group_dimensions: Sequence[int]


_free, _contracted, _batch = "free", "contracted", "batch"


def _mode(numbers: RaggedDotDimensionNumbers) -> str:
    (cx, _), (bx, _) = numbers.dot_dimension_numbers
    (ragged,) = numbers.lhs_ragged_dimensions
    return _contracted if ragged in cx else _batch if ragged in bx else _free


def _without(dims: Sequence[int], gone: int) -> tuple[int, ...]:
    return tuple(d - (d > gone) for d in dims)


def _one_group(numbers: RaggedDotDimensionNumbers) -> Numbers:
    """The numbers of one group's product: the rhs has lost its group dimension."""
    (cx, cy), (bx, by) = numbers.dot_dimension_numbers
    if not numbers.rhs_group_dimensions:
        return numbers.dot_dimension_numbers
    (group,) = numbers.rhs_group_dimensions
    return (cx, _without(cy, group)), (bx, _without(by, group))


def _abstract(
    x: Any,
    y: Any,
    sizes: Any,
    *,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    numbers, name = ragged_dot_dimension_numbers, "ragged_dot_general"
    if sizes.ndim != 1 or not dtypes.is_integer(sizes.dtype):
        raise TypeError(
            f"{name}: group_sizes must be a 1-D array of integers; got"
            f" {sizes.str_short()}."
        )
    if len(numbers.lhs_ragged_dimensions) != 1:
        raise TypeError(
            f"{name}: needs one ragged dimension; got"
            f" {tuple(numbers.lhs_ragged_dimensions)}."
        )
    mode, shape = _mode(numbers), list(y.shape)
    if len(numbers.rhs_group_dimensions) != (mode == _free):
        raise TypeError(
            f"{name}: rhs_group_dimensions {tuple(numbers.rhs_group_dimensions)} must"
            " name one dimension where the ragged one is free, and none otherwise."
        )
    if mode == _free:
        count = shape.pop(numbers.rhs_group_dimensions[0])
        if count != sizes.shape[0]:
            raise TypeError(
                f"{name}: the rhs of shape {y.shape} has {count} groups along dimension"
                f" {numbers.rhs_group_dimensions[0]}, group_sizes has {sizes.shape[0]}."
            )
    one = dot_general_p.abstract(
        x,
        ShapedArray(tuple(shape), y.dtype, y.weak_type),
        dimension_numbers=_one_group(numbers),
        precision=precision,
        preferred_element_type=preferred_element_type,
    )
    return ((sizes.shape[0], *one[0]) if mode == _contracted else one[0]), one[1]


def _evaluate(
    x: Any,
    y: Any,
    sizes: Any,
    *,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    numbers = ragged_dot_dimension_numbers
    mode, one = _mode(numbers), _one_group(numbers)
    out = product_dtype("ragged_dot_general", x, y, preferred_element_type)

    def product(a: Any, b: Any) -> Any:
        return dot_general_p.evaluate(
            a, b, dimension_numbers=one, precision=None, preferred_element_type=out
        )

    if mode == _batch:
        return product(x, y)
    (ragged,) = numbers.lhs_ragged_dimensions
    bounds = np.minimum(np.cumsum([0, *sizes]), x.shape[ragged])
    parts = [_range(x, ragged, a, b) for a, b in zip(bounds, bounds[1:])]
    (cx, cy), (bx, _) = numbers.dot_dimension_numbers
    if mode == _contracted:
        other = cy[tuple(cx).index(ragged)]
        pairs = zip(parts, zip(bounds, bounds[1:]))
        found = [product(p, _range(y, other, a, b)) for p, (a, b) in pairs]
        shape = (0, *product(_range(x, ragged, 0, 0), _range(y, other, 0, 0)).shape)
        return np.stack(found) if found else np.zeros(shape, out)
    (group,) = numbers.rhs_group_dimensions
    at = len(bx) + free_dims(one, (x.ndim, y.ndim - 1))[0].index(ragged)
    found = [product(p, y.take(g, group)) for g, p in enumerate(parts)]
    rest = product(
        _range(x, ragged, bounds[-1], x.shape[ragged]),
        np.zeros([n for d, n in enumerate(y.shape) if d != group], y.dtype),
    )
    return np.concatenate([*found, rest], at)


def _range(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(*(slice(None),) * axis, slice(start, stop))]


def _jvp(primals: Any, tangents: Any, z: Any, **params: Any) -> Any:
    x, y, sizes = primals
    x_dot, y_dot, _ = tangents
    left = None if x_dot is None else ragged_dot_general_p(x_dot, y, sizes, **params)
    right = None if y_dot is None else ragged_dot_general_p(x, y_dot, sizes, **params)
    if left is None or right is None:
        return right if left is None else left
    return add_p(left, right)


def _terms(z: Any, x: Any, y: Any, sizes: Any, **params: Any) -> Any:
    """The Cauchy product: z is bilinear in x and y."""
    times = lambda a, b: ragged_dot_general_p(a, b, sizes[0], **params)
    for k in count(1):
        yield cauchy(x, y, k, times)


# --- transposes -----------------------------------------------------------------------


def _transpose(
    ct: Any,
    x: Any,
    y: Any,
    sizes: Any,
    *,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    **params: Any,
) -> Any:
    numbers = ragged_dot_dimension_numbers
    mode = _mode(numbers)
    if mode == _batch:
        bars = dot_general_p.transpose(
            ct, x, y, dimension_numbers=numbers.dot_dimension_numbers, **params
        )
        return (*bars, None)
    rule = _transpose_free if mode == _free else _transpose_contracted
    this = x if is_linear(x) else y
    bar = rule(ct, x, y, sizes, numbers, params)
    bar = bar if bar.dtype == this.dtype else convert(bar, this.dtype)
    return (bar, None, None) if this is x else (None, bar, None)


def _ragged(
    a: Any, b: Any, sizes: Any, dot: Any, ragged: int, group: Any, params: Any
) -> Any:
    numbers = RaggedDotDimensionNumbers(dot, (ragged,), group)
    return ragged_dot_general_p(
        a, b, sizes, ragged_dot_dimension_numbers=numbers, **params
    )


def _ordered(z: Any, order: Sequence[int]) -> Any:
    """`z`, whose dimension i shall be dimension order[i] of the result."""
    return transpose(z, sorted(range(len(order)), key=order.__getitem__))


def _transpose_free(
    ct: Any, x: Any, y: Any, sizes: Any, numbers: RaggedDotDimensionNumbers, params: Any
) -> Any:
    """Rows meet their group's matrix again; for that, products of each group's rows."""
    (cx, cy), (bx, by) = numbers.dot_dimension_numbers
    (ragged,), (group,) = numbers.lhs_ragged_dimensions, numbers.rhs_group_dimensions
    free_x = [d for d in range(x.ndim) if d not in (*cx, *bx)]
    free_y = [d for d in range(y.ndim) if d not in (*cy, *by, group)]
    n = len(bx)
    ct_batch = tuple(range(n))
    ct_x = tuple(range(n, n + len(free_x)))
    ct_y = tuple(range(n + len(free_x), ct.ndim))
    if is_linear(x):
        dot = ((ct_y, tuple(free_y)), (ct_batch, by))
        at = ct_x[free_x.index(ragged)]
        z = _ragged(ct, y, sizes, dot, at, (group,), params)
        inner = [c for _, c in sorted(zip(cy, cx))]
        return _ordered(z, [*bx, *free_x, *inner])
    dot = ((tuple(free_x), ct_x), (bx, ct_batch))
    z = _ragged(x, ct, sizes, dot, ragged, (), params)
    inner = [c for _, c in sorted(zip(cx, cy))]
    return _ordered(z, [group, *by, *inner, *free_y])


def _transpose_contracted(
    ct: Any, x: Any, y: Any, sizes: Any, numbers: RaggedDotDimensionNumbers, params: Any
) -> Any:
    """The other operand's rows meet the cotangent of their group."""
    (cx, cy), (bx, by) = numbers.dot_dimension_numbers
    (ragged,) = numbers.lhs_ragged_dimensions
    free_x, free_y = free_dims(((cx, cy), (bx, by)), (x.ndim, y.ndim))
    n = 1 + len(bx)
    ct_batch = tuple(range(1, n))
    ct_x = tuple(range(n, n + len(free_x)))
    ct_y = tuple(range(n + len(free_x), ct.ndim))
    if is_linear(x):
        other = cy[tuple(cx).index(ragged)]
        dot = ((tuple(free_y), ct_y), (by, ct_batch))
        z = _ragged(y, ct, sizes, dot, other, (0,), params)
        inner = [c for _, c in sorted(zip(cy, cx))]
        return _ordered(z, [*bx, *inner, *free_x])
    dot = ((tuple(free_x), ct_x), (bx, ct_batch))
    z = _ragged(x, ct, sizes, dot, ragged, (0,), params)
    inner = [c for _, c in sorted(zip(cx, cy))]
    return _ordered(z, [*by, *inner, *free_y])


# --- batching -------------------------------------------------------------------------


def _batching(
    args: Any, dims: Any, size: int, *, ragged_dot_dimension_numbers: Any, **params: Any
) -> Any:
    numbers = ragged_dot_dimension_numbers
    if dims[2] is not None:
        return _one_by_one(with_batch_first(args, dims, size), numbers, params), 0
    x, y = with_batch_first(args[:2], dims[:2], size)
    (cx, cy), (bx, by) = numbers.dot_dimension_numbers

    def up(which: Sequence[int]) -> tuple[int, ...]:
        return tuple(d + 1 for d in which)

    moved = RaggedDotDimensionNumbers(
        ((up(cx), up(cy)), ((0, *up(bx)), (0, *up(by)))),
        up(numbers.lhs_ragged_dimensions),
        up(numbers.rhs_group_dimensions),
    )
    z = ragged_dot_general_p(
        x, y, args[2], ragged_dot_dimension_numbers=moved, **params
    )
    return z, 1 if _mode(numbers) == _contracted else 0


def _one_by_one(args: list[Any], numbers: Any, params: Any) -> Any:
    """Examples whose groups differ in size share no product."""
    rows: list[Any] = []
    for i in range(aval_of(args[0]).shape[0]):
        parts = [slice_along(v, i, i + 1, 0) for v in args]
        x, y, sizes = (reshape(p, p.shape[1:]) for p in parts)
        z = ragged_dot_general_p(
            x, y, sizes, ragged_dot_dimension_numbers=numbers, **params
        )
        rows.append(reshape(z, (1, *z.shape)))
    return concatenate(rows, 0)


# --- lowering -------------------------------------------------------------------------


def _lower(
    build: Any, x: Any, y: Any, sizes: Any, *, ragged_dot_dimension_numbers: Any,
    **params: Any,
) -> Any:  # fmt: skip
    numbers = ragged_dot_dimension_numbers
    dot, (ragged,) = numbers.dot_dimension_numbers, numbers.lhs_ragged_dimensions
    mode = _mode(numbers)
    if mode == _batch:
        return dot_general(build, x, y, dimension_numbers=dot, **params)
    if mode == _contracted:
        return ragged_lowering.sums(build, x, y, sizes, dot, ragged)
    (group,) = numbers.rhs_group_dimensions
    return ragged_lowering.rows(build, x, y, sizes, dot, ragged, group)


ragged_dot_general_p = Primitive(
    "ragged_dot_general",
    "Products of two arrays with one dimension split into groups of given sizes.",
    abstract=_abstract,
    jvp=_jvp,
    taylor=_terms,
    transpose=_transpose,
    batch=_batching,
    evaluate=_evaluate,
    lower=_lower,
)
absorbing_products(ragged_dot_general_p)

__all__ = ["RaggedDotDimensionNumbers", "ragged_dot_general_p"]
