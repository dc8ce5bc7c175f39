"""Puts the compiler in charge of jitted functions.

The compiler's modules are imported when a first program is compiled, not with the
package: a session that never compiles does not pay for them.
"""

from __future__ import annotations

import functools
from typing import Any

from .. import compiler
from ..control.executors import set_executor
from ..core.jaxpr import ClosedJaxpr


@functools.cache
def _pipeline() -> Any:
    """The compiler's passes. Their modules are imported while LLVM is loaded."""
    with compiler.start.uncollected():
        compiler.start.load_llvm()
        return compiler.pipeline


class NativeCode:
    """The executor that compiles programs to native code."""

    def __call__(self, closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
        """What runs a program: a callable of flat Arrays."""
        return _pipeline().compile_program(closed, donated)

    def native(self, closed: ClosedJaxpr) -> Any:
        """The same if it has no Python in it, else None."""
        return _pipeline().compile_native(closed)

    def report(self, closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
        """What the compiler made of a program; see compiler/report.py."""
        return compiler.report.report(closed, donated=donated)


set_executor(NativeCode())
