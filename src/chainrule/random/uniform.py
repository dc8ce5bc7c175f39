"""Uniform numbers: bits, floats in an interval, integers in a range, coin tosses.

A float in [0, 1) is made from random bits as the mantissa of a number in [1, 2), minus
one; an interval [lo, hi) from that by one fused multiply-add, so that the numbers are
those of a compiled program, eager or not.
"""

from __future__ import annotations

import functools
from typing import Any

import ml_dtypes
import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of, scalar, wrap
from ..ops.arithmetic import add_p, fma_p, mul_p, sub_p
from ..ops.elementwise_conversion import bitcast_convert_type_p
from ..ops.elementwise_logic import and_p, gt_p, le_p, lt_p, or_p, shift_right_logical_p
from ..ops.elementwise_rounding import rem_p
from ..ops.elementwise_selection import max_p, min_p, select
from ..ops.random_bits import random_bits_p, random_split_p
from ..ops.shaping import broadcast_to, convert
from .arguments import dtype_of, parameter, result_shape, shape_of, typed_key


@functools.cache
def number(value: float, dtype: Any) -> Array:
    """A constant as an Array of `dtype`."""
    return wrap(np.asarray(value, dtype))


@functools.cache
def _layout(dtype: Any) -> tuple[int, Any, Any, Any]:
    """Bits to draw per float, the shift that leaves a mantissa, dtype and bits of 1.0."""
    mantissa = int(ml_dtypes.finfo(dtype).nmant)
    width = 8 if mantissa < 8 else dtype.itemsize * 8
    drawn, held = np.dtype(f"u{width // 8}"), np.dtype(f"u{dtype.itemsize}")
    one = np.ones((), dtype).view(held)
    return width, number(width - mantissa, drawn), held, wrap(one)


