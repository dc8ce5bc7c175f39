"""Reverse mode of scan: the loop split in two, and the second part run backwards.

`linearize` divides the body into a known program, which gives outputs and residuals, and
a tangent program that is linear in the tangents. The first loop runs at once and stacks
the residuals that differ from row to row; those that are operands, or depend on loop
constants alone, are kept whole, and cheap ones are computed again from the others, in the
second loop (sufficient.py). The second loop is recorded on the tape. Its transpose
is a loop in the other direction that carries the cotangents of the carry and sums up
those of the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from ..core.avals import Tracer, aval_of, tangent_aval
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal, has_effects
from ..core.linear import LinearTracer, is_linear
from ..ops.structure import instantiate
from ..transforms.linearize import Tape, split
from .call import after, linear_programs, pull_linear, run, stage_program
from .executors import execute
from .programs import grown, inexact_tangents, parts, pruned, to_fixpoint
from .segments import Sizes, in_segments, nbytes
from .sufficient import sufficient


class Division(NamedTuple):
    """A loop's body in two programs.

    known: (consts, hoisted, carry, xs) -> (outs, stacked residuals)
    hoisted: consts -> residuals that depend on them alone
    tangent: (consts, const residuals and dots; carry dots; xs, x residuals and dots)
    const_residuals, x_residuals: where what it computes residuals from is from, the
    residuals themselves or less: (kind, index)
    """

    known: ClosedJaxpr
    hoisted: ClosedJaxpr
    tangent: ClosedJaxpr
    const_residuals: list[tuple[str, int]]
    x_residuals: list[tuple[str, int]]


def divide(
    known: ClosedJaxpr, tangent: ClosedJaxpr, counts: tuple[int, int, int],
    dot_counts: tuple[int, int], out_dots: Sequence[bool], wanted: Sequence[bool],
    steps: int,
) -> Division:  # fmt: skip
    """Sorts the residuals of a body that was split, and that runs `steps` times.

    `counts`: how many consts, carries and outputs the known program has; `dot_counts`:
    how many consts and carries have tangents; `out_dots`: which outputs of the body
    have one; `wanted`: which carries must.
    """
    num_consts, num_carry, n_out = counts
    jaxpr = known.jaxpr
    residuals = jaxpr.outvars[n_out:]
    consts, _, xs = parts(jaxpr.invars, num_consts, num_carry)
    fixed = _invariant(jaxpr, consts)
    written = [v for v in jaxpr.outvars[num_carry:n_out] if type(v) is not Literal]
    chosen = sufficient(jaxpr, residuals, fixed.union(xs), written, steps)
    if chosen is not None:
        residuals, tangent = chosen.stored, after(chosen.again, tangent)
    place: dict[Any, tuple[str, int]] = {
        v: ("row", i)
        for i, v in enumerate(jaxpr.outvars[num_carry:n_out])
        if v not in fixed
    }
    place.update({v: ("const", i) for i, v in enumerate(consts)})
    place.update({v: ("x", i) for i, v in enumerate(xs)})
    hoisted: list[Any] = []
    stacked: list[Any] = []
    origins: list[tuple[str, int]] = []
    for v in residuals:
        group, kind = (
            (hoisted, "hoisted") if type(v) is Literal or v in fixed else (stacked, "y")
        )
        found = None if type(v) is Literal else place.get(v)
        if found is None:
            found = kind, len(group)
            group.append(v)
            if type(v) is not Literal:
                place[v] = found
        origins.append(found)
    given = [v for v in hoisted if type(v) is not Literal]
    carry_xs = jaxpr.invars[num_consts:]
    hoisting = pruned(Jaxpr(jaxpr.constvars, consts, hoisted, jaxpr.eqns), False)
    rest = pruned(
        jaxpr.replace(
            invars=[*consts, *given, *carry_xs],
            outvars=[*jaxpr.outvars[:n_out], *stacked],
        )
    )
    whole = [o for o in dict.fromkeys(origins) if o[0] in ("const", "hoisted")]
    by_row = [o for o in dict.fromkeys(origins) if o[0] in ("x", "y", "row")]
    body = _tangent_body(tangent, origins, whole, by_row, dot_counts, out_dots, wanted)
    return Division(
        known.replace(jaxpr=rest), known.replace(jaxpr=hoisting), body, whole, by_row
    )


def _invariant(jaxpr: Jaxpr, consts: Sequence[Any]) -> set[Any]:
    """The variables that depend on constants alone, and on no effect."""
    fixed: set[Any] = {*jaxpr.constvars, *consts}
    for eqn in jaxpr.eqns:
        known = all(type(v) is Literal or v in fixed for v in eqn.invars)
        if known and not has_effects(eqn):
            fixed.update(eqn.outvars)
    return fixed


def _tangent_body(
    tangent: ClosedJaxpr, origins: Any, whole: Any, by_row: Any, dot_counts: Any,
    out_dots: Any, wanted: Any,
) -> ClosedJaxpr:  # fmt: skip
    """The tangent program with its operands in the order of a loop's, and the carry's
    tangents among the outputs where they are wanted."""
    residual_avals = dict(zip(origins, tangent.in_avals))
    dot_avals = tangent.in_avals[len(origins) :]
    const_dots, carry_dots, x_dots = parts(dot_avals, *dot_counts)
    n = len(wanted)

    def fun(*values: Any) -> list[Any]:
        w, cd, c, r, xd = parts(values, len(whole), *dot_counts, len(by_row))
        known = dict(zip([*whole, *by_row], [*w, *r]))
        outs = iter(run(tangent, *[known[o] for o in origins], *cd, *c, *xd))
        found = [next(outs) if o else None for o in out_dots]
        carried = iter(carry_dots)
        carry = [
            instantiate(t, next(carried)) for t, keep in zip(found[:n], wanted) if keep
        ]
        return [*carry, *(t for t in found[n:] if t is not None)]

    avals = [
        *(residual_avals[o] for o in whole), *const_dots, *carry_dots,
        *(residual_avals[o] for o in by_row), *x_dots,
    ]  # fmt: skip
    return stage_program(fun, avals)


def linearized(
    jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, dots: tuple[bool, ...],
    steps: int = 1,
) -> tuple[tuple[bool, ...], list[bool], Division]:  # fmt: skip
    """The tangents that a loop's operands need, which ys have them, and its division."""

    def make() -> Any:
        def carried(mask: Any) -> Any:
            return grown(mask, linear_programs(jaxpr, mask)[2][:num_carry], num_consts)

        full = to_fixpoint(dots, carried)
        known, tangent, out_dots = linear_programs(jaxpr, full)
        wanted = full[num_consts : num_consts + num_carry]
        given = parts(full, num_consts, num_carry)
        division = divide(
            known, tangent, (num_consts, num_carry, len(jaxpr.out_avals)),
            (sum(given[0]), sum(given[1])), out_dots, wanted, steps,
        )  # fmt: skip
        return full, list(out_dots[num_carry:]), division

    return jaxpr.derived(("linearized loop", num_consts, num_carry, dots, steps), make)


