"""lax: windows of an array as features, and convolutions with a kernel per position."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import as_array, wrap
from ..ops.contractions import dot_general_p
from ..ops.precision import canonical_precision
from ..ops.shaping import transpose
from .convolution import conv_dimension_numbers, conv_general_dilated


def conv_general_dilated_patches(
    lhs: Any,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """The windows of an array, the elements of each as its features.

    Args:
        lhs: the array, with a batch, a feature and spatial dimensions.
        filter_shape: sizes of a window, in the order of the kernel's spatial
        dimensions. window_strides, padding, lhs_dilation, rhs_dilation,
        dimension_numbers,
            precision, preferred_element_type: see `conv_general_dilated`.

    Returns:
        An array with features * prod(filter_shape) features: the window of the first
        feature, then that of the second, and so on.

    >>> from chainrule import lax, numpy as cnp
    >>> x = cnp.arange(4.).reshape(1, 1, 4)
    >>> lax.conv_general_dilated_patches(x, (2,), (1,), "VALID")[0].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    lhs = as_array(lhs, "conv_general_dilated_patches")
    filter_shape = tuple(filter_shape)
    rank = len(filter_shape)
    shape = (1,) * (rank + 2)
    numbers = conv_dimension_numbers(lhs.shape, shape, dimension_numbers)
    features, size = lhs.shape[numbers.lhs_spec[1]], math.prod(filter_shape)
    picks = np.eye(size, dtype=lhs.dtype).reshape(size, 1, *filter_shape)
    picks = np.tile(picks, (features, *(1,) * (rank + 1)))
    kernel = np.transpose(picks, np.argsort(numbers.rhs_spec))
    return conv_general_dilated(
        lhs, wrap(np.ascontiguousarray(kernel)), window_strides, padding, lhs_dilation,
        rhs_dilation, numbers, feature_group_count=features, precision=precision,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


def conv_general_dilated_local(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    precision: Any = None,
) -> Any:
    """A convolution with a kernel of its own at each position.

    Args:
        lhs: the array, with a batch, a feature and spatial dimensions.
        rhs: the kernels: their input features are those of the windows, features *
            prod(filter_shape); their spatial dimensions are the output's.
        window_strides, padding, filter_shape, lhs_dilation, rhs_dilation,
            dimension_numbers, precision: see `conv_general_dilated_patches`.

    >>> from chainrule import lax, numpy as cnp
    >>> x, k = cnp.ones((1, 2, 5, 5)), cnp.ones((3, 18, 3, 3))
    >>> lax.conv_general_dilated_local(x, k, (1, 1), "VALID", (3, 3)).shape
    (1, 3, 3, 3)
    """
    lhs = as_array(lhs, "conv_general_dilated_local")
    rhs = as_array(rhs, "conv_general_dilated_local")
    numbers = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    windows = conv_general_dilated_patches(
        lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation, numbers,
        precision,
    )  # fmt: skip
    out, kernel = numbers.out_spec, numbers.rhs_spec
    y = dot_general_p(
        rhs,
        windows,
        dimension_numbers=(
            ((kernel[1],), (out[1],)),
            (tuple(kernel[2:]), tuple(out[2:])),
        ),
        precision=canonical_precision("conv_general_dilated_local", precision),
        preferred_element_type=None,
    )
    # (spatial..., output feature, batch) to the output's layout.
    by_meaning = (y.ndim - 1, y.ndim - 2, *range(y.ndim - 2))
    return transpose(y, [m for _, m in sorted(zip(out, by_meaning))])


__all__ = ["conv_general_dilated_local", "conv_general_dilated_patches"]
