"""Conversions that keep or reinterpret bits: bitcast, reduced precision, copies.

`stop_gradient` is the identity whose derivative is zero; `copy` is the identity with a
buffer of its own. Conversion between dtypes by value stands in shaping.py.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ..core.primitive import Primitive
from .elementwise_rules import elementwise, pointwise
from .shaping import move_dim

# --- bitcast_convert_type ------------------------------------------------------------


def _bitcast_abstract(x: Any, *, new_dtype: Any) -> Any:
    old, new = x.dtype.itemsize, np.dtype(new_dtype).itemsize
    if (x.dtype == np.bool_) != (new_dtype == np.bool_):
        raise TypeError(
            f"bitcast_convert_type: cannot reinterpret {x.dtype} as {new_dtype};"
            " convert booleans by value with astype."
        )
    if old == new:
        return x.shape, new_dtype
    if old > new:
        return (*x.shape, old // new), new_dtype
    if not x.shape or x.shape[-1] != new // old:
        raise ValueError(
            f"bitcast_convert_type: an array of {x.dtype} needs a last dimension of"
            f" size {new // old} to become {new_dtype}; got shape {x.shape}."
        )
    return x.shape[:-1], new_dtype


def _bitcast_evaluate(x: Any, *, new_dtype: Any) -> Any:
    old, new = x.dtype.itemsize, new_dtype.itemsize
    if old == new:
        return x.view(new_dtype)
    if old > new:
        shape = (*x.shape, old // new)
        return np.ascontiguousarray(x).reshape(-1).view(new_dtype).reshape(shape)
    return np.ascontiguousarray(x).reshape(-1).view(new_dtype).reshape(x.shape[:-1])


def _bitcast_lower(build: Any, x: Any, *, new_dtype: Any) -> Any:
    build.check(x)
    m, new = build.m, build.type_of(new_dtype)
    old_bits, new_bits = m.BITS[x.type], m.BITS[new]
    if old_bits == new_bits:
        return build.map(lambda m, e: m.bitcast(e, new), x, widen=False, cost=0.0)
    old, part = f"u{old_bits}", f"u{new_bits}"

    def piece(*indices: Any) -> Any:
        shift = m.convert((indices[-1] * new_bits).expr(), old)
        bits = m.bitcast(x.at(*indices[:-1]), old) >> shift
        return m.bitcast(m.convert(bits, part), new)

    def joined(*indices: Any) -> Any:
        bits = m.const(0, part)
        for k in range(new_bits // old_bits):
            element = m.bitcast(x.at(*indices, m.Index(k)), old)
            bits = bits | (m.convert(element, part) << (k * old_bits))
        return m.bitcast(bits, new)

    x = build.settled(x, reads=max(old_bits // new_bits, 1))
    return build.index(piece if old_bits > new_bits else joined, x)


def _bitcast_batch(args: Any, dims: Any, size: int, *, new_dtype: Any) -> Any:
    from_front = args[0] if dims[0] == 0 else move_dim(args[0], dims[0], 0)
    return bitcast_convert_type_p(from_front, new_dtype=new_dtype), 0


def _no_tangent(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    return None


bitcast_convert_type_p = Primitive(
    "bitcast_convert_type",
    "The same bits read as elements of new_dtype; a last dimension takes up the ratio.",
    abstract=_bitcast_abstract,
    jvp=_no_tangent,
    batch=_bitcast_batch,
    evaluate=_bitcast_evaluate,
    lower=_bitcast_lower,
)


# --- reduce_precision ----------------------------------------------------------------


def _reduce_precision(x: Any, *, exponent_bits: int, mantissa_bits: int) -> Any:
    """Rounds the mantissa to nearest even, then overflows or flushes by exponent."""
    info = ml_dtypes.finfo(x.dtype)
    out = x
    if mantissa_bits < info.nmant:
        out = _round_mantissa(x, int(info.nmant) - mantissa_bits)
    if exponent_bits < info.iexp:
        top = 2 ** (exponent_bits - 1)
        size = np.abs(out).astype(np.float64)
        out = np.where(size >= 2.0**top, np.copysign(np.inf, x).astype(x.dtype), out)
        small = size < 2.0 ** (2 - top)
        out = np.where(small, np.copysign(0, x).astype(x.dtype), out)
    special = ~np.isfinite(x) | (x == 0)
    return np.where(special, x, out).astype(x.dtype, copy=False)


def _round_mantissa(x: Any, drop: int) -> Any:
    """`x` with the last `drop` bits of its mantissa rounded away."""
    bits = x.view(f"u{x.dtype.itemsize}")
    number = bits.dtype.type
    odd = (bits >> number(drop)) & number(1)
    bits = bits + (number((1 << (drop - 1)) - 1) + odd)
    return (bits & ~number((1 << drop) - 1)).view(x.dtype)


_fraction = {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}
_exponent = {"f16": 5, "bf16": 8, "f32": 8, "f64": 11}


def _reduce_precision_scalar(
    m: Any, x: Any, *, exponent_bits: int, mantissa_bits: int
) -> Any:
    """The bits are rounded; the exponent is judged by comparing."""
    size, drop = m.BITS[x.type], _fraction[x.type] - mantissa_bits
    bits = m.bitcast(x, f"u{size}")
    if drop > 0:
        odd = (bits >> drop) & 1
        bits = (bits + (odd + ((1 << (drop - 1)) - 1))) & ((1 << size) - (1 << drop))
    wide = "f32" if size == 16 else x.type
    out, given = m.bitcast(bits, x.type), m.convert(x, wide)
    if exponent_bits < _exponent[x.type]:
        top = 2 ** (exponent_bits - 1)
        amount = m.unary("abs", m.convert(out, wide))
        sign, infinity = bits & (1 << (size - 1)), m.const(float("inf"), x.type)
        above, below = amount >= 2.0**top, amount < 2.0 ** (2 - top)
        bits = m.select(above, sign | m.bitcast(infinity, bits.type), bits)
        out = m.bitcast(m.select(below, sign, bits), x.type)
    special = ~(m.unary("abs", given) < float("inf"))
    return m.select(special, x, out)


reduce_precision_p = elementwise(
    "reduce_precision",
    "x rounded to what a float of the given exponent and mantissa bits can hold",
    _reduce_precision,
    kinds="f",
    linear=(0,),
    transpose=lambda ct, x, **params: (reduce_precision_p(ct, **params),),
    scalar=_reduce_precision_scalar,
    cost=6.0,
    widen=False,
)


# --- identities ----------------------------------------------------------------------

copy_p = Primitive(
    "copy",
    "x, in a buffer of its own.",
    abstract=lambda x: (x.shape, x.dtype),
    linear=(0,),
    transpose=lambda ct, x: (ct,),
    batch=lambda args, dims, size: (copy_p(args[0]), dims[0]),
    evaluate=lambda x: np.array(x),
    lower=pointwise(lambda m, x: x, cost=0.0, widen=False),
    work=0.0,
)
stop_gradient_p = Primitive(
    "stop_gradient",
    "x, with the derivative zero.",
    abstract=lambda x: (x.shape, x.dtype),
    jvp=_no_tangent,
    batch=lambda args, dims, size: (stop_gradient_p(args[0]), dims[0]),
    evaluate=lambda x: x,
    lower=lambda build, x: x,
    simplify=lambda known, x: x,
    work=0.0,
)

__all__ = [
    "bitcast_convert_type_p", "copy_p", "reduce_precision_p", "stop_gradient_p",
]  # fmt: skip
