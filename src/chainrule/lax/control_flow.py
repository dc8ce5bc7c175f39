"""lax: branches and loops whose course is decided when they run.

Branches and bodies are staged, so both branches of a `cond` are traced, and a loop's
body once. Reverse mode works through all of them, also through `while_loop` and
`fori_loop` with bounds that are traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..control.bodies import (
    Carry,
    arrays_of,
    check_same_tree,
    paths_of,
    stage_body,
    tree_text,
    widened,
)
from ..control.cond import cond_p
from ..control.programs import united
from ..control.while_loop import while_p
from ..core import dtypes
from ..core.avals import Tracer, as_array, wrap
from ..core.config import options
from ..ops.arithmetic import add_p
from ..ops.elementwise_logic import lt_p, ne_p
from ..ops.elementwise_selection import clamp_p
from ..ops.shaping import convert
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import check_callable, name_of
from .scanning import scan_carrying

_absent = object()

# --- branches ------------------------------------------------------------------------


def cond(
    pred: Any,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
    operand: Any = _absent,
) -> Any:
    """`true_fun(*operands)` where `pred` holds, else `false_fun(*operands)`.

    Args:
        pred: boolean or numeric scalar; a number holds where it is not zero.
        true_fun, false_fun: functions of the operands, with outputs of one structure
            and type. Both are traced, one is run.
        operands: arrays or pytrees of them.
        operand: a single operand, given by name.

    Under `vmap` with a `pred` for each example, both are run and each example selects.

    Raises:
        TypeError: `pred` is no scalar, or the branches' outputs differ in type.

    >>> from chainrule import lax
    >>> float(lax.cond(True, lambda x: x + 1.0, lambda x: x - 1.0, 3.0))
    4.0
    """
    if operand is not _absent:
        operands = (operand,)
    elif len(operands) == 2 and callable(operands[1]) and not callable(true_fun):
        return _cond_of_two(pred, true_fun, false_fun, *operands)
    for what, fun in (("true_fun", true_fun), ("false_fun", false_fun)):
        if not callable(fun):
            raise TypeError(
                f"cond: {what} must be a function; got {fun!r} of type"
                f" {type(fun).__name__}."
            )
    pred = as_array(pred, "cond")
    if pred.shape != () or dtypes.kind(pred.dtype) not in "biufc":
        raise TypeError(
            f"cond: the predicate must be a boolean or numeric scalar; got"
            f" {pred.aval.str_short()}. Use select (or cnp.where) for arrays."
        )
    if pred.dtype != dtypes.bool_:
        pred = ne_p(pred, np.zeros((), pred.dtype))
    if options.disable_jit and not isinstance(pred, Tracer):
        return (true_fun if pred else false_fun)(*operands)
    index = convert(pred, np.dtype(np.int32))
    return _branch("cond", index, (false_fun, true_fun), operands, 1)


def _cond_of_two(pred: Any, x: Any, true_fun: Any, y: Any, false_fun: Any) -> Any:
    """The older form: cond(pred, true_operand, true_fun, false_operand, false_fun)."""
    return cond(pred, lambda x, _: true_fun(x), lambda _, y: false_fun(y), x, y)


def switch(
    index: Any,
    branches: Sequence[Callable[..., Any]],
    *operands: Any,
    operand: Any = _absent,
) -> Any:
    """`branches[index](*operands)`, the index moved into range.

    Args:
        index: integer scalar.
        branches: functions of the operands, with outputs of one structure and type.
        operands, operand: as for `cond`.

    Raises:
        TypeError: the index is no integer scalar, or the outputs differ in type.
        ValueError: there are no branches.

    >>> from chainrule import lax
    >>> float(lax.switch(7, [lambda x: x, lambda x: -x], 3.0))
    -3.0
    """
    if operand is not _absent:
        operands = (operand,)
    if not isinstance(branches, (tuple, list)) or not all(map(callable, branches)):
        raise TypeError(
            f"switch: branches must be a sequence of functions; got {branches!r}."
        )
    index = as_array(index, "switch")
    if index.shape != () or not dtypes.is_integer(index.dtype):
        raise TypeError(
            f"switch: the index must be an integer scalar; got"
            f" {index.aval.str_short()}."
        )
    if not branches:
        raise ValueError("switch: there are no branches; give at least one.")
    if len(branches) == 1:
        return branches[0](*operands)
    last = len(branches) - 1
    if options.disable_jit and not isinstance(index, Tracer):
        return branches[min(max(int(index), 0), last)](*operands)
    return _branch("switch", _clamped(index, last), branches, operands)


def _clamped(index: Any, last: int) -> Any:
    """The index as int32 within range."""
    return convert(clamp_index(index, last), np.dtype(np.int32))


def clamp_index(index: Any, last: int) -> Any:
    """The index moved into 0..last, in its own dtype."""
    info = np.iinfo(index.dtype)
    top = np.asarray(min(last, int(info.max)), index.dtype)
    return clamp_p(np.zeros_like(top), index, top)


def _branch(
    name: str, index: Any, funs: Sequence[Any], operands: Any, model: int = 0
) -> Any:
    """Stages and binds the branches, which must return what number `model` returns."""
    leaves, tree = arrays_of(name, operands)
    avals = [x.aval for x in leaves]
    bodies = [stage_body(f, tree, avals) for f in funs]
    first = bodies[model]
    for fun, body in zip(funs, bodies):
        _check_alike(name, (funs[model], first), (fun, body))
    branches, outer = united([(b.program, b.outer) for b in bodies])
    outs = cond_p(index, *outer, *leaves, branches=branches)
    return tree_unflatten(first.out_tree, outs)


def _check_alike(name: str, one: Any, other: Any) -> None:
    """Raises TypeError unless two branches return the same structure and types."""
    (f, a), (g, b) = one, other
    if a.out_tree != b.out_tree:
        raise TypeError(
            f"{name}: the branches must return one structure; {name_of(f)} returns"
            f" {tree_text(a.out_tree)}, {name_of(g)} returns {tree_text(b.out_tree)}."
        )
    paths = paths_of(a.out_tree, a.program.out_avals)
    wrong = [
        f"output{path} of {name_of(f)} is {x.str_short()}, of {name_of(g)}"
        f" {y.str_short()}"
        for path, x, y in zip(paths, a.program.out_avals, b.program.out_avals)
        if (x.shape, x.dtype) != (y.shape, y.dtype)
    ]
    if wrong:
        raise TypeError(
            f"{name}: the branches must return one type; {'; '.join(wrong)}. Convert"
            " one of them (astype, reshape)."
        )


# --- loops ---------------------------------------------------------------------------


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """Applies `body_fun` to the value as long as `cond_fun` of it holds.

    Args:
        cond_fun: function of the value that returns a boolean scalar.
        body_fun: function of the value that returns one of the same structure and types.
        init_val: array or pytree of arrays to start from.

    Returns:
        The value for which `cond_fun` does not hold.

    Reverse mode works for any number of steps; it runs the steps anew from stored
    values, so memory does not grow with their number under `jit`.

    Raises:
        TypeError: `cond_fun` returns no boolean scalar, or `body_fun` changes the
            structure or a type.

    >>> from chainrule import lax
    >>> float(lax.while_loop(lambda x: x < 10.0, lambda x: 2.0 * x, 1.0))
    16.0
    """
    check_callable("while_loop", cond_fun)
    check_callable("while_loop", body_fun)
    value = init_val
    while options.disable_jit:
        going = cond_fun(value)
        if isinstance(going, Tracer):  # its truth is known when the program runs
            break
        if not going:
            return value
        value = body_fun(value)
    return _while_carrying(Carry("while_loop", "value"), cond_fun, body_fun, value)


def _while_carrying(words: Carry, cond_fun: Any, body_fun: Any, init_val: Any) -> Any:
    """`while_loop`, with these words for what it carries."""
    leaves, tree = arrays_of(words.name, init_val)
    whole = tree_flatten((tree_unflatten(tree, leaves),))[1]
    avals = [x.aval for x in leaves]
    while True:
        body = stage_body(body_fun, whole, avals)
        check_same_tree(words.name, body_fun, "a value", tree, body.out_tree)
        wider = widened(avals, body.program.out_avals)
        if wider == avals:
            break
        avals = wider
    words.check_types(body_fun, tree, avals, body.program.out_avals)
    test = stage_body(cond_fun, whole, avals)
    _check_test(cond_fun, test)
    init = [as_typed(x, a) for x, a in zip(leaves, avals)]
    outs = while_p(
        *test.outer, *body.outer, *init,
        cond_jaxpr=test.program, cond_nconsts=len(test.outer),
        body_jaxpr=body.program, body_nconsts=len(body.outer),
    )  # fmt: skip
    return tree_unflatten(tree, outs)


def as_typed(x: Any, aval: Any) -> Any:
    """`x` converted to the dtype and weak type of an aval."""
    if x.aval == aval:
        return x
    return convert(x, aval.dtype, aval.weak_type)


def _check_test(fun: Any, test: Any) -> None:
    avals = test.program.out_avals
    single = tree_text(test.out_tree) == "an array"
    if not single or (avals[0].shape, avals[0].dtype) != ((), dtypes.bool_):
        found = ", ".join(a.str_short() for a in avals)
        found = found if single or not found else tree_text(test.out_tree)
        raise TypeError(
            f"while_loop: {name_of(fun)} must return a boolean scalar; got"
            f" {found or 'nothing'}."
        )


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: int | bool | None = None,
) -> Any:
    """`body_fun(i, value)` for i from `lower` to `upper` (excluded), value by value.

    Args:
        lower, upper: integer scalars. Where both are known when the program is staged,
            the loop is a `scan`; where one is traced, a `while_loop`.
        body_fun: function of the index and the value, returning the next value. The index
            promotes as a Python integer where both bounds are known or `lower` is one.
        init_val: array or pytree of arrays to start from.
        unroll: accepted, as in `scan`, where both bounds are known.

    Raises:
        TypeError: a bound is no integer, they differ in dtype, or `body_fun` changes
            the value's structure or a type.
        ValueError: `unroll` is given where a bound is traced.

    >>> from chainrule import lax
    >>> int(lax.fori_loop(0, 5, lambda i, total: total + i, 0))
    10
    """
    check_callable("fori_loop", body_fun)
    low, high = _bounds(lower, upper)
    if not (isinstance(low, Tracer) or isinstance(high, Tracer)):
        return _for_known(low, high, body_fun, init_val, unroll)
    if unroll is not None:
        raise ValueError(
            "fori_loop: unroll needs bounds that are known when the program is staged;"
            " drop it, or pass the bounds as Python integers."
        )

    def test(pair: Any) -> Any:
        return lt_p(pair[0], pair[1])

    def step(triple: Any) -> Any:
        i, end, value = triple
        return _following(i), end, advance(i, value)

    advance = _checked(body_fun, init_val)
    step.__name__ = name_of(body_fun)
    words = Carry("fori_loop", "value", "[2]")
    return _while_carrying(words, test, step, (low, high, init_val))[2]


def _checked(body_fun: Any, init_val: Any) -> Any:
    """The body, which raises TypeError where it returns another structure."""
    tree = tree_flatten(init_val)[1]

    def advance(i: Any, value: Any) -> Any:
        out = body_fun(i, value)
        check_same_tree("fori_loop", body_fun, "a value", tree, tree_flatten(out)[1])
        return out

    return advance


def _bounds(lower: Any, upper: Any) -> tuple[Any, Any]:
    """The bounds as integer scalars of one dtype."""
    low, high = as_array(lower, "fori_loop"), as_array(upper, "fori_loop")
    for what, x in (("lower", low), ("upper", high)):
        if x.shape != () or not dtypes.is_integer(x.dtype):
            raise TypeError(
                f"fori_loop: {what} must be an integer scalar; got"
                f" {x.aval.str_short()}. {_instead(x)}"
            )
    if low.dtype != high.dtype:
        if low.weak_type and not high.weak_type:
            low = convert(low, high.dtype)
        elif high.weak_type and not low.weak_type:
            high = convert(high, low.dtype)
        else:
            raise TypeError(
                f"fori_loop: lower and upper must have one dtype; got {low.dtype} and"
                f" {high.dtype}."
            )
    return low, high


def _instead(bound: Any) -> str:
    if bound.shape != ():
        return "Pick one element of it, or map the loop over it with vmap."
    return "Round it and convert it: cnp.floor(x).astype('int32')."


def _following(i: Any) -> Any:
    """The index after `i`, weak where `i` is."""
    return add_p(i, wrap(np.ones((), i.dtype), i.weak_type))


def _known_index(low: Any, high: Any) -> Any:
    """The first index, a Python integer as long as all of them are of its dtype."""
    default = np.iinfo(dtypes.scalar_dtype(0))
    if default.min <= int(low) and int(high) <= default.max:
        return as_array(int(low))
    return low


def _for_known(low: Any, high: Any, body_fun: Any, init_val: Any, unroll: Any) -> Any:
    length = max(int(high) - int(low), 0)
    first = _known_index(low, high)
    if options.disable_jit:
        value = init_val
        for i in range(int(low), int(low) + length):
            value = body_fun(wrap(np.array(i, first.dtype), first.weak_type), value)
        return value

    def step(carry: Any, _: Any) -> Any:
        i, value = carry
        return (_following(i), advance(i, value)), None

    advance = _checked(body_fun, init_val)
    step.__name__ = name_of(body_fun)
    steps = 1 if unroll is None else unroll
    words = Carry("fori_loop", "value", "[1]")
    start = (first, init_val)
    (_, value), _ = scan_carrying(words, step, start, None, length, False, steps)
    return value


__all__ = ["cond", "fori_loop", "switch", "while_loop"]
