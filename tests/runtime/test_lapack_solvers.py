"""Cholesky, LU and the solvers of linear systems satisfy their equations.

On all four dtypes, any batch and empty matrices, and as NumPy and SciPy have it.
"""

import numpy as np
import pytest
import scipy.linalg
from lapack_residuals import (
    adjoint,
    assert_all_nan,
    assert_equal,
    every_batch,
    every_dtype,
    every_shape,
    every_size,
    positive_definite,
    random,
)

from chainrule.runtime import lapack


class TestCholesky:
    @every_dtype
    @every_batch
    @every_size
    def test_factor_reproduces_the_matrix(self, dtype, batch, n):
        a = positive_definite((*batch, n, n), dtype)
        factor = lapack.cholesky(a)
        assert_equal(factor @ adjoint(factor), a)
        np.testing.assert_array_equal(factor, np.tril(factor))
        if a.size:
            assert_equal(factor, np.linalg.cholesky(a))

    @every_dtype
    def test_only_the_lower_triangle_is_read(self, dtype):
        a = positive_definite((5, 5), dtype)
        spoiled = np.where(np.tril(np.ones((5, 5), bool)), a, np.nan).astype(dtype)
        np.testing.assert_array_equal(lapack.cholesky(spoiled), lapack.cholesky(a))

    @every_dtype
    @every_size
    def test_indefinite_matrix_of_a_batch_gives_nan_alone(self, dtype, n):
        a = np.stack([np.eye(n), -np.eye(n), 4 * np.eye(n)]).astype(dtype)
        factor = lapack.cholesky(a)
        np.testing.assert_array_equal(factor[[0, 2]], np.sqrt(a[[0, 2]]))
        assert_all_nan(factor[1][np.tril_indices(n)])
        assert not factor[1][np.triu_indices(n, 1)].any()


class TestTriangularSolve:
    @every_dtype
    @every_batch
    @pytest.mark.parametrize("lower", [True, False])
    @pytest.mark.parametrize("trans", "NTC")
    @pytest.mark.parametrize("left_side", [True, False])
    @pytest.mark.parametrize("unit_diagonal", [True, False])
    def test_solution_satisfies_the_equation(
        self, dtype, batch, lower, trans, left_side, unit_diagonal
    ):
        n, k = 6, 4
        a = positive_definite((*batch, n, n), dtype) / dtype(3 * n)
        b = random((*batch, n, k) if left_side else (*batch, k, n), dtype)
        x = lapack.triangular_solve(a, b, lower, trans, unit_diagonal, left_side)
        matrix = np.tril(a) if lower else np.triu(a)
        if unit_diagonal:
            matrix = matrix * (1 - np.eye(n, dtype=dtype)) + np.eye(n, dtype=dtype)
        if trans != "N":
            matrix = adjoint(matrix) if trans == "C" else matrix.swapaxes(-1, -2)
        assert_equal(matrix @ x if left_side else x @ matrix, b, factor=50)

    @every_dtype
    @pytest.mark.parametrize("n", [1, 40, 130])
    def test_agrees_with_scipy(self, dtype, n):
        a, b = positive_definite((n, n), dtype), random((n, 3), dtype)
        wanted = scipy.linalg.solve_triangular(a, b, lower=True)
        assert_equal(lapack.triangular_solve(a, b), wanted)

    @every_dtype
    def test_zero_on_the_diagonal_gives_values_that_are_not_finite(self, dtype):
        x = lapack.triangular_solve(np.zeros((2, 2), dtype), np.ones((2, 1), dtype))
        assert not np.isfinite(x).any()

    @every_dtype
    @pytest.mark.parametrize("n, k", [(0, 3), (3, 0), (0, 0)])
    def test_empty_matrices(self, dtype, n, k):
        a, b = np.ones((2, n, n), dtype), np.ones((2, n, k), dtype)
        assert lapack.triangular_solve(a, b).shape == (2, n, k)


class TestLu:
    @every_dtype
    @every_batch
    @every_shape
    def test_factors_reproduce_the_permuted_matrix(self, dtype, batch, shape):
        a = random((*batch, *shape), dtype)
        factors, pivots, permutation = lapack.lu(a)
        m, k = shape[0], min(shape)
        lower = np.tril(factors[..., :k], -1) + np.eye(m, k, dtype=dtype)
        upper = np.triu(factors[..., :k, :])
        permuted = np.take_along_axis(a, permutation[..., None], -2)
        assert_equal(lower @ upper, permuted)
        assert factors.shape == a.shape and factors.dtype == dtype
        assert pivots.shape == (*batch, k) and pivots.dtype == np.int32
        assert permutation.shape == (*batch, m) and permutation.dtype == np.int32
        assert a.size == 0 or np.abs(lower).max() <= (
            1.5 if np.iscomplexobj(a) else 1.0
        )

    @every_dtype
    def test_pivots_agree_with_scipy(self, dtype):
        a = random((9, 9), dtype)
        factors, pivots, permutation = lapack.lu(a)
        wanted, wanted_pivots = scipy.linalg.lu_factor(a)
        np.testing.assert_array_equal(pivots, wanted_pivots)
        order = np.arange(9)
        for k, pivot in enumerate(wanted_pivots):
            order[[k, pivot]] = order[[pivot, k]]
        np.testing.assert_array_equal(permutation, order)
        assert_equal(factors, wanted)

    @every_dtype
    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_empty_matrices(self, dtype, shape):
        factors, pivots, permutation = lapack.lu(np.zeros((2, *shape), dtype))
        assert factors.shape == (2, *shape) and pivots.shape == (2, 0)
        np.testing.assert_array_equal(permutation, [range(shape[0])] * 2)

    @every_dtype
    def test_singular_matrix_has_a_zero_pivot(self, dtype):
        factors, pivots, _ = lapack.lu(np.zeros((2, 3), dtype))
        np.testing.assert_array_equal(factors, np.zeros((2, 3)))
        np.testing.assert_array_equal(pivots, [0, 1])

    @every_dtype
    @pytest.mark.parametrize("n", [3, 64, 200])
    def test_nan_spreads_and_the_permutation_stays_one(self, dtype, n):
        factors, pivots, permutation = lapack.lu(np.full((n, n), np.nan, dtype))
        assert_all_nan(factors)
        assert ((pivots >= np.arange(n)) & (pivots < n)).all()
        np.testing.assert_array_equal(np.sort(permutation), np.arange(n))


