"""lax: convolutions; `conv_general_dilated` is the operation, the others are its uses.

Dimension numbers are strings such as ("NHWC", "HWIO", "NHWC"), a ConvDimensionNumbers,
or None: batch and feature first ("NCHW", "OIHW"). Padding is a list of pairs, or
"VALID" (none), "SAME" or "SAME_LOWER" (as many windows as strides fit; what is odd is
put behind, or in front). Kernels are not flipped.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.avals import as_array
from ..ops.convolution import (
    ConvDimensionNumbers,
    conv_general_dilated_p,
    dilated,
    window_counts,
)
from ..ops.joining import rev_p
from ..ops.precision import canonical_precision
from .binding import bind

ConvGeneralDilatedDimensionNumbers = None | ConvDimensionNumbers | tuple[str, str, str]


def conv_general_permutations(
    dimension_numbers: tuple[str, str, str],
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The dimensions by meaning that strings such as ("NHWC", "HWIO", "NHWC") name.

    Returns:
        Positions of (batch, feature, spatial...) in the operand, of (out feature, in
        feature, spatial...) in the kernel, of (batch, feature, spatial...) in the
        output; spatial dimensions in the order of the kernel's.

    Raises:
        TypeError: a letter repeats, or the spatial letters differ.
    """
    lhs, rhs, out = dimension_numbers
    for name, spec, first in (
        ("lhs", lhs, "NC"),
        ("rhs", rhs, "OI"),
        ("out", out, "NC"),
    ):
        if len(set(spec)) != len(spec) or not set(first) <= set(spec):
            raise TypeError(
                f"conv_dimension_numbers: the {name} specification {spec!r} must name"
                f" each dimension once, {first[0]!r} and {first[1]!r} among them."
            )
    spatial = [c for c in rhs if c not in "OI"]
    for name, spec in (("lhs", lhs), ("out", out)):
        if sorted(c for c in spec if c not in "NC") != sorted(spatial):
            raise TypeError(
                f"conv_dimension_numbers: the {name} specification {spec!r} must have"
                f" the spatial dimensions of the kernel's, {rhs!r}."
            )

    def positions(spec: str, first: str) -> tuple[int, ...]:
        return tuple(spec.index(c) for c in (*first, *spatial))

    return positions(lhs, "NC"), positions(rhs, "OI"), positions(out, "NC")


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """Dimension numbers in any form as a ConvDimensionNumbers.

    Args:
        lhs_shape, rhs_shape: shapes of operand and kernel, of one length.
        dimension_numbers: None, three strings, or a ConvDimensionNumbers.

    Raises:
        TypeError: another form, or ranks that differ.

    >>> from chainrule import lax
    >>> layout = ("NHWC", "HWIO", "NHWC")
    >>> lax.conv_dimension_numbers((1, 5, 5, 3), (2, 2, 3, 8), layout).lhs_spec
    (0, 3, 1, 2)
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    if len(lhs_shape) != len(rhs_shape):
        raise TypeError(
            "conv_dimension_numbers: operand and kernel must have one number of"
            f" dimensions; got shapes {tuple(lhs_shape)} and {tuple(rhs_shape)}."
        )
    if dimension_numbers is None:
        order = tuple(range(len(lhs_shape)))
        return ConvDimensionNumbers(order, order, order)
    if not isinstance(dimension_numbers, (tuple, list)) or len(dimension_numbers) != 3:
        raise TypeError(
            "conv_dimension_numbers: dimension_numbers must be None, three strings or a"
            f" ConvDimensionNumbers; got {dimension_numbers!r}."
        )
    for spec in dimension_numbers:
        if not isinstance(spec, str) or len(spec) != len(lhs_shape):
            raise TypeError(
                f"conv_dimension_numbers: the specification {spec!r} must be a string"
                f" with a letter for each of the {len(lhs_shape)} dimensions."
            )
    return ConvDimensionNumbers(*conv_general_permutations(tuple(dimension_numbers)))


def padtype_to_pads(
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
) -> list[tuple[int, int]]:
    """The padding that a name stands for, as a pair for each dimension.

    Args:
        in_shape, window_shape, window_strides: sizes along each dimension (dilated).
        padding: "VALID", "SAME" or "SAME_LOWER", in any case.

    Raises:
        RuntimeError: another name.

    >>> from chainrule import lax
    >>> lax.padtype_to_pads((5, 6), (3, 3), (2, 2), "SAME")
    [(1, 1), (0, 1)]
    """
    name = padding.upper() if isinstance(padding, str) else padding
    if name == "VALID":
        return [(0, 0)] * len(in_shape)
    if name not in ("SAME", "SAME_LOWER"):
        raise RuntimeError(
            f"padding: unrecognized padding type {padding!r}; use 'VALID', 'SAME',"
            " 'SAME_LOWER' or a (low, high) pair for each dimension."
        )
    pads: list[tuple[int, int]] = []
    for n, k, s in zip(in_shape, window_shape, window_strides):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if name == "SAME" else (more, less))
    return pads


def static_pads(
    name: str, padding: Sequence[Any], rank: int
) -> tuple[tuple[int, int], ...]:
    """Explicit padding as pairs; TypeError naming `name` for a wrong number of them."""
    pads = tuple((operator.index(lo), operator.index(hi)) for lo, hi in padding)
    if len(pads) != rank:
        raise TypeError(
            f"{name}: padding needs a (low, high) pair for each of the {rank} spatial"
            f" dimensions; got {len(pads)}."
        )
    return pads


def _ones(values: Any, rank: int) -> tuple[int, ...]:
    if values is None:
        return (1,) * rank
    return tuple(operator.index(v) for v in values)


def conv_general_dilated(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Sums of products of a kernel with the windows of an array.

    Args:
        lhs: the array, with a batch, a feature and any number of spatial dimensions.
        rhs: the kernel, with an output feature, an input feature and as many spatial
            dimensions.
        window_strides: distance of the windows, for each spatial dimension.
        padding: name, or a (low, high) pair for each spatial dimension.
        lhs_dilation: distance between neighbours in the array (holes are zero).
        rhs_dilation: distance between neighbours in the kernel.
        dimension_numbers: where the dimensions are; see the module.
        feature_group_count: into how many groups features are split, each with a part
            of the output features as its own.
        batch_group_count: into how many groups the batch is split, likewise.
        precision: accepted and recorded; products are of full precision.
        preferred_element_type: dtype of the result; default the operands' own.
        out_sharding: accepted for programs that name shardings.

    Raises:
        TypeError: dtypes differ, or dimension numbers have another form.
        ValueError: sizes do not fit.
        RuntimeError: the padding's name is unknown.

    >>> from chainrule import lax, numpy as cnp
    >>> image, kernel = cnp.ones((1, 1, 4, 4)), cnp.ones((1, 1, 3, 3))
    >>> lax.conv_general_dilated(image, kernel, (1, 1), "VALID")[0, 0].tolist()
    [[9.0, 9.0], [9.0, 9.0]]
    """
    name = "conv_general_dilated"
    lhs, rhs = as_array(lhs, name), as_array(rhs, name)
    numbers = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    layout = _Layout(lhs, rhs, numbers, window_strides, lhs_dilation, rhs_dilation)
    return _convolved(
        layout, padding, feature_group_count, batch_group_count, precision,
        preferred_element_type,
    )  # fmt: skip


