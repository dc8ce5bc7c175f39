"""The operations of random programs over large and odd shapes, but for products.

See shapes_values.py for what they have in common.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import lax

from .shapes_values import (
    LIMITS,
    SHAPED,
    Draws,
    Value,
    along,
    cast,
    dtype_in,
    dtypes,
    fits,
    flat,
    like,
    number,
    op,
    padded_with,
    real,
    small,
    summed,
)

# --- elementwise ------------------------------------------------------------------------


@op
def added(xp, r, x, y):
    x = number(xp, x)
    bound, (x, y) = summed(xp, 1, x, like(xp, y, x))
    if x.dtype in LIMITS and x.bound + y.bound > LIMITS[x.dtype]:
        x, y = small(xp, x), small(xp, y)
    a = x.array + y.array if r.below(2) == 0 else x.array - y.array
    return Value(a, x.dtype, x.bound + y.bound)


@op
def multiplied(xp, r, x, y):
    x = number(xp, x)
    bound, (x, y) = summed(xp, 1, x, like(xp, y, x))
    return Value(x.array * y.array, x.dtype, bound)


@op
def extreme(xp, r, x, y):
    x = real(xp, x)
    y = like(xp, y, x)
    name = r.one("maximum", "minimum")
    return Value(getattr(xp, name)(x.array, y.array), x.dtype, max(x.bound, y.bound))


@op
def rounded_sine(xp, r, x, y):
    """A costly function that is a whole number, and no rounding error from the next."""
    x = small(xp, cast(xp, x, r.one("float32", x.dtype)), 64)
    if x.dtype not in ("float32", "float64"):
        return x
    return Value(xp.round(3.3 * xp.sin(x.array)), x.dtype, 4)


@op
def compared(xp, r, x, y):
    x = real(xp, x)
    y = like(xp, y, x)
    name = r.one("less", "equal", "greater_equal")
    return Value(getattr(xp, name)(x.array, y.array), "bool")


@op
def chosen(xp, r, x, y):
    z = like(xp, y, x)
    mask = real(xp, y) if r.below(2) else real(xp, x)
    mask = like(xp, Value(mask.array > 0, "bool"), x)
    array = xp.where(mask.array, x.array, z.array)
    return Value(array, x.dtype, max(x.bound, z.bound))


@op
def converted(xp, r, x, y):
    return cast(xp, x, r.one(*dtypes()))


@op
def of_one_dtype(xp, r, x, y):
    return cast(xp, x, y.dtype)


# --- order and place --------------------------------------------------------------------


@op
def transposed(xp, r, x, y):
    left, axes = list(range(x.ndim))[::-1], []
    while left:
        axes.append(left.pop(r.below(len(left))))
    return x.of(xp.transpose(x.array, axes))


@op
def merged(xp, r, x, y):
    if x.ndim < 2:
        return x.of(x.array.reshape((x.size,)))
    k = r.below(x.ndim - 1)
    n = x.shape[k] * x.shape[k + 1]
    return x.of(x.array.reshape((*x.shape[:k], n, *x.shape[k + 2 :])))


@op
def divided(xp, r, x, y):
    if not x.ndim or x.ndim > 4:
        return x
    axis = r.axis(x)
    n = x.shape[axis]
    divisors = [d for d in range(1, min(n, 1000) + 1) if n % d == 0]
    d = r.one(*divisors) if n else 3
    parts = (n // d, d) if r.below(2) == 0 else (d, n // d)
    return x.of(x.array.reshape((*x.shape[:axis], *parts, *x.shape[axis + 1 :])))


@op
def rearranged(xp, r, x, y):
    """A reshape to other rows, which need not begin where rows did."""
    n = x.size
    divisors = [d for d in range(1, min(n, 1000) + 1) if n % d == 0]
    d = r.one(*divisors[::-1]) if n else 2
    shape = (n // d, d) if r.below(2) == 0 else (d, n // d)
    return x.of(x.array.reshape(shape))


@op
def sliced(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    start = r.below(x.shape[axis])
    stop = x.shape[axis] - r.below(x.shape[axis] - start)
    step = r.one(1, 2, 3, 5, 8, -1, -2, -7)
    part = slice(start, stop, step)
    if step < 0:
        part = slice(stop - 1 if stop else None, start - 1 if start else None, step)
    return x.of(x.array[(slice(None),) * axis + (part,)])


@op
def reversed_along(xp, r, x, y):
    return x.of(xp.flip(x.array, r.axes(x))) if x.ndim else x


@op
def rolled(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    return x.of(xp.roll(x.array, 1 + r.below(x.shape[axis] + 3), axis))


@op
def joined(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    z = like(xp, y, x, but=axis)
    parts = [[x, z], [z, x], [x, z, x], [x, x]][r.below(4)]
    shape = list(x.shape)
    shape[axis] = sum(p.shape[axis] for p in parts)
    if not fits(*shape):
        return x
    array = xp.concatenate([p.array for p in parts], axis)
    return Value(array, x.dtype, max(x.bound, z.bound))


@op
def padded(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    n, inside = x.shape[axis], r.one(0, 1, 0, 2)
    low, high = r.below(9) - 4, r.below(9) - 4
    most = n + max(n - 1, 0) * inside
    low = max(low, -most)
    high = max(high, -most - low)
    if not fits(*x.shape[:axis], most + low + high, *x.shape[axis + 1 :]):
        return x
    return x.of(padded_with(xp, x, r.below(2), axis, (low, high, inside)))


@op
def repeated(xp, r, x, y):
    """A new axis of a few, or of some more elements."""
    n = r.one(2, 3, 8, 17, 1, 64)
    if x.ndim > 4 or not fits(n, *x.shape):
        return x
    axis = x.ndim - r.below(x.ndim + 1)
    shape = (*x.shape[:axis], n, *x.shape[axis:])
    return x.of(xp.broadcast_to(xp.expand_dims(x.array, axis), shape))


@op
def stacked(xp, r, x, y):
    if x.ndim > 4 or not fits(3, *x.shape):
        return x
    z = like(xp, y, x)
    z = z.of(xp.broadcast_to(z.array, x.shape))
    parts = [x, z] if r.below(2) == 0 else [x, z, x]
    array = xp.stack([p.array for p in parts], x.ndim - r.below(x.ndim + 1))
    return Value(array, x.dtype, max(x.bound, z.bound))


# --- conditions and indices -------------------------------------------------------------


@op
def kept_in_part(xp, r, x, y):
    """What another value is where the index along an axis meets a condition."""
    if not x.ndim:
        return x
    axis = r.axis(x)
    at, k = along(xp, x, axis), r.below(x.shape[axis] + 1)
    mask = [at < k, at >= k, at == k, at % 3 == k % 3][r.below(4)]
    z = like(xp, y, x)
    array = xp.where(mask, x.array, z.array)
    return Value(array, x.dtype, max(x.bound, z.bound))


@op
def triangle(xp, r, x, y):
    if x.ndim < 2:
        return x
    rows, columns = r.axis(x), r.axis(x)
    k = r.below(7) - 3
    mask = along(xp, x, rows) + k >= along(xp, x, columns)
    return x.of(xp.where(mask, x.array, xp.zeros_like(x.array)))


@op
def counted(xp, r, x, y):
    """The value and numbers that depend on the place."""
    if not x.ndim:
        return x
    more = Value(along(xp, x, r.axis(x)) % (2 + r.below(11)), "int32")
    return added(xp, Draws([]), x, more)


def places(xp: Any, y: Value, n: int) -> Any:
    """Integers of 0 to n - 1 made of a value's."""
    return abs(cast(xp, y, "int32").array) % max(n, 1)


