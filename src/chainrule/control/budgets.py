"""Memory budgets of checkpoint: equations `budgeted`, and amounts of memory as text.

Linearizing such an equation arranges its program so that what reverse mode keeps, and
computes again at a time, fits (retention.py); types decide, so it is known when the
program is staged. Under other transformations it is a call like any other, and the
budget stays with it.
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

from ..core.dtypes import is_inexact
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, subjaxprs
from .call import call_primitive
from .checkpoint_policies import name_p
from .jit import jit_p
from .programs import inexact_tangents
from .retention import STRETCH, retained

budgeted_p = call_primitive("budgeted", "A staged function, reversed within a budget.")

_UNITS = {"": 1, "b": 1} | {
    prefix.lower() + unit: base**power
    for power, prefix in enumerate("KMGT", 1)
    for unit, base in (("b", 1000), ("ib", 1024))
}


def bytes_of_budget(budget: Any) -> int:
    """The number of bytes that a user's budget is.

    >>> bytes_of_budget("1.5kB"), bytes_of_budget("2 MiB"), bytes_of_budget(100)
    (1500, 2097152, 100)
    """
    found = _amount(budget)
    if found is None or not (math.isfinite(found) and found >= 1):
        raise ValueError(
            f"checkpoint: budget={budget!r} is no amount of memory; give a positive"
            " number of bytes, or a string of a number and a unit, such as '200MB',"
            " '1.5GB' or '64MiB'."
        )
    return int(found)


def _amount(budget: Any) -> float | None:
    if isinstance(budget, numbers.Real) and not isinstance(budget, bool):
        return float(budget)
    if not isinstance(budget, str):
        return None
    parsed = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-zA-Z]*)\s*", budget)
    if not parsed or parsed[2].lower() not in _UNITS:
        return None
    return float(parsed[1]) * _UNITS[parsed[2].lower()]


def text_of_bytes(n: int) -> str:
    """A number of bytes as messages show it, rounded up: a budget of so much suffices.

    >>> text_of_bytes(999), text_of_bytes(1234567)
    ('999B', '1.3MB')
    """
    power = min((len(str(n)) - 1) // 3, 4)
    if not power:
        return f"{n}B"
    return f"{math.ceil(n * 10 / 1000**power) / 10:g}{'kMGT'[power - 1]}B"


def _linearize(
    tape: Any, primals: Any, tangents: Any, *, jaxpr: Any, budget: int, policy: Any,
    name: str, **_: Any,
) -> Any:  # fmt: skip
    dots = inexact_tangents(primals, tangents)
    nonzero = tuple(t is not None for t in dots)
    made = jaxpr.derived(
        ("retained", nonzero, budget, policy),
        lambda: retained(jaxpr, nonzero, budget, policy),
    )
    if made.needed > budget:
        raise ValueError(
            f"checkpoint: a budget of {text_of_bytes(budget)} is too small for {name},"
            f" whose reverse mode needs {text_of_bytes(made.needed)} at a time; give"
            f" budget={text_of_bytes(made.needed)!r} or more."
        )
    return jit_p.linearize_call(tape, primals, dots, jaxpr=made.program, name=name)


budgeted_p.linearize_call = _linearize


def budget_lines(program: ClosedJaxpr) -> list[str]:
    """How the functions under a budget that a program calls are reversed, by all of
    their arguments."""
    lines: list[str] = []
    for eqn in program.eqns:
        if eqn.primitive is not budgeted_p:
            for inner in subjaxprs(eqn.params):
                lines += budget_lines(inner)
            continue
        body, params = eqn.params["jaxpr"], eqn.params
        nonzero = tuple(is_inexact(a.dtype) for a in body.in_avals)
        made = retained(body, nonzero, params["budget"], params["policy"])
        needed, budget = map(text_of_bytes, (made.needed, params["budget"]))
        lines.append(f"{params['name']}: {needed} of {budget}")
        lines += ["  " + line for line in map(_choice, made.program.eqns) if line]
    return lines


def _choice(eqn: JaxprEqn) -> str:
    """What was chosen for an equation; nothing where it stores what it stores."""
    if "segments" in eqn.params:
        sizes = " of ".join(map(str, reversed(eqn.params["segments"])))
        return f"loop of {eqn.params['length']} steps: run again by segments of {sizes}"
    if eqn.params.get("name") != STRETCH:
        return ""
    inside = eqn.params["jaxpr"].eqns
    kept = [e.outvars[0].aval.str_short() for e in inside if e.primitive is name_p]
    return (
        f"{len(inside) - len(kept)} equations: run again, but for"
        f" {', '.join(kept) or 'nothing'}"
    )
