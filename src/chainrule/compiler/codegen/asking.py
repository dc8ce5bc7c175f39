"""Lines asked for before they are read or written (see `compiler.streaming`).

A prefetch is a hint: it changes no value, and is harmless where there is no memory, so
nothing checks the ends of what is asked for. Quick code leaves it out.
"""

from __future__ import annotations

from typing import Any

from ..streaming import AHEAD, LINE

Emitter = Any


def ask_ahead(w: Emitter, pointer: str, bytes: int, to_write: int = 0) -> None:
    """Asks for as many bytes as are read or written here; harmless where there is no
    memory."""
    name = "llvm.prefetch.p0"
    w.declared.setdefault(name, f"declare void @{name}(ptr, i32, i32, i32)")
    for more in range(0, bytes, LINE):
        place = w.new(f"getelementptr i8, ptr {pointer}, i64 {AHEAD + more}")
        w.lines.append(
            f"  call void @{name}(ptr {place}, i32 {to_write}, i32 3, i32 1)"
        )
