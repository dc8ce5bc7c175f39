"""lax: gather and scatter, indexed reads and writes in their general form.

What dimension numbers and modes mean is said in ops/windows.py; `numpy`'s `x[i]`,
`take` and `x.at[i]` are the forms for everyday use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import as_array
from ..core.primitive import Primitive
from ..ops.gather import gather_p, read_back, scatter_add_p
from ..ops.joining import concatenate, expand_dims
from ..ops.scatter import (
    scatter_max_p,
    scatter_min_p,
    scatter_mul_p,
    scatter_p,
    scatter_sub_p,
)
from ..ops.shaping import canonical_shape, full
from ..ops.windows import (
    CLIP,
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
)
from .binding import bind, of_dtype


def gather(
    operand: Any,
    start_indices: Any,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: Any = None,
    fill_value: Any = None,
) -> Any:
    """The windows of `operand` that start at the given indices.

    Args:
        operand: array.
        start_indices: integers; the last dimension holds one index per entry of
            `start_index_map`.
        dimension_numbers: a GatherDimensionNumbers.
        slice_sizes: extent of the window along each dimension of the operand.
        unique_indices, indices_are_sorted: promises about the indices.
        mode: "clip" (default), "fill" or "promise_in_bounds", a GatherScatterMode.
        fill_value: what "fill" reads out of bounds; default NaN, the least signed or
            greatest unsigned integer, True.

    >>> from chainrule import lax, numpy as cnp
    >>> numbers = lax.GatherDimensionNumbers((), (0,), (0,))
    >>> lax.gather(cnp.arange(4), cnp.array([[3], [1]]), numbers, (1,)).tolist()
    [3, 1]
    """
    return bind(
        gather_p,
        operand,
        start_indices,
        dimension_numbers=GatherDimensionNumbers(*map(tuple, dimension_numbers)),
        slice_sizes=canonical_shape("gather", slice_sizes),
        indices_are_sorted=bool(indices_are_sorted),
        unique_indices=bool(unique_indices),
        mode=CLIP if mode is None else GatherScatterMode.from_any(mode),
        fill_value=fill_value,
    )


def _params(numbers: Any, is_sorted: bool, unique: bool, mode: Any) -> dict[str, Any]:
    return {
        "dimension_numbers": ScatterDimensionNumbers(*map(tuple, numbers)),
        "indices_are_sorted": bool(is_sorted),
        "unique_indices": bool(unique),
        "mode": GatherScatterMode.from_any(mode),
    }


def _scatter(name: str, prim: Primitive, what: str, example: str) -> Callable[..., Any]:
    """The public function of one of the scatter primitives."""

    def scatter(
        operand: Any,
        scatter_indices: Any,
        updates: Any,
        dimension_numbers: ScatterDimensionNumbers,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Any:
        params = _params(dimension_numbers, indices_are_sorted, unique_indices, mode)
        x = as_array(operand, name)
        return bind(prim, x, scatter_indices, of_dtype(updates, x), **params)

    scatter.__name__ = scatter.__qualname__ = name
    scatter.__doc__ = f"""`operand` with windows of `updates` {what} at given indices.

    Args:
        operand: array.
        scatter_indices: integers; the last dimension holds one index per entry of
            `scatter_dims_to_operand_dims`.
        updates: array of the operand's dtype; its update_window_dims hold the windows.
        dimension_numbers: a ScatterDimensionNumbers.
        indices_are_sorted, unique_indices: promises about the indices.
        mode: "drop" (default: windows out of bounds are dropped), "clip" or
            "promise_in_bounds", or a GatherScatterMode.

    Returns:
        Array like `operand`. Updates apply in row-major order.

    >>> from chainrule import lax, numpy as cnp
    >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
    >>> x, updates = cnp.arange(1, 4), cnp.array([5, 6])
    >>> lax.{name}(x, cnp.array([[2], [2]]), updates, numbers).tolist()
    {example}
    """
    return scatter


scatter = _scatter("scatter", scatter_p, "put", "[1, 2, 6]")
scatter_add = _scatter("scatter_add", scatter_add_p, "added", "[1, 2, 14]")
scatter_sub = _scatter("scatter_sub", scatter_sub_p, "subtracted", "[1, 2, -8]")
scatter_mul = _scatter("scatter_mul", scatter_mul_p, "multiplied in", "[1, 2, 90]")
scatter_min = _scatter("scatter_min", scatter_min_p, "met by minimum", "[1, 2, 3]")
scatter_max = _scatter("scatter_max", scatter_max_p, "met by maximum", "[1, 2, 6]")


def scatter_apply(
    operand: Any,
    scatter_indices: Any,
    func: Callable[[Any], Any],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Sequence[int] = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: Any = None,
) -> Any:
    """`operand` with the elementwise function `func` applied at the given indices.

    An element that is named several times has `func` applied once.

    >>> from chainrule import lax, numpy as cnp
    >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
    >>> x, where = cnp.arange(3), cnp.array([[1]])
    >>> times_ten = lambda v: v * 10
    >>> lax.scatter_apply(x, where, times_ten, numbers, update_shape=(1,)).tolist()
    [0, 10, 2]
    """
    x = as_array(operand, "scatter_apply")
    params = _params(dimension_numbers, indices_are_sorted, unique_indices, mode)
    indices = as_array(scatter_indices, "scatter_apply")
    places = full(canonical_shape("scatter_apply", update_shape), 0, x.dtype)
    values = func(read_back(x, indices, places, None, params))
    return bind(scatter_p, x, indices, values, **params)


def index_take(src: Any, idxs: Sequence[Any], axes: Sequence[int]) -> Any:
    """The sub-arrays of `src` at `idxs[k]` along `axes[k]`, stacked in front.

    Args:
        src: array. idxs: 1-d integer arrays of one length. axes: a dimension for each.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.index_take(cnp.arange(4), (cnp.array([3, 1]),), (0,)).tolist()
    [3, 1]
    """
    x = as_array(src, "index_take")
    columns = [expand_dims(as_array(i, "index_take"), (1,)) for i in idxs]
    dtype = max((c.dtype for c in columns), key=lambda d: d.itemsize, default=None)
    if dtype is None or any(c.dtype != dtype for c in columns):
        raise TypeError(
            "index_take: needs indices of one integer dtype; got"
            f" {', '.join(str(c.dtype) for c in columns) or 'none'}."
        )
    axes = tuple(axes)
    offset = tuple(range(1, x.ndim - len(axes) + 1))
    sizes = [1 if d in axes else n for d, n in enumerate(x.shape)]
    numbers = GatherDimensionNumbers(offset, axes, axes)
    return gather(x, concatenate(columns, 1), numbers, sizes, mode="promise_in_bounds")


__all__ = [
    "GatherDimensionNumbers", "GatherScatterMode", "ScatterDimensionNumbers",
    "gather", "index_take", "scatter", "scatter_add", "scatter_apply",
    "scatter_max", "scatter_min", "scatter_mul", "scatter_sub",
]  # fmt: skip
