"""Scans, sorts, gathers and scatters of odd shapes, and what is made of them."""

from functools import partial

from benchmarks.shapes import Family, ascending, gradient, integers, normal, uniform

family = Family("indexing")

MANY = 1_000_000
MATRICES = ((3, 1_000_000), (1_000_000, 3), (1000, 4000), (37, 53))
SORTED = ((3, 100_000), (100_000, 7))


def running_sum(np, x, axis):
    return np.cumsum(x, axis=axis)


def in_order(np, x, axis=-1):
    return np.sort(x, axis=axis)


def places_in_order(np, x):
    return np.argsort(x)


for shape in MATRICES:
    for axis in (0, 1):
        title = f"cumsum, axis {axis}"
        family.kernel(title, partial(running_sum, axis=axis), normal(*shape), rtol=1e-3)
family.program(
    "cummax, axis 0", lambda lib, x: lib.lax.cummax(x, 0), normal(1_000_000, 3)
)
for shape in SORTED:
    for axis in (0, 1):
        family.kernel(
            f"sort, axis {axis}", partial(in_order, axis=axis), normal(*shape)
        )
    family.kernel("argsort, axis 1", places_in_order, normal(*shape))
    family.kernel("median, axis 0", lambda np, x: np.median(x, axis=0), normal(*shape))
family.kernel("argsort", places_in_order, normal(300_000))
family.kernel("sort", in_order, integers(MANY, MANY))
family.kernel("sort", in_order, integers(200, MANY, dtype="int8"))
family.kernel(
    "percentiles",
    lambda np, x: np.percentile(x, np.array([5.0, 50.0, 95.0])),
    normal(100_000),
)
family.kernel("unique", lambda np, i: np.unique(i, size=1000), integers(1000, 100_000))
for shape, most in (((MANY,), 10), ((1000, 1000), 5)):
    largest = lambda lib, x, most=most: lib.lax.top_k(x, most)
    family.program(f"top {most}", largest, normal(*shape))

TABLE, ROWS = normal(50_000, 64), integers(50_000, 10_000)


def rows(lib, table, i):
    return table[i]


family.program("table[i]", rows, TABLE, ROWS)
family.program("gradient of table[i]", gradient(rows), TABLE, ROWS, rtol=1e-3)
family.program("table[i]", rows, normal(1000, 3), integers(1000, 300_000))
family.program("x[i]", rows, normal(MANY), integers(MANY, MANY))
family.kernel(
    "x[:, i]", lambda np, x, i: x[:, i], normal(1000, 1000), integers(1000, 500)
)
family.kernel(
    "x[i, j]",
    lambda np, x, i, j: x[i, j],
    normal(1000, 1000),
    integers(1000, 100_000),
    integers(1000, 100_000),
)
family.kernel(
    "x.at[i].set(1)",
    lambda np, x, i: x.at[i].set(1.0),
    normal(MANY),
    integers(MANY, 100_000),
)
family.kernel(
    "x.at[i].max(y)",
    lambda np, x, i, y: x.at[i].max(y),
    normal(1000),
    integers(1000, 100_000),
    normal(100_000),
)
family.kernel(
    "x.at[i].add(y)",
    lambda np, x, i, y: x.at[i].add(y),
    normal(1000, 16),
    integers(1000, 100_000),
    normal(100_000, 16),
    rtol=1e-3,
)
family.kernel(
    "x.at[:, i].add(y)",
    lambda np, x, i, y: x.at[:, i].add(y),
    normal(500, 300),
    integers(300, 100),
    normal(500, 100),
)
family.kernel(
    "zeros.at[i].add(x)",
    lambda np, x, i: np.zeros(MANY, x.dtype).at[i].add(x),
    normal(MANY),
    integers(MANY, MANY),
)
family.kernel(
    "x.at[2:-2, 2:-2].multiply(2)",
    lambda np, x: x.at[2:-2, 2:-2].multiply(2),
    normal(1000, 1000),
)
family.kernel("bincount", lambda np, i: np.bincount(i, length=256), integers(256, MANY))
family.kernel(
    "bincount with weights",
    lambda np, i, x: np.bincount(i, weights=x, length=1000),
    integers(1000, MANY),
    normal(MANY),
    rtol=1e-3,
)
family.kernel(
    "histogram of 100",
    lambda np, x: np.histogram(x, 100)[0],
    normal(300_000),
    rtol=1e-3,
)
family.kernel(
    "digitize",
    lambda np, x, edges: np.digitize(x, edges),
    normal(300_000),
    ascending(normal(50)),
)
family.kernel(
    "searchsorted",
    lambda np, x, y: np.searchsorted(x, y),
    ascending(normal(100_000)),
    normal(100_000),
)
family.kernel(
    "interp",
    lambda np, x, a, b: np.interp(x, a, b),
    uniform(100_000),
    ascending(uniform(1000)),
    normal(1000),
    rtol=1e-3,
)
family.kernel(
    "take_along_axis, axis 1",
    lambda np, x, i: np.take_along_axis(x, i, 1),
    normal(1000, 1000),
    integers(1000, 1000, 1000),
)
family.kernel(
    "take_along_axis, axis 0",
    lambda np, x, i: np.take_along_axis(x, i, 0),
    normal(1000, 100),
    integers(1000, 500, 100),
)
family.program(
    "one_hot of 1000", lambda lib, i: lib.nn.one_hot(i, 1000), integers(1000, 1000)
)
family.kernel(
    "x[x > 0], 1000 of them",
    lambda np, x: np.nonzero(x > 0, size=1000)[0],
    normal(100_000),
)
family.program(
    "dynamic slice, * 2",
    lambda lib, x, i: 2 * lib.lax.dynamic_slice(x, (i, 3), (500, 100)),
    normal(1000, 200),
    integers(400),
)
