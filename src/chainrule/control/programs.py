"""Programs made from programs: what the rules of loops and branches are built of.

A *lift* adds components to the values of a program: forward mode adds a tangent, Taylor
mode the coefficients x_1 .. x_n. `lifted` stages the program on such values, `split`
divides a linearized program into what is known and what is linear, `pruned` leaves out
what nobody reads. Each result is kept with the program it came from (`derived`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..core.avals import aval_of, tangent_aval, update
from ..core.dtypes import is_inexact
from ..core.jaxpr import (
    ClosedJaxpr,
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    has_effects,
)
from ..ops.power_series import Series
from ..ops.structure import batch_to_front, instantiate
from ..transforms.batch import batch_flat
from ..transforms.jvp import jvp_flat
from ..transforms.taylor import taylor_flat
from .call import run, stage_program

Components = list[Any]
"""Per value, the list of its added components (None: zero), or None: it has none."""


class Lift(NamedTuple):
    """A way to add `count` components to each value; `key` names it."""

    key: Any
    count: int
    push: Callable[..., tuple[list[Any], Components]]


def _push_tangents(fun: Any, primals: Any, added: Any) -> Any:
    tangents = [None if c is None else c[0] for c in added]
    outs, dots = jvp_flat(fun, primals, tangents)
    return outs, [None if t is None else [t] for t in dots]


FORWARD = Lift("jvp", 1, _push_tangents)
"""Forward mode: one tangent."""


def taylor_lift(order: int) -> Lift:
    """Taylor mode: the coefficients x_1 .. x_order."""

    def push(fun: Any, primals: Any, added: Any) -> Any:
        nothing = [None] * order
        series = [[p, *(c or nothing)] for p, c in zip(primals, added)]
        found = taylor_flat(fun, series, order)
        return [s[0] for s in found], [_tail(s) for s in found]

    return Lift(("taylor", order), order, push)


def lift_rules(
    rule: Callable[..., tuple[list[Any], Components]], plain: Callable[..., list[Any]]
) -> dict[str, Any]:
    """The jvp and Taylor rules that a rule `rule(lift, primals, added, **params)` gives.

    `plain(*args, **params)` runs the same without loops or branches: for power series
    whose coefficients are not all known yet.
    """

    def jvp_call(primals: Any, tangents: Any, **params: Any) -> Any:
        dots = inexact_tangents(primals, tangents)
        added = [None if t is None else [t] for t in dots]
        outs, found = rule(FORWARD, primals, added, **params)
        return outs, [None if c is None else c[0] for c in found]

    def taylor_call(trace: Any, prim: Any, args: Any, **params: Any) -> Any:
        if trace.in_rule:
            return plain(*args, **params)
        series = [trace.coefficients(x) for x in args]
        primals, added = [s[0] for s in series], [_tail(s) for s in series]
        outs, found = rule(taylor_lift(trace.order), primals, added, **params)
        nothing = [None] * trace.order
        return [
            trace.box(Series([y, *(c or nothing)], iter(())))
            for y, c in zip(outs, found)
        ]

    return {"jvp_call": jvp_call, "taylor_call": taylor_call}


def _tail(series: list[Any]) -> list[Any] | None:
    """The coefficients behind the first; None where all are zero."""
    return None if all(c is None for c in series[1:]) else series[1:]


def inexact_tangents(primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """The tangents, without the empty ones of integers."""
    return [
        t if t is not None and is_inexact(aval_of(p).dtype) else None
        for p, t in zip(primals, tangents)
    ]


def filled(added: Components, primals: Sequence[Any]) -> list[Any]:
    """All components of the values that have some, zeros made explicit, in one list."""
    return [
        instantiate(t, aval_of(p))
        for c, p in zip(added, primals)
        if c is not None
        for t in c
    ]


def regrouped(flat: Sequence[Any], varying: Sequence[bool], lift: Lift) -> Components:
    """A list of components, put back to the values that vary."""
    rest = iter(flat)
    return [[next(rest) for _ in range(lift.count)] if v else None for v in varying]


def lifted(
    closed: ClosedJaxpr, lift: Lift, varying: tuple[bool, ...], wanted: Any = None
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The program (primals, components of the varying) -> (outs, components).

    Outputs have components where they vary, or where `wanted` says so. Returns the
    program and which outputs have them.
    """

    def make() -> Any:
        out_varying: list[bool] = []

        def fun(*values: Any) -> list[Any]:
            n = len(varying)
            primals = values[:n]
            added = regrouped(values[n:], varying, lift)
            outs, found = lift.push(lambda *xs: run(closed, *xs), primals, added)
            found = [
                c if is_inexact(aval_of(y).dtype) else None for y, c in zip(outs, found)
            ]
            shown = [c is not None for c in found] if wanted is None else wanted
            out_varying[:] = shown
            nothing = [None] * lift.count
            full = [(c or nothing) if s else None for c, s in zip(found, shown)]
            return [*outs, *filled(full, outs)]

        avals = list(closed.in_avals)
        for a, v in zip(closed.in_avals, varying):
            avals += [tangent_aval(a)] * (lift.count if v else 0)
        return stage_program(fun, avals), tuple(out_varying)

    return closed.derived(("lifted", lift.key, varying, wanted), make)


def parts(values: Sequence[Any], *counts: int) -> list[list[Any]]:
    """The values in consecutive groups of the given sizes, the rest last."""
    found: list[list[Any]] = []
    at = 0
    for n in counts:
        found.append(list(values[at : at + n]))
        at += n
    return [*found, list(values[at:])]


