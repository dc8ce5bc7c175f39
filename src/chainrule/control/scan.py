"""scan: a loop of known length, with a carry, over the rows of arrays.

    scan[jaxpr num_consts num_carry length reverse unroll] consts init xs -> carry, ys

The program maps (consts, carry, row of each x) to (carry, row of each y). Derivatives
and batches of a scan are scans of the transformed program; the carry gets a tangent or
a batch dim where it needs one, found by iterating to a fixpoint. How reverse mode
splits the loop stands in `scan_reverse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import as_array, aval_of, update
from ..core.jaxpr import ClosedJaxpr
from ..core.primitive import Primitive
from ..ops.joining import concatenate
from ..ops.shaping import reshape, zeros
from ..ops.structure import batch_to_front, move_dim, take_row
from ..runtime._native import wrap
from .call import run
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
from .scan_reverse import reverse_rules


def row_of(aval: Any) -> Any:
    """The type of one row."""
    return update(aval, shape=aval.shape[1:])


def rows_of(aval: Any, length: int) -> Any:
    """The type of `length` rows."""
    return update(aval, shape=(length, *aval.shape))


def check_carry(name: str, given: Sequence[Any], found: Sequence[Any]) -> None:
    """Raises TypeError unless a program returns its carry in the types it came in."""
    for a, b in zip(given, found, strict=True):
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise TypeError(
                f"{name}: the carry comes in as {a.str_short()} and leaves as"
                f" {b.str_short()}; the types must agree."
            )


def _abstract(
    *avals: Any, jaxpr: Any, num_consts: int, num_carry: int, length: int, **_: Any
) -> Any:
    consts, carry, xs = parts(avals, num_consts, num_carry)
    for x in xs:
        if not x.shape or x.shape[0] != length:
            raise TypeError(
                f"scan: operands need {length} rows, the loop's length; got"
                f" {x.str_short()}."
            )
    given = [*consts, *carry, *map(row_of, xs)]
    takes = [(a.shape, a.dtype) for a in jaxpr.in_avals]
    if takes != [(a.shape, a.dtype) for a in given]:
        raise TypeError(
            f"scan: the program takes ({_types(jaxpr.in_avals)}) but is given"
            f" ({_types(given)})."
        )
    outs, ys = parts(jaxpr.out_avals, num_carry)
    check_carry("scan", carry, outs)
    return [*outs, *(rows_of(y, length) for y in ys)]


def _types(avals: Sequence[Any]) -> str:
    return ", ".join(a.str_short() for a in avals)


def buffer_for(aval: Any, length: int) -> np.ndarray:
    """Uninitialised memory for `length` rows of a type."""
    dtype = aval.dtype
    memory = dtype.dtype if getattr(dtype, "extended", False) else dtype
    return np.empty((length, *aval.shape), memory)


def _evaluate(*args: Any, **params: Any) -> list[Any]:
    arrays = [as_array(x) for x in args]
    body, length = params["jaxpr"], params["length"]
    if is_watched():
        numbers = _order(length, params["reverse"])
        return _stepped(stepper(body, False, numbers), arrays, **params)
    effort = effort_of(body)
    own = effort_of(body, (scan_p, length)).add(length, effort.pays)
    effort.add(length)
    if own:
        run_natively = native_loop(scan_p, body, arrays, params)
        if run_natively is not None:
            return list(run_natively(*arrays))
    return _stepped(stepper(body, effort.pays), arrays, **params)


def _order(length: int, reverse: bool) -> range:
    """The rows in the order in which the steps take them."""
    return range(length)[::-1] if reverse else range(length)


def _stepped(
    step: Any, arrays: Sequence[Any], *, jaxpr: Any, num_consts: int, num_carry: int,
    length: int, reverse: bool, **_: Any,
) -> list[Any]:  # fmt: skip
    """The loop on concrete values, step by step."""
    consts, carry, xs = parts(arrays, num_consts, num_carry)
    rows = [(x._data, x.weak_type) for x in xs]
    _, y_avals = parts(jaxpr.out_avals, num_carry)
    ys = [buffer_for(a, length) for a in y_avals]
    for i in _order(length, reverse):
        outs = step(*consts, *carry, *[wrap(x[i, ...], weak) for x, weak in rows])
        carry = outs[:num_carry]
        for memory, y in zip(ys, outs[num_carry:]):
            memory[i] = y._data
    return [*carry, *(wrap(y, a.weak_type) for y, a in zip(ys, y_avals))]


def _lift(
    lift: Lift, primals: Any, added: Any, *, jaxpr: Any, num_consts: int,
    num_carry: int, **params: Any,
) -> Any:  # fmt: skip
    """Tangents, or Taylor coefficients, of everything at once."""

    def carried(varying: Any) -> Any:
        found = lifted(jaxpr, lift, varying)[1][:num_carry]
        return grown(varying, found, num_consts)

    varying = to_fixpoint(tuple(c is not None for c in added), carried)
    out_varying = grown(
        lifted(jaxpr, lift, varying)[1], varying[num_consts:][:num_carry], 0
    )
    program, _ = lifted(jaxpr, lift, varying, out_varying)
    counts = num_consts, num_carry
    full = [c if not v else c or [None] * lift.count for c, v in zip(added, varying)]
    groups = zip(parts(primals, *counts), parts(full, *counts))
    args = [[*ps, *filled(cs, ps)] for ps, cs in groups]
    body = _interleaved(program, lift, jaxpr, varying, out_varying, counts)
    outs = scan_p(
        *args[0], *args[1], *args[2], jaxpr=body, num_consts=len(args[0]),
        num_carry=len(args[1]), **params,
    )  # fmt: skip
    carry, ys = parts(outs, len(args[1]))
    n_y = len(jaxpr.out_avals) - num_carry
    found = [*carry[num_carry:], *ys[n_y:]]
    return [*carry[:num_carry], *ys[:n_y]], regrouped(found, out_varying, lift)


def _unrolled(
    *args: Any, jaxpr: Any, num_consts: int, num_carry: int, length: int,
    reverse: bool, **_: Any,
) -> list[Any]:  # fmt: skip
    """The steps one after the other, without a loop."""
    consts, carry, xs = parts(args, num_consts, num_carry)
    rows: list[list[Any]] = []
    for i in _order(length, reverse):
        outs = run(jaxpr, *consts, *carry, *[take_row(x, 0, i) for x in xs])
        carry, ys = parts(outs, num_carry)
        rows.append([reshape(y, (1, *aval_of(y).shape)) for y in ys])
    rows = rows[::-1] if reverse else rows
    if not rows:
        return [*carry, *(zeros(rows_of(y, 0)) for y in jaxpr.out_avals[num_carry:])]
    return [*carry, *(concatenate(list(ys), 0) for ys in zip(*rows))]


def _interleaved(
    program: ClosedJaxpr, lift: Lift, base: ClosedJaxpr, varying: Any, out_varying: Any,
    counts: Any,
) -> ClosedJaxpr:  # fmt: skip
    """A lifted program with the components of consts, carry and rows behind each."""
    num_consts, num_carry = counts
    n = len(base.in_avals)
    primals = parts(range(n), *counts)
    components = regrouped(range(n, len(program.in_avals)), varying, lift)
    order: list[int] = []
    for ps, cs in zip(primals, parts(components, *counts)):
        order += [*ps, *(i for c in cs if c is not None for i in c)]
    m = len(base.out_avals)
    found = regrouped(range(m, len(program.out_avals)), out_varying, lift)
    out_order: list[int] = []
    for ps, cs in zip(parts(range(m), num_carry), parts(found, num_carry)):
        out_order += [*ps, *(i for c in cs if c is not None for i in c)]

    def make() -> ClosedJaxpr:
        jaxpr = program.jaxpr
        made = jaxpr.replace(
            invars=[jaxpr.invars[i] for i in order],
            outvars=[jaxpr.outvars[i] for i in out_order],
        )
        return ClosedJaxpr(made, program.consts)

    return program.derived(("interleaved", counts), make)


def _batch(
    trace: Any, args: Any, dims: Any, *, jaxpr: Any, num_consts: int, num_carry: int,
    **params: Any,
) -> Any:  # fmt: skip
    size = trace.size
    consts, carry, xs = parts(list(zip(args, dims)), num_consts, num_carry)
    const_dims = tuple(d for _, d in consts)
    x_dims = tuple(None if d is None else 0 for _, d in xs)

    def carried(batched: Any) -> Any:
        given = (*const_dims, *(0 if b else None for b in batched), *x_dims)
        found = batched_body(jaxpr, trace, given)[1]
        return grown(batched, [d is not None for d in found[:num_carry]], 0)

    batched = to_fixpoint(tuple(d is not None for _, d in carry), carried)
    given = (*const_dims, *(0 if b else None for b in batched), *x_dims)
    body, out_dims = batched_body(jaxpr, trace, given, batched)
    outs = scan_p(
        *[x for x, _ in consts],
        *[batch_to_front(x, d, size) if b else x for (x, d), b in zip(carry, batched)],
        *[x if d is None else move_dim(x, d, 1) for x, d in xs],
        jaxpr=body, num_consts=num_consts, num_carry=num_carry, **params,
    )  # fmt: skip
    shown = [d if i < num_carry else _below(d) for i, d in enumerate(out_dims)]
    return outs, shown


def _below(dim: int | None) -> int | None:
    return None if dim is None else dim + 1


def _live(
    used: Sequence[bool], *, jaxpr: Any, num_consts: int, num_carry: int, **params: Any
) -> Any:
    """Which operands a scan needs for the outputs `used`, and the scan that is left."""
    carry_used, y_used = parts(used, num_carry)

    def carried(mask: Any) -> Any:
        found = needed_inputs(jaxpr.jaxpr, (*mask, *y_used))
        return grown(mask, found[num_consts : num_consts + num_carry], 0)

    kept = to_fixpoint(tuple(carry_used), carried)
    found = needed_inputs(jaxpr.jaxpr, (*kept, *y_used))
    found[num_consts : num_consts + num_carry] = kept
    outs = [*kept, *y_used]
    body = restricted(jaxpr, tuple(found), tuple(outs))
    new = {
        **params,
        "jaxpr": body,
        "num_consts": sum(found[:num_consts]),
        "num_carry": sum(kept),
    }
    return found, outs, new


def _lower(
    build: Any, *operands: Any, jaxpr: Any, num_consts: int, num_carry: int,
    length: int, reverse: bool, **_: Any,
) -> Any:  # fmt: skip
    return build.scan(jaxpr, parts(operands, num_consts, num_carry), length, reverse)


def _split(params: Any, widths: Any, split: Any) -> Any:
    """A loop over real and imaginary parts; see compiler/complex_programs.py."""
    consts, carry = params["num_consts"], params["num_carry"]
    return {
        **params,
        "jaxpr": split(params["jaxpr"]),
        "num_consts": sum(widths[:consts]),
        "num_carry": sum(widths[consts : consts + carry]),
    }


scan_p: Any = Primitive(
    "scan",
    "A loop of known length with a carry, over the rows of arrays.",
    abstract=_abstract,
    evaluate=_evaluate,
    batch_call=_batch,
    multiple_results=True,
    raw=True,
    live=_live,
    lower=_lower,
    split=_split,
    **lift_rules(_lift, _unrolled),
    **reverse_rules(lambda *args, **params: scan_p(*args, **params)),
)
