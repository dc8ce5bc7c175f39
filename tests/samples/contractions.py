"""Samples of dot_general: vectors, matrices, stacks, any contracted dimensions."""

from __future__ import annotations

import numpy as np

from chainrule.ops.ragged import RaggedDotDimensionNumbers

from .shaping import Sample

numbers = ("float16", "bfloat16", "float64", "complex64")
rng = np.random.default_rng(7)


def _reference(x, y, dimension_numbers, precision, preferred_element_type):
    """The sum of products by einsum, a letter for each dimension."""
    (cx, cy), (bx, by) = dimension_numbers
    left = [chr(ord("a") + i) for i in range(x.ndim)]
    right = [chr(ord("n") + i) for i in range(y.ndim)]
    for i, j in (*zip(cx, cy), *zip(bx, by)):
        right[j] = left[i]
    out = [left[i] for i in bx]
    out += [c for i, c in enumerate(left) if i not in (*cx, *bx)]
    out += [c for j, c in enumerate(right) if j not in (*cy, *by)]
    wide = np.float32 if x.dtype.itemsize < 4 and x.dtype.kind not in "biu" else x.dtype
    if preferred_element_type is not None and x.dtype.kind in "iu":
        wide = preferred_element_type
    spec = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
    z = np.einsum(spec, x.astype(wide), y.astype(wide))
    return z.astype(preferred_element_type or x.dtype)


def dot(x, y, contracted, batch=((), ()), preferred=None, **rest):
    """A sample of dot_general."""
    params = {
        "dimension_numbers": (contracted, batch),
        "precision": None,
        "preferred_element_type": preferred,
    }
    return Sample("dot_general", (x, y), params, _reference, **rest)


def _ragged_reference(x, y, sizes, ragged_dot_dimension_numbers, **_):
    """Every group by itself, with what does not belong to it set to zero."""
    dot, (ragged,), groups = ragged_dot_dimension_numbers
    (cx, cy), (bx, by) = dot
    member = np.searchsorted(np.cumsum(sizes), np.arange(x.shape[ragged]), "right")
    inside = np.expand_dims(
        member, [d for d in range(x.ndim) if d != ragged]
    ) == np.arange(len(sizes)).reshape(-1, *(1,) * x.ndim)
    parts = np.where(inside, x, 0).astype(x.dtype)
    if ragged in bx:
        return _reference(x, y, dot, None, None)
    if ragged in cx:
        return np.stack([_reference(p, y, dot, None, None) for p in parts])
    (group,) = groups

    def less(dims):
        return tuple(d - (d > group) for d in dims)

    one = ((cx, less(cy)), (bx, less(by)))
    matrices = np.moveaxis(y, group, 0)
    nothing = np.zeros_like(x), np.zeros(matrices.shape[1:], y.dtype)
    pairs = [nothing, *zip(parts, matrices)]
    return sum(_reference(*pair, one, None, None) for pair in pairs)


def ragged(x, y, sizes, contracted, batch, dimension, groups, **rest):
    """A sample of ragged_dot_general."""
    numbers = RaggedDotDimensionNumbers((contracted, batch), (dimension,), groups)
    params = {
        "ragged_dot_dimension_numbers": numbers,
        "precision": None,
        "preferred_element_type": None,
    }
    args = (x, y, np.array(sizes, np.int32))
    return Sample("ragged_dot_general", args, params, _ragged_reference, **rest)


def integers(*shape, dtype=np.int32):
    return rng.integers(-9, 9, shape).astype(dtype)


