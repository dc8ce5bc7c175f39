"""Samples of indexing: gather, the scatters, dynamic slices; references are loops."""

import itertools

import numpy as np

from chainrule.ops.windows import (
    GatherDimensionNumbers,
    GatherScatterMode,
    ScatterDimensionNumbers,
)

from .shaping import Sample

CLIP, DROP = GatherScatterMode.CLIP, GatherScatterMode.FILL_OR_DROP
every = ("float16", "float64", "complex64", "complex128")
rng = np.random.default_rng(41)


def indices(*rows):
    return np.array(rows, np.int32)


def windows(shape, index, sizes, index_map, along, along_index, mode):
    """(batch position, start) of each window; start None where it is out of bounds."""
    for b in np.ndindex(index.shape[:-1]):
        start = [0] * len(shape)
        for k, d in enumerate(index_map):
            start[d] = int(index[(*b, k)])
        for d, e in zip(along, along_index):
            start[d] = b[e]
        limits = [n - s for n, s in zip(shape, sizes)]
        if mode is CLIP:
            start = [min(max(s, 0), m) for s, m in zip(start, limits)]
        elif any(not 0 <= s <= m for s, m in zip(start, limits)):
            yield b, None
            continue
        yield b, start


def position(batch, offset, dims):
    """The index of a window's element: offsets at `dims`, the batch elsewhere."""
    batch, offset = list(batch), list(offset)
    return tuple(
        offset.pop(0) if d in dims else batch.pop(0)
        for d in range(len(batch) + len(offset))
    )


def elements(start, sizes, dropped):
    """(offset in the window without dropped dimensions, index in the operand)."""
    for o in itertools.product(*map(range, sizes)):
        kept = tuple(v for d, v in enumerate(o) if d not in dropped)
        yield kept, tuple(a + b for a, b in zip(start, o))


def gathered(x, index, *, dimension_numbers, slice_sizes, mode, fill_value, **_):
    offset, collapsed, index_map, along, along_index = dimension_numbers
    dropped = (*collapsed, *along)
    window = [s for d, s in enumerate(slice_sizes) if d not in dropped]
    shape = position(index.shape[:-1], window, offset)
    fill = np.nan if fill_value is None and x.dtype.kind in "fc" else fill_value
    fill = np.iinfo(x.dtype).min if fill is None else fill
    out = np.full(shape, fill, x.dtype)
    found = windows(x.shape, index, slice_sizes, index_map, along, along_index, mode)
    for b, start in found:
        for kept, source in elements(start, slice_sizes, dropped) if start else ():
            out[position(b, kept, offset)] = x[source]
    return out


def scattered(combine):
    def reference(x, index, updates, *, dimension_numbers, mode, **_):
        window, inserted, index_map, along, along_index = dimension_numbers
        dropped = (*inserted, *along)
        sizes = [updates.shape[d] for d in window]
        sizes = [1 if d in dropped else sizes.pop(0) for d in range(x.ndim)]
        out = np.array(x)
        for b, start in windows(
            x.shape, index, sizes, index_map, along, along_index, mode
        ):
            for kept, target in elements(start, sizes, dropped) if start else ():
                u = updates[position(b, kept, window)]
                out[target] = combine(out[target], u)
        return out

    return reference


combinations = {
    "scatter": lambda a, b: b,
    "scatter-add": lambda a, b: a + b,
    "scatter-sub": lambda a, b: a - b,
    "scatter-mul": lambda a, b: a * b,
    "scatter-min": np.minimum,
    "scatter-max": np.maximum,
}

ROWS = ((1,), (0,), (0,))  # rows of a matrix
POINTS = ((), (0, 1), (0, 1))  # elements of a matrix
BLOCKS = ((1, 2), (), (0, 1))  # blocks of a matrix
COLUMNS = ((0,), (1,), (1,))  # columns of a matrix, side by side
ALONG = ((), (1,), (1,), (0,), (0,))  # an element of each row

matrix = rng.permuted(np.linspace(-2, 2, 20)).reshape(4, 5).astype(np.float32)
integers = rng.integers(-9, 9, (4, 5)).astype(np.int32)
complexes = (np.round(matrix) + 1j * matrix[::-1]).astype(np.complex64)
rows = indices([2], [0], [2])
outside = indices([1], [4], [-1], [3])
points = indices([1, 2], [0, 4], [3, 0])
corners = indices([0, 1], [2, 3], [3, 4])
places = indices([0], [3], [1], [4])


def _gather(x, index, numbers, sizes, mode=CLIP, fill=None, **more):
    params = {
        "dimension_numbers": GatherDimensionNumbers(*numbers),
        "slice_sizes": sizes, "indices_are_sorted": False, "unique_indices": False,
        "mode": mode, "fill_value": fill,
    }  # fmt: skip
    return Sample("gather", (x, index), params, gathered, **more)


