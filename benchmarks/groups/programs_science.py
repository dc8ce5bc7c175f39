"""Programs of science, whole: one step or one evaluation of each, and some gradients.

Gaussian process, n-body, k-means, stencils of partial differential equations, an
ordinary differential equation, a regression's Newton step. NumPy runs the same text where
it needs no derivative; Numba has its own loops, as its users write them.
"""

import math

import numpy

from benchmarks.compiled import generator, normals, program

GROUP = "science"
LOOSE = {"f32": 2e-3, "f64": 1e-8}


def process_inputs(size):
    draw = generator(31)
    x = draw.uniform(-2, 2, (size, 3))
    y = numpy.sin(x).sum(1) + 0.1 * draw.standard_normal(size)
    return numpy.array([0.1, -0.2, -1.0]), x, y


def likelihood(lib, theta, x, y):
    """Negative log marginal likelihood of a Gaussian process, squared exponential."""
    np = lib.numpy
    scale, length, noise = np.exp(theta[0]), np.exp(theta[1]), np.exp(theta[2])
    squared = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=-1)
    k = scale * np.exp(-0.5 * squared / length**2)
    factor = np.linalg.cholesky(k + noise * np.eye(x.shape[0], dtype=x.dtype))
    z = lib.scipy.linalg.solve_triangular(factor, y, lower=True)
    return 0.5 * z @ z + np.sum(np.log(np.diagonal(factor)))


program(
    GROUP,
    "process",
    "Gaussian process, likelihood of n points and its gradient",
    lambda lib, theta, x, y: lib.value_and_grad(
        lambda theta: likelihood(lib, theta, x, y)
    )(theta),
    process_inputs,
    "32 f32, 256 f32, 256 f64",
    rtol=LOOSE,
    small=32,
)


def bodies(size):
    draw = generator(32)
    return (
        draw.standard_normal((size, 3)),
        0.1 * draw.standard_normal((size, 3)),
        draw.uniform(0.5, 1.5, size),
    )


def nbody(lib, x, v, mass):
    """A leapfrog step under gravity, softened."""
    np = lib.numpy

    def acceleration(x):
        apart = x[None, :, :] - x[:, None, :]
        squared = np.sum(apart**2, axis=-1) + 1e-2
        return np.sum(apart * (mass / (squared * np.sqrt(squared)))[:, :, None], axis=1)

    v = v + 0.005 * acceleration(x)
    x = x + 0.01 * v
    return x, v + 0.005 * acceleration(x)


def numba_nbody(numba):
    @numba.njit(parallel=True)
    def kick(x, v, mass):
        n = x.shape[0]
        after = numpy.empty_like(v)
        for i in numba.prange(n):
            a0 = a1 = a2 = 0.0
            for j in range(n):
                d0, d1, d2 = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
                squared = d0 * d0 + d1 * d1 + d2 * d2 + 1e-2
                pull = mass[j] / (squared * math.sqrt(squared))
                a0, a1, a2 = a0 + d0 * pull, a1 + d1 * pull, a2 + d2 * pull
            after[i, 0] = v[i, 0] + 0.005 * a0
            after[i, 1] = v[i, 1] + 0.005 * a1
            after[i, 2] = v[i, 2] + 0.005 * a2
        return after

    @numba.njit
    def step(x, v, mass):
        v = kick(x, v, mass)
        x = x + x.dtype.type(0.01) * v
        return x, kick(x, v, mass)

    return step


program(
    GROUP,
    "nbody",
    "n-body, a leapfrog step",
    nbody,
    bodies,
    "16 f64, 256 f32, 1K f32, 1K f64",
    peers=("numpy",),
    others={"numba": numba_nbody},
    small=256,
)


def energy_gradient(lib, x, v, mass):
    """Forces as the gradient of the potential."""
    np = lib.numpy

    def potential(x):
        apart = x[None, :, :] - x[:, None, :]
        squared = np.sum(apart**2, axis=-1) + 1e-2
        return -0.5 * np.sum(mass[:, None] * mass / np.sqrt(squared))

    return lib.grad(potential)(x)


