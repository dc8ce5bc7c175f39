"""Calls of programs: `jit` and `checkpoint` equations, and their rules.

A call primitive holds a ClosedJaxpr and every transformation of the call is a call of
the transformed program, staged once and kept with the program it came from. The rules
are shared by all primitives that mean "run this program".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.avals import ShapedArray, Tracer, tangent_aval
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Literal, evaluate_jaxpr
from ..core.linear import LinearTracer, is_linear
from ..core.primitive import Primitive
from ..ops.power_series import Series
from ..transforms.batch import batch_flat
from ..transforms.jvp import jvp_flat
from ..transforms.linearize import Tape, linearize_flat
from ..transforms.stage import stage_closed
from ..transforms.taylor import taylor_flat
from ..transforms.transpose import pull
from .executors import execute
from .sufficient import sufficient


def run(closed: ClosedJaxpr, *args: Any) -> list[Any]:
    """The outputs of a closed program, its equations bound one by one."""
    return evaluate_jaxpr(closed.jaxpr, closed.consts, args)


def stage_program(fun: Any, avals: Sequence[Any]) -> ClosedJaxpr:
    """Stages a flat function that closes over no tracers."""
    closed, outer = stage_closed(fun, avals)
    assert not outer, "a derived program closes over a tracer"
    return closed


def jvp_program(
    closed: ClosedJaxpr, nonzero: tuple[bool, ...]
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The program (primals, nonzero tangents) -> (outs, nonzero out tangents)."""

    def make() -> Any:
        out_nonzero: list[bool] = []

        def fun(*values: Any) -> list[Any]:
            n = len(nonzero)
            rest = iter(values[n:])
            dots = [next(rest) if nz else None for nz in nonzero]
            outs, out_dots = jvp_flat(lambda *xs: run(closed, *xs), values[:n], dots)
            out_nonzero[:] = [t is not None for t in out_dots]
            return outs + [t for t in out_dots if t is not None]

        avals = closed.in_avals
        tangents = [tangent_aval(a) for a, nz in zip(avals, nonzero) if nz]
        return stage_program(fun, [*avals, *tangents]), tuple(out_nonzero)

    return closed.derived(("jvp", nonzero), make)


def linear_programs(closed: ClosedJaxpr, nonzero: tuple[bool, ...]) -> Any:
    """Splits linearization into a known and a tangent program.

    known: primals -> (outs, residuals); tangent: (residuals, tangents) -> nonzero out
    tangents. Returns both and which out tangents are nonzero.
    """

    def make() -> Any:
        split: dict[str, Any] = {}

        def known(*primals: Any) -> list[Any]:
            outs, tape, inputs, out_vars = linearize_flat(
                lambda *xs: run(closed, *xs), primals, nonzero
            )
            residuals: dict[int, Any] = {}
            for _, args, *_ in tape.entries:
                for a in args:
                    if isinstance(a, Tracer) and not _on(tape, a):
                        residuals[id(a)] = a
            split.update(tape=tape, inputs=inputs, out_vars=out_vars)
            split["residuals"] = list(residuals.values())
            return outs + split["residuals"]

        known_program = stage_program(known, closed.in_avals)
        tape, residuals = split["tape"], split["residuals"]
        tangents = [v for v in split["inputs"] if v is not None]

        def tangent(*values: Any) -> list[Any]:
            known_values = {id(r): v for r, v in zip(residuals, values)}
            tape.replace_known(known_values)
            dots = iter(values[len(residuals) :])
            given = [None if v is None else next(dots) for v in split["inputs"]]
            pushed = tape.push(split["inputs"], given, split["out_vars"])
            return [t for t in pushed if t is not None]

        tangent_program = stage_program(
            tangent, [*(r.aval for r in residuals), *(v.aval for v in tangents)]
        )
        out_nonzero = tuple(v is not None for v in split["out_vars"])
        return known_program, tangent_program, out_nonzero

    return closed.derived(("linear", nonzero), make)


def after(again: Jaxpr, tangent: ClosedJaxpr) -> ClosedJaxpr:
    """A tangent program of the values that `again` makes its residuals of."""
    n, stored = len(again.outvars), len(again.invars)

    def fun(*values: Any) -> list[Any]:
        residuals = evaluate_jaxpr(again, [], values[:stored])
        return run(tangent, *residuals, *values[stored:])

    given = [v.aval for v in again.invars]
    return stage_program(fun, [*given, *tangent.in_avals[n:]])


class Linearized(NamedTuple):
    """A call in two. known: primals -> (outs, stored); tangent: (values, tangents) ->
    nonzero out tangents, where `places` says of each of the values whether it is an
    argument, an output, or stored, and which. `out_nonzero`: as linear_programs."""

    known: ClosedJaxpr
    tangent: ClosedJaxpr
    places: tuple[tuple[str, int], ...]
    out_nonzero: tuple[bool, ...]


