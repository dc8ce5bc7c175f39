"""Functions of matrices are what they should be, and one does not depend on others.

Small real matrices are solved side by side and larger ones by the library: sizes here
lie on both sides of that.
"""

import numpy as np
import pytest
import scipy.linalg
from lapack_residuals import (
    adjoint,
    assert_all_nan,
    assert_equal,
    assert_orthonormal,
    every_dtype,
    positive_definite,
    random,
    real_type,
)

from chainrule.runtime import lapack

SIZES = [1, 2, 3, 5, 8, 9, 20]
NORMS = [1e-3, 0.1, 0.4, 1.2, 4.0, 12.0]
every_size = pytest.mark.parametrize("n", SIZES)


def of_norms(n, dtype):
    """A stack of matrices, one for each approximant, and for squarings."""
    a = random((len(NORMS), n, n), dtype)
    norms = np.abs(a).sum(-2).max(-1)[:, None, None]
    return (a / norms * np.array(NORMS)[:, None, None]).astype(dtype)


def wide(a):
    return a.astype(np.result_type(a, np.float64))


def by_its_series(a):
    """The exponential from Taylor's series of a / 16, in extended precision."""
    scaled = a.astype(np.result_type(a, np.longdouble)) / 16
    term = out = np.eye(a.shape[-1], dtype=scaled.dtype) + 0 * scaled
    for k in range(1, 30):
        term = term @ scaled / k
        out = out + term
    for _ in range(4):
        out = out @ out
    return out.astype(a.dtype)


class TestExpm:
    @every_dtype
    @every_size
    def test_values(self, dtype, n):
        a = of_norms(n, dtype)
        assert_equal(lapack.expm(a), by_its_series(a))

    @every_dtype
    @every_size
    def test_one_matrix_is_done_as_many(self, dtype, n):
        a = of_norms(n, dtype)
        many = lapack.expm(a)
        for x, y in zip(a, many):
            assert lapack.expm(x).tobytes() == y.tobytes()

    @every_dtype
    @pytest.mark.parametrize("n", [3, 12])
    def test_what_has_no_exponential_is_nan_alone(self, dtype, n):
        a = np.zeros((4, n, n), dtype)
        a[0, 0, 1], a[1, 1, 0] = np.nan, np.inf
        a[2] = 100 * np.eye(n)
        out = lapack.expm(a, 2)
        assert_all_nan(*out[:3])
        np.testing.assert_array_equal(out[3], np.eye(n))

    def test_empty(self):
        assert lapack.expm(np.zeros((2, 0, 0))).shape == (2, 0, 0)
        assert lapack.expm(np.zeros((0, 3, 3))).shape == (0, 3, 3)

    def test_only_square_matrices(self):
        with pytest.raises(ValueError, match="must be equal"):
            lapack.expm(np.zeros((2, 3)))


class TestExpmFrechet:
    @every_dtype
    @every_size
    def test_values(self, dtype, n):
        a, e = of_norms(n, dtype), random((len(NORMS), n, n), dtype)
        expected = [
            scipy.linalg.expm_frechet(x, y, compute_expm=False)
            for x, y in zip(wide(a), wide(e))
        ]
        found = lapack.expm_frechet(a, [e])
        assert_equal(found, np.array(expected).astype(dtype))
        one = lapack.expm_frechet(a[2], [e[2]])
        assert one.tobytes() == found[2].tobytes()

    @every_dtype
    @pytest.mark.parametrize("n", [2, 5])
    def test_several_directions_are_blocks(self, dtype, n):
        """The derivative in two directions is that in one, at a matrix twice the size."""
        a, e, d = random((3, 4, n, n), dtype)
        zero = np.zeros_like(a)
        whole, twice = np.block([[a, d], [zero, a]]), np.block([[e, zero], [zero, e]])
        expected = lapack.expm_frechet(whole, [twice])[..., :n, n:]
        assert_equal(lapack.expm_frechet(a, [e, d]), expected)
        assert_equal(lapack.expm_frechet(a, [d, e]), expected)

    def test_three_directions_are_a_limit(self):
        a, *directions = random((4, 3, 3), np.float64)
        shift = 1e-4 * directions[-1]
        ends = [lapack.expm_frechet(a + s, directions[:2]) for s in (shift, -shift)]
        expected = (ends[0] - ends[1]) / 2e-4
        found = lapack.expm_frechet(a, directions)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_directions_are_checked(self):
        a = np.zeros((3, 3))
        with pytest.raises(ValueError, match="there are 0 directions; use 1 to 16"):
            lapack.expm_frechet(a, [])
        with pytest.raises(ValueError, match="must be 3, the size of a"):
            lapack.expm_frechet(a, [np.zeros((2, 2))])


