"""Inverse circular and hyperbolic functions of complex numbers, by parts.

In the first quadrant all of them follow from the square roots p of 1 - conj(z) and q of
1 + z, whose parts are not negative, so that nothing cancels: with |sin|'s inverse u + i v,

    sinh v = Re p Im q + Im p Re q,   tan u = Re z / (Re p Re q + Im p Im q),

and the inverse cosine is 2 atan(Re p / Re q) - i v (W. Kahan, "Branch cuts for complex
elementary functions", 1987). Signs, of zeros too, are those of the argument: that puts
the branch cuts where C99 (annex G) and NumPy have them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .complex_functions import is_number, modulus, square_root
from .complex_parts import Parts
from .elementwise_complex import abs_p
from .elementwise_compound import copysign_p
from .elementwise_exponential import log1p_p, log_p
from .elementwise_logic import ge_p, gt_p, lt_p, or_p
from .elementwise_rules import constant
from .elementwise_selection import max_p, select
from .elementwise_trigonometric import (
    acos_p,
    acosh_p,
    asin_p,
    asinh_p,
    atan2_p,
    atan_p,
    atanh_p,
)

_FAR = {4: (2.0**100, 60), 8: (2.0**900, 600)}
"""From which size on numbers are divided by which power of two, which moves their angles
by less than they are rounded, and what stands for infinity there; by a part's bytes."""


class _Quadrant(NamedTuple):
    """Of |Re z| + i |Im z|: the angles whose sine and whose cosine it is by their real
    parts, the cosine's of its negative too; the size of their imaginary parts."""

    sine: Any
    cosine: Any
    cosine_of_negative: Any
    height: Any


def _quadrant(re: Any, im: Any) -> _Quadrant:
    x, y = abs_p(re), abs_p(im)
    size, power = _FAR[x.dtype.itemsize]
    far = constant(size, x)
    endless = or_p(is_number(x, math.inf), is_number(y, math.inf))
    direction = lambda t: select(is_number(t, math.inf), far, 0 * t)
    x, y = (select(endless, direction(t), t) for t in (x, y))
    high = ge_p(max_p(x, y), far)
    scale = select(high, constant(2.0**-power, x), constant(1, x))
    x, y = x * scale, y * scale
    p, q = square_root(Parts(1 - x, y)), square_root(Parts(1 + x, y))
    height = asinh_p(p.re * q.im + p.im * q.re)
    height += select(high, constant(power * math.log(2), x), constant(0, x))
    return _Quadrant(
        atan2_p(x, p.re * q.re + p.im * q.im),
        2 * atan2_p(p.re, q.re),
        2 * atan2_p(q.re, p.re),
        select(endless, constant(math.inf, x), height),
    )


def _is_negative(x: Any) -> Any:
    return lt_p(copysign_p(constant(1, x), x), constant(0, x))


def _cosine(z: Parts, found: _Quadrant) -> Any:
    return select(_is_negative(z.re), found.cosine_of_negative, found.cosine)


def inverse_sine(z: Parts) -> Parts:
    """asin z."""
    found = _quadrant(*z)
    return Parts(copysign_p(found.sine, z.re), copysign_p(found.height, z.im))


def inverse_cosine(z: Parts) -> Parts:
    """acos z, real part from 0 to pi."""
    found = _quadrant(*z)
    return Parts(_cosine(z, found), copysign_p(found.height, -z.im))


def inverse_cosine_hyperbolic(z: Parts) -> Parts:
    """acosh z, with a real part that is not negative."""
    found = _quadrant(*z)
    return Parts(found.height, copysign_p(_cosine(z, found), z.im))


def inverse_tangent_hyperbolic(z: Parts) -> Parts:
    """atanh z: half of log(1 + z) - log(1 - z), by log1p where these are alike."""
    x, y = abs_p(z.re), abs_p(z.im)
    below, above = modulus(Parts(1 - x, y)), modulus(Parts(1 + x, y))
    apart = gt_p(above, 2 * below)
    far = 0.5 * (log_p(above) - log_p(below))
    near = 0.25 * log1p_p(4 * (select(apart, 0 * x, x) / below) / below)
    re = select(apart, far, near)
    endless = or_p(is_number(x, math.inf), is_number(y, math.inf))
    re = select(endless, constant(0, x), re)
    im = 0.5 * (atan2_p(y, 1 + x) + atan2_p(y, 1 - x))
    im = select(endless, constant(math.pi / 2, x), im)
    return Parts(copysign_p(re, z.re), copysign_p(im, z.im))


def _turned(f: Any) -> Any:
    """f(i z) / i of an odd function."""

    def g(z: Parts) -> Parts:
        y = f(Parts(-z.im, z.re))
        return Parts(y.im, -y.re)

    return g


RULES = {
    asin_p: inverse_sine,
    acos_p: inverse_cosine,
    atan_p: _turned(inverse_tangent_hyperbolic),
    asinh_p: _turned(inverse_sine),
    acosh_p: inverse_cosine_hyperbolic,
    atanh_p: inverse_tangent_hyperbolic,
}


def declare() -> None:
    """Gives the primitives their rules."""
    for prim, rule in RULES.items():
        prim.parts = rule


__all__ = ["declare"]
