"""Jacobians and Hessians that choose their mode: jacobian, hessian, and with the value.

The function runs once, linearized; jacobian_modes.py then finds from the tape whether
its columns, its rows, or two factors around a narrow place are cheapest. `mode` takes
the choice away. Results are those of `jacfwd` and `jacrev`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import dtypes
from ..core.avals import aval_of
from ..ops.matrices import matmul
from ..ops.structure import batch_to_front, instantiate, move_dim, reshape
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, name_of, positions
from ..transforms.linearize import linearize_flat
from ..transforms.transpose import pull
from .checks import check_outputs, differentiable
from .gradients import _at, value_and_grad
from .jacobian_modes import Choice, choose, note, section, spans
from .jacobians import _basis, _one_or_all, _split

MODES = ("auto", "forward", "reverse", "mixed")


@dataclass(frozen=True, slots=True)
class Linearized:
    """A function at a point: its tape with the variables and types of both ends."""

    tape: Any
    inputs: Sequence[Any]
    outs: Sequence[Any]
    in_avals: Sequence[Any]
    out_avals: Sequence[Any]

    def push(self, variables: Sequence[Any]) -> list[Any]:
        """Output tangents for the basis of `variables`, which come first."""
        avals = [v.aval for v in variables]
        total = sum(a.size for a in avals)

        def along(*tangents: Any) -> list[Any]:
            pushed = self.tape.push(variables, tangents, self.outs)
            return [instantiate(t, a) for t, a in zip(pushed, self.out_avals)]

        found, dims = batch_flat(along, total, _basis(avals), [0] * len(avals))
        return [batch_to_front(y, d, total) for y, d in zip(found, dims)]

    def pull(self, variables: Sequence[Any], avals: Sequence[Any]) -> list[Any]:
        """Input cotangents for the basis of `variables`, which come first."""
        total = sum(a.size for a in avals)

        def back(*cts: Any) -> list[Any]:
            pulled = pull(self.tape, self.inputs, variables, cts)
            return [instantiate(c, a) for c, a in zip(pulled, self.in_avals)]

        found, dims = batch_flat(back, total, _basis(avals), [0] * len(avals))
        return [batch_to_front(x, d, total) for x, d in zip(found, dims)]

    def forward(self) -> list[Any]:
        """The blocks of the Jacobian, by output and input, from its columns."""
        columns = self.push(self.inputs)
        moved = [move_dim(c, 0, aval_of(c).ndim - 1) for c in columns]
        return [_split(c, self.in_avals, -1) for c in moved]

    def reverse(self) -> list[Any]:
        """The blocks of the Jacobian from its rows."""
        rows = self.pull(self.outs, self.out_avals)
        blocks = [_split(row, self.out_avals, 0) for row in rows]
        return [list(row) for row in zip(*blocks)]

    def mixed(self, position: int) -> list[Any]:
        """The blocks of the Jacobian as products of factors before and after a cut."""
        alive = spans(self.tape, self.inputs, self.outs)
        cut = [s.variable for s in alive if s.start <= position <= s.stop]
        with section(self.tape, 0, position):
            rows = self.pull(cut, [v.aval for v in cut])
        with section(self.tape, position, None):
            columns = self.push(cut)
        width = sum(v.aval.size for v in cut)
        wide = [reshape(r, (width, a.size)) for r, a in zip(rows, self.in_avals)]
        return [
            [
                reshape(matmul(tall, w), (*out.shape, *a.shape))
                for w, a in zip(wide, self.in_avals)
            ]
            for out, tall in zip(self.out_avals, self._tall(columns, width))
        ]

    def _tall(self, columns: Sequence[Any], width: int) -> list[Any]:
        moved = [move_dim(c, 0, aval_of(c).ndim - 1) for c in columns]
        return [reshape(c, (a.size, width)) for c, a in zip(moved, self.out_avals)]


def _chosen(run: Linearized, mode: str) -> Choice:
    n, m = (sum(a.size for a in avals) for avals in (run.in_avals, run.out_avals))
    if any(v is None for v in run.inputs):
        return Choice("reverse", n, m)  # integer inputs have cotangents, no tangents
    if mode in ("forward", "reverse"):
        return Choice(mode, n, m)
    return choose(run.tape, run.inputs, run.outs, n, m, mode == "mixed")


def _jacobian(
    name: str, fun: Any, rules: tuple[Any, ...], args: Any, kwargs: Any, part: str = ""
) -> tuple[Any, Any, Any]:
    """The value, the Jacobian, and the auxiliary output (None without one)."""
    argnums, has_aux, holomorphic, allow_int, mode = rules
    where = positions(name, argnums, len(args))
    leaves, tree = tree_flatten([args[i] for i in where])
    kinds = "c" if holomorphic else "fbiukV" if allow_int else "f"
    primals = differentiable(name, fun, args, where, leaves, kinds)
    flat = FlatFun(_at(fun, args, where), tree, kwargs, has_aux)
    wanted = [dtypes.is_inexact(p.dtype) for p in primals]
    outs, tape, inputs, out_vars = linearize_flat(flat, primals, wanted)
    n = flat.out_tree.num_leaves
    check_outputs(name, fun, outs[:n], "c" if holomorphic else "f")
    run = Linearized(
        tape, inputs, out_vars[:n], [aval_of(p) for p in primals],
        [aval_of(y) for y in outs[:n]],
    )  # fmt: skip
    choice = _chosen(run, mode)
    note(f"{name} of {name_of(fun)}{part}", choice)
    if choice.mode == "mixed":
        blocks = run.mixed(choice.position)
    else:
        blocks = run.forward() if choice.mode == "forward" else run.reverse()
    found = [_one_or_all(tree, row, argnums) for row in blocks]
    aux = tree_unflatten(flat.aux_tree, outs[n:]) if has_aux else None
    value = tree_unflatten(flat.out_tree, outs[:n])
    return value, tree_unflatten(flat.out_tree, found), aux


def _check_mode(name: str, fun: Any, mode: str) -> None:
    check_callable(name, fun)
    if mode not in MODES:
        raise ValueError(
            f"{name}: there is no mode {mode!r}; use {', '.join(map(repr, MODES))}."
        )


def jacobian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    mode: str = "auto",
) -> Callable[..., Any]:
    """The Jacobian of `fun`, in the mode that is cheapest for its shapes.

    Forward where there are no more inputs than outputs, otherwise reverse; where fewer
    values than both connect them, the product of two factors. `explain` of the result
    says which was chosen.

    Args:
        fun, argnums, has_aux, holomorphic, allow_int: as for `jacrev`.
        mode: 'forward', 'reverse' or 'mixed' to have that, instead of 'auto'.

    Returns:
        A function giving, for each output leaf, the structure of the argument with
        leaves of shape output.shape + input.shape; with `has_aux`, (Jacobian, aux).

    Raises:
        TypeError: an argument or output is not real (see `holomorphic`).
        ValueError: there is no such mode.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.jacobian(lambda x: x**2)(cnp.array([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    _check_mode("jacobian", fun, mode)
    rules = (argnums, has_aux, holomorphic, allow_int, mode)

    @functools.wraps(fun)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        _, found, aux = _jacobian("jacobian", fun, rules, args, kwargs)
        return (found, aux) if has_aux else found

    return jacobian_of


def value_and_jacobian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    mode: str = "auto",
) -> Callable[..., Any]:
    """The value of `fun` together with its Jacobian; `fun` runs once.

    Arguments and errors are those of `jacobian`. Returns a function that gives
    (value, Jacobian), or ((value, aux), Jacobian) with `has_aux`.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> value, matrix = cr.value_and_jacobian(lambda x: x**2)(cnp.array([1.0, 2.0]))
    >>> value.tolist(), matrix.tolist()
    ([1.0, 4.0], [[2.0, 0.0], [0.0, 4.0]])
    """
    _check_mode("value_and_jacobian", fun, mode)
    rules = (argnums, has_aux, holomorphic, allow_int, mode)

    @functools.wraps(fun)
    def both(*args: Any, **kwargs: Any) -> Any:
        value, found, aux = _jacobian("value_and_jacobian", fun, rules, args, kwargs)
        return ((value, aux) if has_aux else value), found

    return both


def hessian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    mode: str = "auto",
) -> Callable[..., Any]:
    """The Hessian of `fun`: the Jacobian of its Jacobian, each in its cheapest mode.

    For a scalar function of n elements that is forward mode over reverse mode.
    Arguments and errors are those of `jacobian`. For a scalar function of x, returns
    the array of second derivatives of shape x.shape + x.shape.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.hessian(lambda x: (x**3).sum())(cnp.array([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    _check_mode("hessian", fun, mode)
    first = (argnums, has_aux, holomorphic, False, "auto")
    second = (argnums, has_aux, holomorphic, False, mode)

    @functools.wraps(fun)
    def slope(*args: Any, **kwargs: Any) -> Any:
        _, found, aux = _jacobian("hessian", fun, first, args, kwargs, ", inside")
        return (found, aux) if has_aux else found

    @functools.wraps(fun)
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        _, found, aux = _jacobian("hessian", slope, second, args, kwargs)
        return (found, aux) if has_aux else found

    return hessian_of


def value_grad_and_hessian(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
) -> Callable[..., Any]:
    """Value, gradient and Hessian of a scalar-valued function; `fun` runs once.

    Arguments and errors are those of `grad`. Returns a function that gives (value,
    gradient, Hessian), with (value, aux) in the value's place under `has_aux`. The
    gradient is taken in reverse mode, around it the cheapest; `explain` says both.

    >>> import chainrule as cr
    >>> value, slope, curvature = cr.value_grad_and_hessian(lambda x: x**3)(2.0)
    >>> float(value), float(slope), float(curvature)
    (8.0, 12.0, 12.0)
    """
    name = "value_grad_and_hessian"
    check_callable(name, fun)
    first = value_and_grad(fun, argnums, has_aux)

    @functools.wraps(fun)
    def slope(*args: Any, **kwargs: Any) -> Any:
        value, found = first(*args, **kwargs)
        size = sum(aval_of(x).size for x in tree_flatten(found)[0])
        note(f"{name} of {name_of(fun)}, inside", Choice("reverse", size, 1))
        return found, (value, found)

    @functools.wraps(fun)
    def all_three(*args: Any, **kwargs: Any) -> Any:
        rules = (argnums, True, False, False, "auto")
        _, found, (value, gradient) = _jacobian(name, slope, rules, args, kwargs)
        return value, gradient, found

    return all_three
