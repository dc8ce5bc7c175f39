"""custom_jvp and custom_vjp: functions that come with their own derivative.

The function and its rule are kept as flat callables in a call primitive; under
staging the function becomes a program and the rule stays a callable. Differentiation
then uses the rule and never looks inside; batching maps function and rule alike.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import as_array, aval_of, tangent_aval
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..ops.absorbing import absorbing_if_chosen
from ..ops.structure import add_tangents, batch_to_front, instantiate
from ..runtime._native import tree_flatten, tree_unflatten
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, kind_of, name_of, positions
from ..transforms.stage import stage_closed
from .call import run


def _call(fun: Any, *args: Any) -> list[Any]:
    return run(fun, *args) if isinstance(fun, ClosedJaxpr) else fun(*args)


def _stage_call(trace: Any, prim: Any, args: Any, params: dict[str, Any]) -> Any:
    """Stages the function; arrays of outer traces it closes over become operands."""
    fun = params["fun"]
    if isinstance(fun, ClosedJaxpr):
        return trace.record(prim, args, params)
    closed, outer = stage_closed(fun, [aval_of(x) for x in args], params["name"])
    consts = params["consts"] + len(outer)
    staged = {**params, "fun": closed, "consts": consts}
    return trace.record(prim, (*outer, *args), staged)


def _batched(fun: Any, trace: Any, dims: Sequence[Any]) -> Callable[..., list[Any]]:
    """`fun` mapped over `dims`, every output with its batch dim in front."""

    def mapped(*args: Any) -> list[Any]:
        outs, found = batch_flat(
            functools.partial(_call, fun), trace.size, args, dims, trace.axis_name
        )
        return [batch_to_front(x, d, trace.size) for x, d in zip(outs, found)]

    return mapped


# --- custom_jvp --------------------------------------------------------------------


def _jvp_call(
    primals: Any, tangents: Any, *, fun: Any, rule: Any, **params: Any
) -> Any:
    n = params["consts"]
    for t in tangents[:n]:
        if t is not None:
            raise _closes_over(params["name"], "custom_jvp")
    return rule(primals[n:], tangents[n:])


def _closes_over(name: str, kind: str) -> TypeError:
    return TypeError(
        f"{kind}: {name} closes over a value that is being differentiated; pass that"
        " value as an argument of the function."
    )


def batched_rule(rule: Any, trace: Any, dims: Sequence[Any]) -> Any:
    """A forward rule mapped over `dims`, with every output's batch dim in front."""

    def mapped_rule(primals: Any, tangents: Any) -> Any:
        n, given = len(primals), [i for i, t in enumerate(tangents) if t is not None]
        some: list[bool] = []

        def flat(*values: Any) -> list[Any]:
            dots: list[Any] = [None] * n
            for i, t in zip(given, values[n:]):
                dots[i] = t
            outs, out_dots = rule(list(values[:n]), dots)
            some[:] = [t is not None for t in out_dots]
            return [*outs, *(t for t in out_dots if t is not None)]

        both = [*dims, *(dims[i] for i in given)]
        found = _batched(flat, trace, both)(*primals, *(tangents[i] for i in given))
        rest = iter(found[len(some) :])
        return found[: len(some)], [next(rest) if s else None for s in some]

    return mapped_rule


def _jvp_batch(
    trace: Any, args: Any, dims: Any, *, fun: Any, rule: Any, **params: Any
) -> Any:
    n = params["consts"]
    mapped = _batched(fun, trace, dims)
    mapped_rule = batched_rule(rule, trace, dims[n:])
    if n:
        consts, args = list(args[:n]), args[n:]
        inner = mapped
        mapped = lambda *xs: inner(*consts, *xs)
    new = {**params, "fun": mapped, "rule": mapped_rule, "consts": 0}
    outs = custom_jvp_p(*args, **new)
    return outs, [0] * len(outs)


