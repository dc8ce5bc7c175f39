"""Reverse mode of while, whose number of steps is known only when it has run.

Linearizing runs the loop with a counter. Where the count is then a number (eager code),
the loop is a scan of that length and is linearized as one, unless its residuals would
take more than `config.loop_residual_bytes`. Otherwise, and under staging, the tangents
are one equation and their transpose another,

    while_tangents[body_jaxpr body_nconsts nonzero] count consts init dots -> carry dots
    while_cotangents[...] count consts init carry cts -> const cts, init cts

of which each is the other's transpose. The cotangents are pulled back by sections, from
the last to the first, each run again from its first carry: see `_pull_sections`, and
`while_checkpoints` for the staged form, which other transformations look into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import ConcreteArray, Tracer, as_array, aval_of, tangent_aval
from ..core.config import options
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..ops.arithmetic import add_p
from ..ops.structure import add_tangents, instantiate
from .call import linear_programs, run, stage_program
from .executors import execute
from .jit import jit_p
from .programs import (
    FORWARD,
    grown,
    inexact_tangents,
    lifted,
    parts,
    silent,
    to_fixpoint,
)
from .scan import scan_p
from .scan_reverse import linearized, spread
from .while_checkpoints import (
    SECTION,
    Bind,
    as_scan,
    count_aval,
    number,
    pulled,
    pulled_back,
    repeat,
)


def counted(
    cond_jaxpr: ClosedJaxpr, cond_nconsts: int, body: ClosedJaxpr, n: int
) -> Any:
    """Condition and body with the number of steps in front of the carry of the body."""

    def test(*values: Any) -> list[Any]:
        consts, _, carry = parts(values, cond_nconsts, 1)
        return run(cond_jaxpr, *consts, *carry)

    def step(*values: Any) -> list[Any]:
        consts, (i,), carry = parts(values, n, 1)
        return [add_p(i, number(1)), *run(body, *consts, *carry)]

    def staged(fun: Any, program: ClosedJaxpr, at: int) -> ClosedJaxpr:
        avals = program.in_avals
        return program.derived(
            ("counted", at),
            lambda: stage_program(fun, [*avals[:at], count_aval, *avals[at:]]),
        )

    return staged(test, cond_jaxpr, cond_nconsts), staged(step, body, n)


def reverse_rules(bind: Bind) -> tuple[Callable[..., Any], Primitive]:
    """For the while that `bind` binds: `linearize_call`, and the tangents' primitive."""
    tangents_p: Any = _loop_primitive(
        "while_tangents",
        "The tangents of a loop that has been run, linear in those given.",
        lambda **p: pushed(bind, **p),
        _abstract_tangents,
        transpose=lambda cts, *args, **p: _transpose_tangents(
            cotangents_p, cts, args, **p
        ),
    )
    cotangents_p: Any = _loop_primitive(
        "while_cotangents",
        "The cotangents of a loop that has been run, linear in those given.",
        lambda **p: pulled(bind, **p, section=min(SECTION, _steps_stored(**p))),
        _abstract_cotangents,
        transpose=lambda cts, *args, **p: _transpose_cotangents(
            tangents_p, cts, args, **p
        ),
        evaluate=_pull_sections,
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
            *cond_consts, *consts, number(0), *init, cond_jaxpr=test,
            cond_nconsts=cond_nconsts, body_jaxpr=body, body_nconsts=body_nconsts,
        )  # fmt: skip
        if not any(wanted):
            return outs, [None] * len(outs)
        given, body_jaxpr = [*consts, *init], silent(body_jaxpr)
        params: Any = {"body_jaxpr": body_jaxpr, "body_nconsts": body_nconsts}
        if type(count) is ConcreteArray:
            n = int(np.asarray(count))
            if n <= _steps_stored(**params, nonzero=nonzero):
                rule = scan_p.linearize_call
                return rule(tape, given, dots, **as_scan(body_jaxpr, body_nconsts, n))
        full = [
            instantiate(t, tangent_aval(aval_of(p)))
            for t, p, nz in zip(dots, given, nonzero)
            if nz
        ]
        found = tangents_p(count, *given, *full, **params, nonzero=nonzero)
        return outs, spread(found, wanted)

    return linearize_call, tangents_p


def _nonzero(body: ClosedJaxpr, num_consts: int, given: tuple[bool, ...]) -> Any:
    """Which constants and carries have tangents in the loop."""

    def carried(mask: Any) -> Any:
        return grown(mask, linear_programs(body, mask)[2], num_consts)

    return to_fixpoint(given, carried)


