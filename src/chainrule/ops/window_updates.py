"""How gather and scatter lower: starts of windows as indices, and scatters as updates.

A scatter is the operand's copy, in its place if the operand dies, into which updates are
put in row-major order of their batch: loops over batch dimensions keep their order,
those over windows, and over batches that run along with the operand's, need not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from .rows import element_type
from .windows import CLIP, GatherScatterMode, ScatterDimensionNumbers, window_sizes


def start_element(m: Any, x: Any) -> Any:
    """An index operand's element as an i32, where that holds all of its type, or an i64;
    unsigned ones beyond it are its greatest."""
    if x.type == "u64":
        x = m.minimum(x, m.const((1 << 63) - 1, "u64"))
    return m.convert(x, "i64" if m.BITS[x.type] == 64 or x.type == "u32" else "i32")


def _beside(m: Any, start: Any, limit: int) -> tuple[Any, Any]:
    """A start and its greatest value in one type, the start's if it holds both: of 32
    bits vectors hold twice as many, and so do gathers."""
    if limit >= 1 << 31:
        start = m.convert(start, "i64")
    return start, m.convert(m.number(limit), start.type)


def start_elements(
    m: Any, indices: Any, at: Sequence[Any], index_map: Sequence[int]
) -> dict[int, Any]:
    """The start of the window at the batch position `at`, by operand dimension."""
    return {
        d: start_element(m, indices.at(*at, m.Index(k)))
        for k, d in enumerate(index_map)
    }


def clamped_index(m: Any, start: Any, limit: int) -> Any:
    """A start (None: zero) moved into 0 <= start <= limit, as an index."""
    if start is None or limit == 0:
        return m.Index(0)
    start, last = _beside(m, start_element(m, start), limit)
    return m.expression_index(m.minimum(m.maximum(start, 0), last), (0, limit))


def starts_inside(
    m: Any, starts: dict[int, Any], shape: Sequence[int], sizes: Sequence[int]
) -> Any:
    """Whether 0 <= start <= size - window for every start."""
    pairs = [_beside(m, x, shape[d] - sizes[d]) for d, x in starts.items()]
    return m.all_of(c for x, last in pairs for c in (x >= 0, x <= last))


class Updates:
    """Where the updates of a scatter go: its index space is that of the updates, with
    the dimensions that run along with the operand's first, then the rest of the batch,
    then the window; `order` says which is which."""

    def __init__(
        self, m: Any, x: Any, indices: Any, updates: Any, dn: ScatterDimensionNumbers,
        mode: GatherScatterMode,
    ):  # fmt: skip
        self.m, self.x, self.indices, self.updates = m, x, indices, updates
        self.dn, self.clip = dn, mode is CLIP
        self.sizes = window_sizes(x.shape, updates.shape, dn)
        rank = len(updates.shape)
        self.batch = [d for d in range(rank) if d not in dn.update_window_dims]
        self.apart = [self.batch[e] for e in dn.scatter_indices_batching_dims]
        rest = [d for d in self.batch if d not in self.apart]
        self.order = [*self.apart, *rest, *dn.update_window_dims]
        first = len(self.apart)
        self.ordered = range(first, first + len(rest))

    def position(self, i: Sequence[Any]) -> list[Any]:
        """The index into the updates."""
        return [i[self.order.index(d)] for d in range(len(self.order))]

    def starts(self, i: Sequence[Any]) -> dict[int, Any]:
        """The start of the window, by operand dimension."""
        u = self.position(i)
        at = [u[d] for d in self.batch]
        into = self.dn.scatter_dims_to_operand_dims
        return start_elements(self.m, self.indices, at, into)

    def element(self, *i: Any) -> Any:
        """The update."""
        return self.updates.at(*self.position(i))

    def inside(self, *i: Any) -> Any:
        """Whether the window is inside of the operand."""
        return starts_inside(self.m, self.starts(i), self.x.shape, self.sizes)

    def place(self, *i: Any) -> list[Any]:
        """The index into the operand."""
        dn, u, found = self.dn, self.position(i), self.starts(i)
        along = dict(zip(dn.operand_batching_dims, self.apart))
        offset = iter([u[d] for d in dn.update_window_dims])
        out = []
        for d, (n, s) in enumerate(zip(self.x.shape, self.sizes)):
            if d in along:
                out.append(u[along[d]])
                continue
            start = found.get(d)
            if start is None or self.clip:
                first = clamped_index(self.m, start, n - s)
            else:
                first = self.m.expression_index(start)
            out.append(first if d in dn.inserted_window_dims else first + next(offset))
        return out


# --- many updates of a large operand -------------------------------------------------

MANY, LARGE = 1 << 16, 1 << 19
"""Updates, and bytes of the operand, from which on updates are dealt out before."""
BUCKET, MOST_BUCKETS = 1 << 16, 16


def _is_scattered(to: Updates) -> bool:
    """Whether the updates are so many single elements, in an operand so large, that
    nearly each would wait for memory."""
    size, item = math.prod(to.x.shape), to.x.aval.dtype.itemsize
    many = math.prod(to.updates.shape) >= MANY and size * item >= LARGE
    return many and size < 1 << 31 and list(to.ordered) == list(range(len(to.order)))


def _write_dealt(build: Any, out: Any, to: Updates, combine: Any) -> None:
    """Deals the updates to parts of the operand that a cache holds; threads then make
    those of a part in their order, and no two threads write to one part."""
    m, n = build.m, math.prod(to.updates.shape)
    size, item = math.prod(to.x.shape), to.x.aval.dtype.itemsize
    per_bucket = max(BUCKET // item, -(-size // MOST_BUCKETS))
    shift = (per_bucket - 1).bit_length()
    buckets = -(-size // (1 << shift))

    def position(*i: Any) -> Any:
        place = m.convert(m.ravel(to.place(*i), to.x.shape).expr(), "i32")
        return place if to.clip else m.select(to.inside(*i), place, m.const(-1, "i32"))

    into = build.aval(to.updates.shape, np.dtype(np.int32))
    positions = build.of(into).index(position, to.indices)
    places, values, begins = build.native(
        f"deal_{item}", (positions, to.updates),
        (
            build.aval((n,), np.dtype(np.int32)),
            build.aval((n,), to.updates.aval.dtype),
            build.aval((buckets + 1,), np.dtype(np.int64)),
        ),
        (n, buckets, shift), 1, scratch=16 * 8 * buckets,
    )  # fmt: skip
    build.write(
        out, (buckets, n), lambda b, k: values.at(k),
        lambda b, k: m.expression_index(places.at(k)), places, values, begins,
        combine=combine, ordered=(1,),
        limits=lambda b, k: (begins.at(b), begins.at(b + 1)),
    )  # fmt: skip


# --- many updates of a small operand -------------------------------------------------

PARTS, SMALL = 8, 1 << 12
"""Parts of the updates that threads share, and elements of the operand at most."""


def _is_repeated(to: Updates) -> bool:
    """Whether so many single elements go to so few places that each part of them may
    have a copy of these."""
    count, size = math.prod(to.updates.shape), math.prod(to.x.shape)
    return len(to.order) == len(to.ordered) == 1 and count >= MANY and size <= SMALL


def _in_parts(build: Any, to: Updates, combine: Any, identity: float) -> Any:
    """The operand with what the parts of the updates come to, each by itself. The parts
    depend on no number of threads, nor do the bits."""
    m, x, n = build.m, to.x, math.prod(to.updates.shape)
    part = -(-n // PARTS)
    several = build.of(build.aval((PARTS, *x.shape), x.aval.dtype))
    nothing = m.const(identity, x.type)
    copies = several.copied(several.index(lambda *i: nothing))
    number = lambda p, k: p * part + k
    several.write(
        copies, (PARTS, part),
        lambda p, k: to.element(number(p, k)),
        lambda p, k: [p, *to.place(number(p, k))],
        to.updates, to.indices,
        when=None if to.clip else lambda p, k: to.inside(number(p, k)),
        combine=combine, ordered=(1,),
        limits=lambda p, k: (
            m.number(0),
            m.minimum(m.number(part), m.number(n) - p.expr() * m.number(part)),
        ),
    )  # fmt: skip
    sums = build.fold(
        (PARTS, *x.shape), (0,), lambda *i: (copies.at(*i),), (nothing,),
        lambda total, v: (combine(m, total[0], v[0]),), copies,
    )  # fmt: skip
    total = build.stored(sums)
    return build.index(lambda *i: combine(m, x.at(*i), total.at(*i)), x, total)


# --- complex numbers ------------------------------------------------------------------


def _by_library(build: Any, to: Updates, operation: str) -> Any:
    """Whole complex numbers, combined by a kernel of the runtime."""
    m, shape = build.m, to.updates.shape

    def position(*u: Any) -> Any:
        i = [u[d] for d in to.order]
        place = m.ravel(to.place(*i), to.x.shape).expr()
        return place if to.clip else m.select(to.inside(*i), place, m.const(-1, "i64"))

    places = build.of(build.aval(shape, np.dtype(np.int64))).index(position, to.indices)
    name = f"scatter_{operation}_{element_type(build, to.x)}"
    sizes = math.prod(to.x.shape), math.prod(shape)
    (out,) = build.native(name, (to.x, places, to.updates), [build.out], sizes, 1)
    return out


# --- scatters ------------------------------------------------------------------------


def scatter_lowering(
    combine: Any, identity: float | None = None, of_complex: str = ""
) -> Any:
    """The lowering of a scatter whose elements are combine(m, old, new), or the new ones
    if that is None. With an `identity`, `combine` may be applied in any order.
    `of_complex`: what the runtime calls it for complex numbers."""

    def lower(
        build: Any, x: Any, indices: Any, updates: Any, *,
        dimension_numbers: ScatterDimensionNumbers, mode: GatherScatterMode,
        unique_indices: bool, **_: Any,
    ) -> Any:  # fmt: skip
        if of_complex and dtypes.is_complex(x.aval.dtype):
            to = Updates(build.m, x, indices, updates, dimension_numbers, mode)
            return _by_library(build, to, of_complex)
        build.check(indices, updates)
        window = [updates.shape[d] for d in dimension_numbers.update_window_dims]
        indices = build.settled(indices, reads=math.prod(window))
        if build.depends(updates, x):
            updates = build.stored(updates)
        if build.depends(indices, x):
            indices = build.stored(indices)
        to = Updates(build.m, x, indices, updates, dimension_numbers, mode)
        if identity is not None and _is_repeated(to):
            return _in_parts(build, to, combine, identity)
        out = build.copied(x)
        if _is_scattered(to):
            _write_dealt(build, out, to, combine)
            return out
        build.write(
            out, [updates.shape[d] for d in to.order], to.element, to.place,
            updates, indices, when=None if to.clip else to.inside, combine=combine,
            ordered=() if unique_indices and not to.clip else to.ordered,
        )  # fmt: skip
        return out

    return lower


__all__ = [
    "clamped_index", "scatter_lowering", "start_element", "start_elements",
    "starts_inside",
]  # fmt: skip