def unit(key: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Floats in [0, 1) from a typed key."""
    width, shift, held, one = _layout(dtype)
    drawn = random_bits_p(key, bit_width=width, shape=shape)
    mantissa = convert(shift_right_logical_p(drawn, shift), held)
    from_one = bitcast_convert_type_p(or_p(mantissa, one), new_dtype=dtype)
    return sub_p(from_one, number(1, dtype))


def interval(key: Any, shape: tuple[int, ...], dtype: Any, lo: Any, hi: Any) -> Array:
    """Floats in [lo, hi) from a typed key; bounds are Arrays of `dtype`."""
    width = sub_p(hi, lo)
    u = unit(key, shape, dtype)
    if dtype == dtypes.bfloat16:
        spread = add_p(mul_p(u, width), lo)
    else:
        spread = fma_p(u, width, lo)
    return max_p(lo, spread)


def bits(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Uniform random bits as unsigned integers.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: uint8, uint16, uint32 or uint64; by default uint32, or uint64 where 64-bit
            types are enabled.
        out_sharding: accepted.

    Raises:
        ValueError: the dtype is no unsigned integer, or `key` is an array of keys.

    >>> from chainrule import random
    >>> random.bits(random.key(0))
    Array(4070199207, dtype=uint32)
    """
    key = typed_key("bits", key)
    default = dtypes.canonicalize_dtype(np.uint64)
    found = dtype_of("bits", dtype, "u", default)
    return random_bits_p(
        key, bit_width=found.itemsize * 8, shape=shape_of("bits", shape)
    )


def uniform(
    key: Any,
    shape: Any = (),
    dtype: Any = None,
    minval: Any = 0.0,
    maxval: Any = 1.0,
    *,
    out_sharding: Any = None,
) -> Array:
    """Floats uniform in [minval, maxval).

    Args:
        key: a key.
        shape: the shape of the result, to which the bounds broadcast.
        dtype: a floating-point dtype; by default float32, or float64 where 64-bit types
            are enabled.
        minval, maxval: the bounds.
        out_sharding: accepted.

    Raises:
        ValueError: the dtype is not floating-point, `key` is an array of keys, or the
            bounds do not broadcast to `shape`.

    >>> from chainrule import random
    >>> random.uniform(random.key(0), (2,))
    Array([0.947667 , 0.9785799], dtype=float32)
    """
    key = typed_key("uniform", key)
    dtype = dtype_of("uniform", dtype)
    if type(minval) is type(maxval) is float and minval == 0.0 and maxval == 1.0:
        return unit(key, shape_of("uniform", shape), dtype)
    lo, hi = parameter("uniform", minval, dtype), parameter("uniform", maxval, dtype)
    shape = result_shape("uniform", shape_of("uniform", shape), lo, hi)
    return interval(key, shape, dtype, lo, hi)


# --- integers ------------------------------------------------------------------------


def _bounds(minval: Any, maxval: Any, dtype: Any) -> tuple[Any, Any, Any, Any]:
    """Bounds clipped into a dtype to compute in, that dtype, and whether maxval lies
    beyond the largest value of `dtype`."""
    info = np.iinfo(dtype)
    wide = dtypes.int32 if dtype.itemsize < 4 else dtype
    if wide != dtype:
        lo = _clipped(minval, info.min, info.max, wide)
        return lo, _clipped(maxval, info.min, int(info.max) + 1, wide), wide, False
    hi = maxval if isinstance(maxval, Array) else _array(maxval)
    top = number(info.max, dtypes.canonicalize_dtype(dtype))
    beyond = _exceeds(hi, top)
    lo = _clipped(minval, info.min, info.max, wide)
    return lo, _clipped(hi, info.min, info.max, wide), wide, beyond


def _array(x: Any) -> Array:
    x = as_array(x, "randint")
    return convert(x, dtypes.int32) if x.dtype == np.bool_ else x


def _exceeds(hi: Any, top: Any) -> Any:
    """Whether bounds `hi` are above the integer `top`, whatever their dtype."""
    if dtypes.is_integer(hi.dtype):
        if np.iinfo(hi.dtype).max <= np.iinfo(top.dtype).max:
            return False
        return gt_p(hi, number(np.iinfo(top.dtype).max, hi.dtype))
    return gt_p(hi, number(float(np.iinfo(top.dtype).max), hi.dtype))


def _clipped(x: Any, low: int, high: int, dtype: Any) -> Any:
    """Bounds `x` brought between two integers and converted to `dtype`."""
    x = _array(x)
    if dtypes.is_integer(x.dtype):
        own = np.iinfo(x.dtype)
        if own.min < low:
            x = max_p(x, number(low, x.dtype))
        if own.max > high:
            x = min_p(x, number(high, x.dtype))
    return convert(x, dtype)


def randint(
    key: Any,
    shape: Any,
    minval: Any,
    maxval: Any,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Integers uniform in minval, ..., maxval - 1.

    Args:
        key: a key.
        shape: the shape of the result, to which the bounds broadcast.
        minval, maxval: the bounds; where `maxval <= minval`, the result is `minval`.
        dtype: an integer dtype; by default int32, or int64 where 64-bit types are
            enabled. Bounds beyond it are clipped; `maxval` may be its largest value
            plus one.
        out_sharding: accepted.

    Raises:
        TypeError: the dtype is no integer.
        ValueError: the bounds do not broadcast to `shape`, or `key` is an array of keys.
        OverflowError: a Python integer does not fit the default integer.

    >>> from chainrule import random
    >>> random.randint(random.key(0), (3,), 0, 10).shape
    (3,)
    """
    key = typed_key("randint", key)
    dtype = dtypes.canonicalize_dtype(dtypes.default_int() if dtype is None else dtype)
    if not dtypes.is_integer(dtype):
        raise TypeError(f"randint: the dtype must be an integer dtype; got {dtype}.")
    if type(minval) is int and type(maxval) is int:
        for bound in (minval, maxval):
            scalar(bound, dtypes.default_int(), "randint")
        return _static_randint(key, shape_of("randint", shape), minval, maxval, dtype)
    lo, hi, wide, beyond = _bounds(minval, maxval, dtype)
    shape = result_shape("randint", shape_of("randint", shape), lo, hi)
    return convert(_randint(key, shape, lo, hi, wide, beyond), dtype)


def _randint(
    key: Any, shape: tuple[int, ...], lo: Any, hi: Any, dtype: Any, beyond: Any
) -> Any:
    """Integers from bounds that are Arrays; `beyond`: maxval is one above the dtype."""
    held = np.dtype(f"u{dtype.itemsize}")
    span = convert(sub_p(hi, lo), held)
    own = aval_of(span).shape
    one = broadcast_to(number(1, held), own)
    span = select(broadcast_to(le_p(hi, lo), own), one, span)
    if beyond is not False:
        more = and_p(beyond, gt_p(hi, lo))
        span = select(broadcast_to(more, own), add_p(span, one), span)
    scale = rem_p(number(1 << (dtype.itemsize * 4), held), span)
    scale = rem_p(mul_p(scale, scale), span)
    return add_p(lo, convert(_below(key, shape, span, scale, held), dtype))


def _static_randint(key: Any, shape: Any, minval: int, maxval: int, dtype: Any) -> Any:
    """Integers from bounds that are Python's, so that the span is known."""
    info = np.iinfo(dtype)
    held = np.dtype(f"u{max(dtype.itemsize, 4)}")
    lo = min(max(minval, info.min), info.max)
    span = max(min(max(maxval, info.min), info.max + 1) - lo, 1)
    half = 1 << (held.itemsize * 4)
    scale = (half % span) ** 2 % half**2 % span
    drawn = _below(key, shape, number(span % half**2, held), number(scale, held), held)
    wide = np.dtype(f"{dtype.kind}{held.itemsize}")
    return convert(add_p(number(lo, wide), convert(drawn, wide)), dtype)


def _below(key: Any, shape: tuple[int, ...], span: Any, scale: Any, held: Any) -> Any:
    """Unsigned integers below `span`, from two draws each: the upper one counts
    `scale`, which is what 2**width leaves modulo the span. The bias is below
    2**-width."""
    width = held.itemsize * 8
    keys = random_split_p(key, shape=(2,))
    higher = random_bits_p(keys[0], bit_width=width, shape=shape)
    lower = random_bits_p(keys[1], bit_width=width, shape=shape)
    offset = add_p(mul_p(rem_p(higher, span), scale), rem_p(lower, span))
    return rem_p(offset, span)


# --- two values ----------------------------------------------------------------------


def bernoulli(
    key: Any,
    p: Any = 0.5,
    shape: Any = None,
    mode: str = "low",
    *,
    out_sharding: Any = None,
) -> Array:
    """Booleans that are True with probability `p`.

    Args:
        key: a key.
        p: probabilities, floating-point.
        shape: the shape of the result; by default that of `p`.
        mode: "low" draws 24 bits per element (in float32), "high" twice as many, so that
            small probabilities are met more exactly.
        out_sharding: accepted.

    Raises:
        TypeError: `p` is not floating-point.
        ValueError: `p` does not broadcast to `shape`, the mode is unknown, or `key` is
            an array of keys.

    >>> from chainrule import random
    >>> random.bernoulli(random.key(0), 0.9, (2,)).shape
    (2,)
    """
    key = typed_key("bernoulli", key)
    if mode not in ("high", "low"):
        raise ValueError(f"bernoulli: the mode is {mode!r}; use 'high' or 'low'.")
    if type(p) is float:
        p = wrap(np.asarray(p, dtypes.default_float()))
    p = as_array(p, "bernoulli")
    if not dtypes.is_float(p.dtype):
        raise TypeError(
            f"bernoulli: the probability must be floating-point; got {p.dtype}."
        )
    shape = result_shape("bernoulli", shape, p)
    if mode == "low":
        return lt_p(unit(key, shape, p.dtype), convert(p, p.dtype))
    u = unit(key, (2, *shape), p.dtype)
    fine = mul_p(u[1], number(float(ml_dtypes.finfo(p.dtype).eps), p.dtype))
    return lt_p(fine, sub_p(convert(p, p.dtype), u[0]))


def rademacher(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """-1 or 1 with equal probability.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: its dtype; by default the default integer.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.rademacher(random.key(0), (4,)).shape
    (4,)
    """
    key = typed_key("rademacher", key)
    found = dtypes.canonicalize_dtype(dtypes.default_int() if dtype is None else dtype)
    heads = bernoulli(key, 0.5, shape_of("rademacher", shape))
    two, one = number(2, found), number(1, found)
    return sub_p(mul_p(two, convert(heads, found)), one)


__all__ = [
    "bernoulli", "bits", "interval", "number", "rademacher", "randint", "uniform", "unit",
]  # fmt: skip
