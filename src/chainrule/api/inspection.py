"""Looking at programs: make_jaxpr and eval_shape."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core import axis_env as axes
from ..core.avals import ShapeDtypeStruct, abstract_of, aval_of
from ..core.jaxpr import ClosedJaxpr
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import FlatFun, check_callable, name_of
from ..transforms.stage import stage, stage_closed


def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Any = None,
    return_shape: bool = False,
) -> Callable[..., Any]:
    """A function that returns the program of `fun` at its arguments' types.

    Args:
        fun: function of arrays or pytrees of them.
        static_argnums: positions of arguments that are not traced.
        axis_env: (name, size) pairs of axes to take as bound.
        return_shape: whether to return also the output's ShapeDtypeStructs.

    Returns:
        A function of the arguments of `fun` (arrays, numbers or ShapeDtypeStructs)
        that returns a ClosedJaxpr.

    >>> import chainrule as cr
    >>> cr.make_jaxpr(lambda x: x * 2)(3.0)
    { lambda ; a:f32[]. let
        b:f32[] = mul a 2.0:f32[]
      in (b,) }
    """
    check_callable("make_jaxpr", fun)
    static = (static_argnums,) if isinstance(static_argnums, int) else static_argnums

    @functools.wraps(fun)
    def program_of(*args: Any, **kwargs: Any) -> Any:
        fixed = {i % len(args): args[i] for i in static}

        def whole(given: Any, named: Any) -> Any:
            rest = iter(given)
            full = [fixed[i] if i in fixed else next(rest) for i in range(len(args))]
            return fun(*full, **named)

        traced = [a for i, a in enumerate(args) if i not in fixed]
        leaves, tree = tree_flatten((traced, kwargs))
        flat = FlatFun(whole, tree)
        flat.name = name_of(fun)
        avals = [abstract_of(x, "make_jaxpr") for x in leaves]
        with bound_axes(axis_env):
            jaxpr, consts = stage(flat, avals, flat.name)
        closed = ClosedJaxpr(jaxpr, consts)
        if not return_shape:
            return closed
        shapes = [_struct(a) for a in closed.out_avals]
        return closed, tree_unflatten(flat.out_tree, shapes)

    return program_of


@contextlib.contextmanager
def bound_axes(pairs: Any) -> Iterator[None]:
    """A context in which the axes (name, size) are bound, without a trace."""
    with contextlib.ExitStack() as stack:
        for name, size in pairs or ():
            stack.enter_context(axes.bind_axis(name, size, None))
        yield


def _struct(aval: Any) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes that `fun` would return, without computing anything.

    Arguments may be arrays, numbers, or ShapeDtypeStructs. Returns ShapeDtypeStructs
    in the structure of the output.

    >>> import chainrule as cr
    >>> cr.eval_shape(lambda x: x * 2, cr.ShapeDtypeStruct((2, 3), "float32"))
    ShapeDtypeStruct(shape=(2, 3), dtype=float32)
    """
    check_callable("eval_shape", fun)
    leaves, tree = tree_flatten((args, kwargs))
    flat = FlatFun(lambda a, k: fun(*a, **k), tree)
    flat.name = name_of(fun)
    program, _ = stage_closed(
        flat, [abstract_of(x, "eval_shape") for x in leaves], flat.name
    )
    return tree_unflatten(flat.out_tree, [_struct(a) for a in program.out_avals])


def typeof(x: Any) -> Any:
    """The type (shape, dtype, weak type) of an array or number.

    >>> import chainrule as cr
    >>> cr.typeof(1.0)
    ShapedArray(float32[], weak_type=True)
    """
    return aval_of(x)
