"""Evaluation now: `ensure_compile_time_eval` sets the thread's dynamic trace aside.

Plain evaluation has no trace: the runtime calls the primitive's NumPy rule. Evaluation
with checks of every result is a trace of its own, in control/value_checks.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from ..runtime import _native


@contextlib.contextmanager
def ensure_compile_time_eval() -> Generator[None, None, None]:
    """Within the block, operations on concrete arrays run now, also under `jit`.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> @cr.jit
    ... def f(x):
    ...     with cr.ensure_compile_time_eval():
    ...         n = int(cnp.ones(3).sum())
    ...     return x * n
    >>> float(f(2.0))
    6.0
    """
    previous = _native.swap_dynamic(None)
    try:
        yield
    finally:
        _native.swap_dynamic(previous)
