"""Kernels of one structure have one text, whatever their sizes.

A kernel's code is found by its structure (`compiler/canonical.py`), and shared. Where
this is watched the text of each kernel is written anew, from its own loops and numbers,
and compared with that of the first kernel of its structure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

from chainrule.compiler import assemble, canonical, kernels
from chainrule.compiler.codegen.emit import emit_kernel
from chainrule.compiler.sizes import opaque

_MOST = 20_000


class Texts:
    """The texts that were seen, with the order of buffers and numbers, by structure."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def look(self, kernel: Any, width: int, scratch: dict[Any, int]) -> None:
        """Raises AssertionError where a kernel's text is not that of its structure."""
        seen = canonical.Description(kernel, width, scratch)
        with opaque():
            text, buffers, origins = emit_kernel(kernel, kernels.NAME, width, scratch)
        numbers = [
            seen.number_of(n) if axis is None else seen.axis_number[id(axis)]
            for n, axis in origins
        ]
        found = text, [seen.buffer_of(b) for b in buffers], numbers
        if len(self.known) >= _MOST:
            self.known.clear()
        first = self.known.setdefault(repr(seen.key), found)
        assert found == first, f"two texts of one structure:\n{first[0]}\n{text}"


@contextlib.contextmanager
def watched(texts: Texts) -> Iterator[None]:
    """Looks at every kernel that is made meanwhile."""
    write = assemble.write

    def looked(kernel: Any, width: int, scratch: dict[Any, int]) -> Any:
        found = write(kernel, width, scratch)
        texts.look(kernel, width, scratch)
        return found

    with mock.patch.object(assemble, "write", looked):
        yield
