"""Division of indices: what is found at compile time is what division gives everywhere."""

import itertools
import random

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule.compiler.expr import Expr, forget
from chainrule.compiler.index import (
    Index,
    Split,
    loop_variable,
    number,
    variable_index,
)
from chainrule.compiler.interpret import interpret
from chainrule.compiler.rewrite import walk
from chainrule.compiler.sizes import Tape, opaque

FACTORS = [-7, -3, -1, 1, 2, 3, 5, 6, 10, 11, 12, 13, 70]
DIVISORS = [1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 60]


class Place:
    """An index, and its values at all values of some variables."""

    def __init__(self, index, values, points):
        self.index, self.values, self.points = index, values, points

    def check(self, found, wanted, where=True):
        """That an index or an expression has these values, where it matters."""
        if isinstance(found, Index):
            if found.is_bounded:
                low, high = found.bounds()
                assert low <= wanted.min()
                assert wanted.max() <= high
            found = found.expr()
        assert isinstance(found, Expr)
        integers = [x for x in walk([found]) if x.op == "int"]
        values = {**self.points, **{x: x.data for x in integers}}
        got = np.broadcast_to(interpret(found, values), wanted.shape)
        assert np.array_equal(got[where], wanted[where])


def places(seed):
    """A random affine index of one to three variables."""
    rng = random.Random(seed)
    variables = [loop_variable(rng.choice([1, 2, 3, 5, 7, 10, 12])) for _ in range(3)]
    variables = variables[: rng.randint(1, 3)]
    ranges = [np.arange(v.data[1]) for v in variables]
    grid = np.meshgrid(*ranges, indexing="ij")
    index, values = Index(rng.randint(-40, 40)), 0
    values = np.full(grid[0].shape, index.constant)
    for v, at in zip(variables, grid):
        factor = rng.choice(FACTORS)
        index, values = index + variable_index(v) * factor, values + at * factor
    return rng, Place(index, values, dict(zip(variables, grid)))


def divide_again_and_again(seed):
    rng, place = places(seed)
    for _ in range(3):
        d, n = rng.choice(DIVISORS), rng.randint(-3, 20)
        quotients, remainders = np.divmod(place.values, d)
        exact, divides = place.index.divided(d)
        place.check(divides, remainders == 0)
        place.check(exact.expr(), quotients, remainders == 0)
        quotient, remainder = place.index.divmod(d)
        for found, wanted in ((quotient, quotients), (remainder, remainders)):
            place.check(found, wanted)
            place.check(found.below(n), wanted < n)
            place.check(found.at_least(n), wanted >= n)
            place.check(found.equals(n), wanted == n)
            place.check(found.within(9), (wanted >= 0) & (wanted < 9))
        factor, more = rng.choice([1, 3, 7, 10]), rng.randint(-5, 5)
        v, at = next(iter(place.points.items()))
        index, values = rng.choice(
            [
                (quotient * factor + remainder, quotients * factor + remainders),
                (remainder * factor - quotient, remainders * factor - quotients),
                (quotient * factor + variable_index(v), quotients * factor + at),
            ]
        )
        place = Place(index + more, values + more, place.points)


@pytest.mark.parametrize("block", range(20))
def test_quotients_and_remainders(block):
    divided = 0
    for seed in range(100 * block, 100 * block + 100):
        try:
            divide_again_and_again(seed)
            divided += 1
        except Split:
            continue
    assert divided > 50


def text(fun, *args):
    """The kernels of a compiled function."""
    return cr.jit(fun).lower(*args).compile().as_text()


VECTOR, MATRIX = np.arange(1.0, 101, dtype="f"), np.ones((100, 100), "f")


@pytest.mark.parametrize(
    "fun, x",
    [
        (cnp.diag, VECTOR),
        (lambda x: cnp.diag(x, 3), VECTOR),
        (cr.grad(lambda x: cnp.sum(cnp.log(cnp.diag(x)))), MATRIX),
        (cr.vmap(cnp.diag), MATRIX),
        (lambda x: cnp.repeat(x, 7) * cnp.tile(x, 7), VECTOR),
        (lambda x: x.ravel()[: 99 * 101].reshape(99, 101)[:, ::7] + 1, MATRIX),
    ],
)
def test_nothing_is_divided_at_run_time(fun, x):
    assert " / " not in text(fun, x).replace("1.0 / ", "")


