"""Values of a program as functions of an index.

Every variable of a program becomes a `Value`. A *lazy* value is computed where it is
read, as an expression of its operands at indices; a *reduction* is computed by loops;
a *stored* one lies in a buffer (an argument, a constant, the result of a library
call). Fusion decides which lazy values and reductions get buffers as well; a reader
asks `at` (an index per dimension) or `linear` (a row-major position) and does not know.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .expr import Expr, const
from .index import Index, ravel, unravel
from .loop import Combine, Store
from .records import record

Indices = Sequence[Index]

_type_names = {
    "bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64",
    "key<fry>": "u64",
}  # fmt: skip


@functools.cache
def type_of(dtype: Any) -> str | None:
    """The loop IR's name of a dtype; None for those it has not (complex, small floats).
    Keys of two words are moved about as integers."""
    return _type_names.get(getattr(dtype, "name", ""))


class NotFusable(Exception):
    """A value cannot be computed inside the kernel that asked for it."""


class Reader:
    """What answers reads of values while a kernel is composed; see fusion.Context."""

    guard: Expr | None = None

    def read(self, value: Value, position: Index, indices: Indices | None) -> Expr:
        """The value's element as an expression of the kernel's variables."""
        raise NotImplementedError

    def under(self, condition: Expr, read: Callable[[], Expr]) -> Expr:
        """What `read` composes, with nothing loaded where the condition is false."""
        outer = self.guard
        self.guard = condition if outer is None else outer & condition
        try:
            return read()
        finally:
            self.guard = outer


class Value:
    """An array of a program; `aval` has its shape and dtype, `type` its scalar type."""

    __slots__ = (
        "anchor", "aval", "buffer", "cost", "depth", "owner", "reader", "reads", "shape",
        "type", "uses",
    )  # fmt: skip

    def __init__(self, aval: Any, reader: Any):
        self.aval, self.shape = aval, aval.shape
        self.type = type_of(aval.dtype)
        self.reader = reader
        self.buffer: Any = None
        self.anchor = False
        self.owner: Any = None
        self.cost, self.depth, self.uses = 0.0, 0, 0

    @property
    def begins(self) -> Any:
        """The buffer that it fills first, before later steps write there; or None."""
        return None

    def at(self, *indices: Index) -> Expr:
        """The element at one index per dimension."""
        return self.reader.current.read(self, None, indices)

    def linear(self, position: Index) -> Expr:
        """The element at a row-major position."""
        return self.reader.current.read(self, position, None)

    def compute(self, indices: Indices) -> Expr:
        """The expression of the element at `indices`, for values that are computed."""
        raise NotImplementedError

    def compute_linear(self, position: Index) -> Expr:
        """As compute, at a position."""
        return self.compute(unravel(position, self.shape))

    def store(self, indices: Indices, value: Expr) -> Store:
        """The store of the element at `indices` into the value's buffer."""
        return Store(self.buffer, ravel(indices, self.shape), value)


class Stored(Value):
    """A value in a buffer that some step fills, or that is given."""

    __slots__ = ("source",)

    def __init__(self, aval: Any, reader: Any, source: Any):
        super().__init__(aval, reader)
        self.source = source
        self.buffer = self


class Constant(Stored):
    """A scalar written in the program: part of the code that reads it."""

    __slots__ = ("array", "expr")

    def __init__(self, aval: Any, reader: Any, value: Any):
        super().__init__(aval, reader, "constant")
        self.array = np.asarray(value, aval.dtype) if self.type else np.asarray(value)
        self.expr: Expr | None = None
        if self.type is not None:
            self.expr = const(self.array.item(), self.type)


class Lazy(Value):
    """A value computed where it is read; `split`: a short axis along which its elements
    are different expressions, and `parts` these where they are kept (see components);
    `flat`: a value that begins with the same elements, in row-major order."""

    __slots__ = ("fn", "flat", "linear_fn", "operands", "parts", "split", "view")

    def __init__(
        self,
        aval: Any,
        reader: Any,
        fn: Callable[[Indices], Expr],
        operands: Sequence[Value],
        cost: float,
        linear_fn: Callable[[Index], Expr] | None = None,
    ):
        super().__init__(aval, reader)
        self.fn, self.linear_fn, self.operands = fn, linear_fn, operands
        self.view: tuple[Value, list[int]] | None = None
        self.flat: Value | None = None
        self.split: int | None = None
        self.parts: list[Lazy] | None = None
        inner = [x for x in operands if not isinstance(x, Stored) and not x.anchor]
        self.cost = cost + sum(x.cost for x in inner)
        self.depth = 1 + max((x.depth for x in inner), default=0)

    def compute(self, indices: Indices) -> Expr:
        return self.fn(indices)

    def compute_linear(self, position: Index) -> Expr:
        if self.linear_fn is not None:
            return self.linear_fn(position)
        return self.fn(unravel(position, self.shape))


def unshaped(v: Value) -> Value:
    """The value whose first elements `v` is under another shape; or `v` itself."""
    while isinstance(v, Lazy) and not v.anchor and v.flat is not None:
        v = v.flat
    return v


@record
class Fold:
    """A reduction of the elements of `domain` over `axes`: values are taken at every
    index of the domain; accumulators start as `initial`; `finish` makes the results.
    `in_order`: an accumulator takes the values of its points in row-major order."""

    domain: tuple[int, ...]
    axes: tuple[int, ...]
    values: Callable[[Indices], tuple[Expr, ...]]
    initial: tuple[Expr, ...]
    update: Combine
    join: Combine
    operands: Sequence[Value]
    finish: Callable[[tuple[Expr, ...]], Sequence[Expr]]
    products: bool = False
    in_order: bool = False


class Reduced(Value):
    """A result of a fold. `shape` is the domain without the reduced axes."""

    __slots__ = ("fold", "number")

    def __init__(self, aval: Any, reader: Any, fold: Fold, number: int):
        super().__init__(aval, reader)
        self.fold, self.number = fold, number
        self.anchor = True
