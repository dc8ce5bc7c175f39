"""Exponentials, logarithms, roots, and the functions built on them."""

from __future__ import annotations

import math
from typing import Any

from ..control.custom_rules import custom_jvp
from ..core import dtypes
from ..ops import elementwise_compound as compound
from ..ops import elementwise_exponential as ops
from ..ops.elementwise_complex import complex_p, imag_p, real_p
from ..ops.elementwise_powers import cbrt_p, sqrt_p
from ..ops.elementwise_rounding import floor_p
from ..ops.elementwise_rules import constant
from ..ops.elementwise_selection import max_p, select
from ..ops.elementwise_special import bessel_i0e_p, bessel_i1e_p
from .promotion import inexact_operand, inexact_operands
from .ufuncs_declare import inexact_unary, public, ufunc

exp = inexact_unary("exp", ops.exp_p, "e ** x, elementwise.", "float(cnp.exp(0.0))"
                    "\n        1.0")  # fmt: skip
exp2 = inexact_unary("exp2", ops.exp2_p, "2 ** x, elementwise.", "float(cnp.exp2(3.0))"
                     "\n        8.0")  # fmt: skip
expm1 = inexact_unary(
    "expm1", ops.expm1_p, "e ** x - 1, elementwise, exact near 0.",
    "float(cnp.expm1(0.0))\n        0.0",
)  # fmt: skip
log = inexact_unary(
    "log", ops.log_p, "The natural logarithm, elementwise; NaN for negative reals.",
    "float(cnp.log(1.0))\n        0.0",
)  # fmt: skip
log1p = inexact_unary(
    "log1p", ops.log1p_p, "log(1 + x), elementwise, exact near 0.",
    "float(cnp.log1p(0.0))\n        0.0",
)  # fmt: skip
sqrt = inexact_unary(
    "sqrt", sqrt_p, "The square root, elementwise; NaN for negative reals.",
    "float(cnp.sqrt(9.0))\n        3.0",
)  # fmt: skip
cbrt = inexact_unary(
    "cbrt", cbrt_p, "The cube root of real x, elementwise.",
    "f'{cnp.cbrt(27.0):.4f}'\n        '3.0000'",
)  # fmt: skip


def _log_to(name: str, base: float, example: str) -> Any:
    scale = math.log(base)

    def fun(x: Any, /) -> Any:
        y = ops.log_p(inexact_operand(name, x))
        if dtypes.is_complex(y.dtype):
            return complex_p(real_p(y) / scale, imag_p(y) / scale)
        return y / scale

    return public(
        fun, name, f"The logarithm of x to base {base:.0f}, elementwise.",
        "x: array or scalar of any shape.",
        "A floating-point or complex array of the shape of x.", example,
    )  # fmt: skip


log2 = _log_to("log2", 2.0, "float(cnp.log2(8.0))\n        3.0")
log10 = _log_to("log10", 10.0, "float(cnp.log10(1000.0))\n        3.0")


# --- logarithms of sums --------------------------------------------------------------


def _log_sum(name: str, prim: Any, power: Any, base: float, example: str) -> Any:
    """log_base(base**x + base**y): a primitive for reals, composed for complex."""
    scale = math.log(base)
    turn = 2 * math.pi / scale

    def complex_sum(x: Any, y: Any) -> Any:
        top = max_p(x, y)
        z = top + ops.log1p_p(power(x + y - 2 * top)) / scale
        angle = imag_p(z)
        turns = floor_p((angle + turn / 2) / turn)
        angle = angle - turn * turns
        return complex_p(real_p(z), angle)

    def either(x: Any, y: Any) -> Any:
        return complex_sum(x, y) if dtypes.is_complex(x.dtype) else prim(x, y)

    b = "e" if base == math.e else "2"
    return ufunc(
        name, either, f"log({b} ** x + {b} ** y) to base {b}, without overflow.",
        example, promoted=inexact_operands,
    )  # fmt: skip


logaddexp = _log_sum(
    "logaddexp", compound.logaddexp_p, ops.exp_p, math.e,
    "f'{cnp.logaddexp(0.0, 0.0):.4f}'\n        '0.6931'",
)  # fmt: skip
logaddexp2 = _log_sum(
    "logaddexp2", compound.logaddexp2_p, ops.exp2_p, 2.0,
    "float(cnp.logaddexp2(0.0, 0.0))\n        1.0",
)  # fmt: skip


# --- Bessel --------------------------------------------------------------------------


@custom_jvp
def bessel_i0(x: Any) -> Any:
    """I0(x), the modified Bessel function of order 0, of floating-point x."""
    return ops.exp_p(abs(x)) * bessel_i0e_p(x)


@custom_jvp
def bessel_i1(x: Any) -> Any:
    """I1(x), the modified Bessel function of order 1, of floating-point x."""
    return ops.exp_p(abs(x)) * bessel_i1e_p(x)


def _i0_jvp(primals: Any, tangents: Any) -> Any:
    return bessel_i0(*primals), tangents[0] * bessel_i1(*primals)


def _i1_jvp(primals: Any, tangents: Any) -> Any:
    """I1' = I0 - I1 / x, near 0 by its series 1/2 + 3 x**2 / 16."""
    (x,), (x_dot,) = primals, tangents
    y = bessel_i1(x)
    small = abs(x) < 1e-4
    safe = select(small, constant(1, x), x)
    slope = select(small, 0.5 + 0.1875 * x * x, bessel_i0(x) - y / safe)
    return y, x_dot * slope


bessel_i0.defjvp(_i0_jvp)
bessel_i1.defjvp(_i1_jvp)


def _i0(x: Any, /) -> Any:
    x = inexact_operand("i0", x)
    if dtypes.is_complex(x.dtype):
        raise ValueError(f"i0: is defined for real arrays; got {x.dtype}.")
    return bessel_i0(x)


i0 = public(
    _i0, "i0", "The modified Bessel function of the first kind, order 0.",
    "x: real array or scalar.", "A floating-point array of the shape of x.",
    "float(cnp.i0(0.0))\n        1.0",
)  # fmt: skip

__all__ = [
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "i0",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "sqrt",
]  # fmt: skip
