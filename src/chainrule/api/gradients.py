"""Gradients: grad, value_and_grad, and the products they are made of: jvp, vjp.

Everything here flattens arguments, runs `linearize_flat` or `jvp_flat`, and checks.
The checks come before any computing: which argument, what it is, what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import as_array, aval_of, wrap
from ..core.config import options
from ..ops.shaping import convert
from ..ops.structure import instantiate
from ..runtime._native import begin, tree_flatten, tree_unflatten
from ..runtime._native import gradient as finish
from ..transforms.flat import FlatFun, check_callable, name_of, positions
from ..transforms.jvp import jvp_flat
from ..transforms.linearize import LinearizeTrace, linearize_flat, split
from ..transforms.transpose import pull
from .checks import check_outputs, cotangents, differentiable
from .checks import tangents as tangents_of
from .naming import named


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:
    """The gradient of a scalar-valued function.

    Args:
        fun: function of arrays, numbers or pytrees of them, returning a scalar of
            shape () (or, with `has_aux`, a pair of it and anything else).
        argnums: which positional argument, or arguments, to differentiate for.
        has_aux: whether `fun` returns (output, aux).
        holomorphic: promise that `fun` is holomorphic; arguments must be complex.
        allow_int: integer arguments get a gradient of dtype float0 instead of raising.
        reduce_axes: must be empty: sum over named axes with `lax.psum` instead.

    Returns:
        A function with the arguments of `fun` that returns the gradient, of the shape
        and structure of the argument (a tuple for several `argnums`), or the pair
        (gradient, aux).

    Raises:
        TypeError: the output is no real scalar, or an argument is not differentiable.

    >>> import chainrule as cr
    >>> float(cr.grad(lambda x: x**3)(2.0))
    12.0
    """
    check_callable("grad", fun)
    _check_reduce_axes("grad", reduce_axes)
    rules = (argnums, has_aux, holomorphic, allow_int)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        _, found, aux = _gradient("grad", fun, rules, args, kwargs)
        return (found, aux) if has_aux else found

    return named(gradient, fun)


def _check_reduce_axes(name: str, reduce_axes: Sequence[Any]) -> None:
    if reduce_axes:
        raise NotImplementedError(
            f"{name}: reduce_axes={reduce_axes!r} is not supported; sum the gradient over"
            " named axes with lax.psum."
        )


def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Callable[..., Any]:
    """The value of a scalar-valued function together with its gradient.

    Arguments, checks and errors are those of `grad`. Returns a function that gives
    (value, gradient), or ((value, aux), gradient) with `has_aux`.

    >>> import chainrule as cr
    >>> value, slope = cr.value_and_grad(lambda x: x * x)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    check_callable("value_and_grad", fun)
    _check_reduce_axes("value_and_grad", reduce_axes)
    rules = (argnums, has_aux, holomorphic, allow_int)

    def both(*args: Any, **kwargs: Any) -> Any:
        value, found, aux = _gradient("value_and_grad", fun, rules, args, kwargs)
        return ((value, aux), found) if has_aux else (value, found)

    return named(both, fun)


def _gradient(
    name: str, fun: Any, rules: tuple[Any, ...], args: Any, kwargs: Any
) -> tuple[Any, Any, Any]:
    """The value, the gradient, and the auxiliary output (None without one).

    Where one argument of NumPy's floating-point dtypes is differentiated, its leaves
    become tracers in the runtime (`begin`), and so does the gradient of a scalar.
    """
    argnums, has_aux, holomorphic, allow_int = rules
    tape, begun = LinearizeTrace(), None
    if not (holomorphic or allow_int):
        begun = begin(tape, args, argnums, options.enable_x64)
    if begun is None:
        return _gradient_in_general(name, fun, rules, args, kwargs)
    tree, inputs, duals = begun
    try:
        out = fun(*duals, **kwargs)
    finally:
        tape.alive = False
    found = None if has_aux else finish(tape, tree, inputs, out)
    if found is not None:
        out, cts = found
        if tree == _leaf:
            cts = _typed_as(cts, inputs[0])
        elif any(v.aval.weak_type for v in inputs):
            cts = tree_unflatten(tree, map(_typed_as, tree_flatten(cts)[0], inputs))
        return out, cts, None
    flat = FlatFun(fun, tree, None, has_aux)
    outs, out_vars = split(tape, flat.leaves(out))
    cts = _pull_one(name, flat, outs, tape, inputs, out_vars, holomorphic)
    cts = [_typed_as(instantiate(ct, v.aval), v) for ct, v in zip(cts, inputs)]
    aux = tree_unflatten(flat.aux_tree, outs[1:]) if has_aux else None
    return outs[0], tree_unflatten(tree, cts), aux


