"""Branches: known tests as Python, traced ones as `lax.cond`.

Both sides of a traced test are staged, each from the values before it; names that both
leave with arrays of one structure and shape become outputs, in a common dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import lax
from ... import numpy as cnp
from ...control.call import run
from ...core.avals import Array, as_array
from ...runtime._native import tree_flatten, tree_unflatten
from ...transforms.stage import stage_closed
from .changes import path
from .rewriting import DONE, ENDS, MADE, VALUE
from .values import RETURNED, Unset, Values, predicate, traced, values


class Staged:
    """A function of no arguments, staged: its program and what it returned."""

    def __init__(self, fun: Any):
        self.kept: list[Any] = []
        self.trees: list[Any] = []
        self.program, self.outer = stage_closed(lambda: self._flat(fun()), [], "branch")

    def _flat(self, outs: Values) -> list[Any]:
        leaves: list[Any] = []
        for out in outs:
            found, tree = tree_flatten(out)
            arrays = arrays_of(found)
            self.kept.append(out)
            self.trees.append(None if arrays is None else (tree, len(leaves)))
            leaves += arrays or []
        self.types = [x.aval for x in leaves]
        return leaves

    def __call__(self, wanted: Sequence[int], types: Sequence[Any]) -> list[Any]:
        """The outputs `wanted`, as leaves of the dtypes `types`."""
        leaves = run(self.program, *self.outer)
        found: list[Any] = []
        for k in wanted:
            tree, start = self.trees[k]
            found += leaves[start : start + tree.num_leaves]
        return [cnp.asarray(x, t) for x, t in zip(found, types)]

    def avals(self, k: int) -> list[Any]:
        """The types of output `k`."""
        tree, start = self.trees[k]
        return self.types[start : start + tree.num_leaves]


def arrays_of(leaves: Sequence[Any]) -> list[Any] | None:
    """The leaves as arrays; None where one is none."""
    if not all(
        isinstance(x, (Array, bool, int, float, complex))
        or hasattr(x, "__array__")
        and not isinstance(x, Unset)
        for x in leaves
    ):
        return None
    return [as_array(x) for x in leaves]


def branch(
    test: Any, yes: Any, no: Any, thunks: Sequence[Any], names: Any, line: int
) -> Values:
    """`if test: yes else: no`, functions of the values that return the new ones."""
    given = values(thunks, names)
    if not traced(test):
        return yes(*given) if test else no(*given)
    sides = tuple(Staged(path(lambda s=s: s(*given), line)) for s in (yes, no))
    _fill_unread(sides, names)
    _fill_going_on(sides, names)
    result: list[Any] = [None] * len(names)
    wanted: list[int] = []
    for k, name in enumerate(names):
        a, b = (side.kept[k] for side in sides)
        before = given[k] if given else sides
        unset = [v for v in (a, b) if isinstance(v, Unset)]
        if a is b or a is before and b is before:
            result[k] = a
        elif unset and not name.startswith(VALUE):
            once = Unset(name, f", as line {line} sets it in one branch only")
            result[k] = next((v for v in unset if v is not before), once)
        else:
            error = _disagreement(sides, k, name, line)
            if error and (name in ("", RETURNED) or name.startswith(VALUE)):
                raise TypeError(error)
            result[k] = Unset(name, "", error)
            wanted += [] if error else [k]
    _fill_values(sides, wanted)
    return _selected(test, sides, wanted, result)


def _selected(test: Any, sides: Any, wanted: Any, result: list[Any]) -> Values:
    types: list[Any] = []
    for k in wanted:
        pairs = zip(*(side.avals(k) for side in sides))
        types += [cnp.result_type(*(t.dtype for t in pair)) for pair in pairs]
    leaves = lax.cond(predicate(test), *[lambda s=s: s(wanted, types) for s in sides])
    for k in wanted:
        tree, _ = sides[0].trees[k]
        result[k] = tree_unflatten(tree, leaves[: tree.num_leaves])
        leaves = leaves[tree.num_leaves :]
    return tuple(result)


def _fill_unread(sides: Any, names: Sequence[str]) -> None:
    """In a side that has returned no name is read: it takes the other's, as zeros."""
    flags = [k for k, name in enumerate(names) if name.startswith(DONE)]
    left = [any(side.kept[k] is True for k in flags) for side in sides]
    if left[0] == left[1]:
        return
    gone, other = sides if left[0] else sides[::-1]
    for k, name in enumerate(names):
        if not name.startswith(MADE) and other.trees[k] is not None:
            kept = gone.kept[k]
            if isinstance(kept, Unset) or _disagreement(sides, k, name, 0):
                gone.kept[k] = zeros_like(other, k)
                _replace(gone, k, gone.kept[k])


