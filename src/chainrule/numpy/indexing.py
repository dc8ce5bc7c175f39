"""Reading by index: `x[i]` with NumPy's full semantics, and `x.at[i].get`.

A concrete array outside of a staged program is indexed by NumPy itself, basic indices
as views; an index out of bounds takes the general way. That way is: one static slice,
then a dynamic_slice (scalars) or a gather (arrays), which clamp to the bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..core.errors import JAXTypeError
from ..ops.dynamic_slicing import dynamic_slice_p
from ..ops.gather import gather
from ..ops.joining import concatenate, expand_dims, rev_p, squeeze, squeeze_p
from ..ops.shaping import broadcast_in_dim_p, broadcast_to, convert
from ..ops.slicing import slice_p
from ..ops.windows import CLIP, GatherDimensionNumbers
from ..runtime._native import ConcreteArray, current_dynamic
from .index_plan import Entry, read_index, result_layout

_basic = frozenset((int, slice, type(None), type(Ellipsis)))
_bounds = frozenset((int, type(None)))


def getitem(x: Any, index: Any) -> Any:
    """`x[index]`: the operator. Positions out of bounds read the nearest element."""
    if type(x) is ConcreteArray and current_dynamic() is None:
        kind = type(index)
        try:
            if kind in _basic:
                return wrap(x._data[index], x.weak_type)
            if kind is tuple and _basic.issuperset(map(type, index)):
                return wrap(x._data[index], x.weak_type)
            raw = numpy_index(index)
            if raw is not None:
                return wrap(x._data[raw], x.weak_type)
        except (IndexError, JAXTypeError):
            pass
    elif (key := _static_key(index)) is not None:
        steps = _basic_steps(x.shape, key)
        if steps is not None:
            for prim, params in steps:
                x = prim(x, **params)
            return x
    return read(x, read_index(x.shape, index))


def _static_key(index: Any) -> Any:
    """A hashable stand-in for a static basic index; None for any other."""
    kind = type(index)
    if kind is int:
        return (index,)
    parts = index if kind is tuple else (index,)
    if not _basic.issuperset(map(type, parts)):
        return None
    key = [(p.start, p.stop, p.step) if type(p) is slice else p for p in parts]
    bounds = [b for p in key if type(p) is tuple for b in p]
    return tuple(key) if _bounds.issuperset(map(type, bounds)) else None


@lru_cache(maxsize=4096)
def _basic_steps(shape: tuple[int, ...], key: Any) -> Any:
    """The primitives, with parameters, that read a static basic index from `shape`; None
    where a position is out of bounds, which checks are to see."""
    parts = tuple([slice(*p) if type(p) is tuple else p for p in key])
    entries = read_index(shape, parts)
    at = [e for e in entries if e.kind == "at"]
    if not all(_is_within(e, shape) for e in at):
        return None
    rows = [Entry("slice", e.dim, int(e.positions), 1, 1) for e in at]
    slices = [e for e in entries if e.kind == "slice"]
    steps = _slice_steps(shape, slices + rows)
    if rows:
        steps.append((squeeze_p, {"dimensions": tuple([e.dim for e in rows])}))
    sizes = [e.length for e in entries if e.kind in ("slice", "new")]
    if len(sizes) > len(slices):
        others = [e for e in entries if e.kind in ("slice", "new")]
        kept = tuple([i for i, e in enumerate(others) if e.kind == "slice"])
        params = {"shape": tuple(sizes), "broadcast_dimensions": kept}
        steps.append((broadcast_in_dim_p, params))
    return steps


def _is_within(entry: Entry, shape: Sequence[int]) -> bool:
    return 0 <= entry.positions < shape[entry.dim]


def numpy_index(index: Any) -> Any:
    """`index` for NumPy to use on the raw array; None where it must be read by us."""
    if isinstance(index, tuple):
        found = [p if type(p) in _basic else _numpy_part(p) for p in index]
        if any(f is None and p is not None for f, p in zip(found, index)):
            return None
        return tuple(found)
    if type(index) in _basic:
        return index
    return None if isinstance(index, list) else _numpy_part(index)


def _numpy_part(part: Any) -> Any:
    if type(part) is ConcreteArray:
        part = part._data
    elif isinstance(part, (list, tuple)):
        try:
            part = np.asarray(part, None if len(part) else np.int32)
        except (TypeError, ValueError):
            return None
    if isinstance(part, (np.ndarray, np.generic)):
        return part if part.dtype.kind in "biu" and part.dtype.num < 24 else None
    return part if type(part) in (int, bool) else None


# --- the general way -----------------------------------------------------------------


def read(
    x: Any,
    entries: Sequence[Entry],
    mode: Any = CLIP,
    fill_value: Any = None,
    unique: bool = False,
    is_sorted: bool = False,
) -> Any:
    """The elements of `x` that the entries name, in NumPy's layout."""
    positions = [e for e in entries if e.kind == "at"]
    static = [
        e
        for e in positions
        if isinstance(e.positions, np.ndarray) and not e.positions.ndim
    ]
    scalars = all(np.ndim(e.positions) == 0 for e in positions)
    shape = x.shape
    if scalars and mode is CLIP and all(shape[e.dim] for e in positions):
        return _read_scalars(x, entries, static)
    x = sliced(x, [e for e in entries if e.kind == "slice"])
    place, others = result_layout(entries)
    batch = np.broadcast_shapes(*[aval_of(e.positions).shape for e in positions])
    kept = [e.dim for e in others if e.kind == "slice"]
    before = sum(e.kind == "slice" for e in others[:place])
    empty = next(
        (e.dim for e in positions if not shape[e.dim] and 0 not in batch), None
    )
    if empty is not None:
        raise IndexError(
            f"indexing: cannot take elements from axis {empty} of shape {shape}, which"
            " is empty."
        )
    if positions:
        offset = [i if i < before else i + len(batch) for i in range(len(kept))]
        dims = tuple(e.dim for e in positions)
        sizes = [min(1, n) if d in dims else n for d, n in enumerate(x.shape)]
        x = gather(
            x, index_vectors([e.positions for e in positions], batch),
            GatherDimensionNumbers(tuple(offset), dims, dims), sizes, mode, fill_value,
            unique, is_sorted,
        )  # fmt: skip
    return _with_new_axes(x, others, place, len(batch))


