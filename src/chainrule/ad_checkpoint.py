"""Recomputing instead of storing in reverse mode."""

from collections.abc import Callable
from typing import Any

from .api.inspection import make_jaxpr
from .control.budgets import budget_lines
from .control.checkpoint import checkpoint as checkpoint
from .control.checkpoint_policies import checkpoint_name as checkpoint_name
from .control.checkpoint_policies import checkpoint_policies as checkpoint_policies


def explain_budget(fun: Callable[..., Any]) -> Callable[..., str]:
    """What `checkpoint` keeps within its budget, for the arguments that are given.

    Args:
        fun: function that is, or calls, functions of `checkpoint(..., budget=...)`.

    Returns:
        A function of the arguments of `fun` (arrays or ShapeDtypeStructs) that gives a
        text: per budget what reverse mode takes of it, and what it runs again.

    >>> import chainrule as cr
    >>> step = lambda c, _: (cr.numpy.sin(c), None)
    >>> run = lambda x: cr.lax.scan(step, x, length=10_000)[0].sum()
    >>> within = cr.checkpoint(run, budget="100kB")
    >>> print(explain_budget(within)(cr.numpy.ones(100)))
    <lambda>: 80kB of 100kB
      loop of 10000 steps: run again by segments of 100
    """
    return lambda *args, **kwargs: "\n".join(
        budget_lines(make_jaxpr(fun)(*args, **kwargs))
    )
