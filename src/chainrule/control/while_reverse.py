"""Reverse mode of while, whose number of steps is known only when it has run.

Linearizing runs the loop with a counter. Where the count is then a number (eager code),
the loop is a scan of that length and is linearized as one. Under staging the tangents
are one equation,

    while_tangents[body_jaxpr body_nconsts nonzero] count consts init dots -> carry dots

whose transpose runs the loop again and keeps SLOTS of its carries, at equal distances;
from the last section to the first it does the same within, LEVELS deep, and pulls the
cotangents back through single steps. So memory does not grow with the number of steps,
and up to SLOTS**LEVELS steps each is repeated at most LEVELS times. This is multilevel
checkpointing (Griewank and Walther, Evaluating Derivatives, 2008, section 12.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import ConcreteArray, ShapedArray, aval_of, tangent_aval, update
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..ops.arithmetic import add_p, div_p, mul_p, sub_p
from ..ops.elementwise_logic import gt_p, lt_p
from ..ops.elementwise_selection import max_p, min_p
from ..ops.joining import iota
from ..ops.structure import add_tangents, instantiate
from ..transforms.linearize import linearize_flat
from ..transforms.stage import stage_closed
from ..transforms.transpose import pull
from .call import run, stage_program
from .cond import cond_p
from .executors import execute
from .jit import jit_p
from .programs import (
    FORWARD,
    grown,
    inexact_tangents,
    lifted,
    parts,
    to_fixpoint,
    united,
)
from .scan import scan_p
from .scan_reverse import spread

Bind = Callable[..., list[Any]]

SLOTS = 64
LEVELS = 3

_int32 = np.dtype(np.int32)
_count = ShapedArray((), _int32, False)


def _number(n: int) -> Any:
    return np.asarray(n, _int32)


def counted(
    cond_jaxpr: ClosedJaxpr, cond_nconsts: int, body: ClosedJaxpr, n: int
) -> Any:
    """Condition and body with the number of steps in front of the carry of the body."""

    def make() -> Any:
        def test(*values: Any) -> list[Any]:
            consts, _, carry = parts(values, cond_nconsts, 1)
            return run(cond_jaxpr, *consts, *carry)

        def step(*values: Any) -> list[Any]:
            consts, (i,), carry = parts(values, n, 1)
            return [add_p(i, _number(1)), *run(body, *consts, *carry)]

        tested, stepped = cond_jaxpr.in_avals, body.in_avals
        return (
            stage_program(
                test, [*tested[:cond_nconsts], _count, *tested[cond_nconsts:]]
            ),
            stage_program(step, [*stepped[:n], _count, *stepped[n:]]),
        )

    return body.derived(("counted", cond_jaxpr), make)


def reverse_rules(bind: Bind) -> tuple[Callable[..., Any], Primitive]:
    """For the while that `bind` binds: `linearize_call`, and the tangents' primitive."""
    tangents_p: Any = Primitive(
        "while_tangents",
        "The tangents of a loop that has been run, linear in those given.",
        abstract=_abstract,
        evaluate=lambda *args, **p: execute(pushed(bind, **p), args),
        transpose=lambda cts, *args, **p: _transpose(bind, cts, args, **p),
        taylor_call=lambda trace, _, args, **p: jit_p.taylor_call(
            trace, jit_p, args, jaxpr=pushed(bind, **p), name="while_tangents"
        ),
        multiple_results=True,
        raw=True,
        **{rule: _by_pushing(bind, rule) for rule in _call_rules},
    )

    def linearize_call(
        tape: Any, primals: Any, tangents: Any, *, cond_jaxpr: Any, cond_nconsts: int,
        body_jaxpr: Any, body_nconsts: int,
    ) -> Any:  # fmt: skip
        cond_consts, consts, init = parts(primals, cond_nconsts, body_nconsts)
        dots = inexact_tangents(primals, tangents)[cond_nconsts:]
        nonzero = _nonzero(body_jaxpr, body_nconsts, tuple(t is not None for t in dots))
        wanted = nonzero[body_nconsts:]
        test, body = counted(cond_jaxpr, cond_nconsts, body_jaxpr, body_nconsts)
        count, *outs = bind(
            *cond_consts, *consts, _number(0), *init, cond_jaxpr=test,
            cond_nconsts=cond_nconsts, body_jaxpr=body, body_nconsts=body_nconsts,
        )  # fmt: skip
        if not any(wanted):
            return outs, [None] * len(outs)
        given = [*consts, *init]
        if type(count) is ConcreteArray:
            return scan_p.linearize_call(
                tape, given, dots, **_as_scan(body_jaxpr, body_nconsts, count)
            )
        full = [
            instantiate(t, tangent_aval(aval_of(p)))
            for t, p, nz in zip(dots, given, nonzero)
            if nz
        ]
        found = tangents_p(
            count, *given, *full, body_jaxpr=body_jaxpr, body_nconsts=body_nconsts,
            nonzero=nonzero,
        )  # fmt: skip
        return outs, spread(found, wanted)

    return linearize_call, tangents_p


