"""Rows of a few columns: loops over 2 to 8 columns that become a store for each.

A row of 3 numbers fills a fifth of a vector, and stores of it are no whole lines. Where
the rows of a result lie one behind the other, its vectors go along the rows instead,
and the loop over the columns is written out, so that what depends on the column is known
(`concatenate` of 3 and 4 columns has no condition left). The vectors of all columns are
then put together to those of whole rows, as they lie in memory, and what is read of such
rows is taken apart (`codegen.striding`).

Four columns at most are written out wherever that is possible; more, which take as many
shuffles as there are columns for each vector, where a result is too large for caches
and whole lines can be written past them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

from .blocking import varies
from .conditions import decided
from .expr import BITS, Expr, node
from .functions import operations
from .index import Index, number
from .loop import Store
from .nest import Nest
from .rewrite import Rewriter, walk
from .sizes import Size, about
from .tiling import NEAR, is_gathered, is_piece, is_short

CHEAP, SIZE = 7, 120
"""Columns that are written out whatever their number of rows; operations of all of them."""


def row_loops(nest: Nest, lanes: int, least: int) -> tuple[Expr, Expr] | None:
    """The loops over rows and over their columns, where these should be written out.
    `least`: the bytes that caches do not keep."""
    stores = [s for s, _ in nest.stores()]
    reductions = any(r for r, _, _ in nest.stages)
    if reductions or nest.inner or nest.ordered or nest.limits or not stores:
        return None
    found = {_rows_of(s, nest.grid) for s in stores}
    pair = found.pop()
    if found or pair is None:
        return None
    rows, columns = pair
    nodes, n = walk(nest.expressions()), columns.data[1]
    large = any(_bytes(s) >= least for s in stores)
    if about(rows.data[1]) < 2 * lanes or not (n <= CHEAP or large):
        return None
    operator.index(n)  # the code depends on it
    even = all(_is_even(x, pair, lanes) for x in nodes if x.op == "load")
    return pair if even and n * operations(nodes) <= SIZE else None


def _rows_of(s: Store, grid: Sequence[Expr]) -> tuple[Expr, Expr] | None:
    """The loops over rows that lie one behind the other, and over their columns."""
    plain = s.index.rest is None and s.when is None and s.combine is None
    if not plain or type(s.index.constant) is not int or not is_short(s.value.type, 2):
        return None
    columns = next((v for v, stride in s.index.terms if stride == 1), None)
    if columns is None or not 2 <= columns.data[1] <= NEAR or columns not in grid:
        return None
    for v, stride in s.index.terms:
        if stride == columns.data[1] and v in grid:
            return v, columns
    return None


def _bytes(s: Store) -> int:
    points = math.prod([about(v.data[1]) for v, _ in s.index.terms])
    return points * BITS[s.value.type] // 8


def _is_even(x: Expr, pair: tuple[Expr, Expr], lanes: int) -> bool:
    """Whether vectors along the rows need no gather, but for parts of rows, all columns
    of which are fetched at once (`codegen.gathering`)."""
    rows, columns = pair
    if x.data[3] & 1 and varies(x.args[0], rows):
        along = dict(x.data[2]).get(columns, 0) == 1 and not varies(x.args[0], columns)
        return (
            along
            and is_gathered(x, [rows])
            and is_piece(x.type, columns.data[1], lanes)
        )
    stride = dict(x.data[2]).get(rows, 0)
    if stride in (-1, 0, 1):
        return True
    return is_short(x.type, stride) and operator.index(stride) != 0


def write_out(nest: Nest, columns: Expr) -> None:
    """Replaces the loop over the columns by a store for each."""
    nest.grid.remove(columns)
    nest.columns = columns.data[1]
    for _, stores, _ in nest.stages:
        written = [
            _column(s, columns, k) for s in stores for k in range(columns.data[1])
        ]
        stores[:] = written


def _column(s: Store, columns: Expr, k: int) -> Store:
    """A store at one column."""
    (known,) = decided([s], columns, k, k + 1)

    def replace(x: Expr) -> Expr | None:
        if x is columns:
            return number(k)
        if x.op != "load":
            return None
        buffer, constant, terms, flags = x.data
        stride = dict(terms).get(columns, 0)
        kept = tuple((v, c) for v, c in terms if v is not columns)
        data = buffer, constant + stride * k, kept, flags
        return node("load", x.type, tuple(rewriter(a) for a in x.args), data)

    rewriter = Rewriter(replace)
    kept = tuple((v, c) for v, c in s.index.terms if v is not columns)
    index = Index(s.index.constant + k, kept)
    return Store(s.buffer, index, rewriter(known.value))


def together(stores: Sequence[Store], vector: Expr | None) -> Iterator[Sequence[Store]]:
    """The stores in groups, each of all columns of rows along the vectors, or one store."""
    rest = list(stores)
    while rest:
        n = _columns(rest, vector)
        yield rest[:n]
        del rest[:n]


def _columns(stores: Sequence[Store], vector: Expr | None) -> int:
    """How many of the first stores are the columns of rows; 1 if they are none."""
    first = stores[0]
    stride: Any = dict(first.index.terms).get(vector, 0) if vector is not None else 0
    if type(stride) is Size or not 2 <= stride <= min(NEAR, len(stores)):
        return 1
    for k, s in enumerate(stores[:stride]):
        alike = (
            s.buffer is first.buffer
            and s.index.terms == first.index.terms
            and type(s.index.constant) is type(first.index.constant) is int
            and s.index.constant == first.index.constant + k
            and s.index.rest is None
            and s.value.type == first.value.type
            and not (s.when or s.combine)
        )
        if not alike or s.value.type == "bool":
            return 1
    return stride
