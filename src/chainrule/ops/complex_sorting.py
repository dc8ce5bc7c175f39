"""Sorting complex numbers: whole, or by both parts as keys where others go with them."""

from __future__ import annotations

from typing import Any

from ..core.avals import aval_of
from .complex_parts import Parts, apart, together
from .shaping import move_dim
from .sorting import sort_p


def _sorted(*xs: Any, dimension: int, num_keys: int, **params: Any) -> list[Any]:
    if len(xs) == 1:
        return [_sorted_alone(xs[0], dimension, num_keys=1, **params)]
    parts = [x if isinstance(x, Parts) else (x,) for x in xs]
    keys = sum(map(len, parts[:num_keys]))
    flat = [p for x in parts for p in x]
    ys = iter(sort_p(*flat, dimension=dimension, num_keys=keys, **params))
    made = [[next(ys) for _ in x] for x in parts]
    return [Parts(*y) if len(y) == 2 else y[0] for y in made]


def _sorted_alone(x: Parts, axis: int, **params: Any) -> Parts:
    """By the kernel of whole numbers, which takes rows."""
    last = aval_of(x.re).ndim - 1
    rows = together(Parts(*(move_dim(p, axis, last) for p in x)))
    (y,) = sort_p(rows, dimension=last, **params)
    return Parts(*(move_dim(p, last, axis) for p in apart(y)))


def declare() -> None:
    """Gives sort its parts rule."""
    sort_p.parts = _sorted


__all__ = ["declare"]
