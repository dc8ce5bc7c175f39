"""Sets: unique, isin, intersections, unions and differences of 1-d arrays.

How many elements there are depends on the values. Every function here takes `size`,
which fixes that number and lets it run on traced arrays: what is missing is filled.
All stand on one sort: equal elements are neighbours then.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer, wrap
from ..core.errors import ConcretizationTypeError, described
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_logic import and_p, eq_p, ne_p, not_p, or_p
from ..ops.elementwise_selection import select
from ..ops.gather import scatter_add_p, take_along
from ..ops.joining import concatenate, iota, slice_along
from ..ops.reductions import reduce_or_p
from ..ops.scatter import scatter_p
from ..ops.shaping import (
    canonical_axis,
    convert,
    full,
    move_dim,
    reshape,
)
from ..ops.sorting import sort_p
from ..runtime._native import ConcreteArray, current_dynamic
from .index_plan import Entry
from .index_update import update
from .indexing import getitem, read
from .manipulation import broadcast_to, ravel
from .nonzero_search import flat_positions
from .promotion import operand, promote
from .sorting import searchsorted


class _UniqueAllResult(NamedTuple):
    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class _UniqueCountsResult(NamedTuple):
    values: Any
    counts: Any


class _UniqueInverseResult(NamedTuple):
    values: Any
    inverse_indices: Any


def _check_known(name: str, size: Any, *arrays: Any) -> None:
    traced = [x for x in arrays if isinstance(x, Tracer)]
    if traced and size is None:
        raise ConcretizationTypeError(
            f"{name}: the number of elements of the result depends on the values of the"
            f" {described(traced[0])}; give size=."
        )


class _Groups(NamedTuple):
    """The rows of an array in sorted order, and which begin a group of equal ones."""

    rows: Any
    order: Any
    begins: Any


def _grouped(x: Any, equal_nan: bool) -> _Groups:
    """Rows of `x` (its first dimension) sorted lexicographically, by their elements."""
    n = x.shape[0]
    flat = reshape(x, (n, x.size // n if n else 0))
    order = iota(dtypes.default_int(), (n,))
    columns = [
        reshape(slice_along(flat, k, k + 1, 1), (n,)) for k in range(flat.shape[1])
    ]
    if columns and n:
        *columns, order = sort_p(
            *columns, order, dimension=0, is_stable=True, num_keys=len(columns)
        )
    begins = full((n,), False, dtypes.bool_)
    for c in columns:
        begins = or_p(begins, _differs_from_previous(c, equal_nan))
    if n:
        first = eq_p(iota(dtypes.default_int(), (n,)), np.int32(0))
        begins = or_p(begins, first)
    return _Groups(take_rows(x, order), order, begins)


def _differs_from_previous(column: Any, equal_nan: bool) -> Any:
    n = column.shape[0]
    if n < 2:
        return full((n,), False, dtypes.bool_)
    before, here = slice_along(column, 0, n - 1, 0), slice_along(column, 1, n, 0)
    differs = ne_p(before, here)
    if equal_nan and dtypes.is_inexact(column.dtype):
        differs = and_p(differs, not_p(and_p(ne_p(before, before), ne_p(here, here))))
    return concatenate([full((1,), False, dtypes.bool_), differs], 0)


def take_rows(x: Any, positions: Any) -> Any:
    """The sub-arrays of `x` at 1-d `positions` of its first dimension."""
    if x.ndim == 1 and positions.shape == x.shape:
        return take_along(x, positions, 0)
    entries = [Entry("at", 0, positions=positions)]
    entries += [Entry("slice", d, length=n) for d, n in enumerate(x.shape[1:], 1)]
    return read(x, entries)


# --- unique --------------------------------------------------------------------------


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    size: int | None = None,
    fill_value: Any = None,
    sorted: bool = True,
) -> Any:
    """The different elements of `ar`, sorted; or its different sub-arrays along `axis`.

    Args:
        ar: array. axis: None flattens it.
        return_index: also the position of the first of each.
        return_inverse: also the positions that rebuild `ar` from them.
        return_counts: also how many there are of each.
        equal_nan: whether NaNs count as equal.
        size: how many to return; needed where `ar` is traced. Missing ones are filled.
        fill_value: what fills, by default the least element.
        sorted: accepted; the result is always sorted.

    Returns:
        Array, or a tuple of it and what was asked for, in the order above.

    >>> import chainrule.numpy as cnp
    >>> values, counts = cnp.unique(cnp.array([3, 1, 3]), return_counts=True)
    >>> values.tolist(), counts.tolist()
    ([1, 3], [1, 2])
    """
    x = operand("unique", ar)
    _check_known("unique", size, x)
    shape = x.shape
    if type(x) is ConcreteArray and size is None and x.dtype.num < 24 and (
        current_dynamic() is None and x.size and axis is None
    ):  # fmt: skip
        wanted = (return_index, return_inverse, return_counts)
        return _unique_values(x._data, wanted, equal_nan)
    if axis is None:
        rows = ravel(x)
    else:
        axis = canonical_axis("unique", operator.index(axis), x.ndim)
        rows = move_dim(x, axis, 0)
        shape = (rows.shape[0],)
    found, index, inverse, counts = _unique(rows, size, fill_value, equal_nan)
    out = [found if axis is None else move_dim(found, 0, axis)]
    out += [index] if return_index else []
    out += [reshape(inverse, shape)] if return_inverse else []
    out += [counts] if return_counts else []
    return out[0] if len(out) == 1 else tuple(out)


def _unique_values(x: Any, wanted: tuple[bool, ...], equal_nan: bool) -> Any:
    """The different elements of an ndarray, and what else is wanted, by NumPy."""
    found = np.unique(x, *wanted, equal_nan=equal_nan)
    if not any(wanted):
        return wrap(found)
    values, *positions = found
    return (
        wrap(values),
        *[wrap(np.asarray(p, dtypes.default_int())) for p in positions],
    )


def _unique(rows: Any, size: Any, fill_value: Any, equal_nan: bool) -> list[Any]:
    """Different rows, first positions, inverse, counts; padded to `size`."""
    n = rows.shape[0]
    groups = _grouped(rows, equal_nan)
    places, total = flat_positions("unique", groups.begins, size)
    count = places.shape[0]
    if not n:
        if count and fill_value is None:
            raise ValueError(
                f"unique: an empty array has no element to fill size={size} with; give"
                " fill_value."
            )
        given = 0 if fill_value is None else fill_value
        fill = broadcast_to(convert(operand("unique", given), rows.dtype),
                            (count, *rows.shape[1:]))  # fmt: skip
        nowhere = full((count,), 0, dtypes.default_int())
        return [fill, nowhere, full((0,), 0, dtypes.default_int()), nowhere]
    number = cumsum_p(
        convert(groups.begins, dtypes.default_int()), axis=0, reverse=False
    )
    number = number - np.int32(1)
    values = take_rows(groups.rows, places)
    index = getitem(groups.order, places)
    there = iota(dtypes.default_int(), (count,)) < total
    inverse = update(
        scatter_p, full((n,), 0, dtypes.default_int()), groups.order, number
    )
    counts = update(scatter_add_p, full((count,), 0, dtypes.default_int()), number, 1)
    if size is not None and count:
        fill = _filler(groups.rows, values, fill_value)
        mask = reshape(there, (count, *(1,) * (rows.ndim - 1)))
        values = select(mask, values, fill)
        index = select(there, index, getitem(index, slice(0, 1)))
    return [values, index, inverse, counts]


def _filler(rows: Any, values: Any, fill_value: Any) -> Any:
    if fill_value is None:
        return slice_along(values, 0, 1, 0)
    return convert(operand("unique", fill_value), rows.dtype)


def unique_all(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """(values, indices, inverse_indices, counts) of the different elements of `x`.

    NaNs count as different. `size` and `fill_value` as for `unique`.

    >>> import chainrule.numpy as cnp
    >>> cnp.unique_all(cnp.array([2, 1, 2])).counts.tolist()
    [1, 2]
    """
    found = unique(
        x, True, True, True, equal_nan=False, size=size, fill_value=fill_value
    )
    return _UniqueAllResult(*found)


def unique_counts(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """(values, counts) of the different elements of `x`; as `unique_all`.

    >>> import chainrule.numpy as cnp
    >>> cnp.unique_counts(cnp.array([2, 1, 2])).values.tolist()
    [1, 2]
    """
    found = unique(
        x, return_counts=True, equal_nan=False, size=size, fill_value=fill_value
    )
    return _UniqueCountsResult(*found)


def unique_inverse(
    x: Any, /, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """(values, inverse_indices) of the different elements of `x`; as `unique_all`.

    >>> import chainrule.numpy as cnp
    >>> cnp.unique_inverse(cnp.array([2, 1, 2])).inverse_indices.tolist()
    [1, 0, 1]
    """
    found = unique(
        x, return_inverse=True, equal_nan=False, size=size, fill_value=fill_value
    )
    return _UniqueInverseResult(*found)


def unique_values(x: Any, /, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The different elements of `x`; as `unique_all`.

    >>> import chainrule.numpy as cnp
    >>> cnp.unique_values(cnp.array([2, 1, 2])).tolist()
    [1, 2]
    """
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


