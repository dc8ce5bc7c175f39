"""Elements at places that are known beforehand: of a few runs, joined slices.

What pads by repetition and what leaves elements out reads an array in runs, forwards,
backwards or on the spot. Slices that are joined are index arithmetic in compiled code,
and are cut there where they meet; a gather looks up every position.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.joining import concatenate, rev_p, slice_along
from ..ops.shaping import broadcast_in_dim
from .indexing import getitem

FEW = 6
"""So many runs are joined at most."""


def taken(x: Any, where: np.ndarray[Any, Any], axis: int) -> Any:
    """The elements of `x` at the places `where`, none of them negative, along an axis.

    >>> import numpy as np
    >>> from chainrule.numpy import arange
    >>> taken(arange(5), np.array([2, 1, 0, 1, 2, 3, 4, 4]), 0).tolist()
    [2, 1, 0, 1, 2, 3, 4, 4]
    """
    runs = _runs(where)
    if runs is None:
        return getitem(x, ((slice(None),) * axis) + (where.astype(np.int32),))
    return concatenate([_run(x, *run, axis) for run in runs], axis)


def _runs(where: np.ndarray[Any, Any]) -> list[tuple[int, int, int]] | None:
    """First place, step and length of each run; None if they are many, or none."""
    steps, found, begin = np.diff(where), [], 0
    while begin < where.size:
        if len(found) == FEW:
            return None
        step = int(steps[begin]) if begin < steps.size else 1
        length = 1
        if abs(step) > 1:
            step = 1
        else:
            others = np.flatnonzero(steps[begin:] != step)
            length += int(others[0]) if others.size else steps.size - begin
        found.append((int(where[begin]), step, length))
        begin += length
    return found or None


def _run(x: Any, first: int, step: int, length: int, axis: int) -> Any:
    if step > 0:
        return slice_along(x, first, first + length, axis)
    if step < 0:
        piece = slice_along(x, first - length + 1, first + 1, axis)
        return rev_p(piece, dimensions=(axis,))
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    return broadcast_in_dim(
        slice_along(x, first, first + 1, axis), shape, range(x.ndim)
    )
