"""Samples of random bits and samplers.

Keys enter as their uint32 words, so that the properties see arrays of numbers: each
program wraps them, binds the primitive, and unwraps what is a key. The references
count blocks of Threefry in Python's integers.
"""

import math

import numpy as np

from chainrule.core import dtypes
from chainrule.core.avals import aval_of
from chainrule.core.primitive import registry

from . import Program, Sample

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
MASK = 0xFFFFFFFF


def block(k0, k1, x0, x1):
    """Threefry-2x32 with 20 rounds (Salmon et al. 2011) on Python's integers."""
    schedule = [k0, k1, k0 ^ k1 ^ 0x1BD11BDA]
    x0, x1 = (x0 + k0) & MASK, (x1 + k1) & MASK
    for i in range(5):
        for r in ROTATIONS[i % 2]:
            x0 = (x0 + x1) & MASK
            x1 = ((x1 << r) | (x1 >> (32 - r))) & MASK ^ x0
        x0 = (x0 + schedule[(i + 1) % 3]) & MASK
        x1 = (x1 + schedule[(i + 2) % 3] + i + 1) & MASK
    return x0, x1


def blocks(*words):
    found = np.vectorize(lambda *w: block(*map(int, w)), otypes=[np.uint32] * 2)(*words)
    return list(found) if np.size(found[0]) else [f.astype(np.uint32) for f in found]


def stream(words, count):
    """Blocks 0, ..., count - 1 of each key: uint32 of shape (..., count, 2)."""
    keys = np.reshape(words, (-1, 2))
    rows = [[block(int(a), int(b), 0, i) for i in range(count)] for a, b in keys]
    return np.array(rows, np.uint32).reshape(*np.shape(words)[:-1], count, 2)


def bits_reference(words, *, bit_width, shape):
    """The words of each block side by side (64 bits), or their exclusive or."""
    found = stream(words, math.prod(shape)).astype(np.uint64)
    first, second = found[..., 0], found[..., 1]
    whole = first << np.uint64(32) | second if bit_width == 64 else first ^ second
    narrow = whole.astype(f"u{bit_width // 8}")
    return narrow.reshape((*np.shape(words)[:-1], *shape))


def split_reference(words, *, shape):
    found = stream(words, math.prod(shape))
    return found.reshape(*np.shape(words)[:-1], *shape, 2)


def fold_in_reference(words, data):
    first, second = blocks(words[..., 0], words[..., 1], np.uint32(0), data)
    return np.stack([first, second], -1)


def seed_reference(seeds):
    wide = [int(s) % 2**64 for s in np.reshape(seeds, -1)]
    if seeds.dtype.itemsize < 8:
        wide = [w & MASK for w in wide]
    words = [(w >> 32, w & MASK) for w in wide]
    return np.array(words, np.uint32).reshape(*seeds.shape, 2)


def on_words(name):
    """The primitive on keys given and returned as words."""

    def bound(words, *rest, **params):
        keys = registry["random_wrap"](words, impl="fry")
        out = registry[name](keys, *rest, **params)
        return registry["random_unwrap"](out) if is_key(out) else out

    return bound


def is_key(x):
    return dtypes.is_extended(aval_of(x).dtype)


def _sample(name, args, reference=None, **params):
    return Program(
        name, args, params, reference, (), function=on_words(name),
        exercises=(name, "random_wrap", "random_unwrap"),
    )  # fmt: skip


def seeded(seeds):
    return registry["random_unwrap"](registry["random_seed"](seeds, impl="fry"))


def _seed(seeds):
    return Program(
        "random_seed", (seeds,), {}, seed_reference, (), function=seeded,
        exercises=("random_seed",),
    )  # fmt: skip


rng = np.random.default_rng(60)
key = np.array([7, 0xDEADBEEF], np.uint32)
keys = rng.integers(0, 2**32, (2, 3, 2), np.uint32)
none = np.zeros((0, 2), np.uint32)
counters = [rng.integers(0, 2**32, s, np.uint32) for s in ((3, 4), (4,), (3, 1), ())]
shapes = np.array([0.05, 0.7, 1.0, 8.0], np.float32)
means = np.array([0.2, 4.0, 30.0, 1e4], np.float32)
trials = np.array([3.0, 40.0, 90.0, 2000.0], np.float32)
chances = np.array([0.4, 0.9, 0.5, 0.03], np.float32)

SAMPLES = [
    Sample("threefry2x32", tuple(counters), {}, blocks),
    Sample("threefry2x32", (np.zeros(0, np.uint32),) * 4, {}, blocks),
    _seed(np.int32(-5)),
    _seed(np.array([[1, 2**31 - 1]], np.int32)),
    _seed(np.array([2**40 + 3, -1], np.int64)),
    _seed(np.array([2**32 - 1], np.uint32)),
    *(_sample("random_split", (k,), split_reference, shape=(2, 2)) for k in (key, keys)),
    _sample("random_split", (none,), split_reference, shape=(3,)),
    _sample("random_split", (key,), split_reference, shape=(0,)),
    _sample("random_fold_in", (key, np.uint32(3)), fold_in_reference),
    _sample("random_fold_in", (keys, counters[2][0]), fold_in_reference),
    _sample("random_clone", (keys,), lambda words: words),
    *(
        _sample("random_bits", (k,), bits_reference, bit_width=width, shape=shape)
        for k, width, shape in (
            (key, 8, (5,)), (key, 16, (2, 3)), (keys, 32, (3,)), (key, 32, ()),
            (keys, 32, ()), (key, 32, (0, 2)), (none, 32, (2,)),
        )  # fmt: skip
    ),
    _sample("random_gamma", (key, shapes), log_space=False),
    _sample("random_gamma", (keys[0], np.stack([shapes] * 3)), log_space=True),
    _sample("random_gamma", (none, np.zeros((0, 3), np.float32)), log_space=False),
    _sample("random_poisson", (key, means), dtype=np.dtype(np.int32)),
    _sample(
        "random_poisson", (keys[0], np.stack([means] * 3)), dtype=np.dtype(np.int16)
    ),
    _sample("random_binomial", (key, trials, chances)),
    _sample("random_binomial", (keys[0], *(np.stack([x] * 3) for x in (trials, chances)))),
    Sample(
        "fma", ((3, 4), (3, 4), (3, 4)), {}, lambda x, y, z: x * y + z,
        tolerance=2.0, dtypes=("float16", "bfloat16", "float64"),
    ),
    Sample("fma", ((3, 1), (4,), ()), {}, lambda x, y, z: x * y + z, tolerance=2.0),
    Sample("fma", ((0, 4), (4,), ()), {}, lambda x, y, z: x * y + z),
]  # fmt: skip
"""Bits of 64 are tested in tests/test_random.py: here operands decide on 64 bits."""
