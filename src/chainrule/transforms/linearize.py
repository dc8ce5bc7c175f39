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

from collections.abc import Callable, Sequence
from typing import Any

from ..core.avals import aval_of, tangent_aval
from ..core.linear import LinearTracer, SparseCotangent
from ..ops import structure
from ..ops.structure import broadcast_to, instantiate
from ..runtime import _native
from .jvp import PrimalTracer, jvp_primitive


class Tape(_native.Tape):
    """The tangent program: entries (primitive, operands, params, outputs, frame).

    The runtime keeps `entries` and `size`, and `append` there adds an entry.
    """

    def variable(self, aval: Any) -> LinearTracer:
        """A new tangent variable: an input, or an output of the next entry."""
        slot = self.size
        self.size = slot + 1
        return LinearTracer(self, aval, slot)

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Records a linear primitive applied to tangents and known values."""
        out = prim.out_aval(tuple([aval_of(a) for a in args]), params)
        if not prim.multiple_results:
            return self.append(prim, args, out, params)
        outs = [self.variable(a) for a in out]
        self.entries.append((prim, args, params, outs, _native.user_frame()))
        return outs

    def broadcast_variable(self, x: LinearTracer, aval: Any) -> LinearTracer:
        """The tangent `x` broadcast to the shape of `aval`."""
        return broadcast_to(x, aval.shape)

    def push(
        self, inputs: Sequence[Any], tangents: Sequence[Any], outs: Sequence[Any]
    ) -> list[Any]:
        """Replays the tape: output tangents (None: zero) for input `tangents`."""
        env: list[Any] = [None] * self.size
        for v, t in zip(inputs, tangents):
            if v is not None:
                env[v.slot] = instantiate(t, v.aval)
        for prim, args, params, out, frame in self.entries:
            values = [
                env[a.slot] if type(a) is LinearTracer and a._trace is self else a
                for a in args
            ]
            result = _native.bind_at(frame, prim, values, params)
            if prim.multiple_results:
                for o, r in zip(out, result):
                    env[o.slot] = r
            else:
                env[out.slot] = result
        return [None if o is None else env[o.slot] for o in outs]

    def replace_known(self, known: dict[int, Any]) -> None:
        """Replaces known values: `known` maps id(old) to new."""
        self.entries = [
            (prim, [known.get(id(a), a) for a in args], *rest)
            for prim, args, *rest in self.entries
        ]


class LinearizeTracer(PrimalTracer):
    """A primal with the tape's variable for its tangent."""

    __slots__ = ()


_native.set_tape_classes(
    LinearTracer, LinearizeTracer, structure.add_p, structure.scale_p,
    structure.negate_p, structure.unbroadcast, instantiate, SparseCotangent,
)  # fmt: skip


class LinearizeTrace(Tape):
    """Evaluates primals, tapes tangents.

    The runtime does the same at once for the primitives that programs mostly use:
    elementwise ones (an entry `scale(x_dot, partial)` for each operand with a tangent),
    bilinear ones and linear ones. What it leaves comes here.
    """

    def process(self, prim: Any, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        primals, tangents = list(args), [None] * len(args)
        for i, x in enumerate(args):
            if type(x) is LinearizeTracer and x._trace is self:
                primals[i], tangents[i] = x.primal, x.tangent
            elif type(x) is LinearTracer and x._trace is self:
                return Tape.process(self, prim, args, params)
        if prim.linearize_call is not None:
            y, y_dot = prim.linearize_call(self, primals, tangents, **params)
        else:
            y, y_dot = jvp_primitive(prim, primals, tangents, params)
        if prim.multiple_results:
            return [self.pair(p, t) for p, t in zip(y, y_dot)]
        return self.pair(y, y_dot)

    def pair(self, primal: Any, tangent: Any) -> Any:
        """A tracer for the pair; the primal itself where the tangent is zero.

        A known value is no function of the tape's inputs: as a linear one it is zero.
        """
        if type(tangent) is not LinearTracer:
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
    try:
        values, out_vars = split(trace, fun(*tracers))
    finally:
        trace.alive = False
    return values, trace, inputs, out_vars


def split(trace: Tape, outs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Primals and tangent variables (None: zero) of what a function returned."""
    mine = [type(x) is LinearizeTracer and x._trace is trace for x in outs]
    values = [x.primal if m else x for x, m in zip(outs, mine)]
    return values, [x.tangent if m else None for x, m in zip(outs, mine)]
