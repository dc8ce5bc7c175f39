"""QR, products of reflections and the reductions by them satisfy their equations.

On all four dtypes, any batch and empty matrices, and as NumPy and SciPy have it.
"""

import numpy as np
import pytest
import scipy.linalg
from lapack_residuals import (
    SQUARE,
    adjoint,
    assert_all_nan,
    assert_equal,
    assert_orthonormal,
    every_batch,
    every_dtype,
    every_shape,
    positive_definite,
    random,
    real_type,
)

from chainrule.runtime import lapack


class TestQr:
    @every_dtype
    @every_batch
    @every_shape
    @pytest.mark.parametrize("full_matrices", [True, False])
    def test_product_and_orthonormality(self, dtype, batch, shape, full_matrices):
        a = random((*batch, *shape), dtype)
        q, r = lapack.qr(a, full_matrices)
        width = shape[0] if full_matrices else min(shape)
        assert q.shape == (*batch, shape[0], width)
        assert r.shape == (*batch, width, shape[1])
        assert_equal(q @ r, a)
        assert_orthonormal(q)
        np.testing.assert_array_equal(r, np.triu(r))
        if a.size:
            mode = "complete" if full_matrices else "reduced"
            assert_equal(r, np.linalg.qr(a, mode).R)

    @every_dtype
    def test_empty_matrices(self, dtype):
        q, r = lapack.qr(np.zeros((2, 3, 0), dtype))
        np.testing.assert_array_equal(q, [np.eye(3)] * 2)
        assert r.shape == (2, 3, 0)
        q, r = lapack.qr(np.zeros((2, 0, 3), dtype))
        assert q.shape == (2, 0, 0) and r.shape == (2, 0, 3)
        q, r = lapack.qr(np.zeros((3, 0), dtype), full_matrices=False)
        assert q.shape == (3, 0) and r.shape == (0, 0)

    @every_dtype
    def test_nan_spreads(self, dtype):
        q, r = lapack.qr(np.full((5, 5), np.nan, dtype))
        assert_all_nan(q, r[np.triu_indices(5)])

    @every_dtype
    @every_batch
    @every_shape
    def test_reflections_multiply_out_to_q(self, dtype, batch, shape):
        a = random((*batch, *shape), dtype)
        factors, taus = lapack.geqrf(a)
        k = min(shape)
        assert factors.shape == a.shape and taus.shape == (*batch, k)
        q = lapack.householder_product(factors[..., :k], taus)
        assert_orthonormal(q)
        assert_equal(q @ np.triu(factors[..., :k, :]), a)

    @every_dtype
    @every_batch
    @every_shape
    def test_pivoted_qr(self, dtype, batch, shape):
        a = random((*batch, *shape), dtype)
        factors, pivots, taus = lapack.geqp3(a)
        k = min(shape)
        assert pivots.shape == (*batch, shape[1]) and pivots.dtype == np.int32
        q = lapack.householder_product(factors[..., :k], taus)
        permuted = np.take_along_axis(a, pivots[..., None, :], -1)
        assert_equal(q @ np.triu(factors[..., :k, :]), permuted)
        diagonal = np.abs(np.diagonal(factors, axis1=-2, axis2=-1))
        assert (np.diff(diagonal) <= 1e-4).all()

    def test_pivots_of_empty_matrices_are_in_order(self):
        _, pivots, taus = lapack.geqp3(np.zeros((0, 3)))
        np.testing.assert_array_equal(pivots, [0, 1, 2])
        assert taus.shape == (0,)

    @every_dtype
    @every_batch
    @pytest.mark.parametrize("left", [True, False])
    @pytest.mark.parametrize("transpose", [True, False])
    def test_multiplying_by_q_without_forming_it(self, dtype, batch, left, transpose):
        factors, taus = lapack.geqrf(random((*batch, 6, 3), dtype))
        c = random((*batch, 6, 4) if left else (*batch, 4, 6), dtype, 1)
        whole = np.zeros((*batch, 6, 6), dtype)
        whole[..., :3] = factors
        q = lapack.householder_product(whole, taus)
        q = adjoint(q) if transpose else q
        product = lapack.ormqr(factors, taus, c, left, transpose)
        assert_equal(product, q @ c if left else c @ q)


class TestReductions:
    @every_dtype
    @every_batch
    @pytest.mark.parametrize("n", [0, *SQUARE])
    def test_hessenberg(self, dtype, batch, n):
        a = random((*batch, n, n), dtype)
        factors, taus = lapack.hessenberg(a)
        assert factors.shape == a.shape and taus.shape == (*batch, max(n - 1, 0))
        h = np.triu(factors, -1)
        q = np.zeros_like(a) + np.eye(n, dtype=dtype)
        if n > 1:
            q[..., 1:, 1:] = lapack.householder_product(factors[..., 1:, :-1], taus)
        assert_orthonormal(q)
        assert_equal(q @ h @ adjoint(q), a)
        if batch == () and n > 2:
            assert_equal(h, scipy.linalg.hessenberg(a))

    @every_dtype
    @every_batch
    @pytest.mark.parametrize("n", [0, *SQUARE])
    def test_tridiagonal(self, dtype, batch, n):
        x = random((*batch, n, n), dtype)
        a = x + adjoint(x)
        factors, d, e, taus = lapack.tridiagonal(a)
        assert d.dtype == e.dtype == real_type(dtype)
        assert d.shape == (*batch, n) and e.shape == taus.shape
        t = np.zeros_like(a)
        i = np.arange(n)
        t[..., i, i] = d
        t[..., i[1:], i[:-1]] = t[..., i[:-1], i[1:]] = e
        q = np.zeros_like(a) + np.eye(n, dtype=dtype)
        if n > 1:
            q[..., 1:, 1:] = lapack.householder_product(factors[..., 1:, :-1], taus)
        assert_equal(q @ t @ adjoint(q), a)

    def test_tridiagonal_of_the_upper_triangle_has_the_same_eigenvalues(self):
        a = positive_definite((6, 6), np.complex128)
        _, d, e, _ = lapack.tridiagonal(np.triu(a), lower=False)
        wanted = np.linalg.eigvalsh(a)
        np.testing.assert_allclose(scipy.linalg.eigvalsh_tridiagonal(d, e), wanted)