def _scatter(name, x, index, updates, numbers, mode=DROP, unique=False, **more):
    params = {
        "dimension_numbers": ScatterDimensionNumbers(*numbers),
        "indices_are_sorted": False, "unique_indices": unique, "mode": mode,
    }  # fmt: skip
    return Sample(
        name, (x, index, updates), params, scattered(combinations[name]), **more
    )


def updates(*shape):
    """Values apart from each other and from those of `matrix`, so none tie."""
    count = int(np.prod(shape))
    values = np.linspace(-1.93, 1.87, count) if count else np.zeros(0)
    return rng.permuted(values).reshape(shape).astype(np.float32)


def _all_scatters(name):
    more = {"dtypes": every} if name != "scatter-min" and name != "scatter-max" else {}
    yield _scatter(name, matrix, rows, updates(3, 5), ROWS, **more)
    yield _scatter(name, matrix, outside, updates(4, 5), ROWS)
    yield _scatter(name, matrix, outside, updates(4, 5), ROWS, CLIP)
    yield _scatter(name, matrix, points, updates(3), POINTS, unique=True)
    yield _scatter(name, matrix, corners, updates(3, 2, 3), BLOCKS)
    yield _scatter(name, matrix, corners, updates(3, 2, 3), BLOCKS, CLIP)
    yield _scatter(name, matrix, places, updates(4, 4), COLUMNS)
    yield _scatter(name, matrix, places, updates(4), ALONG)
    yield _scatter(name, matrix, indices().reshape(0, 1), updates(0, 5), ROWS)
    yield _scatter(name, integers, rows, integers[:3], ROWS)
    for more in ((rows, updates(3, 5), ROWS), (outside, updates(4, 5), ROWS, CLIP),
                 (places, updates(4, 4), COLUMNS)):  # fmt: skip
        where, new, *how = more
        new = (np.round(new) + 1j * new[::-1]).astype(np.complex64)
        yield _scatter(name, complexes, where, new, *how, differentiable=())


def sliced(x, *starts, slice_sizes):
    first = [min(max(s, 0), n - m) for s, n, m in zip(starts, x.shape, slice_sizes)]
    return x[tuple(slice(a, a + m) for a, m in zip(first, slice_sizes))]


def replaced(x, update, *starts):
    out = np.array(x)
    first = [min(max(s, 0), n - m) for s, n, m in zip(starts, x.shape, update.shape)]
    out[tuple(slice(a, a + m) for a, m in zip(first, update.shape))] = update
    return out


def at(*starts):
    return tuple(np.int32(s) for s in starts)


SAMPLES = [
    _gather(matrix, rows, ROWS, (1, 5), dtypes=every),
    _gather(matrix, outside, ROWS, (1, 5)),
    _gather(matrix, outside, ROWS, (1, 5), DROP, differentiable=()),
    _gather(matrix, outside, ROWS, (1, 3), DROP, 7.0),
    _gather(integers, outside, ROWS, (1, 5), DROP),
    _gather(matrix, points, POINTS, (1, 1)),
    _gather(matrix, corners, BLOCKS, (2, 3)),
    _gather(matrix, corners, BLOCKS, (2, 3), DROP, 0.5),
    _gather(matrix, places, COLUMNS, (4, 1)),
    _gather(matrix, places, ALONG, (1, 1)),
    _gather(matrix, np.array([[[1], [2]], [[3], [0]]], np.uint8), ((1,), (0,), (0,)),
            (1, 5)),
    _gather(matrix, indices().reshape(0, 1), ROWS, (1, 5)),
    *(s for name in combinations for s in _all_scatters(name)),
    _scatter("scatter-mul", matrix, rows,
             np.where(np.arange(15) % 4 == 1, 0, updates(15)).reshape(3, 5).astype("f4"),
             ROWS, order=1),
    Sample("dynamic_slice", (matrix, *at(1, 2)), {"slice_sizes": (2, 3)}, sliced,
           dtypes=every),
    Sample("dynamic_slice", (matrix, *at(3, -2)), {"slice_sizes": (2, 5)}, sliced),
    Sample("dynamic_slice", (integers, *at(0, 1)), {"slice_sizes": (0, 1)}, sliced),
    Sample("dynamic_update_slice", (matrix, updates(2, 3), *at(1, 2)), {}, replaced,
           dtypes=every),
    Sample("dynamic_update_slice", (matrix, updates(2, 5), *at(9, 0)), {}, replaced),
    Sample("dynamic_update_slice", (integers, integers[:2, :1], *at(1, 1)), {}, replaced),
]  # fmt: skip
