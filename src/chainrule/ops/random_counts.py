"""Counts: the Poisson and binomial distributions.

Small means count uniform or geometric numbers until their product or sum passes a bound
(Knuth; Devroye, chapter 10). Large means use transformed rejection (Hörmann, "The
transformed rejection method for generating Poisson random variables", 1993, algorithm
PTRS; "The generation of binomial random variates", 1993, algorithm BTRS).

Each key draws for all of its elements in each round, and rounds go on until all of them
are accepted; an element keeps the last value accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes
from ..core.primitive import WEAK_NEVER, Missing, Primitive
from . import random_draws as draws
from .random_bits import no_tangent, words_of
from .random_gamma import sampler_batch, sampler_shape
from .random_rounds import Draw

LANCZOS = (
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012,
    9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip
"""The coefficients of Lanczos's sum of lgamma, with g = 7."""


def _lgamma_single(x: Any) -> Any:
    """log Gamma(x) of float32 x >= 1 by Lanczos's sum with g = 7, in single precision.

    For means in the thousands and above, what is accepted depends on how this rounds.
    """
    single = np.float32
    z = x - single(1)
    total = np.full_like(z, single(LANCZOS[0]))
    for i, c in enumerate(LANCZOS[1:], 1):
        total = total + single(c) / (z + single(i))
    t = z + single(7.5)
    scaled = (z * single(1 / 7.5)).astype(np.float64)
    log_t = single(math.log(7.5)) + np.log1p(scaled).astype(single)
    scale = z + single(0.5) - t / log_t
    start = single(0.5 * math.log(2 * math.pi))
    log_total = np.log(total.astype(np.float64)).astype(single)
    return draws.fma(scale, log_t, start) + log_total


def _rows(keys: Any, *parameters: Any) -> tuple[Any, list[Any]]:
    """Words of the keys as vectors, parameters as matrices with a row per key."""
    words = tuple(w.reshape(-1) for w in words_of(keys))
    count = max(keys.size, 1)
    return words, [np.ascontiguousarray(p).reshape(count, -1) for p in parameters]


def _until_accepted(
    words: Any, shape: Any, dtype: Any, limit: int, propose: Callable[..., Any]
) -> Any:
    """Rounds of `propose(u, v, rows) -> (values, accepted)`, until a row has all."""
    out, done = np.full(shape, -1, dtype), np.zeros(shape, bool)
    rows = np.arange(shape[0]) if math.prod(shape) else np.arange(0)
    for _ in range(limit):
        if not rows.size:
            break
        words, for_u, for_v = draws.split(words, 3)
        u = draws.units(for_u, dtype, shape[1]) - dtype.type(0.5)
        v = draws.units(for_v, dtype, shape[1])
        values, accepted = propose(u, v, rows)
        out[rows] = np.where(accepted, values, out[rows])
        done[rows] |= accepted
        open_rows = ~done[rows].all(1)
        rows = rows[open_rows]
        words = words[0][open_rows], words[1][open_rows]
    return out


# --- Poisson -------------------------------------------------------------------------


def _poisson_products(words: Any, mean: Any, limit: int) -> Any:
    """How many uniform numbers it takes for their product to fall to exp(-mean)."""
    count = np.zeros(mean.shape, np.int64)
    log_product = np.zeros_like(mean)
    for _ in range(limit):
        going = log_product > -mean
        if not going.any():
            break
        words, drawn = draws.split(words, 2)
        count += going
        log_product += np.log(draws.units(drawn, mean.dtype, mean.shape[1]))
    return count - 1


def _poisson_rejection(words: Any, mean: Any, limit: int) -> Any:
    number = mean.dtype.type
    log_mean = np.log(mean.astype(np.float64)).astype(mean.dtype)
    b = draws.fma(number(2.53), np.sqrt(mean), number(0.931))
    a = draws.fma(number(0.02483), b, number(-0.059))
    inverse_alpha = number(1.1239) + number(1.1328) / (b - number(3.4))
    v_r = number(0.9277) - number(3.6224) / (b - number(2))

    def propose(u: Any, v: Any, rows: Any) -> Any:
        a_, b_, m = a[rows], b[rows], mean[rows]
        tail = number(0.5) - np.abs(u)
        slope = number(2) * a_ / tail + b_
        k = np.floor(draws.fma(slope, u, m) + number(0.43))
        s = np.log(v * inverse_alpha[rows] / (a_ / (tail * tail) + b_))
        t = draws.fma(k, log_mean[rows], -m) - _lgamma_single(k + number(1))
        inside = (tail >= number(0.07)) & (v <= v_r[rows])
        outside = (k < 0) | ((tail < number(0.013)) & (v > tail))
        return k, inside | (~outside & (s <= t))

    return _until_accepted(words, mean.shape, mean.dtype, limit, propose)


