"""How keys and random bits lower: the generator as an expression of the loop IR.

A key is an unsigned integer of 64 bits there, its first word in the lower half. Whole
arrays of bits and of keys are library kernels (src/runtime/kernel_random.cpp).
"""

from __future__ import annotations

import math
from typing import Any

ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA
BLOCK_COST = 100.0
GRAIN = 1 << 14


def block(m: Any, key: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds (Salmon et al., SC'11) of u32 expressions."""
    k0, k1 = key
    words = (k0, k1, k0 ^ k1 ^ m.const(PARITY, "u32"))
    x0, x1 = x0 + k0, x1 + k1
    for group in range(5):
        for by in ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = (x1 << by | x1 >> (32 - by)) ^ x0
        x0 = x0 + words[(group + 1) % 3]
        x1 = x1 + words[(group + 2) % 3] + m.const(group + 1, "u32")
    return x0, x1


def key_words(m: Any, key: Any) -> tuple[Any, Any]:
    """The two words of a key."""
    return m.convert(key, "u32"), m.convert(key >> 32, "u32")


def join_key(m: Any, k0: Any, k1: Any) -> Any:
    """The key of two words."""
    return m.convert(k0, "u64") | m.convert(k1, "u64") << 32


def seed(build: Any, seeds: Any, *, impl: str) -> Any:
    """The key of an integer: its upper and lower 32 bits."""

    def element(m: Any, x: Any) -> Any:
        low = m.convert(x, "u32")
        wide = m.BITS[x.type] == 64
        return join_key(
            m, m.convert(x >> 32, "u32") if wide else m.const(0, "u32"), low
        )

    return build.map(element, seeds)


def wrap(build: Any, words: Any, *, impl: str) -> Any:
    """The keys whose words stand along the last dimension."""
    m, words = build.m, build.settled(words)

    def element(*indices: Any) -> Any:
        k0, k1 = (words.at(*indices, m.Index(k)) for k in (0, 1))
        return join_key(m, k0, k1)

    return build.index(element, words)


def unwrap(build: Any, keys: Any) -> Any:
    """The words of keys, along a last dimension."""
    m, keys = build.m, build.settled(keys)

    def element(*indices: Any) -> Any:
        which = m.convert(indices[-1].expr(), "u64")
        return m.convert(keys.at(*indices[:-1]) >> (which << 5), "u32")

    return build.index(element, keys)


def split(build: Any, keys: Any, *, shape: Any) -> Any:
    """New keys from each key."""
    size = math.prod(shape)
    extent = math.prod(keys.shape) * size
    (made,) = build.native("random_split", (keys,), [build.out], (size,), extent, GRAIN)
    return made


def fold_in(build: Any, keys: Any, data: Any) -> Any:
    """The keys derived from keys and numbers."""

    def element(m: Any, key: Any, number: Any) -> Any:
        return join_key(m, *block(m, key_words(m, key), m.const(0, "u32"), number))

    return build.map(element, keys, data, cost=BLOCK_COST)


def bits(build: Any, keys: Any, *, bit_width: int, shape: Any) -> Any:
    """Uniform random bits from each key."""
    size = math.prod(shape)
    extent = math.prod(keys.shape) * size
    name = f"random_bits_u{bit_width}"
    (made,) = build.native(name, (keys,), [build.out], (size,), extent, GRAIN)
    return made


def blocks(build: Any, *words: Any) -> list[Any]:
    """The two words of the blocks of given keys and counters."""

    def word(k: int) -> Any:
        def element(m: Any, k0: Any, k1: Any, x0: Any, x1: Any) -> Any:
            return block(m, (k0, k1), x0, x1)[k]

        return element

    return [
        build.of(out).map(word(k), *words, cost=BLOCK_COST)
        for k, out in enumerate(build.out)
    ]
