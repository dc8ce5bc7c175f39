"""Sorting and searching: sort, argsort, partitions, searchsorted, digitize.

NaN sorts behind everything, -0.0 equals 0.0, complex numbers order by real part first,
and equal elements keep their order. Concrete arrays are searched by NumPy; a traced
search is a binary search of gathers.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import wrap
from ..ops.elementwise_complex import imag_p, real_p
from ..ops.elementwise_logic import and_p, eq_p, lt_p, ne_p, not_p, or_p
from ..ops.elementwise_selection import select
from ..ops.joining import iota, rev_p, slice_along, squeeze
from ..ops.shaping import canonical_axis, convert, full
from ..ops.sorting import has_numpy_order, sort_p, sorting_permutation
from ..runtime._native import ConcreteArray, current_dynamic, silently
from .indexing import getitem
from .manipulation import ravel
from .promotion import operand, promote
from .taking import take


def _prepared(name: str, a: Any, axis: Any, kind: Any, order: Any) -> tuple[Any, int]:
    if kind is not None or order is not None:
        given = "kind" if kind is not None else "order"
        raise TypeError(
            f"{name}: `{given}` is not supported; use stable= and descending=."
        )
    x = operand(name, a)
    if axis is None:
        return ravel(x), 0
    return x, canonical_axis(name, operator.index(axis), x.ndim)


def sort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
) -> Any:
    """`a` sorted along `axis`; flattened first where that is None.

    Args:
        a: array. axis: along which. kind, order: not supported.
        stable: accepted; equal elements always keep their order.
        descending: whether the largest come first.

    >>> import chainrule.numpy as cnp
    >>> cnp.sort(cnp.array([3, 1, 2])).tolist()
    [1, 2, 3]
    """
    x, axis = _prepared("sort", a, axis, kind, order)
    (out,) = sort_p(x, dimension=axis, is_stable=stable, num_keys=1)
    return rev_p(out, dimensions=(axis,)) if descending else out


def argsort(
    a: Any,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: Any = None,
) -> Any:
    """The positions that sort `a` along `axis`; arguments as for `sort`.

    `dtype` is that of the positions, int32 by default.

    >>> import chainrule.numpy as cnp
    >>> cnp.argsort(cnp.array([3, 1, 2])).tolist()
    [1, 2, 0]
    """
    x, axis = _prepared("argsort", a, axis, kind, order)
    found = dtypes.check_array_dtype("argsort", int if dtype is None else dtype)
    n = x.shape[axis]
    if type(x) is ConcreteArray and not descending and current_dynamic() is None:
        return wrap(silently(sorting_permutation, [x._data], axis).astype(found))
    positions = iota(found, x.shape, axis)
    if descending:  # equal elements keep their order: sort from the end, turn around
        x = rev_p(x, dimensions=(axis,))
        positions = rev_p(positions, dimensions=(axis,))
    _, out = sort_p(x, positions, dimension=axis, is_stable=stable, num_keys=1)
    return rev_p(out, dimensions=(axis,)) if descending and n else out


def lexsort(keys: Any, axis: int = -1) -> Any:
    """The positions that sort by the last of the `keys`, then by the one before it.

    Args:
        keys: sequence of arrays of one shape, or an array of them.

    >>> import chainrule.numpy as cnp
    >>> cnp.lexsort((cnp.array([2, 1, 0]), cnp.array([0, 1, 0]))).tolist()
    [2, 0, 1]
    """
    xs = [operand("lexsort", k) for k in keys]
    if not xs:
        raise TypeError("lexsort: needs at least one key; got none.")
    if any(x.shape != xs[0].shape for x in xs):
        raise ValueError("lexsort: all keys must have one shape.")
    if not xs[0].ndim:
        return full((), 0, dtypes.default_int())
    axis = canonical_axis("lexsort", axis, xs[0].ndim)
    positions = iota(dtypes.default_int(), xs[0].shape, axis)
    found = sort_p(
        *xs[::-1], positions, dimension=axis, is_stable=True, num_keys=len(xs)
    )
    return found[-1]


def partition(a: Any, kth: int, axis: int = -1) -> Any:
    """`a` reordered so that along `axis` the `kth` smallest stands at `kth`.

    What is before it is not larger, what is behind not smaller; here both are sorted.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.partition(cnp.array([3, 1, 2]), 1)[1])
    2
    """
    x = operand("partition", a)
    _check_kth("partition", x, kth, axis)
    return sort(x, axis)


def argpartition(a: Any, kth: int, axis: int = -1) -> Any:
    """The positions that `partition` `a`.

    >>> import chainrule.numpy as cnp
    >>> int(cnp.argpartition(cnp.array([3, 1, 2]), 1)[1])
    2
    """
    x = operand("argpartition", a)
    _check_kth("argpartition", x, kth, axis)
    return argsort(x, axis)


def _check_kth(name: str, x: Any, kth: Any, axis: int) -> None:
    n = x.shape[canonical_axis(name, operator.index(axis), x.ndim)]
    if not -n <= operator.index(kth) < n:
        raise ValueError(
            f"{name}: kth {kth} is out of bounds for axis {axis} of size {n}."
        )


def sort_complex(a: Any) -> Any:
    """`a`, sorted along its first axis, as complex numbers.

    >>> import chainrule.numpy as cnp
    >>> cnp.sort_complex(cnp.array([2.0, 1.0])).tolist()
    [(1+0j), (2+0j)]
    """
    x = sort(a, 0)
    return convert(x, dtypes.with_complex(dtypes.to_inexact(x.dtype)))


# --- searching -----------------------------------------------------------------------


def comes_before(x: Any, y: Any) -> Any:
    """x < y in the order of sort: NaN behind everything; by real parts first."""
    if dtypes.is_complex(x.dtype):
        a, b = real_p(x), real_p(y)
        same = or_p(eq_p(a, b), and_p(ne_p(a, a), ne_p(b, b)))
        return or_p(comes_before(a, b), and_p(same, comes_before(imag_p(x), imag_p(y))))
    if not dtypes.is_inexact(x.dtype):
        return lt_p(x, y)
    return or_p(lt_p(x, y), and_p(ne_p(y, y), eq_p(x, x)))


def searchsorted(
    a: Any,
    v: Any,
    side: str = "left",
    sorter: Any = None,
    *,
    method: str = "scan",
) -> Any:
    """Where the elements of `v` would be inserted into the sorted 1-d array `a`.

    Args:
        a: sorted array of shape (n,). v: array of any shape.
        side: "left" before, "right" behind equal elements.
        sorter: positions that sort `a`, if it is not sorted.
        method: "scan", "scan_unrolled", "sort" or "compare_all"; same results.

    Returns:
        int32 array of the shape of `v`, with 0 <= position <= n.

    >>> import chainrule.numpy as cnp
    >>> cnp.searchsorted(cnp.array([1, 3, 5]), cnp.array([3, 4])).tolist()
    [1, 2]
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right'; got {side!r}.")
    if method not in ("scan", "scan_unrolled", "sort", "compare_all"):
        raise ValueError(
            f"searchsorted: method {method!r} is none; use 'scan', 'scan_unrolled',"
            " 'sort' or 'compare_all'."
        )
    x, y = operand("searchsorted", a), operand("searchsorted", v)
    if x.ndim != 1:
        raise ValueError(f"searchsorted: `a` must be 1-d; got shape {x.shape}.")
    if sorter is not None:
        x = take(x, sorter)
    x, y = promote("searchsorted", x, y)
    if all(_plain(z) and has_numpy_order(z._data) for z in (x, y)):
        found = np.searchsorted(x._data, y._data, side)
        return wrap(np.asarray(found, np.int32))
    return _searched(x, y, side)


