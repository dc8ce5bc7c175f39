"""Derivatives of high order by Taylor mode: jet, derivative, laplacian, hessian_diag.

A function is run once on truncated power series (transforms/taylor.py), which gives all
derivatives along a curve up to order n at a cost that grows with n^2, where nested
forward mode doubles its work with each order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import as_array, aval_of
from ..ops.structure import batch_to_front, instantiate, reshape, scaled_by, sum_rows
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, leaf_name, name_of, positions
from ..transforms.taylor import taylor_flat
from .checks import check_outputs, differentiable
from .checks import tangents as tangents_of
from .gradients import _at
from .jacobians import _basis


def jet(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    series: Sequence[Any],
    factorial_scaled: bool = True,
) -> tuple[Any, Any]:
    """The derivatives of `fun` along a curve, of all orders up to a given one.

    The curve h has h(0) = primals and the derivatives `series` at 0; the result holds
    the derivatives of fun(h(t)) at 0.

    Args:
        fun: function of arrays or pytrees of them.
        primals: tuple or list of the arguments.
        series: for each argument the list of the curve's derivatives of order 1, ...,
            n, of its shape and dtype; for a pytree, such a list for each leaf.
        factorial_scaled: whether series hold derivatives; otherwise they hold the
            coefficients of the power series, derivatives over k!.

    Returns:
        (output, output series), the latter with a list of n arrays for each leaf.

    Raises:
        TypeError: primals or series are no tuples, a coefficient has not the type of
            its argument.
        ValueError: series are missing, or differ in length.

    Source: Griewank and Walther, Evaluating Derivatives, 2008, chapter 13.

    >>> from chainrule.experimental.jet import jet
    >>> import chainrule.numpy as cnp
    >>> y, (dy, ddy) = jet(lambda x: x**3, (2.0,), ([1.0, 0.0],))
    >>> float(y), float(dy), float(ddy)
    (8.0, 12.0, 12.0)
    """
    check_callable("jet", fun)
    leaves, tree, rows = _given(fun, primals, series)
    order = len(rows[0]) if rows else 0
    curves = [
        [x, *(_over_factorial(t, k, factorial_scaled) for k, t in enumerate(row, 1))]
        for x, row in zip(leaves, rows)
    ]
    flat = FlatFun(fun, tree)
    flat.name = name_of(fun)
    found = taylor_flat(flat, curves, order)
    outs = [s[0] for s in found]
    dots = [_explicit(s, factorial_scaled) for s in found]
    return tree_unflatten(flat.out_tree, outs), tree_unflatten(flat.out_tree, dots)


def _given(fun: Any, primals: Any, series: Any) -> tuple[list[Any], Any, list[Any]]:
    """Leaves of the primals, their structure, and the coefficients of each leaf."""
    for what, given in (("primals", primals), ("series", series)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"jet: {what} must be a tuple or list with an entry per argument; got"
                f" {type(given).__name__}."
            )
    if len(primals) != len(series):
        raise ValueError(
            f"jet: primals and series must have an entry per argument; got"
            f" {len(primals)} and {len(series)}."
        )
    leaves, tree = tree_flatten(tuple(primals))
    leaves = [as_array(x, "jet") for x in leaves]
    rows = tree.flatten_up_to(tuple(series), "jet")
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError(
            f"jet: the series of all arguments must have the same length; got lengths"
            f" {', '.join(map(str, lengths))}. Pad with zeros."
        )
    by_order = [tangents_of("jet", fun, primals, leaves, ts) for ts in zip(*rows)]
    return leaves, tree, [list(row) for row in zip(*by_order)] or [[] for _ in leaves]


def _over_factorial(x: Any, k: int, scaled: bool) -> Any:
    return scaled_by(x, 1.0 / math.factorial(k)) if scaled and x is not None else x


def _explicit(series: Sequence[Any], scaled: bool) -> list[Any]:
    """Coefficients 1, ..., n with zeros made explicit, as derivatives if `scaled`."""
    aval = aval_of(series[0])
    found = [instantiate(c, aval) for c in series[1:]]
    if not scaled:
        return found
    return [scaled_by(c, float(math.factorial(k))) for k, c in enumerate(found, 1)]


def derivative(
    fun: Callable[..., Any], order: int = 1, argnum: int = 0, all_orders: bool = False
) -> Callable[..., Any]:
    """The n-th derivative of a function of a scalar, by one run in Taylor mode.

    Args:
        fun: function whose argument `argnum` is a real scalar; its output is any
            pytree of arrays.
        order: n >= 0.
        argnum: the argument to differentiate for.
        all_orders: whether to return all derivatives, of order 0, 1, ..., n.

    Returns:
        A function of the arguments of `fun` that returns the derivative, of the shapes
        of the output, or with `all_orders` the list of n + 1 of them.

    Raises:
        TypeError: the argument is no real scalar, or `order` no integer.
        ValueError: `order` is negative.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> float(cr.derivative(lambda x: x**5, order=4)(2.0))
    240.0
    >>> [float(d) for d in cr.derivative(cnp.exp, order=3, all_orders=True)(0.0)]
    [1.0, 1.0, 1.0, 1.0]
    """
    check_callable("derivative", fun)
    _check_order(order)

    @functools.wraps(fun)
    def derivative_of(*args: Any, **kwargs: Any) -> Any:
        (where,) = positions("derivative", argnum, len(args))
        x = _scalar(fun, args, where)
        tree = tree_flatten((0,))[1]
        flat = FlatFun(_at(fun, args, (where,)), tree, kwargs)
        one = instantiate(None, x.aval) + 1
        row = [x, *([one] if order else []), *[None] * (order - 1)]
        found = taylor_flat(flat, [row], order)
        check_outputs("derivative", fun, [s[0] for s in found], "fc")
        rows = [[s[0], *_explicit(s, True)] for s in found]
        if not all_orders:
            return tree_unflatten(flat.out_tree, [row[order] for row in rows])
        return [
            tree_unflatten(flat.out_tree, [row[k] for row in rows])
            for k in range(order + 1)
        ]

    return derivative_of


def _check_order(order: Any) -> None:
    if not isinstance(order, int):
        raise TypeError(f"derivative: order must be an integer; got {order!r}.")
    if order < 0:
        raise ValueError(f"derivative: order must be 0 or more; got {order}.")


def _scalar(fun: Any, args: Any, where: int) -> Any:
    (x,) = differentiable("derivative", fun, args, (where,), [args[where]], "f")
    if x.shape != ():
        raise TypeError(
            f"derivative: argument {leaf_name(fun, 0, args, None, (where,))} of"
            f" {name_of(fun)} must be a scalar; got {x.aval.str_short()}. Map over arrays"
            " with vmap, or use jacobian or jet."
        )
    return x


def laplacian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The sum of the second derivatives of `fun` for all elements of its argument.

    One batched run in Taylor mode of order two; the Hessian is not formed.

    Args:
        fun: function of arrays or pytrees of them; argument `argnum` must be real.
        argnum: the argument to differentiate for.

    Returns:
        A function of the arguments of `fun`; its result has the shapes of the output.

    Raises TypeError where the argument is not real or the output has no derivative.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> float(cr.laplacian(lambda x: (x**3).sum())(cnp.array([1.0, 2.0])))
    18.0
    """
    check_callable("laplacian", fun)

    @functools.wraps(fun)
    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        _, flat, seconds = _second_derivatives("laplacian", fun, args, argnum, kwargs)
        return tree_unflatten(flat.out_tree, [sum_rows(x) for x in seconds])

    return laplacian_of


