"""Samples of linear algebra: small, well-conditioned matrices, real and complex.

Vectors of factorisations are unique up to signs or phases only: their primitives are
compared with references where those are fixed (qr, lu), and otherwise through programs
of what does not depend on them.
"""

import numpy as np
import scipy.linalg

import chainrule.lax.linalg
import chainrule.scipy.linalg  # noqa: F401 (declares the primitives)
from chainrule.core.primitive import registry
from chainrule.ops.matrices import as_rows, conj, matmul, mH

from . import Program, Sample

_rng = np.random.default_rng(20)


def matrix(*shape, dtype=np.float32, shift=0.0):
    """Standard normal entries in quarters, `shift` added on the diagonal."""
    x = _rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * _rng.standard_normal(shape)
    return (np.round(4 * x) / 4 + shift * np.eye(*shape[-2:])).astype(dtype)


def hermitian(*shape, dtype=np.float32, shift=0.0):
    x = matrix(*shape, dtype=dtype)
    return ((x + adjoint(x)) / 2 + shift * np.eye(shape[-1])).astype(dtype)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def spread(*shape, dtype=np.float32):
    """Hermitian matrices with eigenvalues near 1, 3, 5, ..."""
    weights = np.diag(2.0 * np.arange(shape[-1]) + 1)
    return (weights + hermitian(*shape, dtype=dtype) / 8).astype(dtype)


WIDE = ("float64",)
C64 = np.complex64
no_derivative = ()


def stacked(fun):
    """A function of one matrix applied to stacks of them."""

    def apply(*xs, **params):
        batch = xs[0].shape[:-2]
        if not batch:
            return fun(*xs, **params)
        rows = [fun(*[x[i] for x in xs], **params) for i in np.ndindex(*batch)]
        if isinstance(rows[0], (tuple, list)):
            return [np.stack(c).reshape(*batch, *c[0].shape) for c in zip(*rows)]
        return np.stack(rows).reshape(*batch, *rows[0].shape)

    return apply


# --- triangular -----------------------------------------------------------------------


def triangular(x, y, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    a = np.tril(x) if lower else np.triu(x)
    if unit_diagonal:
        a = a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1])
    a = np.conj(a) if conjugate_a else a
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    if left_side:
        return np.linalg.solve(a, y).astype(x.dtype)
    y = np.swapaxes(y, -1, -2)
    return np.swapaxes(np.linalg.solve(np.swapaxes(a, -1, -2), y), -1, -2).astype(
        x.dtype
    )


def solve_params(left_side=True, lower=True, trans=False, conj=False, unit=False):
    return {
        "left_side": left_side, "lower": lower, "transpose_a": trans,
        "conjugate_a": conj, "unit_diagonal": unit,
    }  # fmt: skip


TRIANGULAR = [
    Sample("triangle", ((2, 3, 3),), {"lower": True, "diagonal": 0.5},
           lambda x: np.tril(x, -1) + 0.5 * x * np.eye(3, dtype=x.dtype), dtypes=WIDE),
    Sample("triangle", ((3, 4),), {"lower": False, "diagonal": 0.0},
           lambda x: np.triu(x, 1)),
    Sample("triangle", ((0, 2),), {"lower": False, "diagonal": 1.0}, np.triu),
    *[
        Sample("triangular_solve", (matrix(3, 3, shift=4), matrix(*shape)),
               solve_params(left, lower, trans, False, unit), triangular)
        for left, shape in ((True, (3, 2)), (False, (2, 3)))
        for lower, trans, unit in (
            (True, False, False), (False, False, True), (True, True, False),
        )
    ],
    Sample("triangular_solve", (matrix(2, 3, 3, shift=4), matrix(2, 3, 2)),
           solve_params(lower=False, trans=True), triangular, dtypes=WIDE),
    Sample("triangular_solve",
           (matrix(3, 3, dtype=C64, shift=4), matrix(3, 2, dtype=C64)),
           solve_params(trans=True, conj=True), triangular),
    Sample("triangular_solve",
           (matrix(3, 3, dtype=C64, shift=4), matrix(2, 3, dtype=C64)),
           solve_params(left_side=False, conj=True), triangular),
    Sample("triangular_solve", (matrix(0, 0), matrix(0, 2)), solve_params()),
    Sample("cholesky", (hermitian(3, 3, shift=4),), {}, np.linalg.cholesky,
           dtypes=WIDE),
    Sample("cholesky", (hermitian(2, 3, 3, dtype=C64, shift=6),), {},
           np.linalg.cholesky),
    Sample("cholesky", (matrix(0, 0),), {}, np.linalg.cholesky),
    Sample("cholesky_update", (np.triu(matrix(3, 3, shift=5)), matrix(1, 3)[0]), {},
           lambda r, w: np.linalg.cholesky(r.T @ r + np.outer(w, w)).T, dtypes=WIDE),
]  # fmt: skip


