"""Loops of whole programs: simulation, optimization and sampling, compiled as one call."""

import functools

import numpy

from benchmarks.budgets import LOOPS
from benchmarks.compiled import generator, normals
from benchmarks.compiled import program as declare
from benchmarks.native import c_function

GROUP = "loops"
program = functools.partial(declare, target=LOOPS)
LOOSE = {"f32": 2e-3, "f64": 1e-8}


def leaves(lib, c):
    """The gradient of a scan whose carry is a dictionary of 60 scalars."""
    np = lib.numpy

    def loss(c):
        def step(c, _):
            total = sum(c.values())
            return {k: v + 0.01 * np.sin(v - total / 60) for k, v in c.items()}, None

        return sum(v**2 for v in lib.lax.scan(step, c, None, length=614)[0].values())

    return lib.grad(loss)({f"c{k:02}": c[k] for k in range(60)})


program(
    GROUP,
    "leaves_grad",
    "gradient of a scan of 60 scalars, 614 steps, numbers",
    leaves,
    normals(1),
    "60 f32",
    others={"c": c_function("leaves_grad", lambda n: [()] * 60)},
    small=60,
    rtol=LOOSE,
)


def rotation(lib, m):
    """A 3 x 3 carry multiplied by a nearly orthogonal matrix."""
    np = lib.numpy
    turn = np.array([[1.0, -1e-3, 0], [1e-3, 1, -1e-3], [0, 1e-3, 1]], m.dtype)
    step = lambda _, m: (m @ turn) * 0.999999
    return lib.lax.fori_loop(0, 20000, step, m)


program(
    GROUP,
    "matrix",
    "20,000 products of a 3 x 3 carry, rows",
    rotation,
    lambda size: (normals(1, 3, 3)(size)[0],),
    "3 f32, 3 f64",
    others={"c": c_function("matrix", lambda n: [(3, 3)])},
    small=3,
    rtol=LOOSE,
)


def scalars(lib, x):
    """Three scalars, until a count ends a while loop."""
    np = lib.numpy

    def step(state):
        a, b, n = state
        return 0.5 * a + np.cos(b), b + 1e-4 * a, n + 1

    return lib.lax.while_loop(lambda s: s[2] < 100000, step, (x[0], x[1], 0))[:2]


program(
    GROUP,
    "scalars",
    "while_loop of three scalars, 100,000 steps, numbers",
    scalars,
    normals(1),
    "2 f32, 2 f64",
    others={"c": c_function("scalars", lambda n: [(), ()])},
    small=2,
    rtol=LOOSE,
)


def lorenz(lib, y):
    """Runge-Kutta steps of Lorenz's system by scan, every state kept."""
    np = lib.numpy

    def slope(s):
        x, y, z = s[0], s[1], s[2]
        return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    def step(y, _):
        a = slope(y)
        b = slope(y + 0.0005 * a)
        c = slope(y + 0.0005 * b)
        d = slope(y + 0.001 * c)
        y = y + 0.001 / 6 * (a + 2 * b + 2 * c + d)
        return y, y

    return lib.lax.scan(step, y, None, length=2000)[1]


program(
    GROUP,
    "lorenz",
    "Lorenz's system, 2,000 Runge-Kutta steps by scan, numbers",
    lorenz,
    lambda size: (numpy.array([1.0, 2.0, 20.0]),),
    "3 f32, 3 f64",
    others={"c": c_function("lorenz", lambda n: [(2000, 3)])},
    small=3,
    rtol=LOOSE,
)


def recurrent(lib, w, u, x):
    """The gradient of a plain recurrent network."""
    np = lib.numpy

    def loss(w, u):
        step = lambda h, x: (np.tanh(h @ w + x @ u), None)
        start = np.zeros((x.shape[1], 32), x.dtype)
        return np.mean(lib.lax.scan(step, start, x)[0] ** 2)

    return lib.grad(loss, (0, 1))(w, u)


