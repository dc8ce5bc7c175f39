"""while: a loop that runs as long as a condition on its carry holds.

    while[cond_jaxpr cond_nconsts body_jaxpr body_nconsts]
        cond_consts body_consts init -> carry

Forward and Taylor mode carry the added components along. Under `vmap` with a condition
that differs between examples the loop runs until no example goes on, and the carry of
those that have ended stays. Reverse mode stands in `while_reverse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.avals import as_array, aval_of
from ..core.dtypes import bool_
from ..core.jaxpr import ClosedJaxpr, Var
from ..core.primitive import Missing, Primitive
from ..ops.elementwise_selection import select_n_p
from ..ops.reductions import reduce_or_p
from ..ops.shaping import broadcast_in_dim
from ..ops.structure import batch_to_front, move_dim
from .call import run, stage_program
from .cond import _call
from .eager_loops import effort_of, is_watched, native_loop, stepper
from .programs import (
    Lift,
    batched_body,
    filled,
    grown,
    lift_rules,
    lifted,
    needed_inputs,
    parts,
    regrouped,
    restricted,
    to_fixpoint,
)
from .scan import check_carry
from .substitution import substituted
from .while_reverse import reverse_rules


def _abstract(
    *avals: Any, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any, body_nconsts: int
) -> Any:
    cond_consts, body_consts, carry = parts(avals, cond_nconsts, body_nconsts)
    for what, program, given in (
        ("condition", cond_jaxpr, [*cond_consts, *carry]),
        ("body", body_jaxpr, [*body_consts, *carry]),
    ):
        takes = [(a.shape, a.dtype) for a in program.in_avals]
        if takes != [(a.shape, a.dtype) for a in given]:
            raise TypeError(
                f"while: the {what} takes"
                f" ({', '.join(a.str_short() for a in program.in_avals)}) but is given"
                f" ({', '.join(a.str_short() for a in given)})."
            )
    (test,) = cond_jaxpr.out_avals
    if test.shape != () or test.dtype != bool_:
        raise TypeError(
            f"while: the condition must return a boolean scalar; got {test.str_short()}."
        )
    check_carry("while", carry, body_jaxpr.out_avals)
    return body_jaxpr.out_avals


def _evaluate(*args: Any, **params: Any) -> list[Any]:
    """Equations are bound one by one until that has cost a compilation; then the body is
    compiled, or all of the loop if it has cost as much; the carry goes from one to the
    other."""
    test, body = params["cond_jaxpr"], params["body_jaxpr"]
    effort, own = effort_of(body), effort_of(body, (while_p, test))
    counts = params["cond_nconsts"], params["body_nconsts"]
    test_consts, consts, carry = parts([as_array(x) for x in args], *counts)

    def stepped(compiled: bool, patient: Any) -> bool:
        nonlocal carry
        goes_on, step = stepper(test, compiled), stepper(body, compiled)
        while patient():
            if not goes_on(*test_consts, *carry)[0]._data:
                return True
            carry = step(*consts, *carry)
        return False

    def patient_with_equations() -> bool:
        own.add(1)
        return not effort.add(1)

    if is_watched():
        stepped(False, lambda: True)
        return list(carry)
    if not effort.pays and stepped(False, patient_with_equations):
        return list(carry)
    if not own.pays and stepped(True, lambda: not own.add(1, compiled=True)):
        return list(carry)
    operands = [*test_consts, *consts, *carry]
    run_natively = native_loop(while_p, body, operands, params)
    if run_natively is not None:
        return list(run_natively(*operands))
    stepped(True, lambda: True)
    return list(carry)


def _lift(
    lift: Lift, primals: Any, added: Any, *, cond_jaxpr: Any, cond_nconsts: int,
    body_jaxpr: Any, body_nconsts: int,
) -> Any:  # fmt: skip
    cond_consts, *ps = parts(primals, cond_nconsts, body_nconsts)
    _, *cs = parts(added, cond_nconsts, body_nconsts)
    n = len(ps[1])

    def carried(varying: Any) -> Any:
        return grown(varying, lifted(body_jaxpr, lift, varying)[1], body_nconsts)

    varying = to_fixpoint(tuple(c is not None for c in cs[0] + cs[1]), carried)
    wanted = varying[body_nconsts:]
    program, _ = lifted(body_jaxpr, lift, varying, wanted)
    nothing = [None] * lift.count
    init = filled([(c or nothing) if w else None for c, w in zip(cs[1], wanted)], ps[1])
    consts = filled(cs[0], ps[0])
    body = reordered(program, body_nconsts, n, len(consts))
    test = with_more_inputs(cond_jaxpr, tuple(x.aval for x in map(_typed, init)))
    outs = while_p(
        *cond_consts, *ps[0], *consts, *ps[1], *init,
        cond_jaxpr=test, cond_nconsts=cond_nconsts,
        body_jaxpr=body, body_nconsts=body_nconsts + len(consts),
    )  # fmt: skip
    return outs[:n], regrouped(outs[n:], wanted, lift)


def _within_rule(*_: Any, **__: Any) -> Any:
    raise NotImplementedError(
        "while_loop: Taylor mode cannot go through a while_loop within the rule of a"
        " custom_jvp; use scan there, or drop the rule."
    )


def _typed(x: Any) -> Any:
    return x if hasattr(x, "aval") else as_array(x)


def reordered(program: ClosedJaxpr, num_consts: int, n: int, added: int) -> ClosedJaxpr:
    """A lifted body with the constants' components behind the constants."""

    def make() -> ClosedJaxpr:
        consts, carry, more, rest = parts(program.jaxpr.invars, num_consts, n, added)
        invars = [*consts, *more, *carry, *rest]
        return program.replace(jaxpr=program.jaxpr.replace(invars=invars))

    return program.derived(("reordered", num_consts, n, added), make)