def _gradient_in_general(
    name: str, fun: Any, rules: tuple[Any, ...], args: Any, kwargs: Any
) -> tuple[Any, Any, Any]:
    """`_gradient` for any arguments."""
    argnums, has_aux, holomorphic, allow_int = rules
    where = positions(name, argnums, len(args))
    leaves, tree = tree_flatten(tuple([args[i] for i in where]))
    kinds = "c" if holomorphic else "fcbiukV" if allow_int else "fc"
    primals = differentiable(name, fun, args, where, leaves, kinds)
    wanted = [dtypes.is_inexact(p.dtype) for p in primals]
    flat = FlatFun(_at(fun, args, where), tree, kwargs, has_aux)
    outs, tape, inputs, out_vars = linearize_flat(flat, primals, wanted)
    cts = _pull_one(name, flat, outs, tape, inputs, out_vars, holomorphic)
    cts = [_typed_as(instantiate(ct, p.aval), p) for ct, p in zip(cts, primals)]
    found = tree_unflatten(tree, cts)
    aux = tree_unflatten(flat.aux_tree, outs[1:]) if has_aux else None
    return outs[0], found[0] if isinstance(argnums, int) else found, aux


def _typed_as(ct: Any, primal: Any) -> Any:
    """A cotangent that promotes as its primal does: weakly, if that is a number."""
    if primal.aval.weak_type and not getattr(ct, "weak_type", True):
        return convert(ct, ct.dtype, True)
    return ct


def _pull_one(
    name: str,
    flat: FlatFun,
    outs: Sequence[Any],
    tape: Any,
    inputs: Any,
    out_vars: Any,
    holomorphic: bool,
) -> list[Any]:
    """Cotangents of the inputs for 1 at the output, which must be a scalar."""
    if flat.out_tree != _leaf or outs[0].shape != ():
        raise _not_scalar(name, flat, outs)
    y = outs[0]
    check_outputs(name, flat.fun, [y], "c" if holomorphic else "f")
    return pull(tape, inputs, out_vars[:1], (_one(y.aval),))


def _at(fun: Any, args: Sequence[Any], where: Sequence[int]) -> Callable[..., Any]:
    """`fun` as a function of the arguments at positions `where`, others fixed."""
    if len(where) == len(args) and where == tuple(range(len(args))):
        return fun

    def partial(*dynamic: Any, **kwargs: Any) -> Any:
        full = list(args)
        for i, x in zip(where, dynamic):
            full[i] = x
        return fun(*full, **kwargs)

    partial.__name__ = name_of(fun)
    return partial


_ones: dict[Any, Any] = {}


def _one(aval: Any) -> Any:
    found = _ones.get(aval)
    if found is None:
        found = _ones[aval] = wrap(aval.dtype.type(1), aval.weak_type)
    return found


def _not_scalar(name: str, flat: FlatFun, outs: Sequence[Any]) -> TypeError:
    tree = flat.out_tree
    if tree.num_leaves == 1 and tree == _leaf:
        shown = f"shape {outs[0].shape}"
        advice = (
            "Use jacrev or jacfwd for the Jacobian, or reduce the output with .sum()"
        )
    else:
        shown = f"the structure {tree}"
        advice = "Return one scalar; other outputs go into aux with has_aux=True"
    return TypeError(
        f"{name}: the function must return a scalar of shape (); {flat.name} returned"
        f" {shown}. {advice}."
    )


_leaf = tree_flatten(0)[1]


def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """The Jacobian-vector product: value and directional derivative of `fun`.

    Args:
        fun: function of arrays or pytrees of them.
        primals: tuple or list of the arguments at which to differentiate.
        tangents: as many directions, of the same structure, shapes and dtypes
            (float0 zeros for integer primals).
        has_aux: whether `fun` returns (output, aux).

    Returns:
        (output, output tangent), with aux third under `has_aux`.

    Raises:
        TypeError: primals and tangents differ in structure, shape or dtype.

    >>> import chainrule as cr
    >>> y, y_dot = cr.jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> float(y_dot)
    6.0
    """
    check_callable("jvp", fun)
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"jvp: {what} must be a tuple or list; got {type(given).__name__}."
                f" Write ({what[:-1]},) for one argument."
            )
    leaves, tree = tree_flatten(tuple(primals))
    dots, dot_tree = tree_flatten(tuple(tangents))
    if tree != dot_tree:
        raise TypeError(
            "jvp: primals and tangents must have the same structure; got"
            f" {tree} and {dot_tree}."
        )
    leaves = [as_array(x, "jvp") for x in leaves]
    dots = tangents_of("jvp", fun, primals, leaves, dots)
    flat = FlatFun(fun, tree, None, has_aux)
    outs, out_dots = jvp_flat(flat, leaves, dots)
    n = flat.out_tree.num_leaves
    full = [instantiate(t, aval_of(y)) for y, t in zip(outs[:n], out_dots)]
    result = (
        tree_unflatten(flat.out_tree, outs[:n]),
        tree_unflatten(flat.out_tree, full),
    )
    if has_aux:
        return (*result, tree_unflatten(flat.aux_tree, outs[n:]))
    return result