def _nonzero(body: ClosedJaxpr, num_consts: int, given: tuple[bool, ...]) -> Any:
    """Which constants and carries have tangents in the loop."""

    def carried(mask: Any) -> Any:
        return grown(mask, lifted(body, FORWARD, mask)[1], num_consts)

    return to_fixpoint(given, carried)


def _as_scan(body: ClosedJaxpr, num_consts: int, count: Any) -> dict[str, Any]:
    """The parameters of a loop of known length."""
    return {
        "jaxpr": body, "num_consts": num_consts, "num_carry": len(body.out_avals),
        "length": int(np.asarray(count)), "reverse": False, "unroll": 1,
    }  # fmt: skip


# --- the tangents of a loop under staging ----------------------------------------------


def _abstract(
    count: Any, *avals: Any, body_jaxpr: Any, body_nconsts: int, nonzero: Any
) -> Any:
    dots = [tangent_aval(a) for a, nz in zip(body_jaxpr.in_avals, nonzero) if nz]
    given = [(a.shape, a.dtype) for a in avals]
    if given != [(a.shape, a.dtype) for a in [*body_jaxpr.in_avals, *dots]]:
        raise TypeError(
            "while_tangents: the operands must have the types of the body's arguments,"
            " then of their tangents."
        )
    return dots[sum(nonzero[:body_nconsts]) :]


def pushed(
    bind: Bind, body_jaxpr: ClosedJaxpr, body_nconsts: int, nonzero: Any
) -> ClosedJaxpr:
    """(count, consts, init, dots) -> carry dots: primals and tangents side by side."""
    n, n_consts = len(nonzero), body_nconsts
    step, _ = lifted(body_jaxpr, FORWARD, nonzero, nonzero[n_consts:])

    def fun(count: Any, *values: Any) -> list[Any]:
        consts, carry, dots = parts(values, n_consts, n - n_consts)
        const_dots, carry_dots = parts(dots, sum(nonzero[:n_consts]))

        def both(*pairs: Any) -> list[Any]:
            c, t = parts(pairs, len(carry))
            return run(step, *consts, *c, *const_dots, *t)

        return _repeat(bind, count, both, [*carry, *carry_dots])[len(carry) :]

    dot_avals = step.in_avals[n:]
    return body_jaxpr.derived(
        ("pushed", n_consts, nonzero),
        lambda: stage_program(fun, [_count, *body_jaxpr.in_avals, *dot_avals]),
    )


_call_rules = ("jvp_call", "linearize_call", "batch_call")


def _by_pushing(bind: Bind, rule: str) -> Any:
    """A rule of `jit`, on the loop written out."""

    def apply(*args: Any, **params: Any) -> Any:
        program = pushed(bind, **params)
        return getattr(jit_p, rule)(*args, jaxpr=program, name="while_tangents")

    return apply


def _transpose(
    bind: Bind, cts: Any, args: Any, *, body_jaxpr: Any, body_nconsts: int,
    nonzero: Any,
) -> Any:  # fmt: skip
    n = len(nonzero)
    count, *primals = args[: n + 1]
    wanted = nonzero[body_nconsts:]
    if type(count) is ConcreteArray:
        params = _as_scan(body_jaxpr, body_nconsts, count)
        _, tape, inputs, outs = linearize_flat(
            lambda *xs: scan_p(*xs, **params), primals, nonzero
        )
        given = spread(cts, wanted)
        given = [None if v is None else c for v, c in zip(outs, given)]
        found = [
            c for c, nz in zip(pull(tape, inputs, outs, given), nonzero) if nz
        ]  # fmt: skip
        return [None] * (1 + n) + found
    avals = body_jaxpr.in_avals[body_nconsts:]
    dots = [tangent_aval(a) for a, w in zip(avals, wanted) if w]
    full = [instantiate(c, a) for c, a in zip(cts, dots)]
    program = pulled(bind, body_jaxpr, body_nconsts, nonzero)
    found = jit_p(count, *primals, *full, jaxpr=program, name="while_cotangents")
    return [None] * (1 + n) + list(found)