def pruned(jaxpr: Jaxpr, effects: bool = True) -> Jaxpr:
    """The program without equations that nobody reads; those with effects stay, unless
    they have had them: without `effects`.

    An input may also be the result of an equation; then it is the input that counts.
    """
    given = set(jaxpr.invars)
    needed: set[Any] = {v for v in jaxpr.outvars if type(v) is not Literal}
    needed -= given
    kept: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        read = any(v in needed for v in eqn.outvars)
        if read or (effects and has_effects(eqn)):
            if not given.isdisjoint(eqn.outvars):
                outs = [DropVar(v.aval) if v in given else v for v in eqn.outvars]
                eqn = eqn.replace(outvars=outs)
            kept.append(eqn)
            needed.update(v for v in eqn.invars if type(v) is not Literal)
            needed -= given
    return jaxpr.replace(eqns=kept[::-1])


def silent(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program for running it again: without effects, which it has had.

    Raises ValueError where the result of one is read.
    """
    if not closed.jaxpr.has_effects():
        return closed

    def make() -> ClosedJaxpr:
        left = pruned(closed.jaxpr, effects=False)
        eqns = [_silent(e) if has_effects(e) else e for e in left.eqns]
        return closed.replace(jaxpr=left.replace(eqns=eqns))

    return closed.derived("silent", make)


def _silent(eqn: JaxprEqn) -> JaxprEqn:
    if eqn.primitive.effects:
        raise ValueError(
            f"{eqn.primitive.name}: reverse mode of while_loop runs the loop's steps again,"
            " and a step reads what this call returns, which is to be made once; use scan,"
            " which keeps it, or leave the result unread."
        )

    def within(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(within, value))
        return silent(value) if isinstance(value, ClosedJaxpr) else value

    return eqn.replace(params={k: within(v) for k, v in eqn.params.items()})


def needed_inputs(
    jaxpr: Jaxpr, used: Sequence[bool], effects: bool = True
) -> list[bool]:
    """Which inputs the outputs `used` (and effects) depend on."""
    outs = [v for v, u in zip(jaxpr.outvars, used) if u]
    live = pruned(jaxpr.replace(outvars=outs), effects)
    needed = {v for eqn in live.eqns for v in eqn.invars if type(v) is not Literal}
    needed.update(v for v in outs if type(v) is not Literal)
    return [v in needed for v in jaxpr.invars]


def restricted(
    closed: ClosedJaxpr, ins: tuple[bool, ...], outs: tuple[bool, ...]
) -> ClosedJaxpr:
    """The program of those inputs and outputs alone."""

    def make() -> ClosedJaxpr:
        jaxpr = closed.jaxpr
        made = jaxpr.replace(
            invars=[v for v, k in zip(jaxpr.invars, ins) if k],
            outvars=[v for v, k in zip(jaxpr.outvars, outs) if k],
        )
        return closed.replace(jaxpr=pruned(made))

    return closed.derived(("restricted", ins, outs), make)


def batched_body(
    closed: ClosedJaxpr, trace: Any, dims: tuple[Any, ...], forced: Any = ()
) -> tuple[ClosedJaxpr, tuple[Any, ...]]:
    """The program mapped over `dims`, and the outputs' batch dims.

    The first outputs have theirs in front, where `forced` says that they have one.
    """
    size, axis_name = trace.size, trace.axis_name

    def make() -> Any:
        out_dims: list[Any] = []

        def fun(*values: Any) -> list[Any]:
            outs, found = batch_flat(
                lambda *xs: run(closed, *xs), size, values, dims, axis_name
            )
            for i, wanted in enumerate(forced):
                if wanted:
                    outs[i], found[i] = batch_to_front(outs[i], found[i], size), 0
            out_dims[:] = found
            return outs

        avals = [
            a if d is None else update(a, (*a.shape[:d], size, *a.shape[d:]))
            for a, d in zip(closed.in_avals, dims)
        ]
        return stage_program(fun, avals), tuple(out_dims)

    return closed.derived(("batched body", dims, forced, size, axis_name), make)


def grown(varying: Sequence[bool], found: Sequence[bool], at: int) -> tuple[bool, ...]:
    """`varying`, with the carry's entries (from `at` on) set where `found` is."""
    mixed = list(varying)
    for i, f in enumerate(found):
        mixed[at + i] = mixed[at + i] or f
    return tuple(mixed)


def to_fixpoint(start: tuple[bool, ...], step: Any) -> tuple[bool, ...]:
    """Repeats `step` on a mask until it changes no more."""
    while True:
        following = step(start)
        if following == start:
            return start
        start = following


def united(
    staged: Sequence[tuple[ClosedJaxpr, list[Any]]],
) -> tuple[tuple[ClosedJaxpr, ...], list[Any]]:
    """Programs of the same arguments, each behind values that it closes over, as
    programs of all those values and the arguments; and the values."""
    values = list({id(x): x for _, outer in staged for x in outer}.values())
    place = {id(x): i for i, x in enumerate(values)}
    programs = tuple(p for p, _ in staged)
    places = tuple(tuple(place[id(x)] for x in outer) for _, outer in staged)
    if not values:
        return programs, values
    made = programs[0].derived(
        ("united", programs[1:], places),
        lambda: _united(programs, places, [aval_of(x) for x in values]),
    )
    return made, values


def _united(programs: Any, places: Any, avals: Sequence[Any]) -> Any:
    made: list[ClosedJaxpr] = []
    for program, own in zip(programs, places):
        jaxpr = program.jaxpr
        mine = dict(zip(own, jaxpr.invars))
        shared = [mine[i] if i in mine else Var(a) for i, a in enumerate(avals)]
        invars = [*shared, *jaxpr.invars[len(own) :]]
        made.append(program.replace(jaxpr=jaxpr.replace(invars=invars)))
    return tuple(made)
