"""Where an array is not zero: nonzero, flatnonzero, argwhere.

How many positions there are depends on the values. Concrete arrays are counted; a
traced one needs `size`, and is compacted by its running count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer, as_array, aval_of, wrap
from ..core.errors import ConcretizationTypeError, described
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_selection import select
from ..ops.joining import concatenate, expand_dims, iota
from ..ops.scatter import scatter, scatter_p
from ..ops.shaping import convert, full, reshape
from ..ops.windows import ScatterDimensionNumbers
from ..runtime._native import ConcreteArray, current_dynamic
from .promotion import operand


def truth_of(name: str, x: Any) -> Any:
    """`x` as a boolean array: where it is not zero."""
    x = operand(name, x)
    if x.dtype == dtypes.bool_:
        return x
    if type(x) is ConcreteArray and current_dynamic() is None:
        return wrap(x._data != 0)
    return x != np.zeros((), x.dtype)


def _checked_size(name: str, mask: Any, size: Any) -> int:
    if size is None:
        raise ConcretizationTypeError(
            f"{name}: the {described(mask)} has no value while the function is traced,"
            " and the number of nonzero elements is the result's shape; give size=."
        )
    return int(size)


def flat_positions(name: str, mask: Any, size: Any) -> tuple[Any, Any]:
    """Positions of True in the 1-d `mask`, `size` of them, and how many are true.

    What is missing is filled with the length of the mask, which is out of bounds.
    """
    n, number = mask.shape[0], dtypes.default_int()
    count = _checked_size(name, mask, size) if size is not None or isinstance(
        mask, Tracer
    ) else None  # fmt: skip
    if type(mask) is ConcreteArray and current_dynamic() is None:
        found = np.flatnonzero(mask._data)
        total = found.size
        if count is not None:
            found = np.concatenate([found[:count], np.full(max(0, count - total), n)])
        return wrap(found.astype(number)), wrap(np.asarray(total, number))
    if count is None:
        count = int(np.count_nonzero(np.asarray(mask)))
    nowhere = full((count,), n, number)
    if not n:
        return nowhere, full((), 0, number)
    seen = cumsum_p(convert(mask, number), axis=0, reverse=False)
    missing = convert(mask ^ np.True_, number)
    target = seen - np.asarray(1, number) + missing * np.asarray(2**30, number)
    numbers = ScatterDimensionNumbers((), (0,), (0,))
    found = scatter(
        scatter_p, nowhere, expand_dims(target, (1,)), iota(number, (n,)), numbers
    )
    last = seen[n - 1]
    return found, last


def _fills(fill_value: Any, ndim: int) -> list[Any]:
    if fill_value is None:
        return [0] * ndim
    if isinstance(fill_value, (tuple, list)):
        if len(fill_value) != ndim:
            raise ValueError(
                f"nonzero: fill_value {fill_value} needs one entry for each of the"
                f" {ndim} dimensions, or one number for all."
            )
        return list(fill_value)
    return [fill_value] * ndim


def nonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The positions at which `a` is not zero, in row-major order.

    Args:
        a: array of at least one dimension.
        size: how many positions to return; needed where `a` is traced. Further ones
            are dropped, missing ones filled.
        fill_value: what fills (default 0), one number or one per dimension.

    Returns:
        Tuple of one array of the default integer dtype per dimension.

    Raises:
        ConcretizationTypeError: `a` is traced and `size` is not given.

    >>> import chainrule.numpy as cnp
    >>> cnp.nonzero(cnp.array([0, 3, 0, 4]))[0].tolist()
    [1, 3]
    """
    mask = truth_of("nonzero", a)
    if not mask.ndim:
        raise ValueError("nonzero: a number has no positions; use atleast_1d first.")
    if type(mask) is ConcreteArray and size is None and current_dynamic() is None:
        return tuple(
            [wrap(p.astype(dtypes.default_int())) for p in np.nonzero(mask._data)]
        )
    flat = reshape(mask, (mask.size,))
    found, total = flat_positions("nonzero", flat, size)
    parts = unraveled(found, mask.shape)
    if size is None:
        return tuple(parts)
    there = iota(total.dtype, (int(size),)) < total
    return tuple(
        [
            select(there, p, convert(as_array(f, "nonzero"), p.dtype))
            for p, f in zip(parts, _fills(fill_value, mask.ndim))
        ]
    )


def unraveled(flat: Any, shape: Sequence[int]) -> list[Any]:
    """Positions in a flattened array as positions along each dimension of `shape`."""
    found: list[Any] = []
    for n in reversed(shape):
        if len(found) == len(shape) - 1:
            found.append(flat)
            break
        divisor = np.asarray(max(n, 1), aval_of(flat).dtype)
        found.append(flat % divisor)
        flat = flat // divisor
    return found[::-1]


def flatnonzero(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The positions at which the flattened `a` is not zero; as `nonzero`.

    >>> import chainrule.numpy as cnp
    >>> cnp.flatnonzero(cnp.array([[0, 3], [0, 4]])).tolist()
    [1, 3]
    """
    x = operand("flatnonzero", a)
    return nonzero(reshape(x, (x.size,)), size=size, fill_value=fill_value)[0]


def argwhere(a: Any, *, size: int | None = None, fill_value: Any = None) -> Any:
    """The positions at which `a` is not zero, one per row; as `nonzero`.

    >>> import chainrule.numpy as cnp
    >>> cnp.argwhere(cnp.array([[0, 3], [0, 4]])).tolist()
    [[0, 1], [1, 1]]
    """
    x = operand("argwhere", a)
    if not x.ndim:
        one = nonzero(reshape(x, (1,)), size=size, fill_value=fill_value)[0]
        return reshape(one[:0], (0, 0)) if not one.size else one.reshape(-1, 1)[:, :0]
    found = nonzero(x, size=size, fill_value=fill_value)
    return concatenate([expand_dims(p, (1,)) for p in found], 1)


__all__ = [
    "argwhere",
    "flat_positions",
    "flatnonzero",
    "nonzero",
    "truth_of",
    "unraveled",
]
