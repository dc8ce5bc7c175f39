"""How ragged products lower: to library kernels that multiply one group after another.

Floats are multiplied by kernels of the runtime (src/runtime/kernel_ragged.cpp), those of
16 bits in float32, rounded once. Integers are folds, in which a row finds the matrix of
its group, or a group leaves out the rows of others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from .folds import accumulator, product

_dtypes = {"f32": dtypes.float32, "f64": dtypes.float64}


class Ragged:
    """A product whose `ragged` dimension of x is in groups: its operands, dimensions that
    are contracted (`inner`), batch and free ones of both."""

    def __init__(self, build: Any, x: Any, y: Any, sizes: Any, dot: Any, ragged: int):
        build.check(x, y, sizes)
        self.build, self.m, self.x, self.y = build, build.m, x, y
        (self.inner, self.inner_y), (self.batch, self.batch_y) = dot
        self.ragged, self.rows, self.groups = ragged, x.shape[ragged], sizes.shape[0]
        self.type = accumulator(build.type_of(build.out.dtype))
        self.sizes = self._as(sizes, np.dtype(np.int64))

    def _as(self, x: Any, dtype: Any) -> Any:
        if x.aval.dtype == dtype:
            return x
        return self.build.of(self.build.aval(x.shape, dtype)).converted(x)

    def free(self, x: Any, *taken: Sequence[int]) -> list[int]:
        """The dimensions of `x` that are not among those taken."""
        return [d for d in range(len(x.shape)) if not any(d in t for t in taken)]

    def count(self, x: Any, dims: Sequence[int]) -> int:
        """The elements along dimensions."""
        return math.prod(x.shape[d] for d in dims)

    def operand(self, x: Any, *orders: Sequence[int]) -> tuple[Any, int]:
        """`x` with its dimensions in one of the orders, and which of them that is: one
        that needs no copy, or the first."""
        x = self._as(x, _dtypes[self.type])
        source, inner = self.build.unpermuted(x)
        for k, order in enumerate(orders):
            if [inner[d] for d in order] == list(range(len(order))):
                return source, k
        return self.build.permuted(x, orders[0]), 0

    def multiplied(self, kind: str, x: Any, y: Any, shape: Any, ints: Any) -> Any:
        """The kernel's result, of this shape."""
        out, dtype = self.out(shape), _dtypes[self.type]
        aval = self.build.aval(shape, dtype, out.weak_type)
        name = f"ragged_{kind}_{self.type}"
        (made,) = self.build.native(name, (x, y, self.sizes), [aval], ints, 1)
        return made if dtype == out.dtype else self.build.of(out).converted(made)

    def out(self, shape: Sequence[int]) -> Any:
        """The aval of the result, with its dimensions in another order."""
        out = self.build.out
        return self.build.aval(tuple(shape), out.dtype, out.weak_type)

    def ends(self) -> Any:
        """Where the groups end."""
        aval = self.build.aval((self.groups,), np.dtype(np.int64))
        ints = 1, self.groups, 1, 0
        return self.build.native("scan_cumsum_i64", (self.sizes,), [aval], ints, 1)[0]

    def group_of_rows(self) -> Any:
        """The group of each row; the number of groups where it has none."""
        m, ends = self.m, self.ends()
        aval = self.build.aval((self.rows,), np.dtype(np.int64))
        of = self.build.of(aval).fold(
            (self.rows, self.groups), (1,),
            lambda r, g: (m.convert(ends.at(g) <= r.expr(), "i64"),),
            (m.const(0, "i64"),), lambda total, v: (total[0] + v[0],), ends,
        )  # fmt: skip
        return self.build.stored(of)


def _places(order: Sequence[int], indices: Sequence[Any]) -> list[Any]:
    """Indices of dimensions `order`, as those of dimensions 0, 1, ..."""
    found = dict(zip(order, indices))
    return [found[d] for d in range(len(order))]


# --- rows that meet the matrix of their group -----------------------------------------


def rows(
    build: Any, x: Any, y: Any, sizes: Any, dot: Any, ragged: int, group: int
) -> Any:
    """The product of each group's rows with its matrix."""
    r = Ragged(build, x, y, sizes, dot, ragged)
    each = r.free(x, r.inner, r.batch, [ragged])
    columns = r.free(y, r.inner_y, r.batch_y, [group])
    shape = [x.shape[d] for d in (*r.batch, ragged, *each)]
    shape += [y.shape[d] for d in columns]
    if r.type in _dtypes:
        made = _rows_by_library(r, each, columns, group, shape)
    else:
        made = _rows_folded(r, each, columns, group, shape)
    free = sorted([ragged, *each])
    order = [*r.batch, ragged, *each]
    place = [order.index(d) for d in (*r.batch, *free)]
    if place == sorted(place):
        return made
    return build.permuted(build.stored(made), [*place, *range(len(place), len(shape))])


