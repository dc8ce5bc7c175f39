"""Machine code of kernels: compiled once per text, kept for the process.

The text of a kernel names no size that may vary, so that kernels of one structure share
their code. Kernels that a program lacks are compiled together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..runtime import _native
from .codegen import host

NAME = "KERNEL"
_addresses: dict[str, int] = {}
_codes: list[object] = []


def addresses(texts: Sequence[str]) -> list[int]:
    """The machine code of each kernel text, compiled where it is not there yet."""
    names = [f"k{hashlib.sha256(t.encode()).hexdigest()[:24]}" for t in texts]
    missing = {n: t for n, t in zip(names, texts) if n not in _addresses}
    for name, text in missing.items():
        code = _native.load_object(host.compile_object(text.replace(NAME, name, 1)))
        _codes.append(code)
        _addresses[name] = code.address(name)
    return [_addresses[n] for n in names]
