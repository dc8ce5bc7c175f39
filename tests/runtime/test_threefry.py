"""Threefry bits and the rules of keys: known answers, and values recorded from JAX.

The words below were printed by JAX 0.10.2 with its defaults (partitionable threefry);
they pin the numbers a program draws, so none of them may ever change.
"""

import ml_dtypes
import numpy as np
import pytest

from chainrule.runtime import _native as native

KEYS = {"seed 1701": (0, 1701), "two full words": (0xDEADBEEF, 0x01234567)}
INDICES = [0, 1, 2, 3, 4, 31, 32, 33, 69]
# key, bit width -> elements INDICES of 70, and the sum of all modulo 2**64
BITS = {
    ("seed 1701", 8): ([37, 59, 52, 178, 111, 42, 206, 216, 87], 9156),
    ("seed 1701", 16): (
        [42789, 29755, 60468, 48050, 8815, 47402, 46542, 16856, 35671],
        1972676,
    ),
    ("seed 1701", 32): (
        [1111271205, 2679469115, 974515252, 521976754, 2127438447]
        + [3583228202, 635155918, 627851736, 2059307863],
        149463767492,
    ),
    ("seed 1701", 64): (
        [3182764935064573181, 366096495144982249, 241365115613244543]
        + [3982329540505020460, 17180525131011940091, 17370229140264634997]
        + [6500823168061285876, 6755305696831728485, 7190232277106187646],
        13594973204561233626,
    ),
    ("two full words", 8): ([15, 162, 147, 194, 116, 55, 21, 238, 4], 8084),
    ("two full words", 16): (
        [34575, 49058, 61331, 4290, 35444, 55351, 8469, 19182, 61444],
        2107028,
    ),
    ("two full words", 32): (
        [654739215, 252624802, 3049910163, 497291458, 1348635252]
        + [2168969271, 4065141013, 1216826094, 1516630020],
        138988562068,
    ),
    ("two full words", 64): (
        [17736558251138510542, 14114172237935354748, 1146653634321208564]
        + [3911953761231052282, 17300661250652029386, 122970099873429648]
        + [5863612573551861124, 5960502463607914375, 2157151032173022571],
        18416852657493530826,
    ),
}


def words(*values):
    return [np.array([v], np.uint32) for v in values]


