"""Cholesky factors of larger matrices, which threads make in tiles.

Sizes stand around those of tiles and around the first that is divided. The bits depend
neither on the threads, nor on how many matrices there are, nor on compilation.
"""

import numpy as np
import pytest

import chainrule as cr
from chainrule.runtime import _native as native
from chainrule.runtime import lapack

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
SIZES = [191, 192, 193, 255, 256, 257, 320, 767, 768, 897]


def name(dtype):
    return np.dtype(dtype).name


def positive(n, dtype, seed=0):
    """A Hermitian positive definite matrix."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((n, n))
    return (x @ x.conj().T / n + np.eye(n)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_factors_multiply_to_the_matrix(dtype, threads):
    for n in SIZES:
        a = positive(n, dtype)
        factor = lapack.cholesky(a)
        assert not np.triu(factor, 1).any(), n
        diagonal = np.diagonal(factor)
        assert (diagonal.real > 0).all() and not diagonal.imag.any(), n
        error = np.abs(factor @ factor.conj().T - a).max()
        assert error < 16 * np.finfo(dtype).eps * np.abs(a).max(), n


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_bits_do_not_depend_on_who_asks(dtype):
    before = native.get_num_threads()
    compiled = cr.jit(cr.numpy.linalg.cholesky)
    for n in (192, 300, 800):
        stack = np.stack([positive(n, dtype, seed) for seed in range(3)])
        found = set()
        for count in (1, 2, 5):
            native.set_num_threads(count)
            with cr.enable_x64(True):
                found.add(np.asarray(compiled(stack)).tobytes())
            found.add(b"".join(lapack.cholesky(a).tobytes() for a in stack))
            found.add(lapack.cholesky(stack).tobytes())
        native.set_num_threads(before)
        assert len(found) == 1, n


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
@pytest.mark.parametrize("place", [0, 63, 64, 130, 298, 299])
def test_a_matrix_without_factors_is_nan(dtype, place, threads):
    stack = np.stack([positive(300, dtype, seed) for seed in range(3)])
    wanted = lapack.cholesky(stack)
    stack[1, place, place] = -1
    found = lapack.cholesky(stack)
    assert np.isnan(found[1][np.tril_indices(300)]).all()
    assert not found[1][np.triu_indices(300, 1)].any()
    assert found[0].tobytes() == wanted[0].tobytes()
    assert found[2].tobytes() == wanted[2].tobytes()


def test_the_upper_triangle_is_not_read(threads):
    a = positive(257, np.float64)
    odd = np.where(np.tri(257, dtype=bool), a, np.nan)
    assert np.array_equal(lapack.cholesky(odd), lapack.cholesky(a))


def test_what_is_nearly_singular(threads):
    n = 400
    scales = np.logspace(0, -11, n)
    x = np.random.default_rng(4).standard_normal((n, n))
    q = np.linalg.qr(x)[0]
    a = (q * scales) @ q.T
    a = (a + a.T) / 2
    factor = lapack.cholesky(a)
    assert np.abs(factor @ factor.T - a).max() < 16 * np.finfo(np.float64).eps
