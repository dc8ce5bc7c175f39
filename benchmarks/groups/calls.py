"""Latency of compiled calls: small programs, warm, and arguments of many leaves."""

from benchmarks.budgets import NEVER_SLOWER, AtMost
from benchmarks.compiled import generator, program
from benchmarks.inputs import FOUR, function, mlp_parameters, normal, to_array
from benchmarks.rows import CallRow
from benchmarks.units import us

GROUP = "latency"


def row(name, title, *budgets, rtol=1e-4):
    return CallRow(GROUP, name, title, budgets=(*budgets, NEVER_SLOWER), rtol=rtol)


scalars = row("scalars", "jitted a * b + c of Python numbers")
many = row("many", "jitted sum of 8 arguments, 4 elements")
tree = row("tree", "jitted function of a dict of 30 arrays, doubled")
kinds = row("keywords", "jitted function with keywords and a static argument")
mlp = row("mlp", "jitted gradient of an MLP, 5 layers of 16, batch 1", AtMost(us(5)))
nested = row("nested", "jitted function that calls ten jitted functions")
both = row("vmap", "jitted vmap of grad of log, 4 elements")
matrices = row("hessian", "jitted hessian of Rosenbrock's function, 4 numbers")


@scalars.implement("chainrule", "jax")
def make_scalars(lib):
    f = lib.jit(lambda a, b, c: a * b + c)
    return lambda: f(1.5, 2.5, 3.5)


@scalars.implement("numba")
def make_scalars_numba(numba):
    f = numba.njit(lambda a, b, c: a * b + c)
    return lambda: f(1.5, 2.5, 3.5)


@many.implement("chainrule", "jax")
def make_many(lib):
    xs = [to_array(lib, FOUR) for _ in range(8)]
    f = lib.jit(lambda a, b, c, d, e, f, g, h: a + b + c + d + e + f + g + h)
    return lambda: f(*xs)


@tree.implement("chainrule", "jax")
def make_tree(lib):
    leaves = {f"layer{i:02}": to_array(lib, FOUR + i) for i in range(30)}
    f = lib.jit(lambda leaves: lib.tree.map(lambda x: x * 2, leaves))
    return lambda: f(leaves)


@kinds.implement("chainrule", "jax")
def make_keywords(lib):
    x, y = to_array(lib, FOUR), to_array(lib, FOUR[::-1])
    f = lib.jit(
        lambda x, *, y, mode: x + y if mode == "sum" else x - y,
        static_argnames="mode",
    )
    return lambda: f(x, y=y, mode="sum")


@mlp.implement("chainrule", "jax")
def make_mlp(lib):
    tanh, mean = function(lib, "tanh"), function(lib, "mean")
    parameters = [
        (to_array(lib, w), to_array(lib, b)) for w, b in mlp_parameters(5, 16)
    ]
    x, y = to_array(lib, normal((1, 16), 101)), to_array(lib, normal((1, 16), 102))

    def loss(parameters, x, y):
        for w, b in parameters:
            x = tanh(x @ w + b)
        return mean((x - y) ** 2)

    gradient = lib.jit(lib.grad(loss))
    return lambda: gradient(parameters, x, y)


@nested.implement("chainrule", "jax")
def make_nested(lib):
    sin, x = function(lib, "sin"), to_array(lib, FOUR)
    inner = lib.jit(lambda x, k: sin(x) * k)

    @lib.jit
    def f(x):
        for k in range(10):
            x = inner(x, 0.9 + 0.01 * k)
        return x

    return lambda: f(x)


@both.implement("chainrule", "jax")
def make_both(lib):
    x = to_array(lib, FOUR)
    f = lib.jit(lib.vmap(lib.grad(function(lib, "log"))))
    return lambda: f(x)


@matrices.implement("chainrule", "jax")
def make_hessian(lib):
    sum, x = function(lib, "sum"), to_array(lib, FOUR)

    def rosenbrock(x):
        return sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    hessian = lib.jit(lib.hessian(rosenbrock))
    return lambda: hessian(x)


def kalman(lib, mean, covariance, seen):
    """Update of a Kalman filter of four states, two of them seen."""
    np = lib.numpy
    step = np.eye(4, dtype=mean.dtype) + 0.1 * np.eye(4, k=2, dtype=mean.dtype)
    look = np.eye(2, 4, dtype=mean.dtype)
    mean, covariance = step @ mean, step @ covariance @ step.T + 0.01 * np.eye(4)
    spread = look @ covariance @ look.T + 0.1 * np.eye(2)
    gain = np.linalg.solve(spread, look @ covariance).T
    mean = mean + gain @ (seen - look @ mean)
    return mean.astype(seen.dtype), (covariance - gain @ look @ covariance).astype(
        seen.dtype
    )


program(
    GROUP,
    "kalman",
    "update of a Kalman filter, state",
    kalman,
    lambda size: (
        generator(41).standard_normal(4),
        generator(42).uniform(size=4) * [[1.0], [0], [0], [0]]
        + [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        generator(43).standard_normal(2),
    ),
    "4 f32, 4 f64",
    peers=("numpy",),
    rtol={"f32": 1e-4, "f64": 1e-10},
)
