"""The type checker of the IR: every type re-derived, every variable in scope.

Tests run it after each pass. It raises JaxprTypeError with the equation and the
user's line; a program that passes can be evaluated without further checks.
"""

from __future__ import annotations

from typing import Any

from .avals import aval_of
from .errors import JaxprTypeError
from .jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, subjaxprs


def check_jaxpr(program: Jaxpr | ClosedJaxpr) -> None:
    """Raises JaxprTypeError unless `program` is well-formed and well-typed."""
    jaxpr = program.jaxpr
    if isinstance(program, ClosedJaxpr):
        for var, const in zip(jaxpr.constvars, program.consts):
            _agree(f"constant for {var}", aval_of(const), var.aval, None)
    bound: set[Any] = set()
    for var in (*jaxpr.constvars, *jaxpr.invars):
        _bind(var, bound, None)
    for eqn in jaxpr.eqns:
        _check_eqn(eqn, bound)
    for atom in jaxpr.outvars:
        _in_scope(atom, bound, None)


def _check_eqn(eqn: JaxprEqn, bound: set[Any]) -> None:
    for atom in eqn.invars:
        _in_scope(atom, bound, eqn)
    for inner in subjaxprs(eqn.params):
        check_jaxpr(inner)
    avals = tuple(a.aval for a in eqn.invars)
    try:
        out = eqn.primitive.out_aval(avals, eqn.params)
    except (TypeError, ValueError) as error:
        raise JaxprTypeError(f"{error}{_at(eqn)}") from error
    outs = out if eqn.primitive.multiple_results else [out]
    if len(outs) != len(eqn.outvars):
        raise JaxprTypeError(
            f"{eqn.primitive.name}: {len(outs)} outputs are bound to"
            f" {len(eqn.outvars)} variables{_at(eqn)}"
        )
    for aval, var in zip(outs, eqn.outvars):
        _agree("output", aval, var.aval, eqn)
        _bind(var, bound, eqn)


def _agree(what: str, found: Any, declared: Any, eqn: JaxprEqn | None) -> None:
    if (found.shape, found.dtype) != (declared.shape, declared.dtype):
        raise JaxprTypeError(
            f"{what} has type {found.str_short()} but is declared"
            f" {declared.str_short()}{_at(eqn)}"
        )


def _bind(var: Any, bound: set[Any], eqn: JaxprEqn | None) -> None:
    if var in bound:
        raise JaxprTypeError(f"variable {var} is bound twice{_at(eqn)}")
    bound.add(var)


def _in_scope(atom: Any, bound: set[Any], eqn: JaxprEqn | None) -> None:
    if isinstance(atom, Literal):
        _agree("literal", aval_of(atom.val), atom.aval, eqn)
    elif atom not in bound:
        raise JaxprTypeError(f"variable {atom} is used before it is bound{_at(eqn)}")


def _at(eqn: JaxprEqn | None) -> str:
    return "." if eqn is None else f", in `{eqn}` from {eqn.source_info}."
