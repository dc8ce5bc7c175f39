"""How dimensions move around a product: the rules that compiler/passes/arrangement.py asks.

A view says for each dimension of a result which dimension of the operand it is, None for
a new one of size 1; dimensions of the operand that are left out have size 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Shape = tuple[int, ...]
View = tuple[int | None, ...]


class Arranging(NamedTuple):
    """The rules of a product; `reshape(shape)` puts sizes of 1 where they belong,
    `permute(order)` dimensions in order. `copied` tells of what its lowering copies."""

    operands: Callable[..., Any]
    result: Callable[..., Any]
    reshape: Callable[[Shape], tuple[Any, Any]]
    permute: Callable[[Sequence[int]], tuple[Any, Any]]
    copied: Callable[..., Any]


def dot_operands(
    shapes: Sequence[Shape], views: Sequence[View], *, dimension_numbers: Any,
    **params: Any,
) -> Any:  # fmt: skip
    """The parameters of a dot_general of what its operands are views of.

    None where the result's dimensions would have another order or new ones of size 1,
    or where a source does not lie as matrices: a copy would be made of it anyway, and is
    better made once by those who share it.
    """
    contracted, batch = (_paired(pair, views) for pair in dimension_numbers)
    for k, view in enumerate(views):
        used = {*dimension_numbers[0][k], *dimension_numbers[1][k]}
        free = [d for j, d in enumerate(view) if j not in used and d is not None]
        if len(shapes[k]) != len(contracted[k]) + len(batch[k]) + len(free):
            return None
        matrices = (
            [*batch[k], *free, *contracted[k]],
            [*batch[k], *contracted[k], *free],
        )
        moved = view != tuple(range(len(view)))
        if (
            free != sorted(free)
            or moved
            and list(range(len(shapes[k]))) not in matrices
        ):
            return None
    return {"dimension_numbers": (contracted, batch), **params}


def _paired(pair: Any, views: Sequence[View]) -> Any:
    """Paired dimensions, as those of the sources; pairs that one has not are left out."""
    found = [
        (x, y)
        for i, j in zip(*pair)
        if (x := views[0][i]) is not None and (y := views[1][j]) is not None
    ]
    return tuple(x for x, _ in found), tuple(y for _, y in found)


def dot_result(
    permutation: Sequence[int], shapes: Sequence[Shape], *, dimension_numbers: Any,
    **params: Any,
) -> Any:  # fmt: skip
    """Whether the operands of a dot_general change places, and its parameters, so that
    the result's dimensions are permuted; None where no dot_general gives that order."""
    contracted, (bx, by) = dimension_numbers
    first = len(bx)
    left = first + len(shapes[0]) - first - len(contracted[0])
    end = left + len(shapes[1]) - first - len(contracted[1])
    head, tail = list(permutation[:first]), list(permutation[first:])
    if sorted(head) != list(range(first)):
        return None
    batch = tuple(bx[d] for d in head), tuple(by[d] for d in head)
    if tail == list(range(first, end)):
        return False, {"dimension_numbers": (contracted, batch), **params}
    if tail != [*range(left, end), *range(first, left)]:
        return None
    return True, {"dimension_numbers": (contracted[::-1], batch[::-1]), **params}


def broadcast_view(
    x_shape: Shape, out_shape: Shape, *, broadcast_dimensions: Any, **_: Any
) -> View | None:
    """The view that a broadcast is which adds sizes of 1 alone."""
    place = {d: k for k, d in enumerate(broadcast_dimensions)}
    view = tuple(place.get(d) for d in range(len(out_shape)))
    sizes = [1 if d is None else x_shape[d] for d in view]
    return view if sizes == list(out_shape) else None


def squeeze_view(
    x_shape: Shape, out_shape: Shape, *, dimensions: Any, **_: Any
) -> View | None:
    """The dimensions that are left."""
    return tuple(d for d in range(len(x_shape)) if d not in dimensions)


def reshape_view(x_shape: Shape, out_shape: Shape, **_: Any) -> View | None:
    """The view that a reshape is which moves sizes of 1 alone."""
    kept = [d for d, n in enumerate(x_shape) if n != 1]
    if [x_shape[d] for d in kept] != [n for n in out_shape if n != 1]:
        return None
    rest = iter(kept)
    return tuple(None if n == 1 else next(rest) for n in out_shape)
