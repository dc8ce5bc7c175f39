"""Continuous distributions by inversion: functions of one uniform number.

Each is the inverse of its distribution function at a uniform number (Devroye,
"Non-Uniform Random Variate Generation", chapter 2); Wald's takes a normal number, too.
"""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes

from ..core.avals import Array
from ..ops.arithmetic import add_p, div_p, fma_p, mul_p, neg_p, sub_p
from ..ops.elementwise_complex import abs_p, sign_p
from ..ops.elementwise_exponential import exp_p, log1p_p, log_p
from ..ops.elementwise_logic import ge_p, le_p, lt_p
from ..ops.elementwise_powers import pow_p, sqrt_p, square_p
from ..ops.elementwise_selection import select
from ..ops.elementwise_trigonometric import tan_p
from ..ops.random_bits import random_split_p
from ..ops.shaping import broadcast_to
from .arguments import dtype_of, parameter, result_shape, shape_of, typed_key
from .normal import above_minus_one, gauss
from .uniform import interval, number, unit


def _checked(name: str, key: Any, shape: Any, dtype: Any) -> tuple[Any, Any, Any]:
    return typed_key(name, key), shape_of(name, shape), dtype_of(name, dtype)


def _tiny(dtype: Any) -> Array:
    """The smallest normal number."""
    return number(float(ml_dtypes.finfo(dtype).tiny), dtype)


def _epsilon(dtype: Any) -> Array:
    return number(float(ml_dtypes.finfo(dtype).eps), dtype)


