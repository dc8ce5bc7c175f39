"""Window functions of signal processing: bartlett, blackman, hamming, hanning, kaiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.avals import as_array
from ..core.dtypes import default_float


def _window(make: Any, name: str, summary: str) -> Any:
    def window(M: int) -> Any:
        return as_array(make(M).astype(default_float()), name)

    window.__name__ = window.__qualname__ = name
    window.__doc__ = f"""{summary}

    Args:
        M: the number of points.

    Returns:
        A vector of shape (M,) of the default float.

    >>> import chainrule.numpy as cnp
    >>> cnp.{name}(3).shape
    (3,)
    """
    return window


bartlett = _window(np.bartlett, "bartlett", "The triangular window, zero at the ends.")
blackman = _window(np.blackman, "blackman", "The Blackman window: three cosine terms.")
hamming = _window(np.hamming, "hamming", "The Hamming window: a raised cosine.")
hanning = _window(np.hanning, "hanning", "The Hann window: a cosine, zero at the ends.")


def kaiser(M: int, beta: Any) -> Any:
    """The Kaiser window of `M` points with shape parameter `beta`."""
    return as_array(np.kaiser(M, float(beta)).astype(default_float()), "kaiser")