@op
def taken(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    n, most = x.shape[axis], 1 + r.below(200)
    if not n or not fits(most, *x.shape[:axis], *x.shape[axis + 1 :]):
        return x
    at = places(xp, flat(xp, y, most), n)
    return x.of(xp.take(x.array, at, axis=axis))


@op
def taken_by_index(xp, r, x, y):
    """Rows in an order that is computed of their number."""
    if not x.ndim or not x.size:
        return x
    axis = r.axis(x)
    n = x.shape[axis]
    at = (xp.arange(n, dtype="int32") * (1 + r.below(5)) + r.below(n)) % n
    return x.of(xp.take(x.array, at, axis=axis))


@op
def taken_along(xp, r, x, y):
    if not x.ndim or not x.size:
        return x
    axis = r.axis(x)
    at = places(xp, like(xp, number(xp, y), x.of(x.array)), x.shape[axis])
    at = xp.broadcast_to(at, x.shape)
    return x.of(xp.take_along_axis(x.array, at, axis=axis))


@op
def part_at(xp, r, x, y):
    """A slice that begins where a value says."""
    if not x.ndim or not x.size or not y.size:
        return x
    axis = r.axis(x)
    n = x.shape[axis]
    length = 1 + r.below(n)
    start = places(xp, flat(xp, y, 1), n - length + 1)[0]
    if xp is np:
        return x.of(np.take(x.array, np.arange(length) + start, axis=axis))
    return x.of(lax.dynamic_slice_in_dim(x.array, start, length, axis))


@op
def overwritten(xp, r, x, y):
    """Some of the rows set, or added to, in place."""
    if not x.ndim or not x.size:
        return x
    x = number(xp, small(xp, x))
    axis = r.axis(x)
    n = x.shape[axis]
    start, step = r.below(n), r.one(1, 2, 3)
    part = (slice(None),) * axis + (slice(start, n - r.below(n - start), step),)
    z = small(xp, like(xp, y, x))
    z = z.of(xp.broadcast_to(z.array, x.shape)[part])
    name = r.one("set", "add", "max" if x.dtype != "complex64" else "set")
    bound = x.bound + z.bound
    if xp is not np:
        return Value(getattr(x.array.at[part], name)(z.array), x.dtype, bound)
    made = np.array(x.array)
    if name == "set":
        made[part] = z.array
    else:
        change = np.add if name == "add" else np.maximum
        made[part] = change(made[part], z.array)
    return Value(made, x.dtype, bound)


@op
def scattered(xp, r, x, y):
    """Rows added to, or compared with, those that indices name."""
    if not x.ndim or not x.size:
        return x
    x = real(xp, number(xp, small(xp, x)))
    n, count = x.shape[0], min(1 + r.below(200), x.shape[0])
    at = places(xp, flat(xp, y, count), n)
    name = r.one("add", "max", "min")
    bound = x.bound * (count + 1 if name == "add" else 1)
    if x.dtype in LIMITS and bound > LIMITS[x.dtype]:
        return x
    rows = x.array[:count]
    if xp is not np:
        return Value(getattr(x.array.at[at], name)(rows), x.dtype, bound)
    made = np.array(x.array)
    {"add": np.add, "max": np.maximum, "min": np.minimum}[name].at(made, at, rows)
    return Value(made, x.dtype, bound)


# --- folds ------------------------------------------------------------------------------


@op
def reduced(xp, r, x, y):
    if not x.ndim:
        return x
    x, axes, keep = number(xp, x), r.axes(x), r.below(2) == 1
    bound, (x,) = summed(xp, math.prod(x.shape[k] for k in axes), x)
    array = xp.sum(x.array, axis=axes, keepdims=keep, dtype=dtype_in(xp, x.dtype))
    return Value(array, x.dtype, bound)


@op
def extremum(xp, r, x, y):
    if not x.size or not x.ndim:
        return x
    x = real(xp, x)
    name, axes, keep = r.one("max", "min"), r.axes(x), r.below(2) == 1
    return x.of(getattr(xp, name)(x.array, axis=axes, keepdims=keep))


@op
def centred(xp, r, x, y):
    """Less its maximum, along some axes: two stages over one row."""
    if not x.size or not x.ndim:
        return x
    x = small(xp, real(xp, number(xp, x)))
    most = x.array.max(axis=r.axes(x), keepdims=True)
    return Value(x.array - most, x.dtype, 2 * x.bound)


@op
def quantified(xp, r, x, y):
    if not x.ndim:
        return x
    name, axes = r.one("any", "all"), r.axes(x)
    return Value(
        getattr(xp, name)(
            x.array > 0 if x.dtype != "complex64" else x.array != 0, axis=axes
        ),
        "bool",
    )


@op
def position(xp, r, x, y):
    if not x.size or not x.ndim:
        return x
    name = r.one("argmax", "argmin")
    at = getattr(xp, name)(real(xp, x).array, axis=r.axis(x))
    return Value(at.astype("int32"), "int32")


@op
def accumulated(xp, r, x, y):
    if not x.ndim:
        return x
    axis = r.axis(x)
    x = number(xp, x)
    bound, (x,) = summed(xp, x.shape[axis], x)
    backwards, a = r.below(2), x.array
    a = xp.flip(a, axis) if backwards else a
    a = xp.cumsum(a, axis=axis, dtype=dtype_in(xp, x.dtype))
    return Value(xp.flip(a, axis) if backwards else a, x.dtype, bound)


@op
def running(xp, r, x, y):
    if not x.ndim:
        return x
    x, axis = real(xp, x), r.axis(x)
    if x.dtype == "bool":
        return x
    name, backwards = r.one("maximum", "minimum"), r.below(2) == 1
    if xp is not np:
        fold = lax.cummax if name == "maximum" else lax.cummin
        return x.of(fold(x.array, axis=axis, reverse=backwards))
    a = np.flip(x.array, axis) if backwards else x.array
    a = getattr(np, name).accumulate(a, axis=axis)
    return x.of(np.flip(a, axis) if backwards else a)


@op
def differences(xp, r, x, y):
    if not x.ndim:
        return x
    x = small(xp, number(xp, x))
    return Value(xp.diff(x.array, axis=r.axis(x)), x.dtype, 2 * x.bound)


@op
def ordered(xp, r, x, y):
    if not x.ndim:
        return x
    x, axis = real(xp, x), r.axis(x)
    if r.below(2) == 0:
        return x.of(xp.sort(x.array, axis=axis))
    at = xp.argsort(x.array, axis=axis, stable=True)
    return Value(at.astype("int32"), "int32")


@op
def largest(xp, r, x, y):
    if not x.ndim or not x.shape[-1]:
        return x
    x = number(xp, real(xp, x))
    k = 1 + r.below(min(x.shape[-1], 20))
    if xp is not np:
        return x.of(lax.top_k(x.array, k)[0])
    return x.of(np.flip(np.sort(x.array, axis=-1), -1)[..., :k])


__all__ = ["SHAPED"]
