"""Arithmetic: the elementwise primitives that linear programs are made of.

add, sub, mul, div, neg are what tangent programs record, so their transposes stand
here; everything else elementwise is in the sibling files.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.jaxpr import Literal
from ..core.linear import is_linear
from ..runtime import _native
from .elementwise_rules import elementwise, neutral, transpose_scaled, unbroadcast
from .power_series import quotient_terms


def _is_zero(value: Any, negative: bool) -> bool:
    """Whether a number is zero, of this sign if zeros have one: x + -0.0 and x - 0.0
    are x, and so is x + 0 for integers."""
    if value.dtype.kind != "f":
        return value == 0
    return value == 0 and bool(np.signbit(value)) == negative


def _negated(known: Any, x: Any) -> Any:
    origin = known.origin(x)
    return origin.invars[0] if origin and origin.primitive is neg_p else None


def _fma_evaluate(x: Any, y: Any, z: Any) -> Any:
    if x.dtype.itemsize >= 4:
        return _native.fma(x, y, z)
    wide = [np.asarray(v).astype(np.float32) for v in (x, y, z)]
    return _native.fma(*wide).astype(x.dtype)


fma_p = elementwise(
    "fma",
    "x * y + z, rounded once (16-bit floats: in float32, then once more)",
    _fma_evaluate,
    kinds="f",
    partials=(lambda w, x, y, z: y, lambda w, x, y, z: x, 1),
    scalar=lambda m, x, y, z: m.fma(x, y, z),
)


def _factors(products: Any, v: Any, other: Any) -> Any:
    """The factors of `v`, if it is a product of 32 or 64 bits that one sum reads, with
    one product for every element of the other term."""
    eqn = products(v)
    if eqn is None or eqn.primitive is not mul_p:
        return None
    if v.aval.dtype not in (np.float32, np.float64) or v.aval.size < other.aval.size:
        return None
    return eqn.invars


def _number(factors: Any) -> float | None:
    """The magnitude of the constant factor of a product, None if it has none."""
    numbers = [abs(float(v.val)) for v in factors if type(v) is Literal]
    return numbers[0] if numbers else None


def _one_product(products: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The factors of the operand of a sum that is contracted, None for the other. Of
    two products it is the one that is known later; neither, where one may be there to
    cancel the other: x * x - y * y stays 0 where x is y, and a * d + b * c symmetric."""
    a, b = _factors(products, x, y), _factors(products, y, x)
    if a and b:
        if _number(a) == _number(b):
            return None, None
        return (a, None) if products.is_later(x, y) else (None, b)
    return a, b


def _add_contract(products: Any, x: Any, y: Any) -> Any:
    a, b = _one_product(products, x, y)
    if a:
        return x, [(fma_p, (*a, y))]
    return (y, [(fma_p, (*b, x))]) if b else None


def _sub_contract(products: Any, x: Any, y: Any) -> Any:
    a, b = _one_product(products, x, y)
    if a:
        return x, [(neg_p, (y,)), (fma_p, (*a, None))]
    return (y, [(neg_p, (b[0],)), (fma_p, (None, b[1], x))]) if b else None


def _add_transpose(ct: Any, x: Any, y: Any) -> Any:
    return (
        unbroadcast(ct, x.aval) if is_linear(x) else None,
        unbroadcast(ct, y.aval) if is_linear(y) else None,
    )


add_p = elementwise(
    "add", "x + y", np.add, kinds="biufc", partials=(1, 1), linear=(0, 1),
    transpose=_add_transpose, scalar=lambda m, x, y: x | y if x.type == "bool" else x + y,
    simplify=neutral(lambda v: _is_zero(v, negative=True), 0, 1),
    contract=_add_contract,
)  # fmt: skip


def _sub_transpose(ct: Any, x: Any, y: Any) -> Any:
    return (
        unbroadcast(ct, x.aval) if is_linear(x) else None,
        unbroadcast(neg_p(ct), y.aval) if is_linear(y) else None,
    )


sub_p = elementwise(
    "sub", "x - y", np.subtract, partials=(1, -1), linear=(0, 1),
    transpose=_sub_transpose, scalar=lambda m, x, y: x - y,
    simplify=neutral(lambda v: _is_zero(v, negative=False), 1),
    contract=_sub_contract,
)  # fmt: skip

neg_p = elementwise(
    "neg", "-x", np.negative, partials=(-1,), linear=(0,),
    transpose=lambda ct, x: (neg_p(ct),), scalar=lambda m, x: -x, simplify=_negated,
)  # fmt: skip

mul_p = elementwise(
    "mul",
    "x * y",
    np.multiply,
    kinds="biufc",
    partials=(lambda z, x, y: y, lambda z, x, y: x),
    bilinear=True,
    scalar=lambda m, x, y: x & y if x.type == "bool" else x * y,
    simplify=neutral(lambda v: v == 1, 0, 1),
)
mul_p.transpose = transpose_scaled(mul_p)


def _absorbing_evaluate(x: Any, y: Any) -> Any:
    return np.where((x == 0) | (y == 0), x.dtype.type(0), np.multiply(x, y))


def _absorbing_scalar(m: Any, x: Any, y: Any) -> Any:
    return m.select(x.eq(0) | y.eq(0), m.const(0, x.type), x * y)


absorbing_mul_p = elementwise(
    "absorbing_mul",
    "x * y, and 0 where one of them is 0 whatever the other is",
    _absorbing_evaluate,
    kinds="fc",
    bilinear=True,
    scalar=_absorbing_scalar,
)
absorbing_mul_p.transpose = transpose_scaled(absorbing_mul_p)
mul_p.absorbing = absorbing_mul_p


def _div_evaluate(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        return _truncated(x, y)
    return np.true_divide(x, y)


def _truncated(x: Any, y: Any) -> Any:
    """Integer division towards zero; -1 (all bits) where y is zero."""
    x, y = np.asarray(x), np.asarray(y)
    zero = y == 0
    safe = np.where(zero, np.ones_like(y), y)
    quotient = x // safe
    if x.dtype.kind == "i":
        inexact = (x % safe != 0) & ((x < 0) != (safe < 0))
        quotient = quotient + inexact.astype(x.dtype)
    return np.where(zero, np.asarray(-1).astype(x.dtype), quotient)


def _div_scalar(m: Any, x: Any, y: Any) -> Any:
    if x.type in m.FLOATS:
        return x / y
    return m.select(y.eq(0), m.const(-1, x.type), x / y)


div_p = elementwise(
    "div",
    "x / y; integers are divided towards zero",
    _div_evaluate,
    partials=(lambda z, x, y: 1 / y, lambda z, x, y: -z / y),
    transpose=lambda ct, x, y: (unbroadcast(div_p(ct, y), x.aval), None),
    taylor=quotient_terms,
    scalar=_div_scalar,
    cost=4.0,
    simplify=neutral(lambda v: v == 1, 1),
)
div_p.quick = _native.quick_divide
div_p.absorbing = lambda x, y: absorbing_mul_p(x, 1 / y)

__all__ = [
    "absorbing_mul_p",
    "add_p",
    "div_p",
    "dtypes",
    "fma_p",
    "mul_p",
    "neg_p",
    "sub_p",
]