class SymbolicZero:
    """The tangent or cotangent zero of an array, told apart from arrays of zeros.

    Rules defined with `symbolic_zeros=True` are given them and may return them.
    """

    __slots__ = ("aval",)

    def __init__(self, aval: Any):
        self.aval = tangent_aval(aval)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the zero."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """The dtype of the zero."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions of the zero."""
        return self.aval.ndim

    def instantiate(self) -> Any:
        """The zero as an array."""
        return instantiate(None, self.aval)

    def __repr__(self) -> str:
        return f"SymbolicZero({self.aval.str_short()})"


def with_zeros(dots: Sequence[Any], avals: Sequence[Any], symbolic: bool) -> list[Any]:
    """Tangents with the zeros (None) as arrays, or as SymbolicZeros."""
    zero = SymbolicZero if symbolic else lambda aval: instantiate(None, aval)
    return [zero(a) if t is None else t for t, a in zip(dots, avals)]


custom_jvp_p = Primitive(
    "custom_jvp_call",
    "A function with its own forward-mode rule.",
    abstract=lambda *avals, fun, **_: fun.out_avals,
    evaluate=lambda *args, fun, **_: _call(fun, *args),
    jvp_call=_jvp_call,
    batch_call=_jvp_batch,
    stage=_stage_call,
    called="fun",
    multiple_results=True,
    raw=True,
)


