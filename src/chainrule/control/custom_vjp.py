"""custom_vjp: functions with their own reverse-mode rule.

`linearize` runs the forward function, keeps its residuals, and tapes one opaque linear
equation whose transpose calls the backward function. It can be pushed forward, as forward
mode can go through the function, where `defjvp` gave a rule; else both raise:

    custom_vjp_linear[bwd num_residuals ...] residuals dots -> out dots
    custom_vjp_pushed[bwd push num_residuals ...] residuals primals dots -> out dots
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import dtypes
from ..core.avals import ShapeDtypeStruct, as_array, aval_of, tangent_aval
from ..core.config import nan_safe_gradients, options
from ..core.primitive import Missing, Primitive
from ..ops.absorbing import absorbing_if_chosen
from ..ops.structure import batch_to_front, instantiate, move_dim, sum_rows
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree_nodes import Partial
from ..transforms.batch import batch_flat
from ..transforms.flat import FlatFun, check_callable, kind_of, name_of, positions
from ..transforms.jvp import jvp_flat
from ..transforms.linearize import split
from .call import stage_program
from .closures import closure_convert
from .custom_rules import (
    SymbolicZero,
    _batched,
    _call,
    _closes_over,
    _fixed,
    _stage_call,
    arrays_among,
    batched_rule,
    forward_rule,
    nondiff_positions,
    resolve,
    with_zeros,
)


def _no_forward(*_: Any, name: str = "the function", **__: Any) -> Any:
    raise TypeError(
        f"custom_vjp: forward-mode differentiation (jvp, jacfwd) of {name} is not"
        " possible: only its reverse-mode rule is given. Use reverse mode, or define a"
        " forward rule with its defjvp."
    )


def _pull(cts: Any, args: Sequence[Any], num_residuals: int, bwd: Any) -> list[Any]:
    """Cotangents of all operands by the backward function: None for the known ones."""
    found = bwd(list(args[:num_residuals]), list(cts))
    return [*(None,) * (len(args) - len(found)), *found]


def _linear_primitive(name: str, doc: str, **rules: Any) -> Primitive:
    """A linear equation whose transpose is the user's."""
    return Primitive(
        name, doc, abstract=lambda *_, outs, **__: outs, multiple_results=True, raw=True,
        transpose=lambda cts, *args, num_residuals, bwd, **_: _pull(
            cts, args, num_residuals, bwd
        ),
        **rules,
    )  # fmt: skip


custom_linear_p = _linear_primitive(
    "custom_vjp_linear",
    "The tangent of a custom_vjp function: known only by its transpose.",
    evaluate=_no_forward,
    jvp=Missing("it appears in tangent programs alone, which are transposed"),
    batch=Missing("transpose it first"),
)


def _pushed(*args: Any, push: Any, num_residuals: int, outs: Any, **_: Any) -> Any:
    """The tangents by the forward rule."""
    found = push(list(args[num_residuals:]))
    return [instantiate(t, a) for t, a in zip(found, outs)]


def _pushed_jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    return jvp_flat(lambda *xs: _pushed(*xs, **params), primals, tangents)


def _pushed_linearize(tape: Any, primals: Any, tangents: Any, **params: Any) -> Any:
    pairs = [tape.pair(x, t) for x, t in zip(primals, tangents)]
    return split(tape, _pushed(*pairs, **params))


def _pushed_batch(trace: Any, args: Any, dims: Any, **params: Any) -> Any:
    fun = lambda *xs: _pushed(*xs, **params)
    return batch_flat(fun, trace.size, args, dims, trace.axis_name)


def _pushed_program(*, taken: Any, **params: Any) -> Any:
    return stage_program(lambda *xs: _pushed(*xs, **params), taken)


custom_pushed_p = _linear_primitive(
    "custom_vjp_pushed",
    "The tangent of a custom_vjp function with a forward rule.",
    evaluate=_pushed,
    jvp_call=_pushed_jvp,
    linearize_call=_pushed_linearize,
    batch_call=_pushed_batch,
    taylor=Missing("it appears in tangent programs alone"),
    expansion=_pushed_program,
)


def _jvp_call(primals: Any, tangents: Any, *, jvp: Any, **params: Any) -> Any:
    if jvp is None:
        _no_forward(name=params["name"])
    n = params["consts"]
    if any(t is not None for t in tangents[:n]):
        raise _closes_over(params["name"], "custom_vjp")
    return jvp(primals[n:], tangents[n:])


