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
