"""Spherical harmonics, by the recurrence of normalised associated Legendre functions.

Normalised, the functions stay of order one, and the recurrence in the degree (DLMF
14.10.3) is stable upwards; degrees and orders may differ from element to element.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...core import dtypes
from ...numpy import ufuncs_exponential as exponential
from ...numpy import ufuncs_trigonometric as trigonometric
from ...numpy.promotion import operand
from ...numpy.ufuncs_arithmetic import absolute
from ...numpy.ufuncs_selection import where
from ...ops.elementwise_complex import complex_p
from ...ops.shaping import convert
from .declare import real_operands


def _legendre(n: Any, m: Any, theta: Any, n_max: int) -> Any:
    """N P_n^m(cos theta) for 0 <= m <= n_max, with N such that Y_n^m is normalised."""
    x, s = trigonometric.cos(theta), trigonometric.sin(theta)
    diagonal = 0 * s + math.sqrt(0.25 / math.pi)
    for k in range(1, n_max + 1):
        next_one = diagonal * s * -math.sqrt((2 * k + 1) / (2 * k))
        diagonal = where(m >= k, next_one, diagonal)
    before, at, found = 0.0, where(m == 0, diagonal, 0.0), where(n == 0, diagonal, 0.0)
    for degree in range(1, n_max + 1):
        inside = m < degree
        free = where(inside, degree * degree - m * m, 1.0)
        a = exponential.sqrt((4 * degree * degree - 1) / free)
        last = degree - 1
        b = exponential.sqrt(where(inside, last * last - m * m, 0.0) / max(
            4 * last * last - 1, 1
        ))  # fmt: skip
        above = where(inside, a * (x * at - b * before), 0.0)
        before, at = at, where(m == degree, diagonal, above)
        found = where(n == degree, at, found)
    return found


def sph_harm_y(
    n: Any, m: Any, theta: Any, phi: Any, diff_n: None = None, n_max: int | None = None
) -> Any:
    """The spherical harmonic Y_n^m at polar angle `theta` and azimuth `phi`.

    Args:
        n: degrees, an integer array, n >= 0.
        m: orders, an integer array, |m| <= n; shapes broadcast.
        theta: polar (colatitude) angles in radians.
        phi: azimuths in radians.
        diff_n: not supported; take derivatives by transformations.
        n_max: the largest degree, which staged programs must give.

    Returns:
        A complex array of the common shape.

    Raises:
        NotImplementedError: if diff_n is given.
        TypeError: if an operand is a list or complex.

    Example:
        >>> from chainrule.scipy import special
        >>> round(float(special.sph_harm_y(0, 0, 0.5, 0.3).real), 4)
        0.2821
    """
    if diff_n is not None:
        raise NotImplementedError(
            "sph_harm_y: diff_n is not supported; use jvp or grad of the function."
        )
    n, m = operand("sph_harm_y", n), operand("sph_harm_y", m)
    for name, x in (("n", n), ("m", m)):
        if not dtypes.is_integer(x.dtype):
            raise TypeError(f"sph_harm_y: {name} must be integer; got {x.dtype}.")
    if n_max is None:
        n_max = int(np.max(np.asarray(n), initial=0))
    theta, phi = real_operands("sph_harm_y", theta, phi)
    order = convert(absolute(m), theta.dtype)
    size = _legendre(convert(n, theta.dtype), order, theta, n_max)
    turn = order * phi
    up = complex_p(size * trigonometric.cos(turn), size * trigonometric.sin(turn))
    sign = where(m % 2 == 0, 1.0, -1.0)
    return where(m < 0, sign * up.conj(), up)


__all__ = ["sph_harm_y"]
