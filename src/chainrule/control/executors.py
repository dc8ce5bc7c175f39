"""Executors: what turns a program into something that runs on arrays.

An executor maps (ClosedJaxpr, positions of donated arguments) to a callable that takes
the flat concrete arguments and returns the outputs as a list or tuple. The one in
force is replaceable (the compiler sets itself); by default equations are bound one by
one. What it makes may have the methods as_text(), cost_analysis() and
memory_analysis(), which `Compiled` objects hand on; or the executor has a method
report(closed, donated) that makes an object with them. Its method native(closed), if it
has one, gives what runs a program by other means than eager evaluation, or None. Each
result is kept with its program; jitted functions (jit.py), `jit` equations (call.py) and
loops on concrete values (eager_loops.py) share them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import ConcreteArray, as_array
from ..core.jaxpr import ClosedJaxpr, evaluate_jaxpr
from ..runtime import _native

Program = Callable[..., Sequence[Any]]
Executor = Callable[[ClosedJaxpr, tuple[int, ...]], Program]


def interpreter(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Program:
    """The executor that binds the equations one by one."""
    jaxpr, consts = closed.jaxpr, closed.consts
    return lambda *args: evaluate_jaxpr(jaxpr, consts, args)


_current: list[Executor] = [interpreter]


def current_executor() -> Executor:
    """The executor in force."""
    return _current[0]


def set_executor(executor: Executor) -> Executor:
    """Puts `executor` in force for all later calls; returns the one before it."""
    former = _current[0]
    _current[0] = executor
    _native.configuration_changed()
    return former


def executable(closed: ClosedJaxpr, donated: tuple[int, ...] = ()) -> Program:
    """What the executor in force makes of a program, made once."""
    executor = _current[0]
    return closed.derived(
        ("executor", executor, donated), lambda: executor(closed, donated)
    )


def execute(closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    """The outputs of a program on concrete values; no tracers among them.

    Where a trace watches every operation (debug_nans), equations are bound one by one.
    """
    if _native.current_dynamic() is not None:
        return evaluate_jaxpr(closed.jaxpr, closed.consts, args)
    arrays = [x if type(x) is ConcreteArray else as_array(x) for x in args]
    return list(executable(closed)(*arrays))


def native_executable(closed: ClosedJaxpr) -> Program | None:
    """What the executor in force makes of a program, none of whose equations it leaves to
    eager evaluation; None if it cannot. Made once."""
    executor = _current[0]
    make = getattr(executor, "native", None)
    if make is None:
        return None
    (found,) = closed.derived(("native", executor), lambda: (make(closed),))
    return found


_native.set_hooks({"as_array": as_array})