@pytest.mark.parametrize(
    "key, counter, block",
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1,) * 2, (2**32 - 1,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_blocks_are_the_known_answers_of_random123(key, counter, block):
    y0, y1 = native.threefry2x32(*words(*key, *counter))
    assert (y0[0], y1[0]) == block
    assert y0.dtype == y1.dtype == np.uint32


def test_the_ufunc_broadcasts_keys_counters_strides_and_lengths():
    rng = np.random.default_rng(0)
    k0, k1 = rng.integers(0, 2**32, (2, 5, 1), np.uint32)
    x0, x1 = rng.integers(0, 2**32, (2, 134), np.uint32)[:, ::2]
    y0, y1 = native.threefry2x32(k0, k1, x0, x1)
    assert y0.shape == (5, 67)
    for i, j in [(0, 0), (1, 31), (2, 32), (3, 63), (4, 64), (4, 66)]:
        one = native.threefry2x32(k0[i], k1[i], x0[j : j + 1], x1[j : j + 1])
        assert (y0[i, j], y1[i, j]) == (one[0][0], one[1][0])


def test_the_ufunc_writes_over_its_inputs():
    x0, x1 = np.arange(200, dtype=np.uint32).reshape(2, 100)
    expected = native.threefry2x32(3, 4, x0, x1)
    native.threefry2x32(3, 4, x0, x1, out=(x0, x1))
    np.testing.assert_array_equal((x0, x1), expected)


@pytest.mark.parametrize("name, width", BITS)
def test_bits_are_those_of_jax(name, width):
    elements, total = BITS[name, width]
    bits = native.threefry_bits(*KEYS[name], 70, width)
    assert bits.dtype == np.dtype(f"uint{width}")
    assert bits[INDICES].tolist() == elements
    assert int(bits.sum(dtype=np.uint64)) == total


def test_a_million_bits_are_those_of_jax():
    bits = native.threefry_bits(0, 1701, 1 << 20, 32)
    assert bits[[12345, 999999]].tolist() == [3940670929, 18984042]
    assert int(bits.sum(dtype=np.uint64)) == 2253520285763225
    assert int(np.bitwise_xor.reduce(bits)) == 3825784233


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_a_stream_can_be_filled_in_parts(width):
    whole = native.threefry_bits(7, 8, 100, width)
    parts = [
        native.threefry_bits(7, 8, n, width, start)
        for start, n in [(0, 33), (33, 0), (33, 1), (34, 66)]
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_counter_carries_into_its_high_word():
    bits = native.threefry_bits(7, 8, 40, 64, start=2**32 - 20)
    high = np.repeat(np.array([0, 1], np.uint32), 20)
    low = (np.arange(40, dtype=np.uint32) - np.uint32(20)).astype(np.uint32)
    y0, y1 = native.threefry2x32(7, 8, high, low)
    np.testing.assert_array_equal(bits >> np.uint64(32), y0)
    np.testing.assert_array_equal(bits & np.uint64(2**32 - 1), y1)


def test_a_batch_of_keys_gives_each_key_its_own_stream():
    keys = native.threefry_split(0, 1701, 6).reshape(2, 3, 2)
    bits = native.threefry_bits(keys[..., 0], keys[..., 1], 35, 16)
    split = native.threefry_split(keys[..., 0], keys[..., 1], 2)
    assert bits.shape == (2, 3, 35) and split.shape == (2, 3, 2, 2)
    for i in np.ndindex(2, 3):
        k0, k1 = map(int, keys[i])
        np.testing.assert_array_equal(bits[i], native.threefry_bits(k0, k1, 35, 16))
        np.testing.assert_array_equal(split[i], native.threefry_split(k0, k1, 2))


def test_split_keys_are_those_of_jax():
    assert native.threefry_split(0, 1701, 3).tolist() == [
        [741045208, 1847055613],
        [85238482, 2594297577],
        [56197195, 961309823],
    ]
    assert native.threefry_split(0xDEADBEEF, 0x01234567, 2).tolist() == [
        [4129614273, 3508694734],
        [3286211806, 3436258172],
    ]
    assert native.threefry_split(0, 1701, 0).shape == (0, 2)


@pytest.mark.parametrize(
    "data, key",
    [
        (0, [741045208, 1847055613]),
        (1, [85238482, 2594297577]),
        (2**31, [99154259, 376878034]),
        (2**32 - 1, [244354911, 2968384621]),
    ],
)
def test_fold_in_is_the_block_of_the_data(data, key):
    y0, y1 = native.threefry2x32(*words(0, 1701, 0, data))
    assert [y0[0], y1[0]] == key


@pytest.mark.parametrize(
    "seed, narrow, wide",
    [
        (0, [0, 0], [0, 0]),
        (-1, [0, 2**32 - 1], [2**32 - 1, 2**32 - 1]),
        (-2, [0, 2**32 - 2], [2**32 - 1, 2**32 - 2]),
        (2**31, [0, 2**31], [0, 2**31]),
        (2**32 + 5, [0, 5], [1, 5]),
        (2**63 - 1, [0, 2**32 - 1], [2**31 - 1, 2**32 - 1]),
        (-(2**31) - 1, [0, 2**31 - 1], [2**32 - 1, 2**31 - 1]),
        (-(2**63), [0, 0], [2**31, 0]),
        (True, [0, 1], [0, 1]),
        (np.int32(-1), [0, 2**32 - 1], [0, 2**32 - 1]),
        (np.int8(-1), [0, 2**32 - 1], [0, 2**32 - 1]),
        (np.int64(-1), [0, 2**32 - 1], [2**32 - 1, 2**32 - 1]),
        (np.int64(2**40), [0, 0], [256, 0]),
        (np.uint64(2**63 + 7), [0, 7], [2**31, 7]),
    ],
)
def test_seeds_give_the_keys_of_jax(seed, narrow, wide):
    assert native.threefry_seed(seed).tolist() == narrow
    assert native.threefry_seed(seed, x64=True).tolist() == wide


@pytest.mark.parametrize("seed", [2**63, 2**64, -(2**63) - 1])
def test_a_seed_of_more_than_64_bits_is_an_overflow(seed):
    with pytest.raises(OverflowError) as error:
        native.threefry_seed(seed)
    assert str(error.value) == (
        f"threefry_seed: the seed {seed} needs more than 64 bits; "
        "use -2**63 <= seed < 2**63."
    )


def test_bad_arguments_are_named():
    with pytest.raises(TypeError):
        native.threefry_seed(1.5)
    with pytest.raises(ValueError) as error:
        native.threefry_bits(0, 1, 4, 12)
    assert str(error.value) == ("threefry_bits: bit_width is 12; use 8, 16, 32 or 64.")
    with pytest.raises(ValueError) as error:
        native.threefry_bits(0, 1, -1, 32)
    assert str(error.value) == "threefry_bits: n is negative; use n >= 0."
    with pytest.raises(ValueError) as error:
        native.threefry_split(np.zeros(2, np.uint32), np.zeros(3, np.uint32), 2)
    assert str(error.value) == (
        "threefry_split: the two words of the keys have different shapes; "
        "pass key[..., 0] and key[..., 1]."
    )


@pytest.mark.parametrize(
    "dtype, width, shift, one, values",
    [
        (np.float32, 32, 9, 0x3F800000, ["0x1.08f298p-2", "0x1.3f6ae8p-1"]),
        (
            np.float64,
            64,
            12,
            0x3FF0000000000000,
            ["0x1.615b9ec370be8p-3", "0x1.4528b4a6a8740p-6"],
        ),
        (np.float16, 16, 6, 0x3C00, ["0x1.4ep-1", "0x1.dp-2"]),
    ],
)
def test_uniform_floats_are_the_top_bits_as_a_mantissa(
    dtype, width, shift, one, values
):
    bits = native.threefry_bits(0, 1701, 2, width)
    unit = bits.dtype.type
    uniform = ((bits >> unit(shift)) | unit(one)).view(dtype) - dtype(1)
    assert uniform.tolist() == [float.fromhex(v) for v in values]


def test_uniform_bfloat16_takes_eight_bits():
    bits = native.threefry_bits(0, 1701, 2, 8).astype(np.uint16)
    mantissa = (bits >> np.uint16(1)) | np.uint16(0x3F80)
    uniform = mantissa.view(ml_dtypes.bfloat16).astype(np.float64) - 1
    assert uniform.tolist() == [float.fromhex("0x1.2p-3"), float.fromhex("0x1.dp-3")]
