"""Linear algebra: factorisations and solves of one matrix, and of many small ones.

Results that have a free sign or order are compared by what has none.
"""

import numpy

from benchmarks.compiled import generator, kernel, normals, program

GROUP = "linalg"
LOOSE = {"f32": 2e-3, "f64": 1e-8}


def positive(side, batch=()):
    """A positive definite matrix, or a batch of them, and a right-hand side."""

    def make(size):
        n = side or size
        shape = (*batch, n, n) if side is None else (size, n, n)
        x = generator(6).standard_normal(shape)
        a = x @ numpy.swapaxes(x, -1, -2) / n + numpy.eye(n)
        return a, generator(7).standard_normal((*shape[:-1], 1))

    return make


def linear(name, title, function, inputs, cases, small=128, **options):
    kernel(
        GROUP, name, title, function, inputs, cases, rtol=LOOSE, small=small, **options
    )


one, eights = positive(None), positive(8)
square = lambda n: n
linear(
    "cholesky",
    "cholesky, n x n",
    lambda np, a, b: np.linalg.cholesky(a),
    one,
    "8 f32, 128 f64, 512 f32",
)
linear(
    "cholesky_batch",
    "cholesky, n of 8 x 8",
    lambda np, a, b: np.linalg.cholesky(a),
    eights,
    "16 f32, 4K f32, 4K f64",
)
linear(
    "solve",
    "solve, n x n",
    lambda np, a, b: np.linalg.solve(a, b),
    one,
    "8 f32, 128 f64, 512 f32",
)
linear(
    "solve_batch",
    "solve, n of 8 x 8",
    lambda np, a, b: np.linalg.solve(a, b),
    eights,
    "16 f32, 4K f32",
)
linear(
    "inverse_batch",
    "inv, n of 4 x 4",
    lambda np, a, b: np.linalg.inv(a),
    positive(4),
    "16 f32, 4K f32",
)
linear(
    "determinant_batch",
    "det, n of 3 x 3",
    lambda np, a, b: np.linalg.det(a),
    positive(3),
    "16 f32, 16K f32",
)
linear(
    "qr",
    "|R| of qr, n x n",
    lambda np, x: np.abs(np.linalg.qr(x)[1]),
    normals(1, square, square),
    "32 f32, 256 f32, 256 f64",
)
linear(
    "svd",
    "singular values, n x n",
    lambda np, x: np.linalg.svd(x)[1],
    normals(1, square, square),
    "32 f32, 128 f64",
)
linear(
    "eigh",
    "eigenvalues and |vectors|, n x n",
    lambda np, a, b: (np.linalg.eigh(a)[0], np.abs(np.linalg.eigh(a)[1])),
    one,
    "32 f32, 128 f64",
)
program(
    GROUP,
    "triangular",
    "triangular solve, n x n, 64 sides",
    lambda lib, a, b: lib.scipy.linalg.solve_triangular(a, b, lower=True),
    lambda n: (
        numpy.tril(generator(6).standard_normal((n, n)) / n) + numpy.eye(n),
        *normals(1, n, 64)(n),
    ),
    "32 f32, 512 f32",
    rtol=LOOSE,
    small=128,
)
program(
    GROUP,
    "expm",
    "expm, n x n",
    lambda lib, x: lib.scipy.linalg.expm(x / x.shape[0]),
    normals(1, square, square),
    "8 f32, 128 f64",
    rtol=LOOSE,
    small=128,
)


def log_determinant_gradient(lib, a, b):
    def objective(a):
        factor = lib.numpy.linalg.cholesky(a)
        logs = lib.numpy.log(lib.numpy.diagonal(factor))
        return 2 * lib.numpy.sum(logs)

    return lib.grad(objective)(a)


program(
    GROUP,
    "logdet_grad",
    "gradient of log det by cholesky, n x n",
    log_determinant_gradient,
    one,
    "8 f32, 256 f64",
    rtol=LOOSE,
    small=128,
)
