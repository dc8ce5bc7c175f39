"""Callbacks: Python functions called from programs, with a value or for its effect.

`pure_callback` calls a function of concrete arrays where NumPy-only code is needed,
`io_callback` one with side effects;
`debug.print` and `debug.callback` show values, also under `jit`, `vmap` and `grad`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, abstract_of, as_array
from ..core.primitive import Missing, Primitive
from ..ops.joining import concatenate_p
from ..ops.structure import batch_to_front, take_row
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.flat import check_callable, name_of

# --- pure_callback ------------------------------------------------------------------


def _no_jvp(primals: Any, tangents: Any, **_: Any) -> Any:
    raise ValueError(
        "pure_callback: a callback cannot be differentiated; give it a derivative with"
        " custom_jvp or custom_vjp."
    )


def _evaluate(*args: Any, callback: Any, avals: Any, name: str, **_: Any) -> list[Any]:
    found = callback(*args)
    for x, aval in zip(found, avals):
        if x.shape != aval.shape:
            raise ValueError(
                f"{name}: {callback.__name__} returned shape {x.shape}; promised"
                f" was {aval.shape}."
            )
    return [as_array(x.astype(a.dtype)) for x, a in zip(found, avals)]


def _batch(
    args: Any, dims: Any, size: int, *, method: Any, avals: Any, **params: Any
) -> Any:
    if method is None:
        raise NotImplementedError(
            "pure_callback: batching needs vmap_method; give 'sequential', 'expand_dims'"
            " or 'broadcast_all'."
        )
    if method.startswith("sequential"):
        rows = []
        for i in range(size):
            row = [x if d is None else take_row(x, d, i) for x, d in zip(args, dims)]
            rows.append(pure_callback_p(*row, method=method, avals=avals, **params))
        return [_stack(column) for column in zip(*rows)], [0] * len(avals)
    if method == "expand_dims":
        full = [
            batch_to_front(x, d, 1 if d is None else size) for x, d in zip(args, dims)
        ]
    else:
        full = [batch_to_front(x, d, size) for x, d in zip(args, dims)]
    wide = tuple(ShapedArray((size, *a.shape), a.dtype) for a in avals)
    outs = pure_callback_p(*full, method=method, avals=wide, **params)
    return outs, [0] * len(avals)


def _stack(rows: Any) -> Any:
    wide = [batch_to_front(r, None, 1) for r in rows]
    return concatenate_p(*wide, dimension=0)


def _callback_primitive(name: str, doc: str, **rules: Any) -> Primitive:
    """A primitive that calls a Python function of concrete arrays."""
    return Primitive(
        name, doc, abstract=lambda *_, avals, **__: avals, evaluate=_evaluate,
        transpose=Missing("a callback is not linear"), multiple_results=True, raw=True,
        **rules,
    )  # fmt: skip


pure_callback_p = _callback_primitive(
    "pure_callback",
    "A Python function of concrete arrays, without side effects.",
    jvp_call=_no_jvp,
    batch=_batch,
)


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """Calls `callback` on concrete arrays, also from within `jit`.

    Args:
        callback: a function without side effects, of arrays or pytrees of them.
        result_shape_dtypes: pytree of ShapeDtypeStructs, what it returns.
        args, kwargs: its arguments.
        vmap_method: how `vmap` maps it: 'sequential' (a call per example),
            'expand_dims' (one call, unmapped arguments get a leading 1), or
            'broadcast_all' (one call, all arguments mapped).
        sharding: accepted.

    Returns:
        The result, as arrays. Raises TypeError or ValueError where its structure,
        shapes or dtypes are not as promised.

    >>> import chainrule as cr, numpy as np
    >>> struct = cr.ShapeDtypeStruct((), "float32")
    >>> float(cr.jit(lambda x: cr.pure_callback(np.sin, struct, x))(0.0))
    0.0
    """
    return _call_back(
        pure_callback_p, callback, result_shape_dtypes, args, kwargs, method=vmap_method
    )


def _call_back(
    prim: Any,
    callback: Any,
    result_shape_dtypes: Any,
    args: Any,
    kwargs: Any,
    **how: Any,
) -> Any:
    """Binds a callback primitive to the leaves of the arguments."""
    name = prim.name
    check_callable(name, callback)
    leaves, tree = tree_flatten((args, kwargs))
    structs, out_tree = tree_flatten(result_shape_dtypes)
    avals = tuple(abstract_of(s, name) for s in structs)

    def flat(*values: Any) -> list[Any]:
        a, k = tree_unflatten(tree, values)
        found, found_tree = tree_flatten(callback(*a, **k))
        if found_tree != out_tree:
            raise TypeError(
                f"{name}: {name_of(callback)} returned structure {found_tree};"
                f" promised was {out_tree}."
            )
        return [np.asarray(x) for x in found]

    flat.__name__ = name_of(callback)
    leaves = [as_array(x, name) for x in leaves]
    outs = prim(*leaves, callback=flat, avals=avals, name=name, **how)
    return tree_unflatten(out_tree, outs)


# --- io_callback --------------------------------------------------------------------


def _io_batch(args: Any, dims: Any, size: int, *, avals: Any, **params: Any) -> Any:
    if params["ordered"]:
        raise ValueError(
            "io_callback: an ordered callback cannot be mapped by vmap, because the order"
            " of the examples is not defined; use ordered=False, or lax.map."
        )
    rows = []
    for i in range(size):
        row = [x if d is None else take_row(x, d, i) for x, d in zip(args, dims)]
        rows.append(io_callback_p(*row, avals=avals, **params))
    return [_stack(column) for column in zip(*rows)], [0] * len(avals)


def _io_jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    if any(t is not None for t in tangents):
        raise ValueError(
            "io_callback: a callback cannot be differentiated; stop the gradient of its"
            " arguments with lax.stop_gradient, or give it a derivative with custom_vjp."
        )
    outs = io_callback_p(*primals, **params)
    return outs, [None] * len(outs)


io_callback_p = _callback_primitive(
    "io_callback",
    "A Python function of concrete arrays, with side effects.",
    jvp_call=_io_jvp,
    batch=_io_batch,
    effects=True,
)


def io_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    ordered: bool = False,
    **kwargs: Any,
) -> Any:
    """Calls `callback`, which may have side effects, when the program runs.

    Unlike a `pure_callback` it is neither left out nor merged with another, and it is
    called once per execution.

    Args:
        callback: a function of arrays or pytrees of them.
        result_shape_dtypes: pytree of ShapeDtypeStructs, what it returns; None for
            nothing.
        ordered: whether calls keep the program's order. Calls always do here; with
            `ordered`, `vmap` raises instead of calling once per example.
        args, kwargs: its arguments.
        sharding: accepted.

    Returns:
        The result, as arrays. Raises TypeError or ValueError where its structure or
        shapes are not as promised, and where it is differentiated.

    >>> import chainrule as cr
    >>> from chainrule.experimental import io_callback
    >>> seen = []
    >>> def record(x):
    ...     seen.append(float(x))
    >>> _ = cr.jit(lambda x: (io_callback(record, None, x, ordered=True), x)[1])(2.0)
    >>> seen
    [2.0]
    """
    return _call_back(
        io_callback_p, callback, result_shape_dtypes, args, kwargs, ordered=ordered
    )


def effects_barrier() -> None:
    """Waits until the effects of all programs that were called have taken place.

    A program's callbacks and prints run within the call that runs it, in the order of
    the program, and errors of theirs are raised by that call: there is nothing to wait
    for. It is here for programs written to wait.

    >>> import chainrule as cr
    >>> cr.jit(lambda x: cr.debug.print("x is {}", x))(2.0)
    x is 2.0
    >>> cr.effects_barrier()
    """


# --- debug callbacks ----------------------------------------------------------------


def _debug_batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    for i in range(size):
        row = [x if d is None else take_row(x, d, i) for x, d in zip(args, dims)]
        debug_callback_p(*row, **params)
    return [], []


def _debug_jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    return debug_callback_p(*primals, **params), []


debug_callback_p = Primitive(
    "debug_callback",
    "A Python function called for its effect.",
    abstract=lambda *_, **__: [],
    evaluate=lambda *args, callback, **_: callback(*args) or [],
    jvp_call=_debug_jvp,
    transpose=Missing("it has no outputs"),
    batch=_debug_batch,
    multiple_results=True,
    raw=True,
    effects=True,
)


def debug_callback(
    callback: Callable[..., Any],
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    **kwargs: Any,
) -> None:
    """Calls `callback` with concrete values when the program runs.

    Under `vmap` it is called once per example; derivatives ignore it.
    """
    check_callable("debug.callback", callback)
    leaves, tree = tree_flatten((args, kwargs))

    def flat(*values: Any) -> None:
        a, k = tree_unflatten(tree, values)
        callback(*a, **k)

    leaves = [as_array(x, "debug.callback") for x in leaves]
    debug_callback_p(*leaves, callback=flat, ordered=ordered)


def debug_print(
    fmt: str,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    _use_logging: bool = False,
    **kwargs: Any,
) -> None:
    """Prints values when the program runs, also under `jit`, `vmap` and `grad`.

    Args:
        fmt: a format string, as for `str.format`, for the arguments.
        ordered: accepted; calls always run in program order.

    Raises TypeError where `fmt` is no string or names arguments that are not given.

    >>> import chainrule as cr
    >>> _ = cr.jit(lambda x: cr.debug.print("x is {}", x) or x)(2.0)
    x is 2.0
    """
    if not isinstance(fmt, str):
        raise TypeError(f"debug.print: the format must be a string; got {fmt!r}.")
    try:
        fmt.format(*[0] * len(args), **dict.fromkeys(kwargs, 0))
    except (IndexError, KeyError) as error:
        raise TypeError(
            f"debug.print: the format {fmt!r} names an argument that is not given:"
            f" {error}."
        ) from None
    except (ValueError, AttributeError) as error:
        if not skip_format_check:
            raise TypeError(
                f"debug.print: the format {fmt!r} cannot be applied: {error}; with"
                " skip_format_check=True it is tried on the values."
            ) from None

    def show(*values: Any, **named: Any) -> None:
        sys.stdout.write(fmt.format(*values, **named) + "\n")

    debug_callback(show, *args, ordered=ordered, **kwargs)