def _rows_by_library(
    r: Ragged, each: list[int], columns: list[int], group: int, shape: list[int]
) -> Any:
    batch, inner = r.batch_y, r.inner_y
    x, _ = r.operand(r.x, [*r.batch, r.ragged, *each, *r.inner])
    y, which = r.operand(
        r.y,
        [group, *batch, *inner, *columns],
        [*batch, group, *inner, *columns],
        [group, *batch, *columns, *inner],
        [*batch, group, *columns, *inner],
    )
    k, n = r.count(r.y, inner), r.count(r.y, columns)
    count = r.count(r.x, r.batch)
    between = (k * n, r.groups * k * n) if which % 2 else (count * k * n, k * n)
    per_row = r.count(r.x, each)
    ints = count, r.rows, per_row, k, n, r.groups, int(which >= 2), *between
    return r.multiplied("rows", x, y, tuple(shape), ints)


def _rows_folded(
    r: Ragged, each: list[int], columns: list[int], group: int, shape: list[int]
) -> Any:
    build, m = r.build.of(r.out(shape)), r.m
    if not r.groups:
        return build.index(lambda *_: m.const(0, r.type))
    of, last = r.group_of_rows(), r.groups - 1
    lead, free = len(r.batch), 1 + len(each)
    order_x = [*r.batch, r.ragged, *each, *r.inner]
    order_y = [*r.batch_y, group, *columns, *r.inner_y]
    first = len(shape)
    domain = [*shape, *(r.x.shape[d] for d in r.inner)]

    def of_x(*i: Any) -> Any:
        value = r.x.at(*_places(order_x, [*i[: lead + free], *i[first:]]))
        return m.select(of.at(i[lead]) <= last, value, m.const(0, r.x.type))

    def of_y(*i: Any) -> Any:
        g = m.expression_index(m.minimum(of.at(i[lead]), m.number(last)))
        return r.y.at(*_places(order_y, [*i[:lead], g, *i[lead + free :]]))

    return product(build, r.x, r.y, domain, range(first, len(domain)), of_x, of_y)


# --- sums over the rows of each group -------------------------------------------------


def sums(build: Any, x: Any, y: Any, sizes: Any, dot: Any, ragged: int) -> Any:
    """One product for each group, over its part of a contracted dimension."""
    r = Ragged(build, x, y, sizes, dot, ragged)
    pairs = [(c, d) for c, d in zip(r.inner, r.inner_y) if c != ragged]
    other = r.inner_y[list(r.inner).index(ragged)]
    free_x, free_y = r.free(x, r.inner, r.batch), r.free(y, r.inner_y, r.batch_y)
    order_x = [*r.batch, ragged, *(c for c, _ in pairs), *free_x]
    order_y = [*r.batch_y, other, *(d for _, d in pairs), *free_y]
    if r.type in _dtypes:
        per_row = r.count(x, [c for c, _ in pairs])
        m, n = r.count(x, free_x), r.count(y, free_y)
        ints = r.count(x, r.batch), r.rows, per_row, m, n, r.groups
        operands = r.operand(x, order_x)[0], r.operand(y, order_y)[0]
        return r.multiplied("sums", *operands, build.out.shape, ints)
    return _sums_folded(r, order_x, order_y, len(free_x))


def _sums_folded(r: Ragged, order_x: list[int], order_y: list[int], free: int) -> Any:
    m, of, out = r.m, r.group_of_rows(), r.build.out.shape
    lead, first = 1 + len(r.batch), len(out)
    shape_x = [r.x.shape[d] for d in order_x]
    domain = [*out, *shape_x[len(r.batch) : len(order_x) - free]]

    def of_x(*i: Any) -> Any:
        value = r.x.at(*_places(order_x, [*i[1:lead], *i[first:], *i[lead:][:free]]))
        mine = of.at(i[first]).eq(i[0].expr())
        return m.select(mine, value, m.const(0, r.x.type))

    def of_y(*i: Any) -> Any:
        return r.y.at(
            *_places(order_y, [*i[1:lead], *i[first:], *i[lead + free : first]])
        )

    return product(r.build, r.x, r.y, domain, range(first, len(domain)), of_x, of_y)


__all__ = ["rows", "sums"]
