"""Machine code of kernels: compiled once per text, kept for the process and on disk.

The text of a kernel names no size that may vary, so that kernels of one structure share
their code. What a program lacks is looked up on disk; the rest is compiled together, in
two threads (LLVM works without Python's lock).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..runtime import _native
from . import cache, codegen

NAME = "KERNEL"
_addresses: dict[str, int] = {}
_objects: dict[str, Any] = {}
_lock = threading.Lock()


def addresses(texts: Sequence[str]) -> list[int]:
    """The machine code of each kernel text, compiled where it is not there yet."""
    names = [f"k{cache.key_of(t)}" for t in texts]
    with _lock:
        missing = {n: t for n, t in zip(names, texts) if n not in _addresses}
        for name in list(missing):
            if name in _addresses or _from_disk(name):
                del missing[name]
        if missing:
            _compile(missing)
    return [_addresses[n] for n in names]


def code_bytes(texts: Sequence[str]) -> int:
    """The bytes of the objects that hold these kernels' code (others' as well, if they
    were compiled together)."""
    names = {f"k{cache.key_of(t)}" for t in texts}
    return sum(c.nbytes for c in _objects.values() if not names.isdisjoint(c.names))


def _from_disk(name: str) -> bool:
    found = cache.find(name)
    if found is None:
        return False
    try:
        _load(found[0], found[1], [name])
    except (ValueError, KeyError):
        return False
    return True


def _load(key: str, data: bytes, names: Sequence[str]) -> None:
    code = _objects.get(key)
    if code is None:
        code = _objects[key] = _native.load_object(data)
    for name in names:
        _addresses[name] = code.address(name)


def _compile(missing: dict[str, str]) -> None:
    """Compiles kernels in groups of about equal length, each group a module."""
    groups: list[dict[str, str]] = [{}, {}]
    for name, text in sorted(missing.items(), key=lambda item: -len(item[1])):
        smaller = min(groups, key=lambda g: sum(map(len, g.values())))
        smaller[name] = text
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
        cache.keep(list(group), data)
        _load("".join(group), data, list(group))


def joined(kernels: dict[str, str]) -> str:
    """Several kernels' texts as one module's, declarations once."""
    declarations: dict[str, None] = {}
    bodies: list[str] = []
    for name, text in kernels.items():
        head, define, body = text.partition("define ")
        declarations.update(dict.fromkeys(head.splitlines()))
        bodies.append(define + body.replace(NAME, name, 1))
    return "\n".join([*declarations, *bodies])
