"""Bodies: the functions that loops and branches run, staged and checked.

A body is staged once for a function's key (see `function_keys`) and the types of its
arguments. Values of outer transformations that it closes over become leading operands;
a body that looked at such a value is not kept. The messages name the leaf that is wrong
and both types.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.avals import Array, as_array, update
from ..core.dtypes import promote
from ..core.jaxpr import ClosedJaxpr
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import keystr, tree_flatten_with_path
from ..transforms.flat import FlatFun, name_of
from ..transforms.jvp import shown
from ..transforms.stage import stage_closed
from .function_keys import function_key
from .signatures import leaf_names, signature

MAX_KEPT, MAX_BYTES = 512, 1 << 28
"""How many bodies are kept, and how much memory in the arrays that they close over."""

_kept: OrderedDict[Any, _Kept] = OrderedDict()


class Body(NamedTuple):
    """A staged function: program of (outer values, leaves), and its output's tree."""

    program: ClosedJaxpr
    outer: list[Any]
    out_tree: Any


class _Typed(NamedTuple):
    aval: Any


class _Names(Sequence[str]):
    """How the user names the arguments' leaves, found when a message needs it."""

    def __init__(self, fun: Any, tree: Any):
        self.fun, self.tree = fun, tree

    def __len__(self) -> int:
        return self.tree.num_leaves

    def __getitem__(self, i: Any) -> Any:
        args = tree_unflatten(self.tree, range(self.tree.num_leaves))
        return leaf_names(self.fun, tree_flatten((args, {}))[1])[i]


class _Kept(NamedTuple):
    """A program, and which of the tracers that its function refers to it takes first."""

    program: ClosedJaxpr
    places: tuple[int, ...]
    out_tree: Any


def stage_body(fun: Any, tree: Any, avals: Sequence[Any]) -> Body:
    """`fun(*args)` staged, `tree` being the structure of args and `avals` their leaves."""
    keyed = function_key(fun)
    if keyed is None:
        return _stage(fun, tree, avals)
    key = keyed[0], signature([_Typed(a) for a in avals], tree, ())
    tracers = keyed[1]
    found = _kept.get(key)
    if found is not None:
        _kept.move_to_end(key)
        outer = [tracers[i] for i in found.places]
        return Body(found.program, outer, found.out_tree)
    looks = shown[0]
    body = _stage(fun, tree, avals)
    order = {id(x): i for i, x in enumerate(tracers)}
    places = tuple(order.get(id(x), -1) for x in body.outer)
    if -1 not in places and shown[0] == looks:
        _kept[key] = _Kept(body.program, places, body.out_tree)
        _evict()
    return body


def _evict() -> None:
    """Forgets what was used longest ago, while there is too much."""
    sizes = [sum(c.nbytes for c in k.program.consts) for k in _kept.values()]
    excess = sum(sizes) - MAX_BYTES
    for size in sizes:
        if excess <= 0 and len(_kept) <= MAX_KEPT:
            break
        _kept.popitem(last=False)
        excess -= size


def _stage(fun: Any, tree: Any, avals: Sequence[Any]) -> Body:
    flat = FlatFun(fun, tree)
    program, outer = stage_closed(flat, avals, flat.name, _Names(fun, tree))
    return Body(program, outer, flat.out_tree)


def forget_bodies() -> None:
    """Forgets all staged bodies."""
    _kept.clear()


def arrays_of(name: str, tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a pytree as arrays, and its structure.

    Raises TypeError naming function `name` for a leaf that is no array.
    """
    leaves, treedef = tree_flatten(tree)
    return [x if isinstance(x, Array) else as_array(x, name) for x in leaves], treedef


def paths_of(tree: Any, avals: Sequence[Any]) -> list[str]:
    """Where each leaf stands: '', "['w']", '[0][1]'."""
    found, _ = tree_flatten_with_path(tree_unflatten(tree, list(avals)))
    return [keystr(path) for path, _ in found]


def check_same_tree(name: str, fun: Any, what: str, given: Any, found: Any) -> None:
    """Raises TypeError unless a body returned the structure that it was given."""
    if given != found:
        raise TypeError(
            f"{name}: {name_of(fun)} must return {what} of the structure it takes,"
            f" {tree_text(given)}; got {tree_text(found)}."
        )


def tree_text(tree: Any) -> str:
    """A structure as messages show it: 'an array', "{'a': *}"."""
    if tree.node_data() is None and tree.num_leaves == 1:
        return "an array"
    return str(tree).removeprefix("PyTreeDef(").removesuffix(")")


class Carry(NamedTuple):
    """How messages speak of what a loop carries: its function's name, and what it is.

    `within` is the path to the user's value in the carry of the loop, `place` where a
    conversion can stand.
    """

    name: str
    what: str
    within: str = ""
    place: str = "before the loop or in the body"

    def check_types(
        self, fun: Any, tree: Any, given: Sequence[Any], found: Sequence[Any]
    ) -> None:
        """Raises TypeError naming the leaves whose type changes in a body."""
        wrong = [
            f"{self.what}{path.removeprefix(self.within)} comes in as {a.str_short()}"
            f" and leaves as {b.str_short()}"
            for path, a, b in zip(paths_of(tree, given), given, found)
            if (a.shape, a.dtype) != (b.shape, b.dtype)
        ]
        if wrong:
            raise TypeError(
                f"{self.name}: {name_of(fun)} must return the {self.what} in the types it"
                f" came in; {'; '.join(wrong)}. Convert it {self.place} (astype,"
                " broadcast_to)."
            )


def widened(given: Sequence[Any], found: Sequence[Any]) -> list[Any]:
    """The types a carry must start with so that the body can keep them.

    A Python number that starts a loop takes the type that the body makes of it, where
    promotion gives that type.
    """
    made: list[Any] = []
    for a, b in zip(given, found):
        if a.weak_type and a.shape == b.shape:
            dtype, weak = promote((a.dtype, True), (b.dtype, b.weak_type))
            if dtype == b.dtype:
                a = update(a, dtype=dtype, weak_type=weak)
        made.append(a)
    return made
