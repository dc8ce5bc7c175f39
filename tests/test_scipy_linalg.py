"""chainrule.scipy.linalg against SciPy: values, batches, derivatives, messages."""

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
import chainrule.numpy as cnp
from chainrule import lax
from chainrule.scipy import linalg

rng = np.random.default_rng(7)
DTYPES = ["float32", "float64", "complex64", "complex128"]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def random(*shape, dtype="float64", shift=0.0):
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    if shift:
        x = x + shift * np.eye(*shape[-2:])
    return x.astype(dtype)


def positive(n, dtype="float64"):
    x = random(n, n, dtype=dtype)
    return (x @ np.conj(x.T) + n * np.eye(n)).astype(dtype)


@pytest.fixture(autouse=True)
def wide():
    with cr.enable_x64(True):
        yield


def assert_like(found, expected, factor=1.0):
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for f, e in zip(found, expected):
            assert_like(f, e, factor)
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind
    single = found.dtype in ("float32", "complex64")
    tol = factor * (2e-4 if single else 1e-10)
    scale = np.abs(expected).max(initial=1e-30)
    np.testing.assert_allclose(found, expected, rtol=tol, atol=tol * scale)


# --- solvers --------------------------------------------------------------------------


@pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
@every_dtype
def test_solve_triangular(trans, lower, unit_diagonal, dtype):
    a = random(4, 4, dtype=dtype, shift=4)
    for b in (random(4, dtype=dtype), random(4, 2, dtype=dtype)):
        options = {"trans": trans, "lower": lower, "unit_diagonal": unit_diagonal}
        found = linalg.solve_triangular(a, b, **options)
        assert found.dtype == dtype
        assert_like(found, scipy.linalg.solve_triangular(a, b, **options))


@pytest.mark.parametrize("lower", [False, True])
@every_dtype
def test_cholesky_solves(lower, dtype):
    a, b = positive(4, dtype), random(4, 2, dtype=dtype)
    assert_like(linalg.cholesky(a, lower=lower), scipy.linalg.cholesky(a, lower=lower))
    factor = linalg.cho_factor(a, lower=lower)
    assert_like(linalg.cho_solve(factor, b), np.linalg.solve(a, b))
    assert_like(linalg.cho_solve(factor, b[:, 0]), np.linalg.solve(a, b[:, 0]))
    found = linalg.solve(a, b, assume_a="pos", lower=lower)
    assert_like(found, np.linalg.solve(a, b))


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@every_dtype
def test_lu(shape, dtype):
    a = random(*shape, dtype=dtype)
    assert_like(linalg.lu(a), scipy.linalg.lu(a))
    assert_like(linalg.lu(a, permute_l=True), scipy.linalg.lu(a, permute_l=True))
    if shape[0] == shape[1]:
        factors, pivots = linalg.lu_factor(a)
        assert_like((factors, pivots), scipy.linalg.lu_factor(a))
        b = random(shape[0], 2, dtype=dtype)
        for trans in (0, 1, 2):
            expected = scipy.linalg.lu_solve(scipy.linalg.lu_factor(a), b, trans)
            assert_like(linalg.lu_solve((factors, pivots), b, trans), expected)


def test_batches_of_systems():
    a, b = random(2, 3, 3, shift=4), random(2, 3)
    expected = np.linalg.solve(a, b[..., None])[..., 0]
    assert_like(linalg.lu_solve(linalg.lu_factor(a), b), expected)
    lower = np.tril(a)
    expected = np.linalg.solve(lower, b[..., None])[..., 0]
    assert_like(linalg.solve_triangular(lower, b, lower=True), expected)


@every_dtype
def test_sylvester(dtype):
    a, b, c = (random(*s, dtype=dtype) for s in ((3, 3), (2, 2), (3, 2)))
    expected = scipy.linalg.solve_sylvester(a, b, c)
    assert_like(linalg.solve_sylvester(a, b, c), expected, 20)


# --- decompositions -------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "economic", "r"])
@pytest.mark.parametrize("pivoting", [False, True])
@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
@every_dtype
def test_qr(mode, pivoting, shape, dtype):
    a = random(*shape, dtype=dtype)
    expected = scipy.linalg.qr(a, mode=mode, pivoting=pivoting)
    assert_like(linalg.qr(a, mode=mode, pivoting=pivoting), expected)


@pytest.mark.parametrize("mode", ["left", "right"])
def test_qr_multiply(mode):
    a = random(4, 3)
    q, r = scipy.linalg.qr(a, mode="economic")
    c = random(3, 2) if mode == "left" else random(2, 4)
    product, factor = linalg.qr_multiply(a, c, mode=mode)
    assert_like(product, q @ c if mode == "left" else c @ q)
    assert_like(factor, r)


