"""lax: solutions defined by equations, differentiated by the implicit function theorem.

`custom_linear_solve` solves A x = b, `custom_root` f(x) = 0, by any solver: derivatives
come from the equation and not from the solver's steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..api.gradients import jvp, linearize
from ..control.bodies import Carry, arrays_of, check_same_tree
from ..control.call import run
from ..control.closures import closure_convert, linear_transpose
from ..control.custom_rules import custom_jvp
from ..control.linear_solve import custom_linear_solve_p
from ..control.programs import united
from ..ops.arithmetic import neg_p
from ..ops.shaping import zeros
from ..runtime._native import tree_flatten, tree_unflatten
from ..runtime.pytree import tree_map
from ..transforms.flat import FlatFun, check_callable, name_of
from ..transforms.stage import stage_closed


def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """Solves the linear system `matvec(x) = b` by `solve(matvec, b)`.

    Args:
        matvec: linear function of x, an invertible operator.
        b: right-hand side, array or pytree; x has its structure.
        solve: returns x for (matvec, b); with `has_aux`, the pair (x, aux).
        transpose_solve: solves the transposed system, (vecmat, b) -> x, for reverse
            mode.
        symmetric: the operator is symmetric, so `solve` serves for both.
        has_aux: `solve` (and `transpose_solve`) return further outputs, which have no
            derivative.

    Returns:
        x, or (x, aux). Derivatives are again solutions of linear systems, by `solve`
        and `transpose_solve`, of any order.

    Raises:
        TypeError: `matvec` or `solve` return other structures or types than those of b;
            reverse mode without `transpose_solve`.

    >>> from chainrule import lax
    >>> x = lax.custom_linear_solve(lambda x: 4.0 * x, 2.0, lambda f, b: b / f(1.0))
    >>> float(x)
    0.5
    """
    for fun in (matvec, solve, *((transpose_solve,) if transpose_solve else ())):
        check_callable("custom_linear_solve", fun)
    leaves, tree = arrays_of("custom_linear_solve", b)
    avals = [x.aval for x in leaves]
    one = tree_flatten((tree_unflatten(tree, leaves),))[1]
    product = _staged(matvec, one, avals)
    _check_solution(matvec, tree, avals, product)
    solver = _staged(lambda b: solve(matvec, b), one, avals, name_of(solve), has_aux)
    _check_solution(solve, tree, avals, solver)
    staged = [product, solver]
    if transpose_solve is not None:
        vecmat = lambda y: linear_transpose(matvec, tree_unflatten(tree, leaves))(y)[0]
        whole = lambda b: transpose_solve(vecmat, b)
        name = name_of(transpose_solve)
        staged.append(_staged(whole, one, avals, name, has_aux))
        _check_solution(transpose_solve, tree, avals, staged[2])
    elif symmetric:
        staged.append(solver)
    programs, consts = united([(s[0], s[1]) for s in staged])
    n = len(leaves)
    outs = custom_linear_solve_p(
        *consts, *leaves, matvec=programs[0], solve=programs[1],
        transpose_solve=_first(programs[2], n) if len(programs) > 2 else None,
        num_consts=len(consts), num_solution=n,
    )  # fmt: skip
    x = tree_unflatten(tree, outs[:n])
    return (x, tree_unflatten(solver[2].aux_tree, outs[n:])) if has_aux else x


def _staged(
    fun: Any, tree: Any, avals: Any, name: str | None = None, has_aux: bool = False
) -> Any:
    flat = FlatFun(fun, tree, has_aux=has_aux)
    flat.name = name or name_of(fun)
    program, outer = stage_closed(flat, avals, flat.name)
    return program, outer, flat


def _first(program: Any, n: int) -> Any:
    jaxpr = program.jaxpr
    return program.replace(jaxpr=jaxpr.replace(outvars=jaxpr.outvars[:n]))


def _check_solution(fun: Any, tree: Any, avals: Any, staged: Any) -> None:
    program, _, flat = staged
    name = "custom_linear_solve"
    check_same_tree(name, fun, "a vector", tree, flat.out_tree)
    found = program.out_avals[: len(avals)]
    Carry(name, "vector", place="in the function").check_types(fun, tree, avals, found)


def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
    has_aux: bool = False,
) -> Any:
    """A root of `f`, found by `solve(f, initial_guess)`.

    Args:
        f: function of x that is zero at the root; it may close over what the root is to
            be differentiated for.
        initial_guess: array or pytree to start from; x has its structure.
        solve: returns x for (f, initial_guess); with `has_aux`, the pair (x, aux).
        tangent_solve: solves a linear system, (g, y) -> x with g(x) = y; for scalars
            `lambda g, y: y / g(1.0)`.
        has_aux: `solve` returns further outputs, which have no derivative.

    Returns:
        x, or (x, aux). The derivative follows from f(x) = 0 and not from the steps of
        `solve`.

    Raises:
        TypeError: `solve` returns another structure or type than the guess's.

    >>> import chainrule as cr
    >>> def root(a):
    ...     newton = lambda f, x: cr.lax.fori_loop(
    ...         0, 20, lambda _, x: x - f(x) / cr.grad(f)(x), x)
    ...     linear = lambda g, y: y / g(1.0)
    ...     return cr.lax.custom_root(lambda x: x * x - a, 1.0, newton, linear)
    >>> float(root(4.0)), float(cr.grad(root)(4.0))
    (2.0, 0.25)
    """
    for fun in (f, solve, tangent_solve):
        check_callable("custom_root", fun)
    leaves, tree = arrays_of("custom_root", initial_guess)
    guess = tree_unflatten(tree, leaves)
    explicit, consts = closure_convert(f, guess)
    n, avals = len(leaves), [x.aval for x in leaves]
    program, outer, flat = _staged(
        lambda x: solve(f, x), tree_flatten((guess,))[1], avals, name_of(solve), has_aux
    )
    check_same_tree("custom_root", solve, "a guess", tree, flat.out_tree)
    words = Carry("custom_root", "guess", place="in the function")
    words.check_types(solve, tree, avals, program.out_avals[:n])
    root = _root(program, explicit, tree, tangent_solve)
    outs = root(consts, outer, leaves)
    x = tree_unflatten(tree, outs[:n])
    return (x, tree_unflatten(flat.aux_tree, outs[n:])) if has_aux else x


def _root(program: Any, f: Any, tree: Any, tangent_solve: Any) -> Any:
    """(consts, outer, guess) -> root and aux, with the derivative for the consts.

    From f(x, c) = 0 follows f_x x' = -f_c c'.
    """
    n = tree.num_leaves

    @custom_jvp
    def root(consts: Any, outer: Any, guess: Any) -> Any:
        return run(program, *outer, *guess)

    @root.defjvp
    def root_jvp(primals: Any, tangents: Any) -> Any:
        consts = primals[0]
        outs = root(*primals)
        if not consts:
            return outs, [zeros(y.aval) for y in outs]
        x = tree_unflatten(tree, outs[:n])
        at_root = lambda *values: f(x, *values)
        change = jvp(at_root, tuple(consts), tuple(tangents[0]))[1]
        slope = linearize(lambda x: f(x, *consts), x)[1]
        dots, found = tree_flatten(tangent_solve(slope, tree_map(neg_p, change)))
        check_same_tree("custom_root", tangent_solve, "a vector", tree, found)
        return outs, [*dots, *(zeros(y.aval) for y in outs[n:])]

    return root


__all__ = ["custom_linear_solve", "custom_root"]
