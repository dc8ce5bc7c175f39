"""custom_linear_solve: the solution of A x = b, where A is a function and so is its solver.

    custom_linear_solve[matvec solve transpose_solve num_consts num_solution]
        consts b -> x aux

Derivatives do not look into the solver: from A x = b follows A x' = b' - A' x, which is
a solve with the same A, and the transpose is a solve with the transpose of A. All
programs take the constants first.
"""

from __future__ import annotations

from functools import reduce
from itertools import count
from typing import Any

from ..core.avals import aval_of, tangent_aval
from ..core.config import options
from ..core.jaxpr import ClosedJaxpr
from ..core.linear import is_linear
from ..core.primitive import Primitive
from ..ops.absorbing_forms import has_nonzero
from ..ops.elementwise_logic import or_p
from ..ops.elementwise_selection import select
from ..ops.structure import add_tangents, batch_to_front, instantiate, negate_p
from ..transforms.taylor import taylor_flat
from .call import jvp_program, run, stage_program, transposed_program
from .executors import execute
from .jit import jit_p
from .programs import batched_body, inexact_tangents, parts
from .scan_reverse import spread


def _abstract(*avals: Any, solve: Any, num_consts: int, **_: Any) -> Any:
    takes = [(a.shape, a.dtype) for a in solve.in_avals]
    if takes != [(a.shape, a.dtype) for a in avals]:
        raise TypeError(
            "custom_linear_solve: the solver takes"
            f" ({', '.join(a.str_short() for a in solve.in_avals)}) but is given"
            f" ({', '.join(a.str_short() for a in avals)})."
        )
    return solve.out_avals


def _jvp(
    primals: Any, tangents: Any, *, matvec: Any, num_consts: int, num_solution: int,
    **params: Any,
) -> Any:  # fmt: skip
    dots = inexact_tangents(primals, tangents)
    consts, b = parts(primals, num_consts)
    const_dots, b_dots = parts(dots, num_consts)
    given = {"matvec": matvec, "num_consts": num_consts, "num_solution": num_solution}
    outs = custom_linear_solve_p(*primals, **given, **params)
    x = outs[:num_solution]
    nonzero = tuple(t is not None for t in const_dots)
    if any(nonzero):
        program, found = jvp_program(matvec, (*nonzero, *(False for _ in x)))
        moving = [t for t in const_dots if t is not None]
        changes = jit_p(*consts, *x, *moving, jaxpr=program, name="matvec")
        changes = spread(changes[len(x) :], found)
        b_dots = [
            add_tangents(t, None if c is None else negate_p(c))
            for t, c in zip(b_dots, changes)
        ]
    if all(t is None for t in b_dots):
        return outs, [None] * len(outs)
    full = [instantiate(t, aval_of(v)) for t, v in zip(b_dots, b)]
    if options.nan_safe_gradients:
        params = _zero_of_zero(params, num_consts)
    x_dots = custom_linear_solve_p(*consts, *full, **given, **params)[:num_solution]
    return outs, [*x_dots, *(None for _ in outs[num_solution:])]


def _zero_of_zero(solvers: Any, num_consts: int) -> Any:
    """The solvers, whose solution is zero where the right-hand side is, whatever they
    make of a matrix that is not finite."""

    def absorbing(program: Any) -> Any:
        if program is None:
            return None

        def solve(*values: Any) -> list[Any]:
            some = reduce(or_p, map(has_nonzero, values[num_consts:]))
            zero = [instantiate(None, a) for a in program.out_avals]
            return [select(some, x, z) for x, z in zip(run(program, *values), zero)]

        make = lambda: stage_program(solve, program.in_avals)
        return program.derived("zero of zero", make)

    return {name: absorbing(program) for name, program in solvers.items()}


