"""Converted control flow when it runs: known values as Python, traced ones as programs.

`convert(f)` is what `jit(f, control_flow="convert")` stages: `f` with its statements as
calls of the functions here (see rewriting.py). A name that a statement may leave unset
becomes `Unset`, which raises when it is used; nothing is made up in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .. import numpy as cnp
from ..control.call import run
from ..core import errors
from ..core.avals import Array, Tracer, as_array
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.stage import stage_closed
from .changes import called, changed, fresh, path, updated
from .checkify import check as check_value
from .rewriting import VALUE, rewritten


class Unset:
    """The value of a name that has none; using it raises, and says why it has none."""

    def __init__(self, name: str = "", why: str = ""):
        object.__setattr__(self, "_why", (name, why))

    def _raise(self, *_: Any, **__: Any) -> Any:
        name, why = object.__getattribute__(self, "_why")
        raise UnboundLocalError(
            f"control_flow='convert': {name or 'a name'} has no value{why}; set it before"
            " the statement."
        )

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # inspection asks for it, not the program
            raise AttributeError(name)
        return self._raise()

    __call__ = __getitem__ = __iter__ = __len__ = __bool__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = _raise
    __rmatmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _raise
    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __mod__ = __rmod__ = _raise
    __floordiv__ = __rfloordiv__ = __array__ = __float__ = __int__ = _raise


unset = Unset()
RETURNED = "the value returned"
Values = tuple[Any, ...]


def convert(fun: Callable[..., Any]) -> Callable[..., Any]:
    """`fun` with control flow that traced values may decide.

    Args:
        fun: a function defined by `def`, whose source can be read.

    Returns:
        A function with the same arguments and results.

    Raises:
        TypeError, ValueError: `fun` is no such function.

    An example is in docs/control_flow.md.
    """
    return rewritten(fun, sys.modules[__name__])


def _traced(x: Any) -> bool:
    """Whether the truth of `x` is known only when the program runs."""
    if not isinstance(x, Tracer):
        return False
    try:
        bool(x)
    except errors.TracerBoolConversionError:
        return True
    return False


def _predicate(x: Any) -> Any:
    return x if x.dtype == bool else x != 0


def _values(thunks: Sequence[Any], names: Sequence[str]) -> Values:
    found: list[Any] = []
    for thunk, name in zip(thunks, names):
        try:
            found.append(thunk())
        except NameError:
            found.append(Unset(name, " before this statement"))
    return tuple(found)


def known(test: Any, line: int, why: str) -> bool:
    """A test that stays Python's; its error says why."""
    try:
        return bool(test)
    except errors.TracerBoolConversionError as error:
        error.args = (f"{error.args[0]} Line {line} was not converted: {why}.",)
        raise


# --- expressions ---------------------------------------------------------------------


def negation(x: Any) -> Any:
    """`not x`."""
    return cnp.logical_not(x) if _traced(x) else not x


def both(line: int, *thunks: Any) -> Any:
    """The truth of `a and b and ...`"""
    return _joined(thunks, lambda x: not x, _truths(cnp.logical_and, line))


def either(line: int, *thunks: Any) -> Any:
    """The truth of `a or b or ...`"""
    return _joined(thunks, bool, _truths(cnp.logical_or, line))


def last_true(line: int, *thunks: Any) -> Any:
    """The value of `a and b and ...`"""

    def joined(x: Any, thunk: Any) -> Any:
        both = _of_booleans(x, thunk, cnp.logical_and, line)
        return chosen(x, thunk, lambda: x, line) if both is None else both

    return _joined(thunks, lambda x: not x, joined)


def first_true(line: int, *thunks: Any) -> Any:
    """The value of `a or b or ...`"""

    def joined(x: Any, thunk: Any) -> Any:
        either = _of_booleans(x, thunk, cnp.logical_or, line)
        return chosen(x, lambda: x, thunk, line) if either is None else either

    return _joined(thunks, bool, joined)


def _joined(thunks: Sequence[Any], decides: Any, joined: Any) -> Any:
    """The operands from the left: known ones as Python, traced ones by `joined`."""
    x = thunks[0]()
    for thunk in thunks[1:]:
        if _traced(x):
            x = joined(x, thunk)
        elif decides(x):
            return x
        else:
            x = thunk()
    return x


