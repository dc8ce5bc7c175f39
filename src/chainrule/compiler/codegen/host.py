"""This machine's processor: text of LLVM to machine code.

The target is what the processor truly has (asked from LLVM); no pass of the IR runs,
because `emit` writes code that needs none: LLVM selects and schedules instructions.
The runtime calls LLVM by address (see `_native.MachineCode`), out of the library that
llvmlite brings; llvmlite itself is imported only to show assembly (`assembly`).
"""

from __future__ import annotations

import functools
import os
import sys

from ...runtime import _native
from .processor import vector_bytes


@functools.cache
def ready() -> None:
    """Tells the runtime where LLVM is. ImportError where llvmlite is not installed."""
    specs = (finder.find_spec("llvmlite", None) for finder in sys.meta_path)
    found = next((spec for spec in specs if spec is not None), None)
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
        f"\nattributes #1 = {{ {common} noinline cold }}"
        f"\nattributes #2 = {{ {common} alwaysinline }}\n!0 = !{{}}\n!1 = !{{i32 1}}\n"
    )


def module_text(functions: str) -> str:
    """A whole module around the text of functions."""
    return functions + _attributes()


_FIRST = """
define void @first(ptr %x, ptr %y, i64 %n) #0 {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %p = getelementptr float, ptr %x, i64 %i
  %a = load <{0} x float>, ptr %p, align 4
  %b = fmul <{0} x float> %a, splat (float 0x3FF8000000000000)
  %c = fadd <{0} x float> %a, %b
  %q = getelementptr float, ptr %y, i64 %i
  store <{0} x float> %c, ptr %q, align 4
  %next = add nsw i64 %i, {0}
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""


def first_module() -> str:
    """A small kernel, `first`, for LLVM to be ready when it has compiled it."""
    return module_text(_FIRST.format(vector_bytes() // 4))


def compile_object(functions: str) -> bytes:
    """The relocatable object of a module of functions."""
    ready()
    return _native.compile_module(module_text(functions))
