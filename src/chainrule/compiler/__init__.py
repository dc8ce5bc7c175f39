"""The compiler: a typed program to native code.

A program goes through the passes of `pipeline`: simplification of the IR (`passes`),
lowering to index functions (`lowering`), fusion of those into kernels (`fusion`),
loop nests (`schedule`, `loop`), machine code (`codegen`) and a plan that the runtime
executes. Only `codegen` knows LLVM; no file here knows a primitive by name.
"""

import importlib as _importlib
from typing import Any as _Any

_SUBMODULES = (
    "boxes", "complex_programs", "families", "hoisting", "patterns", "pipeline",
    "recurrences", "report", "start",
)  # fmt: skip


def __getattr__(name: str) -> _Any:
    """Modules load when a program is compiled that needs them."""
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _importlib.import_module(f"{__name__}.{name}")
