"""Writing by index: `x.at[i].set(v)` and its kin, which return a new array.

A concrete array outside of a staged program is copied and updated by NumPy. Otherwise
the update is a scatter: positions become its indices, contiguous slices its windows;
a `set` whose place is static is a dynamic_update_slice. Positions out of bounds are
dropped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Tracer, aval_of, wrap
from ..core.errors import JAXTypeError, described
from ..core.primitive import Primitive
from ..ops.dynamic_slicing import dynamic_update_slice_p
from ..ops.elementwise_selection import select
from ..ops.gather import scatter_add_p
from ..ops.joining import rev_p
from ..ops.scatter import (
    scatter,
    scatter_max_p,
    scatter_min_p,
    scatter_mul_p,
    scatter_p,
    scatter_sub_p,
)
from ..ops.shaping import broadcast_to, convert, full, reshape
from ..ops.windows import CLIP, GatherScatterMode, ScatterDimensionNumbers
from ..runtime._native import ConcreteArray, current_dynamic, silently
from .creation import array
from .index_plan import Entry, read_index
from .indexing import index_vectors, numpy_index, read, result_shape

_ufuncs: dict[Primitive, Any] = {
    scatter_p: None,
    scatter_add_p: np.add,
    scatter_sub_p: np.subtract,
    scatter_mul_p: np.multiply,
    scatter_min_p: np.minimum,
    scatter_max_p: np.maximum,
}
_basic = frozenset((int, slice, type(None), type(Ellipsis)))


# --- eager ---------------------------------------------------------------------------


def _eager_update(prim: Primitive, x: Any, index: Any, values: Any) -> Any:
    """The updated array by NumPy; None where it must go the general way."""
    raw = numpy_index(index)
    if raw is None and index is not None:
        return None
    ufunc = _ufuncs[prim]
    out = np.array(x._data, order="C")
    update = values._data
    basic = type(raw) in _basic or (
        type(raw) is tuple and _basic.issuperset(map(type, raw))
    )
    try:
        if update.ndim and update.shape[0] == 1 and update.ndim > np.ndim(out[raw]):
            return None
        if ufunc is None:
            out[raw] = update
        elif basic:
            view = out[raw]
            if type(view) is not np.ndarray:
                view = out[(*raw, ...)] if type(raw) is tuple else out[raw, ...]
            ufunc(view, update, out=view)
        else:
            ufunc.at(out, raw, update)
    except (IndexError, ValueError, JAXTypeError):
        return None
    return wrap(out, x.weak_type)


# --- the general way -----------------------------------------------------------------


def update(
    prim: Primitive,
    x: Any,
    index: Any,
    values: Any,
    *,
    mode: Any = None,
    unique: bool = False,
    is_sorted: bool = False,
    wrap_negative: bool = True,
) -> Any:
    """`x` with `values` combined by a scatter primitive into `x[index]`."""
    values = _as_updates(x, values)
    kind = GatherScatterMode.from_any(mode)
    if (
        wrap_negative
        and type(x) is ConcreteArray
        and type(values) is ConcreteArray
        and current_dynamic() is None
    ):
        found = silently(_eager_update, prim, x, index, values)
        if found is not None:
            return found
    entries = read_index(x.shape, index, wrap_negative)
    values = _to_result_shape(values, entries)
    if prim is scatter_p and (starts := _static_place(x.shape, entries)) is not None:
        return _update_slice(x, entries, starts, values)
    static = all(e.kind != "at" or isinstance(e.positions, np.ndarray) for e in entries)
    single = all(e.kind != "at" or np.ndim(e.positions) == 0 for e in entries)
    return _scatter(
        prim, x, entries, values, kind, unique or single,
        is_sorted or (single and static),
    )  # fmt: skip


def _as_updates(x: Any, values: Any) -> Any:
    if type(values) is float and x.dtype == dtypes.float32:
        return wrap(np.asarray(values, np.float32))
    values = array(values)
    if values.dtype == x.dtype:
        return values
    both = dtypes.promote((x.dtype, x.weak_type), (values.dtype, values.weak_type))
    if both[0] != x.dtype:
        warnings.warn(
            f"at: values of dtype {values.dtype} are stored in an array of dtype"
            f" {x.dtype}, which cannot hold them all; convert them with astype.",
            FutureWarning,
            stacklevel=4,
        )
    return convert(values, x.dtype)


def _to_result_shape(values: Any, entries: Sequence[Entry]) -> Any:
    """The values broadcast to the shape of x[index], without its new axes."""
    shape, batch, place, others = result_shape(entries)
    given = values.shape
    if len(given) > len(shape) or any(
        n not in (1, m) for n, m in zip(given[::-1], shape[::-1])
    ):
        raise ValueError(
            f"at: values of shape {given} do not broadcast to the shape {shape} of the"
            " indexed part."
        )
    values = broadcast_to(values, shape)
    if any(e.kind == "new" and not e.length for e in others):
        return values
    sizes = [e.length for e in others[:place] if e.kind == "slice"]
    sizes += [*batch, *(e.length for e in others[place:] if e.kind == "slice")]
    return reshape(values, sizes)


def _static_place(shape: Sequence[int], entries: Sequence[Entry]) -> Any:
    """Where a block begins that is static, contiguous and in bounds; else None."""
    starts = [0] * len(shape)
    for e in entries:
        if e.kind == "new" and not e.length:
            return None
        if e.kind == "at":
            if not isinstance(e.positions, np.ndarray) or e.positions.ndim:
                return None
            starts[e.dim] = int(e.positions)
            if not 0 <= starts[e.dim] < shape[e.dim]:
                return None
        elif e.kind == "slice":
            if e.step not in (1, -1):
                return None
            starts[e.dim] = min(e.start, e.start + (e.length - 1) * e.step)
    return starts


def _update_slice(x: Any, entries: Sequence[Entry], starts: Any, values: Any) -> Any:
    sizes = [1] * x.ndim
    backwards: list[int] = []
    for e in entries:
        if e.kind == "slice":
            sizes[e.dim] = e.length
            if e.step < 0:
                backwards.append(e.dim)
    values = reshape(values, sizes)
    if backwards:
        values = rev_p(values, dimensions=tuple(backwards))
    if 0 in sizes:
        return x
    if tuple(sizes) == x.shape:
        return values
    number = dtypes.int32 if max(x.shape) < 2**31 else dtypes.int64
    return dynamic_update_slice_p(
        x, values, *[wrap(np.asarray(s, number)) for s in starts]
    )


def _scatter(
    prim: Primitive, x: Any, entries: Sequence[Entry], values: Any, mode: Any,
    unique: bool, is_sorted: bool,
) -> Any:  # fmt: skip
    """The scatter of `values`, laid out like x[index] without new axes."""
    if any(e.kind == "new" and not e.length for e in entries):
        return x
    _, positions_shape, place, others = result_shape(entries)
    before = [e for e in others[:place] if e.kind == "slice"]
    after = [e for e in others[place:] if e.kind == "slice"]
    layout = [*before, *positions_shape, *after]
    is_window = [isinstance(e, Entry) and not _strided(e) for e in layout]
    batch = [e for e, w in zip(layout, is_window) if not w]
    columns: dict[int, Any] = {}
    for k, e in enumerate(batch):
        if isinstance(e, Entry):  # positions along a batch dimension of its own
            steps = e.start + e.step * np.arange(e.length)
            columns[e.dim] = steps.reshape(
                [-1 if i == k else 1 for i in range(len(batch))]
            )
    behind = (1,) * sum(map(_strided, after))
    for e in entries:
        if e.kind == "at":
            columns[e.dim] = _aligned(e.positions, len(positions_shape), behind)
    inserted = tuple(sorted(columns))
    for e in layout:
        if isinstance(e, Entry) and not _strided(e) and e.length != x.shape[e.dim]:
            columns[e.dim] = np.asarray(e.start)
    shape = tuple(e.length if isinstance(e, Entry) else e for e in batch)
    dims = tuple(sorted(columns))
    if not dims:
        indices: Any = wrap(np.zeros((*shape, 0), np.int32))
    else:
        indices = index_vectors([columns[d] for d in dims], shape)
    window = tuple(d for d, w in enumerate(is_window) if w)
    numbers = ScatterDimensionNumbers(window, inserted, dims)
    return scatter(prim, x, indices, values, numbers, mode, unique, is_sorted)


def _strided(entry: Entry) -> bool:
    return entry.step != 1 and entry.length > 1


def _aligned(positions: Any, rank: int, behind: tuple[int, ...]) -> Any:
    """Positions of shape (b...) as (1..., b..., 1...) among the batch dimensions."""
    shape = aval_of(positions).shape
    wanted = ((1,) * (rank - len(shape)) + shape if shape else ()) + (
        behind if shape else ()
    )
    if isinstance(positions, np.ndarray):
        return positions.reshape(wanted)
    return reshape(positions, wanted)


# --- .at -----------------------------------------------------------------------------


class _At:
    """`x.at`: what is indexed for an update."""

    __slots__ = ("array",)

    def __init__(self, array: Any):
        self.array = array

    def __getitem__(self, index: Any) -> IndexUpdate:
        return IndexUpdate(self.array, index)

    def __repr__(self) -> str:
        return f"_IndexUpdateHelper({self.array!r})"


def _method(prim: Primitive, what: str, name: str) -> Callable[..., Any]:
    def method(
        self: IndexUpdate,
        values: Any,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        out_sharding: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        return update(
            prim, self.array, self.index, values, mode=mode, unique=unique_indices,
            is_sorted=indices_are_sorted, wrap_negative=wrap_negative_indices,
        )  # fmt: skip

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"""The array with `x[index]` {what}; repeated positions all count.

    Args:
        values: number or array that broadcasts to the shape of x[index].
        indices_are_sorted, unique_indices: promises about the positions.
        mode: None or "drop": positions out of bounds are dropped; "clip": they are
            moved to the nearest element; "promise_in_bounds".
        wrap_negative_indices: whether negative positions count from the end.
    """
    return method


class IndexUpdate:
    """`x.at[index]`: has a method for each kind of update, and `get`.

    >>> import chainrule.numpy as cnp
    >>> cnp.zeros(3).at[1:].add(2.0)
    Array([0., 2., 2.], dtype=float32)
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any):
        self.array, self.index = array, index

    def __repr__(self) -> str:
        return f"_IndexUpdateRef({self.array!r}, {self.index!r})"

    set = _method(scatter_p, "replaced by `values` (of several, the last)", "set")
    add = _method(scatter_add_p, "increased by `values`", "add")
    subtract = _method(scatter_sub_p, "decreased by `values`", "subtract")
    multiply = _method(scatter_mul_p, "multiplied by `values`", "multiply")
    mul = multiply
    min = _method(scatter_min_p, "bounded from above by `values`", "min")
    max = _method(scatter_max_p, "bounded from below by `values`", "max")

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        fill_value: Any = None,
        out_sharding: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """`x[index]`, where the mode says what positions out of bounds read.

        Args:
            mode: None, "clip": the nearest element; "fill": the fill value;
                "promise_in_bounds".
            fill_value: default NaN, the least signed or greatest unsigned integer,
                True.
            indices_are_sorted, unique_indices, wrap_negative_indices: as for updates.
        """
        return take_at(
            self.array, self.index, mode, fill_value, unique_indices,
            indices_are_sorted, wrap_negative_indices,
        )  # fmt: skip

    def divide(self, values: Any, **options: Any) -> Any:
        """The array with `x[index]` divided by `values`; options as for `multiply`."""
        return self.array / self._ones_multiplied(values, options)

    def power(self, values: Any, **options: Any) -> Any:
        """The array with `x[index]` raised to `values`; options as for `multiply`."""
        return self.array ** self._ones_multiplied(values, options)

    def _ones_multiplied(self, values: Any, options: dict[str, Any]) -> Any:
        x = self.array
        ones = full(x.shape, 1, x.dtype, x.weak_type)
        return IndexUpdate(ones, self.index).multiply(values, **options)

    def apply(
        self,
        func: Callable[[Any], Any],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """The array with the elementwise function `func` applied to `x[index]`.

        An element that is named several times has `func` applied as often; traced
        positions need the promise `unique_indices`. Other options as for `set`.
        """
        x = self.array
        values = take_at(x, self.index, CLIP, None, False, False, wrap_negative_indices)
        times = np.int32(1)
        if not unique_indices:
            times = _multiplicity(x, self.index, wrap_negative_indices)
        for k in range(int(np.max(times, initial=0))):
            if np.min(times) > k:
                values = func(values)
            else:
                values = select(times > k, convert(func(values), values.dtype), values)
        return update(
            scatter_p, x, self.index, values, mode=mode, unique=unique_indices,
            is_sorted=indices_are_sorted, wrap_negative=wrap_negative_indices,
        )  # fmt: skip


def _multiplicity(x: Any, index: Any, wrap_negative: bool) -> Any:
    """How often the element at each place of x[index] is named there, as NumPy's."""
    entries = read_index(x.shape, index, wrap_negative)
    at = [e for e in entries if e.kind == "at"]
    if all(np.ndim(e.positions) == 0 for e in at):
        return np.int32(1)
    for e in at:
        if isinstance(e.positions, Tracer):
            raise NotImplementedError(
                f"at: apply cannot tell whether the {described(e.positions)} names an"
                " element twice; pass unique_indices=True if it does not."
            )
    counts = np.zeros([n + 1 for n in x.shape], np.int32)  # the last is for outside
    key = tuple([_numpy_key(e, x.shape) for e in entries if e.kind != "gap"])
    np.add.at(counts, key, 1)
    return counts[key]


def _numpy_key(entry: Entry, shape: Sequence[int]) -> Any:
    if entry.kind == "new":
        return None
    if entry.kind == "at":
        n, positions = shape[entry.dim], entry.positions
        return np.where((positions < 0) | (positions >= n), n, positions)
    stop = entry.start + entry.length * entry.step
    return slice(entry.start, None if stop < 0 else stop, entry.step)


def take_at(
    x: Any,
    index: Any,
    mode: Any,
    fill: Any,
    unique: bool,
    is_sorted: bool,
    negative: bool,
) -> Any:
    """`x[index]` in the given mode (None: "clip", or "fill" where a fill is given)."""
    if mode is None:
        mode = CLIP if fill is None else "fill"
    found = GatherScatterMode.from_any(mode)
    if found is GatherScatterMode.PROMISE_IN_BOUNDS:
        found = CLIP
    entries = read_index(x.shape, index, negative)
    return read(x, entries, found, fill, unique, is_sorted)


at = property(_At, doc="x.at[index].set(values) and its kin: updates as new arrays.")

__all__ = ["IndexUpdate", "at", "take_at", "update"]
