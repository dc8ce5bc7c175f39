"""Ranges and grids: linspace and kin, meshgrid, indices, and the index tricks.

`mgrid`, `ogrid`, `r_`, `c_`, `s_` and `index_exp` are objects to be indexed; a slice
with an imaginary step asks for that many points, its end included.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, Tracer, aval_of, wrap
from ..ops import elementwise_exponential as exponential
from ..ops import elementwise_rounding as rounding
from ..ops.elementwise_selection import select
from ..ops.joining import concatenate as _concatenate
from ..ops.joining import iota
from ..ops.shaping import broadcast_in_dim, convert, full, move_dim, reshape
from ..runtime._native import current_dynamic
from .creation import arange, array, placed
from .joining import concatenate, stack
from .manipulation import broadcast_arrays, broadcast_to, expand_dims
from .promotion import operand, promote

# --- ranges --------------------------------------------------------------------------


def _computed_dtype(name: str, bounds: Sequence[Any], dtype: Any) -> tuple[Any, Any]:
    """The dtype to compute in and that of the result."""
    types = [(a.dtype, a.weak_type) for a in map(aval_of, bounds)]
    found, _ = dtypes.promote(*types, (dtypes.default_float(), True))
    found = dtypes.to_inexact(found)
    if dtype is None:
        return found, found
    return found, dtypes.check_array_dtype(name, dtype)


def _count(name: str, num: Any) -> int:
    count = operator.index(num)
    if count < 0:
        raise ValueError(
            f"{name}: the number of samples must not be negative; got {num}."
        )
    return count


def _plain_bounds(start: Any, stop: Any) -> bool:
    """Whether NumPy may compute the values: real Python numbers, nothing staged."""
    return current_dynamic() is None and all(
        isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)
        for x in (start, stop)
    )


def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """`num` evenly spaced values from `start` to `stop`.

    Args:
        start, stop: numbers or arrays, which broadcast; may be traced.
        num: how many, static.
        endpoint: whether `stop` is the last value.
        retstep: whether to return the spacing, too.
        dtype: of the result; integers are rounded down.
        axis: the axis of the values in the result.

    Returns:
        Array, or (array, spacing).

    >>> import chainrule.numpy as cnp
    >>> cnp.linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    count = _count("linspace", num)
    computed, wanted = _computed_dtype("linspace", (start, stop), dtype)
    steps = count - 1 if endpoint else count
    if not retstep and not dtypes.is_integer(wanted) and _plain_bounds(start, stop):
        found = np.linspace(start, stop, count, endpoint).astype(computed)
        return placed(wrap(found.astype(wanted, copy=False)), device)
    a, b = (convert(operand("linspace", v), computed) for v in (start, stop))
    if a.shape != b.shape:
        a, b = broadcast_arrays(a, b)
    spacing = (b - a) / np.asarray(steps, computed) if steps > 0 else full(
        a.shape, np.nan, computed
    )  # fmt: skip
    if _plain_bounds(start, stop):
        out = wrap(np.linspace(start, stop, count, endpoint).astype(computed))
    else:
        out = _interpolated(a, b, count, steps, endpoint, computed)
    if axis:
        out = move_dim(out, 0, axis + out.ndim if axis < 0 else axis)
    if dtypes.is_integer(wanted) and not dtypes.is_complex(computed):
        out = rounding.floor_p(out)
    out = placed(convert(out, wanted), device)
    return (
        (out, convert(spacing, wanted if dtypes.is_inexact(wanted) else computed))
        if (retstep)
        else out
    )


