"""Parts of rows at places that were computed: `table[i]` of three columns.

A gather fetches its lanes one by one. Where a kernel reads several columns of each row,
all of them are fetched in one piece instead, a row for each lane; the pieces are put
together to vectors of whole rows, and these are taken apart into columns by shuffles,
as rows at even distances are (`striding`). What columns span between the first and the
last that are read lies in the array, and nothing beyond is touched: a piece of a length
that no vector has is loaded under a mask.
"""

from __future__ import annotations

from typing import Any

from ..expr import Expr
from ..tiling import is_piece, piece_of
from .striding import place_of, shuffled
from .turning import next_block
from .types import IN_MEMORY, mangled, size, vector

Emitter = Any


def short_place(dynamic: Expr) -> Expr | None:
    """What a place was computed as, if that has 32 bits."""
    widened = dynamic.op == "convert" and dynamic.args[0].type == "i32"
    return dynamic.args[0] if widened else None


def gathered_in_rows(w: Emitter, e: Expr) -> bool:
    """Whether other columns of a load's rows are fetched with it."""
    _, count = w.windows.get(place_of(e), (0, 1))
    return count > 1 and w.mask is None and is_piece(e.type, count, w.full_width)


def load_of_rows(w: Emitter, e: Expr, pointer: str) -> str:
    """The vector of a load's column; `pointer` is that of the window at place 0."""
    n, (first, count) = w.full_width, w.windows[place_of(e)]
    piece, column = piece_of(count), e.data[1] - first
    rows = _rows(w, e, pointer, first, count)
    t, each = vector(IN_MEMORY[e.type], n), n // piece
    places = [divmod(lane, each) for lane in range(n)]
    found = rows[0]
    for k in range(1, len(rows)):
        lanes = []
        for lane, (source, row) in enumerate(places):
            old = row * piece + column if k == 1 else lane
            lanes.append(n + row * piece + column if source == k else old)
        found = shuffled(w, t, found, rows[k], lanes)
    return found


def _rows(w: Emitter, e: Expr, pointer: str, first: int, count: int) -> list[str]:
    """Vectors of whole rows, one behind the other; made once for all of their columns."""
    buffer, _, terms, _ = e.data
    piece = piece_of(count)
    places = tuple([w.offset.get(v, 0) for v, _ in terms])
    key = ("rows", buffer, first, count, terms, places, w.key(e.args[0]))
    known, scope = w.scopes.known, w.scopes.at_depth(w.scopes.depth(e))
    if (*key, 0) not in known:
        lanes = _lane_places(w, e.args[0])
        made = [_piece(w, e, pointer, place, count) for place in lanes]
        next_block(w, scope)
        for k, name in enumerate(_joined(w, IN_MEMORY[e.type], made, piece)):
            w.scopes.remember(scope, (*key, k), (name, True))
    return [known[*key, k][0] for k in range(piece)]


def _joined(w: Emitter, element: str, pieces: list[str], length: int) -> list[str]:
    """Pieces put together to whole vectors."""
    while length < w.full_width:
        t, lanes = vector(element, length), range(2 * length)
        order = ", ".join(f"i32 {k}" for k in lanes)
        pieces = [
            w.new(f"shufflevector {t} {x}, {t} {y}, <{2 * length} x i32> <{order}>")
            for x, y in zip(pieces[::2], pieces[1::2])
        ]
        length *= 2
    return pieces


def _piece(w: Emitter, e: Expr, pointer: str, place: str, count: int) -> str:
    """The columns of the row at a place, and zeros up to a length that vectors have."""
    element, align = IN_MEMORY[e.type], size(e.type)
    piece = piece_of(count)
    t = vector(element, piece)
    at = w.new(f"getelementptr {element}, ptr {pointer}, i64 {place}")
    if piece == count:
        return w.new(f"load {t}, ptr {at}, align {align}")
    mask = ", ".join(f"i1 {str(k < count).lower()}" for k in range(piece))
    return masked_load(w, element, piece, at, align, f"<{mask}>")


def masked_load(
    w: Emitter, element: str, n: int, pointer: str, align: int, mask: str
) -> str:
    """A vector of `n` elements, with zeros where the mask is not set: nothing is read."""
    t, m = vector(element, n), vector("i1", n)
    name = f"llvm.masked.load.v{n}{mangled(element)}.p0"
    w.declared.setdefault(name, f"declare {t} @{name}(ptr, i32, {m}, {t})")
    given = f"ptr {pointer}, i32 {align}, {m} {mask}, {t} zeroinitializer"
    return w.new(f"call {t} @{name}({given})")


def _lane_places(w: Emitter, dynamic: Expr) -> list[str]:
    """The places of all lanes as numbers. (Of two lanes of 32 bits in an element of 64,
    LLVM 22 takes the lower without clearing the other: it is not to see them in pairs.)"""
    n, short = w.full_width, short_place(dynamic)
    type = "i64" if short is None else "i32"
    lanes = w.operand(dynamic if short is None else short, True)
    found = [w.new(f"extractelement <{n} x {type}> {lanes}, i64 {k}") for k in range(n)]
    if short is not None:
        found = [w.new(f"sext i32 {place} to i64") for place in found]
    return found
