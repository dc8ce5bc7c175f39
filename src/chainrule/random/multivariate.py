"""Normal vectors and orthogonal matrices: what needs linear algebra.

A normal vector of covariance C is the product of a square root of C and a vector of
independent normal numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, wrap
from ..numpy import linalg
from ..ops.arithmetic import mul_p
from ..ops.elementwise_complex import sign_p
from ..ops.elementwise_powers import sqrt_p
from ..ops.linalg_svd import svd_p
from ..ops.shaping import convert, reduce_sum_p
from .arguments import check_array_like, dtype_of, result_shape, shape_of, typed_key
from .normal import gauss


def multivariate_normal(
    key: Any,
    mean: Any,
    cov: Any,
    shape: Any = None,
    dtype: Any = None,
    method: str = "cholesky",
    *,
    out_sharding: Any = None,
) -> Array:
    """Normal vectors with given mean and covariance.

    Args:
        key: a key.
        mean: means, of shape (..., n).
        cov: covariances, of shape (..., n, n), symmetric and positive semidefinite; for
            "cholesky" positive definite.
        shape: the batch shape of the result; by default that of `mean` and `cov`.
        dtype: a floating-point dtype; by default that of `mean` and `cov`.
        method: how a square root of `cov` is found: "cholesky", "eigh" or "svd".
        out_sharding: accepted.

    Returns:
        Vectors, of shape `shape + (n,)`.

    Raises:
        ValueError: shapes do not fit, or the method is unknown.

    >>> import chainrule.numpy as cnp
    >>> from chainrule import random
    >>> mean, cov = cnp.zeros(2), cnp.asarray([[2.0, 1.0], [1.0, 2.0]])
    >>> random.multivariate_normal(random.key(0), mean, cov, (5,)).shape
    (5, 2)
    """
    name = "multivariate_normal"
    key = typed_key(name, key)
    check_array_like(name, mean)
    check_array_like(name, cov)
    if method not in _roots:
        raise ValueError(
            f"{name}: the method is {method!r}; use 'cholesky', 'eigh' or 'svd'."
        )
    mean, cov = as_array(mean, name), as_array(cov, name)
    own = dtypes.promote(*[(x.dtype, x.weak_type) for x in (mean, cov)])[0]
    dtype = dtype_of(name, dtypes.to_inexact(own) if dtype is None else dtype)
    shape = _batch_shape(name, shape, mean, cov)
    mean, cov = convert(mean, dtype), convert(cov, dtype)
    root = _roots[method](cov)
    z = gauss(key, (*shape, mean.shape[-1]), dtype)
    return mean + (root @ z[..., None])[..., 0]


def _batch_shape(name: str, shape: Any, mean: Any, cov: Any) -> tuple[int, ...]:
    n = mean.shape[-1:]
    if not n or cov.shape[-2:] != n * 2:
        raise ValueError(
            f"{name}: the mean must have shape (..., n) and the covariance (..., n, n);"
            f" got {mean.shape} and {cov.shape}."
        )
    batch = np.zeros(mean.shape[:-1], bool), np.zeros(cov.shape[:-2], bool)
    return result_shape(name, shape, *batch)


def _by_eigenvalues(values: Any, vectors: Any) -> Any:
    return mul_p(vectors, sqrt_p(values)[..., None, :])


def _eigh_root(cov: Any) -> Any:
    return _by_eigenvalues(*linalg.eigh(cov))


def _svd_root(cov: Any) -> Any:
    # Variates are those of LAPACK's signs.
    s, u, _ = svd_p(cov, full_matrices=False, compute_uv=True, algorithm="divide")
    return _by_eigenvalues(s, u)


_roots = {
    "cholesky": lambda cov: linalg.cholesky(cov),
    "eigh": _eigh_root,
    "svd": _svd_root,
}


def orthogonal(
    key: Any,
    n: int,
    shape: Any = (),
    dtype: Any = None,
    m: int | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Orthogonal (unitary) matrices, uniform by the Haar measure.

    Args:
        key: a key.
        n, m: rows and columns (`m` is `n` by default); where they differ, the shorter
            side is orthonormal.
        shape: the batch shape.
        dtype: a floating-point or complex dtype.
        out_sharding: accepted.

    Returns:
        Matrices, of shape `shape + (n, m)`: Q of the QR decomposition of a normal
        matrix, the signs of R's diagonal moved into it (Mezzadri 2007).

    >>> from chainrule import random
    >>> q = random.orthogonal(random.key(0), 3)
    >>> import chainrule.numpy as cnp
    >>> bool(cnp.allclose(q @ q.T, cnp.eye(3), atol=1e-5))
    True
    """
    name = "orthogonal"
    key, dtype = typed_key(name, key), dtype_of(name, dtype, "fc")
    m = n if m is None else m
    tall, thin = max(n, m), min(n, m)
    z = gauss(key, (*shape_of(name, shape), tall, thin), dtype)
    q, r = linalg.qr(z)
    diagonal = reduce_sum_p(
        mul_p(r, wrap(np.eye(thin, dtype=dtype))), axes=(r.ndim - 2,)
    )
    q = mul_p(q, sign_p(diagonal)[..., None, :])
    return q if n >= m else q.mT


__all__ = ["multivariate_normal", "orthogonal"]