def exponential_of(key: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """Exponential numbers from a typed key."""
    return neg_p(log1p_p(neg_p(unit(key, shape, dtype))))


def exponential(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers of the exponential distribution with mean 1.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype; by default float32, or float64 where 64-bit types
            are enabled.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.exponential(random.key(0), (3,)).shape
    (3,)
    """
    return exponential_of(*_checked("exponential", key, shape, dtype))


def gumbel_of(key: Any, shape: tuple[int, ...], dtype: Any, mode: str = "low") -> Array:
    """Gumbel numbers from a typed key."""
    if mode == "low":
        u = interval(key, shape, dtype, _tiny(dtype), number(1, dtype))
        return neg_p(log_p(neg_p(log_p(u))))
    both = unit(key, (2, *shape), dtype)
    u, v = both[0], both[1]
    finer = add_p(fma_p(_epsilon(dtype), v, u), _tiny(dtype))
    u = select(ge_p(u, number(0.5, dtype)), u, finer)
    return neg_p(log_p(neg_p(log1p_p(neg_p(u)))))


def check_mode(name: str, mode: Any) -> str:
    """The mode, "low" where None; ValueError for what is no mode."""
    if mode not in (None, "high", "low"):
        raise ValueError(f"{name}: the mode is {mode!r}; use 'high' or 'low'.")
    return mode or "low"


def gumbel(
    key: Any,
    shape: Any = (),
    dtype: Any = None,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the Gumbel distribution, whose distribution function is exp(-exp(-x)).

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        mode: "low" (the default) draws one number per element, "high" two, so that the
            upper tail is met more exactly.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.gumbel(random.key(0), (3,)).shape
    (3,)
    """
    mode = check_mode("gumbel", mode)
    return gumbel_of(*_checked("gumbel", key, shape, dtype), mode)


def laplace(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers of the Laplace distribution with density exp(-|x|) / 2.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.laplace(random.key(0), (3,)).shape
    (3,)
    """
    key, shape, dtype = _checked("laplace", key, shape, dtype)
    u = interval(key, shape, dtype, above_minus_one(dtype), number(1, dtype))
    return mul_p(sign_p(u), log1p_p(neg_p(abs_p(u))))


def logistic(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers of the logistic distribution: log(u / (1 - u)) of uniform u.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.logistic(random.key(0), (3,)).shape
    (3,)
    """
    key, shape, dtype = _checked("logistic", key, shape, dtype)
    u = interval(key, shape, dtype, _tiny(dtype), number(1, dtype))
    return sub_p(log_p(u), log1p_p(neg_p(u)))


def cauchy(
    key: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers of the Cauchy distribution: tan(pi (u - 1/2)) of uniform u.

    Args:
        key: a key.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.cauchy(random.key(0), (3,)).shape
    (3,)
    """
    key, shape, dtype = _checked("cauchy", key, shape, dtype)
    u = interval(key, shape, dtype, _epsilon(dtype), number(1, dtype))
    return tan_p(mul_p(number(math.pi, dtype), sub_p(u, number(0.5, dtype))))


def pareto(
    key: Any,
    b: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the Pareto distribution with density b / x**(b + 1) for x >= 1.

    Args:
        key: a key.
        b: the tail exponents, positive.
        shape: the shape of the result; by default that of `b`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> bool((random.pareto(random.key(0), 3.0, (5,)) >= 1).all())
    True
    """
    key, dtype = typed_key("pareto", key), dtype_of("pareto", dtype)
    b = parameter("pareto", b, dtype)
    shape = result_shape("pareto", shape, b)
    return exp_p(div_p(exponential_of(key, shape, dtype), b))


def rayleigh(
    key: Any,
    scale: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the Rayleigh distribution: scale * sqrt(-2 log(u)) of uniform u.

    Args:
        key: a key.
        scale: the scales, positive.
        shape: the shape of the result; by default that of `scale`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.rayleigh(random.key(0), 2.0, (3,)).shape
    (3,)
    """
    key, dtype = typed_key("rayleigh", key), dtype_of("rayleigh", dtype)
    scale = parameter("rayleigh", scale, dtype)
    shape = result_shape("rayleigh", shape, scale)
    logs = log_p(unit(key, shape, dtype))
    return mul_p(scale, sqrt_p(mul_p(logs, number(-2, dtype))))


def weibull_min(
    key: Any, scale: Any, concentration: Any, shape: Any = (), dtype: Any = None
) -> Array:
    """Numbers of the Weibull distribution of minima: scale * e**(1 / concentration) of
    exponential e.

    Args:
        key: a key.
        scale, concentration: scale and shape, positive.
        shape: the shape of what is drawn, against which the parameters broadcast.
        dtype: a floating-point dtype.

    >>> from chainrule import random
    >>> random.weibull_min(random.key(0), 1.0, 2.0, (3,)).shape
    (3,)
    """
    key, shape, dtype = _checked("weibull_min", key, shape, dtype)
    scale = parameter("weibull_min", scale, dtype)
    concentration = parameter("weibull_min", concentration, dtype)
    drawn = exponential_of(key, shape, dtype)
    power = pow_p(drawn, div_p(number(1, dtype), concentration))
    return mul_p(power, scale)


def triangular(
    key: Any,
    left: Any,
    mode: Any,
    right: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the triangular distribution on [left, right].

    Args:
        key: a key.
        left, mode, right: where the density starts, peaks and ends.
        shape: the shape of the result; by default that of the parameters.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> 0 <= float(random.triangular(random.key(0), 0.0, 0.5, 1.0)) <= 1
    True
    """
    name = "triangular"
    key, dtype = typed_key(name, key), dtype_of(name, dtype)
    given = [parameter(name, x, dtype) for x in (left, mode, right)]
    shape = result_shape(name, shape, *given)
    a, c, b = (broadcast_to(x, shape) for x in given)
    u = unit(key, shape, dtype)
    rising = add_p(a, sqrt_p(mul_p(mul_p(u, sub_p(b, a)), sub_p(c, a))))
    rest = sub_p(number(1, dtype), u)
    falling = sub_p(b, sqrt_p(mul_p(mul_p(rest, sub_p(b, a)), sub_p(b, c))))
    peak = div_p(sub_p(c, a), sub_p(b, a))
    return select(lt_p(u, peak), rising, falling)


def wald(
    key: Any,
    mean: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of Wald's distribution, the inverse Gaussian one with scale 1.

    Args:
        key: a key.
        mean: the means, positive.
        shape: the shape of the result; by default that of `mean`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    Drawn by the method of Michael, Schucany and Haas (1976).

    >>> from chainrule import random
    >>> bool((random.wald(random.key(0), 2.0, (5,)) > 0).all())
    True
    """
    key, dtype = typed_key("wald", key), dtype_of("wald", dtype)
    mean = parameter("wald", mean, dtype)
    shape = result_shape("wald", shape, mean)
    mean = broadcast_to(mean, shape)
    keys = random_split_p(key, shape=(2,))
    v, u = gauss(keys[0], shape, dtype), unit(keys[1], shape, dtype)
    y, squared = square_p(v), square_p(mean)
    two = number(2, dtype)
    root = sqrt_p(
        add_p(mul_p(mul_p(number(4, dtype), mean), y), mul_p(squared, square_p(y)))
    )
    x = sub_p(add_p(mean, div_p(mul_p(squared, y), two)), mul_p(div_p(mean, two), root))
    return select(le_p(u, div_p(mean, add_p(mean, x))), x, div_p(squared, x))


__all__ = [
    "cauchy", "check_mode", "exponential", "exponential_of", "gumbel", "gumbel_of",
    "laplace", "logistic", "pareto", "rayleigh", "triangular", "wald", "weibull_min",
]  # fmt: skip
