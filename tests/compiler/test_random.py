"""Compiled random numbers: keys and bits are those of evaluation."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import random
from chainrule.ops.random_bits import threefry2x32_p

from .native import assert_close, assert_same

KEY = random.key(1701)
KEYS = random.split(KEY, (2, 3))


def words(f):
    """`f` with the words of the keys that it gives."""

    def call(*args):
        return random.key_data(f(*args))

    return call


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_bits(dtype):
    assert_same(lambda k: random.bits(k, (3, 50), dtype), KEY)
    each = cr.vmap(cr.vmap(lambda k: random.bits(k, (7,), dtype)))
    assert_same(each, KEYS)
    assert_same(lambda k: random.bits(k, (0, 4), dtype), KEY)


def test_long_streams_are_divided():
    assert_same(lambda k: random.bits(k, (70_001,)), KEY)


def test_splitting():
    assert_same(words(lambda k: random.split(k, (4, 5))), KEY)
    assert_same(words(lambda k: random.split(k, 3)[1]), KEY)
    assert_same(words(lambda ks: cr.vmap(lambda k: random.split(k))(ks[1])), KEYS)


def test_folding_in():
    assert_same(words(lambda k: random.fold_in(k, 12)), KEY)
    numbers = cnp.arange(3, dtype=cnp.uint32)
    assert_same(words(cr.vmap(random.fold_in, (None, 0))), KEY, numbers)


def test_keys_of_seeds():
    for seed in (0, -5, 2**31 - 1):
        assert_same(words(random.key), cnp.asarray(seed))
    with cr.enable_x64(True):
        assert_same(words(random.key), cnp.asarray(-(2**40) - 7))


def test_keys_and_their_words():
    assert_same(random.key_data, KEYS)
    assert_same(words(random.wrap_key_data), random.key_data(KEYS))
    assert_same(words(lambda ks: ks.T.reshape(-1)[::2]), KEYS)
    assert_same(words(lambda a, b: cnp.stack([a, b])), KEY, KEYS[0, 1])


def test_blocks():
    rng = np.random.default_rng(0)
    xs = [cnp.asarray(rng.integers(0, 2**32, (4, 9), np.uint32)) for _ in range(4)]
    assert_same(lambda *xs: threefry2x32_p(*xs), *xs)


def test_distributions():
    assert_same(lambda k: random.uniform(k, (3, 5)), KEY)
    assert_same(lambda k: random.uniform(random.split(k)[0], (3, 5), minval=-2.0), KEY)
    assert_close(lambda k: random.normal(k, (300,)), KEY)
    assert_same(lambda k: random.randint(k, (30,), 0, 1000), KEY)
