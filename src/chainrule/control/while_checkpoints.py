"""Cotangents of a loop by multilevel checkpointing, as a staged program.

Steps go by sections, each a scan that stores its residuals; the rest, fewer than a
section, goes step by step. To reach the sections from the last to the first, the loop is
run again and SLOTS of its carries are kept, at equal distances; between them the same is
done within, LEVELS deep. So memory does not grow with the number of steps, and up to
SLOTS**LEVELS sections each is repeated at most LEVELS + 1 times (Griewank and Walther,
Evaluating Derivatives, 2008, section 12.2). `bind` binds the while primitive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, aval_of, tangent_aval, update
from ..core.jaxpr import ClosedJaxpr
from ..ops.arithmetic import add_p, div_p, mul_p, sub_p
from ..ops.elementwise_logic import gt_p, lt_p
from ..ops.elementwise_selection import max_p, min_p, select_n_p
from ..ops.joining import iota
from ..ops.structure import add_tangents, instantiate
from ..transforms.linearize import linearize_flat
from ..transforms.stage import stage_closed
from ..transforms.transpose import pull
from .call import run, stage_program
from .cond import cond_p
from .programs import parts, united
from .scan import scan_p
from .scan_reverse import spread

Bind = Callable[..., list[Any]]

SLOTS = 64
LEVELS = 2
SECTION = 96
"""Steps of a section, if their residuals are within `config.loop_residual_bytes`."""

int32 = np.dtype(np.int32)
count_aval = ShapedArray((), int32, False)


def number(n: int) -> Any:
    """An int32 constant."""
    return np.asarray(n, int32)


def pulled(
    bind: Bind, body_jaxpr: ClosedJaxpr, body_nconsts: int, nonzero: Any, section: int
) -> ClosedJaxpr:
    """(count, consts, init, carry cts) -> (const cts, init cts), by checkpoints and
    sections of so many steps."""
    avals = body_jaxpr.in_avals
    cts = [tangent_aval(a) for a, nz in zip(avals, nonzero) if nz]
    n_sums = sum(nonzero[:body_nconsts])

    def fun(count: Any, *values: Any) -> list[Any]:
        consts, init, given = parts(values, body_nconsts, len(avals) - body_nconsts)
        whole = _Steps(
            bind, _section(body_jaxpr, body_nconsts, section), consts, nonzero
        )
        steps = _Steps(bind, body_jaxpr, consts, nonzero)
        sections = div_p(count, number(section))
        rest = sub_p(count, mul_p(sections, number(section)))
        found = [*(instantiate(None, a) for a in cts[:n_sums]), *given]
        if section > 1:
            found = steps.pull(1, whole.advance(sections, init), rest, found)
        return whole.pull(LEVELS, init, sections, found)

    return body_jaxpr.derived(
        ("pulled by checkpoints", body_nconsts, nonzero, section),
        lambda: stage_program(fun, [count_aval, *avals, *cts[n_sums:]]),
    )


def as_scan(body: ClosedJaxpr, num_consts: int, n: int) -> dict[str, Any]:
    """The parameters of a scan of `n` steps of a loop."""
    return {
        "jaxpr": body, "num_consts": num_consts, "num_carry": len(body.out_avals),
        "length": n, "reverse": False, "unroll": 1,
    }  # fmt: skip


def _section(body: ClosedJaxpr, num_consts: int, n: int) -> ClosedJaxpr:
    """The program of `n` steps of a loop."""
    if n == 1:
        return body
    loop = as_scan(body, num_consts, n)
    return body.derived(
        ("section", num_consts, n),
        lambda: stage_program(lambda *xs: scan_p(*xs, **loop), body.in_avals),
    )


def pulled_back(fun: Any, primals: Any, nonzero: Any, cts: Any) -> list[Any]:
    """The cotangents of those `primals` of a flat function that are to have one."""
    _, tape, inputs, outs = linearize_flat(fun, primals, nonzero)
    given = [None if v is None else c for v, c in zip(outs, cts)]
    return [c for c, nz in zip(pull(tape, inputs, outs, given), nonzero) if nz]


class _Steps:
    """Pulls cotangents back through consecutive runs of a body; staged code."""

    def __init__(self, bind: Bind, body: ClosedJaxpr, consts: Any, nonzero: Any):
        self.bind, self.body = bind, body
        self.consts, self.nonzero = consts, nonzero
        self.n_sums = sum(nonzero[: len(consts)])

    def advance(self, count: Any, carry: Sequence[Any]) -> list[Any]:
        """The carry after `count` more steps."""
        return repeat(
            self.bind, count, lambda *c: run(self.body, *self.consts, *c), carry
        )

    def pull_step(self, carry: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """Sums and carry cotangents before one step, from those after it."""
        sums, carry_cts = parts(cts, self.n_sums)
        primals = [*self.consts, *carry]
        given = spread(carry_cts, self.nonzero[len(self.consts) :])
        step = lambda *xs: run(self.body, *xs)
        kept = pulled_back(step, primals, self.nonzero, given)
        added = [add_tangents(s, c) for s, c in zip(sums, kept)]
        return [
            *added,
            *(
                instantiate(c, aval_of(t))
                for c, t in zip(kept[self.n_sums :], carry_cts)
            ),
        ]

    def pull(self, level: int, carry: Any, count: Any, cts: Any) -> list[Any]:
        """Through `count` steps that start from `carry`."""
        if level == 0:
            return self.pull_each(carry, count, cts)
        slots, nothing = number(SLOTS), number(0)
        distance = div_p(add_p(count, number(SLOTS - 1)), slots)
        distance = max_p(distance, number(SLOTS ** (level - 1)))

        def length(k: Any) -> Any:
            left = sub_p(count, mul_p(k, distance))
            return min_p(max_p(left, nothing), distance)

        def forward(*values: Any) -> list[Any]:
            c, (k,) = parts(values, len(carry))
            later = gt_p(length(add_p(k, number(1))), nothing)
            return [*self.advance(select_n_p(later, nothing, distance), c), *c]

        def backward(*values: Any) -> list[Any]:
            ts, c, (k,) = parts(values, len(cts), len(carry))
            steps = length(k)
            return _choose(
                min_p(steps, number(1)),
                [lambda *xs: list(xs), lambda *xs: self.pull(level - 1, c, steps, xs)],
                ts,
            )

        numbers = iota(int32, (SLOTS,))
        rows = _rows(forward, carry, [numbers], False)[len(carry) :]
        return _rows(backward, cts, [*rows, numbers], True)

    def pull_each(self, carry: Any, count: Any, cts: Any) -> list[Any]:
        """Runs to each step anew, from the last to the first."""

        def back(i: Any, *ts: Any) -> list[Any]:
            before = sub_p(i, number(1))
            return [before, *self.pull_step(self.advance(before, carry), ts)]

        test = lambda i, *_: [gt_p(i, number(0))]
        return _while(self.bind, test, back, [count, *cts])[1:]


# --- loops of staged functions that close over tracers -----------------------------------


def _staged(fun: Any, values: Sequence[Any]) -> tuple[ClosedJaxpr, list[Any]]:
    return stage_closed(fun, [aval_of(x) for x in values])


def _while(bind: Bind, test: Any, step: Any, carry: Sequence[Any]) -> list[Any]:
    (cond_jaxpr, cond_consts), (body_jaxpr, consts) = (
        _staged(f, carry) for f in (test, step)
    )
    return bind(
        *cond_consts, *consts, *carry, cond_jaxpr=cond_jaxpr,
        cond_nconsts=len(cond_consts), body_jaxpr=body_jaxpr, body_nconsts=len(consts),
    )  # fmt: skip


def repeat(bind: Bind, count: Any, step: Any, carry: Sequence[Any]) -> list[Any]:
    """The carry after `count` steps."""

    def counted_step(i: Any, *values: Any) -> list[Any]:
        return [add_p(i, number(1)), *step(*values)]

    test = lambda i, *_: [lt_p(i, count)]
    return _while(bind, test, counted_step, [number(0), *carry])[1:]


def _rows(step: Any, carry: Any, xs: Sequence[Any], reverse: bool) -> list[Any]:
    rows = [update(a, shape=a.shape[1:]) for a in map(aval_of, xs)]
    body, consts = stage_closed(step, [*map(aval_of, carry), *rows])
    return scan_p(
        *consts, *carry, *xs, jaxpr=body, num_consts=len(consts), num_carry=len(carry),
        length=aval_of(xs[0]).shape[0], reverse=reverse, unroll=1,
    )  # fmt: skip


def _choose(index: Any, funs: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    branches, consts = united([_staged(f, args) for f in funs])
    return cond_p(index, *consts, *args, branches=branches)
