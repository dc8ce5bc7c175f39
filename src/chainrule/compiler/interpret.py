"""Evaluates scalar expressions with NumPy: the reference of the code generator.

Every node is computed in its own type, one operation and one rounding at a time, as
compiled code does it, so that both agree bit for bit. Nodes that are reached on several
ways are computed once. See `expr.py` for what each operation means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from ..runtime import _native
from .expr import BITS, FLOATS, SIGNED, Expr, Iteration, const_value

DTYPES: dict[str, np.dtype[Any]] = {
    "bool": np.dtype(np.bool_),
    **{f"i{b}": np.dtype(f"int{b}") for b in (8, 16, 32, 64)},
    **{f"u{b}": np.dtype(f"uint{b}") for b in (8, 16, 32, 64)},
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
}


def interpret(x: Expr, values: Mapping[Expr, Any]) -> Any:
    """The value of `x` as an array, given those of its leaves.

    Leaves are nodes of any operation that `values` holds; their arrays have one common
    shape, or broadcast. Raises ValueError for a leaf without a value.

    >>> import numpy as np
    >>> from chainrule.compiler.expr import node
    >>> x = node("var", "f32", (), "x")
    >>> interpret(x * x + 1, {x: np.array([1, 2], np.float32)})
    array([2., 5.], dtype=float32)
    """
    known: dict[Expr, Any] = {}
    for leaf, value in values.items():
        known[leaf] = np.asarray(value, DTYPES[leaf.type])
    pending = [x]
    with np.errstate(all="ignore"):
        while pending:
            top = pending[-1]
            if top in known:
                pending.pop()
                continue
            missing = [a for a in top.args if a not in known]
            if missing:
                pending.extend(missing)
                continue
            known[top] = _evaluate(top, [known[a] for a in top.args])
            pending.pop()
    return known[x]


def _evaluate(x: Expr, args: list[Any]) -> Any:
    dtype = DTYPES[x.type]
    if x.op in ("call", "function"):
        values = dict(zip(x.data.parameters, args))
        if isinstance(x.data, Iteration):
            values = _repeat(x.data, values)
        return interpret(x.data.body, values)
    if x.op == "const":
        return np.asarray(const_value(x)).astype(dtype)
    rule = _RULES.get(x.op)
    if rule is None:
        raise ValueError(
            f"interpret: {x.op!r} of type {x.type} is a leaf without a value, or no"
            " operation; give its array in `values`."
        )
    return np.asarray(rule(x, *args)).astype(dtype, copy=False)


def _repeat(loop: Iteration, values: dict[Expr, Any]) -> dict[Expr, Any]:
    """The values of what a loop carries at its end, beside those given."""
    carried = [interpret(x, values) for x in loop.initial]
    while True:
        known = {**values, **dict(zip(loop.carries, carried))}
        on = interpret(loop.test, known)
        if not np.any(on):
            return known
        new = [interpret(x, known) for x in loop.updates]
        carried = [np.where(on, x, old) for x, old in zip(new, carried)]


# --- arithmetic ----------------------------------------------------------------------


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *args: function(*args)


def _integer_divisor(x: Expr, a: Any, b: Any) -> Any:
    """Integers are divided by zero as by one, and so the least one by -1."""
    bad = b == 0
    if x.type in SIGNED:
        bad |= (a == np.iinfo(a.dtype).min) & (b == -1)
    return np.where(bad, np.ones_like(b), b)


def _divide(x: Expr, a: Any, b: Any) -> Any:
    """Integers are divided towards zero."""
    if x.type in FLOATS:
        return np.true_divide(a, b)
    b = _integer_divisor(x, a, b)
    quotient = a // b
    if x.type in SIGNED:
        quotient = quotient + ((a % b != 0) & ((a < 0) != (b < 0)))
    return quotient


def _remainder(x: Expr, a: Any, b: Any) -> Any:
    return np.fmod(a, b if x.type in FLOATS else _integer_divisor(x, a, b))


def _fma(x: Expr, a: Any, b: Any, c: Any) -> Any:
    if x.type in ("f32", "f64"):
        return _native.fma(a, b, c)
    if x.type in FLOATS:  # the product of two halves is exact in f64
        return a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)
    return a * b + c


def _extreme(ufunc: Any, zero: Any) -> Callable[..., Any]:
    """min or max; of two zeros `zero` makes the one that is smaller or larger."""

    def rule(x: Expr, a: Any, b: Any) -> Any:
        out = ufunc(a, b)
        if x.type not in FLOATS:
            return out
        negative = zero(np.signbit(a), np.signbit(b))
        signed = np.where(negative, -np.zeros_like(out), np.zeros_like(out))
        return np.where((a == 0) & (b == 0), signed, out)

    return rule


# --- bits ----------------------------------------------------------------------------


def _unsigned(x: Any) -> Any:
    return x.view(f"u{x.dtype.itemsize}")


def _shift(ufunc: Any) -> Callable[..., Any]:
    """By the amount modulo the width."""
    return lambda x, a, b: ufunc(a, b & b.dtype.type(BITS[x.type] - 1))


def _leading_zeros(x: Expr, a: Any) -> Any:
    width = BITS[x.type]
    bits = _unsigned(a)
    for step in (1, 2, 4, 8, 16, 32):
        if step < width:
            bits = bits | (bits >> bits.dtype.type(step))
    return width - np.bitwise_count(bits).astype(np.int64)


def _select(x: Expr, condition: Any, a: Any, b: Any) -> Any:
    return np.where(condition, a, b)


# --- conversions ---------------------------------------------------------------------


def _convert(x: Expr, a: Any) -> Any:
    """Float to integer truncates and saturates; NaN gives 0."""
    dtype = DTYPES[x.type]
    if x.type == "bool":
        return a != 0
    if x.type in FLOATS or x.args[0].type not in FLOATS:
        return a.astype(dtype)
    limits = np.iinfo(dtype)
    wide = np.trunc(a.astype(np.float64))
    low, high = wide <= float(limits.min), wide >= float(limits.max)
    inside = np.where(low | high | np.isnan(wide), 0.0, wide).astype(dtype)
    out = np.where(low, limits.min, np.where(high, limits.max, inside))
    return np.where(np.isnan(wide), 0, out).astype(dtype)


def _convert_unchecked(x: Expr, a: Any) -> Any:
    return a.astype(DTYPES[x.type])


def _bitcast(x: Expr, a: Any) -> Any:
    return np.ascontiguousarray(a).view(DTYPES[x.type]).reshape(a.shape)


_RULES: dict[str, Callable[..., Any]] = {
    "add": _each(np.add), "sub": _each(np.subtract), "mul": _each(np.multiply),
    "div": _divide, "rem": _remainder, "fma": _fma, "neg": _each(np.negative),
    "abs": _each(np.abs), "sqrt": _each(np.sqrt), "floor": _each(np.floor),
    "ceil": _each(np.ceil), "trunc": _each(np.trunc), "rint": _each(np.rint),
    "min": _extreme(np.minimum, np.logical_or),
    "max": _extreme(np.maximum, np.logical_and),
    "copysign": _each(np.copysign),
    "popcount": _each(lambda a: np.bitwise_count(_unsigned(a))),
    "clz": _leading_zeros,
    "and": _each(np.bitwise_and), "or": _each(np.bitwise_or),
    "xor": _each(np.bitwise_xor), "not": _each(np.invert),
    "shl": _shift(np.left_shift), "shr": _shift(np.right_shift),
    "eq": _each(np.equal), "ne": _each(np.not_equal), "lt": _each(np.less),
    "le": _each(np.less_equal), "gt": _each(np.greater), "ge": _each(np.greater_equal),
    "select": _select, "rare": _select, "convert": _convert,
    "convert_unchecked": _convert_unchecked, "bitcast": _bitcast,
}  # fmt: skip
