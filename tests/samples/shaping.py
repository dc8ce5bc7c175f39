"""Samples of shapes: broadcast, reshape, transpose, convert, join, split, slice, pad."""

from functools import partial

import numpy as np

from chainrule.ops.arithmetic import add_p
from chainrule.ops.joining import iota_p

from . import Program
from . import Sample as _Sample

every = ("float16", "bfloat16", "float64", "complex64", "complex128")
rng = np.random.default_rng(31)
integers = rng.integers(-9, 9, (3, 4)).astype(np.int32)
booleans = rng.random((3, 4)) > 0.5


def Sample(primitive, args, params, reference, **more):
    """A sample whose reference takes the parameters, too."""
    return _Sample(primitive, args, params, partial(reference, **params), **more)


def broadcast(x, *, shape, broadcast_dimensions):
    out = np.zeros(shape, x.dtype)
    sizes = [1] * len(shape)
    for n, d in zip(x.shape, broadcast_dimensions):
        sizes[d] = n
    out[...] = np.reshape(x, sizes)
    return out


def convert(x, *, new_dtype, weak_type):
    return (x.real if new_dtype.kind not in "cb" else x).astype(new_dtype)


def padded(x, value, *, padding_config):
    for axis, (low, high, inner) in enumerate(padding_config):
        row = np.full_like(x.take([0] if x.shape[axis] else [], axis), value)
        rows = []
        for i in range(x.shape[axis]):
            rows.append(x.take([i], axis))
            rows += [row] * (inner if i + 1 < x.shape[axis] else 0)
        shape = list(x.shape)
        shape[axis] = 1
        row = np.full(shape, value, x.dtype)
        rows = [row] * max(low, 0) + rows + [row] * max(high, 0)
        rows = rows[max(-low, 0) : len(rows) - max(-high, 0)]
        shape[axis] = 0
        x = np.concatenate([np.zeros(shape, x.dtype), *rows], axis)
    return x


def _sliced(x, *, start_indices, limit_indices, strides):
    for axis, (a, b) in enumerate(zip(start_indices, limit_indices)):
        x = x.take(range(a, b, strides[axis] if strides else 1), axis)
    return x


def parts(x, *, sizes, axis):
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


def tiled(x, *, reps):
    for axis, r in enumerate(reps):
        empty = x.take([], axis)
        x = np.concatenate([empty] + [x] * r, axis)
    return x


def counters(x):
    """Integer and floating-point counters along both dimensions, added to `x`."""
    whole = iota_p(dtype=i32, shape=(2, 3), dimension=1)
    return [add_p(x, iota_p(dtype=x.dtype, shape=(2, 3), dimension=0)), whole]


def counters_reference(x):
    return [x + np.arange(2).astype(x.dtype)[:, None], np.indices((2, 3))[1]]


f32, f64, i32, c64 = map(np.dtype, ("float32", "float64", "int32", "complex64"))
complexes = (rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3))).astype(c64)
one = np.float32(1.5)


def _broadcast(args, shape, dims, **more):
    params = {"shape": shape, "broadcast_dimensions": dims}
    return Sample("broadcast_in_dim", args, params, broadcast, **more)


def _convert(x, dtype, weak=False, **more):
    params = {"new_dtype": dtype, "weak_type": weak}
    return Sample("convert_element_type", (x,), params, convert, **more)


def _slice(x, start, limit, strides=None, **more):
    params = {"start_indices": start, "limit_indices": limit, "strides": strides}
    return Sample("slice", (x,), params, _sliced, **more)


def _pad(x, value, *config, **more):
    return Sample("pad", (x, value), {"padding_config": config}, padded, **more)


SAMPLES = [
    _broadcast(((3,),), (2, 3), (1,), dtypes=every),
    _broadcast(((2, 1),), (2, 3, 4), (0, 2)),
    _broadcast(((),), (2, 2), ()),
    _broadcast(((0, 1),), (0, 3), (0, 1)),
    _broadcast((integers,), (3, 2, 4), (0, 2)),
    Sample("reshape", ((2, 6),), {"new_sizes": (3, 4)},
           lambda x, new_sizes: np.reshape(x, new_sizes), dtypes=every),
    Sample("reshape", ((1,),), {"new_sizes": ()},
           lambda x, new_sizes: np.reshape(x, new_sizes)),
    Sample("reshape", ((0, 3),), {"new_sizes": (3, 0, 2)},
           lambda x, new_sizes: np.reshape(x, new_sizes)),
    Sample("transpose", ((2, 3, 4),), {"permutation": (2, 0, 1)},
           lambda x, permutation: np.transpose(x, permutation), dtypes=every),
    Sample("transpose", (booleans,), {"permutation": (1, 0)},
           lambda x, permutation: np.transpose(x, permutation)),
    _convert((2, 3), f32, order=1),
    _convert((2, 3), np.dtype("float16"), differentiable=()),
    _convert((2, 3), c64),
    _convert(complexes, f32),
    _convert((2, 3), i32),
    _convert(integers, f32),
    _convert(booleans, f32, True),
    _convert((0,), np.dtype("int8")),
    Sample("squeeze", ((1, 3, 1),), {"dimensions": (0, 2)},
           lambda x, dimensions: np.reshape(x, (3,)), dtypes=every),
    Sample("squeeze", ((2, 1),), {"dimensions": (1,)},
           lambda x, dimensions: np.reshape(x, (2,))),
    Sample("rev", ((2, 3, 2),), {"dimensions": (0, 1)},
           lambda x, dimensions: x[::-1, ::-1], dtypes=every),
    Sample("rev", (integers,), {"dimensions": (1,)}, lambda x, dimensions: x[:, ::-1]),
    Sample("concatenate", ((2, 3), (2, 1), (2, 2)), {"dimension": 1},
           lambda *xs, dimension: np.hstack(xs), dtypes=every),
    Sample("concatenate", ((2,), (0,)), {"dimension": 0},
           lambda *xs, dimension: np.hstack(xs)),
    Sample("concatenate", (integers, integers), {"dimension": 0},
           lambda *xs, dimension: np.vstack(xs)),
    Sample("split", ((2, 5),), {"sizes": (2, 0, 3), "axis": 1}, parts, dtypes=every),
    Sample("split", (integers,), {"sizes": (1, 2), "axis": 0}, parts),
    Sample("tile", ((2, 3),), {"reps": (2, 3)}, tiled, dtypes=every),
    Sample("tile", ((2, 3),), {"reps": (0, 1)}, tiled),
    Program("added to counters", ((2, 3),), {}, counters_reference, function=counters,
            exercises=("iota",), dtypes=("float16", "float64", "complex64")),
    _slice((5, 6), (1, 0), (4, 6), dtypes=every),
    _slice((7,), (1,), (7,), (3,)),
    _slice((4, 3), (2, 1), (2, 3), (1, 2)),
    _slice(integers, (0, 1), (3, 4), (2, 1)),
    _pad((2, 3), one, (1, 2, 0), (0, 1, 2), dtypes=every),
    _pad((4,), one, (-1, 2, 1)),
    _pad((5, 2), one, (2, -3, 1), (-1, -1, 0)),
    _pad((0, 2), one, (1, 1, 2), (0, 1, 0)),
    _pad(integers, np.int32(7), (1, 0, 0), (0, 0, 1)),
    _pad(booleans, np.bool_(True), (1, 1, 0), (0, 2, 1)),
]  # fmt: skip