@pytest.mark.parametrize("kind", [1, 2, 3])
@every_dtype
def test_generalized_eigenvalues(kind, dtype):
    a, b = positive(4, dtype), positive(4, dtype)
    w, v = linalg.eigh(a, b, type=kind)
    assert_like(w, scipy.linalg.eigh(a, b, eigvals_only=True, type=kind))
    left = {1: a @ v, 2: a @ (b @ np.asarray(v)), 3: b @ (a @ np.asarray(v))}[kind]
    right = (b @ np.asarray(v) if kind == 1 else np.asarray(v)) * np.asarray(w)
    assert_like(np.asarray(left), right, 10)


def test_tridiagonal_eigenvalues():
    d, e = random(5), random(4)
    w, v = linalg.eigh_tridiagonal(d, e)
    assert_like(w, scipy.linalg.eigvalsh_tridiagonal(d, e))
    dense = np.diag(d) + np.diag(e, 1) + np.diag(e, -1)
    assert_like(dense @ np.asarray(v), np.asarray(v * w))
    some = linalg.eigh_tridiagonal(
        d, e, eigvals_only=True, select="i", select_range=(1, 3)
    )
    assert_like(some, np.asarray(w)[1:4])


@every_dtype
def test_schur_and_hessenberg_forms(dtype):
    a = random(4, 4, dtype=dtype)
    for t, z in (
        linalg.schur(a),
        linalg.schur(a, "complex"),
        linalg.hessenberg(a, calc_q=True),
    ):
        t, z = (t, z) if np.asarray(t).shape == np.asarray(z).shape else (z, t)
        t, z = np.asarray(t), np.asarray(z)
        assert_like(z @ t @ np.conj(z.T), a.astype(t.dtype), 10)
        assert_like(np.conj(z.T) @ z, np.eye(4, dtype=t.dtype), 10)
        assert not np.tril(t, -2).any()
    t, z = (np.asarray(x) for x in linalg.rsf2csf(*linalg.schur(a)))
    assert not np.tril(t, -1).any()
    assert_like(z @ t @ np.conj(z.T), a.astype(t.dtype), 10)


# --- functions of matrices ------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0])
@every_dtype
def test_expm(scale, dtype):
    a = (scale * random(4, 4, dtype=dtype) / 3).astype(dtype)
    wide_a, e = a.astype(np.result_type(a, "float64")), random(4, 4)
    assert_like(linalg.expm(a), scipy.linalg.expm(wide_a))
    expected = scipy.linalg.expm_frechet(wide_a, e.astype(wide_a.dtype))
    assert_like(linalg.expm_frechet(wide_a, e.astype(wide_a.dtype)), expected)


def test_expm_of_many_squarings_is_nan():
    assert np.isnan(np.asarray(linalg.expm(100 * np.eye(2), max_squarings=2))).all()


def test_third_derivative_of_expm():
    a = random(3, 3) / 2
    f = lambda t: linalg.expm(t * a)[0, 1]
    third = cr.grad(cr.grad(cr.grad(f)))(1.0)
    expected = (a @ a @ a @ scipy.linalg.expm(a))[0, 1]
    np.testing.assert_allclose(third, expected, rtol=1e-9)


@every_dtype
def test_sqrtm_and_funm(dtype):
    a = random(4, 4, dtype=dtype, shift=6)
    root = linalg.sqrtm(a)
    assert_like(np.asarray(root @ root), a.astype(root.dtype), 10)
    found = linalg.funm(a, cnp.exp)
    assert_like(found, scipy.linalg.expm(a).astype(found.dtype), 20)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@every_dtype
def test_polar(side, shape, dtype):
    a = random(*shape, dtype=dtype)
    assert_like(linalg.polar(a, side), scipy.linalg.polar(a, side))


def test_qdwh_is_the_polar_decomposition():
    a = random(5, 3)
    u, h, steps, converged = lax.linalg.qdwh(cnp.asarray(a))
    assert_like((u, h), scipy.linalg.polar(a))
    assert bool(converged)
    assert int(steps) <= 7


# --- special matrices -----------------------------------------------------------------

