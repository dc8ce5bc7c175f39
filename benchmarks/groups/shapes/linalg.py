"""Linear algebra of one matrix and of many, and Fourier transforms of all lengths.

Results that have a free sign are compared by what has none.
"""

from functools import partial

import numpy

from benchmarks.shapes import Family, Input, complex_normal, gradient, normal

family = Family("linalg")
LOOSE = 2e-3


def dominant(*shape):
    """Matrices with a heavy diagonal."""
    n = shape[-1]
    draw = lambda source, shape: source.standard_normal(shape) + n * numpy.eye(n)
    return Input(shape, "float32", draw)


def positive(*shape):
    """Positive definite matrices."""

    def draw(source, shape):
        x = source.standard_normal(shape)
        return x @ numpy.swapaxes(x, -1, -2) / shape[-1] + numpy.eye(shape[-1])

    return Input(shape, "float32", draw)


def inverse(np, a):
    return np.linalg.inv(a)


def solution(lib, a, b):
    return lib.numpy.linalg.solve(a, b)


def factor(lib, a):
    return lib.numpy.linalg.cholesky(a)


def determinant(np, a):
    return np.linalg.det(a / a.shape[-1])


def eigenvalues_and_more(np, a):
    values, vectors = np.linalg.eigh(a)
    return values, np.sum(np.abs(vectors), axis=-2)


def orthogonal(np, a):
    q, r = np.linalg.qr(a)
    return np.abs(q), np.abs(r)


def singular(np, a):
    u, s, v = np.linalg.svd(a, full_matrices=False)
    return s, np.abs(u[..., 0]), np.abs(v[..., 0, :])


def declare(title, function, *inputs):
    family.program(title, function, *inputs, rtol=LOOSE)


def over_numpy(function):
    return lambda lib, *arrays: function(lib.numpy, *arrays)


MANY = ((1000, 16, 16), (200, 32, 32), (10_000, 3, 3))
for shape in ((700, 700), *MANY):
    declare("cholesky", factor, positive(*shape))
    declare("solve, 4 sides", solution, dominant(*shape), normal(*shape[:-1], 4))
for shape in ((200, 200), *MANY[::2]):
    declare("inv", over_numpy(inverse), dominant(*shape))
    declare("qr", over_numpy(orthogonal), dominant(*shape))
declare("det", over_numpy(determinant), dominant(200, 200))
declare("det", over_numpy(determinant), dominant(200, 32, 32))
for shape in MANY[:2]:
    declare(
        "gradients of solve",
        gradient(solution, 0, 1),
        dominant(*shape),
        normal(*shape[:-1], 4),
    )
    declare("gradient of cholesky", gradient(factor), positive(*shape))
for shape in ((50, 50), (10_000, 3, 3)):
    declare("eigh", over_numpy(eigenvalues_and_more), positive(*shape))
    declare("svd", over_numpy(singular), normal(*shape))
declare("svd", over_numpy(singular), normal(300, 20))
declare(
    "lstsq",
    lambda lib, a, b: lib.numpy.linalg.lstsq(a, b)[0],
    normal(500, 20),
    normal(500),
)
declare(
    "triangular solve",
    lambda lib, a, b: lib.scipy.linalg.solve_triangular(a, b, lower=True),
    dominant(300, 300),
    normal(300, 7),
)


def spectrum(np, x, **options):
    y = np.fft.fft(x, **options)
    return y.real, y.imag


for length in ((65_536,), (10_007,), (1000, 100), (7, 3, 210)):
    family.kernel("fft", spectrum, complex_normal(*length))
family.kernel("fft, axis 0", partial(spectrum, axis=0), complex_normal(256, 300))
family.kernel("|rfft2|", lambda np, x: np.abs(np.fft.rfft2(x)), normal(512, 512))
family.kernel(
    "irfft(rfft)", lambda np, x: np.fft.irfft(np.fft.rfft(x)), normal(64, 1024)
)
