"""Matrices of at most 12 x 12, which are solved side by side, one for each lane."""

import numpy as np
import pytest
import scipy.linalg

from chainrule.runtime import lapack

SIZES = range(1, 14)
COUNTS = (1, 7, 16, 37)
DTYPES = (np.float32, np.float64)

everything = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def normals(*shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def positive(count, n, dtype):
    x = normals(count, n, n, dtype=dtype)
    return x @ np.swapaxes(x, -1, -2) + np.eye(n, dtype=dtype)


def near(found, wanted, dtype, scale=1):
    limit = 64 * np.finfo(dtype).eps * scale * max(np.abs(wanted).max(), 1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=limit)


@everything
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("count", COUNTS)
def test_lu_has_the_pivots_of_lapack(n, count, dtype):
    a = normals(count, n, n, dtype=dtype)
    factors, pivots, permutation = lapack.lu(a)
    for k in range(count):
        wanted, rows = scipy.linalg.lu_factor(a[k].astype(dtype))
        np.testing.assert_array_equal(pivots[k], rows)
        near(factors[k], wanted, dtype, scale=8 * np.linalg.cond(a[k]))
        lower = np.tril(factors[k], -1) + np.eye(n, dtype=dtype)
        near(lower @ np.triu(factors[k]), a[k][permutation[k]], dtype)


@everything
def test_the_first_of_equal_magnitudes_is_the_pivot(dtype):
    a = np.array([[1, 2, 3], [-2, 1, 0], [2, 5, 1]], dtype)
    _, pivots, permutation = lapack.lu(a)
    assert pivots[0] == 1 and permutation[0] == 1


@everything
@pytest.mark.parametrize("n", SIZES)
def test_solutions_have_small_residuals(n, dtype):
    a, b = normals(21, n, n, dtype=dtype), normals(21, n, 3, dtype=dtype, seed=1)
    x = lapack.solve(a, b)
    scale = np.abs(a).max() * max(np.abs(x).max(), 1)
    near((a @ x) / scale, b / scale, dtype)
    factors, _, permutation = lapack.lu(a)
    near(lapack.lu_solve(factors, permutation, b) / scale, x / scale, dtype)
    y = lapack.lu_solve(factors, permutation, b, transposed=True)
    scale = np.abs(a).max() * max(np.abs(y).max(), 1)
    near((np.swapaxes(a, -1, -2) @ y) / scale, b / scale, dtype)


@everything
@pytest.mark.parametrize("n", SIZES)
def test_cholesky_factors_multiply_to_the_matrix(n, dtype):
    a = positive(19, n, dtype)
    factor = lapack.cholesky(np.tril(a) + np.triu(np.full_like(a, np.nan), 1))
    np.testing.assert_array_equal(factor, np.tril(factor))
    near(factor @ np.swapaxes(factor, -1, -2), a, dtype)


@everything
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trans", ["N", "T"])
@pytest.mark.parametrize("unit", [True, False])
def test_triangular_systems(left, lower, trans, unit, dtype):
    n, sides = 5, 4
    full = normals(18, n, n, dtype=dtype) / 4 + 2 * np.eye(n, dtype=dtype)
    a = np.tril(full) if lower else np.triu(full)
    if unit:
        a = a - a * np.eye(n, dtype=dtype) + np.eye(n, dtype=dtype)
    if trans == "T":
        a = np.swapaxes(a, -1, -2)
    b = normals(18, *((n, sides) if left else (sides, n)), dtype=dtype, seed=1)
    x = lapack.triangular_solve(full, b, lower, trans, unit, left)
    near(a @ x if left else x @ a, b, dtype, scale=4)


@everything
@pytest.mark.parametrize("n", SIZES)
def test_determinants(n, dtype):
    a = normals(17, n, n, dtype=dtype)
    wanted = np.linalg.det(a.astype(np.float64))
    near(lapack.determinant(a), wanted, dtype, scale=n)
    assert (lapack.determinant(np.zeros_like(a)) == 0).all()


def test_pivots_of_single_precision_are_multiplied_in_double():
    a = np.diag(np.array([1e30, 1e30, 1e-30, 1e-30], np.float32))
    np.testing.assert_allclose(lapack.determinant(a), 1, rtol=1e-5)


@everything
@pytest.mark.parametrize("n", [2, 5, 8])
def test_a_matrix_does_not_depend_on_its_neighbours(n, dtype):
    a, b = positive(37, n, dtype), normals(37, n, 2, dtype=dtype)
    for function in (
        lambda a, b: lapack.cholesky(a),
        lambda a, b: lapack.lu(a)[0],
        lapack.solve,
        lapack.triangular_solve,
        lambda a, b: lapack.determinant(a),
    ):
        together = function(a, b)
        alone = np.stack([function(x, y) for x, y in zip(a, b)])
        np.testing.assert_array_equal(together, alone)


@everything
def test_matrices_without_a_solution_are_nan_and_others_are_not(dtype):
    a = positive(5, 3, dtype)
    b = np.ones((5, 3, 1), dtype)
    a[1], a[2, 2, 2], a[3] = 0, np.nan, -a[3]
    found = np.isnan(lapack.solve(a, b)).all((-2, -1))
    np.testing.assert_array_equal(found, [False, True, True, False, False])
    factor = lapack.cholesky(a)
    found = np.isnan(factor[:, *np.tril_indices(3)]).all(-1)
    np.testing.assert_array_equal(found, [False, True, True, True, False])
    assert (factor[:, *np.triu_indices(3, 1)] == 0).all()


@everything
def test_columns_of_zeros_are_left_as_they_are(dtype):
    a = np.array([[0, 1, 2], [0, 3, 4], [0, 0, 0]], dtype)
    factors, pivots, permutation = lapack.lu(a)
    wanted, rows = scipy.linalg.lapack.get_lapack_funcs(("getrf",), (a,))[0](a)[:2]
    np.testing.assert_allclose(factors, wanted, rtol=1e-6)
    np.testing.assert_array_equal(pivots, rows)
    assert sorted(permutation) == [0, 1, 2]


def test_permutations_are_checked():
    eye = np.eye(3)
    for rows in ([0, 1], [0, 1, 3], [0, 1, -1]):
        with pytest.raises(ValueError, match="lapack_lu_solve: permutation must hold"):
            lapack.lu_solve(eye, np.array(rows, np.int32), eye)
