"""This machine's processor: text of LLVM to machine code.

The target is what the processor truly has (asked from LLVM); no pass of the IR runs,
because `emit` writes code that needs none: LLVM selects and schedules instructions.
Several threads may compile at once, each with a context of its own.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import llvmlite.binding as llvm

from .processor import vector_bytes

_ATTRIBUTES = (
    '\nattributes #0 = {{ nounwind "prefer-vector-width"="{bits}"'
    ' "target-cpu"="{cpu}" "target-features"="{features}" }}\n!0 = !{{}}\n'
)


_local = threading.local()


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def machine() -> Any:
    """LLVM's description of the host; one for each thread."""
    made = getattr(_local, "machine", None)
    if made is None:
        made = _local.machine = _target().create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=features(),
            opt=2,
            reloc="pic",
            codemodel="small",
        )
    return made


@functools.cache
def features() -> str:
    """The processor's features, as LLVM names them."""
    found = llvm.get_host_cpu_features()
    return found.flatten() if found else ""


def module_text(functions: str) -> str:
    """A whole module around the text of functions."""
    attributes = _ATTRIBUTES.format(
        bits=vector_bytes() * 8, cpu=llvm.get_host_cpu_name(), features=features()
    )
    return functions + attributes


def _parsed(functions: str) -> Any:
    return llvm.parse_assembly(module_text(functions), llvm.create_context())


def compile_object(functions: str) -> bytes:
    """The relocatable object of a module of functions."""
    target = machine()
    return target.emit_object(_parsed(functions))


def assembly(functions: str) -> str:
    """The functions' text as the processor's assembly."""
    target = machine()
    return target.emit_assembly(_parsed(functions))
