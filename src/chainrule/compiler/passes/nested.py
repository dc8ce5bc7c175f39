"""Nested programs: passes applied to the bodies of loops and branches.

An equation may hold programs among its parameters. A pass that descends replaces each
by what it makes of it, once per program; but only where the primitive runs its programs
as they are, which those with a rule `live` do. Others may differentiate them first, and
then a custom derivative must still be found in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.jaxpr import ClosedJaxpr, JaxprEqn

Pass = Callable[[ClosedJaxpr], ClosedJaxpr]


def descend(eqn: JaxprEqn, run: Pass) -> JaxprEqn:
    """The equation with `run` applied to the programs that it runs."""
    if eqn.primitive.live is None:
        return eqn
    changed = {
        key: made
        for key, value in eqn.params.items()
        if (made := _within(value, run)) is not value
    }
    return eqn.replace(params={**eqn.params, **changed}) if changed else eqn


def _within(value: Any, run: Pass) -> Any:
    if isinstance(value, ClosedJaxpr):
        return value.derived((run, "nested"), lambda: run(value))
    if isinstance(value, tuple) and any(isinstance(v, ClosedJaxpr) for v in value):
        made = tuple(_within(v, run) for v in value)
        return value if all(a is b for a, b in zip(made, value)) else made
    return value
