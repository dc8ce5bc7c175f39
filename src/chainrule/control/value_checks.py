"""debug_nans and debug_infs: evaluation that raises at the first value of that kind.

With either option a `CheckTrace` is the thread's dynamic trace. It evaluates one
primitive at a time and inspects its results; a staged program runs as compiled, and
where its results are bad it is run again equation by equation, branches and the steps of
loops included, to find which one made the first bad value. Equations know the user's
line they came from, those of derivatives that of the operation they are derived from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import numpy as np

from ..core import config, source
from ..core.avals import ConcreteArray, Tracer
from ..core.dtypes import is_inexact
from ..core.jaxpr import ClosedJaxpr, evaluate_jaxpr
from ..runtime import _native


class CheckTrace(_native.Trace):
    """Evaluates primitives and raises where a result is not finite."""

    def __init__(self, nans: bool, infs: bool):
        super().__init__()
        self.nans, self.infs = nans, infs
        self.steps: list[str] = []

    @contextlib.contextmanager
    def within(self, step: str) -> Generator[None, None, None]:
        """Within the block, values are made in the given step of a loop."""
        self.steps.append(step)
        try:
            yield
        finally:
            self.steps.pop()

    def process(self, prim: Any, args: Any, params: Any) -> Any:
        tracers = [x for x in args if isinstance(x, Tracer)]
        if tracers:
            top = max((x._trace for x in tracers), key=lambda t: t.level)
            return top.process(prim, args, params)
        program = params.get(prim.called) if prim.called else None
        if prim.raw and not isinstance(program, ClosedJaxpr):
            out = prim.evaluate(*args, **params)
        else:
            previous = _native.swap_dynamic(None)
            try:
                out = prim(*args, **params)
            finally:
                _native.swap_dynamic(previous)
        outs = out if prim.multiple_results else [out]
        if isinstance(program, ClosedJaxpr) and any(map(self.bad, outs)):
            evaluate_jaxpr(program.jaxpr, program.consts, args)  # up to the first
        for x in outs:
            self.check(prim.name, x)
        return out

    def bad(self, x: Any) -> bool:
        """Whether `x` holds a value that is not allowed."""
        values = np.asarray(x) if is_inexact(x.dtype) else np.zeros(())
        return bool(
            self.nans and np.isnan(values).any() or self.infs and np.isinf(values).any()
        )

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
                where = ", in ".join([source.current(), *reversed(self.steps)])
                raise FloatingPointError(
                    f"{name}: invalid value ({what}) at index {index} of a result of"
                    f" type {x.aval.str_short()}, at {where}."
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


config.watch("debug_nans", lambda _: _install())
config.watch("debug_infs", lambda _: _install())
