"""Singular values of matrices of at most 12 x 12, side by side in lanes."""

import numpy as np
import pytest

from chainrule.runtime import lapack
from tests.runtime.test_small_matrices import SIZES, everything, near, normals
from tests.runtime.test_small_orthogonal import wide_ranges

COUNT = 37


def transposed(x):
    return np.swapaxes(x, -1, -2)


def check(a, full=False, scale=1.0):
    """Vectors are orthonormal, values fall, and a = u s vh."""
    u, s, vh = lapack.svd(a, full)
    k = s.shape[-1]
    assert (np.diff(s) <= 0).all() and (s >= 0).all()
    for x in (u, transposed(vh)):
        near(transposed(x) @ x, np.eye(x.shape[-1]) + np.zeros((len(a), 1, 1)), a.dtype)
    near((u[..., :k] * (s / scale)[..., None, :]) @ vh[..., :k, :], a / scale, a.dtype)
    near(lapack.svd(a, compute_uv=False)[0] / scale, s / scale, a.dtype)
    return u, s, vh


@everything
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 12, 13])
def test_values_are_those_of_numpy(m, n, dtype):
    a = normals(COUNT, m, n, dtype=dtype)
    for full in (False, True):
        _, s, _ = check(a, full)
        near(s, np.linalg.svd(a.astype(np.float64), compute_uv=False), dtype)


@everything
@pytest.mark.parametrize("n", [2, 3, 6, 9, 12])
def test_matrices_of_less_than_full_rank_and_their_neighbours(n, dtype):
    a = normals(COUNT, n, n, dtype=dtype)
    a[0] = 0
    a[1] = np.eye(n)
    a[2] = np.arange(n)  # of rank 1
    a[3, :, -1] = a[3, :, 0]
    a[4, 0] = 0
    a[5] = np.diag(np.arange(n))
    a[6] = np.linalg.qr(a[6])[0]
    a[7] *= 2.0 ** -np.arange(0, 4 * n, 4)  # columns of very different lengths
    a[8] = a[7].T
    _, s, _ = check(a)
    near(s, np.linalg.svd(a.astype(np.float64), compute_uv=False), dtype)
    np.testing.assert_array_equal(s[0], 0)


@everything
def test_small_values_are_exact_where_columns_differ_in_size(dtype):
    """Rotations keep relative digits that bidiagonal forms lose."""
    sizes = dtype(10.0) ** -np.arange(0, 12, 3)
    a = normals(COUNT, 6, 4, dtype=dtype) * sizes
    (s,) = lapack.svd(a, compute_uv=False)
    wanted = np.stack([exact_values(x / sizes, sizes) for x in a.astype(np.float64)])
    np.testing.assert_allclose(s, wanted, rtol=100 * np.finfo(dtype).eps)


def exact_values(x, sizes):
    """Of x diag(sizes), of columns that shrink fast: by one-sided rotations in f64."""
    y = x * sizes.astype(np.float64)
    for _ in range(20):
        for p in range(y.shape[1]):
            for q in range(p + 1, y.shape[1]):
                low, high, product = (
                    y[:, p] @ y[:, p],
                    y[:, q] @ y[:, q],
                    y[:, p] @ y[:, q],
                )
                angle = np.arctan2(2 * product, low - high) / 2
                c, s = np.cos(angle), np.sin(angle)
                y[:, p], y[:, q] = c * y[:, p] + s * y[:, q], c * y[:, q] - s * y[:, p]
    return np.sort(np.linalg.norm(y, axis=0))[::-1]


@everything
@pytest.mark.parametrize("n", [2, 3, 4, 6, 9, 12])
def test_entries_of_very_different_sizes(n, dtype):
    for a in wide_ranges(n, dtype):
        a[:, 0, 0] = 1
        check(a.astype(dtype))


@everything
def test_sizes_near_the_ends_of_the_range(dtype):
    limits = np.finfo(dtype)
    a = normals(COUNT, 5, 4, dtype=dtype)
    a /= np.abs(a).max()
    for scale in (limits.max / 5, limits.tiny * 2**20):
        check(a * dtype(scale), scale=dtype(scale))


@everything
def test_matrices_that_are_not_finite_are_nan_and_others_are_not(dtype):
    a = normals(5, 4, 3, dtype=dtype)
    a[1, 2, 2], a[3, 1, 0] = np.nan, np.inf
    for result in (*lapack.svd(a, False), *lapack.svd(a, compute_uv=False)):
        found = np.isnan(result).all(tuple(range(1, result.ndim)))
        np.testing.assert_array_equal(found, [False, True, False, True, False])
        assert np.isfinite(result[[0, 2, 4]]).all()


@everything
@pytest.mark.parametrize("shape", [(2, 2), (5, 3), (3, 8), (12, 12)])
def test_a_matrix_does_not_depend_on_its_neighbours(shape, dtype):
    a = normals(300, *shape, dtype=dtype)
    a[::5] *= 0  # lanes that LAPACK is asked for
    together = lapack.svd(a, False)
    for k in range(0, 300, 7):
        for one, all in zip(lapack.svd(a[k], False), together):
            np.testing.assert_array_equal(one, all[k])