def linearized_call(closed: ClosedJaxpr, nonzero: tuple[bool, ...]) -> Linearized:
    """The programs of a call's linearization; nothing is stored that is there anyway,
    or is cheaper to compute again."""

    def make() -> Linearized:
        known, tangent, out_nonzero = linear_programs(closed, nonzero)
        jaxpr, n = known.jaxpr, len(closed.out_avals)
        residuals = jaxpr.outvars[n:]
        written = [v for v in jaxpr.outvars[:n] if _is_var(v)]
        chosen = sufficient(jaxpr, residuals, jaxpr.invars, written)
        if chosen is not None:
            residuals, tangent = chosen.stored, after(chosen.again, tangent)
        place: dict[Any, tuple[str, int]] = {}
        for kind, group in ("out", jaxpr.outvars[:n]), ("argument", jaxpr.invars):
            place.update((v, (kind, i)) for i, v in enumerate(group) if _is_var(v))
        stored = [v for v in residuals if not _is_var(v) or v not in place]
        place.update((v, ("stored", i)) for i, v in enumerate(stored))
        made = jaxpr.replace(outvars=[*jaxpr.outvars[:n], *stored])
        places = tuple(place[v] for v in residuals)
        return Linearized(known.replace(jaxpr=made), tangent, places, out_nonzero)

    return closed.derived(("linearized call", nonzero), make)


def _is_var(v: Any) -> bool:
    return type(v) is not Literal


def _on(tape: Any, x: Any) -> bool:
    return type(x) is LinearTracer and x._trace is tape


def pull_linear(
    closed: ClosedJaxpr,
    known: Sequence[Any],
    linear: Sequence[bool],
    cts: Sequence[Any],
    sums: Sequence[Any] = (),
) -> list[Any]:
    """Cotangents of the linear inputs of a program that is linear in them, added to
    `sums` (of the first inputs, None where there is nothing to add to)."""
    tape = Tape()
    avals = closed.in_avals
    inputs = [tape.variable(a) if lin else None for a, lin in zip(avals, linear)]
    try:
        outs = run(closed, *[k if v is None else v for k, v in zip(known, inputs)])
        out_vars = [x if _on(tape, x) else None for x in outs]
        seeded = [*out_vars, *inputs[: len(sums)]]
        return pull(tape, inputs, seeded, [*cts, *sums])
    finally:
        tape.alive = False


def transposed_program(
    closed: ClosedJaxpr, linear: tuple[bool, ...], cts_nonzero: tuple[bool, ...]
) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The program (known args, nonzero cts) -> nonzero cts of the linear args."""

    def make() -> Any:
        nonzero: list[bool] = []

        def fun(*values: Any) -> list[Any]:
            rest = iter(values)
            known = [None if lin else next(rest) for lin in linear]
            cts = [next(rest) if nz else None for nz in cts_nonzero]
            pulled = pull_linear(closed, known, linear, cts)
            found = [c for c, lin in zip(pulled, linear) if lin]
            nonzero[:] = [c is not None for c in found]
            return [c for c in found if c is not None]

        avals = [a for a, lin in zip(closed.in_avals, linear) if not lin]
        avals += [a for a, nz in zip(closed.out_avals, cts_nonzero) if nz]
        return stage_program(fun, avals), tuple(nonzero)

    return closed.derived(("transpose", linear, cts_nonzero), make)


def batched_program(
    closed: ClosedJaxpr, dims: tuple[int | None, ...], trace: Any
) -> tuple[ClosedJaxpr, tuple[int | None, ...]]:
    """The program mapped over the given dims, and the outputs' batch dims."""
    size, axis_name = trace.size, trace.axis_name

    def make() -> Any:
        out_dims: list[Any] = []

        def fun(*values: Any) -> list[Any]:
            outs, found = batch_flat(
                lambda *xs: run(closed, *xs), size, values, dims, axis_name
            )
            out_dims[:] = found
            return outs

        avals = [
            a
            if d is None
            else ShapedArray((*a.shape[:d], size, *a.shape[d:]), a.dtype, a.weak_type)
            for a, d in zip(closed.in_avals, dims)
        ]
        return stage_program(fun, avals), tuple(out_dims)

    return closed.derived(("batch", dims, size, axis_name), make)


def taylor_program(
    closed: ClosedJaxpr, order: int, present: tuple[tuple[bool, ...], ...]
) -> tuple[ClosedJaxpr, tuple[tuple[bool, ...], ...]]:
    """The program on power series: (nonzero coefficients of each argument, in order)

    -> nonzero coefficients of each output. Returns also which ones those are.
    """

    def make() -> Any:
        out_present: list[tuple[bool, ...]] = []

        def fun(*values: Any) -> list[Any]:
            rest = iter(values)
            series = [[next(rest) if p else None for p in row] for row in present]
            outs = taylor_flat(lambda *xs: run(closed, *xs), series, order)
            out_present[:] = [tuple(c is not None for c in s) for s in outs]
            return [c for s in outs for c in s if c is not None]

        avals = [
            tangent_aval(a) if k else a
            for a, row in zip(closed.in_avals, present)
            for k, p in enumerate(row)
            if p
        ]
        return stage_program(fun, avals), tuple(out_present)

    return closed.derived(("taylor", order, present), make)


