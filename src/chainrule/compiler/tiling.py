"""Tiles: the order of loops for accesses that jump along the vector axis.

`x + y.T` goes along the rows of one operand and down the columns of the other: every
element of a column lies in a cache line of its own, which is gone before the next
column is read. Such a pair of loops is run in tiles of 64 x 64 points, whose lines and
pages the first caches hold. The last tile of a row overlaps the one before, as the last
vector of a loop does, so that all tiles have one size and need no mask.

Short expressions are computed at as many points of the other loop as a vector has
lanes: then what jumps is loaded along the other loop, and a square of vectors is
transposed in registers (`codegen.turning`). Lanes a few elements apart are taken out of
whole vectors (`codegen.striding`); all others are gathered.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from .blocking import varies
from .expr import BITS, Expr, binary
from .index import loop_variable, number
from .loop import Axis
from .sizes import Size

TILE = 64
LINE = 64
NEAR, PIECE = 8, 256
"""The largest distance of lanes, in elements, that are taken out of whole vectors; the
most bits of a row that are fetched in one piece."""


def tiled(
    grid: Sequence[Axis], accesses: Sequence[tuple[str, Any]], width: int
) -> list[Axis]:
    """The loops of a grid, in tiles if one of the accesses (type and terms) goes along
    another loop than the vectors do; otherwise as they are."""
    vector = next((a for a in grid if a.vector), None)
    if vector is None or not _is_long(vector, width):
        return list(grid)
    for across in grid:
        if _is_long(across, width) and jumps(across.var, vector.var, accesses):
            outer = [a for a in grid if a is not vector and a is not across]
            rows, columns = _tile(across, width), _tile(vector, width)
            return [*outer, rows, columns, across, vector]
    return list(grid)


def _size(a: Axis, width: int) -> int:
    """Points of a tile along an axis: a whole number of its groups."""
    group = a.copies * (width if a.vector else 1)
    return -(-TILE // group) * group


def _is_long(a: Axis, width: int) -> bool:
    return a.extent >= 2 * _size(a, width) and a.overlap and a.low is None


def turned(
    axes: Sequence[Expr], vector: Expr, accesses: Sequence[tuple[str, Any]], width: int
) -> Expr | None:
    """The axis along which an access that jumps along the vectors goes on evenly, if
    both have enough points for a square of vectors."""
    if vector.data[1] < width:
        return None
    for v in axes:
        if v.data[1] >= width and jumps(v, vector, accesses):
            return v
    return None


def jumps(v: Expr, vector: Expr, accesses: Sequence[tuple[str, Any]]) -> bool:
    """Whether an access goes along loop `v`, and from line to line along the vectors."""
    if v is vector:
        return False
    for type, terms in accesses:
        strides = dict(terms)
        step = abs(strides.get(vector, 0)) * max(BITS[type] // 8, 1)
        if strides.get(v, 0) == 1 and step >= LINE:
            return True
    return False


def is_short(type: str, stride: Any) -> bool:
    """Whether lanes at this distance are taken out of whole vectors."""
    return BITS[type] >= 32 and 2 <= abs(stride) <= NEAR


def is_gathered(x: Expr, along: Sequence[Expr]) -> bool:
    """Whether lanes of a load are places that were computed, at known columns of them."""
    _, constant, terms, flags = x.data
    if flags != 1 or type(constant) is not int or BITS[x.type] < 32:
        return False
    of_lanes = any(varies(x.args[0], v) for v in along)
    return of_lanes and not any(v in along for v, _ in terms)


def piece_of(columns: int) -> int:
    """The lanes of the vector that so many columns are fetched in."""
    return 1 << (columns - 1).bit_length()


def is_piece(type: str, columns: int, lanes: int) -> bool:
    """Whether so many columns of a row are fetched at once from a place of its own."""
    piece = piece_of(columns)
    return piece <= lanes and piece * BITS[type] <= PIECE


def close_short(vector: Expr | None, accesses: Sequence[tuple[str, Any]]) -> None:
    """Has the distances of lanes be plain numbers where the code depends on them."""
    for type, terms in accesses:
        stride = dict(terms).get(vector, 0)
        if isinstance(stride, Size) and is_short(type, stride):
            operator.index(stride)


def lanes_apart(
    grid: Sequence[Axis], accesses: Sequence[tuple[str, Any]]
) -> list[Axis]:
    """The axes that go from one lane of a vector to the next, whose loops are inside of
    the vectors': what they read lies in the same lines."""
    vector, found = grid[-1], []
    for type, terms in accesses if vector.vector else ():
        strides = dict(terms)
        apart = strides.get(vector.var, 0)
        if is_short(type, apart):
            found += [a for a in grid if 0 < abs(strides.get(a.var, 0)) < abs(apart)]
    return found


def gathers(x: Expr, axes: Sequence[Axis], width: int) -> bool:
    """Whether the lanes of a load, `width` of them, are fetched one by one."""
    for a in axes:
        if not a.vector:
            continue
        if x.data[3] & 1 and varies(x.args[0], a.var):
            return True
        stride = dict(x.data[2]).get(a.var, 0)
        if stride not in (-1, 0, 1) and not is_short(x.type, stride):
            strides = dict(x.data[2])
            return not any(
                strides.get(b.var) == 1 and b.copies == width
                for b in axes
                if not b.vector
            )
    return False


def _tile(a: Axis, width: int) -> Axis:
    """Limits an axis to one tile; the axis of its tiles."""
    size = _size(a, width)
    count = -(-a.extent // size)
    tile: Expr = loop_variable(count)
    a.low = binary("min", tile * number(size), number(a.extent - size))
    a.high = a.low + number(size)
    a.constant = False
    return Axis(tile, count)
