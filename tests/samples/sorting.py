"""Samples of sorting: sort with one and several keys, top_k; ties, NaN, signed zeros."""

import numpy as np

from .shaping import Sample

rng = np.random.default_rng(51)
apart = rng.permuted(np.linspace(-3, 3, 20)).reshape(4, 5).astype(np.float32)
values = rng.standard_normal((4, 5)).astype(np.float32)
ties = rng.integers(0, 3, (4, 6)).astype(np.int32)
special = np.array([2, np.nan, -0.0, 1, 0.0, -np.inf, np.nan, np.inf, -0.0], np.float32)
complexes = (rng.integers(0, 2, 9) + 1j * rng.permuted(np.arange(9))).astype(
    np.complex64
)

halves = np.array([1, 2, np.nan, -0.0, 0, np.nan, 1], np.float32)
pairs = np.zeros(7, np.complex64)
pairs.real, pairs.imag = halves, halves[[3, 2, 0, 4, 3, 5, 2]]
"""Zeros of both signs and NaNs in one part or both."""


def key(x):
    """What orders numbers: by real part, then imaginary part, NaN behind."""
    x = complex(x)
    return [(p != p, 0 if p != p else p) for p in (x.real, x.imag)]


def ordered(*xs, dimension, is_stable, num_keys):
    """Python's stable sort of the tuples of keys, lane by lane."""
    outs = [np.array(x) for x in xs]
    lanes = [np.moveaxis(x, dimension, -1) for x in outs]
    for b in np.ndindex(lanes[0].shape[:-1]):
        rows = [lane[b].copy() for lane in lanes]
        order = sorted(
            range(lanes[0].shape[-1]),
            key=lambda i: [key(r[i]) for r in rows[:num_keys]],
        )
        for lane, row in zip(lanes, rows):
            lane[b] = row[order]
    return outs


def largest(x, *, k, axis):
    lanes = np.moveaxis(x, axis, -1)
    chosen = np.zeros((*lanes.shape[:-1], k), np.int32)
    for b in np.ndindex(lanes.shape[:-1]):
        order = sorted(
            range(lanes.shape[-1]),
            key=lambda i: (not np.isnan(lanes[b][i]), -np.float64(lanes[b][i])),
        )
        chosen[b] = order[:k]
    found = np.take_along_axis(lanes, chosen, -1)
    return [np.moveaxis(found, -1, axis), np.moveaxis(chosen, -1, axis)]


def _sort(*xs, dimension=0, num_keys=1, **more):
    params = {"dimension": dimension, "is_stable": True, "num_keys": num_keys}
    return Sample("sort", xs, params, ordered, **more)


def _top_k(x, k, axis, **more):
    return Sample("top_k", (x,), {"k": k, "axis": axis}, largest, **more)


long = rng.permuted(np.arange(40, dtype=np.float32)) - 20

SAMPLES = [
    _sort(apart, dimension=1, dtypes=("float16", "bfloat16", "float64")),
    _sort(apart, dimension=0),
    _sort(special, differentiable=()),
    _sort(ties, dimension=1),
    _sort(ties.astype(np.uint8)),
    _sort(rng.random(7) > 0.5),
    _sort(complexes, dtypes=("complex128",), differentiable=()),
    _sort(complexes[:8].reshape(2, 2, 2), dimension=1, differentiable=()),
    _sort(pairs, dtypes=("complex128",), differentiable=()),
    _sort(pairs, complexes[:7], ties[0, [0, 1, 2, 3, 4, 5, 5]], differentiable=()),
    _sort(ties[0, [0, 1, 2, 3, 4, 5, 5]], pairs, num_keys=2, differentiable=()),
    _sort(apart, values, dimension=1, dtypes=("float64",)),
    _sort(long, long[::-1].copy()),
    _sort((long > 0).astype(np.uint32) + np.uint32(2**32 - 2), long, differentiable=(1,)),
    _sort(special, np.arange(9, dtype=np.int32), differentiable=()),
    _sort(ties, values[:, [0, 1, 2, 3, 4, 4]], dimension=1, num_keys=1),
    _sort(ties, apart[:, [0, 1, 2, 3, 4, 0]], dimension=1, num_keys=2,
          differentiable=()),
    _sort(apart[:, :, None], values[:, :, None], dimension=1),
    _sort(apart[:, :, None, None], dimension=1),
    _sort(np.zeros((0, 3), np.float32), dimension=0),
    _top_k(apart, 2, 1, dtypes=("float16", "bfloat16", "float64")),
    _top_k(apart, 3, 0),
    _top_k(long, 4, 0),
    _top_k(special, 5, 0, differentiable=()),
    _top_k(ties, 4, 1),
    _top_k(ties.astype(np.uint32), 0, 1),
]  # fmt: skip
