"""Exponentials, logarithms and the logistic function.

Each partial is written in the output where that saves a function call, and in the
form that loses no digits: expm1' = y + 1, logistic' = y (1 - y).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .elementwise_rules import elementwise, native

exp_p = elementwise(
    "exp", "e**x", np.exp, kinds="fc", partials=(lambda y, x: y,),
    scalar=lambda m, x: m.exp(x), cost=12.0,
)  # fmt: skip
exp2_p = elementwise(
    "exp2", "2**x", np.exp2, kinds="fc", partials=(lambda y, x: y * math.log(2),),
    scalar=lambda m, x: m.exp2(x), cost=12.0,
)  # fmt: skip
expm1_p = elementwise(
    "expm1",
    "e**x - 1, exact near 0",
    np.expm1,
    kinds="fc",
    partials=(lambda y, x: y + 1,),
    scalar=lambda m, x: m.expm1(x),
    cost=15.0,
)
log_p = elementwise(
    "log",
    "the natural logarithm",
    np.log,
    kinds="fc",
    partials=(lambda y, x: 1 / x,),
    scalar=lambda m, x: m.log(x),
    cost=15.0,
)
log1p_p = elementwise(
    "log1p",
    "log(1 + x), exact near 0",
    np.log1p,
    kinds="fc",
    partials=(lambda y, x: 1 / (1 + x),),
    scalar=lambda m, x: m.log1p(x),
    cost=18.0,
)

_logistic_real = native("logistic")


def _logistic_evaluate(x: Any) -> Any:
    if x.dtype.kind == "c":
        return np.reciprocal(1 + np.exp(-x))
    return _logistic_real(x)


logistic_p = elementwise(
    "logistic",
    "1 / (1 + e**-x)",
    _logistic_evaluate,
    kinds="fc",
    partials=(lambda y, x: y * (1 - y),),
    scalar=lambda m, x: m.logistic(x),
    cost=16.0,
)

__all__ = ["exp2_p", "exp_p", "expm1_p", "log1p_p", "log_p", "logistic_p"]
