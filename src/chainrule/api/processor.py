"""How compiled code uses the processor: its threads, and numbers below the normal ones."""

from __future__ import annotations

import operator

from ..runtime import _native


def set_num_threads(count: int) -> None:
    """Sets how many threads compiled code runs on, the caller's included.

    Args:
        count: 1 to 4096; with 1, no thread is ever started.

    Raises:
        TypeError: `count` is no integer. ValueError: it is out of range.

    >>> import chainrule as cr
    >>> before = cr.get_num_threads()
    >>> cr.set_num_threads(1)
    >>> cr.get_num_threads()
    1
    >>> cr.set_num_threads(before)
    """
    _native.set_num_threads(operator.index(count))


def get_num_threads() -> int:
    """How many threads compiled code runs on: at first the processors that this process
    may use, or what the variable `CHAINRULE_NUM_THREADS` says."""
    return _native.get_num_threads()


def set_flush_denormals(flush: bool) -> None:
    """Says whether compiled code takes denormal numbers (in float32, below 1.2e-38) for
    zeros, as operands and as results; at first it keeps them, as IEEE 754 has it.

    Some processors need a hundred times longer for an operation on one, which shows in
    gradients that vanish over many steps. The whole process is set; what NumPy
    evaluates keeps its numbers.

    >>> import chainrule as cr
    >>> f = cr.jit(lambda x: x * 0.5)
    >>> cr.set_flush_denormals(True)
    >>> float(f(2e-39))
    0.0
    >>> cr.set_flush_denormals(False)
    >>> float(f(2e-39)) > 0
    True
    """
    _native.set_flush_denormals(bool(flush))
