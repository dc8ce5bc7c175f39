"""The start of a process's first compilation.

LLVM's library takes as long to be loaded as the compiler's modules do, and needs no
Python for it: `load_llvm` sets that off in the runtime's compiling thread, and has a
first small kernel compiled, so that the first real one finds LLVM ready. Where first
calls do without LLVM (quick_code.h), and where kernels may be on disk, that waits until
a kernel needs it.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from ..runtime import _native
from . import cache
from .codegen import host


def load_llvm() -> None:
    """Has LLVM loaded by another thread, if there is one and the first kernels need it."""
    if _native.get_num_threads() == 1 or _native.has_quick_code():
        return
    if not cache.is_empty():
        return
    # Who has no LLVM learns it from the first kernel: not every program has one.
    with contextlib.suppress(ImportError):
        host.ready()
        _native.MachineCode.of_text("first", host.first_module()).request(False)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: nearly all that a compilation makes lives to its end,
    and would be looked through again and again. What is left then stays, and is old at
    once, unless who called keeps objects frozen."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