class _Layout:
    """Operand and kernel of a convolution, and what is given for each dimension."""

    def __init__(
        self, lhs: Any, rhs: Any, numbers: Any, strides: Any, base: Any, holes: Any
    ):
        self.lhs, self.rhs, self.numbers = lhs, rhs, numbers
        self.rank = lhs.ndim - 2
        self.strides = _ones(strides, self.rank)
        self.base, self.holes = _ones(base, self.rank), _ones(holes, self.rank)
        if len(self.strides) != self.rank:
            raise ValueError(
                f"conv_general_dilated: window_strides {self.strides} needs an entry"
                f" for each of the {self.rank} spatial dimensions."
            )

    def pads(self, padding: Any) -> tuple[tuple[int, int], ...]:
        """Padding in any form as pairs."""
        name = "conv_general_dilated"
        if not isinstance(padding, str):
            return static_pads(name, padding, self.rank)
        if any(d != 1 for d in self.base):
            raise ValueError(
                f"{name}: padding {padding!r} is not defined for a dilated operand"
                f" (lhs_dilation {self.base}); give (low, high) pairs, or use"
                " conv_transpose."
            )
        sizes = [self.lhs.shape[i] for i in self.numbers.lhs_spec[2:]]
        window = [
            dilated(self.rhs.shape[i], d)
            for i, d in zip(self.numbers.rhs_spec[2:], self.holes)
        ]
        return tuple(padtype_to_pads(sizes, window, self.strides, padding))


