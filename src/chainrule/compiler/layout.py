"""The layout of a plan: all that the runtime's plan is made of, as Python data.

It may have open sizes and constants (`sizes`): `filled` puts numbers and arrays in their
place. Loops and branches among the steps hold the layouts of their programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import ConcreteArray, ShapedArray
from ..runtime import _native
from .records import record
from .sizes import Given, NoPattern, Size, SizedArray


@record
class Layout:
    """What `_native.Plan` is called with, in its order; `pick` says which of the results
    are returned, if not each once."""

    num_arguments: int
    consts: list[Any]
    temps: list[Any]
    outputs: list[Any]
    steps: list[Any]
    arena: Any
    in_avals: list[Any]
    pick: list[int] | None = None

    def plan(self) -> Any:
        """The plan; results that are one value are returned as often as asked for."""
        made, pick = self.native(), self.pick
        return made if pick is None else _picked(made, pick)

    def native(self) -> Any:
        """The runtime's plan, and those within it."""
        steps = [_with_plans(s) if s[0] in _NESTED else s for s in self.steps]
        return _native.Plan(
            self.num_arguments, self.consts, self.temps, self.outputs, steps, self.arena,
            in_avals=self.in_avals,
        )  # fmt: skip

    def filled(self, values: Sequence[Any], consts: Sequence[Any]) -> Layout:
        """The layout with its sizes and constants filled in."""
        return _filled(self, values, consts)

    def improve(self) -> None:
        """Has the best code of all kernels compiled, by another thread."""
        _improve(self.steps)

    def parts(self) -> tuple[Any, ...]:
        """The fields."""
        return (
            self.num_arguments, self.consts, self.temps, self.outputs, self.steps,
            self.arena, self.in_avals, self.pick,
        )  # fmt: skip


def _improve(x: Any) -> None:
    if type(x) is Layout:
        x.improve()
    elif type(x) in (tuple, list):
        for part in x:
            _improve(part)
    elif type(x) is _native.MachineCode and x.level < BEST:
        x.request(True)


BEST = 2
_NESTED = ("loop", "branch")


def _with_plans(x: Any) -> Any:
    if type(x) is Layout:
        return x.native()
    if type(x) in (tuple, list):
        return type(x)(map(_with_plans, x))
    return x


def _picked(plan: Any, pick: list[int]) -> Any:
    def run(*arrays: Any) -> list[Any]:
        outs = plan(*arrays)
        return [outs[k] for k in pick]

    run.optimize = plan.optimize  # type: ignore[attr-defined]
    return run


_routines: dict[int, str] = {}


def address_of(routine: str) -> int:
    """Where a routine of the runtime is in this process, for the steps of plans."""
    address: int = _native.library_kernel(routine)
    _routines[address] = routine
    return address


def routine_at(address: int) -> str | None:
    """The name of the routine that some step has by its address."""
    return _routines.get(address)


def data_of(x: Any) -> Any:
    """The ndarray of an Array; keys are structured bytes. What is given later stays."""
    if type(x) is Given:
        return x
    return x._data if isinstance(x, ConcreteArray) else np.asarray(x)


def _filled(x: Any, values: Sequence[Any], consts: Sequence[Any]) -> Any:
    kind = type(x)
    if kind is list:
        return [_filled(y, values, consts) for y in x]
    if kind is tuple:
        return tuple([_filled(y, values, consts) for y in x])
    if kind is Size:
        return values[x.place]
    if kind is SizedArray:
        return ShapedArray(_filled(x.shape, values, consts), x.dtype, x.weak_type)
    if kind is Layout:
        return Layout(*[_filled(y, values, consts) for y in x.parts()])
    return data_of(consts[x.number]) if kind is Given else x


_PLAIN = (
    int, bool, str, float, type(None), bytes, Size, SizedArray, ShapedArray, Given,
    np.ndarray, _native.MachineCode,
)  # fmt: skip


def check(x: Any) -> None:
    """Raises NoPattern where a size may be hidden in part of a layout."""
    if type(x) is Layout:
        x = x.parts()
    if type(x) in (tuple, list):
        for part in x:
            check(part)
    elif type(x) not in _PLAIN:
        raise NoPattern(f"a {type(x).__name__} in the plan")
