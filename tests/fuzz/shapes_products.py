"""Products, convolutions and windows of random programs over large and odd shapes.

See shapes_values.py for what they have in common.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import chainrule.numpy as cnp
from chainrule import lax

from .shapes_operations import SHAPED
from .shapes_values import (
    LIMITS,
    Value,
    cast,
    fits,
    flat,
    number,
    numpy_pad,
    op,
    real,
    resized,
    summed,
)

# --- products and windows ---------------------------------------------------------------


@op
def contracted(xp, r, x, y):
    """`dot_general` of any axes, with a batch or without."""
    if not x.ndim or not y.ndim:
        return x
    x = number(xp, x)
    y = cast(xp, y, x.dtype)
    pairs = []
    for _ in range(min(1 + r.below(2), x.ndim, y.ndim)):
        left = [k for k in range(x.ndim) if k not in [a for a, _ in pairs]]
        right = [k for k in range(y.ndim) if k not in [b for _, b in pairs]]
        i, j = r.one(*left[::-1]), r.one(*right)
        n = min(x.shape[i], y.shape[j])
        x, y = resized(xp, x, i, n), resized(xp, y, j, n)
        pairs.append((i, j))
    shared, batch = pairs[:1], pairs[1:]
    for k, used in enumerate((pairs, pairs)):
        v, taken = (x, y)[k], [p[k] for p in used]
        for axis in range(v.ndim):
            if axis not in taken:
                v = resized(xp, v, axis, min(v.shape[axis], (300, 40)[v.ndim > 2]))
        x, y = (v, y) if k == 0 else (x, v)
    n = x.shape[shared[0][0]]
    free = [m for k, m in enumerate(y.shape) if k not in [j for _, j in pairs]]
    out = [m for k, m in enumerate(x.shape) if k != shared[0][0]] + free
    if not fits(*out) or math.prod(out) * n > 1 << 24:
        return x
    bound, (x, y) = summed(xp, n, x, y)
    if xp is not np:
        numbers = [([p[k] for p in kind]) for kind in (shared, batch) for k in (0, 1)]
        dims = ((numbers[0], numbers[1]), (numbers[2], numbers[3]))
        return Value(lax.dot_general(x.array, y.array, dims), x.dtype, bound)
    return Value(_numpy_product(x.array, y.array, shared, batch), x.dtype, bound)


def _numpy_product(x: Any, y: Any, shared: Any, batch: Any) -> Any:
    """What `dot_general` gives: batches, then what is left of each."""
    i, j = shared[0]
    x, y = np.moveaxis(x, i, -1), np.moveaxis(y, j, -1)
    for a, b in batch:
        x = np.moveaxis(x, a - (i < a), 0)
        y = np.moveaxis(y, b - (j < b), 0)
    d = len(batch)
    xs, ys = x.shape[d:-1], y.shape[d:-1]
    head, n = x.shape[:d], x.shape[-1]
    x = x.reshape((*head, math.prod(xs), n))
    y = y.reshape((*head, math.prod(ys), n))
    return np.matmul(x, np.swapaxes(y, -1, -2)).reshape((*head, *xs, *ys))


@op
def convolved(xp, r, x, y):
    """Strides, padding, dilation of both sides, groups, and orders of dimensions."""
    x = real(xp, number(xp, x))
    d = r.one(2, 1, 3)
    while x.ndim < d + 2:
        x = x.of(xp.expand_dims(x.array, 0))
    x = x.of(
        x.array.reshape(
            (math.prod(x.shape[: x.ndim - d - 1]), *x.shape[x.ndim - d - 1 :])
        )
    )
    for axis, most in enumerate((8, 48, *[[400], [40, 70], [9, 9, 20]][d - 1])):
        x = resized(xp, x, axis, max(min(x.shape[axis], most), 1))
    features = x.shape[1]
    groups = r.one(*[g for g in (1, 2, 3, features) if features % g == 0])
    out = groups * (1 + r.below(20))
    window = [1 + r.below(4) for _ in range(d)]
    strides = [r.one(1, 2, 3) for _ in range(d)]
    spread = [r.one(1, 1, 2, 3) for _ in range(d)]
    apart = [r.one(1, 1, 1, 2) for _ in range(d)]
    padding = [(r.below(4), r.one(0, 1, 2, -1)) for _ in range(d)]
    last, channels_last = r.below(2), r.below(2)
    sizes = [
        (n - 1) * a + 1 + sum(p) - (w - 1) * s
        for n, a, p, w, s in zip(x.shape[2:], apart, padding, window, spread)
    ]
    if min(sizes) < 1 or not fits(x.shape[0], out, *sizes):
        return x
    shape = (out, features // groups, *window)
    terms = math.prod(shape[1:])
    if terms * out * x.size > 1 << 24:
        return x
    kernel = flat(xp, cast(xp, y, x.dtype), math.prod(shape))
    kernel = kernel.of(kernel.array.reshape(shape))
    bound, (x, kernel) = summed(xp, terms, x, kernel)
    given = (strides, padding, apart, spread)
    if xp is np:
        return Value(
            _numpy_convolution(x.array, kernel.array, *given, groups), x.dtype, bound
        )
    a, w, order = x.array, kernel.array, "DHW"[3 - d :]
    names = ["NC" + order, "OI" + order]
    if channels_last:
        a, names[0] = cnp.moveaxis(a, 1, -1), f"N{order}C"
    if last:
        w, names[1] = cnp.moveaxis(cnp.moveaxis(w, 0, -1), 0, -2), order + "IO"
    a = lax.conv_general_dilated(a, w, *given, (*names, names[0]), groups)
    return Value(cnp.moveaxis(a, -1, 1) if channels_last else a, x.dtype, bound)


def _numpy_convolution(x, w, strides, padding, apart, spread, groups):
    config = [(*p, a - 1) for p, a in zip(padding, apart)]
    x = numpy_pad(x, 0, [(0, 0, 0), (0, 0, 0), *config])
    n, c, out = x.shape[0], w.shape[1], w.shape[0]
    total = None
    for taps in np.ndindex(*w.shape[2:]):
        part = []
        for size, t, k, s, step in zip(x.shape[2:], taps, w.shape[2:], spread, strides):
            end = size - (k - 1) * s + t * s
            part.append(slice(t * s, end, step))
        seen = x[(slice(None), slice(None), *part)]
        rows = seen.reshape((n, groups, c, -1))
        kernel = w[(slice(None), slice(None), *taps)].reshape(groups, out // groups, c)
        made = np.matmul(kernel, rows).reshape((n, out, *seen.shape[2:]))
        total = made if total is None else (total + made).astype(x.dtype)
    return total


@op
def windowed(xp, r, x, y):
    """`reduce_window` with strides, padding and dilation."""
    if not x.ndim:
        return x
    x = real(xp, number(xp, x))
    name = r.one("max", "add", "min")
    axes = {r.axis(x), r.axis(x)}
    ones = [1] * x.ndim
    window, strides, apart, spread = ones[:], ones[:], ones[:], ones[:]
    padding = [(0, 0)] * x.ndim
    for k in sorted(axes):
        window[k], strides[k] = 1 + r.below(5), r.one(1, 2, 3)
        padding[k] = r.below(3), r.below(3)
        spread[k], apart[k] = r.one(1, 1, 2), r.one(1, 1, 2)
    sizes = [
        max(n - 1, 0) * a + (n > 0) + sum(p) - ((w - 1) * s + 1)
        for n, a, p, w, s in zip(x.shape, apart, padding, window, spread)
    ]
    if min(sizes) < 0 or not fits(2, *x.shape):
        return x
    bound = x.bound + 1
    if name == "add":
        bound, (x,) = summed(xp, math.prod(window), x)
    info = None if x.dtype in LIMITS else np.iinfo(x.dtype)
    start = {
        "add": 0, "max": -bound if info is None else info.min,
        "min": bound if info is None else info.max,
    }[name]  # fmt: skip
    given = window, strides, padding, apart, spread
    if xp is np:
        return Value(_numpy_windows(x.array, name, start, *given), x.dtype, bound)
    start = cnp.asarray(start, x.array.dtype)
    fold = {"add": lax.add, "max": lax.max, "min": lax.min}[name]
    return Value(lax.reduce_window(x.array, start, fold, *given), x.dtype, bound)


def _numpy_windows(x, name, start, window, strides, padding, apart, spread):
    config = [(*p, a - 1) for p, a in zip(padding, apart)]
    x = numpy_pad(x, start, config)
    fold = {"add": np.add, "max": np.maximum, "min": np.minimum}[name]
    total = None
    for taps in np.ndindex(*window):
        part = []
        for size, t, k, s, step in zip(x.shape, taps, window, spread, strides):
            part.append(slice(t * s, size - (k - 1 - t) * s, step))
        seen = x[tuple(part)]
        total = seen if total is None else fold(total, seen)
    return total


__all__ = ["SHAPED"]
