"""What this machine can do at most: measured once, by kernels of our own.

A copy of memory at four sizes, from the first cache to main memory, and chains of
multiply-adds in registers. They are kernels of the loop IR like any other, so that what
is compared with them is written by the same code generator and run by the same pool.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from ..core.avals import ShapedArray, wrap
from ..runtime import _native
from .canonical import write
from .codegen import processor
from .expr import BITS, const, fma
from .index import loop_variable, variable_index
from .loop import Axis, Kernel, Reduction, Stage, Store, load, result

SIZES = (1 << 13, 1 << 18, 1 << 22, 1 << 26)
_CHAINS, _ROWS, _TURNS = 12, 128, 256


@dataclasses.dataclass(frozen=True)
class Peaks:
    """`copies`: for footprints up to so many bytes, bytes per second read and written;
    `flops`, `double_flops`: f32 and f64 operations per second in multiply-adds."""

    copies: tuple[tuple[int, float], ...]
    flops: float
    double_flops: float

    def bandwidth(self, footprint: int) -> float:
        """Bytes per second that a copy of this footprint moves."""
        return next((b for n, b in self.copies if footprint <= n), self.copies[-1][1])


@functools.cache
def measured() -> Peaks:
    """The peaks of this machine with its threads; the first call takes about 0.1 s."""
    copies = tuple((n, _copy(n)) for n in SIZES)
    return Peaks(copies, _multiply_adds("f32"), _multiply_adds("f64"))


def _copy(footprint: int) -> float:
    """Bytes per second of copying half of `footprint` bytes to the other half."""
    n = footprint // 8
    v = loop_variable(n)
    store = Store("y", variable_index(v), load("x", "f32", variable_index(v)))
    axis = Axis(v, n, vector=True, copies=4, overlap=True)
    plan = _plan(Kernel([axis], [Stage([], [], [store])]), "f32", n, n, 1 << 15)
    return footprint / _seconds(plan, n, "f32")


def _multiply_adds(type: str) -> float:
    """Operations per second of independent chains of multiply-adds."""
    width = _width(type)
    n = width * _CHAINS * _TURNS
    row, column = loop_variable(_ROWS), loop_variable(n)
    sums = Reduction(
        (load("x", type, variable_index(row)),),
        (const(0, type),),
        lambda s, x: (fma(s[0], const(0.5, type), x[0]),),
        lambda s, t: (s[0] + t[0],),
        (result(-1, 0, type),),
    )
    inner = Axis(column, n, vector=True, copies=_CHAINS, constant=True, overlap=True)
    stages = [
        Stage([inner], [sums], []),
        Stage([], [], [Store("y", variable_index(row), sums.results[0])]),
    ]
    plan = _plan(Kernel([Axis(row, _ROWS)], stages), type, _ROWS, _ROWS, 16)
    return 2 * n * _ROWS / _seconds(plan, _ROWS, type)


def _width(type: str) -> int:
    return processor.vector_bytes() * 8 // BITS[type]


def _plan(kernel: Kernel, type: str, n: int, extent: int, grain: int) -> Any:
    structure, buffers, ints = write(kernel, _width(type), {})
    code = structure.wait(best=True)
    slots = tuple("xy".index(b) for b in buffers)
    aval = ShapedArray((n,), np.dtype(f"float{BITS[type]}"))
    step = ("kernel", code, slots, tuple(ints), extent, grain)
    return _native.Plan(1, [], [], [("new", aval)], [step], 0, in_avals=[aval])


def _seconds(plan: Any, n: int, type: str) -> float:
    """The shortest time of the plan's kernel."""
    x = wrap(np.ones(n, f"float{BITS[type]}"), False)
    return min(plan.profile(x)[1][0] for _ in range(8 if n > 1 << 20 else 30))
