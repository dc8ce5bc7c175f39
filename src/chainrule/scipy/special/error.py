"""The error function and its relatives, of real and complex arguments.

`wofz` is Weideman's rational approximation (SIAM J. Numer. Anal. 31, 1994, 1497) with
40 terms, good to 1e-13.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ...control.custom_rules import custom_jvp
from ...core import dtypes
from ...numpy import ufuncs_exponential as exponential
from ...numpy.promotion import promote_inexact
from ...numpy.ufuncs_arithmetic import absolute
from ...numpy.ufuncs_selection import imag, where
from ...ops import elementwise_special as ops
from ...ops.elementwise_complex import complex_p, sign_p
from ...ops.shaping import convert
from .declare import of_x, real_operands

erf = of_x(
    "erf", ops.erf_p, "The error function.", "float(special.erf(0.0))\n        0.0"
)
erfc = of_x(
    "erfc", ops.erfc_p, "1 - erf(x), exact for large x.",
    "float(special.erfc(0.0))\n        1.0",
)  # fmt: skip
erfcx = of_x(
    "erfcx", ops.erfcx_p, "exp(x**2) erfc(x), the scaled complementary error function.",
    "float(special.erfcx(0.0))\n        1.0",
)  # fmt: skip
erfinv = of_x(
    "erfinv", ops.erf_inv_p, "The inverse of erf, on [-1, 1].",
    "float(special.erfinv(0.0))\n        0.0",
)  # fmt: skip


def ndtr(x: Any) -> Any:
    """The distribution function of the standard normal distribution.

    >>> from chainrule.scipy import special
    >>> float(special.ndtr(0.0))
    0.5
    """
    (x,) = real_operands("ndtr", x)
    return 0.5 * ops.erfc_p(-math.sqrt(0.5) * x)


def ndtri(p: Any) -> Any:
    """The quantile of the standard normal distribution: the x with ndtr(x) = p.

    >>> from chainrule.scipy import special
    >>> float(special.ndtri(0.5))
    0.0
    """
    return ops.ndtri_p(*real_operands("ndtri", p))


def log_ndtr(x: Any, series_order: int = 3) -> Any:
    """The logarithm of ndtr(x), exact also far to the left.

    `series_order` is accepted for the sake of other implementations' signature; it
    must be positive, else ValueError.

    >>> from chainrule.scipy import special
    >>> round(float(special.log_ndtr(-30.0)), 2)
    -454.32
    """
    if series_order < 0:
        raise ValueError(f"log_ndtr: series_order must be >= 0; got {series_order}.")
    return ops.log_ndtr_p(*real_operands("log_ndtr", x))


# --- Faddeeva's function -------------------------------------------------------------

_terms = 40
_scale = math.sqrt(_terms / math.sqrt(2))


@functools.cache
def _weideman() -> list[float]:
    """Coefficients of the polynomial in (L + iz) / (L - iz), highest power first."""
    m = 2 * _terms
    theta = np.arange(-m + 1, m) * np.pi / m
    t = _scale * np.tan(theta / 2)
    sampled = np.exp(-(t**2)) * (_scale**2 + t**2)
    spectrum = np.fft.fft(np.fft.fftshift(np.concatenate([[0.0], sampled]))).real
    return [float(c) for c in spectrum[_terms:0:-1] / (2 * m)]


def _upper_wofz(z: Any) -> Any:
    """exp(-z**2) erfc(-iz) for Im z >= 0."""
    iz = complex_p(-imag(z), z.real)
    ratio = (_scale + iz) / (_scale - iz)
    series: Any = 0.0
    for c in _weideman():
        series = series * ratio + c
    inverse = 1 / (_scale - iz)
    return inverse * (1 / math.sqrt(math.pi) + 2 * inverse * series)


@custom_jvp
def _wofz(z: Any) -> Any:
    below = z.imag < 0
    upper = _upper_wofz(where(below, -z, z))
    safe = where(below, z, 0j)
    return where(below, 2 * exponential.exp(-safe * safe) - upper, upper)


@_wofz.defjvp
def _wofz_jvp(primals: Any, tangents: Any) -> Any:
    (z,), (z_dot,) = primals, tangents
    w = _wofz(z)
    return w, z_dot * (2j / math.sqrt(math.pi) - 2 * z * w)


def wofz(z: Any) -> Any:
    """Faddeeva's function exp(-z**2) erfc(-iz) of complex (or real) `z`, to 1e-13.

    >>> from chainrule.scipy import special
    >>> round(float(special.wofz(0.0).real), 5)
    1.0
    """
    (z,) = promote_inexact("wofz", z)
    return _wofz(convert(z, dtypes.with_complex(z.dtype)))


# --- Owen's T ------------------------------------------------------------------------

_nodes, _weights = np.polynomial.legendre.leggauss(24)


def owens_t(h: Any, a: Any) -> Any:
    """Owen's T: the integral of exp(-h**2 (1 + t**2) / 2) / (1 + t**2) / 2 pi, 0 to a.

    By Gauss-Legendre quadrature on |t| <= 1, and the reflection T(ah, 1/a) beyond.

    >>> from chainrule.scipy import special
    >>> round(float(special.owens_t(0.0, 1.0)), 4)
    0.125
    """
    h, a = real_operands("owens_t", h, a)
    h, size = absolute(h), absolute(a)
    far = size > 1
    inner = where(far, 1 / where(far, size, 1.0), size)
    near = _owens_quadrature(where(far, size * h, h), inner)
    left, right = ndtr(h), ndtr(size * h)
    reflected = 0.5 * (left * ndtr(-size * h) + right * ndtr(-h)) - near
    return sign_p(a) * where(far, reflected, near)


def _owens_quadrature(h: Any, a: Any) -> Any:
    total: Any = 0.0
    square = -0.5 * h * h
    for node, weight in zip(_nodes, _weights):
        t = 1 + (0.5 * (float(node) + 1) * a) ** 2
        total = total + float(weight) * exponential.exp(square * t) / t
    return total * a / (4 * math.pi)


__all__ = [
    "erf", "erfc", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri",
    "owens_t", "wofz",
]  # fmt: skip
