"""Code generation: kernels of the loop IR to machine code, through LLVM.

`types` and `operations` say how a type and an operation are written; `emit` writes a
kernel; `host` turns text into an object for this machine's processor. llvmlite is
imported in `assembly` alone, when somebody wants to read some.
"""

import importlib as _importlib
from typing import Any as _Any

_SUBMODULES = frozenset({"assembly"})


def __getattr__(name: str) -> _Any:
    """`assembly` brings llvmlite, which nothing else needs."""
    if name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _importlib.import_module(f"{__name__}.{name}")
