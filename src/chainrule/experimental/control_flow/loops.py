"""Loops: over known values as Python, else as `lax.while_loop`.

A loop that the program decides carries the names that hold arrays, in dtypes that the
body keeps; `break` is a flag among them. A loop over known items of which a traced
value decides the end goes on through all of them, each under that flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import lax
from ... import numpy as cnp
from ...core import errors
from ...core.avals import Array, Tracer, as_array
from ...core.config import config
from ...runtime._native import tree_flatten, tree_unflatten
from .branches import Staged, arrays_of, branch, zeros_like
from .changes import path
from .operators import check, known
from .rewriting import DONE, VALUE
from .values import Unset, Values, predicate, traced, values


def while_loop(
    test: Any, body: Any, thunks: Any, names: Any, stop: str | None, line: int
) -> Values:
    """`while test: body`, with `stop` the name of the flag that break sets."""
    state = values(thunks, names)
    flag = names.index(stop) if stop else None
    while True:
        if flag is not None and traced(state[flag]):
            return _traced_loop(test, body, state, names, flag, line)
        if flag is not None and state[flag]:
            return state
        goes_on = test(*state)
        if traced(goes_on):
            return _traced_loop(test, body, state, names, flag, line)
        if not goes_on:
            return state
        state = body(*state)


def for_range(
    kind: Any, bounds: Any, body: Any, thunks: Any, names: Any, stop: Any, line: int
) -> Values:
    """`for i in range(*bounds): body`; `i` is the first of the names."""
    if kind is not range:  # another function of that name
        step = lambda i, _, *rest: body(i, *rest)
        return for_each(kind(*bounds), step, thunks, names, stop, line)
    state = values(thunks, names)
    flag = names.index(stop) if stop else None
    if any(_unknown(b) for b in bounds):
        return _traced_range(_bounds(bounds), body, state, names, flag, line)
    steps = range(*bounds)
    for k, i in enumerate(steps):
        if flag is not None and traced(state[flag]):
            rest = steps.start + k * steps.step, steps.stop, steps.step
            return _traced_range(rest, body, state, names, flag, line)
        if flag is not None and state[flag]:
            return state
        state = body(i, *state[1:])
    return state


def for_each(
    items: Any, body: Any, thunks: Any, names: Any, stop: str | None, line: int
) -> Values:
    """`for item in items: body`, a function of the item and the names."""
    state = values(thunks, names)
    flag = names.index(stop) if stop else None
    for item in items:
        if flag is not None and traced(state[flag]):
            if not (hasattr(items, "__len__") or isinstance(items, _FINITE)):
                known(
                    state[flag], line, f"it is over {type(items).__name__!r}, which may"
                    " not end; loop over a list, range, zip or enumerate of such"
                )  # fmt: skip
            given = [lambda v=v: v for v in state]
            step = _going_on(lambda *s, item=item: body(item, *s), names)
            keep = lambda *s: s
            state = branch(state[flag], keep, step, given, names, line)
            continue
        if flag is not None and state[flag]:
            return state
        state = body(item, *state)
    return state


_FINITE = (zip, enumerate, reversed)


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


def _bound(x: Any, line: int) -> Any:
    """A bound of a range, in a type that holds what is counted."""
    x = cnp.asarray(x)
    if x.shape != () or x.dtype.kind not in "biu":
        raise TypeError(
            f"control_flow='convert': range at line {line} takes integers; got"
            f" {x.aval.str_short()}. Convert it: x.astype('int32')."
        )
    if x.dtype.kind == "i" and x.dtype.itemsize >= 4:
        return x
    return x.astype("int64" if x.dtype == "uint32" and config.enable_x64 else "int32")


def _traced_range(
    bounds: Any, body: Any, state: Values, names: Any, flag: Any, line: int
) -> Values:
    first, last, step = (_bound(b, line) for b in bounds)
    up = None if _unknown(step) else int(step) > 0
    if up is None:
        check(step != 0, lambda: "range() arg 3 must not be zero")
    elif not int(step):
        raise ValueError("range() arg 3 must not be zero")
    state = (_as_counter(state[0], names[0], line), *state[1:])

    def goes_on(i: Any, *_: Any) -> Any:
        if up is not None:
            return i < last if up else i > last
        return cnp.where(step > 0, i < last, (i > last) & (step < 0))

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


def _going_on(body: Any, names: Any) -> Any:
    """A body that knows that no return has been taken: there would be no further step."""
    returns = [name.startswith(DONE) for name in names]

    def step(*state: Any) -> Values:
        return body(*[False if done else v for done, v in zip(returns, state)])

    return step


_unkeyed = object()
"""What makes a body be staged each time: its cells hold what is being staged."""


def _traced_loop(
    test: Any, body: Any, state: Values, names: Any, flag: Any, line: int
) -> Values:
    """A loop that the program decides: the names that have arrays are carried."""
    test, body = path(test, line), path(_going_on(body, names), line)
    staged, given = _studied(body, state, names)
    state = tuple(
        zeros_like(staged, k)
        if isinstance(v, Unset) and names[k].startswith(VALUE) and staged.trees[k]
        else v
        for k, v in enumerate(state)
    )
    carried = [
        k for k, v in enumerate(state)
        if not isinstance(v, Unset) and arrays_of(tree_flatten(v)[0]) is not None
        and staged.kept[k] is not given[k]
    ]  # fmt: skip

    def full(carry: Sequence[Any]) -> list[Any]:
        values = list(state)
        for k, v in zip(carried, carry):
            values[k] = v
        return values

    def goes_on(carry: Any, _: Any = _unkeyed) -> Any:
        values = full(carry)
        going = predicate(cnp.asarray(test(*values)))
        return going if flag is None else going & cnp.logical_not(values[flag])

    def advance(carry: Any, _: Any = _unkeyed) -> list[Any]:
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
        made = _types_of(staged, carry, carried)
        found = lax.while_loop(goes_on, advance, _promoted(advance, carry, made))
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
    arrays = arrays_of(leaves)
    if arrays is None or tree != given_tree:
        return out
    types = [as_array(x).dtype for x in given]
    return tree_unflatten(
        tree,
        [x.astype(t) if x.dtype != t == cnp.result_type(x, t) else x
         for x, t in zip(arrays, types)],
    )  # fmt: skip


def _unknown_as(value: Any) -> Any:
    """A value of the same types that is not known while a program is staged."""
    leaves, tree = tree_flatten(value)
    return tree_unflatten(tree, lax.optimization_barrier([as_array(x) for x in leaves]))


def _studied(body: Any, state: Values, names: Any) -> tuple[Staged, list[Any]]:
    """The body staged once, of values that are not known; and these values."""
    given = [
        False if name.startswith(DONE)
        else v if arrays_of(tree_flatten(v)[0]) is None else _unknown_as(v)
        for name, v in zip(names, state)
    ]  # fmt: skip
    return Staged(lambda: body(*given)), given


def _promoted(advance: Any, carry: list[Any], made: list[Any]) -> list[Any]:
    """The carry in dtypes that hold what the body makes of it, step after step; `made`
    are the types after the first."""
    leaves, tree = tree_flatten(carry)
    while len(made) == len(leaves):
        pairs = [(as_array(x), t.dtype) for x, t in zip(leaves, made)]
        leaves = [
            x if x.dtype == t else x.astype(cnp.result_type(x, t)) for x, t in pairs
        ]
        if all(x.dtype == y.dtype for x, (y, _) in zip(leaves, pairs)):
            return tree_unflatten(tree, leaves)
        given = tree_unflatten(tree, leaves)
        staged = Staged(lambda given=given: (advance(_unknown_as(given)),))
        if staged.trees[0] is None or staged.trees[0][0] != tree:
            break
        made = staged.types
    return carry


def _types_of(
    staged: Staged, carry: Sequence[Any], carried: Sequence[int]
) -> list[Any]:
    """The types of what is carried after one step; none where the structures differ."""
    found: list[Any] = []
    for k, v in zip(carried, carry):
        made = staged.trees[k]
        if made is None or made[0] != tree_flatten(v)[1]:
            return []
        found += staged.avals(k)
    return found
