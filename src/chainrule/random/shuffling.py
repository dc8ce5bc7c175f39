"""Random orders and draws from populations: permutation, choice.

An order is made by sorting along random 32-bit keys, in as many rounds as make a tie in
every round unlikely: about 3 log(n) / log(2**32).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.avals import Array, as_array, aval_of
from ..numpy.sorting import searchsorted
from ..numpy.taking import take
from ..ops.arithmetic import add_p, mul_p, sub_p
from ..ops.cumulative import cumsum_p
from ..ops.elementwise_exponential import log_p
from ..ops.joining import iota, slice_along
from ..ops.random_bits import random_bits_p, random_split_p
from ..ops.shaping import canonical_axis, convert, reshape
from ..ops.sorting import sort_p, top_k_p
from .arguments import check_array_like, typed_key
from .continuous import check_mode, gumbel_of
from .uniform import number, randint, unit


def _shuffled(key: Any, x: Any, axis: int) -> Array:
    """`x` with each line along `axis` in a random order of its own."""
    size = max(1, math.prod(x.shape))
    rounds = math.ceil(3 * math.log(size) / math.log(2**32 - 1))
    for _ in range(rounds):
        keys = random_split_p(key, shape=(2,))
        key = keys[0]
        order = random_bits_p(keys[1], bit_width=32, shape=x.shape)
        _, x = sort_p(order, x, dimension=axis, is_stable=True, num_keys=1)
    return x


def permutation(
    key: Any,
    x: Any,
    axis: int = 0,
    independent: bool = False,
    *,
    out_sharding: Any = None,
) -> Array:
    """A random order of an array along an axis, or of 0, ..., x - 1.

    Args:
        key: a key.
        x: an array, or an integer.
        axis: the axis along which to permute.
        independent: whether each line along the axis gets an order of its own.
        out_sharding: accepted.

    Raises:
        TypeError: `x` is neither.
        ValueError: the axis is out of bounds, or `key` is an array of keys.

    >>> from chainrule import random
    >>> sorted(random.permutation(random.key(0), 4).tolist())
    [0, 1, 2, 3]
    """
    key = typed_key("permutation", key)
    check_array_like("permutation", x)
    if np.ndim(x) == 0 if not isinstance(x, Array) else not x.ndim:
        if not dtypes.is_integer(aval_of(x).dtype):
            raise TypeError(
                f"permutation: x must be an integer or an array of at least one"
                f" dimension; got {x!r}."
            )
        axis = canonical_axis("permutation", axis, 1)
        x = _count("permutation", x)
        return _shuffled(key, iota(dtypes.default_int(), (max(x, 0),)), 0)
    x = as_array(x, "permutation")
    axis = canonical_axis("permutation", axis, x.ndim)
    if (independent or x.ndim == 1) and not dtypes.is_extended(x.dtype):
        return _shuffled(key, x, axis)
    order = _shuffled(key, iota(dtypes.default_int(), x.shape[axis : axis + 1]), 0)
    return _taken(x, order, axis)


def _count(name: str, x: Any) -> int:
    """A number of elements, which must be known: the result's shape depends on it."""
    return x if type(x) is int else int(as_array(x, name))


def _taken(x: Any, positions: Any, axis: int) -> Array:
    return take(x, positions, axis, unique_indices=False, mode="clip")


def choice(
    key: Any,
    a: Any,
    shape: Any = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
    mode: str | None = None,
) -> Array:
    """Random elements of an array along an axis, or of 0, ..., a - 1.

    Args:
        key: a key.
        a: an array, or an integer.
        shape: the shape of the draw: a sequence of integers.
        replace: whether an element can be drawn more than once.
        p: a vector with the probability of each element; by default they are equal.
            Without replacement, elements are drawn one after the other in proportion to
            `p`.
        axis: the axis along which to draw.
        mode: as in `gumbel`; used where `p` is given and `replace` is False.

    Returns:
        An array of shape `a.shape[:axis] + shape + a.shape[axis + 1:]`.

    Raises:
        TypeError: `shape` is an integer, or `a` a list.
        ValueError: `a` is empty, the draw is larger than the population, or `p` has
            another size.

    >>> from chainrule import random
    >>> random.choice(random.key(0), 5, (2,), replace=False).shape
    (2,)
    """
    key = typed_key("choice", key)
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"choice: the shape must be a sequence; got {shape!r}.")
    check_mode("choice", mode)
    population, axis, size = _population(a, axis)
    draws = math.prod(shape)
    _check_draws(draws, size, replace)
    if p is None and not replace:
        x = size if population is None else population
        drawn = slice_along(permutation(key, x, axis), 0, draws, axis)
        own = drawn.shape
        return reshape(drawn, (*own[:axis], *shape, *own[axis + 1 :]))
    if p is not None:
        positions = _weighted(key, tuple(shape), size, replace, p, mode)
    elif size:
        positions = randint(key, tuple(shape), 0, size)
    else:
        positions = reshape(iota(dtypes.default_int(), (0,)), shape)
    return positions if population is None else _taken(population, positions, axis)


def _population(a: Any, axis: int) -> tuple[Any, int, int]:
    """What is drawn from (None: integers), along which axis, and how many there are."""
    check_array_like("choice", a)
    if not (a.ndim if isinstance(a, Array) else np.ndim(a)):
        return None, 0, _count("choice", a)
    population = as_array(a, "choice")
    axis = canonical_axis("choice", axis, population.ndim)
    return population, axis, population.shape[axis]


def _check_draws(draws: int, size: int, replace: bool) -> None:
    if size < 1 and draws > 0:
        raise ValueError(
            "choice: there is nothing to draw from: a must be greater than 0 unless no"
            " samples are taken."
        )
    if not replace and draws > size:
        raise ValueError(
            f"choice: cannot draw {draws} of {size} elements without replacement; use"
            " replace=True or a smaller shape."
        )


def _weighted(
    key: Any, shape: tuple[int, ...], size: int, replace: bool, p: Any, mode: Any
) -> Any:
    check_array_like("choice", p)
    p = as_array(p, "choice")
    if p.shape != (size,):
        raise ValueError(
            f"choice: p must be a vector with one probability for each of {size}"
            f" elements; got shape {p.shape}."
        )
    p = convert(p, dtypes.to_inexact(p.dtype))
    if replace:
        total = cumsum_p(p, axis=0, reverse=False)
        rest = sub_p(number(1, p.dtype), unit(key, shape, p.dtype))
        positions = searchsorted(total, mul_p(total[-1], rest))
    else:
        noise = gumbel_of(key, (size,), p.dtype, mode or "low")
        draws = math.prod(shape)
        _, positions = top_k_p(add_p(noise, log_p(p)), k=draws, axis=0)
    return reshape(convert(positions, dtypes.default_int()), shape)


__all__ = ["choice", "permutation"]
