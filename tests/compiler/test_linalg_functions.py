"""Functions of matrices and reductions in compiled programs: steps without Python, with
the bits of evaluation, for real and complex matrices, one and many, small and large.
"""

import numpy as np
import pytest

import chainrule as cr
import chainrule.lax as lax
import chainrule.scipy.linalg as linalg
from chainrule.ops.linalg_condensed import parlett_p, rsf2csf_p
from chainrule.ops.linalg_eigen import eig_p, hessenberg_p, schur_p, tridiagonal_p
from chainrule.ops.linalg_functions import expm_frechet_p, expm_p, sqrtm_p, sylvester_p
from chainrule.ops.linalg_lu import cofactors_p, slogdet_p
from chainrule.ops.linalg_polar import polar_p, qdwh_p
from chainrule.ops.linalg_qr import (
    geqp3_p,
    geqrf_p,
    householder_product_p,
    ormqr_p,
    qr_p,
)
from chainrule.ops.linalg_svd import least_squares_p, pinv_p
from chainrule.ops.linalg_triangular import cholesky_update_p, triangular_solve

BATCHES = [(), (5,), (0,), (2, 20)]


def matrices(*shape, dtype, seed=0):
    rng = np.random.default_rng([seed, *shape])
    x = rng.standard_normal((2, *shape))
    return (x[0] + 1j * x[1] if dtype == np.complex64 else x[0]).astype(dtype)


def tolerances(a):
    return np.full(a.shape[:-2], 1e-6, a.real.dtype)


PROGRAMS = {
    "expm": lambda a, b: expm_p(a, max_squarings=16),
    "expm_frechet": lambda a, b: expm_frechet_p(a, b, max_squarings=16),
    "second derivative": lambda a, b: expm_frechet_p(a, b, b, max_squarings=16),
    "sqrtm": lambda a, b: sqrtm_p(a),
    "sylvester": lambda a, b: sylvester_p(a, b, b),
    "parlett": lambda a, b: parlett_p(a, b[..., 0]),
    "rsf2csf": lambda a, b: rsf2csf_p(a, b),
    "eig": lambda a, b: eig_p(a, left=True, right=True),
    "eigenvalues": lambda a, b: eig_p(a, left=False, right=False),
    "schur": lambda a, b: schur_p(a, compute_schur_vectors=True),
    "schur form": lambda a, b: schur_p(a, compute_schur_vectors=False),
    "hessenberg": lambda a, b: hessenberg_p(a),
    "tridiagonal": lambda a, b: tridiagonal_p(a, lower=True),
    "geqrf": lambda a, b: geqrf_p(a[..., :2]),
    "geqp3": lambda a, b: geqp3_p(a[..., :2]),
    "pivoted qr": lambda a, b: qr_p(a[..., :2], pivoting=True, full_matrices=True),
    "narrow pivoted qr": lambda a, b: qr_p(
        a[..., :2], pivoting=True, full_matrices=False
    ),
    "householder_product": lambda a, b: householder_product_p(a, b[..., 0]),
    "ormqr": lambda a, b: ormqr_p(a, b[..., 0], b, left=True, transpose=True),
    "cofactors": lambda a, b: cofactors_p(a),
    "pinv": lambda a, b: pinv_p(a[..., :2], tolerances(a)),
    "least_squares": lambda a, b: least_squares_p(a[..., :2], b, tolerances(a)),
    "polar": lambda a, b: polar_p(a[..., :2]),
    "qdwh": lambda a, b: qdwh_p(a[..., :2], max_iterations=12, eps=1e-7),
    "cholesky_update": lambda a, b: cholesky_update_p(a, b[..., 0]),
}


def assert_native(f, *args):
    assert "host" not in {step.kind for step in cr.explain(f)(*args).steps}


def assert_same_bits(f, *args):
    flat = lambda ys: [np.asarray(y) for y in cr.tree.leaves(ys)]
    for x, y in zip(flat(cr.jit(f)(*args)), flat(f(*args)), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("n", [2, 4, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_compiled_programs_have_the_bits_of_eager_ones(name, n, dtype, batch):
    if name == "cofactors" and dtype == np.float32 and n <= 3:
        n = 5  # The small ones are expressions.
    a, b = (matrices(*batch, n, n, dtype=dtype, seed=s) for s in (0, 1))
    if 0 not in batch:
        assert_native(PROGRAMS[name], a, b)
    assert_same_bits(PROGRAMS[name], a, b)


@pytest.mark.parametrize("name", ["triangular", "slogdet"])
@pytest.mark.parametrize("n", [1, 3, 12])
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_complex_systems_and_determinants(name, n, batch):
    f = {
        "triangular": lambda a, b: triangular_solve(a, b, conjugate_a=True),
        "slogdet": lambda a, b: slogdet_p(a),
    }[name]
    a, b = (matrices(*batch, n, n, dtype=np.complex64, seed=s) for s in (0, 1))
    if 0 not in batch:
        assert_native(f, a, b)
    assert_same_bits(f, a, b)


@pytest.mark.parametrize("n", [4, 12])
def test_loops_of_exponentials_are_native(n):
    f = lambda x: lax.fori_loop(0, 10, lambda _, c: linalg.expm(0.1 * c) - c, x)
    x = matrices(n, n, dtype=np.float32) / 4
    assert_native(f, x)
    expected = x
    for _ in range(10):
        expected = linalg.expm(0.1 * expected) - expected
    np.testing.assert_allclose(cr.jit(f)(x), expected, rtol=1e-4, atol=1e-5)
