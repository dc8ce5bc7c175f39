"""conv_general_dilated: convolutions of any rank, dilated, strided, in groups.

It is the cross-correlation of machine learning: the kernel is not flipped. Bilinear:
both transposes are convolutions again, one with the flipped kernel over the dilated
cotangent, one with batch and feature dimensions exchanged. Batch dimensions go into the
operand's batch, the kernel's output features, or both into the feature groups.
Evaluation lays the windows out as a matrix and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of
from ..core.linear import is_linear
from ..core.primitive import Primitive
from ..core.printer import readable
from .absorbing_forms import absorbing_products
from .contractions import common_dtype, compute_dtype, product_dtype
from .convolution_folds import lower_convolution
from .joining import rev_p
from .shaping import convert, move_dim, reshape

Pads = tuple[tuple[int, int], ...]


@readable
@readable
class ConvDimensionNumbers(NamedTuple):
    """Where an operand's dimensions are.

    Fields:
        lhs_spec: dimensions of (batch, feature, spatial...) in the operand.
        rhs_spec: those of (output feature, input feature, spatial...) in the kernel.
        out_spec: those of (batch, feature, spatial...) in the output.
    """

    lhs_spec: Sequence[int]
    rhs_spec: Sequence[int]
    out_spec: Sequence[int]


# --- shapes ---------------------------------------------------------------------------


def dilated(size: int, dilation: int) -> int:
    """The size of a dimension with `dilation` - 1 holes between its elements."""
    return 0 if size == 0 else 1 + dilation * (size - 1)


def window_counts(
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pads,
    base_dilation: Sequence[int],
    window_dilation: Sequence[int],
) -> tuple[int, ...]:
    """How many windows fit along each dimension."""
    found: list[int] = []
    for n, k, s, (low, high), b, w in zip(
        sizes, window, strides, padding, base_dilation, window_dilation
    ):
        room = dilated(n, b) + low + high - dilated(k, w)
        found.append(room // s + 1 if room >= 0 else 0)
    return tuple(found)


class _Sizes(NamedTuple):
    """The sizes of a convolution by their meaning."""

    batch: int
    features: int
    spatial: tuple[int, ...]
    out_features: int
    kernel_features: int
    window: tuple[int, ...]


def _sizes(x: Any, k: Any, numbers: ConvDimensionNumbers) -> _Sizes:
    lhs, rhs = numbers.lhs_spec, numbers.rhs_spec
    return _Sizes(
        x.shape[lhs[0]], x.shape[lhs[1]], tuple(x.shape[i] for i in lhs[2:]),
        k.shape[rhs[0]], k.shape[rhs[1]], tuple(k.shape[i] for i in rhs[2:]),
    )  # fmt: skip


def _conv_abstract(x: Any, k: Any, **params: Any) -> Any:
    _check_conv(x, k, **params)
    numbers = params["dimension_numbers"]
    s = _sizes(x, k, numbers)
    out = window_counts(
        s.spatial, s.window, params["window_strides"], params["padding"],
        params["lhs_dilation"], params["rhs_dilation"],
    )  # fmt: skip
    by_meaning = (s.batch // params["batch_group_count"], s.out_features, *out)
    shape = [0] * x.ndim
    for i, n in zip(numbers.out_spec, by_meaning):
        shape[i] = n
    return tuple(shape), product_dtype(
        "conv_general_dilated", x, k, params["preferred_element_type"]
    )


def _check_conv(
    x: Any, k: Any, *, window_strides: Any, padding: Any, lhs_dilation: Any,
    rhs_dilation: Any, dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, **_: Any,
) -> None:  # fmt: skip
    name = "conv_general_dilated"
    if x.ndim != k.ndim or x.ndim < 2:
        raise ValueError(
            f"{name}: operand and kernel must have one number of dimensions, at least"
            f" 2; got shapes {x.shape} and {k.shape}."
        )
    for spec in dimension_numbers:
        if sorted(spec) != list(range(x.ndim)):
            raise ValueError(
                f"{name}: dimension numbers {tuple(spec)} are no permutation of the"
                f" dimensions of shape {x.shape}."
            )
    for what, values, least in (
        ("window_strides", window_strides, 1), ("lhs_dilation", lhs_dilation, 1),
        ("rhs_dilation", rhs_dilation, 1), ("padding", padding, None),
    ):  # fmt: skip
        if len(values) != x.ndim - 2:
            raise ValueError(
                f"{name}: {what} {tuple(values)} needs an entry for each of the"
                f" {x.ndim - 2} spatial dimensions."
            )
        if least is not None and any(v < least for v in values):
            raise ValueError(f"{name}: {what} {tuple(values)} must be at least 1.")
    s = _sizes(x, k, dimension_numbers)
    for what, count, parts in (
        ("feature_group_count", feature_group_count, (s.features, s.out_features)),
        ("batch_group_count", batch_group_count, (s.batch, s.out_features)),
    ):
        if count < 1:
            raise ValueError(f"{name}: {what} must be positive; got {count}.")
        if any(n % count for n in parts):
            raise ValueError(
                f"{name}: {what} {count} must divide {parts[0]} and {parts[1]}, the"
                f" sizes it splits (of shapes {x.shape} and {k.shape})."
            )
    if feature_group_count > 1 and batch_group_count > 1:
        raise ValueError(
            f"{name}: at most one of feature_group_count {feature_group_count} and"
            f" batch_group_count {batch_group_count} may exceed 1."
        )
    if s.features // feature_group_count != s.kernel_features:
        raise ValueError(
            f"{name}: the operand has {s.features} features in {feature_group_count}"
            f" groups, so the kernel must have {s.features // feature_group_count}"
            f" input features; it has {s.kernel_features}."
        )


# --- evaluation -----------------------------------------------------------------------

_patch_limit = 1 << 24
"""Elements of a matrix of windows beyond which it is made for one example at a time."""


def _conv_evaluate(
    x: Any, k: Any, *, window_strides: Any, padding: Any, lhs_dilation: Any,
    rhs_dilation: Any, dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, precision: Any, preferred_element_type: Any,
) -> Any:  # fmt: skip
    out = product_dtype("conv_general_dilated", x, k, preferred_element_type)
    wide = compute_dtype(common_dtype(x.dtype, k.dtype, out), out)
    lhs, rhs, spec = dimension_numbers
    # To (batch, spatial..., feature) and (spatial..., in feature, out feature).
    x = x.transpose((lhs[0], *lhs[2:], lhs[1])).astype(wide, copy=False)
    k = k.transpose((*rhs[2:], rhs[1], rhs[0])).astype(wide, copy=False)
    window = k.shape[:-2]
    counts = window_counts(
        x.shape[1:-1], window, window_strides, padding, lhs_dilation, rhs_dilation
    )
    x = padded(x, ((0, 0), *padding, (0, 0)), (1, *lhs_dilation, 1), 0)
    views = windows_of(x, 1, counts, window_strides, window, rhs_dilation)
    if batch_group_count > 1:
        y = _in_groups(views, k, batch_group_count, axis=0)
    elif feature_group_count > 1:
        y = _in_groups(views, k, feature_group_count, axis=-1)
    else:
        y = _times_windows(views, k)
    order = np.argsort((spec[0], *spec[2:], spec[1]))
    return y.transpose(order).astype(out, copy=False)


def padded(x: Any, pads: Any, dilation: Sequence[int], value: Any) -> Any:
    """`x` dilated, then padded (or cut, where negative) by `value`."""
    if not any(p != (0, 0) for p in map(tuple, pads)) and set(dilation) == {1}:
        return x
    spread = [dilated(n, d) for n, d in zip(x.shape, dilation)]
    grown = [(max(lo, 0), max(hi, 0)) for lo, hi in pads]
    out = np.full([n + lo + hi for n, (lo, hi) in zip(spread, grown)], value, x.dtype)
    into = tuple(slice(lo, lo + n, d) for (lo, _), n, d in zip(grown, spread, dilation))
    out[into] = x
    cut = tuple(
        slice(max(-lo, 0), max(m - max(-hi, 0), 0))
        for m, (lo, hi) in zip(out.shape, pads)
    )
    return out[cut]


def windows_of(
    x: Any, first: int, counts: Sequence[int], strides: Sequence[int],
    window: Sequence[int], dilation: Sequence[int],
) -> Any:  # fmt: skip
    """The windows along the dimensions from `first` on, as a view of `x`.

    Its shape is that of `x` with (counts..., window...) in the place of these.
    """
    last = first + len(counts)
    steps = x.strides[first:last]
    shape = (*x.shape[:first], *counts, *window, *x.shape[last:])
    if 0 in shape:
        return np.empty(shape, x.dtype)
    apart = [b * s for b, s in zip(steps, strides)]
    within = [b * d for b, d in zip(steps, dilation)]
    return np.lib.stride_tricks.as_strided(
        x, shape, (*x.strides[:first], *apart, *within, *x.strides[last:]),
        writeable=False,
    )  # fmt: skip


def _times_windows(views: Any, k: Any) -> Any:
    """Windows (batch, counts..., window..., feature) times the kernel."""
    rank = k.ndim - 2
    lead, inner = views.shape[: 1 + rank], math.prod(k.shape[:-1])
    matrix = k.reshape(inner, k.shape[-1])
    if views.size <= _patch_limit or lead[0] < 2:
        y = np.matmul(views.reshape(math.prod(lead), inner), matrix)
        return y.reshape(*lead, k.shape[-1])
    out: Any = np.empty((*lead, k.shape[-1]), views.dtype)
    for one, example in zip(out, views):
        flat = example.reshape(math.prod(lead[1:]), inner)
        one[...] = np.matmul(flat, matrix).reshape(one.shape)
    return out


def _in_groups(views: Any, k: Any, groups: int, axis: int) -> Any:
    """One product for each group of the windows along `axis` and of output features."""
    parts = zip(np.split(views, groups, axis), np.split(k, groups, -1))
    return np.concatenate([_times_windows(v, g) for v, g in parts], -1)


# --- transposes -----------------------------------------------------------------------


def _conv_transpose(ct: Any, x: Any, k: Any, **params: Any) -> Any:
    if is_linear(x):
        x_bar = _transpose_lhs(ct, x.aval, k, **params)
        return (x_bar if x_bar.dtype == x.dtype else convert(x_bar, x.dtype)), None
    k_bar = _transpose_rhs(ct, x, k.aval, **params)
    return None, (k_bar if k_bar.dtype == k.dtype else convert(k_bar, k.dtype))


def _transpose_lhs(
    ct: Any, x: Any, k: Any, *, window_strides: Any, padding: Any, lhs_dilation: Any,
    rhs_dilation: Any, dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, precision: Any, preferred_element_type: Any,
) -> Any:  # fmt: skip
    """Each element of x meets the flipped kernel in the cotangent, strides as holes."""
    lhs, rhs, out = dimension_numbers
    s = _sizes(x, aval_of(k), dimension_numbers)
    out_spatial = [ct.shape[i] for i in out[2:]]
    pads = _lhs_pads(
        s, out_spatial, window_strides, padding, lhs_dilation, rhs_dilation
    )
    groups = max(feature_group_count, batch_group_count)
    if groups > 1:
        k = regroup(k, rhs[0], groups, rhs[1])
    flipped = rev_p(k, dimensions=tuple(rhs[2:]))
    bar = conv_general_dilated_p(
        ct,
        flipped,
        window_strides=lhs_dilation,
        padding=pads,
        lhs_dilation=window_strides,
        rhs_dilation=rhs_dilation,
        dimension_numbers=ConvDimensionNumbers(out, (rhs[1], rhs[0], *rhs[2:]), lhs),
        feature_group_count=groups,
        batch_group_count=1,
        precision=precision,
        preferred_element_type=None if preferred_element_type is None else x.dtype,
    )
    return regroup(bar, lhs[1], batch_group_count, lhs[0])


def _lhs_pads(
    s: _Sizes, out: Sequence[int], strides: Any, padding: Any, base: Any, holes: Any
) -> Pads:
    found: list[tuple[int, int]] = []
    for n, k, m, stride, (low, _), b, w in zip(
        s.spatial, s.window, out, strides, padding, base, holes
    ):
        before = dilated(k, w) - low - 1
        after = dilated(n, b) + dilated(k, w) - 1 - dilated(m, stride) - before
        found.append((before, after))
    return tuple(found)


def _transpose_rhs(
    ct: Any, x: Any, k: Any, *, window_strides: Any, padding: Any, lhs_dilation: Any,
    rhs_dilation: Any, dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, precision: Any, preferred_element_type: Any,
) -> Any:  # fmt: skip
    """Batch and features exchange their parts: examples are summed over."""
    lhs, rhs, out = dimension_numbers
    s = _sizes(aval_of(x), k, dimension_numbers)
    pads: list[tuple[int, int]] = []
    for n, w, (low, _), d, m, stride, hole in zip(
        s.spatial, s.window, padding, lhs_dilation, (ct.shape[i] for i in out[2:]),
        window_strides, rhs_dilation,
    ):  # fmt: skip
        span = dilated(m, stride)
        needed = span + dilated(w, hole) - 1
        pads.append((low, needed - dilated(n, d) - low))
    return conv_general_dilated_p(
        x,
        ct,
        window_strides=rhs_dilation,
        padding=tuple(pads),
        lhs_dilation=lhs_dilation,
        rhs_dilation=window_strides,
        dimension_numbers=ConvDimensionNumbers(
            (lhs[1], lhs[0], *lhs[2:]),
            (out[1], out[0], *out[2:]),
            (rhs[1], rhs[0], *rhs[2:]),
        ),
        feature_group_count=batch_group_count,
        batch_group_count=feature_group_count,
        precision=precision,
        preferred_element_type=None if preferred_element_type is None else k.dtype,
    )


def regroup(x: Any, source: int, groups: int, target: int) -> Any:
    """`x` with the major part `groups` of dimension `source` moved to `target`."""
    if groups == 1:
        return x
    shape = list(aval_of(x).shape)
    rest = shape[source] // groups
    apart = reshape(x, (*shape[:source], groups, rest, *shape[source + 1 :]))
    moved = move_dim(apart, source, target)
    shape[source], shape[target] = rest, groups * shape[target]
    return reshape(moved, shape)


# --- batching -------------------------------------------------------------------------


def _conv_batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
    (x, k), (dx, dk) = args, dims
    lhs, rhs, out = params["dimension_numbers"]
    by_batch = params["batch_group_count"]
    groups = max(params["feature_group_count"], by_batch)
    if dk is None:
        y = conv_general_dilated_p(_merge(x, dx, lhs[0], by_batch), k, **params)
        return _split_off(y, out[0], size, 1), 0
    if dx is None:
        y = conv_general_dilated_p(x, _merge(k, dk, rhs[0], groups), **params)
        return _split_off(y, out[1], size, groups), 0
    kind = "batch_group_count" if by_batch > 1 else "feature_group_count"
    x = _merge(x, dx, lhs[0] if by_batch > 1 else lhs[1], 1)
    params[kind] *= size
    y = conv_general_dilated_p(x, _merge(k, dk, rhs[0], 1), **params)
    return _split_off(y, out[1], size, 1), 0


def _merge(x: Any, dim: int, into: int, groups: int) -> Any:
    """Batch dim `dim` made part of dimension `into`, within its `groups`."""
    shape = list(aval_of(x).shape)
    size = shape.pop(dim)
    x = move_dim(x, dim, 0)
    n = shape[into]
    apart = (*shape[:into], groups, n // groups, *shape[into + 1 :])
    x = move_dim(reshape(x, (size, *apart)), 0, into + 1)
    return reshape(x, (*shape[:into], size * n, *shape[into + 1 :]))


def _split_off(y: Any, source: int, size: int, groups: int) -> Any:
    """The batch dim taken out of dimension `source`, to the front."""
    shape = aval_of(y).shape
    n = shape[source] // size
    apart = (*shape[:source], groups, size, n // groups, *shape[source + 1 :])
    y = move_dim(reshape(y, apart), source + 1, 0)
    return reshape(y, (size, *shape[:source], n, *shape[source + 1 :]))


conv_general_dilated_p = Primitive(
    "conv_general_dilated",
    "Sums of products of a kernel with the windows of an operand.",
    abstract=_conv_abstract,
    bilinear=True,
    transpose=_conv_transpose,
    batch=_conv_batch,
    evaluate=_conv_evaluate,
    lower=lower_convolution,
)
absorbing_products(conv_general_dilated_p)

__all__ = [
    "ConvDimensionNumbers", "Pads", "conv_general_dilated_p", "dilated", "padded",
    "window_counts", "windows_of",
]  # fmt: skip