def flushed(lib):
    """Chainrule's program with denormal numbers taken for zeros, as JAX always does."""
    call = lib.jit(functools.partial(recurrent, lib))

    def run(*arrays):
        lib.set_flush_denormals(True)
        try:
            return call(*arrays)
        finally:
            lib.set_flush_denormals(False)

    return run


def recurrent_in_c(steps):
    """The same in C, which keeps denormals too."""
    return c_function(
        f"plain_{steps}",
        lambda n: [(32, 32), (32, 32)],
        "recurrent.c",
        lambda arrays: arrays[2].shape[1],
    )


# With 200 steps the cotangents fall below the normal numbers, which JAX flushes to zero.
for steps, note, others in (
    (50, "", {"c": recurrent_in_c(50)}),
    (200, "", {"c": recurrent_in_c(200)}),
    (200, ", denormals flushed", {"chainrule": flushed}),
):
    program(
        GROUP,
        f"rnn_grad_{steps}{'_flushed' if note else ''}",
        f"gradient of a recurrent network of 32, {steps} steps{note}, batch n",
        recurrent,
        lambda size, steps=steps: (
            normals(1, 32, 32)(size)[0] / 6,
            normals(1, 32, 32)(size)[0] / 6,
            *normals(1, steps, lambda n: n, 32)(size),
        ),
        "16 f32",
        others=others,
        small=16,
        rtol=LOOSE,
    )


def adam(lib, params, x, y):
    """Adam on a small network, inside a fori_loop."""
    np = lib.numpy

    def loss(params):
        w, b, v, c = params
        return np.mean((np.tanh(x @ w + b) @ v + c - y) ** 2)

    def step(k, state):
        params, first, second = state
        t = k + 1.0
        grads = lib.grad(loss)(params)
        first = tuple(0.9 * m + 0.1 * g for m, g in zip(first, grads))
        second = tuple(0.999 * m + 0.001 * g * g for m, g in zip(second, grads))
        rate = 1e-2 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        moved = tuple(
            p - rate * m / (np.sqrt(s) + 1e-8) for p, m, s in zip(params, first, second)
        )
        return moved, first, second

    zeros = tuple(np.zeros_like(p) for p in params)
    return lib.lax.fori_loop(0, 200, step, (tuple(params), zeros, zeros))[0]


program(
    GROUP,
    "adam",
    "200 Adam steps on a network of 16, in fori_loop, batch n",
    adam,
    lambda size: (
        (
            normals(1, 4, 16)(size)[0],
            numpy.zeros(16),
            normals(1, 16, 1)(size)[0],
            numpy.zeros(1),
        ),
        *normals(1, lambda n: n, 4)(size),
        *normals(1, lambda n: n, 1)(size),
    ),
    "32 f32",
    small=32,
    rtol={"f32": 2e-2, "f64": 1e-6},
)


def hamiltonian(lib, q, noise, uniforms):
    """Hamiltonian Monte Carlo: 500 samples of a correlated normal, 10 leapfrog steps."""
    np = lib.numpy

    def energy(q):
        return 0.5 * np.sum(q**2) + 0.25 * np.sum((q[1:] - q[:-1]) ** 2)

    force = lib.grad(energy)

    def leap(_, state):
        q, p = state
        p = p - 0.05 * force(q)
        q = q + 0.1 * p
        return q, p - 0.05 * force(q)

    def sample(q, drawn):
        p, u = drawn
        after, end = lib.lax.fori_loop(0, 10, leap, (q, p))
        change = energy(after) + 0.5 * np.sum(end**2) - energy(q) - 0.5 * np.sum(p**2)
        q = np.where(np.log(u) < -change, after, q)
        return q, q[0]

    return np.mean(lib.lax.scan(sample, q, (noise, uniforms))[1])


program(
    GROUP,
    "hmc",
    "Hamiltonian Monte Carlo, 500 samples of 10 leapfrog steps, dimensions",
    hamiltonian,
    lambda size: (
        *normals(1)(size),
        *normals(1, 500, lambda n: n)(size),
        generator(7).uniform(0.01, 1, 500),
    ),
    "8 f64",
    others={"c": c_function("hmc", lambda n: [()])},
    small=8,
    rtol=LOOSE,
)


