"""Selection: which of several operands each element is taken from.

`select_n` picks by a boolean or an index, `max`, `min` and `clamp` by comparing. The
derivative follows the operand that was picked; where max or min find a tie, each
operand has half of it, so that the derivative of max(x, x) is that of x.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.linear import is_linear
from ..core.primitive import WEAK_IF_REST, Primitive
from .elementwise_logic import and_p, eq_p, gt_p, lt_p
from .elementwise_rules import (
    batch_elementwise,
    broadcast_shapes,
    constant,
    elementwise,
    idempotent,
    pointwise,
    unbroadcast,
)
from .shaping import convert_p, zeros

# --- select_n ------------------------------------------------------------------------


def _select_abstract(which: Any, *cases: Any) -> Any:
    if not cases:
        raise TypeError("select_n: needs at least one case to select from; got none.")
    dtype = cases[0].dtype
    if dtypes.kind(which.dtype) not in "biu":
        raise TypeError(
            f"select_n: `which` must be boolean or integer; got {which.str_short()}."
        )
    if which.dtype == np.bool_ and len(cases) > 2:
        raise TypeError(
            f"select_n: a boolean `which` selects from 2 cases; got {len(cases)}. Use"
            " an int32 `which`."
        )
    if any(c.dtype != dtype for c in cases):
        raise TypeError(
            "select_n: cases must have one dtype; got"
            f" {', '.join(str(c.dtype) for c in cases)}."
        )
    return broadcast_shapes("select_n", which.shape, *(c.shape for c in cases)), dtype


def _select_evaluate(which: Any, *cases: Any) -> Any:
    if which.dtype == np.bool_ and len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    which = np.minimum(which, len(cases) - 1)
    out = np.broadcast_to(cases[0], np.broadcast_shapes(which.shape, cases[0].shape))
    for k, case in enumerate(cases[1:], 1):
        out = np.where(which >= k, case, out)
    return out


def _select_scalar(m: Any, which: Any, *cases: Any) -> Any:
    if which.type == "bool" and len(cases) == 2:
        return m.select(which, cases[1], cases[0])
    out = cases[0]
    for k, case in enumerate(cases[1:], 1):
        out = m.select(which >= k, case, out)
    return out


def _select_jvp(primals: Any, tangents: Any, out: Any) -> Any:
    if all(t is None for t in tangents[1:]):
        return None
    zero = constant(0, out)
    cases = [zero if t is None else t for t in tangents[1:]]
    y_dot = select_n_p(primals[0], *cases)
    if y_dot.shape == out.shape:
        return y_dot
    return y_dot + zeros(aval_of(out))


def _select_transpose(ct: Any, which: Any, *cases: Any) -> Any:
    zero = constant(0, ct)
    found: list[Any] = [None]
    for k, case in enumerate(cases):
        if not is_linear(case):
            found.append(None)
            continue
        picked = [ct if i == k else zero for i in range(len(cases))]
        found.append(unbroadcast(select_n_p(which, *picked), case.aval))
    return tuple(found)


def _select_terms(out: Any, which: Any, *cases: Any) -> Any:
    zero = constant(0, out)
    for k in count(1):
        terms = [c[k] for c in cases]
        if all(t is None for t in terms):
            yield None
        else:
            picked = [zero if t is None else t for t in terms]
            yield select_n_p(which[0], *picked)


select_n_p = Primitive(
    "select_n",
    "cases[which], element by element; False is 0 and True is 1.",
    abstract=_select_abstract,
    jvp=_select_jvp,
    transpose=_select_transpose,
    taylor=_select_terms,
    batch=lambda args, dims, size: batch_elementwise(select_n_p, args, dims, size, {}),
    evaluate=_select_evaluate,
    lower=pointwise(_select_scalar, widen=False),
    simplify=lambda known, which, *cases: (
        cases[0] if all(c is cases[0] for c in cases) else None
    ),
    weak=WEAK_IF_REST,
    work=1.0,
)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """`on_true` where the boolean `pred` holds, else `on_false`; arrays broadcast."""
    return select_n_p(pred, on_false, on_true)


# --- max, min, clamp -----------------------------------------------------------------


def _share(chosen: Any) -> Any:
    """The partials of max or min: 1 where chosen, 1/2 at a tie, 0 elsewhere."""

    def partial(this: Any, other: Any, z: Any) -> Any:
        won = convert_p(chosen(this, other), new_dtype=z.dtype, weak_type=z.weak_type)
        half = constant(0.5, z)
        return select(eq_p(this, other), half, won)

    return lambda z, x, y: partial(x, y, z), lambda z, x, y: partial(y, x, z)


def _greater(x: Any, y: Any) -> Any:
    """x > y, for complex numbers in the order of the real, then imaginary parts."""
    return x > y


def _less(x: Any, y: Any) -> Any:
    return x < y


max_p = elementwise(
    "max",
    "the larger of x and y, NaN if one is; complex numbers order by real part first",
    np.maximum,
    kinds="biufc",
    partials=_share(_greater),
    scalar=lambda m, x, y: m.maximum(x, y),
    simplify=idempotent,
)
min_p = elementwise(
    "min",
    "the smaller of x and y, NaN if one is; complex numbers order by real part first",
    np.minimum,
    kinds="biufc",
    partials=_share(_less),
    scalar=lambda m, x, y: m.minimum(x, y),
    simplify=idempotent,
)


def _inside(z: Any, low: Any, x: Any, high: Any) -> Any:
    inside = and_p(gt_p(x, low), lt_p(x, high))
    return convert_p(inside, new_dtype=z.dtype, weak_type=z.weak_type)


def _beyond(comparison: Any, bound: Any, x: Any, z: Any) -> Any:
    outside = comparison(bound, x)
    return convert_p(outside, new_dtype=z.dtype, weak_type=z.weak_type)


clamp_p = elementwise(
    "clamp",
    "x, or the bound of low <= high that it exceeds; derivative 0 on a bound",
    lambda low, x, high: np.minimum(np.maximum(x, low), high),
    kinds="biuf",
    partials=(
        lambda z, low, x, high: _beyond(gt_p, low, x, z),
        _inside,
        lambda z, low, x, high: _beyond(lt_p, high, x, z),
    ),
    scalar=lambda m, low, x, high: m.minimum(m.maximum(x, low), high),
    cost=2.0,
)

__all__ = ["clamp_p", "max_p", "min_p", "select", "select_n_p"]