def _steps_stored(body_jaxpr: ClosedJaxpr, body_nconsts: int, nonzero: Any) -> int:
    """How many steps' residuals may be kept at a time; at least one."""
    num_carry = len(body_jaxpr.out_avals)
    known = linearized(body_jaxpr, body_nconsts, num_carry, nonzero)[2].known
    stacked = known.out_avals[num_carry:]
    bytes_ = sum(a.size * a.dtype.itemsize for a in stacked)
    return max(options.loop_residual_bytes // max(bytes_, 1), 1)


# --- tangents and cotangents ---------------------------------------------------------


def _loop_primitive(
    name: str, doc: str, written_out: Any, abstract: Any, transpose: Any,
    evaluate: Any = None,
) -> Primitive:  # fmt: skip
    """A primitive whose last operands are those it is linear in.

    Where these alone have tangents, the result's are the primitive's of them; all other
    rules are those of the program that it stands for.
    """

    def by_program(rule: str) -> Any:
        def apply(*args: Any, **params: Any) -> Any:
            program = written_out(**params)
            return getattr(jit_p, rule)(*args, jaxpr=program, name=name)

        return apply

    def differentiate(rule: str, primals: Any, tangents: Any, params: Any) -> Any:
        n = 1 + len(params["nonzero"])
        if any(t is not None for t in tangents[:n]):
            return None
        outs = prim(*primals, **params)
        full = [instantiate(t, aval_of(p)) for t, p in zip(tangents[n:], primals[n:])]
        return outs, prim(*primals[:n], *full, **params)

    def jvp_call(primals: Any, tangents: Any, **params: Any) -> Any:
        found = differentiate("jvp_call", primals, tangents, params)
        return found or by_program("jvp_call")(primals, tangents, **params)

    def linearize_call(tape: Any, primals: Any, tangents: Any, **params: Any) -> Any:
        found = differentiate("linearize_call", primals, tangents, params)
        rule = by_program("linearize_call")
        return found or rule(tape, primals, tangents, **params)

    prim: Any = Primitive(
        name, doc, abstract=abstract, transpose=transpose,
        evaluate=evaluate or (lambda *args, **p: execute(written_out(**p), args)),
        expansion=written_out,
        jvp_call=jvp_call, linearize_call=linearize_call,
        batch_call=by_program("batch_call"),
        taylor_call=lambda trace, _, args, **p: jit_p.taylor_call(
            trace, jit_p, args, jaxpr=written_out(**p), name=name
        ),
        multiple_results=True, raw=True,
    )  # fmt: skip
    return prim


def _moving(body_jaxpr: ClosedJaxpr, body_nconsts: int, nonzero: Any) -> Any:
    """The types of the tangents of constants and of carries that have one."""
    avals = [tangent_aval(a) for a, nz in zip(body_jaxpr.in_avals, nonzero) if nz]
    return parts(avals, sum(nonzero[:body_nconsts]))


def _check(
    name: str, avals: Any, body_jaxpr: ClosedJaxpr, added: Sequence[Any]
) -> None:
    wanted = [count_aval, *body_jaxpr.in_avals, *added]
    if [(a.shape, a.dtype) for a in avals] != [(a.shape, a.dtype) for a in wanted]:
        raise TypeError(
            f"{name}: takes ({', '.join(a.str_short() for a in wanted)}) but is given"
            f" ({', '.join(a.str_short() for a in avals)})."
        )


def _abstract_tangents(*avals: Any, **params: Any) -> Any:
    consts, carry = _moving(**params)
    _check("while_tangents", avals, params["body_jaxpr"], [*consts, *carry])
    return carry


def _abstract_cotangents(*avals: Any, **params: Any) -> Any:
    consts, carry = _moving(**params)
    _check("while_cotangents", avals, params["body_jaxpr"], carry)
    return [*consts, *carry]


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

        return repeat(bind, count, both, [*carry, *carry_dots])[len(carry) :]

    dot_avals = step.in_avals[n:]
    return body_jaxpr.derived(
        ("pushed", n_consts, nonzero),
        lambda: stage_program(fun, [count_aval, *body_jaxpr.in_avals, *dot_avals]),
    )


def _transpose_tangents(cotangents_p: Any, cts: Any, args: Any, **params: Any) -> Any:
    nonzero = params["nonzero"]
    n = len(nonzero)
    count, *primals = args[: n + 1]
    full = [instantiate(c, a) for c, a in zip(cts, _moving(**params)[1])]
    traced = any(isinstance(x, Tracer) for x in [*primals, *full])
    if type(count) is ConcreteArray and traced:
        n_steps = int(np.asarray(count))
        if n_steps <= _steps_stored(**params):
            found = _pull_known(params, primals, n_steps, full)
            return [None] * (1 + n) + found
    found = cotangents_p(count, *primals, *full, **params)
    return [None] * (1 + n) + list(found)


def _transpose_cotangents(tangents_p: Any, cts: Any, args: Any, **params: Any) -> Any:
    n = len(params["nonzero"])
    consts, carry = _moving(**params)
    full = [instantiate(c, a) for c, a in zip(cts, [*consts, *carry])]
    found = tangents_p(*args[: n + 1], *full, **params)
    return [None] * (1 + n) + list(found)


def _pull_known(params: Any, primals: Any, count: int, cts: Any) -> list[Any]:
    """Cotangents through `count` steps from their carry, all residuals stored."""
    nonzero, n_consts = params["nonzero"], params["body_nconsts"]
    loop = as_scan(params["body_jaxpr"], n_consts, count)
    given = spread(cts, nonzero[n_consts:])
    found = pulled_back(lambda *xs: scan_p(*xs, **loop), primals, nonzero, given)
    moving = [*_moving(**params)[0], *_moving(**params)[1]]
    return [instantiate(c, a) for c, a in zip(found, moving)]


def _pull_sections(count: Any, *args: Any, **params: Any) -> list[Any]:
    """Runs the loop, keeping the carry where a section starts, then pulls back through
    the sections, the last one first."""
    body, n_consts = params["body_jaxpr"], params["body_nconsts"]
    consts, carry, cts = parts(
        [as_array(x) for x in args], n_consts, len(body.out_avals)
    )
    steps, most = int(np.asarray(count)), _steps_stored(**params)
    starts: list[tuple[int, list[Any]]] = []
    for at in range(0, steps, most):
        starts.append((min(most, steps - at), carry))
        if at + most < steps:
            carry = scan_p(*consts, *carry, **as_scan(body, n_consts, most))
    sums: list[Any] = [instantiate(None, a) for a in _moving(**params)[0]]
    for length, start in reversed(starts):
        found = _pull_known(params, [*consts, *start], length, cts)
        added, cts = parts(found, len(sums))
        sums = [add_tangents(s, c) for s, c in zip(sums, added)]
    return [*sums, *cts]
