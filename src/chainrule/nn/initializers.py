"""Initializers: functions of (key, shape, dtype) that draw initial parameters.

Variance scaling covers the named schemes: LeCun (1998), Glorot and Bengio (2010), He et
al. (2015) differ in which fan they divide by and in a factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import lax, random
from .. import numpy as cnp
from ..core import dtypes

Initializer = Callable[..., Any]
"""initializer(key, shape, dtype) -> array of that shape and dtype."""


def _dtype(dtype: Any) -> Any:
    return dtypes.canonicalize_dtype(float if dtype is None else dtype)


def zeros(
    key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None
) -> Any:
    """An array of zeros; the key is not used."""
    return cnp.zeros(shape, _dtype(dtype))


def ones(
    key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None
) -> Any:
    """An array of ones; the key is not used."""
    return cnp.ones(shape, _dtype(dtype))


def constant(value: Any, dtype: Any = None) -> Initializer:
    """An initializer that fills with `value`."""
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        return cnp.full(shape, value, _dtype(dtype))

    return init


def uniform(scale: Any = 1e-2, dtype: Any = None) -> Initializer:
    """An initializer that draws uniformly from [0, scale)."""
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        return random.uniform(key, shape, dtype) * cnp.array(scale, dtype)

    return init


def normal(stddev: Any = 1e-2, dtype: Any = None) -> Initializer:
    """An initializer that draws normally with standard deviation `stddev`.

    >>> import chainrule as cr
    >>> cr.nn.initializers.normal(0.1)(cr.random.key(0), (2, 3)).shape
    (2, 3)
    """
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        return random.normal(key, shape, dtype) * cnp.array(stddev, dtype)

    return init


def truncated_normal(
    stddev: Any = 1e-2, dtype: Any = None, lower: Any = -2.0, upper: Any = 2.0
) -> Initializer:
    """An initializer that draws a normal truncated to [lower, upper], times stddev."""
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        drawn = random.truncated_normal(key, lower, upper, shape, dtype)
        return drawn * cnp.array(stddev, dtype)

    return init


def _fans(
    shape: Any, in_axis: Any, out_axis: Any, batch_axis: Any
) -> tuple[float, float]:
    """Inputs per output and outputs per input of a weight array of `shape`."""

    def size(axis: Any) -> int:
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        return math.prod(shape[a] for a in axes)

    if len(shape) <= 1:
        raise ValueError(
            f"variance_scaling: needs a shape of at least 2 dimensions; got {shape}."
        )
    n_in, n_out, n_batch = size(in_axis), size(out_axis), size(batch_axis)
    field = math.prod(shape) / n_in / n_out / n_batch
    return n_in * field, n_out * field


def variance_scaling(
    scale: Any,
    mode: str,
    distribution: str,
    in_axis: int | Sequence[int] = -2,
    out_axis: int | Sequence[int] = -1,
    batch_axis: int | Sequence[int] = (),
    dtype: Any = None,
) -> Initializer:
    """An initializer whose variance is `scale` over a fan of the weight array.

    Args:
        scale: positive factor.
        mode: 'fan_in', 'fan_out', 'fan_avg', or 'fan_geo_avg'.
        distribution: 'truncated_normal' (at 2 standard deviations), 'normal', or
            'uniform'.
        in_axis, out_axis, batch_axis: dimensions of the weights that are inputs,
            outputs, and independent; the rest is the receptive field.
        dtype: default dtype of what the initializer draws.

    Raises ValueError for another mode or distribution.
    """
    given = dtype
    _check_scaling(mode, distribution)

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        fan_in, fan_out = _fans(tuple(shape), in_axis, out_axis, batch_axis)
        fan = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode]
        stddev = cnp.sqrt(cnp.array(scale / fan, dtypes.real_part(dtype)))
        if distribution == "normal":
            return random.normal(key, shape, dtype) * stddev
        draw, spread = _bounded[distribution, dtypes.is_complex(dtype)]
        return draw(key, shape, dtype) * (stddev * spread)

    return init


def _polar(key: Any, shape: Any, dtype: Any, radius: Any) -> Any:
    """Complex numbers of a random direction and a radius from a uniform number."""
    keys, part = random.split(key), dtypes.real_part(dtype)
    r = radius(random.uniform(keys[0], shape, part))
    angle = 2 * math.pi * random.uniform(keys[1], shape, part)
    return lax.complex(r * cnp.cos(angle), r * cnp.sin(angle))


def _disc(key: Any, shape: Any, dtype: Any) -> Any:
    """Complex numbers uniform in the disc of variance 1."""
    return _polar(key, shape, dtype, lambda u: cnp.sqrt(2 * u))


def _truncated_disc(key: Any, shape: Any, dtype: Any) -> Any:
    """Complex normal numbers of modulus at most 2."""
    inside = 1 - math.exp(-4)
    return _polar(key, shape, dtype, lambda u: cnp.sqrt(-cnp.log(1 - inside * u)))


_bounded: dict[tuple[str, bool], tuple[Any, float]] = {
    ("uniform", False): (lambda k, s, d: random.uniform(k, s, d, -1), math.sqrt(3)),
    ("uniform", True): (_disc, 1.0),
    ("truncated_normal", False): (
        lambda k, s, d: random.truncated_normal(k, -2, 2, s, d),
        1 / 0.87962566103423978,
    ),
    ("truncated_normal", True): (_truncated_disc, 1 / 0.95311164380491208),
}
"""How numbers within bounds are drawn, for real and complex dtypes, and what makes the
standard deviation 1: of the uniform distribution, and of the normal one cut at 2."""


def _check_scaling(mode: str, distribution: str) -> None:
    modes = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
    distributions = ("truncated_normal", "normal", "uniform")
    if mode not in modes:
        raise ValueError(
            f"variance_scaling: mode must be one of {modes}; got {mode!r}."
        )
    if distribution not in distributions:
        raise ValueError(
            f"variance_scaling: distribution must be one of {distributions}; got"
            f" {distribution!r}."
        )


def _scheme(name: str, scale: float, mode: str, distribution: str, source: str) -> Any:
    def make(
        in_axis: int | Sequence[int] = -2,
        out_axis: int | Sequence[int] = -1,
        batch_axis: int | Sequence[int] = (),
        dtype: Any = None,
    ) -> Initializer:
        return variance_scaling(
            scale, mode, distribution, in_axis, out_axis, batch_axis, dtype
        )

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"variance_scaling({scale}, {mode!r}, {distribution!r}), the scheme of {source}."
    return make


_glorot, _he, _lecun = "Glorot and Bengio 2010", "He et al. 2015", "LeCun et al. 1998"
_truncated = "truncated_normal"
glorot_uniform = _scheme("glorot_uniform", 1.0, "fan_avg", "uniform", _glorot)
glorot_normal = _scheme("glorot_normal", 1.0, "fan_avg", _truncated, _glorot)
lecun_uniform = _scheme("lecun_uniform", 1.0, "fan_in", "uniform", _lecun)
lecun_normal = _scheme("lecun_normal", 1.0, "fan_in", _truncated, _lecun)
he_uniform = _scheme("he_uniform", 2.0, "fan_in", "uniform", _he)
he_normal = _scheme("he_normal", 2.0, "fan_in", _truncated, _he)
xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def orthogonal(
    scale: Any = 1.0, column_axis: int = -1, dtype: Any = None
) -> Initializer:
    """An initializer of matrices with orthonormal rows or columns, times `scale`.

    The dimensions other than `column_axis` together index the rows. Uniform over such
    matrices (Mezzadri, Notices of the AMS 54, 2007). Raises ValueError for shapes of
    fewer than 2 dimensions.
    """
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        if len(shape) < 2:
            raise ValueError(
                f"orthogonal: needs a shape of at least 2 dimensions; got {shape}."
            )
        columns = shape[column_axis]
        rows = math.prod(shape) // columns
        drawn = random.normal(key, (max(rows, columns), min(rows, columns)), dtype)
        q, r = cnp.linalg.qr(drawn)
        diagonal = cnp.diag(r)
        q = q * (diagonal / cnp.abs(diagonal))[None]
        if rows < columns:
            q = q.T
        others = [n for i, n in enumerate(shape) if i != column_axis % len(shape)]
        return scale * cnp.moveaxis(q.reshape(*others, columns), -1, column_axis)

    return init


def delta_orthogonal(
    scale: Any = 1.0, column_axis: int = -1, dtype: Any = None
) -> Initializer:
    """An initializer of convolution kernels: orthogonal at the centre, zero around it.

    For shapes (width, in, out), (height, width, in, out) and with depth, in <= out
    (Xiao et al. 2018). Raises ValueError for others.
    """
    given = dtype

    def init(key: Any, shape: Any, dtype: Any = given, out_sharding: Any = None) -> Any:
        dtype = _dtype(dtype)
        if len(shape) not in (3, 4, 5) or shape[-1] < shape[-2]:
            raise ValueError(
                "delta_orthogonal: needs a shape of 3, 4 or 5 dimensions whose last"
                f" (outputs) is not below the one before (inputs); got {shape}."
            )
        matrix = orthogonal(scale, column_axis, dtype)(key, tuple(shape[-2:]))
        centre = tuple((n - 1) // 2 for n in shape[:-2])
        return cnp.zeros(shape, dtype).at[centre].set(matrix)

    return init
