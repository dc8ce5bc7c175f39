"""Reductions, and functions by row that reduce and map: softmax, normalisations.

What a call must move is its argument, once; shares of a copy above 50% therefore mean
that a row-wise function keeps its rows in the caches between its passes.
"""

import numpy

from benchmarks.compiled import kernel, normals

GROUP = "reductions"
MATRIX = (lambda size: size // 1024, 1024)
NARROW = (lambda size: size // 64, 64)
CASES = "4K f32, 1M f64, 16M f32"


def numba_sum(numba):
    @numba.njit(parallel=True, fastmath={"reassoc"})
    def run(x):
        total = numpy.zeros((), x.dtype).item()
        for i in numba.prange(x.size):
            total += x[i]
        return total

    return run


kernel(
    GROUP,
    "sum",
    "sum(x * x)",
    lambda np, x: np.sum(x * x),
    normals(1),
    CASES,
    bound="copy",
)
kernel(
    GROUP,
    "mean_abs",
    "sum(abs(x) + 1)",
    lambda np, x: np.sum(np.abs(x) + 1),
    normals(1),
    "1K f32, 1M f32",
    bound="copy",
)
kernel(
    GROUP,
    "dot",
    "sum(abs(x * y))",
    lambda np, x, y: np.sum(np.abs(x * y)),
    normals(2),
    CASES,
    bound="copy",
)
kernel(
    GROUP,
    "rows",
    "sum(x**2, axis=1), rows of 1024",
    lambda np, x: np.sum(x**2, axis=1),
    normals(1, *MATRIX),
    "16K f32, 1M f64, 16M f32",
    bound="copy",
)
kernel(
    GROUP,
    "columns",
    "sum(x**2, axis=0), rows of 1024",
    lambda np, x: np.sum(x**2, axis=0),
    normals(1, *MATRIX),
    "16K f32, 1M f64, 16M f32",
    bound="copy",
)
kernel(
    GROUP,
    "max",
    "max(x)",
    lambda np, x: np.max(x),
    normals(1),
    "4K f32, 16M f32",
    bound="copy",
)
kernel(
    GROUP,
    "argmax",
    "argmax(x, axis=1), rows of 1024",
    lambda np, x: np.argmax(x, axis=1),
    normals(1, *MATRIX),
    "16K f32, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "argmin_flat",
    "argmin(x)",
    lambda np, x: np.argmin(x),
    normals(1),
    "4K f32, 4M f64",
    bound="copy",
)
kernel(
    GROUP,
    "variance",
    "mean and variance, rows of 64",
    lambda np, x: (
        np.mean(x, axis=1),
        np.mean((x - np.mean(x, axis=1, keepdims=True)) ** 2, axis=1),
    ),
    normals(1, *NARROW),
    "4K f32, 1M f64, 4M f32",
    bound="copy",
)


def softmax(np, x):
    e = np.exp(x - np.amax(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def layer_norm(np, x):
    centred = x - np.mean(x, axis=1, keepdims=True)
    spread = np.mean(centred * centred, axis=1, keepdims=True)
    return centred / np.sqrt(spread + 1e-5)


def log_sum_exp(np, x):
    top = np.amax(x, axis=1, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=1)) + top[:, 0]


kernel(
    GROUP,
    "softmax",
    "softmax, rows of 1024",
    softmax,
    normals(1, *MATRIX),
    "16K f32, 1M f64, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "softmax_narrow",
    "softmax, rows of 64",
    softmax,
    normals(1, *NARROW),
    "4K f32, 1M f32",
    bound="copy",
)
kernel(
    GROUP,
    "layer_norm",
    "layer norm, rows of 1024",
    layer_norm,
    normals(1, *MATRIX),
    "16K f32, 1M f64, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "log_sum_exp",
    "log-sum-exp, rows of 1024",
    log_sum_exp,
    normals(1, *MATRIX),
    "16K f32, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "distances",
    "squared distances of n points to 16, 8 coordinates",
    lambda np, x, y: np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1),
    lambda size: (*normals(1, lambda n: n, 8)(size), *normals(1, 16, 8)(size)),
    "256 f32, 16K f32, 16K f64",
)
