"""Loops inside compiled programs: scan, while and fori loops, and their gradients.

Bodies are small, so that a row shows what an iteration costs beyond its arithmetic.
"""

import functools
import math

import numpy

from benchmarks.budgets import LOOPS
from benchmarks.compiled import generator, normals
from benchmarks.compiled import program as declare
from benchmarks.native import c_function

GROUP = "loops"
program = functools.partial(declare, target=LOOPS)
STEPS = 100
LOOSE = {"f32": 1e-3, "f64": 1e-9}


def recurrence(lib, x):
    """An exponential moving average by scan."""

    def step(state, x):
        state = 0.9 * state + 0.1 * x
        return state, state

    return lib.lax.scan(step, 0.0 * x[0], x)[1]


def numba_recurrence(numba):
    @numba.njit
    def run(x):
        y, state = numpy.empty_like(x), 0.0
        for i in range(len(x)):
            state = 0.9 * state + 0.1 * x[i]
            y[i] = state
        return y

    return run


program(
    GROUP,
    "average",
    "moving average by scan",
    recurrence,
    normals(1),
    "1K f32, 64K f32, 64K f64",
    others={"numba": numba_recurrence, "c": c_function("average", lambda n: [(n,)])},
    rtol=LOOSE,
)
program(
    GROUP,
    "average_grad",
    "gradient of a moving average by scan",
    lambda lib, x: lib.grad(lambda x: lib.numpy.sum(recurrence(lib, x) ** 2))(x),
    normals(1),
    "1K f32, 64K f32",
    others={"c": c_function("average_grad", lambda n: [(n,)])},
    rtol=LOOSE,
)


def square_root(lib, x):
    """Newton's square root by a while loop until all have converged."""
    np = lib.numpy

    def unfinished(state):
        y, count = state
        return (np.max(np.abs(y * y - x)) > 1e-3) & (count < 50)

    step = lambda state: (0.5 * (state[0] + x / state[0]), state[1] + 1)
    return lib.lax.while_loop(unfinished, step, (x, 0))


program(
    GROUP,
    "newton",
    "Newton's square roots by a while loop, n numbers",
    square_root,
    lambda size: (generator(51).uniform(1, 4, size),),
    "4 f32, 1K f32, 64K f64",
    others={"c": c_function("newton", lambda n: [(n,), ()])},
)


def collatz(lib, n):
    """The steps of Collatz's sequences, each to its end."""
    np = lib.numpy

    def steps(n):
        advance = lambda s: (np.where(s[0] % 2, 3 * s[0] + 1, s[0] // 2), s[1] + 1)
        return lib.lax.while_loop(lambda s: s[0] > 1, advance, (n, 0))[1]

    return lib.vmap(steps)(n)


def numba_collatz(numba):
    @numba.njit
    def run(n):
        counts = numpy.empty_like(n)
        for i in range(len(n)):
            m, steps = n[i], 0
            while m > 1:
                m, steps = 3 * m + 1 if m % 2 else m // 2, steps + 1
            counts[i] = steps
        return counts

    return run


program(
    GROUP,
    "collatz",
    "Collatz's sequences by a batched while loop, n numbers",
    collatz,
    lambda size: (numpy.arange(1, size + 1),),
    "64 f32, 4K f32",
    others={"numba": numba_collatz},
)


def heat(lib, u):
    """Many steps of the heat equation by fori_loop."""
    np = lib.numpy

    def step(_, u):
        return u + 0.25 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))

    return lib.lax.fori_loop(0, STEPS, step, u)


program(
    GROUP,
    "heat",
    f"heat equation, {STEPS} steps by fori_loop, n points",
    heat,
    normals(1),
    "64 f32, 1K f64, 64K f32",
    others={"c": c_function("heat", lambda n: [(n,)])},
    rtol=LOOSE,
)


def oscillator(lib, y):
    """A thousand Runge-Kutta steps of a pendulum, two numbers, by fori_loop."""
    np = lib.numpy
    slope = lambda y: np.stack([y[1], -np.sin(y[0])])

    def step(_, y):
        a = slope(y)
        b = slope(y + 0.005 * a)
        c = slope(y + 0.005 * b)
        return y + 0.01 / 6 * (a + 2 * b + 2 * c + slope(y + 0.01 * c))

    return lib.lax.fori_loop(0, 1000, step, y)


def numba_oscillator(numba):
    @numba.njit
    def run(y):
        p, v = y[0], y[1]
        for _ in range(1000):
            a0, a1 = v, -math.sin(p)
            b0, b1 = v + 0.005 * a1, -math.sin(p + 0.005 * a0)
            c0, c1 = v + 0.005 * b1, -math.sin(p + 0.005 * b0)
            d0, d1 = v + 0.01 * c1, -math.sin(p + 0.01 * c0)
            p = p + 0.01 / 6 * (a0 + 2 * b0 + 2 * c0 + d0)
            v = v + 0.01 / 6 * (a1 + 2 * b1 + 2 * c1 + d1)
        return numpy.array([p, v])

    return run


program(
    GROUP,
    "pendulum",
    "pendulum, 1000 Runge-Kutta steps, numbers",
    oscillator,
    normals(1),
    "2 f32, 2 f64",
    others={"numba": numba_oscillator, "c": c_function("pendulum", lambda n: [(2,)])},
    rtol=LOOSE,
)


def lstm(lib, w, b, x):
    """The gradient of a gated recurrent network by scan."""
    np = lib.numpy
    sigmoid = lambda t: 0.5 + 0.5 * np.tanh(0.5 * t)

    def loss(w, b):
        def step(carry, x):
            state, cell = carry
            gates = np.concatenate([x, state], axis=1) @ w + b
            keep, enter, leave, new = np.split(gates, 4, axis=1)
            cell = sigmoid(keep) * cell + sigmoid(enter) * np.tanh(new)
            state = sigmoid(leave) * np.tanh(cell)
            return (state, cell), None

        start = np.zeros((x.shape[1], 32), x.dtype)
        (state, _), _ = lib.lax.scan(step, (start, start), x)
        return np.mean(state**2)

    return lib.grad(loss, (0, 1))(w, b)


program(
    GROUP,
    "lstm_grad",
    "gradient of an LSTM of 32 by scan, 50 steps, batch n",
    lstm,
    lambda size: (
        normals(1, 64, 128)(size)[0] / 8,
        *normals(1, 128)(size),
        *normals(1, 50, lambda n: n, 32)(size),
    ),
    "4 f32, 64 f32",
    others={
        "c": c_function(
            "gated",
            lambda n: [(64, 128), (128,)],
            "recurrent.c",
            lambda arrays: arrays[2].shape[1],
        )
    },
    rtol={"f32": 2e-3, "f64": 1e-8},
    small=4,
)
program(
    GROUP,
    "cond",
    "cond on a sum, n numbers",
    lambda lib, x: lib.lax.cond(
        lib.numpy.sum(x) > 0, lambda x: lib.numpy.sin(x), lambda x: x * 2, x
    ),
    normals(1),
    "4 f32, 64K f32",
)
program(
    GROUP,
    "prefix",
    "associative_scan of products of 2 x 2 matrices, n of them",
    lambda lib, x: lib.lax.associative_scan(
        lambda a, b: lib.numpy.einsum("nij,njk->nik", a, b), x
    ),
    lambda size: (0.5 * normals(1, lambda n: n, 2, 2)(size)[0],),
    "64 f32, 4K f32",
    small=64,
    rtol=LOOSE,
)
