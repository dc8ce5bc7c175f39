"""Jacobians and Hessians: a basis of tangents or cotangents, pushed or pulled at once.

`jacfwd` pushes the standard basis of the inputs forward, `jacrev` pulls the basis of
the outputs back; both vectorise over the basis with batching, so the function itself
runs once. A leaf of the result has the output's shape followed by the input's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..ops.structure import batch_to_front, instantiate, move_dim, reshape, slice_rows
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, positions
from ..transforms.jvp import jvp_flat
from ..transforms.linearize import linearize_flat
from ..transforms.transpose import pull
from .checks import check_outputs, differentiable
from .gradients import _at, grad
from .gradients import jvp as jvp_of


def _basis(avals: Sequence[Any]) -> list[Any]:
    """Per aval, its part of the standard basis: shape (total size, *aval.shape)."""
    total = sum(a.size for a in avals)
    parts: list[Any] = []
    start = 0
    for a in avals:
        part = np.zeros((total, a.size), a.dtype)
        part[np.arange(start, start + a.size), np.arange(a.size)] = 1
        parts.append(wrap(part.reshape(total, *a.shape), a.weak_type))
        start += a.size
    return parts


def jacfwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of `fun`, column by column, in forward mode.

    Fast where there are more outputs than inputs. Arguments as for `grad`; the output
    may be any pytree of arrays.

    Returns:
        A function giving, for each output leaf, the structure of the argument with
        leaves of shape output.shape + input.shape; with `has_aux`, (Jacobian, aux).

    Raises:
        TypeError: an argument is not real (see `holomorphic`).

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.jacfwd(lambda x: x**2)(cnp.array([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    check_callable("jacfwd", fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        where = positions("jacfwd", argnums, len(args))
        leaves, tree = tree_flatten([args[i] for i in where])
        kinds = "c" if holomorphic else "f"
        primals = differentiable("jacfwd", fun, args, where, leaves, kinds)
        flat = FlatFun(_at(fun, args, where), tree, kwargs, has_aux)
        avals = [aval_of(p) for p in primals]
        total = sum(a.size for a in avals)

        def push(*tangents: Any) -> list[Any]:
            outs, dots = jvp_flat(flat, primals, tangents)
            n = flat.out_tree.num_leaves
            return [instantiate(t, aval_of(y)) for y, t in zip(outs[:n], dots)] + outs[
                n:
            ]

        pushed, dims = batch_flat(push, total, _basis(avals), [0] * len(avals))
        n = flat.out_tree.num_leaves
        check_outputs("jacfwd", fun, pushed[:n], "c" if holomorphic else "fbiuV")
        columns = [batch_to_front(y, d, total) for y, d in zip(pushed[:n], dims)]
        rows = [_split(move_dim(c, 0, aval_of(c).ndim - 1), avals, -1) for c in columns]
        found = tree_unflatten(
            flat.out_tree, [_one_or_all(tree, row, argnums) for row in rows]
        )
        if has_aux:
            return found, tree_unflatten(flat.aux_tree, pushed[n:])
        return found

    return jacobian_of


def jacrev(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of `fun`, row by row, in reverse mode.

    Fast where there are more inputs than outputs. Arguments, result and errors are
    those of `jacfwd`; `allow_int` admits integer inputs.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.jacrev(lambda x: x**2)(cnp.array([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    check_callable("jacrev", fun)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        where = positions("jacrev", argnums, len(args))
        leaves, tree = tree_flatten([args[i] for i in where])
        kinds = "c" if holomorphic else "fbiukV" if allow_int else "f"
        primals = differentiable("jacrev", fun, args, where, leaves, kinds)
        flat = FlatFun(_at(fun, args, where), tree, kwargs, has_aux)
        wanted = [dtypes.is_inexact(p.dtype) for p in primals]
        outs, tape, inputs, out_vars = linearize_flat(flat, primals, wanted)
        n = flat.out_tree.num_leaves
        check_outputs("jacrev", fun, outs[:n], "c" if holomorphic else "f")
        avals = [aval_of(y) for y in outs[:n]]
        total = sum(a.size for a in avals)
        in_avals = [aval_of(p) for p in primals]

        def pullback(*cts: Any) -> list[Any]:
            pulled = pull(tape, inputs, out_vars[:n], cts)
            return [instantiate(c, a) for c, a in zip(pulled, in_avals)]

        pulled, dims = batch_flat(pullback, total, _basis(avals), [0] * len(avals))
        rows = [batch_to_front(x, d, total) for x, d in zip(pulled, dims)]
        blocks = [_split(row, avals, 0) for row in rows]
        found = tree_unflatten(
            flat.out_tree,
            [_one_or_all(tree, list(b), argnums) for b in zip(*blocks)],
        )
        if has_aux:
            return found, tree_unflatten(flat.aux_tree, outs[n:])
        return found

    return jacobian_of


def _split(x: Any, avals: Sequence[Any], axis: int) -> list[Any]:
    """Cuts the basis dimension (first or last) into one block per aval, reshaped."""
    found: list[Any] = []
    start = 0
    shape = aval_of(x).shape
    for a in avals:
        block = slice_rows(x, start, start + a.size, axis % len(shape))
        rest = shape[:-1] if axis == -1 else shape[1:]
        full = (*rest, *a.shape) if axis == -1 else (*a.shape, *rest)
        found.append(reshape(block, full))
        start += a.size
    return found


def _one_or_all(tree: Any, leaves: Sequence[Any], argnums: Any) -> Any:
    found = tree_unflatten(tree, leaves)
    return found[0] if isinstance(argnums, int) else tuple(found)


def hvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> Any:
    """The Hessian of scalar-valued `fun` times a vector, without forming the Hessian.

    Forward mode over reverse mode: the cost is a few evaluations of `fun`.

    Args:
        fun: function of `primals`, returning a scalar.
        primals, tangents: tuples of arguments and directions, as for `jvp`.

    Returns:
        The product, of the structure of the arguments (of the argument for one).

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> x = cnp.array([1.0, 2.0])
    >>> cr.hvp(lambda x: (x**3).sum(), (x,), (cnp.ones(2),)).tolist()
    [6.0, 12.0]
    """
    argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp_of(grad(fun, argnums), primals, tangents)[1]
