"""Puts the compiler in charge of jitted functions.

The compiler's modules are imported when a first program is compiled, not with the
package: a session that never compiles does not pay for them.
"""

from __future__ import annotations

from typing import Any

from .. import compiler
from ..control.executors import set_executor
from ..core.jaxpr import ClosedJaxpr


def compiled(closed: ClosedJaxpr, donated: tuple[int, ...]) -> Any:
    """The executor that compiles programs to native code."""
    return compiler.pipeline.compile_program(closed, donated)


set_executor(compiled)
