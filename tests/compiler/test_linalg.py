"""Linear algebra in compiled programs: kernels of the runtime, and expressions."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.lax as lax
import chainrule.numpy as cnp

SIZES = (1, 2, 3, 4, 8, 9, 20)


def normals(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def positive(*shape, dtype=np.float32):
    x = normals(*shape, dtype=dtype)
    return x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1], dtype=dtype)


def kinds(function, *args):
    return {step.kind for step in cr.explain(function)(*args).steps}


def both(function, *args):
    """Results, compiled and eager, as NumPy arrays."""
    flat = lambda ys: [np.asarray(y) for y in cr.tree.leaves(ys)]
    return flat(cr.jit(function)(*args)), flat(function(*args))


PROGRAMS = {
    "cholesky": lambda a, b: cnp.linalg.cholesky(a),
    "lu": lambda a, b: lax.linalg.lu(a),
    "solve": cnp.linalg.solve,
    "inverse": lambda a, b: cnp.linalg.inv(a),
    "qr": lambda a, b: cnp.linalg.qr(a),
    "eigh": lambda a, b: cnp.linalg.eigh(a),
    "svd": lambda a, b: cnp.linalg.svd(a),
    "values": lambda a, b: cnp.linalg.svd(a, compute_uv=False),
    "triangular": lambda a, b: lax.linalg.triangular_solve(
        a, b, left_side=True, lower=True, transpose_a=True
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("batch", [(), (5,), (0,), (2, 40)], ids=str)
def test_compiled_programs_have_the_bits_of_eager_ones(name, n, batch):
    a, b = positive(*batch, n, n), normals(*batch, n, 2, seed=1)
    if 0 not in batch:
        assert "host" not in kinds(PROGRAMS[name], a, b)
    compiled, eager = both(PROGRAMS[name], a, b)
    for x, y in zip(compiled, eager, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("n", SIZES)
def test_determinants_and_their_gradients(n):
    a = normals(33, n, n)
    for f in (cnp.linalg.det, lambda x: cnp.stack(cnp.linalg.slogdet(x))):
        (compiled,), _ = both(f, a)
        wide = np.asarray(f(a.astype(np.float64)))
        scale = np.abs(wide).max()
        np.testing.assert_allclose(compiled / scale, wide / scale, atol=1e-5)
        assert "host" not in kinds(f, a)
    gradient = cr.grad(lambda x: cnp.sum(cnp.linalg.det(x)))
    (compiled,), (eager,) = both(gradient, a)
    scale = np.abs(eager).max()
    np.testing.assert_allclose(compiled / scale, eager / scale, atol=2e-5)


@pytest.mark.parametrize("n", [2, 3])
def test_small_determinants_are_part_of_their_neighbours(n):
    f = lambda x, y: cnp.sin(cnp.linalg.det(cnp.exp(x) * y)) + 1
    x, y = normals(50, n, n), normals(50, n, n, seed=1)
    assert {s.kind for s in cr.explain(f)(x, y).steps} == {"kernel"}
    np.testing.assert_allclose(cr.jit(f)(x, y), f(x, y), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_determinants_of_singular_matrices(n):
    a = normals(40, n, n)
    a[3] = 0
    a[4, :, 0] = 0
    a[5, 0, 0] = np.nan
    a[6] = np.inf
    with np.errstate(invalid="ignore"):
        found, wanted = np.asarray(cr.jit(cnp.linalg.det)(a)), np.linalg.det(a)
    assert (found[3:5] == 0).all()
    np.testing.assert_array_equal(np.isnan(found[5:]), np.isnan(wanted[5:]))
    sign, logarithm = cr.jit(cnp.linalg.slogdet)(a)
    assert (np.asarray(sign)[3:5] == 0).all()
    assert (np.asarray(logarithm)[3:5] == -np.inf).all()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_determinants_do_not_overflow_on_the_way(order):
    entries = np.array([1e25, 1e-25, 3e25], np.float32)[list(order)]
    a = np.broadcast_to(np.diag(entries), (20, 3, 3))
    np.testing.assert_allclose(cr.jit(cnp.linalg.det)(a), np.float32(3e25), rtol=1e-5)


def test_exchanged_rows_turn_the_sign():
    identity = np.eye(3, dtype=np.float32)
    orders = [(0, 1, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)]
    a = np.stack([identity[list(order)] for order in orders])
    np.testing.assert_array_equal(cr.jit(cnp.linalg.det)(a), [1, -1, -1, -1, 1, 1])


def test_one_large_problem():
    a = positive(300, 300, dtype=np.float32)
    factor = np.asarray(cr.jit(cnp.linalg.cholesky)(a))
    np.testing.assert_array_equal(factor, np.asarray(cnp.linalg.cholesky(a)))


def test_q_is_not_computed_where_nobody_reads_it():
    f = lambda x: cnp.abs(cnp.linalg.qr(x)[1])
    names = [s.what for s in cr.explain(f)(normals(30, 20)).steps]
    assert not any("basis" in name for name in names)


def test_swaps_to_permutations():
    pivots = np.array([[2, 1, 3, 3], [0, 3, 2, 3]], np.int32)
    f = lambda p: lax.linalg.lu_pivots_to_permutation(p, 5)
    np.testing.assert_array_equal(cr.jit(f)(pivots), f(pivots))
    assert "host" not in kinds(f, pivots)