def with_more_inputs(closed: ClosedJaxpr, avals: tuple[Any, ...]) -> ClosedJaxpr:
    """The program with further inputs that it does not read."""

    def make() -> ClosedJaxpr:
        invars = [*closed.jaxpr.invars, *map(Var, avals)]
        return closed.replace(jaxpr=closed.jaxpr.replace(invars=invars))

    return closed.derived(("more inputs", avals), make)


# --- batching ------------------------------------------------------------------------


def _batch(
    trace: Any, args: Any, dims: Any, *, cond_jaxpr: Any, cond_nconsts: int,
    body_jaxpr: Any, body_nconsts: int,
) -> Any:  # fmt: skip
    cond_consts, body_consts, init = parts(args, cond_nconsts, body_nconsts)
    cond_dims, body_dims, init_dims = parts(tuple(dims), cond_nconsts, body_nconsts)

    def tested(batched: Any) -> bool:
        given = (*cond_dims, *(0 if b else None for b in batched))
        return batched_body(cond_jaxpr, trace, given)[1][0] is not None

    def carried(batched: Any) -> Any:
        if tested(batched):
            return (True,) * len(batched)
        given = (*body_dims, *(0 if b else None for b in batched))
        found = batched_body(body_jaxpr, trace, given)[1]
        return grown(batched, [d is not None for d in found], 0)

    batched = to_fixpoint(tuple(d is not None for d in init_dims), carried)
    carry_dims = tuple(0 if b else None for b in batched)
    size = trace.size
    carry = [
        batch_to_front(x, d, size) if b else x
        for x, d, b in zip(init, init_dims, batched)
    ]
    if tested(batched):
        consts = cond_consts, body_consts
        dims = cond_dims, body_dims, carry_dims
        outs = _until_all_end(trace, (cond_jaxpr, body_jaxpr), consts, carry, dims)
        return outs, list(carry_dims)
    test, _ = batched_body(cond_jaxpr, trace, (*cond_dims, *carry_dims))
    body, _ = batched_body(body_jaxpr, trace, (*body_dims, *carry_dims), batched)
    outs = while_p(
        *cond_consts, *body_consts, *carry, cond_jaxpr=test,
        cond_nconsts=cond_nconsts, body_jaxpr=body, body_nconsts=body_nconsts,
    )  # fmt: skip
    return outs, list(carry_dims)


