"""Samples of cumulative reductions and of the linear recurrence."""

from __future__ import annotations

import numpy as np

from .shaping import Sample

floats = ("float16", "bfloat16", "float64")
numbers = (*floats, "complex64")
rng = np.random.default_rng(5)

spread = rng.permutation(12).reshape(3, 4).astype(np.float32) / 2 - 3
with_zeros = np.array([[0.5, 0.0, -1.5, 2.0], [2.0, 3.0, 0.0, 0.0]], np.float32)
integers = rng.integers(-4, 5, (3, 4)).astype(np.int32)
empty = np.zeros((0, 3), np.float32)
complexes = ((spread // 2) + 1j * spread[::-1]).astype(np.complex64)
infinite_parts = np.array(
    [complex(np.inf, 1), 2, complex(np.nan, 1), 3, complex(1, -np.inf)], np.complex64
)
infinite = np.array([-np.inf, -np.inf, 1.0, 3.0], np.float32)


def along(ufunc):
    """NumPy's accumulation by `ufunc`, from the other end with `reverse`."""

    def reference(x, axis, reverse):
        if not reverse:
            return ufunc.accumulate(x, axis)
        return np.flip(ufunc.accumulate(np.flip(x, axis), axis), axis)

    return reference


def log_of_sums(x, axis, reverse):
    """By the exponentials themselves."""
    return np.log(along(np.add)(np.exp(x), axis, reverse))


def _both_ways(name, args, reference, axis=0, **rest):
    return [
        Sample(name, args, {"axis": axis, "reverse": reverse}, reference, **rest)
        for reverse in (False, True)
    ]


def _recurrence(a, b, axis, reverse):
    z = np.zeros_like(b)
    before = np.zeros_like(np.take(b, 0, axis)) if b.shape[axis] else None
    order = range(b.shape[axis])
    for i in reversed(order) if reverse else order:
        before = np.take(a, i, axis) * before + np.take(b, i, axis)
        np.moveaxis(z, axis, 0)[i] = before
    return z


SAMPLES = [
    *_both_ways("cumsum", ((3, 4),), along(np.add), axis=1, dtypes=numbers),
    *_both_ways("cumsum", (integers,), along(np.add)),
    *_both_ways("cumsum", (empty,), along(np.add)),
    *_both_ways("cumprod", ((3, 4),), along(np.multiply), axis=1, dtypes=numbers),
    *_both_ways("cumprod", (with_zeros,), along(np.multiply), axis=1),
    *_both_ways("cumprod", (integers,), along(np.multiply)),
    *_both_ways("cumprod", (empty,), along(np.multiply)),
    *_both_ways("cummax", (spread,), along(np.maximum), axis=1, dtypes=floats),
    *_both_ways("cummax", (spread,), along(np.maximum)),
    *_both_ways("cummax", (integers,), along(np.maximum)),
    *_both_ways("cummin", (spread,), along(np.minimum), axis=1, dtypes=floats),
    *_both_ways("cummin", (integers,), along(np.minimum)),
    *_both_ways("cummin", (empty,), along(np.minimum)),
    *_both_ways("cumlogsumexp", ((3, 4),), along(np.logaddexp), axis=1, dtypes=floats),
    *_both_ways("cumlogsumexp", ((2, 9),), along(np.logaddexp), axis=1),
    *_both_ways("cumlogsumexp", (infinite,), along(np.logaddexp), differentiable=()),
    *_both_ways("cumlogsumexp", (empty,), along(np.logaddexp)),
    *_both_ways("cumprod", (complexes,), along(np.multiply), differentiable=()),
    *_both_ways(
        "cumprod", (infinite_parts[:1],), along(np.multiply), differentiable=()
    ),
    *_both_ways("cummax", (complexes,), along(np.maximum), 1, differentiable=()),
    *_both_ways("cummin", (complexes,), along(np.minimum), differentiable=()),
    *_both_ways("cummax", (infinite_parts,), along(np.maximum), differentiable=()),
    *_both_ways("cummin", (infinite_parts,), along(np.minimum), differentiable=()),
    *_both_ways("cumlogsumexp", (complexes / 4,), log_of_sums, 1, differentiable=()),
    *_both_ways("linear_recurrence", ((2, 5), (2, 5)), _recurrence, 1, dtypes=numbers),
    *_both_ways("linear_recurrence", ((4, 6), (4, 6)), _recurrence),
    *_both_ways("linear_recurrence", (empty, empty), _recurrence),
]
