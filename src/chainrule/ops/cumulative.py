"""Cumulative sum, product, max, min and log-sum-exp, and the linear recurrence.

out[i] reduces x[0..i] along `axis` (x[i..] with `reverse`). The derivatives of all but
cumsum are linear recurrences z[i] = a[i] z[i-1] + b[i], a primitive of its own that is
closed under differentiation and transposition: exact at every order, without division
(so with zeros in a product) and without cancellation, in time O(n).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import Primitive
from . import rows
from .absorbing_forms import (
    declare_absorbing,
    finite_part,
    is_nonzero,
    is_positive,
    not_finite,
)
from .arithmetic import add_p, div_p, mul_p, sub_p
from .elementwise_exponential import exp_p
from .elementwise_logic import and_p, eq_p, or_p
from .elementwise_selection import select
from .joining import with_batch_first
from .shaping import convert, full
from .slicing import pad_p


def _check(name: str, x: Any, axis: int, kinds: str) -> None:
    if dtypes.kind(x.dtype) not in kinds:
        raise TypeError(
            f"{name}: does not accept dtype {x.dtype}; convert the operand with astype."
        )
    if not 0 <= axis < x.ndim:
        raise ValueError(
            f"{name}: axis {axis} is out of bounds for array of shape {x.shape}; use"
            f" 0 <= axis < {x.ndim}."
        )


def shifted(x: Any, axis: int, reverse: bool, value: Any) -> Any:
    """out[i] = x[i-1] (x[i+1] with `reverse`), `value` where there is none."""
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (-1, 1, 0) if reverse else (1, -1, 0)
    fill = full((), value, x.dtype)
    return pad_p(x, fill, padding_config=tuple(config))


# --- the linear recurrence -----------------------------------------------------------


def _recurrence_abstract(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    _check("linear_recurrence", b, axis, "fc")
    if a.shape != b.shape or a.dtype != b.dtype:
        raise TypeError(
            "linear_recurrence: factors and terms must have one shape and dtype; got"
            f" {a.str_short()} and {b.str_short()}."
        )
    return b.shape, b.dtype


def _recurrence_evaluate(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    dtype = b.dtype
    wide = dtype if dtype.itemsize >= 4 else np.dtype(np.float32)
    z = np.array(np.moveaxis(b, axis, 0), wide, order="C")
    factors = np.ascontiguousarray(np.moveaxis(a, axis, 0), wide)
    if reverse:
        _recur(factors[::-1], z[::-1])
    else:
        _recur(factors, z)
    return np.moveaxis(z, 0, axis).astype(dtype, copy=False)


def _recur(a: Any, z: Any) -> None:
    """Overwrites terms `z` by the recurrence along the first axis."""
    n = z.shape[0]
    lanes = z.size // n if n else 0
    if lanes > 4:
        for i in range(1, n):
            z[i] += a[i] * z[i - 1]
        return
    factors, terms = a.reshape(n, lanes), z.reshape(n, lanes)
    for j in range(lanes):
        pairs = zip(factors[1:, j].tolist(), terms[1:, j].tolist())
        start = terms[0, j].item()
        steps = accumulate(pairs, lambda s, ab: ab[0] * s + ab[1], initial=start)
        terms[:, j] = list(steps)
    z[...] = terms.reshape(z.shape)


def _recurrence_jvp(primals: Any, tangents: Any, z: Any, **params: Any) -> Any:
    a, _ = primals
    a_dot, b_dot = tangents
    if a_dot is not None:
        before = shifted(z, params["axis"], params["reverse"], 0)
        change = mul_p(a_dot, before)
        b_dot = change if b_dot is None else add_p(b_dot, change)
    return linear_recurrence_p(a, b_dot, **params)


def _recurrence_transpose(ct: Any, a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    following = shifted(a, axis, not reverse, 0)
    return None, linear_recurrence_p(following, ct, axis=axis, reverse=not reverse)


def _recurrence_batch(
    args: Any, dims: Any, size: int, *, axis: int, reverse: bool
) -> Any:
    front = with_batch_first(args, dims, size)
    return linear_recurrence_p(*front, axis=axis + 1, reverse=reverse), 0


linear_recurrence_p = Primitive(
    "linear_recurrence",
    "z[i] = a[i] z[i-1] + b[i] along `axis`, z[-1] = 0; backwards with `reverse`.",
    abstract=_recurrence_abstract,
    jvp=_recurrence_jvp,
    transpose=_recurrence_transpose,
    batch=_recurrence_batch,
    evaluate=_recurrence_evaluate,
    lower=rows.scan("recurrence"),
)


def _absorbing_recurrence(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    """Counts the factors and terms that are infinite or NaN and reach each z: a factor
    where the z before it is not zero, all until a factor is zero."""
    recur = lambda x, y: linear_recurrence_p(x, y, axis=axis, reverse=reverse)
    z = recur(finite_part(a), finite_part(b))
    before = shifted(is_nonzero(z), axis, reverse, False)
    begun = or_p(not_finite(b), and_p(not_finite(a), before))
    met = recur(*[convert(x, dtypes.float32) for x in (is_nonzero(a), begun)])
    return select(is_positive(met), recur(a, b), z)


declare_absorbing(linear_recurrence_p, slice(1, 2), _absorbing_recurrence)


# --- the cumulative primitives -------------------------------------------------------


def _along(ufunc: Any, kinds_in_float32: bool = True) -> Callable[..., Any]:
    """Evaluation by `ufunc.accumulate`, 16-bit floats in 32 bits where they round."""
    run = ufunc.accumulate

    def evaluate(x: Any, *, axis: int, reverse: bool) -> Any:
        dtype = x.dtype
        if kinds_in_float32 and dtype.itemsize < 4 and dtypes.is_float(dtype):
            x = x.astype(np.float32)
        if not reverse:
            return run(x, axis, x.dtype).astype(dtype, copy=False)
        out = run(np.flip(x, axis), axis, x.dtype)
        return np.flip(out, axis).astype(dtype, copy=False)

    return evaluate


def _cumulative(
    name: str, doc: str, evaluate: Any, kinds: str = "iufc", **rules: Any
) -> Primitive:
    def abstract(x: Any, *, axis: int, reverse: bool) -> Any:
        _check(name, x, axis, kinds)
        return x.shape, x.dtype

    def batch(args: Any, dims: Any, size: int, *, axis: int, reverse: bool) -> Any:
        d = dims[0]
        return prim(args[0], axis=axis + (d <= axis), reverse=reverse), d

    prim = Primitive(
        name, doc, abstract=abstract, evaluate=evaluate, batch=batch,
        lower=rows.scan(name), **rules,
    )  # fmt: skip
    return prim


cumsum_p = _cumulative(
    "cumsum",
    "Cumulative sum.",
    _along(np.add),
    linear=(0,),
    transpose=lambda ct, x, *, axis, reverse: (
        cumsum_p(ct, axis=axis, reverse=not reverse),
    ),
)


def _cumprod_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    x, before = primals[0], shifted(y, params["axis"], params["reverse"], 1)
    return linear_recurrence_p(x, mul_p(tangents[0], before), **params)


cumprod_p = _cumulative(
    "cumprod", "Cumulative product.", _along(np.multiply), jvp=_cumprod_jvp
)


def _extremum_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    """Each output is the mean of the elements so far that equal it."""
    x, axis, reverse = primals[0], params["axis"], params["reverse"]
    before = shifted(y, axis, reverse, 0)
    lasting = shifted(full(x.shape, 1, x.dtype), axis, reverse, 0)
    lasting = mul_p(lasting, convert(eq_p(before, y), x.dtype))
    hit = convert(eq_p(x, y), x.dtype)
    count = linear_recurrence_p(lasting, hit, **params)
    shared = mul_p(lasting, div_p(shifted(count, axis, reverse, 0), count))
    return linear_recurrence_p(shared, mul_p(tangents[0], div_p(hit, count)), **params)


cummax_p = _cumulative(
    "cummax",
    "Cumulative maximum; NaN from the first NaN on.",
    _along(np.maximum, kinds_in_float32=False),
    jvp=_extremum_jvp,
)

cummin_p = _cumulative(
    "cummin",
    "Cumulative minimum; NaN from the first NaN on.",
    _along(np.minimum, kinds_in_float32=False),
    jvp=_extremum_jvp,
)


def _difference(x: Any, y: Any) -> Any:
    """x - y, and 0 where they are equal, infinities too."""
    return select(eq_p(x, y), full((), 0, x.dtype), sub_p(x, y))


def _logsumexp_evaluate(x: Any, *, axis: int, reverse: bool) -> Any:
    if dtypes.is_complex(x.dtype):
        return _complex_logsumexp(x, axis, reverse)
    return _log_add(x, axis=axis, reverse=reverse)


_log_add = _along(np.logaddexp)


def _complex_logsumexp(x: Any, axis: int, reverse: bool) -> Any:
    """In the scale of the greatest real part so far, which moves along the axis."""
    z = np.moveaxis(np.flip(x, axis) if reverse else x, axis, 0)
    out = np.empty_like(z)
    for i in range(len(z)):
        if i == 0:
            out[i] = z[i]
            continue
        top = np.maximum(out[i - 1].real, z[i].real)
        top = np.where(np.isfinite(top), top, 0)
        out[i] = top + np.log(np.exp(out[i - 1] - top) + np.exp(z[i] - top))
    out = np.moveaxis(out, 0, axis)
    return np.flip(out, axis) if reverse else out


def _logsumexp_jvp(primals: Any, tangents: Any, y: Any, **params: Any) -> Any:
    x, axis, reverse = primals[0], params["axis"], params["reverse"]
    lasting = shifted(full(x.shape, True, dtypes.bool_), axis, reverse, False)
    before = select(lasting, shifted(y, axis, reverse, 0), y)
    decay, weight = exp_p(_difference(before, y)), exp_p(_difference(x, y))
    return linear_recurrence_p(decay, mul_p(tangents[0], weight), **params)


cumlogsumexp_p = _cumulative(
    "cumlogsumexp",
    "Cumulative log(sum(exp(x))), without overflow.",
    _logsumexp_evaluate,
    kinds="fc",
    jvp=_logsumexp_jvp,
)

__all__ = [
    "cumlogsumexp_p", "cummax_p", "cummin_p", "cumprod_p", "cumsum_p",
    "linear_recurrence_p", "shifted",
]  # fmt: skip