def _fill_going_on(sides: Any, names: Sequence[str]) -> None:
    """Where a side may end a loop that nothing else ends, and the other surely goes on, a
    name that the first alone sets is read after the loop only: the other takes zeros. What
    reads it before it is set was found when the first step was staged without it."""
    for k, name in enumerate(names):
        if not name.startswith(ENDS):
            continue
        goes_on = [side.kept[k] is False for side in sides]
        if goes_on[0] == goes_on[1]:
            continue
        going, ending = sides if goes_on[0] else sides[::-1]
        for i, other in enumerate(names):
            unset = isinstance(going.kept[i], Unset) and not other.startswith(MADE)
            if unset and ending.trees[i] is not None:
                going.kept[i] = zeros_like(ending, i)
                _replace(going, i, going.kept[i])


def _fill_values(sides: Any, wanted: Sequence[int]) -> None:
    """Zeros for a return value that one side does not set: its flag is not set either."""
    for k in wanted:
        for side, other in (sides, sides[::-1]):
            if isinstance(side.kept[k], Unset):
                _replace(side, k, zeros_like(other, k))


def zeros_like(other: Staged, k: int) -> Any:
    """Zeros of the types that return value `k` of a staged function has."""
    tree, _ = other.trees[k]
    return tree_unflatten(tree, [cnp.zeros(t.shape, t.dtype) for t in other.avals(k)])


def _replace(side: Staged, k: int, value: Any) -> None:
    """Output `k` of a staged function set to `value`."""
    leaves, tree = tree_flatten(value)
    program, outer, position = side.program, side.outer, len(side.types)
    side.program, side.outer = stage_closed(
        lambda: [*run(program, *outer), *leaves], [], "branch"
    )
    side.types = [*side.types, *(as_array(x).aval for x in leaves)]
    side.trees[k] = (tree, position)


def _disagreement(sides: Any, k: int, name: str, line: int) -> str:
    """Why output `k` of two branches is no array of one type; "" where it is."""
    shown = RETURNED if name.startswith(VALUE) else name
    what = f"{shown} after line {line}" if name else f"the value at line {line}"
    trees = [side.trees[k] for side in sides]
    nothing = sum(side.kept[k] is None for side in sides) == 1
    if nothing and (name == RETURNED or name.startswith(VALUE)):
        return (
            f"control_flow='convert': the function returns a value on one path of line"
            f" {line} and None on the other, and a traced value decides; return a value"
            " on both."
        )
    for side, tree in zip(sides, trees):
        if tree is None and not isinstance(side.kept[k], Unset):
            return (
                f"control_flow='convert': {what} is {side.kept[k]!r} in one branch, not"
                " an array, and the branch is taken when the program runs; choose among"
                " arrays, or decide by a known value."
            )
    if None in trees:
        return ""
    if trees[0][0] != trees[1][0]:
        return (
            f"control_flow='convert': {what} has structure {trees[0][0]} in one branch"
            f" and {trees[1][0]} in the other; they must agree."
        )
    shapes = [[a.shape for a in side.avals(k)] for side in sides]
    if shapes[0] == shapes[1]:
        return ""
    return (
        f"control_flow='convert': {what} has shape {_shown(shapes[0])} in one branch"
        f" and {_shown(shapes[1])} in the other; they must agree."
    )


def _shown(shapes: Sequence[Any]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str(shapes)


def returned(
    test: Any, yes: Any, no: Any, thunks: Sequence[Any], names: Any, line: int
) -> Any:
    """An `if` that returns in both branches."""
    given = values(thunks, names)
    if not traced(test):
        return yes(*given) if test else no(*given)
    sides = lambda: (yes(*given),), lambda: (no(*given),)
    return branch(test, *sides, (), (RETURNED,), line)[0]


def chosen(test: Any, yes: Any, no: Any, line: int) -> Any:
    """`yes if test else no`."""
    if not traced(test):
        return yes() if test else no()
    return branch(test, lambda: (yes(),), lambda: (no(),), (), ("",), line)[0]
