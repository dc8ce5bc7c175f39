"""Reading an index expression: `x[i, 2:, None, mask]` as one entry per dimension.

`read_index` checks the expression and resolves everything that is static: the ellipsis,
slices against sizes, boolean masks into positions, integers from the end. What is left
are `Entry` records in order: new axes, slices, and integer positions, which may be
traced. indexing.py reads with them, index_update.py writes.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes
from ..core.avals import Array, Tracer, as_array
from ..core.errors import JAXTypeError, NonConcreteBooleanIndexError, described
from ..ops.arithmetic import add_p
from ..ops.elementwise_logic import lt_p
from ..ops.elementwise_selection import min_p, select
from ..ops.joining import concatenate, expand_dims
from ..ops.shaping import convert
from ..runtime._native import ConcreteArray


class Entry(NamedTuple):
    """One part of an index expression.

    Fields:
        kind: "new" (a new axis of size `length`), "slice", "at" (positions), or "gap"
            (an ellipsis, which keeps the positions around it apart).
        dim: the dimension it indexes (-1 for a new axis).
        start, step, length: of a slice, within bounds; element k is start + k * step.
        positions: integer array (NumPy's where known), wrapped and not clamped.
    """

    kind: str
    dim: int = -1
    start: int = 0
    step: int = 1
    length: int = 1
    positions: Any = None


def read_index(
    shape: Sequence[int], index: Any, wrap_negative: bool = True
) -> list[Entry]:
    """The entries of `index` into an array of `shape`, one for each of its dimensions.

    Raises TypeError for what is no index, IndexError for too many, for masks of another
    shape and for traced slice bounds, NonConcreteBooleanIndexError for traced masks.
    """
    parts = _parts(index)
    used = sum(_dims_used(p) for p in parts)
    if used > len(shape):
        raise IndexError(
            f"indexing: too many indices: an array of shape {tuple(shape)} has"
            f" {len(shape)} dimensions, but {used} were indexed."
        )
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise IndexError("indexing: an index can have only one ellipsis ('...').")
    place = dots[0] if dots else len(parts)
    full = [slice(None)] * (len(shape) - used)
    parts = parts[: place + len(dots)] + full + parts[place + len(dots) :]
    entries: list[Entry] = []
    dim = 0
    for part in parts:
        entries += _entries(part, shape, dim, wrap_negative)
        dim += _dims_used(part)
    return entries


def _parts(index: Any) -> list[Any]:
    if isinstance(index, list):
        raise TypeError(
            "indexing: a list is ambiguous as an index; use x[cnp.array(index)] or"
            " x[tuple(index)]."
        )
    whole = list(index) if isinstance(index, tuple) else [index]
    return [_checked(p) for p in whole]


def _checked(part: Any) -> Any:
    """A part of the index in canonical type; TypeError for what is none."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, (bool, np.bool_)):
        return bool(part)
    if isinstance(part, (int, np.integer)):
        return int(part)
    if isinstance(part, str):
        raise TypeError(f"indexing: a string is no index; got {part!r}.")
    if isinstance(part, (list, tuple)):
        found = np.asarray(part) if _is_plain(part) else _from_arrays(part)
        part = found.astype(np.int32) if not found.size else found
    if type(part) is ConcreteArray:
        part = part._data
    if not isinstance(part, (Array, np.ndarray, np.generic)):
        try:
            return operator.index(part)
        except TypeError:
            if not hasattr(part, "__jax_array__") and not isinstance(part, float):
                raise IndexError(
                    "indexing: only integers, slices (':'), ellipsis ('...'), None and"
                    f" integer or boolean arrays are indices; got {part!r}."
                ) from None
            part = as_array(part, "indexing")
    kind = dtypes.kind(part.dtype)
    if kind not in "biu":
        raise TypeError(
            "indexing: indices must have integer or boolean type; got dtype"
            f" {part.dtype}."
        )
    if kind == "b" and isinstance(part, Tracer):
        raise NonConcreteBooleanIndexError(
            f"indexing: the mask {described(part)} has no value while the function is"
            " traced, so the shape of the result is unknown; use cnp.where(mask, x,"
            " fill), or nonzero(..., size=)."
        )
    if part.ndim == 0 and not isinstance(part, Tracer):
        return part.item()
    return part


def _is_plain(values: Sequence[Any]) -> bool:
    return all(
        _is_plain(v) if isinstance(v, (list, tuple)) else not isinstance(v, Array)
        for v in values
    )


def _from_arrays(values: Sequence[Any]) -> Any:
    """Positions given as a sequence of arrays, stacked."""
    from_list = [as_array(_checked(v), "indexing") for v in values]
    wide = [convert(v, dtypes.default_int()) for v in from_list]
    return concatenate([expand_dims(v, (0,)) for v in wide], 0)


def _dims_used(part: Any) -> int:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if isinstance(part, (int, slice)):
        return 1
    return part.ndim if dtypes.kind(part.dtype) == "b" else 1


def _entries(part: Any, shape: Sequence[int], dim: int, wrap: bool) -> list[Entry]:
    if part is None or part is Ellipsis:
        return [Entry("new" if part is None else "gap")]
    if isinstance(part, bool):
        return [Entry("new", length=int(part))]
    if isinstance(part, slice):
        return [_slice_entry(part, shape[dim], dim)]
    if isinstance(part, int):
        if not shape[dim]:
            raise IndexError(
                f"indexing: index {part} is out of bounds for axis {dim} of size 0."
            )
        i = part + shape[dim] if part < 0 and wrap else part
        return [Entry("at", dim, positions=np.asarray(i, np.int64))]
    if dtypes.kind(part.dtype) == "b":
        return _mask_entries(part, shape, dim)
    positions = wrapped(part, shape[dim]) if wrap else integers_in(part, shape[dim])
    return [Entry("at", dim, positions=positions)]


def _slice_entry(part: slice, size: int, dim: int) -> Entry:
    try:
        start, stop, step = part.indices(size)
    except (TypeError, JAXTypeError) as error:
        bounds = (part.start, part.stop, part.step)
        if not any(isinstance(b, Tracer) for b in bounds):
            raise TypeError(
                f"indexing: slice bounds must be integers or None; got {part}."
            ) from error
        raise IndexError(
            f"indexing: the bounds of {part} are traced, but a slice needs static ones:"
            " they decide the result's shape. Use lax.dynamic_slice or"
            " lax.dynamic_slice_in_dim for a slice of static size."
        ) from None
    length = len(range(start, stop, step))
    if not length:
        return Entry("slice", dim, 0, 1, 0)
    return Entry("slice", dim, start, step if length > 1 else 1, length)


def _mask_entries(mask: Any, shape: Sequence[int], dim: int) -> list[Entry]:
    expected = tuple(shape[dim : dim + mask.ndim])
    if mask.shape != expected:
        raise IndexError(
            f"indexing: a boolean index of shape {mask.shape} does not match the"
            f" array's dimensions {dim} to {dim + mask.ndim - 1}, which have shape"
            f" {expected}."
        )
    found = np.nonzero(np.asarray(mask))
    return [Entry("at", dim + i, positions=p) for i, p in enumerate(found)]


def wrapped(positions: Any, size: int) -> Any:
    """Integer positions with negative ones counted from the end."""
    if isinstance(positions, np.ndarray):
        if dtypes.kind(positions.dtype) == "u":
            return positions
        positions = positions.astype(np.int64)
        return np.where(positions < 0, positions + size, positions)
    positions = integers_in(positions, size)
    if dtypes.kind(positions.dtype) == "u":
        return positions
    zero = np.zeros((), positions.dtype)
    behind = add_p(positions, np.asarray(size, positions.dtype))
    return select(lt_p(positions, zero), behind, positions)


def integers_in(positions: Any, size: int) -> Any:
    """Traced positions in a dtype that holds `size`: int32, or int64 where needed."""
    if isinstance(positions, np.ndarray):
        return positions
    dtype = positions.dtype
    if dtypes.kind(dtype) == "u" and dtype.itemsize >= 4:
        positions = min_p(positions, np.asarray(size, dtype))
    wide = size > np.iinfo(np.int32).max or dtype == np.int64
    return convert(positions, np.dtype(np.int64 if wide else np.int32))


def result_layout(entries: Sequence[Entry]) -> tuple[int, list[Entry]]:
    """Where the dimensions of the positions go, and the other entries.

    NumPy's rule: in the place of the first position where all stand together, in front
    where something stands between them. The place counts the other entries.
    """
    at = [i for i, e in enumerate(entries) if e.kind == "at"]
    others = [e for e in entries if e.kind in ("slice", "new")]
    if not at or at[-1] - at[0] != len(at) - 1:
        return 0, others
    return sum(e.kind != "gap" for e in entries[: at[0]]), others


__all__ = ["Entry", "read_index", "result_layout", "wrapped"]
