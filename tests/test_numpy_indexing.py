"""Indexing: random expressions against NumPy, eagerly, traced, batched, differentiated."""

import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.numpy.index_plan import read_index
from chainrule.numpy.indexing import read

SHAPE = (4, 3, 5)
X = np.random.default_rng(1).permutation(60).reshape(SHAPE).astype(np.float32) + 1
UPDATES = {
    "set": None, "add": np.add, "subtract": np.subtract, "multiply": np.multiply,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def part(rng, n):
    """One part of an index into a dimension of size n."""
    bounds = [None, *range(-n - 1, n + 2)]
    numpy_rng = np.random.default_rng(rng.randrange(2**32))
    return rng.choice(
        [
            rng.randrange(-n, n),
            slice(None),
            slice(1, None),
            slice(
                rng.choice(bounds), rng.choice(bounds), rng.choice([None, 1, 2, -1, -2])
            ),
            numpy_rng.integers(-n, n, 2),
            numpy_rng.integers(-n, n, (3, 1)),
            numpy_rng.integers(-n, n, ()),
            numpy_rng.random(n) > 0.5,
        ]
    )


def random_index(seed):
    """An index expression that NumPy accepts for SHAPE."""
    rng = random.Random(seed)
    while True:
        parts, dim, dots = [], 0, False
        while dim < len(SHAPE):
            choice = rng.random()
            if choice < 0.15:
                parts.append(None)
            elif choice < 0.22 and not dots:
                parts.append(Ellipsis)
                dots = True
                dim += rng.randrange(0, len(SHAPE) - dim + 1)
            elif choice < 0.3:
                break
            else:
                size = min(SHAPE) if dots else SHAPE[dim]
                parts.append(part(rng, size))
                dim += 1
        try:
            X[tuple(parts)]
        except IndexError:
            continue
        return tuple(parts)


INDICES = [random_index(seed) for seed in range(150)]
each_index = pytest.mark.parametrize("index", INDICES, ids=str)


def split(index):
    """The integer arrays of an index, and the function that puts others there."""
    arrays = [p for p in index if isinstance(p, np.ndarray) and p.dtype != bool]

    def rebuilt(new):
        new = iter(new)
        return tuple(
            next(new) if isinstance(p, np.ndarray) and p.dtype != bool else p
            for p in index
        )

    return arrays, rebuilt


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found), expected)


@each_index
def test_reading_is_numpys(index):
    x, expected = cnp.asarray(X), X[index]
    same(x[index], expected)
    same(read(x, read_index(x.shape, index)), expected)


@each_index
def test_reading_under_jit_with_traced_positions_is_numpys(index):
    arrays, rebuilt = split(index)
    same(cr.jit(lambda x, *new: x[rebuilt(new)])(X, *arrays), X[index])


@each_index
def test_reading_is_mapped_by_vmap(index):
    arrays, rebuilt = split(index)
    found = cr.vmap(lambda x, *new: x[rebuilt(new)])(
        np.stack([X, -X]), *(np.stack([a, a[::-1] if a.ndim else a]) for a in arrays)
    )
    same(found[0], X[index])
    same(found[1], -X[rebuilt([a[::-1] if a.ndim else a for a in arrays])])


@each_index
def test_derivative_of_reading_adds_up_at_the_positions(index):
    expected = np.zeros_like(X)
    weights = np.arange(X[index].size, dtype=np.float32).reshape(X[index].shape)
    np.add.at(expected, index, weights)
    same(cr.grad(lambda x: (x[index] * weights).sum())(X), expected)


def updated(name, index, values):
    expected = X.copy()
    if UPDATES[name] is None:
        expected[index] = values
    else:
        UPDATES[name].at(expected, index, values)
    return expected


@pytest.mark.parametrize("name", UPDATES)
@each_index
def test_updates_are_numpys(name, index):
    values = np.random.default_rng(2).integers(1, 4, X[index].shape).astype(np.float32)
    expected = updated(name, index, values)
    arrays, rebuilt = split(index)
    same(getattr(cnp.asarray(X).at[index], name)(values), expected)
    traced = cr.jit(lambda x, v, *new: getattr(x.at[rebuilt(new)], name)(v))
    same(traced(X, values, *arrays), expected)


def test_positions_out_of_bounds_read_the_nearest_and_write_nothing():
    v, where = cnp.arange(3.0), cnp.array([0, 7, -9])
    same(v[where], [0, 2, 0])
    same(cr.jit(lambda i: v[i])(where), [0, 2, 0])
    same(v.at[where].add(1.0), [1, 1, 2])
    same(cr.jit(lambda i: v.at[i].add(1.0))(where), [1, 1, 2])
    assert float(v[10]) == 2 and float(v[-10]) == 0
    same(v.at[10].set(5.0), [0, 1, 2])


def test_modes_of_get_and_set():
    v, where = cnp.arange(3.0), cnp.array([1, 7])
    same(v.at[where].get(mode="clip"), [1, 2])
    same(v.at[where].get(mode="fill"), [1, np.nan])
    same(v.at[where].get(mode="fill", fill_value=9), [1, 9])
    same(cnp.arange(3).at[where].get(mode="fill"), [1, np.iinfo(np.int32).min])
    same(v.at[where].set(5.0, mode="clip"), [0, 5, 5])
    same(v.at[cnp.array([-1])].set(5.0, wrap_negative_indices=False), [0, 1, 2])


def test_of_several_writes_to_one_place_the_last_stays():
    where, values = cnp.array([1, 1, 0, 1]), cnp.array([5.0, 6.0, 7.0, 8.0])
    same(cnp.zeros(3).at[where].set(values), [7, 8, 0])
    same(cr.jit(lambda i: cnp.zeros(3).at[i].set(values))(where), [7, 8, 0])
    gradient = cr.grad(lambda u: (cnp.zeros(3).at[where].set(u) * 2).sum())(values)
    same(gradient, [0, 0, 2, 2])


def test_divide_power_and_apply():
    v = cnp.array([1.0, 2.0, 4.0])
    same(v.at[1:].divide(2), [1, 1, 2])
    same(v.at[2].power(2), [1, 2, 16])
    same(v.at[cnp.array([0, 0, 2])].apply(lambda t: t * 10), [100, 2, 40])


def test_values_are_converted_with_a_warning_where_they_do_not_fit():
    with pytest.warns(FutureWarning, match="dtype float32 are stored"):
        same(cnp.arange(3).at[0].set(2.5), [2, 1, 2])


def test_elements_of_gathers_are_never_views_that_change():
    x = np.arange(4, dtype=np.float32)
    a = cnp.asarray(x)
    b = a[1:3]
    x[:] = 9
    same(b, [1, 2])
    assert a.at[0].set(5.0) is not a and float(a[0]) == 0


def test_keys_are_indexed_like_numbers():
    keys = cr.random.split(cr.random.key(0), 4)
    data = np.asarray(cr.random.key_data(keys))
    same(cr.random.key_data(keys[2]), data[2])
    same(cr.random.key_data(keys[cnp.array([3, 0])]), data[[3, 0]])
    same(cr.random.key_data(cr.jit(lambda k, i: k[i])(keys, 1)), data[1])
