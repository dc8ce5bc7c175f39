"""Selected arguments: which ones are static or donated, by position and by name.

A parameter that can be passed both ways is selected both ways, wherever the function's
signature tells its other form.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..transforms.flat import name_of


class Selected:
    """Positions (negative ones count from the end) and names of arguments."""

    __slots__ = ("kind", "names", "positions")

    def __init__(self, kind: str, positions: tuple[int, ...], names: tuple[str, ...]):
        self.kind, self.positions, self.names = kind, positions, names

    def __bool__(self) -> bool:
        return bool(self.positions or self.names)

    def among(self, count: int) -> list[int]:
        """The selected of `count` positional arguments, in order."""
        return sorted({i % count for i in self.positions if -count <= i < count})

    def leaves(self, tree: Any) -> list[int]:
        """Where the leaves of the selected arguments stand in (args, kwargs)."""
        args, kwargs = tree.children()
        parts = args.children()
        chosen = [i in self.among(len(parts)) for i in range(len(parts))]
        chosen += [key in self.names for key in kwargs.node_data()[1]]
        found: list[int] = []
        start = 0
        for part, wanted in zip([*parts, *kwargs.children()], chosen):
            found += range(start, start + part.num_leaves) if wanted else ()
            start += part.num_leaves
        return found

    def check_disjoint(self, other: Selected, fun: Any) -> None:
        """Raises ValueError where an argument is selected here and in `other`."""
        shared = {x for x in self.names if x in other.names}
        if not shared:
            shared = {str(x) for x in self.positions if x in other.positions}
        if shared:
            raise ValueError(
                f"jit: argument {', '.join(sorted(shared))} of {name_of(fun)} is"
                f" selected by both {other.kind}_argnums and {self.kind}_argnums; drop one."
            )


def select(
    caller: str, kind: str, fun: Any, nums: tuple[int, ...], names: tuple[str, ...]
) -> Selected:
    """Checked positions and names, each inferred from the other by the signature.

    Raises ValueError, naming the function `caller`, where a position or name is no parameter of `fun`.
    """
    for i in nums:
        if not isinstance(i, int):
            raise TypeError(
                f"{caller}: {kind}_argnums must be int or a tuple of int; got {i!r}."
            )
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return Selected(kind, nums, names)
    positional = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    has_rest = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    for i in nums:
        if not has_rest and not -len(positional) <= i < len(positional):
            raise ValueError(
                f"{caller}: {kind}_argnums {i} is out of range: {name_of(fun)} takes"
                f" {len(positional)} positional arguments."
            )
    known = [p.name for p in parameters]
    any_name = any(p.kind == p.VAR_KEYWORD for p in parameters)
    for name in names:
        if name not in known and not any_name:
            raise ValueError(
                f"{caller}: {kind}_argnames {name!r} names no parameter of {name_of(fun)};"
                f" it has {', '.join(known) or 'none'}."
            )
    if nums and not names:
        names = tuple(
            positional[i] for i in nums if -len(positional) <= i < len(positional)
        )
    elif names and not nums:
        nums = tuple(i for i, p in enumerate(positional) if p in names)
    return Selected(kind, nums, names)