def _convolved(
    layout: _Layout, padding: Any, feature_groups: Any, batch_groups: Any,
    precision: Any, preferred: Any,
) -> Any:  # fmt: skip
    name, lhs, rhs = "conv_general_dilated", layout.lhs, layout.rhs
    if lhs.dtype != rhs.dtype and preferred is None:
        raise TypeError(
            f"{name}: operand and kernel must have one dtype; got {lhs.dtype} and"
            f" {rhs.dtype}. Convert one with astype."
        )
    if preferred is not None:
        preferred = dtypes.check_array_dtype(name, preferred)
    return bind(
        conv_general_dilated_p,
        lhs,
        rhs,
        window_strides=layout.strides,
        padding=layout.pads(padding),
        lhs_dilation=layout.base,
        rhs_dilation=layout.holes,
        dimension_numbers=ConvDimensionNumbers(*(tuple(s) for s in layout.numbers)),
        feature_group_count=operator.index(feature_groups),
        batch_group_count=operator.index(batch_groups),
        precision=canonical_precision(name, precision),
        preferred_element_type=preferred,
    )


def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """A convolution of arrays with batch and feature first ("NCHW" with "OIHW").

    Args: see `conv_general_dilated`.

    >>> from chainrule import lax, numpy as cnp
    >>> lax.conv(cnp.ones((1, 2, 5, 5)), cnp.ones((3, 2, 3, 3)), (2, 2), "SAME").shape
    (1, 3, 3, 3)
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, precision=precision,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


def conv_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: Any,
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Any:
    """A dilated convolution of arrays with batch and feature first.

    Args: see `conv_general_dilated`.
    """
    return conv_general_dilated(
        lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation,
        precision=precision, preferred_element_type=preferred_element_type,
    )  # fmt: skip


# --- transposed -----------------------------------------------------------------------


def _transposed_pads(
    k: int, s: int, padding: Any, dilation: int, consistent: bool
) -> tuple[int, int]:
    """The padding of a fractionally strided convolution along one dimension."""
    window = dilated(k, dilation)
    if not isinstance(padding, str):
        low, high = padding
        if not consistent:
            return low, high
        return window - 1 - low, window - 1 - high
    name = padding.upper()
    if name == "SAME":
        total = window + s - 2
        low = window - 1 if s > window - 1 else -(-total // 2)
    elif name == "VALID":
        total = window + s - 2 + max(window - s, 0)
        low = window - 1
    else:
        raise ValueError(
            f"conv_transpose: padding {padding!r} is unknown; use 'SAME', 'VALID' or"
            " (low, high) pairs."
        )
    return low, total - low


def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: Any,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Any:
    """A fractionally strided convolution: `strides` become holes in the operand.

    Args:
        lhs, rhs: operand and kernel.
        strides: by how much each spatial dimension grows.
        padding: "SAME" (size * stride), "VALID" (all that any element reaches), or a
            (low, high) pair for each spatial dimension of the dilated operand.
        rhs_dilation: distance between neighbours in the kernel.
        dimension_numbers: default channels last: "NHC", "NHWC" or "NHWDC" with kernels
            "HIO", "HWIO" or "HWDIO".
        transpose_kernel: whether to flip the kernel and exchange its features, which
            makes this the transpose of the convolution with that kernel.
        precision, preferred_element_type: see `conv_general_dilated`.
        use_consistent_padding: whether explicit pairs are those of the convolution of
            which this is the transpose.

    >>> from chainrule import lax, numpy as cnp
    >>> x, k = cnp.ones((1, 5, 5, 2)), cnp.ones((3, 3, 2, 4))
    >>> lax.conv_transpose(x, k, (2, 2), "SAME").shape
    (1, 10, 10, 4)
    """
    lhs, rhs = as_array(lhs, "conv_transpose"), as_array(rhs, "conv_transpose")
    rank = lhs.ndim - 2
    if dimension_numbers is None:
        if rank not in (1, 2, 3):
            raise ValueError(
                f"conv_transpose: an operand of shape {lhs.shape} needs"
                " dimension_numbers; only 3, 4 or 5 dimensions have a default."
            )
        letters = "HWD"[:rank]
        dimension_numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    numbers = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    window = [rhs.shape[i] for i in numbers.rhs_spec[2:]]
    dilation = _ones(rhs_dilation, rank)
    each = [padding] * rank if isinstance(padding, str) else padding
    pads = [
        _transposed_pads(k, s, p, d, use_consistent_padding)
        for k, s, p, d in zip(window, strides, each, dilation)
    ]
    if transpose_kernel:
        rhs = rev_p(rhs, dimensions=tuple(numbers.rhs_spec[2:]))
        spec = numbers.rhs_spec
        numbers = numbers._replace(rhs_spec=(spec[1], spec[0], *spec[2:]))
    return conv_general_dilated(
        lhs, rhs, (1,) * rank, pads, strides, dilation, numbers, precision=precision,
        preferred_element_type=preferred_element_type,
    )  # fmt: skip


# --- shapes ---------------------------------------------------------------------------


def conv_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    strides: Sequence[int],
    pads: Any,
    batch_group_count: int = 1,
) -> tuple[int, ...]:
    """The shape of a convolution of shapes with batch and feature first.

    >>> from chainrule import lax
    >>> lax.conv_shape_tuple((1, 2, 5, 5), (3, 2, 3, 3), (1, 1), "SAME")
    (1, 3, 5, 5)
    """
    if isinstance(pads, str):
        pads = padtype_to_pads(lhs_shape[2:], rhs_shape[2:], strides, pads)
    rank = len(lhs_shape) - 2
    pads = static_pads("conv_shape_tuple", pads, rank)
    ones = (1,) * rank
    out = window_counts(lhs_shape[2:], rhs_shape[2:], strides, pads, ones, ones)
    if lhs_shape[0] % batch_group_count:
        raise ValueError(
            f"conv_shape_tuple: batch_group_count {batch_group_count} must divide the"
            f" batch size {lhs_shape[0]}."
        )
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *out)


def _by_meaning(shape: Sequence[int], spec: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape[i] for i in spec)


def _laid_out(sizes: Sequence[int], spec: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for _, n in sorted(zip(spec, sizes)))


def conv_general_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    dimension_numbers: Any,
) -> tuple[int, ...]:
    """The shape of a convolution of shapes in any layout.

    >>> from chainrule import lax
    >>> layout = ("NHWC", "HWIO", "NHWC")
    >>> lax.conv_general_shape_tuple((1, 5, 5, 2), (3, 3, 2, 4), (1, 1), "SAME", layout)
    (1, 5, 5, 4)
    """
    lhs, rhs, out = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    sizes = conv_shape_tuple(
        _by_meaning(lhs_shape, lhs),
        _by_meaning(rhs_shape, rhs),
        window_strides,
        padding,
    )
    return _laid_out(sizes, out)


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: Any,
    dimension_numbers: Any,
) -> tuple[int, ...]:
    """The shape of a transposed convolution of shapes in any layout.

    >>> from chainrule import lax
    >>> layout = ("NHWC", "HWIO", "NHWC")
    >>> x, k = (1, 5, 5, 2), (3, 3, 2, 4)
    >>> lax.conv_transpose_shape_tuple(x, k, (2, 2), "SAME", layout)
    (1, 10, 10, 4)
    """
    lhs, rhs, out = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    x, k = _by_meaning(lhs_shape, lhs), _by_meaning(rhs_shape, rhs)
    rank = len(x) - 2
    each = [padding] * rank if isinstance(padding, str) else padding
    pads = tuple(
        _transposed_pads(w, s, p, 1, False)
        for w, s, p in zip(k[2:], window_strides, each)
    )
    ones = (1,) * rank
    spatial = window_counts(x[2:], k[2:], ones, pads, window_strides, ones)
    return _laid_out((x[0], k[0], *spatial), out)


__all__ = [
    "ConvDimensionNumbers", "ConvGeneralDilatedDimensionNumbers", "conv",
    "conv_dimension_numbers", "conv_general_dilated", "conv_general_permutations",
    "conv_general_shape_tuple", "conv_shape_tuple", "conv_transpose",
    "conv_transpose_shape_tuple", "conv_with_general_padding", "padtype_to_pads",
    "static_pads",
]  # fmt: skip