def _read_scalars(x: Any, entries: Sequence[Entry], static: Sequence[Entry]) -> Any:
    """Where every position is one scalar: a slice, a dynamic_slice, a squeeze."""
    shape = x.shape
    if not all(_is_within(e, shape) for e in static):
        static = []  # what clamps them, and what checks see, is the dynamic_slice
    rows = [Entry("slice", e.dim, int(e.positions), 1, 1) for e in static]
    x = sliced(x, [e for e in entries if e.kind == "slice"] + rows)
    known = {e.dim for e in static}
    moving = {
        e.dim: e.positions for e in entries if e.kind == "at" and e.dim not in known
    }
    if moving:
        dtype = next(
            (p.dtype for p in moving.values() if not _is_known(p)), dtypes.int32
        )
        starts = [_start(moving.get(d, 0), dtype) for d in range(len(shape))]
        sizes = tuple(1 if d in moving else n for d, n in enumerate(x.shape))
        x = dynamic_slice_p(x, *starts, slice_sizes=sizes)
    x = squeeze(x, sorted([*known, *moving]))
    return _with_new_axes(x, [e for e in entries if e.kind in ("slice", "new")], 0, 0)


def _is_known(position: Any) -> bool:
    return isinstance(position, (int, np.ndarray))


def _start(position: Any, dtype: Any) -> Any:
    """A position in a type; known ones that it cannot hold stay out of bounds."""
    if not _is_known(position):
        return position
    bounds = np.iinfo(dtype)
    return np.asarray(np.clip(position, bounds.min, bounds.max), dtype)


def sliced(x: Any, entries: Sequence[Entry]) -> Any:
    """`x` after the slices among `entries`; other dimensions whole."""
    for prim, params in _slice_steps(x.shape, entries):
        x = prim(x, **params)
    return x


def _slice_steps(
    shape: Sequence[int], entries: Sequence[Entry]
) -> list[tuple[Any, dict[str, Any]]]:
    """The primitives that take the slices among `entries` from an array of `shape`."""
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    backwards: list[int] = []
    for e in entries:
        first, last = e.start, e.start + (e.length - 1) * e.step
        if e.step < 0:
            backwards.append(e.dim)
            first, last = last, first
        starts[e.dim] = first
        stops[e.dim] = last + 1 if e.length else first
        steps[e.dim] = abs(e.step)
    found: list[tuple[Any, dict[str, Any]]] = []
    strided = any(s != 1 for s in steps)
    if any(starts) or stops != list(shape) or strided:
        params = {
            "start_indices": tuple(starts),
            "limit_indices": tuple(stops),
            "strides": tuple(steps) if strided else None,
        }
        found.append((slice_p, params))
    if backwards:
        found.append((rev_p, {"dimensions": tuple(backwards)}))
    return found


def index_vectors(positions: Sequence[Any], batch: Sequence[int]) -> Any:
    """The positions broadcast to `batch` and stacked along a last dimension."""
    if all(isinstance(p, np.ndarray) for p in positions):
        largest = max((int(np.max(np.abs(p), initial=0)) for p in positions), default=0)
        dtype = dtypes.int64 if largest > np.iinfo(np.int32).max else dtypes.int32
        whole = [np.broadcast_to(p, batch) for p in positions]
        return wrap(np.stack(whole, -1).astype(dtype))
    found = [wrap(p) if isinstance(p, np.ndarray) else p for p in positions]
    narrow = all(
        p.dtype.itemsize <= 4 for p, q in zip(found, positions) if p is q
    )  # fmt: skip
    dtype = dtypes.int32 if narrow else dtypes.int64
    last = len(batch)
    columns = [
        expand_dims(broadcast_to(convert(p, dtype), batch), (last,)) for p in found
    ]
    return concatenate(columns, last)


def _with_new_axes(x: Any, others: Sequence[Entry], place: int, count: int) -> Any:
    """`x` with new axes where the entries have them; `count` dimensions at `place`."""
    new = [
        i if i < place else i + count for i, e in enumerate(others) if e.kind == "new"
    ]
    if not new:
        return x
    x = expand_dims(x, new)
    empty = [
        i for i, e in zip(new, (e for e in others if e.kind == "new")) if not e.length
    ]
    return sliced(x, [Entry("slice", i, 0, 1, 0) for i in empty]) if empty else x


def result_shape(
    entries: Sequence[Entry],
) -> tuple[tuple[int, ...], tuple[int, ...], int, list[Entry]]:
    """Shape of the result, that of the positions, their place, the other entries."""
    place, others = result_layout(entries)
    batch = np.broadcast_shapes(
        *[aval_of(e.positions).shape for e in entries if e.kind == "at"]
    )
    sizes = [e.length for e in others]
    return (*sizes[:place], *batch, *sizes[place:]), batch, place, others


__all__ = [
    "getitem", "index_vectors", "numpy_index", "read", "result_shape", "sliced",
]  # fmt: skip