def hoist(division: Division, consts: Sequence[Any]) -> list[Any]:
    """The residuals that depend on the loop's constants alone."""
    if not division.hoisted.out_avals:
        return []
    if any(isinstance(x, Tracer) for x in consts):
        return run(division.hoisted, *consts)
    return execute(division.hoisted, consts)


def reverse_rules(bind: Callable[..., Any]) -> dict[str, Any]:
    """The rules `linearize_call` and `transpose` of the scan that `bind` binds."""

    def linearize_call(
        tape: Any, primals: Any, tangents: Any, *, jaxpr: Any, num_consts: int,
        num_carry: int, **params: Any,
    ) -> Any:  # fmt: skip
        dots = inexact_tangents(primals, tangents)
        given = tuple(t is not None for t in dots)
        full, y_dots, division = linearized(
            jaxpr, num_consts, num_carry, given, params["length"]
        )
        segments = params.pop("segments", None)
        if segments is True:
            sizes = sizes_of(jaxpr, division, num_carry, params["length"])
            segments = sizes.divided(1)
        if segments:
            outs = in_segments(
                bind, [tape.pair(x, t) for x, t in zip(primals, dots)], segments,
                jaxpr=jaxpr, num_consts=num_consts, num_carry=num_carry, **params,
            )  # fmt: skip
            return split(tape, outs)
        consts, init, xs = parts(primals, num_consts, num_carry)
        hoisted = hoist(division, consts)
        outs = bind(
            *consts, *hoisted_operands(division, hoisted), *init, *xs,
            jaxpr=division.known, num_consts=_const_count(division, num_consts),
            num_carry=num_carry, **params,
        )  # fmt: skip
        outs, stacked = parts(outs, len(jaxpr.out_avals))
        found = push_loop(
            bind, division, _sources(consts, hoisted, xs, outs, stacked, num_carry),
            primals, dots, full,
            num_consts, num_carry, params,
        )  # fmt: skip
        carry, ys = parts(found, sum(full[num_consts : num_consts + num_carry]))
        return outs, [
            *spread(carry, full[num_consts : num_consts + num_carry]),
            *spread(ys, y_dots),
        ]

    def transpose(cts: Any, *args: Any, jaxpr: Any, **params: Any) -> Any:
        return pull_loop(bind, cts, args, jaxpr, **params)

    return {"linearize_call": linearize_call, "transpose": transpose}


