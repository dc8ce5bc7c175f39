"""Linearize: forward mode with the tangent program recorded instead of run.

Primals are evaluated as they come (concretely, in eager code). Tangents are abstract:
each linear operation on them is appended to a `Tape`, with the known values it uses.
The tape can be replayed on tangents (`Tape.push`) or transposed (transpose.py), any
number of times; known values are ordinary values of the level below, so taping a tape
gives the higher orders.

Two kinds of tracers belong to a `LinearizeTrace`, and no operation sees both: pairs
(LinearizeTracer) in the user's program, tangents (LinearTracer) in derivative rules.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from ..core.avals import aval_of, tangent_aval
from ..core.linear import LinearTracer
from ..ops.structure import add_p, broadcast_to, instantiate, negate_p, scale_p
from ..runtime import _native
from .jvp import PrimalTracer, tangent_of

_no_params: dict[str, Any] = {}


class Tape(_native.Trace):
    """The tangent program: entries (primitive, inputs, params, output tracers)."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, Sequence[Any], dict[str, Any], Any]] = []
        self.size = 0

    def variable(self, aval: Any) -> LinearTracer:
        """A new tangent variable: an input, or the output of the next entry."""
        slot = self.size
        self.size = slot + 1
        return LinearTracer(self, aval, slot)

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Records a linear primitive applied to tangents and known values."""
        out = prim.out_aval(tuple([aval_of(a) for a in args]), params)
        if prim.multiple_results:
            outs = [self.variable(a) for a in out]
        else:
            outs = self.variable(out)
        self.entries.append((prim, args, params, outs))
        return outs

    def append(self, prim: Any, args: tuple[Any, ...], aval: Any) -> LinearTracer:
        """Records `prim(*args)` with one output of type `aval`."""
        slot = self.size
        self.size = slot + 1
        out = LinearTracer(self, aval, slot)
        self.entries.append((prim, args, _no_params, out))
        return out

    def from_partials(
        self, partials: Sequence[Any], primals: Any, tangents: Any, y: Any
    ) -> Any:
        """Records sum(tangent * partial) over the operands that have a tangent."""
        total = None
        for partial, x_dot in zip(partials, tangents):
            if x_dot is None or partial is None:
                continue
            product = self._scaled(x_dot, partial, primals, y)
            total = product if total is None else self.append(
                add_p, (total, product), total.aval
            )
        return total

    def _scaled(self, x_dot: Any, partial: Any, primals: Any, y: Any) -> Any:
        aval = y.aval
        if partial == 1:
            product = x_dot
        elif partial == -1:
            product = self.append(negate_p, (x_dot,), x_dot.aval)
        else:
            factor = partial(y, *primals)
            if x_dot.aval is not aval and factor.shape != aval.shape:
                return scale_p(broadcast_to(x_dot, aval.shape), factor)
            return self.append(scale_p, (x_dot, factor), aval)
        if product.aval is not aval and product.shape != aval.shape:
            return broadcast_to(product, aval.shape)
        return product

    def push(
        self, inputs: Sequence[Any], tangents: Sequence[Any], outs: Sequence[Any]
    ) -> list[Any]:
        """Replays the tape: output tangents (None: zero) for input `tangents`."""
        env: list[Any] = [None] * self.size
        for v, t in zip(inputs, tangents):
            if v is not None:
                env[v.slot] = instantiate(t, v.aval)
        for prim, args, params, out in self.entries:
            values = [
                env[a.slot] if type(a) is LinearTracer and a._trace is self else a
                for a in args
            ]
            result = prim(*values, **params)
            if prim.multiple_results:
                for o, r in zip(out, result):
                    env[o.slot] = r
            else:
                env[out.slot] = result
        return [None if o is None else env[o.slot] for o in outs]

    def replace_known(self, known: dict[int, Any]) -> None:
        """Replaces known values: `known` maps id(old) to new."""
        self.entries = [
            (prim, [known.get(id(a), a) for a in args], params, out)
            for prim, args, params, out in self.entries
        ]


class LinearizeTracer(PrimalTracer):
    """A primal with the tape's variable for its tangent."""

    __slots__ = ()


class LinearizeTrace(Tape):
    """Evaluates primals, tapes tangents."""

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if len(args) == 1 and prim.partials is not None and not params:
            if type(args[0]) is LinearizeTracer:
                return self.process_unary(prim, args[0])
        primals, tangents = list(args), [None] * len(args)
        for i, x in enumerate(args):
            kind = type(x)
            if kind is LinearizeTracer:
                if x._trace is self:
                    primals[i], tangents[i] = x.primal, x.tangent
            elif kind is LinearTracer and x._trace is self:
                return Tape.process(self, prim, args, params)
        if prim.linearize_call is not None:
            y, y_dot = prim.linearize_call(self, primals, tangents, **params)
        elif prim.jvp_call is not None:
            y, y_dot = prim.jvp_call(primals, tangents, **params)
        else:
            y = prim(*primals, **params)
            if prim.partials is not None:
                y_dot = self.from_partials(prim.partials, primals, tangents, y)
            else:
                y_dot = tangent_of(prim, primals, tangents, y, params)
        if prim.multiple_results:
            return [self.pair(p, t) for p, t in zip(y, y_dot)]
        return y if y_dot is None else LinearizeTracer(self, y.aval, y, y_dot)

    def process_unary(self, prim: Any, x: Any) -> Any:
        """The common case: an elementwise function of one value."""
        primal, (partial,) = x.primal, prim.partials
        y = prim(primal)
        if partial is None:
            return y
        aval = y.aval
        x_dot = x.tangent
        if partial == 1:
            y_dot = x_dot
        elif partial == -1:
            y_dot = self.append(negate_p, (x_dot,), aval)
        else:
            y_dot = self.append(scale_p, (x_dot, partial(y, primal)), aval)
        return LinearizeTracer(self, aval, y, y_dot)

    def pair(self, primal: Any, tangent: Any) -> Any:
        """A tracer for the pair; the primal itself where the tangent is zero."""
        if tangent is None:
            return primal
        return LinearizeTracer(self, primal.aval, primal, tangent)


def linearize_flat(
    fun: Callable[..., Sequence[Any]], primals: Sequence[Any], wanted: Sequence[bool]
) -> tuple[list[Any], Tape, list[Any], list[Any]]:
    """Runs `fun` on flat `primals`, taping tangents of the `wanted` ones.

    Returns outputs, the tape, the tape's input variables (None where not wanted) and
    its output variables (None where the tangent is zero).
    """
    trace = LinearizeTrace()
    inputs: list[Any] = []
    tracers: list[Any] = []
    for p, w in zip(primals, wanted):
        v = trace.variable(tangent_aval(p.aval)) if w else None
        inputs.append(v)
        tracers.append(trace.pair(p, v))
    values: list[Any] = []
    out_vars: list[Any] = []
    try:
        for x in fun(*tracers):
            if type(x) is LinearizeTracer and x._trace is trace:
                values.append(x.primal)
                out_vars.append(x.tangent)
            else:
                values.append(x)
                out_vars.append(None)
    finally:
        trace.alive = False
    return values, trace, inputs, out_vars