def _linearize_call(
    tape: Any, primals: Any, tangents: Any, *, fwd: Any, bwd: Any, jvp: Any,
    **params: Any,
) -> Any:  # fmt: skip
    n = params["consts"]
    if any(t is not None for t in tangents[:n]):
        raise _closes_over(params["name"], "custom_vjp")
    primals, tangents = primals[n:], tangents[n:]
    outs, residuals = fwd(*primals, perturbed=[t is not None for t in tangents])
    given = [i for i, t in enumerate(tangents) if t is not None]

    chosen = options.nan_safe_gradients

    def pull_given(res: Any, cts: Any) -> list[Any]:
        with nan_safe_gradients(chosen):
            found = bwd(res, cts)
        return [found[i] for i in given]

    rule = {
        "bwd": pull_given, "num_residuals": len(residuals), "name": params["name"],
        "outs": tuple(tangent_aval(aval_of(y)) for y in outs),
    }  # fmt: skip
    dots = [tangents[i] for i in given]
    if jvp is None:
        dots = custom_linear_p(*residuals, *dots, **rule)
    else:
        operands = [*residuals, *primals, *dots]
        dots = custom_pushed_p(
            *operands, push=_forward(jvp, given, len(primals)),
            taken=tuple(map(aval_of, operands)), **rule,
        )  # fmt: skip
    inexact = [dtypes.is_inexact(aval_of(y).dtype) for y in outs]
    return outs, [t if ok else None for t, ok in zip(dots, inexact)]


def _forward(jvp: Any, given: Sequence[int], count: int) -> Any:
    """The tangents from `count` primals and the tangents `given`."""

    chosen = options.nan_safe_gradients

    def push(values: Any) -> Any:
        full = dict(zip(given, values[count:]))
        with nan_safe_gradients(chosen):
            return jvp(values[:count], [full.get(i) for i in range(count)])[1]

    return push


def _vjp_batch(
    trace: Any, args: Any, dims: Any, *, fun: Any, fwd: Any, bwd: Any, jvp: Any,
    **params: Any,
) -> Any:  # fmt: skip
    n, size = params["consts"], trace.size
    mapped = _batched(fun, trace, dims)
    if n:
        consts, inner = list(args[:n]), mapped
        mapped = lambda *xs: inner(*consts, *xs)
    args, dims = args[n:], list(dims[n:])

    def mapped_fwd(*xs: Any, perturbed: Any = None) -> Any:
        count: list[int] = []

        def flat(*xs: Any) -> list[Any]:
            outs, residuals = fwd(*xs, perturbed=perturbed)
            count[:] = [len(outs)]
            return [*outs, *residuals]

        found = _batched(flat, trace, dims)(*xs)
        return found[: count[0]], found[count[0] :]

    def mapped_bwd(residuals: Any, cts: Any) -> list[Any]:
        k, given = len(residuals), [i for i, c in enumerate(cts) if c is not None]

        def flat(*xs: Any) -> list[Any]:
            full: list[Any] = [None] * len(cts)
            for i, c in zip(given, xs[k:]):
                full[i] = c
            found = bwd(list(xs[:k]), full)
            return [instantiate(c, aval_of(a)) for c, a in zip(found, examples)]

        values = [*residuals, *(cts[i] for i in given)]
        outs, found = batch_flat(flat, size, values, [0] * len(values), trace.axis_name)
        return [_unmapped(x, d, e, size) for x, d, e in zip(outs, found, dims)]

    examples = [_example(x, d) for x, d in zip(args, dims)]
    mapped_jvp = None if jvp is None else batched_rule(jvp, trace, dims)
    new = {**params, "fun": mapped, "fwd": mapped_fwd, "bwd": mapped_bwd, "consts": 0}
    new["jvp"] = mapped_jvp
    outs = custom_vjp_p(*args, **new)
    return outs, [0] * len(outs)


class _Example:
    """Stands for one example of a batched value: an aval."""

    __slots__ = ("aval",)

    def __init__(self, aval: Any):
        self.aval = aval


def _example(x: Any, dim: int | None) -> Any:
    aval = aval_of(x)
    if dim is None:
        return _Example(aval)
    shape = (*aval.shape[:dim], *aval.shape[dim + 1 :])
    return _Example(type(aval)(shape, aval.dtype, aval.weak_type))


