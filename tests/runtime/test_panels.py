"""LU, QR and triangular systems of larger matrices, which threads make by panels.

Sizes stand around those of vectors, panels and the first matrices that are divided. The
bits depend neither on the threads, nor on how many matrices there are, nor on compilation.
"""

import itertools

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
from chainrule.runtime import _native as native
from chainrule.runtime import lapack

DTYPES = [np.float32, np.float64]
SIZES = [16, 17, 24, 31, 40, 64, 65, 96, 97, 127, 128, 129, 160, 191, 200, 256, 321]
SHAPES = [(n, n) for n in SIZES] + [(200, 130), (130, 200), (1000, 129), (129, 300)]
SHAPES += [(50, 33), (17, 100), (300, 16), (2000, 20)]
SIDES = [1, 3, 4, 8, 9, 16, 17, 33, 64, 65, 130]


def name(dtype):
    return np.dtype(dtype).name


def drawn(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def steep(m, n, dtype):
    """Columns of very different lengths."""
    return drawn(m, n, dtype=dtype) * np.logspace(-12, 12, n).astype(dtype)


def assert_columns_close(found, wanted, factor, dtype):
    """Columnwise: each may be as short as it likes."""
    error = np.abs(found.astype(np.float64) - wanted).max(0)
    limit = factor * np.finfo(dtype).eps * np.abs(wanted.astype(np.float64)).max(0)
    assert (error <= limit).all(), (error / limit).max()


@pytest.mark.parametrize("make", [drawn, steep])
@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_lu_multiplies_to_the_permuted_matrix(dtype, make, threads):
    for m, n in SHAPES:
        a = make(m, n, dtype=dtype)
        factors, pivots, permutation = lapack.lu(a)
        k = min(m, n)
        lower, upper = np.tril(factors[:, :k], -1) + np.eye(m, k), np.triu(factors[:k])
        assert np.abs(lower).max() == 1
        assert_columns_close(lower @ upper, a[permutation], 64, dtype)
        rows = np.arange(m)
        for i, pivot in enumerate(pivots):
            rows[[i, pivot]] = rows[[pivot, i]]
        assert (rows == permutation).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_pivots_are_the_first_of_the_largest(dtype):
    for n in (128, 192, 300):
        a = drawn(n, n, dtype=dtype)
        found, wanted = lapack.lu(a)[1], scipy.linalg.lu_factor(a)[1]
        assert (found[:24] == wanted[:24]).all()
        a[:, 0] = np.sign(a[:, 0])
        a[: n // 3, 0] = 0.5
        assert lapack.lu(a)[1][0] == n // 3


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_lu_of_what_has_no_pivots(dtype, threads):
    for n in (128, 200):
        zeros = np.zeros((n, n), dtype)
        factors, pivots, permutation = lapack.lu(zeros)
        assert not factors.any() and (pivots == np.arange(n)).all()
        assert np.isnan(lapack.solve(zeros, np.ones((n, 2), dtype))).all()
        for value in (np.nan, np.inf):
            a = drawn(n, n, dtype=dtype)
            a[70, 3] = value
            factors, pivots, permutation = lapack.lu(a)
            assert sorted(permutation) == list(range(n))
            a[:] = np.nan
            assert (lapack.lu(a)[1] == np.arange(n)).all()


@pytest.mark.parametrize("tiny", [1e-44, 1e-39])
def test_tiny_pivots_divide(tiny):
    a = drawn(160, 160, dtype=np.float32)
    a[:, 0] = tiny * np.linspace(0, 1, 160)
    factors, _, permutation = lapack.lu(a)
    wanted = a[permutation, 0] / factors[0, 0]
    assert np.array_equal(factors[1:, 0], wanted[1:])


@pytest.mark.parametrize("make", [drawn, steep])
@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_qr_multiplies_to_the_matrix(dtype, make, threads):
    for (m, n), full in itertools.product(SHAPES, (False, True)):
        a = make(m, n, dtype=dtype)
        q, r = lapack.qr(a, full_matrices=full)
        eye = np.eye(q.shape[1])
        assert np.abs(q.T @ q - eye).max() < 64 * np.finfo(dtype).eps
        assert not np.tril(r, -1).any()
        assert_columns_close(q @ r, a, 64, dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_reflections_are_those_of_lapack(dtype):
    for m, n in SHAPES:
        a = drawn(m, n, dtype=dtype)
        factors, taus = lapack.geqrf(a)
        (wanted, scales), _ = scipy.linalg.qr(a.astype(np.float64), mode="raw")
        limit = 4 * n * np.finfo(dtype).eps
        assert np.abs(factors - wanted).max() < limit * np.abs(wanted).max()
        assert np.abs(taus - scales).max() < limit
        width = min(m, n)
        q = lapack.householder_product(np.ascontiguousarray(factors[:, :width]), taus)
        assert np.abs(q - lapack.qr(a, full_matrices=False)[0]).max() < limit


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_qr_of_columns_whose_squares_overflow_or_vanish(dtype, threads):
    limits = np.finfo(dtype)
    for scale in (0, limits.tiny, limits.tiny * 1e10, limits.max / 1e4):
        a = drawn(200, 150, dtype=dtype)
        a[:, 40] *= scale
        a[:, 120] = 0
        q, r = lapack.qr(a, full_matrices=False)
        assert np.abs(q.T @ q - np.eye(150)).max() < 64 * limits.eps
        assert_columns_close(q.astype(np.float64) @ r, a, 64, dtype)
    a[3, 70] = np.nan
    assert np.isnan(lapack.qr(a)[1]).any()


@pytest.mark.parametrize("trans", "NT")
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_triangular_systems(dtype, lower, trans, threads):
    for n, unit in itertools.product((31, 32, 33, 64, 65, 150, 257), (False, True)):
        a = drawn(n, n, dtype=dtype) / n + np.eye(n, dtype=dtype)
        triangle = np.tril(a) if lower else np.triu(a)
        unused = np.where(np.tri(n, k=0 if lower else -1) == lower, a, np.nan)
        for sides, left in itertools.product(SIDES, (True, False)):
            b = drawn(*((n, sides) if left else (sides, n)), dtype=dtype)
            x = lapack.triangular_solve(
                unused.astype(dtype), b, lower, trans, unit, left_side=left
            )
            full = triangle.astype(np.float64)
            if unit:
                np.fill_diagonal(full, 1)
            full = full.T if trans == "T" else full
            residual = full @ x - b if left else x @ full - b
            limit = 64 * np.finfo(dtype).eps * max(1, np.abs(x).max())
            assert np.abs(residual).max() < limit, (n, sides, left, unit)


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_systems(dtype, threads):
    for n, sides in itertools.product((96, 127, 128, 200), SIDES):
        a, b = drawn(n, n, dtype=dtype), drawn(n, sides, dtype=dtype)
        a += np.eye(n, dtype=dtype) * n**0.5 * 3
        x = lapack.solve(a, b)
        factors, _, permutation = lapack.lu(a)
        y = lapack.lu_solve(factors, permutation, b)
        z = lapack.lu_solve(factors, permutation, b, transposed=True)
        limit = 256 * np.finfo(dtype).eps
        assert np.abs(a @ x - b).max() < limit
        assert np.abs(a @ y - b).max() < limit
        assert np.abs(a.T @ z - b).max() < limit


@pytest.mark.parametrize("dtype", DTYPES, ids=name)
def test_bits_do_not_depend_on_who_asks(dtype):
    before = native.get_num_threads()
    linalg = cr.numpy.linalg
    programs = {
        "lu": (lapack.lu, cr.jit(cr.lax.linalg.lu)),
        "qr": (lapack.qr, cr.jit(linalg.qr)),
        "solve": (lambda a: lapack.solve(a, a[::-1].copy()), None),
        "expm": (lapack.expm, cr.jit(cr.scipy.linalg.expm)),
    }
    for n, (eager, compiled) in itertools.product((130, 300), programs.values()):
        stack = np.stack([drawn(n, n, dtype=dtype, seed=seed) / n for seed in range(3)])
        found = set()
        for count in (1, 2, 5):
            native.set_num_threads(count)
            each = [eager(a) for a in stack]
            found.add(bits(each))
            if compiled:
                with cr.enable_x64(True):
                    found.add(bits([compiled(a) for a in stack]))
        native.set_num_threads(before)
        assert len(found) == 1, n


def bits(results):
    return b"".join(
        np.asarray(part).tobytes()
        for result in results
        for part in (result if isinstance(result, (tuple, list)) else [result])
    )