def sizes_of(jaxpr: Any, division: Division, num_carry: int, length: int) -> Sizes:
    """What the reverse mode of a loop stores."""
    carry, ys = parts(division.known.out_avals, num_carry)
    n = len(jaxpr.out_avals) - num_carry
    rows = [ys[i] for kind, i in division.x_residuals if kind == "row"]
    return Sizes(length, nbytes(carry), nbytes([*ys[n:], *rows]))


def hoisted_operands(division: Division, hoisted: Sequence[Any]) -> list[Any]:
    """The hoisted values that the known program takes: all but literals."""
    outvars = division.hoisted.jaxpr.outvars
    return [x for x, v in zip(hoisted, outvars) if type(v) is not Literal]


def _const_count(division: Division, num_consts: int) -> int:
    outvars = division.hoisted.jaxpr.outvars
    return num_consts + sum(type(v) is not Literal for v in outvars)


def _sources(
    consts: Any, hoisted: Any, xs: Any, outs: Any, stacked: Any, num_carry: int
) -> dict[str, Any]:
    """The values that residuals are from, by their kind."""
    rows = outs[num_carry:]
    return {"const": consts, "hoisted": hoisted, "x": xs, "y": stacked, "row": rows}


def push_loop(
    bind: Any, division: Division, source: Any, primals: Any, dots: Any, full: Any,
    num_consts: int, num_carry: int, params: Any,
) -> list[Any]:  # fmt: skip
    """Binds the loop over the tangents."""
    if not any(full):
        return []
    const_dots, carry_dots, x_dots = (
        [
            instantiate(t, tangent_aval(aval_of(p)))
            for p, t, f in zip(ps, ts, fs)
            if f
        ]
        for ps, ts, fs in zip(
            *(parts(v, num_consts, num_carry) for v in (primals, dots, full))
        )
    )  # fmt: skip
    whole = [source[kind][i] for kind, i in division.const_residuals]
    by_row = [source[kind][i] for kind, i in division.x_residuals]
    return bind(
        *whole, *const_dots, *carry_dots, *by_row, *x_dots, jaxpr=division.tangent,
        num_consts=len(whole) + len(const_dots), num_carry=len(carry_dots), **params,
    )  # fmt: skip