def _plain(x: Any) -> bool:
    return (
        type(x) is ConcreteArray and current_dynamic() is None and x.dtype.num < 24
    )  # fmt: skip


def _searched(x: Any, y: Any, side: str) -> Any:
    """Binary search, all of `y` at once: log2(n) steps, each a gather."""
    n = x.shape[0]
    low = full(y.shape, 0, dtypes.int32)
    if not n:
        return low
    high = full(y.shape, n, dtypes.int32)
    for _ in range(n.bit_length()):
        middle = (low + high) // np.int32(2)
        at = getitem(x, middle)
        before = comes_before(at, y) if side == "left" else not_p(comes_before(y, at))
        open_ = low < high
        low = select(open_ & before, middle + np.int32(1), low)
        high = select(open_ & not_p(before), middle, high)
    return low


def digitize(
    x: Any, bins: Any, right: bool = False, *, method: str | None = None
) -> Any:
    """The number of the bin that each element of `x` falls into.

    Args:
        x: array. bins: monotonic 1-d array of edges.
        right: whether bins contain their right edge instead of the left.
        method: as for `searchsorted`.

    Returns:
        Integers i with bins[i-1] <= x < bins[i], or bins[i-1] > x >= bins[i] where the
        edges decrease.

    >>> import chainrule.numpy as cnp
    >>> cnp.digitize(cnp.array([0.5, 2.5]), cnp.array([0.0, 1.0, 2.0])).tolist()
    [1, 3]
    """
    values, edges = operand("digitize", x), operand("digitize", bins)
    if edges.ndim != 1:
        raise ValueError(f"digitize: bins must be 1-d; got shape {edges.shape}.")
    n = edges.shape[0]
    if not n:
        return full(values.shape, 0, dtypes.int32)
    side = "left" if right else "right"
    rising = searchsorted(edges, values, side)
    falling = np.int32(n) - searchsorted(rev_p(edges, dimensions=(0,)), values, side)
    first = squeeze(slice_along(edges, 0, 1, 0), (0,))
    last = squeeze(slice_along(edges, n - 1, n, 0), (0,))
    return select(last >= first, rising, falling)


__all__ = [
    "argpartition", "argsort", "comes_before", "digitize",
    "lexsort", "partition", "searchsorted", "sort", "sort_complex",
]  # fmt: skip
