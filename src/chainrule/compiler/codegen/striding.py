"""Vectors of every second to eighth element: parts of whole vectors, by shuffles.

A gather of such lanes costs as much as one of any others: an access for each, and on
processors whose microcode mends "gather data sampling" (Intel, INTEL-SA-00828) several
times that. The vectors that cover the lanes are loaded in one piece each; the last one
ends at the last lane, so that nothing beyond what the lanes span is read. Where a kernel
reads several columns of the same rows, a *window*, all of them are taken from the same
vectors. `interleaved` is the other way: the vectors of all columns become those of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..expr import Expr
from ..tiling import NEAR, is_gathered, is_short
from .asking import ask_ahead
from .scopes import Scope
from .turning import next_block
from .types import IN_MEMORY, size, vector

Emitter = Any
Windows = dict[Any, tuple[int, int]]


def windows(loads: Iterable[Expr], along: Sequence[Expr]) -> Windows:
    """For each load of columns, by `place_of`: the first of the columns that are read of
    the same rows, and how many they span. Rows lie at even distances, or at places that
    were computed for each."""
    found: dict[Any, set[int]] = {}
    for x in loads:
        buffer, constant, terms, flags = x.data
        step = next((c for v, c in terms if v in along), 0)
        if is_gathered(x, along):
            found.setdefault((buffer, terms, x.args, NEAR), set()).add(constant)
        elif (
            not flags and type(constant) is int and step > 0 and is_short(x.type, step)
        ):
            found.setdefault((buffer, terms, x.args, step), set()).add(constant)
    made: Windows = {}
    for (buffer, terms, args, step), constants in found.items():
        group: list[int] = []
        for c in [*sorted(constants), None]:
            if group and (c is None or c - group[0] >= step):
                span = group[0], group[-1] - group[0] + 1
                made.update({(buffer, terms, args, k): span for k in group})
                group = []
            group += [] if c is None else [c]
    return made


def place_of(e: Expr) -> Any:
    """What the window of a load is known by."""
    buffer, constant, terms, _ = e.data
    return buffer, terms, e.args, constant


def load_strided(w: Emitter, e: Expr, pointer: str, stride: int) -> str:
    """The vector of a load's element at `pointer` and of every `stride`-th after it."""
    n, step, element = w.full_width, abs(stride), IN_MEMORY[e.type]
    constant = e.data[1]
    first, count = w.windows.get(place_of(e), (constant, 1))
    span, skipped = (n - 1) * step + count, 0
    if stride < 0:
        pointer = w.new(f"getelementptr {element}, ptr {pointer}, i64 {1 - span}")
    elif count > 1:
        skipped = constant - first
        pointer = w.new(f"getelementptr {element}, ptr {pointer}, i64 {-skipped}")
    starts = [*range(0, span - n, n), span - n]
    places = [skipped + lane * step for lane in range(n)][:: 1 if stride > 0 else -1]
    sources = [min(p // n, len(starts) - 1) for p in places]
    used, t = sorted(set(sources)), vector(element, n)
    found = _part(w, e, first, pointer, starts[used[0]])
    for k in used[1:]:
        part = _part(w, e, first, pointer, starts[k])
        before = [p - starts[used[0]] for p in places] if k == used[1] else range(n)
        lanes = [
            n + p - starts[k] if source == k else old
            for p, source, old in zip(places, sources, before)
        ]
        found = shuffled(w, t, found, part, lanes)
    return found


def _part(w: Emitter, e: Expr, first: int, pointer: str, start: int) -> str:
    """One of the vectors that cover a window, loaded once for all of its columns."""
    buffer, _, terms, _ = e.data
    places = tuple([w.offset.get(v, 0) for v, _ in terms])
    key = ("part", buffer, first, terms, e.args, places, start, w.full_width)
    found = w.scopes.known.get(key)
    if found is None:
        t, element = vector(IN_MEMORY[e.type], w.full_width), IN_MEMORY[e.type]
        at = w.new(f"getelementptr {element}, ptr {pointer}, i64 {start}")
        if buffer in w.ahead:
            ask_ahead(w, at, w.full_width * size(e.type))
        found = w.new(f"load {t}, ptr {at}, align {size(e.type)}"), True
        w.scopes.remember(w.scopes.at_depth(w.scopes.depth(e)), key, found)
    return found[0]


def interleaved(w: Emitter, t: str, columns: list[str], scope: Scope) -> list[str]:
    """The vectors of rows, in the order of memory, of the vectors of their columns."""
    n, count = w.full_width, len(columns)
    if count == 1:
        return columns
    made: list[str] = []
    if count % 2 == 0:
        halves = (interleaved(w, t, columns[k::2], scope) for k in (0, 1))
        next_block(w, scope)
        for x, y in zip(*halves):
            for low in (0, n // 2):
                lanes = [low + k // 2 + k % 2 * n for k in range(n)]
                made.append(shuffled(w, t, x, y, lanes))
        return made
    for q in range(count):
        next_block(w, scope)
        rows, parts = zip(*(divmod(q * n + k, count) for k in range(n)))
        found = columns[0]
        for c in range(1, count):
            before = rows if c == 1 else range(n)
            lanes = [
                n + r if part == c else old for r, part, old in zip(rows, parts, before)
            ]
            found = shuffled(w, t, found, columns[c], lanes)
        made.append(found)
    return made


def shuffled(w: Emitter, t: str, x: str, y: str, lanes: Sequence[int]) -> str:
    """Lanes of two vectors; what is not needed yet may be any."""
    n = len(lanes)
    order = ", ".join(f"i32 {k % (2 * n)}" for k in lanes)
    return w.new(f"shufflevector {t} {x}, {t} {y}, <{n} x i32> <{order}>")
