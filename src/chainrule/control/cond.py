"""cond: one of several programs, chosen by an index when it runs.

    cond[branches] index operands -> outs

The branches take the same operands and return the same types; the index is a scalar
int32, moved into range. Where the index is known, derivatives follow the branch taken.
Where `vmap` gives every example an index of its own, each branch is run for all of them
and each example selects its result (`_by_example`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import ConcreteArray, aval_of, tangent_aval, update
from ..core.dtypes import is_integer
from ..core.jaxpr import ClosedJaxpr, Literal, subjaxprs
from ..core.linear import is_linear
from ..core.primitive import Primitive
from ..ops.elementwise_logic import eq_p
from ..ops.elementwise_selection import clamp_p, select_n_p
from ..ops.reductions import reduce_or_p
from ..ops.shaping import broadcast_in_dim, convert, zeros
from ..ops.structure import instantiate, move_dim
from ..runtime._native import wrap
from .call import linear_programs, run, stage_program, transposed_program
from .executors import execute
from .jit import jit_p
from .programs import (
    Lift,
    batched_body,
    filled,
    inexact_tangents,
    lift_rules,
    lifted,
    needed_inputs,
    parts,
    regrouped,
    restricted,
)
from .scan_reverse import spread
from .substitution import substituted

Branches = tuple[ClosedJaxpr, ...]


def _abstract(index: Any, *avals: Any, branches: Any) -> Any:
    if index.shape != () or not is_integer(index.dtype):
        raise TypeError(
            f"cond: the index must be an integer scalar; got {index.str_short()}."
        )
    given = [(a.shape, a.dtype) for a in avals]
    first = branches[0].out_avals
    for k, branch in enumerate(branches):
        if given != [(a.shape, a.dtype) for a in branch.in_avals]:
            takes = ", ".join(a.str_short() for a in branch.in_avals)
            has = ", ".join(a.str_short() for a in avals)
            raise TypeError(f"cond: branch {k} takes ({takes}) but is given ({has}).")
        outs = [(a.shape, a.dtype) for a in branch.out_avals]
        if outs != [(a.shape, a.dtype) for a in first]:
            raise TypeError(
                f"cond: branch {k} returns"
                f" ({', '.join(a.str_short() for a in branch.out_avals)}), branch 0"
                f" ({', '.join(a.str_short() for a in first)}); the types must agree."
            )
    return _out_avals(branches)


def _out_avals(branches: Any) -> list[Any]:
    """The outputs' types: weak where all branches' are."""
    columns = zip(*(b.out_avals for b in branches))
    return [update(c[0], weak_type=all(a.weak_type for a in c)) for c in columns]


def _taken(index: Any, branches: Branches) -> ClosedJaxpr:
    """The branch at a known index."""
    return branches[min(max(int(np.asarray(index)), 0), len(branches) - 1)]


def _evaluate(index: Any, *args: Any, branches: Any) -> list[Any]:
    outs = execute(_taken(index, branches), args)
    return [
        y if y.weak_type == a.weak_type else wrap(y._data, a.weak_type)
        for y, a in zip(outs, _out_avals(branches))
    ]


def _call(program: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    return jit_p(*args, jaxpr=program, name="branch")


# --- derivatives ---------------------------------------------------------------------


def _lift(lift: Lift, primals: Any, added: Any, *, branches: Any) -> Any:
    index, *xs = primals
    if type(index) is ConcreteArray:
        branches = (_taken(index, branches),)
    varying = tuple(c is not None for c in added[1:])
    found = [lifted(b, lift, varying)[1] for b in branches]
    wanted = tuple(map(any, zip(*found)))
    programs = tuple(lifted(b, lift, varying, wanted)[0] for b in branches)
    outs = _bind(index, [*xs, *filled(added[1:], xs)], programs)
    n = len(wanted)
    return outs[:n], regrouped(outs[n:], wanted, lift)


def _all_branches(index: Any, *args: Any, branches: Any) -> list[Any]:
    """The branch where it is known, else all of them and a selection."""
    if type(index) is ConcreteArray:
        return run(_taken(index, branches), *args)
    top = np.asarray(len(branches) - 1, aval_of(index).dtype)
    which = clamp_p(np.zeros_like(top), index, top)
    columns = zip(*(run(b, *args) for b in branches))
    return [
        select_n_p(broadcast_in_dim(which, aval_of(c[0]).shape, ()), *c)
        for c in columns
    ]


def _bind(index: Any, args: Sequence[Any], branches: Branches) -> list[Any]:
    """cond, or a call where there is but one branch."""
    if len(branches) == 1:
        return _call(branches[0], args)
    return cond_p(index, *args, branches=branches)


def _linearize(tape: Any, primals: Any, tangents: Any, *, branches: Any) -> Any:
    index, *xs = primals
    dots = inexact_tangents(primals, tangents)[1:]
    nonzero = tuple(t is not None for t in dots)
    if type(index) is ConcreteArray:
        branches = (_taken(index, branches),)
    key = ("linearized branches", branches[1:], nonzero)
    known, tangent, out_dots, operands = branches[0].derived(
        key, lambda: _divided(branches, nonzero)
    )
    outs = _bind(index, xs, known)
    n = len(out_dots)
    given = [t for t in dots if t is not None]
    if not given or not any(out_dots):
        return outs[:n], [None] * n
    args = [*(xs[i] for i in operands), *outs[n:], *given]
    found = _bind(index, args, tangent)
    return outs[:n], spread(found, out_dots)


def _divided(branches: Branches, nonzero: tuple[bool, ...]) -> Any:
    """Known and tangent branches, all with the same residuals.

    Residuals that are operands are taken from there; the others share one list of
    slots, in which each branch uses those of its types and leaves zeros in the rest.
    """
    split = [linear_programs(b, nonzero) for b in branches]
    n_out = len(branches[0].out_avals)
    out_dots = tuple(map(any, zip(*(s[2] for s in split))))
    operands: list[int] = []
    slots: list[Any] = []
    plans: list[list[tuple[str, int]]] = []
    for known, _, _ in split:
        plan, free = [], list(range(len(slots)))
        place = {v: i for i, v in enumerate(known.jaxpr.invars)}
        for v in known.jaxpr.outvars[n_out:]:
            at = None if type(v) is Literal else place.get(v)
            if at is not None:
                operands += [] if at in operands else [at]
                plan.append(("operand", operands.index(at)))
                continue
            fitting = [k for k in free if slots[k] == v.aval]
            if fitting:
                free.remove(fitting[0])
            else:
                fitting = [len(slots)]
                slots.append(v.aval)
            plan.append(("slot", fitting[0]))
        plans.append(plan)
    made = [
        (_known_branch(k, n_out, plan, slots), _tangent_branch(*args))
        for (k, t, found), plan in zip(split, plans)
        for args in [(t, found, plan, slots, branches[0], operands, out_dots)]
    ]
    return tuple(k for k, _ in made), tuple(t for _, t in made), out_dots, operands


def _known_branch(
    known: ClosedJaxpr, n_out: int, plan: Any, slots: Sequence[Any]
) -> ClosedJaxpr:
    def fun(*xs: Any) -> list[Any]:
        outs, residuals = parts(run(known, *xs), n_out)
        found = {k: r for (kind, k), r in zip(plan, residuals) if kind == "slot"}
        filling = [found[k] if k in found else zeros(a) for k, a in enumerate(slots)]
        return [*outs, *filling]

    return stage_program(fun, known.in_avals)


def _tangent_branch(
    tangent: ClosedJaxpr, found: Any, plan: Any, slots: Any, branch: Any, operands: Any,
    out_dots: Any,
) -> ClosedJaxpr:  # fmt: skip
    def fun(*values: Any) -> list[Any]:
        given, filling, dots = parts(values, len(operands), len(slots))
        source = {"operand": given, "slot": filling}
        residuals = [source[kind][k] for kind, k in plan]
        outs = spread(run(tangent, *residuals, *dots), found)
        return [
            instantiate(t, tangent_aval(a))
            for t, a, wanted in zip(outs, branch.out_avals, out_dots)
            if wanted
        ]

    given = [branch.in_avals[i] for i in operands]
    return stage_program(fun, [*given, *slots, *tangent.in_avals[len(plan) :]])


def _transpose(cts: Any, index: Any, *args: Any, branches: Any) -> Any:
    linear = tuple(is_linear(a) for a in args)
    nonzero = tuple(c is not None for c in cts)
    if type(index) is ConcreteArray:
        branches = (_taken(index, branches),)
    key = ("transposed branches", branches[1:], linear, nonzero)
    programs, reached = branches[0].derived(
        key, lambda: _transposed(branches, linear, nonzero)
    )
    known = [a for a, lin in zip(args, linear) if not lin]
    outs = _bind(index, [*known, *(c for c in cts if c is not None)], programs)
    return [None, *spread(spread(outs, reached), linear)]


def _transposed(branches: Branches, linear: Any, nonzero: Any) -> Any:
    """Transposed branches, all giving the same cotangents."""
    made = [transposed_program(b, linear, nonzero) for b in branches]
    reached = tuple(map(any, zip(*(r for _, r in made))))
    wanted = [tangent_aval(a) for a, lin in zip(branches[0].in_avals, linear) if lin]

    def full(program: ClosedJaxpr, found: Any) -> ClosedJaxpr:
        if found == reached:
            return program

        def fun(*values: Any) -> list[Any]:
            outs = spread(run(program, *values), found)
            pairs = zip(outs, wanted, reached)
            return [instantiate(c, a) for c, a, keep in pairs if keep]

        return stage_program(fun, program.in_avals)

    return tuple(full(p, found) for p, found in made), reached


# --- batching ------------------------------------------------------------------------


def _batch(trace: Any, args: Any, dims: Any, *, branches: Any) -> Any:
    (index, *xs), (index_dim, *x_dims) = args, tuple(dims)
    if index_dim is None:
        return _batch_operands(trace, index, xs, tuple(x_dims), branches)
    if type(index) is ConcreteArray:
        values = np.clip(np.asarray(index), 0, len(branches) - 1)
        if values.size and (values == values[0]).all():
            one = wrap(np.asarray(values[0]))
            return _batch_operands(trace, one, xs, tuple(x_dims), branches)
    return _by_example(trace, index, xs, tuple(x_dims), branches)


def _batch_operands(
    trace: Any, index: Any, xs: Any, dims: Any, branches: Branches
) -> Any:
    found = [batched_body(b, trace, dims)[1] for b in branches]
    forced = tuple(any(d is not None for d in column) for column in zip(*found))
    made = tuple(batched_body(b, trace, dims, forced)[0] for b in branches)
    outs = cond_p(index, *xs, branches=made)
    return outs, [0 if f else None for f in forced]


def _by_example(trace: Any, index: Any, xs: Any, dims: Any, branches: Branches) -> Any:
    """All branches, each on all examples, and a selection.

    A branch gets, for the examples that do not take it, the operands of one that does:
    so it sees no operands that its author kept from it, and no derivative of it is
    infinite where the program's is not. Branches that hold loops, branches or products
    are skipped where no example takes them.
    """
    top = np.asarray(len(branches) - 1, aval_of(index).dtype)
    index = clamp_p(np.zeros_like(top), index, top)
    xs = [x if d is None else move_dim(x, d, 0) for x, d in zip(xs, dims)]
    dims = tuple(None if d is None else 0 for d in dims)
    forced = (True,) * len(branches[0].out_avals)
    cases: list[Any] = []
    for k, branch in enumerate(branches):
        taken = eq_p(index, np.asarray(k, top.dtype))
        program, _ = batched_body(branch, trace, dims, forced)
        operands = substituted(branch, xs, dims, taken)
        if any(map(_is_costly, branch.eqns)):
            some = convert(reduce_or_p(taken, axes=(0,)), np.dtype(np.int32))
            cases.append(cond_p(some, *operands, branches=(_idle(program), program)))
        else:
            cases.append(_call(program, operands))
    outs = []
    for column in zip(*cases):
        which = broadcast_in_dim(index, aval_of(column[0]).shape, (0,))
        outs.append(select_n_p(which, *column))
    return outs, [0] * len(outs)


def _is_costly(eqn: Any) -> bool:
    product = eqn.primitive.bilinear and "dimension_numbers" in eqn.params
    return product or bool(subjaxprs(eqn.params))


def _idle(program: ClosedJaxpr) -> ClosedJaxpr:
    """A program of the same type whose results nobody reads."""
    return program.derived(
        "idle",
        lambda: stage_program(
            lambda *_: [zeros(a) for a in program.out_avals], program.in_avals
        ),
    )


def _live(used: Sequence[bool], *, branches: Any) -> Any:
    """The operands that the outputs `used` need, and what is left of the branches."""
    needs = [needed_inputs(b.jaxpr, used) for b in branches]
    kept = tuple(map(any, zip(*needs)))
    made = tuple(restricted(b, kept, tuple(used)) for b in branches)
    return [True, *kept], list(used), {"branches": made}


cond_p: Any = Primitive(
    "cond",
    "One of several programs, chosen by an index.",
    abstract=_abstract,
    evaluate=_evaluate,
    linearize_call=_linearize,
    transpose=_transpose,
    batch_call=_batch,
    multiple_results=True,
    raw=True,
    live=_live,
    lower=lambda build, index, *args, branches: build.branch(index, branches, args),
    split=lambda params, _, split: {"branches": tuple(map(split, params["branches"]))},
    **lift_rules(_lift, _all_branches),
)
