"""Compiled ragged products: those of each group, whatever the sizes of the groups are."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax

from .native import assert_close, run

rng = np.random.default_rng(23)


def array(*shape, dtype="float32"):
    if dtype.startswith("int"):
        return cnp.asarray(rng.integers(-9, 9, shape).astype(dtype))
    return cnp.asarray(rng.standard_normal(shape)).astype(dtype)


def groups(rows, count):
    """Sizes of so many groups, some of them empty; not all rows need belong to one."""
    cuts = np.sort(rng.integers(0, rows + 1, count))
    return cnp.asarray(np.diff(cuts, prepend=0).astype(np.int32))


def by_groups(x, y, sizes):
    """Each group by itself."""
    x, y = (np.asarray(v, np.float64) for v in (x, y))
    out, start = np.zeros((x.shape[0], y.shape[2])), 0
    for size, matrix in zip(np.asarray(sizes), y):
        out[start : start + size] = x[start : start + size] @ matrix
        start += size
    return out


@pytest.mark.parametrize(
    ("rows", "k", "n", "count"),
    [(1, 3, 2, 1), (7, 5, 9, 3), (300, 17, 33, 5), (1000, 64, 40, 8), (600, 1, 1, 700)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32"])
def test_rows_meet_the_matrix_of_their_group(rows, k, n, count, dtype):
    with cr.enable_x64(True):
        x, y = array(rows, k, dtype=dtype), array(count, k, n, dtype=dtype)
        for sizes in (groups(rows, count), cnp.zeros(count, "int32")):
            (found,) = run(lax.ragged_dot, x, y, sizes)
            assert found.dtype == dtype
            want = by_groups(x, y, sizes)
            rtol = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 1e-2}.get(dtype, 0)
            scale = np.abs(want).max(initial=0)
            np.testing.assert_allclose(
                found.astype(np.float64), want, rtol, rtol * scale
            )


def test_groups_beyond_the_rows():
    x, y = array(5, 3), array(4, 3, 2)
    for sizes in ([2, 9, 1, 1], [5, 0, 0, 3], [0, 0, 7, 0]):
        assert_close(lax.ragged_dot, x, y, cnp.asarray(sizes, "int32"))


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_gradients(dtype):
    x, y, sizes = array(400, 12), array(5, 12, 20), groups(400, 5)
    if dtype == "complex64":
        x, y = x + 1j * array(400, 12), y + 1j * array(5, 12, 20)

    def loss(x, y):
        return (cnp.abs(lax.ragged_dot(x, y, sizes)) ** 2).sum()

    for found, wanted in zip(
        run(cr.grad(loss, (0, 1)), x, y), cr.grad(loss, (0, 1))(x, y)
    ):
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, 1e-4, 1e-5 * scale)


def test_loops_and_batches():
    x, y, sizes = array(40, 6), array(3, 6, 6) / 4, groups(40, 3)
    step = lambda _, x: cnp.tanh(lax.ragged_dot(x, y, sizes)) + x
    assert_close(lambda x: lax.fori_loop(0, 4, step, x), x)
    xs = array(3, 40, 6)
    assert_close(cr.vmap(lax.ragged_dot, (0, None, None)), xs, y, sizes)
    assert_close(cr.vmap(lax.ragged_dot, (None, 0, None)), x, array(3, 3, 6, 4), sizes)
    assert_close(cr.vmap(lax.ragged_dot), xs, array(3, 3, 6, 4), cnp.stack([sizes] * 3))


def test_operands_that_are_computed():
    x, y, sizes = array(50, 6), array(3, 7, 6), groups(50, 3)
    turned = lambda x, y, s: lax.ragged_dot(cnp.sin(x), y.swapaxes(1, 2) * 2, s + 0)
    assert_close(turned, x, y, sizes)
    assert_close(
        lambda x, y, s: lax.ragged_dot(x.T, y.swapaxes(1, 2), s), x.T, y, sizes
    )


def test_bits_do_not_depend_on_the_number_of_threads():
    x, y, sizes = array(2000, 40), array(6, 40, 50), groups(2000, 6)
    f = cr.jit(cr.grad(lambda x, y: (lax.ragged_dot(x, y, sizes) ** 2).sum(), (0, 1)))
    former, bits = cr.get_num_threads(), set()
    try:
        for count in (1, 2, 3):
            cr.set_num_threads(count)
            bits.add(b"".join(np.asarray(g).tobytes() for g in f(x, y)))
    finally:
        cr.set_num_threads(former)
    assert len(bits) == 1


def test_new_sizes_are_filled_in():
    f = cr.jit(lax.ragged_dot)
    for rows in (5, 8, 21, 300, 700):
        x, y, sizes = array(rows, 6), array(3, 6, 8), groups(rows, 3)
        np.testing.assert_allclose(f(x, y, sizes), by_groups(x, y, sizes), 1e-4, 1e-4)
