"""Kernels on disk: compiled once for all processes of a machine.

Objects lie in the user's cache folder; a kernel's entry, under a digest of its structure,
the processor's features and our code generator, names the object that it is in and how
it is called. Files are
written whole and then renamed, so that processes never see halves; what is read is
checked against its digest before it is loaded, and made anew if it does not fit.
`CHAINRULE_CACHE_DIR` chooses the folder, `CHAINRULE_CACHE=0` turns the cache off, and
`CHAINRULE_CACHE_BYTES` bounds its size (256 MB by default; the oldest objects go).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import pathlib
import tempfile

from . import codegen
from .codegen import processor

_MAGIC = b"chainrule object 1\n"
_LIMIT = 256 << 20
_CHECKED_EVERY = 64
_kept = itertools.count()


@functools.cache
def folder() -> pathlib.Path | None:
    """The cache's folder, made if need be; None where there is none to be had."""
    if os.environ.get("CHAINRULE_CACHE", "1") == "0":
        return None
    chosen = os.environ.get("CHAINRULE_CACHE_DIR")
    base = chosen or os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(base) if chosen else pathlib.Path(base) / "chainrule"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path


@functools.cache
def version() -> str:
    """A digest of the code generator's sources: another one writes other code."""
    sources = sorted(pathlib.Path(codegen.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()


def key_of(description: str) -> str:
    """The name of a kernel's code: its structure, the processor and our version."""
    whole = f"{version()}\n{processor.identity()}\n{description}"
    return hashlib.sha256(whole.encode()).hexdigest()[:40]


def find(kernel: str) -> tuple[str, list[str], bytes] | None:
    """The name of the object that holds a kernel, the lines of the kernel's entry, and
    the object's bytes; None unless all is there and whole."""
    root = folder()
    if root is None:
        return None
    try:
        whole = (root / f"{kernel}.entry").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    name, *layout = whole.split("\n")
    seal = hashlib.sha256("\n".join([name, *layout[:-1]]).encode()).hexdigest()
    if not layout or layout.pop() != seal:
        return None
    data = read(name)
    return None if data is None else (name, layout, data)


def read(name: str) -> bytes | None:
    """The object of this name; None where it is missing or damaged."""
    root = folder()
    if root is None or not name.isalnum():
        return None
    try:
        whole = (root / f"{name}.object").read_bytes()
    except OSError:
        return None
    head, data = whole[: len(_MAGIC) + 64], whole[len(_MAGIC) + 64 :]
    good = head == _MAGIC + hashlib.sha256(data).hexdigest().encode()
    return data if good else None


def keep(kernels: dict[str, str], data: bytes) -> None:
    """Stores an object and the entries of the kernels in it, with their layouts. A full or read-only disk
    costs the next process a compilation, nothing more."""
    root = folder()
    if root is None:
        return
    digest = hashlib.sha256(data).hexdigest()
    name = digest[:40]
    with contextlib.suppress(OSError):
        _write(root, f"{name}.object", _MAGIC + digest.encode() + data)
        for kernel, layout in kernels.items():
            entry = f"{name}\n{layout}"
            seal = hashlib.sha256(entry.encode()).hexdigest()
            _write(root, f"{kernel}.entry", f"{entry}\n{seal}".encode())
        if next(_kept) % _CHECKED_EVERY == 0:
            _shrink(root)


def _write(root: pathlib.Path, name: str, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=root, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, root / name)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _shrink(root: pathlib.Path) -> None:
    """Removes the oldest objects, and entries as old, while the folder is too large."""
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