def resolve(fun: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    """All arguments of a call of `fun` as positional ones, defaults filled in."""
    try:
        bound = inspect.signature(fun).bind(*args, **kwargs)
    except ValueError:
        if kwargs:
            raise TypeError(
                f"{name_of(fun)}: keyword arguments cannot be resolved to positions;"
                " pass them by position."
            ) from None
        return tuple(args)
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(
            f"{name_of(fun)}: keyword-only arguments {sorted(bound.kwargs)} cannot take"
            " part in a custom derivative; make them positional."
        )
    return bound.args


class custom_jvp:
    """A function whose forward-mode derivative is given by `defjvp`.

    Args:
        fun: function of arrays or pytrees of them.
        nondiff_argnums: positions of arguments that are passed to the rule first, as
            they are, and not differentiated.

    Raises TypeError where the function is differentiated and no rule was defined, or
    where the rule returns other than (output, tangent) of matching structure.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> @cr.custom_jvp
    ... def f(x):
    ...     return cnp.sin(x)
    >>> @f.defjvp
    ... def f_jvp(primals, tangents):
    ...     return f(*primals), 2 * tangents[0]
    >>> float(cr.grad(f)(1.0))
    2.0
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        nondiff_argnums: Sequence[int] = (),
        nondiff_argnames: Sequence[str] = (),
    ):
        check_callable("custom_jvp", fun)
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = nondiff_positions(fun, nondiff_argnums, nondiff_argnames)
        self.jvp: Callable[..., Any] | None = None
        self.symbolic_zeros = False

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def defjvp(self, jvp: Callable[..., Any], symbolic_zeros: bool = False) -> Any:
        """Sets the rule: `jvp(*nondiff, primals, tangents) -> (out, out_dot)`.

        With `symbolic_zeros`, tangents that are zero are given as SymbolicZeros, and the
        rule may return them.
        """
        check_callable("custom_jvp.defjvp", jvp)
        self.jvp, self.symbolic_zeros = jvp, symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Sets one rule per argument: `jvp_i(t, out, *primals) -> out_dot`, or None."""
        if self.nondiff_argnums:
            raise TypeError(
                f"custom_jvp.defjvps: {name_of(self.fun)} has nondiff_argnums, which rules"
                " per argument do not take; define one rule with defjvp."
            )

        def jvp(primals: Any, tangents: Any) -> Any:
            out = self(*primals)
            total = None
            for rule, t in zip(jvps, tangents):
                if rule is not None:
                    total = add_tangents(total, as_array(rule(t, out, *primals)))
            return out, instantiate(total, aval_of(out))

        self.jvp, self.symbolic_zeros = jvp, False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = resolve(self.fun, args, kwargs)
        if self.jvp is None:
            raise AttributeError(
                f"custom_jvp: no rule was defined for {name_of(self.fun)}; define one"
                " with defjvp or defjvps."
            )
        where = positions("custom_jvp", self.nondiff_argnums, len(args))
        leaves, tree = tree_flatten([a for i, a in enumerate(args) if i not in where])
        flat = FlatFun(_fixed(self.fun, args, where), tree)
        flat.name = name_of(self.fun)
        nondiff = [args[i] for i in where]
        rule = forward_rule(self.jvp, nondiff, tree, flat, self.symbolic_zeros)
        outs = custom_jvp_p(
            *[as_array(x, flat.name) for x in leaves],
            fun=flat, rule=rule, name=flat.name, consts=0,
        )  # fmt: skip
        return tree_unflatten(flat.out_tree, outs)


def forward_rule(
    jvp: Any, nondiff: Sequence[Any], tree: Any, flat: FlatFun, symbolic: bool
) -> Any:
    """The user's rule on flat lists, None standing for zero tangents."""

    def rule(primals: Any, tangents: Any) -> Any:
        dots = with_zeros(tangents, [aval_of(p) for p in primals], symbolic)
        args = tuple(tree_unflatten(tree, primals))
        return absorbing_if_chosen(
            lambda t: _checked_pair(
                flat, jvp(*nondiff, args, tuple(tree_unflatten(tree, t)))
            ),
            dots,
            arrays_among(dots),
        )

    return rule


def arrays_among(dots: Sequence[Any]) -> list[int]:
    """Positions of those tangents or cotangents that are arrays of numbers."""
    return [
        i
        for i, t in enumerate(dots)
        if not isinstance(t, SymbolicZero) and dtypes.is_inexact(t.dtype)
    ]


def _fixed(fun: Any, args: Sequence[Any], where: Sequence[int]) -> Any:
    """`fun` of the arguments not at positions `where`, which stay as given."""

    def partial(*dynamic: Any) -> Any:
        rest = iter(dynamic)
        return fun(*[a if i in where else next(rest) for i, a in enumerate(args)])

    return partial


def _checked_pair(flat: FlatFun, out: Any) -> tuple[list[Any], list[Any]]:
    name = flat.name
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise TypeError(
            f"custom_jvp: the rule of {name} must return a pair (output, tangent); got"
            f" {kind_of(out)}."
        )
    ys, y_tree = tree_flatten(out[0])
    dots, dot_tree = tree_flatten(out[1])
    if y_tree != dot_tree:
        raise TypeError(
            f"custom_jvp: the rule of {name} must return output and tangent of one"
            f" structure; got {y_tree} and {dot_tree}."
        )
    flat.out_tree = y_tree
    ys = [as_array(y) for y in ys]
    dots = [_tangent(t) for t in dots]
    for y, t in zip(ys, dots):
        if t is not None and dtypes.is_inexact(y.dtype):
            if (t.shape, t.dtype) != (y.shape, y.dtype):
                raise TypeError(
                    f"custom_jvp: the rule of {name} must return a tangent of the shape"
                    f" and dtype of the output, {y.aval.str_short()}; got"
                    f" {t.aval.str_short()}."
                )
    dots = [t if dtypes.is_inexact(y.dtype) else None for y, t in zip(ys, dots)]
    return ys, dots


def _tangent(t: Any) -> Any:
    """A tangent or cotangent that a rule returned; None for zero."""
    if isinstance(t, SymbolicZero) or getattr(t, "dtype", 0) == dtypes.float0:
        return None
    return as_array(t)


def nondiff_positions(
    fun: Any, nums: Sequence[int], names: Sequence[str]
) -> tuple[int, ...]:
    """`nondiff_argnums` together with the positions of `nondiff_argnames`."""
    if not names:
        return tuple(nums)
    known = list(inspect.signature(fun).parameters)
    return tuple(sorted({*nums, *(known.index(n) for n in names)}))
