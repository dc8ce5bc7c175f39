"""Code generation: kernels of the loop IR to machine code, through LLVM.

`types` and `operations` say how a type and an operation are written; `emit` writes a
kernel; `host` turns text into an object for this machine's processor. llvmlite is
imported in `host` alone, when a first kernel has to be compiled.
"""

import importlib as _importlib
from typing import Any as _Any

_SUBMODULES = frozenset({"host"})


def __getattr__(name: str) -> _Any:
    """`host` brings LLVM, which is needed only where there is something to compile."""
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _importlib.import_module(f"{__name__}.{name}")
