"""Samples of conv_general_dilated: strides, padding, dilation, groups, layouts."""

from __future__ import annotations

import itertools

import numpy as np

from chainrule.ops.convolution import ConvDimensionNumbers

from .shaping import Sample

rng = np.random.default_rng(11)


def _reference(
    x, k, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers,
    feature_group_count, batch_group_count, precision, preferred_element_type,
):  # fmt: skip
    """The definition, one output element after the other."""
    lhs, rhs, out = dimension_numbers
    x, k = np.transpose(x, lhs), np.transpose(k, rhs)
    batch, features, *sizes = x.shape
    out_features, kernel_features, *window = k.shape
    counts = [
        max(0, (d * (n - 1) + 1 + lo + hi - (w * (m - 1) + 1)) // s + 1)
        for n, m, s, (lo, hi), d, w in zip(
            sizes, window, window_strides, padding, lhs_dilation, rhs_dilation
        )
    ]
    batch_out = batch // batch_group_count
    y = np.zeros(
        (batch_out, out_features, *counts), np.result_type(x.dtype, np.float64)
    )
    groups = feature_group_count * batch_group_count
    for o in range(out_features):
        group = o // (out_features // groups)
        first = group * kernel_features if feature_group_count > 1 else 0
        rows = group * batch_out if batch_group_count > 1 else 0
        for place in itertools.product(*map(range, counts)):
            for offset in itertools.product(*map(range, window)):
                at = [
                    p * s + i * w - lo
                    for p, s, i, w, (lo, _) in zip(
                        place, window_strides, offset, rhs_dilation, padding
                    )
                ]
                inside = all(
                    0 <= a <= d * (n - 1) and a % d == 0
                    for a, d, n in zip(at, lhs_dilation, sizes)
                )
                if inside:
                    where = tuple(a // d for a, d in zip(at, lhs_dilation))
                    examples = slice(rows, rows + batch_out)
                    inner = slice(first, first + kernel_features)
                    part = x[(examples, inner, *where)]
                    y[(slice(None), o, *place)] += part @ k[(o, slice(None), *offset)]
    return np.transpose(y, np.argsort(out)).astype(preferred_element_type or x.dtype)


def conv(x, k, strides=None, padding=None, base=None, holes=None, **rest):
    """A sample; `layout` is three strings, by default batch and feature first."""
    rank = len(x) - 2
    layout = rest.pop("layout", None)
    order = tuple(range(rank + 2))
    numbers = ConvDimensionNumbers(order, order, order)
    if layout:
        spatial = "HWD"[:rank]
        numbers = ConvDimensionNumbers(
            tuple(layout[0].index(c) for c in "NC" + spatial),
            tuple(layout[1].index(c) for c in "OI" + spatial),
            tuple(layout[2].index(c) for c in "NC" + spatial),
        )
    params = {
        "window_strides": strides or (1,) * rank,
        "padding": padding or ((0, 0),) * rank,
        "lhs_dilation": base or (1,) * rank,
        "rhs_dilation": holes or (1,) * rank,
        "dimension_numbers": numbers,
        "feature_group_count": rest.pop("feature_groups", 1),
        "batch_group_count": rest.pop("batch_groups", 1),
        "precision": None,
        "preferred_element_type": None,
    }
    dtype = rest.pop("dtype", None)
    if dtype is not None:
        x, k = (rng.integers(-5, 5, s).astype(dtype) for s in (x, k))
    return Sample("conv_general_dilated", (x, k), params, _reference, **rest)


# Few and small: the reference visits every product.
SAMPLES = [
    conv(
        (2, 3, 4, 5),
        (4, 3, 2, 2),
        dtypes=("float16", "bfloat16", "float64", "complex64"),
    ),
    conv((1, 2, 5, 4), (2, 2, 3, 2), (2, 1), ((1, 2), (0, 1))),
    conv((1, 2, 5, 4), (2, 2, 2, 2), (1, 2), ((1, 1), (2, 0)), (2, 3), (2, 1)),
    conv((1, 1, 6), (1, 1, 2), (1,), ((-1, -2),)),
    conv((2, 4, 4), (6, 2, 2), (1,), ((1, 0),), feature_groups=2),
    conv((2, 3, 4), (3, 1, 2), (2,), ((1, 1),), feature_groups=3),
    conv((4, 2, 4), (4, 2, 2), (1,), ((0, 1),), batch_groups=2),
    conv((2, 4, 3, 2), (2, 2, 2, 3), layout=("NHWC", "HWIO", "NHWC")),
    conv((3, 2, 4, 2), (3, 2, 2, 2), (2, 1), layout=("WNHC", "OHWI", "CHWN")),
    conv((1, 2, 3, 3, 2), (2, 2, 2, 1, 2)),
    conv((2, 3), (4, 3)),
    conv((1, 2, 2), (2, 2, 3)),
    conv((0, 2, 4), (2, 2, 3)),
    conv((1, 0, 4), (2, 0, 3)),
    conv((1, 2, 5), (3, 2, 2), dtype=np.int32),
]
