"""Where in the user's program something happened: file, line and function.

The runtime finds the innermost frame outside of the package and hands back its code
object and instruction offset, which cost nothing to keep; the line is looked up only
when a message or a printed program needs it.
"""

from __future__ import annotations

import os
from typing import Any

from ..runtime import _native

_native.set_internal_prefix(os.path.dirname(os.path.dirname(__file__)) + os.sep)

frame = _native.user_frame
"""The innermost frame of the user's: (code, instruction offset), or None."""


def position(found: Any) -> tuple[str, int, str] | None:
    """(file, line, function) of a `frame()` result."""
    if found is None:
        return None
    code, offset = found
    lines = list(code.co_positions())
    line = lines[offset // 2][0] if offset // 2 < len(lines) else code.co_firstlineno
    return code.co_filename, line or code.co_firstlineno, code.co_name


def text(found: Any) -> str:
    """'file.py:12 (function)' for a `frame()` result."""
    where = position(found)
    if where is None:
        return "an unknown line"
    return f"{where[0]}:{where[1]} ({where[2]})"


def current() -> str:
    """The user's line that is executing now, as text."""
    return text(frame())