def vjp(
    fun: Callable[..., Any],
    *primals: Any,
    has_aux: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> tuple[Any, ...]:
    """The value of `fun`, and the function that pulls cotangents back.

    Args:
        fun: function of the `primals`, arrays or pytrees of them.
        has_aux: whether `fun` returns (output, aux).

    Returns:
        (output, pullback), with aux third under `has_aux`. `pullback(ct)` takes a
        cotangent of the structure, shapes and dtypes of the output and returns a
        tuple of cotangents, one per primal.

    >>> import chainrule as cr
    >>> y, pullback = cr.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> [float(ct) for ct in pullback(1.0)]
    [3.0, 2.0]
    """
    check_callable("vjp", fun)
    _check_reduce_axes("vjp", reduce_axes)
    leaves, tree = tree_flatten(primals)
    leaves = [as_array(x, "vjp") for x in leaves]
    flat = FlatFun(fun, tree, None, has_aux)
    wanted = [dtypes.is_inexact(p.dtype) for p in leaves]
    outs, tape, inputs, out_vars = linearize_flat(flat, leaves, wanted)
    n = flat.out_tree.num_leaves
    out_avals = [aval_of(y) for y in outs[:n]]
    out_tree = flat.out_tree
    in_avals = [aval_of(p) for p in leaves]

    def pullback(ct: Any) -> Any:
        found, ct_tree = tree_flatten(ct)
        if ct_tree != out_tree:
            raise TypeError(
                f"vjp: the cotangent must have the structure of the output {out_tree};"
                f" got {ct_tree}."
            )
        cts = cotangents("vjp", fun, out_tree, out_avals, found)
        pulled = pull(tape, inputs, out_vars[:n], cts)
        full = [instantiate(c, a) for c, a in zip(pulled, in_avals)]
        return tree_unflatten(tree, list(map(_typed_as, full, leaves)))

    result = (tree_unflatten(out_tree, outs[:n]), pullback)
    if has_aux:
        return (*result, tree_unflatten(flat.aux_tree, outs[n:]))
    return result


def linearize(
    fun: Callable[..., Any], *primals: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """The value of `fun`, and its derivative at `primals` as a linear function.

    The function is evaluated once; the returned function can be applied to many
    tangents at the cost of the linear part only.

    Returns:
        (output, f_jvp), with aux third under `has_aux`. `f_jvp(*tangents)` takes
        tangents of the structure of the primals and returns the output's tangent.

    >>> import chainrule as cr
    >>> y, f_jvp = cr.linearize(lambda x: x * x, 3.0)
    >>> float(f_jvp(2.0))
    12.0
    """
    check_callable("linearize", fun)
    leaves, tree = tree_flatten(primals)
    leaves = [as_array(x, "linearize") for x in leaves]
    flat = FlatFun(fun, tree, None, has_aux)
    wanted = [dtypes.is_inexact(p.dtype) for p in leaves]
    outs, tape, inputs, out_vars = linearize_flat(flat, leaves, wanted)
    out_tree, n = flat.out_tree, flat.out_tree.num_leaves
    out_avals = [aval_of(y) for y in outs[:n]]

    def f_jvp(*tangents: Any) -> Any:
        dots, dot_tree = tree_flatten(tangents)
        if dot_tree != tree:
            raise TypeError(
                "linearize: tangents must have the structure of the primals"
                f" {tree}; got {dot_tree}."
            )
        dots = tangents_of("linearize", fun, primals, leaves, dots)
        pushed = tape.push(inputs, dots, out_vars[:n])
        return tree_unflatten(
            out_tree, [instantiate(t, a) for t, a in zip(pushed, out_avals)]
        )

    result = (tree_unflatten(out_tree, outs[:n]), f_jvp)
    if has_aux:
        return (*result, tree_unflatten(flat.aux_tree, outs[n:]))
    return result
