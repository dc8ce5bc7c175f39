"""The start of a process's first compilation.

LLVM's library takes as long to be loaded as the compiler's modules do, and needs no
Python for it: `load_llvm` sets that off in the runtime's compiling thread, and has a
first small kernel compiled, so that the first real one finds LLVM ready. A process that
may find its kernels on disk waits until one is missing there.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from ..runtime import _native
from . import cache
from .codegen import host


def load_llvm() -> None:
    """Has LLVM loaded by another thread, if there is one and the disk has no kernels."""
    if _native.get_num_threads() == 1 or not cache.is_empty():
        return
    # Who has no LLVM learns it from the first kernel: not every program has one.
    with contextlib.suppress(ImportError):
        host.ready()
        _native.MachineCode.of_text("first", host.first_module()).request(False)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: nearly all that a compilation makes lives to its end,
    and would be looked through again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
