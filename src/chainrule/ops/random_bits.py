"""Random bits: primitives that make keys, derive keys from keys, and draw bits.

The generator is Threefry-2x32 (Salmon et al., "Parallel random numbers: as easy as 1,
2, 3", SC'11): a key and a counter give two words, so every element of a result depends
on the key and on its own position alone. The rules are listed at the head of
src/runtime/threefry.cpp. All primitives take keys of any shape and work on each key
apart. Keys and bits carry no derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from ..core.keys import KeyDtype, fry, key_dtype
from ..core.primitive import WEAK_NEVER, Primitive
from ..runtime import _native
from . import threefry
from .elementwise_rules import batch_elementwise, broadcast_shapes
from .shaping import move_dim


def words_of(keys: Any) -> tuple[Any, Any]:
    """The two words of each key of an ndarray, as uint32 arrays of its shape."""
    data = fry.data(keys)
    return data[..., 0], data[..., 1]


def check_keys(name: str, keys: Any) -> None:
    """TypeError naming `name` where the aval `keys` is not one of typed keys."""
    if not isinstance(keys.dtype, KeyDtype):
        raise TypeError(
            f"{name}: operates on typed keys; got {keys.str_short()}. Make one with"
            " random.key(seed), or wrap its words with random.wrap_key_data."
        )


def no_tangent(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    """The derivative of what is piecewise constant."""
    return [None] * len(y) if isinstance(y, list) else None


def _in_place(prim_of: Callable[[], Primitive]) -> Callable[..., Any]:
    """The batching rule of functions of each key: the batch dim stays where it is."""

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        return prim_of()(args[0], **params), dims[0]

    return batch


# --- making keys -------------------------------------------------------------------


def _seed_abstract(seeds: Any, *, impl: str) -> Any:
    if not dtypes.is_integer(seeds.dtype):
        raise TypeError(
            f"random_seed: the seed must be an integer; got {seeds.str_short()}."
        )
    return seeds.shape, key_dtype(impl)


def _seed_evaluate(seeds: Any, *, impl: str) -> Any:
    seeds = np.asarray(seeds)
    words = np.zeros((*seeds.shape, 2), np.uint32)
    if seeds.dtype.itemsize == 8:
        words[..., 0] = seeds.astype(np.uint64) >> np.uint64(32)
    words[..., 1] = seeds.astype(np.uint32)
    return fry.keys(words)


random_seed_p = Primitive(
    "random_seed",
    "The key of an integer: its upper and lower 32 bits.",
    abstract=_seed_abstract,
    jvp=no_tangent,
    batch=_in_place(lambda: random_seed_p),
    evaluate=_seed_evaluate,
    lower=threefry.seed,
    weak=WEAK_NEVER,
)


def _wrap_abstract(words: Any, *, impl: str) -> Any:
    dtype = key_dtype(impl)
    if words.dtype != dtypes.uint32 or words.shape[-1:] != (dtype.words,):
        raise TypeError(
            f"random_wrap: the data of keys must be uint32 with a last dimension of size"
            f" {dtype.words}; got {words.str_short()}."
        )
    return words.shape[:-1], dtype


def _wrap_batch(args: Any, dims: Any, size: int, *, impl: str) -> Any:
    return random_wrap_p(move_dim(args[0], dims[0], 0), impl=impl), 0


random_wrap_p = Primitive(
    "random_wrap",
    "The keys whose words stand along the last dimension.",
    abstract=_wrap_abstract,
    jvp=no_tangent,
    batch=_wrap_batch,
    evaluate=lambda words, *, impl: key_dtype(impl).keys(words),
    lower=threefry.wrap,
    weak=WEAK_NEVER,
)


def _unwrap_abstract(keys: Any) -> Any:
    check_keys("random_unwrap", keys)
    return (*keys.shape, keys.dtype.words), dtypes.uint32


random_unwrap_p = Primitive(
    "random_unwrap",
    "The words of keys, along a last dimension.",
    abstract=_unwrap_abstract,
    jvp=no_tangent,
    batch=_in_place(lambda: random_unwrap_p),
    evaluate=fry.data,
    lower=threefry.unwrap,
    weak=WEAK_NEVER,
)


# --- deriving keys -------------------------------------------------------------------


def _split_abstract(keys: Any, *, shape: Any) -> Any:
    check_keys("random_split", keys)
    return (*keys.shape, *shape), keys.dtype


def _split_evaluate(keys: Any, *, shape: Any) -> Any:
    words = _native.threefry_split(*words_of(keys), math.prod(shape))
    return fry.keys(words).reshape((*keys.shape, *shape))


random_split_p = Primitive(
    "random_split",
    "From each key an array of new ones: the blocks of counters 0, 1, ...",
    abstract=_split_abstract,
    jvp=no_tangent,
    batch=_in_place(lambda: random_split_p),
    evaluate=_split_evaluate,
    lower=threefry.split,
    weak=WEAK_NEVER,
)


def _fold_in_abstract(keys: Any, data: Any) -> Any:
    check_keys("random_fold_in", keys)
    if data.dtype != dtypes.uint32:
        raise TypeError(
            f"random_fold_in: the data must be uint32; got {data.str_short()}."
        )
    return broadcast_shapes("random_fold_in", keys.shape, data.shape), keys.dtype


def _fold_in_evaluate(keys: Any, data: Any) -> Any:
    shape = broadcast_shapes("random_fold_in", keys.shape, data.shape)
    words = np.empty((*shape, 2), np.uint32)
    outs = words[..., 0], words[..., 1]
    _native.threefry2x32(*words_of(keys), np.uint32(0), data, out=outs)
    return fry.keys(words)


random_fold_in_p = Primitive(
    "random_fold_in",
    "The key derived from a key and a 32-bit number: the block of that counter.",
    abstract=_fold_in_abstract,
    jvp=no_tangent,
    batch=lambda args, dims, size: batch_elementwise(
        random_fold_in_p, args, dims, size, {}
    ),
    evaluate=_fold_in_evaluate,
    lower=threefry.fold_in,
    weak=WEAK_NEVER,
)

random_clone_p = Primitive(
    "random_clone",
    "The same keys.",
    abstract=lambda keys: (keys.shape, keys.dtype),
    jvp=no_tangent,
    batch=_in_place(lambda: random_clone_p),
    evaluate=lambda keys: keys,
    lower=lambda build, keys: keys,
    weak=WEAK_NEVER,
)


# --- bits ----------------------------------------------------------------------------


def _bits_abstract(keys: Any, *, bit_width: int, shape: Any) -> Any:
    check_keys("random_bits", keys)
    if bit_width not in (8, 16, 32, 64):
        raise TypeError(
            f"random_bits: the bit width must be 8, 16, 32 or 64; got {bit_width}."
        )
    return (*keys.shape, *shape), np.dtype(f"u{bit_width // 8}")


def _bits_evaluate(keys: Any, *, bit_width: int, shape: Any) -> Any:
    bits = _native.threefry_bits(*words_of(keys), math.prod(shape), bit_width)
    return bits.reshape((*keys.shape, *shape))


random_bits_p = Primitive(
    "random_bits",
    "Uniform random bits of `shape` from each key, as unsigned integers.",
    abstract=_bits_abstract,
    jvp=no_tangent,
    batch=_in_place(lambda: random_bits_p),
    evaluate=_bits_evaluate,
    lower=threefry.bits,
    weak=WEAK_NEVER,
)


def _threefry_abstract(*words: Any) -> Any:
    for w in words:
        if w.dtype != dtypes.uint32:
            given = ", ".join(a.str_short() for a in words)
            raise TypeError(
                f"threefry2x32: keys and counters must be uint32; got {given}."
            )
    shape = broadcast_shapes("threefry2x32", *(w.shape for w in words))
    return [(shape, dtypes.uint32)] * 2


def _threefry_batch(args: Any, dims: Any, size: int) -> Any:
    outs, dim = batch_elementwise(threefry2x32_p, args, dims, size, {})
    return outs, [dim] * 2


threefry2x32_p = Primitive(
    "threefry2x32",
    "The two words of the blocks of given keys and counters.",
    abstract=_threefry_abstract,
    jvp=no_tangent,
    batch=_threefry_batch,
    evaluate=lambda k0, k1, x0, x1: _native.threefry2x32(k0, k1, x0, x1),
    lower=threefry.blocks,
    multiple_results=True,
    weak=WEAK_NEVER,
)


# --- from bits to an interval --------------------------------------------------------


def single_key(name: str, keys: Any) -> Any:
    """`keys`, an array of typed keys, where it is one key; ValueError otherwise."""
    if aval_of(keys).shape:
        raise ValueError(
            f"{name}: accepts a single key, but was given a key array of shape"
            f" {aval_of(keys).shape}; use vmap to batch over keys."
        )
    return keys


__all__ = [
    "check_keys", "no_tangent", "random_bits_p", "random_clone_p",
    "random_fold_in_p", "random_seed_p", "random_split_p", "random_unwrap_p",
    "random_wrap_p", "single_key", "threefry2x32_p", "words_of",
]  # fmt: skip
