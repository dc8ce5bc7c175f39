"""What the tests of dense linear algebra share: cases, matrices and residuals.

Residuals are held to a small multiple of the rounding error of the matrix size.
"""

import numpy as np
import pytest

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
BATCHES = [(), (3,), (2, 2), (0,), (2, 0)]
SHAPES = [(1, 1), (4, 4), (7, 3), (3, 7), (40, 40), (33, 50)]
SQUARE = [1, 2, 5, 40]

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)
every_batch = pytest.mark.parametrize("batch", BATCHES, ids=str)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_size = pytest.mark.parametrize("n", SQUARE)


def random(shape, dtype, seed=0):
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def adjoint(x):
    return x.conj().swapaxes(-1, -2)


def positive_definite(shape, dtype):
    x = random(shape, dtype)
    return x @ adjoint(x) + shape[-1] * np.eye(shape[-1], dtype=dtype)


def real_type(dtype):
    return np.zeros(0, dtype).real.dtype


def assert_equal(got, wanted, shape=None, factor=10):
    """Equal to `factor` times size times rounding error, relative to the largest."""
    assert got.dtype == wanted.dtype
    assert got.shape == (wanted.shape if shape is None else shape)
    if wanted.size == 0:
        return
    size = max(wanted.shape[-2:]) if wanted.ndim > 1 else wanted.shape[-1]
    scale = max(1.0, np.abs(wanted).max())
    error = np.abs(got - wanted).max()
    assert error <= factor * size * np.finfo(wanted.dtype).eps * scale


def assert_orthonormal(q):
    identity = np.broadcast_to(
        np.eye(q.shape[-1], dtype=q.dtype), (*q.shape[:-2], q.shape[-1], q.shape[-1])
    )
    assert_equal(adjoint(q) @ q, identity)


def assert_all_nan(*arrays):
    for x in arrays:
        assert x.size > 0 and np.isnan(x).all()
