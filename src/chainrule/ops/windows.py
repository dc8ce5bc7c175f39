"""Windows: what gather and scatter have in common.

Both move windows of an array, placed by indices computed at run time. Dimension numbers
say which dimensions the indices speak of, which are dropped from the window, and which
run along with a dimension of the indices; the mode says what happens out of bounds:
CLIP moves the window inside, FILL_OR_DROP reads a fill value and drops writes,
PROMISE_IN_BOUNDS leaves it to the backend (eagerly: reads as CLIP, writes dropped).
The primitives stand in gather.py and scatter.py.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes
from ..core.printer import readable


@readable
class GatherDimensionNumbers(NamedTuple):
    """Which dimensions a gather indexes, and where its windows go.

    Fields:
        offset_dims: output dimensions that hold the window, sorted.
        collapsed_slice_dims: operand dimensions of window size 1 that are dropped.
        start_index_map: the operand dimension that each index component is for.
        operand_batching_dims: operand dimensions that run along with dimensions
            `start_indices_batching_dims` of the indices (window size 1, dropped).
        start_indices_batching_dims: see above.

    >>> GatherDimensionNumbers((1,), (0,), (0,)).offset_dims
    (1,)
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()


@readable
class ScatterDimensionNumbers(NamedTuple):
    """Which dimensions a scatter indexes, and where its windows come from.

    Fields:
        update_window_dims: dimensions of the updates that hold the window, sorted.
        inserted_window_dims: operand dimensions of window size 1 not in the updates.
        scatter_dims_to_operand_dims: the operand dimension of each index component.
        operand_batching_dims: operand dimensions that run along with dimensions
            `scatter_indices_batching_dims` of the indices.
        scatter_indices_batching_dims: see above.

    >>> ScatterDimensionNumbers((1,), (0,), (0,)).inserted_window_dims
    (0,)
    """

    update_window_dims: tuple[int, ...]
    inserted_window_dims: tuple[int, ...]
    scatter_dims_to_operand_dims: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    scatter_indices_batching_dims: tuple[int, ...] = ()


def as_gather(numbers: ScatterDimensionNumbers) -> GatherDimensionNumbers:
    """The gather that reads where a scatter of these `numbers` writes."""
    return GatherDimensionNumbers(*numbers)


def as_scatter(numbers: GatherDimensionNumbers) -> ScatterDimensionNumbers:
    """The scatter that writes where a gather of these `numbers` reads."""
    return ScatterDimensionNumbers(*numbers)


@readable
class GatherScatterMode(enum.Enum):
    """What happens to indices out of bounds in gather and scatter.

    CLIP moves the window inside. FILL_OR_DROP reads a fill value, and drops writes.
    PROMISE_IN_BOUNDS says that there are none; if there are, the result is unspecified.

    >>> GatherScatterMode.from_any("fill") is GatherScatterMode.FILL_OR_DROP
    True
    """

    CLIP = enum.auto()
    FILL_OR_DROP = enum.auto()
    PROMISE_IN_BOUNDS = enum.auto()
    ONE_HOT = enum.auto()

    @staticmethod
    def from_any(mode: Any) -> GatherScatterMode:
        """The mode that a string, None (FILL_OR_DROP) or a mode names."""
        if isinstance(mode, GatherScatterMode):
            return mode
        if mode in _modes:
            return _modes[mode]
        raise ValueError(
            f"mode: {mode!r} is none; use 'clip', 'fill', 'drop' or"
            " 'promise_in_bounds'."
        )

    def __str__(self) -> str:
        return f"GatherScatterMode.{self.name}"


_modes = {
    None: GatherScatterMode.FILL_OR_DROP,
    "fill": GatherScatterMode.FILL_OR_DROP,
    "drop": GatherScatterMode.FILL_OR_DROP,
    "clip": GatherScatterMode.CLIP,
    "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
    "one_hot": GatherScatterMode.ONE_HOT,
}
CLIP, FILL_OR_DROP = GatherScatterMode.CLIP, GatherScatterMode.FILL_OR_DROP


def default_fill(dtype: Any) -> Any:
    """What reads out of bounds yield: NaN, the extreme integer, True."""
    kind = dtypes.kind(dtype)
    if kind in "fc":
        return np.nan
    if kind == "b":
        return True
    limits = dtypes.iinfo(dtype)
    return int(limits.min if kind == "i" else limits.max)


# --- shape rules ---------------------------------------------------------------------


def check_distinct(name: str, what: str, dims: Sequence[int], rank: int) -> None:
    """TypeError unless `dims` are distinct dimensions of an array of `rank`."""
    if len(set(dims)) != len(dims) or any(not 0 <= d < rank for d in dims):
        raise TypeError(
            f"{name}: {what} {tuple(dims)} must be distinct and in 0 <= dimension <"
            f" {rank}."
        )