# --- LU, systems, determinants --------------------------------------------------------


def _lu(x):
    packed, pivots = scipy.linalg.lu_factor(x)
    order = np.arange(x.shape[0])
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    return packed, pivots.astype(np.int32), order.astype(np.int32)


def _cofactors(x):
    n = x.shape[-1]
    out = np.empty_like(x)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(x, i, -2), j, -1)
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


def _swaps(pivots, permutation_size):
    out = np.tile(
        np.arange(permutation_size, dtype=pivots.dtype), (*pivots.shape[:-1], 1)
    )
    for row in np.ndindex(*pivots.shape[:-1]):
        for i, j in enumerate(pivots[row]):
            out[row][[i, j]] = out[row][[j, i]]
    return out.reshape(*pivots.shape[:-1], permutation_size)


_packed, _, _order = _lu(matrix(3, 3, shift=3).astype(np.float32))

SYSTEMS = [
    Sample("lu", (matrix(3, 3),), {}, _lu, dtypes=WIDE),
    Sample("lu", (matrix(4, 2),), {}, _lu),
    Sample("lu", (matrix(2, 2, 4),), {}, stacked(_lu)),
    Sample("lu", (matrix(3, 3, dtype=C64),), {}, _lu),
    Sample("lu", (matrix(0, 3),), {}),
    Sample("lu_pivots_to_permutation", (np.array([[1, 2, 2], [0, 3, 3]], np.int32),),
           {"permutation_size": 4}, _swaps),
    Sample("lu_solve", (matrix(3, 3), _packed, _order, matrix(3, 2)),
           {"transpose_a": False},
           lambda a, lu, p, b: scipy.linalg.lu_solve((lu, np.arange(3)), b[p]),
           differentiable=(3,)),
    Sample("lu_solve", (matrix(3, 3), _packed, _order, matrix(3, 2)),
           {"transpose_a": True},
           lambda a, lu, p, b: scipy.linalg.lu_solve((lu, np.arange(3)), b, 1)[
               np.argsort(p)],
           differentiable=(3,)),
    Sample("linear_solve", (matrix(3, 3, shift=3), matrix(3, 2)), {}, np.linalg.solve,
           dtypes=WIDE),
    Sample("linear_solve",
           (matrix(2, 3, 3, dtype=C64, shift=4), matrix(2, 3, 1, dtype=C64)), {},
           np.linalg.solve),
    Sample("linear_solve", (matrix(0, 0), matrix(0, 2)), {}, np.linalg.solve),
    *[
        Sample("det", (matrix(2, n, n, shift=2),), {}, np.linalg.det, dtypes=WIDE)
        for n in (1, 2, 3, 4)
    ],
    Sample("det", (matrix(4, 4, dtype=C64),), {}, np.linalg.det),
    Sample("det", (np.diag([1.0, 2, 0, 3]).astype(np.float32),), {}, np.linalg.det,
           order=1),
    *[
        Sample("cofactors", (matrix(2, n, n, shift=2),), {}, _cofactors)
        for n in (1, 2, 3, 4)
    ],
    Sample("cofactors", (np.diag([1.0, 2, 0, 3]).astype(np.float32),), {}, _cofactors,
           differentiable=no_derivative),
    Sample("cofactors", (np.zeros((2, 2), np.float32),), {}, _cofactors),
    Sample("cofactors", (matrix(4, 4, dtype=C64, shift=2),), {}, _cofactors),
    Sample("slogdet", (matrix(2, 3, 3, shift=2),), {}, np.linalg.slogdet, dtypes=WIDE),
    Sample("slogdet", (matrix(3, 3, dtype=C64, shift=2),), {}, np.linalg.slogdet),
    Sample("tridiagonal_solve",
           (matrix(1, 4)[0], matrix(1, 4)[0] + 5, matrix(1, 4)[0], matrix(4, 2)),
           {"perturb_singular": False},
           lambda dl, d, du, b: np.linalg.solve(
               np.diag(d) + np.diag(dl[1:], -1) + np.diag(du[:-1], 1), b),
           dtypes=WIDE),
    Sample("tridiagonal_solve",
           tuple(np.zeros(s, np.float32) for s in (3, 3, 3, (3, 1))),
           {"perturb_singular": True}, differentiable=no_derivative),
]  # fmt: skip


