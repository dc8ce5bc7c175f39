"""Counts and categories: categorical, geometric, Poisson, binomial, multinomial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array
from ..ops.arithmetic import add_p, div_p, neg_p, sub_p
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_exponential import log1p_p, log_p
from ..ops.elementwise_logic import eq_p
from ..ops.elementwise_rounding import floor_p
from ..ops.elementwise_selection import max_p, min_p, select
from ..ops.joining import concatenate, expand_dims
from ..ops.random_bits import random_split_p
from ..ops.random_counts import random_binomial_p, random_poisson_p
from ..ops.reductions import argmax_p
from ..ops.shaping import broadcast_to, canonical_axis, convert, move_dim
from ..ops.sorting import top_k_p
from .arguments import check_array_like, dtype_of, parameter, result_shape, typed_key
from .continuous import check_mode, gumbel_of
from .uniform import number, unit


def categorical(
    key: Any,
    logits: Any,
    axis: int = -1,
    shape: Any = None,
    replace: bool = True,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Random categories with probabilities softmax(logits), by adding Gumbel noise.

    Args:
        key: a key.
        logits: logarithms of the probabilities, up to a constant, along `axis`.
        axis: the axis of categories.
        shape: the shape of the result; it ends with the shape of `logits` without
            `axis`, which is also its default.
        replace: whether the draws in front of that are independent; if not, they are
            different categories (Kool, van Hoof, Welling, 2019).
        mode: as in `gumbel`.
        out_sharding: accepted.

    Returns:
        Positions along `axis`, of the default integer dtype.

    Raises:
        ValueError: shapes do not fit, there are more draws than categories without
            replacement, the logits are not floating-point, or `key` is an array of keys.

    >>> import chainrule.numpy as cnp
    >>> from chainrule import random
    >>> random.categorical(random.key(0), cnp.zeros((4, 3))).shape
    (4,)
    """
    name = "categorical"
    key, mode = typed_key(name, key), check_mode(name, mode)
    check_array_like(name, logits)
    logits = as_array(logits, name)
    dtype_of(name, logits.dtype)
    axis = canonical_axis(name, axis, logits.ndim)
    own = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    batch = result_shape(name, shape, np.zeros(own, bool))
    count = logits.shape[axis]
    if not count:
        raise ValueError(f"{name}: axis {axis} of logits {logits.shape} is empty.")
    front = batch[: len(batch) - len(own)]
    if not replace:
        return _distinct(key, logits, axis, front, mode)
    place = len(front) + axis
    drawn = (*batch[:place], count, *batch[place:])
    noise = gumbel_of(key, drawn, logits.dtype, mode)
    return _best(add_p(noise, broadcast_to(logits, drawn)), place)


def _best(scores: Any, axis: int) -> Array:
    return argmax_p(scores, axes=(axis,), index_dtype=dtypes.default_int())


def _distinct(key: Any, logits: Any, axis: int, front: Any, mode: str) -> Array:
    """The positions of the largest noisy logits, as many as `front` has elements."""
    draws, count = math.prod(front), logits.shape[axis]
    if draws > count:
        raise ValueError(
            f"categorical: cannot draw {draws} of {count} categories without"
            " replacement; use replace=True or a smaller shape."
        )
    noisy = add_p(logits, gumbel_of(key, logits.shape, logits.dtype, mode))
    _, best = top_k_p(noisy, k=draws, axis=axis)
    best = move_dim(best, axis, 0)
    return best.reshape((*front, *best.shape[1:]))


