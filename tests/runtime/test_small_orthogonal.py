"""QR factors and eigenvalues of matrices of at most 12 x 12, side by side in lanes."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg

from chainrule.runtime import lapack
from tests.runtime.test_small_matrices import SIZES, everything, near, normals

COUNT = 37


def transposed(x):
    return np.swapaxes(x, -1, -2)


def eigenvalues(a, lower=True):
    return lapack.eigh(a, lower, compute_v=False)[0]


def symmetric(count, n, dtype):
    x = normals(count, n, n, dtype=dtype)
    return x + transposed(x)


def check_eigh(a, lower=True, scale=1.0):
    """Vectors are orthonormal, and a v = v w."""
    w, v = lapack.eigh(a, lower)
    assert (np.diff(w) >= 0).all()
    near(transposed(v) @ v, np.broadcast_to(np.eye(a.shape[-1]), a.shape), a.dtype)
    near((a / scale) @ v, v * (w / scale)[..., None, :], a.dtype)
    return w, v


def check_qr(a, full):
    q, r = lapack.qr(a, full)
    near(
        transposed(q) @ q, np.eye(q.shape[-1]) + np.zeros_like(q[..., :1, :1]), a.dtype
    )
    near(q @ r, a, a.dtype)
    np.testing.assert_array_equal(r, np.triu(r))
    return q, r


@everything
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("lower", [True, False])
def test_eigenvalues_and_vectors_are_those_of_numpy(n, lower, dtype):
    a = symmetric(COUNT, n, dtype)
    w, v = check_eigh(a, lower)
    values, vectors = np.linalg.eigh(a.astype(np.float64))
    near(w, values, dtype)
    gaps = np.abs(values[:, :, None] - values[:, None]) + np.eye(n) * 9
    worst = np.abs(np.abs(v) - np.abs(vectors)).max(1)
    assert (worst <= 256 * n * np.finfo(dtype).eps / gaps.min(-1)).all()
    near(eigenvalues(a, lower), w, dtype)


@everything
@pytest.mark.parametrize("n", range(1, 13))
def test_vectors_have_the_signs_of_lapack(n, dtype):
    """Normal variates by `method="eigh"` depend on them. Rounding decides a few."""
    a = symmetric(200, n, dtype)
    by_lapack = scipy.linalg.get_lapack_funcs("syevd", (a,))
    for lower in (True, False):
        wanted = np.stack([by_lapack(x, lower=lower)[1] for x in a])
        differing = ((lapack.eigh(a, lower)[1] * wanted).sum(1) < 0).mean()
        assert differing <= (0.05 if dtype == np.float32 and n > 4 else 0)


@everything
@pytest.mark.parametrize("n", [2, 3, 5, 8, 12])
def test_only_one_triangle_is_read(n, dtype):
    a = symmetric(COUNT, n, dtype)
    for lower in (True, False):
        kept = np.tril(a) if lower else np.triu(a)
        for one, other in zip(lapack.eigh(kept, lower), lapack.eigh(a, lower)):
            np.testing.assert_array_equal(one, other)


@everything
@pytest.mark.parametrize("n", [2, 3, 6, 9, 12])
def test_matrices_that_fall_apart(n, dtype):
    rng = np.random.default_rng(n)
    a = symmetric(COUNT, n, dtype)
    a[0] = 0
    a[1] = np.eye(n)
    a[2] = np.diag(rng.permutation(n))
    a[3] = 1  # of rank 1
    for k in range(4, COUNT):  # blocks on the diagonal, some of them alike
        end = rng.integers(0, n + 1)
        a[k, :end, end:] = a[k, end:, :end] = 0
        if k % 3 == 0 and 2 * end <= n:
            a[k, end : 2 * end, end : 2 * end] = a[k, :end, :end]
            a[k, end : 2 * end, 2 * end :] = a[k, 2 * end :, end : 2 * end] = 0
    w, _ = check_eigh(a)
    near(w, np.linalg.eigvalsh(a.astype(np.float64)), dtype)
    np.testing.assert_array_equal(w[2], np.arange(n))


@everything
@pytest.mark.parametrize("n", [3, 8])
def test_sizes_near_the_ends_of_the_range(n, dtype):
    limits = np.finfo(dtype)
    a = symmetric(7, n, dtype)
    a /= np.abs(a).max()
    for scale in (limits.max / n, limits.tiny * 2**20, limits.tiny):
        scaled = (a * dtype(scale)).astype(dtype)
        w, _ = check_eigh(scaled, scale=dtype(scale))
        near(w / dtype(scale), eigenvalues(a), dtype, scale=2)
        q, r = lapack.qr(scaled)
        near(q @ (r / dtype(scale)), scaled / dtype(scale), dtype, scale=2)


def wide_ranges(n, dtype, count=400):
    """Matrices whose entries have very different sizes: graded, wild, hollow, kernels."""
    rng, least = np.random.default_rng(n), np.finfo(dtype).tiny
    yield np.exp(
        -((rng.uniform(0, 40, (count, n, 1)) - rng.uniform(0, 40, (count, 1, n))) ** 2)
    )
    for depth in (0.2, 0.6, 0.95):
        sizes = least ** (depth * rng.uniform(0, 1, (count, n)))
        graded = sizes[:, :, None] * rng.standard_normal((count, n, n)) * sizes[:, None]
        graded[:, 0, 0] = 1
        yield graded
        yield least ** (depth * rng.uniform(0, 1, (count, n, n))) * rng.choice(
            [-1, 0, 1], (count, n, n)
        )


@everything
@pytest.mark.parametrize("n", [2, 3, 4, 6, 9, 12])
def test_entries_of_very_different_sizes(n, dtype):
    for a in wide_ranges(n, dtype):
        lower = np.tril(a)
        lower[:, 0, 0] = 1
        hollow = lower * (1 - np.eye(n))
        hollow[:, 1, 0] = 1
        for x in (lower, hollow):
            whole = x + transposed(np.tril(x, -1))
            check_eigh(whole.astype(dtype))
            check_qr(whole.astype(dtype), True)


@everything
def test_small_blocks_keep_their_digits(dtype):
    """A part that is apart is as exact as it would be alone."""
    small = symmetric(5, 3, dtype)
    a = np.zeros((5, 6, 6), dtype)
    for size in (1e-6, 1e-18):
        a[:, :3, :3], a[:, 3:, 3:] = np.eye(3) / size, small * dtype(size)
        near(eigenvalues(a)[:, :3] / dtype(size), np.linalg.eigvalsh(small), dtype)


@everything
def test_matrices_that_are_not_finite_are_nan_and_others_are_not(dtype):
    a = symmetric(5, 4, dtype)
    a[1, 2, 2], a[3, 1, 0], a[4, 0, 1] = np.nan, np.inf, -np.inf
    for result in (*lapack.eigh(a), eigenvalues(a)):
        found = np.isnan(result).all(tuple(range(1, result.ndim)))
        np.testing.assert_array_equal(found, [False, True, False, True, True])
        assert np.isfinite(result[[0, 2]]).all()


@everything
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 12, 13])
def test_qr_factors_have_the_signs_of_lapack(m, n, dtype):
    a = normals(COUNT, m, n, dtype=dtype)
    for full in (False, True):
        q, r = check_qr(a, full)
        wanted = np.linalg.qr(a.astype(np.float64), "complete" if full else "reduced")
        grown = np.linalg.cond(a[..., : min(m, n)]).max()
        near(r, wanted.R, dtype, scale=grown)
        near(q, wanted.Q, dtype, scale=grown)


@everything
def test_qr_of_columns_of_zeros(dtype):
    a = normals(3, 4, 3, dtype=dtype)
    a[0], a[1, :, 0], a[2, 1:] = 0, 0, 0
    q, r = check_qr(a, True)
    np.testing.assert_array_equal(q[0], np.eye(4))
    np.testing.assert_array_equal(r[2, 0], a[2, 0])


@everything
def test_what_is_not_finite_spoils_the_columns_behind_it(dtype):
    a = normals(2, 3, 3, dtype=dtype)
    a[0, 1, 1], a[1, 2, 2] = np.nan, np.inf
    wanted = np.linalg.qr(a)
    for one, other in zip(lapack.qr(a, False), (wanted.Q, wanted.R)):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@everything
@pytest.mark.parametrize("n", [2, 5, 8, 12])
def test_a_matrix_does_not_depend_on_its_neighbours(n, dtype):
    a = symmetric(COUNT, n, dtype)
    a[::5] *= 0  # lanes that have finished long before others
    for function in (lapack.eigh, lapack.qr):
        together = function(a)
        for k in range(COUNT):
            for one, all in zip(function(a[k]), together):
                np.testing.assert_array_equal(one, all[k])


@pytest.mark.parametrize("size", [16, 32])
def test_narrower_vectors_do_the_same(size):
    """Processors without AVX-512 have code of their own, for vectors of fewer lanes."""
    files = (
        "test_small_matrices.py",
        "test_small_orthogonal.py",
        "test_small_singular.py",
    )
    folder = os.path.dirname(__file__)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p",
         "no:xdist", "-k", "not narrower", *(os.path.join(folder, f) for f in files)],
        env={**os.environ, "CHAINRULE_VECTOR_BYTES": str(size)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