def _taylor(
    x: Any, *series: Any, matvec: Any, num_consts: int, num_solution: int, **params: Any
) -> Any:
    """Coefficient k solves A_0 x_k = b_k - [t^k] A(t) (x_0 + ... + x_(k-1) t^(k-1))."""
    given = {"matvec": matvec, "num_consts": num_consts, "num_solution": num_solution}
    consts, b = parts(series, num_consts)
    found = [[v] for v in x[:num_solution]]
    aux = [None] * (len(x) - num_solution)
    for k in count(1):
        known = [[s[j] for j in range(k + 1)] for s in consts]
        lower = [[*terms, None] for terms in found]
        applied = taylor_flat(lambda *xs: run(matvec, *xs), [*known, *lower], k)
        right = [
            add_tangents(s[k], None if y[k] is None else negate_p(y[k]))
            for s, y in zip(b, applied)
        ]
        row: list[Any] = [None] * num_solution
        if any(r is not None for r in right):
            full = [instantiate(r, aval_of(s[0])) for r, s in zip(right, b)]
            start = [s[0] for s in consts]
            row = custom_linear_solve_p(*start, *full, **given, **params)[:num_solution]
        for terms, c in zip(found, row):
            terms.append(c)
        yield [*row, *aux]


def _transpose(
    cts: Any, *args: Any, matvec: Any, solve: Any, transpose_solve: Any,
    num_consts: int, num_solution: int,
) -> Any:  # fmt: skip
    if transpose_solve is None:
        raise TypeError(
            "custom_linear_solve: reverse mode needs transpose_solve, the solver of the"
            " transposed system; give it, or symmetric=True."
        )
    consts, b = parts(args, num_consts)
    if any(map(is_linear, consts)):
        raise NotImplementedError(
            "custom_linear_solve: is not linear in what matvec closes over."
        )
    full = [instantiate(c, aval_of(v)) for c, v in zip(cts, b)]
    found = custom_linear_solve_p(
        *consts, *full, matvec=transposed_matvec(matvec, num_consts),
        solve=transpose_solve, transpose_solve=_without_aux(solve, num_solution),
        num_consts=num_consts, num_solution=num_solution,
    )  # fmt: skip
    return [None] * num_consts + list(found)


def transposed_matvec(matvec: ClosedJaxpr, num_consts: int) -> ClosedJaxpr:
    """The program (consts, y) -> A^T y of (consts, x) -> A x."""
    avals = [tangent_aval(a) for a in matvec.in_avals[num_consts:]]
    linear = (False,) * num_consts + (True,) * len(avals)
    program, found = transposed_program(matvec, linear, (True,) * len(avals))
    if all(found):
        return program

    def whole(*values: Any) -> list[Any]:
        outs = spread(run(program, *values), found)
        return [instantiate(c, a) for c, a in zip(outs, avals)]

    return program.derived("whole", lambda: stage_program(whole, program.in_avals))


def _without_aux(solve: ClosedJaxpr, num_solution: int) -> ClosedJaxpr:
    if len(solve.out_avals) == num_solution:
        return solve
    jaxpr = solve.jaxpr.replace(outvars=solve.jaxpr.outvars[:num_solution])
    return solve.derived("without aux", lambda: solve.replace(jaxpr=jaxpr))


def _batch(
    trace: Any, args: Any, dims: Any, *, matvec: Any, solve: Any, transpose_solve: Any,
    num_consts: int, num_solution: int,
) -> Any:  # fmt: skip
    consts, b = parts(args, num_consts)
    const_dims, b_dims = parts(tuple(dims), num_consts)
    given = (*const_dims, *(0 for _ in b))
    forced = (True,) * num_solution
    size = trace.size
    made = {
        "matvec": batched_body(matvec, trace, given, forced)[0],
        "solve": batched_body(solve, trace, given, (True,) * len(solve.out_avals))[0],
        "transpose_solve": transpose_solve
        and batched_body(transpose_solve, trace, given, forced)[0],
    }
    outs = custom_linear_solve_p(
        *consts, *[batch_to_front(x, d, size) for x, d in zip(b, b_dims)], **made,
        num_consts=num_consts, num_solution=num_solution,
    )  # fmt: skip
    return outs, [0] * len(outs)


custom_linear_solve_p: Any = Primitive(
    "custom_linear_solve",
    "The solution of a linear system that is given by a function, by a given solver.",
    abstract=_abstract,
    evaluate=lambda *args, solve, **_: execute(solve, args),
    expansion=lambda *, solve, **_: solve,
    jvp_call=_jvp,
    transpose=_transpose,
    batch_call=_batch,
    taylor=_taylor,
    multiple_results=True,
    raw=True,
)