# --- QR, singular values --------------------------------------------------------------


def _qr(x, full_matrices):
    return np.linalg.qr(x, "complete" if full_matrices else "reduced")


def _qr_pivoted(x, full_matrices):
    q, r, p = scipy.linalg.qr(
        x, mode="full" if full_matrices else "economic", pivoting=True
    )
    return q, r, p.astype(np.int32)


def _geqp3(x):
    (factors, taus), _, p = scipy.linalg.qr(x, mode="raw", pivoting=True)
    return factors, p.astype(np.int32), taus


def qr_params(pivoting=False, full_matrices=False):
    return {"pivoting": pivoting, "full_matrices": full_matrices}


def svd_params(compute_uv=True, full_matrices=False, algorithm="rotate"):
    return {
        "compute_uv": compute_uv, "full_matrices": full_matrices,
        "algorithm": algorithm,
    }  # fmt: skip


def _svd_function(x, **params):
    """s, and u (s + s^2) vh, which does not depend on signs or phases."""
    s, u, vh = registry["svd"](x, **params)
    return s, matmul(u * as_rows(s + s * s), vh)


def _svd_function_reference(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return s, (u * (s + s * s)[..., None, :]) @ vh


_flat = matrix(3, 4)
_deficient = np.stack([_flat, _flat])
_deficient[1, 2] = _deficient[1, 0] + _deficient[1, 1]
_tenth = np.full(2, 1e-3, np.float32)

ORTHOGONAL = [
    Sample("qr", (matrix(3, 3),), qr_params(), _qr, dtypes=WIDE),
    Sample("qr", (matrix(2, 4, 2, shift=2),), qr_params(), _qr),
    Sample("qr", (matrix(2, 4),), qr_params(full_matrices=True), _qr),
    Sample("qr", (matrix(4, 2),), qr_params(full_matrices=True), _qr,
           differentiable=no_derivative),
    Sample("qr", (matrix(4, 3, dtype=C64),), qr_params(), _qr),
    Sample("qr", (matrix(4, 3),), qr_params(pivoting=True), _qr_pivoted),
    Sample("qr", (matrix(4, 2),), qr_params(True, True), _qr_pivoted,
           differentiable=no_derivative),
    Sample("qr", (matrix(0, 2),), qr_params(), _qr),
    Sample("geqrf", (matrix(4, 3),), {},
           lambda x: scipy.linalg.qr(x, mode="raw")[0], dtypes=WIDE),
    Sample("geqp3", (matrix(4, 3),), {}, _geqp3),
    Sample("householder_product", (matrix(4, 2), np.zeros(2, np.float32)), {},
           lambda a, taus: np.eye(4, 2, dtype=a.dtype), dtypes=WIDE),
    Sample("ormqr", (matrix(3, 2), np.zeros(2, np.float32), matrix(3, 4)),
           {"left": True, "transpose": False}, lambda a, taus, c: c, dtypes=WIDE),
    Program("svd_function", (matrix(3, 3),), svd_params(), _svd_function_reference,
            function=_svd_function, exercises=("svd",), dtypes=WIDE),
    Program("svd_function", (matrix(2, 4, 2),), svd_params(), _svd_function_reference,
            function=_svd_function, exercises=("svd",)),
    Program("svd_function", (matrix(2, 4, dtype=C64),), svd_params(),
            _svd_function_reference, function=_svd_function, exercises=("svd",)),
    Sample("svd", (matrix(3, 2),), svd_params()),
    Sample("svd", (matrix(3, 3),), svd_params(full_matrices=True, algorithm="qr")),
    Sample("svd", (matrix(2, 2, 3),), svd_params(compute_uv=False),
           lambda x: [np.linalg.svd(x, compute_uv=False)]),
    Sample("svd", (matrix(4, 2),), svd_params(full_matrices=True),
           differentiable=no_derivative),
    Sample("pinv", (_deficient, _tenth), {},
           lambda x, rtol: np.linalg.pinv(x, 1e-3), differentiable=no_derivative),
    Sample("pinv", (matrix(2, 4, 3), _tenth), {},
           lambda x, rtol: np.linalg.pinv(x, 1e-3), differentiable=(0,)),
    Sample("pinv", (matrix(2, 4, dtype=C64), _tenth[0]), {},
           lambda x, rtol: np.linalg.pinv(x, 1e-3), differentiable=(0,)),
    Sample("least_squares", (matrix(4, 3), matrix(4, 2), _tenth[0]), {},
           lambda a, b, rtol: np.linalg.lstsq(a, b)[::3], differentiable=(0, 1)),
    Sample("least_squares", (matrix(2, 4), matrix(2, 1), _tenth[0]), {},
           lambda a, b, rtol: np.linalg.lstsq(a, b)[::3], differentiable=(0, 1)),
    Sample("least_squares",
           (matrix(3, 3, dtype=C64), matrix(3, 2, dtype=C64), _tenth[0]), {},
           lambda a, b, rtol: np.linalg.lstsq(a, b)[::3], differentiable=(0, 1)),
]  # fmt: skip


# --- eigenvalues ----------------------------------------------------------------------


def _eigh_function(x, **params):
    """w, and v (w + w^2) v^H."""
    v, w = registry["eigh"](x, **params)
    return w, matmul(v * as_rows(w + w * w), mH(v))


def _eigh_function_reference(x, lower):
    w, v = np.linalg.eigh(x, "L" if lower else "U")
    return w, (v * (w + w * w)[..., None, :]) @ adjoint(v)


def _eig_function(x):
    """Eigenvalues, and right vectors times conjugated left ones, entry by entry."""
    w, left, right = registry["eig"](x, left=True, right=True)
    return w, right * conj(left)


_distinct = (np.diag([1.0, 3, 6, 10]) + matrix(4, 4) / 8).astype(np.float32)
_turning = np.array([[1, -2, 0.5], [2, 1, 0.25], [0, 0.5, -3]], np.float32)
_pair = {"left": False, "right": True}


def _eigenvalues(x):
    return [scipy.linalg.eigvals(x).astype(np.result_type(x, C64))]


EIGEN = [
    Program("eigh_function", (spread(3, 3),), {"lower": True, "vectors": True},
            _eigh_function_reference, function=_eigh_function, exercises=("eigh",),
            dtypes=WIDE),
    Program("eigh_function", (spread(2, 3, 3, dtype=C64),),
            {"lower": False, "vectors": True}, _eigh_function_reference,
            function=_eigh_function, exercises=("eigh",)),
    Sample("eigh", (spread(3, 3),), {"lower": True, "vectors": True}),
    Sample("eigh", (matrix(2, 3, 3),), {"lower": False, "vectors": False},
           lambda x: [np.linalg.eigvalsh(x, "U")]),
    Sample("eigh", (matrix(0, 0),), {"lower": True, "vectors": True}),
    Program("eig_function", (_distinct,), {}, function=_eig_function,
            exercises=("eig",)),
    Sample("eig", (_turning,), _pair, dtypes=WIDE),
    Sample("eig", (_turning,), {"left": False, "right": False}, _eigenvalues),
    Sample("eig", ((_distinct + 1j * _distinct.T / 8).astype(C64),),
           {"left": True, "right": True}),
    Sample("eig", (matrix(0, 0),), _pair),
    Sample("hessenberg", (np.triu(matrix(3, 3), -1),), {},
           lambda x: (x, np.zeros(2, x.dtype)), dtypes=WIDE),
    Sample("hessenberg", (matrix(2, 3, 3),), {}),
    Sample("tridiagonal", (np.diag(np.array([1, 2, 3], np.float32)),), {"lower": True},
           lambda x: (x, np.diag(x), np.zeros(2, x.dtype), np.zeros(2, x.dtype))),
    Sample("tridiagonal", (hermitian(3, 3, dtype=C64),), {"lower": False}),
    Sample("schur", (np.triu(matrix(3, 3)),), {"compute_schur_vectors": True},
           lambda x: (x, np.eye(3, dtype=x.dtype)), dtypes=WIDE),
    Sample("schur", (matrix(2, 3, 3),), {"compute_schur_vectors": False}),
]  # fmt: skip


# --- functions of matrices ------------------------------------------------------------


def _frechet(a, e, max_squarings):
    return scipy.linalg.expm_frechet(a, e, compute_expm=False)


def _second(a, e, d, max_squarings):
    """A central difference of the derivative, extrapolated."""
    a, e, d = (np.asarray(x, np.float64) for x in (a, e, d))
    slope = lambda h: (
        (_frechet(a + h * d, e, 16) - _frechet(a - h * d, e, 16)) / (2 * h)
    )
    return (4 * slope(5e-4) - slope(1e-3)) / 3


def _expm(x, max_squarings):
    return scipy.linalg.expm(x)


def _polar(x):
    u, p = scipy.linalg.polar(x)
    return u, p


_expm_params = {"max_squarings": 16}
_upper = np.triu(matrix(3, 3)) + np.diag([1, 3, 6]).astype(np.float32)
_blocks = np.array([[1, 2, 0.5], [-3, 1, 0.25], [0, 0, 4]], np.float32)


def _complex_schur(t, z):
    return scipy.linalg.rsf2csf(t, z)


FUNCTIONS = [
    Sample("sylvester", (matrix(3, 3, shift=3), matrix(2, 2, shift=4), matrix(3, 2)),
           {}, scipy.linalg.solve_sylvester, dtypes=WIDE),
    Sample("sylvester",
           (matrix(2, 2, dtype=C64, shift=4), matrix(2, 2, dtype=C64, shift=4),
            matrix(2, 2, dtype=C64)), {}, scipy.linalg.solve_sylvester),
    Sample("sqrtm", (matrix(3, 3, shift=5),), {},
           lambda x: scipy.linalg.sqrtm(x).astype(np.result_type(x, C64)), dtypes=WIDE),
    Sample("sqrtm", (matrix(2, 2, 2, dtype=C64, shift=5),), {},
           stacked(scipy.linalg.sqrtm)),
    *[
        Sample("expm", ((scale * matrix(3, 3)).astype(np.float32),), _expm_params,
               _expm, dtypes=WIDE)
        for scale in (0.01, 0.1, 0.25, 0.5, 2.0)
    ],
    Sample("expm", (matrix(2, 2, 2, dtype=C64),), _expm_params, _expm),
    Sample("expm", (100 * np.eye(2, dtype=np.float32),), {"max_squarings": 1},
           lambda x: np.full((2, 2), np.nan, x.dtype), differentiable=no_derivative),
    *[
        Sample("expm_frechet",
               ((scale * matrix(3, 3)).astype(np.float32), matrix(3, 3)),
               _expm_params, _frechet, dtypes=WIDE)
        for scale in (0.01, 0.25, 1.0)
    ],
    Sample("expm_frechet",
           (0.5 * matrix(3, 3), matrix(3, 3, shift=1), matrix(3, 3, shift=2)),
           _expm_params, _second, dtypes=WIDE),
    Sample("polar", (matrix(4, 3),), {}, _polar, dtypes=WIDE),
    Sample("polar", (matrix(3, 3, dtype=C64, shift=2),), {}, _polar),
    Sample("qdwh", (matrix(4, 3),), {"max_iterations": 12, "eps": 1e-7}),
    Sample("rsf2csf", (_blocks, np.eye(3, dtype=np.float32)), {}, _complex_schur),
    Sample("parlett", (_upper, np.exp(np.diag(_upper))), {},
           lambda t, f: scipy.linalg.expm(t)),
]  # fmt: skip

SQUARE_SINGULAR = [
    Sample("svd", (matrix(3, 3),), svd_params(algorithm="divide")),
    Sample("svd", (matrix(3, 3),), svd_params()),
]

SAMPLES = [*TRIANGULAR, *SYSTEMS, *ORTHOGONAL, *EIGEN, *FUNCTIONS, *SQUARE_SINGULAR]
