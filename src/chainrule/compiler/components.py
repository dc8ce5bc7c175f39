"""Values of few components: what is stacked along a short axis is kept by component.

The two columns of a state `stack([prey, hunters], axis=1)` are different expressions. A
loop over both would choose between them at every element. Instead the value is *split*:
each component is a value of its own, computed in loops over the other dimensions, where
it is read as a number in a register; elementwise operations on a split value give a split
value. Only a result of the program is put together, by one store for each component.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .expr import Expr, select
from .fusion import Fusion, Member
from .index import Index, ravel
from .loop import Store
from .sizes import shaped
from .updates import Written
from .values import Indices, Lazy, Value

MOST = 8


class Component(Value):
    """One component of a result, stored at its place in the result's buffer."""

    __slots__ = ("axis", "number", "part", "target", "within")

    def __init__(
        self, target: Written, axis: int, number: int, part: Value, within: Any
    ):
        self.aval, self.shape, self.type = None, part.shape, part.type
        self.reader, self.buffer, self.owner = part.reader, target, None
        self.anchor, self.cost, self.depth = True, 0.0, 0
        self.target, self.axis, self.number, self.part = target, axis, number, part
        self.within: Sequence[int] = within

    @property
    def uses(self) -> int:
        """How many steps read the whole."""
        return self.target.uses

    def compute(self, indices: Indices) -> Expr:
        return self.part.at(*indices)

    def store(self, indices: Indices, value: Expr) -> Store:
        place = (*indices[: self.axis], Index(self.number), *indices[self.axis :])
        return Store(self.target, ravel(place, self.within), value)


def separate(fusion: Fusion, v: Lazy) -> None:
    """Computes each component of a split value once, where `v` reads them from now on."""
    axis, whole = v.split, v.fn
    assert axis is not None
    count = v.shape[axis]
    shape = (*v.shape[:axis], *v.shape[axis + 1 :])
    aval = shaped(shape, v.aval.dtype)
    parts = [
        Lazy(aval, fusion, _component(whole, axis, k), v.operands, 0.0)
        for k in range(count)
    ]
    for part in parts:
        part.cost = v.cost / count
        fusion.settle(part)  # beside the last: they go to the same lines of memory
        fusion.beside = part.owner
    fusion.beside = None
    v.fn, v.linear_fn, v.operands = _joined(parts, axis), None, parts
    v.view, v.cost, v.depth, v.parts = None, 1.0, 1, parts


def _component(
    whole: Callable[[Indices], Expr], axis: int, k: int
) -> Callable[[Indices], Expr]:
    return lambda indices: whole((*indices[:axis], Index(k), *indices[axis:]))


def _joined(parts: Sequence[Value], axis: int) -> Callable[[Indices], Expr]:
    """The element at an index: of the one component that it names, or chosen."""

    def element(indices: Indices) -> Expr:
        k, others = indices[axis], (*indices[:axis], *indices[axis + 1 :])
        if not k.terms and k.rest is None:
            return parts[k.constant].at(*others)
        out = parts[-1].at(*others)
        for number, part in enumerate(parts[:-1]):
            out = select(k.equals(number), part.at(*others), out)
        return out

    return element


def put_together(fusion: Fusion, v: Lazy) -> Written:
    """A buffer that the components of a value are stored into."""
    assert v.split is not None
    if v.parts is None:
        separate(fusion, v)
    target = Written(v.aval, fusion)
    for k, part in enumerate(v.parts or ()):
        _assign(fusion, Component(target, v.split, k, part, v.shape))
    return target


def interleaved(fusion: Fusion, aval: Any, parts: Sequence[Value]) -> Written:
    """A buffer of type `aval` with the elements of the parts side by side in each."""
    target, within = Written(aval, fusion), (*aval.shape, len(parts))
    for k, part in enumerate(parts):
        piece = Component(target, len(aval.shape), k, part, within)
        _assign(fusion, piece)
        fusion.beside = piece.owner
    fusion.beside = None
    return target


def _assign(fusion: Fusion, piece: Component) -> None:
    fusion.assign(Member("map", [piece]))
    latest = piece.target.owner
    if latest is None or piece.owner.sequence > latest.sequence:
        piece.target.owner = piece.owner


def split_axis(shape: Sequence[int], operands: Sequence[Value]) -> int | None:
    """The axis along which elementwise operations on the operands have components."""
    for x in operands:
        if isinstance(x, Lazy) and not x.anchor and x.split is not None:
            if x.shape == tuple(shape):
                return x.split
    return None


__all__: list[Any] = ["MOST", "interleaved", "put_together", "separate", "split_axis"]
