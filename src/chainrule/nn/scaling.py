"""Matrix products of block-scaled operands: narrow floats with a scale per block.

An operand is held as numbers of a narrow floating-point dtype, and one scale for each
block of them along the contracted dimension (the Open Compute Project's "Microscaling
Formats Specification", 2023; NVFP4 has scales of its own and one for the whole array).
Products are computed on the numbers times their scales, in the wide dtype; products by
special hardware have the same meaning.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .. import lax
from .. import numpy as cnp
from ..api.gradients import vjp
from ..control.custom_vjp import custom_vjp
from ..core import dtypes
from ..numpy.promotion import operand


@dataclasses.dataclass
class BlockScaleConfig:
    """How an operand is held: its format, block size, dtypes, and scale of the whole.

    `infer_only` is accepted: cotangents are not quantized in any case.
    """

    mode: str
    block_size: int
    data_type: Any
    scale_type: Any
    global_scale: Any
    infer_only: bool


def get_scaled_dot_general_config(
    mode: str, global_scale: Any = None
) -> BlockScaleConfig:
    """The configuration of a format.

    Args:
        mode: "mxfp8" (blocks of 32 float8_e4m3fn, scales float8_e8m0fnu) or "nvfp4"
            (blocks of 16 float4_e2m1fn, scales float8_e4m3fn).
        global_scale: for "nvfp4", one scale for the whole array; by default 1.

    Raises:
        ValueError: there is no such format.

    >>> import chainrule as cr
    >>> cr.nn.get_scaled_dot_general_config("mxfp8").block_size
    32
    """
    if mode == "mxfp8":
        data, scale = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu
        return BlockScaleConfig(mode, 32, data, scale, None, False)
    if mode == "nvfp4":
        whole = cnp.ones(1, np.float32) if global_scale is None else global_scale
        data, scale = ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e4m3fn
        return BlockScaleConfig(mode, 16, data, scale, whole, False)
    raise ValueError(
        f"get_scaled_dot_general_config: there is no mode {mode!r}; use 'mxfp8' or"
        " 'nvfp4'."
    )


def scaled_matmul(
    lhs: Any,
    rhs: Any,
    lhs_scales: Any,
    rhs_scales: Any,
    preferred_element_type: Any = np.float32,
) -> Any:
    """The product of two batches of block-scaled matrices, contracted over the last
    dimensions.

    Args:
        lhs, rhs: numbers of shapes (B, M, K) and (B, N, K).
        lhs_scales, rhs_scales: scales of shapes (B, M, K / block) and (B, N, K / block).
        preferred_element_type: the dtype of the result.

    Returns:
        An array of shape (B, M, N).

    Raises:
        ValueError: the shapes do not fit together.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> x, scales = cnp.ones((1, 2, 32)), cnp.full((1, 2, 1), 0.5)
    >>> cr.nn.scaled_matmul(x, x, scales, scales).tolist()
    [[[8.0, 8.0], [8.0, 8.0]]]
    """
    given = [operand("scaled_matmul", x) for x in (lhs, rhs, lhs_scales, rhs_scales)]
    a, b, a_scales, b_scales = given
    fits = all(x.ndim == 3 for x in given) and a.shape[::2] == b.shape[::2]
    for x, scales in ((a, a_scales), (b, b_scales)):
        fits = fits and scales.shape[:2] == x.shape[:2]
        fits = fits and scales.shape[2] > 0 and x.shape[2] % scales.shape[2] == 0
    if not fits or a_scales.shape[2] != b_scales.shape[2]:
        raise ValueError(
            "scaled_matmul: operands (B, M, K), (B, N, K) and scales (B, M, K / block),"
            f" (B, N, K / block) do not fit together: got {', '.join(str(x.shape) for x in given)}."
        )
    dtype = dtypes.canonicalize_dtype(preferred_element_type)
    wide = dtypes.promote((dtype, False), (dtypes.float32, False))[0]
    a, b = _scaled(a, a_scales, wide), _scaled(b, b_scales, wide)
    return lax.dot_general(a, b, (((2,), (2,)), ((0,), (0,)))).astype(dtype)


def _scaled(x: Any, scales: Any, dtype: Any) -> Any:
    """Numbers times the scales of their blocks along the last dimension."""
    blocks = x.astype(dtype).reshape(*scales.shape, -1)
    return (blocks * scales.astype(dtype)[..., None]).reshape(x.shape)


def quantize(x: Any, config: BlockScaleConfig) -> tuple[Any, Any]:
    """`x` (..., K) in blocks along its last dimension: narrow numbers, and scales."""
    largest = float(ml_dtypes.finfo(config.data_type).max)
    blocks = x.astype(np.float32).reshape(*x.shape[:-1], -1, config.block_size)
    scales = cnp.max(cnp.abs(blocks), -1) / largest
    if config.mode == "nvfp4":
        scales = scales / config.global_scale
        top = float(ml_dtypes.finfo(config.scale_type).max)
        scales = cnp.clip(scales, 0.0, top).astype(config.scale_type)
        held = scales.astype(np.float32) * config.global_scale
    else:
        smallest = 2.0**-127
        held = cnp.exp2(cnp.ceil(cnp.log2(cnp.maximum(scales, smallest))))
        scales = held.astype(config.scale_type)
    safe = cnp.where(held == 0, 1.0, held)[..., None]
    numbers = cnp.clip(blocks / safe, -largest, largest).astype(config.data_type)
    return numbers.reshape(x.shape), scales


def scaled_dot_general(
    lhs: Any,
    rhs: Any,
    dimension_numbers: Any,
    preferred_element_type: Any = np.float32,
    configs: Sequence[BlockScaleConfig] | None = None,
    implementation: str | None = None,
) -> Any:
    """`lax.dot_general` of operands that are quantized to a block-scaled format.

    Args:
        lhs, rhs: arrays.
        dimension_numbers: as for `lax.dot_general`.
        preferred_element_type: the dtype of the result.
        configs: formats of `lhs` and `rhs` (a third, for cotangents, is accepted), from
            `get_scaled_dot_general_config`; None: no quantization.
        implementation: None.

    Returns:
        The product. Its derivatives are those of the product without quantization, of
        operands that are quantized (straight through).

    Raises:
        ValueError: the contracted size is no multiple of the block size, or the
            implementation is not there.

    >>> import chainrule as cr, chainrule.numpy as cnp
    >>> x = cnp.ones((2, 32))
    >>> config = cr.nn.get_scaled_dot_general_config("mxfp8")
    >>> numbers = (((1,), (1,)), ((), ()))
    >>> cr.nn.scaled_dot_general(x, x, numbers, configs=[config] * 3).tolist()
    [[32.0, 32.0], [32.0, 32.0]]
    """
    name = "scaled_dot_general"
    if implementation is not None:
        raise ValueError(
            f"{name}: implementation {implementation!r} is not available; leave it None."
        )
    a, b = operand(name, lhs), operand(name, rhs)
    dtype = dtypes.canonicalize_dtype(preferred_element_type)

    def product(a: Any, b: Any) -> Any:
        out = lax.dot_general(a, b, dimension_numbers, preferred_element_type=dtype)
        return out.astype(dtype)

    if configs is None:
        return product(a, b)
    over = dimension_numbers[0]
    formats = list(zip(over, configs))

    def rounded(*operands: Any) -> Any:
        return [_rounded(name, x, *how) for x, how in zip(operands, formats)]

    return _straight_through(product, rounded)(a, b)


def _straight_through(product: Any, rounded: Any) -> Any:
    """`product` of rounded operands, differentiated as if they were not rounded."""

    @custom_vjp
    def scaled(*operands: Any) -> Any:
        return product(*rounded(*operands))

    def forward(*operands: Any) -> Any:
        held = rounded(*operands)
        return product(*held), tuple(held)

    def backward(held: Any, y_bar: Any) -> Any:
        return vjp(product, *held)[1](y_bar)

    scaled.defvjp(forward, backward)
    return scaled


def _rounded(name: str, x: Any, over: Sequence[int], config: BlockScaleConfig) -> Any:
    """`x` quantized along its contracted dimensions `over`, and back in its dtype."""
    kept = [i for i in range(x.ndim) if i not in over]
    size = math.prod(x.shape[i] for i in over)
    if size % config.block_size:
        raise ValueError(
            f"{name}: the contracted size {size} must be a multiple of the block size"
            f" {config.block_size} of {config.mode}."
        )
    order = [*kept, *over]
    lines = cnp.transpose(x, order).reshape(*[x.shape[i] for i in kept], size)
    numbers, scales = quantize(lines, config)
    whole = 1.0 if config.global_scale is None else config.global_scale
    held = (_scaled(numbers, scales, np.dtype(np.float32)) * whole).astype(x.dtype)
    back = held.reshape([x.shape[i] for i in order])
    return cnp.transpose(back, np.argsort(order).tolist())


__all__ = [
    "BlockScaleConfig", "get_scaled_dot_general_config", "quantize", "scaled_dot_general",
    "scaled_matmul",
]  # fmt: skip
