"""Elements by position: take, put, choose, compress, select and their kin.

Reads out of bounds yield the fill value ("fill", the default of take), the nearest
element ("clip") or count around ("wrap"); writes out of bounds are dropped.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, Tracer, as_array, wrap
from ..core.errors import ConcretizationTypeError, described
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_selection import select as _select
from ..ops.elementwise_selection import select_n_p
from ..ops.gather import take_along
from ..ops.scatter import scatter_p
from ..ops.shaping import canonical_axis, convert, move_dim, reshape
from ..ops.windows import CLIP, FILL_OR_DROP, GatherScatterMode
from ..runtime._native import ConcreteArray, current_dynamic
from .index_plan import Entry, integers_in, wrapped
from .index_update import update
from .indexing import getitem, read
from .manipulation import broadcast_arrays, broadcast_shapes, broadcast_to, ravel
from .nonzero_search import flat_positions, truth_of
from .promotion import operand, promote


def _integer(name: str, indices: Any) -> Any:
    found = operand(name, indices)
    if not dtypes.is_integer(found.dtype):
        raise TypeError(f"{name}: indices must be integers; got dtype {found.dtype}.")
    return found


def _resolved(name: str, indices: Any, size: int, mode: Any) -> tuple[Any, Any]:
    """Positions for gather, and its mode, for one of the modes of NumPy and JAX."""
    if mode == "raise":
        raise NotImplementedError(
            f"{name}: mode='raise' is not supported, as traced indices cannot raise;"
            " use 'fill', 'clip' or 'wrap'."
        )
    if mode == "wrap":
        return indices % np.asarray(max(size, 1), indices.dtype), CLIP
    if mode == "clip":
        return integers_in(indices, size), CLIP
    found = GatherScatterMode.from_any(mode)
    found = CLIP if found is GatherScatterMode.PROMISE_IN_BOUNDS else found
    return wrapped(indices, size), found


def take(
    a: Any,
    indices: Any,
    axis: int | None = None,
    out: None = None,
    mode: str | None = None,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    fill_value: Any = None,
) -> Any:
    """The elements of `a` at `indices` along `axis`.

    Args:
        a: array. indices: integers of any shape.
        axis: along which; None takes from the flattened array.
        mode: what indices out of bounds read. None or "fill": the fill value, negative
            ones counting from the end; "clip": the nearest element; "wrap": around.
        unique_indices, indices_are_sorted: promises about the indices.
        fill_value: default NaN, the least signed or greatest unsigned integer, True.

    Returns:
        Array of the shape of `a` with that of `indices` in the place of `axis`.

    >>> import chainrule.numpy as cnp
    >>> cnp.take(cnp.array([3, 4, 5]), cnp.array([2, 0])).tolist()
    [5, 3]
    """
    if out is not None:
        raise NotImplementedError("take: `out` is not supported; arrays are immutable.")
    x, where = operand("take", a), _integer("take", indices)
    if axis is None:
        x, axis = ravel(x), 0
    axis = canonical_axis("take", operator.index(axis), x.ndim)
    if type(x) is ConcreteArray and type(where) is ConcreteArray and mode is None:
        try:
            if current_dynamic() is None:
                return wrap(x._data.take(where._data, axis), x.weak_type)
        except IndexError:
            pass
    positions, found = _resolved("take", where, x.shape[axis], mode)
    entries = [
        Entry("at", d, positions=positions)
        if d == axis
        else Entry("slice", d, length=n)
        for d, n in enumerate(x.shape)
    ]
    return read(x, entries, found, fill_value, unique_indices, indices_are_sorted)


def take_along_axis(
    arr: Any,
    indices: Any,
    axis: int | None = -1,
    mode: Any = None,
    fill_value: Any = None,
    *,
    wrap_negative_indices: bool | None = None,
) -> Any:
    """The elements of `arr` at `indices` along `axis`, one for each other position.

    Args:
        arr: array. indices: integers; the other sizes are equal, or 1 and broadcast.
        axis: along which; None flattens `arr`.
        mode, fill_value: as for `take`.
        wrap_negative_indices: whether negative ones count from the end; default True.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.array([[3, 1], [2, 4]])
    >>> cnp.take_along_axis(x, cnp.argsort(x, axis=1), axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    x, where = operand("take_along_axis", arr), _integer("take_along_axis", indices)
    if axis is None:
        if where.ndim != 1:
            raise ValueError(
                "take_along_axis: indices must be 1-d where axis is None; got shape"
                f" {where.shape}."
            )
        x, axis = ravel(x), 0
    x, where, axis = _aligned("take_along_axis", x, where, axis)
    n = x.shape[axis]
    if wrap_negative_indices is False:
        positions, found = where, GatherScatterMode.from_any(mode)
    elif mode == "clip":
        positions, found = wrapped(where, n), CLIP
    else:
        positions, found = _resolved("take_along_axis", where, n, mode)
    if type(x) is ConcreteArray and type(where) is ConcreteArray:
        try:
            if current_dynamic() is None and wrap_negative_indices is not False:
                return wrap(np.take_along_axis(x._data, where._data, axis), x.weak_type)
        except IndexError:
            pass
    return take_along(x, positions, axis, found, fill_value)


def _aligned(name: str, x: Any, where: Any, axis: int) -> tuple[Any, Any, int]:
    """Array and indices with equal sizes outside of `axis`."""
    if x.ndim != where.ndim:
        raise ValueError(
            f"{name}: indices of shape {where.shape} must have as many dimensions as"
            f" the array of shape {x.shape}."
        )
    axis = canonical_axis(name, operator.index(axis), x.ndim)

    def others(shape: Sequence[int]) -> list[int]:
        return [1 if d == axis else n for d, n in enumerate(shape)]

    if others(x.shape) != others(where.shape):
        shape = list(broadcast_shapes(others(x.shape), others(where.shape)))
        spread = [x.shape[axis] if d == axis else n for d, n in enumerate(shape)]
        x = broadcast_to(x, spread)
        spread[axis] = where.shape[axis]
        where = broadcast_to(where, spread)
    return x, where, axis


# --- writing -------------------------------------------------------------------------


def _refuse_inplace(name: str, inplace: bool) -> None:
    if inplace:
        raise ValueError(
            f"{name}: arrays are immutable; pass inplace=False and use the result."
        )


def put(
    a: Any, ind: Any, v: Any, mode: str | None = None, *, inplace: bool = True
) -> Any:
    """`a` with the elements at flat positions `ind` replaced by `v`, repeated if short.

    Args:
        a: array. ind: integers. v: values.
        mode: for positions out of bounds: "clip" (default) or "wrap".
        inplace: must be False: arrays are immutable, the result is returned.

    >>> import chainrule.numpy as cnp
    >>> cnp.put(cnp.zeros(3), 1, 5.0, inplace=False).tolist()
    [0.0, 5.0, 0.0]
    """
    _refuse_inplace("put", inplace)
    x, where, values = operand("put", a), ravel(_integer("put", ind)), ravel(v)
    if not where.size:
        return x
    if not values.size:
        raise ValueError("put: cannot put from an empty array of values.")
    values = getitem(values, np.arange(where.size) % values.size)
    positions, found = _resolved(
        "put", as_array(wrapped(where, x.size)), x.size, mode or "clip"
    )
    flat = update(
        scatter_p, ravel(x), positions, values, mode=found, wrap_negative=False
    )
    return reshape(flat, x.shape)


def put_along_axis(
    arr: Any,
    indices: Any,
    values: Any,
    axis: int | None,
    inplace: bool = True,
    *,
    mode: str | None = None,
) -> Any:
    """`arr` with the elements at `indices` along `axis` replaced by `values`.

    The counterpart of `take_along_axis`; `inplace` must be False.

    >>> import chainrule.numpy as cnp
    >>> where = cnp.array([[1], [0]])
    >>> cnp.put_along_axis(cnp.zeros((2, 2)), where, 1.0, 1, inplace=False).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    _refuse_inplace("put_along_axis", inplace)
    x, where = operand("put_along_axis", arr), _integer("put_along_axis", indices)
    shape = x.shape
    if axis is None:
        x, axis = ravel(x), 0
    whole, where, axis = _aligned("put_along_axis", x, where, axis)
    positions, found = _resolved("put_along_axis", where, whole.shape[axis], mode)
    places: list[Any] = []
    for d in range(whole.ndim):
        sizes = [1] * whole.ndim
        sizes[d] = where.shape[d]
        places.append(
            positions if d == axis else np.arange(where.shape[d]).reshape(sizes)
        )
    out = update(
        scatter_p, whole, tuple(places), values, mode=found, wrap_negative=False
    )
    return reshape(out, shape)


def place(arr: Any, mask: Any, vals: Any, *, inplace: bool = True) -> Any:
    """`arr` with `vals`, repeated, in the places where `mask` holds, in order.

    `inplace` must be False: arrays are immutable, the result is returned.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.arange(4)
    >>> cnp.place(x, x > 1, cnp.array([7, 8]), inplace=False).tolist()
    [0, 1, 7, 8]
    """
    _refuse_inplace("place", inplace)
    x, where, values = operand("place", arr), truth_of("place", mask), ravel(vals)
    if where.size != x.size:
        raise ValueError(
            f"place: the mask of shape {where.shape} must have as many elements as the"
            f" array of shape {x.shape}."
        )
    if not values.size:
        if not x.size:
            return x
        raise ValueError("place: cannot place from an empty array of values.")
    where = ravel(where)
    order = cumsum_p(convert(where, dtypes.int32), axis=0, reverse=False) - np.int32(1)
    spread = getitem(values, order % np.int32(values.size))
    flat = _select(where, convert(spread, x.dtype), ravel(x))
    return reshape(flat, x.shape)


# --- choosing ------------------------------------------------------------------------


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """For each position the element of that of the `choices` which `a` names.

    Args:
        a: integers. choices: sequence of arrays, which broadcast with `a`.
        mode: for numbers out of range: "raise" (needs concrete `a`), "wrap", "clip".

    >>> import chainrule.numpy as cnp
    >>> cnp.choose(cnp.array([0, 1]), [cnp.array([1, 2]), cnp.array([3, 4])]).tolist()
    [1, 4]
    """
    if out is not None:
        raise NotImplementedError(
            "choose: `out` is not supported; arrays are immutable."
        )
    which = _integer("choose", a)
    if isinstance(choices, (Array, np.ndarray)):
        choices = list(operand("choose", choices))
    count = len(choices)
    if mode == "raise":
        if isinstance(which, Tracer):
            raise ConcretizationTypeError(
                f"choose: mode='raise' needs the value of the {described(which)}; use"
                " mode='clip' or mode='wrap'."
            )
        if np.any((which._data < 0) | (which._data >= count)):
            raise ValueError(
                f"choose: `a` must name one of the {count} choices, 0 to {count - 1};"
                " use mode='clip' or mode='wrap' to allow others."
            )
    elif mode == "wrap":
        which = which % np.asarray(count, which.dtype)
    elif mode != "clip":
        raise ValueError(
            f"choose: mode must be 'raise', 'wrap' or 'clip'; got {mode!r}."
        )
    which = convert(which, dtypes.int32)
    if mode == "clip":
        zero, last = np.int32(0), np.int32(count - 1)
        which = _select(which < zero, zero, _select(which > last, last, which))
    which, *cases = broadcast_arrays(which, *promote("choose", *choices))
    return cases[0] if count == 1 else select_n_p(which, *cases)


def compress(
    condition: Any,
    a: Any,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Any = 0,
    out: None = None,
) -> Any:
    """The sub-arrays of `a` along `axis` for which the 1-d `condition` holds.

    Args:
        condition: boolean, no longer than `a` along `axis`. axis: None flattens `a`.
        size: how many to return; needed where `condition` is traced.
        fill_value: what fills up to `size`.

    >>> import chainrule.numpy as cnp
    >>> cnp.compress(cnp.array([True, False, True]), cnp.arange(3)).tolist()
    [0, 2]
    """
    if out is not None:
        raise NotImplementedError(
            "compress: `out` is not supported; arrays are immutable."
        )
    mask, x = truth_of("compress", condition), operand("compress", a)
    if mask.ndim != 1:
        raise ValueError(f"compress: condition must be 1-d; got shape {mask.shape}.")
    if axis is None:
        x, axis = ravel(x), 0
    axis = canonical_axis("compress", operator.index(axis), x.ndim)
    n = x.shape[axis]
    if mask.size > n:
        beyond = getitem(mask, slice(n, None))
        if not isinstance(beyond, Tracer) and np.any(beyond._data):
            raise ValueError(
                f"compress: condition has {mask.size} entries, but axis {axis} has {n}."
            )
        mask = getitem(mask, slice(0, n))
    rows = move_dim(x, axis, 0)
    found, _ = flat_positions("compress", mask, size)
    positions = _select(found >= np.int32(mask.size), np.asarray(n, found.dtype), found)
    entries = [Entry("at", 0, positions=positions)]
    entries += [Entry("slice", d, length=m) for d, m in enumerate(rows.shape[1:], 1)]
    return move_dim(read(rows, entries, FILL_OR_DROP, fill_value), 0, axis)


def extract(
    condition: Any, arr: Any, *, size: int | None = None, fill_value: Any = 0
) -> Any:
    """The elements of `arr` where `condition` holds, in row-major order.

    `size` and `fill_value` as for `compress`.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.arange(4)
    >>> cnp.extract(x > 1, x).tolist()
    [2, 3]
    """
    return compress(ravel(condition), ravel(arr), size=size, fill_value=fill_value)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each position the element of the choice whose condition is the first to hold.

    Args:
        condlist: boolean arrays. choicelist: as many arrays; all broadcast.
        default: where no condition holds.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.arange(4)
    >>> cnp.select([x < 1, x > 2], [x, x * 10], default=-1).tolist()
    [0, -1, -1, 30]
    """
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"select: needs as many conditions as choices; got {len(condlist)} and"
            f" {len(choicelist)}."
        )
    if not len(condlist):
        raise ValueError("select: needs at least one condition; got none.")
    masks = [operand("select", c) for c in condlist]
    if any(m.dtype != dtypes.bool_ for m in masks):
        raise TypeError("select: conditions must be boolean.")
    *choices, out = promote("select", *choicelist, default)
    shape = broadcast_shapes(*(v.shape for v in (*masks, *choices, out)))
    for mask, choice in zip(masks[::-1], choices[::-1]):
        out = _select(mask, choice, out)
    return broadcast_to(out, shape)


