"""Loops inside of programs: short and long ones, of scalars, rows, matrices, images."""

from benchmarks.shapes import Family, constant, gradient, normal, uniform

family = Family("loops")
LOOSE = 1e-3


def recurrent(lib, w, x):
    """The states of a network, step by step."""

    def step(h, x):
        h = lib.numpy.tanh(h @ w + x)
        return h, h

    return lib.lax.scan(step, lib.numpy.zeros(x.shape[1:]), x)[1]


for steps, batch, width in ((50, 16, 64), (10, 256, 100), (50, 3, 7)):
    shapes = normal(width, width, scale=0.5 * width**-0.5), normal(steps, batch, width)
    family.program("recurrent network", recurrent, *shapes, rtol=LOOSE)
    family.program(
        "gradient of a recurrent network", gradient(recurrent), *shapes, rtol=LOOSE
    )


def lstm(lib, w, u, x):
    np, width = lib.numpy, u.shape[0]

    def step(state, x):
        h, c = state
        i, f, o, g = np.split(x @ w + h @ u, 4, axis=-1)
        c = lib.nn.sigmoid(f) * c + lib.nn.sigmoid(i) * np.tanh(g)
        h = lib.nn.sigmoid(o) * np.tanh(c)
        return (h, c), h

    start = np.zeros((x.shape[1], width))
    return lib.lax.scan(step, (start, start), x)[1]


LSTM = normal(32, 256, scale=0.1), normal(64, 256, scale=0.1), normal(30, 32, 32)
family.program("LSTM", lstm, *LSTM)
family.program("gradients of LSTM", gradient(lstm, 0, 1), *LSTM, rtol=LOOSE)


def repeated(count, body):
    """`count` rounds of `body(np, i, state, *constants)`."""

    def run(lib, state, *constants):
        step = lambda i, state: body(lib.numpy, i, state, *constants)
        return lib.lax.fori_loop(0, count, step, state)

    return run


def heat(np, i, u):
    around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
    return u.at[1:-1, 1:-1].add(0.1 * (around - 4 * u[1:-1, 1:-1]))


def coupled(np, i, c):
    return c + 0.01 * np.sin(np.roll(c, 1) - c)


family.program(
    "10000 steps of a scalar",
    repeated(10_000, lambda np, i, c: 0.999 * c + np.sin(c)),
    constant(0.3),
)
family.program(
    "1000 steps of oscillators", repeated(1000, coupled), normal(100), rtol=LOOSE
)
family.program(
    "1000 steps of oscillators", repeated(1000, coupled), normal(7), rtol=LOOSE
)
family.program(
    "100 products",
    repeated(100, lambda np, i, c, w: np.tanh(c @ w)),
    normal(100, 100),
    normal(100, 100, scale=0.1),
    rtol=LOOSE,
)
for shape in ((128, 128), (30, 1000)):
    family.program("100 steps of heat", repeated(100, heat), normal(*shape), rtol=LOOSE)
family.program(
    "1000 entries from the ones before",
    repeated(1000, lambda np, i, a: a.at[i].set(0.5 * a[i - 1] + 1)),
    normal(1000),
)
family.program(
    "sum of 1000 rows by number",
    repeated(1000, lambda np, i, c, x: c + x[i]),
    normal(7),
    normal(1000, 7),
    rtol=LOOSE,
)


def sum_of_windows(lib, x):
    add = lambda i, total: total + lib.lax.dynamic_slice(x, (i,), (10,))
    return lib.lax.fori_loop(0, 1000, add, lib.numpy.zeros(10))


def lorenz(lib, state):
    np = lib.numpy

    def step(s, _):
        slope = [
            10 * (s[1] - s[0]),
            s[0] * (28 - s[2]) - s[1],
            s[0] * s[1] - 8 / 3 * s[2],
        ]
        s = s + 0.001 * np.stack(slope)
        return s, s

    return lib.lax.scan(step, state, None, length=1000)[1]


def root_of_two(lib, x):
    unfinished = lambda c: lib.numpy.abs(c * c - 2) > 1e-5
    return lib.lax.while_loop(unfinished, lambda c: c - (c * c - 2) / (2 * c), x)


def growth(lib, x):
    """How often each number grows by a tenth before it is beyond 10."""
    grow = lambda state: (state[0] * 1.1, state[1] + 1)
    count = lambda x: lib.lax.while_loop(lambda state: state[0] < 10, grow, (x, 0))[1]
    return lib.vmap(count)(x)


def running_products(lib, x):
    return lib.lax.associative_scan(lambda a, b: a @ b if a.ndim > 2 else a * b, x)


family.program("sum of 1000 windows of 10", sum_of_windows, normal(2000), rtol=LOOSE)
family.program("Lorenz's system, 1000 steps", lorenz, normal(3), rtol=LOOSE)
family.program("Newton's root of 2", root_of_two, constant(1.0))
family.program(
    "batched while loop", growth, uniform(1000, low=0.1, high=2.0), rtol=0.02
)
family.program(
    "map of rows",
    lambda lib, x: lib.lax.map(lambda row: lib.numpy.sum(lib.numpy.sin(row)), x),
    normal(1000, 100),
    rtol=LOOSE,
)
family.program(
    "associative scan",
    running_products,
    uniform(100_000, low=0.99, high=1.01),
    rtol=LOOSE,
)
family.program(
    "associative scan of products", running_products, normal(256, 4, 4, scale=0.5)
)
family.program(
    "branch",
    lambda lib, x: lib.lax.cond(x[0] > 0, lib.numpy.sin, lambda x: 2 * x, x),
    uniform(1000),
)
