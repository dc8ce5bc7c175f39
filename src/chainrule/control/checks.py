"""The primitive behind `experimental.checkify.check`.

Evaluated, it raises where its predicate does not hold; `checkify` takes it out of the
program and returns the failure instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import JaxRuntimeError
from ..core.primitive import Missing, Primitive
from ..ops.reductions import reduce_and_p
from ..ops.structure import batch_to_front


def _evaluate(pred: Any, *values: Any, message: str, keys: Any, debug: bool) -> Any:
    if debug or np.asarray(pred):
        return []
    shown = [np.asarray(v)[()] for v in values]
    unnamed = [v for k, v in zip(keys, shown) if not k]
    named = {k: v for k, v in zip(keys, shown) if k}
    raise JaxRuntimeError(message.format(*unnamed, **named))


def _batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    """All examples must pass; the message shows the values of all of them."""
    pred = batch_to_front(args[0], dims[0], size)
    check_p(reduce_and_p(pred, axes=(0,)), *args[1:], **params)
    return [], []


def _jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    return check_p(*primals, **params), []


check_p = Primitive(
    "check",
    "Raises where a predicate does not hold.",
    abstract=lambda *_, **__: [],
    evaluate=_evaluate,
    jvp_call=_jvp,
    transpose=Missing("it has no outputs"),
    batch=_batch,
    multiple_results=True,
    raw=True,
    effects=True,
)
