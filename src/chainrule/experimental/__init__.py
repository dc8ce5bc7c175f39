"""What is new or may still change."""

import importlib as _importlib
from typing import Any as _Any

from ..control.callbacks import io_callback as io_callback

_submodules = ("checkify", "jet", "ode")


def __getattr__(name: str) -> _Any:
    if name in _submodules:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