def cofactors_by_minors(a):
    n = a.shape[-1]
    out = np.empty_like(a)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(a, i, -2), j, -1)
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


class TestDeterminants:
    @every_dtype
    @pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
    def test_cofactors(self, dtype, n):
        a = random((3, n, n), dtype)
        expected = cofactors_by_minors(wide(a)).astype(dtype)
        assert_equal(lapack.cofactors(a), expected, factor=40)

    @every_dtype
    @pytest.mark.parametrize("rank", [2, 3, 4])
    def test_cofactors_of_singular_matrices(self, dtype, rank):
        a = np.zeros((2, 5, 5), dtype)
        a[:, :rank] = random((2, rank, 5), dtype)
        expected = cofactors_by_minors(wide(a)).astype(dtype)
        assert_equal(lapack.cofactors(a), expected, factor=40)

    @every_dtype
    @pytest.mark.parametrize("n", [1, 3, 8, 20])
    def test_slogdet(self, dtype, n):
        a = random((6, n, n), dtype)
        sign, logarithm = lapack.slogdet(a)
        expected = np.linalg.slogdet(wide(a))
        assert logarithm.dtype == real_type(dtype)
        assert_equal(sign, expected[0].astype(dtype), factor=40)
        assert_equal(logarithm, expected[1].astype(logarithm.dtype), factor=40)

    @every_dtype
    def test_slogdet_without_a_logarithm(self, dtype):
        zero, nan = np.zeros((4, 4), dtype), np.full((4, 4), np.nan, dtype)
        sign, logarithm = lapack.slogdet(np.stack([zero, np.eye(4, dtype=dtype), nan]))
        np.testing.assert_array_equal(sign[:2], [0, 1])
        np.testing.assert_array_equal(logarithm[:2], [-np.inf, 0])
        assert_all_nan(sign[2], logarithm[2])
        sign, logarithm = lapack.slogdet(np.zeros((2, 0, 0), dtype))
        np.testing.assert_array_equal([sign, logarithm], [[1, 1], [0, 0]])


every_high_shape = pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 3), (30, 12)])


class TestOfSingularValues:
    @every_dtype
    @pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (30, 12)])
    def test_pinv(self, dtype, shape):
        a = random((3, *shape), dtype)
        y = lapack.pinv(a, np.full(3, 1e-6, real_type(dtype)))
        assert_equal(y, np.linalg.pinv(wide(a)).astype(dtype), factor=200)

    @every_dtype
    def test_small_values_count_as_zero(self, dtype):
        a = np.diag([4.0, 2.0, 0.5, 0.0]).astype(dtype)
        rtol = np.array([0.0, 0.2, 1.0], real_type(dtype))
        y = lapack.pinv(np.stack([a] * 3), rtol)
        diagonals = np.einsum("bii->bi", y)
        np.testing.assert_allclose(
            diagonals, [[0.25, 0.5, 2, 0], [0.25, 0.5, 0, 0], [0, 0, 0, 0]], rtol=1e-6
        )

    @every_dtype
    @pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (30, 12)])
    def test_least_squares(self, dtype, shape):
        a, b = random((2, *shape), dtype), random((2, shape[0], 2), dtype, seed=1)
        x, s = lapack.least_squares(a, b, np.full(2, 1e-6, real_type(dtype)))
        expected = np.linalg.pinv(wide(a)) @ b
        assert_equal(x, expected.astype(dtype), factor=200)
        assert_equal(s, np.linalg.svd(a, compute_uv=False))

    def test_rtol_is_checked(self):
        with pytest.raises(TypeError, match="rtol has dtype float32; use the real one"):
            lapack.pinv(np.ones((2, 2)), np.float32([1e-6])[0:1].reshape(()))
        with pytest.raises(ValueError, match="their batch dimensions must be equal"):
            lapack.pinv(np.ones((2, 2)), np.ones(3))

    @every_dtype
    @every_high_shape
    @pytest.mark.parametrize("by_iteration", [False, True])
    def test_polar_factors(self, dtype, shape, by_iteration):
        a, eps = random((3, *shape), dtype), float(np.finfo(dtype).eps)
        u, p = lapack.qdwh(a, 20, eps)[:2] if by_iteration else lapack.polar(a)
        assert_orthonormal(u)
        assert_equal(u @ p, a)
        assert_equal(p, adjoint(p))
        assert (np.linalg.eigvalsh(p) > -100 * eps).all()

    @every_dtype
    def test_steps_of_iteration(self, dtype):
        a = random((4, 5, 4), dtype)
        a[1], a[2, 0, 0] = 0, np.nan
        u, p, steps, converged = lapack.qdwh(a, 20, float(np.finfo(dtype).eps))
        np.testing.assert_array_equal(converged, [True, True, False, True])
        assert steps[1] == steps[2] == 0 and 2 <= steps[0] <= 8
        np.testing.assert_array_equal(u[1], 0)
        assert_all_nan(u[2], p[2])
        assert not lapack.qdwh(a[0], 1, 1e-6)[3]

    def test_more_columns_than_rows(self):
        for name, rest in (("polar", ()), ("qdwh", (5, 1e-6))):
            with pytest.raises(ValueError, match="needs at least as many rows"):
                getattr(lapack, name)(np.ones((2, 3)), *rest)


