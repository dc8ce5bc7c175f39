"""Transposition: a recorded linear program, run backwards on cotangents.

Each tape entry's primitive hands back the cotangent of its unknown operands; those of
a value used several times are added. Nothing here is specific to an operation, and
nothing is consumed: a tape can be transposed again, on cotangents of any level.
"""

from __future__ import annotations

from typing import Any, Sequence

from ..core.linear import LinearTracer
from ..ops.structure import add_p
from .linearize import Tape


def pull(
    tape: Tape, inputs: Sequence[Any], outs: Sequence[Any], out_cts: Sequence[Any]
) -> list[Any]:
    """Cotangents of the tape's `inputs` (None: zero) for those of its `outs`.

    Zero cotangents may be given as None. Entries that no cotangent reaches cost
    nothing.
    """
    cts: list[Any] = [None] * tape.size
    for v, ct in zip(outs, out_cts):
        if v is not None and ct is not None:
            old = cts[v.slot]
            cts[v.slot] = ct if old is None else add_p(old, ct)
    for prim, args, params, out in reversed(tape.entries):
        if prim.multiple_results:
            ct: Any = [cts[o.slot] for o in out]
            if all(c is None for c in ct):
                continue
        else:
            slot = out.slot
            ct = cts[slot]
            if ct is None:
                continue
            cts[slot] = None
        for x, x_bar in zip(args, prim.transpose(ct, *args, **params)):
            if x_bar is not None and type(x) is LinearTracer and x._trace is tape:
                old = cts[x.slot]
                cts[x.slot] = x_bar if old is None else add_p(old, x_bar)
    return [None if v is None else cts[v.slot] for v in inputs]