SAMPLES = [
    dot((2, 3), (3, 4), ((1,), (0,)), dtypes=numbers),
    dot((3, 2), (3, 4), ((0,), (0,))),
    dot((2, 3), (4, 3), ((1,), (1,)), dtypes=("complex128",)),
    dot((3, 2), (4, 3), ((0,), (1,))),
    dot((2, 3), (3,), ((1,), (0,))),
    dot((3,), (3, 4), ((0,), (0,))),
    dot((3,), (4, 3), ((0,), (1,))),
    dot((3,), (3,), ((0,), (0,)), dtypes=("float16", "float64")),
    dot((2,), (3,), ((), ())),
    dot((), (3, 2), ((), ())),
    dot(
        (5, 2, 3), (5, 3, 4), ((2,), (1,)), ((0,), (0,)), dtypes=("bfloat16", "float64")
    ),
    dot((2, 5, 3), (3, 4, 5), ((2,), (0,)), ((1,), (2,))),
    dot((2, 3, 4), (4, 3, 2), ((1, 2), (1, 0))),
    dot((2, 3, 4), (2, 3, 4), ((0, 2), (0, 2)), ((1,), (1,))),
    dot((2, 3, 4), (2, 3, 4), ((), ()), ((0, 1, 2), (0, 1, 2))),
    dot((2, 3, 4), (5, 4), ((2,), (1,))),
    dot((0, 3), (3, 4), ((1,), (0,))),
    dot((2, 0), (0, 4), ((1,), (0,))),
    dot((0, 2, 3), (0, 3, 4), ((2,), (1,)), ((0,), (0,))),
    dot(integers(2, 3), integers(3, 4), ((1,), (0,))),
    dot(
        integers(2, 3, dtype=np.int8), integers(3, 4, dtype=np.int8), ((1,), (0,)),
        preferred=np.dtype(np.int32),
    ),
    dot(
        rng.standard_normal((2, 3)).astype(np.float16),
        rng.standard_normal((3, 4)).astype(np.float16),
        ((1,), (0,)),
        preferred=np.dtype(np.float32),
        tolerance=100.0,  # operands of 16 bits: derivatives are rounded to these
    ),
    ragged(
        (5, 3), (2, 3, 4), (2, 3), ((1,), (1,)), ((), ()), 0, (0,),
        dtypes=("float64", "bfloat16"),
    ),
    ragged((5, 3), (3, 3, 4), (1, 0, 2), ((1,), (1,)), ((), ()), 0, (0,)),
    ragged((2, 3, 5), (3, 4, 2, 2), (3, 2), ((1,), (0,)), ((0,), (3,)), 2, (2,)),
    ragged((3, 5), (5, 4), (2, 2), ((1,), (0,)), ((), ()), 1, ()),
    ragged((5, 3, 2), (4, 2, 5), (1, 4), ((0,), (2,)), ((2,), (1,)), 0, ()),
    ragged((3, 2, 4), (3, 4, 2), (1, 2), ((2,), (1,)), ((0,), (0,)), 0, ()),
    ragged(
        (2, 5, 3, 2), (3, 2, 3, 4), (1, 0, 3), ((2,), (2,)), ((0,), (1,)), 1, (0,),
        dtypes=("complex64",),
    ),
    ragged((2, 7, 3), (2, 3, 4, 3), (2, 4, 0), ((2,), (3,)), ((0,), (0,)), 1, (1,)),
    ragged(integers(5, 3), integers(2, 3, 4), (2, 2), ((1,), (1,)), ((), ()), 0, (0,)),
    ragged(integers(3, 5), integers(5, 4), (2, 2), ((1,), (0,)), ((), ()), 1, ()),
    ragged(integers(5, 3, 2), integers(4, 2, 5), (1, 4), ((0,), (2,)), ((2,), (1,)), 0, ()),
    ragged((5, 3), (0, 3, 4), (), ((1,), (1,)), ((), ()), 0, (0,)),
    ragged(integers(5, 3), integers(0, 3, 4), (), ((1,), (1,)), ((), ()), 0, (0,)),
    ragged((0, 3), (2, 3, 4), (0, 0), ((1,), (1,)), ((), ()), 0, (0,)),
    ragged((3, 5), (5, 4), (2, 9), ((1,), (0,)), ((), ()), 1, ()),
]  # fmt: skip