def _truths(operation: Any, line: int) -> Any:
    def joined(x: Any, thunk: Any) -> Any:
        y = path(thunk, line)()
        return operation(_predicate(x), _predicate(y) if _traced(y) else bool(y))

    return joined


def _of_booleans(x: Any, thunk: Any, operation: Any, line: int) -> Any:
    """The operation on two booleans, without a branch; None where they are none."""
    if x.dtype != bool:
        return None
    other = _Staged(path(lambda: (thunk(),), line))
    if other.trees[0] is None or [t.dtype for t in other.types] != [bool]:
        return None
    return operation(x, *other([0], [bool]))


def chosen(test: Any, yes: Any, no: Any, line: int) -> Any:
    """`yes if test else no`."""
    if not _traced(test):
        return yes() if test else no()
    return branch(test, lambda: (yes(),), lambda: (no(),), (), ("",), line)[0]


def check(test: Any, text: Any) -> None:
    """`assert test, text`: of a traced test when the program runs."""
    if not _traced(test):
        assert test, text()
        return
    message = str(text()).replace("{", "{{").replace("}", "}}")
    check_value(_predicate(test), message or "assertion failed")


# --- branches ------------------------------------------------------------------------


class _Staged:
    """A function of no arguments, staged: its program and what it returned."""

    def __init__(self, fun: Any):
        self.kept: list[Any] = []
        self.trees: list[Any] = []
        self.program, self.outer = stage_closed(lambda: self._flat(fun()), [], "branch")

    def _flat(self, outs: Values) -> list[Any]:
        leaves: list[Any] = []
        for out in outs:
            found, tree = tree_flatten(out)
            arrays = _arrays(found)
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


def _arrays(leaves: Sequence[Any]) -> list[Any] | None:
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
    given = _values(thunks, names)
    if not _traced(test):
        return yes(*given) if test else no(*given)
    sides = tuple(_Staged(path(lambda s=s: s(*given), line)) for s in (yes, no))
    result: list[Any] = [None] * len(names)
    wanted: list[int] = []
    for k, name in enumerate(names):
        a, b = (side.kept[k] for side in sides)
        before = given[k] if given else sides
        if a is b or a is before and b is before:
            result[k] = a
        elif isinstance(a, Unset) or isinstance(b, Unset):
            result[k] = Unset(name, f", as line {line} sets it in one branch only")
            if name.startswith(VALUE):
                wanted.append(k)
        else:
            _check_alike(sides, k, name, line)
            wanted.append(k)
    _fill_values(sides, wanted)
    return _selected(test, sides, wanted, result)


def _selected(test: Any, sides: Any, wanted: Any, result: list[Any]) -> Values:
    types: list[Any] = []
    for k in wanted:
        pairs = zip(*(side.avals(k) for side in sides))
        types += [cnp.result_type(*(t.dtype for t in pair)) for pair in pairs]
    leaves = lax.cond(_predicate(test), *[lambda s=s: s(wanted, types) for s in sides])
    for k in wanted:
        tree, _ = sides[0].trees[k]
        result[k] = tree_unflatten(tree, leaves[: tree.num_leaves])
        leaves = leaves[tree.num_leaves :]
    return tuple(result)


def _fill_values(sides: Any, wanted: Sequence[int]) -> None:
    """Zeros for a return value that one side does not set: its flag is not set either."""
    for k in wanted:
        for side, other in (sides, sides[::-1]):
            if isinstance(side.kept[k], Unset):
                _replace(side, k, _zeros(other, k))


def _zeros(other: _Staged, k: int) -> Any:
    tree, _ = other.trees[k]
    return tree_unflatten(tree, [cnp.zeros(t.shape, t.dtype) for t in other.avals(k)])


def _replace(side: _Staged, k: int, value: Any) -> None:
    """Output `k` of a staged function set to `value`."""
    leaves, tree = tree_flatten(value)
    program, outer, position = side.program, side.outer, len(side.types)
    side.program, side.outer = stage_closed(
        lambda: [*run(program, *outer), *leaves], [], "branch"
    )
    side.types = [*side.types, *(as_array(x).aval for x in leaves)]
    side.trees[k] = (tree, position)


