"""This machine's processor: text of LLVM to machine code.

The target is what the processor truly has (asked from LLVM); no pass of the IR runs,
because `emit` writes code that needs none: LLVM selects and schedules instructions.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import llvmlite.binding as llvm

_ATTRIBUTES = (
    '\nattributes #0 = {{ nounwind "prefer-vector-width"="{bits}"'
    ' "target-cpu"="{cpu}" "target-features"="{features}" }}\n!0 = !{{}}\n'
)


@functools.cache
def machine() -> Any:
    """LLVM's description of the host."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=features(),
        opt=2,
        reloc="pic",
        codemodel="small",
    )


@functools.cache
def features() -> str:
    """The processor's features, as LLVM names them."""
    found = llvm.get_host_cpu_features()
    return found.flatten() if found else ""


@functools.cache
def vector_bytes() -> int:
    """Bytes of the widest vector registers."""
    have = features()
    if "+avx512f" in have:
        return 64
    return 32 if "+avx2" in have else 16


@functools.cache
def identity() -> str:
    """Names the code that this host's compiler makes."""
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"{llvm.get_host_cpu_name()};{features()};llvm {version}"


def digest(text: str) -> str:
    """The key of a kernel's code: its text and the host it is for."""
    return hashlib.sha256(f"{identity()}\n{text}".encode()).hexdigest()


def module_text(function: str) -> str:
    """A whole module around a function's text."""
    attributes = _ATTRIBUTES.format(
        bits=vector_bytes() * 8, cpu=llvm.get_host_cpu_name(), features=features()
    )
    return function + attributes


def compile_object(function: str) -> bytes:
    """The relocatable object of a function's text."""
    module = llvm.parse_assembly(module_text(function))
    return machine().emit_object(module)


def assembly(function: str) -> str:
    """The function's text as the processor's assembly."""
    return machine().emit_assembly(llvm.parse_assembly(module_text(function)))
