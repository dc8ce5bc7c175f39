"""checkpoint: a function whose intermediate values are recomputed in reverse mode.

The function is staged and called through an equation of its own. Linearizing it keeps
its arguments and what the policy allows (checkpoint_policies.py), and records one
equation, whose program computes the other residuals anew and applies the tangent
program to them; so does its transpose. Values and derivatives are those of the function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import aval_of
from ..core.jaxpr import ClosedJaxpr
from ..transforms.flat import check_callable
from .call import call_primitive, linear_programs, run, stage_program
from .jit import JitFunction
from .programs import inexact_tangents, needed_inputs, parts, pruned

checkpoint_p = call_primitive("checkpoint", "A staged function, recomputed in reverse.")


def _linearize(
    tape: Any, primals: Any, tangents: Any, *, jaxpr: Any, policy: Any, **params: Any
) -> Any:
    dots = inexact_tangents(primals, tangents)
    nonzero = tuple(t is not None for t in dots)
    forward, tangent, out_dots = jaxpr.derived(
        ("recomputing", nonzero, policy), lambda: _recomputing(jaxpr, nonzero, policy)
    )
    outs = checkpoint_p(*primals, jaxpr=forward, policy=policy, **params)
    outs, saved = parts(outs, len(jaxpr.out_avals))
    given = [t for t in dots if t is not None]
    if not given or not any(out_dots):
        return outs, [None] * len(outs)
    found = iter(
        checkpoint_p(*primals, *saved, *given, jaxpr=tangent, policy=policy, **params)
    )
    return outs, [next(found) if nz else None for nz in out_dots]


checkpoint_p.linearize_call = _linearize


def _recomputing(jaxpr: ClosedJaxpr, nonzero: tuple[bool, ...], policy: Any) -> Any:
    """primals -> (outs, saved), and (primals, saved, tangents) -> out tangents."""
    known, tangent, out_dots = linear_programs(jaxpr, nonzero)
    whole = known.jaxpr
    n_out = len(jaxpr.out_avals)
    residuals = whole.outvars[n_out:]
    saved = [v for v in _saveable(whole, policy) if v not in set(whole.invars)]
    again = whole.replace(invars=[*whole.invars, *saved], outvars=residuals)
    needed = needed_inputs(again, [True] * len(residuals))[len(whole.invars) :]
    saved = [v for v, keep in zip(saved, needed) if keep]
    forward = pruned(whole.replace(outvars=[*whole.outvars[:n_out], *saved]))
    again = known.replace(
        jaxpr=pruned(whole.replace(invars=[*whole.invars, *saved], outvars=residuals))
    )
    n_known = len(again.in_avals)

    def fun(*values: Any) -> list[Any]:
        given, dots = parts(values, n_known)
        return run(tangent, *run(again, *given), *dots)

    dot_avals = tangent.in_avals[len(residuals) :]
    program = stage_program(fun, [*again.in_avals, *dot_avals])
    return known.replace(jaxpr=forward), program, out_dots


def _saveable(jaxpr: Any, policy: Any) -> list[Any]:
    """The results of equations that the policy says may be kept."""
    if policy is None:
        return []
    found: list[Any] = []
    for eqn in jaxpr.eqns:
        avals = [aval_of(v) for v in eqn.invars]
        if policy(eqn.primitive, *avals, **eqn.params):
            found += eqn.outvars
    return found


def checkpoint(
    fun: Callable[..., Any] | None = None,
    *,
    prevent_cse: bool = True,
    policy: Callable[..., bool] | None = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    concrete: bool = False,
) -> Any:
    """`fun`, marked so that reverse mode may recompute instead of storing.

    Args:
        fun: function of arrays or pytrees of them; without it, returns a decorator.
        prevent_cse: keep recomputed work from being merged with the first.
        policy: which intermediates may be kept; see `checkpoint_policies`.
        static_argnums, static_argnames: arguments that are not traced.
        concrete: must be False; use static_argnums for Python control flow.

    Returns:
        A function with the arguments, values and derivatives of `fun`.

    >>> import chainrule as cr
    >>> float(cr.grad(cr.checkpoint(lambda x: x * x))(3.0))
    6.0
    """
    if fun is None:
        return lambda f: checkpoint(
            f, prevent_cse=prevent_cse, policy=policy, static_argnums=static_argnums,
            static_argnames=static_argnames, concrete=concrete,
        )  # fmt: skip
    check_callable("checkpoint", fun)
    if concrete:
        raise NotImplementedError(
            "checkpoint: concrete=True is not supported; mark the arguments that decide"
            " Python control flow with static_argnums."
        )
    nums = (static_argnums,) if isinstance(static_argnums, int) else static_argnums
    names = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    return JitFunction(
        fun, (tuple(nums), tuple(names)), primitive=checkpoint_p,
        prevent_cse=prevent_cse, policy=policy,
    )  # fmt: skip