def check_index_operand(name: str, indices: Any, components: int) -> None:
    """TypeError unless `indices` are integers, `components` in the last dimension."""
    if not dtypes.is_integer(indices.dtype):
        raise TypeError(f"{name}: indices must be integers; got dtype {indices.dtype}.")
    if indices.ndim < 1 or indices.shape[-1] != components:
        raise TypeError(
            f"{name}: the last dimension of the indices must have size {components},"
            f" one per indexed operand dimension; got indices of shape {indices.shape}."
        )


def interleave(
    batch: Sequence[Any], window: Sequence[Any], offset_dims: Sequence[int]
) -> tuple[Any, ...]:
    """The entries of `window` at positions `offset_dims`, those of `batch` between."""
    rest, inside = iter(batch), iter(window)
    count = len(batch) + len(window)
    return tuple(next(inside if i in offset_dims else rest) for i in range(count))


def window_sizes(
    operand_shape: Any, updates_shape: Any, numbers: ScatterDimensionNumbers
) -> tuple[int, ...]:
    """The extent of the windows along each dimension of the operand."""
    dropped = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    sizes = iter([updates_shape[d] for d in numbers.update_window_dims])
    return tuple(
        min(1, n) if d in dropped else next(sizes) for d, n in enumerate(operand_shape)
    )


# --- evaluation ----------------------------------------------------------------------


def window_starts(
    indices: Any, index_map: Sequence[int], operand_dims: Any, indices_dims: Any
) -> dict[int, Any]:
    """The start of each window by operand dimension: integers of batch shape."""
    if indices.dtype == np.uint64:
        indices = np.minimum(indices, np.uint64(np.iinfo(np.intp).max))
    indices = np.asarray(indices).astype(np.intp, copy=False)
    starts = {d: indices[..., k] for k, d in enumerate(index_map)}
    batch = indices.shape[:-1]
    for d, e in zip(operand_dims, indices_dims):
        sizes = [1] * len(batch)
        sizes[e] = batch[e]
        starts[d] = np.broadcast_to(np.arange(batch[e]).reshape(sizes), batch)
    return starts


def in_bounds(starts: dict[int, Any], limits: Sequence[int]) -> Any:
    """Where all starts are within 0 <= start <= limit; True if they are everywhere."""
    inside: Any = True
    for d, start in starts.items():
        inside = inside & ((start >= 0) & (start <= limits[d]))
    return inside


def clamp(starts: dict[int, Any], limits: Sequence[int]) -> dict[int, Any]:
    """The starts moved into 0 <= start <= limit."""
    return {d: np.minimum(np.maximum(s, 0), limits[d]) for d, s in starts.items()}


def places(
    out: Any, indices: Any, updates: Any, dn: ScatterDimensionNumbers, mode: Any
) -> tuple[Any, Any]:
    """Flat positions in `out` and the update for each, in the order of application."""
    starts = window_starts(
        indices, dn.scatter_dims_to_operand_dims, dn.operand_batching_dims,
        dn.scatter_indices_batching_dims,
    )  # fmt: skip
    sizes = window_sizes(out.shape, updates.shape, dn)
    limits = [n - s for n, s in zip(out.shape, sizes)]
    batch = indices.shape[:-1]
    rank = len(dn.update_window_dims)
    behind = range(updates.ndim - rank, updates.ndim)
    values = np.moveaxis(updates, dn.update_window_dims, behind)
    values = values.reshape(math.prod(batch), -1)
    inside = True if mode is CLIP else in_bounds(starts, limits)
    if mode is CLIP:
        starts = clamp(starts, limits)
    steps = [math.prod(out.shape[d + 1 :]) for d in range(out.ndim)]
    base = np.zeros(batch, np.intp)
    for d, start in starts.items():
        base = base + start * steps[d]
    base = base.reshape(-1, 1)
    if inside is not True and not np.all(inside):
        kept = np.flatnonzero(inside)
        base, values = base[kept], values[kept]
    within = np.zeros((1,), np.intp)
    for s, step in zip(sizes, steps):
        within = (within[:, None] + np.arange(s) * step).reshape(-1)
    return (base + within).reshape(-1), values.reshape(-1)


def shifted(dims: Sequence[int]) -> tuple[int, ...]:
    """The dimensions behind a new leading one."""
    return tuple(d + 1 for d in dims)


__all__ = [
    "CLIP", "FILL_OR_DROP", "GatherDimensionNumbers", "GatherScatterMode",
    "ScatterDimensionNumbers", "as_gather", "as_scatter", "check_distinct",
    "check_index_operand", "clamp", "default_fill", "in_bounds", "interleave", "places",
    "shifted", "window_sizes", "window_starts",
]  # fmt: skip
