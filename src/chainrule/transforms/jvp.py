"""Forward mode: each value carries a tangent, each primitive its derivative.

A `JVPTracer` pairs a primal with a tangent (never a zero one: values without a
tangent stay outside of the trace). Both live on the level below, so forward mode
nests in itself and in everything else, and concrete primals stay concrete: Python
control flow on them works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core import errors
from ..core.avals import Tracer, aval_of
from ..core.config import options
from ..core.primitive import Primitive
from ..ops.structure import absorbing, add_tangents, instantiate
from ..runtime import _native

shown = [0]
"""How often the value of a tracer was looked at: then what follows may depend on it."""


class PrimalTracer(Tracer):
    """A tracer that stands for a primal it can show: forward and linearize modes."""

    __slots__ = ("primal", "tangent")

    def _concrete(self, kind: str) -> Any:
        if kind == "array":
            raise errors.tracer_error(self, kind, "is being differentiated")
        primal = self.primal
        shown[0] += 1
        return primal._concrete(kind) if isinstance(primal, Tracer) else primal

    def origin(self) -> str:
        inner = getattr(self.primal, "origin", None)
        return inner() if inner is not None else ""

    def __repr__(self) -> str:
        return f"Traced<{self.aval.str_short()}>with<{type(self._trace).__name__}>"


class JVPTracer(PrimalTracer):
    """A primal with its tangent in forward mode."""

    __slots__ = ()


class JVPTrace(_native.Trace):
    """Forward mode: evaluates primals and tangents side by side."""

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        primals, tangents = list(args), [None] * len(args)
        for i, x in enumerate(args):
            if type(x) is JVPTracer and x._trace is self:
                primals[i], tangents[i] = x.primal, x.tangent
        y, y_dot = jvp_primitive(prim, primals, tangents, params)
        if prim.multiple_results:
            return [self.pair(p, t) for p, t in zip(y, y_dot)]
        return self.pair(y, y_dot)

    def pair(self, primal: Any, tangent: Any) -> Any:
        """A tracer for the pair; the primal itself where the tangent is zero."""
        if tangent is None:
            return primal
        return JVPTracer(self, primal.aval, primal, tangent)


def jvp_primitive(
    prim: Primitive, primals: Sequence[Any], tangents: Sequence[Any], params: Any
) -> tuple[Any, Any]:
    """Output and output tangent of one primitive; tangents may be None (zero)."""
    if prim.jvp_call is not None:
        return prim.jvp_call(primals, tangents, **params)
    y = prim(*primals, **params)
    if not options.nan_safe_gradients:
        return y, tangent_of(prim, primals, tangents, y, params)
    rule = lambda dots: tangent_of(prim, primals, dots, y, params)
    return y, absorbing(rule, tangents)


def tangent_of(prim: Any, primals: Any, tangents: Any, y: Any, params: Any) -> Any:
    """The output tangent by whichever derivative rule the primitive has."""
    if prim.partials is not None:
        return _from_partials(prim, primals, tangents, y, params)
    if prim.linear is not None:
        return _from_linear(prim, primals, tangents, y, params)
    if prim.bilinear:
        a, b = primals
        a_dot, b_dot = tangents
        left = None if a_dot is None else prim(a_dot, b, **params)
        right = None if b_dot is None else prim(a, b_dot, **params)
        return add_tangents(left, right)
    if prim.jvp is None or not prim.jvp:
        reason = getattr(prim.jvp, "reason", "no derivative rule is defined")
        raise NotImplementedError(f"{prim.name}: cannot be differentiated: {reason}.")
    return prim.jvp(primals, tangents, y, **params)


def _from_partials(prim: Any, primals: Any, tangents: Any, y: Any, params: Any) -> Any:
    total = None
    for partial, x_dot in zip(prim.partials, tangents):
        if x_dot is not None and partial is not None:
            total = add_tangents(
                total, partial_product(partial, x_dot, primals, y, params)
            )
    return total


def partial_product(partial: Any, x_dot: Any, primals: Any, y: Any, params: Any) -> Any:
    """x_dot times one operand's partial derivative, in the shape of the output."""
    if partial == 1:
        product = x_dot
    elif partial == -1:
        product = -x_dot
    else:
        product = x_dot * partial(y, *primals, **params)
    shape = aval_of(y).shape
    if aval_of(product).shape != shape:
        product = product + instantiate(None, aval_of(y))
    return product


def _from_linear(prim: Any, primals: Any, tangents: Any, y: Any, params: Any) -> Any:
    mixed = list(primals)
    some = False
    for i in prim.linear if prim.linear != () else range(len(primals)):
        some = some or tangents[i] is not None
    if not some:
        return None if not prim.multiple_results else [None] * len(y)
    for i in prim.linear if prim.linear != () else range(len(primals)):
        mixed[i] = instantiate(tangents[i], aval_of(primals[i]))
    return prim(*mixed, **params)


def jvp_flat(
    fun: Callable[..., Sequence[Any]], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Outputs and tangents (None: zero) of a function on flat lists of values."""
    trace = JVPTrace()
    try:
        outs = fun(*[trace.pair(p, t) for p, t in zip(primals, tangents)])
        pairs = [
            (x.primal, x.tangent)
            if type(x) is JVPTracer and x._trace is trace
            else (x, None)
            for x in outs
        ]
    finally:
        trace.alive = False
    return [p for p, _ in pairs], [t for _, t in pairs]
