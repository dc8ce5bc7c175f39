"""The gamma distribution and those that are made from it.

Beta, Dirichlet, chi-squared, F, Student's t, the generalized normal distribution and
the uniform one on a ball. Ratios are taken of logarithms of gamma numbers, which do not
underflow for small parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.avals import Array
from ..ops.arithmetic import add_p, div_p, mul_p, sub_p
from ..ops.elementwise_complex import abs_p
from ..ops.elementwise_conversion import stop_gradient_p
from ..ops.elementwise_exponential import exp_p
from ..ops.elementwise_powers import pow_p, sqrt_p
from ..ops.elementwise_selection import max_p
from ..ops.random_bits import random_split_p
from ..ops.random_gamma import random_gamma_p
from ..ops.reductions import keep_dims, reduce_max_p
from ..ops.shaping import broadcast_to, reduce_sum_p
from .arguments import (
    check_array_like,
    dtype_of,
    parameter,
    result_shape,
    shape_of,
    typed_key,
)
from .continuous import exponential_of
from .normal import gauss
from .uniform import number, rademacher


def _gamma(key: Any, a: Any, shape: tuple[int, ...], log_space: bool = False) -> Any:
    return random_gamma_p(key, broadcast_to(a, shape), log_space=log_space)


def gamma(
    key: Any,
    a: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the gamma distribution with density x**(a - 1) exp(-x) / Gamma(a).

    Differentiable in `a`, by the derivative of the number at a fixed value of its
    distribution function.

    Args:
        key: a key.
        a: the shape parameters, positive.
        shape: the shape of the result; by default that of `a`.
        dtype: a floating-point dtype; by default float32, or float64 where 64-bit types
            are enabled.
        out_sharding: accepted.

    Raises:
        ValueError: the dtype is not floating-point, `a` does not broadcast to `shape`,
            or `key` is an array of keys.

    >>> from chainrule import random
    >>> bool((random.gamma(random.key(0), 2.0, (5,)) > 0).all())
    True
    """
    key, dtype = typed_key("gamma", key), dtype_of("gamma", dtype)
    a = parameter("gamma", a, dtype)
    return _gamma(key, a, result_shape("gamma", shape, a))


