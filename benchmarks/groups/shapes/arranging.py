"""Arrays put in another order or beside each other: every result is moved, not computed."""

from functools import partial

from benchmarks.shapes import Family, integers, normal

family = Family("arranging")

MATRICES = (
    (3, 1_000_000),
    (1_000_000, 3),
    (1_000_000, 7),
    (37, 53),
    (1000, 4000),
    (16, 100_000),
)
BOXES = ((32, 64, 512), (3, 1000, 1000), (1000, 1000, 3))
ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 1, 0), (2, 0, 1))

for shape in (*MATRICES[:5], (4096, 4096)):
    family.kernel("x.T + 1", lambda np, x: x.T + 1, normal(*shape))
for shape in MATRICES[1:]:
    family.kernel("x[::2, ::2] * 2", lambda np, x: x[::2, ::2] * 2, normal(*shape))
for shape in MATRICES[:2]:
    family.kernel("x[::-1, ::-1] * 2", lambda np, x: x[::-1, ::-1] * 2, normal(*shape))
for shape in MATRICES[1:4]:
    family.kernel(
        "x + x[:, :1] + x[:1]", lambda np, x: x + x[:, :1] + x[:1], normal(*shape)
    )
for shape in BOXES:
    for order in ORDERS if 3 in shape else ORDERS[:3]:
        family.kernel(
            f"transpose to {order}, + 1",
            lambda np, x, order=order: np.transpose(x, order) + 1,
            normal(*shape),
        )
    family.kernel(
        "roll along axis 1, - x", lambda np, x: np.roll(x, 1, 1) - x, normal(*shape)
    )
    family.kernel("diff along axis 1", lambda np, x: np.diff(x, axis=1), normal(*shape))
for size in (100, 1000):
    family.kernel("diag", lambda np, x: np.diag(x), normal(size))
    family.kernel("diag above it, * 2", lambda np, x: np.diag(x, 1) * 2, normal(size))
family.kernel(
    "repeat * tile", lambda np, x: np.repeat(x, 7) * np.tile(x, 7), normal(1000)
)
family.kernel(
    "windows of 10", lambda np, x: x[np.arange(49_991)[:, None] + np.arange(10)],
    normal(50_000),
)  # fmt: skip
for mode in ("edge", "reflect", "wrap"):
    family.kernel(
        f"pad, {mode}", lambda np, x, mode=mode: np.pad(x, 5, mode=mode),
        normal(700, 300),
    )  # fmt: skip
family.kernel(
    "transpose to (0, 2, 3, 1), * 2",
    lambda np, x: np.transpose(x, (0, 2, 3, 1)) * 2,
    normal(8, 64, 56, 56),
)
family.kernel(
    "transpose to (0, 2, 1, 3), * 2",
    lambda np, x: np.transpose(x, (0, 2, 1, 3)) * 2,
    normal(8, 128, 12, 64),
)


def joined(np, *arrays, axis):
    return np.concatenate(arrays, axis)


def stacked(np, *arrays, axis):
    return np.stack(arrays, axis)


MANY = 1_000_000
for axis in (0, -1):
    family.kernel(
        f"stack, axis {axis}", partial(stacked, axis=axis), normal(MANY), normal(MANY)
    )
family.kernel(
    "concatenate, axis 1", partial(joined, axis=1), normal(1000, 500), normal(1000, 300)
)
family.kernel(
    "concatenate, axis 1",
    partial(joined, axis=1),
    normal(300_000, 3),
    normal(300_000, 4),
)
family.kernel(
    "concatenate, axis 0",
    partial(joined, axis=0),
    normal(333, 1000),
    normal(333, 1000),
    normal(1, 1000),
)
family.kernel(
    "10 parts, * 2", lambda np, x: [part * 2 for part in np.split(x, 10)], normal(MANY)
)
family.kernel(
    "3 parts of columns, * 2",
    lambda np, x: [part * 2 for part in np.split(x, 3, 1)],
    normal(4096, 192),
)
family.kernel("every number 3 times", lambda np, x: np.repeat(x, 3), normal(MANY))
family.kernel(
    "padded by edges", lambda np, x: np.pad(x, 1, mode="edge"), normal(1000, 1000)
)
family.kernel("lower triangle", lambda np, x: np.tril(x), normal(2000, 2000))
family.kernel("kron", lambda np, x, y: np.kron(x, y), normal(40, 40), normal(40, 40))
family.kernel(
    "patches of 4 x 4",
    lambda np, x: np.transpose(x.reshape(8, 32, 4, 32, 4, 3), (0, 1, 3, 2, 4, 5)) * 2,
    normal(8, 128, 128, 3),
)
family.kernel("x.T + 1", lambda np, x: x.T + 1, integers(100, 2000, 1000, dtype="int8"))
