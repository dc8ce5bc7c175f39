"""This machine's processor: text of LLVM to machine code.

The target is what the processor truly has (asked from LLVM); no pass of the IR runs,
because `emit` writes code that needs none: LLVM selects and schedules instructions.
The runtime calls LLVM by address (see `_native.MachineCode`), out of the library that
llvmlite brings; llvmlite itself is imported only to show assembly (`assembly`).
"""

from __future__ import annotations

import functools
import importlib.util
import os

from ...runtime import _native
from .processor import vector_bytes


@functools.cache
def ready() -> None:
    """Tells the runtime where LLVM is. ImportError where llvmlite is not installed."""
    found = importlib.util.find_spec("llvmlite")
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        library = os.path.join(folder, "binding", "libllvmlite.so")
        if os.path.exists(library):
            _native.set_llvm_path(library)
            return
    raise ImportError(
        "the compiler needs LLVM, which the package llvmlite brings; install llvmlite."
    )


@functools.cache
def _attributes() -> str:
    bits = vector_bytes() * 8
    common = f'nounwind "prefer-vector-width"="{bits}"'
    return (
        f"\nattributes #0 = {{ {common} }}"
        f"\nattributes #1 = {{ {common} noinline cold }}\n!0 = !{{}}\n"
    )


def module_text(functions: str) -> str:
    """A whole module around the text of functions."""
    return functions + _attributes()


def compile_object(functions: str) -> bytes:
    """The relocatable object of a module of functions."""
    ready()
    return _native.compile_module(module_text(functions))
