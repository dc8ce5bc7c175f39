"""Arrays over memory that others made: DLPack and the buffer protocol."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import wrap
from .creation import asarray, placed


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """The array of another library, by the DLPack protocol, without a copy.

    Args:
        x: object with `__dlpack__` and `__dlpack_device__`. device: where to put it.
        copy: whether to copy; without, writing to `x` afterwards is not allowed.

    >>> import chainrule.numpy as cnp, numpy as np
    >>> cnp.from_dlpack(np.arange(2, dtype="int32")).tolist()
    [0, 1]
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise TypeError(
            f"from_dlpack: {type(x).__name__} has no __dlpack__ and __dlpack_device__;"
            " pass an array that supports DLPack."
        )
    found = np.from_dlpack(x)
    dtypes.check_array_dtype("from_dlpack", found.dtype)
    return placed(wrap(np.array(found) if copy else found.view()), device)


def frombuffer(
    buffer: Any, dtype: Any = float, count: int = -1, offset: int = 0
) -> Any:
    """A 1-d array of `count` elements read from a buffer of bytes, from `offset` on.

    >>> import chainrule.numpy as cnp
    >>> cnp.frombuffer(bytes([0, 1]), dtype="uint8").tolist()
    [0, 1]
    """
    return asarray(np.frombuffer(buffer, dtypes.as_dtype(dtype), count, offset))


__all__ = ["from_dlpack", "frombuffer"]