@pytest.mark.parametrize("n, k", [*itertools.product(range(4), range(-3, 4))])
def test_diagonals(n, k):
    v = np.arange(1, n + 1, dtype="f")
    for fun in (lambda v: cnp.diag(v, k), cr.jit(lambda v: cnp.diag(v, k))):
        assert np.array_equal(fun(v), np.diag(v, k))
    many = np.stack([v, 2 * v, -v])
    both = cr.jit(cr.vmap(lambda v: cnp.diag(v, k)))(many)
    assert np.array_equal(both, np.stack([np.diag(v, k) for v in many]))


@pytest.mark.parametrize("rows, columns", [(7, 5), (9, 31), (97, 103), (250, 401)])
def test_flat_arrays_in_other_rows(rows, columns):
    x = np.arange(rows * columns, dtype="i")
    y = x.reshape(rows, columns)

    def other(x, np):
        flat = np.roll(x, 3, 0).ravel()[1 : 1 + (rows - 1) * (columns + 1)]
        return np.roll(flat.reshape(columns + 1, rows - 1).T, 2, 1)[:, ::-1]

    n = (rows - 1) * (columns + 1)
    if n + 1 <= y.size:
        assert np.array_equal(cr.jit(lambda x: other(x, cnp))(y), other(y, np))
    assert np.array_equal(
        cr.jit(lambda x: cnp.pad(x, ((2, 3), (1, 4)), mode="wrap"))(y),
        np.pad(y, ((2, 3), (1, 4)), mode="wrap"),
    )


def positions(rng, rows, columns):
    """A random expression of two ranges, which may wrap in a narrow dtype."""
    dtype = rng.choice(["int8", "uint8", "int16", "int32", "uint32"])
    x = cnp.arange(rows, dtype=dtype)[:, None]
    y = cnp.arange(columns, dtype=dtype)
    z = x + y if rng.random() < 0.7 else x - y
    for _ in range(rng.randint(0, 4)):
        n = rng.randint(0, 60)
        z = rng.choice(
            [
                lambda z, n=n: z + cnp.array(n, dtype),
                lambda z, n=n: cnp.array(n, dtype) - z,
                lambda z, n=n: z * cnp.array(n % 5, dtype),
                lambda z, n=n: cnp.minimum(z, cnp.array(n, dtype)),
                lambda z, n=n: cnp.maximum(cnp.array(n, dtype), z),
                lambda z, n=n: cnp.where(z < cnp.array(n, dtype), z, z + z),
                lambda z, n=n: z.astype("int8").astype(dtype),
                lambda z, n=n: z + x * cnp.array(n % 3, dtype),
            ]
        )(z)
    return z


@pytest.mark.parametrize("seed", range(120))
def test_computed_positions_are_those_of_evaluation(seed):
    rng = random.Random(seed)
    rows, columns = rng.choice([1, 3, 17, 40]), rng.choice([1, 2, 10, 33])
    size = rng.choice([5, 50, 300])
    x = np.arange(size, dtype="f")
    state = rng.getstate()

    def read(x):
        rng.setstate(state)
        at = positions(rng, rows, columns)
        mode = rng.choice(["clip", "fill", None])
        if rng.random() < 0.5:
            return x.at[at].get(mode=mode)
        return cnp.zeros(size).at[at].add(1.0, mode=rng.choice(["clip", "drop"])) * x

    want = np.asarray(read(cnp.asarray(x)))
    np.testing.assert_array_equal(cr.jit(read)(x), want)


def test_positions_that_ranges_add_up_to_are_read_along():
    window = lambda x: x[cnp.arange(90)[:, None] + cnp.arange(10)]
    assert "= a[i + j]" in text(window, VECTOR)
    assert np.array_equal(
        cr.jit(window)(VECTOR),
        np.lib.stride_tricks.sliding_window_view(VECTOR, 10)[:90],
    )


def test_the_rest_is_one_expression_also_where_sizes_are_told_apart():
    rows, columns = Tape([65, 65]).sizes()
    number(rows)  # found for the other while both are asked for what they are
    index = Index(0, (), loop_variable(7), None, columns)
    rest = index.rest
    with opaque():
        assert index.rest is rest
    forget()
