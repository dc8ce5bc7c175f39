"""Elementwise functions: one pass over memory, or many operations on each entry.

Small sizes show what a call and its loop cost, large ones what memory gives; the
polynomial does enough arithmetic to be held against the peak of multiply-adds.
"""

import math

import numpy

from benchmarks.budgets import AtMost
from benchmarks.compiled import generator, kernel, normals, program
from benchmarks.units import ms

GROUP = "elementwise"
DEGREE = 64
CASES = "1K f32, 1M f64, 16M f32"


def numba_increment(numba):
    @numba.njit(parallel=True)
    def run(x):
        y = numpy.empty_like(x)
        for i in numba.prange(x.size):
            y[i] = x[i] + numpy.float32(1)
        return y

    return run


kernel(
    GROUP,
    "increment",
    "x + 1",
    lambda np, x: x + 1,
    normals(1),
    "1K f32, 64K f64, 1M f32, 16M f32",
    bound="copy",
    budgets={"16M f32": (AtMost(ms(5)),)},
    others={"numba": numba_increment},
    rtol={"f32": 1e-4, "f64": 1e-6},
)
kernel(
    GROUP,
    "sin",
    "sin(x)",
    lambda np, x: np.sin(x),
    normals(1),
    CASES,
    bound="copy",
    budgets={"16M f32": (AtMost(ms(5)),)},
)
kernel(
    GROUP,
    "tanh",
    "tanh(x)",
    lambda np, x: np.tanh(x),
    normals(1),
    "1K f32, 64K f64, 16M f32",
    bound="copy",
    budgets={"16M f32": (AtMost(ms(5)),)},
)
kernel(
    GROUP,
    "bell",
    "exp(-x * x) * y + 1",
    lambda np, x, y: np.exp(-x * x) * y + 1,
    normals(2),
    CASES,
    bound="copy",
    peers=("numpy", "torch"),
)


def numba_chain(numba):
    @numba.njit(parallel=True)
    def run(x, y):
        z = numpy.empty_like(x)
        for i in numba.prange(x.size):
            a = abs(x[i])
            b = math.sqrt(a + y[i] * y[i])
            z[i] = a * b / (1 + b) - min(a, y[i])
        return z

    return run


def chain(np, x, y):
    a = np.abs(x)
    b = np.sqrt(a + y * y)
    return a * b / (1 + b) - np.minimum(a, y)


kernel(
    GROUP,
    "chain",
    "eight cheap operations on x, y",
    chain,
    normals(2),
    CASES,
    bound="copy",
    others={"numba": numba_chain},
    peers=("numpy", "torch"),
)


def gelu(np, x):
    inner = 0.7978845608028654 * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + np.tanh(inner))


kernel(
    GROUP, "gelu", "gelu(x)", gelu, normals(1), "64K f32, 1M f64, 4M f32", bound="copy"
)


def adam(np, w, g, m, v):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return w - 0.001 * m / (np.sqrt(v) + 1e-6), m, v


kernel(
    GROUP,
    "adam",
    "step of Adam, three results",
    adam,
    lambda size: (*normals(3)(size), generator(9).random(size)),
    "1K f32, 1M f64, 4M f32",
    bound="copy",
)
kernel(
    GROUP,
    "select",
    "where(x > y, x, y * 0.5)",
    lambda np, x, y: np.where(x > y, x, y * 0.5),
    normals(2),
    "1K f32, 4M f32",
    bound="copy",
)


def polynomial(np, x):
    y = x
    for power in range(DEGREE):
        y = y * x + (0.5 - power / DEGREE)
    return y


kernel(
    GROUP,
    "polynomial",
    f"polynomial of degree {DEGREE + 1} by Horner",
    polynomial,
    lambda size: (generator(3).uniform(-1, 1, size),),
    "1K f32, 1M f64, 1M f32",
    bound="fma",
    flops=lambda size: 2.0 * DEGREE * size,
)


def black_scholes(lib, price, strike, years):
    np, erf = lib.numpy, lib.lax.erf
    rate, volatility = 0.02, 0.3
    root = volatility * np.sqrt(years)
    d1 = (np.log(price / strike) + (rate + 0.045) * years) / root
    cdf = lambda d: 0.5 * (1 + erf(d * 0.7071067811865476))
    return price * cdf(d1) - strike * np.exp(-rate * years) * cdf(d1 - root)


def numba_black_scholes(numba):
    @numba.njit
    def cdf(d):
        return 0.5 * (1 + math.erf(d * 0.7071067811865476))

    @numba.njit(parallel=True)
    def run(price, strike, years):
        call = numpy.empty_like(price)
        for i in numba.prange(price.size):
            root = 0.3 * math.sqrt(years[i])
            d1 = (math.log(price[i] / strike[i]) + 0.065 * years[i]) / root
            later = strike[i] * math.exp(-0.02 * years[i])
            call[i] = price[i] * cdf(d1) - later * cdf(d1 - root)
        return call

    return run


kernel(
    GROUP,
    "waves",
    "complex: |exp(i x) y + i x|",
    lambda np, x, y: np.abs(np.exp(1j * x) * y + 1j * x),
    normals(2),
    "1K f32, 1M f32, 1M f64",
    rtol={"f32": 1e-4, "f64": 1e-10},
)
program(
    GROUP,
    "black_scholes",
    "Black-Scholes price of calls",
    black_scholes,
    lambda size: tuple(
        generator(seed).uniform(*bounds, size)
        for seed, bounds in enumerate([(50, 150), (50, 150), (0.1, 2)])
    ),
    "1K f32, 1M f32, 1M f64",
    others={"numba": numba_black_scholes},
)


def hashed(np, x):
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> shift)) * np.uint32(factor)
    return x ^ (x >> 16)


kernel(
    GROUP,
    "hash",
    "hash of 32-bit integers",
    hashed,
    lambda size: (generator(5).integers(0, 1 << 32, size, numpy.uint32),),
    "1K f32, 4M f32",
    bound="copy",
    peers=("numpy",),
)
kernel(
    GROUP,
    "outer_sum",
    "sqrt(x[:, None]**2 + y**2), n x n",
    lambda np, x, y: np.sqrt(x[:, None] ** 2 + y**2),
    normals(2),
    "64 f32, 2K f64, 4K f32",
    bound="copy",
)
kernel(
    GROUP,
    "transposed",
    "x + y.T, n x n",
    lambda np, x, y: x + y.T,
    normals(2, lambda n: n, lambda n: n),
    "64 f32, 1K f64, 4K f32",
    bound="copy",
)
kernel(
    GROUP,
    "scaled_bf16",
    "bfloat16(x * 2) in float32 again",
    lambda np, x: (x * 2).astype(np.bfloat16).astype(np.float32),
    normals(1),
    "1K f32, 4M f32",
    bound="copy",
    peers=(),
)


def special(text, function, *bounds):
    """A row of a function of scipy.special, of numbers between bounds."""
    program(
        GROUP,
        text.split("(")[0],
        text,
        lambda lib, *xs: function(lib.scipy.special, *xs),
        lambda size: tuple(
            generator(k).uniform(*b, size) for k, b in enumerate(bounds)
        ),
        "1K f32, 1M f32",
    )


SHAPE = (0.1, 10)
special("gammainc(a, x)", lambda of, a, x: of.gammainc(a, x), SHAPE, SHAPE)
special("betainc(a, b, x)", lambda of, *xs: of.betainc(*xs), SHAPE, SHAPE, (0, 1))
special("polygamma(2, x)", lambda of, x: of.polygamma(2, x), SHAPE)
special("expi(x)", lambda of, x: of.expi(x), SHAPE)
