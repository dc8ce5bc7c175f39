"""The dtypes of typed PRNG keys.

A key of threefry is two 32-bit words. Arrays of keys hold ndarrays of a structured
dtype, so every operation that moves elements works on them, and no arithmetic does:
`key<fry>` is a dtype of kind 'k', the `dtype` of their avals. There is one object per
generator, so that equal is identical.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import _native


class KeyDtype:
    """The dtype of keys of one generator.

    Args:
        tag: the generator's short name, as programs print it (`key<tag>`).
        implementation: its full name, as `random.key_impl` gives it.
        words: how many uint32 make a key.

    >>> from chainrule.core.keys import fry
    >>> fry
    key<fry>
    >>> fry.itemsize
    8
    """

    __slots__ = ("dtype", "implementation", "name", "tag", "words")
    extended = True
    kind = "k"

    def __init__(self, tag: str, implementation: str, words: int):
        self.tag, self.implementation, self.words = tag, implementation, words
        self.name = f"key<{tag}>"
        self.dtype = np.dtype([(tag, np.uint32, (words,))], align=True)
        _native.register_extended_dtype(self.dtype, self)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return key_dtype, (self.tag,)

    def data(self, keys: Any) -> Any:
        """The words of an ndarray of keys: uint32 of its shape and `words`; a view."""
        return keys[self.tag]

    def keys(self, data: Any) -> Any:
        """The ndarray of keys whose words `data` holds along its last dimension."""
        whole = np.ascontiguousarray(data, np.uint32)
        return np.ndarray(data.shape[:-1], self.dtype, whole)  # a view, made faster

    def array_text(self, keys: Any) -> str:
        """The repr and str of an array."""
        return f"Array({keys.shape}, dtype={self.name}) overlaying:\n{self.data(keys)}"

    def reduce_array(self, keys: Any) -> Any:
        """What `pickle` keeps of an array."""
        return rebuild, (self.tag, np.array(self.data(keys)))


fry = KeyDtype("fry", "threefry2x32", 2)
"""The dtype of keys of Threefry-2x32."""

_dtypes = {"fry": fry}


def key_dtype(tag: str) -> KeyDtype:
    """The key dtype of the generator with the short name `tag`."""
    return _dtypes[tag]


def rebuild(tag: str, words: Any) -> Any:
    """The array of keys that `reduce_array` took apart."""
    return _native.wrap(_dtypes[tag].keys(words))


__all__ = ["KeyDtype", "fry", "key_dtype"]