def means(lib, x, centers):
    """Twenty rounds of k-means."""
    np = lib.numpy

    def step(_, centers):
        away = np.sum(x**2, 1)[:, None] - 2 * x @ centers.T + np.sum(centers**2, 1)
        mine = np.argmin(away, 1)[:, None] == np.arange(centers.shape[0])
        mine = mine.astype(x.dtype)
        return mine.T @ x / np.maximum(np.sum(mine, 0), 1)[:, None]

    return lib.lax.fori_loop(0, 20, step, centers)


program(
    GROUP,
    "means",
    "k-means, 20 rounds, 8 centers in 4 dimensions, n points",
    means,
    lambda size: (*normals(1, lambda n: n, 4)(size), normals(1, 8, 4)(size)[0] * 2),
    "4K f64",
    others={"c": c_function("means", lambda n: [(8, 4)])},
    rtol=LOOSE,
)


def plate(lib, u):
    """The explicit heat equation on a plate, 50 steps."""
    np = lib.numpy

    def step(_, u):
        p = np.pad(u, 1)
        around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
        return u + 0.2 * (around - 4 * u)

    return lib.lax.fori_loop(0, 50, step, u)


program(
    GROUP,
    "plate",
    "heat equation on n x n points, 50 steps by fori_loop",
    plate,
    normals(1, lambda n: n, lambda n: n),
    "32 f32, 512 f32",
    others={"c": c_function("plate", lambda n: [(n, n)])},
    small=32,
    rtol=LOOSE,
)


def pendulum(y, t, constants):
    """Slopes of two coupled oscillators; a formula of numbers, not of arrays."""
    a, b, v, w = y
    k, friction = constants[0], constants[1]
    return v, w, -k * a + b * a - friction * v, -k * b + a * a - friction * w


def solved(lib, start, constants):
    """Two oscillators by adaptive steps, at 20 times."""
    times = lib.numpy.linspace(0, 10, 20, dtype=start.dtype)
    state = tuple(start[k] for k in range(4))
    options = {"rtol": 1e-6, "atol": 1e-6}
    return lib.experimental.ode.odeint(pendulum, state, times, constants, **options)


def solved_gradient(lib, start, constants):
    """The gradient of a misfit by start and constants, by the adjoint equation."""
    misfit = lambda *given: sum((y**2).sum() for y in solved(lib, *given))
    return lib.grad(misfit, (0, 1))(start, constants)


for name, function in (("odeint", solved), ("odeint_grad", solved_gradient)):
    program(
        GROUP,
        name,
        f"{name.replace('_grad', ', gradient by the adjoint')}: coupled oscillators",
        function,
        lambda size: (0.2 * normals(1)(size)[0], numpy.array([1.5, 0.1])),
        "4 f64",
        small=4,
        rtol={"f64": 1e-3},
    )


def wave(lib, x):
    """Schroedinger's equation on a ring, explicit steps that keep the norm."""
    np = lib.numpy

    def step(_, psi):
        bent = np.roll(psi, 1) - 2 * psi + np.roll(psi, -1)
        moved = psi + 0.1j * bent
        return moved / np.sqrt(np.sum(np.abs(moved) ** 2))

    return np.abs(lib.lax.fori_loop(0, 100, step, np.exp(1j * x - x * x)))


program(
    GROUP,
    "wave",
    "Schroedinger's equation, 100 steps by fori_loop, n complex numbers",
    wave,
    normals(1),
    "64 f32, 4K f64",
    rtol={"f32": 1e-3, "f64": 1e-8},
)
program(
    GROUP,
    "empty",
    "a step of an empty fori_loop, of 100,000 steps, numbers",
    lambda lib, x: lib.lax.fori_loop(0, 100000, lambda i, c: c + 1.0, x[0]),
    normals(1),
    "2 f32, 2 f64",
    others={"c": c_function("empty", lambda n: [()])},
    per=100000,
    small=2,
)
