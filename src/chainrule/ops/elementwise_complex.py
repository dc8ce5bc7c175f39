"""Complex numbers and their parts; the absolute value.

Derivatives here are of maps linear over the reals. A cotangent pairs with a tangent by
the bilinear product, without conjugation, as everywhere in reverse mode: the cotangent
of x in imag(x) is -i times that of the output, since imag(x) = real(-i x).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.linear import is_linear
from ..core.primitive import WEAK_IF_ALL
from .arithmetic import div_p, mul_p, neg_p
from .elementwise_logic import eq_p, ge_p
from .elementwise_rules import constant, elementwise, unbroadcast
from .elementwise_selection import select


def _part(k: int) -> Any:
    """How a part of what was put together is simplified: it is what it was."""

    def simplify(known: Any, x: Any) -> Any:
        made = known.origin(x)
        return made.invars[k] if made and made.primitive is complex_p else None

    return simplify


def _whole(known: Any, re: Any, im: Any) -> Any:
    """Both parts of one number are that."""
    a, b = known.origin(re), known.origin(im)
    if not a or not b or (a.primitive, b.primitive) != (real_p, imag_p):
        return None
    return a.invars[0] if a.invars[0] is b.invars[0] else None


real_p = elementwise(
    "real", "the real part", np.real, kinds="c", linear=(0,),
    transpose=lambda ct, x: (complex_p(ct, constant(0, ct)),),
    result=dtypes.real_part, weak=WEAK_IF_ALL, lower=lambda build, x: build.part(x, 0),
    simplify=_part(0),
)  # fmt: skip
imag_p = elementwise(
    "imag", "the imaginary part", np.imag, kinds="c", linear=(0,),
    transpose=lambda ct, x: (complex_p(constant(0, ct), neg_p(ct)),),
    result=dtypes.real_part, weak=WEAK_IF_ALL, lower=lambda build, x: build.part(x, 1),
    simplify=_part(1),
)  # fmt: skip


def _complex_evaluate(x: Any, y: Any) -> Any:
    dtype = dtypes.complex128 if x.dtype == np.float64 else dtypes.complex64
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), dtype)
    out.real, out.imag = x, y
    return out


def _complex_transpose(ct: Any, x: Any, y: Any) -> Any:
    return (
        unbroadcast(real_p(ct), x.aval) if is_linear(x) else None,
        unbroadcast(neg_p(imag_p(ct)), y.aval) if is_linear(y) else None,
    )


complex_p = elementwise(
    "complex", "x + i y of real x and y", _complex_evaluate, kinds="f", linear=(0, 1),
    transpose=_complex_transpose, result=dtypes.with_complex,
    weak=WEAK_IF_ALL, lower=lambda build, x, y: build.interleaved(x, y),
    simplify=_whole,
)  # fmt: skip


def _conj_transpose(ct: Any, x: Any, *, input_dtype: Any) -> Any:
    x_bar = conj_p(ct, input_dtype=ct.dtype)
    return (x_bar if dtypes.is_complex(x.dtype) else real_p(x_bar),)


def _conj_evaluate(x: Any, *, input_dtype: Any) -> Any:
    if x.dtype.kind == "c":
        return np.conjugate(x)
    return x.astype(dtypes.with_complex(x.dtype))


conj_p = elementwise(
    "conj", "the complex conjugate; real operands become complex", _conj_evaluate,
    kinds="fc", linear=(0,), transpose=_conj_transpose, result=dtypes.with_complex,
    weak=WEAK_IF_ALL,
)  # fmt: skip


def _sign_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """Real: zero. Complex: x / |x| turns at the rate of x_dot across x."""
    if tangents[0] is None or not dtypes.is_complex(y.dtype):
        return None
    x = primals[0]
    size = abs_p(x)
    around = imag_p(mul_p(tangents[0], conj_p(y, input_dtype=y.dtype)))
    one = constant(1, size)
    turn = div_p(around, select(eq_p(size, constant(0, size)), one, size))
    return mul_p(complex_p(constant(0, turn), turn), y)


def _sign_scalar(m: Any, x: Any) -> Any:
    if x.type in m.UNSIGNED:
        return m.select(x.eq(0), x, 1)
    rest = m.select(x.eq(0), 0, x)  # a NaN stays
    return m.select(x > 0, 1, m.select(x < 0, -1, rest))


sign_p = elementwise(
    "sign", "-1, 0 or 1; x / |x| for complex x; NaN for NaN", np.sign, jvp=_sign_jvp,
    scalar=_sign_scalar, cost=2.0,
)  # fmt: skip


def _abs_jvp(primals: Any, tangents: Any, y: Any) -> Any:
    """Real: 1 where x >= 0, else -1. Complex: the part of x_dot along x."""
    (x,), (x_dot,) = primals, tangents
    if x_dot is None:
        return None
    if not dtypes.is_complex(x.dtype):
        up = ge_p(x, constant(0, x))
        return mul_p(x_dot, select(up, constant(1, x), constant(-1, x)))
    return real_p(mul_p(x_dot, conj_p(sign_p(x), input_dtype=x.dtype)))


abs_p = elementwise(
    "abs", "the absolute value or complex modulus", np.absolute, jvp=_abs_jvp,
    result=dtypes.real_part, weak=WEAK_IF_ALL, scalar=lambda m, x: m.unary("abs", x),
)  # fmt: skip

__all__ = ["abs_p", "complex_p", "conj_p", "imag_p", "real_p", "sign_p"]