def geometric(
    key: Any,
    p: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """How many trials it takes to the first success: 1, 2, ...

    Args:
        key: a key.
        p: probabilities of success.
        shape: the shape of the result; by default that of `p`.
        dtype: an integer dtype.
        out_sharding: accepted.

    >>> from chainrule import random
    >>> bool((random.geometric(random.key(0), 0.3, (9,)) >= 1).all())
    True
    """
    key = typed_key("geometric", key)
    dtype = dtype_of("geometric", dtype, "iu", dtypes.default_int())
    p = as_array(p, "geometric")
    p = convert(p, dtypes.to_inexact(p.dtype))
    shape = result_shape("geometric", shape, p)
    u = unit(key, shape, p.dtype)
    one = number(1, p.dtype)
    u = select(eq_p(u, number(0, p.dtype)), broadcast_to(one, shape), u)
    failures = floor_p(div_p(log_p(u), log1p_p(neg_p(p))))
    return convert(add_p(failures, one), dtype)


def poisson(
    key: Any,
    lam: Any,
    shape: Any = None,
    dtype: Any = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Counts of the Poisson distribution.

    Args:
        key: a key.
        lam: the means; computed with in float32.
        shape: the shape of the result; by default that of `lam`.
        dtype: an integer dtype.
        out_sharding: accepted.

    Returns:
        Counts; -1 where `lam` is NaN or negative.

    >>> from chainrule import random
    >>> random.poisson(random.key(0), 3.0, (2,)).shape
    (2,)
    """
    key = typed_key("poisson", key)
    dtype = dtype_of("poisson", dtype, "iu", dtypes.default_int())
    lam = parameter("poisson", lam, dtypes.float32)
    shape = result_shape("poisson", shape, lam)
    return random_poisson_p(key, broadcast_to(lam, shape), dtype=dtype)


def binomial(key: Any, n: Any, p: Any, shape: Any = None, dtype: Any = None) -> Array:
    """Numbers of successes in n trials.

    Args:
        key: a key.
        n: numbers of trials; fractions are dropped.
        p: probabilities of success.
        shape: the shape of the result; by default that of the parameters.
        dtype: a floating-point dtype.

    Returns:
        Counts, as floating-point numbers; NaN where `n` is negative or NaN, or `p` is
        not in [0, 1].

    >>> from chainrule import random
    >>> 0 <= float(random.binomial(random.key(0), 10, 0.5)) <= 10
    True
    """
    key, dtype = typed_key("binomial", key), dtype_of("binomial", dtype)
    n, p = parameter("binomial", n, dtype), parameter("binomial", p, dtype)
    shape = result_shape("binomial", shape, n, p)
    return random_binomial_p(key, broadcast_to(n, shape), broadcast_to(p, shape))


def multinomial(
    key: Any,
    n: Any,
    p: Any,
    *,
    shape: Any = None,
    dtype: Any = None,
    unroll: int | bool = 1,
) -> Array:
    """How often each category is met in n trials.

    Args:
        key: a key.
        n: numbers of trials.
        p: probabilities of shape (..., k), scaled to the sum 1.
        shape: the shape of the result, which ends with k; by default that of `n` and
            `p`.
        dtype: the dtype of the result; by default the default floating-point one.
        unroll: accepted.

    Returns:
        Counts of shape `shape`, with the sum `n` along the last dimension.

    >>> import numpy as np
    >>> from chainrule import random
    >>> float(random.multinomial(random.key(0), 10, np.array([0.2, 0.8])).sum())
    10.0
    """
    name = "multinomial"
    key = typed_key(name, key)
    dtype = dtype_of(name, dtype, "iuf")
    check_array_like(name, p)
    held = dtype if dtypes.is_float(dtype) else dtypes.default_float()
    n, p = parameter(name, n, held), parameter(name, p, held)
    n = expand_dims(n, (n.ndim,))
    shape = result_shape(name, shape, n, p)
    p = broadcast_to(p, shape)
    left = broadcast_to(n, (*shape[:-1], 1))[..., 0]
    last = len(shape) - 1
    rest = cumsum_p(p, axis=last, reverse=True)
    one, zero = number(1, held), number(0, held)
    empty = eq_p(rest, zero)
    ratios = div_p(p, select(empty, broadcast_to(one, shape), rest))
    ratios = min_p(one, max_p(zero, ratios))
    keys = random_split_p(key, shape=shape[-1:])
    found: list[Any] = []
    for i in range(shape[-1]):
        count = random_binomial_p(keys[i], left, ratios[..., i])
        left = sub_p(left, count)
        found.append(expand_dims(count, (last,)))
    if not found:
        return convert(broadcast_to(zero, shape), dtype)
    return convert(concatenate(found, last), dtype)


__all__ = ["binomial", "categorical", "geometric", "multinomial", "poisson"]
