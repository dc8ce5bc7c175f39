"""The passes of the compiler, in their order, and the way in: `compile_program`.

Every pass maps a program to a program of the same type and meaning; what they leave is
lowered to index functions, fused into kernels, and assembled to a plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.jaxpr import ClosedJaxpr
from .assemble import assemble
from .passes.algebra import simplify_algebra
from .passes.common_subexpressions import eliminate_common_subexpressions
from .passes.constants import fold_constants
from .passes.contraction import contract_products
from .passes.dead_code import eliminate_dead_code
from .passes.inline import inline
from .program import HostStep, Program
from .start import uncollected

PASSES: tuple[Callable[[ClosedJaxpr], ClosedJaxpr], ...] = (
    inline,
    fold_constants,
    simplify_algebra,
    eliminate_common_subexpressions,
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
    with uncollected():
        return assemble(Program(simplify(closed)), donated)


def compile_native(closed: ClosedJaxpr) -> Any:
    """The same, or None where a step of the program would run on the host."""
    with uncollected():
        program = Program(simplify(closed))
        if any(isinstance(step, HostStep) for step in program.steps):
            return None
        return assemble(program)