def loggamma(
    key: Any,
    a: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Logarithms of gamma numbers, exact where those underflow (small `a`).

    Arguments are those of `gamma`.

    >>> from chainrule import random
    >>> float(random.loggamma(random.key(0), 1e-4)) < -1.0
    True
    """
    key, dtype = typed_key("loggamma", key), dtype_of("loggamma", dtype)
    a = parameter("loggamma", a, dtype)
    return _gamma(key, a, result_shape("loggamma", shape, a), log_space=True)


def beta(
    key: Any,
    a: Any,
    b: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the beta distribution on [0, 1]: g / (g + h) of gamma numbers g, h.

    Args:
        key: a key.
        a, b: the parameters, positive.
        shape: the shape of the result; by default that of the parameters.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> 0 <= float(random.beta(random.key(0), 2.0, 3.0)) <= 1
    True
    """
    key, dtype = typed_key("beta", key), dtype_of("beta", dtype)
    a, b = parameter("beta", a, dtype), parameter("beta", b, dtype)
    shape = result_shape("beta", shape, a, b)
    keys = random_split_p(key, shape=(2,))
    log_g, log_h = _gamma(keys[0], a, shape, True), _gamma(keys[1], b, shape, True)
    largest = max_p(log_g, log_h)
    g, h = exp_p(sub_p(log_g, largest)), exp_p(sub_p(log_h, largest))
    return div_p(g, add_p(g, h))


def dirichlet(
    key: Any,
    alpha: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Vectors of the Dirichlet distribution: positive, with sum 1.

    Args:
        key: a key.
        alpha: parameters of shape (..., n), positive.
        shape: the batch shape of the result; by default `alpha.shape[:-1]`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    Returns:
        Vectors, of shape `shape + (n,)`.

    Raises:
        ValueError: `alpha` is a scalar, or does not broadcast to `shape + (n,)`.

    >>> import numpy as np
    >>> from chainrule import random
    >>> random.dirichlet(random.key(0), np.ones(3), (4,)).shape
    (4, 3)
    """
    key, dtype = typed_key("dirichlet", key), dtype_of("dirichlet", dtype)
    check_array_like("dirichlet", alpha)
    alpha = parameter("dirichlet", alpha, dtype)
    if not alpha.ndim:
        raise ValueError(
            "dirichlet: alpha must have at least one dimension; got a scalar."
        )
    batch = result_shape("dirichlet", shape, np.zeros(alpha.shape[:-1], bool))
    logs = _gamma(key, alpha, (*batch, alpha.shape[-1]), True)
    axes = (len(batch),)
    largest = stop_gradient_p(
        keep_dims(reduce_max_p(logs, axes=axes), logs.shape, axes)
    )
    g = exp_p(sub_p(logs, largest))
    return div_p(g, keep_dims(reduce_sum_p(g, axes=axes), g.shape, axes))


def _chisquare(key: Any, df: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    logs = _gamma(key, div_p(df, number(2, dtype)), shape, True)
    return mul_p(exp_p(logs), number(2, dtype))


def chisquare(
    key: Any,
    df: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the chi-squared distribution.

    Args:
        key: a key.
        df: the degrees of freedom, positive.
        shape: the shape of the result; by default that of `df`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.chisquare(random.key(0), 3.0, (2,)).shape
    (2,)
    """
    key, dtype = typed_key("chisquare", key), dtype_of("chisquare", dtype)
    df = parameter("chisquare", df, dtype)
    return _chisquare(key, df, result_shape("chisquare", shape, df), dtype)


def f(
    key: Any,
    dfnum: Any,
    dfden: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of the F distribution: the ratio of two chi-squared numbers, each divided
    by its degrees of freedom.

    Args:
        key: a key.
        dfnum, dfden: degrees of freedom of numerator and denominator, positive.
        shape: the shape of the result; by default that of the parameters.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.f(random.key(0), 3.0, 4.0, (2,)).shape
    (2,)
    """
    key, dtype = typed_key("f", key), dtype_of("f", dtype)
    over, under = parameter("f", dfnum, dtype), parameter("f", dfden, dtype)
    shape = result_shape("f", shape, over, under)
    keys = random_split_p(key, shape=(2,))
    above = div_p(_chisquare(keys[1], over, shape, dtype), over)
    below = div_p(_chisquare(keys[0], under, shape, dtype), under)
    return div_p(above, below)


def t(
    key: Any,
    df: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers of Student's t distribution.

    Args:
        key: a key.
        df: the degrees of freedom, positive.
        shape: the shape of the result; None: that of `df`.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.t(random.key(0), 3.0, (2,)).shape
    (2,)
    """
    key, dtype = typed_key("t", key), dtype_of("t", dtype)
    df = parameter("t", df, dtype)
    shape = result_shape("t", shape, df)
    keys = random_split_p(key, shape=(2,))
    z = gauss(keys[0], shape, dtype)
    half = div_p(df, number(2, dtype))
    g = _gamma(keys[1], half, shape)
    return mul_p(z, sqrt_p(div_p(half, g)))


# --- balls ---------------------------------------------------------------------------


def _generalized_normal(key: Any, p: Any, shape: Any, dtype: Any) -> Any:
    keys = random_split_p(key, shape=(2,))
    inverse = div_p(number(1, dtype), p)
    g = _gamma(keys[0], inverse, shape)
    return mul_p(rademacher(keys[1], shape, dtype), pow_p(g, inverse))


def generalized_normal(
    key: Any, p: Any, shape: Any = (), dtype: Any = None, *, out_sharding: Any = None
) -> Array:
    """Numbers with density proportional to exp(-|x|**p).

    Args:
        key: a key.
        p: the exponent, positive, a scalar.
        shape: the shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> random.generalized_normal(random.key(0), 2.0, (3,)).shape
    (3,)
    """
    name = "generalized_normal"
    key, dtype = typed_key(name, key), dtype_of(name, dtype)
    p = parameter(name, p, dtype)
    return _generalized_normal(key, p, shape_of(name, shape), dtype)


def ball(
    key: Any,
    d: int,
    p: Any = 2,
    shape: Any = (),
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Vectors uniform in the unit ball of the p-norm in d dimensions.

    Args:
        key: a key.
        d: the dimension.
        p: the exponent of the norm, positive.
        shape: the batch shape of the result.
        dtype: a floating-point dtype.
        out_sharding: accepted.

    Returns:
        Vectors, of shape `shape + (d,)`, by the method of Barthe, Guédon, Mendelson and
        Naor (2005).

    >>> from chainrule import random
    >>> bool((random.ball(random.key(0), 3, shape=(9,)) ** 2).sum(-1).max() <= 1)
    True
    """
    key, dtype = typed_key("ball", key), dtype_of("ball", dtype)
    shape = shape_of("ball", shape)
    p = parameter("ball", p, dtype)
    keys = random_split_p(key, shape=(2,))
    g = _generalized_normal(keys[0], p, (*shape, d), dtype)
    e = exponential_of(keys[1], shape, dtype)
    axes = (len(shape),)
    total = add_p(reduce_sum_p(pow_p(abs_p(g), p), axes=axes), e)
    norm = pow_p(total, div_p(number(1, dtype), p))
    return div_p(g, keep_dims(norm, g.shape, axes))


__all__ = [
    "ball", "beta", "chisquare", "dirichlet", "f", "gamma", "generalized_normal",
    "loggamma", "t",
]  # fmt: skip
