"""Eigenvalues, Schur forms and singular values satisfy their equations.

On all four dtypes, any batch and empty matrices, and as NumPy has it; matrices with
values that are not finite give NaN.
"""

import mpmath as mp
import numpy as np
import pytest
from lapack_residuals import (
    adjoint,
    assert_all_nan,
    assert_equal,
    assert_orthonormal,
    every_batch,
    every_dtype,
    every_shape,
    every_size,
    positive_definite,
    random,
    real_type,
)

from chainrule.runtime import lapack


class TestEigh:
    @every_dtype
    @every_batch
    @every_size
    @pytest.mark.parametrize("lower", [True, False])
    def test_eigenpairs(self, dtype, batch, n, lower):
        x = random((*batch, n, n), dtype)
        a = x + adjoint(x)
        w, v = lapack.eigh(np.tril(a) if lower else np.triu(a), lower)
        assert w.dtype == real_type(dtype) and w.shape == (*batch, n)
        assert_orthonormal(v)
        assert_equal((v * w[..., None, :]).astype(dtype), a @ v)
        assert (np.diff(w) >= 0).all()
        assert_equal(w, np.linalg.eigvalsh(a))
        (only,) = lapack.eigh(a, compute_v=False)
        assert_equal(only, w)

    @every_dtype
    def test_empty_matrices(self, dtype):
        w, v = lapack.eigh(np.zeros((2, 0, 0), dtype))
        assert w.shape == (2, 0) and v.shape == (2, 0, 0)


class TestEig:
    @every_dtype
    @every_batch
    @every_size
    def test_left_and_right_eigenpairs(self, dtype, batch, n):
        a = random((*batch, n, n), dtype)
        w, vl, vr = lapack.eig(a, left=True, right=True)
        assert w.dtype == np.result_type(dtype, np.complex64)
        assert_equal(a.astype(w.dtype) @ vr, vr * w[..., None, :])
        assert_equal(adjoint(vl) @ a.astype(w.dtype), w[..., None] * adjoint(vl))
        for v in (vl, vr):
            norms = np.linalg.norm(v, axis=-2)
            assert_equal(norms, np.ones_like(norms))

    @every_dtype
    def test_only_what_is_asked_for_is_returned(self, dtype):
        a = random((4, 4), dtype)
        _w, vl, vr = lapack.eig(a, left=True, right=True)
        assert [len(lapack.eig(a, left, False)) for left in (False, True)] == [1, 2]
        np.testing.assert_allclose(lapack.eig(a, True, False)[1], vl, rtol=1e-3)
        np.testing.assert_allclose(lapack.eig(a)[1], vr, rtol=1e-3)

    def test_complex_pairs_of_a_rotation(self):
        (w,) = lapack.eig(np.array([[0.0, -1.0], [1.0, 0.0]]), right=False)
        np.testing.assert_array_equal(w, [1j, -1j])

    @every_dtype
    def test_empty_matrices(self, dtype):
        w, vr = lapack.eig(np.zeros((0, 0), dtype))
        assert w.shape == (0,) and vr.shape == (0, 0)


class TestSchur:
    @every_dtype
    @every_batch
    @every_size
    def test_product_and_form(self, dtype, batch, n):
        a = random((*batch, n, n), dtype)
        t, v = lapack.schur(a)
        assert_orthonormal(v)
        assert_equal(v @ t @ adjoint(v), a)
        below = np.diagonal(t, -1, axis1=-2, axis2=-1)
        if np.iscomplexobj(a):
            assert not below.any()
        assert not np.tril(t, -2).any()
        assert not (below[..., 1:] * below[..., :-1]).any()
        (only,) = lapack.schur(a, compute_v=False)
        assert_equal(only, t, factor=100)

    @every_dtype
    def test_empty_matrices(self, dtype):
        t, v = lapack.schur(np.zeros((2, 0, 0), dtype))
        assert t.shape == v.shape == (2, 0, 0)


