"""How a worker meets its library: import it, wait for its results, read its numbers.

This is all that the framework knows of any library; everything else is in the rows.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from benchmarks.native import Gcc

SUBMODULES = {
    "chainrule": (
        "chainrule.numpy",
        "chainrule.lax",
        "chainrule.scipy.linalg",
        "chainrule.experimental.ode",
    ),
    "jax": (
        "jax.numpy",
        "jax.lax",
        "jax.scipy.linalg",
        "jax.scipy.special",
        "jax.experimental.ode",
        "jax.experimental.jet",
    ),
    "torch": ("torch.func",),
    "autograd": ("autograd.numpy",),
}

RELEASES = {"jax0431": ("jax", "0.4.31")}
"""Columns of one release of a package: JAX's loops were faster in this one."""

ASYNCHRONOUS = ("chainrule", "jax", *RELEASES)

CONDENSED = 2048
"""Arrays of more entries than this are compared by samples and sums."""


class LibraryAbsent(Exception):
    """The library is not installed for this interpreter."""


def package_of(name: str) -> tuple[str, str | None]:
    """The package that library `name` is, and the release that it must be."""
    return RELEASES.get(name, (name.partition(".")[0], None))


def import_library(name: str) -> tuple[Any, str]:
    """Import library `name` with its submodules; return it and its version.

    Raises LibraryAbsent if the interpreter does not have it, in the release that is
    meant; any other failure of the import is the library's own error and passes through.
    """
    if name == "c":
        return import_gcc()
    package, release = package_of(name)
    try:
        version = importlib.metadata.version(package)
        library = importlib.import_module(package)
    except importlib.metadata.PackageNotFoundError:
        raise LibraryAbsent(name) from None
    if release not in (None, version):
        raise LibraryAbsent(name)
    for submodule in SUBMODULES.get(package, ()):
        importlib.import_module(submodule)
    return library, version


def import_gcc() -> tuple[Any, str]:
    """C's compiler, and its version."""
    compiler = Gcc()
    if compiler.version is None:
        raise LibraryAbsent("c")
    return compiler, compiler.version


def honour_x64(name: str, library: Any, on: bool) -> None:
    """Tell the library to compute in 64 bits where it is given them, or not to."""
    if name in ASYNCHRONOUS:
        library.config.update("jax_enable_x64", on)


def waiter(name: str, library: Any) -> Callable[[Any], Any]:
    """The function that returns once an outcome of the library is computed."""
    if name in ASYNCHRONOUS:
        return library.block_until_ready
    return lambda outcome: outcome


def read_numbers(outcome: Any) -> list[list[float]]:
    """All arrays of `outcome`, each as a flat list of float64, dicts by sorted key.

    Of a large array: entries in regular distance, and three means over all entries.
    """
    return [part for leaf in arrays_of(outcome) for part in condense(leaf.reshape(-1))]


def condense(entries: numpy.ndarray) -> list[list[float]]:
    """The entries, or samples and means (plain, absolute, with weights) of many."""
    if entries.size <= CONDENSED:
        return [entries.tolist()]
    weights = numpy.cos(numpy.arange(entries.size))
    means = [entries.mean(), numpy.abs(entries).mean(), (entries * weights).mean()]
    return [
        entries[:: entries.size // (CONDENSED // 2)].tolist(),
        [float(mean) for mean in means],
    ]


def arrays_of(outcome: Any) -> Iterator[numpy.ndarray]:
    """The leaves of nested lists, tuples and dicts, as float64 NumPy arrays."""
    if isinstance(outcome, dict):
        for key in sorted(outcome):
            yield from arrays_of(outcome[key])
    elif isinstance(outcome, (list, tuple)):
        for item in outcome:
            yield from arrays_of(item)
    elif outcome is not None:
        if hasattr(outcome, "detach"):
            outcome = outcome.detach()
        yield numpy.asarray(outcome, dtype=numpy.float64)
