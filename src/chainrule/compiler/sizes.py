"""Sizes: extents that stay open while a program is compiled.

A program that was compiled for batches of 8 comes again with batches of 9. Compiled with
`Size`s in the place of its extents, it gives a plan for both, and for many more: a `Size`
has the value that it has at present, and a `Tape` on which everything that is computed of
it is written down, and everything that is asked about it, with the answer. What was made
of the program holds for all values that give the same answers (`Tape.replay`).

A `Size` is not an int, so that no answer gets lost: where a plain number is needed, for a
`range`, a text or a C function say, `Needed` is raised, and the program is compiled with
fewer open sizes.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core.avals import ShapedArray

Function = Callable[[Any, Any], Any]


class NoPattern(Exception):
    """What is made of a program does not hold for other sizes; the reason."""


class Needed(Exception):
    """The number itself of a size is needed; the places of the open sizes in it."""

    def __init__(self, places: frozenset[int]):
        super().__init__("the number of a size is needed")
        self.places = places


_opaque = [False]


@contextlib.contextmanager
def opaque() -> Iterator[None]:
    """Where sizes are known by their names only: they are equal to themselves and to
    nothing else, and nothing else can be asked."""
    before, _opaque[0] = _opaque[0], True
    try:
        yield
    finally:
        _opaque[0] = before


class Tape:
    """What was computed of sizes, in order: places are numbered, constants have some."""

    def __init__(self, values: Sequence[int]):
        self.values: list[Any] = list(values)
        self.open = len(self.values)
        self.code: list[tuple[Function, int, int, int, Any]] = []
        self._known: dict[Any, Any] = {}

    def sizes(self) -> list[Size]:
        """The sizes that are open."""
        return [Size(self, k) for k in range(self.open)]

    def apply(self, function: Function, x: Any, y: Any) -> Size:
        """The size that a function of two numbers gives."""
        if _opaque[0]:
            raise NoPattern("code that computes with a size")
        key = function, self._place(x), self._place(y)
        found = self._known.get(key)
        if found is None:
            _, a, b = key
            place = len(self.values)
            self.values.append(function(self.values[a], self.values[b]))
            self.code.append((function, a, b, place, None))
            found = self._known[key] = Size(self, place)
        return found

    def ask(self, function: Function, x: Any, y: Any) -> bool:
        """What a question of two numbers is answered by."""
        if _opaque[0]:
            raise NoPattern("code that depends on a size")
        key = function, self._place(x), self._place(y)
        found = self._known.get(key)
        if found is None:
            _, a, b = key
            found = bool(function(self.values[a], self.values[b]))
            self.code.append((function, a, b, -1, found))
            self._known[key] = found
        return found

    def needed(self, size: Size) -> Exception:
        """What is raised where the number of a size is needed."""
        if _opaque[0]:
            return NoPattern("code with a size in it")
        made = {place: (a, b) for _, a, b, place, _ in self.code if place >= 0}
        found, stack = set(), [size.place]
        while stack:
            place = stack.pop()
            stack += made.get(place, ())
            if place < self.open:
                found.add(place)
        return Needed(frozenset(found))

    def replay(self, values: Sequence[int]) -> list[Any] | None:
        """All values for other open sizes; None if a question has another answer."""
        made = [*values, *self.values[self.open :]]
        try:
            for function, a, b, place, answer in self.code:
                found = function(made[a], made[b])
                if answer is None:
                    made[place] = found
                elif bool(found) is not answer:
                    return None
        except (ZeroDivisionError, OverflowError):
            return None
        return made

    def _place(self, x: Any) -> int:
        if type(x) is Size:
            if x.tape is self:
                return x.place
            x = x.value
        key = type(x), x
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self.values)
            self.values.append(x)
        return place


class Size:
    """A number that may be another one when the plan is used."""

    __slots__ = ("place", "tape")

    def __init__(self, tape: Tape, place: int):
        self.tape, self.place = tape, place

    @property
    def value(self) -> Any:
        """The number at present."""
        return self.tape.values[self.place]

    # What is computed.

    def __add__(self, other: Any) -> Any:
        return _computed(operator.add, self, other)

    def __radd__(self, other: Any) -> Any:
        return _computed(operator.add, other, self)

    def __sub__(self, other: Any) -> Any:
        return _computed(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _computed(operator.sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return _computed(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _computed(operator.mul, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _computed(operator.floordiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _computed(operator.floordiv, other, self)

    def __mod__(self, other: Any) -> Any:
        return _computed(operator.mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _computed(operator.mod, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _computed(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _computed(operator.truediv, other, self)

    def __pow__(self, other: Any) -> Any:
        return _computed(operator.pow, self, other)

    def __rpow__(self, other: Any) -> Any:
        return _computed(operator.pow, other, self)

    def __lshift__(self, other: Any) -> Any:
        return _computed(operator.lshift, self, other)

    def __rlshift__(self, other: Any) -> Any:
        return _computed(operator.lshift, other, self)

    def __rshift__(self, other: Any) -> Any:
        return _computed(operator.rshift, self, other)

    def __rrshift__(self, other: Any) -> Any:
        return _computed(operator.rshift, other, self)

    def __and__(self, other: Any) -> Any:
        return _computed(operator.and_, self, other)

    __rand__ = __and__

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __neg__(self) -> Any:
        return _computed(operator.sub, 0, self)

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def __floor__(self) -> Any:
        return self.tape.apply(_floor, self, 0)

    def bit_length(self) -> Any:
        """As of an int."""
        return self.tape.apply(_bit_length, self, 0)

    # What is asked.

    def __eq__(self, other: object) -> bool:
        if other is self or _opaque[0]:
            return other is self
        return _asked(operator.eq, self, other)

    def __ne__(self, other: object) -> bool:
        if other is self or _opaque[0]:
            return other is not self
        return _asked(operator.ne, self, other)

    def __lt__(self, other: Any) -> bool:
        return _asked(operator.lt, self, other)

    def __le__(self, other: Any) -> bool:
        return _asked(operator.le, self, other)

    def __gt__(self, other: Any) -> bool:
        return _asked(operator.gt, self, other)

    def __ge__(self, other: Any) -> bool:
        return _asked(operator.ge, self, other)

    def __bool__(self) -> bool:
        return _opaque[0] or self.tape.ask(operator.ne, self, 0)

    def __hash__(self) -> int:
        # For tables of what was made of sizes before: who is found there was compared,
        # which is written down, and who is not has it made anew. A table that says what
        # to do with a number, {3: ...}.get(n), would say it for this number only.
        return hash(self.value)

    # Where a plain number is needed.

    def __index__(self) -> int:
        raise self.tape.needed(self)

    def __int__(self) -> int:
        raise self.tape.needed(self)

    def __float__(self) -> float:
        raise self.tape.needed(self)

    def __repr__(self) -> str:
        raise self.tape.needed(self)

    def __format__(self, spec: str) -> str:
        raise self.tape.needed(self)


_numbers = (int, float, Size)


def _computed(function: Function, x: Any, y: Any) -> Any:
    if not (isinstance(x, _numbers) and isinstance(y, _numbers)):
        return NotImplemented
    tape = x.tape if type(x) is Size else y.tape
    return tape.apply(function, x, y)


def _asked(function: Function, x: Size, y: Any) -> Any:
    if not isinstance(y, _numbers):
        return NotImplemented
    return x.tape.ask(function, x, y)


def _floor(x: Any, _: Any) -> int:
    return math.floor(x)


def _bit_length(x: int, _: Any) -> int:
    return x.bit_length()


class SizedArray:
    """A ShapedArray of which extents are open."""

    __slots__ = ("dtype", "shape", "weak_type")

    def __init__(self, shape: Sequence[Any], dtype: Any, weak_type: bool = False):
        self.shape, self.dtype, self.weak_type = tuple(shape), dtype, weak_type

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        return math.prod(self.shape)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, (SizedArray, ShapedArray))
            and self.dtype == other.dtype
            and self.weak_type == other.weak_type
            and self.shape == other.shape
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak_type))


def identity(n: Any) -> Any:
    """What tells a size from others that are the same number at present."""
    return ("size", n.place) if type(n) is Size else n


def alike(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether shapes are the same, for choices that are right either way: a size that is
    open differs from a number, also from the one that it is at present."""
    return len(a) == len(b) and all(
        (type(m) is Size) is (type(n) is Size) and m == n for m, n in zip(a, b)
    )


def about(n: Any) -> Any:
    """The number at present, for choices that are right for any number and good for this
    one: what is made holds for open sizes of the same order of magnitude only."""
    if type(n) is not Size:
        return n
    tape = n.tape
    for size in tape.sizes():
        magnitude = tape.apply(_magnitude, size, 0)
        tape.ask(operator.eq, magnitude, magnitude.value)
    return n.value


def _magnitude(x: Any, _: Any) -> int:
    """Of 8 to 31, of 32 to 127, and so on, by powers of 4; below 8, of 2."""
    bits = math.floor(x).bit_length()
    return bits if bits < 4 else 2 * (bits // 2)


def shaped(shape: Sequence[Any], dtype: Any, weak_type: bool = False) -> Any:
    """The aval of this shape, whether its extents are open or not."""
    if any(type(n) is Size for n in shape):
        return SizedArray(shape, dtype, weak_type)
    return ShapedArray(tuple(shape), dtype, weak_type)


class Given:
    """Stands for the array of a constant, by its number."""

    __slots__ = ("number",)

    def __init__(self, number: int):
        self.number = number
