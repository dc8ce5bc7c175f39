"""The passes of the compiler, in their order, and the way in: `compile_program`.

Every pass maps a program to a program of the same type and meaning; what they leave is
lowered to index functions, fused into kernels, and assembled to a plan (`families`).

What comes after the passes is imported when a program has no plan on disk.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .. import compiler
from ..core.jaxpr import ClosedJaxpr
from . import plans
from .passes.algebra import simplify_algebra
from .passes.arrangement import arrange_contractions
from .passes.common_subexpressions import eliminate_common_subexpressions
from .passes.complex_numbers import take_complex_apart
from .passes.constants import fold_constants
from .passes.contraction import contract_products
from .passes.dead_code import eliminate_dead_code
from .passes.inline import inline
from .start import uncollected

PASSES: tuple[Callable[[ClosedJaxpr], ClosedJaxpr], ...] = (
    inline,
    take_complex_apart,
    fold_constants,
    simplify_algebra,
    eliminate_common_subexpressions,
    arrange_contractions,
    eliminate_dead_code,
    contract_products,
)


def simplify(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program after all passes over the IR."""
    for run in PASSES:
        closed = run(closed)
    return closed


def compile_program(closed: ClosedJaxpr, donated: tuple[int, ...] = ()) -> Any:
    """A callable of flat Arrays that runs a closed program as native code."""
    with alone(), uncollected():
        closed = simplify(closed)
        if f"{compiler.__name__}.families" not in sys.modules:
            found = plans.find(closed, donated)
            if found is not None:
                return found
        return compiler.families.plan_of(closed, donated)


def compile_native(closed: ClosedJaxpr) -> Any:
    """The same, or None where a step of the program would run on the host."""
    with alone(), uncollected():
        return compiler.families.native(simplify(closed))


_turn = [threading.RLock()]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One thread at a time: expressions that are equal are one object, in a pool that
    all compilations share."""
    with _turn[0]:
        yield


def _forget_turn() -> None:
    """A process that was forked off has none of the threads that may hold the lock."""
    _turn[0] = threading.RLock()


os.register_at_fork(after_in_child=_forget_turn)