# --- membership ----------------------------------------------------------------------


def isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    method: str = "auto",
) -> Any:
    """For each of `element` whether it is among `test_elements` (not, with `invert`).

    Args:
        element, test_elements: arrays. assume_unique: accepted.
        method: "auto", "compare_all", "binary_search" or "sort"; same results.

    >>> import chainrule.numpy as cnp
    >>> cnp.isin(cnp.arange(3), cnp.array([1, 5])).tolist()
    [False, True, False]
    """
    if method not in ("auto", "compare_all", "binary_search", "sort"):
        raise ValueError(f"isin: method {method!r} is none; use 'auto'.")
    x, among = promote("isin", element, test_elements)
    among = ravel(among)
    if not x.size or not among.size:
        return full(x.shape, invert, dtypes.bool_)
    if among.size <= 32 or method == "compare_all":
        spread = reshape(x, (*x.shape, 1))
        here = reduce_or_p(eq_p(spread, among), axes=(x.ndim,))
    else:
        (ordered,) = sort_p(among, dimension=0, is_stable=True, num_keys=1)
        here = eq_p(getitem(ordered, searchsorted(ordered, x)), x)
    return not_p(here) if invert else here


def _flat(name: str, *arrays: Any) -> list[Any]:
    return [ravel(x) for x in promote(name, *arrays)]