class TestOfFactors:
    @every_dtype
    @pytest.mark.parametrize("n", [1, 3, 20])
    def test_cholesky_update(self, dtype, n):
        r = adjoint(np.linalg.cholesky(positive_definite((2, n, n), dtype)))
        w = random((2, n), dtype)
        dirty = r + np.tril(random((2, n, n), dtype), -1)
        y = lapack.cholesky_update(dirty, w)
        np.testing.assert_array_equal(y, np.triu(y))
        assert (np.einsum("...ii->...i", y).real > 0).all()
        outer = w[..., None] * w[..., None, :].conj()
        assert_equal(adjoint(y) @ y, adjoint(r) @ r + outer)

    @every_dtype
    @pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7)])
    @pytest.mark.parametrize("full_matrices", [True, False])
    def test_pivoted_qr(self, dtype, shape, full_matrices):
        a = random((2, *shape), dtype)
        q, r, pivots = lapack.pivoted_qr(a, full_matrices)
        assert_orthonormal(q)
        assert_equal(q @ r, np.take_along_axis(a, pivots[..., None, :], -1))
        sizes = np.abs(np.einsum("...ii->...i", r[..., : min(shape), : min(shape)]))
        assert (np.diff(sizes) <= 1e-5).all()


class TestOfSchurForms:
    @every_dtype
    @pytest.mark.parametrize("n", [1, 2, 5, 20])
    def test_sqrtm(self, dtype, n):
        a = random((2, n, n), dtype)
        y = lapack.sqrtm(a)
        assert y.dtype == np.result_type(dtype, np.complex64)
        assert_equal(y @ y, a.astype(y.dtype), factor=40)
        assert (np.linalg.eigvals(y).real > -1e-3).all()

    @every_dtype
    def test_roots_of_zero_and_of_nan(self, dtype):
        a = np.zeros((2, 3, 3), dtype)
        a[1, 0, 0] = np.nan
        y = lapack.sqrtm(a)
        np.testing.assert_array_equal(y[0], 0)
        assert_all_nan(y[1])

    @every_dtype
    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (20, 4)])
    def test_sylvester(self, dtype, shape):
        m, n = shape
        a, b = positive_definite((2, m, m), dtype), positive_definite((2, n, n), dtype)
        c = random((2, m, n), dtype)
        x = lapack.sylvester(a, b, c)
        assert_equal(a @ x + x @ b, c, factor=100)

    @every_dtype
    def test_sylvester_of_nan(self, dtype):
        a, b = np.eye(3, dtype=dtype), np.eye(2, dtype=dtype)
        a[0, 0] = np.nan
        assert_all_nan(lapack.sylvester(a, b, np.ones((3, 2), dtype)))

    @every_dtype
    @pytest.mark.parametrize("n", [1, 2, 6])
    def test_parlett(self, dtype, n):
        t = np.triu(random((2, n, n), dtype)) / 4 + np.diag(np.arange(n)).astype(dtype)
        f = np.exp(np.einsum("...ii->...i", t))
        expected = scipy.linalg.expm(wide(t)).astype(dtype)
        assert_equal(lapack.parlett(t, f), expected, factor=100)

    @every_dtype
    @pytest.mark.parametrize("n", [1, 2, 5, 20])
    def test_complex_schur(self, dtype, n):
        a = random((3, n, n), dtype)
        t, z = lapack.complex_schur(*lapack.schur(a))
        assert t.dtype == z.dtype == np.result_type(dtype, np.complex64)
        np.testing.assert_array_equal(t, np.triu(t))
        assert_orthonormal(z)
        assert_equal(z @ t @ adjoint(z), a.astype(t.dtype))
