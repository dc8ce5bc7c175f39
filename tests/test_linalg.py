"""chainrule.numpy.linalg against NumPy: values, types, derivatives, messages."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.numpy as cnp

DTYPES = ["float32", "float64", "complex64", "complex128"]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
rng = np.random.default_rng(5)


def random(*shape, dtype="float32", shift=0.0):
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    if shift:
        x = x + shift * np.eye(*shape[-2:])
    return x.astype(dtype)


def hermitian(*shape, dtype="float32", shift=0.0):
    x = random(*shape, dtype=dtype)
    return (x + np.conj(np.swapaxes(x, -1, -2)) + shift * np.eye(shape[-1])).astype(
        dtype
    )


@pytest.fixture(autouse=True)
def wide():
    with cr.enable_x64(True):
        yield


def tolerance(dtype):
    return (
        2e-4
        if np.dtype(dtype).itemsize // (1 + (np.dtype(dtype).kind == "c")) == 4
        else 1e-10
    )


def assert_like(found, expected, factor=1.0):
    """One array or a sequence of them: equal dtypes and shapes, values to rounding."""
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for f, e in zip(found, expected):
            assert_like(f, e, factor)
        return
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    tol = factor * tolerance(expected.dtype)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tol, atol=tol * scale)


UNARY = {
    "det": random, "inv": random, "cond": random, "pinv": random,
    "cholesky": lambda *s, dtype: hermitian(*s, dtype=dtype, shift=9),
    "svdvals": random, "eigvalsh": hermitian, "slogdet": random,
    "matrix_transpose": random,
    "norm": random, "matrix_norm": random, "trace": random, "diagonal": random,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1)])
@every_dtype
def test_function_of_one_matrix_is_numpys(name, shape, dtype):
    x = UNARY[name](*shape, dtype=dtype)
    found = getattr(cnp.linalg, name)(cnp.asarray(x))
    assert_like(found, getattr(np.linalg, name)(x), 20)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 3, 5), (0, 3), (3, 0)])
@every_dtype
def test_singular_values_of_any_shape(shape, dtype):
    x = random(*shape, dtype=dtype)
    for full in (True, False):
        u, s, vh = cnp.linalg.svd(cnp.asarray(x), full_matrices=full)
        k = s.shape[-1]
        assert_like(s, np.linalg.svd(x, compute_uv=False))
        rebuilt = (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]
        assert_like(rebuilt, x)
        expected = np.linalg.svd(x, full_matrices=full)
        assert (u.shape, vh.shape) == (expected[0].shape, expected[2].shape)


@every_dtype
def test_hermitian_svd_rebuilds_the_matrix(dtype):
    x = hermitian(2, 4, 4, dtype=dtype)
    u, s, vh = cnp.linalg.svd(cnp.asarray(x), hermitian=True)
    assert_like(s, np.linalg.svd(x, compute_uv=False))
    assert_like((u * s[..., None, :]) @ vh, x)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 2, 4)])
@every_dtype
def test_qr(mode, shape, dtype):
    x = random(*shape, dtype=dtype)
    found = cnp.linalg.qr(cnp.asarray(x), mode)
    expected = np.linalg.qr(x, mode)
    if mode == "r":
        assert_like(found, expected)
    else:
        assert_like(tuple(found), tuple(expected))
        assert_like(found.Q @ found.R, x)


@pytest.mark.parametrize("uplo", [None, "L", "U"])
@every_dtype
def test_eigh_of_one_triangle(uplo, dtype):
    x = random(2, 4, 4, dtype=dtype)
    found = cnp.linalg.eigh(cnp.asarray(x), uplo, symmetrize_input=False)
    h = np.tril(x) if uplo != "U" else np.conj(np.swapaxes(np.triu(x), -1, -2))
    strict = np.tril(h, -1)
    h = strict + np.conj(np.swapaxes(strict, -1, -2)) + np.eye(4) * h.real
    h = h.astype(dtype)
    assert_like(found.eigenvalues, np.linalg.eigvalsh(h))
    w, v = found
    assert_like((v * w[..., None, :]) @ cnp.conj(cnp.swapaxes(v, -1, -2)), h)


@every_dtype
def test_eig_satisfies_its_equation(dtype):
    x = random(2, 4, 4, dtype=dtype)
    w, v = cnp.linalg.eig(cnp.asarray(x))
    assert w.dtype == v.dtype == np.result_type(dtype, np.complex64)
    assert_like(cnp.asarray(x) @ v, np.asarray(v * w[..., None, :]))
    assert_like(cnp.sort(cnp.linalg.eigvals(cnp.asarray(x))), np.asarray(cnp.sort(w)))


# --- systems --------------------------------------------------------------------------

SYSTEMS = [
    ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)),
    ((3, 3), (2, 3, 1)), ((2, 3, 3), (2, 3, 2)), ((2, 1, 3, 3), (4, 3, 1)),
    ((0, 0), (0, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SYSTEMS)
@every_dtype
def test_solve_broadcasts_as_numpy(a, b, dtype):
    x, y = random(*a, dtype=dtype, shift=4), random(*b, dtype=dtype)
    assert_like(cnp.linalg.solve(cnp.asarray(x), cnp.asarray(y)), np.linalg.solve(x, y))


def test_operands_of_two_dtypes_promote():
    a, b = random(3, 3, shift=4), random(3, dtype="complex64")
    assert_like(cnp.linalg.solve(a, b), np.linalg.solve(a, b))
    i = np.array([[2, 1], [1, 1]])
    assert_like(cnp.linalg.inv(i), np.linalg.inv(i))


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3)])
@pytest.mark.parametrize("columns", [(), (2,)])
@every_dtype
def test_least_squares(shape, columns, dtype):
    a, b = random(*shape, dtype=dtype), random(shape[0], *columns, dtype=dtype)
    x, residuals, rank, s = cnp.linalg.lstsq(cnp.asarray(a), cnp.asarray(b))
    ex, er, erank, es = np.linalg.lstsq(a, b)
    assert_like((x, s), (ex, es), 10)
    assert int(rank) == erank
    error = np.abs(a @ ex - b) ** 2
    np.testing.assert_allclose(residuals, error.sum(0).reshape(-1), atol=1e-3)
    with_numpys = cnp.linalg.lstsq(a, b, numpy_resid=True)[1]
    np.testing.assert_allclose(with_numpys, er, atol=1e-3)


def test_rank_deficient_least_squares_has_the_least_norm():
    a = np.outer([1.0, 2, 3], [1.0, 1])
    b = np.array([1.0, 0, 1])
    x, _, rank, _ = cnp.linalg.lstsq(a, b)
    assert int(rank) == 1
    assert_like(x, np.linalg.pinv(a) @ b)


@pytest.mark.parametrize("rtol", [None, 0.3, np.array([0.1, 0.9])])
def test_pinv_and_rank_take_tolerances(rtol):
    x = random(2, 3, 4, dtype="float64")
    assert_like(cnp.linalg.pinv(x, rtol), np.linalg.pinv(x, rtol=rtol))
    if rtol is not None:
        expected = np.linalg.matrix_rank(x, rtol=rtol)
        np.testing.assert_array_equal(cnp.linalg.matrix_rank(x, rtol=rtol), expected)


def test_tensor_systems():
    a, b = random(2, 3, 6, dtype="float64"), random(2, 3, dtype="float64")
    assert_like(cnp.linalg.tensorsolve(a, b), np.linalg.tensorsolve(a, b))
    assert_like(cnp.linalg.tensorinv(a), np.linalg.tensorinv(a))
    moved = np.moveaxis(a, 2, 1)
    assert_like(
        cnp.linalg.tensorsolve(moved, b, axes=(1,)),
        np.linalg.tensorsolve(moved, b, axes=(1,)),
    )


# --- norms, powers, chains ------------------------------------------------------------

VECTOR_ORDERS = [None, 0, 1, 2, 3, 0.5, -1, -2, np.inf, -np.inf]
MATRIX_ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@pytest.mark.parametrize("ord", VECTOR_ORDERS)
@pytest.mark.parametrize("keepdims", [False, True])
@every_dtype
def test_vector_norms(ord, keepdims, dtype):
    x = random(3, 4, dtype=dtype)
    for axis in (0, -1):
        found = cnp.linalg.norm(cnp.asarray(x), ord, axis, keepdims)
        assert_like(found, np.linalg.norm(x, ord, axis, keepdims))
    if ord is not None:
        found = cnp.linalg.vector_norm(cnp.asarray(x), ord=ord, keepdims=keepdims)
        assert_like(found, np.linalg.vector_norm(x, ord=ord, keepdims=keepdims))


@pytest.mark.parametrize("ord", MATRIX_ORDERS)
@pytest.mark.parametrize("axis", [(0, 1), (2, 0), (-1, -2)])
@every_dtype
def test_matrix_norms(ord, axis, dtype):
    x = random(3, 4, 2, dtype=dtype)
    for keepdims in (False, True):
        found = cnp.linalg.norm(cnp.asarray(x), ord, axis, keepdims)
        assert_like(found, np.linalg.norm(x, ord, axis, keepdims))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5])
def test_matrix_powers(n):
    x = random(2, 3, 3, dtype="float64", shift=3)
    assert_like(cnp.linalg.matrix_power(x, n), np.linalg.matrix_power(x, n))


@pytest.mark.parametrize(
    "shapes", [[(3, 4), (4, 5)], [(3,), (3, 4), (4,)], [(9, 2), (2, 8), (8, 3), (3,)]]
)
def test_chains_of_products(shapes):
    xs = [random(*s, dtype="float64") for s in shapes]
    assert_like(cnp.linalg.multi_dot(xs), np.asarray(np.linalg.multi_dot(xs)))


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 5])
def test_diagonals_and_traces(offset):
    x = random(2, 3, 4, dtype="float64")
    assert_like(
        cnp.linalg.diagonal(x, offset=offset), np.linalg.diagonal(x, offset=offset)
    )
    assert_like(cnp.linalg.trace(x, offset=offset), np.linalg.trace(x, offset=offset))


# --- values that have no ordinary answer ----------------------------------------------


def test_matrices_without_the_wanted_factor_give_nan():
    assert np.isnan(np.asarray(cnp.linalg.cholesky(-np.eye(2)))).any()
    assert np.isnan(np.asarray(cnp.linalg.inv(np.zeros((2, 2))))).all()
    sign, logarithm = cnp.linalg.slogdet(np.zeros((2, 2)))
    assert (float(sign), float(logarithm)) == (0.0, -np.inf)


# --- derivatives ----------------------------------------------------------------------


def numerical(f, x, step=1e-6):
    out = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[i] = step
        out[i] = (float(f(x + e)) - float(f(x - e))) / (2 * step)
    return out


def total(x):
    return cnp.sum(cnp.sin(x))


GRADIENTS = {
    "solve": lambda x: total(cnp.linalg.solve(x, cnp.ones(3))),
    "inv": lambda x: total(cnp.linalg.inv(x)),
    "det": cnp.linalg.det,
    "slogdet": lambda x: cnp.linalg.slogdet(x)[1],
    "cholesky": lambda x: total(cnp.linalg.cholesky(x @ x.T)),
    "qr": lambda x: total(cnp.linalg.qr(x)[1]),
    "eigh": lambda x: total(cnp.linalg.eigh(x + x.T)[0]),
    "eig": lambda x: total(cnp.abs(cnp.linalg.eig(x)[1])),
    "svd": lambda x: total(cnp.linalg.svd(x)[1]),
    "pinv": lambda x: total(cnp.linalg.pinv(x[:, :2])),
    "lstsq": lambda x: total(cnp.linalg.lstsq(x[:, :2], x[:, 2])[0]),
    "cond": cnp.linalg.cond,
    "matrix_power": lambda x: total(cnp.linalg.matrix_power(x, 3)),
    **{
        f"norm {ord}": lambda x, ord=ord: cnp.linalg.norm(x, ord)
        for ord in MATRIX_ORDERS
    },
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_differences(name):
    f = GRADIENTS[name]
    x = np.array([[2.0, 0.3, -0.5], [0.4, -3.0, 0.7], [-0.2, 0.9, 4.0]])
    found = cr.grad(f)(cnp.asarray(x))
    np.testing.assert_allclose(found, numerical(f, x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(cr.jit(cr.grad(f))(x), found, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_gradient_of_the_determinant_of_a_singular_matrix(n):
    x = np.diag(np.r_[np.arange(1.0, n), 0.0])
    expected = np.zeros((n, n))
    expected[-1, -1] = np.prod(np.arange(1.0, n))
    np.testing.assert_allclose(cr.grad(cnp.linalg.det)(x), expected, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3])
def test_hessian_of_the_determinant_of_a_singular_matrix(n):
    found = np.asarray(cr.hessian(cnp.linalg.det)(np.zeros((n, n))))
    if n == 3:
        assert not found.any()
        return
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 1, 1] = expected[1, 1, 0, 0] = 1
    expected[0, 1, 1, 0] = expected[1, 0, 0, 1] = -1
    np.testing.assert_array_equal(found, expected)


def test_repeated_eigenvalues_have_derivatives_but_not_their_vectors():
    values = cr.grad(lambda x: cnp.sum(cnp.linalg.eigvalsh(x)))(np.eye(2))
    np.testing.assert_allclose(values, np.eye(2), atol=1e-12)
    vectors = cr.grad(lambda x: cnp.sum(cnp.linalg.eigh(x)[1]))(np.eye(2))
    assert np.isnan(np.asarray(vectors)).any()


def test_third_derivative_of_solve():
    def f(t):
        return cnp.linalg.solve(cnp.array([[1.0, 0.5], [0.25, 1.0]]) * t, cnp.ones(2))[
            0
        ]

    third = cr.grad(cr.grad(cr.grad(f)))(2.0)
    expected = -6 / 2.0**4 * float(f(1.0))
    np.testing.assert_allclose(third, expected, rtol=1e-10)


def test_one_factorisation_serves_solution_and_gradient():
    def f(a, b):
        return cnp.sum(cnp.linalg.solve(a, b))

    text = str(cr.make_jaxpr(cr.grad(f))(np.eye(3), np.ones(3)))
    assert text.count(" lu ") == 1
    assert "linear_solve" not in text


def test_vmap_of_solve_shares_the_matrix():
    a, bs = random(3, 3, dtype="float64", shift=4), random(5, 3, dtype="float64")
    found = cr.vmap(cnp.linalg.solve, in_axes=(None, 0))(a, bs)
    np.testing.assert_allclose(found, np.linalg.solve(a, bs.T).T)
    text = str(cr.make_jaxpr(cr.vmap(cnp.linalg.solve, in_axes=(None, 0)))(a, bs))
    assert "linear_solve a" in text


# --- messages -------------------------------------------------------------------------

MESSAGES = [
    (lambda: cnp.linalg.cholesky(np.ones((2, 3))), ValueError,
     "cholesky: the matrices must be square, of shape (..., n, n); got (2, 3)."),
    (lambda: cnp.linalg.det(np.ones(3)), TypeError,
     "det: the operand must have rank at least 2, of shape (..., m, n); got shape"
     " (3,)."),
    (lambda: cnp.linalg.inv(np.ones((2, 2), np.float16)), NotImplementedError,
     "inv: Unsupported dtype float16; convert the operand of shape (2, 2) to float32 or"
     " float64."),
    (lambda: cnp.linalg.solve(np.eye(3), np.ones(2)), ValueError,
     "linear_solve: a of shape (3, 3) and b of shape (2, 1) do not fit; b must be"
     " (..., 3, k)."),
    (lambda: cnp.linalg.qr(np.eye(2), "full!"), ValueError,
     "qr: Unsupported QR decomposition mode 'full!'; use 'reduced', 'complete', 'r' or"
     " 'raw'."),
    (lambda: cnp.linalg.eigh(np.eye(2), "X"), ValueError,
     "eigh: UPLO must be one of None, 'L', or 'U', got 'X'."),
    (lambda: cnp.linalg.norm(np.eye(2), 7), ValueError,
     "norm: Invalid order '7' for matrix norm."),
    (lambda: cnp.linalg.norm(np.ones((2, 2, 2)), 2), ValueError,
     "norm: Improper number of axes for norm: axis=(0, 1, 2). Pass one axis to compute"
     " a vector-norm, or two axes to compute a matrix-norm."),
    (lambda: cnp.linalg.matrix_power(np.eye(2), 0.5), TypeError,
     "matrix_power: exponent must be an integer, got 0.5."),
    (lambda: cnp.linalg.multi_dot([np.eye(2)]), ValueError,
     "multi_dot: requires at least two arrays; got len(arrays)=1."),
    (lambda: cr.jacfwd(lambda x: cnp.linalg.svd(x)[0])(np.ones((3, 2))),
     NotImplementedError,
     "svd: the full u and vh of matrices that are not square have no derivative, as"
     " part of them is arbitrary; got shape (3, 2). Use full_matrices=False."),
    (lambda: cr.grad(lambda x: cr.lax.linalg.schur(x)[0].sum())(np.eye(2)),
     NotImplementedError, None),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_message(number):
    call, error, text = MESSAGES[number]
    with pytest.raises(error) as found:
        call()
    if text is not None:
        assert str(found.value) == text


@pytest.mark.parametrize(
    "name", ["cholesky", "det", "eig", "eigh", "inv", "norm", "pinv", "qr", "svd"]
)
def test_lists_are_refused(name):
    with pytest.raises(TypeError, match="requires ndarray or scalar arguments"):
        getattr(cnp.linalg, name)([1.0])