def union1d(
    ar1: Any, ar2: Any, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """The different elements of two arrays together, sorted.

    `size` and `fill_value` as for `unique`.

    >>> import chainrule.numpy as cnp
    >>> cnp.union1d(cnp.array([3, 1]), cnp.array([1, 2])).tolist()
    [1, 2, 3]
    """
    x, y = _flat("union1d", ar1, ar2)
    _check_known("union1d", size, x, y)
    return unique(concatenate([x, y], 0), size=size, fill_value=fill_value)


def setdiff1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements of `ar1` that are not in `ar2`, sorted.

    Args:
        assume_unique: whether the elements of `ar1` differ; they are not sorted then.
        size: how many to return; needed where an array is traced.
        fill_value: what fills up to `size`, default 0.

    >>> import chainrule.numpy as cnp
    >>> cnp.setdiff1d(cnp.array([3, 1, 2]), cnp.array([1])).tolist()
    [2, 3]
    """
    x, y = _flat("setdiff1d", ar1, ar2)
    _check_known("setdiff1d", size, x, y)
    if assume_unique:
        return _kept(x, isin(x, y, invert=True), size, fill_value)
    groups = _grouped(x, True)
    return _kept(
        groups.rows, and_p(groups.begins, isin(groups.rows, y, invert=True)), size,
        fill_value,
    )  # fmt: skip


def _kept(x: Any, mask: Any, size: Any, fill_value: Any) -> Any:
    """The elements of `x` where the mask holds, in order, padded to `size`."""
    places, total = flat_positions("sets", mask, size)
    if not x.shape[0]:
        return full(places.shape, fill_value or 0, x.dtype)
    found = take_rows(x, places)
    if size is None:
        return found
    fill = convert(operand("sets", 0 if fill_value is None else fill_value), x.dtype)
    return select(iota(dtypes.default_int(), places.shape) < total, found, fill)


def setxor1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements that are in exactly one of two arrays, sorted.

    `assume_unique` is accepted; `size` and `fill_value` as for `intersect1d`.

    >>> import chainrule.numpy as cnp
    >>> cnp.setxor1d(cnp.array([3, 1]), cnp.array([1, 2])).tolist()
    [2, 3]
    """
    x, y = _flat("setxor1d", ar1, ar2)
    _check_known("setxor1d", size, x, y)
    groups = _grouped(concatenate([x, y], 0), True)
    n = groups.rows.shape[0]
    if not n:
        return _kept(groups.rows, groups.begins, size, fill_value)
    number = cumsum_p(
        convert(groups.begins, dtypes.default_int()), axis=0, reverse=False
    )
    from_first = convert(groups.order < np.int32(x.shape[0]), dtypes.default_int())
    sides = [
        getitem(
            update(scatter_add_p, full((n + 1,), 0, dtypes.default_int()), number, s),
            number,
        )
        for s in (from_first, np.int32(1) - from_first)
    ]
    one_side = ne_p(sides[0] > np.int32(0), sides[1] > np.int32(0))
    mask = and_p(groups.begins, one_side)
    if fill_value is None and size is not None:
        fill_value = reshape(_kept(groups.rows, mask, 1, 0), ())
    return _kept(groups.rows, mask, size, fill_value)


def intersect1d(
    ar1: Any,
    ar2: Any,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements that two arrays have in common, sorted.

    Args:
        assume_unique: accepted.
        return_indices: also the first positions of them in each (flattened) array.
        size: how many to return; needed where an array is traced.
        fill_value: what fills up to `size`, by default the least common element.

    >>> import chainrule.numpy as cnp
    >>> cnp.intersect1d(cnp.array([3, 1]), cnp.array([1, 2])).tolist()
    [1]
    """
    x, y = _flat("intersect1d", ar1, ar2)
    _check_known("intersect1d", size, x, y)
    groups, other = _grouped(x, True), _grouped(y, True)
    common = and_p(groups.begins, isin(groups.rows, y))
    if fill_value is None and size is not None and x.shape[0]:
        least = _kept(groups.rows, common, 1, 0)
        fill_value = reshape(least, ())
    values = _kept(groups.rows, common, size, fill_value)
    if not return_indices:
        return values
    first = _kept(groups.order, common, size, x.shape[0])
    if not y.shape[0]:
        return values, first, full(values.shape, 0, dtypes.default_int())
    second = getitem(other.order, searchsorted(other.rows, values))
    if size is not None:
        count = values.shape[0]
        _, total = flat_positions("intersect1d", common, size)
        there = iota(dtypes.default_int(), (count,)) < total
        second = select(there, second, np.asarray(y.shape[0], second.dtype))
    return values, first, second


__all__ = [
    "intersect1d", "isin", "setdiff1d", "setxor1d", "union1d", "unique",
    "unique_all", "unique_counts", "unique_inverse",
    "unique_values",
]  # fmt: skip