program(
    GROUP,
    "nbody_grad",
    "n-body, gradient of the potential",
    energy_gradient,
    bodies,
    "16 f64, 512 f32",
    small=64,
    rtol={"f32": 1e-3, "f64": 1e-9},
)

CENTRES, COORDINATES = 16, 8


def clusters(size):
    draw = generator(33)
    centres = 4 * draw.standard_normal((CENTRES, COORDINATES))
    labels = draw.integers(0, CENTRES, size)
    points = centres[labels] + draw.standard_normal((size, COORDINATES))
    return points, centres + 0.1


def kmeans(lib, points, centres):
    """One iteration of Lloyd: nearest centres, and their means."""
    np = lib.numpy
    squared = np.sum(centres**2, axis=1) - 2 * points @ centres.T
    nearest = np.argmin(squared, axis=1)
    member = (nearest[:, None] == np.arange(CENTRES)).astype(points.dtype)
    return member.T @ points / np.maximum(np.sum(member, axis=0), 1)[:, None]


def numba_kmeans(numba):
    @numba.njit
    def run(points, centres):
        sums, counts = numpy.zeros_like(centres), numpy.zeros(len(centres))
        for i in range(len(points)):
            best, nearest = math.inf, 0
            for j in range(len(centres)):
                squared = 0.0
                for c in range(points.shape[1]):
                    squared += (points[i, c] - centres[j, c]) ** 2
                if squared < best:
                    best, nearest = squared, j
            counts[nearest] += 1
            for c in range(points.shape[1]):
                sums[nearest, c] += points[i, c]
        for j in range(len(centres)):
            for c in range(points.shape[1]):
                sums[j, c] /= max(counts[j], 1)
        return sums

    return run


program(
    GROUP,
    "kmeans",
    "k-means, an iteration, n points, 16 centres",
    kmeans,
    clusters,
    "256 f32, 64K f32, 64K f64",
    peers=("numpy",),
    others={"numba": numba_kmeans},
    rtol={"f32": 1e-3, "f64": 1e-9},
    small=256,
)

STEPS = 4


def heat(lib, u):
    """Steps of the heat equation on a square with periodic edges."""
    np = lib.numpy
    for _ in range(STEPS):
        around = sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in (0, 1))
        u = u + 0.1 * (around - 4 * u)
    return u


def numba_heat(numba):
    @numba.njit(parallel=True)
    def step(u):
        n, v = u.shape[0], numpy.empty_like(u)
        for i in numba.prange(n):
            up, down = u[i - 1], u[(i + 1) % n]
            for j in range(n):
                around = up[j] + down[j] + u[i, j - 1] + u[i, (j + 1) % n]
                v[i, j] = u[i, j] + 0.1 * (around - 4 * u[i, j])
        return v

    @numba.njit
    def run(u):
        for _ in range(STEPS):
            u = step(u)
        return u

    return run


square = lambda n: n
program(
    GROUP,
    "heat",
    f"heat equation, {STEPS} steps, n x n",
    heat,
    normals(1, square, square),
    "64 f32, 1K f32, 1K f64, 2K f32",
    peers=("numpy",),
    others={"numba": numba_heat},
    small=64,
)


def wave(lib, u, before):
    """A step of the wave equation in three dimensions, fixed edges."""
    np, c = lib.numpy, slice(1, -1)
    inner = u[c, c, c]
    around = u[2:, c, c] + u[:-2, c, c] + u[c, 2:, c] + u[c, :-2, c]
    around = around + u[c, c, 2:] + u[c, c, :-2]
    after = 2 * inner - before[c, c, c] + 0.1 * (around - 6 * inner)
    return np.pad(after, 1)


program(
    GROUP,
    "wave",
    "wave equation, a step, n x n x n",
    wave,
    normals(2, square, square, square),
    "16 f32, 128 f32, 128 f64",
    peers=("numpy",),
    bound="copy",
    small=16,
)