def _unmapped(ct: Any, dim: int | None, wanted: int | None, size: int) -> Any:
    """A batched cotangent, in the layout of its operand: summed where that is whole."""
    if getattr(ct, "dtype", None) == dtypes.float0:
        return None
    ct = batch_to_front(ct, dim, size)
    return sum_rows(ct) if wanted is None else move_dim(ct, 0, wanted)


custom_vjp_p = Primitive(
    "custom_vjp_call",
    "A function with its own reverse-mode rule.",
    abstract=lambda *avals, fun, **_: fun.out_avals,
    evaluate=lambda *args, fun, **_: _call(fun, *args),
    jvp_call=_jvp_call,
    linearize_call=_linearize_call,
    batch_call=_vjp_batch,
    stage=_stage_call,
    called="fun",
    multiple_results=True,
    raw=True,
)


@dataclass(frozen=True, slots=True)
class CustomVJPPrimal:
    """An argument of a forward function defined with `symbolic_zeros`.

    `value` is the array, `perturbed` whether it is differentiated.
    """

    value: Any
    perturbed: bool


class custom_vjp:
    """A function whose reverse-mode derivative is given by `defvjp`.

    Args:
        fun: function of arrays or pytrees of them.
        nondiff_argnums: positions of arguments that are not differentiated; the
            backward function receives them first.

    Raises TypeError in forward mode, and where the backward function returns other
    than one cotangent (or None, for zero) per argument.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> @cr.custom_vjp
    ... def f(x):
    ...     return cnp.sin(x)
    >>> f.defvjp(lambda x: (f(x), cnp.cos(x)), lambda cos_x, ct: (3 * cos_x * ct,))
    >>> float(cr.grad(f)(0.0))
    3.0
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        nondiff_argnums: Sequence[int] = (),
        nondiff_argnames: Sequence[str] = (),
    ):
        check_callable("custom_vjp", fun)
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = nondiff_positions(fun, nondiff_argnums, nondiff_argnames)
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None
        self.jvp: Callable[..., Any] | None = None
        self.symbolic_zeros = self.symbolic_tangents = False

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def defvjp(
        self,
        fwd: Callable[..., Any],
        bwd: Callable[..., Any],
        symbolic_zeros: bool = False,
        optimize_remat: bool = False,
    ) -> None:
        """Sets the rule.

        `fwd(*args) -> (output, residuals)`; `bwd(*nondiff, residuals, ct)` returns a
        tuple with one cotangent (or None) per differentiable argument.

        With `symbolic_zeros`, the leaves of the arguments of `fwd` are CustomVJPPrimals,
        which say whether they are differentiated, and cotangents that are zero are
        given to `bwd` as SymbolicZeros.
        """
        check_callable("custom_vjp.defvjp", fwd)
        check_callable("custom_vjp.defvjp", bwd)
        self.fwd, self.bwd, self.symbolic_zeros = fwd, bwd, symbolic_zeros

    def defjvp(self, jvp: Callable[..., Any], symbolic_zeros: bool = False) -> Any:
        """Sets a rule for forward mode as well, in the form of `custom_jvp.defjvp`.

        Reverse mode keeps the rule of `defvjp`. Beyond JAX, where forward mode on a
        custom_vjp function raises.
        """
        check_callable("custom_vjp.defjvp", jvp)
        self.jvp, self.symbolic_tangents = jvp, symbolic_zeros
        return jvp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = resolve(self.fun, args, kwargs)
        if self.fwd is None or self.bwd is None:
            raise AttributeError(
                f"custom_vjp: no rule was defined for {name_of(self.fun)}; define one"
                " with defvjp."
            )
        where = positions("custom_vjp", self.nondiff_argnums, len(args))
        dynamic = [a for i, a in enumerate(args) if i not in where]
        leaves, tree = tree_flatten(dynamic)
        flat = FlatFun(_fixed(self.fun, args, where), tree)
        flat.name = name_of(self.fun)
        fixed = _fixed(self.fwd, args, where)
        fwd = FlatFun(lambda *xs: _pair(flat.name, fixed(*xs)), tree, has_aux=True)
        leaves = [as_array(x, flat.name) for x in leaves]
        avals = [aval_of(x) for x in leaves]
        trees: dict[str, Any] = {}

        symbolic = self.symbolic_zeros

        def forward(*primals: Any, perturbed: Any = None) -> Any:
            if symbolic:
                perturbed = perturbed or [True] * len(primals)
                primals = [CustomVJPPrimal(*p) for p in zip(primals, perturbed)]
            found = fwd(*primals)
            flat.out_tree = trees["out"] = fwd.out_tree
            trees["residuals"] = fwd.aux_tree
            n = fwd.out_tree.num_leaves
            trees["avals"] = [aval_of(y) for y in found[:n]]
            return found[:n], found[n:]

        nondiff = [args[i] for i in where]

        def backward(residuals: Any, cts: Any) -> list[Any]:
            cts = with_zeros(cts, trees["avals"], symbolic)
            residuals = tree_unflatten(trees["residuals"], residuals)

            def rule(cts: Any) -> list[Any]:
                found = self.bwd(*nondiff, residuals, tree_unflatten(trees["out"], cts))
                return _checked_cts(flat.name, found, dynamic, tree, avals)

            return absorbing_if_chosen(rule, cts, arrays_among(cts))

        jvp = self.jvp
        if jvp is not None:
            jvp = forward_rule(jvp, nondiff, tree, flat, self.symbolic_tangents)
        outs = custom_vjp_p(
            *leaves, fun=flat, fwd=forward, bwd=backward, jvp=jvp, name=flat.name,
            consts=0,
        )  # fmt: skip
        return tree_unflatten(flat.out_tree, outs)


def _pair(name: str, out: Any) -> Any:
    if isinstance(out, (tuple, list)) and len(out) == 2:
        return out
    raise TypeError(
        f"custom_vjp: the forward function of {name} must return a pair (output,"
        f" residuals); got {kind_of(out)}."
    )


def _checked_cts(
    name: str, found: Any, dynamic: Sequence[Any], tree: Any, avals: Sequence[Any]
) -> list[Any]:
    """The backward function's result as flat cotangents, None where zero."""
    if not isinstance(found, (tuple, list)) or len(found) != len(dynamic):
        raise TypeError(
            f"custom_vjp: the backward function of {name} must return a tuple with one"
            f" cotangent per argument ({len(dynamic)}); got {found!r}."
        )
    flat: list[Any] = []
    for arg, ct in zip(dynamic, found):
        leaves, arg_tree = tree_flatten(arg)
        if ct is None:
            flat += [None] * len(leaves)
            continue
        cts, ct_tree = tree_flatten(ct, lambda x: x is None)
        if ct_tree != arg_tree:
            raise TypeError(
                f"custom_vjp: the backward function of {name} must return cotangents of"
                f" the structure of the arguments, {arg_tree}; got {ct_tree}."
            )
        flat += cts
    return [_checked_ct(name, ct, a) for ct, a in zip(flat, avals)]