def pulled(
    bind: Bind, body_jaxpr: ClosedJaxpr, body_nconsts: int, nonzero: Any
) -> ClosedJaxpr:
    """(count, consts, init, carry cts) -> (const cts, init cts), by checkpoints."""
    avals = body_jaxpr.in_avals
    cts = [tangent_aval(a) for a, nz in zip(avals, nonzero) if nz]
    n_sums = sum(nonzero[:body_nconsts])

    def fun(count: Any, *values: Any) -> list[Any]:
        consts, init, given = parts(values, body_nconsts, len(avals) - body_nconsts)
        sums = [instantiate(None, a) for a in cts[:n_sums]]
        loop = _Section(bind, body_jaxpr, consts, nonzero)
        return loop.pull(LEVELS, init, count, [*sums, *given])

    return body_jaxpr.derived(
        ("pulled by checkpoints", body_nconsts, nonzero),
        lambda: stage_program(fun, [_count, *avals, *cts[n_sums:]]),
    )


class _Section:
    """Pulls cotangents back through consecutive steps of a loop; staged code."""

    def __init__(self, bind: Bind, body: ClosedJaxpr, consts: Any, nonzero: Any):
        self.bind, self.body = bind, body
        self.consts, self.nonzero = consts, nonzero
        self.n_sums = sum(nonzero[: len(consts)])

    def advance(self, count: Any, carry: Sequence[Any]) -> list[Any]:
        """The carry after `count` more steps."""
        return _repeat(
            self.bind, count, lambda *c: run(self.body, *self.consts, *c), carry
        )

    def pull_step(self, carry: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """Sums and carry cotangents before one step, from those after it."""
        sums, carry_cts = parts(cts, self.n_sums)
        primals = [*self.consts, *carry]
        _, tape, inputs, outs = linearize_flat(
            lambda *xs: run(self.body, *xs), primals, self.nonzero
        )
        given = spread(carry_cts, self.nonzero[len(self.consts) :])
        given = [None if v is None else c for v, c in zip(outs, given)]
        found = pull(tape, inputs, outs, given)
        kept = [c for c, nz in zip(found, self.nonzero) if nz]
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
        slots = _number(SLOTS)
        distance = max_p(div_p(add_p(count, _number(SLOTS - 1)), slots), _number(1))

        def length(k: Any) -> Any:
            left = sub_p(count, mul_p(k, distance))
            return min_p(max_p(left, _number(0)), distance)

        def forward(*values: Any) -> list[Any]:
            c, (k,) = parts(values, len(carry))
            return [*self.advance(length(k), c), *c]

        def backward(*values: Any) -> list[Any]:
            ts, c, (k,) = parts(values, len(cts), len(carry))
            steps = length(k)
            return _choose(
                min_p(steps, _number(2)),
                [
                    lambda *xs: list(xs),
                    lambda *xs: self.pull_step(c, xs),
                    lambda *xs: self.pull(level - 1, c, steps, xs),
                ],
                ts,
            )

        numbers = iota(_int32, (SLOTS,))
        rows = _rows(forward, carry, [numbers], False)[len(carry) :]
        return _rows(backward, cts, [*rows, numbers], True)

    def pull_each(self, carry: Any, count: Any, cts: Any) -> list[Any]:
        """Runs to each step anew, from the last to the first."""

        def back(i: Any, *ts: Any) -> list[Any]:
            before = sub_p(i, _number(1))
            return [before, *self.pull_step(self.advance(before, carry), ts)]

        test = lambda i, *_: [gt_p(i, _number(0))]
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


def _repeat(bind: Bind, count: Any, step: Any, carry: Sequence[Any]) -> list[Any]:
    """The carry after `count` steps."""

    def counted_step(i: Any, *values: Any) -> list[Any]:
        return [add_p(i, _number(1)), *step(*values)]

    test = lambda i, *_: [lt_p(i, count)]
    return _while(bind, test, counted_step, [_number(0), *carry])[1:]


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
