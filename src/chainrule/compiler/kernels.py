"""Machine code of kernels: compiled once per structure, kept for the process and on disk.

The text of a kernel names no size that may vary, so that kernels of one structure share
their code. What is on disk is found by the structure alone, without writing its text.
The rest is compiled while the texts of further kernels are written: quickly at first,
and as well as LLVM can once a program is called repeatedly, or if a call is long enough
to be worth it. Both ways of compiling give the same values.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from typing import Any

from ..runtime import _native
from . import cache
from .codegen import host
from .records import record

NAME = "KERNEL"
_on_disk: dict[str, tuple[Structure, bool]] = {}


@record
class Structure:
    """The code of kernels that differ only in sizes. `buffers` and `numbers` say which
    of a description's it is called with, in its order."""

    buffers: tuple[int, ...]
    numbers: tuple[int, ...]
    code: Any

    @property
    def name(self) -> str:
        """The name of the code, and of its file on disk."""
        return self.code.name

    @property
    def text(self) -> str:
        """The functions as LLVM's text; empty if the code was found on disk."""
        return self.code.text.partition("\nattributes #0")[0]

    def request(self, best: bool) -> None:
        """Has the code compiled, by another thread, unless there is some."""
        if self.code.level < 1 + self._wants(best):
            self.code.request(self._wants(best))

    def wait(self, best: bool) -> Any:
        """The code, compiled."""
        self.code.wait(self._wants(best))
        return self.code

    def _wants(self, best: bool) -> bool:
        # With one thread there is none that could improve the code later.
        return best or _native.get_num_threads() == 1


def name_of(description: str) -> str:
    """The name of a structure's code."""
    return f"k{cache.key_of(description)}"


def recall(name: str) -> Structure | None:
    """A structure whose code is on disk, ready to be called; None if there is none."""
    found = cache.find(name)
    if found is None:
        return None
    if not found.best:
        host.ready()
    try:
        if found.data:
            code = _native.MachineCode.of_object(
                name, found.text, found.data, found.best
            )
        else:  # its code is sooner written than read
            code = _native.MachineCode.of_text(name, found.text)
            code.wait(False)
    except ValueError:
        return None
    return _noted(Structure(found.buffers, found.numbers, code), found.best)


def written(
    name: str, text: str, buffers: tuple[int, ...], numbers: tuple[int, ...]
) -> Structure:
    """A structure whose code is to be compiled from this text, which calls it `NAME`."""
    host.ready()
    module = host.module_text(text.replace(NAME, name, 1))
    return Structure(buffers, numbers, _native.MachineCode.of_text(name, module))


def keep(structures: Iterable[Structure]) -> None:
    """Writes code to disk that is not there yet, or is better than what is there."""
    for s in structures:
        if s.name in _on_disk and _on_disk[s.name][1]:
            continue
        data, best = s.code.object()
        if s.name in _on_disk and not best:
            continue
        text = "" if best else s.code.text
        cache.keep(s.name, cache.Entry(s.buffers, s.numbers, best, text, data))
        _noted(s, best)


def _noted(s: Structure, best: bool) -> Structure:
    _on_disk[s.name] = s, best
    return s


def _finish() -> None:
    """At the end of the process: the thread ends, its work is kept."""
    _native.stop_compiling()
    keep([s for s, best in _on_disk.values() if not best])


atexit.register(_finish)