def _checked_ct(name: str, ct: Any, aval: Any) -> Any:
    if ct is None or not dtypes.is_inexact(aval.dtype) or isinstance(ct, SymbolicZero):
        return None
    ct = as_array(ct, name)
    if ct.shape != aval.shape:
        raise ValueError(
            f"custom_vjp: the backward function of {name} must return a cotangent of"
            f" the argument's shape and dtype, {aval.str_short()}; got"
            f" {ct.aval.str_short()}."
        )
    return ct if ct.dtype == aval.dtype else ct.astype(aval.dtype)


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns its value together with its own pullback.

    Args:
        fun: function returning (output, pullback), where `pullback(ct)` returns a
            cotangent per argument (the bare cotangent for one argument).

    Returns:
        A function of the same arguments that returns the output.

    >>> import chainrule as cr
    >>> f = cr.custom_gradient(lambda x: (x * x, lambda ct: 10.0 * ct))
    >>> float(cr.grad(f)(3.0))
    10.0
    """

    def value(*args: Any) -> Any:
        return fun(*args)[0]

    def forward(*args: Any) -> Any:
        out, pullback = fun(*args)
        leaves, out_tree = tree_flatten(out)
        avals = [aval_of(x) for x in leaves]

        def flat(*cts: Any) -> Any:
            found = pullback(tree_unflatten(out_tree, cts))
            return found if isinstance(found, tuple) else (found,)

        structs = [ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
        converted, consts = closure_convert(flat, *structs)
        return out, Partial(converted, consts)

    def backward(residual: Any, ct: Any) -> Any:
        cts, _ = tree_flatten(ct)
        return residual.func(*cts, *residual.args[0])

    value.__name__ = name_of(fun)
    wrapped = custom_vjp(value)
    wrapped.defvjp(forward, backward)
    return wrapped