def call_series(trace: Any, prim: Any, args: Any, *, jaxpr: Any, **params: Any) -> Any:
    """A call on power series, by the program of their coefficients."""
    if trace.in_rule:  # coefficients of higher order may not be known yet
        return run(jaxpr, *args)
    series = [trace.coefficients(x) for x in args]
    present = tuple(tuple(c is not None for c in s) for s in series)
    program, out_present = taylor_program(jaxpr, trace.order, present)
    given = [c for s in series for c in s if c is not None]
    rest = iter(prim(*given, jaxpr=program, **renamed(params, "taylor")))
    found = [[next(rest) if p else None for p in row] for row in out_present]
    return [trace.box(Series(s, iter(()))) for s in found]


def _push_call(
    prim: Primitive, primals: Any, tangents: Any, jaxpr: ClosedJaxpr, params: Any
) -> Any:
    """The outputs of a call and, by a second call, their tangents."""
    nonzero = tuple(t is not None for t in tangents)
    known, tangent, places, out_nonzero = linearized_call(jaxpr, nonzero)
    outs = prim(*primals, jaxpr=known, **params)
    n = len(jaxpr.out_avals)
    given = [t for t in tangents if t is not None]
    if not given:
        return outs, [None] * n
    source = {"argument": primals, "out": outs, "stored": outs[n:]}
    values = [source[kind][i] for kind, i in places]
    dots = iter(prim(*values, *given, jaxpr=tangent, **params))
    return outs[:n], [next(dots) if nz else None for nz in out_nonzero]


def call_primitive(name: str, doc: str) -> Primitive:
    """Declares a primitive that runs the program in its parameter `jaxpr`."""

    def jvp_call(primals: Any, tangents: Any, *, jaxpr: Any, **params: Any) -> Any:
        nonzero = tuple(t is not None for t in tangents)
        program, out_nonzero = jvp_program(jaxpr, nonzero)
        given = [t for t in tangents if t is not None]
        outs = prim(*primals, *given, jaxpr=program, **renamed(params, "jvp"))
        n = len(jaxpr.out_avals)
        rest = iter(outs[n:])
        return outs[:n], [next(rest) if nz else None for nz in out_nonzero]

    def linearize_call(
        tape: Any, primals: Any, tangents: Any, *, jaxpr: Any, **params: Any
    ) -> Any:
        return _push_call(prim, primals, tangents, jaxpr, params)

    def transpose(cts: Any, *args: Any, jaxpr: Any, **params: Any) -> Any:
        linear = tuple(is_linear(a) for a in args)
        nonzero = tuple(c is not None for c in cts)
        program, found_nonzero = transposed_program(jaxpr, linear, nonzero)
        known = [a for a, lin in zip(args, linear) if not lin]
        given = [c for c in cts if c is not None]
        found = prim(*known, *given, jaxpr=program, **renamed(params, "transpose"))
        made, exists = iter(found), iter(found_nonzero)
        return [next(made) if lin and next(exists) else None for lin in linear]

    def batch_call(
        trace: Any, args: Any, dims: Any, *, jaxpr: Any, **params: Any
    ) -> Any:
        program, out_dims = batched_program(jaxpr, tuple(dims), trace)
        return prim(*args, jaxpr=program, **renamed(params, "vmap")), out_dims

    def abstract(*avals: Any, jaxpr: Any, **_: Any) -> Any:
        check_operands(name, jaxpr, avals)
        return jaxpr.out_avals

    prim = Primitive(
        name,
        doc,
        abstract=abstract,
        evaluate=lambda *args, jaxpr, **_: execute(jaxpr, args),
        jvp_call=jvp_call,
        linearize_call=linearize_call,
        transpose=transpose,
        batch_call=batch_call,
        taylor_call=call_series,
        called="jaxpr",
        multiple_results=True,
        raw=True,
    )
    return prim


def check_operands(name: str, program: Any, avals: Sequence[Any]) -> None:
    """Raises TypeError unless operands of types `avals` fit the program's arguments."""
    wanted = [(a.shape, a.dtype) for a in program.in_avals]
    if wanted != [(a.shape, a.dtype) for a in avals]:
        takes = ", ".join(a.str_short() for a in program.in_avals)
        given = ", ".join(a.str_short() for a in avals)
        raise TypeError(
            f"{name}: the program takes ({takes}) but is called with ({given}); operands"
            " must have the types of its arguments"
        )


def renamed(params: dict[str, Any], transformation: str) -> dict[str, Any]:
    """Call parameters without what a transformed program no longer has."""
    if "donated_invars" in params:
        return {**params, "donated_invars": None}
    return params
