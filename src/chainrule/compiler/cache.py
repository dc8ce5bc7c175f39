"""Files of the compiler: kernels, and plans made of them, for all processes of a machine.

A kernel's file lies in the user's cache folder, under a digest of its structure, the
processor's features and our code generator: how it is called, its object, and its text
if the object is not the best that LLVM can make of it. Files are written whole and then
renamed, so that processes never see halves; what is read is checked against its digest
before it is loaded, and made anew if it does not fit. `CHAINRULE_CACHE_DIR` chooses the
folder, `CHAINRULE_CACHE=0` turns the cache off, `CHAINRULE_CACHE=kernels` keeps plans
out of it (see `plans`), and `CHAINRULE_CACHE_BYTES` bounds its size (256 MB by default;
the oldest files go).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import zlib

from ..runtime import _native
from .codegen import processor
from .records import record

_MAGIC = b"chainrule kernel 2\n"
_LIMIT = 256 << 20
_CHECKED_EVERY = 64
_kept = itertools.count()
_written = itertools.count()


@functools.cache
def folder() -> str | None:
    """The cache's folder, made if need be; None where there is none to be had."""
    if os.environ.get("CHAINRULE_CACHE", "1") == "0":
        return None
    chosen = os.environ.get("CHAINRULE_CACHE_DIR")
    base = chosen or os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = base if chosen else os.path.join(base, "chainrule")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError:
        return None
    return path


def has_plans() -> bool:
    """Whether plans are kept, not only kernels."""
    return os.environ.get("CHAINRULE_CACHE") != "kernels" and folder() is not None


def is_empty() -> bool:
    """Whether no kernel is on disk."""
    root = folder()
    if root is None:
        return True
    with os.scandir(root) as entries:
        return not any(e.name.endswith(".kernel") for e in entries)


@functools.cache
def version() -> str:
    """A digest of the code generator's sources and those of mathematical functions:
    others write other code."""
    root = os.path.dirname(__file__)
    parts = [_read(root, "expr.py")]
    for part in ("codegen", "mathematics"):
        inner = os.path.join(root, part)
        names = sorted(n for n in os.listdir(inner) if n.endswith(".py"))
        parts += [_read(inner, n) for n in names]
    return _native.sha256(b"".join(parts)).hex()


def _read(root: str, name: str) -> bytes:
    with open(os.path.join(root, name), "rb") as file:
        return file.read()


def key_of(description: str) -> str:
    """The name of a kernel's code: its structure, the processor and our version."""
    whole = description
    if folder() is not None:
        whole = f"{version()}\n{processor.identity()}\n{description}"
    return _native.sha256(whole.encode()).hex()[:40]


@record
class Entry:
    """What is on disk of a kernel; see `kernels.Structure`."""

    buffers: tuple[int, ...]
    numbers: tuple[int, ...]
    best: bool
    text: str
    data: bytes


def find(kernel: str) -> Entry | None:
    """The entry of a kernel; None unless it is there and whole."""
    data = read(f"{kernel}.kernel")
    if data is None:
        return None
    layout, _, body = data.partition(b"\n")
    best, size, count, *places = map(int, layout.split())
    text = zlib.decompress(body[size:]).decode()
    return Entry(
        tuple(places[:count]), tuple(places[count:]), bool(best), text, body[:size]
    )


def keep(kernel: str, entry: Entry) -> None:
    """Stores a kernel's entry."""
    if folder() is None:
        return
    places = (*entry.buffers, *entry.numbers)
    sizes = int(entry.best), len(entry.data), len(entry.buffers)
    layout = " ".join(map(str, (*sizes, *places))).encode()
    text = zlib.compress(entry.text.encode(), 1)
    write(f"{kernel}.kernel", layout + b"\n" + entry.data + text)


def read(name: str) -> bytes | None:
    """What a file holds; None unless it is there and whole."""
    root = folder()
    if root is None:
        return None
    try:
        whole = _read(root, name)
    except OSError:
        return None
    start = len(_MAGIC) + 32
    head, data = whole[:start], whole[start:]
    return data if head == _MAGIC + _native.sha256(data) else None


def write(name: str, data: bytes) -> None:
    """Stores a file. A full or read-only disk costs the next process a compilation,
    nothing more."""
    root = folder()
    if root is None:
        return
    with contextlib.suppress(OSError):
        _write(root, name, _MAGIC + _native.sha256(data) + data)
        if next(_kept) % _CHECKED_EVERY == 0:
            _shrink(root)


def _write(root: str, name: str, data: bytes) -> None:
    temporary = os.path.join(root, f".new-{os.getpid()}-{next(_written)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
        os.replace(temporary, os.path.join(root, name))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _shrink(root: str) -> None:
    """Removes the oldest files while the folder is too large."""
    given = os.environ.get("CHAINRULE_CACHE_BYTES", str(_LIMIT))
    if not given.isdigit():
        raise ValueError(
            f"CHAINRULE_CACHE_BYTES: {given!r} is not a number of bytes; use digits alone."
        )
    limit = int(given)
    found = [(e.stat().st_mtime, e.stat().st_size, e.path) for e in os.scandir(root)]
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            return
        os.unlink(path)
        total -= size
