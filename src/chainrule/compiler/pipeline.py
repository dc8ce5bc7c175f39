"""The passes of the compiler, in their order, and the way in: `compile_program`."""

from __future__ import annotations

from typing import Any

from ..core.jaxpr import ClosedJaxpr
from .assemble import assemble
from .program import Program


def compile_program(closed: ClosedJaxpr, donated: tuple[int, ...] = ()) -> Any:
    """A callable of flat Arrays that runs a closed program as native code."""
    return assemble(Program(closed))
