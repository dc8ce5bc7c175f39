"""Loads that jump along the vector axis and go on evenly along an axis of copies.

Where an axis is computed at as many points at once as a vector has lanes, the vectors of
all its copies are the columns of a square of elements, whose rows lie together in
memory: the rows are loaded, and the square is transposed by exchanges of blocks
(Eklundh, A fast computer method for matrix transposing, 1972). One asks for the first
column; the others are remembered for the copies to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..expr import Expr
from .scopes import Scope
from .types import IN_MEMORY, size, vector

Emitter = Any


def turning_axis(w: Emitter, e: Expr) -> Expr | None:
    """The axis of copies along which the elements of a load lie together, if they may
    be loaded that way: nothing is masked or guarded."""
    _, _, terms, flags = e.data
    if flags or w.mask is not None or e.type == "bool":
        return None
    strides = dict(terms)
    if strides.get(w.vector_var, 0) in (-1, 0, 1):
        return None
    for v, stride in terms:
        if stride == 1 and w.copies.get(v) == w.full_width and v is not w.vector_var:
            return v
    return None


def load_turned(w: Emitter, e: Expr, axis: Expr, pointer: str) -> str:
    """The vector of a load at the current copy of the axis; `pointer` is the element of
    the first copy and the first lane. All copies are remembered."""
    stride = dict(e.data[2])[w.vector_var]
    scope = next(s for s in w.scopes.stack if s.lines is w.lines)
    rows = _rows(w, e, pointer, stride)
    columns = _transposed(w, rows, IN_MEMORY[e.type], scope)
    mine = w.offset.get(axis, 0)
    for k, name in enumerate(columns):
        w.offset[axis] = k
        w.scopes.remember(scope, w.key(e), (name, True))
    w.offset[axis] = mine
    return columns[mine]


def _rows(w: Emitter, e: Expr, pointer: str, stride: int) -> list[str]:
    """Vectors along the axis of copies, one for each lane."""
    element, step = IN_MEMORY[e.type], w.number(stride)
    t, align = vector(element, w.full_width), size(e.type)
    rows = [w.new(f"load {t}, ptr {pointer}, align {align}")]
    for lane in range(1, w.full_width):
        if step.startswith("%"):
            distance = w.new(f"mul i64 {step}, {lane}")
        else:
            distance = str(lane * stride)
        at = w.new(f"getelementptr {element}, ptr {pointer}, i64 {distance}")
        rows.append(w.new(f"load {t}, ptr {at}, align {align}"))
    return rows


def _transposed(
    w: Emitter, rows: Sequence[str], element: str, scope: Scope
) -> list[str]:
    """The columns of a square of vectors. Each round is a block of its own: LLVM looks
    for better shuffles within a block, for longer than all else takes, in vain."""
    n, found = len(rows), list(rows)
    t, block = vector(element, n), n // 2
    while block:
        next_block(w, scope)
        low = _mask([i - block + n if i & block else i for i in range(n)])
        high = _mask([i + n if i & block else i + block for i in range(n)])
        for i in range(n):
            if i & block:
                continue
            x, y = found[i], found[i + block]
            found[i], found[i + block] = (
                w.new(f"shufflevector {t} {x}, {t} {y}, {lanes}")
                for lanes in (low, high)
            )
        block //= 2
    return found


def next_block(w: Emitter, scope: Scope) -> None:
    """Goes on in a new block."""
    n = next(w.serial)
    w.lines += [f"  br label %turn{n}", f"turn{n}:"]
    scope.label = f"turn{n}"


def _mask(lanes: Sequence[int]) -> str:
    return f"<{len(lanes)} x i32> <{', '.join([f'i32 {k}' for k in lanes])}>"
