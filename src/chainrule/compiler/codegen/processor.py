"""What this machine's processor can do, asked without LLVM.

Kernels are written for it and kept on disk under its name, so that a process which
finds all its kernels there need not load LLVM at all.
"""

from __future__ import annotations

import functools
import os


@functools.cache
def flags() -> frozenset[str]:
    """The processor's features as the system names them; empty where it does not say."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


@functools.cache
def vector_bytes() -> int:
    """Bytes of the vectors that kernels are written in: at most what the environment
    variable CHAINRULE_VECTOR_BYTES says, 16 or 32, as for code of the runtime."""
    have, limit = flags(), os.environ.get("CHAINRULE_VECTOR_BYTES", "")
    wide = "avx512f" in have and "avx512bw" in have
    widest = 64 if wide else 32 if "avx2" in have else 16
    return min(widest, int(limit)) if limit in ("16", "32") else widest


@functools.cache
def identity() -> str:
    """Names the code that is right for this processor."""
    return f"{os.uname().machine} {vector_bytes()} {' '.join(sorted(flags()))}"
