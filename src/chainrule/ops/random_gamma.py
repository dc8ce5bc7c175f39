"""The gamma distribution: rejection by Marsaglia and Tsang, implicit derivative.

With d = a - 1/3 and c = 1 / (3 sqrt(d)), x normal and v = (1 + c x)**3 > 0, d v is
accepted with a probability near 1 (Marsaglia and Tsang, "A simple method for generating
gamma variables", 2000). For a < 1, a number for a + 1 is multiplied by u**(1 / a); its
logarithm does not underflow. The derivative in `a` moves the number so that its
distribution function stays what it is (Figurnov, Mohamed, Mnih, "Implicit
reparameterization gradients", 2018).
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ..core import dtypes
from ..core.avals import aval_of, wrap
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from ..runtime import _native
from . import random_draws as draws
from .elementwise_exponential import exp_p
from .elementwise_logic import lt_p
from .elementwise_selection import select
from .elementwise_special import digamma_p, random_gamma_grad_p
from .random_bits import check_keys, words_of
from .random_rounds import Draw
from .shaping import broadcast_in_dim, broadcast_to, move_dim


def sampler_shape(name: str, keys: Any, *parameters: Any) -> tuple[int, ...]:
    """The shape of a sampler's result: that of its parameters, keys along the front."""
    check_keys(name, keys)
    shape = parameters[0].shape
    for p in parameters:
        if p.shape != shape or p.dtype != parameters[0].dtype:
            given = ", ".join(q.str_short() for q in parameters)
            raise TypeError(
                f"{name}: parameters must have one shape and dtype; got {given}."
            )
    if shape[: keys.ndim] != keys.shape:
        raise TypeError(
            f"{name}: keys of shape {keys.shape} must have the first dimensions of the"
            f" parameters, of shape {shape}."
        )
    if not dtypes.is_float(parameters[0].dtype):
        raise TypeError(
            f"{name}: parameters must be floating-point; got {parameters[0].dtype}."
        )
    return shape


def sampler_batch(prim: Any) -> Any:
    """The batching rule of samplers: keys and parameters get the batch dim in front."""

    def batch(args: Any, dims: Any, size: int, **params: Any) -> Any:
        whole: list[Any] = []
        for x, d in zip(args, dims):
            if d is None:
                n = aval_of(x).ndim
                shape = (size, *aval_of(x).shape)
                whole.append(broadcast_in_dim(x, shape, range(1, n + 1)))
            else:
                whole.append(move_dim(x, d, 0))
        return prim(*whole, **params), 0

    return batch


# --- the sampler ---------------------------------------------------------------------


def _positive(words: Any, c: Any) -> tuple[Any, Any]:
    """x normal and 1 + c x, drawn until the latter is positive."""
    x, v = np.empty_like(c), np.empty_like(c)
    active = np.arange(c.size)
    while active.size:
        words, drawn = draws.split(words, 2)
        x_new = draws.normal(drawn, c.dtype)
        v_new = draws.fma(x_new, c[active], np.ones((), c.dtype))
        x[active], v[active] = x_new, v_new
        again = v_new <= 0
        active, words = active[again], (words[0][again], words[1][again])
    return x, v


def _accepted(words: Any, d: Any, c: Any) -> Any:
    """v of the accepted candidates d v."""
    out = np.empty_like(d)
    active = np.arange(d.size)
    number = d.dtype.type
    while active.size:
        words, for_x, for_u = draws.split(words, 3)
        x, v = _positive(for_x, c[active])
        square, cube = x * x, v * v * v
        u = draws.unit(for_u, d.dtype)
        out[active] = cube
        bound = square * number(0.5) + d[active] * (number(1) - cube + np.log(cube))
        again = (u >= number(1) - number(0.0331) * square * square) & (
            np.log(u) >= bound
        )
        active, words = active[again], (words[0][again], words[1][again])
    return out


def _gamma_evaluate(keys: Any, a: Any, *, log_space: bool) -> Any:
    shape, dtype = a.shape, a.dtype
    a = np.ascontiguousarray(a).reshape(-1)
    words = _key_per_element(keys, a.size)
    one = np.ones((), dtype)
    large = a >= one
    d = np.where(large, a, a + one) - np.asarray(1 / 3, dtype)
    c = np.asarray(1 / 3, dtype) / np.sqrt(d)
    words, for_boost = draws.split(words, 2)
    v = _accepted(words, d, c)
    u = draws.unit(for_boost, dtype)
    if log_space:
        log_u = np.log1p(-u)
        boost = np.where(large | (log_u == 0), dtype.type(0), log_u * (one / a))
        return (np.log(d) + np.log(v) + boost).reshape(shape)
    boost = np.where(large, one, (one - u) ** (one / a))
    return (d * v * boost).astype(dtype, copy=False).reshape(shape)


def _key_per_element(keys: Any, size: int) -> Any:
    """Keys split so that each of `size` elements has its own, in row-major order."""
    count = size // keys.size if keys.size else 0
    new = _native.threefry_split(*words_of(keys), count).reshape(-1, 2)
    return new[:, 0], new[:, 1]


def _gamma_lower(build: Any, keys: Any, a: Any, *, log_space: bool) -> Any:
    """Each element has a key of its own, and keeps the first candidate accepted."""
    m = build.m
    variate = m.log_gamma_variate if log_space else m.gamma_variate
    own = lambda _, key, counter, a: variate(m.key_at(key, counter), a)
    return Draw(build, keys, a).each(own)


# --- the derivative ------------------------------------------------------------------


def _log_slope(a: Any, log_x: Any) -> Any:
    """d log(x) / da. Below the dtype's epsilon, P(a, x) = x**a / Gamma(a + 1), which
    makes it (digamma(a + 1) - log(x)) / a, also where x underflows."""
    x = exp_p(log_x)
    dtype = a.dtype
    eps = wrap(np.asarray(float(ml_dtypes.finfo(dtype).eps), dtype))
    small = lt_p(x, eps)
    safe = select(small, broadcast_to(eps, aval_of(x).shape), x)
    limit = (digamma_p(a + 1) - log_x) / a
    return select(small, limit, random_gamma_grad_p(a, safe) / safe)


def _gamma_jvp(primals: Any, tangents: Any, y: Any, *, log_space: bool) -> Any:
    a_dot = tangents[1]
    if a_dot is None:
        return None
    a = primals[1]
    slope = _log_slope(a, y) if log_space else random_gamma_grad_p(a, y)
    return a_dot * slope


random_gamma_p = Primitive(
    "random_gamma",
    "Gamma variates of the given shape parameters (their logarithms: log_space).",
    abstract=lambda keys, a, *, log_space: (
        sampler_shape("random_gamma", keys, a),
        a.dtype,
    ),
    jvp=_gamma_jvp,
    transpose=Missing("not linear"),
    evaluate=_gamma_evaluate,
    lower=_gamma_lower,
    weak=WEAK_NEVER,
)
random_gamma_p.batch = sampler_batch(random_gamma_p)

__all__ = ["random_gamma_p", "sampler_batch", "sampler_shape"]