def shallow_gradient(lib, u, target):
    """Gradient of a misfit through steps of Burgers' equation."""
    np = lib.numpy

    def misfit(u):
        for _ in range(8):
            flux = 0.5 * u * u
            u = u - 0.1 * (flux - np.roll(flux, 1)) + 0.01 * (np.roll(u, -1) - u)
        return np.sum((u - target) ** 2)

    return lib.grad(misfit)(u)


program(
    GROUP,
    "burgers_grad",
    "Burgers' equation, gradient through 8 steps, n points",
    shallow_gradient,
    lambda size: tuple(0.1 * values for values in normals(2)(size)),
    "1K f32, 256K f32, 256K f64",
    rtol={"f32": 1e-3, "f64": 1e-9},
)


def runge_kutta(lib, y, rates):
    """Steps of fourth order of Lotka and Volterra's equations, n systems."""
    np = lib.numpy

    def slope(y):
        prey, hunters = y[:, 0], y[:, 1]
        met = prey * hunters
        grown = rates[:, 0] * prey - rates[:, 1] * met
        return np.stack([grown, rates[:, 1] * met - rates[:, 0] * hunters], axis=1)

    h = 0.01
    for _ in range(4):
        a = slope(y)
        b = slope(y + 0.5 * h * a)
        c = slope(y + 0.5 * h * b)
        y = y + h / 6 * (a + 2 * b + 2 * c + slope(y + h * c))
    return y


program(
    GROUP,
    "runge_kutta",
    "Lotka-Volterra, 4 Runge-Kutta steps, n systems",
    runge_kutta,
    lambda size: (
        generator(35).uniform(0.5, 2, (size, 2)),
        generator(36).uniform(0.5, 1.5, (size, 2)),
    ),
    "64 f64, 64K f32, 64K f64",
    peers=("numpy",),
    small=64,
)


def newton_inputs(size):
    draw = generator(37)
    x = draw.standard_normal((size, 16))
    return numpy.zeros(16), x, (x[:, 0] + draw.standard_normal(size) > 0) * 1.0


def newton(lib, w, x, y):
    """A Newton step of logistic regression, by its Hessian."""
    np = lib.numpy

    def loss(w):
        z = x @ w
        return np.mean(np.logaddexp(0.0, z) - y * z) + 0.01 * w @ w

    return w - np.linalg.solve(lib.hessian(loss)(w), lib.grad(loss)(w))


program(
    GROUP,
    "newton",
    "logistic regression, a Newton step, n rows of 16",
    newton,
    newton_inputs,
    "64 f32, 16K f32, 16K f64",
    rtol=LOOSE,
    small=64,
)


def life(lib, cells):
    """A generation of Conway's game of life."""
    np = lib.numpy
    rows = cells + np.roll(cells, 1, 0) + np.roll(cells, -1, 0)
    near = rows + np.roll(rows, 1, 1) + np.roll(rows, -1, 1) - cells
    return ((near == 3) | ((near == 2) & (cells == 1))).astype(cells.dtype)


program(
    GROUP,
    "life",
    "game of life, a generation, n x n",
    life,
    lambda n: (generator(38).integers(0, 2, (n, n)),),
    "64 f32, 2K f32",
    peers=("numpy",),
    bound="copy",
    small=64,
)


def jacobian_of_map(lib, x, w):
    """Jacobian of a small map at n points.

    Large in float64 only: in float32 JAX 0.10.2 is wrong here from 1,024 points on.
    """
    np = lib.numpy
    f = lambda x: np.tanh(w @ x) * np.sum(x**2)
    return lib.vmap(lib.jacfwd(f))(x)


program(
    GROUP,
    "jacobians",
    "Jacobians of tanh(W x) |x|^2, 6 to 6, n points",
    jacobian_of_map,
    lambda size: (*normals(1, square, 6)(size), *normals(1, 6, 6)(size)),
    "64 f32, 16K f64",
    small=64,
)
