"""Exponential, sine, cosine, Fresnel and Dawson integrals, and Spence's function."""

from __future__ import annotations

from typing import Any

from ...ops import elementwise_integrals as ops
from .declare import of_x, real_operands

exp1 = of_x(
    "exp1", ops.exp1_p,
    "The exponential integral E_1: of exp(-t) / t from x to infinity; NaN for x < 0.",
    "round(float(special.exp1(1.0)), 4)\n        0.2194",
)  # fmt: skip
expi = of_x(
    "expi", ops.expi_p,
    "The exponential integral Ei: of exp(t) / t from -infinity to x.",
    "round(float(special.expi(1.0)), 4)\n        1.8951",
)  # fmt: skip
dawsn = of_x(
    "dawsn", ops.dawsn_p,
    "Dawson's integral: exp(-x**2) times the integral of exp(t**2) from 0 to x.",
    "round(float(special.dawsn(1.0)), 4)\n        0.5381",
)  # fmt: skip
spence = of_x(
    "spence", ops.spence_p,
    "Spence's function: the integral of log(t) / (1 - t) from 1 to x; NaN for x < 0.",
    "round(float(special.spence(0.0)), 4)\n        1.6449",
)  # fmt: skip


def expn(n: Any, x: Any) -> Any:
    """The exponential integral E_n: of exp(-x t) / t**n from 1 to infinity.

    `n` holds nonnegative integers, `x` nonnegative reals; NaN elsewhere.

    >>> from chainrule.scipy import special
    >>> round(float(special.expn(2, 1.0)), 4)
    0.1485
    """
    return ops.expn_p(*real_operands("expn", n, x))


def sici(x: Any) -> tuple[Any, Any]:
    """The sine and cosine integrals Si(x) and Ci(x) of real `x`.

    >>> from chainrule.scipy import special
    >>> [round(float(v), 4) for v in special.sici(1.0)]
    [0.9461, 0.3374]
    """
    si, ci = ops.sici_p(*real_operands("sici", x))
    return si, ci


def fresnel(x: Any) -> tuple[Any, Any]:
    """Fresnel's integrals S and C: of sin and cos of pi t**2 / 2 from 0 to x.

    >>> from chainrule.scipy import special
    >>> [round(float(v), 4) for v in special.fresnel(1.0)]
    [0.4383, 0.7799]
    """
    s, c = ops.fresnel_p(*real_operands("fresnel", x))
    return s, c


__all__ = ["dawsn", "exp1", "expi", "expn", "fresnel", "sici", "spence"]
