"""Normal numbers, and distributions that are functions of them alone.

A normal number is sqrt(2) erf_inv(u) with u uniform in (-1, 1).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, wrap
from ..ops.arithmetic import add_p, div_p, mul_p
from ..ops.elementwise_complex import complex_p
from ..ops.elementwise_conversion import stop_gradient_p
from ..ops.elementwise_exponential import exp_p
from ..ops.elementwise_powers import sqrt_p, square_p
from ..ops.elementwise_rounding import nextafter_p
from ..ops.elementwise_selection import max_p, min_p
from ..ops.elementwise_special import erf_inv_p, erf_p
from ..ops.random_bits import random_split_p
from ..ops.shaping import reduce_sum_p
from .arguments import dtype_of, parameter, result_shape, shape_of, typed_key
from .uniform import interval, number, rademacher


@functools.cache
def above_minus_one(dtype: Any) -> Array:
    """The smallest number above -1."""
    one = np.ones((), dtype)
    return wrap(np.nextafter(-one, one))


def gauss(key: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Standard normal numbers of a real or complex `dtype` from a typed key."""
    if dtypes.is_complex(dtype):
        keys, part = random_split_p(key, shape=(2,)), dtypes.real_part(dtype)
        scale = number(math.sqrt(0.5), part)
        halves = [mul_p(gauss(keys[i], shape, part), scale) for i in (0, 1)]
        return complex_p(*halves)
    u = interval(key, shape, dtype, above_minus_one(dtype), number(1, dtype))
    return mul_p(number(math.sqrt(2), dtype), erf_inv_p(u))


def normal(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers of the normal distribution with mean 0 and variance 1.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point or complex dtype; by default float32, or float64 where
            64-bit types are enabled. Complex numbers have independent parts of variance
            1/2.
        out_sharding: accepted.

    Raises:
        ValueError: the dtype is neither, or `key` is an array of keys.

    >>> from chainrule import random
    >>> random.normal(random.key(0), (2, 3)).shape
    (2, 3)
    """
    key = typed_key("normal", key)
    return gauss(key, shape_of("normal", shape), dtype_of("normal", dtype, "fc"))


def lognormal(
    key: Any,
    sigma: Any = 1.0,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """exp(sigma * z) of standard normal z.

    Args:
        key: a key.
        sigma: the standard deviation of the logarithm.
        shape: the shape of the result; by default that of `sigma`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.lognormal(random.key(0), 0.5, (3,)).shape
    (3,)
    """
    key, dtype = typed_key("lognormal", key), dtype_of("lognormal", dtype)
    sigma = parameter("lognormal", sigma, dtype)
    z = gauss(key, result_shape("lognormal", shape, sigma), dtype)
    return exp_p(mul_p(z, sigma))


def truncated_normal(
    key: Any,
    lower: Any,
    upper: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Standard normal numbers given that they lie in (lower, upper).

    Args:
        key: a key.
        lower, upper: the bounds.
        shape: the shape of the result; by default that of the bounds.
        dtype: a floating-point dtype; by default that of the bounds.
        out_sharding: accepted.

    Raises:
        ValueError: the dtype is not floating-point, the bounds do not broadcast to
            `shape`, or `key` is an array of keys.

    >>> from chainrule import random
    >>> abs(float(random.truncated_normal(random.key(0), -1.0, 1.0))) <= 1
    True
    """
    name = "truncated_normal"
    key = typed_key(name, key)
    dtype = dtype_of(name, dtype)
    lo, hi = parameter(name, lower, dtype), parameter(name, upper, dtype)
    shape = result_shape(name, shape, lo, hi)
    root = number(math.sqrt(2), dtype)
    u = interval(key, shape, dtype, erf_p(div_p(lo, root)), erf_p(div_p(hi, root)))
    z = mul_p(root, erf_inv_p(u))
    least = nextafter_p(stop_gradient_p(lo), number(math.inf, dtype))
    greatest = nextafter_p(stop_gradient_p(hi), number(-math.inf, dtype))
    return min_p(greatest, max_p(least, z))


# --- functions of normal numbers -----------------------------------------------------


def _maxwell(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    z = gauss(key, (*shape, 3), dtype)
    return sqrt_p(reduce_sum_p(square_p(z), axes=(len(shape),)))


def maxwell(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """The norm of a standard normal vector of three dimensions.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.maxwell(random.key(0), (3,)).shape
    (3,)
    """
    key, dtype = typed_key("maxwell", key), dtype_of("maxwell", dtype)
    return _maxwell(key, shape_of("maxwell", shape), dtype)


def double_sided_maxwell(
    key: Any, loc: Any, scale: Any, shape: Any = (), dtype: Any = None
) -> Array:
    """`loc + scale * s * x`, with s = -1 or 1 and x of the Maxwell distribution.

    Args:
        key: a key.
        loc, scale: location and scale.
        shape: the shape before that of the parameters; by default the latter, where
            the result then has twice.
        dtype: a floating-point dtype.

    >>> from chainrule import random
    >>> random.double_sided_maxwell(random.key(0), 0.0, 1.0, (3,)).shape
    (3,)
    """
    name = "double_sided_maxwell"
    key, dtype = typed_key(name, key), dtype_of(name, dtype)
    loc, scale = parameter(name, loc, dtype), parameter(name, scale, dtype)
    own = result_shape(name, None, loc, scale)
    shape = (*(shape_of(name, shape) or own), *own)
    keys = random_split_p(key, shape=(2,))
    magnitude = _maxwell(keys[0], shape, dtype)
    signed = mul_p(rademacher(keys[1], shape, dtype), magnitude)
    return add_p(mul_p(signed, scale), loc)


__all__ = [
    "above_minus_one", "double_sided_maxwell", "gauss", "lognormal", "maxwell", "normal",
    "truncated_normal",
]  # fmt: skip