def spread(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    """The values where the mask is set, None elsewhere."""
    rest = iter(values)
    return [next(rest) if m else None for m in mask]


# --- transposition -------------------------------------------------------------------


def linear_division(
    jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, linear: tuple[bool, ...]
) -> Any:
    """What a body that is linear in some of its inputs does apart from them."""

    def make() -> Any:
        split: dict[str, Any] = {}

        def known(*values: Any) -> list[Any]:
            rest = iter(values)
            tape = Tape()
            inputs = [
                tape.variable(a) if lin else None
                for a, lin in zip(jaxpr.in_avals, linear)
            ]
            outs = run(jaxpr, *[next(rest) if v is None else v for v in inputs])
            mine = [type(x) is LinearTracer and x._trace is tape for x in outs]
            residuals: dict[int, Any] = {}
            for _, args, *_ in tape.entries:
                for a in args:
                    on_tape = type(a) is LinearTracer and a._trace is tape
                    if isinstance(a, Tracer) and not on_tape:
                        residuals[id(a)] = a
            split.update(
                tape=tape, inputs=inputs, residuals=list(residuals.values()),
                out_vars=[x if m else None for x, m in zip(outs, mine)],
            )  # fmt: skip
            carried = linear[num_consts : num_consts + num_carry]
            free = [not (m or c) for m, c in zip_longest(mine, carried)]
            return [x for x, k in zip(outs, free) if k] + split["residuals"]

        given = [a for a, lin in zip(jaxpr.in_avals, linear) if not lin]
        known_program = stage_program(known, given)
        tape, residuals = split["tape"], split["residuals"]

        def tangent(*values: Any) -> list[Any]:
            tape.replace_known({id(r): v for r, v in zip(residuals, values)})
            rest = iter(values[len(residuals) :])
            dots = [None if v is None else next(rest) for v in split["inputs"]]
            pushed = tape.push(split["inputs"], dots, split["out_vars"])
            return [t for t in pushed if t is not None]

        dot_avals = [v.aval for v in split["inputs"] if v is not None]
        program = stage_program(tangent, [*(r.aval for r in residuals), *dot_avals])
        out_linear = tuple(v is not None for v in split["out_vars"])
        return known_program, program, out_linear

    return jaxpr.derived(("linear division", linear), make)


def pull_loop(
    bind: Any, cts: Any, args: Any, jaxpr: ClosedJaxpr, *, num_consts: int,
    num_carry: int, **params: Any,
) -> list[Any]:  # fmt: skip
    """The cotangents of a scan's linear operands."""

    def carried(mask: Any) -> Any:
        found = linear_division(jaxpr, num_consts, num_carry, mask)[2][:num_carry]
        return grown(mask, found, num_consts)

    linear = to_fixpoint(tuple(is_linear(a) for a in args), carried)
    if not all(linear[num_consts : num_consts + num_carry]):
        return _pull_beside_known_carry(
            bind, cts, args, jaxpr, linear, num_consts, num_carry, params
        )
    ct_carry, ct_ys = parts(cts, num_carry)
    y_given = tuple(c is not None for c in ct_ys)

    def reached(mask: Any) -> Any:
        found = _pulled_body(jaxpr, num_consts, num_carry, linear, mask, y_given)[1]
        return tuple(a or b for a, b in zip(mask, found))

    mask = to_fixpoint(tuple(c is not None for c in ct_carry), reached)
    body, _, x_given = _pulled_body(jaxpr, num_consts, num_carry, linear, mask, y_given)
    groups = zip(
        parts(args, num_consts, num_carry), parts(linear, num_consts, num_carry)
    )
    consts, init, xs = [list(zip(a, lin)) for a, lin in groups]
    sums = [instantiate(None, aval_of(a)) for a, lin in consts if lin]
    carry = [
        instantiate(c, aval_of(a)) for c, (a, _), m in zip(ct_carry, init, mask) if m
    ]
    known = [a for a, lin in consts if not lin]
    outs = bind(
        *known, *sums, *carry, *(a for a, lin in xs if not lin),
        *(c for c in ct_ys if c is not None),
        jaxpr=body, num_consts=len(known), num_carry=len(sums) + len(carry),
        **{**params, "reverse": not params["reverse"]},
    )  # fmt: skip
    found = parts(outs, len(sums), len(carry))
    given = [
        *spread(found[0], [lin for _, lin in consts]),
        *spread(found[1], mask),
        *spread(found[2], x_given),
    ]
    return [c if is_linear(a) else None for c, a in zip(given, args)]


def _pulled_body(
    jaxpr: ClosedJaxpr, num_consts: int, num_carry: int, linear: Any, mask: Any,
    y_given: Any,
) -> Any:  # fmt: skip
    """(known consts; sums, carry cts; known rows, y cts) -> (sums, carry cts; x cts).

    Also which carries a cotangent reaches, and which rows.
    """

    def make() -> Any:
        reached: list[bool] = []
        x_given: list[bool] = []
        avals = jaxpr.in_avals
        consts, carry, xs = parts(list(zip(avals, linear)), num_consts, num_carry)
        known_avals = [a for a, lin in consts if not lin]
        sum_avals = [tangent_aval(a) for a, lin in consts if lin]
        carry_avals = [tangent_aval(a) for (a, _), m in zip(carry, mask) if m]
        row_avals = [a for a, lin in xs if not lin]
        y_avals = [
            tangent_aval(a) for a, g in zip(jaxpr.out_avals[num_carry:], y_given) if g
        ]

        def fun(*values: Any) -> list[Any]:
            known, sums, carry_cts, rows, y_cts = parts(
                values, len(known_avals), len(sum_avals), len(carry_avals),
                len(row_avals),
            )  # fmt: skip
            rest = iter([*known, *rows])
            given = [None if lin else next(rest) for lin in linear]
            cts = [*spread(carry_cts, mask), *spread(y_cts, y_given)]
            before = spread(sums, linear[:num_consts])
            pulled = pull_linear(jaxpr, given, linear, cts, before)
            of_consts, of_carry, of_xs = parts(pulled, num_consts, num_carry)
            reached[:] = [c is not None for c in of_carry]
            x_given[:] = [c is not None for c in of_xs]
            return [
                *(c for c in of_consts if c is not None),
                *(
                    instantiate(c, tangent_aval(a))
                    for c, (a, _), m in zip(of_carry, carry, mask)
                    if m
                ),
                *(c for c in of_xs if c is not None),
            ]

        program = stage_program(
            fun, [*known_avals, *sum_avals, *carry_avals, *row_avals, *y_avals]
        )
        return program, tuple(reached), tuple(x_given)

    return jaxpr.derived(("pulled", num_consts, num_carry, linear, mask, y_given), make)


def _pull_beside_known_carry(
    bind: Any, cts: Any, args: Any, jaxpr: ClosedJaxpr, linear: Any, num_consts: int,
    num_carry: int, params: Any,
) -> list[Any]:  # fmt: skip
    """Runs what does not depend on the unknowns first, then pulls through the rest."""
    known, tangent, out_linear = linear_division(jaxpr, num_consts, num_carry, linear)
    groups = parts(linear, num_consts, num_carry)
    counts = [sum(not x for x in g) for g in groups]
    wanted = groups[1]
    n_out = counts[1] + sum(not x for x in out_linear[num_carry:])
    division = divide(
        known, tangent, (counts[0], counts[1], n_out), (sum(groups[0]), sum(wanted)),
        out_linear, wanted, params["length"],
    )  # fmt: skip
    values = [a for a, lin in zip(args, linear) if not lin]
    consts, init, xs = parts(values, *counts[:2])
    hoisted = hoist(division, consts)
    outs = bind(
        *consts, *hoisted_operands(division, hoisted), *init, *xs,
        jaxpr=division.known, num_consts=_const_count(division, counts[0]),
        num_carry=counts[1], **params,
    )  # fmt: skip
    source = _sources(consts, hoisted, xs, outs[:n_out], outs[n_out:], counts[1])
    whole = [source[kind][i] for kind, i in division.const_residuals]
    by_row = [source[kind][i] for kind, i in division.x_residuals]
    unknown = [
        [a for a, lin in zip(*g) if lin]
        for g in zip(parts(args, num_consts, num_carry), groups)
    ]
    operands = [*whole, *unknown[0], *unknown[1], *by_row, *unknown[2]]
    ct_carry, ct_ys = parts(cts, num_carry)
    given = [c for c, w in zip(ct_carry, wanted) if w]
    given += [c for c, lin in zip(ct_ys, out_linear[num_carry:]) if lin]
    pulled = pull_loop(
        bind, given, operands, division.tangent,
        num_consts=len(whole) + len(unknown[0]), num_carry=len(unknown[1]), **params,
    )  # fmt: skip
    _, of_consts, of_carry, _, of_xs = parts(
        pulled, len(whole), len(unknown[0]), len(unknown[1]), len(by_row)
    )
    found = spread([*of_consts, *of_carry, *of_xs], linear)
    return [c if is_linear(a) else None for c, a in zip(found, args)]