def _until_all_end(
    trace: Any, programs: Any, consts: Any, carry: list[Any], dims: Any
) -> list[Any]:
    """The loop over a batch with (which examples go on, carry) for its carry."""
    cond_jaxpr, body_jaxpr = programs
    cond_dims, body_dims, carry_dims = dims
    cond_consts, body_consts = consts
    body_consts = [
        x if d is None else move_dim(x, d, 0) for x, d in zip(body_consts, body_dims)
    ]
    body_dims = tuple(None if d is None else 0 for d in body_dims)
    forced = (True,) * len(carry)
    test, _ = batched_body(cond_jaxpr, trace, (*cond_dims, *carry_dims), (True,))
    body, _ = batched_body(body_jaxpr, trace, (*body_dims, *carry_dims), forced)
    (going,) = _call(test, [*cond_consts, *carry])
    n_test, n_body = len(cond_consts), len(body_consts)

    def make() -> Any:
        def step(*values: Any) -> list[Any]:
            cs, bs, (active,), old = parts(values, n_test, n_body, 1)
            operands = substituted(
                body_jaxpr, [*bs, *old], [*body_dims, *carry_dims], active
            )
            new = run(body, *operands)
            kept = [
                select_n_p(broadcast_in_dim(active, aval_of(a).shape, (0,)), a, b)
                for a, b in zip(old, new)
            ]
            return [*run(test, *cs, *kept), *kept]

        carry_avals, mask = body.in_avals[n_body:], test.out_avals
        avals = [*test.in_avals[:n_test], *body.in_avals[:n_body]]
        whole = stage_program(step, [*avals, *mask, *carry_avals])
        any_left = stage_program(
            lambda active, *_: [reduce_or_p(active, axes=(0,))], [*mask, *carry_avals]
        )
        return any_left, whole

    any_left, whole = body.derived(("until all end", test), make)
    outs = while_p(
        *cond_consts, *body_consts, going, *carry, cond_jaxpr=any_left, cond_nconsts=0,
        body_jaxpr=whole, body_nconsts=n_test + n_body,
    )  # fmt: skip
    return outs[1:]


def _live(
    used: Sequence[bool], *, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any,
    body_nconsts: int,
) -> Any:  # fmt: skip
    """The carry that the outputs `used` and the condition need, and what is left."""
    test = needed_inputs(cond_jaxpr.jaxpr, [True])
    start = tuple(u or t for u, t in zip(used, test[cond_nconsts:]))

    def carried(mask: Any) -> Any:
        found = needed_inputs(body_jaxpr.jaxpr, mask)[body_nconsts:]
        return grown(mask, found, 0)

    kept = to_fixpoint(start, carried)
    consts = tuple(needed_inputs(body_jaxpr.jaxpr, kept)[:body_nconsts])
    tests = tuple(test[:cond_nconsts])
    new = {
        "cond_jaxpr": restricted(cond_jaxpr, (*tests, *kept), (True,)),
        "cond_nconsts": sum(tests),
        "body_jaxpr": restricted(body_jaxpr, (*consts, *kept), kept),
        "body_nconsts": sum(consts),
    }
    return [*tests, *consts, *kept], list(kept), new


_linearize, while_tangents_p = reverse_rules(
    lambda *args, **params: while_p(*args, **params)
)


def _lower(
    build: Any, *operands: Any, cond_jaxpr: Any, cond_nconsts: int, body_jaxpr: Any,
    body_nconsts: int,
) -> Any:  # fmt: skip
    groups = parts(operands, cond_nconsts, body_nconsts)
    return build.while_loop(cond_jaxpr, body_jaxpr, groups)


def _split(params: Any, widths: Any, split: Any) -> Any:
    """A loop over real and imaginary parts; see compiler/complex_programs.py."""
    test, body = params["cond_nconsts"], params["body_nconsts"]
    return {
        "cond_jaxpr": split(params["cond_jaxpr"]),
        "body_jaxpr": split(params["body_jaxpr"]),
        "cond_nconsts": sum(widths[:test]),
        "body_nconsts": sum(widths[test : test + body]),
    }


while_p: Any = Primitive(
    "while",
    "A loop that runs as long as a condition holds.",
    abstract=_abstract,
    evaluate=_evaluate,
    linearize_call=_linearize,
    transpose=Missing("its number of steps may depend on the unknowns"),
    batch_call=_batch,
    multiple_results=True,
    raw=True,
    live=_live,
    lower=_lower,
    split=_split,
    **lift_rules(_lift, _within_rule),
)
