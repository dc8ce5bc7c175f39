"""Library kernels called by themselves: a plan of one step."""

import math

import numpy as np

from chainrule.core.avals import ShapedArray
from chainrule.runtime import _native as native

NAMES = {
    "bool": "bool", "int8": "i8", "uint8": "u8", "int16": "i16", "uint16": "u16",
    "int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64",
    "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64",
}  # fmt: skip


def call(name, inputs, outputs, ints, extent, grain=None, scratch=0):
    """The results of a kernel; `outputs` are pairs of shape and dtype."""
    avals = [ShapedArray(shape, np.dtype(dtype)) for shape, dtype in outputs]
    slots = tuple(range(len(inputs) + len(avals) + bool(scratch)))
    address = native.library_kernel(name)
    step = ("kernel", address, slots, tuple(ints), extent, grain or max(extent, 1))
    plan = native.Plan(
        len(inputs), [], [0] if scratch else [], [("new", a) for a in avals], [step],
        scratch,
    )  # fmt: skip
    arrays = [native.wrap(np.ascontiguousarray(x)) for x in inputs]
    return [np.asarray(y) for y in plan(*arrays)]


def _width(rows, n):
    return 1 if n >= 1 << 16 else max(1, min(rows, 64))


def sort_rows(x):
    """sort_*: the rows of a matrix, sorted."""
    rows, n = x.shape
    width = _width(rows, n)
    return call(
        f"sort_{NAMES[x.dtype.name]}",
        [x],
        [(x.shape, x.dtype)],
        (rows, n, width),
        x.size,
    )[0]


def order_rows(x, previous=None):
    """order_* or, with a previous order, reorder_*."""
    rows, n = x.shape
    width = _width(rows, n)
    prefix = "order" if previous is None else "reorder"
    inputs = [x] if previous is None else [x, previous]
    return call(
        f"{prefix}_{NAMES[x.dtype.name]}", inputs, [(x.shape, np.int32)],
        (rows, n, width), x.size, scratch=max(width * n * 8, 1),
    )[0]  # fmt: skip


def top_k(x, k):
    """top_k_*: the k largest elements of rows and their positions."""
    rows, n = x.shape
    width = max(1, min(rows, 64))
    item = 16 if x.itemsize == 8 else 8
    return call(
        f"top_k_{NAMES[x.dtype.name]}", [x], [((rows, k), x.dtype), ((rows, k), np.int32)],
        (rows, n, k, width), width, 1, scratch=width * (min(8 * k, n) + 64) * item,
    )  # fmt: skip


def scan(operation, xs, axis, reverse):
    """scan_*: of one operand, or two for a recurrence."""
    shape = xs[0].shape
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    return call(
        f"scan_{operation}_{NAMES[xs[0].dtype.name]}", xs, [(shape, xs[0].dtype)],
        (outer, shape[axis], inner, int(reverse)), math.prod(shape),
    )[0]  # fmt: skip
