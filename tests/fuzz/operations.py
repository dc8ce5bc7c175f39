"""The operations that random programs are made of.

Each works on bounded values and is smooth almost everywhere, so that programs of many
steps stay finite and can be compared with finite differences. `xp` is chainrule.numpy
or NumPy itself: the same program runs on both.

An operation is applicable to operands by a rule on their shapes, which draws its
parameters; kinds are "f" (floating-point), "i" (integers) and "b" (booleans).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from . import control

MAX_SIZE = 120
"""Elements of the largest value in a program."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """`apply(xp, *operands, **params)`; `params(draw, *shapes)` gives None to refuse."""

    name: str
    apply: Callable[..., Any]
    kinds: str = "f"
    result: str = "f"
    params: Callable[..., dict[str, Any] | None] = lambda draw, *shapes: {}


OPERATIONS: list[Operation] = []


def operation(kinds="f", result="f", params=lambda draw, *shapes: {}):
    """Registers the decorated function as an operation."""

    def register(function):
        OPERATIONS.append(Operation(function.__name__, function, kinds, result, params))
        return function

    return register


# --- rules on shapes ----------------------------------------------------------------------


def broadcastable(draw, *shapes):
    try:
        out = np.broadcast_shapes(*shapes)
    except ValueError:
        return None
    return {} if math.prod(out) <= MAX_SIZE else None


def same_shape(draw, *shapes):
    return {} if len(set(shapes)) == 1 else None


def an_axis(draw, shape, *others):
    if not shape or 0 in shape:
        return None
    return {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


def some_axes(draw, shape):
    if 0 in shape:
        return None
    axes = draw(st.sets(st.integers(0, max(len(shape) - 1, 0)), max_size=len(shape)))
    return {
        "axis": tuple(sorted(axes)) if shape else (),
        "keepdims": draw(st.booleans()),
    }


def rows(draw, shape, *others):
    """Operands with at least one row."""
    return {} if shape and shape[0] else None


def doubled(draw, shape):
    if not shape or 2 * math.prod(shape) > MAX_SIZE:
        return None
    return an_axis(draw, shape)


# --- elementwise -----------------------------------------------------------------------------


@operation("ff", params=broadcastable)
def add(xp, x, y):
    return 0.5 * (x + y)


@operation("ff", params=broadcastable)
def subtract(xp, x, y):
    return 0.5 * (x - y)


@operation("ff", params=broadcastable)
def multiply(xp, x, y):
    return xp.multiply(x, y) / 2


@operation("ff", params=broadcastable)
def divide(xp, x, y):
    return xp.true_divide(x, 1.5 + xp.square(y))


@operation()
def sine(xp, x):
    return xp.sin(x)


@operation()
def hyperbolic(xp, x):
    return xp.tanh(x) - xp.arctan(x)


@operation()
def gaussian(xp, x):
    return xp.exp(-x * x)


@operation()
def logarithm(xp, x):
    return xp.log1p(x**2)


@operation()
def root(xp, x):
    return xp.sqrt(1.25 + xp.cos(x))


@operation("ff", params=broadcastable)
def power(xp, x, y):
    return (1.5 + xp.sin(x)) ** xp.tanh(y)


@operation()
def cube(xp, x):
    return (x / 2) ** 3


@operation("ff", params=broadcastable)
def angle(xp, x, y):
    return xp.arctan2(x, 2 + xp.abs(y))


@operation("ff", params=broadcastable)
def larger(xp, x, y):
    return xp.maximum(x, y)


@operation("ff", params=broadcastable)
def smaller(xp, x, y):
    return xp.minimum(x, y)


@operation()
def magnitude(xp, x):
    return xp.abs(x)


@operation()
def clipped(xp, x):
    return xp.clip(x, -0.75, 0.5)


# --- selection ---------------------------------------------------------------------------------


@operation("ff", "b", broadcastable)
def less(xp, x, y):
    return x < y


@operation("f", "b")
def is_positive(xp, x):
    return xp.logical_not(x <= 0)


@operation("bff", params=broadcastable)
def where(xp, mask, x, y):
    return xp.where(mask, x, y)


@operation("ff", params=broadcastable)
def chosen(xp, x, y):
    return xp.where(xp.abs(x) > 0.3, y, x * y)


@operation("b", "i", an_axis)
def count(xp, mask, axis):
    return xp.cumsum(mask.astype("int32"), axis=axis)


@operation("f", "i", an_axis)
def order(xp, x, axis):
    return xp.argsort(x, axis=axis, stable=True)


@operation("f", "i", an_axis)
def position_of_largest(xp, x, axis):
    return xp.argmax(x, axis=axis)


@operation("i")
def from_integers(xp, n):
    return xp.sin(n / 3.0)


# --- shaping -----------------------------------------------------------------------------------


def a_split(draw, shape):
    size = math.prod(shape)
    divisors = [n for n in range(1, size + 1) if size % n == 0] or [0]
    first = draw(st.sampled_from(divisors))
    return {"shape": (first, size // first if first else 3)}


@operation(params=a_split)
def reshape(xp, x, shape):
    return xp.reshape(x, shape)


@operation()
def ravel(xp, x):
    return xp.ravel(x)


@operation(
    params=lambda draw, shape: {"axes": draw(st.permutations(range(len(shape))))}
)
def transpose(xp, x, axes):
    return xp.transpose(x, axes)


def widened(draw, shape):
    out = (draw(st.integers(1, 3)), *shape)
    return {"shape": out} if math.prod(out) <= MAX_SIZE and len(out) < 5 else None


@operation(params=widened)
def broadcast_to(xp, x, shape):
    return xp.broadcast_to(x, shape)


@operation(
    params=lambda draw, shape: (
        {"axis": draw(st.integers(0, len(shape)))} if len(shape) < 4 else None
    )
)
def expand_dims(xp, x, axis):
    return xp.expand_dims(x, axis)


@operation()
def squeeze(xp, x):
    return xp.squeeze(x)


@operation(params=an_axis)
def flip(xp, x, axis):
    return xp.flip(x, axis)


def a_roll(draw, shape):
    found = an_axis(draw, shape)
    return found and {**found, "shift": draw(st.integers(-3, 3))}


@operation(params=a_roll)
def roll(xp, x, shift, axis):
    return xp.roll(x, shift, axis)


@operation(params=doubled)
def repeat(xp, x, axis):
    return xp.repeat(x, 2, axis=axis)


@operation(
    params=lambda draw, shape: (
        {} if 2 * math.prod(shape) <= MAX_SIZE and shape else None
    )
)
def tile(xp, x):
    return xp.tile(x, 2)


def a_padding(draw, shape):
    if not shape or math.prod(n + 2 for n in shape) > MAX_SIZE:
        return None
    return {"width": [tuple(draw(st.tuples(st.integers(0, 1), st.integers(0, 1))))
                      for _ in shape]}  # fmt: skip


@operation(params=a_padding)
def pad(xp, x, width):
    return xp.pad(x, width, constant_values=0.25)


def joinable(draw, *shapes):
    found = an_axis(draw, shapes[0])
    if found is None or len({len(s) for s in shapes}) > 1:
        return None
    axis = found["axis"] % len(shapes[0])
    rest = {s[:axis] + s[axis + 1 :] for s in shapes}
    size = sum(math.prod(s) for s in shapes)
    return found if len(rest) == 1 and size <= MAX_SIZE else None


@operation("ff", params=joinable)
def concatenate(xp, x, y, axis):
    return xp.concatenate([x, y], axis=axis)


@operation(
    "ff",
    params=lambda draw, *shapes: (
        {} if len(set(shapes)) == 1 and 2 * math.prod(shapes[0]) <= MAX_SIZE else None
    ),
)
def stack(xp, x, y):
    return xp.stack([x, y], axis=-1)


def halves(draw, shape):
    found = an_axis(draw, shape)
    return found if found and shape[found["axis"]] % 2 == 0 else None


@operation(params=halves)
def halves_product(xp, x, axis):
    left, right = xp.split(x, 2, axis=axis)
    return left * right


# --- indexing ------------------------------------------------------------------------------------


def a_slice(draw, shape):
    if not shape or 0 in shape:
        return None
    start = draw(st.integers(0, shape[0] - 1))
    step = draw(st.sampled_from([1, 2, -1]))
    return {"start": start, "step": step}


@operation(params=a_slice)
def sliced(xp, x, start, step):
    return x[start::step]


def an_index(draw, shape):
    if not shape or 0 in shape:
        return None
    return {"index": draw(st.integers(-shape[-1], shape[-1] - 1))}


@operation(params=an_index)
def element(xp, x, index):
    return x[..., index]


@operation("fi", params=rows)
def take(xp, x, n):
    if n.size * (x.size // x.shape[0]) > MAX_SIZE:
        return x
    return x[n % x.shape[0]]


def alike_along(draw, x, n):
    if len(x) != len(n) or not x or 0 in x or x[1:] != n[1:]:
        return None
    return {}


@operation("fi", params=alike_along)
def take_along_axis(xp, x, n):
    return xp.take_along_axis(x, n % x.shape[0], axis=0)


@operation("fi", params=lambda draw, x, n: {} if x and x[0] and n == x[:1] else None)
def scattered(xp, x, n):
    """x with row k times 1/2 added to row n[k]."""
    if hasattr(x, "at"):
        return x.at[n % x.shape[0]].add(x / 2)
    x = np.array(x)
    np.add.at(x, n % x.shape[0], x / 2)
    return x


@operation(params=rows)
def reordered(xp, x):
    """The rows of x, sorted by their sums."""
    sums = x.reshape((x.shape[0], -1)).sum(axis=1)
    return x[xp.argsort(sums, stable=True)]


@operation(params=rows)
def overwritten(xp, x):
    """x with its first row replaced by a function of its last."""
    if hasattr(x, "at"):
        return x.at[0].set(xp.sin(x[-1]))
    x = np.array(x)
    x[0] = np.sin(x[-1])
    return x


# --- reductions, scans, order ------------------------------------------------------------------------


@operation(params=some_axes)
def mean(xp, x, axis, keepdims):
    return xp.mean(x, axis=axis, keepdims=keepdims)


@operation(params=some_axes)
def total(xp, x, axis, keepdims):
    return xp.sum(x, axis=axis, keepdims=keepdims) / max(x.size, 1)


@operation(params=an_axis)
def product(xp, x, axis):
    return xp.prod(xp.tanh(x), axis=axis)


@operation(params=some_axes)
def maximum_of(xp, x, axis, keepdims):
    return xp.max(x, axis=axis, keepdims=keepdims)


@operation(params=an_axis)
def variance(xp, x, axis):
    return xp.var(x, axis=axis)


@operation(params=an_axis)
def cumulative_sum(xp, x, axis):
    return xp.cumsum(x, axis=axis) / x.shape[axis]


@operation(params=an_axis)
def cumulative_product(xp, x, axis):
    return xp.cumprod(xp.cos(x), axis=axis)


@operation(params=an_axis)
def difference(xp, x, axis):
    return xp.diff(x, axis=axis)


@operation(params=an_axis)
def ordered(xp, x, axis):
    return xp.sort(x, axis=axis)


@operation(params=an_axis)
def softmax(xp, x, axis):
    weights = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return weights / xp.sum(weights, axis=axis, keepdims=True)


# --- products of matrices ----------------------------------------------------------------------------


def contractible(draw, x, y):
    if len(x) < 1 or len(y) < 1 or x[-1] != y[max(len(y) - 2, 0)] or not x[-1]:
        return None
    try:
        out = np.broadcast_shapes(x[:-2], y[:-2])
    except ValueError:
        return None
    size = math.prod(out) * math.prod(x[-2:-1]) * (y[-1] if len(y) > 1 else 1)
    return {} if size <= MAX_SIZE else None


@operation("ff", params=contractible)
def matmul(xp, x, y):
    return xp.matmul(x, y) / x.shape[-1]


@operation("ff", params=same_shape)
def inner_product(xp, x, y):
    return xp.vdot(x, y) / max(x.size, 1)


@operation(
    "ff",
    params=lambda draw, x, y: {} if math.prod(x) * math.prod(y) <= MAX_SIZE else None,
)
def outer(xp, x, y):
    return xp.outer(x, y)


@operation(
    params=lambda draw, x: (
        {} if len(x) == 2 and x[0] and x[0] ** 2 <= MAX_SIZE else None
    )
)
def gram_matrix(xp, x):
    return xp.einsum("ik,jk->ij", x, x) / max(x.shape[1], 1)


@operation(
    params=lambda draw, x: {} if len(x) == 2 and x[0] == x[1] and 0 < x[0] < 6 else None
)
def lower_triangle(xp, x):
    return xp.tril(x) + xp.triu(x, 1).T


@operation(
    params=lambda draw, x: {} if len(x) == 2 and x[0] == x[1] and 0 < x[0] < 6 else None
)
def solved(xp, x):
    matrix = x @ x.T + 2 * xp.eye(x.shape[0])
    return xp.linalg.solve(matrix, x)


# --- control flow ------------------------------------------------------------------------------------


@operation(params=lambda draw, x: {"body": draw(control.bodies())})
def controlled(xp, x, body):
    return control.run(xp, body, x)


BY_NAME = {op.name: op for op in OPERATIONS}
