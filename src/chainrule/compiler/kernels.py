"""Machine code of kernels: compiled once per structure, kept for the process and on disk.

The text of a kernel names no size that may vary, so that kernels of one structure share
their code. What is on disk is found by the structure alone, without writing its text;
the rest of a program's kernels is compiled together, in two threads (LLVM works without
Python's lock).
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

from ..runtime import _native
from . import cache, codegen

NAME = "KERNEL"
_addresses: dict[str, int] = {}
_objects: dict[str, Any] = {}
_lock = threading.Lock()


@dataclasses.dataclass(slots=True, frozen=True)
class Structure:
    """The code of kernels that differ only in sizes. `buffers` and `numbers` say which
    of a description's it is called with, in its order; `text` is None if the code was
    found on disk."""

    name: str
    buffers: tuple[int, ...]
    numbers: tuple[int, ...]
    text: str | None = None

    @property
    def layout(self) -> str:
        """Buffers and numbers as the lines of a disk entry."""
        return "\n".join(
            " ".join(map(str, part)) for part in (self.buffers, self.numbers)
        )


def name_of(description: str) -> str:
    """The name of a structure's code."""
    return f"k{cache.key_of(description)}"


def recall(name: str) -> Structure | None:
    """A structure whose code is on disk, ready to be called; None if there is none."""
    found = cache.find(name)
    if found is None:
        return None
    key, layout, data = found
    try:
        buffers, numbers = (tuple(map(int, line.split())) for line in layout)
        with _lock:
            _load(key, data, [name])
    except (ValueError, KeyError):
        return None
    return Structure(name, buffers, numbers)


def addresses(structures: Sequence[Structure]) -> list[int]:
    """The machine code of each structure, compiled where it is not there yet."""
    with _lock:
        missing = {s.name: s for s in structures if s.name not in _addresses}
        if missing:
            _compile(list(missing.values()))
        return [_addresses[s.name] for s in structures]


def code_bytes(structures: Sequence[Structure]) -> int:
    """The bytes of the objects that hold these kernels' code (others' as well, if they
    were compiled together)."""
    names = {s.name for s in structures}
    return sum(c.nbytes for c in _objects.values() if not names.isdisjoint(c.names))


def _load(key: str, data: bytes, names: Sequence[str]) -> None:
    code = _objects.get(key)
    if code is None:
        code = _objects[key] = _native.load_object(data)
    for name in names:
        _addresses[name] = code.address(name)


def _compile(missing: list[Structure]) -> None:
    """Compiles kernels in groups of about equal length, each group a module."""
    groups: list[list[Structure]] = [[], []]
    for s in sorted(missing, key=lambda s: -len(s.text or "")):
        min(groups, key=lambda g: sum(len(x.text or "") for x in g)).append(s)
    groups = [g for g in groups if g]
    results: list[Any] = [None] * len(groups)

    def work(k: int) -> None:
        try:
            results[k] = codegen.host.compile_object(joined(groups[k]))
        except Exception as error:
            results[k] = error

    others = [threading.Thread(target=work, args=(k,)) for k in range(1, len(groups))]
    for t in others:
        t.start()
    work(0)
    for t in others:
        t.join()
    for group, data in zip(groups, results):
        if isinstance(data, Exception):
            raise data
        cache.keep({s.name: s.layout for s in group}, data)
        names = [s.name for s in group]
        _load("".join(names), data, names)


def joined(structures: Sequence[Structure]) -> str:
    """Several kernels' texts as one module's, declarations once."""
    declarations: dict[str, None] = {}
    bodies: list[str] = []
    for s in structures:
        assert s.text is not None
        head, define, body = s.text.partition("define ")
        declarations.update(dict.fromkeys(head.splitlines()))
        bodies.append(define + body.replace(NAME, s.name, 1))
    return "\n".join([*declarations, *bodies])