VECTORS = {
    "circulant": ([1, 2, 3],), "companion": ([1, 2, 3, 4],), "fiedler": ([1, 4, 6],),
    "fiedler_companion": ([1, 2, 3, 4, 5, 6],), "hankel": ([1, 2, 3], [7, 8, 9, 10]),
    "leslie": ([1, 2, 3], [4, 5]), "toeplitz": ([1, 2, 3], [1, 5, 6, 7]),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_matrices_of_vectors(name):
    vectors = [np.array(v, np.float64) for v in VECTORS[name]]
    expected = getattr(scipy.linalg, name)(*vectors)
    assert_like(getattr(linalg, name)(*vectors), expected)
    stacked = [np.stack([v, 2 * v]) for v in vectors]
    found = getattr(linalg, name)(*stacked)
    assert_like(found[0], expected)
    assert_like(
        found, np.stack([getattr(scipy.linalg, name)(*v) for v in zip(*stacked)])
    )


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_convolution_matrix(mode, n):
    a, v = np.array([1.0, 2, 3]), np.arange(1.0, n + 1)
    found = linalg.convolution_matrix(a, n, mode)
    np.testing.assert_allclose(found @ v, np.convolve(a, v, mode))


SIZES = {
    "hilbert": (4,), "invhilbert": (5,), "pascal": (5,), "invpascal": (5,),
    "helmert": (4,), "dft": (5,), "hadamard": (8,),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_matrices_of_a_size(name):
    found, expected = (
        getattr(linalg, name)(*SIZES[name]),
        getattr(scipy.linalg, name)(*SIZES[name]),
    )
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=1e-12)


def test_block_diag():
    blocks = (np.ones((1, 2)), np.array([[3.0], [4.0]]), 5.0, np.ones(2))
    assert_like(linalg.block_diag(*blocks), scipy.linalg.block_diag(*blocks))


# --- derivatives and messages ---------------------------------------------------------

X = np.array([[2.0, 0.3, -0.5], [0.4, 3.0, 0.7], [-0.2, 0.9, 4.0]])
GRADIENTS = {
    "solve_triangular": lambda x: linalg.solve_triangular(x, cnp.ones(3), lower=True),
    "cho_solve": lambda x: linalg.cho_solve(linalg.cho_factor(x @ x.T), cnp.ones(3)),
    "lu": lambda x: linalg.lu(x)[1] @ linalg.lu(x)[2].T,
    "lu_solve": lambda x: linalg.lu_solve(linalg.lu_factor(x), cnp.ones(3), 1),
    "solve_sylvester": lambda x: linalg.solve_sylvester(x, x.T, cnp.ones((3, 3))),
    "expm": linalg.expm,
    "expm_frechet": lambda x: linalg.expm_frechet(x, x.T, compute_expm=False),
    "sqrtm": lambda x: linalg.sqrtm(x).real,
    "polar": lambda x: linalg.polar(x)[0],
    "polar of a wide matrix": lambda x: linalg.polar(x[:2], "left")[1],
    "eigh_tridiagonal": lambda x: linalg.eigh_tridiagonal(
        x[0], x[1, :2], eigvals_only=True
    ),
    "eigh of a pencil": lambda x: linalg.eigh(x + x.T, x @ x.T, eigvals_only=True),
    "toeplitz": lambda x: linalg.toeplitz(x[0], x[1]),
    "companion": lambda x: linalg.companion(x[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_differences(name):
    def f(x):
        return cnp.sum(cnp.sin(GRADIENTS[name](x)))

    found = np.asarray(cr.grad(f)(X))
    step = 1e-6
    for i in np.ndindex(3, 3):
        e = np.zeros((3, 3))
        e[i] = step
        expected = (float(f(X + e)) - float(f(X - e))) / (2 * step)
        np.testing.assert_allclose(found[i], expected, rtol=1e-6, atol=1e-7)


MESSAGES = [
    (lambda: linalg.solve_triangular(X, np.ones(3), trans=5), ValueError,
     "solve_triangular: Invalid 'trans' value 5; use 0, 1, 2, 'N', 'T' or 'C'."),
    (lambda: linalg.solve_triangular(X, np.ones(2)), ValueError,
     "solve_triangular: incompatible shapes (3, 3) and (2,); the right-hand side must"
     " be (3,), (..., 3, k) or one vector of 3 entries per matrix."),
    (lambda: linalg.solve(X, np.ones(3), assume_a="x"), ValueError,
     "solve: Expected assume_a to be one of ['gen', 'sym', 'her', 'pos']; got 'x'"),
    (lambda: linalg.hadamard(3), ValueError,
     "hadamard: n must be a positive power of 2; got 3."),
    (lambda: cr.grad(lambda x: linalg.schur(x)[0].sum())(X), NotImplementedError,
     "schur: cannot be differentiated: the Schur form of a matrix is unique only up to"
     " the order of the eigenvalues and rotations of its vectors; differentiate eig,"
     " expm, sqrtm or solve_sylvester instead."),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_message(number):
    call, error, text = MESSAGES[number]
    with pytest.raises(error) as found:
        call()
    assert str(found.value) == text