class TestSvd:
    @every_dtype
    @every_batch
    @every_shape
    @pytest.mark.parametrize("full_matrices", [True, False])
    @pytest.mark.parametrize("algorithm", ["rotate", "divide", "qr"])
    def test_product_and_orthonormality(
        self, dtype, batch, shape, full_matrices, algorithm
    ):
        a = random((*batch, *shape), dtype)
        u, s, vh = lapack.svd(a, full_matrices, algorithm=algorithm)
        (m, n), k = shape, min(shape)
        assert u.shape == (*batch, m, m if full_matrices else k)
        assert vh.shape == (*batch, n if full_matrices else k, n)
        assert s.shape == (*batch, k) and s.dtype == real_type(dtype)
        assert_equal((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a)
        assert_orthonormal(u)
        assert_orthonormal(adjoint(vh))
        assert (np.diff(s) <= 0).all()
        assert_equal(s, np.linalg.svd(a, compute_uv=False))
        (only,) = lapack.svd(a, compute_uv=False, algorithm=algorithm)
        assert_equal(only, s)

    @every_dtype
    def test_empty_matrices(self, dtype):
        u, s, vh = lapack.svd(np.zeros((2, 3, 0), dtype))
        np.testing.assert_array_equal(u, [np.eye(3)] * 2)
        assert s.shape == (2, 0) and vh.shape == (2, 0, 0)
        u, s, vh = lapack.svd(np.zeros((0, 3), dtype), full_matrices=False)
        assert u.shape == (0, 0) and s.shape == (0,) and vh.shape == (0, 3)

    @every_dtype
    def test_rank_one_matrix(self, dtype):
        a = np.ones((6, 4), dtype)
        _, s, _ = lapack.svd(a)
        assert_equal(s, np.array([np.sqrt(24), 0, 0, 0], real_type(dtype)))


MATRICES = {
    "one column": lambda n: random((3 * n, 1), np.float64),
    "one row": lambda n: random((1, n), np.float64),
    "much longer than wide": lambda n: random((9 * n, n), np.float64),
    "much wider than long": lambda n: random((n, 9 * n), np.float64),
    "triangular": lambda n: np.triu(random((n, n), np.float64)),
    "symmetric": lambda n: positive_definite((n, n), np.float64),
    "diagonal, falling": lambda n: np.diag(0.5 ** np.arange(n)),
    "of half the rank": lambda n: (
        random((n, n // 2), np.float64) @ random((n // 2, n), np.float64)
    ),
    "badly conditioned": lambda n: 1 / (np.arange(n)[:, None] + np.arange(n) + 1.0),
    "of equal values": lambda n: np.linalg.qr(random((2 * n, n), np.float64))[0],
    "of ones": lambda n: np.ones((n, n)),
    "of zeros": lambda n: np.zeros((n, n + 2)),
}


class TestSvdByRotations:
    """Small real matrices; beside singular ones LAPACK takes over."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("n", [2, 3, 8, 17, 48, 49])
    @pytest.mark.parametrize("kind", MATRICES)
    def test_product_and_orthonormality(self, kind, n, dtype):
        a = MATRICES[kind](n).astype(dtype)
        u, s, vh = lapack.svd(a, full_matrices=False)
        assert_equal((u * s) @ vh, a)
        assert_orthonormal(u)
        assert_orthonormal(vh.T)
        assert (np.diff(s) <= 0).all()
        assert_equal(
            s, np.linalg.svd(a.astype(np.float64), compute_uv=False).astype(dtype)
        )
        (only,) = lapack.svd(a, compute_uv=False)
        assert_equal(only, s)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(5, 5), (40, 7), (7, 40)])
    def test_sizes_at_the_ends_of_the_range(self, shape, dtype):
        x, limits = random(shape, np.float64) / 8, np.finfo(dtype)
        for factor in (float(limits.max) / 64, float(limits.tiny) * 64):
            u, s, vh = lapack.svd((x * factor).astype(dtype), full_matrices=False)
            assert_equal((u * (s / dtype(factor))) @ vh, x.astype(dtype))
            assert_orthonormal(u)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_small_values_keep_their_digits(self, dtype):
        """Of a matrix whose rows have sizes of their own (Demmel and Veselic)."""
        sizes = 10.0 ** -np.arange(0, 12, 2)
        a = (sizes[:, None] * (random((6, 7), np.float64) + 4 * np.eye(6, 7))).astype(
            dtype
        )
        _, s, _ = lapack.svd(a.T.copy())
        with mp.workdps(60):
            exact = mp.svd_r(mp.matrix(a.astype(np.float64).tolist()), compute_uv=False)
        exact = np.array([float(v) for v in exact])
        np.testing.assert_allclose(s, exact, rtol=50 * np.finfo(dtype).eps)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_matrix_does_not_depend_on_its_neighbours(self, dtype):
        a = random((7, 9, 4), dtype)
        for found, want in zip(
            lapack.svd(a[3], full_matrices=False),
            lapack.svd(a, full_matrices=False),
            strict=True,
        ):
            np.testing.assert_array_equal(found, want[3])


@every_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("n", [1, 3, 40])
@pytest.mark.parametrize("function", ["eigh", "eig", "schur", "svd"])
def test_values_that_are_not_finite_give_nan_for_their_matrix_alone(
    function, dtype, bad, n
):
    a = np.stack([np.eye(n), np.eye(n), np.eye(n)]).astype(dtype)
    a[1, -1, 0] = bad
    for result in getattr(lapack, function)(a):
        assert_all_nan(result[1])
        assert np.isfinite(result[[0, 2]]).all()