def piecewise(
    x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any
) -> Any:
    """A function given piece by piece: for each element the last whose condition holds.

    Args:
        x: array. condlist: boolean arrays, or one.
        funclist: a function or number for each, and perhaps one more for where no
            condition holds (else 0). Functions are called with x, args and kw.

    >>> import chainrule.numpy as cnp
    >>> x = cnp.array([-2.0, 3.0])
    >>> cnp.piecewise(x, [x < 0], [lambda v: -v, lambda v: v]).tolist()
    [2.0, 3.0]
    """
    x = operand("piecewise", x)
    if isinstance(condlist, (Array, np.ndarray)):
        whole = operand("piecewise", condlist)
        condlist = [whole] if whole.ndim == x.ndim else list(whole)
    elif not isinstance(condlist[0], (Array, np.ndarray, list)) and x.ndim:
        condlist = [condlist]
    masks = [truth_of("piecewise", np.asarray(c) if isinstance(c, list) else c)
             for c in condlist]  # fmt: skip
    functions = list(funclist)
    if len(functions) == len(masks):
        functions.append(0)
    if len(functions) != len(masks) + 1:
        raise ValueError(
            f"piecewise: with {len(masks)} conditions there must be {len(masks)} or"
            f" {len(masks) + 1} functions; got {len(funclist)}."
        )

    def piece(f: Any) -> Any:
        value = f(x, *args, **kw) if isinstance(f, Callable) else f
        return broadcast_to(convert(operand("piecewise", value), x.dtype), x.shape)

    out = piece(functions[-1])
    for mask, f in zip(masks, functions):
        out = _select(mask, piece(f), out)
    return out


__all__ = [
    "choose", "compress", "extract", "piecewise", "place", "put", "put_along_axis",
    "select", "take", "take_along_axis",
]  # fmt: skip
