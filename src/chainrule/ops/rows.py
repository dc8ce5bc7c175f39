"""How primitives along one axis lower: sorting, the largest elements, scans.

They are library kernels of the runtime (src/runtime/kernel_*.cpp), which take rows, or
columns, of whole buffers. Where an axis is not at its place the compiler permutes
dimensions in the kernels before and after. The order of several operands is a
permutation, by which each of them is gathered where it is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import dtypes

LONG_ROW = 1 << 16
AT_ONCE = 64
FEW_COLUMNS = 16


def element_type(build: Any, x: Any) -> str:
    """What kernels of the runtime call the dtype of a value, which may be complex."""
    if dtypes.is_complex(x.aval.dtype):
        return f"c{8 * x.aval.dtype.itemsize}"
    build.check(x)
    return x.type


class LastAxis:
    """Values with `axis` moved behind all others, and results moved back."""

    def __init__(self, build: Any, shape: tuple[int, ...], axis: int):
        self.build, self.n = build, shape[axis]
        self.order: list[int] | None = None
        self.place = axis  # behind it are at most dimensions of size 1
        if math.prod(shape[axis + 1 :]) != 1:
            self.order = [k for k in range(len(shape)) if k != axis] + [axis]
            self.place = len(shape) - 1
        self.rows = math.prod(shape) // max(self.n, 1)

    def of(self, x: Any) -> Any:
        """The operand with its axis last."""
        return x if self.order is None else self.build.permuted(x, self.order)

    def aval(self, out: Any) -> Any:
        """The aval of a result with its axis last."""
        if self.order is None:
            return out
        shape = tuple(out.shape[k] for k in self.order)
        return self.build.aval(shape, out.dtype, out.weak_type)

    def back(self, y: Any) -> Any:
        """A result with its axis where the operand has it."""
        if self.order is None:
            return y
        return self.build.permuted(
            y, [self.order.index(k) for k in range(len(y.shape))]
        )

    @property
    def width(self) -> int:
        """How many rows are sorted at once: long ones one after the other."""
        return 1 if self.n >= LONG_ROW else max(1, min(self.rows, AT_ONCE))


def sort(
    build: Any, *xs: Any, dimension: int, is_stable: bool, num_keys: int
) -> list[Any]:
    """Rows sorted by themselves, or operands gathered in the order of the keys."""
    last = LastAxis(build, xs[0].shape, dimension)
    build.require(last.n < 2**31, "rows of 2^31 elements")
    size = last.rows * last.n
    sizes = (last.rows, last.n, last.width)
    if len(xs) == 1:
        is_complex = dtypes.is_complex(xs[0].aval.dtype)
        ys = build.native(
            f"sort_{element_type(build, xs[0])}", [last.of(xs[0])], [last.aval(build.out[0])],
            sizes, size,
            scratch=16 * last.width * last.n if is_complex else 0,
        )  # fmt: skip
        return [last.back(ys[0])]
    build.check(*xs)
    xs = tuple(last.of(x) for x in xs)
    order: list[Any] = []
    positions = build.aval(xs[0].shape, dtypes.int32)
    for key in reversed(xs[:num_keys]):
        name = f"reorder_{key.type}" if order else f"order_{key.type}"
        order = build.native(
            name, (key, *order), [positions], sizes, size,
            scratch=8 * last.width * last.n,
        )  # fmt: skip
    return [
        last.back(_gathered(build.of(last.aval(out)), x, order[0], last.place))
        for x, out in zip(xs, build.out)
    ]


def _gathered(build: Any, x: Any, positions: Any, axis: int) -> Any:
    """x[..., positions[..., i, ...], ...], positions along the axis."""
    m, x = build.m, build.settled(x)

    def element(*indices: Any) -> Any:
        found = m.expression_index(positions.at(*indices))
        return x.at(*indices[:axis], found, *indices[axis + 1 :])

    return build.index(element, x, positions)


def top_k(build: Any, x: Any, *, k: int, axis: int) -> list[Any]:
    """Rows searched for their largest elements."""
    build.check(x)
    last = LastAxis(build, x.shape, axis)
    build.require(last.n < 2**31, "rows of 2^31 elements")
    width = max(1, min(last.rows, AT_ONCE))
    capacity = min(8 * k, last.n) + 64
    item = 16 if x.aval.dtype.itemsize == 8 else 8
    ys = build.native(
        f"top_k_{x.type}", (last.of(x),), [last.aval(out) for out in build.out],
        (last.rows, last.n, k, width), width, grain=1, scratch=width * capacity * item,
    )  # fmt: skip
    return [last.back(y) for y in ys]


def scan(operation: str) -> Callable[..., Any]:
    """The lowering of a cumulative operation (or `recurrence`, of two operands)."""

    def lower(build: Any, *xs: Any, axis: int, reverse: bool) -> Any:
        shape, dtype = xs[0].shape, xs[0].aval.dtype
        is_complex = dtypes.is_complex(dtype)
        type, parts = element_type(build, xs[0]), 1
        if is_complex and operation == "cumsum":
            type, parts = f"f{4 * dtype.itemsize}", 2
        inner = math.prod(shape[axis + 1 :])
        last = LastAxis(build, shape, axis)
        if not is_complex and 1 < inner < FEW_COLUMNS:
            inner = 1
        else:
            last.order = None
        size = math.prod(shape)
        outer = size // max(last.n * inner, 1)
        (y,) = build.native(
            f"scan_{operation}_{type}", [last.of(x) for x in xs], [last.aval(build.out)],
            (outer, last.n, inner * parts, int(reverse)), size,
        )  # fmt: skip
        return last.back(y)

    return lower
