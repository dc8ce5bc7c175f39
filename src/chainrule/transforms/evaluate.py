"""Evaluation with checks: a trace that runs each primitive and inspects its results.

Plain evaluation has no trace: the runtime calls the primitive's NumPy rule. With
`debug_nans` or `debug_infs` a `CheckTrace` is the thread's dynamic trace; it evaluates
one primitive at a time and raises at the first NaN (or infinity), naming the operation,
the index and the user's line. Also here: `ensure_compile_time_eval`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import numpy as np

from ..core import config, source
from ..core.avals import ConcreteArray, Tracer
from ..core.dtypes import is_inexact
from ..runtime import _native


class CheckTrace(_native.Trace):
    """Evaluates primitives and raises where a result is not finite."""

    def __init__(self, nans: bool, infs: bool):
        super().__init__()
        self.nans, self.infs = nans, infs

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        tracers = [x for x in args if isinstance(x, Tracer)]
        if tracers:
            top = max((x._trace for x in tracers), key=lambda t: t.level)
            return top.process(prim, args, params)
        if prim.raw:
            out = prim.evaluate(*args, **params)
        else:
            previous = _native.swap_dynamic(None)
            try:
                out = prim(*args, **params)
            finally:
                _native.swap_dynamic(previous)
        for x in out if prim.multiple_results else [out]:
            self.check(prim.name, x)
        return out

    def check(self, name: str, x: Any) -> None:
        """Raises FloatingPointError at the first value of `x` that is not allowed."""
        if type(x) is not ConcreteArray or not is_inexact(x.dtype):
            return
        values = np.asarray(x)
        for on, test, what in (
            (self.nans, np.isnan, "nan"),
            (self.infs, np.isinf, "inf"),
        ):
            if on and test(values).any():
                index = tuple(int(i) for i in np.argwhere(test(values))[0])
                raise FloatingPointError(
                    f"{name}: invalid value ({what}) at index {index} of a result of"
                    f" type {x.aval.str_short()}, at {source.current()}."
                )


def _install() -> None:
    """Makes the thread's evaluation follow the options in force."""
    opts = config.options
    current = _native.current_dynamic()
    if current is not None and not isinstance(current, CheckTrace):
        return
    wanted = opts.debug_nans or opts.debug_infs
    trace = CheckTrace(opts.debug_nans, opts.debug_infs) if wanted else None
    _native.swap_dynamic(trace)


@contextlib.contextmanager
def debug_nans(new_val: bool = True) -> Generator[None, None, None]:
    """Within the block, the first NaN raises FloatingPointError naming its origin."""
    with config.debug_nans(new_val), _following():
        yield


@contextlib.contextmanager
def debug_infs(new_val: bool = True) -> Generator[None, None, None]:
    """Within the block, the first infinity raises FloatingPointError."""
    with config.debug_infs(new_val), _following():
        yield


@contextlib.contextmanager
def _following() -> Generator[None, None, None]:
    previous = _native.current_dynamic()
    _install()
    try:
        yield
    finally:
        _native.swap_dynamic(previous)


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


config.watch("debug_nans", lambda _: _install())
config.watch("debug_infs", lambda _: _install())
