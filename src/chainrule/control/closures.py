"""Closures made explicit, and the transpose of a linear function.

`closure_convert` turns the traced values that a function closes over into arguments;
`linear_transpose` transposes a function that is linear in its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.avals import abstract_of, as_array
from ..ops.structure import instantiate
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import FlatFun, check_callable, name_of
from ..transforms.stage import stage_closed
from .call import pull_linear, run


def closure_convert(
    fun: Callable[..., Any], *example_args: Any
) -> tuple[Any, list[Any]]:
    """`fun` as a function of its arguments and of the traced values it closes over.

    Args:
        fun: function of arrays or pytrees of them.
        example_args: arguments of the types it will be called with.

    Returns:
        (converted, consts): `converted(*args, *consts)` equals `fun(*args)`; the
        consts are the arrays of outer transformations that `fun` uses.

    >>> import chainrule as cr
    >>> g, consts = cr.closure_convert(lambda x: x + 1.0, 2.0)
    >>> float(g(2.0, *consts))
    3.0
    """
    check_callable("closure_convert", fun)
    leaves, tree = tree_flatten(example_args)
    flat = FlatFun(fun, tree)
    program, outer = stage_closed(
        flat, [abstract_of(x, "closure_convert") for x in leaves], flat.name
    )
    n_args = len(example_args)

    def converted(*args: Any) -> Any:
        given, given_tree = tree_flatten(args[:n_args])
        if given_tree != tree:
            raise TypeError(
                f"closure_convert: {name_of(fun)} was converted for arguments of"
                f" structure {tree}; got {given_tree}."
            )
        outs = run(program, *args[n_args:], *[as_array(x) for x in given])
        return tree_unflatten(flat.out_tree, outs)

    return converted, outer


def linear_transpose(
    fun: Callable[..., Any], *primals: Any, reduce_axes: Any = ()
) -> Callable[..., Any]:
    """The transpose of a function that is linear in all of its arguments.

    Args:
        fun: the linear function.
        primals: arrays or ShapeDtypeStructs of the argument types; not evaluated.

    Returns:
        A function from cotangents of the output to a tuple with one cotangent per
        argument.

    Raises:
        TypeError: arguments or outputs are not floating-point or complex.
        NotImplementedError: `fun` is not linear.

    >>> import chainrule as cr
    >>> f_t = cr.linear_transpose(lambda x: 3.0 * x, 1.0)
    >>> [float(x) for x in f_t(2.0)]
    [6.0]
    """
    check_callable("linear_transpose", fun)
    leaves, tree = tree_flatten(primals)
    avals = [abstract_of(x, "linear_transpose") for x in leaves]
    flat = FlatFun(fun, tree)
    program, outer = stage_closed(flat, avals, flat.name)
    out_tree, out_avals = flat.out_tree, program.out_avals
    for aval in (*avals, *out_avals):
        if aval.dtype.kind not in "fcV":
            raise TypeError(
                "linear_transpose: arguments and outputs must be floating-point or"
                f" complex; got {aval.str_short()}."
            )

    def transposed(ct: Any) -> Any:
        cts, ct_tree = tree_flatten(ct)
        if ct_tree != out_tree:
            raise TypeError(
                f"linear_transpose: the cotangent must have structure {out_tree}; got"
                f" {ct_tree}."
            )
        cts = [as_array(c, "linear_transpose") for c in cts]
        for c, aval in zip(cts, out_avals):
            if (c.shape, c.dtype) != (aval.shape, aval.dtype):
                raise TypeError(
                    f"linear_transpose: the cotangent of {aval.str_short()} must have"
                    f" its shape and dtype; got {c.aval.str_short()}."
                )
        linear = [False] * len(outer) + [True] * len(avals)
        known = [*outer, *(None for _ in avals)]
        pulled = pull_linear(program, known, linear, cts)[len(outer) :]
        found = [instantiate(c, a) for c, a in zip(pulled, avals)]
        return tree_unflatten(tree, found)

    return transposed
