"""Functions on pytrees as functions on flat lists, and the checks of their arguments.

Transformations work on flat lists of arrays. `FlatFun` wraps a function of pytrees so
that it takes leaves and returns leaves, remembering the structure of what it returned.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from ..core.avals import Array, as_array
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import keystr, tree_flatten_with_path


class FlatFun:
    """`fun(*args, **kwargs)` as a function of the leaves of (args, kwargs).

    With `has_aux`, `fun` returns a pair; the second part's leaves follow the first's.
    """

    __slots__ = ("aux_tree", "fun", "has_aux", "in_tree", "kwargs", "out_tree", "_name")

    def __init__(
        self, fun: Any, in_tree: Any, kwargs: Any = None, has_aux: bool = False
    ):
        self.fun, self.in_tree, self.has_aux = fun, in_tree, has_aux
        self.kwargs = kwargs or {}
        self.out_tree: Any = None
        self.aux_tree: Any = None
        self._name: str | None = None

    @property
    def name(self) -> str:
        """The function's name, for messages and programs."""
        return self._name or name_of(self.fun)

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    def __call__(self, *leaves: Any) -> list[Any]:
        return self.leaves(
            self.fun(*tree_unflatten(self.in_tree, leaves), **self.kwargs)
        )

    def leaves(self, out: Any) -> list[Any]:
        """The leaves of what the function returned; remembers their structure."""
        if not self.has_aux:
            flat, self.out_tree = tree_flatten(out)
            return values(flat, self)
        if not isinstance(out, (tuple, list)) or len(out) != 2:
            raise TypeError(
                f"{self.name}: with has_aux=True the function must return a pair"
                f" (output, aux); got {kind_of(out)}."
            )
        flat, self.out_tree = tree_flatten(out[0])
        aux, self.aux_tree = tree_flatten(out[1])
        return values(flat, self) + values(aux, self)


def values(leaves: list[Any], flat: FlatFun) -> list[Any]:
    """Leaves that `flat` returned, as arrays; TypeError for what is none."""
    for x in leaves:
        if not isinstance(x, Array):
            break
    else:
        return leaves
    found: list[Any] = []
    for x in leaves:
        try:
            found.append(x if isinstance(x, Array) else as_array(x))
        except TypeError:
            raise TypeError(
                f"{flat.name}: the function returned {x!r} of type {type(x).__name__}; a"
                " transformed function must return arrays, numbers or pytrees of them."
            ) from None
    return found


def name_of(fun: Any) -> str:
    """The name by which messages and programs call `fun`."""
    return getattr(fun, "__name__", None) or type(fun).__name__


def leaf_name(
    fun: Any, i: int, args: Sequence[Any], kwargs: Any = None, where: Any = None
) -> str:
    """How the user names leaf `i` of (the args at positions `where`, kwargs) of `fun`."""
    where = range(len(args)) if where is None else where
    paths, _ = tree_flatten_with_path(([args[k] for k in where], kwargs or {}))
    path = paths[i][0]
    if path[0].idx == 1:
        return f"{path[1].key}{keystr(path[2:])}"
    position = where[path[1].idx]
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    name = names[position] if position < len(names) else f"args[{position}]"
    return name + keystr(path[2:])


def kind_of(x: Any) -> str:
    """How messages name what a function returned: 'an array' or its type."""
    return "an array" if isinstance(x, Array) else type(x).__name__


def check_callable(name: str, fun: Any) -> None:
    """Raises TypeError naming transformation `name` unless `fun` can be called."""
    if not callable(fun):
        raise TypeError(
            f"{name}: the first argument must be a function; got {fun!r} of type"
            f" {type(fun).__name__}."
        )
    code: Any = getattr(fun, "__code__", None)
    known = code.co_flags & inspect.CO_GENERATOR if code else None
    if known or known is None and inspect.isgeneratorfunction(fun):
        raise TypeError(
            f"{name}: {name_of(fun)} is a generator function; return a list instead of"
            " yielding."
        )


def positions(name: str, argnums: Any, count: int) -> tuple[int, ...]:
    """`argnums` as non-negative positions among `count` positional arguments."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    found: list[int] = []
    for i in wanted:
        if not isinstance(i, int):
            raise TypeError(
                f"{name}: argnums must be int or a tuple of int; got {i!r}."
            )
        if not -count <= i < count:
            raise ValueError(
                f"{name}: argnums {i} is out of range: the function was called with"
                f" {count} positional argument{'s' * (count != 1)}."
            )
        found.append(i % count)
    return tuple(found)
