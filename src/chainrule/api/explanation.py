"""Looking into compiled programs: `explain`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import compiler
from ..control.jit import JitFunction, jit
from ..core.avals import ShapeDtypeStruct, as_array
from ..runtime._native import tree_leaves
from ..transforms.flat import check_callable, name_of
from .jacobian_modes import noted


def explain(fun: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """What the compiler makes of a function, and what it costs to run.

    Args:
        fun: a function that `jit` takes, or a jitted one; transformed ones as well.
        **options: static_argnums and the like, as for `jit`.

    Returns:
        A function of the arguments of `fun` that returns a `Report`. Its text shows
        the jaxpr, every pass, and each kernel with the primitives and the lines of
        yours that it computes, its bytes and operations, its time and its share of
        this machine's peak; steps that run in NumPy say why. `html()` is that as one
        page with a timeline, `save(path)` writes the page. `notes` are the modes that
        Jacobians within have chosen. For ShapeDtypeStructs in the place of arrays
        nothing is run, and there are no times.

    Raises:
        TypeError: the function closes over values of a transformation, or an argument
            is no array.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> report = cr.explain(lambda x: cnp.sum(cnp.sin(x) * x))(cnp.ones(1000))
    >>> [(step.kind, step.what) for step in report.steps]
    [('kernel', 'sin mul reduce_sum')]
    """
    check_callable("explain", fun)

    @functools.wraps(fun)
    def explained(*args: Any, **kwargs: Any) -> Any:
        jitted = fun.afresh() if isinstance(fun, JitFunction) else jit(fun, **options)
        with noted() as notes:
            traced = jitted.trace(*args, **kwargs)
        traced.lower()
        leaves = tree_leaves(traced.without_static(args, kwargs))
        known = not any(isinstance(x, ShapeDtypeStruct) for x in leaves)
        arrays = [as_array(x, "explain") for x in leaves] if known else None
        made = compiler.report.report(traced.jaxpr, arrays, name_of(fun))
        made.notes = notes
        return made

    return explained
