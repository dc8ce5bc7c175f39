"""Keys: the state of random number generation, held by the user.

A key is made from a seed, and new keys from keys; a function of a key gives the same
numbers each time. A key is used once, for one draw or for one split. Typed keys (`key`)
are arrays of dtype `key<fry>`; older programs use the two uint32 words themselves
(`PRNGKey`), and every function takes both.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of, wrap
from ..core.config import options
from ..core.keys import KeyDtype
from ..ops.random_bits import (
    random_clone_p,
    random_fold_in_p,
    random_seed_p,
    random_split_p,
    random_unwrap_p,
    random_wrap_p,
)
from ..ops.shaping import convert
from .arguments import generator, is_typed, like, shape_of, typed_key, typed_keys


def _seed(name: str, seed: Any) -> Any:
    """The seed as an integer Array of shape ()."""
    if is_typed(seed):
        raise TypeError(f"{name}: accepts a scalar seed, but was given a key.")
    if isinstance(seed, int):
        if not -(2**63) <= seed < 2**63:
            raise OverflowError(
                f"{name}: the seed {seed} needs more than 64 bits; use"
                " -2**63 <= seed < 2**63."
            )
        return wrap(np.asarray(int(seed), np.int64).astype(dtypes.default_int()))
    if not isinstance(seed, Array):
        wide = isinstance(seed, (np.ndarray, np.generic)) and seed.dtype.itemsize == 8
        if wide and seed.dtype.kind in "iu":
            seed = seed.astype(dtypes.canonicalize_dtype(seed.dtype))
        seed = as_array(seed, name)
    if aval_of(seed).shape:
        raise TypeError(
            f"{name}: accepts a scalar seed, but was given an array of shape"
            f" {aval_of(seed).shape}; use vmap to make many keys."
        )
    if not dtypes.is_integer(aval_of(seed).dtype):
        if aval_of(seed).dtype == np.bool_:
            return convert(seed, dtypes.int32)
        raise TypeError(
            f"{name}: the seed must be an integer; got {aval_of(seed).str_short()}."
        )
    return seed


def key(seed: Any, *, impl: Any = None, dtype: Any = None) -> Array:
    """The typed key of a seed.

    Args:
        seed: an integer of shape (). Python integers outside of 32 bits lose their upper
            bits unless 64-bit types are enabled.
        impl: the generator, by name; `"threefry2x32"` is the one there is.
        dtype: instead of `impl`, a key dtype.

    Returns:
        A key, of shape () and dtype `key<fry>`.

    Raises:
        TypeError: the seed is no integer or no scalar.
        OverflowError: the seed needs more than 64 bits.
        ValueError: there is no such generator.

    >>> from chainrule import random
    >>> random.key(0)
    Array((), dtype=key<fry>) overlaying:
    [0 0]
    """
    if impl is not None and dtype is not None:
        raise ValueError(
            f"key: impl={impl!r} and dtype={dtype} both name the generator; give one."
        )
    found = generator("key", dtype if impl is None else impl)
    return random_seed_p(_seed("key", seed), impl=found.tag)


def PRNGKey(seed: Any, *, impl: Any = None) -> Array:
    """The key of a seed as its two words: a uint32 array of shape (2,).

    Programs of today use `key`. Takes and raises what `key` does.

    >>> from chainrule import random
    >>> random.PRNGKey(42)
    Array([ 0, 42], dtype=uint32)
    """
    found = generator("PRNGKey", impl)
    typed = random_seed_p(_seed("PRNGKey", seed), impl=found.tag)
    return typed if options.enable_custom_prng else random_unwrap_p(typed)


def split(key: Any, num: Any = 2) -> Array:
    """New keys from a key.

    Args:
        key: a key.
        num: how many, or the shape of an array of them.

    Returns:
        Keys of shape `(num,)` or `num`, in the form of `key`: typed, or words along a
        last dimension of size 2.

    Raises:
        ValueError: `key` is an array of keys; use `vmap`.

    >>> from chainrule import random
    >>> random.split(random.key(0)).shape
    (2,)
    """
    shape = shape_of("split", num if isinstance(num, (tuple, list)) else _count(num))
    return like(
        key, random_split_p(typed_key("split", key), shape=shape), random_unwrap_p
    )


def _count(num: Any) -> int:
    if isinstance(num, np.ndarray):
        return tuple(num.tolist()) if num.ndim else int(num)
    return operator.index(num)


def fold_in(key: Any, data: Any) -> Array:
    """A new key from a key and a number, such as a step or the index of a device.

    Args:
        key: a key.
        data: an integer of shape (), taken modulo 2**32; a Python integer must be in
            0 <= data < 2**32.

    Raises:
        TypeError: `data` is no scalar.
        OverflowError: a Python integer is out of range.
        ValueError: `key` is an array of keys; use `vmap`.

    >>> from chainrule import random
    >>> random.key_data(random.fold_in(random.key(0), 1))
    Array([ 928981903, 3453687069], dtype=uint32)
    """
    found = typed_key("fold_in", key)
    if type(data) is int:
        if not 0 <= data < 2**32:
            raise OverflowError(
                f"fold_in: {data} is out of bounds for uint32; use 0 <= data < 2**32."
            )
        number = wrap(np.asarray(data, np.uint32))
    elif isinstance(data, (np.ndarray, np.generic)):
        number = wrap(np.asarray(data).astype(np.uint32))
    else:
        number = convert(as_array(data, "fold_in"), dtypes.uint32)
    if aval_of(number).shape:
        raise TypeError(
            "fold_in: accepts a scalar, but was given an array of shape"
            f" {aval_of(number).shape}; use vmap."
        )
    return like(key, random_fold_in_p(found, number), random_unwrap_p)


def clone(key: Any) -> Array:
    """The same keys, for use a second time where that is meant.

    >>> from chainrule import random
    >>> key = random.key(0)
    >>> bool(random.bits(random.clone(key)) == random.bits(key))
    True
    """
    return like(key, random_clone_p(typed_keys("clone", key)), random_unwrap_p)


def key_data(keys: Any) -> Array:
    """The words of keys: uint32 of shape `keys.shape + (2,)`.

    >>> from chainrule import random
    >>> random.key_data(random.key(7))
    Array([0, 7], dtype=uint32)
    """
    return random_unwrap_p(typed_keys("key_data", keys))


def wrap_key_data(key_bits_array: Any, *, impl: Any = None, dtype: Any = None) -> Array:
    """The typed keys with the given words.

    Args:
        key_bits_array: uint32 of shape `(..., 2)`.
        impl, dtype: the generator, by name or by key dtype.

    Returns:
        Typed keys of shape `key_bits_array.shape[:-1]`.

    Raises:
        TypeError: the array has another dtype or shape.

    >>> import numpy as np
    >>> from chainrule import random
    >>> random.wrap_key_data(np.array([1, 2], np.uint32))
    Array((), dtype=key<fry>) overlaying:
    [1 2]
    """
    found = generator("wrap_key_data", dtype if impl is None else impl)
    words = as_array(key_bits_array, "wrap_key_data")
    if (
        is_typed(words)
        or words.dtype != np.uint32
        or words.shape[-1:] != (found.words,)
    ):
        raise TypeError(
            f"wrap_key_data: expected uint32 of shape (..., {found.words}) for generator"
            f" {found.implementation}; got {words.aval.str_short()}."
        )
    return random_wrap_p(words, impl=found.tag)


def key_impl(keys: Any) -> str:
    """The name of the generator of keys.

    >>> from chainrule import random
    >>> random.key_impl(random.key(0))
    'threefry2x32'
    """
    return typed_keys("key_impl", keys).dtype.implementation


def key_dtype(impl_spec: Any = None) -> KeyDtype:
    """The dtype of keys of a generator, by its name or None for the default.

    >>> from chainrule import random
    >>> random.key_dtype("threefry2x32")
    key<fry>
    """
    return generator("key_dtype", impl_spec)


__all__ = [
    "PRNGKey", "clone", "fold_in", "key", "key_data", "key_dtype", "key_impl", "split",
    "wrap_key_data",
]  # fmt: skip
