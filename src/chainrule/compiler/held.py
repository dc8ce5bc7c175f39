"""Carries held in memory: arrays of which a step of a loop reads and writes little.

A `Held` value is what a buffer holds when a step begins, with the writes that the step
has made since. All that a step computes is computed before anything is stored, so an
element that is read is the buffer's, unless a write of the same step went there: then it
is what that write made. Nothing is copied, whatever versions of the array a step has;
the last one is stored at the end of the step, write by write, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .expr import Expr, select
from .index import Index
from .loop import Store, load
from .records import record
from .values import Value

WRITES = 256
"""Elements that a step writes to one array."""


@record
class Write:
    """An element that a step replaces, by its row-major position, where `when` holds
    (always, if that is None)."""

    place: Index
    value: Expr
    when: Expr | None


class Held(Value):
    """A version of an array in the buffer of `source`."""

    __slots__ = ("source", "writes")

    def __init__(
        self, aval: Any, reader: Any, source: Value, writes: Iterable[Write] = ()
    ):
        super().__init__(aval, reader)
        self.source, self.writes = source, list(writes)

    def element(self, position: Index, guard: Expr | None) -> Expr:
        """The element at a position, within bounds where the guard holds."""
        found = load(self.source, self.type or "", position, guard)
        for w in self.writes:
            found = select(_both(w.when, position, w.place), w.value, found)
        return found

    def stores(self) -> list[Store]:
        """What makes this version of the buffer, at the end of a step."""
        return [Store(self.source, w.place, w.value, w.when) for w in self.writes]


def is_version(v: Value, versions: Sequence[Held]) -> bool:
    """Whether a value may be one of the array that all the versions are of."""
    source = versions[0].source
    alike = all(x.source is source and x.shape == v.shape for x in versions)
    return alike and v.type == versions[0].type


def _both(when: Expr | None, x: Index, y: Index) -> Expr:
    """Whether a condition holds, and two places are one."""
    same = x.difference_is_zero(y)
    if when is None or same.op == "const" and not same.data:
        return same
    return when if same.op == "const" else when & same


def chosen(versions: Sequence[Any], conditions: Sequence[Expr]) -> Held | None:
    """The version whose condition holds, of which one does; None where the values are
    not all versions of one array."""
    first = versions[0]
    if not all(isinstance(v, Held) and v.source is first.source for v in versions):
        return None
    common = _common([v.writes for v in versions])
    writes = first.writes[:common]
    for v, condition in zip(versions, conditions):
        for w in v.writes[common:]:
            when = condition if w.when is None else condition & w.when
            writes.append(Write(w.place, w.value, when))
    return Held(first.aval, first.reader, first.source, writes)


def _common(lists: Sequence[Sequence[Write]]) -> int:
    """How many writes all begin with."""
    n = 0
    for column in zip(*lists):
        if any(w is not column[0] for w in column):
            break
        n += 1
    return n


__all__ = ["WRITES", "Held", "Write", "chosen", "is_version"]
