"""SciPy's functions on arrays that can be differentiated, batched and staged.

Submodules (`chainrule.scipy.linalg`, `chainrule.scipy.special`, ...) load when they are
first used.
"""

import importlib as _importlib
from typing import Any as _Any

_submodules = frozenset(
    [
        "cluster",
        "fft",
        "integrate",
        "interpolate",
        "linalg",
        "ndimage",
        "optimize",
        "signal",
        "sparse",
        "spatial",
        "special",
        "stats",
    ]
)


def __getattr__(name: str) -> _Any:
    if name in _submodules:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_submodules})