def hessian_diag(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The diagonal of the Hessian of a scalar-valued `fun`.

    Arguments and errors are those of `laplacian`; the output must be a scalar. Returns
    a function whose result has the structure and shape of the argument.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> cr.hessian_diag(lambda x: (x**3).sum())(cnp.array([1.0, 2.0])).tolist()
    [6.0, 12.0]
    """
    check_callable("hessian_diag", fun)

    @functools.wraps(fun)
    def diagonal_of(*args: Any, **kwargs: Any) -> Any:
        tree, flat, seconds = _second_derivatives(
            "hessian_diag", fun, args, argnum, kwargs
        )
        if len(seconds) != 1 or aval_of(seconds[0]).ndim != 1:
            shapes = ", ".join(str(aval_of(x).shape[1:]) for x in seconds)
            raise TypeError(
                "hessian_diag: the function must return a scalar of shape ();"
                f" {name_of(fun)} returned {shapes or 'nothing'}. Use laplacian or hessian."
            )
        parts: list[Any] = []
        start = 0
        for aval in _avals(args[argnum]):
            parts.append(reshape(seconds[0][start : start + aval.size], aval.shape))
            start += aval.size
        return tree_unflatten(tree, parts)[0]

    return diagonal_of


def _avals(arg: Any) -> list[Any]:
    return [aval_of(as_array(x)) for x in tree_flatten(arg)[0]]


def _second_derivatives(
    name: str, fun: Any, args: Any, argnum: int, kwargs: Any
) -> tuple[Any, FlatFun, list[Any]]:
    """Second derivatives along each basis vector, in front of the outputs' shapes."""
    where = positions(name, argnum, len(args))
    leaves, tree = tree_flatten((args[where[0]],))
    primals = differentiable(name, fun, args, where, leaves, "f")
    flat = FlatFun(_at(fun, args, where), tree, kwargs)
    avals = [aval_of(p) for p in primals]
    total = sum(a.size for a in avals)

    def along(*directions: Any) -> list[Any]:
        series = [[p, v, None] for p, v in zip(primals, directions)]
        found = taylor_flat(flat, series, 2)
        check_outputs(name, fun, [s[0] for s in found], "f")
        return [instantiate(s[2], aval_of(s[0])) for s in found]

    outs, dims = batch_flat(along, total, _basis(avals), [0] * len(avals))
    rows = [batch_to_front(y, d, total) for y, d in zip(outs, dims)]
    return tree, flat, [scaled_by(y, 2.0) for y in rows]
