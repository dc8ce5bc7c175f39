"""The processor's assembly of a kernel, for those who want to read it.

The one module that imports llvmlite: machine code that runs is made by the runtime.
"""

from __future__ import annotations

import functools
from typing import Any

import llvmlite.binding as llvm

from . import host


@functools.cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten() if features else "",
        opt=2, reloc="pic", codemodel="small",
    )  # fmt: skip


def assembly(functions: str) -> str:
    """The functions' text as the processor's assembly, as well optimized as can be."""
    text = host.module_text(functions)
    return _machine().emit_assembly(llvm.parse_assembly(text, llvm.create_context()))