def _saturated(x: Any, dtype: Any) -> Any:
    """`x` as integers: NaN becomes 0, what is too large the largest."""
    info = np.iinfo(dtype)
    wide = np.nan_to_num(x.astype(np.float64), nan=0.0)
    below = np.nextafter(float(info.max), 0) if float(info.max) > info.max else info.max
    clipped = np.clip(wide, float(info.min), float(below)).astype(dtype)
    return np.where(wide >= info.max, dtype.type(info.max), clipped)


def _poisson_evaluate(keys: Any, mean: Any, *, dtype: Any) -> Any:
    words, (rows,) = _rows(keys, mean)
    limit = int(np.iinfo(dtype).max)
    small = np.isnan(rows) | (rows < 10)
    number = rows.dtype.type
    few = _poisson_products(words, np.where(small, rows, number(0)), limit)
    many = _poisson_rejection(words, np.where(small, number(1e5), rows), limit)
    found = np.where(small, few.astype(dtype), _saturated(many, dtype))
    return np.where(rows == 0, dtype.type(0), found).reshape(mean.shape)


def _poisson_tried(m: Any, mean: Any) -> Any:
    """Whether rejection draws the number, and the mean with which it draws."""
    small = mean.ne(mean) | (mean < 10)
    return ~small, [m.select(small, 1e5, mean)]


def _poisson_lower(build: Any, keys: Any, mean: Any, *, dtype: Any) -> Any:
    m, out = build.m, build.type_of(dtype)
    build.require(mean.type in ("f32", "f64"), f"means of {mean.aval.dtype}")

    def finish(many: Any, key: Any, counter: Any, mean: Any) -> Any:
        large, _ = _poisson_tried(m, mean)
        few = m.poisson_by_products(key, counter, m.select(large, 0, mean))
        found = m.select(large, m.convert(many, out), m.convert(few, out))
        return m.select(mean.eq(0), 0, found)

    draw = Draw(build, keys, mean)
    return draw.kept(m.poisson_rejection, _poisson_tried, finish)


def _poisson_abstract(keys: Any, mean: Any, *, dtype: Any) -> Any:
    if not dtypes.is_integer(dtype):
        raise TypeError(f"random_poisson: the dtype must be an integer; got {dtype}.")
    return sampler_shape("random_poisson", keys, mean), dtype


random_poisson_p = Primitive(
    "random_poisson",
    "Poisson variates of the given means.",
    abstract=_poisson_abstract,
    jvp=no_tangent,
    transpose=Missing("not linear"),
    evaluate=_poisson_evaluate,
    lower=_poisson_lower,
    weak=WEAK_NEVER,
)
random_poisson_p.batch = sampler_batch(random_poisson_p)


# --- binomial ------------------------------------------------------------------------


def _binomial_sums(words: Any, count: Any, p: Any) -> Any:
    """How many geometric numbers it takes for their sum to pass the count."""
    log_q = np.log1p(-p)
    found, total = np.zeros_like(count), np.zeros_like(count)
    while True:
        going = total <= count
        if not going.any():
            return found - found.dtype.type(1)
        drawn, words = draws.split(words, 2)
        found += going
        u = draws.units(drawn, count.dtype, count.shape[1])
        total += np.ceil(np.log(u) / log_q)


STIRLING_TAIL = [
    math.lgamma(k + 1)
    - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))
    for k in range(10)
]
"""log(k!) beyond Stirling's formula, for k < 10."""


def _stirling_tail(k: Any) -> Any:
    """log(k!) beyond Stirling's formula; from 10 on the value there, which cancels
    from the acceptance ratio to within its rounding."""
    dtype = k.dtype
    at = np.minimum(np.maximum(k, dtype.type(0)), dtype.type(9))  # clip widens bfloat16
    square = (at + dtype.type(1)) * (at + dtype.type(1))
    number = dtype.type
    series = number(1 / 12) - (number(1 / 360) - number(1 / 1260) / square) / square
    place = np.where(at >= 0, at, number(0)).astype(int)  # of NaN any
    table = np.asarray(STIRLING_TAIL, dtype)[place]
    return np.where(k <= 9, table, series / (at + number(1)))