def _interpolated(
    a: Any, b: Any, count: int, steps: int, endpoint: bool, dtype: Any
) -> Any:
    """a (1 - t) + b t along a new leading axis, the last value b itself."""
    rank, shape = a.ndim, a.shape
    rows = count - 1 if endpoint and count > 1 else count
    real = dtypes.real_part(dtype)
    t = iota(real, (rows,)) / np.asarray(max(steps, 1), real)
    t = convert(reshape(t, (rows, *(1,) * rank)), dtype)
    low, high = (reshape(v, (1, *shape)) for v in (a, b))
    out = low * (np.asarray(1, dtype) - t) + high * t
    return out if rows == count else _concatenate([out, high], 0)


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """`num` values from base ** start to base ** stop, their logarithms evenly spaced.

    Arguments as for `linspace`.

    >>> import chainrule.numpy as cnp
    >>> cnp.logspace(0, 2, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    computed, wanted = _computed_dtype("logspace", (start, stop), dtype)
    exponents = linspace(start, stop, num, endpoint, False, computed, axis)
    return convert(convert(operand("logspace", base), computed) ** exponents, wanted)


def geomspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """`num` values from `start` to `stop` in geometric progression.

    `start` and `stop` have one sign, or are complex. Arguments as for `linspace`.

    >>> import chainrule.numpy as cnp
    >>> cnp.geomspace(1, 100, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    count = _count("geomspace", num)
    computed, wanted = _computed_dtype("geomspace", (start, stop), dtype)
    if _plain_bounds(start, stop) and start * stop > 0:
        return wrap(np.geomspace(start, stop, count, endpoint).astype(wanted))
    a, b = (convert(operand("geomspace", v), computed) for v in (start, stop))
    a, b = broadcast_arrays(a, b)
    one = np.ones((), computed)
    if dtypes.is_complex(computed):
        sign: Any = a / convert(abs(a), computed)
    else:
        sign = select((a < 0) & (b < 0), -one, one)
    low, high = exponential.log_p(a / sign), exponential.log_p(b / sign)
    out = exponential.exp_p(linspace(low, high, count, endpoint)) * sign
    rows = iota(dtypes.int32, (count,)) if count else None
    if rows is not None:
        rows = reshape(rows, (count, *(1,) * a.ndim))
        out = select(rows == np.int32(0), a, out)
        if endpoint and count > 1:
            out = select(rows == np.int32(count - 1), b, out)
    if axis:
        out = move_dim(out, 0, axis + out.ndim if axis < 0 else axis)
    return convert(out, wanted)


# --- grids ---------------------------------------------------------------------------


def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> list[Any]:
    """Coordinate arrays of the grid that 1-d arrays span.

    Args:
        xi: 1-d arrays or numbers. copy: accepted.
        sparse: whether to leave axes that do not vary at size 1.
        indexing: "xy" puts the first array along axis 1, "ij" along axis 0.

    >>> import chainrule.numpy as cnp
    >>> [g.shape for g in cnp.meshgrid(cnp.arange(3), cnp.arange(2))]
    [(2, 3), (2, 3)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}.")
    xs = [operand("meshgrid", x) for x in xi]
    if any(x.ndim > 1 for x in xs):
        raise ValueError(
            "meshgrid: takes 1-d arrays; got shapes"
            f" {', '.join(str(x.shape) for x in xs)}."
        )
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[:2] = [1, 0]
    rank = len(xs)
    found = [
        reshape(x, [x.size if order[i] == d else 1 for d in range(rank)])
        for i, x in enumerate(xs)
    ]
    if sparse:
        return found
    shape = [0] * rank
    for i, x in enumerate(xs):
        shape[order[i]] = x.size
    return [broadcast_to(x, shape) for x in found]


def indices(dimensions: Sequence[int], dtype: Any = None, sparse: bool = False) -> Any:
    """The positions of an array of shape `dimensions`: element [d, i, j, ...] is i_d.

    With `sparse`, a tuple of arrays that broadcast to it.

    >>> import chainrule.numpy as cnp
    >>> cnp.indices((2, 2)).tolist()
    [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    """
    found = dtypes.check_array_dtype("indices", int if dtype is None else dtype)
    shape = tuple(operator.index(n) for n in dimensions)
    rank = len(shape)
    if sparse:
        return tuple(
            reshape(arange(n, dtype=found), [n if i == d else 1 for i in range(rank)])
            for d, n in enumerate(shape)
        )
    if not rank:
        return full((0,), 0, found)
    return stack([convert(iota(dtypes.int32, shape, d), found) for d in range(rank)])


def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = float, **kwargs: Any
) -> Any:
    """`function` of the positions of an array of `shape`, given as arrays.

    >>> import chainrule.numpy as cnp
    >>> cnp.fromfunction(lambda i, j: i + j, (2, 2)).tolist()
    [[0.0, 1.0], [1.0, 2.0]]
    """
    shape = tuple(operator.index(n) for n in shape)
    found = dtypes.check_array_dtype("fromfunction", dtype)
    grid = [convert(iota(dtypes.int32, shape, d), found) for d in range(len(shape))]
    return function(*grid, **kwargs)


# --- index tricks --------------------------------------------------------------------


def _points(name: str, key: slice) -> Any:
    """The values that one slice of a grid stands for."""
    start = 0 if key.start is None else key.start
    step = 1 if key.step is None else key.step
    if any(isinstance(v, Tracer) for v in (key.start, key.stop, key.step)):
        raise TypeError(f"{name}: the bounds of a grid must be concrete; got {key}.")
    if key.stop is None:
        raise ValueError(f"{name}: a slice needs an end; got {key}.")
    if isinstance(step, complex):
        return linspace(start, key.stop, int(abs(step)))
    return arange(start, key.stop, step)


class _Grid:
    """Indexed by slices, gives the coordinate arrays of the grid they span."""

    def __init__(self, name: str, sparse: bool):
        self.name, self.sparse = name, sparse

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return _points(self.name, key)
        axes = [_points(self.name, k) for k in key]
        axes = promote(self.name, *axes) if axes else axes
        found = meshgrid(*axes, sparse=self.sparse, indexing="ij")
        if self.sparse:
            return found
        return stack(found) if found else full((0,), 0, dtypes.default_int())

    def __repr__(self) -> str:
        return f"chainrule.numpy.{self.name}"


class _Joiner:
    """Indexed by arrays, numbers and slices, joins them along an axis."""

    def __init__(self, name: str, axis: int, ndmin: int, trans1d: int):
        self.name, self.defaults = name, (axis, ndmin, trans1d)

    def __getitem__(self, key: Any) -> Any:
        parts = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, trans1d = self.defaults
        as_matrix = ""
        if parts and isinstance(parts[0], str):
            directive = parts.pop(0)
            if directive in ("r", "c"):
                as_matrix = directive
            else:
                try:
                    numbers = [int(n) for n in directive.split(",")]
                except ValueError:
                    raise ValueError(
                        f"{self.name}: {directive!r} is no directive; use 'axis,ndmin,"
                        "first' in numbers, such as '0,2'."
                    ) from None
                axis, ndmin, trans1d = [*numbers, *self.defaults[len(numbers) :]]
        pieces = [self._piece(p, ndmin, trans1d) for p in parts]
        out = concatenate(promote(self.name, *pieces), axis)
        if as_matrix and out.ndim == 1:
            return expand_dims(out, 0 if as_matrix == "r" else 1)
        return out

    def _piece(self, part: Any, ndmin: int, trans1d: int) -> Any:
        if isinstance(part, slice):
            x = _points(self.name, part)
        elif isinstance(part, str):
            raise ValueError(f"{self.name}: the directive {part!r} must come first.")
        else:
            x = part if isinstance(part, Array) else array(part)
        if x.ndim == 0:
            x = expand_dims(x, 0)
        missing = ndmin - x.ndim
        if missing <= 0:
            return x
        first = trans1d if trans1d >= 0 else missing + trans1d + 1
        kept = range(first, first + x.ndim)
        sizes = [1] * ndmin
        for d, n in zip(kept, x.shape):
            sizes[d] = n
        return broadcast_in_dim(x, sizes, kept)

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"chainrule.numpy.{self.name}"


class _Index:
    """Indexed by anything, gives the index itself, always as a tuple for index_exp."""

    def __init__(self, always_tuple: bool):
        self.always_tuple = always_tuple

    def __getitem__(self, key: Any) -> Any:
        return (key,) if self.always_tuple and not isinstance(key, tuple) else key


mgrid, ogrid = _Grid("mgrid", False), _Grid("ogrid", True)
r_, c_ = _Joiner("r_", 0, 1, -1), _Joiner("c_", -1, 2, 0)
s_, index_exp = _Index(False), _Index(True)

__all__ = [
    "c_", "fromfunction", "geomspace", "index_exp", "indices", "linspace", "logspace",
    "meshgrid", "mgrid", "ogrid", "r_", "s_",
]  # fmt: skip
