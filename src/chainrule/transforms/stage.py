"""Staging: running a function on abstract values and recording the IR.

While a `StageTrace` is the thread's dynamic trace, every primitive bound is recorded,
also those on constants, so the program is whole. Tracers of outer transformations and
arrays that the function closes over become constvars. Invariant: each value is one
Var, each equation's types were derived by the primitive's own rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core import errors
from ..core.avals import Array, Tracer, as_array, aval_of
from ..core.config import options
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from ..runtime import _native


class StageTracer(Tracer):
    """An abstract value: a variable of the program being recorded."""

    __slots__ = ("variable",)

    def _concrete(self, kind: str) -> Any:
        raise errors.tracer_error(self, kind)

    def origin(self) -> str:
        """Where the value came from: an argument's name or the user's line."""
        return self._trace.origin_of(self.variable)

    def __repr__(self) -> str:
        return f"Traced<{self.aval.str_short()}>with<StageTrace>"


class StageTrace(_native.Recording):
    """Records equations in the order they are bound, in the runtime (`record`)."""

    def __init__(self, name: str = "", arg_names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.name, self.arg_names = name, arg_names
        self.invars: list[Var] = []

    def argument(self, aval: Any) -> StageTracer:
        """A new input of the program."""
        var = Var(aval)
        self.invars.append(var)
        return StageTracer(self, var.aval, var)

    def atom(self, x: Any) -> Any:
        """The variable or literal that stands for `x` in the program."""
        if type(x) is StageTracer and x._trace is self:
            return x.variable
        found = self.const_of.get(id(x))
        if found is not None:
            return found[0]
        if not isinstance(x, (Array, *_plain)):
            x = as_array(x)
        aval = aval_of(x)
        if not aval.shape and not isinstance(x, Tracer) and aval.dtype.kind in "biufcV":
            return Literal(x, aval)
        var = Var(aval)
        self.const_of[id(x)] = (var, x)
        return var

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Stages a primitive by its own rule, or records it as it is."""
        if prim.stage is None:
            return self.record(prim, args, params)
        return prim.stage(self, prim, args, params)

    def finish(self, outs: Sequence[Any]) -> tuple[Jaxpr, list[Any]]:
        """The recorded program with outputs `outs`, and its constants."""
        outvars = [self.atom(x) for x in outs]
        found = list(self.const_of.values())
        jaxpr = Jaxpr([v for v, _ in found], self.invars, outvars, self.eqns)
        return jaxpr, [x for _, x in found]

    def origin_of(self, var: Var) -> str:
        inside = f" of {self.name}" if self.name else ""
        for i, v in enumerate(self.invars):
            if v is var:
                name = self.arg_names[i] if self.arg_names else f"number {i}"
                return f"(argument {name}{inside})"
        for eqn in self.eqns:
            if var in eqn.outvars:
                return f"(made by {eqn.primitive.name} at {eqn.source_info})"
        return ""


_native.set_stage_classes(StageTracer, Var, JaxprEqn, Literal)
_plain = (bool, int, float, complex)


def stage(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    name: str = "",
    arg_names: Sequence[str] | None = None,
) -> tuple[Jaxpr, list[Any]]:
    """The program of flat function `fun` at `avals`, and the constants it closes over.

    `fun` takes one tracer per aval and returns a list of values.
    """
    if options.no_tracing:
        raise RuntimeError(
            f"{name or 'stage'}: no program may be traced while no_tracing is set; call the"
            " function with these types before."
        )
    trace = StageTrace(name, arg_names)
    tracers = [trace.argument(a) for a in avals]
    previous = _native.swap_dynamic(trace)
    try:
        outs = fun(*tracers)
        return trace.finish(outs)
    finally:
        _native.swap_dynamic(previous)
        trace.alive = False


def stage_closed(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    name: str = "",
    arg_names: Sequence[str] | None = None,
) -> tuple[ClosedJaxpr, list[Any]]:
    """Like `stage`, with concrete constants closed over and tracers hoisted.

    Returns the closed program, and the outer tracers that its first invars stand for.
    """
    jaxpr, consts = stage(fun, avals, name, arg_names)
    outer = [isinstance(c, Tracer) for c in consts]
    if any(outer):
        hoisted = [v for v, o in zip(jaxpr.constvars, outer) if o]
        kept = [v for v, o in zip(jaxpr.constvars, outer) if not o]
        jaxpr = jaxpr.replace(constvars=kept, invars=hoisted + jaxpr.invars)
    closed = ClosedJaxpr(jaxpr, [c for c, o in zip(consts, outer) if not o])
    return closed, [c for c, o in zip(consts, outer) if o]
