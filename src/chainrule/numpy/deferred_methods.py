"""Methods of arrays that load when one of them is first used.

The methods stand on most modules of this package. Loading those at import would double
its time, so Array gets descriptors first; the first access to any of them, or the first
indexing, loads array_methods.py, which replaces them all by the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime import _native

_NAMES = (
    "T mT at real imag device all any argmax argmin argpartition argsort astype "
    "byteswap choose clip compress conj conjugate copy cumprod cumsum devices "
    "diagonal dot flatten max mean min nonzero prod ptp ravel repeat reshape round "
    "searchsorted sort squeeze std sum swapaxes take to_device trace transpose var "
    "view __array_namespace__"
)


class _Deferred:
    """A method or property in waiting."""

    __slots__ = ("load", "name")

    def __init__(self, name: str, load: Callable[[], Any]):
        self.name, self.load = name, load

    def __get__(self, x: Any, owner: Any = None) -> Any:
        self.load().install_methods()
        return getattr(owner if x is None else x, self.name)


def install_deferred_methods(load: Callable[[], Any]) -> None:
    """Hands the descriptors, and indexing, to the runtime.

    `load()` returns the module array_methods.
    """

    def getitem(x: Any, index: Any) -> Any:
        load().install_methods()
        return x[index]

    waiting = {name: _Deferred(name, load) for name in _NAMES.split()}
    _native.install({"getitem": getitem}, waiting)
