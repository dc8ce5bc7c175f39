"""checkpoint: a function whose intermediate values are recomputed in reverse mode.

The function is staged and called through an equation of its own: `checkpoint` where a
policy says what is kept (recompute.py), `budgeted` where a number of bytes does
(budgets.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..transforms.flat import check_callable
from .budgets import budgeted_p, bytes_of_budget
from .jit import JitFunction
from .recompute import checkpoint_p


def checkpoint(
    fun: Callable[..., Any] | None = None,
    *,
    prevent_cse: bool = True,
    policy: Callable[..., bool] | None = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    concrete: bool = False,
    budget: int | str | None = None,
) -> Any:
    """`fun`, marked so that reverse mode may recompute instead of storing.

    Args:
        fun: function of arrays or pytrees of them; without it, returns a decorator.
        prevent_cse: keep recomputed work from being merged with the first.
        policy: which intermediates may be kept; see `checkpoint_policies`.
        static_argnums, static_argnames: arguments that are not traced.
        concrete: must be False; use static_argnums for Python control flow.
        budget: bytes, a number or text ('200MB', '1.5GB', '64MiB'), that intermediate
            values of reverse mode may take at a time, kept or computed again. As much
            as fits is kept (of what `policy` allows), first what costs most to compute
            per byte; loops go by segments where their steps would take too much.
            Arguments, results and cotangents do not count.

    Returns:
        A function with the arguments, values and derivatives of `fun`.

    Raises:
        TypeError: the policy is no function.
        ValueError: the budget is no amount of memory; or, when a derivative is staged,
            less than reverse mode needs.

    >>> import chainrule as cr
    >>> float(cr.grad(cr.checkpoint(lambda x: x * x))(3.0))
    6.0
    >>> step = lambda c, _: (cr.numpy.sin(c), None)
    >>> run = lambda x: cr.lax.scan(step, x, length=10_000)[0].sum()
    >>> gradient = cr.grad(cr.checkpoint(run, budget="100kB"))  # all steps: 4 MB
    >>> bool(cr.numpy.allclose(gradient(cr.numpy.ones(100)), 0.0, atol=1e-3))
    True
    """
    if fun is None:
        return lambda f: checkpoint(
            f, prevent_cse=prevent_cse, policy=policy, static_argnums=static_argnums,
            static_argnames=static_argnames, concrete=concrete, budget=budget,
        )  # fmt: skip
    check_callable("checkpoint", fun)
    if concrete:
        raise NotImplementedError(
            "checkpoint: concrete=True is not supported; mark the arguments that decide"
            " Python control flow with static_argnums."
        )
    _check_policy(policy)
    nums = (static_argnums,) if isinstance(static_argnums, int) else static_argnums
    names = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    params: dict[str, Any] = {"prevent_cse": prevent_cse, "policy": policy}
    if budget is not None:
        params["budget"] = bytes_of_budget(budget)
    primitive = checkpoint_p if budget is None else budgeted_p
    return JitFunction(fun, (tuple(nums), tuple(names)), primitive=primitive, **params)


def _check_policy(policy: Any) -> None:
    if policy is not None and not callable(policy):
        raise TypeError(
            "checkpoint: policy must be a function, such as those of"
            f" checkpoint_policies; got {policy!r} of type {type(policy).__name__}."
        )
