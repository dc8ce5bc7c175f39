"""Loops that change a few entries of an array: tables, counts, sorting, walks, sieves."""

from benchmarks.shapes import Family, gradient, integers, normal

family = Family("entries")
LOOSE = 1e-3


def filled(lib, x):
    step = lambda i, a: a.at[i].set(lib.numpy.sin(a[i - 1]) + a[i])
    return lib.lax.fori_loop(1, x.shape[0], step, x)


def distances(lib, costs):
    """The costs of the cheapest ways through a field, by dynamic programming."""
    np, (n, m) = lib.numpy, costs.shape

    def cell(i, j, t):
        near = np.minimum(t[i - 1, j], t[i, j - 1]) + 1
        return t.at[i, j].set(np.minimum(near, t[i - 1, j - 1] + costs[i, j]))

    row = lambda i, t: lib.lax.fori_loop(1, m, lambda j, t: cell(i, j, t), t)
    return lib.lax.fori_loop(1, n, row, np.zeros_like(costs))


def bubbles(lib, x):
    np, n = lib.numpy, x.shape[0]

    def swap(j, a):
        low, high = np.minimum(a[j], a[j + 1]), np.maximum(a[j], a[j + 1])
        return a.at[j].set(low).at[j + 1].set(high)

    inner = lambda k, a: lib.lax.fori_loop(0, n - 1, swap, a)
    return lib.lax.fori_loop(0, n, inner, x)


def sieve(lib, x):
    lax, n = lib.lax, x.shape[0]

    def cross(i, s):
        body = lambda c: (c[0] + i, c[1].at[c[0]].set(0))
        return lax.while_loop(lambda c: c[0] < n, body, (i * i, s))[1]

    keep = lambda i, s: lax.cond(s[i] > 0, lambda s: cross(i, s), lambda s: s, s)
    return lax.fori_loop(2, 100, keep, lib.numpy.ones_like(x))


def counts(lib, x):
    add = lambda i, c: c.at[x[i]].add(1)
    return lib.lax.fori_loop(0, x.shape[0], add, lib.numpy.zeros(256, int))


def walk(lib, x, places):
    """A walk that leaves a trace."""

    def step(state, i):
        a, s = state
        return (a.at[i].add(0.1 * s), 0.5 * s + a[i]), s

    return lib.lax.scan(step, (x, x[0]), places)


def conditional(lib, x):
    def step(i, a):
        up = lambda a: a.at[i].set(a[i - 1])
        return lib.lax.cond(a[i] > 0, up, lambda a: a.at[i - 1].add(1.0), a)

    return lib.lax.fori_loop(1, x.shape[0], step, x)


def states(lib, x):
    """Every state of a system, kept row by row."""
    np = lib.numpy

    def step(i, c):
        rows, x = c
        x = x + 0.01 * np.sin(np.roll(x, 1))
        return rows.at[i].set(x), x

    return lib.lax.fori_loop(0, 1000, step, (np.zeros((1000, x.shape[0])), x))


def substituted(lib, matrix, b):
    """Forward substitution, row by row."""

    def step(i, x):
        rest = b[i] - lib.numpy.dot(matrix[i], x)
        return x.at[i].set(rest / (3 + lib.numpy.abs(matrix[i, i])))

    return lib.lax.fori_loop(0, b.shape[0], step, lib.numpy.zeros_like(b))


def delayed(lib, x):
    """An echo: a ring of the last 441 values."""

    def step(state, v):
        ring, i = state
        y = v + 0.5 * ring[i]
        return (ring.at[i].set(y), (i + 1) % 441), y

    return lib.lax.scan(step, (lib.numpy.zeros(441), 0), x)[1]


def looked_up(lib, table, places):
    """A recurrence whose weights a step looks up."""
    step = lambda s, i: (lib.numpy.sin(s * table[i]), s)
    return lib.lax.scan(step, table[0], places)[1]


places = integers(1000, 5000)
family.program("each from the one before", filled, normal(1000), rtol=LOOSE)
family.program(
    "gradient of each from the one before",
    gradient(filled),
    normal(1000),
    rtol=LOOSE,
)
family.program("cheapest ways", distances, normal(100, 100), rtol=LOOSE)
family.program(
    "gradient of cheapest ways", gradient(distances), normal(30, 30), rtol=LOOSE
)
family.program("sorted by bubbles", bubbles, normal(200))
family.program("primes by a sieve", sieve, normal(10_000))
family.program("counts", counts, integers(256, 10_000))
family.program("walk", walk, normal(1000), places, rtol=LOOSE)
family.program("conditional changes", conditional, normal(2000), rtol=LOOSE)
family.program("states, 1000 steps", states, normal(3), rtol=LOOSE)
family.program(
    "forward substitution", substituted, normal(200, 200), normal(200), rtol=LOOSE
)
family.program("echo", delayed, normal(44_100), rtol=LOOSE)
family.program(
    "gradient of weights looked up",
    gradient(looked_up),
    normal(1000, scale=0.5),
    places,
    rtol=LOOSE,
)