class TestSolve:
    @every_dtype
    @every_batch
    @pytest.mark.parametrize("n, k", [(1, 1), (5, 2), (40, 7), (0, 2), (3, 0)])
    def test_solution_satisfies_the_equation(self, dtype, batch, n, k):
        a = random((*batch, n, n), dtype) + 3 * n * np.eye(n, dtype=dtype)
        b = random((*batch, n, k), dtype)
        x = lapack.solve(a, b)
        assert_equal(a @ x, b)
        assert_equal(x, np.linalg.solve(a, b))

    @every_dtype
    def test_singular_matrix_of_a_batch_gives_nan_alone(self, dtype):
        a = np.stack([np.eye(3), np.zeros((3, 3))]).astype(dtype)
        x = lapack.solve(a, np.ones((2, 3, 2), dtype))
        np.testing.assert_array_equal(x[0], np.ones((3, 2)))
        assert_all_nan(x[1])


class TestTridiagonalSolve:
    @every_dtype
    @every_batch
    @pytest.mark.parametrize("n, k", [(1, 1), (2, 3), (30, 2), (0, 2), (3, 0)])
    def test_solution_satisfies_the_equation(self, dtype, batch, n, k):
        dl, d, du = (random((*batch, n), dtype, seed) for seed in range(3))
        d = d + 4
        b = random((*batch, n, k), dtype, 3)
        x = lapack.tridiagonal_solve(dl, d, du, b)
        product = d[..., None] * x
        product[..., 1:, :] += dl[..., 1:, None] * x[..., :-1, :]
        product[..., :-1, :] += du[..., :-1, None] * x[..., 1:, :]
        assert_equal(product, b)

    @every_dtype
    def test_entries_outside_the_matrix_are_not_read(self, dtype):
        dl, d, du = np.ones((3, 4), dtype)
        spoiled_l, spoiled_u = dl.copy(), du.copy()
        spoiled_l[0] = spoiled_u[-1] = np.nan
        b = random((4, 2), dtype)
        np.testing.assert_array_equal(
            lapack.tridiagonal_solve(spoiled_l, 3 * d, spoiled_u, b),
            lapack.tridiagonal_solve(dl, 3 * d, du, b),
        )

    @every_dtype
    def test_singular_matrix_gives_nan(self, dtype):
        zero, b = np.zeros(3, dtype), np.ones((3, 1), dtype)
        assert_all_nan(lapack.tridiagonal_solve(zero, zero, zero, b))


class TestTriangularSylvester:
    @every_dtype
    @every_batch
    @pytest.mark.parametrize("trans", ["NN", "CN", "NC", "CC"])
    @pytest.mark.parametrize("subtract", [False, True])
    def test_solution_satisfies_the_equation(self, dtype, batch, trans, subtract):
        m, n = 5, 4
        shift = 10 if subtract else 3
        a, _ = lapack.schur(random((*batch, m, m), dtype))
        b, _ = lapack.schur(random((*batch, n, n), dtype))
        a, b = a + shift * np.eye(m, dtype=dtype), b + 3 * np.eye(n, dtype=dtype)
        c = random((*batch, m, n), dtype)
        x = lapack.triangular_sylvester(a, b, c, *trans, subtract)
        left = a if trans[0] == "N" else adjoint(a)
        right = b if trans[1] == "N" else adjoint(b)
        right = -right if subtract else right
        assert_equal(left @ x + x @ right, c, factor=50)

    def test_agrees_with_scipy_through_schur(self):
        a, b, c = (random((6, 6), np.float64, seed) for seed in range(3))
        (s, u), (t, v) = lapack.schur(a), lapack.schur(b)
        x = u @ lapack.triangular_sylvester(s, t, u.T @ c @ v) @ v.T
        np.testing.assert_allclose(x, scipy.linalg.solve_sylvester(a, b, c), rtol=1e-9)

    def test_nan_gives_nan(self):
        a, c = np.eye(2), np.full((2, 2), np.nan)
        assert_all_nan(lapack.triangular_sylvester(a, a, c))