def _check_alike(sides: Any, k: int, name: str, line: int) -> None:
    what = f"{name} after line {line}" if name else f"the value at line {line}"
    trees = [side.trees[k] for side in sides]
    if name == RETURNED and sum(side.kept[k] is None for side in sides) == 1:
        raise TypeError(
            f"control_flow='convert': the function returns a value on one path of line"
            f" {line} and None on the other, and a traced value decides; return a value"
            " on both."
        )
    for side, tree in zip(sides, trees):
        if tree is None:
            raise TypeError(
                f"control_flow='convert': {what} is {side.kept[k]!r} in one branch, not"
                " an array, and the branch is taken when the program runs; choose among"
                " arrays, or decide by a known value."
            )
    if trees[0][0] != trees[1][0]:
        raise TypeError(
            f"control_flow='convert': {what} has structure {trees[0][0]} in one branch"
            f" and {trees[1][0]} in the other; they must agree."
        )
    shapes = [[a.shape for a in side.avals(k)] for side in sides]
    if shapes[0] != shapes[1]:
        raise TypeError(
            f"control_flow='convert': {what} has shape {_shown(shapes[0])} in one branch"
            f" and {_shown(shapes[1])} in the other; they must agree."
        )


def _shown(shapes: Sequence[Any]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str(shapes)


def returned(
    test: Any, yes: Any, no: Any, thunks: Sequence[Any], names: Any, line: int
) -> Any:
    """An `if` that returns in both branches."""
    given = _values(thunks, names)
    if not _traced(test):
        return yes(*given) if test else no(*given)
    sides = lambda: (yes(*given),), lambda: (no(*given),)
    return branch(test, *sides, (), (RETURNED,), line)[0]


# --- loops ---------------------------------------------------------------------------


def while_loop(
    test: Any, body: Any, thunks: Any, names: Any, stop: str | None, line: int
) -> Values:
    """`while test: body`, with `stop` the name of the flag that break sets."""
    state = _values(thunks, names)
    flag = names.index(stop) if stop else None
    while True:
        if flag is not None and _traced(state[flag]):
            return _traced_loop(test, body, state, names, flag, line)
        if flag is not None and state[flag]:
            return state
        goes_on = test(*state)
        if _traced(goes_on):
            return _traced_loop(test, body, state, names, flag, line)
        if not goes_on:
            return state
        state = body(*state)


def for_range(
    bounds: Any, body: Any, thunks: Any, names: Any, stop: str | None, line: int
) -> Values:
    """`for i in range(*bounds): body`; `i` is the first of the names."""
    state = _values(thunks, names)
    flag = names.index(stop) if stop else None
    if not any(_unknown(b) for b in bounds):
        steps = range(*bounds)
        for k, i in enumerate(steps):
            if flag is not None and _traced(state[flag]):
                rest = steps.start + k * steps.step, steps.stop, steps.step
                return _traced_range(rest, body, state, names, flag, line)
            if flag is not None and state[flag]:
                return state
            state = body(i, *state[1:])
        return state
    first, last, step = _bounds(bounds)
    return _traced_range((first, last, step), body, state, names, flag, line)


def _unknown(x: Any) -> bool:
    if not isinstance(x, Tracer):
        return False
    try:
        int(x)
    except errors.ConcretizationTypeError:
        return True
    except errors.TracerIntegerConversionError:
        return True
    return False


def _bounds(bounds: Any) -> tuple[Any, Any, Any]:
    if len(bounds) == 1:
        return 0, bounds[0], 1
    return bounds[0], bounds[1], bounds[2] if len(bounds) == 3 else 1


def _traced_range(
    bounds: Any, body: Any, state: Values, names: Any, flag: Any, line: int
) -> Values:
    first, last, step = (cnp.asarray(b) for b in bounds)
    state = (_as_counter(state[0], names[0], line), *state[1:])

    def goes_on(i: Any, *_: Any) -> Any:
        return cnp.where(step > 0, i < last, i > last)

    def advance(i: Any, *rest: Any) -> Values:
        return (i + step, *body(i, *rest[1:]))

    found = _traced_loop(
        goes_on, advance, (first, *state), ("the loop's counter", *names),
        None if flag is None else flag + 1, line,
    )  # fmt: skip
    return found[1:]


def _as_counter(before: Any, name: str, line: int) -> Any:
    """What the counter of a loop was before it: the loop carries a number alone."""
    if (
        isinstance(before, (bool, int, float, np.generic, Array))
        and np.shape(before) == ()
    ):
        return before
    return Unset(name, f", as the loop at line {line} may not run")


def _traced_loop(
    test: Any, body: Any, state: Values, names: Any, flag: Any, line: int
) -> Values:
    """A loop that the program decides: the names that have arrays are carried."""
    test, body = path(test, line), path(body, line)
    state = tuple(_with_value(test, body, state, names))
    carried = [
        k for k, v in enumerate(state)
        if not isinstance(v, Unset) and _arrays(tree_flatten(v)[0]) is not None
    ]  # fmt: skip

    def full(carry: Sequence[Any]) -> list[Any]:
        values = list(state)
        for k, v in zip(carried, carry):
            values[k] = v
        return values

    def goes_on(carry: Any) -> Any:
        values = full(carry)
        going = _predicate(cnp.asarray(test(*values)))
        return going if flag is None else going & cnp.logical_not(values[flag])

    def advance(carry: Any) -> list[Any]:
        out = body(*full(carry))
        for k, name in enumerate(names):
            if k not in carried and not isinstance(state[k], Unset):
                if out[k] is not state[k]:
                    raise TypeError(
                        f"control_flow='convert': the loop at line {line} changes {name},"
                        f" {state[k]!r}, which is no array; carry arrays through loops"
                        " that the program decides."
                    )
        return [_widened(out[k], v) for k, v in zip(carried, carry)]

    carry = [state[k] for k in carried]
    try:
        found = lax.while_loop(goes_on, advance, _promoted(advance, carry))
    except (TypeError, ValueError) as error:
        shown = ", ".join(names[k] for k in carried)
        error.add_note(
            f"control_flow='convert': in the loop at line {line} over {shown}"
        )
        raise
    result = full(found)
    why = f", as the loop at line {line} may not run"
    return tuple(
        Unset(n, why) if isinstance(v, Unset) else v for n, v in zip(names, result)
    )


def _widened(out: Any, carry: Any) -> Any:
    """What the body gives, in the dtypes of the carry where those hold it."""
    leaves, tree = tree_flatten(out)
    given, given_tree = tree_flatten(carry)
    arrays = _arrays(leaves)
    if arrays is None or tree != given_tree:
        return out
    types = [as_array(x).dtype for x in given]
    return tree_unflatten(
        tree,
        [x.astype(t) if x.dtype != t == cnp.result_type(x, t) else x
         for x, t in zip(arrays, types)],
    )  # fmt: skip


def _promoted(advance: Any, carry: list[Any]) -> list[Any]:
    """The carry in dtypes that hold what the body makes of it."""
    staged = _Staged(lambda: (advance(carry),))
    leaves, tree = tree_flatten(carry)
    if staged.trees[0] is None or staged.trees[0][0] != tree:
        return carry
    types = [(as_array(x), t) for x, t in zip(leaves, staged.types)]
    return tree_unflatten(
        tree,
        [x if x.dtype == t.dtype else x.astype(cnp.result_type(x, t.dtype))
         for x, t in types],
    )  # fmt: skip


def _with_value(test: Any, body: Any, state: Values, names: Any) -> list[Any]:
    """The state, with zeros for a return value that the body sets under a flag."""
    values = list(state)
    unknown = [
        k for k, v in enumerate(values)
        if isinstance(v, Unset) and names[k].startswith(VALUE)
    ]  # fmt: skip
    if unknown:
        staged = _Staged(lambda: body(*values))
        for k in unknown:
            if staged.trees[k] is not None:
                values[k] = _zeros(staged, k)
    return values


__all__ = ["Unset", "called", "changed", "convert", "fresh", "updated"]
