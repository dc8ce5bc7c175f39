"""What a function's accuracy is measured against: its exact values and its arguments.

A `Subject` has the exact value (None where it is not a real number, or where the page
says that none is asked for) and where it is sampled: `references.py` has functions that
single intervals do justice, `references_parametric.py` those of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp


@dataclass
class Subject:
    exact: Any
    spans: Sequence[Any] = ()
    points: list[float] = field(default_factory=list)
    arity: int = 1
    numpy: str | None = None
    """NumPy's or SciPy's function of the same name, "module.name"."""
    bound: float = 2.0
    """The largest error in units of the last place."""
    single_bound: float | None = None
    """That of f32, where it is another."""
    strata: Sequence[Callable[..., Any]] = ()
    """Instead of spans: functions of a generator and a count to columns of arguments."""
    slow: bool = False
    """Whether the reference takes milliseconds: a twentieth of the samples are taken."""

    def bound_in(self, type: str) -> float:
        if type == "f32" and self.single_bound is not None:
            return self.single_bound
        return self.bound


def real(function: Callable[..., Any]) -> Callable[..., Any]:
    """The value, None where it is complex or undefined."""

    def of(*x: Any) -> Any:
        try:
            y = function(*x)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return y if isinstance(y, mp.mpf) else None

    return of


def agreed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` at a precision that is enough: of two in a row that agree to 80 bits.

    mpmath's own precision is that of its operations, not of its results: of 1 - P where
    P is nearly 1, or of series of either sign, digits are lost. Raises ArithmeticError
    where no two precisions agree.
    """

    def of(*x: Any) -> Any:
        before = None
        for bits in (100, 160, 300, 600, 1200, 2400, 4800):
            with mp.workprec(bits):
                value = function(*x)
                if value is None:
                    return None
                if before and abs(value - before) <= mp.ldexp(abs(value), -80):
                    return value
            before = value
        if before == 0:
            return before
        raise ArithmeticError(
            f"{function.__name__}{tuple(map(float, x))}: no two precisions agree;"
            " give it another reference there."
        )

    return of
