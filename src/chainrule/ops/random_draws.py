"""One number from each of many keys, on ndarrays: what samplers with rejection draw.

Samplers (random_gamma, random_poisson, random_binomial) evaluate loops that end at a
different round for each element. They split keys and draw from them here, all elements
that are still in the loop at once. A key is a pair of uint32 arrays, its words.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np

from ..runtime import _native
from .elementwise_rules import native

Words = tuple[Any, Any]
_erf_inv = native("erf_inv")


def split(words: Words, count: int) -> list[Words]:
    """`count` new keys from each key."""
    new = _native.threefry_split(*words, count)
    return [(new[..., i, 0], new[..., i, 1]) for i in range(count)]


@functools.cache
def _layout(dtype: Any) -> tuple[int, int, Any]:
    mantissa = int(ml_dtypes.finfo(dtype).nmant)
    width = 8 if mantissa < 8 else dtype.itemsize * 8
    return width, width - mantissa, np.ones((), dtype).view(f"u{dtype.itemsize}")


def units(words: Words, dtype: Any, count: int = 1) -> Any:
    """`count` numbers in [0, 1) from each key, along a last dimension."""
    width, shift, one = _layout(dtype)
    bits = _native.threefry_bits(*words, count, width)
    bits >>= bits.dtype.type(shift)
    found = (bits.astype(one.dtype, copy=False) | one).view(dtype)
    found -= np.ones((), dtype)
    return found


def unit(words: Words, dtype: Any) -> Any:
    """A number in [0, 1) from each key."""
    return units(words, dtype)[..., 0]


def fma(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once where the dtype has 32 bits or more."""
    if x.dtype.itemsize < 4:
        return x * y + z
    return _native.fma(x, y, z)


def normal(words: Words, dtype: Any) -> Any:
    """A standard normal number from each key."""
    one = np.ones((), dtype)
    low = np.nextafter(-one, one)
    u = np.maximum(low, fma(unit(words, dtype), one - low, low))
    return np.asarray(math.sqrt(2), dtype) * _erf_inv(u)


__all__ = ["Words", "fma", "normal", "split", "unit", "units"]