def _binomial_rejection(words: Any, n: Any, p: Any) -> Any:
    number = n.dtype.type
    spread = np.sqrt(n * p * (number(1) - p))
    b = draws.fma(number(2.53), spread, number(1.15))
    a = draws.fma(number(0.0248), b, number(-0.0873)) + number(0.01) * p
    c = draws.fma(n, p, np.full((), 0.5, n.dtype))
    v_r = number(0.92) - number(4.2) / b
    r = p / (number(1) - p)
    alpha = (number(2.83) + number(5.1) / b) * spread
    m = np.floor((n + number(1)) * p)
    one, half = number(1), number(0.5)

    def propose(u: Any, v: Any, rows: Any) -> Any:
        n_, a_, b_, m_, r_ = n[rows], a[rows], b[rows], m[rows], r[rows]
        tail = half - np.abs(u)
        k = np.floor(draws.fma(number(2) * a_ / tail + b_, u, c[rows]))
        outside = (k < 0) | (k > n_)
        s = np.log(v * alpha[rows] / (a_ / (tail * tail) + b_))
        t = (m_ + half) * np.log((m_ + one) / (r_ * (n_ - m_ + one)))
        t = t + (n_ + one) * np.log((n_ - m_ + one) / (n_ - k + one))
        t = t + (k + half) * np.log(r_ * (n_ - k + one) / (k + one))
        t = t + _stirling_tail(m_) + _stirling_tail(n_ - m_)
        t = t - _stirling_tail(k) - _stirling_tail(n_ - k)
        inside = (tail >= number(0.07)) & (v <= v_r[rows])
        return k, inside | (~outside & (s <= t))

    return _until_accepted(words, n.shape, n.dtype, 2**62, propose)


def _binomial_evaluate(keys: Any, n: Any, p: Any) -> Any:
    shape = n.shape
    words, (n, p) = _rows(keys, n, p)
    number = n.dtype.type
    rare = p < number(0.5)
    q = np.where(rare, p, number(1) - p)
    bad_n, bad_q, endless = np.isnan(n) | (n < 0), np.isnan(q) | (q < 0), np.isinf(n)
    no_q = np.isnan(q)
    q = np.abs(np.where(bad_q, number(0.01), q))  # of -0 the sums would not end
    small = bad_n | (n * q <= number(10))
    n = np.floor(n)
    few = _binomial_sums(words, np.where(small, n, number(0)), q)
    calm = small | (endless & (q == 0))
    many = _binomial_rejection(
        words, np.where(calm, number(1e4), n), np.where(calm, number(0.5), q)
    )
    found = np.where(small, few, many)
    found = np.where(bad_q | bad_n, number(np.nan), found)
    found = np.where(endless & ~(bad_q | bad_n), number(np.inf), found)
    found = np.where(rare | bad_n | no_q | endless, found, n - found)
    return found.astype(n.dtype, copy=False).reshape(shape)


def _binomial_cases(m: Any, n: Any, p: Any) -> Any:
    """(bad, small, n, q) as in evaluation: whether there is no such distribution, whether
    sums draw the number, the trials, and the smaller of the probabilities."""
    q = m.select(p < 0.5, p, 1 - p)
    bad_q, bad_n = q.ne(q) | (q < 0), n.ne(n) | (n < 0)
    hundredth = 0.01 if q.type == "f64" else float(np.float32(0.01))
    q = m.unary("abs", m.select(bad_q, hundredth, q))
    return bad_q | bad_n, bad_n | (n * q <= 10), m.unary("floor", n), q


def _binomial_tried(m: Any, n: Any, p: Any) -> Any:
    """Whether rejection draws the number, and with what it draws."""
    _, small, n, q = _binomial_cases(m, n, p)
    calm = small | (n.eq(float("inf")) & q.eq(0))
    return ~calm, [m.select(calm, 1e4, n), m.select(calm, 0.5, q)]


def _binomial_lower(build: Any, keys: Any, n: Any, p: Any) -> Any:
    m = build.m

    def finish(many: Any, key: Any, counter: Any, n: Any, p: Any) -> Any:
        bad, small, trials, q = _binomial_cases(m, n, p)
        few = m.binomial_by_sums(key, counter, m.select(small, trials, 0), q)
        found = m.select(small, few, many)
        found = m.select(bad, float("nan"), found)
        endless = n.eq(float("inf")) | n.eq(-float("inf"))
        found = m.select(endless & ~bad, float("inf"), found)
        as_drawn = (p < 0.5) | n.ne(n) | (n < 0) | p.ne(p) | endless
        return m.select(as_drawn, found, trials - found)

    draw = Draw(build, keys, n, p)
    return draw.kept(m.binomial_rejection, _binomial_tried, finish)


random_binomial_p = Primitive(
    "random_binomial",
    "Binomial variates of the given numbers of trials and probabilities, as floats.",
    abstract=lambda keys, n, p: (
        sampler_shape("random_binomial", keys, n, p),
        n.dtype,
    ),
    jvp=no_tangent,
    transpose=Missing("not linear"),
    evaluate=_binomial_evaluate,
    lower=_binomial_lower,
    weak=WEAK_NEVER,
)
random_binomial_p.batch = sampler_batch(random_binomial_p)

__all__ = ["random_binomial_p", "random_poisson_p"]
