"""Scans, sorts and indexing: what reads or writes in another order than it counts."""

import numpy

from benchmarks.budgets import AtMost
from benchmarks.compiled import generator, kernel, normals, program
from benchmarks.units import ms

GROUP = "indexing"
MATRIX = (lambda size: size // 1024, 1024)


def plus_indices(count, bound):
    """One normal array of the size, and `count(size)` indices below `bound(size)`."""

    def make(size):
        draw = generator(11)
        return (
            draw.standard_normal(size, numpy.float32),
            draw.integers(0, bound(size), count(size)),
        )

    return make


kernel(
    GROUP,
    "cumsum",
    "cumsum(x)",
    lambda np, x: np.cumsum(x, 0),
    lambda size: (generator(2).uniform(0, 1, size),),
    "1K f32, 1M f64, 16M f32",
    bound="copy",
    budgets={"16M f32": (AtMost(ms(8)),)},
    rtol={"f32": 1e-3, "f64": 1e-9},
)
kernel(
    GROUP,
    "cumsum_columns",
    "cumsum(x, axis=0), rows of 1024",
    lambda np, x: np.cumsum(x, 0),
    normals(1, *MATRIX),
    "16K f32, 4M f32",
    bound="copy",
)
program(
    GROUP,
    "cummax",
    "lax.cummax(x)",
    lambda lib, x: lib.lax.cummax(x),
    normals(1),
    "1K f32, 1M f64, 4M f32",
    bound="copy",
    others={
        "numpy": lambda np: np.maximum.accumulate,
        "torch": lambda torch: lambda x: torch.cummax(x, 0).values,
    },
)
kernel(
    GROUP,
    "sort",
    "sort(x)",
    lambda np, x: np.sort(x),
    normals(1),
    "1K f32, 1M f32, 1M f64",
    peers=("numpy",),
    others={"torch": lambda torch: lambda x: torch.sort(x).values},
    budgets={"1M f32": (AtMost(ms(20)),)},
)
kernel(
    GROUP,
    "sort_rows",
    "sort of rows of 64",
    lambda np, x: np.sort(x),
    normals(1, lambda size: size // 64, 64),
    "4K f32, 1M f32",
    peers=("numpy",),
    others={"torch": lambda torch: lambda x: torch.sort(x).values},
)
kernel(
    GROUP,
    "argsort",
    "argsort(x)",
    lambda np, x: np.argsort(x),
    lambda size: (generator(4).permutation(size).astype(numpy.float32),),
    "1K f32, 1M f32, 1M f64",
    budgets={"1M f32": (AtMost(ms(60)),)},
)
program(
    GROUP,
    "top_k",
    "8 largest of rows of 1024",
    lambda lib, x: lib.lax.top_k(x, 8)[0],
    normals(1, *MATRIX),
    "16K f32, 1M f32",
    others={"torch": lambda torch: lambda x: torch.topk(x, 8).values},
)
kernel(
    GROUP,
    "searchsorted",
    "places of n numbers among n",
    lambda np, x, y: np.searchsorted(np.sort(x), y),
    normals(2),
    "1K f32, 256K f32",
    peers=("numpy",),
)
kernel(
    GROUP,
    "gather",
    "x[i], n indices",
    lambda np, x, i: x[i],
    plus_indices(lambda size: size, lambda size: size),
    "1K f32, 1M f64, 4M f32",
    peers=("numpy",),
)
kernel(
    GROUP,
    "gather_rows",
    "table[i], rows of 64",
    lambda np, x, i: x[i],
    lambda size: (
        *normals(1, 1024, 64)(size),
        generator(8).integers(0, 1024, size),
    ),
    "64 f32, 64K f32",
    peers=("numpy",),
)
kernel(
    GROUP,
    "scatter_add",
    "zeros(n).at[i].add(x)",
    lambda np, x, i: np.zeros(x.shape, x.dtype).at[i].add(x),
    plus_indices(lambda size: size, lambda size: size),
    "1K f32, 1M f32, 1M f64",
    peers=(),
    others={
        "torch": lambda torch: lambda x, i: torch.zeros_like(x).index_add_(0, i, x)
    },
)


def numba_segments(numba):
    @numba.njit
    def run(x, i):
        sums = numpy.zeros(256, x.dtype)
        for k in range(x.size):
            sums[i[k]] += x[k]
        return sums

    return run


kernel(
    GROUP,
    "segments",
    "sums of n numbers by 256 labels",
    lambda np, x, i: np.zeros(256, x.dtype).at[i].add(x),
    plus_indices(lambda size: size, lambda size: 256),
    "1K f32, 1M f32",
    peers=(),
    others={
        "numpy": lambda np: lambda x, i: np.bincount(i, x, 256),
        "numba": numba_segments,
    },
    rtol={"f32": 1e-3, "f64": 1e-9},
)
kernel(
    GROUP,
    "along_axis",
    "take_along_axis by argsort, rows of 64",
    lambda np, x, y: np.take_along_axis(x, np.argsort(y, axis=1), axis=1),
    normals(2, lambda size: size // 64, 64),
    "4K f32, 1M f32",
    peers=("numpy",),
)
kernel(
    GROUP,
    "roll",
    "x - roll(x, 1)",
    lambda np, x: x - np.roll(x, 1),
    normals(1),
    "1K f32, 1M f64, 4M f32",
    bound="copy",
    others={"torch": lambda torch: lambda x: x - torch.roll(x, 1)},
    peers=("numpy",),
)
kernel(
    GROUP,
    "concatenate",
    "concatenate([x, 2 y, z]) + 1",
    lambda np, x, y, z: np.concatenate([x, 2 * y, z]) + 1,
    normals(3),
    "1K f32, 1M f64, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "reverse_strided",
    "x[::-2] * y[::2]",
    lambda np, x, y: x[::-2] * y[::2],
    normals(2),
    "1K f32, 4M f32",
    peers=("numpy",),
)
kernel(
    GROUP,
    "pad",
    "pad of an image by 2, n x n",
    lambda np, x: np.pad(x, 2) * 2,
    normals(1, lambda n: n, lambda n: n),
    "64 f32, 2K f32",
    bound="copy",
    peers=("numpy",),
)
