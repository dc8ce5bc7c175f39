"""Functions of complex numbers by the real and imaginary parts of their arguments.

These are the parts rules (complex_parts.py) by which the compiler computes them; those
of inverse circular and hyperbolic functions are in complex_inverses.py. Formulas avoid
overflow in between and cancellation near zeros; those of division are R. L. Smith's
(Algorithm 116, CACM 1962), those of sqrt and tanh W. Kahan's (Branch cuts for complex
elementary functions, 1987). Signed zeros of parts that vanish are not promised.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import aval_of
from .arithmetic import absorbing_mul_p, div_p, mul_p
from .complex_parts import Parts, each, kept_whole, product, real_params
from .cumulative import cumsum_p
from .dynamic_slicing import dynamic_slice_p, dynamic_update_slice_p
from .elementwise_complex import abs_p, complex_p, conj_p, imag_p, real_p, sign_p
from .elementwise_conversion import copy_p
from .elementwise_exponential import (
    exp2_p,
    exp_p,
    expm1_p,
    log1p_p,
    log_p,
    logistic_p,
)
from .elementwise_logic import and_p, eq_p, ge_p, gt_p, lt_p, ne_p, or_p
from .elementwise_powers import integer_pow_p, pow_p, rsqrt_p, sqrt_p, square_p
from .elementwise_rules import constant
from .elementwise_selection import max_p, min_p, select, select_n_p
from .elementwise_trigonometric import (
    atan2_p,
    cos_p,
    cosh_p,
    sin_p,
    sinh_p,
    tan_p,
    tanh_p,
)
from .fft import fft_along_p, fft_p
from .gather import gather_p
from .joining import iota_p
from .power_series import repeated
from .ragged import ragged_dot_general_p
from .shaping import convert, convert_p, zeros


def is_number(x: Any, value: float) -> Any:
    """Whether the elements of `x` are this number."""
    return eq_p(x, constant(value, x))


def _absorbed(s: Any, x: Any) -> Any:
    """s x, which is s where that is zero, though x be infinite."""
    return select(is_number(s, 0), s, s * x)


times = functools.partial(product, mul_p)


_BOUNDS = {4: (2.0**-40, 2.0**100, 2.0**60, 2.0**-70)}
_BOUNDS[8] = (2.0**-450, 2.0**700, 2.0**500, 2.0**-600)
"""Sizes below and above which squares leave the normal numbers, and by what to multiply
before them; by the bytes of a part."""


def modulus(x: Parts) -> Any:
    """|x|. Where squares would overflow or vanish, of x times a power of two."""
    a, b = abs_p(x.re), abs_p(x.im)
    low, up, high, down = _BOUNDS[a.dtype.itemsize]
    large, one = max_p(a, b), constant(1, a)
    is_low, is_high = lt_p(large, constant(low, a)), gt_p(large, constant(high, a))
    pick = lambda u, d: select(is_low, constant(u, a), select(is_high, d, one))
    scale, back = pick(up, constant(down, a)), pick(1 / up, constant(1 / down, a))
    p, q = a * scale, b * scale
    size = sqrt_p(p * p + q * q) * back
    infinite = or_p(is_number(a, math.inf), is_number(b, math.inf))
    return select(infinite, constant(math.inf, a), size)


def _absorbing_times(x: Parts, y: Parts) -> Parts:
    """x y, and 0 where one of them is."""
    zero = or_p(*(and_p(is_number(z.re, 0), is_number(z.im, 0)) for z in (x, y)))
    found = times(x, y)
    return Parts(*(select(zero, constant(0, p), p) for p in found))


def quotient(x: Parts, y: Parts) -> Parts:
    """x / y; x / |0| where y is zero."""
    c, d = abs_p(y.re), abs_p(y.im)
    wide = ge_p(c, d)
    large, small = select(wide, y.re, y.im), select(wide, y.im, y.re)
    zero = is_number(large, 0)
    ratio = select(zero, large, small / large)
    first, second = select(wide, x.re, x.im), select(wide, x.im, x.re)
    over = select(zero, c, large + small * ratio)
    im = (second - first * ratio) / over
    return Parts((first + second * ratio) / over, select(wide, im, -im))


def exponential(x: Parts) -> Parts:
    """e**x. A factor at a time: e**re may overflow where the product does not."""
    half = exp_p(0.5 * x.re)
    re, im = _absorbed(half, cos_p(x.im)), _absorbed(half, sin_p(x.im))
    re, im = _absorbed(re, half), _absorbed(im, half)
    return Parts(re, select(is_number(x.im, 0), x.im, im))


def logarithm(x: Parts) -> Parts:
    """log x, imaginary part from -pi to pi; near |x| = 1 by log1p."""
    a, b = abs_p(x.re), abs_p(x.im)
    large, small = max_p(a, b), min_p(a, b)
    near = and_p(gt_p(large, constant(0.5, a)), lt_p(large, constant(2, a)))
    excess = (large - 1) * (large + 1) + small * small
    close = 0.5 * log1p_p(select(near, excess, constant(0, a)))
    return Parts(select(near, close, log_p(modulus(x))), atan2_p(x.im, x.re))


def square_root(x: Parts) -> Parts:
    """The root with a real part that is not negative."""
    root = sqrt_p(0.5 * abs_p(x.re) + 0.5 * modulus(x))
    other = abs_p(x.im) / select(is_number(root, 0), constant(1, root), 2 * root)
    right = ge_p(x.re, constant(0, root))
    below = lt_p(x.im, constant(0, root))
    im = select(right, other, root)
    endless = is_number(abs_p(x.im), math.inf)
    return Parts(
        select(endless, abs_p(x.im), select(right, root, other)),
        select(endless, x.im, select(below, -im, im)),
    )


def sine_hyperbolic(x: Parts) -> Parts:
    """sinh x."""
    return Parts(
        _absorbed(cos_p(x.im), sinh_p(x.re)), _absorbed(sin_p(x.im), cosh_p(x.re))
    )


def cosine_hyperbolic(x: Parts) -> Parts:
    """cosh x."""
    return Parts(
        _absorbed(cos_p(x.im), cosh_p(x.re)), _absorbed(sin_p(x.im), sinh_p(x.re))
    )


def tangent_hyperbolic(x: Parts) -> Parts:
    """tanh x; far from the imaginary axis by its expansion there."""
    a, b = x
    largest = float(np.finfo(aval_of(a).dtype).max)
    far = gt_p(abs_p(a), constant(math.asinh(largest) / 4, a))
    t, s = tan_p(b), sinh_p(select(far, constant(0, a), a))
    beta, rho = 1 + t * t, sqrt_p(1 + s * s)
    over = 1 + beta * s * s
    infinite = is_number(abs_p(t), math.inf)
    re = select(
        infinite, rho / select(is_number(s, 0), s * s, s), beta * rho * s / over
    )
    im = select(infinite, constant(0, t), t / over)
    distant = 4 * sin_p(b) * cos_p(b) * exp_p(-2 * abs_p(a))
    return Parts(select(far, sign_p(a), re), select(far, distant, im))


def _turned(f: Any) -> Any:
    """The circular function of a hyperbolic one: f(i x) / i."""

    def g(x: Parts) -> Parts:
        y = f(Parts(-x.im, x.re))
        return Parts(y.im, -y.re)

    return g


def exponential_less_one(x: Parts) -> Parts:
    """e**x - 1, exact near 0."""
    half = sin_p(0.5 * x.im)
    re = expm1_p(x.re) * cos_p(x.im) - 2 * half * half
    return Parts(re, _absorbed(sin_p(x.im), exp_p(x.re)))


def logarithm_of_one_more(x: Parts) -> Parts:
    """log(1 + x), exact near 0."""
    moved = Parts(1 + x.re, x.im)
    small = lt_p(max_p(abs_p(x.re), abs_p(x.im)), constant(0.5, x.re))
    excess = x.re * (2 + x.re) + x.im * x.im
    close = 0.5 * log1p_p(select(small, excess, constant(0, excess)))
    far = logarithm(moved)
    return Parts(select(small, close, far.re), far.im)


def power(x: Any, y: Any) -> Parts:
    """x**y = e**(y log x); 0**y is 0, and 1 for y = 0."""
    if not isinstance(x, Parts):
        x = Parts(x, constant(0, x))
    if not isinstance(y, Parts):
        y = convert(y, x.re.dtype)
        y = Parts(y, constant(0, y))
    found = exponential(times(y, logarithm(x)))
    at_zero = and_p(is_number(x.re, 0), is_number(x.im, 0))
    none = and_p(is_number(y.re, 0), is_number(y.im, 0))
    value = select(none, constant(1, found.re), constant(0, found.re))
    zero = constant(0, found.im)
    return Parts(select(at_zero, value, found.re), select(at_zero, zero, found.im))


def integer_power(x: Parts, *, y: int) -> Parts:
    """x**y by repeated squaring."""
    one = Parts(constant(1, x.re), constant(0, x.im))
    out = repeated(times, x, abs(y)) or one
    return quotient(one, out) if y < 0 else out


def _reciprocal(x: Parts) -> Parts:
    return quotient(Parts(constant(1, x.re), constant(0, x.im)), x)


def _sign(x: Parts) -> Parts:
    size = modulus(x)
    over = select(is_number(size, 0), constant(1, size), size)
    return Parts(x.re / over, x.im / over)


def _logistic(x: Parts) -> Parts:
    e = exponential(Parts(-x.re, -x.im))
    return _reciprocal(Parts(1 + e.re, e.im))


def _of_base_two(x: Parts) -> Parts:
    return exponential(Parts(math.log(2) * x.re, math.log(2) * x.im))


def _converted(x: Any, *, new_dtype: Any, weak_type: bool) -> Any:
    """Between complex dtypes part by part; from real ones with a zero, to real ones
    without the imaginary part, to bool whether there is a part."""
    if not isinstance(x, Parts):
        re = convert(x, dtypes.real_part(new_dtype), weak_type)
        return Parts(re, zeros(aval_of(re)))
    if dtypes.is_complex(new_dtype):
        real = dtypes.real_part(new_dtype)
        return Parts(*(convert(p, real, weak_type) for p in x))
    if new_dtype == dtypes.bool_:
        return or_p(*(ne_p(p, constant(0, p)) for p in x))
    return convert(x.re, new_dtype, weak_type)


def _conjugate(x: Any, **_: Any) -> Parts:
    if isinstance(x, Parts):
        return Parts(x.re, -x.im)
    return Parts(x, zeros(aval_of(x)))


def _ragged(x: Any, y: Any, sizes: Any, **params: Any) -> Parts:
    whole = lambda z: z if isinstance(z, Parts) else Parts(z, zeros(aval_of(z)))
    times = lambda a, b: ragged_dot_general_p(a, b, sizes, **real_params(params))
    return product(times, whole(x), whole(y))


def _iota(**params: Any) -> Parts:
    re = iota_p(**real_params(params))
    return Parts(re, zeros(aval_of(re)))


def _gathered(x: Parts, indices: Any, *, fill_value: Any, **params: Any) -> Parts:
    fill = complex(math.nan if fill_value is None else fill_value)
    of = lambda p, value: gather_p(p, indices, fill_value=value, **params)
    return Parts(of(x.re, fill.real), of(x.im, fill.imag))


RULES = {
    real_p: lambda x: x.re,
    imag_p: lambda x: x.im,
    complex_p: Parts,
    conj_p: _conjugate,
    convert_p: _converted,
    iota_p: _iota,
    **{
        prim: functools.partial(each, prim)
        for prim in (
            select_n_p,
            copy_p,
            dynamic_slice_p,
            dynamic_update_slice_p,
        )
    },
    gather_p: _gathered,
    ragged_dot_general_p: _ragged,
    eq_p: lambda x, y: and_p(eq_p(x.re, y.re), eq_p(x.im, y.im)),
    ne_p: lambda x, y: or_p(ne_p(x.re, y.re), ne_p(x.im, y.im)),
    absorbing_mul_p: _absorbing_times,
    div_p: quotient,
    abs_p: modulus,
    sign_p: _sign,
    square_p: lambda x: times(x, x),
    integer_pow_p: integer_power,
    pow_p: power,
    sqrt_p: square_root,
    rsqrt_p: lambda x: _reciprocal(square_root(x)),
    exp_p: exponential,
    exp2_p: _of_base_two,
    expm1_p: exponential_less_one,
    log_p: logarithm,
    log1p_p: logarithm_of_one_more,
    logistic_p: _logistic,
    sinh_p: sine_hyperbolic,
    cosh_p: cosine_hyperbolic,
    tanh_p: tangent_hyperbolic,
    sin_p: _turned(sine_hyperbolic),
    cos_p: lambda x: cosine_hyperbolic(Parts(-x.im, x.re)),
    tan_p: _turned(tangent_hyperbolic),
}
"""The rules. Those that are not functions of numbers: what takes values apart."""


def declare() -> None:
    """Gives the primitives their rules; none to those with complex coefficients."""
    for prim, rule in RULES.items():
        prim.parts = rule
    fft_p.parts = False
    fft_along_p.parts = False
    kept_whole.add(cumsum_p)


__all__ = [
    "cosine_hyperbolic", "declare", "exponential", "exponential_less_one", "integer_power",
    "is_number", "logarithm", "logarithm_of_one_more", "modulus", "power", "quotient",
    "sine_hyperbolic", "square_root", "tangent_hyperbolic", "times",
]  # fmt: skip
